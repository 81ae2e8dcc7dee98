"""An edited worksheet to corrections, row by row; what cannot be read is told with its cell.

Cells are compared with what the hidden sheet kept of them, never with a new reading of the plan: an unedited worksheet
changes nothing, however much the reader has improved meanwhile.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from graph import figures
from graph.corrections import Correction, Edit, is_sound, make_correction
from graph.errors import BadInput
from graph.patching import apply_corrections
from graph.quotes import fold
from graph.record import PlanRecord
from review.columns import (
    FORMAT,
    KEPT,
    OWN_KINDS,
    SHEETS,
    TARGET_FIELDS,
    VERDICTS,
    Unread,
    cell_text,
    read_cell,
)
from review.plans import ReviewedPlan
from review.words import Words, key_of


@dataclass
class Reading:
    """What an edited worksheet says: the corrections, what could not be read (with its cell), rows that are gone."""

    edits: list[Edit] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass
class _Line:
    """A row of a sheet as it was read: cells by column, ``was`` what they held when written."""

    sheet: str
    number: int
    cells: dict[str, str | None]
    was: dict[str, str | None]
    entry: dict[str, Any] | None

    def edited(self) -> dict[str, str | None]:
        return {
            column.key: self.cells[column.key]
            for column in SHEETS[self.sheet]
            if column.key not in {"id", "do", "by", "reason"}
            and not (column.shaded or column.fresh)
            and self.cells.get(column.key) != self.was.get(column.key)
        }


def read_worksheet(file: Path, plan: ReviewedPlan, by: str | None, today: date, words: Words) -> Reading:
    """Read an edited worksheet of ``plan``; ``by`` signs the rows that no reviewer has signed.

    Raises BadInput where the file is no worksheet of this plan. A cell that cannot be read is told in ``unread``, and
    its row is left alone.
    """
    book = _open(file)
    reading = Reading()
    if KEPT not in book.sheetnames:
        raise BadInput(f"{file}: is not a worksheet that 'zhengmai review' wrote; write one and edit that")
    kept = [[cell_text(cell) for cell in row] for row in book[KEPT].iter_rows(values_only=True)]
    if not kept or kept[0][:1] != [FORMAT]:
        raise BadInput(f"{file}: is a worksheet of another version; write a new one with 'zhengmai review'")
    if kept[0][1] != plan.slug:
        raise BadInput(f"{file}: is the worksheet of {kept[0][1]}, not of {plan.slug}; name that plan")
    entries = {row[0]: "".join(part or "" for part in row[1:]) for row in kept[1:] if row and row[0]}
    seen: set[str] = set()
    for name in SHEETS:
        _read_sheet(book, file, name, _Context(plan, by, today, words, entries, seen, reading))
    reading.missing = [key for key in entries if key and key not in seen]
    return reading


@dataclass
class _Context:
    plan: ReviewedPlan
    by: str | None
    today: date
    words: Words
    entries: dict[str, str]
    seen: set[str]
    reading: Reading


def _open(file: Path) -> Workbook:
    try:
        return load_workbook(file, data_only=True)
    except FileNotFoundError:
        raise BadInput(f"{file}: no such file; name the edited worksheet") from None
    except (OSError, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise BadInput(f"{file}: cannot be read as an XLSX workbook; save it as .xlsx") from error


def _read_sheet(book: Workbook, file: Path, name: str, context: _Context) -> None:
    titles = [Words("zh")("sheets", name), Words("en")("sheets", name)]
    title = next((one for one in titles if one in book.sheetnames), None)
    if title is None:
        raise BadInput(f"{file}: the sheet {titles[0]!r} is missing; keep the names of the sheets")
    sheet = book[title]
    rows = sheet.iter_rows()
    heads = [cell_text(cell.value) for cell in next(rows, ())]
    header: dict[str, int] = {}
    for column in SHEETS[name]:
        names = {Words("zh")("columns", column.key), Words("en")("columns", column.key)}
        places = [number for number, head in enumerate(heads) if head in names]
        if places:
            header[column.key] = places[0]
    for column in SHEETS[name]:
        if column.key not in header:
            label = context.words("columns", column.key)
            raise BadInput(f"{file}: {title}: the column {label!r} is missing; keep the names of the columns")
    for row in rows:
        cells = {column.key: row[header[column.key]] for column in SHEETS[name]}
        where: dict[str, str] = {key: f"{title}!{cell.coordinate}" for key, cell in cells.items()}
        try:
            line = _line(name, row[0].row or 0, cells, context)
            if line:
                _check_shaded(line, where, context)
                found = _edits(line, context)
                _try_out(found, context)
                context.reading.edits += found
        except Unread as error:
            told = context.words("cells", error.word, **error.values)
            context.reading.unread.append(f"{where[error.column or 'do']}: {told}")


def _line(name: str, number: int, cells: Mapping[str, Any], context: _Context) -> _Line | None:
    """A row as read; None for an empty one, and for one that was not touched."""
    key = cell_text(cells["id"].value)
    given = {column.key: cell_text(cells[column.key].value) for column in SHEETS[name]}
    if not any(given.values()):
        return None
    entry: dict[str, Any] | None = None
    if key is not None:
        if key not in context.entries:
            raise Unread("unknown", given=key).at("id")
        again = key in context.seen
        context.seen.add(key)
        try:
            entry = json.loads(context.entries[key])
        except ValueError:
            raise Unread("cut").at("id") from None
        adding = key_of("do", given["do"] or "") == "add"
        if again and not adding:
            raise Unread("twice", given=key).at("id")
        if again:
            entry = None  # a copied row that is to be added
    was = cast("dict[str, str | None]", entry["cells"]) if entry else {}
    values: dict[str, str | None] = {}
    for column in SHEETS[name]:
        try:
            values[column.key] = read_cell(column, cells[column.key].value, cells[column.key].number_format)
        except Unread as error:
            raise error.at(column.key) from None
    return _Line(name, number, values, was, entry)


def _check_shaded(line: _Line, where: dict[str, str], context: _Context) -> None:
    for column in SHEETS[line.sheet]:
        if line.entry and (column.shaded or column.fresh):
            value = line.cells[column.key]
            if value != line.was.get(column.key):
                told = context.words("cells", "shaded", given=value or "")
                context.reading.unread.append(f"{where[column.key]}: {told}")


def _edits(line: _Line, context: _Context) -> list[Edit]:
    """The corrections that a row asks for: none where it was left alone."""
    do = line.cells["do"]
    edited = line.edited()
    if line.entry is None:
        if do is None:
            raise Unread("no_do")
        if do != "add":
            raise Unread("not_new")
        return [_edit(_new_row(line, context), line, context)]
    if line.sheet == "figures":
        return _of_figure(line, edited, context)
    if do is None and not edited:
        return []
    if do == "add":
        raise Unread("not_new")
    if do == "confirm":
        if edited:
            raise Unread("kept")
        return [_of(line, "confirm", {}, context)]
    if do == "remove":
        return [_of(line, "remove", {}, context)]
    if not edited:
        raise Unread("unchanged")
    return _changed(line, edited, context)


def _changed(line: _Line, edited: dict[str, str | None], context: _Context) -> list[Edit]:
    assert line.entry is not None
    if line.sheet == "targets":
        cells = {key: value for key, value in line.cells.items() if value is not None}
        _check_sound(line)
        if "what" in edited:
            if edited["what"] not in OWN_KINDS["targets"]:
                raise Unread("choice", given=edited["what"], allowed="、".join(OWN_KINDS["targets"])).at(
                    "what"
                )
            # What was taken for a target of this plan is another level's, or the other way round.
            moved = {
                "what": edited["what"],
                "at": line.entry["at"],
                "set": _fields(edited["what"] or "", cells),
            }
            return [_of(line, "remove", {}, context), _edit(moved, line, context)]
        values = _fields(line.entry["what"], edited)
    else:
        if line.entry["what"] == "action":
            values = _only(edited, "domains")
        else:
            values = _only(edited, "agency", "role", "members")
            for key in ("agency", "role"):
                if key in values and not values[key]:
                    raise Unread("needed").at(key)
    if not values:
        raise Unread("unchanged")
    return [_of(line, "change", values, context)]


def _only(edited: dict[str, str | None], *allowed: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in edited.items():
        if key not in allowed:
            raise Unread("shaded", given=value or "").at(key)
        values[key] = (
            [one for one in (value or "").split("、") if one] if key in {"members", "domains"} else value
        )
    return values


def _fields(what: str, cells: Mapping[str, str | None]) -> dict[str, object]:
    """The fields of a target that cells give; a cell that was emptied gives null."""
    values: dict[str, object] = {}
    for key in TARGET_FIELDS:
        if key not in cells or (key.startswith("claimed") and what != "cited_target"):
            continue
        if key == "indicator" and not cells[key]:
            raise Unread("needed").at(key)
        values[key] = cells[key]
        if key.endswith("_year") and cells[key]:
            values[key] = int(cells[key] or 0)
    return values


def _check_sound(line: _Line) -> None:
    cells = line.cells
    for key in ("indicator", "comparator", "measure"):
        if not cells.get(key):
            raise Unread("needed").at(key)
    if not is_sound(cells):
        raise Unread("unfit").at("value" if cells.get("value") is None else "unit")


def _of_figure(line: _Line, edited: dict[str, str | None], context: _Context) -> list[Edit]:
    """A figure that was passed over: it is none of our targets, or it is one."""
    assert line.entry is not None
    do = line.cells["do"]
    if do is None and not edited:
        return []
    missed = bool(line.entry["missed"])
    if do == "add":
        return [_edit(_new_target(line, "target", context), line, context)]
    if do == "remove" and not missed:
        return [_of(line, "remove", {}, context)]
    if set(edited) - {"verdict"}:
        raise Unread("kept" if do == "confirm" else "no_do").at("do")
    verdict = line.cells["verdict"]
    if missed and do in {"confirm", "change"}:
        reason = verdict if verdict in VERDICTS else "unclear"
        at = {"path": line.entry["at"].get("path", ""), "quote": line.entry["at"]["quote"]}
        return [
            _edit({"do": "add", "what": "non_target", "at": at, "set": {"reason": reason}}, line, context)
        ]
    if edited and verdict in VERDICTS and do in {None, "change"}:
        return [_of(line, "change", {"reason": verdict}, context)]
    if do == "confirm" and not edited:
        return [_of(line, "confirm", {}, context)]
    raise Unread("kept" if do == "confirm" else "unchanged")


def _new_row(line: _Line, context: _Context) -> dict[str, Any]:
    cells = line.cells
    if line.sheet != "tasks":
        what = cells.get("what") or "target"
        return _new_target(line, what if what in OWN_KINDS["targets"] else "target", context)
    path, task = cells["path"] or "", cells["task"]
    if cells["what"] == "action" or (cells["what"] is None and not cells["agency"]):
        if not task:
            raise Unread("needed").at("task")
        values = _only({"domains": cells["domains"]} if cells["domains"] else {}, "domains")
        return {"do": "add", "what": "action", "at": {"path": path, "quote": task}, "set": values}
    for key in ("agency", "role"):
        if not cells[key]:
            raise Unread("needed").at(key)
    if not task:
        task = next((one.title for one in context.plan.record.actions if one.path == path), None)
        if task is None:
            raise Unread("no_host").at("task")
    at = {"path": path, "quote": task, "agency": cells["agency"]}
    wanted = {key: cells[key] for key in ("agency", "role", "members") if cells[key]}
    return {"do": "add", "what": "assignment", "at": at, "set": _only(wanted, "agency", "role", "members")}


def _new_target(line: _Line, what: str, context: _Context) -> dict[str, Any]:
    cells = line.cells
    if not cells["quote"]:
        raise Unread("needed").at("quote")
    _check_sound(line)
    values = _fields(what, {key: value for key, value in cells.items() if value is not None})
    if "value_text" not in values and cells["value"]:
        printed = [
            one.printed for one in figures.find(fold(cells["quote"])) if str(one.value) == cells["value"]
        ]
        values |= {"value_text": printed[0]} if printed else {}
    at = {"path": cells["path"] or "", "quote": cells["quote"], "indicator": values["indicator"]}
    at |= {key: values[key] for key in ("value", "target_year") if values.get(key) is not None}
    return {"do": "add", "what": what, "at": at, "set": values}


def _of(line: _Line, do: str, values: dict[str, object], context: _Context) -> Edit:
    """A correction of the item of a row."""
    assert line.entry is not None
    data = {"do": do, "what": line.entry["what"], "at": line.entry["at"], "set": values}
    return _edit(data, line, context, of_added=bool(line.entry["added"]))


def _edit(data: dict[str, Any], line: _Line, context: _Context, *, of_added: bool = False) -> Edit:
    by = line.cells["by"] or context.by
    if not by:
        raise Unread("signed").at("by")
    signed = {"do": "add"} | data | {"by": by, "date": context.today, "reason": line.cells["reason"]}
    try:
        return Edit(make_correction(signed), of_added)
    except BadInput as error:
        raise Unread("refused", why=error.message) from error


_TOLD = {"correction_ambiguous": "ambiguous", "correction_unmatched": "no_host", "correction_unfit": "unfit"}


def _try_out(edits: Sequence[Edit], context: _Context) -> None:
    """Additions must find their words in the text now; later they may go stale."""
    for edit in edits:
        one: Correction = edit.correction
        if one.do != "add":
            continue
        record: PlanRecord = context.plan.record.model_copy(deep=True)
        failed = apply_corrections(record, [one], context.plan.text).failed
        if failed:
            words = one.at.agency if one.what == "assignment" else one.at.quote
            told = _TOLD.get(failed[0][1].reason, "not_there")
            column = {"assignment": "agency", "action": "task"}.get(one.what, "quote")
            raise Unread(told, given=words or "").at(column)
