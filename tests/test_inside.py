"""What does not agree inside one plan: figures, agencies, counts, numbers; on plans made up for the purpose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from graph import inside
from graph.document_numbers import parse
from graph.extraction import extract
from graph.inside_names import same_body
from graph.known_documents import KnownDocument, KnownDocuments
from graph.linking import link
from graph.record import PlanRecord

PLAN = """丰源区推动大规模设备更新和消费品以旧换新实施方案

一、总体要求
到2027年，关键工序数控化率超过75%。
二、重点任务
（一）推进电梯更新。到2027年，更新和加装电梯100台，更新供水设施40套。（牵头单位：区住建局；责任单位：区市场监管局、区财政局）
（二）开展汽车以旧换新。2024年，汽车以旧换新量达到1000辆。（牵头单位：区商务局；责任单位：区公安分局，各街道办事处）

附件
重点任务分工表
序号\t重点任务\t具体任务\t牵头单位\t责任单位
1\t推进电梯更新\t到2027年，更新和加装电梯{lifts}台，更新供水设施40套。\t{lead}\t{others}
2\t开展汽车以旧换新\t2024年，汽车以旧换新量达到1000辆。\t区商务局\t区公安分局，各街道（办事处）、管委会
"""
FITTING = {"lifts": "100", "lead": "区住建局", "others": "区市场监督管理局、区财政局"}


def read(text: str, **more: Any) -> PlanRecord:
    record = link(extract(text, "plan", "420503"))
    return record.model_copy(update=more)


def kinds(text: str, **more: Any) -> list[str]:
    return [
        check.kind for check in inside.checks(read(text, **more), text) if check.kind != "agency_spelling"
    ]


def table(title: str, columns: list[str], *rows: Sequence[str | None]) -> dict[str, Any]:
    return {
        "path": "附件",
        "title": title,
        "columns": columns,
        "rows": [dict(zip(columns, row, strict=True)) for row in rows],
    }


def record(**parts: Any) -> PlanRecord:
    head = {
        "title": "丰源区推动大规模设备更新和消费品以旧换新实施方案",
        "jurisdiction": {"name": "伍家岗区", "code": "420503"},
        **parts.pop("plan", {}),
    }
    return link(PlanRecord.model_validate({"slug": "plan", "text_hash": "0" * 64, "plan": head, **parts}))


def target(indicator: str, value: str, unit: str, year: int, **more: Any) -> dict[str, Any]:
    return {
        "path": "二/（一）",
        "indicator": indicator,
        "value": value,
        "unit": unit,
        "comparator": "=",
        "measure": "share" if unit == "%" else "count_cumulative",
        "target_year": year,
        "quote": f"{indicator}{value}{unit}",
        **more,
    }


def task(path: str, title: str, *agencies: str, role: str = "responsible") -> dict[str, Any]:
    return {"path": path, "title": title, "assignments": [{"agency": a, "role": role} for a in agencies]}


# -- body and annex ----------------------------------------------------------------------------------------------


def test_body_and_annex_that_agree() -> None:
    """区市场监管局 and 区市场监督管理局 are one body; streets and 管委会 are none that one could miss."""
    assert kinds(PLAN.format(**FITTING)) == []


def test_a_figure_that_differs() -> None:
    text = PLAN.format(**{**FITTING, "lifts": "110"})
    [check] = [one for one in inside.checks(read(text), text) if one.kind == "body_annex_value"]
    assert (check.first.value, check.second and check.second.value) == (Decimal(100), Decimal(110))
    assert (check.first.path, check.second and check.second.path) == ("二/（一）", "附件/1")
    assert check.second
    assert check.second.span
    assert "110台" in text[slice(*check.second.span)]


@pytest.mark.parametrize(
    ("change", "only_body", "only_annex"),
    [
        ({"others": "区财政局"}, ("区市场监管局",), ()),
        ({"others": "区市场监管局、区财政局、区审计局"}, (), ("区审计局",)),
        ({"lead": "区财政局", "others": "区市场监管局、区住建局"}, ("区住建局",), ("区财政局",)),
    ],
)
def test_agencies_that_differ(
    change: dict[str, str], only_body: tuple[str, ...], only_annex: tuple[str, ...]
) -> None:
    text = PLAN.format(**{**FITTING, **change})
    [check] = [one for one in inside.checks(read(text), text) if one.kind == "body_annex_agency"]
    assert (check.label, check.only_first, check.only_second) == ("推进电梯更新", only_body, only_annex)


def test_the_agency_of_an_indicator_is_one_of_its_task() -> None:
    rows = table(
        "指标清单", ["序号", "指标名称", "2027年", "责任单位"], ["1", "更新和加装电梯", "100台", "区商务局"]
    )
    body = target("更新和加装电梯", "100", "台", 2027)
    cell = target("更新和加装电梯", "100", "台", 2027, path="附件/1", origin="table")
    parts = {"targets": [body, cell], "tables": [rows]}
    wrong = record(**parts, actions=[task("二/（一）", "电梯", "区住建局", "区财政局")])
    [check] = inside.checks(wrong)
    assert (check.kind, check.only_second) == ("body_annex_agency", ("区商务局",))
    assert inside.checks(record(**parts, actions=[task("二/（一）", "电梯", "区住建局", "区商务局")])) == []
    # a record made by hand did not see the agencies
    assert inside.checks(wrong.model_copy(update={"text_hash": None})) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("区城管局", "区城市管理执法局", True),
        ("市住建局", "市住房和城乡建设局", True),
        ("区卫健委", "区卫生健康委", True),
        ("区财政局（金融办）", "区财政局", True),
        ("区教育局", "区商务局", False),
        ("区民政局", "区人民政府办公室", False),
        ("市商务局", "区商务局", False),
        ("区工信局", "区工业和信息化局", True),
    ],
)
def test_spellings_of_one_body(one: str, other: str, same: bool) -> None:
    assert same_body(one, other) == same_body(other, one) == same


def test_a_spelling_is_told_once() -> None:
    plan = record(
        actions=[
            task("二/（一）", "甲", "区城管执法局", "区教育局"),
            task("二/（二）", "乙", "区城管执法局", "区城管局"),
            task("二/（三）", "丙", "区城管局", "各街道办事处"),
        ]
    )
    [check] = inside.checks(plan)
    assert check.kind == "agency_spelling"
    assert {check.first.quote, check.second and check.second.quote} == {"区城管执法局", "区城管局"}


# -- figures of one plan -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (("关键工序数控化率", "70", "%", {}), ("关键工序数控化率", "65", "%", {}), 1),
        (("关键工序数控化率", "65", "%", {}), ("关键工序数控化率", "65", "%", {}), 0),
        (("更新和加装电梯", "60", "台", {"measure": "count_in_year"}), ("更新和加装电梯", "50", "台", {}), 1),
        (
            ("更新和加装电梯", "60", "台", {"measure": "count_in_year"}),
            ("更新和加装电梯", "50", "台", {"measure": "count_in_year"}),
            0,  # a quieter year is no contradiction
        ),
        (
            ("二手车交易量", "45", "%", {"measure": "growth_rate", "baseline_year": 2023}),
            ("二手车交易量", "30", "%", {"measure": "growth_rate", "baseline_year": 2023}),
            1,
        ),
        (
            ("二手车交易量", "45", "%", {"measure": "growth_rate", "baseline_year": 2023}),
            ("二手车交易量", "30", "%", {"measure": "growth_rate", "baseline_year": 2026}),
            0,
        ),
    ],
)
def test_a_later_target_below_an_earlier_one(earlier: Any, later: Any, expected: int) -> None:
    pair = [
        target(name, value, unit, year, **more)
        for (name, value, unit, more), year in ((later, 2027), (earlier, 2024))
    ]
    found = [one for one in inside.checks(record(targets=pair)) if one.kind == "later_below_earlier"]
    assert len(found) == expected
    if found:
        assert (found[0].year, found[0].first.target, found[0].second and found[0].second.target) == (
            2027,
            1,
            2,
        )


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("更新供水设施79套（阀门类108台）", [True]),
        ("更新供水设施79套（泵站类108套）", [False]),
        ("更新供水设施79套（泵站类18套）", []),
        ("建成省级以上绿色工厂6家，其中国家级绿色工厂8家", [False]),
        ("建成省级以上绿色工厂18家，其中，国家级绿色工厂6家", []),
        ("建成省级以上绿色工厂6家，建成充电桩800家", []),
    ],
)
def test_parts_and_wholes(sentence: str, found: list[bool]) -> None:
    text = f"丰源区实施方案\n\n一、重点任务\n（一）更新设备。到2027年，{sentence}。（牵头单位：区住建局）\n"
    checks = [one for one in inside.checks(read(text), text) if one.kind == "part_exceeds_whole"]
    assert [one.units_differ for one in checks] == found


# -- counts, lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stated", "expected"), [(4, []), (5, [(5, 4)])])
def test_articles_are_counted_where_that_is_sure(stated: int, expected: list[tuple[int, int]]) -> None:
    paths = ["一", "一/（一）", "二", "二/（一）", "二/（二）", "二/（二）/1", "三", "三/（一）"]
    counts = [{"what": "共条", "value": stated, "quote": f"《方案》共{stated}条"}]
    plan = record(provisions=[{"path": p, "heading": p} for p in paths], stated_counts=counts)
    checks = inside.checks(plan)
    assert [(one.stated, one.counted) for one in checks] == expected
    # a chapter without parts: nobody can say how its author counted
    bare = record(provisions=[{"path": p, "heading": p} for p in [*paths, "四"]], stated_counts=counts)
    assert inside.checks(bare) == []


def test_indicators_and_groups_of_rows_are_counted() -> None:
    columns = ["类别", "序号", "任务", "牵头部门"]
    rows = [["一、方案（2项）", "1", "甲事", "区商务局"], ["一、方案（2项）", "2", "乙事", "区教育局"]]
    assert inside.checks(record(tables=[table("分工表", columns, *rows)])) == []
    [check] = inside.checks(record(tables=[table("分工表", columns, rows[0])]))
    assert (check.kind, check.label, check.stated, check.counted) == ("stated_count", "一、方案", 2, 1)
    indicators = table("指标表", ["序号", "指标名称", "2027年"], ["1", "甲", "1台"], ["2", "乙", "2台"])
    counts = [{"what": "项目标指标", "value": 3, "quote": "共设置3项目标指标"}]
    [check] = inside.checks(record(tables=[indicators], stated_counts=counts))
    assert (check.stated, check.counted) == (3, 2)
    # 新增3项 counts something else
    counts = [{"what": "新增项", "value": 3, "quote": "新增3项指标"}]
    assert inside.checks(record(tables=[indicators], stated_counts=counts)) == []


def test_plans_and_lists_that_cover_different_fields() -> None:
    fields = ["工业", "教育", "文旅", "医疗"]
    rows = [["1", f"制定{one}领域设备更新实施方案"] for one in [*fields, "农业"]]
    rows += [["1", f"{one}领域设备更新项目清单"] for one in fields]
    [check] = inside.checks(record(tables=[table("分工表", ["序号", "主要任务"], *rows)]))
    assert (check.kind, check.only_first, check.only_second) == (
        "list_coverage",
        ("制定农业领域设备更新实施方案",),
        (),
    )
    few = [row for row in rows if "工业" in row[1] or "农业" in row[1]]
    assert inside.checks(record(tables=[table("分工表", ["序号", "主要任务"], *few)])) == []


def test_tasks_that_no_plan_or_list_takes_up() -> None:
    rows = [["1", f"制定{one}领域设备更新实施方案"] for one in ("工业", "教育", "医疗")]
    titles = ["推动工业设备更新", "提升教育设备水平", "更新医疗设备", "更新老旧农机"]
    tasks = [task(f"二/（一）/{n}", title, "区发改局") for n, title in enumerate(titles, 1)]
    columns = ["序号", "主要任务"]
    [check] = inside.checks(record(actions=tasks, tables=[table("分工表", columns, *rows)]))
    assert (check.kind, check.only_second) == ("uncovered_tasks", ("更新老旧农机",))
    assert inside.checks(record(actions=tasks[:3], tables=[table("分工表", columns, *rows)])) == []
    assert inside.checks(record(actions=tasks, tables=[table("分工表", columns, *rows[:2])])) == []


# -- who is named, what is cited -------------------------------------------------------------------------------------


def test_agencies_that_only_the_sentences_name() -> None:
    text = PLAN.format(**FITTING).replace(
        "\n附件\n",
        "三、保障措施\n（一）加强调度。区住建局每月调度进展。\n（二）加强宣传。营造良好氛围。\n\n附件\n",
    )
    plan = read(text)
    found = inside.agencies_in_text(plan, text)
    assert {plan.actions[number].title: names for number, names in found.items()} == {
        "加强调度": ("区住建局",)
    }
    assert inside.agencies_in_text(plan, None) == {}


def _cites(number: str, title: str, issued: str = "2024-06-01") -> PlanRecord:
    return record(plan={"issued": issued, "cites": [{"number": number, "title": title}]})


@pytest.mark.parametrize(
    ("number", "title", "kind", "says"),
    [
        (
            "省政办发〔2024〕18号",
            "湖南省推动大规模设备更新实施方案",
            "document_number",
            "湘政办发〔2024〕18号",
        ),
        ("湘政办发〔2024〕18号", "湖南省推动大规模设备更新实施方案", None, None),
        ("川政办发〔2024〕18号", "湖南省推动大规模设备更新实施方案", "document_number", None),
        ("市政发〔2024〕3号", "西安市推动大规模设备更新实施方案", None, None),  # 西安市 numbers so
        ("鄂政发〔2024〕81号", "湖北省推动大规模设备更新实施方案", "document_number", "鄂政发〔2024〕18号"),
        ("鄂政发〔2024〕18号", "湖北省推动大规模设备更新实施方案（2024—2027年）", None, None),
        ("国发〔2025〕1号", "某行动方案", "cites_later", "2025年"),
        ("国办发〔2024〕9号", "一份后来的方案", "cites_later", "2024-09-01"),
        ("国发〔2024〕7号", "推动大规模设备更新行动方案", None, None),
    ],
)
def test_citations(number: str, title: str, kind: str | None, says: str | None) -> None:
    held = [
        ("hubei", "湖北省推动大规模设备更新实施方案", "420000", "鄂政发〔2024〕18号", date(2024, 4, 1)),
        ("later", "一份后来的方案", "100000", "国办发〔2024〕9号", date(2024, 9, 1)),
    ]
    known = KnownDocuments(
        KnownDocument(slug, title, code, "liangxin", parse(number), day)
        for slug, title, code, number, day in held
    )
    checks = inside.checks(_cites(number, title), None, known)
    assert [one.kind for one in checks] == ([kind] if kind else [])
    if kind:
        assert (checks[0].second.quote if checks[0].second else None) == says


@pytest.mark.parametrize(
    ("number", "code", "fits"),
    [
        ("川府发〔2024〕28号", "530124", False),
        ("云府发〔2024〕28号", "530124", True),
        ("鲁政发〔2024〕3号", "530621", True),  # 鲁甸县's own character
        ("宁政发〔2024〕3号", "320100", True),  # 南京市 signs with 宁, as Ningxia does
        ("伍政发〔2024〕3号", "420503", True),
        (None, "420503", True),
    ],
)
def test_the_plan_s_own_number(number: str | None, code: str, fits: bool) -> None:
    place = {"name": "某县", "code": code}
    found = inside.checks(record(plan={"document_number": number, "jurisdiction": place}))
    assert [one.kind for one in found] == ([] if fits else ["document_number"])
