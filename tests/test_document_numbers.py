"""发文字号: every printed form is one number, and what is said of it is sure or is not said."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import divisions
from graph.document_numbers import DocumentNumber, find, judge, own_code, owners, parse, year_fits

CODES = st.sampled_from(
    "国发 国办发 国函 鄂政发 鄂政办发 赣府厅字 赣区府发 宜府办发 和政发 发改环资 工信部联节 财建 京政发 内政办发 粤府 皖政办 夏政规 中办发 津政办规"
    .split()
)  # fmt: skip
BRACKETS = st.sampled_from(["〔〕", "[]", "()", "【】", "（）", "［］", "﹝﹞", "〖〗"])
DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


@given(
    CODES,
    BRACKETS,
    st.integers(1990, 2035),
    st.integers(1, 9999),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_every_printed_form_is_one_number(
    code: str, brackets: str, year: int, count: int, wide: bool, spaced: bool, ordinal: bool
) -> None:
    gap = " " if spaced else ""
    printed = f"{code}{gap}{brackets[0]}{year}{brackets[1]}{gap}{'第' if ordinal else ''}{count}{gap}号"
    printed = printed.translate(DIGITS) if wide else printed
    number = parse(printed)
    assert number is not None
    assert (number.code, number.year, number.sequence, number.printed) == (code, year, count, printed)
    assert number.normal == f"{code}〔{year}〕{count}号"
    assert parse(number.normal) == DocumentNumber(code, year, count, number.normal)


@given(st.lists(st.tuples(CODES, st.integers(1990, 2035), st.integers(1, 9999)), min_size=1, max_size=4))
def test_numbers_are_found_in_a_sentence_where_they_stand(numbers: list[tuple[str, int, int]]) -> None:
    texts = [f"{code}〔{year}〕{count}号" for code, year, count in numbers]
    sentence = f"按照《某某方案》（{'、'.join(texts)}）和有关要求，抓好落实。"
    found = list(find(sentence))
    assert [one.number.normal for one in found] == texts
    assert [sentence[one.start : one.end] for one in found] == texts


@given(st.text(alphabet="国发办政府字号第令公告年〔〕[]（）2024五十 、，《》", max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for one in find(text):
        assert text[one.start : one.end] == one.number.printed
        assert one.number.sequence > 0


@pytest.mark.parametrize(
    ("printed", "normal"),
    [
        ("商务部公告2024年第5号", "商务部公告2024年第5号"),
        ("商务部 财政部公告2024年第5号", "商务部财政部公告2024年第5号"),
        ("国务院令第748号", "国务院令第748号"),
        ("中华人民共和国主席令第四十六号", "中华人民共和国主席令第46号"),
        ("国家发展改革委2023年第2号令", "国家发展改革委令2023年第2号"),
        ("国务院第748号令", "国务院令第748号"),
        ("国发2024年第7号", "国发〔2024〕7号"),
        ("国发〔二〇二四〕七号", "国发〔2024〕7号"),
        ("发改环资〔2024〕1104号", "发改环资〔2024〕1104号"),
    ],
)
def test_other_forms(printed: str, normal: str) -> None:
    number = parse(printed)
    assert number is not None
    assert number.normal == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "国发",
        "（2024）3号楼",
        "2024年第3号台风",
        "第12号",
        "国发〔2024〕7号和鄂政发〔2024〕3号",
        "GB 7258-2017",
        "12345号",
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert parse(text) is None


# -- whose number it is ------------------------------------------------------------------------------------------

FITS = """
国发 100000, 国办发 100000, 发改环资 100000, 京政发 110000, 津政办发 120000, 冀政字 130000, 晋政办发 140000, 内政发 150000,
辽政办发 210000, 吉政办明电 220000, 黑政规 230000, 沪府规 310000, 苏政办发 320000, 浙政发 330000, 皖政办秘 340000, 闽政 350000,
赣府厅发 360000, 赣府字 360000, 鲁政字 370000, 豫政办 410000, 鄂政办发 420000, 湘政办发 430000, 粤办函 440000, 桂政发 450000,
琼府办 460000, 渝府办发 500000, 川办发 510000, 黔府发 520000, 云政发 530000, 藏政办发 540000, 陕政发 610000, 甘政办发 620000,
青政办 630000, 宁政办发 640000, 新政发 650000, 鄂办发 420000, 鄂发改环资 420000, 鄂民政发 420000, 赣工信节能字 360000,
赣市府发 360700, 宜府办发 420500, 武政办 420100, 乌海政办发 150300, 宁政发 320100, 穗府办 440100, 市政发 610100, 成府发 510100,
赣区府发 360704, 夏政发 420115, 武清政办发 120114, 伍政办发 420503, 和政办发 120101, 浦府规 310115, 余杭政办 330110, 宁府发 360730
"""
WRONG = """
省府发 360000, 省政发 430000, 自治区政办发 450000, 赣政发 360000, 鄂政办发 360000, 鄂政发 100000, 市府发 360000,
赣府发 420115, 鄂政发 360704, 川办发 440000
"""
UNKNOWN = """
县政发 130534, 区政办发 420115, 发改环资 420000, 国函 420500, 鄂政办发 420115, 市政办发 130534, 虔府发 360700, 仙政发 420503,
安委办 420000, 鄂应急 420115, 清发改字 130534
"""


def pairs(table: str) -> list[tuple[str, str]]:
    return [(one.split()[0], one.split()[1]) for one in table.replace("\n", " ").split(",") if one.strip()]


@pytest.mark.parametrize(("code", "place"), pairs(FITS))
def test_codes_that_fit(code: str, place: str) -> None:
    assert judge(code, place).verdict == "fits"


@pytest.mark.parametrize(("code", "place"), pairs(WRONG))
def test_codes_that_are_wrong(code: str, place: str) -> None:
    assert judge(code, place).verdict == "does_not_fit"


@pytest.mark.parametrize(("code", "place"), pairs(UNKNOWN))
def test_what_cannot_be_told_is_not_told(code: str, place: str) -> None:
    assert judge(code, place).verdict == "cannot_tell"


def test_a_code_formed_of_a_place_s_own_name_is_never_called_wrong() -> None:
    """For every city and county of the country: its first and second characters, and 政 or 府, in the usual forms."""
    for place in divisions.divisions().values():
        if place.level not in ("city", "county"):
            continue
        name = re.sub(r"(?:自治)?[省市区县州旗盟]$", "", place.name)
        for short in {name[0], name[:2]}:
            for form in ("政发", "政办发", "府发", "府办发", "政办", "府字"):
                assert judge(short + form, place.code).verdict != "does_not_fit", (short + form, place)


def test_every_province_has_codes_of_its_own_and_no_two_share_one() -> None:
    provinces = [one for one in divisions.divisions().values() if one.level == "province"]
    known = [one for one in provinces if one.code[:2] not in ("71", "81", "82")]
    assert len(known) == 31
    from graph.document_numbers import _codes

    for code, province in _codes().provinces.items():
        for form in ("发", "办发"):
            assert {place for _, place in owners(f"{province.short}{province.organ}{form}")} == {code}
    assert set(_codes().provinces) == {one.code for one in known}


def test_the_abbreviation_stands_behind_the_word_province() -> None:
    assert own_code("省府发", "360000") == "赣府发"
    assert own_code("省政办发", "420000") == "鄂政办发"
    assert own_code("赣市府发", "360000") is None


def test_the_year_of_a_number_is_that_of_signature() -> None:
    number = parse("国发〔2024〕7号")
    assert number is not None
    assert year_fits(number, date(2024, 3, 7)) is True
    assert year_fits(number, date(2025, 3, 7)) is False
    assert year_fits(number, None, date(2025, 1, 6)) is True
    assert year_fits(number, None, date(2025, 6, 6)) is False
    assert year_fits(number, None) is None
