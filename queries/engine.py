"""The bounded executor: a SPARQL text in, an answer or a typed error out, whatever the text is.

Oxigraph cannot be interrupted and bounds neither time nor memory, so each query runs in a worker process that can be
ended (`queries.worker`). The parent holds no store and parses no answer it was not asked to.

    with QueryEngine(build / "store") as engine:
        answer = engine.run("SELECT …", "text/csv")
        table = engine.table("SELECT …")
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from importlib.resources import files
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import pyoxigraph as ox

from graph.errors import (
    BadInput,
    Busy,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    ZhengmaiError,
)
from ontology.terms import PREFIXES
from queries.formats import Format, formats_of, kind_of
from queries.sparql_text import QueryText, engine_syntax_error, inspect
from queries.tables import Table, table_from_json
from queries.words import both

_GRACE = 2.0  # seconds that the kernel's alarm may be late before the parent ends a worker itself


Watch = Callable[[str], AbstractContextManager[None]]
"""What is entered while a query is "waiting" for a process, and while it is "running" in one; sees how that ends."""


@dataclass(frozen=True)
class Limits:
    """What one query may use.

    ``memory_mb`` bounds the address space of a worker, the mapped files of its store among it, so it should be well
    above what queries need: Oxigraph maps some 300 MB before the first one. ``waiting`` is how many queries may wait
    for a worker; each waits at most ``seconds``. ``table_mb`` is smaller than ``result_mb`` because a table is read in
    the parent, where it takes some ten times as much, and bytes are only passed on.
    """

    seconds: float = 10.0
    memory_mb: int = 1536
    result_mb: int = 64
    table_mb: int = 16
    characters: int = 100_000
    nesting: int = 100
    waiting: int = 32


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer, in the format asked for; ``seconds`` is how long the worker took."""

    body: bytes
    format: Format
    seconds: float


class QueryEngine:
    """A pool of query processes on one store. Safe to call from many threads; a call blocks until its answer is there.

    ``store`` may be set to another folder at any time: queries that run go on to their end on the old one, every
    later query is answered from the new one.
    """

    def __init__(
        self, store: Path, *, workers: int = 2, limits: Limits | None = None, watch: Watch | None = None
    ) -> None:
        """Raises StoreError when there is no store at ``store``. Workers are started when first needed."""
        if not (store / "CURRENT").is_file():
            raise StoreError(f"{store}: there is no store; run 'zhengmai build' first")
        self.store = store
        self.limits = limits or Limits()
        self._places = threading.BoundedSemaphore(workers + self.limits.waiting)
        self._workers = workers
        self._watch = watch or (lambda state: nullcontext())
        self._slots = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._closed = False

    def run(
        self,
        text: str,
        media_type: str | None = None,
        *,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        base_iri: str | None = None,
    ) -> Answer:
        """Run one query.

        ``media_type`` is one of `queries.formats`, of the kind that the query's form has; by default JSON or Turtle.
        Graphs given here replace those that the query names (SPARQL Protocol, section 2.1.4). Where neither names any,
        the default graph is the union of all graphs; a triple that stands in several of them then matches as often.

        Raises QuerySyntaxError, QueryRefused, QueryTimeout, QueryTooLarge, Busy, StoreError, BadInput for a graph
        name that is no IRI; ValueError for a media type that is of the other kind.
        """
        query = self.check(text)
        choices = formats_of(kind_of(query.form))
        wanted = next((one for one in choices if media_type in (None, *one.media_types)), None)
        if wanted is None:
            raise ValueError(f"{query.form} has no answer in {media_type}")
        for iri in (*default_graphs, *named_graphs):
            _check_iri(iri)
        chosen = bool(default_graphs or named_graphs)
        request = {
            "query": query.text,
            "writer": wanted.writer,
            "base": base_iri,
            "union": not chosen and not query.has_dataset,
            "default_graphs": list(default_graphs) if chosen else None,
            "named_graphs": list(named_graphs) if chosen else None,
        }
        return self._give(query, request, wanted)

    def table(
        self, text: str, *, default_graphs: Sequence[str] = (), named_graphs: Sequence[str] = ()
    ) -> Table:
        """Run a SELECT and read its answer into rows of cells. Raises as `run` does, ValueError for other forms."""
        if self.check(text).form != "SELECT":
            raise ValueError("a table comes from SELECT only")
        answer = self.run(text, default_graphs=default_graphs, named_graphs=named_graphs)
        if len(answer.body) > self.limits.table_mb << 20:
            en, zh = both("limits", "size", limit=self.limits.table_mb)
            raise QueryTooLarge(en, zh=zh, limit=self.limits.table_mb)
        return table_from_json(answer.body)

    def check(self, text: str) -> QueryText:
        """Inspect a text without running it. Raises QuerySyntaxError or QueryRefused."""
        if len(text) > self.limits.characters:
            en, zh = both("refused", "length", found=len(text), limit=self.limits.characters)
            raise QueryRefused(en, zh=zh)
        return inspect(text, nesting=self.limits.nesting, known_prefixes=PREFIXES)

    def close(self) -> None:
        """End all workers, also those that have a query."""
        self._closed = True
        with self._lock:
            workers, self._idle = list(self._all), []
            self._all.clear()
        for worker in workers:
            worker.end()

    def retire(self) -> None:
        """End the workers that have no query now, and each of the others after its query."""
        with self._lock:
            self._closed = True
            workers, self._idle = self._idle, []
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

    def _give(self, query: QueryText, request: dict[str, Any], wanted: Format) -> Answer:
        if not self._places.acquire(blocking=False):
            raise self._busy()
        try:
            with self._watch("waiting"):
                free = self._slots.acquire(timeout=self.limits.seconds)
            if not free:
                raise self._busy()
            try:
                worker = self._take()
                started = time.perf_counter()
                try:
                    with self._watch("running"):
                        body = _answer(worker, query, request)
                finally:
                    self._put_back(worker)
                return Answer(body, wanted, time.perf_counter() - started)
            finally:
                self._slots.release()
        finally:
            self._places.release()

    def _take(self) -> _Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is not None and (worker.store != self.store or not worker.alive):
            self._drop(worker)
            worker = None
        if worker is None:
            worker = _Worker(self.store, self.limits)
            with self._lock:
                self._all.add(worker)
        return worker

    def _put_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.ready and not self._closed:
                self._idle.append(worker)
                return
        self._drop(worker)  # ended at a limit, or left in the middle of an answer by Ctrl-C

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()

    def _busy(self) -> Busy:
        en, zh = both("limits", "busy", limit=self._workers + self.limits.waiting)
        return Busy(en, zh=zh)


