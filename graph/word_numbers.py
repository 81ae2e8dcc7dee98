"""The numbers that Word makes itself: 一、（一）1. of a list, which stand nowhere in the text of the file.

A list (num) points to a definition (abstractNum) with up to nine levels. Lists of one definition go on counting
together; a list may start a level anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HAN = "〇一二三四五六七八九"
_LEGAL = "零壹贰叁肆伍陆柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_BULLET = "•"


@dataclass(frozen=True)
class _Level:
    format: str
    text: str
    start: int
    tail: str
    restart: int | None
    legal: bool
    style: str | None


class Numbering:
    """The lists of one document and how far each has counted; paragraphs have to be asked for in reading order."""

    def __init__(self, root: etree._Element | None, list_of_style: dict[str, str | None]) -> None:
        """``root`` is numbering.xml, None where there is none; ``list_of_style`` the list that a style names."""
        self._levels: dict[str, dict[int, _Level]] = {}
        self._definition: dict[str, str] = {}
        self._overrides: dict[str, dict[int, tuple[int | None, _Level | None]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._seen: set[str] = set()
        self._unknown: set[str] = set()
        if root is None:
            return
        linked: dict[str, str] = {}
        for definition in root.iter(f"{_W}abstractNum"):
            key = definition.get(f"{_W}abstractNumId", "")
            self._levels[key] = dict(_levels(definition))
            link = _value(definition.find(f"{_W}numStyleLink"))
            if link:
                linked[key] = link
        for one in root.iter(f"{_W}num"):
            key = one.get(f"{_W}numId", "")
            self._definition[key] = _value(one.find(f"{_W}abstractNumId")) or ""
            self._overrides[key] = {}
            for override in one.iter(f"{_W}lvlOverride"):
                depth = _number(override.get(f"{_W}ilvl"), 0)
                start = override.find(f"{_W}startOverride")
                own = dict(_levels(override)).get(depth)
                self._overrides[key][depth] = (_number(_value(start), 1) if start is not None else None, own)
        for key, style in linked.items():
            # A definition may only say "as that style has it": the style names a list, the list a definition.
            other = self._definition.get(list_of_style.get(style) or "", "")
            if other in self._levels and other not in linked:
                self._levels[key] = self._levels[other]

    def level_of_style(self, list_id: str, style: str | None) -> int | None:
        """The level that a list keeps for a paragraph style, None where it has none."""
        for depth, level in self._levels.get(self._definition.get(list_id, ""), {}).items():
            if style and level.style == style:
                return depth
        return None

    def next(self, list_id: str, depth: int) -> str:
        """The number of the next paragraph of a list at a level (0 is the top), with the blank behind it."""
        definition = self._definition.get(list_id, "")
        levels = dict(self._levels.get(definition, {}))
        overrides = self._overrides.get(list_id, {})
        levels.update({at: own for at, (_, own) in overrides.items() if own})
        level = levels.get(depth)
        if level is None:
            return ""
        counts = self._counts.setdefault(definition, {})
        if list_id not in self._seen:
            self._seen.add(list_id)
            for at, (start, _) in overrides.items():
                if start is not None:
                    counts[at] = start - 1
                    # What stood below the level that starts anew does too.
                    for below in [one for one in counts if one > at and one not in overrides]:
                        del counts[below]
        counts[depth] = counts[depth] + 1 if depth in counts else level.start
        for above in range(depth):
            if above in levels:
                counts.setdefault(above, levels[above].start)
        for below in [one for one in counts if one > depth]:
            restart = levels[below].restart if below in levels else None
            if restart is None or (restart > 0 and depth < restart):
                del counts[below]
        return self._printed(levels, level, counts)

    def notes(self) -> list[str]:
        """What could not be worked out, a sentence each."""
        if not self._unknown:
            return []
        kinds = ", ".join(sorted(self._unknown))
        return [f"automatic numbers of the kind {kinds} are written as 1, 2, 3"]

    def _printed(self, levels: dict[int, _Level], level: _Level, counts: dict[int, int]) -> str:
        if level.format == "none":
            return re.sub(r"%\d", "", level.text) + level.tail
        if level.format == "bullet":
            # The sign of a symbol font is no character of ours.
            sign = level.text if level.text and not "\ue000" <= level.text[0] <= "\uf8ff" else _BULLET
            return sign + level.tail

        def one(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            if at not in levels:
                return ""
            format = "decimal" if level.legal else levels[at].format
            return self._figure(counts.get(at, levels[at].start), format)

        return re.sub(r"%(\d)", one, level.text) + level.tail

    def _figure(self, value: int, format: str) -> str:
        value = max(0, value)
        printed = _figure(value, format)
        if printed is None:
            self._unknown.add(format)
            return str(value)
        return printed


def chinese(value: int) -> str:
    """A number from 0 to 99,999 as it is counted in Chinese: 十一, 二十, 一百零一."""
    if value >= 100_000:
        return str(value)
    if value == 0:
        return "零"
    printed, gap = "", False
    for unit, sign in ((10_000, "万"), (1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            printed += ("零" if gap else "") + _HAN[digit] + sign
            gap = False
        elif printed:
            gap = True
    return printed.removeprefix("一") if 10 <= value < 20 else printed


def _figure(value: int, format: str) -> str | None:
    """A number in one of Word's formats; None for a format that is not known here."""
    if format in ("decimal", "", "numberInDash"):
        return str(value)
    if format == "decimalZero":
        return f"{value:02}"
    if format in ("decimalFullWidth", "decimalFullWidth2"):
        return str(value).translate({ord("0") + one: ord("０") + one for one in range(10)})
    if format in _COUNTING:
        return chinese(value)
    if format in ("ideographDigital", "japaneseDigitalTenThousand", "taiwaneseDigital", "koreanDigital2"):
        return "".join(_HAN[int(one)] for one in str(value))
    if format in ("chineseLegalSimplified", "ideographLegalTraditional"):
        counted = f"一{chinese(value)}" if 10 <= value < 20 else chinese(value)
        return counted.translate(
            {ord(a): b for a, b in zip("〇一二三四五六七八九十百千", f"{_LEGAL}拾佰仟", strict=True)}
        )
    if format in ("ideographTraditional", "ideographZodiac"):
        signs = _STEMS if format == "ideographTraditional" else _BRANCHES
        return signs[value - 1] if 1 <= value <= len(signs) else str(value)
    for name, first, last in (
        ("decimalEnclosedCircle", 0x2460, 20),
        ("decimalEnclosedCircleChinese", 0x2460, 20),
        ("decimalEnclosedParen", 0x2474, 20),
        ("decimalEnclosedFullstop", 0x2488, 20),
        ("ideographEnclosedCircle", 0x3220, 10),
    ):
        if format == name:
            return chr(first + value - 1) if 1 <= value <= last else str(value)
    if format in ("lowerLetter", "upperLetter"):
        # After z comes aa, then bb: Word repeats the letter.
        letter = (
            chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1) if 1 <= value <= 780 else str(value)
        )
        return letter.upper() if format == "upperLetter" else letter
    if format in ("lowerRoman", "upperRoman"):
        return _roman(value) if format == "upperRoman" else _roman(value).lower()
    return None


