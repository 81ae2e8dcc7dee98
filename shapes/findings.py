"""From validation results to findings: what an official needs to judge one by one, and a programme to filter.

A finding is made of one validation result and of what the graph holds about the node in question. Nothing is
judged here: which outcomes count, and how grave they are, stands in the shapes; so do the words.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import Field
from rdflib import Graph, URIRef
from rdflib.namespace import RDF, RDFS
from rdflib.term import Node

from graph.errors import NotFound
from graph.record import Model, Number
from ontology.terms import ID, ZM
from shapes.facts import Facts, Place
from shapes.lines import Lines, Texts
from shapes.matrix import Matrix, MatrixPart, assemble, matrix_part
from shapes.rules import LANGS, Lang, Rule, RuleBook, Words, fill
from shapes.validation import Result, Severity, ValidationResult, as_graph

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


@dataclass(frozen=True)
class Collected:
    """A report without its matrix; what each of its findings is sorted by; and the part of the matrix."""

    report: Report
    orders: list[tuple[Any, ...]]
    matrix: MatrixPart


def collect(
    result: ValidationResult, data: Graph, made: date | None = None, texts: Texts | None = None
) -> Report:
    """Return the findings of a validation, one for each result.

    Args:
        result: from :func:`shapes.validation.validate`.
        data: the graph that was validated, vocabularies included.
        made: the day to print on the report; None leaves it out, so that equal graphs give equal reports.
        texts: the texts that the documents were read from, for the lines of passages.

    Raises:
        ShapesError: the words beside a shape cannot be used.
    """
    found = collect_part(result, data, texts)
    return found.report.model_copy(update={"made": made, "matrix": assemble([found.matrix])})


def collect_part(result: ValidationResult, data: Graph, texts: Texts | None = None) -> Collected:
    """As :func:`collect`, with what it takes to put the reports on parts of a graph together."""
    facts, book = Facts(as_graph(data)), RuleBook(result.shapes)
    writer = _Writer(facts, book, texts or Texts())
    drafts = [
        ((STANDING[finding.status], *order), finding)
        for order, finding in (writer.draft(row) for row in result.results)
    ]
    drafts.sort(key=lambda draft: draft[0])
    findings = [finding for _, finding in drafts]
    _tell_apart(findings)
    rules = {finding.rule: book.rule(URIRef(finding.source.shape)) for finding in findings}
    report = Report(
        summary=summarize(_checked(facts, findings), findings),
        grounds={ground.key: ground.label for ground in book.grounds.values()},
        rules={
            name: RuleNote(
                label=rule.label, comment=rule.comment, source=rule.source, lower=rule.lower, upper=rule.upper
            )
            for name, rule in rules.items()
        },
        findings=findings,
    )
    return Collected(report, [order for order, _ in drafts], matrix_part(facts, _told(facts, findings)))


def _told(facts: Facts, findings: Sequence[Finding]) -> dict[str, str]:
    """The finding that tells of a comparison; of one that repeats a nearer level, the finding about that level."""
    told = {one.source.focus: one.id for one in findings}
    for comparison, nearer in facts.graph.subject_objects(ZM.repeats):
        if str(nearer) in told:
            told.setdefault(str(comparison), told[str(nearer)])
    return told


class _Writer:
    """Writes findings in the words of the shapes."""

    def __init__(self, facts: Facts, book: RuleBook, texts: Texts) -> None:
        self.facts = facts
        self.book = book
        self.texts = texts

    def draft(self, row: Result) -> tuple[tuple[object, ...], Finding]:
        """A finding, with its place in the order."""
        facts, rule, focus = self.facts, self.book.rule(row.shape), row.focus
        document, upper_plan = facts.document_of(focus), facts.node(focus, ZM.upperPlan)
        lower, upper = self._lower(focus), self._upper(focus, upper_plan)
        indicator = facts.node(focus, ZM.indicator)
        value = None if row.value is None or row.value == focus else str(row.value)
        sides = (
            self._ground(focus, document),
            "claim" if upper and upper.claimed_by else facts.ground(upper_plan),
        )
        settlement = self._settlement(focus)
        finding = Finding(
            id=self._id(rule, focus, document, upper_plan),
            rule=rule.name,
            outcome=self._outcome(rule, focus),
            severity=row.severity,
            status="explained" if settlement else "open",
            place=facts.place(document),
            document=facts.slug(document) if document is not None else None,
            document_title=facts.title(document) if document is not None else None,
            indicator=facts.label(indicator, "zh") if indicator else self._indicator_text(focus),
            indicator_en=facts.label(indicator, "en") if indicator else None,
            indicator_iri=str(indicator) if indicator else None,
            year=facts.year(focus),
            lower=lower[0] if lower else None,
            lower_all=lower if len(lower) > 1 else None,
            upper=upper,
            ratio=facts.number(focus, ZM.ratio),
            reason=Words(zh="", en=""),
            suggestion=Words(zh="", en=""),
            rests_on=max(sides, key=lambda key: self.book.grounds[key].rank),
            settlement=settlement,
            source=Source(
                focus=str(focus),
                shape=str(rule.shape),
                component=str(row.component) if row.component is not None else None,
                path=str(row.path) if isinstance(row.path, URIRef) else None,
                value=value,
            ),
        )
        self._say(finding, rule, row, sides)
        order = (
            GRAVITY[row.severity],
            rule.order,
            # A plan's own text goes before a record made from the press, which may itself be wrong.
            self.book.grounds[sides[0]].rank,
            -float(_distance(finding.ratio)),
            -facts.rank(upper_plan),
            finding.place.code if finding.place else "",
            finding.document or "",
            finding.year or 0,
            facts.order(focus),
            finding.indicator or "",
            finding.id,
            str(focus),
            str(row.value),
            finding.source.path or "",
            str(row.component),
        )
        return order, finding

    def _lower(self, focus: Node) -> list[Clause]:
        facts = self.facts
        if (focus, RDF.type, ZM.Action) in facts.graph:
            return [self._clause(focus, facts.text(focus, RDFS.label) or "")]
        if (claim := facts.node(focus, ZM.claim)) is not None:
            # What a document says of another is its own words here; nobody else is a witness to them.
            clause = self._clause(claim, facts.text(claim, ZM.quote) or "")
            return [clause.model_copy(update={"claimed_by": None, "claimed_by_title": None})]
        if (first := facts.node(focus, ZM.firstPassage)) is not None:
            return [self._clause(first, facts.text(first, ZM.quote) or "")]
        targets = sorted(facts.graph.objects(focus, ZM.lowerTarget), key=lambda t: (facts.order(t), str(t)))
        return [self._clause(target, facts.text(target, ZM.quote) or "") for target in targets]

    def _outcome(self, rule: Rule, focus: Node) -> str:
        """The word of the outcome, or of the kind of check; of a breach in the data itself the rule's name."""
        if rule.reason is None:
            return rule.name
        facts = self.facts
        derived = facts.node(focus, ZM.outcome) or facts.node(focus, ZM.checkKind)
        return (facts.key(derived) if derived is not None else None) or rule.name

    def _indicator_text(self, focus: Node) -> str | None:
        facts = self.facts
        first = facts.node(focus, ZM.firstPassage)
        return facts.text(focus, ZM.indicatorText) or facts.text(first, ZM.indicatorText)

    def _ground(self, focus: Node, document: Node | None) -> str:
        """What the lower side rests on: the weakest of its statements, which may stand in several documents."""
        facts = self.facts
        if facts.node(focus, ZM.unreviewed) is not None:
            return "unreviewed"
        holders = [facts.node(target, ZM.inDocument) for target in facts.graph.objects(focus, ZM.lowerTarget)]
        grounds = [facts.ground(holder) for holder in holders] or [facts.ground(document)]
        return max(grounds, key=lambda key: self.book.grounds[key].rank)

    def _settlement(self, focus: Node) -> Settlement | None:
        """The reason that the text itself gives for an omission."""
        facts = self.facts
        change = facts.node(focus, ZM.explainedBy)
        if change is None:
            return None
        quote = facts.text(change, ZM.quote) or ""
        why = facts.text(change, ZM.reasonText) or quote
        holder = facts.node(change, ZM.inDocument)
        return Settlement(
            reason=Words(zh=why, en=why), quote=quote, document=facts.slug(holder) if holder else None
        )

    def _upper(self, focus: Node, upper_plan: Node | None) -> Clause | None:
        if (second := self.facts.node(focus, ZM.secondPassage)) is not None:
            told_of = self.facts.node(second, ZM.citedDocument)
            return self._clause(second, self.facts.text(second, ZM.quote) or "", bound=told_of)
        target = self.facts.node(focus, ZM.upperTarget)
        if target is None:
            return None
        return self._clause(target, self.facts.text(target, ZM.quote) or "", bound=upper_plan)

    def _clause(self, node: Node, quote: str, bound: Node | None = None) -> Clause:
        """A passage; ``bound`` is the document that it binds, where that is not the one that holds it."""
        facts = self.facts
        holder = facts.node(node, ZM.inDocument)
        document = bound or holder or node
        witness = holder if (node, RDF.type, ZM.TargetCitation) in facts.graph else None
        comparator = facts.node(node, ZM.comparator)
        span = facts.span(node)
        return Clause(
            document=facts.slug(document),
            title=facts.title(document),
            number=facts.text(document, ZM.documentNumber),
            place=facts.place(document),
            path=facts.text(node, ZM.path) or "",
            quote=quote,
            comparator=facts.text(comparator, ZM.symbol) or facts.key(comparator),
            value=facts.number(node, ZM.value),
            value_max=facts.number(node, ZM.valueMax),
            unit=facts.unit(node),
            span=span,
            lines=self.texts.lines(facts.slug(holder or node), span) if span else None,
            said=self._said(node, quote) if comparator is not None else self._plain_said(node),
            claimed_by=facts.slug(witness) if witness is not None else None,
            claimed_by_title=facts.title(witness) if witness is not None else None,
            iri=str(node),
        )

    def _said(self, target: Node, quote: str) -> Words:
        """A target's value in words: 增长不低于25%, growth of at least 25%."""
        facts, said = self.facts, {}
        value, top = facts.number(target, ZM.value), facts.number(target, ZM.valueMax)
        unit = facts.unit(target) or ""
        comparator, measure = (facts.key(facts.node(target, p)) or "" for p in (ZM.comparator, ZM.measure))
        for lang in LANGS:
            if value is None:
                said[lang] = self._phrase("words", lang, quote=quote)
                continue
            figure = _figure(value, unit, lang)
            if top is not None:
                amount = self._phrase("range", lang, figure=figure, figure_max=_figure(top, unit, lang))
            else:
                amount = self._phrase(comparator, lang, figure=figure) or figure
            said[lang] = self._phrase(measure, lang, amount=amount) or amount
        return Words(**said)

    def _plain_said(self, node: Node) -> Words | None:
        """The agencies of a task, or the figure of a passage that is no target."""
        value, unit = self.facts.number(node, ZM.value), self.facts.unit(node) or ""
        if value is None:
            return self._agencies(node)
        return Words(zh=_figure(value, unit, "zh"), en=_figure(value, unit, "en"))

    def _phrase(self, key: str, lang: Lang, **values: str) -> str:
        words = self.book.phrase(key)
        return fill(words.said(lang), values) if words else ""

    def _upper_place(self, upper: Clause, lang: Lang) -> str:
        """The name of the level above as one says it; 国家 where the division is the whole country."""
        if upper.place is None:
            return upper.title
        return self._phrase(f"place-{upper.place.code}", lang) or upper.place.name

    def _say(self, finding: Finding, rule: Rule, row: Result, sides: tuple[str, str]) -> None:
        lower, upper = (self.book.grounds[side] for side in sides)
        notes = [lower.lower if finding.lower else None, upper.upper if finding.upper else None]
        if lower == upper and all(notes):
            notes = [lower.both]
        reason, suggestion = {}, {}
        for lang in LANGS:
            values = self._values(finding, row.focus, lang)
            told = fill(rule.reason.said(lang), values) if rule.reason else _message(row, rule, lang)
            tail = [self._also(row.focus, lang)] if self._repeated(row.focus) else []
            tail += [fill(note.said(lang), values) for note in notes if note is not None]
            reason[lang] = (" " if lang == "en" else "").join([told, *tail])
            suggestion[lang] = fill(rule.suggestion.said(lang), values) if rule.suggestion else ""
        finding.reason, finding.suggestion = Words(**reason), Words(**suggestion)
        if said := _arithmetic(finding, "zh"):
            finding.arithmetic = Words(zh=said, en=_arithmetic(finding, "en"))

    def _repeated(self, focus: Node) -> list[Node]:
        """The comparisons with further levels that say the same, the nearest first."""
        return self._repeats.get(focus, [])

    @cached_property
    def _repeats(self) -> dict[Node, list[Node]]:
        facts, found = self.facts, defaultdict[Node, list[Node]](list)
        for one, nearer in facts.graph.subject_objects(ZM.repeats):
            found[nearer].append(one)
        for some in found.values():
            some.sort(key=lambda one: (-facts.rank(facts.node(one, ZM.upperPlan)), str(one)))
        return found

    def _also(self, focus: Node, lang: Lang) -> str:
        """国家方案也有同样要求。"""
        plans = [self.facts.node(one, ZM.upperPlan) for one in self._repeated(focus)]
        named = [self.facts.place(plan) for plan in plans]
        said = [self._phrase(f"place-{place.code}", lang) or place.name for place in named if place]
        return self._phrase("also", lang, places=self._phrase("list", lang).join(dict.fromkeys(said)))

    def _values(self, finding: Finding, focus: Node, lang: Lang) -> dict[str, str]:
        """The names that the words may use, see shapes/comparison.ttl."""
        facts, lower, upper = self.facts, finding.lower, finding.upper

        def listed(items: Iterable[str]) -> str:
            return self._phrase("list", lang).join(items)

        def labels(predicate: URIRef) -> str:
            return listed(sorted(facts.label(node, lang) for node in facts.graph.objects(focus, predicate)))

        def texts(predicate: URIRef) -> str:
            return listed(sorted(str(node) for node in facts.graph.objects(focus, predicate)))

        def number(predicate: URIRef) -> str:
            value = facts.number(focus, predicate)
            return "" if value is None else _plain(value)

        unit = (upper.unit if upper else None) or ""
        total = facts.number(focus, ZM.total)
        known, places = facts.number(focus, ZM.knownPlaces), facts.number(focus, ZM.placesBelow)

        return {
            "place": finding.place.name if finding.place else finding.document_title or "",
            "title": finding.document_title or "",
            "number": (lower.number if lower else None) or "",
            "indicator": (finding.indicator_en if lang == "en" else None) or finding.indicator or "",
            "year": str(finding.year or ""),
            "lower_value": listed(c.said.said(lang) for c in finding.statements if c.said),
            "lower_quote": lower.quote if lower else "",
            "upper_place": self._upper_place(upper, lang) if upper else "",
            "upper_title": upper.title if upper else "",
            "upper_number": (upper.number if upper else None) or "",
            "upper_value": upper.said.said(lang) if upper and upper.said else "",
            "upper_quote": upper.quote if upper else "",
            "claimed_by": (upper.claimed_by_title if upper else None) or "",
            "arithmetic": _arithmetic(finding, lang),
            "ratio": _rounded(finding.ratio)[0] if finding.ratio is not None else "",
            "lost": labels(ZM.scopeLost),
            "gained": labels(ZM.scopeGained),
            "because": labels(ZM.incomparableBecause),
            "task": lower.quote if lower else "",
            "path": lower.path if lower else "",
            "agencies": lower.said.said(lang) if lower and lower.said else "",
            "lower_year": facts.text(focus, ZM.lowerYear) or "",
            "upper_year": str((facts.year(URIRef(upper.iri)) if upper else None) or ""),
            "upper_path": upper.path if upper else "",
            "explanation": finding.settlement.reason.said(lang) if finding.settlement else "",
            "stated": facts.text(focus, ZM.statedText) or "",
            "share": _percent(finding.ratio) if finding.ratio is not None else "",
            "total": _figure(total, unit, lang) if total is not None else "",
            "known": number(ZM.knownPlaces),
            # how many there are is only worth saying where some are not known
            "places": number(ZM.placesBelow) if known and places and places > known else "",
            "label": facts.text(focus, RDFS.label) or "",
            "only_first": texts(ZM.onlyFirst),
            "only_second": texts(ZM.onlySecond),
            "counted": number(ZM.countedNumber),
        }

    def _agencies(self, action: Node) -> Words | None:
        """The agencies of a task as printed, in their order; None where there are none."""
        assignments = sorted(self.facts.graph.objects(action, ZM.assignment), key=_natural)
        names = [self.facts.text(assignment, ZM.agencyText) or "" for assignment in assignments]
        return Words(**{lang: self._phrase("list", lang).join(names) for lang in LANGS}) if names else None

    def _id(self, rule: Rule, focus: Node, document: Node | None, upper_plan: Node | None) -> str:
        facts = self.facts
        if rule.reason is None or document is None:  # about the data: the node itself is the content
            parts = [str(focus).removeprefix(str(ID))]
        elif facts.node(focus, ZM.lowerPlan) is not None:
            name = facts.key(facts.node(focus, ZM.indicator)) or facts.text(focus, ZM.indicatorText) or ""
            above = facts.slug(upper_plan) if upper_plan is not None else ""
            parts = [facts.slug(document), above, name, str(facts.year(focus) or "")]
        else:
            parts = [facts.slug(document)] + ([facts.label(focus, "zh")] if focus != document else [])
        return ".".join(filter(None, map(part_of_id, [rule.name, *parts])))


