"""Heads that are kept with a build tell the same as the records themselves, and lines of plans made of them are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import corpus
from graph.cascade import Lineage
from graph.catalog import StubEntry
from graph.kept_heads import FILE, Heads, KeptLineage
from graph.known_documents import KnownDocument, KnownDocuments
from graph.record import PlanRecord
from graph.shares import parents
from graph.stages import head_of, place_of, stub_place

STUBS = [
    StubEntry(slug="stub", title="某方案", code="420000", family="liangxin", number="鄂政发〔2024〕1号"),
    StubEntry(slug="other", title="另一方案", code="100000", family="other"),
]


@pytest.fixture(scope="module")
def records() -> list[PlanRecord]:
    """Plans of two years, so that some places have several; one of no family, and one whose place is not known."""
    found = [plan.record for plan in corpus.plans(60, seed=4)]
    again = [record.model_copy(deep=True) for record in found[:40]]
    for at, record in enumerate(again):
        record.slug += "-again"
        record.plan.issued = None
        record.plan.status = "draft" if at % 3 else "issued"
        record.plan.title += "（征求意见稿）" if at % 5 else "实施细则"
    again[3].plan.family = None
    again[4].plan.jurisdiction.code = None
    return [*found, *again]


@pytest.fixture
def heads(records: list[PlanRecord], tmp_path: Path) -> Heads:
    lines = [head_of(record).model_dump_json(exclude_defaults=True) + "\n" for record in records]
    (tmp_path / FILE).write_text("".join(lines), encoding="utf-8")
    return Heads(tmp_path)


def test_heads_are_what_was_kept(records: list[PlanRecord], heads: Heads, tmp_path: Path) -> None:
    assert dict(heads) == {record.slug: head_of(record) for record in records}
    assert heads.claiming() == {record.slug for record in records if record.cited_targets}
    changed = records[7].model_copy(update={"cited_targets": []})
    (tmp_path / "next").mkdir()
    heads.write(tmp_path / "next", {changed.slug: changed})
    assert dict(Heads(tmp_path / "next")) == dict(heads) | {changed.slug: head_of(changed)}


def test_a_head_that_changed_is_read_anew(records: list[PlanRecord], heads: Heads, tmp_path: Path) -> None:
    changed = records[7].model_copy(deep=True)
    changed.plan.title = "另一个方案"
    (tmp_path / "next").mkdir()
    heads.write(tmp_path / "next", {changed.slug: changed})
    now = [changed if record.slug == changed.slug else record for record in records]
    for _ in range(2):  # the second time all of them are remembered
        assert vars(Heads(tmp_path / "next").known(STUBS)) == vars(KnownDocuments.of(now, STUBS))
    assert Heads(tmp_path).told == heads.told
    assert vars(Heads(tmp_path).known(STUBS)) == vars(KnownDocuments.of(records, STUBS))


def test_what_is_cited_is_found_among_heads_as_among_records(records: list[PlanRecord], heads: Heads) -> None:
    assert vars(heads.known(STUBS)) == vars(KnownDocuments.of(records, STUBS))
    for record in records:
        assert KnownDocument.told(record.slug, heads.told[record.slug]["plan"]) == KnownDocument.of(record)


def test_the_line_of_plans_is_the_same(records: list[PlanRecord], heads: Heads) -> None:
    whole, kept = Lineage(), KeptLineage(heads, {records[9].slug: records[9]}, STUBS)
    places = [place_of(record) for record in records] + [stub_place(stub) for stub in STUBS]
    for place in places:
        whole.add(place)
    assert len(kept) == len(places)
    assert kept.in_order([place.slug for place in reversed(places)]) == [place.slug for place in places]
    for place in places:
        mine = kept.place(place.slug)
        assert (mine.slug, mine.code, mine.family) == (place.slug, place.code, place.family)
        above = [upper.slug for upper in whole.ancestors(place)]
        assert [upper.slug for upper in kept.ancestors(mine)] == above
        parent = kept.parent(mine)
        assert (parent.slug if parent else None) == (above[0] if above else None)
        assert kept.missing(mine) == whole.missing(place)
        assert [one.slug for one in kept.passed_over(mine)] == [one.slug for one in whole.passed_over(place)]
    pairs = [(one.slug, parent.slug) for one, parent in parents(whole)]
    assert [(one.slug, parent.slug) for one, parent in parents(kept)] == pairs
    for slug in {parent for _, parent in pairs}:
        some = [(one.slug, parent.slug) for one, parent in parents(kept, {slug})]
        assert some == [pair for pair in pairs if pair[1] == slug]
