"""Long work: jobs that one process at a time does, told by address, kept as files so that every process of the service knows.

    jobs/{id}/job.json     what is told of it          jobs/{id}/task.json, body     what to do, until it is done

A job is taken on when its folder stands whole; from then on it is done even if the service ends: at the next start at the
latest. One that was cut off in the middle is told as such, and leaves nothing half made (`graph.journal`).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from api import pages
from api.problems import HttpError, JobFailed, Problem, problem_of
from api.settings import Settings
from graph import journal, trail
from graph.errors import Busy, StoreError, ZhengmaiError

log = logging.getLogger("zhengmai.api")
FOLDER: Final = "jobs"
KEPT: Final = 100
"""Jobs that are told of after their end."""
_TASK, _BODY, _TOLD = "task.json", "body", "job.json"
State = Literal["queued", "running", "done", "failed", "cut-off"]
LOOK: Final = 0.05  # seconds between two looks at a job


class Step(BaseModel):
    """What is being done, and how far it is."""

    name: str = Field(examples=["reading", "comparing", "judging", "publishing"])
    done: int
    total: int


class Job(BaseModel):
    """A job. ``result`` is there once it is done, ``problem`` where it failed or was cut off."""

    id: str
    kind: str = Field(examples=["put-plan", "delete-plan", "rebuild", "put-graph", "waive", "draft"])
    state: State
    about: str | None = Field(default=None, description="the plan, graph or finding that it is about")
    made: str
    started: str | None = None
    ended: str | None = None
    steps: list[Step] = Field(default_factory=list)
    result: dict[str, Any] | None = None
    problem: Problem | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cut-off")


class Kept(Job):
    """A job as it is kept: with who asked for it, and its problem in both languages."""

    agent: str
    problems: dict[str, Problem] | None = None

    def told(self, lang: str) -> Job:
        """The job as it is told."""
        job = Job.model_validate(self.model_dump(exclude={"agent", "problems"}))
        job.problem = (self.problems or {}).get(lang)
        return job

    def raise_problem(self) -> None:
        """What went wrong, for whoever waited. Raises JobFailed."""
        if self.problems:
            raise JobFailed(self.problems)


def now() -> str:
    """This moment, as it is written everywhere."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Jobs:
    """The jobs of a data folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.data / FOLDER
        self._lock = threading.Lock()
        # Of pipes to the processes that were started: closed, they tell them to stay no longer
        self._ends: set[int] = set()

    # -- for the service -------------------------------------------------------------------------------------

    def take_on(
        self, kind: str, about: str | None, agent: str, task: dict[str, Any], body: bytes = b""
    ) -> Kept:
        """Take a job on, and see that somebody does it. Raises Busy where as many as allowed wait, StoreError."""
        made = datetime.now(UTC)
        name = f"{made:%Y%m%dT%H%M%S}{made.microsecond // 1000:03}-{secrets.token_hex(8)}"
        job = Kept(id=name, kind=kind, state="queued", about=about, made=now(), agent=agent)
        try:
            with self.door():
                waiting = sum(one.state == "queued" for one in self._undone())
                if waiting >= max(1, self._settings.jobs_waiting):
                    en, zh = pages.both("http.jobs-busy", limit=waiting)
                    raise Busy(en, zh=zh)
                part = self.folder / f".{name}.part"
                part.mkdir()
                _write(part / _BODY, body)
                _write(part / _TASK, json.dumps({"kind": kind, **task}, ensure_ascii=False).encode())
                _write(part / _TOLD, job.model_dump_json().encode())
                part.rename(self.folder / name)
                # Whoever has the turn looks here once more before it leaves.
                with self.turn(wait=False) as nobody:
                    pass
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written: {error.strerror}") from error
        if nobody:
            self.start_worker()
        return job

    def find(self, name: str) -> Kept | None:
        """A job by its identifier; None where there is none, or no longer."""
        if not all(part.isalnum() for part in name.split("-")):
            return None
        try:
            return Kept.model_validate_json((self.folder / name / _TOLD).read_bytes())
        except (OSError, ValidationError, ValueError):
            return None

    def all(self) -> list[Kept]:
        """All jobs, the oldest first."""
        return list(self._found(path.name for path in self.folder.glob("*/")))

    def _undone(self) -> Iterator[Kept]:
        """Those of which there is something to do still, the oldest first."""
        return self._found(path.parent.name for path in self.folder.glob(f"*/{_TASK}"))

    def _found(self, names: Iterable[str]) -> Iterator[Kept]:
        there = sorted(name for name in names if not name.startswith("."))
        return (job for name in there if (job := self.find(name)) is not None)

    async def wait(self, name: str, seconds: float) -> Kept | None:
        """A job at its end, or as it is after so many seconds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            job = self.find(name)
            if job is None or job.over or asyncio.get_running_loop().time() >= deadline:
                return job
            await asyncio.sleep(LOOK)

    def stand_ready(self) -> None:
        """Have a process read what every job needs before there is one, where it would stay for the next as well."""
        if self._settings.job_idle_seconds and os.access(self._settings.data, os.W_OK):
            self.start_worker(ready=True)

    def start_worker(self, *, ready: bool = False) -> None:
        """Start a process that does all jobs that wait, and those that come soon after; ``ready`` before there is one."""
        asked = {
            "data": str(self._settings.data.resolve()),
            "corpus": str(self._settings.corpus_folder.resolve()),
            "seconds": self._settings.job_seconds,
            "memory_mb": self._settings.job_memory_mb,
            "idle": self._settings.job_idle_seconds,
            "kept_builds": self._settings.kept_builds,
            "ready": ready,
        }
        # A session of its own: Ctrl-C ends the service, and the job comes to its end.
        theirs, end = os.pipe()
        with os.fdopen(theirs, "rb") as pipe:
            process = subprocess.Popen(
                [sys.executable, "-m", "api.writing.job_worker", json.dumps(asked)],
                stdin=pipe,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=os.environ | self._settings.store_variables,
            )
        with self._lock:
            self._ends.add(end)

        def look_after() -> None:
            _, said = process.communicate()
            self._let_go(end)
            if process.returncode:
                log.error(
                    "a job ended its process (%s): %s",
                    process.returncode,
                    said.decode("utf-8", "replace")[-2000:],
                )
                with suppress(StoreError, OSError):
                    self.settle()

        threading.Thread(target=look_after, daemon=True, name="job").start()

    def close(self) -> None:
        """Let the processes that were started end once there is no job: nobody is there who would have another."""
        for end in list(self._ends):
            self._let_go(end)

    def _let_go(self, end: int) -> None:
        with self._lock:
            if end in self._ends:
                self._ends.remove(end)
                os.close(end)

    def settle(self) -> None:
        """At the start, and after a crash: tell what was cut off, clear up, and go on with what waits.

        Does nothing where a worker is at its job.
        """
        if not self.folder.is_dir() and not (self._settings.data / journal.FOLDER).is_dir():
            return  # nothing was ever written here, and perhaps nothing can be
        with ExitStack() as held:
            if not held.enter_context(self.turn(wait=False)):
                return
            self.clear_up()
            waiting = self.leave(held)
        if waiting:
            self.start_worker()

    # -- for whoever has the turn ----------------------------------------------------------------------------

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[bool]:
        """The one turn that there is over all processes; False where another has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".turn").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def door(self) -> Iterator[None]:
        """While it is held no job comes in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".accept").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def leave(self, turn: ExitStack) -> bool:
        """Give the turn back, so that no job comes in unseen meanwhile; whether some wait."""
        with self.door():
            waiting = self.next() is not None
            turn.close()
        return waiting

    def next(self) -> Kept | None:
        """The job that has waited longest."""
        return next((one for one in self._undone() if one.state == "queued"), None)

    def clear_up(self) -> None:
        """Tell jobs that were cut off, or done all but the telling; remove what they left, and the oldest jobs."""
        data = self._settings.data
        with suppress(StoreError), journal.take_lock(data):  # whoever builds has cleared up before
            journal.recover(data)
        changes = {one.id: one for one in trail.read_trail(data)}
        for job in self.all():
            if job.state == "running":
                entry = changes.get(job.id)
                if entry is not None:
                    self.end(
                        job, result={"kind": entry.kind, "document": entry.document, "graph": entry.graph}
                    )
                else:
                    self.fail(job, HttpError(500, "cut-off"), state="cut-off")
        for part in self.folder.glob(".*.part"):
            shutil.rmtree(part, ignore_errors=True)
        over = [one for one in self.all() if one.over]
        for job in over[:-KEPT]:
            shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def task(self, job: Kept) -> tuple[dict[str, Any], bytes]:
        """What to do, and what was handed in for it."""
        place = self.folder / job.id
        return json.loads((place / _TASK).read_bytes()), (place / _BODY).read_bytes()

    def save(self, job: Kept) -> None:
        """Tell how a job stands."""
        _write(self.folder / job.id / _TOLD, job.model_dump_json(exclude_none=True).encode())

    def end(self, job: Kept, result: dict[str, Any]) -> None:
        """A job is done; what was handed in for it is not kept."""
        job.state, job.ended, job.result = "done", now(), {k: v for k, v in result.items() if v is not None}
        self._over(job)

    def fail(self, job: Kept, error: ZhengmaiError, state: Literal["failed", "cut-off"] = "failed") -> None:
        """A job failed; all is as it was before."""
        job.state, job.ended = state, now()
        job.problems = {lang: problem_of(error, f"/jobs/{job.id}", lang) for lang in ("zh", "en")}
        self._over(job)

    def _over(self, job: Kept) -> None:
        self.save(job)
        for name in (_TASK, _BODY):
            (self.folder / job.id / name).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
