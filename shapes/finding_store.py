"""The findings of a build as they stand on a day: some of them at a time, counted, and the matrix by rows and columns.

What is read is the file of `graph.finding_file`. Waivers are not in it, since the day decides which of them hold: the
findings that they change, a few, are kept beside it, and stand in the place of those of the file.
"""

# ruff: noqa: S608 - only names of tables and columns are put into statements, and they stand here

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from graph import databases, finding_file, sealing
from graph.errors import StoreError
from graph.finding_file import DOMAIN, FUNCTION, unpacked
from graph.words import both
from shapes.findings import (
    GRAVITY,
    STANDING,
    CheckedDocument,
    Finding,
    Notice,
    Report,
    RuleNote,
    Status,
    Summary,
)
from shapes.matrix import Matrix, MatrixCell, MatrixColumn, MatrixRow
from shapes.rules import Words
from shapes.validation import Severity
from shapes.waivers import Waivers, kept, settled

Chosen = Mapping[str, str | None]
"""By filter (see `FILTERS`) the key that is chosen; None and "" choose nothing."""
_COLUMNS: Final = {
    "severity": "severity",
    "status": "status",
    "outcome": "outcome",
    "place": "place",
    "plan": "document",
    "indicator": "concept",
}
_CONCEPTS: Final = {"domain": DOMAIN, "function": FUNCTION}
FILTERS: Final = (*_COLUMNS, *_CONCEPTS)
"""By what findings are chosen: keys of ``severity``, ``status`` and ``outcome`` as in a finding, six digits of a place, the
slug of a plan, the keys of an indicator, a domain (narrower ones count), and a function of an agency."""
_RANKS: Final[Mapping[str, Mapping[Any, int]]] = {"severity": GRAVITY, "status": STANDING}
_SEVERITIES: Final[list[Severity]] = sorted(GRAVITY, key=GRAVITY.__getitem__)
_STATUSES: Final[list[Status]] = sorted(STANDING, key=STANDING.__getitem__)
_SHOWN: Final = """WITH shown AS (
  SELECT number, sort, id, outcome, document, place, place_name, concept, rule,
    coalesce(changed.status, finding.status) AS status, coalesce(changed.severity, finding.severity) AS severity
  FROM finding LEFT JOIN changed USING (number)
) """
_ASKED_AGAIN: Final = 200  # counts, and pages of at most a thousand numbers
_HELD: Final = 500  # findings at a time, where all are asked for
_ORDER: Final = " ORDER BY status, severity, sort"
_CELLS: Final = """SELECT cell.target, cell.document, cell.outcome, outcomes, cell.value, cell.ratio, finding.id
  FROM cell LEFT JOIN finding ON finding.number = cell.finding WHERE """


