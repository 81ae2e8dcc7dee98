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
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

import pyoxigraph as ox

from graph import sealing
from graph.errors import (
    BadInput,
    Busy,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    ZhengmaiError,
)
from graph.stores import damaged
from graph.user_graphs import PREFIX as USER_GRAPHS
from graph.user_graphs import STORE as USER_STORE
from graph.words import both as told
from ontology.terms import PREFIXES
from queries import steps
from queries.formats import Format, formats_of, kind_of
from queries.pool import Full, Turn, Turns, asking_for
from queries.sparql_text import QueryText, engine_syntax_error, inspect
from queries.steps import Call, Come, Ready, Steps
from queries.tables import Table, table_from_json
from queries.words import both

_GRACE = 2.0  # seconds that the kernel's alarm may be late before the parent ends a worker itself
_NICE = 2  # as `queries.worker` has it
_LONG_NICE = (
    15  # what a long query is lowered to, so that short ones (`queries.worker`) find the processor free
)
_NEW = 1.0  # seconds of queries that a process counts for which had to be ended, as another has to be started
_PIECE = 1 << 18
_REMEMBERED = 10_000  # characters: texts up to here are inspected once


Watch = Callable[[str], AbstractContextManager[None]]
"""What is entered while a query is "waiting" for a process, and while it is "running" in one; sees how that ends."""


@dataclass(frozen=True)
class Limits:
    """What one query may use.

    ``memory_mb`` bounds the memory of a worker, without the mapped files of its store: some 130 MB before the first query, 620
    for the leads of a domain in 10,000 plans. ``waiting`` is how many queries may wait
    for a worker; each waits at most ``seconds``. A query that runs for more than ``short_seconds`` gives its place to the
    next and goes on beside it, as long as at most ``long`` do so; where they do, it is ended when a client waits that has
    no query at work (`queries.pool`). ``table_mb`` is smaller than ``result_mb`` because a
    table is read in the parent, where it takes some ten times as much, and bytes are only passed on. ``spool_mb``
    bounds the files of all answers that are on their way to clients. ``service_hosts`` (``host`` or ``host:port``) are
    those that SERVICE may call: none, unless some are given.
    """

    seconds: float = 10.0
    memory_mb: int = 1536
    result_mb: int = 64
    table_mb: int = 16
    characters: int = 100_000
    nesting: int = 100
    waiting: int = 32
    long: int = 1
    short_seconds: float = 1.0
    spool_mb: int = 1024
    service_hosts: frozenset[str] = frozenset()


