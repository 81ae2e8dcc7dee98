"""How good a record is: held against a gold reading, item by item, each difference told.

What counts as the same:

- a task: the same path;
- an assignment: the same task, agency and role (white space aside);
- a target: the same value, in the same part of the document (body or table), in words of which the longest common
  stretch is at least half of the shorter quotation; in a table the same indicator and year will do, since the words of
  a cell are its figure alone. Of several candidates the closest pair goes first;
- a cited target: the same level, value and indicator; an adjustment: the same kind, value and indicator or words;
- a cell: the same text in the same column of the same row; rows are aligned in order, so that one missing row does not
  spoil those below it. An empty cell is a cell.

Precision is the right ones among those read, recall the right ones among those of the gold, F1 their harmonic mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from typing import TypeVar

from graph.gold import Gold, GoldAction, GoldCitedTarget, GoldTable, GoldTarget
from graph.record import Action, Adjustment, CitedTarget, PlanRecord, Table, Target

# How much of the shorter of two texts must be common to both.
SAME_WORDS, SAME_NAME = 0.5, 0.6
_LAYOUT = re.compile(r"[\s<>＜＞]")
_G = TypeVar("_G")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Counts:
    """How many are right, read but not in the gold, and in the gold but not read."""

    right: int = 0
    extra: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.extra + other.extra, self.missed + other.missed)

    @property
    def gold(self) -> int:
        """How many the gold has."""
        return self.right + self.missed

    @property
    def precision(self) -> float:
        """From 0 to 1; 1 where nothing was read."""
        return self.right / (self.right + self.extra) if self.right + self.extra else 1.0

    @property
    def recall(self) -> float:
        """From 0 to 1; 1 where there is nothing to read."""
        return self.right / self.gold if self.gold else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, from 0 to 1."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class Share:
    """How many of those judged are right."""

    right: int = 0
    of: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.right + other.right, self.of + other.of)

    @property
    def value(self) -> float:
        """From 0 to 1; 1 where nothing was judged."""
        return self.right / self.of if self.of else 1.0


@dataclass(frozen=True)
class Difference:
    """One disagreement. ``kind`` is a key of the words in quality.toml; ``gold`` and ``record`` are what each says."""

    kind: str
    path: str
    gold: str
    record: str
    quote: str = ""


@dataclass
class Evaluation:
    """A record against its gold. ``counts`` by what is counted, ``shares`` by what is judged of the right ones."""

    plan: str
    document: str
    counts: dict[str, Counts] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def count(self, key: str, *, right: int = 0, extra: int = 0, missed: int = 0) -> None:
        """Add to one of the counts."""
        self.counts[key] = self.counts.get(key, Counts()) + Counts(right, extra, missed)

    def judge(self, key: str, right: bool) -> None:
        """Add one judgement to one of the shares."""
        self.shares[key] = self.shares.get(key, Share()) + Share(int(right), 1)

    def differ(self, kind: str, path: str, gold: object, record: object, quote: str = "") -> None:
        """Note a difference; None is said as nothing."""
        said = ["" if one is None else str(one) for one in (gold, record)]
        self.differences.append(Difference(kind, path, said[0], said[1], quote))


def evaluate(gold: Gold, record: PlanRecord) -> Evaluation:
    """Hold a record against the parts that its gold has."""
    found = Evaluation(gold.plan.title, record.slug)
    if gold.actions is not None:
        _actions(found, gold, record)
    if gold.indicators is not None:
        _targets(found, gold, record)
    if gold.upper_level_indicators is not None:
        _cited_targets(found, gold.upper_level_indicators, record.cited_targets)
    if gold.tables is not None:
        _tables(found, gold.tables, record.tables)
    if gold.adjustments is not None:
        _adjustments(found, gold, record.adjustments)
    return found


def overall(evaluations: Iterable[Evaluation]) -> Evaluation:
    """All plans as one: every item counts the same, whichever plan it stands in."""
    whole = Evaluation("", "")
    for one in evaluations:
        for key, counts in one.counts.items():
            whole.counts[key] = whole.counts.get(key, Counts()) + counts
        for key, share in one.shares.items():
            whole.shares[key] = whole.shares.get(key, Share()) + share
    return whole


# -- words and figures -----------------------------------------------------------------------------------------------


def bare(text: str | None) -> str:
    """A text without white space and without the pointed brackets that print puts around remarks."""
    return _LAYOUT.sub("", text or "")


def likeness(one: str | None, other: str | None) -> float:
    """The longest stretch that two texts share, as a part of the shorter one: from 0 to 1."""
    first, second = bare(one), bare(other)
    if not first or not second:
        return 0.0
    if first in second or second in first:
        return 1.0
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.find_longest_match().size / min(len(first), len(second))


def _pairs(gold: Sequence[_G], read: Sequence[_R], fit: Callable[[_G, _R], float | None]) -> dict[int, int]:
    """Which of ``read`` answers which of ``gold``, the closest pair first; ``fit`` is None for two that cannot be one."""
    close = [
        (-score, i, j)
        for i, wanted in enumerate(gold)
        for j, got in enumerate(read)
        if (score := fit(wanted, got)) is not None
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(close):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _figure(value: Decimal | None, value_max: Decimal | None, unit: str | None, year: int | None) -> str:
    """One value, to be read: 25—30% (2027)."""
    printed = "–" if value is None else f"{value.normalize():f}"
    if value_max is not None:
        printed += f"—{value_max.normalize():f}"
    return f"{printed}{unit or ''}" + (f" ({year})" if year else "")


# -- tasks and agencies ----------------------------------------------------------------------------------------------


def _actions(found: Evaluation, gold: Gold, record: PlanRecord) -> None:
    wanted = gold.actions or []
    # A gold that knows no supporting agencies counts them among the responsible ones.
    told_apart = any(action.supporting for action in wanted)

    def fit(one: GoldAction, other: Action) -> float | None:
        if other.path not in (one.path, *one.accept_paths):
            return None
        return (other.path == one.path) + likeness(one.title, other.title)

    pairs = _pairs(wanted, record.actions, fit)
    neutral = set(gold.neutral_actions)
    extra = [
        action
        for number, action in enumerate(record.actions)
        if number not in pairs.values() and action.path not in neutral
    ]
    found.count("actions", right=len(pairs), extra=len(extra), missed=len(wanted) - len(pairs))
    for number, one in enumerate(wanted):
        if number not in pairs:
            found.differ("task_missed", one.path, one.title, None)
            continue
        action = record.actions[pairs[number]]
        right = bare(action.title) in {bare(title) for title in (one.title, *one.accept_titles)}
        found.judge("titles", right)
        if not right:
            found.differ("title", one.path, one.title, action.title)
        _assignments(found, one, action, told_apart)
    for action in extra:
        found.differ("task_extra", action.path, None, action.title)


def _assignments(found: Evaluation, gold: GoldAction, action: Action, told_apart: bool) -> None:
    # The same agency in the same role twice is one assignment.
    left = list(
        dict.fromkeys(
            (bare(one.agency), "responsible" if one.role == "supporting" and not told_apart else one.role)
            for one in action.assignments
        )
    )
    missed = []
    for name, role in gold.wanted():
        names = {bare(each) for each in gold.names(name)}
        roles = {role, *gold.accept_roles.get(name, [])}
        hit = next((one for one in left if one[0] in names and one[1] in roles), None)
        if hit is None:
            missed.append((name, role, names))
            continue
        left.remove(hit)
        found.count("assignments", right=1)
        found.count(f"assignments.{role}", right=1)
    neutral = {bare(name) for name in gold.neutral_agencies}
    left = [one for one in left if one[0] not in neutral]
    for _, role in left:
        found.count("assignments", extra=1)
        found.count(f"assignments.{role}", extra=1)
    for name, role, names in missed:
        found.count("assignments", missed=1)
        found.count(f"assignments.{role}", missed=1)
        # The agency in another role is one slip to a reader, though it counts as one missed and one extra.
        other = next((one for one in left if one[0] in names), None)
        if other:
            left.remove(other)
            found.differ("role", gold.path, f"{name} {role}", f"{other[0]} {other[1]}")
        else:
            found.differ("agency_missed", gold.path, f"{name} {role}", None)
    for name, role in left:
        found.differ("agency_extra", gold.path, None, f"{name} {role}")


# -- targets ---------------------------------------------------------------------------------------------------------


def _targets(found: Evaluation, gold: Gold, record: PlanRecord) -> None:
    wanted = gold.indicators or []
    in_tables = any(one.in_table for one in wanted)
    for part in ("body", "table"):
        here = [one for one in wanted if one.in_table == (part == "table")]
        read = [one for one in record.targets if (one.origin == "table") == (part == "table")]
        if part == "table" and not in_tables:
            # The gold did not look at the tables; it cannot say that a target of a table is wrong.
            continue
        pairs = _pairs(here, read, _fit_target)
        needed = [number for number, one in enumerate(here) if not one.optional]
        extra = [
            one
            for number, one in enumerate(read)
            if number not in pairs.values() and not _pardoned(one, gold, wanted)
        ]
        for number in needed:
            if number in pairs:
                _fields(found, "targets", here[number], read[pairs[number]])
            else:
                one = here[number]
                said = f"{one.name} {_figure(one.value, one.value_max, one.unit, one.target_year)}"
                found.judge("targets.full", False)
                found.differ("target_missed", one.path, said, None, one.verbatim)
        for target in extra:
            said = f"{target.indicator} {_figure(target.value, target.value_max, target.unit, target.target_year)}"
            found.differ("target_extra", target.path, None, said, target.quote)
        right = sum(number in pairs for number in needed)
        for key in ("targets", f"targets.{part}"):
            found.count(key, right=right, extra=len(extra), missed=len(needed) - right)


def _fit_target(gold: GoldTarget, read: Target) -> float | None:
    if gold.value != read.value:
        return None
    words, name = likeness(gold.verbatim, read.quote), likeness(gold.name, read.indicator)
    year = read.target_year in (gold.target_year, *gold.accept_target_years)
    if words < SAME_WORDS and not (gold.in_table and year and name > SAME_NAME):
        return None
    return words + name + year


def _pardoned(target: Target, gold: Gold, wanted: Sequence[GoldTarget]) -> bool:
    """Whether a target that answers none of the gold's is no mistake: doubtful, or a figure's goal told in words too."""
    words = [*gold.neutral_indicators, *gold.other_qualitative_targets]
    if target.comparator == "qualitative":
        words += [one.verbatim for one in wanted]
    return any(likeness(one, target.quote) >= SAME_WORDS for one in words)


def _fields(found: Evaluation, key: str, gold: GoldTarget, read: Target) -> None:
    """Judge the fields that the gold gives, each by itself and all together."""
    judged: list[tuple[str, str, object, object, bool]] = [
        (
            "comparator",
            "comparator",
            gold.comparator,
            read.comparator,
            read.comparator in (gold.comparator, *gold.accept_comparators),
        ),
        ("measure", "kind", gold.kind, read.measure, read.measure in (gold.kind, *gold.accept_kinds)),
        (
            "target_year",
            "target_year",
            gold.target_year,
            read.target_year,
            read.target_year in (gold.target_year, *gold.accept_target_years),
        ),
        (
            "baseline_year",
            "baseline_year",
            gold.baseline_year,
            read.baseline_year,
            read.baseline_year == gold.baseline_year,
        ),
        (
            "unit",
            "unit",
            gold.unit,
            read.unit,
            bare(read.unit) in {bare(unit) for unit in (gold.unit, *gold.accept_units)},
        ),
        ("value_max", "value_max", gold.value_max, read.value_max, read.value_max == gold.value_max),
        ("name", "name", gold.name, read.indicator, likeness(gold.name, read.indicator) >= SAME_NAME),
    ]
    if isinstance(gold, GoldCitedTarget) and isinstance(read, CitedTarget):
        place = read.claimed_jurisdiction
        judged.append(
            ("place", "jurisdiction", gold.jurisdiction, place, bare(place) == bare(gold.jurisdiction))
        )
    judged = [one for one in judged if gold.gives(one[1])]
    for name, _, said, got, right in judged:
        found.judge(f"{key}.{name}", right)
        if not right:
            found.differ(f"field.{name}", read.path, said, got, read.quote)
    found.judge(f"{key}.full", all(one[-1] for one in judged))


def _cited_targets(found: Evaluation, gold: Sequence[GoldCitedTarget], read: Sequence[CitedTarget]) -> None:
    def fit(one: GoldCitedTarget, other: CitedTarget) -> float | None:
        name = likeness(one.name, other.indicator)
        if one.value != other.value or one.level != other.claimed_level or name < SAME_NAME:
            return None
        year = other.target_year in (one.target_year, *one.accept_target_years)
        return name + year + (one.row is not None and other.path.endswith(f"/{one.row}"))

    pairs = _pairs(gold, read, fit)
    needed = [number for number, one in enumerate(gold) if not one.optional]
    extra = [one for number, one in enumerate(read) if number not in pairs.values()]
    right = sum(number in pairs for number in needed)
    found.count("cited_targets", right=right, extra=len(extra), missed=len(needed) - right)
    for number in needed:
        one = gold[number]
        if number in pairs:
            _fields(found, "cited_targets", one, read[pairs[number]])
        else:
            said = f"{one.name} {_figure(one.value, one.value_max, one.unit, one.target_year)} {one.level}"
            found.judge("cited_targets.full", False)
            found.differ("cited_missed", one.path, said, None, one.verbatim)
    for cited in extra:
        figure = _figure(cited.value, cited.value_max, cited.unit, cited.target_year)
        found.differ(
            "cited_extra", cited.path, None, f"{cited.indicator} {figure} {cited.claimed_level}", cited.quote
        )


# -- tables and adjustments ------------------------------------------------------------------------------------------


def _tables(found: Evaluation, gold: Sequence[GoldTable], read: Sequence[Table]) -> None:
    rows = [[{name: _cell(text) for name, text in row.items()} for row in table.rows] for table in read]
    wanted = [
        [{name: _cell(row.get(name)) for name in table.columns} for row in table.rows] for table in gold
    ]

    def fit(one: list[dict[str, str]], other: list[dict[str, str]]) -> float | None:
        return float(sum(_same_cells(one[i], other[j]) for i, j in _aligned(one, other))) or None

    pairs = _pairs(wanted, rows, fit)
    for number, table in enumerate(gold):
        cells = len(table.columns) * len(table.rows)
        if number not in pairs:
            found.count("table_cells", missed=cells)
            found.differ("table_missed", "", table.name, None)
            continue
        path, got = read[pairs[number]].path, rows[pairs[number]]
        aligned = dict(_aligned(wanted[number], got))
        right = sum(_same_cells(wanted[number][i], got[j]) for i, j in aligned.items())
        found.count("table_cells", right=right, extra=sum(map(len, got)) - right, missed=cells - right)
        for i, row in enumerate(wanted[number]):
            answer = got[aligned[i]] if i in aligned else {}
            for name, text in row.items():
                if answer.get(name) != text:
                    found.differ("cell", f"{path} {i + 1} {name}", text, answer.get(name))
    for number, other in enumerate(read):
        if number not in pairs.values():
            found.count("table_cells", extra=sum(map(len, rows[number])))
            found.differ("table_extra", other.path, None, other.title)


def _cell(text: object) -> str:
    return bare(None if text is None else str(text))


def _same_cells(one: dict[str, str], other: dict[str, str]) -> int:
    return sum(other.get(name) == text for name, text in one.items())


def _aligned(one: Sequence[dict[str, str]], other: Sequence[dict[str, str]]) -> list[tuple[int, int]]:
    """Pairs of rows, in order, with as many equal cells as can be."""
    best = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            both = best[i + 1][j + 1] + _same_cells(one[i], other[j])
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if best[i][j] == best[i + 1][j + 1] + _same_cells(one[i], other[j]):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _adjustments(found: Evaluation, gold: Gold, read: Sequence[Adjustment]) -> None:
    wanted = gold.adjustments or []

    def fit(one: int, other: Adjustment) -> float | None:
        kind, what, value = wanted[one]
        if kind != other.kind or value.value != other.value:
            return None
        name, words = likeness(what.name, other.indicator), likeness(what.verbatim, other.quote)
        if name < SAME_NAME and words < SAME_WORDS:
            return None
        return name + words + (value.target_year == other.target_year)

    judged_kinds = {
        kind
        for kind, part in (("deleted", gold.deleted_indicators), ("added", gold.added_indicators))
        if part is not None
    }
    read = [one for one in read if one.kind in judged_kinds]
    pairs = _pairs(range(len(wanted)), read, fit)
    extra = [one for number, one in enumerate(read) if number not in pairs.values()]
    found.count("adjustments", right=len(pairs), extra=len(extra), missed=len(wanted) - len(pairs))
    for number, (kind, what, value) in enumerate(wanted):
        if number not in pairs:
            said = f"{kind} {what.name} {_figure(value.value, None, value.unit, value.target_year)}"
            found.judge("adjustments.full", False)
            found.differ("adjustment_missed", "", said, None, what.verbatim)
            continue
        one = read[pairs[number]]
        judged = [
            ("unit", value.gives("unit"), value.unit, one.unit, bare(value.unit) == bare(one.unit)),
            (
                "target_year",
                value.gives("target_year"),
                value.target_year,
                one.target_year,
                value.target_year == one.target_year,
            ),
            (
                "agency",
                what.gives("requested_by"),
                what.requested_by,
                one.agency,
                bare(what.requested_by) == bare(one.agency),
            ),
            ("name", True, what.name, one.indicator, likeness(what.name, one.indicator) >= SAME_NAME),
        ]
        for name, given, said_by_gold, said_by_record, right in judged:
            if given:
                found.judge(f"adjustments.{name}", right)
                if not right:
                    found.differ(f"field.{name}", "", said_by_gold, said_by_record, one.quote)
        found.judge("adjustments.full", all(right for _, given, *_, right in judged if given))
    for one in extra:
        said = f"{one.kind} {one.indicator} {_figure(one.value, None, one.unit, one.target_year)}"
        found.differ("adjustment_extra", "", None, said, one.quote)
