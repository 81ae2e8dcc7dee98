"""Corrections by hand in YAML: what they change, and when they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.corrections import load_corrections, make_correction, save_corrections
from graph.errors import BadInput
from graph.patching import apply_corrections
from review.plans import open_plan
from tests.support.corrections import PLANS, RATES, TODAY, entry, named, read, text_of


def test_one_of_two_values_of_a_quote_is_changed() -> None:
    change = entry(
        "change",
        "target",
        {"path": "二/（一）/3", "quote": RATES, "indicator": "关键工序数控化率", "value": 55},
        set={"value": 60, "value_text": "60%"},
        reason="与附表核对",
    )
    record = read(text_of(), change)
    assert (named(record, "关键工序数控化率").value, record.problems) == (60, [])
    review = named(record, "关键工序数控化率").review
    assert review is not None
    assert (review.status, review.by, review.date, review.reason) == ("changed", "王芳", TODAY, "与附表核对")
    other = named(record, "规模以上工业企业数字化研发设计工具普及率")
    assert (other.value, other.review) == (75, None)


def test_a_place_holds_by_its_words_when_the_numbers_around_it_change() -> None:
    at = {
        "path": "二/（一）/3",
        "quote": " 到2027年，规模以上工业企业数字化研发设计工具普及率、关键工序\n数控化率分别超过75％、55％",
        "value": 55,
    }
    moved = text_of().replace(
        "（一）实施设备更新行动", "（一）先行事项\n\n1.做好衔接。抓好落实。\n\n（二）实施设备更新行动"
    )
    record = read(moved, entry("confirm", "target", at))
    target = named(record, "关键工序数控化率")
    assert target.path != "二/（一）/3"
    assert target.review is not None
    assert record.problems == []


def test_a_reader_that_has_learnt_better_does_not_lose_the_correction() -> None:
    at = {"path": "二/（一）/3", "quote": RATES, "indicator": "数控化率", "value": 50}
    record = read(
        text_of(), entry("change", "target", at, set={"indicator": "关键工序数控化率", "value": 55})
    )
    assert named(record, "关键工序数控化率").review is not None
    # and where only the other value of the quote is left, it is not taken for this one
    text = text_of().replace("关键工序数控化率分别超过75%、55%", "关键工序水平分别超过75%、20%")
    at = {
        "quote": RATES.replace("关键工序数控化率", "关键工序水平").replace("55", "20"),
        "indicator": "另一指标",
        "value": 1,
    }
    record = read(text, entry("confirm", "target", at))
    assert [problem.reason for problem in record.problems] == ["correction_unmatched"]
    assert not any(target.review for target in record.targets)


def test_what_is_added_is_found_in_the_text_and_not_doubled() -> None:
    quote = "加强信息基础设施建设，协同推进基础能力提升、5G融合应用"
    new = entry(
        "add",
        "target",
        {"path": "二/（一）/3", "quote": quote},
        set={
            "indicator": "5G融合应用",
            "comparator": "qualitative",
            "measure": "qualitative",
            "target_year": 2027,
        },
    )
    record = read(text_of(), new, new)
    target = named(record, "5G融合应用")
    assert target.span is not None
    assert "".join(text_of()[slice(*target.span)].split()) == quote == target.quote
    assert (target.path, target.review and target.review.status) == ("二/（一）/3", "added")
    starts = [one.span[0] for one in record.targets if one.span and one.origin == "body"]
    assert starts == sorted(starts)
    # a target that the reader finds by itself is not there twice
    there = read(text_of()).targets[0]
    given = {
        name: getattr(there, name)
        for name in ("indicator", "value", "unit", "comparator", "measure", "target_year")
    }
    again = read(text_of(), entry("add", "target", {"path": "一", "quote": there.quote}, set=given))
    assert len(again.targets) == len(read(text_of()).targets)
    assert again.targets[0].review is not None


def test_agencies_are_corrected_by_task_and_name() -> None:
    task = {"path": "二/（一）/1", "quote": "开展重点行业技术改造"}
    record = read(
        text_of(),
        entry("change", "assignment", task | {"agency": "区工信局"}, set={"role": "lead"}),
        entry("remove", "assignment", task | {"agency": "区应急管理局"}),
        entry("confirm", "assignment", task | {"agency": "高新区经发局", "role": "responsible"}),
        entry("confirm", "action", task),
        entry("add", "assignment", task, set={"agency": "区不存在局", "role": "supporting"}),
    )
    action = record.actions[0]
    assert [(a.agency, a.role, a.review and a.review.status) for a in action.assignments] == [
        ("区工信局", "lead", "changed"),
        ("高新区经发局", "responsible", "confirmed"),
    ]
    assert action.review is not None
    assert [(problem.text, problem.reason) for problem in record.problems] == [
        ("开展重点行业技术改造", "correction_stale")
    ]
    put_back = read(
        text_of(),
        entry("remove", "assignment", task | {"agency": "区应急管理局"}),
        entry("add", "assignment", task, set={"agency": "区应急管理局", "role": "supporting"}),
    ).actions[0]
    added = put_back.assignments[-1]
    assert added.span is not None
    assert text_of()[slice(*added.span)] == added.agency == "区应急管理局"


def test_a_correction_that_would_break_the_schema_is_told_and_not_applied() -> None:
    at = {"path": "二/（一）/3", "quote": RATES, "value": 55}
    record = read(text_of(), entry("change", "target", at, set={"unit": None}))
    assert named(record, "关键工序数控化率").unit == "%"
    assert [problem.reason for problem in record.problems] == ["correction_unfit"]


def test_the_same_words_in_two_places_need_a_place() -> None:
    text = "某某区设备更新方案\n一、目标\n（一）近期。到2027年，更新电梯10台。\n（二）远期。到2027年，更新电梯10台。\n"
    at = {"quote": "更新电梯10台"}
    quotes = {target.quote for target in read(text).targets}
    [quote] = [one for one in quotes if at["quote"] in one]
    assert (
        read(text, entry("remove", "target", {"quote": quote})).problems[0].reason == "correction_ambiguous"
    )
    record = read(text, entry("remove", "target", {"path": "一/(二)", "quote": quote}))
    assert [target.path for target in record.targets] == ["一/（一）"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- {do: change", "cannot be read as YAML"),
        ("do: change", "list"),
        ("- {do: chnage, what: target, at: {quote: x}, by: a, date: 2026-01-01}", "entry 1: do"),
        ("- {do: remove, what: target, at: {}, by: a, date: 2026-01-01}", "entry 1: at.quote"),
        ("- {do: remove, what: target, at: {quote: x}, date: 2026-01-01}", "entry 1: by"),
        ("- {do: remove, what: target, at: {quote: x}, by: a, date: soon}", "entry 1: date"),
        (
            "- {do: remove, what: target, at: {quote: x}, set: {value: 1}, by: a, date: 2026-01-01}",
            "set: remove",
        ),
        ("- {do: change, what: target, at: {quote: x}, by: a, date: 2026-01-01}", "set: says what"),
        (
            "- {do: change, what: target, at: {quote: x}, set: {colour: red}, by: a, date: 2026-01-01}",
            "set.colour",
        ),
        (
            "- {do: change, what: target, at: {quote: x}, set: {value: many}, by: a, date: 2026-01-01}",
            "set.value",
        ),
        (
            "- {do: change, what: target, at: {quote: x}, set: {indicator: null}, by: a, date: 2026-01-01}",
            "set.indicator",
        ),
        (
            "- {do: add, what: target, at: {quote: x}, set: {indicator: y}, by: a, date: 2026-01-01}",
            "set.comparator",
        ),
        (
            "- {do: add, what: target, at: {quote: x}, by: a, date: 2026-01-01,"
            " set: {indicator: y, comparator: '>', measure: share, value: 5}}",
            "set.value: a target has a value and a unit",
        ),
        ("- {do: remove, what: assignment, at: {quote: x}, by: a, date: 2026-01-01}", "at.agency"),
        (
            "- {do: add, what: assignment, at: {quote: x}, set: {agency: a}, by: a, date: 2026-01-01}",
            "set.role",
        ),
        ("- just words", "entry 1"),
    ],
)
def test_a_malformed_file_names_file_entry_and_field(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "some-plan.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_corrections(path)
    assert "some-plan.yaml" in caught.value.message
    assert says in caught.value.message


def test_a_file_is_written_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corrections" / "plan.yaml"
    made = [
        make_correction(
            entry("change", "target", {"quote": RATES, "value": 84.5}, set={"value": 12.23, "scope": None})
        ),
        make_correction(
            entry(
                "confirm", "action", {"path": "二/（一）/1", "quote": "开展重点行业技术改造"}, reason="无误"
            )
        ),
    ]
    save_corrections(path, made)
    assert load_corrections(path) == made
    path.write_text("# kept for the next reader\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    save_corrections(path, load_corrections(path))
    assert path.read_text(encoding="utf-8").startswith("# kept for the next reader\n")
    assert load_corrections(path) == made


def test_a_record_by_hand_is_corrected_too() -> None:
    plan = open_plan("420100-wuhan-2024", PLANS)
    target = plan.record.targets[0]
    one = make_correction(
        entry(
            "confirm", "target", {"path": target.path, "quote": target.quote, "indicator": target.indicator}
        )
    )
    assert apply_corrections(plan.record, [one]).failed == []
    assert target.review is not None
    gone = make_correction(entry("confirm", "target", {"quote": "没有这句话"}))
    assert apply_corrections(plan.record, [gone]).failed[0][1].reason == "correction_stale"
