"""Processes that read what is handed in: the next one is made ready where one came, and none stays."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.settings import Settings
from api.writing import bounded
from api.writing.bounded import Readers
from graph.errors import BadInput

PLAN = Path(__file__).parent.parent / "plans" / "420115-jiangxia-2024.txt"


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_where_one_came_the_next_is_made_ready(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, ...]] = []
    start = bounded._start

    def noted(*ready_for: str) -> subprocess.Popen[bytes]:
        started.append(ready_for)
        return start(*ready_for)

    monkeypatch.setattr(bounded, "_PAUSE", 0.0)
    monkeypatch.setattr(bounded, "_start", noted)
    asked = {
        "task": "plan",
        "build": str((built / "current").resolve()),
        "name": PLAN.name,
        "slug": PLAN.stem,
        "code": None,
    }
    data = PLAN.read_bytes()
    readers = Readers(Settings(data=built, job_idle_seconds=1))
    first = readers.run(asked, data)
    _until(lambda: readers.ready)
    assert readers.run(asked, data) == first
    _until(lambda: readers.ready)
    with pytest.raises(BadInput):
        readers.run(asked, b"%PDF-1.7 nothing")
    _until(lambda: readers.ready)
    assert started.count(()) == 1, "only the first was started when it was asked for"
    _until(lambda: not readers.ready)  # nobody came
    assert readers.run(asked, data) == first
    assert started.count(()) == 2
    _until(lambda: readers.ready)
    readers.close()
    assert not readers.ready


def test_one_that_cannot_be_made_ready_is_not_missed(built: Path, tmp_path: Path) -> None:
    """The build that it was to know may be gone meanwhile: what is wrong is told of the document, where it is."""
    ready = bounded._start(str(tmp_path / "nowhere"))
    asked = {
        "task": "plan",
        "build": str((built / "current").resolve()),
        "name": PLAN.name,
        "slug": PLAN.stem,
    }
    readers = Readers(Settings(data=built))
    readers._spare = ready
    told = readers.run({**asked, "code": None}, PLAN.read_bytes())
    assert told["plan"]["record"]["slug"] == PLAN.stem
    assert ready.returncode == 0
    readers.close()
