"""What a document is once it is read from its file: one text, and the tables that the file itself marks as tables.

Every form (plain text, Word, PDF, HTML) ends here; nothing behind this module knows which it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graph.record import Span


@dataclass(frozen=True)
class Cell:
    """A cell of a grid: its text, where it begins (row and column from 0), how far it is merged, and its span."""

    text: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1
    span: Span | None = None


@dataclass(frozen=True)
class Grid:
    """A table of a file. A merged cell stands once; a place without a cell is an empty cell.

    ``span`` covers the table in the text, so that its cells are not read as paragraphs. A table that a page break
    cut is one grid.
    """

    cells: tuple[Cell, ...]
    span: Span

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return (
            max((cell.row + cell.rows for cell in self.cells), default=0),
            max((cell.column + cell.columns for cell in self.cells), default=0),
        )


@dataclass(frozen=True)
class Source:
    """A document read: the text that every span points into, its tables, and what the reader wants to tell.

    ``notes`` are sentences for the user (pages without text, a list whose numbers could not be worked out).
    """

    text: str
    form: str = "txt"
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = field(default=())
