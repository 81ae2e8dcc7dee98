"""The five real plans: whole documents in, known facts out, each checked by eye against the text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from graph.extraction import extract
from graph.linking import link
from graph.reading import read_text, squeeze
from graph.record import PlanRecord, Target

PLANS = Path(__file__).parent.parent / "plans"
SLUGS = {
    "江夏区": "420115-jiangxia-2024",
    "伍家岗区": "420503-wujiagang-2024-draft",
    "赣县区": "360704-ganxian-2024",
    "武清区": "120114-wuqing-2024",
    "乌海市": "150300-wuhai-2024",
}


@cache
def plan(place: str) -> PlanRecord:
    slug = SLUGS[place]
    return link(extract(read_text(PLANS / f"{slug}.txt"), slug, slug[:6]))


def targets(place: str, concept: str, year: int | None = None) -> list[Target]:
    return [t for t in plan(place).targets if t.concept == concept and year in (None, t.target_year)]


@pytest.mark.parametrize("place", SLUGS)
def test_every_span_shows_its_quote(place: str) -> None:
    """White space aside, the text at a span is the quote, the name or the heading that it stands for."""
    text = read_text(PLANS / f"{SLUGS[place]}.txt")
    record = plan(place)
    spans = [(t.span, t.quote) for t in record.targets]
    spans += [(a.span, a.agency) for action in record.actions for a in action.assignments]
    assert spans
    for span, words in spans:
        assert span is not None
        assert squeeze(text[slice(*span)]).text == words


@pytest.mark.parametrize(
    ("place", "tasks", "goals", "head"),
    [
        ("江夏区", 25, 54, ("江夏区推动大规模设备更新和消费品以旧换新实施方案", None, None, None, "issued")),
        (
            "伍家岗区",
            17,
            30,
            (
                "伍家岗区推动大规模设备更新和消费品以旧换新行动方案（2024—2027年）（送审稿）",
                None,
                None,
                None,
                "draft",
            ),
        ),
        (
            "赣县区",
            32,
            35,
            (
                "赣县区推动大规模设备更新和消费品以旧换新实施方案",
                "赣区府发〔2024〕2号",
                None,
                "赣州市赣县区人民政府",
                "issued",
            ),
        ),
        (
            "武清区",
            23,
            4,
            (
                "武清区推动大规模设备更新和消费品以旧换新工作方案",
                None,
                "2024-06-12",
                "武清区人民政府",
                "issued",
            ),
        ),
        (
            "乌海市",
            18,
            18,
            ("乌海市推动大规模设备更新和消费品以旧换新工作任务落实方案", None, "2024-06-08", None, "issued"),
        ),
    ],
)
def test_heads_and_counts(place: str, tasks: int, goals: int, head: tuple[str | None, ...]) -> None:
    record = plan(place)
    said = record.plan
    body = [target for target in record.targets if target.origin == "body"]
    assert (len(record.actions), len(body)) == (tasks, goals)
    issued = said.issued.isoformat() if said.issued else None
    assert (said.title, said.document_number, issued, said.issuer, said.status) == head
    assert (said.jurisdiction.name, said.family) == (place, "liangxin")


def test_what_the_five_texts_print_as_their_dates() -> None:
    """赣县区 prints only the date in its imprint, 武清区 and 乌海市 only that of signature, the other two none."""
    found = {place: plan(place).plan for place in ("江夏区", "伍家岗区", "赣县区", "武清区", "乌海市")}
    assert {
        place: (str(head.issued), str(head.printed), head.printed_by) for place, head in found.items()
    } == {
        "江夏区": ("None", "None", None),
        "伍家岗区": ("None", "None", None),
        "赣县区": ("None", "2024-08-03", "赣州市赣县区人民政府办公室"),
        "武清区": ("2024-06-12", "None", None),
        "乌海市": ("2024-06-08", "None", None),
    }


def test_citations_with_their_relation() -> None:
    cited = {c.number: c.relation for c in plan("赣县区").plan.cites}
    assert cited == {
        "国发〔2024〕7号": "implements",
        "省府发〔2024〕9号": "implements",
        "赣市府发〔2024〕5号": "implements",
    }
    assert [c.number for c in plan("伍家岗区").plan.cites] == ["鄂政办发〔2024〕18号", "宜府办发〔2024〕31号"]
    assert [c.title for c in plan("武清区").plan.cites] == [
        "天津市推动大规模设备更新和消费品以旧换新实施方案"
    ]


def test_ganxian_halves_the_two_digital_rates() -> None:
    (design,) = targets("赣县区", "digital-design-tool-adoption")
    (process,) = targets("赣县区", "key-process-cnc-rate")
    assert [(t.value, t.comparator, t.target_year, t.path) for t in (design, process)] == [
        (75, ">", 2027, "二/（一）/3"),
        (55, ">", 2027, "二/（一）/3"),
    ]


def test_wuhai_splits_investment_and_softens_appliances() -> None:
    split = targets("乌海市", "equipment-investment-growth")
    assert [(t.value, t.scope_domains) for t in split] == [
        (50, ["industry"]),
        (25, ["construction", "transport", "education", "culture-tourism", "health"]),
    ]
    (appliances,) = targets("乌海市", "appliance-recovery-growth")
    assert (appliances.comparator, appliances.quote) == ("qualitative", "废旧家电回收量实现有效提升")


def test_jiangxia_enumerations_brackets_and_conditions() -> None:
    found = {(t.indicator, t.target_year): t for t in plan("江夏区").targets}
    assert found["更新供水设施", 2027].value == 79
    assert found["更新供水设施（阀门类）", 2027].value == 108
    assert found["改造节能建筑面积", 2024].value == 122300
    assert found["改造节能建筑面积", 2024].value_text == "12.23万平方米"
    assert found["投资500万元以上工业设备更新项目", 2027].value == 100
    assert found["医疗设备淘汰更新", 2027].value == 6
    bus = found["全区新能源公交车占比", 2027]
    assert (bus.value, bus.comparator, bus.scope) == (90, ">=", "除应急保障车辆外")
    skipped = plan("江夏区").non_targets
    assert [n.reason for n in skipped] == ["threshold", "duration", "name"]
    assert "投资500万元" in skipped[0].text
    assert "超过8年" in skipped[1].text


def test_wuqing_goals_have_their_own_lead_agencies() -> None:
    lead = {
        t.indicator: [a.agency for a in t.assignments if a.role == "lead"] for t in plan("武清区").targets
    }
    assert lead["环保绩效达到A级水平的产能比例"] == ["区生态环境局"]
    assert len(lead["设备投资规模"]) == 7
    # （…等部门按职责分工负责）: one list, nobody leads.
    roles = {a.role for action in plan("武清区").actions for a in action.assignments}
    assert roles == {"undifferentiated"}


def test_wuhai_names_no_agency() -> None:
    assert not any(action.assignments for action in plan("乌海市").actions)


def test_a_collective_name_keeps_the_members_that_the_text_gives() -> None:
    first = plan("江夏区").actions[0].assignments
    assert [(a.agency, a.role) for a in first] == [("区科经局", "lead"), ("各街道办事处", "responsible")]
    assert first[1].members == ["金水办事处", "江夏经济开发区管委会", "梁子湖风景区管委会"]


def test_gb18030_reads_the_same(tmp_path: Path) -> None:
    text = read_text(PLANS / "360704-ganxian-2024.txt")
    file = tmp_path / "plan.txt"
    file.write_bytes(text.replace("\n", "\r\n").encode("gb18030"))
    assert extract(read_text(file)).plan == plan("赣县区").plan


def test_short_names_that_the_text_gives_itself() -> None:
    assert [(a.alias, a.full) for a in plan("武清区").plan.aliases] == [
        ("实施方案", "《天津市推动大规模设备更新和消费品以旧换新实施方案》")
    ]
    assert "两新" in [a.alias for a in plan("江夏区").plan.aliases]
