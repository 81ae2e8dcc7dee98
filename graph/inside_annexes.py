"""Body against annex: figures that differ, and who is responsible by the one and by the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graph import intervals, linking
from graph.clauses import Years
from graph.comparing import is_of_a_part
from graph.inside_check import Check, Passage, passage_of
from graph.inside_names import lacking
from graph.inside_rows import agency_cells, bare, find, row_agencies
from graph.quotes import Words
from graph.reading import squeeze
from graph.record import Action, PlanRecord, Table, Target
from graph.shares import row_path
from graph.tables import HEADING, TASK, column_kind
from graph.targets import SentenceReader


def annex_values(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """Figures of an annex that differ from those of the body, of one indicator, year and way of measuring."""
    body: dict[tuple[str, int | None], list[tuple[int, Target]]] = {}
    for number, target in enumerate(record.targets, 1):
        if target.origin == "body" and target.value is not None:
            body.setdefault((linking.comparison_key(target), target.target_year), []).append((number, target))
    for number, target in enumerate(record.targets, 1):
        if target.origin == "table" and target.value is not None:
            yield from _differs(passage_of(number, target), target, body)
    for table in record.tables:
        titles = {action.title for action in record.actions}
        for row_number, row in enumerate(table.rows, 1):
            if not any(bare(cell) in titles for cell in row.values() if cell):
                continue
            for name, cell in row.items():
                if cell is None or column_kind(name) not in (TASK, HEADING) or not re.search(r"\d", cell):
                    continue
                path = row_path(table.path, row, row_number)
                for target in _read(record, cell):
                    span = find(words, target.quote, table, row)
                    passage = Passage(path, target.quote, span, target.value, target.unit)
                    yield from _differs(passage, target, body)


def _read(record: PlanRecord, cell: str) -> list[Target]:
    """The targets that a cell's sentences set, linked as those of the body are."""
    years, found = Years(), list[Target]()
    for sentence in re.split("(?<=[。；])", cell):
        if sentence.strip("。； "):
            reader = SentenceReader(
                squeeze(sentence.rstrip("。；")), "", years, goals=False, first_year=_first_year(record)
            ).read()
            years = reader.years
            found += reader.targets
    for target in found:
        target.link = linking.indicator(target.indicator, target.measure, target.unit or "")
        target.concept = target.link.concept if target.link else None
    return [target for target in found if target.value is not None]


def _first_year(record: PlanRecord) -> int | None:
    years = [target.target_year for target in record.targets if target.target_year]
    return min(years, default=None)


def _differs(
    passage: Passage, target: Target, body: dict[tuple[str, int | None], list[tuple[int, Target]]]
) -> Iterator[Check]:
    said = [
        (number, one)
        for number, one in body.get((linking.comparison_key(target), target.target_year), [])
        if linking.same_unit(one.unit or "", target.unit or "")
        and (one.measure == target.measure or (is_of_a_part(one) and is_of_a_part(target)))
    ]
    if said and not any(intervals.same_figure(one, target) for _, one in said):
        number, one = said[0]
        yield Check(
            "body_annex_value",
            passage_of(number, one),
            passage,
            label=one.indicator,
            concept=one.concept,
            year=one.target_year,
        )


def annex_agencies(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """Who is responsible by the annex and by the task: of the same task, or of the task with the same target."""
    titled: dict[str, list[Action]] = {}
    for action in record.actions:
        titled.setdefault(bare(action.title), []).append(action)
    by_path = {action.path: action for action in record.actions}
    bodies: dict[tuple[str, int | None], Target] = {}
    for target in record.targets:
        if target.origin == "body" and target.path in by_path:
            bodies.setdefault((linking.comparison_key(target), target.target_year), target)
    rows: dict[str, list[Target]] = {}
    for target in record.targets:
        if target.origin == "table":
            rows.setdefault(target.path, []).append(target)
    for table in record.tables:
        for number, row in enumerate(table.rows, 1):
            path = row_path(table.path, row, number)
            lead, others = row_agencies(row)
            if not lead and not others:
                continue
            named = [titled[bare(cell)] for cell in row.values() if cell and bare(cell) in titled]
            if named and len(named[0]) == 1:
                apart = _against_task(named[0][0], lead, others)
            else:
                apart = _against_target(rows.get(path, []), by_path, bodies, lead + others)
            if apart is not None:
                yield Check(
                    "body_annex_agency",
                    _of_task(apart.action, words),
                    _of_row(path, row, table, words),
                    label=apart.label,
                    only_first=apart.only_body,
                    only_second=apart.only_annex,
                )


class _Apart(NamedTuple):
    """A task that the body gives to others than a row of the annex does; ``label`` is what the row is about."""

    action: Action
    label: str
    only_body: tuple[str, ...]
    only_annex: tuple[str, ...]


def _against_task(action: Action, lead: Sequence[str], others: Sequence[str]) -> _Apart | None:
    if not action.assignments:
        return None
    mine = [one.agency for one in action.assignments]
    theirs = [*lead, *others]
    only_body = lacking(mine, theirs)
    only_annex = lacking(theirs, mine)
    leaders = [one.agency for one in action.assignments if one.role == "lead"]
    if leaders and lead and not only_body and not only_annex:
        # Named in both, but in another part: who leads differs.
        only_body, only_annex = lacking(leaders, lead), lacking(lead, leaders)
    return _Apart(action, action.title, only_body, only_annex) if only_body or only_annex else None


def _against_target(
    targets: Sequence[Target],
    by_path: dict[str, Action],
    bodies: dict[tuple[str, int | None], Target],
    names: Sequence[str],
) -> _Apart | None:
    """An indicator's agency is one of those of the task that sets it; the task may well have more."""
    for target in targets:
        twin = bodies.get((linking.comparison_key(target), target.target_year))
        action = by_path.get(twin.path) if twin else None
        if action is not None and action.assignments:
            missing = lacking(names, [one.agency for one in action.assignments])
            return _Apart(action, target.indicator, (), missing) if missing else None
    return None


def _of_task(action: Action, words: Words | None) -> Passage:
    """The agencies of a task as one passage."""
    spans = [one.span for one in action.assignments if one.span]
    span = (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None
    quote = "、".join(one.agency for one in action.assignments)
    exact = words.printed(span) if words and span and len(spans) > 1 else None
    return Passage(action.path, quote, span, exact=exact)


def _of_row(path: str, row: dict[str, str | None], table: Table, words: Words | None) -> Passage:
    """The agencies of a row as one passage; its span is that of the last cell with any."""
    cells = agency_cells(row)
    span = find(words, cells[-1], table, row) if cells else None
    return Passage(path, "；".join(cells), span, exact=cells[-1] if span else None)
