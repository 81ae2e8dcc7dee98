"""Long texts of queries are looked at in a process of their own: to look at one takes Python's interpreter for a while.

Beside the event loop, in a thread, it would take it from everybody who is answered there. What runs in the process is
`queries.text_worker`. Clients take turns, as they do for queries.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any, Final

from graph.errors import Busy, QueryRefused, QuerySyntaxError, QueryTimeout
from queries.limits import Limits
from queries.pool import Full, Turns
from queries.process import Child
from queries.sparql_text import QueryText
from queries.steps import Call, Come, Ready, Steps
from queries.words import both

_PIECE: Final = 1 << 16
_KEPT: Final = 2  # processes, one for each that may be at work


class Looker:
    """Looks at texts elsewhere; safe to call from many threads and from an event loop. No process before the first text."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turns = Turns(1, 0, limits.waiting)
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []
        self._all: set[_Reader] = set()
        self._closed = False

    def inspect(self, text: str) -> Steps[QueryText]:
        """As `sparql_text.inspect`. Raises Busy and QueryTimeout too."""
        told = yield from self._ask(
            {
                "text": text,
                "nesting": self._limits.nesting,
                "service_hosts": sorted(self._limits.service_hosts),
            }
        )
        return QueryText(text, **told["query"])

    def place(self, text: str, message: str) -> Steps[QuerySyntaxError]:
        """As `sparql_text.engine_syntax_error`. Raises Busy and QueryTimeout."""
        try:
            yield from self._ask({"text": text, "message": message})
        except QuerySyntaxError as error:
            return error
        raise AssertionError("it always is an error")

    def processes(self) -> list[int]:
        """The process ids."""
        with self._lock:
            return [one.pid for one in self._all]

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            readers, self._idle = list(self._all), []
            self._all.clear()
        for one in readers:
            one.end()
        for one in readers:
            one.wait()

    def retire(self) -> None:
        """End the processes, those that have a text after it."""
        with self._lock:
            self._closed = True
            readers, self._idle = self._idle, []
        for one in readers:
            self._drop(one)

    def _ask(self, request: dict[str, Any]) -> Steps[dict[str, Any]]:
        try:
            turn = self._turns.take()
        except Full:
            raise self._busy() from None
        reader: _Reader | None = None
        try:
            if not turn.future.done() and not (yield Come(turn.future, self._limits.seconds)):
                raise self._busy()
            while (reader := self._idle_one()) is None:
                yield Call(self._start)
            told = yield from reader.ask(request, self._limits.seconds)
        finally:
            self._turns.leave(turn)
            if reader is not None:
                self._put_back(reader)
        if told is None:
            en, zh = both("limits", "timeout", limit=self._limits.seconds)
            raise QueryTimeout(en, zh=zh, limit=self._limits.seconds)
        if "syntax" in told:
            raise QuerySyntaxError(**told["syntax"])
        if "refused" in told:
            raise QueryRefused(**told["refused"])
        return told

    def _busy(self) -> Busy:
        en, zh = both("limits", "busy", limit=self._turns.size)
        return Busy(en, zh=zh, limit=self._turns.size, unit="queries")

    def _start(self) -> None:
        reader = _Reader(["-m", "queries.text_worker"])
        with self._lock:
            if not self._closed:
                self._all.add(reader)
                self._idle.append(reader)
                return
        reader.end()
        raise self._busy()

    def _idle_one(self) -> _Reader | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                reader = self._idle.pop()
            if reader.alive:
                return reader
            self._drop(reader)

    def _put_back(self, reader: _Reader) -> None:
        with self._lock:
            if reader.ready and not self._closed and len(self._idle) < _KEPT:
                self._idle.append(reader)
                return
        self._drop(reader)

    def _drop(self, reader: _Reader) -> None:
        with self._lock:
            self._all.discard(reader)
        reader.end()


class _Reader(Child):
    def ask(self, request: dict[str, Any], seconds: float) -> Steps[dict[str, Any] | None]:
        """The answer; None where there is none in time."""
        self.ready = False
        deadline = time.monotonic() + seconds
        data = bytearray()
        with suppress(OSError):
            yield from self._send(request, deadline)
            while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
                try:
                    piece = self._socket.recv(_PIECE)
                except BlockingIOError:
                    if not (yield Ready(self._socket, deadline - time.monotonic())):
                        return None
                    continue
                if not piece:
                    return None
                data += piece
            self.ready = True
            told: dict[str, Any] = json.loads(data[4:])
            return told
        return None
