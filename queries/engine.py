"""The bounded executor: a SPARQL text in, an answer or a typed error out, whatever the text is.

Oxigraph cannot be interrupted and bounds neither time nor memory, so each query runs in a worker process that can be
ended (`queries.worker`). The parent holds no store, parses no answer it was not asked to, and keeps long ones in files.

    with QueryEngine(build / "store") as engine:
        answer = engine.run("SELECT …", "text/csv")
        table = engine.table("SELECT …")
        answer = await engine.arun("SELECT …")
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Final, TypedDict, Unpack

import pyoxigraph as ox

from graph import sealing
from graph.errors import BadInput, Busy, QueryRefused, QuerySyntaxError, QueryTooLarge, StoreError
from graph.user_graphs import PREFIX as USER_GRAPHS
from graph.user_graphs import STORE as USER_STORE
from graph.words import both as told
from ontology.terms import PREFIXES
from queries import steps
from queries.answers import Answer, Spool
from queries.formats import Format, formats_of, kind_of
from queries.limits import Limits
from queries.looking import Looker
from queries.pool import Full, Turn, Turns, asking_for
from queries.process import Gone, Kind, NotUnderstood, Worker
from queries.sparql_text import NotAtOnce, QueryText, engine_syntax_error, inspect
from queries.steps import Call, Come, Steps
from queries.tables import Table, table_from_json
from queries.words import both

# What is asked of the engine is found here
__all__ = ["Answer", "How", "Limits", "QueryEngine", "Watch", "check_graph"]

_NEW: Final = 1.0  # seconds of queries that a process counts for that had to be ended: another has to start
_LONG: Final = 10_000  # characters: texts up to here are remembered, with what is known of them
_A_SECOND: Final = 20_000  # characters beyond that which count as a second of queries
_AT_ONCE: Final = 1500  # steps of looking at a text in an event loop, one to two milliseconds; questions: 600


Watch = Callable[[str], AbstractContextManager[None]]
"""What is entered while a query is "waiting" for a process, and while it is "running" in one; sees how that ends."""


class How(TypedDict, total=False):
    """How a query is run.

    Graphs given here replace those that the query names (SPARQL Protocol, section 2.1.4). Where neither names any,
    the default graph is the union of all graphs but those that people put in; a triple that stands in several of them
    then matches as often. ``public`` is for texts from outside.
    """

    default_graphs: Sequence[str]
    named_graphs: Sequence[str]
    base_iri: str | None
    public: bool


class QueryEngine:
    """A pool of query processes on one store. Safe to call from many threads and from an event loop.

    ``store`` may be set to another folder at any time: queries that run go on to their end on the old one, every
    later query is answered from the new one. There are two lanes, with as many places each: texts from outside
    (``public``) never take the place of our own questions. Workers have no network, where the system can take it away,
    but those for a query with a SERVICE that is allowed.
    """

    def __init__(
        self,
        store: Path,
        *,
        workers: int = 2,
        limits: Limits | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Raises StoreError when there is no store at ``store``, or a damaged one. Workers are started when first needed."""
        if not (store / "CURRENT").is_file():
            en, zh = told("damage", "no-store", path=store)
            raise StoreError(en, zh=zh)
        sealing.trust_store(store)
        self.store = store
        self.limits = limits or Limits()
        self._watch = watch or (lambda state: nullcontext())
        self._public, self._own = (
            Turns(workers, self.limits.long, self.limits.waiting) for _ in ("public", "own")
        )
        self._most_idle = workers + 1
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._spool = Spool(self.limits.spool_mb << 20)
        self._closed = False
        # One for each engine, not a decorator: a cached method would keep every engine alive
        self._inspected = lru_cache(maxsize=1024)(self._inspect)
        self._aside = ThreadPoolExecutor(1, "zhengmai-queries")
        self._looker = Looker(self.limits)
        self._ending: set[asyncio.Task[None]] = set()  # queries that nobody waits for

    def run(self, text: str | QueryText, media_type: str | None = None, **how: Unpack[How]) -> Answer:
        """Run one query, and block until its answer is there.

        ``text`` may be what `check` made of one; ``media_type`` is one of `queries.formats`, of the kind that the query's
        form has; by default JSON or Turtle.

        Raises QuerySyntaxError, QueryRefused, QueryTimeout, QueryTooLarge, Busy, StoreError, BadInput for a graph
        name that is no IRI; ValueError for a media type that is of the other kind.
        """
        return steps.run(self._run(text, media_type, **how))

    def start_ahead(self) -> None:
        """Have a process of each lane start, which takes it 0.1 s: for whoever is about to ask the first query."""
        for public in (True, False):
            self._start(Kind(False, public))

    async def arun(self, text: str | QueryText, media_type: str | None = None, **how: Unpack[How]) -> Answer:
        """The same in an event loop. When the caller is cancelled, the query is ended, unless it is over in a moment."""
        return await steps.arun(self._run(text, media_type, **how))

    def table(self, text: str | QueryText, **how: Unpack[How]) -> Table:
        """Run a SELECT and read its answer into rows of cells. Raises as `run` does, ValueError for other forms."""
        query = self.check(text) if isinstance(text, str) else text
        if query.form != "SELECT":
            raise ValueError("a table comes from SELECT only")
        answer = self.run(query, **how)
        try:
            if answer.size > self.limits.table_mb << 20:
                en, zh = both("limits", "size", limit=self.limits.table_mb)
                raise QueryTooLarge(en, zh=zh, limit=self.limits.table_mb)
            return table_from_json(answer.body)
        finally:
            answer.close()

    def check(self, text: str) -> QueryText:
        """Inspect a text without running it. Raises QuerySyntaxError or QueryRefused."""
        if len(text) > self.limits.characters:
            en, zh = both("refused", "length", found=len(text), limit=self.limits.characters)
            raise QueryRefused(en, zh=zh, limit=self.limits.characters, unit="characters")
        return self._inspected(text) if len(text) <= _LONG else self._inspect(text)

    async def acheck(self, text: str) -> QueryText:
        """The same in an event loop: what takes long is looked at elsewhere (`queries.looking`). Raises Busy and QueryTimeout too."""
        if len(text) > self.limits.characters:
            return self.check(text)  # refuses it
        if len(text) <= _LONG:
            with suppress(NotAtOnce):
                return self._inspected(text, _AT_ONCE)
        if (client := asking_for.get()) is not None:
            client.characters += len(text)
        return await steps.arun(self._looker.inspect(text))

    def kind(self) -> str:
        """What kind of store answers."""
        return "embedded"

    def full(self) -> bool:
        """Whether a text from outside would be refused now with Busy: to be asked before anything is done about it."""
        return self._public.full()

    def busy(self) -> Busy:
        """The error that says so."""
        en, zh = both("limits", "busy", limit=self._own.size)
        return Busy(en, zh=zh, limit=self._own.size, unit="queries")

    def close(self) -> None:
        """End all workers, also those that have a query."""
        self._closed = True
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._looker.close()
        with self._lock:
            workers, self._idle = list(self._all), []
            self._all.clear()
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait()

    def retire(self) -> None:
        """End the workers that have no query now, and each of the others after its query."""
        with self._lock:
            self._closed = True
            workers, self._idle = self._idle, []
        self._aside.shutdown(wait=False)
        self._looker.retire()
        for worker in workers:
            self._drop(worker)

    def processes(self) -> list[int]:
        """The process ids of all that it started."""
        with self._lock:
            workers = [worker.pid for worker in self._all]
        return workers + self._looker.processes()

    def __enter__(self) -> QueryEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _inspect(self, text: str, at_once: int | None = None) -> QueryText:
        return inspect(
            text,
            at_once=at_once,
            nesting=self.limits.nesting,
            known_prefixes=PREFIXES,
            service_hosts=self.limits.service_hosts,
        )

    def _asked_for(
        self, text: str | QueryText, media_type: str | None, graphs: Sequence[str]
    ) -> tuple[QueryText, Format]:
        """The query, inspected, and the format of its answer. Raises as `run` does."""
        query = self.check(text) if isinstance(text, str) else text
        choices = formats_of(kind_of(query.form))
        wanted = next((one for one in choices if media_type in (None, *one.media_types)), None)
        if wanted is None:
            raise ValueError(f"{query.form} has no answer in {media_type}")
        for iri in graphs:
            check_graph(iri)
        return query, wanted

    def _run(
        self,
        text: str | QueryText,
        media_type: str | None,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        base_iri: str | None = None,
        public: bool = False,
    ) -> Steps[Answer]:
        query, wanted = self._asked_for(text, media_type, (*default_graphs, *named_graphs))
        try:
            return (yield from self._answer(query, wanted, default_graphs, named_graphs, base_iri, public))
        except NotUnderstood as fault:
            # Not sooner: whoever waits to be told holds no place
            raise (yield from self._explained(query.text, fault.message)) from None

    def _answer(
        self,
        query: QueryText,
        wanted: Format,
        default_graphs: Sequence[str],
        named_graphs: Sequence[str],
        base_iri: str | None,
        public: bool,
    ) -> Steps[Answer]:
        """Raises as `run` does, but NotUnderstood in place of QuerySyntaxError."""
        chosen = bool(default_graphs or named_graphs)
        # Graphs that people put in are for those who name graphs, and stand in a store apart
        named = chosen or query.has_dataset or query.has_graph
        apart = public and named and (self.store.with_name(USER_STORE) / "CURRENT").is_file()
        request = {
            "query": query.text,
            "writer": wanted.writer,
            "base": base_iri,
            "union": not chosen and not query.has_dataset,
            "without": USER_GRAPHS if apart else None,
            "default_graphs": list(default_graphs) if chosen else None,
            "named_graphs": list(named_graphs) if chosen else None,
        }
        turns = self._public if public else self._own
        turn = self._take(turns, slow=public and len(query.text) > _LONG)
        worker: Worker | None = None
        began = left = 0.0
        try:
            yield from self._wait(turn)
            kind = Kind(query.calls_out, public, apart)
            while (worker := self._idle_one(kind, behind=turn.behind)) is None:
                yield Call(lambda: self._start(kind))
            began = time.perf_counter()
            try:
                with self._watch("running"):
                    try:
                        size, data = yield from worker.answer(query, request, turns, turn)
                    except Gone as gone:
                        raise gone.reason from None
            finally:
                seconds = time.perf_counter() - began
                if (client := asking_for.get()) is not None:
                    client.seconds += worker.took if worker.ready else max(seconds, _NEW)
        except asyncio.CancelledError:
            left = self.limits.short_seconds - (time.perf_counter() - began)
            raise
        finally:
            end = partial(self._end, turns, turn, worker, max(0, len(query.text) - _LONG) / _A_SECOND)
            if worker is not None and worker.at_work and left > 0:
                self._let_end(worker, left, end)
            else:
                end()
        return self._counted(Answer(wanted, seconds, size, data))

    def _let_end(self, worker: Worker, seconds: float, end: Callable[[], None]) -> None:
        """Nobody waits for the answer any more. Most queries are over sooner than another process has started."""

        async def ending() -> None:
            try:
                await steps.arun(worker.finish(seconds))
            finally:
                end()

        task = asyncio.get_running_loop().create_task(ending())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _end(self, turns: Turns, turn: Turn, worker: Worker | None, more: float) -> None:
        """Give a turn and a process back; ``more`` are the seconds that the length of the text counts."""
        seconds = None
        if worker is not None:
            # What has waited for the processor is not slow for that
            seconds = worker.took + more if worker.ready else max(time.monotonic() - turn.began, _NEW)
        turns.leave(turn, seconds)
        if worker is not None:
            self._put_back(worker)

    def _explained(self, text: str, message: str) -> Steps[QuerySyntaxError]:
        """What the engine says of a text, as a person can use it."""
        with suppress(NotAtOnce):
            return engine_syntax_error(text, message, _AT_ONCE)
        return (yield from self._looker.place(text, message))

    def _take(self, turns: Turns, *, slow: bool = False) -> Turn:
        """A turn, to be left in any case. Raises Busy."""
        try:
            return turns.take(slow=slow)
        except Full:
            raise self.busy() from None

    def _wait(self, turn: Turn) -> Steps[None]:
        """Until it has come. Raises Busy when it does not."""
        if not turn.future.done():
            with self._watch("waiting"):
                come = yield Come(turn.future, self.limits.seconds)
            if not come:
                raise self.busy()

    def _counted(self, answer: Answer) -> Answer:
        """The answer, where there is room for it. Raises Busy."""
        if self._spool.take(answer):
            return answer
        answer.close()
        en, zh = both("limits", "spool", limit=self.limits.spool_mb)
        raise Busy(en, zh=zh, limit=self.limits.spool_mb, unit="megabytes")

    def _idle_one(self, kind: Kind, *, behind: bool) -> Worker | None:
        while True:
            with self._lock:
                fitting = [one for one in reversed(self._idle) if one.kind == kind]
                fitting.sort(key=lambda one: one.lowered is not behind)
                worker = next((one for one in fitting if behind or one.raised()), None)
                if worker is None:
                    return None
                self._idle.remove(worker)
            if worker.store == self.store and worker.alive:
                if behind:
                    worker.lower()
                return worker
            self._drop(worker)

    def _start(self, kind: Kind) -> None:
        worker = Worker(self.store, self.limits, kind)
        with self._lock:
            self._all.add(worker)
            if not self._closed:
                # Where whoever wanted it finds it, or the next if that one has gone away
                self._idle.append(worker)
                return
        self._drop(worker)

    def _put_back(self, worker: Worker) -> None:
        # Not one that was ended at a limit, or left in the middle of an answer
        with self._lock:
            usable = worker.ready and not self._closed
            alike = [one.lowered for one in self._idle if one.kind == worker.kind]
            if usable and alike.count(worker.lowered) < self._most_idle:
                self._idle.append(worker)
                return
            wanted = not usable and not alike and not self._closed
        self._drop(worker)
        if wanted and not worker.kind.network:
            # Whoever comes next has done nothing to wait for another to start
            with suppress(RuntimeError):  # closed in this moment
                self._aside.submit(self._start, worker.kind)

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()


def check_graph(iri: str) -> None:
    """Raises BadInput for what cannot name a graph."""
    try:
        ox.NamedNode(iri)
    except ValueError:
        en, zh = both("questions", "iri", found=iri)
        raise BadInput(en, zh=zh) from None
