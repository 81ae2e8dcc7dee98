"""The kept text of a plan, cut into paragraphs and tables, with what was read from it marked.

Marks nest as the spans of the record do. Each has the anchor that the end of its IRI gives
(``…/document/{slug}/target/3`` is ``#target-3``), so that a finding, a question or a programme can point at a sentence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, TypeAlias

from graph.outline import blocks
from graph.reading import Passage, squeeze
from graph.record import Action, Assignment, PlanRecord, Span, Target
from ontology import terms

MarkKind: TypeAlias = Literal["target", "cited", "task", "agency", "citation"]


@dataclass(frozen=True)
class Mark:
    """A stretch of the text that an item rests on.

    ``id`` is its anchor, ``also`` those of other items with the same span and of the span itself (``s-482-533``);
    ``row`` is the anchor of the item's row on the page.
    """

    span: Span
    kind: MarkKind
    id: str
    row: str
    also: tuple[str, ...] = ()


@dataclass
class Piece:
    """Plain text (``mark`` is None), or a mark around other pieces. ``first`` tells where a mark begins."""

    text: str = ""
    mark: Mark | None = None
    first: bool = True
    inside: list[Piece] = field(default_factory=list)


@dataclass
class Paragraph:
    """A line of the text. ``level`` is 1 to 6 where a numbered place begins here; ``whole`` where it is all heading."""

    pieces: list[Piece]
    id: str | None = None
    level: int = 0
    whole: bool = False


@dataclass
class TextTable:
    """Lines of an annex with cells; a cell is a list of pieces. Short rows (a heading over the table's width) stay so."""

    rows: list[list[list[Piece]]]


@dataclass(frozen=True)
class Heading:
    """A numbered place in the outline: its anchor, what it is called, how deep it stands (1 is the outermost)."""

    id: str
    text: str
    level: int


def anchor(iri: str) -> str:
    """The anchor of a thing in a document, from its IRI: ``target-3``, ``action-2.1.1``, ``action-2.1.1-assignment-1``."""
    return iri.removeprefix(str(terms.ID)).split("/", 2)[-1].replace("/", "-")


def action_anchors(record: PlanRecord) -> list[str]:
    """The anchors of a record's tasks, in their order. A number that stands twice gives two, as in the graph."""
    seen: dict[str, int] = {}
    found = []
    for action in record.actions:
        one = anchor(terms.action_iri(record.slug, action.path))
        seen[one] = seen.get(one, 0) + 1
        found.append(one if seen[one] == 1 else f"{one}-{seen[one]}")
    return found


def marks(text: str, record: PlanRecord) -> list[Mark]:
    """What is marked: of a task its heading and its agencies, of everything else its span."""
    found: list[Mark] = []
    for number, citation in enumerate(record.plan.cites, 1):
        if citation.span:
            found.append(Mark(citation.span, "citation", f"citation-{number}", f"row-citation-{number}"))
    for name, action in zip(action_anchors(record), record.actions, strict=True):
        found += _task(text, action, name)
    for kind, name, targets in (
        ("target", "target", record.targets),
        ("cited", "cited-target", record.cited_targets),
    ):
        found += _targets(kind, name, targets)  # type: ignore[arg-type]
    return _joined(found)


def _task(text: str, action: Action, name: str) -> Iterator[Mark]:
    if action.span:
        start, end = action.span
        at = text.find(action.title, start, end)
        if 0 <= at - start < 20:  # behind its number; where the title was squeezed, the anchor alone is kept
            yield Mark((start, at + len(action.title)), "task", name, f"row-{name}")
        else:
            yield Mark((start, min(start + 1, end)), "task", name, f"row-{name}")
    yield from _agencies(action.assignments, name)


def _agencies(assignments: Iterable[Assignment], name: str) -> Iterator[Mark]:
    for number, one in enumerate(assignments, 1):
        if one.span:
            yield Mark(one.span, "agency", f"{name}-assignment-{number}", f"row-{name}")


def _targets(kind: MarkKind, name: str, targets: Sequence[Target]) -> Iterator[Mark]:
    for number, target in enumerate(targets, 1):
        if target.span:
            yield Mark(target.span, kind, f"{name}-{number}", f"row-{name}-{number}")
        yield from _agencies(target.assignments, f"{name}-{number}")


def _joined(found: list[Mark]) -> list[Mark]:
    """One mark a span and kind: two values of one sentence, an agency named for a task and its target."""
    found.sort(key=lambda mark: (mark.span[0], -mark.span[1]))
    joined = []
    for (start, end), same in groupby(found, key=lambda mark: mark.span):
        first, *others = same
        also = dict.fromkeys([*(one.id for one in others), f"s-{start}-{end}"])
        joined.append(Mark(first.span, first.kind, first.id, first.row, tuple(also)))
    return joined


def outline(record: PlanRecord) -> list[Heading]:
    """The numbered places, in reading order."""
    return [
        Heading(
            anchor(terms.provision_iri(record.slug, one.path)),
            f"{one.path.rpartition('/')[2]} {one.heading}",
            one.path.count("/") + 1,
        )
        for one in record.provisions
        if one.span
    ]


def marked(text: str, record: PlanRecord) -> list[Paragraph | TextTable]:
    """The text as paragraphs and tables, with its marks; the line breaks of page layout are joined."""
    cutter = _Cutter(marks(text, record))
    headings = {one.span[0]: one for one in record.provisions if one.span}
    tables = list(_tables(text))
    spans = [span for span, _ in tables]
    parts: list[tuple[int, Passage | list[list[Passage]]]] = [
        *((one.at[0], one) for one in blocks(text, spans)),
        *((span[0], rows) for span, rows in tables),
    ]
    found: list[Paragraph | TextTable] = []
    for _, part in sorted(parts, key=lambda one: one[0]):
        if isinstance(part, list):
            found.append(TextTable([[cutter.cut(cell) for cell in row] for row in part]))
            continue
        begun = next((headings[place] for place in part.at if place in headings), None)
        one = Paragraph(cutter.cut(part))
        if begun is not None:
            one.id = anchor(terms.provision_iri(record.slug, begun.path))
            one.level = min(begun.path.count("/") + 1, 6)
            one.whole = len(part) <= len(begun.heading) + 8
        found.append(one)
    return found


def _tables(text: str) -> Iterator[tuple[Span, list[list[Passage]]]]:
    """Runs of lines whose cells are parted by tabs."""
    start, first, rows = 0, 0, list[list[Passage]]()
    for line in text.split("\n"):
        if "\t" in line:
            first = first if rows else start
            at, row = start, []
            for cell in line.split("\t"):
                row.append(squeeze(cell, at))
                at += len(cell) + 1
            rows.append(row)
        elif rows:
            yield (first, start - 1), rows
            rows = []
        start += len(line) + 1
    if rows:
        yield (first, start - 1), rows


class _Cutter:
    """Cuts passages into nested pieces. They come in reading order, so each mark is looked at a few times only."""

    def __init__(self, found: list[Mark]) -> None:
        self.waiting = found
        self.open: list[Mark] = []
        self.next = 0

    def cut(self, passage: Passage) -> list[Piece]:
        """The pieces of a passage that begins where the last one ended, or later."""
        if not passage.at:
            return []
        start, end = passage.span()
        while self.next < len(self.waiting) and self.waiting[self.next].span[0] < end:
            self.open.append(self.waiting[self.next])
            self.next += 1
        self.open = [mark for mark in self.open if mark.span[1] > start]
        return self._nest(passage, 0, len(passage), self.open)

    def _nest(self, passage: Passage, at: int, end: int, found: Sequence[Mark]) -> list[Piece]:
        """Characters ``at`` to ``end`` of the passage; a mark that crosses the end of another goes on behind it."""
        pieces: list[Piece] = []
        while found:
            mark, found = found[0], found[1:]
            first = max(bisect_left(passage.at, mark.span[0]), at)
            last = min(bisect_left(passage.at, mark.span[1]), end)
            if first >= last:
                continue
            if first > at:
                pieces.append(Piece(passage.text[at:first]))
            inside = self._nest(passage, first, last, found)
            pieces.append(Piece(mark=mark, first=mark.span[0] >= passage.at[first], inside=inside))
            at = last
        if at < end:
            pieces.append(Piece(passage.text[at:end]))
        return pieces
