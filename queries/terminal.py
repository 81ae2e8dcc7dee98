"""A table for a terminal, where a full-width character takes two columns."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from queries.tables import Cell, Table

_NARROWEST = 12  # columns of the terminal that a column of long text needs to be readable
_GAP = 2  # spaces between columns


@dataclass(frozen=True)
class _Column:
    label: str
    cells: list[Cell | None]

    @property
    def texts(self) -> list[str]:
        return [cell.text if cell else "" for cell in self.cells]

    @property
    def is_iri(self) -> bool:
        return all(cell is None or cell.kind == "uri" for cell in self.cells)

    @property
    def is_number(self) -> bool:
        return all(cell is None or isinstance(cell.value, int | float) for cell in self.cells)

    @property
    def need(self) -> int:
        widest = max(cell_len(text) for text in self.texts)
        return max(cell_len(self.label), min(widest, _NARROWEST))


def as_text(table: Table, header: Sequence[str] | None = None, *, width: int = 110, iris: bool = True) -> str:
    """The table for ``width`` columns of a terminal.

    Empty columns are left out, and what is the same in every row is said once, above. Where the rest does not fit
    side by side, each row becomes a block of lines. ``iris=False`` leaves out columns of IRIs.
    """
    if not table.rows:
        return "–\n"
    labels = header or table.names
    columns = [
        _Column(label, [row[at] for row in table.rows]) for at, label in enumerate(labels)
    ]  # as many labels as names: both come from one query
    columns = [one for one in columns if any(one.cells) and (iris or not one.is_iri)]
    same = [one for one in columns if len(table.rows) > 1 and len(set(one.texts)) == 1]
    rest = [one for one in columns if one not in same]
    above = "".join(f"{one.label}: {one.texts[0]}\n" for one in same) + ("\n" if same else "")
    if sum(one.need + _GAP for one in rest) <= width:
        return above + _grid(rest, width)
    return above + "\n".join(_blocks(rest, len(table.rows), width))


def _grid(columns: Sequence[_Column], width: int) -> str:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column in columns:
        grid.add_column(
            column.label,
            overflow="fold",
            justify="right" if column.is_number else "left",
        )
    for row in zip(*(column.texts for column in columns), strict=True):
        grid.add_row(*(Text(text) for text in row))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(grid)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def _blocks(columns: Sequence[_Column], rows: int, width: int) -> Iterator[str]:
    indent = max(cell_len(column.label) for column in columns) + _GAP
    for number in range(rows):
        lines = []
        for column in columns:
            if text := column.texts[number]:
                label = column.label + " " * (indent - cell_len(column.label))
                folded = _fold(text, max(_NARROWEST, width - indent))
                lines += [label + folded[0], *(" " * indent + line for line in folded[1:])]
        yield "\n".join(lines) + "\n"


def _fold(text: str, width: int) -> list[str]:
    lines, line, used = [], "", 0
    for character in text:
        wide = cell_len(character)
        if used + wide > width or character == "\n":
            lines.append(line)
            line, used = "", 0
        if character != "\n":
            line, used = line + character, used + wide
    return [*lines, line]
