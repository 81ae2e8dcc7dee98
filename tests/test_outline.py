"""Page layout undone, parts of a file told apart, numbered headings as a tree."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.extraction import extract
from graph.outline import blocks, parts, tree
from graph.reading import squeeze

BODY = """一、总体要求
坚持稳中求进。到2027年，设备投资规模较2023年增长25%以上。
二、重点任务
（一）推进设备更新
1.更新工业设备。围绕重点行业，更新用能设备。（责任单位：县工信局）
2．更新农机。报废老旧农机。（责任单位：县农业农村局）
（二）推进以旧换新。开展家电以旧换新活动，让利于民，方便群众。（牵头单位：县商务局）
三、保障措施
加强组织领导，压实工作责任。（责任单位：县发改局）
"""


def outline(text: str) -> list[tuple[str, str]]:
    plan = next(part for part in parts(text) if part.kind == "plan")
    return [(section.path, section.title) for section in tree(plan).walk() if section.number]


def test_headings_make_paths() -> None:
    assert outline(BODY) == [
        ("一", "总体要求"),
        ("二", "重点任务"),
        ("二/（一）", "推进设备更新"),
        ("二/（一）/1", "更新工业设备"),
        ("二/（一）/2", "更新农机"),
        ("二/（二）", "推进以旧换新"),
        ("三", "保障措施"),
    ]


@pytest.mark.parametrize("width", [18, 26, 31])
def test_hard_wrapped_lines_are_joined(width: int) -> None:
    """The same plan, printed in lines of a fixed width with blank lines between them, reads the same."""
    body = BODY.replace(
        "更新用能设备。",
        "更新用能设备，" + "加快节能降碳改造，推动数字化转型和智能化升级，" * 3 + "提升安全水平。",
    )
    lines = [line[i : i + width] for line in body.splitlines() for i in range(0, len(line), width)]
    plain, wrapped = extract(body), extract(" \n\n".join(lines))
    assert [(a.path, a.title, [x.agency for x in a.assignments]) for a in wrapped.actions] == [
        (a.path, a.title, [x.agency for x in a.assignments]) for a in plain.actions
    ]
    assert [(t.indicator, t.value, t.target_year) for t in wrapped.targets] == [
        (t.indicator, t.value, t.target_year) for t in plain.targets
    ]


def test_a_page_break_inside_a_word_is_joined() -> None:
    text = BODY.replace("县农业农村局", "县农业\n\n农村局").replace("用能设备", "用能\n 设备")
    agencies = [a.agency for action in extract(text).actions for a in action.assignments]
    assert agencies == ["县工信局", "县农业农村局", "县商务局", "县发改局"]


def test_notice_explanation_plan_and_annex_are_told_apart() -> None:
    text = (
        "甲县人民政府文件\n甲政发〔2024〕5号\n甲县人民政府关于印发甲县推动设备更新\n实施方案的通知\n"
        "各乡镇人民政府：\n现将《甲县推动设备更新实施方案》印发给你们，请认真贯彻执行。\n甲县人民政府\n2024年6月3日\n"
        "甲县推动设备更新\n实施方案\n" + BODY + "附件：任务清单\n附件\n任务清单\n1\t更新工业设备\t县工信局\n"
        "关于《甲县推动设备更新实施方案》的起草说明\n"
    )
    kinds = [part.kind for part in parts(text)]
    assert kinds[:2] == ["notice", "plan"]
    assert set(kinds[2:]) == {"annex"}
    head = extract(text).plan
    assert head.title == "甲县推动设备更新实施方案"
    assert (head.document_number, str(head.issued), head.issuer) == (
        "甲政发〔2024〕5号",
        "2024-06-03",
        "甲县人民政府",
    )
    assert outline(text) == outline(BODY)


def test_spaces_between_digits_and_words_go_and_latin_words_stay_apart() -> None:
    assert squeeze(" 到 2027 年，5G\n应用 Open Data 12 个 ").text == "到2027年，5G应用Open Data12个"


TEXTS = st.text(
    alphabet=st.sampled_from(
        "一二三四（）1234.．、。，；：《》〔〕“”\n\t 年到增长达以上%万台个区县市局责任牵头单位附件方案通知分别和每超过"
    ),
    max_size=400,
)
# What plans are made of; in any order they make texts that no plan is, but that look like one everywhere.
FRAGMENTS = st.sampled_from(
    "第一章|第二节|第三条|一、|二、|（一）|（二）|1.|2．|（1）|3）|①|主要任务\n|保障措施\n|扩大供给。|推进设备更新|——|一是|二是|某某市|县|我省|全区"
    "|到2027年，|2023年底|截至|目前|“十四五”期间|较2023年|每年|累计|力争|确保|不低于|不超过|控制在|增长|下降|提高到|由|从|分别达到|翻一番|三成|百分之二十五"
    "|十个|三至五家|1.5倍|8/10万|万分之三|25%|10%—15%|3万吨|1200台（套）|60岁以上|12个工作日|2万元|5G|“3+1+1”|12345热线|第12条|〔2024〕7号|6月30日前"
    "|5件/万人|32μg/m³|0.3毫克/升|以上|左右|以内|的|和|、|，|。|；|：|（|）|〔|〕|【|】|《|》|“|”|<|>|\n|\n\n| |\u3000|\t"
    "|牵头单位：|责任单位：|【责任单位】|完成时限：|配合部门：|市发展改革委|、财政局|等部门|各镇（街道）|按职责分工负责|牵头|配合|由市水利局牵头，会同市财政局制定"
    "|给予补贴|充电桩|覆盖率|设备投资规模|其中|建成|更新|附件1|附表：|实施方案|关于印发|的通知|起草说明|抄送：|2024年6月12日|（征求意见稿）|国家提出|的要求|序号|指标".split(
        "|"
    )
)
PLAN_LIKE = st.lists(FRAGMENTS, max_size=120).map("".join)


@settings(max_examples=300, deadline=None)
@given(PLAN_LIKE | TEXTS | st.text(max_size=400))
def test_any_text_is_read_without_an_error_and_with_true_spans(text: str) -> None:
    """Nothing raises, no span leaves the text, and each quote stands where its span says, white space aside."""
    record = extract(text)
    targets = [*record.targets, *record.cited_targets]
    spans = [target.span for target in targets] + [skipped.span for skipped in record.non_targets]
    spans += [provision.span for provision in record.provisions] + [action.span for action in record.actions]
    for span in spans:
        assert span is not None
        assert 0 <= span[0] < span[1] <= len(text)
    for target in targets:
        assert target.span is not None
        assert squeeze(text[slice(*target.span)]).text == target.quote
        assert target.value is None or target.value.is_finite()
    for skipped in record.non_targets:
        assert skipped.span is not None
        assert squeeze(text[slice(*skipped.span)]).text in skipped.text
    assigned = [one for action in record.actions for one in action.assignments]
    for assignment in assigned + [one for target in record.targets for one in target.assignments]:
        assert assignment.span is not None
        assert squeeze(text[slice(*assignment.span)]).text == assignment.agency


SECTION = (
    "（一）推进设备更新。到2027年，更新老旧电梯120台，关键工序数控化率达到75%以上，回收量较2023年增长三成（其中家电200台）。"
    "对使用超过15年的设备，按投资额的15%给予补助。（牵头单位：市工信局；责任单位：市财政局、市商务局等部门）\n"
)
# Texts that a careless loop takes the square of their length for.
HARD = {
    "a plan": SECTION,
    "no line and no full stop": SECTION.replace("\n", "").replace("。", "，"),
    "figures without a comma": "建成充电桩100个",
    "lists of shares": "甲、乙分别达到5个、6个，",
    "brackets left open": "（甲县乙",
    "brackets in brackets": "（" * 30 + "市财政局牵头" + "）" * 30,
    "lines in an open bracket": "（甲县乙\n",
    "agencies without an end": "牵头单位：市财政局、县商务局、",
    "titles": "某某县推动设备更新实施方案\n",
    "headings": "一、推进工作\n（一）建成一批\n",
    "headings without numbers": "主要任务\n扩大供给\n",
    "citations": "落实《某某县推动设备更新实施方案》（国发〔2024〕7号）和",
    "years": "到2025年和",
    "annexes": "附件1\n某某表\n1\t甲\t乙\n",
    "one comma": "，",
    "digits": "1234567890",
}


def _seconds(text: str) -> float:
    start = time.process_time()
    extract(text)
    return time.process_time() - start


@pytest.mark.parametrize("kind", HARD)
def test_time_grows_with_the_length_not_with_its_square(kind: str) -> None:
    """Eight times the text may take up to 24 times as long: eight is linear, 64 the square."""
    unit = HARD[kind]
    sizes = [5_000, 40_000]
    extract(unit * 10)
    short, long = (min(_seconds((unit * (size // len(unit) + 1))[:size]) for _ in range(2)) for size in sizes)
    assert long <= 24 * max(short, 0.003)


def test_a_text_of_five_megabytes_is_read_in_linear_time() -> None:
    size = 5_000_000 // 3  # Chinese characters have three bytes
    unit = (
        SECTION
        + "加快构建协同高效的推进机制，推动各类经营主体积极参与，完善服务体系，提升治理能力。" * 20
        + "\n"
    )
    whole = (unit * (size // len(unit) + 1))[:size]
    part = whole[: size // 10]
    assert _seconds(whole) <= 30 * min(_seconds(part) for _ in range(2))


@given(st.text(alphabet=st.sampled_from("甲乙。，（）\n 一、1."), max_size=200))
def test_blocks_keep_every_character_and_its_place(text: str) -> None:
    joined = "".join(block.text for block in blocks(text))
    assert joined.replace(" ", "") == "".join(text.split())
    for block in blocks(text):
        assert all(
            text[place] == char for char, place in zip(block.text, block.at, strict=True) if char != " "
        )
