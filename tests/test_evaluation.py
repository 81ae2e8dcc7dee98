"""Measuring: a gold and a record small enough to count by hand."""

from __future__ import annotations

from typing import Any

import pytest

from graph.evaluation import Counts, evaluate, likeness, overall
from graph.gold import Gold
from graph.record import PlanRecord
from tests.support.measuring import GOLD, RECORD


def measured(gold: dict[str, Any], record: dict[str, Any]) -> Any:
    return evaluate(Gold.model_validate(gold), PlanRecord.model_validate(record))


def test_every_number_is_the_one_counted_by_hand() -> None:
    found = measured(GOLD, RECORD)
    assert found.counts == {
        "actions": Counts(right=2, extra=1, missed=1),
        "assignments": Counts(right=3, extra=2, missed=1),
        "assignments.lead": Counts(right=1, extra=1, missed=1),
        "assignments.responsible": Counts(right=2, extra=1, missed=0),
        "targets": Counts(right=3, extra=1, missed=1),
        "targets.body": Counts(right=2, extra=1, missed=1),
        "targets.table": Counts(right=1, extra=0, missed=0),
    }
    shares = {key: (share.right, share.of) for key, share in found.shares.items()}
    assert shares == {
        "titles": (1, 2),
        # Only the first target gives them.
        "targets.comparator": (0, 1),
        "targets.measure": (1, 1),
        "targets.baseline_year": (1, 1),
        "targets.value_max": (1, 1),
        "targets.target_year": (2, 2),
        "targets.unit": (3, 3),
        "targets.name": (3, 3),
        # Of the four that the gold asks for, two are right in all that it gives, one was missed.
        "targets.full": (2, 4),
    }
    kinds = [difference.kind for difference in found.differences]
    assert sorted(kinds) == sorted(
        [
            "role",
            "agency_extra",
            "title",
            "task_missed",
            "task_extra",
            "field.comparator",
            "target_missed",
            "target_extra",
        ]
    )
    role = next(one for one in found.differences if one.kind == "role")
    assert (role.path, role.gold, role.record) == ("一/1", "区工信局 lead", "区工信局 responsible")
    comparator = next(one for one in found.differences if one.kind == "field.comparator")
    assert (comparator.gold, comparator.record, comparator.quote) == (
        ">=",
        ">",
        "到2027年，设备投资规模增长25%以上",
    )


def test_precision_recall_and_f1() -> None:
    counts = Counts(right=3, extra=1, missed=2)
    assert (counts.precision, counts.recall, counts.gold) == (0.75, 0.6, 5)
    assert counts.f1 == pytest.approx(2 / 3)
    assert (Counts().precision, Counts().recall, Counts().f1) == (1, 1, 1)
    assert Counts(extra=1, missed=1).f1 == 0


def test_a_perfect_record_has_no_differences() -> None:
    action = {"path": "一", "title": "甲", "lead": ["区发改局"]}
    read = {"path": "一", "title": "甲", "assignments": [{"agency": "区发改局", "role": "lead"}]}
    found = measured({"plan": GOLD["plan"], "actions": [action]}, {"plan": RECORD["plan"], "actions": [read]})
    assert not found.differences
    assert found.counts["actions"].f1 == found.counts["assignments"].f1 == 1
    # What the gold does not annotate is not measured.
    assert "targets" not in found.counts


def test_supporting_agencies_are_told_apart_where_the_gold_does() -> None:
    action = {"path": "一", "title": "甲", "lead": ["子局"], "supporting": ["丑局"]}
    read = [{"agency": "子局", "role": "lead"}, {"agency": "丑局", "role": "responsible"}]
    found = measured(
        {"plan": GOLD["plan"], "actions": [action]},
        {"plan": RECORD["plan"], "actions": [{"path": "一", "title": "甲", "assignments": read}]},
    )
    assert found.counts["assignments.supporting"] == Counts(missed=1)
    assert found.counts["assignments.responsible"] == Counts(extra=1)


