"""How the readers of Word, PDF and HTML files write down what they find: lines and tables into one `Source`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from graph.errors import BadInput
from graph.sources import Cell, Grid, Source

# Controls, halves of surrogate pairs and private characters (bullets of symbol fonts) mean nothing outside the file.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff]")
_BREAKS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_BLANKS = re.compile(r"[ \t\xa0\u3000\u2000-\u200b\ufeff]+")

MOST_PLACES = 200_000  # rows times columns


@dataclass(frozen=True)
class RawCell:
    """A cell before it has a place in the text: its text, where it begins, and how far it is merged."""

    text: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1


def clean(text: str) -> str:
    """Text without what only its file needed: controls out, runs of blanks to one, no empty lines."""
    text = _NO_TEXT.sub("", _BREAKS.sub("\n", text))
    lines = (_BLANKS.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


class SourceText:
    """The text of a document as it grows, with the tables in it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._grids: list[Grid] = []
        self.notes: list[str] = []

    def line(self, text: str) -> None:
        """Add a paragraph or a line of one; nothing where it has no text."""
        text = clean(text)
        if text:
            self._put(text)
            self._put("\n")

    def table(self, cells: Iterable[RawCell]) -> None:
        """Add a table: a line a row, its cells parted by tabs, each cell with its span.

        A frame of one row or of one column is no table: its cells are lines like any other. Nor is one of more places
        than any table of a plan has: laid out in rows and columns, it would fill the memory.
        """
        found = [
            RawCell(clean(cell.text), cell.row, cell.column, cell.rows, cell.columns)
            for cell in sorted(cells, key=lambda one: (one.row, one.column))
        ]
        filled = [cell for cell in found if cell.text]
        rows = max((cell.row + cell.rows for cell in found), default=0)
        columns = max((cell.column + cell.columns for cell in found), default=0)
        if (
            rows * columns > MOST_PLACES
            or len({cell.row for cell in filled}) < 2
            or len({cell.column for cell in filled}) < 2
        ):
            for cell in filled:
                self.line(cell.text)
            return
        start = self._length
        placed: list[Cell] = []
        row = found[0].row
        for cell in found:
            if cell.row != row:
                self._put("\n")
                row = cell.row
            elif placed:
                self._put("\t")
            span = (self._length, self._length + len(cell.text)) if cell.text else None
            self._put(cell.text)
            placed.append(Cell(cell.text, cell.row, cell.column, cell.rows, cell.columns, span))
        self._grids.append(Grid(tuple(placed), (start, self._length)))
        self._put("\n")

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    def source(self, form: str, name: str) -> Source:
        """What was written. Raises BadInput where there was no text."""
        text = self.text
        if not text.strip():
            raise BadInput(f"{name}: holds no text; a plan document has text")
        return Source(text, form, tuple(self._grids), tuple(self.notes))

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
