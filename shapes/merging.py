"""Reports of parts of a corpus put together: findings.json of a build, one finding a line, the gravest first.

Beside it stand findings.order, for each line of findings in the same order what it is sorted and counted by, and
findings.matrix, for each document what it has in the matrix. With these a part can be replaced without reading the
findings of the others, and nothing has to be kept in memory whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph import divisions
from graph.errors import StoreError
from ontology.terms import ID
from shapes.findings import CheckedDocument, Collected, Finding, Report, RuleNote, Status, summarize
from shapes.matrix import order_of_rows
from shapes.rules import RuleBook, Words
from shapes.validation import Severity

FINDINGS, ORDER, MATRIX = "findings.json", "findings.order", "findings.matrix"
_LEVELS: Final = {"national": 1, "province": 2, "city": 3, "county": 4}
_OPEN, _CLOSE = '"findings": [\n', "\n]}\n"
Row = tuple[tuple[Any, ...], dict[str, Any]]
"""What a row of the matrix is sorted by, and the row."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as it stands in the file, with what it is sorted and counted by; ``focus`` is the node it is about.

    ``told`` is all but the text, as it stands in findings.order: what is taken over is not written anew.
    """

    document: str | None
    severity: Severity
    outcome: str
    status: Status
    rule: str
    focus: str
    key: tuple[Any, ...]
    text: str
    told: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one document has in the matrix: its column, and by row key the first comparison, its target, and the cell.

    ``told`` is all this as it stands in findings.matrix.
    """

    order: tuple[str, ...]
    column: dict[str, Any] | None
    cells: dict[str, tuple[str, str, str]]
    told: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A report as it is merged: what one process hands to another. ``marks`` tell a finding from another of the same words."""

    lines: list[Line]
    marks: list[tuple[str, str, str | None]]
    documents: dict[str, CheckedDocument]
    rules: dict[str, RuleNote]
    grounds: dict[str, Words]
    rows: dict[str, Row]
    shares: dict[str, Share]


def pack(part: Collected) -> Packed:
    """Make a report ready to be merged."""
    report, matrix = part.report, part.matrix
    shares = {}
    for slug in {*matrix.columns, *matrix.cells}:
        place, column = matrix.columns.get(slug, ((), None))
        cells = {
            key: (comparison, target, cell.model_dump_json())
            for key, (comparison, target, cell) in matrix.cells.get(slug, {}).items()
        }
        shown = column.model_dump(mode="json") if column else None
        told = json.dumps([slug, place, shown, dict(sorted(cells.items()))], ensure_ascii=False)
        shares[slug] = Share(place, shown, cells, told)
    return Packed(
        lines=[_line(finding, order) for finding, order in zip(report.findings, part.orders, strict=True)],
        marks=[(one.id, one.source.focus, one.source.value) for one in report.findings],
        documents={document.slug: document for document in report.summary.documents},
        rules=report.rules,
        grounds=report.grounds,
        rows={target: (order, row.model_dump(mode="json")) for target, (order, row) in matrix.rows.items()},
        shares=shares,
    )


def _line(finding: Finding, order: tuple[Any, ...]) -> Line:
    about = (
        finding.document,
        finding.severity,
        finding.outcome,
        finding.status,
        finding.rule,
        finding.source.focus,
    )
    told = json.dumps([*about, order], ensure_ascii=False)
    return Line(*about, order, finding.model_dump_json(), told)


class Merger:
    """Takes reports in and writes them as one."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._lines: list[Line] = []
        self._seen: set[tuple[str, str, str | None]] = set()
        self._documents: dict[str, CheckedDocument] = {}
        self._rules: dict[str, RuleNote] = {}
        self._grounds: dict[str, Words] = {}
        self._rows: dict[str, Row] = {}
        self._shares: dict[str, Share] = {}

    def add(self, part: Collected) -> None:
        """Take a report in."""
        self.take(pack(part))

    def take(self, part: Packed) -> None:
        """Take a report in. What is in no document (an agency, a division) may be told by several; it is kept once."""
        for mark, line in zip(part.marks, part.lines, strict=True):
            if line.document is None:
                if mark in self._seen:
                    continue
                self._seen.add(mark)
            self._lines.append(line)
        self._documents |= part.documents
        self._rules |= part.rules
        self._grounds = part.grounds
        self._rows |= part.rows
        self._shares |= part.shares

    def keep(self, folder: Path, without: Iterable[str]) -> bool:
        """Take over what a build says of all documents but some; False, and nothing is taken, where that will not do.

        It will not do where an agency or a division was found wanting: who else tells of it is not known here.

        Raises:
            StoreError: the build has no findings, or not in this form.
        """
        gone = set(without)
        head, found = read_parts(folder)
        lines = [line for line in found if line.document not in gone]
        if any(line.document is None and is_shared(line.focus) for line in lines):
            return False
        self._lines += lines
        for told in head["summary"]["documents"]:
            if told["slug"] not in gone:
                self._documents[told["slug"]] = CheckedDocument.model_validate(told)
        self._rules |= {name: RuleNote.model_validate(rule) for name, rule in head["rules"].items()}
        rows, shares = _read_matrix(folder)
        self._rows |= rows
        self._shares |= {slug: share for slug, share in shares if slug not in gone}
        return True

    def write(self, folder: Path) -> None:
        """Write findings.json, findings.order and findings.matrix."""
        self._lines.sort(key=lambda line: line.key)
        rules = {line.rule: self._rules[line.rule] for line in self._lines}
        documents = sorted(self._documents.values(), key=_rank)
        head = Report(
            summary=summarize(documents, self._lines),  # type: ignore[arg-type]  # a Line has what is counted
            grounds=self._grounds or {g.key: g.label for g in self._book.grounds.values()},
            rules=rules,
            findings=[],
        ).model_dump(mode="json")
        del head["findings"], head["matrix"]
        with (folder / FINDINGS).open("w", encoding="utf-8") as out:
            out.write(json.dumps(head, ensure_ascii=False)[:-1] + ",\n")
            for piece in self._matrix(folder):
                out.write(piece)
            out.write(",\n" + _OPEN)
            for number, line in enumerate(self._lines):
                out.write((",\n" if number else "") + line.text)
            out.write(_CLOSE)
        with (folder / ORDER).open("w", encoding="utf-8") as out:
            for line in self._lines:
                out.write(line.told + "\n")

    def _matrix(self, folder: Path) -> Iterator[str]:
        """The matrix as a member of the report, on one line; its parts are written beside it."""
        shares = dict(sorted(self._shares.items(), key=lambda pair: (pair[1].order, pair[0])))
        keys = order_of_rows(
            ((key, *cell[:2]) for share in shares.values() for key, cell in share.cells.items()),
            {target: order for target, (order, _) in self._rows.items()},
        )
        used = {target for share in shares.values() for _, target, _ in share.cells.values()}
        with (folder / MATRIX).open("w", encoding="utf-8") as out:
            rows = {target: self._rows[target] for target in sorted(used)}
            out.write(json.dumps(rows, ensure_ascii=False) + "\n")
            for share in shares.values():
                out.write(share.told + "\n")
        if not keys:
            yield '"matrix": null'
            return
        shown = [self._rows[target][1] for target in keys.values()]
        setters = {row["document"] for row in shown}
        columns = [one.column for one in shares.values() if one.column and setters & set(one.column["above"])]
        yield f'"matrix": {{"rows": {json.dumps(shown, ensure_ascii=False)}, '
        yield f'"columns": {json.dumps(columns, ensure_ascii=False)}, "cells": {{'
        by_key: dict[str, list[str]] = {key: [] for key in keys}
        for slug, share in shares.items():
            name = json.dumps(slug, ensure_ascii=False)
            for key, (_, _, text) in share.cells.items():
                by_key[key].append(f"{name}: {text}")
        for number, (key, cells) in enumerate(by_key.items()):
            yield f"{', ' if number else ''}{json.dumps(key, ensure_ascii=False)}: {{{', '.join(cells)}}}"
        yield "}}"