def test_the_closest_of_several_candidates_is_taken() -> None:
    """甲 and 乙 share a value and most of their words: each goes to its own, whatever the order."""
    names = ["甲类设备更新率", "乙类设备更新率"]
    gold = [{"name": name, "verbatim": f"{name}达到90%", "value": 90, "target_year": 2027} for name in names]
    read = [
        {
            "path": "一",
            "indicator": name,
            "value": 90,
            "unit": "%",
            "comparator": "=",
            "measure": "share",
            "target_year": 2027,
            "quote": f"{name}达到90%",
        }
        for name in reversed(names)
    ]
    found = measured({"plan": GOLD["plan"], "indicators": gold}, {"plan": RECORD["plan"], "targets": read})
    assert found.counts["targets"] == Counts(right=2)
    assert not found.differences


def test_tables_cell_by_cell() -> None:
    columns = ("序号", "任务", "单位")
    rows = [
        dict(zip(columns, cells, strict=True))
        for cells in [("1", "甲", "子局"), ("2", "乙", None), ("3", "丙", "/")]
    ]
    table = {"path": "附件", "title": "清单", "columns": list(columns)}
    # The first row is missing, and an empty cell was taken for a stroke: 9 cells, 5 of them right, 6 read.
    read = [rows[1] | {"单位": "/"}, rows[2]]
    gold = {"plan": GOLD["plan"], "tables": [{"name": "清单", "rows": [row | {"_line": 3} for row in rows]}]}
    found = measured(gold, {"plan": RECORD["plan"], "tables": [table | {"rows": read}]})
    assert found.counts["table_cells"] == Counts(right=5, extra=1, missed=4)
    assert len(found.differences) == 4
    missing = measured(gold, {"plan": RECORD["plan"]})
    assert missing.counts["table_cells"] == Counts(missed=9)


def test_cited_targets_and_adjustments() -> None:
    cited = {
        "level": "city",
        "jurisdiction": "乙市",
        "name": "家电回收量",
        "verbatim": "60000",
        "value": 60000,
        "unit": "台",
        "target_year": 2027,
    }
    gold = {
        "plan": GOLD["plan"],
        "upper_level_indicators": [cited, cited | {"level": "province", "jurisdiction": "丙省"}],
        "deleted_indicators": [
            {
                "name": "报废汽车",
                "verbatim": "报废汽车40辆",
                "value": 40,
                "unit": "辆",
                "requested_by": "区商务局",
            }
        ],
        "added_indicators": [
            {
                "name": "充电桩",
                "verbatim": "2024年、2027年新增充电桩10个、30个",
                "values": [{"value": 10, "target_year": 2024}, {"value": 30, "target_year": 2027}],
            }
        ],
    }
    read = {
        "path": "附件/1",
        "indicator": "家电回收量",
        "value": 60000,
        "unit": "台",
        "comparator": "=",
        "measure": "count_cumulative",
        "target_year": 2027,
        "quote": "60000",
        "claimed_level": "city",
        "claimed_jurisdiction": "丁市",
    }
    deleted = {
        "kind": "deleted",
        "indicator": "报废汽车",
        "value": 40,
        "unit": "辆",
        "agency": "区发改局",
        "quote": "报废汽车40辆",
    }
    added = {"kind": "added", "indicator": "新增充电桩", "value": 30, "target_year": 2027, "quote": "30个"}
    found = measured(
        gold,
        {
            "plan": RECORD["plan"],
            "cited_targets": [read],
            "adjustments": [deleted, added, deleted | {"value": 1}],
        },
    )
    assert found.counts == {
        "cited_targets": Counts(right=1, missed=1),
        "adjustments": Counts(right=2, extra=1, missed=1),
    }
    assert found.shares["cited_targets.place"].right == 0
    assert (found.shares["adjustments.agency"].right, found.shares["adjustments.agency"].of) == (0, 1)


def test_over_all_counts_every_item_alike() -> None:
    whole = overall([measured(GOLD, RECORD), measured(GOLD, RECORD)])
    assert whole.counts["assignments"] == Counts(right=6, extra=4, missed=2)
    assert (whole.shares["targets.full"].right, whole.shares["targets.full"].of) == (4, 8)


def test_likeness_is_the_longest_common_stretch_of_the_shorter_text() -> None:
    assert likeness("更新 电梯", "更新电梯10台") == 1
    assert likeness("甲乙丙丁", "丙丁戊己庚") == 0.5
    assert likeness("", "甲") == 0
