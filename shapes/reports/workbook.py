"""Findings as a workbook (.xlsx): a summary, the findings to filter and sort, the matrix."""

import io
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from shapes.findings import Effects, Report
from shapes.matrix import Matrix, legend, sign
from shapes.phrases import Phrases, outcomes, places
from shapes.reports.rows import header, rows
from shapes.rules import Lang

_MOST_TEXT: Final = 32_000
"""Excel refuses cells of more characters than 32,767."""
_TONES: Final = {
    "violation": "FBE3E1",
    "warning": "FBF0D5",
    "info": "E3EDF5",
    "good": "E6F1E3",
    "none": "F3F2EE",
}
_HEAD: Final = PatternFill("solid", fgColor="EDEBE6")
_SIDE: Final = Side(style="thin", color="C9C6BE")
_LINE: Final = Border(left=_SIDE, right=_SIDE, top=_SIDE, bottom=_SIDE)
_WIDTHS: Final = {"number": 6, "short": 11, "place": 13, "matter": 28, "text": 40, "path": 16}


def write(report: Report, lang: Lang) -> bytes:
    """Return the workbook."""
    say, book = Phrases(report, lang), Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    _summary(sheet, report, say)
    _findings(book.create_sheet(say["findings"]), report, say)
    if report.effects:
        _effects(book.create_sheet(say["effects"][:31]), report.effects, say)
    if report.matrix and report.matrix.columns:
        _matrix(book.create_sheet(say["matrix"][:31]), report.matrix, report, say)
    book.properties.title, book.properties.creator = say["title"], say["printed_on"]
    made = report.made
    stamp = datetime(made.year, made.month, made.day) if made else datetime(2000, 1, 1)  # noqa: DTZ001
    book.properties.created = book.properties.modified = stamp
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def write_matrix(report: Report, matrix: Matrix, lang: Lang) -> bytes:
    """Return a workbook of a matrix alone: that of ``report`` or a part of it."""
    say, book = Phrases(report, lang), Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = say["matrix"][:31]
    _matrix(sheet, matrix, report, say)
    book.properties.title, book.properties.creator = say["matrix"], say["printed_on"]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _summary(sheet: Worksheet, report: Report, say: Phrases) -> None:
    sheet.title = say["summary"]
    _put(sheet, 1, 1, say["title"]).font = Font(bold=True, size=15)
    line = 2
    if report.made:
        _put(sheet, line, 1, say["made"].format(date=report.made.isoformat()))
        line += 1
    for text in (say.lead(), *(notice.words.said(say.lang) for notice in report.notices), say["note"]):
        _put(sheet, line, 1, text)
        line += 1
    columns = places(report)
    line = _table(
        sheet,
        line + 1,
        [say["outcome"], say["severity"], say["total"], *columns.values()],
        [
            [row.label.said(say.lang), say[row.severity], row.total, *(row.counts.get(c) for c in columns)]
            for row in outcomes(report)
        ],
    )
    names = list(report.summary.by_severity)
    _table(
        sheet,
        line + 1,
        [say["place"], say["document"], *(say[name] for name in names)],
        [
            [say.place(one.place), say.titled(one.title, one.number), *(one.findings.get(n) for n in names)]
            for one in report.summary.documents
        ],
    )
    sheet.column_dimensions["A"].width = 18
    for at in range(2, 4 + len(columns)):
        sheet.column_dimensions[get_column_letter(at)].width = 14
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]


