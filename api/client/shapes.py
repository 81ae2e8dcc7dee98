"""The keys of what the service answers in JSON. A test holds them against the service's own models."""

from __future__ import annotations

from typing import Any, TypedDict


class Plan(TypedDict):
    """A document, as in the list of plans."""

    slug: str
    iri: str
    title: str
    place: str
    code: str
    level: str
    rank: int
    number: str | None
    date: str | None
    status: str
    origin: str
    tasks: int
    targets: int


class PlanDetail(Plan):
    """A document with its counts, the line up to the national plan, and its record (None for one only cited)."""

    counts: dict[str, int]
    findings: dict[str, int]
    line: list[dict[str, Any]]
    record: dict[str, Any] | None


class Question(TypedDict):
    """A question: what it tells, what it needs, an example, and where it is asked."""

    name: str
    title: dict[str, str]
    description: dict[str, str]
    parameters: list[dict[str, Any]]
    answer: str
    columns: dict[str, dict[str, str]]
    example: dict[str, str]
    formats: list[str]
    path: str


class Place(TypedDict):
    code: str
    name: str


class Finding(TypedDict):
    """What does not agree, with both passages, a reason and a suggestion, each in ``zh`` and ``en``."""

    id: str
    rule: str
    outcome: str
    severity: str
    status: str
    place: Place | None
    document: str | None
    document_title: str | None
    indicator: str | None
    year: int | None
    lower: dict[str, Any] | None
    upper: dict[str, Any] | None
    ratio: float | None
    reason: dict[str, str]
    suggestion: dict[str, str]
    rests_on: str


class Marked(TypedDict):
    """A sentence or a name; ``marks`` are pairs of code-point offsets into it."""

    text: str
    marks: list[list[int]]


class SearchResult(TypedDict):
    """What was found, with its sentences."""

    kind: str
    iri: str
    label: Marked
    names: list[Marked]
    exact: bool
    document: dict[str, str] | None
    place: dict[str, str | None]
    path: str | None
    span: list[int] | None
    sentences: list[Marked]


class SearchAnswer(TypedDict):
    """One page of what was found, best first; ``count`` is of all of it."""

    words: list[str]
    count: int
    limit: int
    offset: int
    kinds: dict[str, int]
    levels: dict[str, int]
    results: list[SearchResult]


class Report(TypedDict):
    """The report on a draft: its findings and the summary; see docs/reports.md for the rest."""

    summary: dict[str, Any]
    findings: list[Finding]
