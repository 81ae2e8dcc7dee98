"""What a check inside a plan finds: two passages that do not agree, or one that does not agree with what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graph.record import Span, Target

CheckKind = Literal[
    "body_annex_value",
    "body_annex_agency",
    "later_below_earlier",
    "stated_count",
    "part_exceeds_whole",
    "agency_spelling",
    "list_coverage",
    "uncovered_tasks",
    "document_number",
    "cites_later",
]


@dataclass(frozen=True)
class Passage:
    """One passage that a check holds up: ``target`` is the number of the target that it is, where it is one.

    ``exact`` is what stands at the span, where that is not the quote. ``document`` is the slug of another document that
    it tells of, as of the one that a citation should name.
    """

    path: str
    quote: str
    span: Span | None = None
    value: Decimal | None = None
    unit: str | None = None
    target: int | None = None
    exact: str | None = None
    document: str | None = None


@dataclass(frozen=True)
class Check:
    """Something in one plan that does not agree with itself.

    ``only_first`` and ``only_second`` are names that one of the passages has and the other lacks; ``stated`` and
    ``counted`` are numbers; ``label`` is what the check is about, for people: a task, a name, a kind of item.
    """

    kind: CheckKind
    first: Passage
    second: Passage | None = None
    label: str | None = None
    concept: str | None = None
    year: int | None = None
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    stated: Decimal | None = None
    counted: Decimal | None = None
    units_differ: bool = False


def passage_of(number: int, target: Target) -> Passage:
    """A target as a passage, by its number from 1."""
    return Passage(target.path, target.quote, target.span, target.value, target.unit, number)