def part_of_id(text: str) -> str:
    """A text as it stands in an identifier: letters, figures and hyphens, since the identifier, parts joined by dots, is
    also a file name, an anchor and a segment of an address."""
    return re.sub(r"\W+", "-", text).strip("-")


def _tell_apart(findings: Sequence[Finding]) -> None:
    """Give findings of one identifier a mark each, made from what they quote, so that it outlives a rebuild."""
    same: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        same[finding.id].append(finding)
    for group in (group for group in same.values() if len(group) > 1):
        seen: Counter[str] = Counter()
        for finding in group:
            told = [f"{c.path}\n{c.quote}\n{c.value}" for c in (*finding.statements, finding.upper) if c]
            told += [finding.source.value or "", finding.source.component or ""]
            mark = hashlib.sha256("\n".join(told).encode()).hexdigest()[:6]
            seen[mark] += 1
            finding.id += f".{mark}" + (f".{seen[mark]}" if seen[mark] > 1 else "")


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


def _checked(facts: Facts, findings: Sequence[Finding]) -> list[CheckedDocument]:
    """The documents that were judged, from the top level down: those compared, and those read from their text."""
    graph = facts.graph
    severities: defaultdict[str | None, Counter[Severity]] = defaultdict(Counter)
    for finding in findings:
        severities[finding.document][finding.severity] += 1
    outcomes: defaultdict[Node, Counter[str]] = defaultdict(Counter)
    for comparison, document in graph.subject_objects(ZM.lowerPlan):
        outcomes[document][facts.key(facts.node(comparison, ZM.outcome)) or ""] += 1
    texts = {d for d, origin in graph.subject_objects(ZM.origin) if facts.key(origin) == "text"}
    return [
        CheckedDocument(
            slug=facts.slug(document),
            title=facts.title(document),
            number=facts.text(document, ZM.documentNumber),
            place=facts.place(document),
            origin=facts.key(facts.node(document, ZM.origin)) or "",
            findings={severity: severities[facts.slug(document)][severity] for severity in GRAVITY},
            comparisons=dict(sorted(outcomes[document].items())),
        )
        for document in sorted({*outcomes, *texts}, key=lambda d: (facts.rank(d), facts.slug(d)))
    ]


