"""A document read, and if need be checked, in a process of its own that is ended when its time is up.

Whatever it does, to its memory or its time, it does there; neither the document nor what is found is written to a file.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from api import pages
from api.problems import HttpError
from api.settings import Settings
from graph.errors import BadInput, BadParameter, Busy, QueryTimeout, QueryTooLarge, StoreError, ZhengmaiError

_PAUSE = 2.0  # seconds until the next is made ready: the job of this one goes first
_WAITING = 8  # each holds a thread of those that also make pages
log = logging.getLogger("zhengmai.api")


class Readers:
    """Lets so many of these processes run at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = threading.Semaphore(settings.drafts)
        self._room = threading.Semaphore(settings.drafts + _WAITING)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        # Has loaded what it needs, and waits for a document
        self._spare: subprocess.Popen[bytes] | None = None
        self._next: threading.Timer | None = None
        self._closed = False

    def close(self) -> None:
        """End the processes that run."""
        with self._lock:
            self._closed = True
            if self._next is not None:
                self._next.cancel()
        self._drop_spare()
        for process in list(self._running):
            process.kill()

    @property
    def ready(self) -> bool:
        """Whether a process has loaded what it needs, or is about to, and waits for a document."""
        return self._spare is not None

    def stand_ready(self, build: Path) -> None:
        """Have a process load what it needs before there is a document, where it would stay for the next as well."""
        if self._settings.job_idle_seconds:
            self._later(_PAUSE, partial(self._make_ready, str(build)))

    def run(
        self, asked: dict[str, Any], data: bytes, step: Callable[[str], None] | None = None
    ) -> dict[str, Any]:
        """Let `api.writing.draft_worker` do what is asked; ``step`` is called with the name of each step as it begins.

        Raises BadInput and BadParameter as the reader does, QueryTimeout, QueryTooLarge, Busy, StoreError.
        """
        settings = self._settings
        en, zh = pages.both("http.draft-busy")
        if not self._room.acquire(blocking=False):
            raise Busy(en, zh=zh)
        try:
            if not self._places.acquire(timeout=settings.draft_seconds):
                raise Busy(en, zh=zh)
            try:
                bounds = {"memory_mb": settings.draft_memory_mb, "seconds": settings.draft_seconds}
                told = self._told(asked | bounds, data, step)
            finally:
                self._places.release()
        finally:
            self._room.release()
        if "error" in told:
            raise _error(told["error"], settings)
        return told

    def _told(self, asked: dict[str, Any], data: bytes, step: Callable[[str], None] | None) -> dict[str, Any]:
        build = asked.get("build")
        process = (build and self._take_spare()) or _start()
        self._running.add(process)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        stdin, stderr = process.stdin, process.stderr
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        def feed() -> None:
            with suppress(OSError):  # it ended before it had read everything
                stdin.write(json.dumps(asked).encode() + b"\n" + data)
                stdin.close()

        said = bytearray()
        alarm = threading.Timer(self._settings.draft_seconds, end)
        threads = [threading.Thread(target=feed), threading.Thread(target=lambda: said.extend(stderr.read()))]
        told: dict[str, Any] | None = None
        try:
            for thread in (alarm, *threads):
                thread.start()
            for line in process.stdout:
                with suppress(ValueError):  # a line that was cut off at its end
                    told = json.loads(line)
                    if step and told and "step" in told:
                        step(str(told["step"]))
        finally:
            # An end that comes otherwise than by itself leaves no process behind.
            alarm.cancel()
            if told is None or "step" in told:
                process.kill()
            process.wait()
            self._running.discard(process)
            for thread in threads:
                thread.join()
            for pipe in (process.stdout, process.stderr):
                pipe.close()
            with suppress(OSError):
                stdin.close()
            if build and self._settings.job_idle_seconds:
                self._later(_PAUSE, partial(self._make_ready, str(build)))
        if late.is_set():
            seconds = self._settings.draft_seconds
            en, zh = pages.both("http.draft-time", seconds=f"{seconds:g}")
            raise QueryTimeout(en, zh=zh, limit=seconds)
        if told is None or "step" in told:
            # It ended without a word: killed by a signal or out of memory on the way, or a defect of ours.
            out_of_memory = process.returncode < 0 or b"MemoryError" in said
            if not out_of_memory:
                log.error("the reading of a document failed: %s", said.decode("utf-8", "replace")[-2000:])
            return {"error": {"kind": "memory" if out_of_memory else "other"}}
        return told

    # To load what is needed takes ten times as long as to read a document. Where one came, the next may come soon.

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        with self._lock:
            if self._next is not None:
                self._next.cancel()
            if not self._closed:
                self._next = threading.Timer(seconds, do)
                self._next.daemon = True
                self._next.start()

    def _make_ready(self, build: str) -> None:
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = _start(build)
        self._later(self._settings.job_idle_seconds, self._drop_spare)

    def _take_spare(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None or spare.poll() is None:
            return spare
        _close(spare)
        return None

    def _drop_spare(self) -> None:
        if (spare := self._take_spare()) is not None:
            spare.kill()
            _close(spare)


def _start(*ready_for: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.writing.draft_worker", *ready_for],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _close(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _error(told: dict[str, Any], settings: Settings) -> ZhengmaiError:
    message, zh = told.get("message", ""), told.get("zh")
    match told["kind"]:
        case "parameter":
            return BadParameter(message, zh=zh, parameter=told["parameter"], allowed=told["allowed"])
        case "input":
            return BadInput(message, zh=zh)
        case "store":
            return StoreError(message, zh=zh)
        case "memory":
            en, zh = pages.both("http.draft-memory", megabytes=settings.draft_memory_mb)
            return QueryTooLarge(en, zh=zh, limit=settings.draft_memory_mb)
        case _:
            return HttpError(500, "unexpected")
