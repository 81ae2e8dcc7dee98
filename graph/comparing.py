"""Comparing a plan with the plans above it: what became of each upper target below.

Keyed lookup, never a join over all pairs: a plan is compared with its at most three levels of ancestors, and within a
pair by indicator and year; the work grows with the number of targets.

Two statements are comparable when indicator, measure, unit and base year agree and one scope contains the other.
Where they are not, the result is *not comparable* with its reason: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from graph import intervals, linking
from graph.claims import Claims, Key, Numbered, key_of
from graph.intervals import Direction
from graph.record import Measure, PlanRecord, Target
from ontology.vocabulary import load_vocabularies, remembered

if TYPE_CHECKING:
    from graph.cascade import Place

Outcome = Literal[
    "equal",
    "raised",
    "lowered",
    "softened",
    "hardened",
    "omitted",
    "narrowed",
    "widened",
    "own",
    "not_comparable",
    "exceeds_parent",
    "share_mismatch",
    "sum_exceeds",
    "misquoted",
]
_BY_ABSENCE = frozenset({"omitted", "narrowed", "own"})
COUNTS: Final[frozenset[str]] = frozenset({"count_cumulative", "count_annual", "count_in_year", "amount"})
"""Measures in which a part is smaller than its whole: never raised or lowered against it."""
_IN_A_YEAR = frozenset({"count_annual", "count_in_year"})
# 万吨/日 adds up over places; 微克/立方米, 张/千人 do not.
_PER = re.compile(r"/(?![日天年月时]|小时)|每(?![日天年月时]|小时)")
_TIME = re.compile(r"个?(?:工作日|自然日|小时|分钟|天|日|月|年)")
# A level that is reached stays reached; a number of things done in one year does not.
_LASTING = frozenset({"share", "growth_rate"})
_MEASURES: tuple[Measure, ...] = (
    "growth_rate",
    "share",
    "count_cumulative",
    "count_annual",
    "count_in_year",
    "amount",
    "qualitative",
)


@dataclass(slots=True)
class Comparison:
    """What became of one upper target in one lower plan, or a target that only the lower plan has.

    ``lower_year`` stands where the deadlines differ. ``explained`` is the number of the lower plan's adjustment that
    gives the reason for an omission. ``unsure`` means that a side rests on an unreviewed reading that may be mistaken.
    ``repeats`` is the comparison with a nearer level that says the same. ``claim`` is the lower plan's claim that was
    held against the upper statement (misquoted). ``stated`` is the share that the plan prints (share_mismatch).
    ``total``, ``known`` and ``places`` tell of sums: of how many of the places below the parent we know a figure.
    """

    outcome: Outcome
    lower_plan: str
    upper_plan: str | None
    lower: tuple[Numbered, ...] = ()
    upper: Numbered | None = None
    ratio: Decimal | None = None
    because: str | None = None
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    lower_year: int | None = None
    explained: int | None = None
    unsure: bool = False
    repeats: Comparison | None = field(default=None, compare=False)
    claim: Numbered | None = None
    stated: Decimal | None = None
    stated_text: str | None = None
    total: Decimal | None = None
    known: int | None = None
    places: int | None = None


Index = dict[str, dict[int | None, list[Numbered]]]


def index(record: PlanRecord, slug: str) -> Index:
    """The targets of a plan by what they are about and by year."""
    found: Index = {}
    for number, target in enumerate(record.targets, 1):
        years = found.setdefault(linking.comparison_key(target), {})
        years.setdefault(target.target_year, []).append(Numbered(number, target, slug))
    for years in found.values():
        for due, statements in years.items():
            # An annex repeats what the body says; where both speak, the body's wording is what binds.
            years[due] = [one for one in statements if one.target.origin != "table"] or statements
    return found


@dataclass
class Comparer:
    """Compares plans one by one; what an upper plan says is looked up once."""

    claims: Claims = field(default_factory=Claims)
    _indexes: dict[str, Index] = field(default_factory=dict)
    _said: dict[str, list[Numbered]] = field(default_factory=dict)
    _years_of: dict[str, dict[str, set[int | None]]] = field(default_factory=dict)

    def index(self, place: Place) -> Index:
        """What a document says of itself, by key and year; empty for a stub."""
        if place.record is None:
            return {}
        if place.slug not in self._indexes:
            self._indexes[place.slug] = index(place.record, place.slug)
        return self._indexes[place.slug]

    def compare(self, lower: Place, uppers: Sequence[Place]) -> list[Comparison]:
        """Compare a plan with each of its ancestors (nearest first), then name the targets that no ancestor has."""
        if lower.record is None:
            return []
        own = self.index(lower)
        # A record made by hand from the press holds what was seen: what is not in it may still be in the plan.
        whole = lower.record.text_hash is not None or bool(lower.record.verified)
        reasons = _reasons(lower.record)
        found: list[Comparison] = []
        above: set[str] = set()
        for upper in uppers:
            years = self._years(upper)
            for asked in self._asked(upper, lower):
                if isinstance(asked, Comparison):  # claims that contradict one another
                    if own.get(linking.comparison_key(asked.lower[0].target)):
                        found.append(asked)
                    continue
                key = linking.comparison_key(asked.target)
                above.add(key)
                for answer in _answers(lower.slug, upper.slug, asked, key, own, years.get(key, set())):
                    if answer.outcome == "omitted":
                        answer.explained = _explanation(reasons, asked)
                    if whole or answer.outcome not in _BY_ABSENCE:
                        answer.unsure = _unsure(answer, lower, upper)
                        found.append(answer)
        if whole and above:
            for key, years_of in own.items():
                if key not in above:
                    for statements in years_of.values():
                        found += [
                            Comparison("own", lower.slug, None, (statement,)) for statement in statements
                        ]
        _mark(found)
        return found

    def _years(self, upper: Place) -> dict[str, set[int | None]]:
        """By what it is about: the years for which an upper level has a mark."""
        if upper.slug not in self._years_of:
            self._years_of[upper.slug] = self._find_years(upper)
        return self._years_of[upper.slug]

    def _find_years(self, upper: Place) -> dict[str, set[int | None]]:
        years: dict[str, set[int | None]] = {key: set(of) for key, of in self.index(upper).items()}
        if not is_whole(upper):
            for key, year in self.claims.about.get((upper.family, upper.code), {}):
                years.setdefault(key, set()).add(year)
        return years

    def _asked(self, upper: Place, lower: Place) -> Iterator[Numbered | Comparison]:
        """What an upper level asks, each thing once: its own words, and where its text is not held what others say of it."""
        own = self.index(upper)
        if upper.slug not in self._said:
            self._said[upper.slug] = list(_each_once(own))
        yield from self._said[upper.slug]
        if is_whole(upper):
            return
        for key in self.claims.about.get((upper.family, upper.code), {}):
            if key[1] in own.get(key[0], {}):
                continue
            said = self.claims.speaking_for(upper, lower, key)
            by_measure: dict[str, list[Numbered]] = {}
            for one in said:
                by_measure.setdefault(one.target.measure, []).append(one)
            for alike in by_measure.values():
                if len(alike) == 1:
                    yield alike[0]
                else:
                    mine = self.index(lower).get(key[0], {}).get(key[1], [])
                    if mine:
                        yield Comparison(
                            "not_comparable",
                            lower.slug,
                            upper.slug,
                            (mine[0],),
                            alike[0],
                            because="claims-differ",
                        )


def _each_once(own: Index) -> Iterator[Numbered]:
    """What a document says of itself, without what it says twice."""
    for years in own.values():
        for statements in years.values():
            seen: set[tuple[object, ...]] = set()
            for one in statements:
                target = one.target
                what = (target.value, target.value_max, target.measure, *target.scope_domains)
                if what not in seen:
                    seen.add(what)
                    yield one


def compare(lower: Place, uppers: Sequence[Place], claims: Claims | None = None) -> list[Comparison]:
    """Compare one plan with its ancestors, nearest first."""
    return Comparer(claims or Claims()).compare(lower, uppers)


def is_whole(place: Place) -> bool:
    """Whether all that a document says is at hand: its text, or a record that was held against it."""
    return place.record is not None and (place.record.text_hash is not None or bool(place.record.verified))


def _unsure(answer: Comparison, lower: Place, upper: Place) -> bool:
    """Whether a side is an unreviewed reading whose indicator was recognised from a part of its name only."""
    sides = [(one, lower) for one in answer.lower]
    if answer.upper is not None and answer.upper.is_claim:
        told = answer.upper.target
        if told.review is None and not linking.is_named_in_full(told):
            return True
    elif answer.upper is not None:
        sides.append((answer.upper, upper))
    return any(unreviewed(one, place) for one, place in sides)


def unreviewed(one: Numbered, place: Place) -> bool:
    """Whether a target was read from a text, its indicator recognised from a part of its name, and nobody looked at it."""
    return (
        place.record is not None
        and place.record.text_hash is not None
        and one.target.review is None
        and not linking.is_named_in_full(one.target)
    )


def _reasons(record: PlanRecord) -> dict[str, list[tuple[int, int | None]]]:
    """By what they are about: the numbers and years of the adjustments that took a target out of the plan."""
    found: dict[str, list[tuple[int, int | None]]] = {}
    for number, change in enumerate(record.adjustments, 1):
        if change.kind != "deleted":
            continue
        keys = {linking.plain_key(change.indicator)}
        for measure in _MEASURES:
            link = linking.indicator(change.indicator, measure, change.unit or "")
            if link:
                keys.add(link.concept)
        for key in keys:
            found.setdefault(key, []).append((number, change.target_year))
    return found


def _explanation(reasons: dict[str, list[tuple[int, int | None]]], asked: Numbered) -> int | None:
    year = asked.target.target_year
    for number, due in reasons.get(linking.comparison_key(asked.target), []):
        if due is None or year is None or due == year:
            return number
    return None


def _mark(found: Iterable[Comparison]) -> None:
    """Mark what a nearer level has said already: told once, against the nearest that says it."""
    nearest: dict[tuple[object, ...], Comparison] = {}
    for one in found:
        if one.upper is None:
            continue
        asked = one.upper.target
        if one.because == "part-of-whole":
            # That a part is smaller than its whole holds for every level above.
            said: tuple[object, ...] = (one.because, *key_of(asked), asked.measure)
        else:
            said = _said(one, asked)
        first = nearest.setdefault(said, one)
        if first is not one and first.upper_plan != one.upper_plan:
            one.repeats = first


def _said(one: Comparison, asked: Target) -> tuple[object, ...]:
    return (
        one.outcome,
        *key_of(asked),
        asked.measure,
        asked.value,
        asked.value_max,
        one.because,
        one.lost,
        one.gained,
        tuple(statement.number for statement in one.lower),
    )


def _answers(
    lower: str, upper: str, asked: Numbered, key: str, own: Index, upper_years: set[int | None]
) -> Iterator[Comparison]:
    """What a lower plan's targets of the same indicator and year answer to one upper target."""
    statements = own.get(key, {}).get(asked.target.target_year, [])
    if not statements:
        answer = _other_year(lower, upper, asked, own.get(key, {}), upper_years)
        if answer is None:
            answer = _otherwise(lower, upper, asked, key, own)
        yield answer or Comparison("omitted", lower, upper, upper=asked)
        return
    same = [one for one in statements if _why_not(one.target, asked.target) is None]
    if not same:
        yield _apart(lower, upper, statements, asked)
        return
    # A plan may say a thing in its goals and again in a task: one answer for each scope, figures before words.
    chosen: dict[frozenset[str], Numbered] = {}
    for statement in sorted(same, key=lambda one: one.target.value is None):
        chosen.setdefault(frozenset(statement.target.scope_domains), statement)
    for statement in chosen.values():
        outcome, ratio = judge(statement.target, asked.target)
        yield Comparison(outcome, lower, upper, (statement,), asked, ratio)
    yield from _scope(lower, upper, asked, tuple(chosen.values()))


