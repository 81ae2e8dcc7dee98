"""A plan as a reviewer sees it: its items with a number each, and the figures that nothing accounts for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Literal

from graph import figures
from graph.catalog import DocumentEntry, read_corpus
from graph.corrections import At, Correction, Item, What, load_corrections
from graph.errors import NotFound
from graph.extraction import extract
from graph.linking import link
from graph.outline import blocks
from graph.patching import Applied, apply_corrections, places
from graph.quotes import fold
from graph.reading import Passage, read_source
from graph.record import Action, PlanRecord, Span, Target, load_record
from graph.sources import Source

_STOPS = "。；！？;!?"
_DATE = re.compile(r"\d{1,2}月(?:\d{1,2}日)?(?:[至到—–-]\d{1,2}日)?")


@dataclass(frozen=True)
class Missed:
    """A figure with a unit that no item of the record accounts for; ``sentence`` is what it stands in."""

    figure: figures.Figure
    span: Span
    sentence: str
    sentence_span: Span
    path: str


@dataclass(frozen=True)
class Row:
    """An item with the number by which worksheet and page name it: T3, its second agency T3.2; C cited, A tasks,
    N figures that are no targets, X figures that were missed."""

    id: str
    what: What
    item: Item | None
    at: At
    host: Item | None = None
    missed: Missed | None = None
    added: bool = False

    @property
    def span(self) -> Span | None:
        """Where it stands in the text."""
        return self.missed.span if self.missed else self.item.span if self.item else None


@dataclass
class ReviewedPlan:
    """A plan read and corrected. ``read`` is the record before corrections; ``text`` is None for one made by hand."""

    slug: str
    file: Path
    corrections_file: Path
    text: str | None
    read: PlanRecord
    record: PlanRecord
    corrections: list[Correction]
    applied: Applied
    rows: list[Row] = field(default_factory=list)

    def of(self, *kinds: What) -> list[Row]:
        """The rows of some kinds, without the missed figures."""
        return [row for row in self.rows if row.what in kinds and row.missed is None]

    @property
    def missed(self) -> list[Row]:
        """The figures that nothing accounts for."""
        return [row for row in self.rows if row.missed is not None]


def open_plan(name: str, plans: Path) -> ReviewedPlan:
    """A plan by its file, or by its slug in the folder ``plans``; its corrections stand in ``corrections/`` there.

    Raises NotFound where there is no such file or slug, BadInput where the file or its corrections cannot be read.
    """
    path, entry = Path(name), None
    if path.is_file():
        folder = path.parent.parent if path.parent.name == "records" else path.parent
        if (folder / "catalog.yaml").exists():
            corpus = read_corpus(folder)
            entry = next((one for file, one in corpus.documents if file.name == path.name), None)
    else:
        folder, corpus = plans, read_corpus(plans)
        known: dict[str, tuple[Path, DocumentEntry | None]] = {p.stem: (p, e) for p, e in corpus.documents}
        known |= {p.stem: (p, None) for p in corpus.records}
        if name not in known:
            raise NotFound(
                f"{name}: no such file, and no plan of {plans}; its plans are: {', '.join(known)}",
                allowed=tuple(known),
            )
        path, entry = known[name]
    corrections_file = folder / "corrections" / f"{path.stem}.yaml"
    corrections = load_corrections(corrections_file)
    source: Source | None = None
    if path.suffix == ".yaml":
        read = load_record(path)
    else:
        source = read_source(path)
        read = extract(source.text, path.stem, entry.code if entry else None, grids=source.grids)
    record = read.model_copy(deep=True)
    text = source.text if source else None
    applied = apply_corrections(record, corrections, text)
    plan = ReviewedPlan(path.stem, path, corrections_file, text, read, link(record), corrections, applied)
    plan.rows = [*_rows(plan), *_missed_rows(plan)]
    return plan


def _rows(plan: ReviewedPlan) -> Iterator[Row]:
    letters = {"target": "T", "cited_target": "C", "action": "A", "non_target": "N"}
    counts: dict[str, int] = {}
    host: Row | None = None
    for what, item, at in places(plan.record, plan.applied.entries):
        letter = f"{host.id}." if what == "assignment" and host else letters.get(what, "")
        counts[letter] = counts.get(letter, 0) + 1
        above = host.item if what == "assignment" and host else None
        row = Row(f"{letter}{counts[letter]}", what, item, at, above, added=id(item) in plan.applied.made)
        if what != "assignment":
            host = row
        yield row


def _missed_rows(plan: ReviewedPlan) -> Iterator[Row]:
    for number, one in enumerate(missed_figures(plan.text, plan.record) if plan.text else (), 1):
        at = At(path=one.path, quote=one.sentence)
        yield Row(f"X{number}", "non_target", None, at, missed=one)


def missed_figures(text: str, record: PlanRecord) -> Iterator[Missed]:
    """The figures with a unit that are neither a value of a target nor a recorded non-target, in reading order."""
    targets: list[Target] = [*record.targets, *record.cited_targets]
    spans = [one.span for one in record.non_targets]
    for others in (
        record.adjustments,
        record.stated_counts,
        record.tables,
        record.mechanisms,
        record.deliverables,
        record.stages,
    ):
        spans += [one.span for one in others]
    taken = sorted(span for span in spans if span)
    for block in blocks(text):
        dates = [match.span() for match in _DATE.finditer(block.text)]
        for figure in figures.find(block.text):
            number = figure.kind in {"date", "ordinal", "document"}
            if number or any(start <= figure.start < end for start, end in dates):
                continue
            span = block.span(figure.start, figure.end)
            if any(start < span[1] and span[0] < end for start, end in taken):
                continue
            if any(_is_value(target, figure, span) for target in targets):
                continue
            start, end = _sentence(block, figure.start, figure.end)
            held = [(p.span[0], p.path) for p in record.provisions if p.span and p.span[0] <= span[0]]
            yield Missed(
                figure, span, block.text[start:end], block.span(start, end), max(held, default=(0, ""))[1]
            )


def _is_value(target: Target, figure: figures.Figure, span: Span) -> bool:
    # By where the figure begins: a comparator word (25%以上) may stand behind the quote.
    if target.span is None or not target.span[0] <= span[0] < target.span[1]:
        return False
    printed = fold(target.value_text or "")
    return figure.value in (target.value, target.value_max) or bool(
        printed and printed in fold(figure.printed)
    )


def sentence_at(text: str, span: Span) -> str:
    """The sentence in which a span begins, without the breaks of page layout."""
    for block in blocks(text):
        if block.at[0] <= span[0] <= block.at[-1]:
            start = bisect_left(block.at, span[0])
            return block.text[slice(*_sentence(block, start, max(start, bisect_left(block.at, span[1]))))]
    return text[slice(*span)]


def _sentence(block: Passage, start: int, end: int) -> tuple[int, int]:
    """The sentence round characters ``start`` … ``end`` of a paragraph, without its full stop."""
    first = max(block.text.rfind(stop, 0, start) for stop in _STOPS) + 1
    ends = [place for stop in _STOPS if (place := block.text.find(stop, end)) >= 0]
    return first, min(ends, default=len(block))


MarkKind = Literal["target", "cited_target", "task", "agency", "non_target", "missed"]


@dataclass(frozen=True)
class Mark:
    """A stretch of the text that an item rests on."""

    span: Span
    kind: MarkKind
    id: str


def marks(plan: ReviewedPlan) -> list[Mark]:
    """What to highlight in the text: of a task its heading, of everything else its span."""
    headings = {p.path: p.span for p in plan.record.provisions if p.span}
    found: list[Mark] = []
    for row in plan.rows:
        span, kind = row.span, _mark_kind(row)
        if isinstance(row.item, Action):
            span = headings.get(row.item.path, span)
        if span:
            found.append(Mark(span, kind, row.id))
    return found


def _mark_kind(row: Row) -> MarkKind:
    if row.missed:
        return "missed"
    kinds: dict[What, MarkKind] = {
        "target": "target",
        "cited_target": "cited_target",
        "action": "task",
        "assignment": "agency",
        "non_target": "non_target",
    }
    return kinds[row.what]


@dataclass(frozen=True)
class Piece:
    """A stretch of text with every mark that covers it, the shortest first."""

    text: str
    marks: tuple[Mark, ...]
    starts: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The text with runs of empty lines shortened to one: only the layout of the file had them."""
        return re.sub(r"\n(?:[ \t\u3000]*\n){2,}", "\n\n", self.text)


def pieces(text: str, found: Sequence[Mark]) -> Iterator[Piece]:
    """Cut a text at the ends of its marks, so that marks may overlap in any way; ``starts`` are those that begin."""
    cuts = sorted({0, len(text), *(place for mark in found for place in mark.span)})
    waiting = sorted(found, key=lambda mark: mark.span)
    live: list[Mark] = []
    for start, end in pairwise(cuts):
        live = [mark for mark in live if mark.span[1] > start]
        begun: list[str] = []
        while waiting and waiting[0].span[0] == start:
            begun.append(waiting[0].id)
            live.append(waiting.pop(0))
        covering = sorted(live, key=lambda mark: mark.span[1] - mark.span[0])
        yield Piece(text[start:end], tuple(covering), tuple(begun))
