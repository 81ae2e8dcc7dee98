"""The rows of an annex, as the checks inside a plan read them: who is named in them, and where a cell stands in the text."""

from __future__ import annotations

import re

from graph.quotes import Words
from graph.record import Span, Table
from graph.tables import AGENCY, LEAD, column_kind


def bare(cell: str) -> str:
    """A cell without the marks around it."""
    return cell.strip("。；;，, ")


def names_in(cell: str) -> list[str]:
    """The names that a cell lists, without what stands in brackets."""
    plain = re.sub(r"[（(][^（()）]*[）)]|[（()）]", "", cell)
    return [name.removesuffix("等") for name in re.split("[、，,；;]", plain) if len(name) > 1]


def agency_cells(row: dict[str, str | None]) -> list[str]:
    """The cells of a row that name agencies."""
    return [cell for name, cell in row.items() if cell and column_kind(name) in AGENCY]


def row_agencies(row: dict[str, str | None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who leads by a row, and who else is responsible."""
    lead: list[str] = []
    others: list[str] = []
    for name, cell in row.items():
        kind = column_kind(name)
        if cell and kind in AGENCY:
            (lead if kind == LEAD else others).extend(names_in(cell))
    return tuple(lead), tuple(others)


def find(
    words: Words | None, quote: str, table: Table, row: dict[str, str | None] | None = None
) -> Span | None:
    """Where a cell's words stand in the kept text, inside their table and behind the longest cell of their row."""
    if words is None or not quote:
        return None
    found = words.find(quote, table.span)
    longest = max((cell for cell in (row or {}).values() if cell), key=len, default="")
    anchor = next(iter(words.find(longest, table.span)), None) if row else None
    behind = [span for span in found if anchor is None or span[0] >= anchor[0]]
    return next(iter(behind or found), None)
