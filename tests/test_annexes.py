"""Annex tables and the drafting explanation of the real plans, checked by eye against the texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from graph.extraction import extract
from graph.reading import squeeze
from graph.record import PlanRecord

PLANS = Path(__file__).parent.parent / "plans"
KNOWN = yaml.safe_load((Path(__file__).parent / "data" / "annexes.yaml").read_text(encoding="utf-8"))


@cache
def plan(slug: str) -> tuple[PlanRecord, str]:
    text = (PLANS / f"{slug}.txt").read_text(encoding="utf-8")
    return extract(text, slug, slug[:6]), text


@pytest.mark.parametrize("slug", KNOWN)
def test_every_cell_of_the_annexes(slug: str) -> None:
    """Every row, every column: what is printed, what is merged (filled down) and what is empty."""
    (table,) = plan(slug)[0].tables
    expected = KNOWN[slug]
    assert (table.path, table.title, table.columns) == (
        expected["path"],
        expected["title"],
        expected["columns"],
    )
    assert len(table.rows) == len(expected["rows"])
    for row, cells in zip(table.rows, expected["rows"], strict=True):
        assert [row[column] for column in table.columns] == cells


def test_the_indicator_table_gives_targets_and_claims() -> None:
    record, text = plan("420503-wujiagang-2024-draft")
    own = [t for t in record.targets if t.origin == "table"]
    assert len(own) == 28
    # 50 cells about the levels above: what this draft says of them, no targets of its own.
    assert len(record.cited_targets) == 50
    by_level = [c.claimed_level for c in record.cited_targets]
    assert {level: by_level.count(level) for level in set(by_level)} == {
        "national": 5,
        "province": 21,
        "city": 24,
    }
    bus = [c for c in record.cited_targets if c.indicator == "新能源公交车占比"]
    assert [(c.claimed_jurisdiction, c.value, c.target_year, c.measure) for c in bus] == [
        ("湖北省", 85, 2027, "share"),
        ("宜昌市", 80, 2027, "share"),
    ]
    trade = next(t for t in own if t.indicator == "全年二手汽车交易")
    assert (trade.value, trade.comparator, trade.unit, trade.measure) == (6000, ">", "辆", "count_in_year")
    sold = next(
        c for c in record.cited_targets if c.indicator == "全年二手汽车交易" and c.claimed_level == "city"
    )
    assert (sold.value, sold.comparator, sold.path) == (60000, ">", "附件2/17")
    for target in [*own, *record.cited_targets]:
        assert target.span is not None
        assert squeeze(text[slice(*target.span)]).text == target.quote


def test_rows_carry_their_agencies() -> None:
    record, _ = plan("420503-wujiagang-2024-draft")
    beds = next(t for t in record.targets if t.origin == "table" and t.indicator == "改造病床")
    # The cell is merged with the one above.
    assert [(a.agency, a.role) for a in beds.assignments] == [("区卫健局", "responsible")]


def test_lists_of_plans_become_deliverables() -> None:
    record, _ = plan("360704-ganxian-2024")
    owed = [d for d in record.deliverables if d.path.startswith("附件")]
    kinds = [d.kind for d in owed]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "plan": 9,
        "policy": 4,
        "activity": 1,
        "list": 8,
    }
    policies = next(d for d in owed if d.name == "政策清单")
    assert (policies.path, [a.agency for a in policies.assignments]) == (
        "附件/四/1",
        ["区发展改革委", "区商务局", "区财政局"],
    )


def test_adjustments_with_who_asked_and_why() -> None:
    record, _ = plan("420503-wujiagang-2024-draft")
    deleted = [a for a in record.adjustments if a.kind == "deleted"]
    assert [(a.indicator, a.value, a.unit, a.agency) for a in deleted] == [
        ("报废汽车回收量", 40, "%", "区商务局"),
        ("升级污水处理厂", 4, "座", "区住建局"),
        ("安装城市生命线安全监测物联传感设备", 20000, "套", "区住建局"),
        ("更新改造建筑施工设备", 600, "台", "区住建局"),
        ("更新改造节能建筑面积", 1600000, "平方米", "区住建局"),
        ("淘汰老旧燃油船舶", 20, "艘", "区农业农村局"),
        ("涵闸建设或更新改造", 2, "处", "区农业农村局"),
        ("泵站建设或更新改造", 4, "处", "区农业农村局"),
        ("报废农机", 10000, "台套", "区农业农村局"),
        ("农作物耕种收综合机械化率", 60, "%", "区农业农村局"),
        ("家电以旧换新量", 50000, "台", "区商务局"),
        ("报废汽车", 13500, "辆", "区商务局"),
        ("培育国家级再生资源回收体系典型企业", 1, "家", "区商务局"),
    ]
    assert deleted[0].reason == "我区无报废汽车资质企业"
    assert deleted[1].reason == "由市级统筹，区级无职能职责"
    added = [(a.indicator, a.value, a.target_year, a.agency) for a in record.adjustments if a.kind == "added"]
    assert added == [
        ("新增主题公园", 1, 2027, "区文旅局"),
        ("新增星级度假酒店", 5, 2027, "区文旅局"),
        ("新增和改造充电桩", 1050, 2024, "区发改局"),
        ("新增和改造充电桩", 3000, 2027, "区发改局"),
    ]


def test_stated_counts() -> None:
    record, _ = plan("420503-wujiagang-2024-draft")
    said = [count.value for count in record.stated_counts]
    for value in (19, 22, 32, 13, 3, 6, 26, 12, 17, 7, 10, 2):
        assert value in said


def test_the_funding_statement() -> None:
    (money,) = plan("420503-wujiagang-2024-draft")[0].funding
    assert money.local_subsidy is False
    assert money.sources == ["现有支持政策", "中省预算内投资", "国家财政补贴", "超长期特别国债", "金融再贷款"]
    assert money.quote.startswith("《“两新”行动方案（送审稿）》不要求区本级配套")


def test_mechanisms_and_stages() -> None:
    jiangxia, _ = plan("420115-jiangxia-2024")
    assert [(m.path, m.name, m.kind) for m in jiangxia.mechanisms] == [
        ("七/（一）", "区级联席会议机制", "coordination"),
        ("七/（二）", "四张清单", "list"),
    ]
    wuqing, _ = plan("120114-wuqing-2024")
    assert [(s.path, s.title) for s in wuqing.stages] == [
        ("四/（一）", "摸底调研阶段"),
        ("四/（二）", "方案制定阶段"),
        ("四/（三）", "组织实施阶段"),
    ]
    assert wuqing.stages[1].deadline == "收到市级各类工作方案和政策要求后10个工作日内"
    assert "区推动大规模设备更新和消费品以旧换新工作协调机制" in [m.name for m in wuqing.mechanisms]
    assert "三个清单" in [m.name for m in wuqing.mechanisms]


BODY = (
    "甲县推动设备更新实施方案\n一、总体目标\n到2027年，更新设备1000台。\n二、重点任务\n"
    "（一）更新工业设备。推进技术改造，提升能效水平，更新用能设备，保障安全生产。（责任单位：县工信局）\n"
    "（二）更新农机。报废老旧农机，推广智能农机，完善社会化服务体系。（责任单位：县农业农村局）\n"
)


def only_table(annex: str) -> tuple[list[str], list[list[str | None]], PlanRecord]:
    record = extract(BODY + annex)
    (table,) = record.tables
    return table.columns, [[row[name] for name in table.columns] for row in table.rows], record


def test_tabbed_rows_of_our_own() -> None:
    columns, rows, record = only_table(
        "附件1\n重点指标表\n序号\t指标名称\t单位\t2025年目标\t2027年目标\t责任单位\n"
        "1\t更新锅炉\t台\t50台\t120台\t县工信局\n2\t农机报废更新\t台\t-\t300台以上\t县农业农村局、县财政局\n"
    )
    assert columns == ["序号", "指标名称", "单位", "2025年目标", "2027年目标", "责任单位"]
    assert rows[1] == ["2", "农机报废更新", "台", "-", "300台以上", "县农业农村局、县财政局"]
    cells = [
        (t.path, t.indicator, t.value, t.comparator, t.target_year)
        for t in record.targets
        if t.origin == "table"
    ]
    assert cells == [
        ("附件1/1", "更新锅炉", 50, "=", 2025),
        ("附件1/1", "更新锅炉", 120, "=", 2027),
        ("附件1/2", "农机报废更新", 300, ">=", 2027),
    ]


def test_tabbed_cells_with_cut_and_merged_ones() -> None:
    annex = (
        "附件2\n指标清单\n\t序号\n\t类别\n\t指标名称\n\t市指标\n\t县指标\n\t责任\n\n单位\n\n\t\n\t\n\t\n\t2025年\n\t2027年\n"
        "\t2025年\n\t2027年\n\t\n\n\t1\n\t主要\n\n指标\n\t设备投资增长率\n\t10%\n\t30%\n\t8%\n\t25%\n\t县发\n\n改局\n\n"
        "\t2\n\t\n\t新能源公交车占比\n\t/\n\t85%\n\t\n\t80%\n\t\n"
    )
    columns, rows, record = only_table(annex)
    assert columns == ["序号", "类别", "指标名称", "市2025", "市2027", "县2025", "县2027", "责任单位"]
    assert rows == [
        ["1", "主要指标", "设备投资增长率", "10%", "30%", "8%", "25%", "县发改局"],
        ["2", "主要指标", "新能源公交车占比", "/", "85%", None, "80%", "县发改局"],
    ]
    assert [(c.claimed_level, c.value, c.target_year) for c in record.cited_targets] == [
        ("city", 10, 2025),
        ("city", 30, 2027),
        ("city", 85, 2027),
    ]


def test_stacked_cells_cut_by_a_page() -> None:
    annex = (
        "附件 \n\n任务分解表 \n\n序号 重点领域 具体任务 牵头单位 责任单位 备注 \n\n1 \n\n更新工业\n\n设备 \n\n到 2027年，更新锅炉 120 台，\n\n"
        "县工信局 \n\n县应急管理局、县市\n 更新电机 300 台。 \n\n场监管局 \n\n \n\n2 \n\n更新农机 \n\n报废老旧农机。 \n\n \n\n县农业农村局、各乡镇 \n\n \n"
    )
    columns, rows, _ = only_table(annex)
    assert columns == ["序号", "重点领域", "具体任务", "牵头单位", "责任单位", "备注"]
    assert rows == [
        [
            "1",
            "更新工业设备",
            "到2027年，更新锅炉120台，更新电机300台。",
            "县工信局",
            "县应急管理局、县市场监管局",
            None,
        ],
        ["2", "更新农机", "报废老旧农机。", None, "县农业农村局、各乡镇", None],
    ]
