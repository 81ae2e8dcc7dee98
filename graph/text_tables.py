"""Tables that a plain text holds without marking them: recover rows and cells from the way they were printed.

Three ways in which annex tables come out of Word and PDF files:

- *tabbed rows*: one row a line, tabs between the cells;
- *tabbed cells*: one cell a line with a tab before it, a cell cut by a line break going on without one, and a blank
  line before the next row;
- *stacked cells*: no separators at all, one paragraph after another; a blank at the end of a printed line tells that
  a paragraph is over, a line of one blank is an empty cell, and a merged cell prints nothing. A page break cuts
  unfinished cells; the next page goes on with each of them in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from graph.reading import EMPTY, Passage, squeeze
from graph.tables import AGENCY, HEADING, REMARK, SERIAL, TASK, Piece, RawTable, column_kind, is_agency_list

_SERIAL = re.compile(r"(\d{1,3})(?:[、.．]|$)?")
_GROUP = re.compile(r"[（(]?[一二三四五六七八九十]+[）)]?[、.．]?.{2,}")


def text_table(text: str, start: int, end: int) -> RawTable | None:
    """The table in characters ``start`` … ``end`` of a text, or None where there is none."""
    region = text[start:end]
    lines = region.split("\n")
    tabbed = [line for line in lines if "\t" in line.strip()]
    if len(tabbed) >= 3:
        return _tabbed_rows(region, start)
    if sum(line.startswith("\t") for line in lines) >= 8:
        return _tabbed_cells(region, start)
    return _stacked_cells(region, start)


def _lines(region: str, start: int) -> Iterator[tuple[str, int]]:
    for line in region.split("\n"):
        yield line, start
        start += len(line) + 1


# -- one row a line ------------------------------------------------------------------------------------------------


def _tabbed_rows(region: str, start: int) -> RawTable | None:
    header: list[Piece] | None = None
    rows: list[list[Piece | None]] = []
    for line, offset in _lines(region, start):
        if "\t" not in line.lstrip():
            continue
        pieces: list[Piece] = []
        for cell in line.split("\t"):
            pieces.append(Piece(squeeze(cell, offset)))
            offset += len(cell) + 1
        if header is None:
            header = pieces
        elif [piece.text for piece in pieces] != [piece.text for piece in header]:
            # A header printed again after a page break is no row.
            rows.append([*pieces[: len(header)], *([Piece(EMPTY)] * (len(header) - len(pieces)))])
    return RawTable([[piece.text for piece in header]], rows) if header and rows else None


# -- one cell a line -----------------------------------------------------------------------------------------------


def _tabbed_cells(region: str, start: int) -> RawTable | None:
    groups: list[list[Piece]] = [[]]
    blank = False
    for line, offset in _lines(region, start):
        if line.startswith("\t"):
            piece = Piece(squeeze(line[1:], offset + 1))
            # A blank line stands between rows, but also inside a cell that was cut: what follows it tells.
            if blank and groups[-1]:
                groups.append([])
            groups[-1].append(piece)
            blank = False
        elif line.strip() and groups[-1]:
            groups[-1][-1] = Piece(groups[-1][-1].passage + squeeze(line, offset))
            blank = False
        elif not line.strip():
            blank = True
    groups = [group for group in groups if group]
    first = next((n for n, group in enumerate(groups) if _SERIAL.fullmatch(group[0].text)), None)
    if first is None or first == 0:
        return None
    width = max(len(group) for group in groups[first:])
    header = _spread_header([[piece.text for piece in group] for group in groups[:first]], width)
    rows: list[list[Piece | None]] = []
    for group in groups[first:]:
        # Cells that a row does not print at its end are merged with those above.
        rows.append([*group[:width], *([None] * (width - len(group)))])
    kinds = [column_kind(" ".join(row[n] for row in header)) for n in range(width)]
    for row in rows:
        for n, kind in enumerate(kinds):
            cell = row[n]
            # Here an empty cell and a merged one look the same. A category or an agency carries on; a value does not.
            if kind in (HEADING, *AGENCY) and cell is not None and not cell.text:
                row[n] = None
    return RawTable(header, rows)


def _spread_header(rows: list[list[str]], width: int) -> list[list[str]]:
    """Widen a first header row whose cells span years printed below them: a span begins where the years fall back."""
    if len(rows) < 2 or len(rows[0]) == width:
        return [row + [""] * (width - len(row)) for row in rows]
    years = [int(found.group()) if (found := re.search(r"20\d\d", cell)) else None for cell in rows[1]]
    years += [None] * (width - len(years))
    spread: list[str] = []
    groups = iter(rows[0])
    last: int | None = None
    for year in years:
        if year is None or last is None or year <= last:
            spread.append(next(groups, ""))
        else:
            spread.append(spread[-1])
        last = year
    return [spread, *[row + [""] * (width - len(row)) for row in rows[1:]]]


# -- stacked paragraphs --------------------------------------------------------------------------------------------


@dataclass
class _Paragraph:
    passage: Passage
    ended: bool


@dataclass
class _Row:
    serial: int
    paragraphs: list[_Paragraph] = field(default_factory=list)


def _stacked_cells(region: str, start: int) -> RawTable | None:
    header: list[str] | None = None
    rows: list[_Row] = []
    unfinished: list[_Paragraph] = []
    previous_blank = True
    for line, offset in _lines(region, start):
        if header is None:
            names = line.split()
            if len(names) >= 3 and column_kind(names[0]) == SERIAL:
                header = names
            previous_blank = not line.strip()
            continue
        if line == "":
            previous_blank = True
            continue
        # A page begins with a line that has a blank before it and no empty line above.
        page = line.startswith(" ") and not previous_blank and bool(line.strip())
        previous_blank = False
        if page:
            unfinished = [p for p in rows[-1].paragraphs if not p.ended] if rows else []
        for passage, ended in _fragments(line, offset):
            serial = _SERIAL.match(passage.text)
            if (
                serial
                and int(serial.group(1)) == len(rows) + 1
                and not (unfinished and not page)
                and (len(passage) == serial.end() or not passage.text[serial.end()].isdigit())
                and (len(passage) <= serial.end() + 12 or not rows)
            ):
                rows.append(_Row(len(rows) + 1))
                unfinished = []
                rest = passage.cut(serial.end(), len(passage))
                if rest.text:
                    rows[-1].paragraphs.append(_Paragraph(rest, ended))
            elif not rows:
                continue
            elif not passage.text:
                rows[-1].paragraphs.append(_Paragraph(EMPTY, ended=True))
            elif unfinished:
                unfinished[0].passage += passage
                unfinished[0].ended = ended
                if ended:
                    unfinished.pop(0)
            elif _goes_on(rows[-1].paragraphs, passage.text):
                rows[-1].paragraphs[-1].passage += passage
                rows[-1].paragraphs[-1].ended = ended
            else:
                rows[-1].paragraphs.append(_Paragraph(passage, ended))
    if header is None or not rows:
        return None
    kinds = [column_kind(name) for name in header]
    return RawTable([header], _carried([_placed(row, kinds) for row in rows], kinds))


def _goes_on(paragraphs: list[_Paragraph], line: str) -> bool:
    """Whether a line belongs to the paragraph above it: not where a page cut a task and the line names bodies only."""
    if not paragraphs or paragraphs[-1].ended:
        return False
    above = paragraphs[-1].passage.text
    return not (_is_sentence(above) and not is_agency_list(above) and is_agency_list(line))


def _fragments(line: str, offset: int) -> list[tuple[Passage, bool]]:
    """The pieces of a printed line: usually one; two where a cell ends in the line and an agency follows it."""
    ended = line.endswith((" ", "\u3000"))
    middle = re.search(r"(?<=[。；;])[ \u3000]+(?=\S)", line)
    if middle and is_agency_list(squeeze(line[middle.end() :]).text):
        first = squeeze(line[: middle.start()], offset)
        return [(first, True), (squeeze(line[middle.end() :], offset + middle.end()), ended)]
    return [(squeeze(line, offset), ended)]


def _placed(row: _Row, kinds: list[str]) -> list[Piece | None]:
    """Put the paragraphs of a row into its columns by what they look like; a column without one is merged.

    Categories fill their columns from the right, since the wider ones on the left are those that are merged. After
    the task come the agencies and the remark, of which empty ones print a blank.
    """
    cells: list[Piece | None] = [None] * len(kinds)
    cells[0] = Piece(EMPTY, str(row.serial))
    texts = [paragraph.passage for paragraph in row.paragraphs]
    task = next((n for n, kind in enumerate(kinds) if kind == TASK), None)
    before = [n for n in range(1, len(kinds)) if task is None or n < task]
    after = [n for n in range(1, len(kinds)) if n not in before and n != task]
    last = len(texts)
    while last > 0 and (not texts[last - 1].text or is_agency_list(texts[last - 1].text)):
        last -= 1
    first = 0
    # Where there is a column for the task, one paragraph is left for it, however short.
    most = min(len(before), last - 1 if task is not None else last)
    while first < most and texts[first].text and not _is_sentence(texts[first].text):
        first += 1
    for column, passage in zip(before[len(before) - first :], texts[:first], strict=True):
        cells[column] = Piece(passage)
    if task is not None and last > first:
        cells[task] = Piece(_joined(texts[first:last]))
    tail = texts[last:]
    if tail and not tail[-1].text and after and kinds[after[-1]] == REMARK:
        cells[after.pop()] = Piece(EMPTY)
        tail = tail[:-1]
    elif len(tail) < len(after) and after and kinds[after[-1]] == REMARK:
        after = after[:-1]
    for column, passage in zip(
        after[len(after) - len(tail) :] if tail else [], tail[: len(after)], strict=False
    ):
        cells[column] = Piece(passage)
    return cells


def _is_sentence(text: str) -> bool:
    return bool(re.search(r"[。；;，]|\d", text.rstrip("。"))) or len(text) > 30


def _joined(passages: list[Passage]) -> Passage:
    whole = EMPTY
    for passage in passages:
        whole = whole + passage if whole.text else passage
    return whole


def _carried(rows: list[list[Piece | None]], kinds: list[str]) -> list[list[Piece | None]]:
    """A merged cell cut by rows: a list that stops at a comma goes on in the next row, and is one cell for both."""
    for above, below in pairwise(rows):
        for n, kind in enumerate(kinds):
            first, second = above[n], below[n]
            if kind in AGENCY and first and second and first.text.endswith(("、", "，")) and second.text:
                above[n] = Piece(first.passage + second.passage)
                below[n] = None
    return rows
