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
_LONG_NICE: Final = 15  # what a long query is lowered to, so that short ones find the processor free
_PIECE: Final = 1 << 18


class Gone(Exception):
    """The process ended in the middle of a query; ``reason`` is what to tell whoever asked it."""

    def __init__(self, reason: ZhengmaiError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NotUnderstood(Exception):
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


class Worker(Child):
    """One query process."""

    def __init__(self, store: Path, limits: Limits, kind: Kind) -> None:
        self.store = store
        self.limits = limits
        self.kind = kind
        self._lowered = False
        super().__init__(
            # -P keeps the folder off the module path: its names are not top-level modules
            ["-P", str(files("queries").joinpath("worker.py"))],
            store.with_name(USER_STORE) if kind.users else store,
            limits.seconds,
            limits.memory_mb,
            limits.result_mb,
            "network" if kind.network else "none",
        )

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

    def answer(
        self, query: QueryText, request: dict[str, Any], turns: Turns, turn: Turn
    ) -> Steps[tuple[int, bytes | IO[bytes]]]:
        """The size of the answer, and its bytes or its file.

        Raises the typed error of the query, NotUnderstood, or Gone when the process ended.
        """
        self.ready = False
        deadline = time.monotonic() + self.limits.seconds + _GRACE
        received: tuple[dict[str, Any], bytes, IO[bytes] | None] | None = None
        with suppress(OSError):
            yield from self._send(request, deadline)
            received = yield from self._receive(deadline, turns, turn)
        if received is None:
            raise Gone((yield Call(self._why_gone)))
        head, body, file = received
        if head.get("error") == "store":
            raise Gone(damaged(self.store, head["message"]))
        self.ready = True
        if "ok" in head:
            return head["ok"], file or body
        raise self._told(query, head)

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