def read_parts(folder: Path) -> tuple[dict[str, Any], Iterator[Line]]:
    """The report of a build without its matrix and its findings, and its findings, line by line.

    Raises:
        StoreError: the build has no findings, or not in this form.
    """
    try:
        with (folder / FINDINGS).open(encoding="utf-8") as file:
            head = json.loads(file.readline().rstrip().removesuffix(",") + "}")
        if not ((folder / ORDER).is_file() and (folder / MATRIX).is_file()):
            raise ValueError("findings.order or findings.matrix is missing")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder}: the findings cannot be read ({error}); run 'zhengmai build --fresh'"
        ) from error
    return head, _lines(folder)


def _lines(folder: Path) -> Iterator[Line]:
    with (
        (folder / FINDINGS).open(encoding="utf-8") as texts,
        (folder / ORDER).open(encoding="utf-8") as orders,
    ):
        for _ in ("the head", "the matrix", "the name of the list"):
            texts.readline()
        for text, order in zip(texts, orders, strict=False):
            document, severity, outcome, status, rule, focus, key = json.loads(order)
            text = text.rstrip("\n").removesuffix(",")
            yield Line(document, severity, outcome, status, rule, focus, tuple(key), text, order.rstrip("\n"))


def _read_matrix(folder: Path) -> tuple[dict[str, Row], Iterator[tuple[str, Share]]]:
    with (folder / MATRIX).open(encoding="utf-8") as file:
        told = json.loads(file.readline())
    return {target: (tuple(order), row) for target, (order, row) in told.items()}, _read_shares(folder)


def _read_shares(folder: Path) -> Iterator[tuple[str, Share]]:
    with (folder / MATRIX).open(encoding="utf-8") as file:
        file.readline()
        for line in file:
            slug, order, column, cells = json.loads(line)
            found = {key: (comparison, target, text) for key, (comparison, target, text) in cells.items()}
            yield slug, Share(tuple(order), column, found, line.rstrip("\n"))


def is_shared(focus: str) -> bool:
    """Whether a node stands in no document, but is told of by documents: an agency, a division."""
    return focus.startswith((f"{ID}agency/", f"{ID}division/"))


def _rank(document: CheckedDocument) -> tuple[int, str]:
    division = divisions.divisions().get(document.place.code) if document.place else None
    return _LEVELS[division.level] if division else 0, document.slug
