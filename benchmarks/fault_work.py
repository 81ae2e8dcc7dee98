"""What is done to a data folder while a fault is injected, and what a state of it is: benchmarks/faults_injected.py.

Each piece of work is what a command or a job of the service does, and runs in a process of its own (`in_child`).
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Final

from graph import backup, databases, journal, publishing, sealing, verifying
from graph.build import BuildJob, open_current
from graph.corpus_changes import Corpus, PutPlan
from graph.errors import ZhengmaiError
from graph.incremental import read_record, read_text
from graph.rollback import rollback
from graph.search_index import FILE as INDEX
from graph.stores import open_store
from queries.searching import SearchIndex
from shapes.building import judge_job
from shapes.finding_store import report_of
from tests.support import writing

SLUG: Final = "420502-xiling-2024"
TOLD: Final = 2
"""The exit code of work that ended with an error on purpose, in words."""
_DAY: Final = date(2026, 1, 1)
Answers = dict[str, str]


# -- what is done, each in a process of its own ------------------------------------------------------------------


def build(data: Path) -> None:
    """A build of the folder of plans, all of it read again."""
    _built(data, fresh=True)


def small_change(data: Path) -> None:
    """A build after one text was changed."""
    _built(data, fresh=False)


def upload(data: Path) -> None:
    """What the job of an upload does."""
    with Corpus(data, data / "corpus") as corpus:
        corpus.change(PutPlan(SLUG, text_of(31).encode(), "plan.txt"), "office", judge_job)


def go_back(data: Path) -> None:
    """A rollback to the build before."""
    rollback(data, None, "tester")


def back_up(data: Path) -> None:
    """A backup beside the data folder."""
    backup.backup(data, data.parent / "new.tar.gz")


def take_back(data: Path) -> None:
    """A restore in the place of what is served."""
    backup.restore(data.parent / "old.tar.gz", data, "tester", replace=True)


def restore_empty(data: Path) -> None:
    """A restore into an empty folder."""
    backup.restore(data.parent / "old.tar.gz", data.parent / "empty", "tester")


def rebuild(data: Path) -> None:
    """A build of the folder of plans as it stands."""
    with BuildJob(data / "corpus", data) as job:
        if not job.unchanged:
            judge_job(job)
            job.publish()


def _built(data: Path, *, fresh: bool) -> None:
    (data / "corpus" / f"{SLUG}.txt").unlink()
    (data / "corpus" / f"{SLUG}.txt").write_text(text_of(31), encoding="utf-8")
    with BuildJob(data / "corpus", data, fresh=fresh) as job:
        judge_job(job)
        job.publish()


def in_child(work: Callable[[Path], None], data: Path, limit: int | None, said: Path) -> None:
    """The child: what is raised on purpose is exit code 2 and a sentence, as of the command."""
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        work(data)
    except ZhengmaiError as error:
        with suppress(OSError):
            said.write_text(error.text("en"), encoding="utf-8")
        os._exit(TOLD)
    os._exit(0)


def text_of(number: int) -> str:
    """The plan that the rounds change, with this figure."""
    return writing.TEXT.replace("20%", f"{number}%")


# -- what a state is ---------------------------------------------------------------------------------------------


def answers(data: Path) -> Answers:
    """What the readers of a data folder are told, each part for itself; "told: …" where that is an error."""
    found: Answers = {}

    def ask(name: str, part: Callable[[], object]) -> None:
        try:
            found[name] = hashlib.sha256(repr(part()).encode()).hexdigest()
        except ZhengmaiError as error:
            found[name] = f"told: {error.text('en')}"
        except RuntimeError as error:  # of the engine, which the query processes tell as an error
            if not str(error).startswith("Corruption"):
                raise
            found[name] = f"told: {error}"

    try:
        folder = open_current(data)
        slugs = sealing.stems(folder, "records")
    except ZhengmaiError as error:
        return {"all": f"told: {error.text('en')}"}
    ask("store", lambda: sorted(str(quad) for quad in open_store(folder / "store").native))
    ask("findings", lambda: report_of(folder, _DAY).findings)
    ask("records", lambda: [read_record(folder, slug) for slug in slugs])
    ask("texts", lambda: [read_text(folder, slug) for slug in slugs])
    ask("search", lambda: _searched(folder))
    return found


def _searched(folder: Path) -> object:
    # As the command and the service do before the first search.
    sealing.trust(folder, databases.with_logs([INDEX]))
    index = SearchIndex(folder)
    return [index.search(word).hits for word in ("设备", "区发改局", "更新")]


def state(data: Path) -> tuple[str, list[str]]:
    """What the next start serves: the text of the plan that the rounds change, and what verifying finds."""
    with journal.take_lock(data, 20):
        journal.recover(data)
    folder = open_current(data)
    told = verifying.verify(folder, data).faults
    parts = [str(path) for path in (data / "builds").glob("*.part")]
    # What was a build is removed beside the work.
    left = [path for path in parts if not path.endswith(publishing.GONE)]
    left += map(str, (data / "changes").glob("*"))
    return read_text(folder, SLUG) or "", [one[0] for one in told] + left