class Findings:
    """The findings of a build on a day. Any thread may ask; one is answered after the other."""

    def __init__(self, build: Path, today: date) -> None:
        """Raises StoreError where the build has no findings that can be read, or no waivers."""
        self._build = build
        self._lock = threading.Lock()
        if not (build / finding_file.FILE).exists() and finding_file.FILE not in (sealing.read(build) or ()):
            en, zh = both("damage", "no-findings", path=build)
            raise StoreError(en, zh=zh)
        try:
            sealing.trust(build, databases.with_logs([finding_file.FILE]), anew=False)
            self._base = finding_file.opened(build)
            self._base.execute("PRAGMA temp_store = MEMORY")
            self._base.execute(
                "CREATE TEMP TABLE changed (number INTEGER PRIMARY KEY, status INTEGER, severity INTEGER)"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unreadable(error) from error
        # Nothing of it changes any more: the same pages and counts are asked for again and again
        self._once = lru_cache(maxsize=_ASKED_AGAIN)(self._rows)
        self._changed: dict[int, Finding] = {}
        self.notices: list[Notice] = []
        self._settle(kept(build), today)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    # -- some findings ---------------------------------------------------------------------------------------

    def page(self, chosen: Chosen | None = None, limit: int | None = None, offset: int = 0) -> list[Finding]:
        """Those that fit, gravest first, what is settled last; at most ``limit``, from ``offset`` on. Raises StoreError."""
        where, given = _where(chosen or {})
        query = f"{_SHOWN} SELECT number FROM shown {where}{_ORDER} LIMIT ? OFFSET ?"
        rows = self._rows if limit is None else self._once
        return self._read(
            number for (number,) in rows(query, (*given, -1 if limit is None else limit, offset))
        )

    def each(self, chosen: Chosen | None = None) -> Iterator[Finding]:
        """Those that fit in the same order, of which only some hundreds are held at a time. Raises StoreError."""
        where, given = _where(chosen or {})
        numbers = [
            number for (number,) in self._rows(f"{_SHOWN} SELECT number FROM shown {where}{_ORDER}", given)
        ]
        for at in range(0, len(numbers), _HELD):
            yield from self._read(numbers[at : at + _HELD])

    def count(self, chosen: Chosen | None = None) -> int:
        """How many fit."""
        where, given = _where(chosen or {})
        return int(self._once(f"{_SHOWN} SELECT count(*) FROM shown {where}", tuple(given))[0][0])

    def counted(self, name: str, chosen: Chosen | None = None) -> dict[str, int]:
        """How many of those that fit have each key of a filter; with the gravest first, and then by key."""
        where, given = _where(chosen or {})
        if name in _CONCEPTS:
            some = f"SELECT number FROM shown {where}"
            query = f"""{_SHOWN} SELECT key, count(DISTINCT number) FROM ({some}) JOIN node USING (number)
              JOIN concept USING (iri) WHERE kind = ? GROUP BY key ORDER BY key"""
            return dict(self._rows(query, (*given, _CONCEPTS[name])))
        column = _COLUMNS[name]
        some = f"{where + ' AND' if where else 'WHERE'} {column} IS NOT NULL"
        query = f"{_SHOWN} SELECT {column}, count(*) FROM shown {some} GROUP BY {column} ORDER BY {column}"
        found = self._rows(query, given)
        keys: Sequence[str] = _SEVERITIES if name == "severity" else _STATUSES
        return {keys[key] if name in _RANKS else key: count for key, count in found}

    def get(self, identifier: str) -> Finding | None:
        """A finding by its identifier. Raises StoreError."""
        found = self._read(
            number for (number,) in self._rows("SELECT number FROM finding WHERE id = ?", [identifier])
        )
        return found[0] if found else None

    @cached_property
    def rule_of_outcome(self) -> dict[str, str]:
        """A rule that has each outcome that occurs: what is called by its label."""
        return dict(self._rows("SELECT outcome, min(rule) FROM finding GROUP BY outcome"))

    @cached_property
    def places(self) -> dict[str, str]:
        """The places that were judged or that findings are about, name by code."""
        found = dict(
            self._rows("SELECT place, max(place_name) FROM finding WHERE place IS NOT NULL GROUP BY place")
        )
        found |= {one.place.code: one.place.name for one in self.head.summary.documents if one.place}
        return dict(sorted(found.items()))

    # -- all of them -----------------------------------------------------------------------------------------

    @cached_property
    def summary_json(self) -> str:
        """The summary of the report as JSON: it has a line for each document."""
        return self.head.summary.model_dump_json()

    @cached_property
    def head(self) -> Report:
        """The report without its findings and its matrix: their counts, their rules, the notices. Raises StoreError."""
        used = {rule for (rule,) in self._rows("SELECT DISTINCT rule FROM finding")}
        rules = self._rows("SELECT name, body FROM rule ORDER BY name")
        grounds = self._rows("SELECT key, body FROM ground ORDER BY position")
        return Report(
            summary=self._summary(),
            notices=self.notices,
            grounds={key: Words.model_validate_json(body) for key, body in grounds},
            rules={name: RuleNote.model_validate_json(body) for name, body in rules if name in used},
            findings=[],
        )

    def report(self, chosen: Chosen | None = None) -> Report:
        """The report with the findings that fit and their matrix, of one plan or place only what concerns it.

        Raises StoreError; NotFound for a place of which no document was judged.
        """
        chosen = chosen or {}
        whole = self.head.model_copy(update={"matrix": self.matrix() if self.matrix_rows else None})
        if place := chosen.get("place"):
            whole = whole.of_place(place)
        if (plan := chosen.get("plan")) and whole.matrix:
            whole = whole.model_copy(update={"matrix": whole.matrix.of_documents({plan})})
        found = self.page(chosen)
        if any(chosen.values()):
            return whole.with_findings(found)
        return whole.model_copy(update={"findings": found})

    def _summary(self) -> Summary:
        query = f"""{_SHOWN} SELECT document, status, severity, outcome, count(*), min(sort) FROM shown
          GROUP BY document, status, severity, outcome ORDER BY min(status), min(severity), min(sort)"""
        severities: Counter[Severity] = Counter()
        opened: Counter[Severity] = Counter()
        outcomes: Counter[str] = Counter()
        statuses: Counter[Status] = Counter()
        of_documents: defaultdict[str | None, Counter[Severity]] = defaultdict(Counter)
        for document, status, severity, outcome, number, _ in self._rows(query):
            severities[_SEVERITIES[severity]] += number
            statuses[_STATUSES[status]] += number
            outcomes[outcome] += number
            of_documents[document][_SEVERITIES[severity]] += number
            if _STATUSES[status] == "open":
                opened[_SEVERITIES[severity]] += number
        documents, comparisons = list[CheckedDocument](), Counter[str]()
        for slug, body in self._rows("SELECT slug, body FROM document ORDER BY rank, slug"):
            one = CheckedDocument.model_validate_json(body)
            one.findings = {severity: of_documents[slug][severity] for severity in GRAVITY}
            documents.append(one)
            comparisons.update(one.comparisons)
        return Summary(
            findings=severities.total(),
            by_severity={severity: severities[severity] for severity in GRAVITY},
            open={severity: opened[severity] for severity in GRAVITY},
            by_outcome=dict(outcomes),
            by_status=dict(statuses),
            comparisons=dict(sorted(comparisons.items())),
            documents=documents,
        )

    # -- the matrix ------------------------------------------------------------------------------------------

    @cached_property
    def matrix_rows(self) -> list[MatrixRow]:
        """The rows of the whole matrix, in their order."""
        return [row for row, _ in self._targets.values()]

    @cached_property
    def matrix_columns(self) -> list[MatrixColumn]:
        """The documents that have one above them that sets targets, in their order."""
        setters = {row.document for row in self.matrix_rows}
        found = self._rows("SELECT body FROM below ORDER BY sort, document")
        columns = (MatrixColumn.model_validate_json(body) for (body,) in found)
        return [one for one in columns if setters & set(one.above)]

    def matrix(
        self, rows: Iterable[MatrixRow] | None = None, columns: Iterable[MatrixColumn] | None = None
    ) -> Matrix:
        """Some rows with their cells, of the columns that are given, else of those below any of the rows; all by default."""
        rows = self.matrix_rows if rows is None else list(rows)
        every = columns is None
        if columns is None:
            setters = {row.document for row in rows}
            columns = (one for one in self.matrix_columns if setters & set(one.above))
        columns = list(columns)
        key_of = {number: row.key for row in rows for number in self._targets[row.key][1]}
        given = [json.dumps(list(key_of))]
        some = "target IN (SELECT value FROM json_each(?))"
        if not every:
            some += " AND cell.document IN (SELECT value FROM json_each(?))"
            given.append(json.dumps([one.document for one in columns]))
        cells: dict[str, dict[str, MatrixCell]] = {row.key: {} for row in rows}
        for target, document, outcome, outcomes, value, ratio, finding in self._rows(_CELLS + some, given):
            cells[key_of[target]][document] = MatrixCell(
                outcome=outcome,
                outcomes=outcomes.split(","),
                value=value,
                ratio=None if ratio is None else Decimal(ratio),
                finding=finding,
            )
        return Matrix(rows=rows, columns=columns, cells=cells)

    def matrix_outcomes(self, rows: Iterable[MatrixRow]) -> list[str]:
        """What some rows were answered with, anywhere."""
        given = json.dumps([number for row in rows for number in self._targets[row.key][1]])
        query = "SELECT DISTINCT outcome FROM cell WHERE target IN (SELECT value FROM json_each(?)) ORDER BY outcome"
        return [outcome for (outcome,) in self._rows(query, [given])]

    @cached_property
    def _targets(self) -> dict[str, tuple[MatrixRow, list[int]]]:
        """By the key of a row, in their order, the row and the numbers of the targets that it is of."""
        found: dict[str, tuple[MatrixRow, list[int]]] = {}
        for number, key, body in self._rows("SELECT id, key, body FROM target ORDER BY sort, iri"):
            if key not in found:
                found[key] = (MatrixRow.model_validate_json(body), [])
            found[key][1].append(number)
        return found

    # -- the file --------------------------------------------------------------------------------------------

    def _settle(self, waivers: Waivers, today: date) -> None:
        """Find out what waivers and settings change."""
        numbers: dict[int, None] = {}
        for one in waivers.waivers:
            if one.finding is not None:
                found = self._rows("SELECT number FROM finding WHERE id = ?", [one.finding])
            else:
                by_rule = "SELECT number FROM finding WHERE rule = ? AND document = ?"
                found = self._rows(by_rule, [one.rule, one.document])
            numbers |= dict.fromkeys(number for (number,) in found)
        if waivers.settings.raised_is_warning_from is not None:
            raised = self._rows("SELECT number FROM finding WHERE outcome = 'raised' AND ratio IS NOT NULL")
            numbers |= dict.fromkeys(number for (number,) in raised)
        before = self._read(numbers)
        after, self.notices = settled(before, waivers, today)
        for number, old, new in zip(numbers, before, after, strict=True):
            if new != old:
                self._changed[number] = new
        rows = [
            (number, STANDING[one.status], GRAVITY[one.severity]) for number, one in self._changed.items()
        ]
        with self._lock:
            self._base.executemany("INSERT INTO changed VALUES (?, ?, ?)", rows)

    def _read(self, numbers: Iterable[int]) -> list[Finding]:
        """Findings by their numbers, in their order."""
        numbers = list(numbers)
        wanted = json.dumps([number for number in numbers if number not in self._changed])
        found = dict(self._changed)
        query = "SELECT number, packed FROM body WHERE number IN (SELECT value FROM json_each(?))"
        try:
            for number, kept_one in self._rows(query, [wanted]):
                found[number] = Finding.model_validate_json(unpacked(kept_one))
            return [found[number] for number in numbers]
        except (zlib.error, ValueError, KeyError) as error:
            raise self._unreadable(error) from error

    def _rows(self, query: str, given: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._base.execute(query, tuple(given)).fetchall()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> StoreError:
        return sealing.unreadable(self._build / finding_file.FILE, error)


def _where(chosen: Chosen) -> tuple[str, list[Any]]:
    """A condition on what is shown, and what stands in it."""
    parts, given = list[str](), list[Any]()
    for name, value in chosen.items():
        if not value:
            continue
        if name in _CONCEPTS:
            parts.append(
                "number IN (SELECT number FROM concept JOIN node USING (iri) WHERE kind = ? AND key = ?)"
            )
            given += [_CONCEPTS[name], value]
        else:
            parts.append(f"{_COLUMNS[name]} = ?")
            given.append(_RANKS[name].get(value, -1) if name in _RANKS else value)
    return "WHERE " + " AND ".join(parts) if parts else "", given


def report_of(build: Path, today: date) -> Report:
    """The whole report of a build as it stands on a day. Raises StoreError."""
    found = Findings(build, today)
    try:
        return found.report()
    finally:
        found.close()
