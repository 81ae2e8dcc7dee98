"""Who does it: brackets and lines of our own in the manner of the genre."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.agencies import role_groups
from graph.reading import squeeze

L, R, S, U = "lead", "responsible", "supporting", "undifferentiated"

CASES: list[tuple[str, list[tuple[str, str]]]] = [
    (
        "加快更新。（牵头单位：市工信局；责任单位：市发展改革委、市财政局）",
        [("市工信局", L), ("市发展改革委", R), ("市财政局", R)],
    ),
    ("加快更新。〔责任单位：县商务局，各乡镇人民政府〕", [("县商务局", R), ("各乡镇人民政府", R)]),
    ("加快更新。【牵头部门：县住建局，配合部门：县城管局】", [("县住建局", L), ("县城管局", S)]),
    ("加快更新。(责任单位：区教育局)", [("区教育局", R)]),
    (
        "加快更新。（省教育厅牵头，省财政厅、省发展改革委配合）",
        [("省教育厅", L), ("省财政厅", S), ("省发展改革委", S)],
    ),
    (
        "加快更新。（区商务局牵头，区财政局、区税务局等按职责分工负责）",
        [("区商务局", L), ("区财政局", R), ("区税务局", R)],
    ),
    ("加快更新。（县水利局、县农业农村局等部门按职责分工负责）", [("县水利局", U), ("县农业农村局", U)]),
    (
        "加快更新。（县财政局等各有关部门、各镇人民政府分工负责）",
        [("县财政局", U), ("各有关部门", U), ("各镇人民政府", U)],
    ),
    ("牵头单位：市卫生健康委", [("市卫生健康委", L)]),
    ("责任单位：市文化和旅游局、市体育局；完成时限：2025年12月", [("市文化和旅游局", R), ("市体育局", R)]),
    (
        "加快更新。（责任单位：县财政局（金融办）、县自然资源和规划局）",
        [("县财政局（金融办）", R), ("县自然资源和规划局", R)],
    ),
    (
        "加快更新。（牵头单位：县发改局和县财政局；责任单位：各镇（街道）<含开发区管委会，下同>）",
        [("县发改局", L), ("县财政局", L), ("各镇（街道）", R)],
    ),
    ("加快更新。（牵头部门：市民政局、市残联等部门按职责分工负责）", [("市民政局", L), ("市残联", L)]),
    (
        "加快更新。（省发展改革委、财政厅、教育厅按职责分工负责）",
        [("省发展改革委", U), ("财政厅", U), ("教育厅", U)],
    ),
    ("加快更新。（市教育局、市财政局）", [("市教育局", U), ("市财政局", U)]),
    ("加快更新。（市级牵头部门：市水利局；配合：市气象局）", [("市水利局", L), ("市气象局", S)]),
    ("加快更新。【责任单位】市水利局、各镇（街道）", [("市水利局", R), ("各镇（街道）", R)]),
    ("加快更新。牵头单位：市水利局；完成时限：2025年底。", [("市水利局", L)]),
    ("（完成时限：2025年底；责任单位：市水利局）", [("市水利局", R)]),
    ("●责任单位：县林业局 县水利局", [("县林业局", R), ("县水利局", R)]),
    (
        "由市发展改革委牵头，会同市财政局、市商务局制定实施细则。",
        [("市发展改革委", L), ("市财政局", S), ("市商务局", S)],
    ),
    (
        "加快更新。（省水利厅、省财政厅按职责分工负责，各设区市政府负责落实。以下均需各市落实，不再列出）",
        [("省水利厅", U), ("省财政厅", U), ("各设区市政府", U)],
    ),
    # Brackets that assign nobody.
    ("加快更新。（按职责分工负责）", []),
    ("参保率＞95%（不含异地），完善服务中心（站）。", []),
    ("推广新能源车（含插电式混合动力车），完善充换电设施（站）。", []),
    ("各部门要按职责分工负责，形成合力。", []),
    ("落实《行动方案》（国发〔2024〕7号）要求。", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[-24:] for text, _ in CASES])
def test_roles(text: str, expected: list[tuple[str, str]]) -> None:
    found = [a for group in role_groups(squeeze(text)) for a in group.assignments]
    assert [(a.agency, a.role) for a in found] == expected
    for assignment in found:
        assert assignment.span is not None
        assert text[slice(*assignment.span)] == assignment.agency


def test_alias_members_are_kept() -> None:
    """What the text says a collective name includes goes with the name."""
    text = "（责任单位：各街道办事处<含东湖办事处，开发区管委会，下同>）"
    (assignment,) = role_groups(squeeze(text))[0].assignments
    assert (assignment.agency, assignment.members) == ("各街道办事处", ["东湖办事处", "开发区管委会"])


@given(
    st.text(
        alphabet="（）()〔〕【】<>：:；，、。牵头责任配合单位部门区市局委等按职责分工负 甲乙\n", max_size=200
    )
)
def test_any_text_gives_spans_inside_it(text: str) -> None:
    for group in role_groups(squeeze(text)):
        for assignment in group.assignments:
            assert assignment.span is not None
            start, end = assignment.span
            assert "".join(text[start:end].split()) == assignment.agency
