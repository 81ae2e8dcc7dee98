"""Two versions of a plan held side by side: tasks, agencies, targets, matched by what they say and not by their place.

A task is the same where its title is, or is alike (rapidfuzz); a target where its concept is, or its words are. What a
new paragraph does to all numbers behind it is therefore no difference.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal, TypeVar

from pydantic import Field
from rapidfuzz import fuzz

from graph import linking
from graph.record import Action, Assignment, Model, PlanRecord, Role, Target

Kind = Literal["added", "removed", "changed"]
ALIKE = 62
"""From this similarity of titles on (rapidfuzz ratio, 0 to 100), two tasks are one that was renamed."""
ALIKE_WORDS = 78
"""From this similarity on, two indicators that no vocabulary knows are one."""
_NO_WORD = re.compile(r"[\s、，,。.;；:：“”\"'《》（）()【】\[\]·—-]+")
_T = TypeVar("_T")


class AgencyChange(Model):
    """An agency whose part changed: a role is None where it has none on that side."""

    agency: str
    before: Role | None
    after: Role | None


class TaskSide(Model):
    """A task as one version has it; ``under`` are the headings above it."""

    path: str
    title: str
    under: list[str]


class TaskChange(Model):
    """What became of a task. ``moved`` means: under another heading, or in another order."""

    kind: Kind
    before: TaskSide | None
    after: TaskSide | None
    renamed: bool = False
    moved: bool = False
    agencies: list[AgencyChange] = Field(default_factory=list)


FieldName = Literal[
    "value", "comparator", "unit", "target_year", "baseline_year", "scope", "strength", "measure", "words"
]


class FieldChange(Model):
    """One property of a target that changed, as text; None where a side does not have it."""

    field: FieldName
    before: str | None
    after: str | None


class TargetSide(Model):
    """A target as one version has it; ``value`` is short (``>=25%``), None for words."""

    path: str
    indicator: str
    concept: str | None
    year: int | None
    value: str | None
    quote: str


class TargetChange(Model):
    """What became of a target."""

    kind: Kind
    before: TargetSide | None
    after: TargetSide | None
    fields: list[FieldChange] = Field(default_factory=list)
    agencies: list[AgencyChange] = Field(default_factory=list)


class Version(Model):
    """One of the two documents."""

    name: str
    title: str
    tasks: int
    targets: int


class Differences(Model):
    """All differences, in the order of the newer version; what was removed stands where it was."""

    before: Version
    after: Version
    tasks: list[TaskChange]
    targets: list[TargetChange]

    @property
    def is_same(self) -> bool:
        """Whether tasks, agencies and targets are all as they were."""
        return not self.tasks and not self.targets


def differences(before: PlanRecord, after: PlanRecord) -> Differences:
    """Compare two records of a plan, the older first."""
    return Differences(
        before=_version(before),
        after=_version(after),
        tasks=_tasks(before.actions, after.actions),
        targets=_targets(before.targets, after.targets),
    )


def _version(record: PlanRecord) -> Version:
    return Version(
        name=record.slug, title=record.plan.title, tasks=len(record.actions), targets=len(record.targets)
    )


# -- tasks -----------------------------------------------------------------------------------------------------


def _tasks(before: Sequence[Action], after: Sequence[Action]) -> list[TaskChange]:
    pairs = _pairs(before, after, _task_likeness)
    stayed = _in_order([pairs[at] for at in sorted(pairs)])

    def changed(at: int, to: int) -> TaskChange | None:
        one, other = before[at], after[to]
        change = TaskChange(
            kind="changed",
            before=_task(one),
            after=_task(other),
            renamed=_bare(one.title) != _bare(other.title),
            moved=to not in stayed or not _same_heading(one.ancestors, other.ancestors),
            agencies=_agencies(one.assignments, other.assignments),
        )
        return change if change.renamed or change.moved or change.agencies else None

    return _listed(
        pairs,
        changed,
        [TaskChange(kind="removed", before=_task(one), after=None) for one in before],
        [TaskChange(kind="added", before=None, after=_task(other)) for other in after],
    )


def _task(action: Action) -> TaskSide:
    return TaskSide(path=action.path, title=action.title, under=action.ancestors)


def _task_likeness(one: Action, other: Action) -> float:
    """How surely two tasks are one: the title above all; among equal titles the heading, then the agencies."""
    title = fuzz.ratio(_bare(one.title), _bare(other.title))
    if title < ALIKE:
        return 0
    heading = fuzz.ratio("".join(one.ancestors), "".join(other.ancestors))
    mine, theirs = ({assignment.agency for assignment in side.assignments} for side in (one, other))
    shared = 100 * len(mine & theirs) / len(mine | theirs) if mine | theirs else 100
    return title * 100 + heading + shared / 10


def _same_heading(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two tasks stand below the same heading, which may have been reworded itself."""
    mine, theirs = (_bare(side[-1]) if side else "" for side in (one, other))
    return mine == theirs or fuzz.ratio(mine, theirs) >= ALIKE


def _agencies(before: Sequence[Assignment], after: Sequence[Assignment]) -> list[AgencyChange]:
    # An agency that has two roles in one task has the stronger one.
    rank = ("undifferentiated", "supporting", "responsible", "lead")
    mine, theirs = (
        {one.agency: one.role for one in sorted(side, key=lambda a: rank.index(a.role))}
        for side in (before, after)
    )
    order = dict.fromkeys(one.agency for one in (*after, *before))
    return [
        AgencyChange(agency=name, before=mine.get(name), after=theirs.get(name))
        for name in order
        if mine.get(name) != theirs.get(name)
    ]