class Answer:
    """An answer in the format asked for: ``size`` bytes, in memory where it is short, else in a file without a name.

    ``seconds`` is how long the worker took. `close` it, or take all `pieces`; the file goes away with it at the latest.
    """

    def __init__(self, format: Format, seconds: float, size: int, data: bytes | IO[bytes]) -> None:
        self.format = format
        self.seconds = seconds
        self.size = size
        self._data = data
        self._forget: Callable[[], object] | None = None

    def on_close(self, call: Callable[[], object]) -> None:
        """What to call when the file is let go."""
        self._forget = call

    @property
    def in_memory(self) -> bool:
        """Whether it is short."""
        return isinstance(self._data, bytes)

    @property
    def body(self) -> bytes:
        """All of it, in memory."""
        if isinstance(self._data, bytes):
            return self._data
        self._data.seek(0)
        return self._data.read()

    def pieces(self) -> Iterator[bytes]:
        """All of it, piece by piece, once."""
        try:
            if isinstance(self._data, bytes):
                yield self._data
                return
            self._data.seek(0)
            while piece := self._data.read(_PIECE):
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if not isinstance(self._data, bytes):
            self._data.close()
            if self._forget:
                self._forget()


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
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._spool = _Spool(self.limits.spool_mb << 20)
        self._closed = False
        # One for each engine, not a decorator: a cached method would keep every engine alive
        self._inspected = lru_cache(maxsize=1024)(self._inspect)
        self._aside = ThreadPoolExecutor(1, "zhengmai-queries")
        self._long_texts = 0

    def run(
        self,
        text: str | QueryText,
        media_type: str | None = None,
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        base_iri: str | None = None,
        public: bool = False,
    ) -> Answer:
        """Run one query, and block until its answer is there.

        ``media_type`` is one of `queries.formats`, of the kind that the query's form has; by default JSON or Turtle.
        Graphs given here replace those that the query names (SPARQL Protocol, section 2.1.4). Where neither names any,
        the default graph is the union of all graphs but those that people put in; a triple that stands in several of them then matches as often.

        ``public`` is for texts from outside; ``text`` may be what `check` made of one.

        Raises QuerySyntaxError, QueryRefused, QueryTimeout, QueryTooLarge, Busy, StoreError, BadInput for a graph
        name that is no IRI; ValueError for a media type that is of the other kind.
        """
        return steps.run(self._run(text, media_type, default_graphs, named_graphs, base_iri, public))

    async def arun(
        self,
        text: str | QueryText,
        media_type: str | None = None,
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        base_iri: str | None = None,
        public: bool = False,
    ) -> Answer:
        """The same in an event loop. When the caller is cancelled, the query is ended."""
        return await steps.arun(self._run(text, media_type, default_graphs, named_graphs, base_iri, public))

    def table(
        self,
        text: str,
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        public: bool = False,
    ) -> Table:
        """Run a SELECT and read its answer into rows of cells. Raises as `run` does, ValueError for other forms."""
        if self.check(text).form != "SELECT":
            raise ValueError("a table comes from SELECT only")
        answer = self.run(text, default_graphs=default_graphs, named_graphs=named_graphs, public=public)
        if answer.size > self.limits.table_mb << 20:
            answer.close()
            en, zh = both("limits", "size", limit=self.limits.table_mb)
            raise QueryTooLarge(en, zh=zh, limit=self.limits.table_mb)
        body = answer.body
        answer.close()
        return table_from_json(body)

    def check(self, text: str) -> QueryText:
        """Inspect a text without running it. Raises QuerySyntaxError or QueryRefused."""
        if len(text) > self.limits.characters:
            en, zh = both("refused", "length", found=len(text), limit=self.limits.characters)
            raise QueryRefused(en, zh=zh, limit=self.limits.characters, unit="characters")
        return self._inspected(text) if len(text) <= _REMEMBERED else self._inspect(text)

    async def acheck(self, text: str) -> QueryText:
        """The same in an event loop: a long text is looked at beside it, one at a time. Raises Busy too."""
        if len(text) <= _REMEMBERED or len(text) > self.limits.characters:
            return self.check(text)
        loop = asyncio.get_running_loop()
        if self._long_texts >= self.limits.waiting:
            raise self.busy()
        if (client := asking_for.get()) is not None:
            client.characters += len(text)
        self._long_texts += 1
        try:
            return await loop.run_in_executor(self._aside, self._inspect, text)
        finally:
            self._long_texts -= 1

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
        for worker in workers:
            self._drop(worker)

    def processes(self) -> list[int]:
        """The process ids of the workers."""
        with self._lock:
            return [worker.pid for worker in self._all]

    def __enter__(self) -> QueryEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _inspect(self, text: str) -> QueryText:
        return inspect(
            text,
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
            _check_iri(iri)
        return query, wanted

    def _run(
        self,
        text: str | QueryText,
        media_type: str | None,
        default_graphs: Sequence[str],
        named_graphs: Sequence[str],
        base_iri: str | None,
        public: bool,
    ) -> Steps[Answer]:
        query, wanted = self._asked_for(text, media_type, (*default_graphs, *named_graphs))
        chosen = bool(default_graphs or named_graphs)
        request = {
            "query": query.text,
            "writer": wanted.writer,
            "base": base_iri,
            "union": not chosen and not query.has_dataset,
            "without": USER_GRAPHS,
            "default_graphs": list(default_graphs) if chosen else None,
            "named_graphs": list(named_graphs) if chosen else None,
        }
        turns = self._public if public else self._own
        try:
            turn = turns.take()
        except Full:
            raise self.busy() from None
        worker: _Worker | None = None
        try:
            if not turn.future.done():
                with self._watch("waiting"):
                    come = yield Come(turn.future, self.limits.seconds)
                if not come:
                    raise self.busy()
            # Graphs that people put in are for those who name graphs, and stand in a store apart
            named = chosen or query.has_dataset or query.has_graph
            apart = public and named and (self.store.with_name(USER_STORE) / "CURRENT").is_file()
            kind = _Kind(query.calls_out, public, apart)
            while (worker := self._idle_one(kind)) is None:
                yield Call(lambda: self._start(kind))
            started = time.perf_counter()
            try:
                with self._watch("running"):
                    try:
                        size, data = yield from worker.answer(query, request, turns, turn)
                    except _WorkerGone as gone:
                        raise gone.reason from None
            finally:
                seconds = time.perf_counter() - started
                if (client := asking_for.get()) is not None:
                    client.seconds += seconds if worker.ready else max(seconds, _NEW)
        finally:
            turns.leave(turn, 0.0 if worker is None or worker.ready else _NEW)
            if worker is not None:
                self._put_back(worker)
        answer = Answer(wanted, seconds, size, data)
        if not self._spool.take(answer):
            answer.close()
            en, zh = both("limits", "spool", limit=self.limits.spool_mb)
            raise Busy(en, zh=zh, limit=self.limits.spool_mb, unit="megabytes")
        return answer

    def _idle_one(self, kind: _Kind) -> _Worker | None:
        while True:
            with self._lock:
                fitting = [one for one in self._idle if one.kind == kind]
                worker = fitting[-1] if fitting else None
                if worker is None:
                    return None
                self._idle.remove(worker)
            if worker.store == self.store and worker.alive:
                return worker
            self._drop(worker)

    def _start(self, kind: _Kind) -> None:
        worker = _Worker(self.store, self.limits, kind)
        with self._lock:
            self._all.add(worker)
            if not self._closed:
                # Where whoever wanted it finds it, or the next if that one has gone away
                self._idle.append(worker)
                return
        self._drop(worker)

    def _put_back(self, worker: _Worker) -> None:
        # Not one that was ended at a limit, or left in the middle of an answer, or lowered for good
        with self._lock:
            usable = worker.ready and worker.raised() and not self._closed
            alike = sum(one.kind == worker.kind for one in self._idle)
            if usable and alike < self._most_idle:
                self._idle.append(worker)
                return
            wanted = not usable and not alike and not self._closed
        self._drop(worker)
        if wanted and not worker.kind.network:
            # Whoever comes next has done nothing to wait for another to start
            with suppress(RuntimeError):  # closed in this moment
                self._aside.submit(self._start, worker.kind)

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()


class _Spool:
    """How many bytes of answers stand in files."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, answer: Answer) -> bool:
        """Whether there is room for one more, which then counts until it is closed or forgotten."""
        if answer.in_memory:
            return True
        with self._lock:
            if answer.size > self._left:
                return False
            self._left -= answer.size
        answer.on_close(weakref.finalize(answer, self._give, answer.size))
        return True

    def _give(self, size: int) -> None:
        with self._lock:
            self._left += size


def _check_iri(iri: str) -> None:
    try:
        ox.NamedNode(iri)
    except ValueError:
        en, zh = both("questions", "iri", found=iri)
        raise BadInput(en, zh=zh) from None


class _WorkerGone(Exception):
    """The process ended in the middle of a query; ``reason`` is what to tell whoever asked it."""

    def __init__(self, reason: ZhengmaiError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Kind(NamedTuple):
    """What a process is for: it has a network or not, takes texts from outside or our own, reads what users put in too.

    Those from outside end many a process before its time; who asks a question of ours should not wait for a new one.
    """

    network: bool
    public: bool
    users: bool = False


class _Worker:
    """One query process and the socket to it.

    ``ready`` is whether the next message can be a new query.
    """

    def __init__(self, store: Path, limits: Limits, kind: _Kind) -> None:
        self.store = store
        self.limits = limits
        self.kind = kind
        self.ready = True
        self._lowered = False
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # keeps this folder off the module path: its names are not top-level modules
                    str(files("queries").joinpath("worker.py")),
                    str(theirs.fileno()),
                    str(store.with_name(USER_STORE) if kind.users else store),
                    str(limits.seconds),
                    str(limits.memory_mb),
                    str(limits.result_mb),
                    "network" if kind.network else "none",
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def raised(self) -> bool:
        """Whether it is as quick as a new one: one that was lowered may be raised again where the system allows it
        (root, CAP_SYS_NICE, RLIMIT_NICE)."""
        if self._lowered:
            try:
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICE)
            except OSError:
                return False
            self._lowered = False
        return True

    def end(self) -> None:
        """End the process for good. It is not waited for: to give back gigabytes takes the system a while."""
        self.ready = False
        self._socket.close()
        self._process.kill()

    def wait(self) -> None:
        self._process.wait()

    def answer(
        self, query: QueryText, request: dict[str, Any], turns: Turns, turn: Turn
    ) -> Steps[tuple[int, bytes | IO[bytes]]]:
        """The size of the answer, and its bytes or its file.

        Raises the typed error of the query, or _WorkerGone when the process ended.
        """
        self.ready = False
        deadline = time.monotonic() + self.limits.seconds + _GRACE
        text = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass")
        received: tuple[dict[str, Any], bytes, IO[bytes] | None] | None = None
        with suppress(OSError):
            yield from self._send(len(text).to_bytes(4, "big") + text, deadline)
            received = yield from self._receive(deadline, turns, turn)
        if received is None:
            raise _WorkerGone((yield Call(self._why_gone)))
        head, body, file = received
        if head.get("error") == "store":
            raise _WorkerGone(damaged(self.store, head["message"]))
        self.ready = True
        if "ok" in head:
            return head["ok"], file or body
        raise self._told(query, head)

    def _send(self, message: bytes, deadline: float) -> Steps[None]:
        left = memoryview(message)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                yield Ready(self._socket, deadline - time.monotonic(), write=True)
                if time.monotonic() > deadline:
                    return

    def _receive(
        self, deadline: float, turns: Turns, turn: Turn
    ) -> Steps[tuple[dict[str, Any], bytes, IO[bytes] | None] | None]:
        """A whole message, what follows it, and the file that came with it. None when there is no more to come."""
        data = bytearray()
        file: IO[bytes] | None = None
        head: dict[str, Any] | None = None
        start = 0
        while True:
            try:
                piece, fds, _, _ = socket.recv_fds(self._socket, _PIECE, 1)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                ready = yield Ready(self._socket, min(left, self.limits.short_seconds))
                if ready or turn.long:
                    continue
                if not self._lowered:
                    self._lowered = True
                    with suppress(OSError):
                        os.setpriority(os.PRIO_PROCESS, self._process.pid, _LONG_NICE)
                if not turns.go_long(turn) and turns.give_way(turn):
                    en, zh = both("limits", "gave_way", limit=self.limits.short_seconds)
                    raise Busy(en, zh=zh, limit=self.limits.short_seconds, unit="seconds") from None
                continue
            if fds:
                file = os.fdopen(fds[0], "rb")
            if not piece:
                return None
            data += piece
            if head is None and len(data) >= 4:
                start = 4 + int.from_bytes(data[:4], "big")
                if len(data) >= start:
                    head = json.loads(data[4:start])
            if head is not None and (head.get("file", True) or len(data) - start >= head["ok"]):
                return head, bytes(data[start:]), file

    def _told(self, query: QueryText, head: dict[str, Any]) -> ZhengmaiError:
        if head["error"] == "syntax":
            return engine_syntax_error(query.text, head["message"])
        if head["error"] == "size":
            en, zh = both("limits", "size", limit=self.limits.result_mb)
            return QueryTooLarge(en, zh=zh, limit=self.limits.result_mb)
        if head["error"] == "memory":
            return self._memory()
        if query.calls_out:
            en, zh = both("limits", "called", found=head["message"])
            return BadInput(en, zh=zh)
        if head["message"].startswith(("Corruption", "IO error")):
            return damaged(self.store, head["message"])
        return StoreError(f"the engine failed on this query: {head['message']}")

    def _why_gone(self) -> ZhengmaiError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.5)
        code = self._process.poll()
        if code is None or code == -signal.SIGALRM:
            en, zh = both("limits", "timeout", limit=self.limits.seconds)
            return QueryTimeout(en, zh=zh, limit=self.limits.seconds)
        if code == -signal.SIGSEGV:  # a stack that ran over
            en, zh = both("limits", "stack")
            return QueryRefused(en, zh=zh)
        return self._memory()

    def _memory(self) -> QueryTooLarge:
        en, zh = both("limits", "memory", limit=self.limits.memory_mb)
        return QueryTooLarge(en, zh=zh, limit=self.limits.memory_mb)
