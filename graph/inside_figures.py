"""Figures of one plan that do not agree: a later one below an earlier one, a part above its whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph import intervals, linking
from graph.comparing import direction, is_of_a_part
from graph.inside_check import Check, passage_of
from graph.reading import squeeze
from graph.record import PlanRecord, Target


def later_below_earlier(record: PlanRecord) -> Iterator[Check]:
    """What must not fall on the way: shares, growth over one base, and what is counted up."""
    series: dict[tuple[str, frozenset[str]], list[tuple[int, Target]]] = {}
    for number, target in enumerate(record.targets, 1):
        if target.value is not None and target.target_year is not None and target.origin != "explanation":
            key = (linking.comparison_key(target), frozenset(target.scope_domains))
            series.setdefault(key, []).append((number, target))
    for found in series.values():
        found.sort(key=lambda pair: pair[1].target_year or 0)
        for place, (number, later) in enumerate(found):
            before = [pair for pair in found[:place] if _must_not_fall(pair[1], later)]
            if before and (later.target_year or 0) > (before[-1][1].target_year or 0):
                earlier = before[-1]
                yield Check(
                    "later_below_earlier",
                    passage_of(number, later),
                    passage_of(*earlier),
                    label=later.indicator,
                    concept=later.concept,
                    year=later.target_year,
                )
                break


# What a measure may not fall below, by the later one.
_BEFORE = {
    "count_cumulative": ("count_cumulative", "count_in_year"),
    "share": ("share",),
    "growth_rate": ("growth_rate",),
}


def _must_not_fall(earlier: Target, later: Target) -> bool:
    if not linking.same_unit(earlier.unit or "", later.unit or ""):
        return False
    if (earlier.scope or "") != (later.scope or "") and "重点领域" not in (
        (later.scope or "") + (earlier.scope or "")
    ):
        return False
    before = _BEFORE.get(later.measure, ())
    if earlier.measure not in before:
        return False
    if later.measure == "growth_rate" and not (
        later.baseline_year and later.baseline_year == earlier.baseline_year
    ):
        return False
    return intervals.compare(later, earlier, direction(later, earlier)) == "less"


def part_exceeds_whole(record: PlanRecord, text: str | None) -> Iterator[Check]:
    """更新79套（阀门类108台）; 绿色工厂6家，其中国家级8家: a part larger than the whole."""
    for number, (whole, part) in enumerate(zip(record.targets, record.targets[1:], strict=False), 1):
        if whole.value is None or part.value is None or part.value <= whole.value:
            continue
        if not (is_of_a_part(whole) and is_of_a_part(part)) or whole.path != part.path:
            continue
        if whole.target_year != part.target_year or whole.origin != part.origin:
            continue
        if not (_is_bracket(whole, part) or _is_among(whole, part, text)):
            continue
        # 108 valves may well belong to 79 sets: where the units differ one can only ask.
        same = (whole.unit or "") == (part.unit or "")
        yield Check(
            "part_exceeds_whole",
            passage_of(number, whole),
            passage_of(number + 1, part),
            label=whole.indicator,
            concept=whole.concept,
            year=whole.target_year,
            units_differ=not same,
        )


def _is_bracket(whole: Target, part: Target) -> bool:
    rest = part.indicator.removeprefix(whole.indicator)
    return rest != part.indicator and bool(re.fullmatch(r"[（(][^（()）]+[）)]", rest))


def _is_among(whole: Target, part: Target, text: str | None) -> bool:
    if text is None or whole.span is None or part.span is None or part.span[0] < whole.span[1]:
        return False
    between = squeeze(text[whole.span[1] : part.span[1]]).text
    return bool(re.match(r"(?:以上|左右)?[，,；;（(]?其中", between)) and "。" not in between
