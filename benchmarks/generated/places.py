"""The places that generated plans are of: the real divisions, in the order in which they issue them."""

from __future__ import annotations

from functools import cache

from benchmarks.generated.chance import chance_of
from graph import divisions
from graph.divisions import NATIONAL, Division


@cache
def children() -> dict[str, list[Division]]:
    """The divisions right below each, by its code."""
    below: dict[str, list[Division]] = {}
    for division in divisions.divisions().values():
        if division.parent:
            below.setdefault(division.parent, []).append(division)
    return below


def order(seed: int) -> list[Division]:
    """All divisions, each after the one above it, province by province: any beginning of it has whole lines."""
    chance = chance_of(seed, "order")
    found = [divisions.divisions()[NATIONAL]]

    def walk(code: str) -> None:
        below = list(children().get(code, []))
        chance.shuffle(below)
        for division in below:
            found.append(division)
            walk(division.code)

    walk(NATIONAL)
    return found


def is_leaf(division: Division) -> bool:
    """Whether nothing is below it."""
    return division.level != "national" and division.code not in children()


def own_name(division: Division) -> str:
    """What the place calls itself in its own plan: 省, 市, 区, 县, 州 …"""
    return next((end for end in ("自治区", "地区") if division.name.endswith(end)), division.name[-1])


def slug_of(division: Division, round_: int) -> str:
    """The slug of a division's plan of one round: each round is a year, and after three of them a batch."""
    return f"{division.code}-{2024 + round_ % 3}" + (f"-{round_ // 3 + 1}" if round_ >= 3 else "")
