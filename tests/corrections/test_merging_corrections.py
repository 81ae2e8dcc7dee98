"""Corrections merged with later ones, and held against texts wrapped anew; on many made by chance."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graph.corrections import Correction, Edit, make_correction, merge_corrections
from tests.support.corrections import entry, read, rewrapped, text_of

DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def one_correction(draw: st.DrawFn) -> Correction:
    do = draw(st.sampled_from(["change", "add", "remove", "confirm"]))
    at = {
        "path": draw(st.sampled_from(["一", "二/（一）"])),
        "quote": draw(st.sampled_from(["甲", "乙 丙"])),
        "value": 1,
    }
    full = {"indicator": "甲", "comparator": ">", "measure": "share", "value": 1, "unit": "%"}
    values = {"change": {"value": draw(st.integers(1, 3))}, "add": full}.get(do, {})
    return make_correction(
        entry(do, "target", at, set=values) | {"by": draw(st.sampled_from("王李")), "date": draw(DAYS)}
    )


@given(
    st.lists(one_correction(), max_size=5),
    st.lists(st.builds(Edit, one_correction(), st.booleans()), max_size=5),
    DAYS,
)
@settings(deadline=None)
def test_merging_the_same_edits_again_changes_nothing(
    old: list[Correction], edits: list[Edit], later: date
) -> None:
    old = merge_corrections([], [Edit(one) for one in old]).corrections
    once = merge_corrections(old, edits)
    again = [Edit(e.correction.model_copy(update={"date": later}), e.of_added) for e in edits]
    twice = merge_corrections(once.corrections, again)
    assert twice.corrections == once.corrections
    assert not any(twice.taken.values())
    kept = [one for one in old if one in once.corrections]
    assert [one for one in once.corrections if one in kept] == kept  # in their old order


@given(st.integers(4, 60), st.data())
@settings(max_examples=15, deadline=None)
def test_corrections_hold_however_the_text_is_wrapped(width: int, data: st.DataObject) -> None:
    whole = read(text_of())
    target = data.draw(st.sampled_from([one for one in whole.targets if one.span]))
    at: dict[str, Any] = {"path": target.path, "quote": target.quote, "indicator": target.indicator}
    at |= {"value": target.value} if target.value is not None else {}
    record = read(rewrapped(text_of(), width), entry("confirm", "target", at))
    reviewed = [(one.indicator, one.value) for one in record.targets if one.review]
    if (target.indicator, target.value) in {(one.indicator, one.value) for one in record.targets}:
        assert reviewed == [(target.indicator, target.value)]
    else:  # the reader itself lost it: told, and nothing else is taken for it
        assert (len(record.problems), len(reviewed)) in {(1, 0), (0, 1)}
