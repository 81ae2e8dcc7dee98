"""Tables of PDF pages: cells between strokes to rows and columns, pieces on following pages to one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graph.source_text import RawCell

_NEAR = 4.0  # points: strokes that are nearer than this are one


@dataclass
class TableCell:
    """A cell on its page: text, and its edges in points from the left and the top of the page."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float


@dataclass
class PageTable:
    """The piece of a table that stands on one page."""

    page: int
    cells: list[TableCell]

    @property
    def top(self) -> float:
        """The upper edge, in points from the top of the page."""
        return min(cell.top for cell in self.cells)

    @property
    def sides(self) -> tuple[float, float]:
        """The left and right edges, in points."""
        return min(cell.x0 for cell in self.cells), max(cell.x1 for cell in self.cells)

    @property
    def is_table(self) -> bool:
        """Whether there are columns: a frame around text is no table."""
        return len(_edges(cell.x0 for cell in self.cells)) >= 2 and len(self.cells) >= 3

    def continues(self, other: PageTable) -> bool:
        """Whether this piece, first on its page, has the sides and the columns of another."""
        if any(abs(a - b) > _NEAR for a, b in zip(self.sides, other.sides, strict=True)):
            return False
        mine, its = _edges(cell.x0 for cell in self.cells), _edges(cell.x0 for cell in other.cells)
        few, many = sorted((mine, its), key=len)
        return all(any(abs(a - b) <= _NEAR for b in many) for a in few)


def joined(pieces: Sequence[PageTable]) -> list[RawCell]:
    """The cells of a table in rows and columns, its pieces put together as if no page had ended.

    The header that is printed again is dropped. A row that a page break cut is one row: its second part begins with
    an empty cell in a column that has no merged cells. A merged cell goes on where its column begins empty.
    """
    columns = _edges(cell.x0 for piece in pieces for cell in piece.cells)
    right = max(cell.x1 for piece in pieces for cell in piece.cells)
    rows: list[list[RawCell]] = []
    for piece in pieces:
        found = _rows(piece, [*columns, right])
        if rows:
            found = _without_header(found, rows)
            _append(rows, found)
        else:
            rows = found
    return [cell for row in rows for cell in row]


def _edges(places: Iterator[float] | Sequence[float]) -> list[float]:
    """Places in order, near ones taken as one."""
    found: list[float] = []
    for place in sorted(places):
        if not found or place - found[-1] > _NEAR:
            found.append(place)
    return found


def _at(edges: Sequence[float], place: float) -> int:
    return min(range(len(edges)), key=lambda at: abs(edges[at] - place))


def _rows(piece: PageTable, columns: Sequence[float]) -> list[list[RawCell]]:
    """The cells of a piece by row, numbered from 0."""
    lines = _edges([edge for cell in piece.cells for edge in (cell.top, cell.bottom)])
    rows: list[list[RawCell]] = [[] for _ in lines[:-1] or [0]]
    for cell in piece.cells:
        row, below = _at(lines, cell.top), _at(lines, cell.bottom)
        column, beyond = _at(columns, cell.x0), _at(columns, cell.x1)
        row = min(row, len(rows) - 1)
        rows[row].append(RawCell(cell.text, row, column, max(1, below - row), max(1, beyond - column)))
    for found in rows:
        found.sort(key=lambda one: one.column)
    return rows


def _without_header(found: list[list[RawCell]], rows: list[list[RawCell]]) -> list[list[RawCell]]:
    """The rows of a piece without those that repeat the first rows of the table."""

    def wording(some: Sequence[list[RawCell]]) -> list[tuple[str, int]]:
        return [("".join(cell.text.split()), cell.column) for row in some for cell in row]

    for count in range(min(3, len(found), len(rows)), 0, -1):
        if any(text for text, _ in wording(rows[:count])) and wording(found[:count]) == wording(rows[:count]):
            return found[count:]
    return found


def _append(rows: list[list[RawCell]], found: list[list[RawCell]]) -> None:
    """Add the rows of a further piece below, numbered on."""
    if not found:
        return
    first_number = min((cell.row for row in found for cell in row), default=0)
    merged = {cell.column for row in rows + found for cell in row if cell.rows > 1 and cell.columns == 1}
    open_cells: dict[
        int, tuple[int, int]
    ] = {}  # the column of the lowest cells → their places among the rows
    height = len(rows)
    for at, row in enumerate(rows):
        for place, cell in enumerate(row):
            if cell.row + cell.rows >= height:
                open_cells[cell.column] = (at, place)
    first = found[0]
    widths = {column: rows[at][place].columns for column, (at, place) in open_cells.items()}
    # The second row of a header parts the cells above it; the rest of a row has the same cells as the row.
    same = all(widths.get(cell.column, cell.columns) == cell.columns for cell in first)
    cut = same and _is_cut(first, rows, merged)
    base = height - 1 if cut else height
    for number, row in enumerate(found):
        kept: list[RawCell] = []
        for cell in row:
            moved = replace(cell, row=cell.row - first_number + base)
            above = open_cells.get(cell.column)
            top = rows[above[0]][above[1]] if above else None
            rest = cut and number == 0
            # A merged cell that goes on is empty; so is an empty cell that is its own. Two cells of one row are two.
            goes_on = number <= cut and not cell.text and cell.column in merged
            if (
                above
                and top
                and (
                    rest or (goes_on and top.row + top.rows == moved.row and (top.rows > 1 or cell.rows > 1))
                )
            ):
                text = "\n".join(filter(None, (top.text, cell.text)))
                rows[above[0]][above[1]] = replace(
                    top, text=text, rows=max(top.rows, moved.row + cell.rows - top.row)
                )
            else:
                kept.append(moved)
        if number == 0 and cut:
            rows[-1] += kept
        else:
            rows.append(kept)


def _is_cut(first: Sequence[RawCell], rows: Sequence[Sequence[RawCell]], merged: set[int]) -> bool:
    """Whether the first row of a piece is the rest of the last row of the piece before."""
    by_column = {cell.column: cell.text for cell in first}
    # The column of numbers decides where there is one: 序号, never empty and never merged.
    for column in sorted(by_column):
        if column in merged:
            continue
        texts = [cell.text for row in rows for cell in row if cell.column == column]
        if sum(1 for text in texts if text) >= 0.9 * len(texts):
            return not by_column[column]
    return False