def _answer(worker: _Worker, query: QueryText, request: dict[str, Any]) -> bytes:
    try:
        return worker.answer(query, request)
    except _WorkerGone as gone:
        raise gone.reason from None


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


class _Worker:
    """One query process and the socket to it. ``ready`` is whether the next message can be a new query."""

    def __init__(self, store: Path, limits: Limits) -> None:
        self.store = store
        self.limits = limits
        self.ready = True
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",  # keeps this folder off the module path: its names are not top-level modules
                    str(files("queries").joinpath("worker.py")),
                    str(theirs.fileno()),
                    str(store),
                    str(limits.seconds),
                    str(limits.memory_mb),
                    str(limits.result_mb),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """End the process for good."""
        self.ready = False
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def answer(self, query: QueryText, request: dict[str, Any]) -> bytes:
        """Raises the typed error of the query, or _WorkerGone when the process ended."""
        self.ready = False
        deadline = time.monotonic() + self.limits.seconds + _GRACE
        try:
            self._connection.send_bytes(json.dumps(request).encode())
            head = json.loads(self._receive(deadline))
            body = bytearray()
            while "ok" in head and (piece := self._receive(deadline)):
                body += piece
        except (EOFError, OSError):
            raise _WorkerGone(self._why_gone()) from None
        if head.get("error") == "store":
            raise _WorkerGone(StoreError(f"{self.store}: the store cannot be read: {head['message']}"))
        self.ready = True
        if "ok" in head:
            return bytes(body)
        raise self._told(query, head)

    def _receive(self, deadline: float) -> bytes:
        if not self._connection.poll(max(0.0, deadline - time.monotonic())):
            raise EOFError
        return self._connection.recv_bytes()

    def _told(self, query: QueryText, head: dict[str, Any]) -> ZhengmaiError:
        if head["error"] == "syntax":
            return engine_syntax_error(query.text, head["message"])
        if head["error"] == "size":
            en, zh = both("limits", "size", limit=self.limits.result_mb)
            return QueryTooLarge(en, zh=zh, limit=self.limits.result_mb)
        if head["error"] == "memory":
            return self._memory()
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
