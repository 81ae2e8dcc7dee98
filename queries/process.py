"""Processes that the engine asks, seen from the engine: how they are started, asked, slowed down and ended.

What runs in a query process is `queries.worker`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from graph.errors import BadInput, Busy, QueryRefused, QueryTimeout, QueryTooLarge, StoreError, ZhengmaiError
from graph.stores import damaged
from graph.user_graphs import STORE as USER_STORE
from queries.limits import Limits
from queries.pool import Turn, Turns
from queries.sparql_text import QueryText
from queries.steps import Call, Ready, Steps
from queries.words import both

_GRACE: Final = 2.0  # seconds that the kernel's alarm may be late before the parent ends a worker itself
_NICE: Final = 2  # as `queries.worker` has it
_LOW: Final = 15  # more than this process has: others find the processor free
_PATIENCE: Final = 3  # times as long as is short may a query take that has to wait for the processor
_LOOK: Final = 0.05  # seconds, at least, between two looks at how much of it a query has used
_PIECE: Final = 1 << 18


class Gone(Exception):
    """The process ended in the middle of a query; ``reason`` is what to tell whoever asked it."""

    def __init__(self, reason: ZhengmaiError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NotUnderstood(BadInput):
    """The engine takes the text for no query; what it says of it is to be told by `queries.sparql_text`."""


class Kind(NamedTuple):
    """What a process is for: it has a network or not, takes texts from outside or our own, reads what users put in too.

    Those from outside end many a process before its time; who asks a question of ours should not wait for a new one.
    """

    network: bool
    public: bool
    users: bool = False


class Child:
    """A process that answers messages of JSON, each after its length in four bytes, and the socket to it.

    ``ready`` is whether the next message can be a new one.
    """

    def __init__(self, program: Sequence[str], *arguments: object) -> None:
        self.ready = True
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *program, str(theirs.fileno()), *map(str, arguments)],
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

    def end(self) -> None:
        """End the process for good. It is not waited for: to give back gigabytes takes the system a while."""
        self.ready = False
        self._socket.close()
        self._process.kill()

    def wait(self) -> None:
        self._process.wait()

    def _send(self, request: dict[str, Any], deadline: float) -> Steps[None]:
        text = json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogatepass")
        left = memoryview(len(text).to_bytes(4, "big") + text)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                yield Ready(self._socket, deadline - time.monotonic(), write=True)
                if time.monotonic() > deadline:
                    return


def _niceness(more: int) -> int:
    return min(19, os.getpriority(os.PRIO_PROCESS, 0) + more)


class _Message:
    """What comes from a query process: ``head``, and the answer in ``body`` or ``file``."""

    def __init__(self) -> None:
        self.head: dict[str, Any] | None = None
        self.file: IO[bytes] | None = None
        self.whole = False
        self._data = bytearray()
        self._start = 4

    @property
    def body(self) -> bytes:
        return bytes(self._data[self._start :])

    def take(self, connection: socket.socket) -> bool:
        """Take what is there. Whether there is no more to come: it is ``whole``, or the process has ended. Raises OSError."""
        while not self.whole:
            try:
                piece, fds, _, _ = socket.recv_fds(connection, _PIECE, 1)
            except BlockingIOError:
                return False
            if fds:
                self.file = os.fdopen(fds[0], "rb")
            if not piece:
                return True
            self._data += piece
            if self.head is None and len(self._data) >= 4:
                start = 4 + int.from_bytes(self._data[:4], "big")
                if len(self._data) >= start:
                    self.head, self._start = json.loads(self._data[4:start]), start
            if self.head is not None:
                # An error has no body, nor has an answer in a file
                self.whole = self.head.get("file", True) or len(self._data) - self._start >= self.head["ok"]
        return True

    def forget(self) -> None:
        """Close the file, if there is one."""
        if self.file is not None:
            self.file.close()


class Worker(Child):
    """One query process."""

    def __init__(self, store: Path, limits: Limits, kind: Kind) -> None:
        self.store = store
        self.limits = limits
        self.kind = kind
        self.lowered = False
        self._coming: _Message | None = None
        self.took = 0.0  # seconds of the processor, for the last answer
        self._used = 0.0  # the same, for all before this one
        super().__init__(
            # -P keeps the folder off the module path: its names are not top-level modules
            ["-P", str(files("queries").joinpath("worker.py"))],
            store.with_name(USER_STORE) if kind.users else store,
            limits.seconds,
            limits.memory_mb,
            limits.result_mb,
            "network" if kind.network else "none",
        )

    def lower(self) -> None:
        """Let others have the processor first."""
        if not self.lowered:
            self.lowered = True
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _niceness(_LOW))

    def raised(self) -> bool:
        """Whether it is as quick as a new one: one that was lowered may be raised again where the system allows it
        (root, CAP_SYS_NICE, RLIMIT_NICE)."""
        if self.lowered:
            try:
                os.setpriority(os.PRIO_PROCESS, self._process.pid, _niceness(_NICE))
            except OSError:
                return False
            self.lowered = False
        return True

    def answer(
        self, query: QueryText, request: dict[str, Any], turns: Turns, turn: Turn
    ) -> Steps[tuple[int, bytes | IO[bytes]]]:
        """The size of the answer, and its bytes or its file.

        Raises the typed error of the query, NotUnderstood, or Gone when the process ended.
        """
        self.ready = False
        deadline = time.monotonic() + self.limits.seconds + _GRACE
        self._used = self._processor()
        message: _Message | None = None
        with suppress(OSError):
            yield from self._send(request, deadline)
            self._coming = message = _Message()
            if not (yield from self._receive(message, deadline, turns, turn)):
                message = None
        if message is None or message.head is None:
            raise Gone((yield Call(self._why_gone)))
        if message.head.get("error") == "store":
            raise Gone(damaged(self.store, message.head["message"]))
        self._settle(message.head)
        if "ok" in message.head:
            return message.head["ok"], message.file or message.body
        raise self._told(query, message.head)

    @property
    def at_work(self) -> bool:
        """Whether it was given a query whole, and may come to an end with it."""
        return self._coming is not None

    def finish(self, seconds: float) -> Steps[None]:
        """Wait so long for the end of a query that was left, behind everybody; nobody wants the answer."""
        deadline = time.monotonic() + seconds
        self.lower()
        if (message := self._coming) is None:
            return
        with suppress(OSError):
            while not message.take(self._socket):
                if not (yield Ready(self._socket, deadline - time.monotonic())):
                    return
            if message.whole and message.head is not None:
                self._settle(message.head)
        message.forget()

    def _settle(self, head: dict[str, Any]) -> None:
        self.took = head["took"]
        self._coming = None
        self.ready = True

    def _receive(self, message: _Message, deadline: float, turns: Turns, turn: Turn) -> Steps[bool]:
        """Whether all of it has come."""
        began, pause = time.monotonic(), self.limits.short_seconds
        while not message.take(self._socket):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ready = yield Ready(self._socket, min(left, pause))
            if ready or turn.long:
                continue
            if more := self._short_for(time.monotonic() - began):
                pause = more
                continue
            pause = self.limits.short_seconds
            self.lower()
            if not turns.go_long(turn) and turns.give_way(turn):
                en, zh = both("limits", "gave_way", limit=self.limits.short_seconds)
                raise Busy(en, zh=zh, limit=self.limits.short_seconds, unit="seconds")
        return message.whole

    def _short_for(self, waited: float) -> float:
        """For how many seconds more a query does not count as long; what waits for the processor is not slow for that."""
        short = self.limits.short_seconds
        left = min(short - (self._processor() - self._used), _PATIENCE * short - waited)
        return max(left, _LOOK) if sys.platform == "linux" and left > 0 else 0.0

    def _processor(self) -> float:
        """Seconds of the processor that the process has used, where the system tells: its clock has the number that
        clock_getcpuclockid(3) gives on Linux."""
        with suppress(OSError):
            if sys.platform == "linux":
                return time.clock_gettime((~self._process.pid << 3) | 2)
        return 0.0

    def _told(self, query: QueryText, head: dict[str, Any]) -> Exception:
        if head["error"] == "syntax":
            return NotUnderstood(head["message"])
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
