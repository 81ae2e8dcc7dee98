"""Checks of drafts as jobs, in the memory of one process and for a short while: nothing of a draft goes to a file."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
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


@dataclass
class _Held:
    job: Kept
    until: float | None = None
    report: Report | None = None


class DraftJobs:
    """The checks that this process was asked for without waiting."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
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
            return self._held.get(name)

    def _forget(self) -> None:
        for name in [one for one, held in self._held.items() if held.until and held.until < time.monotonic()]:
            del self._held[name]

    def _run(self, held: _Held, asked: dict[str, Any], data: bytes) -> None:
        job = held.job

        def step(name: str) -> None:
            for before in job.steps:
                before.done = before.total
            job.state, job.started = "running", job.started or now()
            job.steps = [*job.steps, Step(name=name, done=0, total=1)]

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