def _apart(lower: str, upper: str, statements: Sequence[Numbered], asked: Numbered) -> Comparison:
    """A part against its whole, or two statements that cannot be compared."""
    for one in statements:
        if _why_not(one.target, asked.target) == "part-of-whole":
            ratio = _ratio(one.target, asked.target)
            mine, theirs = one.target.value, asked.target.value
            if (
                mine is not None
                and theirs is not None
                and mine > theirs
                and linking.is_additive(asked.target)
            ):
                return Comparison("exceeds_parent", lower, upper, (one,), asked, ratio)
            return Comparison("not_comparable", lower, upper, (one,), asked, ratio, because="part-of-whole")
    because = _why_not(statements[0].target, asked.target)
    return Comparison("not_comparable", lower, upper, (statements[0],), asked, because=because)


def _other_year(
    lower: str,
    upper: str,
    asked: Numbered,
    years: dict[int | None, list[Numbered]],
    upper_years: set[int | None],
) -> Comparison | None:
    """An answer with another deadline, or with none; None where it is no answer to this target.

    The same by a later year falls short, unless the upper level has a mark for that year too. At least as much by an
    earlier year is more; less by an earlier year is a step on the way, and says nothing of the goal.
    """
    due = asked.target.target_year
    options = [
        (year, one)
        for year, statements in years.items()
        for one in statements
        if _why_not(one.target, asked.target) in (None, "part-of-whole")
    ]
    timeless = [one for year, one in options if year is None or due is None]
    for one in timeless:
        outcome, ratio = judge(one.target, asked.target)
        if one.target.value is None or asked.target.value is None or (due is None and outcome in _MET):
            return Comparison(outcome, lower, upper, (one,), asked, ratio)
        return Comparison("not_comparable", lower, upper, (one,), asked, because="deadline")
    if due is None or asked.target.value is None:
        return None
    dated = [(year, one) for year, one in options if year is not None and one.target.value is not None]
    for year, one in sorted((pair for pair in dated if pair[0] < due), key=lambda pair: -pair[0]):
        outcome, ratio = judge(one.target, asked.target)
        if asked.target.measure in _LASTING and outcome in _MET:
            return Comparison("raised", lower, upper, (one,), asked, ratio, lower_year=year)
    for year, one in sorted((pair for pair in dated if pair[0] > due), key=lambda pair: pair[0]):
        if year in upper_years:
            continue
        outcome, ratio = judge(one.target, asked.target)
        if asked.target.measure in _LASTING and outcome in ("equal", "lowered"):
            return Comparison("lowered", lower, upper, (one,), asked, ratio, lower_year=year)
        return Comparison("not_comparable", lower, upper, (one,), asked, because="deadline", lower_year=year)
    return None


