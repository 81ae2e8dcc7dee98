"""What the plans hold that is linked to nothing: each is in a list that somebody has reviewed, or the tests fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graph import divisions
from graph.agency_identity import identify
from graph.agency_labels import code_of, mentions
from graph.build import read_plan
from graph.catalog import read_corpus
from graph.linking import link
from graph.reading import read_source
from graph.record import PlanRecord, load_record
from ontology.vocabulary import using

ROOT = Path(__file__).parent.parent
REVIEWED = ROOT / "tests" / "data" / "unlinked_of_plans.txt"
Row = tuple[str, str, str]


def records(folder: Path) -> list[PlanRecord]:
    """All documents and records of a folder, linked by its own vocabularies."""
    corpus = read_corpus(folder)
    with using(corpus.vocabularies):
        read = [read_plan(read_source(path), path.stem, entry.code) for path, entry in corpus.documents]
        return read + [link(load_record(path)) for path in corpus.records]


def unlinked(folder: Path) -> set[Row]:
    """Kind, document and printed name of what is linked to nothing."""
    found: set[Row] = set()
    for record in records(folder):
        slug, plan = record.slug, record.plan
        place, code = plan.jurisdiction, code_of(record)
        if place.code is None:
            found.add(("division", slug, place.name))
        claimed = {one.claimed_jurisdiction for one in record.cited_targets if one.claimed_jurisdiction}
        found |= {("division", slug, one) for one in claimed if not divisions.resolve(one, code).division}
        targets = (*record.targets, *record.cited_targets)
        found |= {("target", slug, one.indicator) for one in targets if one.concept is None}
        found |= {("task", slug, one.title) for one in record.actions if not one.domains}
        names = {one.name for one in mentions(record)}
        found |= {("agency", slug, name) for name in names if not identify(name, code).resolved}
    return found


def reviewed() -> set[Row]:
    """The list, by hand: ``kind | document | name``."""
    lines = REVIEWED.read_text(encoding="utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.split("|")) for line in lines if line and line[0] != "#"]
    return {(kind, slug, name) for kind, slug, name in rows}


def test_all_that_is_not_linked_is_reviewed() -> None:
    found = unlinked(ROOT / "plans")
    assert found - reviewed() == set(), "link it (docs/extending.md), or list it with a reason"
    assert reviewed() - found == set(), "linked by now: take it out of the list"


SOWN = """
江夏区推动大规模设备更新和消费品以旧换新补充方案

一、主要目标
到2027年，建成星际航站12座。
二、重点任务
（一）琉璃瓦的保养。做好琉璃瓦的保养。（牵头单位：区琉璃所；责任单位：区发改局）
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of one plan, its entry in the catalogue, and a record."""
    plans = tmp_path / "plans"
    plans.mkdir()
    shutil.copy(ROOT / "plans" / "420115-jiangxia-2024.txt", plans)
    return plans


def test_what_is_sown_is_found(copy: Path) -> None:
    assert unlinked(copy) - reviewed() == set()
    (copy / "420115-sown-2024.txt").write_text(SOWN, encoding="utf-8")
    (copy / "nowhere-2024.txt").write_text(SOWN.replace("江夏区", "桃源乡区"), encoding="utf-8")
    found = {(kind, name) for kind, slug, name in unlinked(copy) - reviewed()}
    assert {("task", "琉璃瓦的保养"), ("agency", "区琉璃所")} <= found
    assert {kind for kind, _ in found} == {"division", "target", "task", "agency"}