def _findings(sheet: Worksheet, report: Report, say: Phrases) -> None:
    top = header(say)
    last = _table(sheet, 1, top, list(rows(report, say))) - 1
    side = ["text", "path", "place", "text"]
    kinds = ["number", "short", "short", "short", "place", "matter", "short", *side, *side]
    kinds += ["place", "text", "text", "place", "matter", "text"]
    for at, kind in enumerate(kinds, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS[kind]
    for row, finding in enumerate(report.findings, 2):
        sheet.cell(row, 2).fill = PatternFill("solid", fgColor=_TONES[finding.severity])
    sheet.freeze_panes = "G2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(top))}{max(last, 1)}"
    _print(sheet)


def _effects(sheet: Worksheet, told: Effects, say: Phrases) -> None:
    """What a draft changes elsewhere, on a sheet of its own."""
    _put(sheet, 1, 1, say.effects(told))
    top = [
        say["change"],
        *(say[key] for key in ("severity", "outcome", "place", "document", "matter", "year_name")),
    ]
    top += [say["effect_before"], say["effect_after"], say["identifier"]]
    body = []
    for effect in told.changes:
        one = effect.finding
        sides = [side.reason.said(say.lang) if side else "" for side in (effect.before, effect.after)]
        about = [
            say[one.severity],
            say.outcome(one),
            say.place(one.place),
            one.document_title,
            say.subject(one),
        ]
        body.append([say[effect.change], *about, one.year, *sides, one.id])
    _table(sheet, 3, top, body)
    for at, kind in enumerate(
        ["short", "short", "short", "place", "matter", "matter", "short", "text", "text", "matter"], 1
    ):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS[kind]
    sheet.freeze_panes = "A4"
    _print(sheet)


def _matrix(sheet: Worksheet, matrix: Matrix, report: Report, say: Phrases) -> None:
    found = {finding.id: finding for finding in report.findings}
    names = [say.place(column.place) or column.title for column in matrix.columns]
    top = [say["setter"], say["indicator"], say["year_name"], say["target"], *names]
    _table(sheet, 1, top, [])
    for line, row in enumerate(matrix.rows, 2):
        head = [say.place(row.place), row.indicator.said(say.lang), row.year, row.value or say["in_words"]]
        for at, value in enumerate(head, 1):
            _put(sheet, line, at, value, framed=True)
        for at, column in enumerate(matrix.columns, len(head) + 1):
            cell = matrix.cell(row, column)
            told = sign(cell.outcome)
            texts = [f"{told.sign} {told.label.said(say.lang)}", cell.value]
            finding = found.get(cell.finding or "")
            if finding and finding.status != "open":
                texts.append(f"（{say.status(finding)}）" if say.lang == "zh" else f"({say.status(finding)})")
            text = told.sign if cell.outcome == "outside" else "\n".join(filter(None, texts))
            _put(sheet, line, at, text, framed=True).fill = PatternFill("solid", fgColor=_TONES[told.tone])
    line = len(matrix.rows) + 3
    for one in legend(matrix):
        _put(sheet, line, 2, f"{one.sign} {one.label.said(say.lang)}")
        line += 1
    for at, width in enumerate([12, 30, 7, 14, *([14] * len(names))], 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    sheet.freeze_panes = "E2"
    _print(sheet)


def _print(sheet: Worksheet) -> None:
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9  # A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]


def _table(
    sheet: Worksheet, line: int, top: Sequence[str], body: Sequence[Sequence[str | int | float | None]]
) -> int:
    """Write a header and rows; returns the next free line."""
    for at, text in enumerate(top, 1):
        cell = _put(sheet, line, at, text, framed=True)
        cell.font, cell.fill = Font(bold=True), _HEAD
    for row in body:
        line += 1
        for at, value in enumerate(row, 1):
            _put(sheet, line, at, value, framed=True)
    return line + 1


def _put(
    sheet: Worksheet, line: int, at: int, value: str | int | float | None, *, framed: bool = False
) -> Cell:
    cell = sheet.cell(line, at)
    assert isinstance(cell, Cell)  # nothing is merged here
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)[:_MOST_TEXT]
        cell.value = value
        cell.data_type = "s"  # a text that begins with = is a text, no formula
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@")
    else:
        cell.value = value
    if framed:
        cell.border = _LINE
        cell.alignment = Alignment(vertical="top", wrap_text=True)
    return cell