_MET = ("equal", "raised")


def _otherwise(lower: str, upper: str, asked: Numbered, key: str, own: Index) -> Comparison | None:
    """A statement of the year that puts a related indicator another way: a number of cars where growth was asked."""
    if asked.target.concept is None:
        return None
    found: list[Numbered] = []
    for related in load_vocabularies().concept("indicator", key).values("related"):
        found += [
            one
            for one in own.get(related, {}).get(asked.target.target_year, [])
            if _why_not(one.target, asked.target) in ("measure", "part-of-whole")
        ]
    name = set(asked.target.indicator)
    other = max(found, key=lambda one: len(name & set(one.target.indicator)), default=None)
    if other is None:
        return None
    because = _why_not(other.target, asked.target)
    if because == "part-of-whole":
        # 省级以上绿色工厂 against 省级绿色工厂: both are counts, but not of the same thing.
        because = "indicator"
    return Comparison("not_comparable", lower, upper, (other,), asked, because=because)


def _scope(lower: str, upper: str, asked: Numbered, answers: tuple[Numbered, ...]) -> Iterator[Comparison]:
    """Which listed fields the lower plan leaves out or adds, all its statements of the indicator together."""
    wanted = asked.target.scope_domains
    if not wanted or any(not answer.target.scope_domains for answer in answers):
        return
    given = list(dict.fromkeys(key for answer in answers for key in answer.target.scope_domains))
    lost = tuple(key for key in wanted if key not in given)
    gained = tuple(key for key in given if key not in wanted)
    if lost:
        yield Comparison("narrowed", lower, upper, answers, asked, lost=lost, gained=gained)
    elif gained:
        yield Comparison("widened", lower, upper, answers, asked, gained=gained)


