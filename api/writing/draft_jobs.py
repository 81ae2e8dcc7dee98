"""Checks of drafts as jobs, for a short while and in memory: nothing of a draft goes to a disk.

Where several processes answer, each puts how its jobs stand into a folder that they share (`shared`), in the memory of the
system where it has one that looks like a folder, so that whichever is asked can tell.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api import pages
from api.problems import problem_of
from api.writing.bounded import Readers
from api.writing.jobs import Kept, Step, now
from graph.errors import Busy, ZhengmaiError
from shapes.findings import Report

KEPT_SECONDS: Final = 600.0
MOST: Final = 32
"""Jobs that are kept at a time, those at work among them."""


_FOLDER: Final = "_ZHENGMAI_DRAFT_JOBS"
_NAME: Final = re.compile(r"draft-[0-9a-f]{32}")


@contextmanager
def shared() -> Iterator[None]:
    """Make a folder for the processes that are started meanwhile, for this user alone; it goes away at the end."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a name of its own
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="zhengmai-drafts-", dir=place) as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]


@dataclass
class _Held:
    job: Kept
    until: float | None = None
    report: Report | None = None


class DraftJobs:
    """The checks that this process, or one beside it, was asked for without waiting."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        given = os.environ.get(_FOLDER)
        self._folder = Path(given) if given else None
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def start(self, name: str, asked: dict[str, Any], data: bytes) -> Kept:
        """Begin a check. Raises Busy where as many as allowed are kept."""
        job = Kept(
            id=f"draft-{secrets.token_hex(16)}",
            kind="draft",
            state="queued",
            about=name,
            made=now(),
            agent="",
        )
        with self._lock:
            self._forget()
            if len(self._held) >= MOST:
                en, zh = pages.both("http.draft-busy")
                raise Busy(en, zh=zh)
            held = self._held[job.id] = _Held(job)
        self._tell(held)
        threading.Thread(target=self._run, args=(held, asked, data), daemon=True, name=job.id).start()
        return job

    def find(self, name: str, lang: str) -> Any:
        """The job of that name as it is told; None where there is none, or no longer."""
        held = self._find(name)
        return held.job.model_copy(deep=True).told(lang) if held else None

    def report(self, name: str) -> Report | None:
        """What was found; None where there is no such job, or it is not done."""
        held = self._find(name)
        return held.report if held else None

    def _find(self, name: str) -> _Held | None:
        with self._lock:
            self._forget()
            if name in self._held:
                return self._held[name]
        if self._folder is None or not _NAME.fullmatch(name):
            return None
        path = self._folder / f"{name}.json"
        try:
            if path.stat().st_mtime + KEPT_SECONDS < time.time():  # of a process that has ended
                path.unlink()
                return None
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        report = Report.model_validate(told["report"]) if told["report"] else None
        return _Held(Kept.model_validate(told["job"]), report=report)

    def _forget(self) -> None:
        for name in [one for one, held in self._held.items() if held.until and held.until < time.monotonic()]:
            del self._held[name]
            if self._folder is not None:
                with suppress(OSError):
                    (self._folder / f"{name}.json").unlink()

    def _tell(self, held: _Held) -> None:
        """Let the other processes know."""
        if self._folder is None:
            return
        report = held.report.model_dump(mode="json") if held.report else None
        told = {"job": held.job.model_dump(mode="json"), "report": report}
        part = self._folder / f"{held.job.id}.part"
        part.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        part.replace(part.with_suffix(".json"))

    def _run(self, held: _Held, asked: dict[str, Any], data: bytes) -> None:
        job = held.job

        def step(name: str) -> None:
            for before in job.steps:
                before.done = before.total
            job.state, job.started = "running", job.started or now()
            job.steps = [*job.steps, Step(name=name, done=0, total=1)]
            self._tell(held)

        try:
            held.report = Report.model_validate(self._readers.run(asked, data, step)["report"])
        except ZhengmaiError as error:
            job.problems = {lang: problem_of(error, f"/jobs/{job.id}", lang) for lang in ("zh", "en")}
        for one in job.steps:
            one.done = one.total
        job.ended = now()
        if held.report is not None:
            job.result = {"report": f"/jobs/{job.id}/report"}
        held.until = time.monotonic() + KEPT_SECONDS
        job.state = "done" if held.report is not None else "failed"
        self._tell(held)