_COUNTING = {
    "chineseCounting",
    "chineseCountingThousand",
    "japaneseCounting",
    "taiwaneseCounting",
    "taiwaneseCountingThousand",
    "koreanCounting",
}


def _roman(value: int) -> str:
    if not 1 <= value < 4000:
        return str(value)
    printed = ""
    for unit, sign in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        printed += sign * (value // unit)
        value %= unit
    return printed


def _levels(parent: etree._Element) -> list[tuple[int, _Level]]:
    found = []
    for level in parent.findall(f"{_W}lvl"):
        restart = _value(level.find(f"{_W}lvlRestart"))
        legal = level.find(f"{_W}isLgl")
        tail = _value(level.find(f"{_W}suff"))
        # A format of the program's own stands between mc:AlternateContent; the plain one is its fallback, the last.
        formats = [_value(one) for one in level.iter(f"{_W}numFmt")]
        found.append(
            (
                _number(level.get(f"{_W}ilvl"), 0),
                _Level(
                    format=formats[-1] or "decimal" if formats else "decimal",
                    text=_value(level.find(f"{_W}lvlText")) or "",
                    start=_number(_value(level.find(f"{_W}start")), 0),
                    tail="" if tail == "nothing" else " ",
                    restart=_number(restart, 0) if restart is not None else None,
                    legal=legal is not None and _value(legal) not in ("0", "false", "off"),
                    style=_value(level.find(f"{_W}pStyle")),
                ),
            )
        )
    return found


def _value(element: etree._Element | None) -> str | None:
    return element.get(f"{_W}val") if element is not None else None


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else default
