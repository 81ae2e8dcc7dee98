"""Findings as rows: one a finding, in the columns that CSV and the workbook share."""

import csv
import io
from collections.abc import Iterable, Iterator

from shapes.findings import Clause, Finding, Report
from shapes.phrases import Phrases
from shapes.rules import Lang

Row = list[str | int | float | None]


def header(say: Phrases) -> list[str]:
    """The names of the columns."""
    lower, upper = say["lower"], say["upper"]
    sides = [
        f"{side}·{say[key]}" for side in (lower, upper) for key in ("document", "path", "value", "quote")
    ]
    return [
        say["number"], say["severity"], say["outcome"], say["status"], say["place"], say["matter"],
        say["year_name"], *sides, say["arithmetic"], say["reason"], say["suggestion"], say["rests_on"],
        say["settlement"], say["identifier"],
    ]  # fmt: skip


def rows(report: Report, say: Phrases) -> Iterator[Row]:
    """One row a finding, in the order of the report."""
    return _rows(report.findings, say)


def _rows(findings: Iterable[Finding], say: Phrases) -> Iterator[Row]:
    for number, finding in enumerate(findings, 1):
        yield [
            number,
            say[finding.severity],
            say.outcome(finding),
            say.status(finding),
            say.place(finding.place),
            say.subject(finding),
            finding.year,
            *_lower(finding, say),
            *_side([finding.upper] if finding.upper else [], say),
            say.arithmetic(finding),
            finding.reason.said(say.lang),
            finding.suggestion.said(say.lang),
            say.rests_on(finding),
            say.settlement(finding),
            finding.id,
        ]


def _lower(finding: Finding, say: Phrases) -> list[str]:
    if finding.statements:
        return _side(finding.statements, say)
    document = say.titled(finding.document_title, None)
    return [document, "", "", say["absent_below"] if finding.upper else ""]


def _side(clauses: list[Clause], say: Phrases) -> list[str]:
    """Document, path, value and quote of a side; several statements one under the other."""
    if not clauses:
        return ["", "", "", ""]
    documents = [say.document(one) + (f" {say.witness(one)}" if one.claimed_by else "") for one in clauses]
    columns = [documents, [one.path for one in clauses], [say.said(one) for one in clauses]]
    columns.append([one.quote for one in clauses])
    return ["\n".join(dict.fromkeys(filter(None, column))) for column in columns]


def harmless(value: str | int | float | None) -> str | int | float:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value


def write(report: Report, lang: Lang) -> bytes:
    """Return CSV in UTF-8 with a byte order mark, without which Excel takes Chinese for something else.

    What a draft changes below stands after its own findings, with the kind of change in a last column that is there then.
    """
    say, out = Phrases(report, lang), io.StringIO(newline="")
    writer = csv.writer(out)
    effects = report.effects.changes if report.effects else []
    more = [""] if effects else []
    writer.writerow(header(say) + ([say["effects"]] if effects else []))
    writer.writerows([harmless(value) for value in (*row, *more)] for row in rows(report, say))
    below = zip(effects, _rows((effect.finding for effect in effects), say), strict=True)
    writer.writerows([harmless(value) for value in (*row, say[effect.change])] for effect, row in below)
    return out.getvalue().encode("utf-8-sig")
