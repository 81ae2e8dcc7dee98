"""Findings and the report of them: what an official needs to judge one by one, and a programme to filter."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from pydantic import Field

from graph.errors import NotFound
from graph.record import Model, Number
from shapes.facts import Place
from shapes.lines import Lines
from shapes.matrix import Matrix
from shapes.rules import Words
from shapes.validation import Severity

Day = date  # a field may be called date, and then its type needs another name
Status = Literal["open", "explained", "waived"]
STANDING: Final[dict[Status, int]] = {"open": 0, "explained": 1, "waived": 2}
GRAVITY: Final[dict[Severity, int]] = {"violation": 0, "warning": 1, "info": 2}
"""What findings are sorted by first: the open ones stand before the others, the gravest before the less grave."""


class Clause(Model):
    """One passage: a target, a claim about another level's target, or a task.

    ``document`` is the slug of the document that the passage binds. Where another document is our only witness,
    ``claimed_by`` is the slug of that one, and path and quote stand in it. ``span`` is the range of the passage in the kept
    text of the document that it stands in, in code points from 0, the end left out (null where no text is at hand); what
    stands there is the sentence or cell, of a task the whole task; ``lines`` tells the same in lines and columns. ``comparator`` is one of ``>= > = ~ < <= qualitative``; values are exact and in the base unit (10000 台), ``said`` tells them in words.
    Of a task, ``quote`` is the title and ``said`` lists the agencies. ``iri`` leads to the node in the graph.
    """

    document: str
    title: str
    number: str | None = None
    place: Place | None = None
    path: str
    quote: str
    span: tuple[int, int] | None = None
    lines: Lines | None = None
    comparator: str | None = None
    value: Number | None = None
    value_max: Number | None = None
    unit: str | None = None
    said: Words | None = None
    claimed_by: str | None = None
    claimed_by_title: str | None = None
    iri: str


class Source(Model):
    """The validation result behind a finding: IRIs, but ``value`` may be the text of a literal."""

    focus: str
    shape: str
    component: str | None = None
    path: str | None = None
    value: str | None = None


class Settlement(Model):
    """Why a finding is no longer open: what the text itself explains, or who accepted it.

    ``author``, ``date`` and ``expires`` (the first day on which it no longer holds) come from a waiver; ``quote``
    and ``document`` (a slug) from a text that explains.
    """

    reason: Words
    author: str | None = None
    date: Day | None = None
    expires: Day | None = None
    quote: str | None = None
    document: str | None = None


class Finding(Model):
    """One thing to look at.

    ``id`` is made from the content (rule, documents, indicator, year), so it is the same in each build.
    ``document`` is the slug of the document that was judged, ``indicator`` its Chinese name, ``year`` the target
    year. ``lower`` is null when the plan says nothing, ``upper`` when no upper level does; ``lower_all`` has every
    statement where a plan made several out of one, and ``lower`` is then the first. ``ratio`` is lower ÷ upper.
    ``rests_on`` is own_text, record, record_unverified or claim: the weaker of the two sides. ``arithmetic`` is the
    sum that shows the ratio (40%÷25%=1.6). ``settlement`` says why a finding is explained or waived.
    """

    id: str
    rule: str
    outcome: str
    severity: Severity
    status: Status = "open"
    place: Place | None
    document: str | None
    document_title: str | None
    indicator: str | None
    indicator_en: str | None = None
    indicator_iri: str | None = None
    year: int | None
    lower: Clause | None
    lower_all: list[Clause] | None = None
    upper: Clause | None
    ratio: Number | None
    reason: Words
    suggestion: Words
    rests_on: str
    arithmetic: Words | None = None
    settlement: Settlement | None = None
    source: Source

    @property
    def statements(self) -> list[Clause]:
        """Everything that the plan says in the matter."""
        return self.lower_all or ([self.lower] if self.lower else [])

    @property
    def is_own(self) -> bool:
        """Whether this is about a target that no upper level has."""
        return self.upper is None and self.lower is not None and self.lower.comparator is not None


class RuleNote(Model):
    """What a rule is called, why it is there and where it comes from.

    ``lower`` and ``upper`` are what its two passages are called, null for this plan and the upper level.
    """

    label: Words
    comment: Words | None = None
    source: Words | None = None
    lower: Words | None = None
    upper: Words | None = None


class CheckedDocument(Model):
    """A document that was judged: its findings by severity, its comparisons by outcome (equal included)."""

    slug: str
    title: str
    number: str | None
    place: Place | None
    origin: str
    findings: dict[Severity, int]
    comparisons: dict[str, int] = Field(default_factory=dict)


class Summary(Model):
    """Counts, those of the documents summed up. ``comparisons`` has those without a finding (equal) too.

    ``open`` counts by severity what is neither explained nor waived.
    """

    findings: int
    by_severity: dict[Severity, int]
    open: dict[Severity, int] = Field(default_factory=dict)
    by_outcome: dict[str, int]
    by_status: dict[Status, int]
    comparisons: dict[str, int]
    documents: list[CheckedDocument]


class Notice(Model):
    """Something that the reader of a report should know of the check itself, as of a waiver that has expired."""

    kind: str
    words: Words


Change = Literal["appears", "changes", "disappears"]


class Effect(Model):
    """What a draft changes in the report on a plan below it.

    ``before`` is the finding as it is, ``after`` as it would be with the draft; of what appears or disappears there is
    only one of them.
    """

    change: Change
    before: Finding | None = None
    after: Finding | None = None

    @property
    def finding(self) -> Finding:
        """The finding as it would be, or the one that would be gone."""
        found = self.after or self.before
        assert found is not None
        return found


class BelowDocument(Model):
    """A plan below a draft, or the one above it."""

    slug: str
    title: str
    place: Place | None


class Effects(Model):
    """What a draft would change for other plans.

    ``documents`` are those below it that were looked at, ``more`` of them were not; ``above`` is the plan above it, where
    the sums over its places exceed its own figures with the draft or without.
    """

    documents: list[BelowDocument]
    above: list[BelowDocument] = Field(default_factory=list)
    more: int = 0
    changes: list[Effect]

    def counts(self) -> dict[Change, int]:
        """How many changes there are of each kind."""
        counted = Counter(effect.change for effect in self.changes)
        return {change: counted[change] for change in ("appears", "changes", "disappears")}


class Report(Model):
    """All findings, gravest first, and notes on what they rest on and the rules that made them.

    What is explained or waived stands at the end. ``made`` is the day it was made. ``effects`` is what a draft would
    change for other plans; null where there are none, and of a report on plans. They are in no count.
    """

    made: date | None = None
    summary: Summary
    notices: list[Notice] = Field(default_factory=list)
    matrix: Matrix | None = None
    grounds: dict[str, Words] = Field(default_factory=dict)
    rules: dict[str, RuleNote]
    findings: list[Finding]
    effects: Effects | None = None

    def of_place(self, place: str) -> "Report":
        """Return the part of the report that is about one place, by its name or code.

        Raises:
            NotFound: no document of such a place was judged; ``allowed`` has the names that there are.
        """
        documents = [d for d in self.summary.documents if d.place and place in (d.place.code, d.place.name)]
        if not documents:
            known = sorted({d.place.name for d in self.summary.documents if d.place})
            raise NotFound(
                f"no plan of “{place}” was checked; the places are: {', '.join(known)}", allowed=known
            )
        slugs = {document.slug for document in documents}
        kept = [finding for finding in self.findings if finding.document in slugs]
        matrix = self.matrix.of_documents(slugs) if self.matrix else None
        return self.model_copy(
            update={"summary": summarize(documents, kept), "findings": kept, "matrix": matrix}
        )

    def with_findings(self, findings: Sequence[Finding]) -> "Report":
        """Return the report with these findings in the place of its own: what is settled last, and counted again."""
        ordered = sorted(findings, key=lambda one: (STANDING[one.status], GRAVITY[one.severity]))
        severities: defaultdict[str | None, Counter[Severity]] = defaultdict(Counter)
        for finding in ordered:
            severities[finding.document][finding.severity] += 1
        documents = [
            document.model_copy(
                update={"findings": {severity: severities[document.slug][severity] for severity in GRAVITY}}
            )
            for document in self.summary.documents
        ]
        return self.model_copy(update={"summary": summarize(documents, ordered), "findings": ordered})


def part_of_id(text: str) -> str:
    """A text as it stands in an identifier: letters, figures and hyphens, since the identifier, parts joined by dots, is
    also a file name, an anchor and a segment of an address."""
    return re.sub(r"\W+", "-", text).strip("-")


def summarize(documents: list[CheckedDocument], findings: Sequence[Finding]) -> Summary:
    """The counts of a report."""
    outcomes: Counter[str] = Counter()
    for document in documents:
        outcomes.update(document.comparisons)
    severities = Counter(finding.severity for finding in findings)
    opened = Counter(finding.severity for finding in findings if finding.status == "open")
    return Summary(
        findings=len(findings),
        by_severity={severity: severities[severity] for severity in GRAVITY},
        open={severity: opened[severity] for severity in GRAVITY},
        by_outcome=dict(Counter(finding.outcome for finding in findings)),
        by_status=dict(Counter(finding.status for finding in findings)),
        comparisons=dict(sorted(outcomes.items())),
        documents=documents,
    )
