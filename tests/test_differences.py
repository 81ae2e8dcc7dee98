"""Two versions of a plan: what was added, removed, renamed, moved and changed, and what is no difference."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph.build import read_plan
from graph.differences import Differences, TargetChange, TaskChange, differences
from graph.errors import BadParameter
from graph.reading import read_text
from graph.record import PlanRecord
from graph.sources import Source
from shapes.changes import FORMATS, render

WUJIAGANG = Path(__file__).parents[1] / "plans" / "420503-wujiagang-2024-draft.txt"
OLD = """临江县公共机构节能行动方案

一、总体目标
到2027年，公共机构单位建筑面积能耗较2023年下降5%左右，新能源公务用车占比不低于60%。建成节水型机关20家。
二、重点任务
（一）实施照明改造。更换高效照明灯具3000套。（牵头单位：县机关事务中心；责任单位：县财政局、县教育局）
（二）推广新能源公务用车。新增和更新车辆优先选用新能源汽车。（牵头单位：县机关事务中心；配合单位：县公安局）
（三）开展能耗在线监测。建设监测平台。（牵头单位：县发改局）
三、保障措施
（一）强化督促检查。每季度通报进展。（牵头单位：县政府办）
"""


def read(text: str, slug: str = "x") -> PlanRecord:
    return read_plan(Source(text), slug, None)


def compare(*edits: tuple[str, str], text: str = OLD) -> Differences:
    new = text
    for old, now in edits:
        assert old in new, old
        new = new.replace(old, now)
    return differences(read(text, "old"), read(new, "new"))


def only_task(found: Differences) -> TaskChange:
    assert not found.targets
    [change] = found.tasks
    return change


def only_target(found: Differences) -> TargetChange:
    assert not found.tasks
    [change] = found.targets
    return change


def test_a_plan_is_the_same_as_itself_however_it_is_laid_out() -> None:
    assert compare().is_same
    assert compare(("。更换", "。\n更换"), ("\n（一）实施", "\n\n（一）实施")).is_same


def test_what_a_new_task_does_to_the_numbers_behind_it_is_no_difference() -> None:
    new = "二、重点任务\n（一）建设屋顶光伏。在公共机构屋顶安装光伏。（牵头单位：县发改局）\n"
    found = compare(
        ("（三）开展", "（四）开展"),
        ("（二）推广", "（三）推广"),
        ("（一）实施", "（二）实施"),
        ("二、重点任务\n", new),
    )
    change = only_task(found)
    assert (change.kind, change.after.title if change.after else "") == ("added", "建设屋顶光伏")
    back = differences(read(OLD.replace("二、重点任务\n", new)), read(OLD))
    assert [one.kind for one in back.tasks] == ["removed"]


def test_a_task_that_is_renamed_is_not_a_new_one() -> None:
    change = only_task(compare(("实施照明改造", "实施高效照明节能改造")))
    assert (change.kind, change.renamed, change.moved, change.agencies) == ("changed", True, False, [])


def test_a_task_that_stands_elsewhere_is_moved() -> None:
    line = "（三）开展能耗在线监测。建设监测平台。（牵头单位：县发改局）\n"
    last = "（一）强化督促检查。每季度通报进展。（牵头单位：县政府办）\n"
    change = only_task(compare((line, ""), (last, last + line.replace("（三）", "（二）"))))
    assert (change.moved, change.renamed) == (True, False)
    assert change.after
    assert change.after.under == ["保障措施"]
    swapped = compare(
        ("（二）推广", "（三）推广"),
        ("（三）开展能耗在线监测。建设监测平台。（牵头单位：县发改局）\n", ""),
        ("（三）推广", "（二）开展能耗在线监测。建设监测平台。（牵头单位：县发改局）\n（三）推广"),
    )
    assert [one.moved for one in swapped.tasks] == [True]  # one of the two, not both


def test_agencies_are_compared_by_task_and_role() -> None:
    found = compare(
        ("责任单位：县财政局、县教育局", "责任单位：县财政局、县卫健局"),
        ("配合单位：县公安局", "责任单位：县公安局"),
    )
    told = {
        one.after.title: [(a.agency, a.before, a.after) for a in one.agencies]
        for one in found.tasks
        if one.after
    }
    assert told == {
        "实施照明改造": [("县卫健局", None, "responsible"), ("县教育局", "responsible", None)],
        "推广新能源公务用车": [("县公安局", "supporting", "responsible")],
    }


@pytest.mark.parametrize(
    ("edit", "fields"),
    [
        (("不低于60%", "不低于50%"), {"value": ("60", "50")}),
        (("占比不低于60%", "占比超过60%"), {"comparator": (">=", ">")}),
        (("20家", "15家"), {"value": ("20", "15")}),
        (("3000套", "3500套"), {"value": ("3000", "3500")}),
    ],
)
def test_a_target_that_changed_tells_in_what(
    edit: tuple[str, str], fields: dict[str, tuple[str, str]]
) -> None:
    change = only_target(compare(edit))
    assert {one.field: (one.before, one.after) for one in change.fields} == fields


def test_years_are_compared_and_targets_come_and_go() -> None:
    later = compare(("到2027年，公共", "到2028年，公共"))
    assert {field.field for change in later.targets for field in change.fields} == {"target_year"}
    gone = only_target(compare(("建成节水型机关20家。", "")))
    assert (gone.kind, gone.before.value if gone.before else "") == ("removed", "20家")
    new = only_target(compare(("建成节水型机关20家。", "建成节水型机关20家。创建绿色食堂8个。")))
    assert (new.kind, new.after.value if new.after else "") == ("added", "8个")


def test_an_edited_draft_of_a_real_plan() -> None:
    text = read_text(WUJIAGANG)
    found = compare(
        ("全区新能源公交车占比达80%", "全区新能源公交车占比达85%"),
        ("（十）产品供需对接行动", "（十）产品供需精准对接行动"),
        ("（牵头单位：区教育局）", "（牵头单位：区教育局，责任单位：区财政局）"),
        ("全区新增主题公园1家和新增星级度假酒店5家", "全区新增主题公园1家"),
        text=text,
    )
    tasks = {one.after.title: one for one in found.tasks if one.after}
    assert set(tasks) == {"产品供需精准对接行动", "教育设施信息化升级行动"}
    assert tasks["产品供需精准对接行动"].renamed
    assert [(a.agency, a.after) for a in tasks["教育设施信息化升级行动"].agencies] == [
        ("区财政局", "responsible")
    ]
    told = {
        (one.kind, (one.after or one.before).indicator): [(f.field, f.before, f.after) for f in one.fields]  # type: ignore[union-attr]
        for one in found.targets
        if not one.agencies
    }
    bus = next(fields for (kind, name), fields in told.items() if "公交车" in name and kind == "changed")
    assert bus == [("value", "80", "85")]
    assert [name for kind, name in told if kind == "removed"] == ["新增星级度假酒店"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_differences_are_told_in_each_form(lang: str) -> None:
    found = compare(
        ("不低于60%", "不低于50%"), ("县教育局", "<县>卫健局"), ("实施照明改造", "实施高效照明改造")
    )
    for form in FORMATS:
        told = render(found, form, "en" if lang == "en" else "zh")
        assert "50" in told
        assert "实施高效照明改造" in told
    html = render(found, "html", "zh")
    assert "<县>" not in html
    assert not [link for link in html.split('href="')[1:] if not link.startswith("data:,")]
    assert Differences.model_validate_json(render(found, "json")) == found
    assert "没有变化" in render(compare(), "text")
    with pytest.raises(BadParameter, match="text, json, html"):
        render(found, "docx")


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "zhengmai", "diff", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_the_command_takes_files_and_built_plans(built: Path, tmp_path: Path) -> None:
    edited = tmp_path / "new.txt"
    edited.write_text(read_text(WUJIAGANG).replace("占比达80%", "占比达85%"), encoding="utf-8")
    same = run(WUJIAGANG.stem, WUJIAGANG, "--data", built)
    assert (same.returncode, "没有变化" in same.stdout) == (0, True)
    differs = run(WUJIAGANG.stem, edited, "--data", built, "--format", "json")
    assert differs.returncode == 1
    assert len(json.loads(differs.stdout)["targets"]) >= 1
    assert run(edited, "nowhere", "--data", built).returncode == 2
    missing = run(edited, "nowhere", "--data", built)
    assert WUJIAGANG.stem in missing.stderr
    assert run("nowhere.txt", edited).returncode == 2
