"""Annexes: find the tables behind the plan's text and read each of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from graph.outline import Part
from graph.reading import squeeze
from graph.record import PlanRecord
from graph.sources import Grid
from graph.tables import RawTable, TableReader, column_kind, from_grid
from graph.text_tables import text_table

_LABEL = re.compile(r"附(?:件|表|录)[\d一二三四五六七八九十]{0,3}")


def read_annexes(
    record: PlanRecord, text: str, found: Sequence[Part], grids: Sequence[Grid], first_year: int | None
) -> None:
    """Read every table of the annexes into the record; tables that the file marks go before those told by print."""
    starts = [_start(part) for part in found] + [len(text)]
    for part, (start, end) in zip(found, pairwise(starts), strict=True):
        if part.kind != "annex":
            continue
        inside = [grid for grid in grids if start <= grid.span[0] < end]
        raws: list[tuple[int, RawTable | None]] = [(grid.span[0], from_grid(grid, text)) for grid in inside]
        if not raws:
            raws = [(start, text_table(text, start, end))]
        for place, raw in raws:
            if raw is not None:
                label, title = _heading(text, start, place, end)
                TableReader(record, label, title, raw, first_year).read()


def _start(part: Part) -> int:
    blocks = [block for block in (part.title, *part.blocks) if block.text]
    return min(block.at[0] for block in blocks) if blocks else 0


def _heading(text: str, start: int, place: int, end: int) -> tuple[str, str]:
    """The annex's label as printed (附件2) and the title of its table: the lines before the table's header."""
    before = squeeze(text[max(0, start - 40) : start]).text
    lines = [squeeze(line).text for line in text[start : place if place > start else end].split("\n")[:12]]
    label = next((match.group() for line in lines[:2] if (match := _LABEL.match(line))), "")
    if not label and (marks := _LABEL.findall(before)):
        label = marks[-1]
    title = ""
    for raw, line in zip(text[start:end].split("\n")[:12], lines, strict=False):
        words = raw.split()
        if "\t" in raw or (len(words) >= 3 and column_kind(words[0]) == "serial"):
            break
        rest = _LABEL.sub("", line, count=1).lstrip(":：") if _LABEL.match(line) else line
        title += rest
    return label or "附件", title
