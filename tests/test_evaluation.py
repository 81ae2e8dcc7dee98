"""Measuring: a gold and a record small enough to count by hand, and the command with its formats and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graph.errors import BadInput
from graph.evaluation import Counts, evaluate, likeness, overall
from graph.gold import Documents, Gold, gold_files, load_gold
from graph.record import PlanRecord

TITLE = "甲区推动大规模设备更新行动方案"
GOLD: dict[str, Any] = {
    "plan": {"id": "jia", "title": TITLE, "jurisdiction": "甲区", "a note": "not read"},
    "actions": [
        {
            "path": "一/1",
            "title": "更新设备",
            "accept_titles": ["更新工业设备"],
            "lead": ["区发改局", "区工信局"],
            "responsible": ["区财政局", "区商务局"],
            "accept_roles": {"区商务局": ["undifferentiated"]},
            "aliases": {"区发改局": ["区发展和改革局"]},
            "neutral_agencies": ["各街道"],
        },
        {"path": "一/2", "title": "回收家电", "accept_paths": ["一/3"]},
        {"path": "二/1", "title": "资金支持", "lead": ["区财政局"]},
    ],
    "neutral_actions": [{"path": "九", "why": "doubtful"}],
    "indicators": [
        {
            "path": "一/1",
            "name": "设备投资规模",
            "verbatim": "设备投资规模增长25%以上",
            "value": 25,
            "value_max": None,
            "unit": "%",
            "comparator": ">=",
            "kind": "growth_rate",
            "baseline_year": 2023,
            "target_year": 2027,
        },
        {"name": "更新电梯", "verbatim": "更新电梯10台", "value": 10, "unit": "台", "accept_units": ["部"]},
        {"name": "更新客车", "verbatim": "更新客车30辆", "value": 30, "unit": "辆"},
        {"name": "宜改尽改", "verbatim": "基本做到宜改尽改", "comparator": "qualitative", "optional": True},
        {
            "name": "电梯",
            "verbatim": "12台",
            "value": 12,
            "target_year": 2027,
            "unit": "台",
            "in_table": True,
        },
    ],
    "neutral_indicators": [{"verbatim": "占全市的5%"}],
}
RECORD: dict[str, Any] = {
    "slug": "1-jia",
    "plan": {"title": TITLE, "jurisdiction": {"name": "甲区"}},
    "actions": [
        {
            "path": "一/1",
            "title": "更新工业设备",
            "assignments": [
                {"agency": "区发展和改革局", "role": "lead"},  # right by its alias
                {"agency": "区工信局", "role": "responsible"},  # the wrong role: one missed, one too many
                {"agency": "区 财政局", "role": "supporting"},  # right: this gold has no supporting agencies
                {"agency": "区商务局", "role": "undifferentiated"},  # right: the role is accepted
                {"agency": "各街道", "role": "lead"},  # neither right nor wrong
                {"agency": "区教育局", "role": "lead"},  # too many
            ],
        },
        {"path": "一/3", "title": "回收"},  # right path, wrong title
        {"path": "三", "title": "多出来的"},  # too many; 二/1 is missed, its agencies are not counted
        {"path": "九", "title": "可有可无"},  # neutral
    ],
    "targets": [
        {
            "path": "一/1",
            "indicator": "设备投资规模",
            "value": 25,
            "unit": "%",
            "comparator": ">",  # not >=
            "measure": "growth_rate",
            "baseline_year": 2023,
            "target_year": 2027,
            "quote": "到2027年，设备投资规模增长25%以上",
        },
        {
            "path": "一/1",
            "indicator": "更新电梯",
            "value": 10,
            "unit": "部",
            "comparator": "=",
            "measure": "count_cumulative",
            "quote": "更新电梯10台",
        },
        {  # the same words again: too many
            "path": "一/1",
            "indicator": "更新电梯",
            "value": 10,
            "unit": "台",
            "comparator": "=",
            "measure": "count_cumulative",
            "quote": "更新电梯10台",
        },
        {  # neutral
            "path": "一/1",
            "indicator": "占比",
            "value": 5,
            "unit": "%",
            "comparator": "=",
            "measure": "share",
            "quote": "占全市的5%",
        },
        {  # in a table the indicator and the year tell which one it is
            "path": "附件/1",
            "indicator": "电梯",
            "value": 12,
            "unit": "台",
            "comparator": "=",
            "measure": "count_cumulative",
            "target_year": 2027,
            "quote": "12",
            "origin": "table",
        },
    ],
}


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


# -- which document a gold file is about ---------------------------------------------------------------------------


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    folder.mkdir()
    for slug, place in (
        ("420115-jiangxia-2024", "江夏区"),
        ("360704-ganxian-2024", "赣县区"),
        ("other", "武清区"),
    ):
        text = f"{place}推动大规模设备更新行动方案\n一、重点任务\n（一）更新设备。到2027年，更新电梯10台。（责任单位：区住建局）\n"
        (folder / f"{slug}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "plan", "slug"),
    [
        ("a.json", {"title": "无", "document": "other.txt"}, "other"),
        ("ganxian.json", {"title": "无"}, "360704-ganxian-2024"),
        ("a.json", {"title": "无", "id": "jiangxia"}, "420115-jiangxia-2024"),
        ("a.json", {"title": "赣县区推动大规模设备\n更新行动方案"}, "360704-ganxian-2024"),
        ("a.json", {"title": "无", "jurisdiction": "武清区"}, "other"),
        ("a.json", {"title": "无", "code": "420115"}, "420115-jiangxia-2024"),
        # Two are called so: the place decides.
        ("2024.json", {"title": "无", "code": "360704"}, "360704-ganxian-2024"),
    ],
)
def test_the_document_is_found(plans: Path, name: str, plan: dict[str, str], slug: str) -> None:
    gold = Gold.model_validate({"plan": plan, "actions": []})
    assert Documents(plans).record_for(gold, Path(name)).slug == slug


@pytest.mark.parametrize(
    ("name", "plan", "says"),
    [
        ("a.json", {"title": "无"}, "fits none"),
        ("2024.json", {"title": "无"}, "fits 360704-ganxian-2024 and 420115-jiangxia-2024"),
        ("a.json", {"title": "无", "document": "missing.txt"}, "is not among the documents"),
    ],
)
def test_a_document_that_cannot_be_told_is_said(
    plans: Path, name: str, plan: dict[str, str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        Documents(plans).record_for(Gold.model_validate({"plan": plan, "actions": []}), Path(name))


# -- the command -----------------------------------------------------------------------------------------------------


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhengmai", "evaluate", *map(str, args)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    gold, record = tmp_path / "gold.json", tmp_path / "record.json"
    gold.write_text(json.dumps(GOLD), encoding="utf-8")
    record.write_text(json.dumps(RECORD), encoding="utf-8")
    return gold, record


def test_the_command_prints_text_markdown_and_json(files: tuple[Path, Path]) -> None:
    gold, record = files
    text = run(gold, "--record", record, "--show")
    assert (text.returncode, text.stderr) == (0, "")
    assert "职责分工" in text.stdout
    assert "角色不同" in text.stdout
    assert "读出: 区工信局 responsible" in text.stdout
    page = run(gold, "--record", record, "--format", "markdown", "--lang", "en")
    assert page.returncode == 0
    assert "| assignments | 4 | 0.600 | 0.750 | 0.667 |\n" in page.stdout
    assert f"| {TITLE} | 0.667 | 0.667 | 0.750 |\n" in page.stdout
    data = json.loads(run(gold, "--record", record, "--format", "json", "--show").stdout)
    assert data["overall"]["counts"]["targets"] == {
        "right": 3,
        "extra": 1,
        "missed": 1,
        "precision": 0.75,
        "recall": 0.75,
        "f1": 0.75,
    }
    assert data["plans"][0]["document"] == "1-jia"
    assert len(data["plans"][0]["differences"]) == 8


def test_the_command_finds_the_document(plans: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold"
    gold.mkdir()
    action = {"path": "一/（一）", "title": "更新设备", "responsible": ["区住建局"]}
    for place in ("jiangxia", "ganxian"):
        content = {"plan": {"title": "无"}, "actions": [action]}
        (gold / f"{place}.json").write_text(json.dumps(content), encoding="utf-8")
    done = run(gold, "--plans", plans, "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [one["document"] for one in data["plans"]] == ["360704-ganxian-2024", "420115-jiangxia-2024"]
    assert data["overall"]["counts"]["assignments"]["right"] == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "a gold file is a JSON object"),
        ('{"plan": {"title": "甲"}}', "has nothing to measure"),
        ('{"plan": {}, "actions": []}', "plan.title"),
        ('{"plan": {"title": "甲"}, "actions": [{"path": "一"}]}', "actions.0.title"),
        (
            '{"plan": {"title": "甲"}, "indicators": [{"name": "甲", "verbatim": "乙", "comparator": "≥"}]}',
            "indicators.0.comparator",
        ),
    ],
)
def test_a_malformed_gold_is_one_sentence(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "gold.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_gold(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_exit_code_2(files: tuple[Path, Path], tmp_path: Path) -> None:
    gold, record = files
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    for args, says in (
        ((tmp_path / "none.json",), "no such file"),
        ((empty,), "holds no gold files"),
        ((gold, gold, "--record", record), "goes with one gold file"),
        ((gold, "--record", broken), "broken.json"),
        ((gold, "--record", record, "--format", "xml"), "choose one of text, json, markdown"),
    ):
        done = run(*args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert gold_files([gold, tmp_path]) == [gold, broken, gold, record]


def test_the_example_of_the_documentation_is_a_gold_file(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "gold.md").read_text(encoding="utf-8")
    file = tmp_path / "example.json"
    file.write_text(page.split("```json\n")[1].split("```")[0], encoding="utf-8")
    gold = load_gold(file)
    assert gold.actions
    assert gold.indicators
    assert gold.indicators[0].comparator == ">="
