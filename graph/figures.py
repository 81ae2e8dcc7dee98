"""Figures: find each number with its unit in a sentence, and say what kind of statement surrounds it.

A figure is one of: 25%, 12.23万平方米, 6万吨/日, 100台（套）, 10%—15%, 3至5家, 5个百分点, 15件/万人; 一倍, 1.5倍, 翻一番, 三成,
百分之二十, 万分之三, 三分之一, 1/3, 8/10万; 十个, 三百家. Values come out in the base unit as exact decimals: 1万台 is 10000 台,
一倍 more is 100 %, 三成 is 30 %. Units are those of the vocabulary, alone or one per another (张/千人). A number with no
unit that is known is *bare*: it keeps the character behind it as its unit. Dates, articles (第12条) and document numbers
are found as well, so that each number of a text is accounted for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graph.record import Comparator
from ontology.vocabulary import load_vocabularies, remembered

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
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
    "万亿": 10**12,
}
_NUMBER = r"\d+(?:[,，]\d{3}(?!\d))*(?:\.\d+)?"
_HAN_NUMBER = rf"[{_HAN}]+(?:点[{_HAN}]+)?"
_MULTIPLIER = r"(?:十万|百万|千万|万亿|[万亿百十]|千(?![米克瓦伏升]))"
_RANGE = r"(?:[—–\-~～至到]+)"

# Words between a name and its figure. Longest first within each row; the row says what they mean.
_BEFORE: tuple[tuple[Comparator, str], ...] = (
    (
        ">=",
        "不得低于|不能低于|不低于|不得少于|不少于|不小于|不得小于|至少达到|至少|最低|保持在|稳定在|不得短于|≥|>=",
    ),
    (
        "<=",
        "不得超过|不能超过|不超过|不超出|不突破|不得突破|不得高于|不高于|不得大于|不大于|不多于|控制在|控制到|限制在|至多|最多|最高|最长|≤|<=",
    ),
    (">", "超额达到|超过|突破|高于|大于|多于|优于|超|逾|＞|>"),
    ("<", "低于|少于|小于|不足|不到|＜|<"),
    ("~", "大约|大概|(?<![节集预条契签])约为|接近|(?<![节集预条契签])约|(?<![最附邻临就])近"),
    ("=", "达到了|达到|达至|达成|达|实现|为|到|至"),
)
_BEFORE_WORD = re.compile(
    rf"(?:{'|'.join(words for _, words in _BEFORE)}|累计|总计|合计|共计|共|再|[总均]数)$"
)
_AFTER: tuple[tuple[Comparator, str], ...] = (
    (">=", "及以上|或以上|以上|及其以上"),
    ("<=", "及以下|或以下|以下|以内|之内"),
    ("~", "左右|上下"),
)
_AFTER_WORD = re.compile(rf"(?:[（(]含(?:本数)?[）)])?(?P<word>{'|'.join(words for _, words in _AFTER)})")
GROWTH = re.compile(
    r"(?:年均)?(?:同比)?(?:再)?(?P<verb>(?<!自然)增长率|增长(?!率)|增加|增幅|增速|提高|提升|上升|扩大|下降率|下降|降低|减少|压减|压降|压缩|缩短|缩减|削减|降幅"
    r"|[升增降减](?=[到至]))(?P<level>到|至)?$"
)
_FALL = "下降降低减少压减压降压缩缩短缩减削减降幅下降率"
_DURATIONS = frozenset(
    {
        "年",
        "个月",
        "月",
        "日",
        "天",
        "个工作日",
        "工作日",
        "小时",
        "分钟",
        "秒",
        "周",
        "学年",
        "个小时",
        "年度",
    }
)
_AGES = frozenset({"岁", "周岁"})
# Measure words that mean something else before certain characters: 10分别, 5年级, 2级, 3批次.
_NOT_UNIT = r"(?!(?<=分)[别之类工布期档区层阶步])(?!(?<=年)[级代])"
# Words behind a number that make a number in Chinese characters a count; 大 类 级 层 and the like only name.
_HAN_UNITS = "个百分点 个 家 所 座 处 条 台 套 辆 户 张 项 支 名 间 栋 幢 艘 盏 对 艘 亩 公里 平方米 吨 万元 亿元".split()
# 建成一座: with these one is a count; with others (一个, 一批, 一项) it is an article.
_ONE_UNITS = "所座处家栋幢间艘"

# plain; times: 一倍 (with 增加 a growth, with 达到 a level); double: 翻一番, always a growth; han: 十个, which may be
# a name (三项措施); bare: no unit that is known; the others are no quantities at all.
FigureKind = Literal["plain", "times", "double", "han", "bare", "date", "ordinal", "document"]


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
    def is_count(self) -> bool:
        """Things counted one by one (家, 个, 款): no amounts, sizes or times."""
        concept = load_vocabularies().find("unit", self.unit) if self.unit else None
        return concept is not None and "count" in {concept.key, *concept.broader}

    @property
    def is_ratio(self) -> bool:
        """Per cent, points and multiples: what a growth is told in."""
        return self.unit in {"%", "‰", "个百分点", "百分点", "千分点"}

    @property
    def is_duration(self) -> bool:
        """Years, days, hours: nearly always a condition, not a quantity to reach."""
        return self.unit in _DURATIONS

    @property
    def is_age(self) -> bool:
        """Years of a life: whom a task is for, seldom what it is to reach."""
        return self.unit in _AGES


def _either(words: set[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


@remembered
def _units() -> str:
    """A pattern of units: one of the vocabulary, or one per another (公里/平方公里, 元/人·年, 张/千人, 微克每立方米)."""
    han, latin = {*_DURATIONS, *_AGES}, set[str]()
    for concept in load_vocabularies().scheme("unit"):
        for name in (concept.label_zh, *concept.alt_labels):
            ascii_letters = name[0].isascii() and name[0].isalpha()
            (latin if ascii_letters or name[0] in "μµ" else han).add(name)
    # Words of the English labels are no units in print: only those without a blank or a long lower-case word.
    latin = {name for name in latin if re.fullmatch(r"[A-Zµμ]?[a-zA-Z/³²·\d]{0,6}", name)} - {"number", "pct"}
    one = rf"(?:(?:{_either(han)}){_NOT_UNIT}|(?:{_either(latin)})(?![A-Za-z]))"
    return rf"{one}(?:(?:/|／|每(?!年|月|个))(?:{_MULTIPLIER}|\d+万?)?{one}(?:[·•]{one})?)?"


@remembered
def _pattern() -> re.Pattern[str]:
    unit = _units()
    return re.compile(
        # With what any of them begins: told first, so that other characters are passed over at once.
        rf"(?=[\d第翻半万〔\[（(【{_HAN}])(?:"
        # No quantities: dates, articles and turns, numbers of documents.
        r"(?P<date>(?:20\d\d年)?\d{1,2}月(?:\d{1,2}日|[上中下]旬|初|中|底|末)?(?=[前起至止的，。；、—\-~到）)]|以前|之前|$|\d|份|[上中下初底末]|召开|开展|完成)"
        r"|(?<!\d)\d{1,2}[日号](?=[前起至止]|以前|之前))"
        r"|第(?P<ordinal>\d+)(?:[条款项章节号轮批届次期个位]|季度)?"
        r"|[〔\[（(【]20\d\d[〕\]）)】]第?(?P<document>\d+)号"
        # Shares and multiples.
        rf"|(?<![\d./])(?P<per>{_NUMBER})[/／](?P<base>10万|1?万|十万|百万|千)(?!元)"
        r"|(?<![\d./])(?P<frac>\d{1,3}/\d{1,3})(?![\d/])"
        rf"|百分之(?P<percent>{_HAN_NUMBER}|{_NUMBER})(?:{_RANGE}百分之(?P<percent2>{_HAN_NUMBER}|{_NUMBER}))?"
        rf"|(?P<parts>[{_HAN}万]+)分之(?P<part>{_HAN_NUMBER}|{_NUMBER})"
        rf"|翻(?:了)?(?:(?P<double>[{_HAN}])番|番(?=[，。；、）)]|$|以上))"
        rf"|(?P<times>{_NUMBER}|[{_HAN}]+|半)(?:{_RANGE}(?P<times2>{_NUMBER}|[{_HAN}]+))?倍(?![增数率受频])"
        r"|(?<![统合之唯专单万])(?P<tenths>[一两二三四五六七八九\d])成(?P<half>半)?"
        r"(?=以上|以下|以内|左右|多|[，。；、）)！]|$|的|和|及|至|到)"
        # Counts in Chinese characters.
        rf"|(?<![第每{_HAN}万亿各这那几数余多某])(?P<han>[{_HAN}]+)(?:{_RANGE}(?P<han2>[{_HAN}]+))?[余多]?(?P<hanunit>{'|'.join(_HAN_UNITS)})"
        # Numbers; the unit may stand at both ends of a range (10万吨—15万吨), or at its end.
        r"|(?<![\d./A-Za-z+＋])(?:"
        rf"(?P<low>{_NUMBER})(?P<lowmult>{_MULTIPLIER})?(?P<lowunit>{unit}){_RANGE}(?P<high>{_NUMBER})(?P<highmult>{_MULTIPLIER})?(?P=lowunit)"
        rf"|(?P<num>{_NUMBER})(?:(?P<unit1>%|％|{_MULTIPLIER})?{_RANGE}(?P<num2>(?!20\d\d年){_NUMBER}))?"
        rf"(?P<mult>{_MULTIPLIER})?[余多]?(?P<unit>{unit})"
        rf"|(?P<bare>{_NUMBER})(?P<baremult>{_MULTIPLIER})?[余多]?(?P<word>[\u4e00-\u9fff]|[A-Za-z][A-Za-z/³²]{{0,7}}(?![A-Za-z\d]))?))"
    )


def find(sentence: str) -> list[Figure]:
    """The quantities of a sentence that are written in digits or as shares, in order: what a cell of a table states."""
    return [figure for figure in find_all(sentence) if figure.kind in {"plain", "times", "double"}]


def find_all(sentence: str) -> list[Figure]:
    """Every figure of a sentence in order, those that may turn out to be no quantity included."""
    found: list[Figure] = []
    for match in _pattern().finditer(sentence):
        figure = _figure(match)
        if figure is None:
            continue
        value, value_max, unit, kind = figure
        end = match.end()
        if kind == "bare" and match["word"] and (unit == "" or unit in "以左上及或的"):
            # 500以上: the word behind the number is none of measure.
            unit, end = "", match.start("word")
        after = _AFTER_WORD.match(sentence, end)
        printed, comparator = sentence[match.start() : end], None
        if after:
            end = after.end()
            comparator = next(key for key, words in _AFTER if re.fullmatch(words, after["word"]))
        found.append(Figure(match.start(), end, value, value_max, unit, printed, comparator, kind))
    return found


_Reading = tuple[Decimal, Decimal | None, str, FigureKind]


def _figure(match: re.Match[str]) -> _Reading | None:
    """Value, upper value of a range, unit and kind; None where the match is a year, an article or no share."""
    for kind in ("date", "ordinal", "document"):
        if match[kind]:
            return Decimal(0), None, "", kind
    if match["han"]:
        return _han_count(match)
    if match["low"]:
        factor, high = _factor(match["lowmult"]), _factor(match["highmult"])
        return (
            _plain(_number(match["low"]) * factor),
            _plain(_number(match["high"]) * high),
            match["lowunit"],
            "plain",
        )
    if match["num"]:
        return _counted(match)
    if match["bare"]:
        value = _number(match["bare"]) * _factor(match["baremult"])
        return _plain(value), None, match["word"] or "", "bare"
    return _part(match)


def _part(match: re.Match[str]) -> _Reading | None:
    """A share or a multiple, in per cent."""
    if match["per"]:
        return _number(match["per"]), None, f"/{match['base']}", "plain"
    if match["frac"]:
        part, whole = match["frac"].split("/")
        return (_share(Decimal(part), Decimal(whole)), None, "%", "plain") if int(whole) > 1 else None
    if match["percent"]:
        high = match["percent2"]
        return _number(match["percent"]), _number(high) if high else None, "%", "plain"
    if match["parts"]:
        whole_number = _number(match["parts"])
        return (_share(_number(match["part"]), whole_number), None, "%", "plain") if whole_number else None
    if match["times"]:
        times, high = match["times"], match["times2"]
        value = Decimal("0.5") if times == "半" else _number(times)
        return _plain(value * 100), _plain(_number(high) * 100) if high else None, "%", "times"
    if match["tenths"]:
        return _number(match["tenths"]) * 10 + (5 if match["half"] else 0), None, "%", "plain"
    doubled = int(_number(match["double"])) if match["double"] else 1
    return Decimal(100) * (2 ** min(doubled, 20) - 1), None, "%", "double"


def _han_count(match: re.Match[str]) -> _Reading | None:
    """十个, 三至五家. 千家万户 and 一个 count nothing; 一所 does."""
    number, unit = match["han"], match["hanunit"]
    if number[0] in "百千零〇" or (number == "一" and unit not in _ONE_UNITS):
        return None
    factor = {"万": 10**4, "亿": 10**8}.get(unit[0], 1) if len(unit) > 1 else 1
    high = _plain(_number(match["han2"]) * factor) if match["han2"] else None
    return _plain(_number(number) * factor), high, unit.lstrip("万亿"), "han"


def _counted(match: re.Match[str]) -> _Reading | None:
    """A number with a unit, or two of them; None for a year."""
    unit = match["unit"].replace("％", "%").replace("／", "/")
    if unit in {"年", "学年", "年度"} and re.fullmatch(r"\d{4}", match["num"]):
        return None
    factor = _factor(match["mult"])
    first = _number(match["num"])
    if match["num2"] is None:
        return _plain(first * factor), None, unit, "plain"
    own = match["unit1"]
    low = first * (_factor(own) if own and own not in "%％" else factor)
    return _plain(low), _plain(_number(match["num2"]) * factor), unit, "plain"


def _plain(value: Decimal) -> Decimal:
    """Without zeros at the end, and never in the form 1E+4."""
    return value.normalize() + 0


def _share(part: Decimal, whole: Decimal) -> Decimal:
    value = part * 100 / whole
    return _plain(value.quantize(Decimal("0.01") if value >= 1 else Decimal("0.000001")))


def _factor(printed: str | None) -> int:
    return _MULTIPLIERS[printed] if printed else 1


def _number(printed: str) -> Decimal:
    """A number in Arabic or Chinese digits."""
    if printed[0].isdigit():
        return Decimal(printed.replace(",", "").replace("，", ""))
    whole, _, fraction = printed.partition("点")
    total = section = current = 0
    for char in whole:
        if char == "万":
            total, section, current = total + (section + current or 1) * 10**4, 0, 0
        elif char in _STEPS:
            section += (current or 1) * _STEPS[char]
            current = 0
        else:
            current = _DIGITS[char]
    digits = "".join(str(_DIGITS.get(char, 0)) for char in fraction)
    return (
        Decimal(f"{total + section + current}.{digits or 0}") + 0
        if digits
        else Decimal(total + section + current)
    )


@dataclass(frozen=True)
class Lead:
    """What stands between a name and its figure: where it begins, the comparator, growth, and its direction."""

    start: int
    comparator: Comparator | None
    growth: bool
    falling: bool
    level: bool


def lead(sentence: str, start: int, floor: int, *, ratio: bool = True) -> Lead:
    """Read backwards from a figure at ``start``, not before ``floor``: 增长 | 不低于 | 约 | 达到 …

    Only a ``ratio`` grows: in 林地面积增加5万亩 the verb belongs to the name.
    """
    comparator: Comparator | None = None
    growth = falling = level = False
    # No such word is longer than 8 characters, so a short look back is enough.
    while start > floor:
        text = sentence[max(floor, start - 12) : start]
        offset = start - len(text)
        grown = GROWTH.search(text)
        grown = grown if grown and (ratio or grown["level"]) else None
        if grown and not growth:
            growth = not grown["level"]
            level = level or bool(grown["level"])
            falling = grown["verb"] in _FALL
            start = offset + grown.start()
            continue
        word = _BEFORE_WORD.search(text)
        if word is None:
            break
        meaning = next((key for key, words in _BEFORE if re.fullmatch(words, word.group())), None)
        # 超过约一倍, 达到不低于: the word that says more wins over a plain 达到.
        if meaning and (comparator is None or comparator == "="):
            comparator = meaning
        level = level or word.group() in {"到", "至"}
        start = offset + word.start()
    return Lead(start, comparator, growth, falling, level)
