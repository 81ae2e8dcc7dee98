"""Reports of parts of a corpus put together: findings.json of a build, one finding a line, the gravest first.

Beside it stands findings.order: for each line of findings in the same order what it is sorted and counted by. With it a
part can be replaced without reading the findings of the others, and nothing has to be kept in memory whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graph import divisions
from graph.errors import StoreError
from shapes.findings import CheckedDocument, Finding, Report, RuleNote, Status, summarize
from shapes.rules import RuleBook, Words
from shapes.validation import Severity

FINDINGS, ORDER = "findings.json", "findings.order"
_GRAVITY: Final = {"violation": 0, "warning": 1, "info": 2}
_STANDING: Final = {"open": 0, "explained": 1, "waived": 2}
_LEVELS: Final = {"national": 1, "province": 2, "city": 3, "county": 4}
_OPEN, _CLOSE = '"findings": [\n', "\n]}\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as it stands in the file, with what it is sorted and counted by."""

    document: str | None
    severity: Severity
    outcome: str
    status: Status
    rule: str
    key: tuple[Any, ...]
    text: str


class Merger:
    """Takes reports in and writes them as one."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._orders = {name: rule.order for name, rule in book.named.items()}
        self._ranks = {key: ground.rank for key, ground in book.grounds.items()}
        self._lines: list[Line] = []
        self._seen: set[tuple[str, str, str | None]] = set()
        self._documents: dict[str, CheckedDocument] = {}
        self._rules: dict[str, RuleNote] = {}
        self._grounds: dict[str, Words] = {}

    def add(self, report: Report) -> None:
        """Take a report in. What is in no document (a division) may be told by several; it is kept once."""
        origins = {document.slug: document.origin for document in report.summary.documents}
        for finding in report.findings:
            mark = (finding.id, finding.source.focus, finding.source.value)
            if finding.document is None:
                if mark in self._seen:
                    continue
                self._seen.add(mark)
            self._lines.append(
                Line(
                    finding.document,
                    finding.severity,
                    finding.outcome,
                    finding.status,
                    finding.rule,
                    self._key(finding, origins.get(finding.document or "", "")),
                    finding.model_dump_json(),
                )
            )
        self._documents |= {document.slug: document for document in report.summary.documents}
        self._rules |= report.rules
        self._grounds = report.grounds

    def keep(self, folder: Path, without: Iterable[str]) -> None:
        """Take over what a build says of all documents but some.

        Raises:
            StoreError: the build has no findings, or not in this form.
        """
        gone = set(without)
        head, lines = read_parts(folder)
        for line in lines:
            if line.document not in gone:
                self._lines.append(line)
        for told in head["summary"]["documents"]:
            if told["slug"] not in gone:
                self._documents[told["slug"]] = CheckedDocument.model_validate(told)
        self._rules |= {name: RuleNote.model_validate(rule) for name, rule in head["rules"].items()}

    def write(self, folder: Path) -> None:
        """Write findings.json and findings.order."""
        self._lines.sort(key=lambda line: line.key)
        rules = {line.rule: self._rules[line.rule] for line in self._lines}
        documents = sorted(self._documents.values(), key=_rank)
        head = Report(
            summary=summarize(documents, self._lines),  # type: ignore[arg-type]  # a Line has what is counted
            grounds=self._grounds or {g.key: g.label for g in self._book.grounds.values()},
            rules=rules,
            findings=[],
        ).model_dump(mode="json")
        del head["findings"]
        with (folder / FINDINGS).open("w", encoding="utf-8") as out:
            out.write(json.dumps(head, ensure_ascii=False)[:-1] + ",\n" + _OPEN)
            for number, line in enumerate(self._lines):
                out.write((",\n" if number else "") + line.text)
            out.write(_CLOSE)
        with (folder / ORDER).open("w", encoding="utf-8") as out:
            for line in self._lines:
                told = [line.document, line.severity, line.outcome, line.status, line.rule, line.key]
                out.write(json.dumps(told, ensure_ascii=False) + "\n")

    def _key(self, finding: Finding, origin: str) -> tuple[Any, ...]:
        """The order of shapes.findings, from the finding alone: a part must sort the same beside any other."""
        unsure = finding.rests_on if finding.rests_on in ("record", "record_unverified") else "record"
        upper = finding.upper.place if finding.upper else None
        level = divisions.divisions().get(upper.code) if upper else None
        ratio = finding.ratio
        distance = (
            Decimal(0) if ratio is None else max(ratio, 1 / ratio) if ratio > 0 else Decimal("Infinity")
        )
        return (
            _STANDING[finding.status],
            _GRAVITY[finding.severity],
            self._orders.get(finding.rule, 0.0),
            self._ranks["own_text"] if origin == "text" else self._ranks[unsure],
            float(-distance),
            -_LEVELS[level.level] if level else 0,
            finding.place.code if finding.place else "",
            finding.document or "",
            finding.year or 0,
            [] if finding.indicator else _natural(finding.source.focus),
            finding.indicator or "",
            finding.id,
            finding.source.focus,
            finding.source.value or "",
        )


def read_parts(folder: Path) -> tuple[dict[str, Any], Iterator[Line]]:
    """The report of a build without its findings, and its findings, line by line.

    Raises:
        StoreError: the build has no findings, or not in this form.
    """
    try:
        with (folder / FINDINGS).open(encoding="utf-8") as file:
            head = json.loads(file.readline().rstrip().removesuffix(",") + "}")
        if not (folder / ORDER).is_file():
            raise ValueError("findings.order is missing")
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
        texts.readline()
        texts.readline()
        for text, order in zip(texts, orders, strict=False):
            document, severity, outcome, status, rule, key = json.loads(order)
            yield Line(
                document, severity, outcome, status, rule, _frozen(key), text.rstrip("\n").removesuffix(",")
            )


def _frozen(key: list[Any]) -> tuple[Any, ...]:
    return tuple([[tuple(step) for step in part] if isinstance(part, list) else part for part in key])


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def _rank(document: CheckedDocument) -> tuple[int, str]:
    division = divisions.divisions().get(document.place.code) if document.place else None
    return _LEVELS[division.level] if division else 0, document.slug
