"""The documents of a build as pages list them: after a change of a few, what a full reading gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.reading.entries import all_of
from benchmarks import corpus
from graph.build import BuildJob
from queries.asking import Asker, Reply
from queries.engine import QueryEngine
from tests.support.writing import TEXT


class Listening(Asker):
    """Notes what it was asked."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.asked: list[Mapping[str, str]] = []

    def ask(self, name: str, values: Mapping[str, str], *given: Any, **more: Any) -> Reply:
        self.asked.append(values)
        return super().ask(name, values, *given, **more)


@contextmanager
def _asker(data: Path) -> Iterator[Listening]:
    with QueryEngine((data / "current" / "store").resolve(), workers=1) as engine:
        yield Listening(engine)


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    corpus.write(folder, 24)
    _built(folder)
    return folder


def _built(plans: Path) -> None:
    with BuildJob(plans, plans.parent / "data") as job:
        job.publish()


def _shorter(file: Path) -> None:
    """Without its last sentences: fewer tasks, fewer targets."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: len(text) * 2 // 3].rpartition("\n")[0] + "\n", encoding="utf-8")


def test_after_a_change_only_what_changed_is_asked_for(plans: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(_asker(plans.parent / "data"))
        before = all_of(first, "zh")
        county = next(one for one in reversed(before) if one.rank == 4)
        _shorter(plans / f"{county.slug}.txt")
        _built(plans)
        second = stack.enter_context(_asker(plans.parent / "data"))
        now = all_of(second, "zh")
        assert second.asked == [{"place": county.code}]
        changed = [one.slug for one, old in zip(now, before, strict=True) if one != old]
        assert changed == [county.slug]
        rows = second.ask("plans", {}, "zh").table.records()
        assert [one.model_dump() for one in now] == [
            {**{key: row[key] for key in one.model_fields_set - {"iri"}}, "iri": row["planIri"]}
            for one, row in zip(now, rows, strict=True)
        ]
        assert [one.level for one in all_of(second, "en")][-1] == "County level"


@pytest.mark.parametrize("what", ["the nation's plan", "another document"])
def test_what_changes_more_is_read_whole(plans: Path, what: str) -> None:
    with _asker(plans.parent / "data") as first:
        before = all_of(first, "zh")
    if what == "another document":
        (plans / "new.txt").write_text(TEXT, encoding="utf-8")
    else:
        _shorter(plans / f"{before[0].slug}.txt")
    _built(plans)
    with _asker(plans.parent / "data") as second:
        assert len(all_of(second, "zh")) >= len(before)
        assert second.asked == [{}]


def test_who_comes_at_once_waits_for_one_answer(plans: Path) -> None:
    nation = min(plans.glob("100000*.txt"))
    nation.write_text(
        nation.read_text(encoding="utf-8").replace("25%", "26%") + "\n附件略。\n", encoding="utf-8"
    )
    _built(plans)
    with _asker(plans.parent / "data") as asker, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: all_of(asker, "zh"), range(4)))
        assert asker.asked == [{}]
        assert all(one == found[0] for one in found)
