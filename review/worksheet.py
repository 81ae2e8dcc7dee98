"""The worksheet: what the reader found in a plan, one row an item, as an XLSX file that is edited and read back.

A hidden sheet keeps what each cell held when it was written; `review.edits` compares with that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from graph import figures
from graph.errors import BadInput
from graph.record import Action, Assignment, NonTarget, Target
from ontology.vocabulary import load_vocabularies
from review.columns import FORMAT, KEPT, LISTS, OWN_KINDS, SHEETS, VERDICTS, Column, read_cell
from review.plans import ReviewedPlan, Row, sentence_at
from review.words import Words

EMPTY_ROWS = 30
CHUNK = 30_000  # a cell holds 32,767 characters
_GREY = PatternFill("solid", fgColor="ECEAE4")
_HEAD = PatternFill("solid", fgColor="2A4B66")
_ASKED = PatternFill("solid", fgColor="FFF7DB")
_MISSED = PatternFill("solid", fgColor="F8D7D2")
_LINE = Border(bottom=Side("thin", color="D5D1C7"))
_WRAP = Alignment(vertical="top", wrap_text=True)


def write_worksheet(plan: ReviewedPlan, file: Path, words: Words) -> None:
    """Write the worksheet of a plan. Raises BadInput where the file cannot be written."""
    book = Workbook()
    first = book.active
    assert first is not None
    book.remove(first)
    kept: list[list[str]] = [[FORMAT, plan.slug, plan.read.text_hash or ""]]
    lists = _Lists(words)
    for name in SHEETS:
        sheet = book.create_sheet(words("sheets", name))
        _write_sheet(sheet, name, plan, words, kept, lists)
    _write_guide(book.create_sheet(words("sheets", "guide")), plan, words)
    lists.write(book)
    hidden = book.create_sheet(KEPT)
    hidden.sheet_state = "veryHidden"
    for row in kept:
        hidden.append(row)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        book.save(file)
    except OSError as error:
        raise BadInput(f"{file}: cannot be written: {error.strerror}; choose another --out") from error


class _Lists:
    """The choices of drop-down cells, on a hidden sheet: a list in the cell itself may have 255 characters only."""

    def __init__(self, words: Words) -> None:
        self._lists: dict[str, list[str]] = {
            "comparator": words.labels("comparator"),
            "measure": words.labels("measure"),
            "level": words.labels("level"),
            "role": words.labels("role"),
            "concept": words.labels("indicator"),
            "verdict": [words("verdict", one) for one in VERDICTS],
            "do-figures": [words("do", one) for one in ("confirm", "change", "remove", "add")],
            "what-targets": [words("what", one) for one in OWN_KINDS["targets"]],
            "what-tasks": [words("what", one) for one in OWN_KINDS["tasks"]],
        }
        self._lists["do-targets"] = self._lists["do-tasks"] = self._lists["do-figures"]

    def validation(self, sheet: str, column: Column) -> DataValidation | None:
        names = [name for name in (column.kind, f"{column.kind}-{sheet}") if name in self._lists]
        if not names:
            return None
        letter = get_column_letter(list(self._lists).index(names[0]) + 1)
        formula = f"{LISTS}!${letter}$1:${letter}${len(self._lists[names[0]])}"
        # Kept soft: a value from elsewhere is told on reading back, with the cell, rather than refused by the program.
        return DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=False)

    def write(self, book: Workbook) -> None:
        sheet = book.create_sheet(LISTS)
        sheet.sheet_state = "hidden"
        for number, choices in enumerate(self._lists.values(), 1):
            for row, choice in enumerate(choices, 1):
                _put(sheet.cell(row, number), choice)


def _write_sheet(
    sheet: Worksheet, name: str, plan: ReviewedPlan, words: Words, kept: list[list[str]], lists: _Lists
) -> None:
    columns = SHEETS[name]
    for number, column in enumerate(columns, 1):
        cell = sheet.cell(1, number)
        _put(cell, words("columns", column.key))
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = _HEAD
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    rows = [row for row in plan.rows if row.what in OWN_KINDS[name]]
    for place, row in enumerate(rows, 2):
        shown = {key: _clean(value) for key, value in _cells(name, row, plan, words)}
        for number, column in enumerate(columns, 1):
            cell = sheet.cell(place, number)
            _put(cell, shown.get(column.key))
            shaded = column.shaded or column.fresh
            cell.fill = (
                _MISSED
                if row.missed and shaded
                else _GREY
                if shaded
                else _ASKED
                if column.key == "do"
                else PatternFill()
            )
            cell.border, cell.alignment = _LINE, _WRAP
            cell.protection = Protection(locked=shaded)
        encoded = {column.key: read_cell(column, shown.get(column.key), "") for column in columns}
        entry = {
            "sheet": name,
            "what": row.what,
            "missed": row.missed is not None,
            "added": row.added,
            "at": row.at.model_dump(mode="json", exclude_defaults=True),
            "cells": {key: value for key, value in encoded.items() if value is not None},
        }
        text = json.dumps(entry, ensure_ascii=True)
        kept.append([row.id, *(text[at : at + CHUNK] for at in range(0, len(text), CHUNK))])
    last = len(rows) + 1 + EMPTY_ROWS
    for place in range(len(rows) + 2, last + 1):
        for number, column in enumerate(columns, 1):
            cell = sheet.cell(place, number)
            cell.fill = _GREY if column.shaded else PatternFill()
            cell.border, cell.alignment = _LINE, _WRAP
    for number, column in enumerate(columns, 1):
        validation = lists.validation(name, column)
        if validation:
            letter = get_column_letter(number)
            validation.add(f"{letter}2:{letter}{last}")
            sheet.add_data_validation(validation)
    sheet.freeze_panes = "C2"
    sheet.row_dimensions[1].height = 32
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{last}"
    sheet.sheet_view.zoomScale = 90
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"


def _write_guide(sheet: Worksheet, plan: ReviewedPlan, words: Words) -> None:
    sheet.column_dimensions["A"].width = 110
    lines = words.lines(title=plan.record.plan.title, slug=plan.slug, **counts(plan))
    for place, line in enumerate([words("guide", "title"), *lines], 1):
        cell = sheet.cell(place, 1)
        _put(cell, line)
        cell.alignment = _WRAP
        if place == 1:
            cell.font = Font(bold=True, size=14)


def counts(plan: ReviewedPlan) -> dict[str, int]:
    """How many there are of what, for the words."""
    return {
        "targets": len(plan.of("target", "cited_target")),
        "tasks": len(plan.of("action")),
        "agencies": len(plan.of("assignment")),
        "figures": len(plan.of("non_target")) + len(plan.missed),
        "missed": len(plan.missed),
    }


def _put(cell: Any, value: object) -> None:
    """Write a value; a text never as a formula."""
    value = _clean(value)
    cell.value = value
    if isinstance(value, str) and value.startswith("="):
        cell.data_type = "s"


def _clean(value: object) -> object:
    """A text without characters that XML cannot hold, and no longer than a cell."""
    return ILLEGAL_CHARACTERS_RE.sub("", value)[:32_000] if isinstance(value, str) else value


def _cells(name: str, row: Row, plan: ReviewedPlan, words: Words) -> Iterator[tuple[str, object]]:
    item = row.item
    yield "id", row.id
    yield "path", row.at.path if row.missed else getattr(item, "path", row.at.path)
    if item is not None and item.review:
        review = item.review
        status = words.label("review-status", review.status)
        yield "review", words("page", "reviewed", status=status, by=review.by, date=review.date.isoformat())
    if isinstance(item, Target):
        yield "quote", item.quote
        yield "what", words("what", row.what)
        yield from _target_cells(item, words)
        yield "agencies", agencies(item.assignments, words)
    elif isinstance(item, Action):
        yield "what", words("what", "action")
        yield "task", item.title
        yield "domains", "；".join(words.label("domain", key) for key in item.domains)
    elif isinstance(item, Assignment):
        yield "what", words("what", "assignment")
        yield "task", row.at.quote
        yield "agency", item.agency
        yield "role", words.label("role", item.role)
        yield "members", "、".join(item.members)
    else:
        yield from _figure_cells(row, plan, words)


def agencies(assignments: Sequence[Assignment], words: Words) -> str:
    """Agencies by role: 牵头 区发改局、区商务局；责任 …"""
    by_role: dict[str, list[str]] = {}
    for one in assignments:
        by_role.setdefault(words.label("role", one.role), []).append(one.agency)
    return "；".join(f"{role} {'、'.join(names)}" for role, names in by_role.items())


def _target_cells(target: Target, words: Words) -> Iterator[tuple[str, object]]:
    yield "indicator", target.indicator
    yield "concept", words.label("indicator", target.concept)
    symbols = {c.value("symbol"): c.key for c in load_vocabularies().scheme("comparator")}
    yield "comparator", words.label("comparator", symbols[target.comparator])
    yield "measure", words.label("measure", target.measure)
    for key in ("value", "value_max"):
        yield key, _plain(getattr(target, key))
    for key in ("unit", "value_text", "baseline_year", "target_year", "scope", "strength"):
        yield key, getattr(target, key)
    level = getattr(target, "claimed_level", None)
    yield "claimed_level", words.label("level", level)
    yield "claimed_jurisdiction", getattr(target, "claimed_jurisdiction", None)


def _figure_cells(row: Row, plan: ReviewedPlan, words: Words) -> Iterator[tuple[str, object]]:
    item, figure = row.item, None
    if row.missed:
        figure = row.missed.figure
        yield "figure", figure.printed
        yield "quote", row.missed.sentence
        yield "verdict", words("verdict", "missed")
    elif isinstance(item, NonTarget):
        printed = "".join((plan.text[slice(*item.span)] if plan.text and item.span else item.text).split())
        figure = next(iter(figures.find(printed)), None)
        yield "figure", printed
        yield "quote", sentence_at(plan.text, item.span) if plan.text and item.span else item.text
        yield "verdict", words("verdict", item.reason)
    if figure:
        # At hand for whoever makes a target of it.
        yield "value", _plain(figure.value)
        yield "value_max", _plain(figure.value_max)
        yield "unit", figure.unit
        yield "value_text", figure.printed


def _plain(value: Decimal | None) -> int | float | str | None:
    """A number as a spreadsheet holds it; as text where its 15 digits are too few."""
    if value is None:
        return None
    if value == value.to_integral_value():
        return int(value) if abs(value) < 10**15 else str(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)
