"""Page layout undone, parts of a file told apart, numbered headings as a tree."""

from __future__ import annotations

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


@settings(max_examples=200, deadline=None)
@given(TEXTS | st.text(max_size=400))
def test_any_text_is_read_without_an_error_and_with_true_spans(text: str) -> None:
    """Nothing raises, no span leaves the text, and each quote stands where its span says, white space aside."""
    record = extract(text)
    spans = [target.span for target in record.targets] + [skipped.span for skipped in record.non_targets]
    spans += [provision.span for provision in record.provisions] + [action.span for action in record.actions]
    for span in spans:
        assert span is not None
        assert 0 <= span[0] < span[1] <= len(text)
    for target in record.targets:
        assert target.span is not None
        assert squeeze(text[slice(*target.span)]).text == target.quote
    for action in record.actions:
        for assignment in action.assignments:
            assert assignment.span is not None
            assert squeeze(text[slice(*assignment.span)]).text == assignment.agency


@given(st.text(alphabet=st.sampled_from("甲乙。，（）\n 一、1."), max_size=200))
def test_blocks_keep_every_character_and_its_place(text: str) -> None:
    joined = "".join(block.text for block in blocks(text))
    assert joined.replace(" ", "") == "".join(text.split())
    for block in blocks(text):
        assert all(
            text[place] == char for char, place in zip(block.text, block.at, strict=True) if char != " "
        )
