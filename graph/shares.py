"""Counts across levels: what a plan says its share is, and what the places below a place add up to.

    占全市16.67%   held against 100台套 ÷ 600台套
    Σ children     held against the parent's own figure of the same indicator, year and measure

Only indicators that may be added up (``zm:additive``) are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from graph import divisions, linking
from graph.claims import Claims, Key, Numbered, key_of
from graph.comparing import Comparer, Comparison, is_of_a_part, unreviewed
from graph.record import Level, Measure, PlanRecord, Target

if TYPE_CHECKING:
    from graph.cascade import Lineage, Place

# 占全市10%, 占全省比重约为5.1%, 占全市的比重达到三成 is left to the reader.
_SHARE = re.compile(
    r"占(?:全|本)(?P<whole>地区|[国省市区县州盟旗])的?(?:总量|总数|目标|指标|任务)?的?(?:比重|比例)?"
    r"(?P<about>约|近|接近)?(?:达到|达|为)?(?P<about2>约|近|接近)?(?P<figure>\d+(?:\.(?P<digits>\d+))?)[%％](?P<after>以上|左右)?"
)
_LEVELS: dict[str, tuple[Level, ...]] = {
    "国": ("national",),
    "省": ("province",),
    "区": ("province", "county"),
    "市": ("city", "province"),
    "地区": ("city",),
    "州": ("city",),
    "盟": ("city",),
    "县": ("county",),
    "旗": ("county",),
}


def tolerance(digits: int, rough: bool) -> Decimal:
    """How far a share printed with so many decimal places may be from the exact one: half a unit of the last place,
    and where it is printed as rough (约10%) a whole one."""
    unit = Decimal(1).scaleb(-digits)
    return unit if rough else unit / 2


def stated_shares(place: Place, comparer: Comparer, uppers: dict[str, Place]) -> Iterator[Comparison]:
    """The shares of an upper level's figure that a plan prints, where they differ from the arithmetic.

    The upper figure is the one that the document itself prints beside its own, else the upper level's.
    """
    record = place.record
    if record is None:
        return
    own: dict[str, list[Numbered]] = {}
    claimed: dict[str, list[Numbered]] = {}
    for number, target in enumerate(record.targets, 1):
        own.setdefault(target.path, []).append(Numbered(number, target, place.slug))
    for number, claim in enumerate(record.cited_targets, 1):
        claimed.setdefault(claim.path, []).append(Numbered(number, claim, place.slug))
    for path, text, mine in _printed(record, own):
        match = _SHARE.search(text)
        if match is None:
            continue
        levels = _LEVELS[match["whole"]]
        pairs = [
            (one, other)
            for one in mine
            for other in _wholes(one, claimed.get(path, []), levels, place, comparer, uppers)
        ]
        stated = Decimal(match["figure"])
        rough = bool(match["about"] or match["about2"] or match["after"] == "左右")
        slack = tolerance(len(match["digits"] or ""), rough)
        shares = [(_share(one, other), one, other) for one, other in pairs]
        if not shares or any(_fits(share, stated, slack, match["after"]) for share, _, _ in shares):
            continue
        share, one, other = shares[0]
        upper = _about(place, other, uppers)
        if upper is None:
            continue
        yield Comparison(
            "share_mismatch",
            place.slug,
            upper.slug,
            (one,),
            other,
            ratio=(share / 100).quantize(Decimal("0.000001")).normalize() + 0,
            stated=stated,
            stated_text=match.group(),
        )


def _share(one: Numbered, other: Numbered) -> Decimal:
    assert one.target.value is not None
    assert other.target.value
    return one.target.value * 100 / other.target.value


def _fits(share: Decimal, stated: Decimal, slack: Decimal, after: str | None) -> bool:
    return share >= stated - slack if after == "以上" else abs(share - stated) <= slack


def _printed(record: PlanRecord, own: dict[str, list[Numbered]]) -> Iterator[tuple[str, str, list[Numbered]]]:
    """Where a share may be printed: a row of an annex table, or the sentence of a target."""
    for table in record.tables:
        for number, row in enumerate(table.rows, 1):
            path = row_path(table.path, row, number)
            figures = [one for one in own.get(path, []) if one.target.value is not None]
            text = "\n".join(cell for cell in row.values() if cell)
            if figures and "占" in text:
                yield path, text, figures
    for path, statements in own.items():
        for one in statements:
            if one.target.origin == "body" and one.target.measure != "share" and "占" in one.target.quote:
                yield path, one.target.quote, [one]


def row_path(label: str, row: dict[str, str | None], number: int) -> str:
    """The path of a row as the reader makes it: 附件2/14, 附件/二/1 where the rows are grouped."""
    group = re.match(r"[（(]?([一二三四五六七八九十]+)", row.get("类别") or "")
    first = next((value for name, value in row.items() if name != "类别"), None)
    serial = first if first and re.fullmatch(r"\d{1,3}", first) else str(number)
    return "/".join([label, *([group.group(1)] if group else []), serial])


def _wholes(
    one: Numbered,
    claimed: list[Numbered],
    levels: tuple[Level, ...],
    place: Place,
    comparer: Comparer,
    uppers: dict[str, Place],
) -> list[Numbered]:
    """The figures that a target may be a share of."""

    def alike(other: Target) -> bool:
        return (
            bool(other.value)
            and other.target_year == one.target.target_year
            and linking.same_unit(other.unit or "", one.target.unit or "")
        )

    beside = [
        other
        for other in claimed
        if other.is_claim and getattr(other.target, "claimed_level", None) in levels and alike(other.target)
    ]
    if beside:
        return beside
    key, year = key_of(one.target)
    for upper in uppers.values():
        if divisions.divisions()[upper.code].level in levels:
            said = comparer.index(upper).get(key, {}).get(year, [])
            return [other for other in said if alike(other.target) and is_of_a_part(other.target)]
    return []


def _about(place: Place, other: Numbered, uppers: dict[str, Place]) -> Place | None:
    """The document that an upper figure belongs to."""
    if not other.is_claim:
        return next((upper for upper in uppers.values() if upper.slug == other.document), None)
    level = getattr(other.target, "claimed_level", None)
    above = divisions.line(place.code)[1:]
    code = next((one.code for one in above if one.level == level), None)
    return uppers.get(code or "")


class Summand(NamedTuple):
    """A count of a place that may be added up: what the place above needs of it, and no more.

    ``number`` is that of the target in its document; ``unsure`` tells that nobody looked at an uncertain reading of it.
    """

    document: str
    number: int
    key: Key
    measure: Measure
    value: Decimal
    unit: str
    unsure: bool

    @property
    def statement(self) -> Numbered:
        """The target as a comparison names it."""
        about, year = self.key
        target = Target(
            path="",
            indicator=about,
            value=self.value,
            unit=self.unit,
            comparator="=",
            measure=self.measure,
            target_year=year,
            quote="",
        )
        return Numbered(self.number, target, self.document)


def summands(place: Place, comparer: Comparer) -> Iterator[Summand]:
    """The counts of a place that may be added up, one of a kind; where it gives two, neither is sure."""
    for years in comparer.index(place).values():
        for statements in years.values():
            by_measure: dict[Measure, list[Numbered]] = {}
            for one in statements:
                target = one.target
                if target.value is not None and is_of_a_part(target) and linking.is_additive(target):
                    by_measure.setdefault(target.measure, []).append(one)
            for measure, alike in by_measure.items():
                one, target = alike[0], alike[0].target
                if target.value is not None and len({other.target.value for other in alike}) == 1:
                    unsure = unreviewed(one, place)
                    yield Summand(
                        place.slug,
                        one.number,
                        key_of(target),
                        measure,
                        target.value,
                        target.unit or "",
                        unsure,
                    )


def parents(lineage: Lineage, only: Collection[str] | None = None) -> Iterator[tuple[Place, Place]]:
    """Each place that speaks for itself, with the nearest document above it: it counts there, and once.

    With ``only``, those of which the document above is one of these.
    """
    wanted = None if only is None else _lower(lineage, only)
    for family, code in lineage.places():
        if wanted is not None and (family, code) not in wanted:
            continue
        nearest = lineage.nearest(family, code)
        if nearest is None:
            continue
        if only is not None and not any(slug in only for slug in lineage.slugs(family, nearest)):
            continue
        place = lineage.speaker(family, code)
        parent = lineage.parent(place)
        if parent is not None and (only is None or parent.slug in only):
            yield place, parent


def _lower(lineage: Lineage, slugs: Collection[str]) -> set[tuple[str, str]]:
    """The families and divisions that lie below those of some documents."""
    these = set(slugs)
    of_these = [
        (family, code)
        for family, code in lineage.places()
        if not these.isdisjoint(lineage.slugs(family, code))
    ]
    return {(family, below) for family, code in of_these for below in divisions.below(code)}


def sums(pairs: Iterable[tuple[Place, Place]], comparer: Comparer, claims: Claims) -> Iterator[Comparison]:
    """All of `sums_of`, of the pairs that `parents` gives."""
    parts: dict[str, list[Summand]] = {}
    known: dict[str, Place] = {}
    for place, parent in pairs:
        known[parent.slug] = parent
        parts.setdefault(parent.slug, []).extend(summands(place, comparer))
    for slug, found in parts.items():
        yield from sums_of(known[slug], found, comparer, claims)


def sums_of(
    parent: Place, parts: Iterable[Summand], comparer: Comparer, claims: Claims
) -> Iterator[Comparison]:
    """Where the known places below a place add up to more than its own figure.

    A place whose figure alone is larger than the parent's is a finding of its own, and of no sum.
    """
    alike: dict[tuple[Key, Measure], list[Summand]] = {}
    for part in parts:
        alike.setdefault((part.key, part.measure), []).append(part)
    for (key, measure), found in alike.items():
        if len(found) < 2:
            continue
        whole = _own_figure(parent, key, measure, comparer, claims)
        if whole is None or whole.target.value is None:
            continue
        counted = [one for one in found if linking.same_unit(one.unit, whole.target.unit or "")]
        values = [one.value for one in counted]
        total = sum(values, Decimal(0))
        if len(values) < 2 or total <= whole.target.value or max(values) > whole.target.value:
            continue
        yield Comparison(
            "sum_exceeds",
            parent.slug,
            parent.slug,
            tuple(one.statement for one in counted),
            whole,
            ratio=(total / whole.target.value).quantize(Decimal("0.0001")).normalize() + 0,
            unsure=any(one.unsure for one in counted),
            total=total,
            known=len(values),
            places=_below(parent.code),
        )


def _own_figure(parent: Place, key: Key, measure: str, comparer: Comparer, claims: Claims) -> Numbered | None:
    said = [
        one
        for one in comparer.index(parent).get(key[0], {}).get(key[1], [])
        if one.target.measure == measure and one.target.value
    ]
    if not said and (parent.record is None or not parent.record.text_hash):
        known = claims.about.get((parent.family, parent.code), {}).get(key, [])
        said = [one for one in known if one.target.measure == measure and one.target.value]
    return said[0] if len({one.target.value for one in said}) == 1 else None


@cache
def _children() -> Counter[str | None]:
    return Counter(division.parent for division in divisions.divisions().values())


def _below(code: str) -> int:
    """How many divisions stand directly below one."""
    return _children()[code]