def _why_not(lower: Target, upper: Target) -> str | None:
    """The key of the reason why two statements about one indicator cannot be compared; None if they can."""
    words = "qualitative"
    measures = {lower.measure, upper.measure}
    # 每年150户 in a plan's annex for 2024 and 2024年150户 in its body are one thing.
    of_one_year = measures == _IN_A_YEAR and lower.target_year and lower.target_year == upper.target_year
    if len(measures) > 1 and words not in measures and not of_one_year:
        return "measure"
    if lower.value is not None and upper.value is not None:
        if not linking.same_unit(lower.unit or "", upper.unit or ""):
            return "unit"
        if lower.baseline_year and upper.baseline_year and lower.baseline_year != upper.baseline_year:
            return "baseline"
        if is_of_a_part(lower) and is_of_a_part(upper):
            return "part-of-whole"
        if intervals.compare(lower, upper, direction(lower, upper)) == "opposed":
            return "opposed"
    if lower.scope_domains and upper.scope_domains:
        mine, theirs = set(lower.scope_domains), set(upper.scope_domains)
        if not (mine <= theirs or theirs <= mine):
            return "scope"
    return None


def is_of_a_part(target: Target) -> bool:
    """Whether a place's figure is a part of that of the place above: counts and sums of money, but no rates (mg/m³)
    and no times (3个工作日)."""
    unit = target.unit or ""
    return target.measure in COUNTS and not _PER.search(unit) and not _TIME.fullmatch(unit)


