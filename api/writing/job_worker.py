"""Does the jobs that wait, one after another, in a process of its own; started by `api.writing.jobs` alone.

Its one argument is JSON: data, corpus, seconds, memory_mb, idle, kept_builds, ready. A job that takes too long or too much ends, and
nothing of it stays. When all is done the process stays for ``idle`` seconds, as long as the service that started it holds
the other end of its standard input: the next job need not wait for a start. So does one that is to be ``ready`` before there is a job: it reads what every job needs.
Of several of these processes one has the turn; the others wait for it, but where there is nothing to do yet.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from api.problems import HttpError
from api.settings import Settings
from api.writing.jobs import LOOK, Jobs, Kept, Step, now
from graph import ahead, publishing
from graph.catalog import SUFFIXES
from graph.corpus_changes import (
    Change,
    Corpus,
    DeleteGraph,
    DeletePlan,
    PutGraph,
    PutPlan,
    Result,
    copy_ahead,
    look_over,
    make_ready,
)
from graph.errors import QueryTooLarge, ZhengmaiError
from graph.remote_publishing import publish
from graph.remote_store import Connection
from graph.store_address import address_of, discover
from shapes.building import judge_job
from shapes.building import make_ready as make_ready_to_judge
from shapes.waivers import AddWaiver, Waiver

_OTHER_BUILD = 3600.0
"""Seconds to wait for a build that somebody started by the command."""

_PAUSE: Final = 1.0  # seconds without a job: those of one who hands in several come sooner
_SETTLED: Final = 1.5  # more: what was written just now is not remembered yet (`graph.hashes`)


class _TimeIsUp(BaseException):
    """The alarm."""


def main() -> None:
    """Do all that waits."""
    asked = json.loads(sys.argv[1])
    limit = int(asked["memory_mb"]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seconds = float(asked["seconds"])
    settings = Settings(
        data=Path(asked["data"]),
        corpus=Path(asked["corpus"]),
        job_seconds=seconds,
        job_memory_mb=asked["memory_mb"],
        job_idle_seconds=asked["idle"],
        kept_builds=asked["kept_builds"],
    )
    jobs = Jobs(settings)
    signal.signal(signal.SIGALRM, _up)
    with ExitStack() as held:
        if not held.enter_context(jobs.turn(wait=not asked["ready"])):
            return
        jobs.clear_up()
        while True:
            done = 0
            while (job := jobs.next()) is not None:
                _do(jobs, job, settings)
                done += 1
            if done:
                jobs.clear_up()
            if (done or asked["ready"]) and _comes(jobs, settings, _AFTER if done else _BEFORE):
                continue
            if not jobs.folder.is_dir() or not jobs.leave(held):
                return
            held.enter_context(jobs.turn(wait=True))


def _comes(jobs: Jobs, settings: Settings, meanwhile: Sequence[_Preparation]) -> bool:
    """Whether a job comes in time, as long as the service is there. Meanwhile what it would have to wait for is prepared."""
    rested, known, coming = time.monotonic(), set[str](), list(meanwhile)
    until, now = rested + settings.job_idle_seconds, publishing.published(settings.data)
    while time.monotonic() < until and jobs.folder.is_dir():
        names = set(os.listdir(jobs.folder))  # noqa: PTH208 - each is a job, and what it holds is read of new ones only
        if names - known and jobs.next() is not None:
            return True
        known = names
        if (published := publishing.published(settings.data)) != now:  # somebody built by the command
            rested, now, coming = time.monotonic(), published, list(_BEFORE)
        if coming and time.monotonic() > rested + coming[0][0]:
            _, prepare = coming.pop(0)
            # What is wrong is told where there is a job
            with suppress(ZhengmaiError, OSError):
                prepare(settings)
            gc.freeze()  # what was loaded is not looked through again in the next job
            rested = time.monotonic()
        if select.select([sys.stdin], [], [], LOOK)[0]:
            return False  # nothing is ever sent: the service has closed its end, or is gone
    return False


def _link(settings: Settings) -> None:
    ahead.prepare(settings.data)


def _fold(settings: Settings) -> None:
    ahead.fold(settings.data)


def _copy_ahead(settings: Settings) -> None:
    copy_ahead(settings.data, settings.corpus_folder)


def _look_over(settings: Settings) -> None:
    look_over(settings.data, settings.corpus_folder)


def _make_ready(settings: Settings) -> None:
    make_ready_to_judge(make_ready(settings.data, settings.corpus_folder))


_Preparation = tuple[float, Callable[[Settings], None]]
_AFTER: Final[Sequence[_Preparation]] = (
    (_PAUSE, _copy_ahead),
    (0, _link),
    (_SETTLED, _look_over),
    (0, _fold),
)
"""What is done so many seconds after a job, or after what stands before it."""
_BEFORE: Final[Sequence[_Preparation]] = ((_PAUSE, _make_ready), *_AFTER)
"""The same before the first one, and where there is another build."""


def _up(signal_number: int, frame: FrameType | None) -> None:
    raise _TimeIsUp


def _do(jobs: Jobs, job: Kept, settings: Settings) -> None:
    job.state, job.started = "running", now()
    jobs.save(job)
    try:
        signal.setitimer(signal.ITIMER_REAL, settings.job_seconds)
        try:
            result = _result(_done(jobs, job, settings))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except ZhengmaiError as error:
        jobs.fail(job, error)
    except _TimeIsUp:
        jobs.fail(job, HttpError(500, "job-time", seconds=f"{settings.job_seconds:g}"))
    except MemoryError:
        told = QueryTooLarge(
            f"The job needed more than {settings.job_memory_mb} MB.", limit=settings.job_memory_mb
        )
        jobs.fail(job, told)
    except Exception as error:
        jobs.fail(job, HttpError(500, "unexpected"))
        raise error
    else:
        jobs.end(job, result)


def _done(jobs: Jobs, job: Kept, settings: Settings) -> Result:
    progress = _progress(jobs, job)
    task, body = jobs.task(job)
    folder, kept = settings.corpus_folder, settings.kept_builds
    with Corpus(settings.data, folder, wait=_OTHER_BUILD, kept=kept) as corpus:
        if job.kind == "rebuild":
            done = corpus.rebuild(judge_job, progress)
        else:
            done = corpus.change(_change(task, body), job.agent, judge_job, progress, name=job.id)
    if base := os.environ.get("ZHENGMAI_STORE"):
        publish(done.build, Connection(discover(address_of(base, os.environ))), progress)
    return done


def _change(task: dict[str, Any], body: bytes) -> Change:
    match task["kind"]:
        case "put-plan":
            return PutPlan(task["slug"], body, task["name"], task["form"], task["fields"])
        case "delete-plan":
            return DeletePlan(task["slug"])
        case "put-graph":
            return PutGraph(task["graph"], body, task["sha256"], task["merge"])
        case "delete-graph":
            return DeleteGraph(task["graph"])
        case _:
            return AddWaiver(Waiver.model_validate(task["waiver"]))


def _result(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = {"build": result.build.name}
    if result.entry is None:
        return {**told, "kind": "unchanged"}
    entry = result.entry.model_dump(
        exclude_none=True, include={"kind", "document", "graph", "finding", "sha256"}
    )
    return {**told, **entry}


def _progress(jobs: Jobs, job: Kept) -> Callable[[str, int, int], None]:
    """Tells each step as it begins, and how far it is a few times a second."""
    last = 0.0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        named = what.partition(" ")[0]
        name = "reading" if not what or what.endswith((*SUFFIXES, ".yaml")) else named
        if not job.steps or job.steps[-1].name != name:
            job.steps.append(Step(name=name, done=done, total=total))
        elif done < total and time.monotonic() - last < 0.3:
            return
        job.steps[-1].done, job.steps[-1].total = done, total
        last = time.monotonic()
        jobs.save(job)

    return progress


if __name__ == "__main__":
    main()