# -- targets ---------------------------------------------------------------------------------------------------


def _targets(before: Sequence[Target], after: Sequence[Target]) -> list[TargetChange]:
    def changed(at: int, to: int) -> TargetChange | None:
        one, other = before[at], after[to]
        change = TargetChange(
            kind="changed",
            before=_target(one),
            after=_target(other),
            fields=_fields(one, other),
            agencies=_agencies(one.assignments, other.assignments),
        )
        return change if change.fields or change.agencies else None

    return _listed(
        _pairs(before, after, _target_likeness),
        changed,
        [TargetChange(kind="removed", before=_target(one), after=None) for one in before],
        [TargetChange(kind="added", before=None, after=_target(other)) for other in after],
    )


def _target(target: Target) -> TargetSide:
    return TargetSide(
        path=target.path,
        indicator=target.indicator,
        concept=target.concept,
        year=target.target_year,
        value=_short(target),
        quote=target.quote,
    )


def _target_likeness(one: Target, other: Target) -> float:
    """How surely two targets are one: of one concept or of the same words, then by year, scope, value, sentence."""
    key, words = linking.comparison_key(one), linking.comparison_key(other)
    if key != words:
        if one.concept or other.concept:
            return 0
        if fuzz.ratio(_bare(one.indicator), _bare(other.indicator)) < ALIKE_WORDS:
            return 0
    alike = [
        (40, one.target_year == other.target_year),
        (20, one.origin == other.origin),
        (15, one.measure == other.measure),
        (15, (one.value, one.value_max) == (other.value, other.value_max)),
    ]
    scope = fuzz.ratio(one.scope or "", other.scope or "") if one.scope or other.scope else 100
    told = fuzz.ratio(_bare(one.quote), _bare(other.quote))
    name = fuzz.ratio(_bare(one.indicator), _bare(other.indicator))
    return 1 + sum(weight for weight, same in alike if same) + scope * 0.2 + told * 0.3 + name * 0.2


def _fields(one: Target, other: Target) -> list[FieldChange]:
    found: list[FieldChange] = []

    def held(field: FieldName, before: object, after: object) -> None:
        if before != after:
            told = (None if side is None else _plain(side) for side in (before, after))
            found.append(FieldChange(field=field, before=next(told), after=next(told)))

    held("value", _figures(one), _figures(other))
    held("comparator", one.comparator, other.comparator)
    if one.value is not None and other.value is not None:
        held("unit", one.unit, other.unit)
    held("target_year", one.target_year, other.target_year)
    held("baseline_year", one.baseline_year, other.baseline_year)
    held("measure", one.measure, other.measure)
    held("scope", one.scope, other.scope)
    held("strength", one.strength, other.strength)
    if one.value is None and other.value is None and _bare(one.quote) != _bare(other.quote):
        found.append(FieldChange(field="words", before=one.quote, after=other.quote))
    return found


def _figures(target: Target) -> str | None:
    figures = [_plain(one) for one in (target.value, target.value_max) if one is not None]
    return "–".join(figures) or None


def _short(target: Target) -> str | None:
    figures = _figures(target)
    mark = {"=": "", "qualitative": ""}.get(target.comparator, target.comparator)
    return None if figures is None else f"{mark}{figures}{target.unit or ''}"


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize() + 0:f}"
    return str(value)


# -- pairing ---------------------------------------------------------------------------------------------------


def _pairs(before: Sequence[_T], after: Sequence[_T], likeness: Callable[[_T, _T], float]) -> dict[int, int]:
    """Pairs, the likest first; each item in one at most. Among equals those whose places are nearest."""
    scored = [
        (-score, abs(at / max(len(before), 1) - to / max(len(after), 1)), at, to)
        for at, one in enumerate(before)
        for to, other in enumerate(after)
        if (score := likeness(one, other)) > 0
    ]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, at, to in sorted(scored):
        if at not in found and to not in taken:
            found[at] = to
            taken.add(to)
    return found


def _listed(
    pairs: dict[int, int],
    changed: Callable[[int, int], _T | None],
    removed: Sequence[_T],
    added: Sequence[_T],
) -> list[_T]:
    """The changes in the order of the later version: of pairs, and of what has no pair; ``removed`` and ``added`` are
    told of every item, by its place."""
    found = [(float(to), change) for at, to in pairs.items() if (change := changed(at, to)) is not None]
    paired = set(pairs.values())
    found += [(to, change) for to, change in enumerate(added) if to not in paired]
    found += [(_between(at, pairs), change) for at, change in enumerate(removed) if at not in pairs]
    return [change for _, change in sorted(found, key=lambda pair: pair[0])]


def _in_order(places: Sequence[int]) -> set[int]:
    """The longest run of places that kept their order; what is not in it was moved."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for at, place in enumerate(places):
        length = bisect_left(ends, place)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(place)
            last.append(at)
        else:
            ends[length], last[length] = place, at
    kept: set[int] = set()
    at = last[-1] if last else -1
    while at >= 0:
        kept.add(places[at])
        at = before[at]
    return kept


def _between(at: int, pairs: dict[int, int]) -> float:
    """Where something that was removed would stand now: behind what stood before it."""
    earlier = [to for one, to in pairs.items() if one < at]
    return max(earlier, default=-1) + 0.5


def _bare(text: str) -> str:
    return _NO_WORD.sub("", text)