def judge(lower: Target, upper: Target) -> tuple[Outcome, Decimal | None]:
    """Compare two comparable statements: the outcome, and lower ÷ upper where both have figures."""
    order = intervals.compare(lower, upper, direction(lower, upper))
    if order is None:
        if lower.value is None and upper.value is None:
            return "equal", None
        return ("softened" if lower.value is None else "hardened"), None
    outcomes: dict[str, Outcome] = {"less": "lowered", "same": "equal", "more": "raised"}
    return outcomes.get(order, "not_comparable"), _ratio(lower, upper)


def _ratio(lower: Target, upper: Target) -> Decimal | None:
    if lower.value is None or not upper.value:
        return None
    return (lower.value / upper.value).quantize(Decimal("0.0001")).normalize() + 0


def direction(one: Target, other: Target) -> Direction:
    """Which way an indicator gets better; where it is in no vocabulary, the wording tells: 不超过 asks for less."""
    key = one.concept or other.concept
    if key is not None:
        return _direction_of(key)
    comparators = {one.comparator, other.comparator}
    asks_less = comparators & {"<", "<="} and not comparators & {">", ">="}
    return "lower" if asks_less else "higher"


@remembered
def _direction_of(indicator: str) -> Direction:
    told = load_vocabularies().concept("indicator", indicator).value("direction")
    return "lower" if told == "lower" else "higher"


__all__ = [
    "COUNTS",
    "Comparer",
    "Comparison",
    "Key",
    "Numbered",
    "Outcome",
    "compare",
    "direction",
    "index",
    "is_of_a_part",
    "judge",
]
