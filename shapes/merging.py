"""Reports of parts of a corpus put together in the file of findings of a build (`graph.finding_file`).

What one process found of some documents is packed there and put into the file by another. The findings of a plan are
replaced without reading those of the others, and nothing is kept in memory whole.
"""

# ruff: noqa: S608 - only names of tables and columns are put into statements, and they stand here

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from graph import databases, divisions, finding_file, sealing
from graph.errors import StoreError
from graph.finding_file import packed, sort_key
from ontology import terms
from ontology.terms import ID
from shapes.collecting import Collected
from shapes.concepts import Concepts
from shapes.findings import GRAVITY, STANDING, CheckedDocument, Finding
from shapes.rules import RuleBook

_LEVELS: Final = {"national": 1, "province": 2, "city": 3, "county": 4}
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """A report as rows of the tables, but for their numbers: what one process hands to another.

    ``findings`` have the finding itself, compressed, last, and before it the nodes that it is about; ``documents`` are by
    slug; ``cells`` have the IRI of the target in the place of its number, and the identifier of the finding in the place of
    its own.
    """

    findings: list[Row]
    documents: dict[str, Row]
    rules: dict[str, str]
    targets: dict[str, Row]
    below: list[Row]
    cells: list[Row]
    concepts: list[Concepts]


def pack(part: Collected, concepts: Sequence[Concepts] = ()) -> Packed:
    """Make a report ready to be put into the file; ``concepts`` are those of the tasks and targets of its documents."""
    report, matrix = part.report, part.matrix
    return Packed(
        findings=[_row(finding, order) for finding, order in zip(report.findings, part.orders, strict=True)],
        documents={one.slug: (_rank(one), one.model_dump_json()) for one in report.summary.documents},
        rules={name: rule.model_dump_json() for name, rule in report.rules.items()},
        targets={
            iri: (
                sort_key(order),
                row.key,
                row.document,
                row.concept,
                row.model_dump_json(exclude_defaults=True),
            )
            for iri, (order, row) in matrix.rows.items()
        },
        below=[
            (slug, sort_key(order), column.model_dump_json(exclude_defaults=True))
            for slug, (order, column) in matrix.columns.items()
        ],
        cells=[
            (target, slug, cell.outcome, ",".join(cell.outcomes), cell.value, _text(cell.ratio), cell.finding)
            for slug, cells in matrix.cells.items()
            for _, target, cell in cells.values()
        ],
        concepts=list(concepts),
    )


def _row(one: Finding, order: tuple[Any, ...]) -> Row:
    return (
        sort_key(order),
        STANDING[one.status],
        GRAVITY[one.severity],
        one.id,
        one.rule,
        one.outcome,
        one.document,
        one.place.code if one.place else None,
        one.place.name if one.place else None,
        one.indicator,
        one.indicator_iri.rpartition("/")[2] if one.indicator_iri else None,
        one.year,
        _text(one.ratio),
        one.source.focus,
        one.source.value,
        _nodes(one),
        packed(one.model_dump_json()),
    )


def _nodes(one: Finding) -> tuple[str, ...]:
    """The tasks and targets that a finding is about; of what a plan leaves out, the one above."""
    clauses = one.statements or ([one.upper] if one.upper else [])
    return tuple(dict.fromkeys([clause.iri for clause in clauses] or [one.source.focus]))


def _text(number: object) -> str | None:
    return None if number is None else str(number)


