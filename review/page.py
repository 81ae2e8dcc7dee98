"""The review page: the whole text with what was read from it highlighted, linked both ways with the list of items.

One self-contained HTML file: no request to anywhere, readable without scripts, printable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined

from graph.errors import BadInput
from graph.record import Action, Assignment, NonTarget, Target
from ontology.vocabulary import load_vocabularies
from review.plans import MarkKind, Piece, ReviewedPlan, Row, marks, pieces
from review.words import Words
from review.worksheet import agencies, counts


@dataclass(frozen=True)
class Entry:
    """An item in the list: its number, what it is called, what is said of it, who reviewed it."""

    id: str
    kind: MarkKind
    title: str
    said: str
    path: str
    quote: str
    review: str
    linked: bool


def render_page(plan: ReviewedPlan, words: Words) -> str:
    """The page of a plan as one HTML document."""
    folder = files("review") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,  # the texts of plans hold angle brackets of their own
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = marks(plan)
    linked = {mark.id for mark in found}
    entries = list(_entries(plan, words, linked))
    cut: list[Piece] = list(pieces(plan.text, found)) if plan.text is not None else []
    return environment.get_template("review.html").render(
        plan=plan,
        pieces=cut,
        groups=[
            # What was missed comes first: it is what a reviewer is there for.
            (kinds, [entry for entry in entries if entry.id[0] in letters])
            for kinds, letters in (
                (("missed",), "X"),
                (("target", "cited_target"), "TC"),
                (("task", "agency"), "A"),
                (("non_target",), "N"),
            )
        ],
        kinds=("target", "cited_target", "task", "agency", "non_target", "missed"),
        failed=[(one, words("idle", problem.reason)) for one, problem in plan.applied.failed],
        counts=counts(plan),
        say=words,
    )


def write_page(plan: ReviewedPlan, file: Path, words: Words) -> None:
    """Write the page. Raises BadInput where the file cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair, which a damaged file may hold, is no character.
        file.write_text(render_page(plan, words), encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(f"{file}: cannot be written: {error.strerror}; choose another --out") from error


def _entries(plan: ReviewedPlan, words: Words, linked: set[str]) -> Iterator[Entry]:
    for row in plan.rows:
        item = row.item
        review = item.review if item else None
        told = (
            words(
                "page",
                "reviewed",
                status=words.label("review-status", review.status),
                by=review.by,
                date=review.date.isoformat(),
            )
            if review
            else ""
        )
        path = row.at.path if row.missed else str(getattr(item, "path", row.at.path))
        kind, title, said, quote = _said(row, plan, words)
        yield Entry(row.id, kind, title, said, path, quote, told, row.id in linked)


def _said(row: Row, plan: ReviewedPlan, words: Words) -> tuple[MarkKind, str, str, str]:
    """Kind, name, statement and quotation of an item."""
    item = row.item
    if isinstance(item, Target):
        kind: MarkKind = "cited_target" if row.what == "cited_target" else "target"
        return kind, item.indicator, statement(item, words), item.quote
    if isinstance(item, Action):
        return "task", item.title, agencies(item.assignments, words), ""
    if isinstance(item, Assignment):
        return "agency", item.agency, words.label("role", item.role), ""
    if isinstance(item, NonTarget):
        printed = plan.text[slice(*item.span)] if plan.text and item.span else item.text
        return "non_target", "".join(printed.split()), words("verdict", item.reason), item.text
    assert row.missed
    return "missed", row.missed.figure.printed, words("verdict", "missed"), row.missed.sentence


def statement(target: Target, words: Words) -> str:
    """不低于 25% · 增长率 · 2023→2027: what a target asks, in short."""
    symbols = {c.value("symbol"): c.key for c in load_vocabularies().scheme("comparator")}
    asked = words.label("comparator", symbols[target.comparator])
    if target.comparator == "qualitative":
        parts = [asked, target.value_text or ""]
    else:
        printed = target.value_text or f"{target.value}{target.unit or ''}"
        parts = [f"{asked} {printed}", words.label("measure", target.measure)]
    years = "→".join(str(year) for year in (target.baseline_year, target.target_year) if year)
    return " · ".join(part for part in (*parts, years, target.scope or "") if part)
