"""Figures: find each number with its unit in a sentence, and say what kind of statement surrounds it.

A figure is one of: 25%, 12.23万平方米, 6万吨/日, 100台（套）, 10%—15%, 5个百分点; 一倍, 1.5倍, 翻一番, 三成, 百分之二十,
三分之一, 1/3. Values come out in the base unit as exact decimals: 1万台 is 10000 台, 一倍 more is 100 %, 三成 is 30 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from graph.record import Comparator
from ontology.vocabulary import load_vocabularies

_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_STEPS = {"十": 10, "百": 100, "千": 1000}
_HAN = "零〇一二两三四五六七八九十百千"
_MULTIPLIERS = {
    "十": 10,
    "百": 100,
    "千": 1000,
    "万": 10**4,
    "十万": 10**5,
    "百万": 10**6,
    "千万": 10**7,
    "亿": 10**8,
}
_NUMBER = r"\d+(?:[,，]\d{3})*(?:\.\d+)?"
_MULTIPLIER = r"(?:十万|百万|千万|万亿|[万亿千百十])"
_RANGE = r"[—–\-~～至到]+"

# Words between a name and its figure. Longest first within each row; the row says what they mean.
_BEFORE: tuple[tuple[Comparator, str], ...] = (
    (">=", "不得低于|不低于|不少于|不小于|至少达到|至少|最低|保持在|稳定在"),
    ("<=", "不得超过|不超过|不高于|不大于|不多于|控制在|至多|最多"),
    (">", "超额达到|超过|突破|高于|大于|多于|超|逾"),
    ("<", "低于|少于|小于"),
    ("~", "大约|大概|约为|约|近"),
    ("=", "达到了|达到|达成|达|实现|为|到|至"),
)
_BEFORE_WORD = re.compile(rf"(?:{'|'.join(words for _, words in _BEFORE)}|累计|总计|合计|共计|共|再)$")
_AFTER: tuple[tuple[Comparator, str], ...] = (
    (">=", "及以上|或以上|以上|及其以上"),
    ("<=", "及以下|或以下|以下|以内|之内"),
    ("~", "左右|上下"),
)
_AFTER_WORD = re.compile("|".join(words for _, words in _AFTER))
GROWTH = re.compile(
    r"(?:年均)?(?:同比)?(?:再)?(?P<verb>增长率|增长|增加|增幅|增速|提高|提升|上升|扩大|下降率|下降|降低|减少|压减|压缩|缩减|削减|降幅)"
    r"(?P<level>到|至)?$"
)
_FALL = "下降降低减少压减压缩缩减削减降幅下降率"
_DURATIONS = frozenset(
    {"年", "个月", "月", "日", "天", "个工作日", "工作日", "小时", "分钟", "周", "岁", "学年"}
)


# times: 一倍, 1.5倍 (with 增加 a growth, with 达到 a level); double: 翻一番, always a growth.
FigureKind = Literal["plain", "times", "double"]


@dataclass(frozen=True)
class Figure:
    """A figure at characters ``start`` … ``end`` of its sentence, comparator words after it included.

    ``value`` and ``value_max`` are in the base unit; ``printed`` is the figure as it stands in the text.
    """

    start: int
    end: int
    value: Decimal
    value_max: Decimal | None
    unit: str
    printed: str
    after: Comparator | None
    kind: FigureKind = "plain"

    @property
    def is_duration(self) -> bool:
        """Years, days, hours: nearly always a condition, not a quantity to reach."""
        return self.unit in _DURATIONS


@cache
def _pattern() -> re.Pattern[str]:
    units = set(_DURATIONS)
    for concept in load_vocabularies().scheme("unit"):
        units.update((concept.label_zh, *concept.alt_labels))
    printed = (re.escape(name) for name in units if not name.isascii() or name == "%")
    unit = "|".join(sorted(printed, key=len, reverse=True))
    return re.compile(
        rf"(?P<frac>\d+/\d+)(?!\d)"
        rf"|(?:百分之(?P<percent>[{_HAN}]+|{_NUMBER}))"
        rf"|(?P<parts>[{_HAN}]+)分之(?P<part>[{_HAN}]+)"
        rf"|翻(?:了)?(?P<double>[{_HAN}])番"
        rf"|(?P<times>{_NUMBER}|[{_HAN}]+|半)倍"
        rf"|(?P<tenths>[一二两三四五六七八九])成(?P<half>半)?(?![\u4e00-\u9fff])"
        rf"|(?<![\d./A-Za-z+＋])(?P<num>{_NUMBER})"
        rf"(?:(?P<unit1>%|％|{_MULTIPLIER})?{_RANGE}(?P<num2>{_NUMBER}))?"
        rf"(?P<mult>{_MULTIPLIER})?[余多]?(?P<unit>{unit})"
    )


def find(sentence: str) -> list[Figure]:
    """All figures of a sentence, in order."""
    found: list[Figure] = []
    for match in _pattern().finditer(sentence):
        figure = _figure(match)
        if figure is None:
            continue
        after = _AFTER_WORD.match(sentence, match.end())
        end, comparator = match.end(), None
        if after:
            end = after.end()
            comparator = next(key for key, words in _AFTER if re.fullmatch(words, after.group()))
        printed = sentence[match.start() : match.end()]
        found.append(Figure(match.start(), end, *figure[:3], printed, comparator, figure[3]))
    return found


def _figure(match: re.Match[str]) -> tuple[Decimal, Decimal | None, str, FigureKind] | None:
    """Value, upper value of a range, unit and kind; None where the match is a year or no share."""
    if match["frac"]:
        part, whole = match["frac"].split("/")
        return (_share(Decimal(part), Decimal(whole)), None, "%", "plain") if int(whole) > 1 else None
    if match["percent"]:
        return _number(match["percent"]), None, "%", "plain"
    if match["parts"]:
        return _share(_number(match["part"]), _number(match["parts"])), None, "%", "plain"
    if match["double"]:
        return Decimal(100) * (2 ** int(_number(match["double"])) - 1), None, "%", "double"
    if match["times"]:
        times = Decimal("0.5") if match["times"] == "半" else _number(match["times"])
        return times * 100, None, "%", "times"
    if match["tenths"]:
        return _number(match["tenths"]) * 10 + (5 if match["half"] else 0), None, "%", "plain"
    unit = {"％": "%"}.get(match["unit"], match["unit"])
    if unit in {"年", "学年"} and len(match["num"]) == 4:
        return None
    factor = _factor(match["mult"])
    first = _number(match["num"])
    if match["num2"] is None:
        return (first * factor).normalize() + 0, None, unit, "plain"
    own = match["unit1"]
    low = first * (_factor(own) if own and own not in "%％" else factor)
    return low.normalize() + 0, (_number(match["num2"]) * factor).normalize() + 0, unit, "plain"


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return (part * 100 / whole).quantize(Decimal("0.01")).normalize() + 0


def _factor(printed: str | None) -> int:
    if not printed:
        return 1
    return 10**12 if printed == "万亿" else _MULTIPLIERS[printed]


def _number(printed: str) -> Decimal:
    """A number in Arabic or Chinese digits."""
    if printed[0].isdigit():
        return Decimal(printed.replace(",", "").replace("，", ""))
    total, current = 0, 0
    for char in printed:
        if char in _STEPS:
            total += (current or 1) * _STEPS[char]
            current = 0
        else:
            current = _DIGITS[char]
    return Decimal(total + current)


@dataclass(frozen=True)
class Lead:
    """What stands between a name and its figure: where it begins, the comparator, growth, and its direction."""

    start: int
    comparator: Comparator | None
    growth: bool
    falling: bool
    level: bool


def lead(sentence: str, start: int, floor: int) -> Lead:
    """Read backwards from a figure at ``start``, not before ``floor``: 增长 | 不低于 | 约 | 达到 …"""
    comparator: Comparator | None = None
    growth = falling = level = False
    while start > floor:
        text = sentence[floor:start]
        grown = GROWTH.search(text)
        if grown and not growth:
            growth = not grown["level"]
            level = bool(grown["level"])
            falling = grown["verb"] in _FALL
            start = floor + grown.start()
            continue
        word = _BEFORE_WORD.search(text)
        if word is None:
            break
        meaning = next((key for key, words in _BEFORE if re.fullmatch(words, word.group())), None)
        # 超过约一倍, 达到不低于: the word that says more wins over a plain 达到.
        if meaning and (comparator is None or comparator == "="):
            comparator = meaning
        level = level or word.group() in {"到", "至"}
        start = floor + word.start()
    return Lead(start, comparator, growth, falling, level)