class Merger:
    """Takes reports in and writes the file of findings of a build: to be used in a ``with`` statement."""

    def __init__(self, book: RuleBook, folder: Path, *, taken_over: bool = False) -> None:
        """Begin the file, empty, or go on with the one that was taken over from the build before.

        Raises:
            StoreError: there are no findings that were taken over, or not in this form.
        """
        path = folder / finding_file.FILE
        self._base = databases.changed(path) if taken_over else databases.created(path)
        self._taken_over = taken_over
        try:
            if not taken_over:
                self._base.executescript(finding_file.SCHEMA)
            self._number = int(self._one("SELECT coalesce(max(number), 0) FROM finding"))
            self._targets: dict[str, int] = {}
            self._target = int(self._one("SELECT coalesce(max(id), 0) FROM target"))
        except sqlite3.Error as error:
            self._base.close()
            raise unreadable(folder, error) from error
        self._seen: set[tuple[Any, ...]] = set()
        self._left: set[int] = set()
        for position, ground in enumerate(book.grounds.values()):
            self._put("ground", [(ground.key, ground.label.model_dump_json(), position)])

    def __enter__(self) -> Merger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write all down; of what broke off nothing is of use."""
        if kind is None:
            # Of a small change only few can have lost their last cell.
            some = [(target,) for target in {*self._left, *self._targets.values()}]
            bare = "NOT EXISTS (SELECT 1 FROM cell WHERE cell.target = target.id)"
            self._base.executemany(f"DELETE FROM target WHERE id = ? AND {bare}", some)
            if self._taken_over:
                self._base.commit()
            else:
                self._base.executescript(finding_file.INDEXES)
                databases.finish(self._base)
        self._base.close()

    def tells_of_shared(self) -> bool:
        """Whether an agency or a division was found wanting: who else but some documents tells of it is not known here."""
        found = self._base.execute("SELECT focus FROM finding WHERE document IS NULL")
        return any(is_shared(focus) for (focus,) in found)

    def remove(self, documents: Iterable[str]) -> None:
        """Take out what was found of some documents."""
        gone = [(slug,) for slug in documents]
        run = self._base.executemany
        for table in ("body", "node"):
            run(f"DELETE FROM {table} WHERE number IN (SELECT number FROM finding WHERE document = ?)", gone)
        run("DELETE FROM document WHERE slug = ?", gone)
        for one in gone:
            self._left |= {
                target for (target,) in self._base.execute("SELECT target FROM cell WHERE document = ?", one)
            }
        for table in ("finding", "below", "cell"):
            run(f"DELETE FROM {table} WHERE document = ?", gone)
        # The nodes of a document are those whose IRIs begin with its own and a slash; what comes after "/" is "0".
        own = [str(terms.document_iri(slug)) for (slug,) in gone]
        run("DELETE FROM concept WHERE iri > ? AND iri < ?", [(f"{iri}/", f"{iri}0") for iri in own])

    def add(self, part: Collected) -> None:
        """Take a report in."""
        self.take(pack(part))

    def take(self, part: Packed) -> None:
        """Take a report in. What is in no document (an agency, a division) may be told by several; it is kept once."""
        numbers: dict[str, int] = {}
        findings, nodes, bodies = list[Row](), list[Row](), list[Row]()
        for *columns, about, body in part.findings:
            identifier, document = columns[3], columns[6]
            if document is None:
                mark = (identifier, *columns[-2:])
                if mark in self._seen:
                    continue
                self._seen.add(mark)
            self._number += 1
            numbers.setdefault(identifier, self._number)
            findings.append((self._number, *columns))
            nodes += [(self._number, iri) for iri in about]
            bodies.append((self._number, body))
        self._put("finding", findings)
        self._put("node", nodes)
        self._put("body", bodies)
        self._put("document", [(slug, *row) for slug, row in part.documents.items()])
        self._put("rule", part.rules.items())
        self._put("below", part.below)
        self._put("target", [(self._number_of(iri), iri, *row) for iri, row in part.targets.items()])
        self._put(
            "cell",
            [
                (self._targets[target], *row, numbers.get(finding) if finding else None)
                for target, *row, finding in part.cells
            ],
        )
        self._put("concept", part.concepts)

    def _number_of(self, target: str) -> int:
        """The number of a row of the matrix: the one that it has, else the next."""
        if target not in self._targets:
            known = self._base.execute("SELECT id FROM target WHERE iri = ?", [target]).fetchone()
            self._target += not known
            self._targets[target] = known[0] if known else self._target
        return self._targets[target]

    def _put(self, table: str, rows: Iterable[Row]) -> None:
        rows = list(rows)
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._base.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)

    def _one(self, query: str) -> Any:
        return self._base.execute(query).fetchone()[0]


def unreadable(build: Path, error: Exception) -> StoreError:
    """The error to raise where a build has no findings, or not in this form."""
    return sealing.unreadable(build / finding_file.FILE, error)


def is_shared(focus: str) -> bool:
    """Whether a node stands in no document, but is told of by documents: an agency, a division."""
    return focus.startswith((f"{ID}agency/", f"{ID}division/"))


def _rank(document: CheckedDocument) -> int:
    division = divisions.divisions().get(document.place.code) if document.place else None
    return _LEVELS[division.level] if division else 0