def _message(row: Result, rule: Rule, lang: Lang) -> str:
    """The message of a shape that has no words for the case, with the node that it is about."""
    own = rule.message.said(lang) if rule.message else ""
    message = row.messages.get(lang) or own or next(iter(row.messages.values()), rule.name)
    node = str(row.focus).removeprefix(str(ID))
    return f"{message}（{node}）" if lang == "zh" else f"{message} ({node})"


def _distance(ratio: Decimal | None) -> Decimal:
    """How far apart two values are, whichever is the larger; 0 where there is no ratio."""
    if ratio is None:
        return Decimal(0)
    # growth on one side and none, or decline, on the other: further apart than any two growths
    return max(ratio, 1 / ratio) if ratio > 0 else Decimal("Infinity")


def _arithmetic(finding: Finding, lang: Lang) -> str:
    """40%÷25%=1.6, or nothing where one side has no single value or the ratio is not theirs."""
    lower, upper = finding.lower, finding.upper
    if finding.outcome == "sum_exceeds":
        return _sum(finding.statements, lang)
    if finding.ratio is None or finding.lower_all or lower is None or upper is None:
        return ""
    if lower.value is None or not upper.value or lower.value_max or upper.value_max:
        return ""
    exact = lower.value / upper.value
    # a ratio of 1 explains nothing: there the comparators or the years differ
    if exact == 1 or abs(exact - finding.ratio) > Decimal("0.005"):
        return ""
    text, is_exact = _rounded(exact)
    left, right = _figure(lower.value, lower.unit or "", lang), _figure(upper.value, upper.unit or "", lang)
    space = " " if lang == "en" else ""  # Chinese is broken at blanks, and nowhere worse than in a sum
    return space.join([left, "÷", right, "=" if is_exact else "≈", text])


_ADDENDS: Final = 6


def _sum(parts: Sequence[Clause], lang: Lang) -> str:
    """30台+45台=75台, where it fits a line."""
    figures = [(part.value, part.unit or "") for part in parts if part.value is not None]
    if not 1 < len(figures) <= _ADDENDS:
        return ""
    space = " " if lang == "en" else ""
    total = _figure(sum((value for value, _ in figures), Decimal(0)), figures[0][1], lang)
    return (
        f"{space}+{space}".join(_figure(value, unit, lang) for value, unit in figures)
        + f"{space}={space}{total}"
    )


def _percent(ratio: Decimal) -> str:
    """A ratio as a share to two places: 0.16667 is 16.67%."""
    return _plain((ratio * 100).quantize(Decimal("0.01"), ROUND_HALF_UP)) + "%"


def _rounded(ratio: Decimal) -> tuple[str, bool]:
    """A ratio to two places as a text, and whether that is exact."""
    short = ratio.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return _plain(short), short == ratio


def _figure(value: Decimal, unit: str, lang: Lang) -> str:
    return f"{_plain(value)} {unit}" if lang == "en" and unit not in ("", "%") else _plain(value) + unit


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _natural(node: Node) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", str(node))]
