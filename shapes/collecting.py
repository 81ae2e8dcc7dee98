"""From validation results to findings: each is made of one result and of what the graph holds about the node in question.

Nothing is judged here: which outcomes count, and how grave they are, stands in the shapes; so do the words.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from rdflib import Graph, URIRef
from rdflib.namespace import RDF, RDFS
from rdflib.term import Node

from ontology.terms import ID, ZM
from shapes.arithmetic import arithmetic, distance, figure, percent, plain, rounded
from shapes.facts import Facts
from shapes.findings import (
    GRAVITY,
    STANDING,
    CheckedDocument,
    Clause,
    Finding,
    Report,
    RuleNote,
    Settlement,
    Source,
    part_of_id,
    summarize,
)
from shapes.lines import Texts
from shapes.matrix import MatrixPart, assemble, matrix_part
from shapes.rules import LANGS, Lang, Rule, RuleBook, Words, fill
from shapes.validation import Result, Severity, ValidationResult, as_graph


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


def collect_part(
    result: ValidationResult, data: Graph, texts: Texts | None = None, book: RuleBook | None = None
) -> Collected:
    """As :func:`collect`, with what it takes to put the reports on parts of a graph together.

    ``book`` is that of the shapes, where it was read already.
    """
    facts, book = Facts(as_graph(data)), book or RuleBook(result.shapes)
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
            -float(distance(finding.ratio)),
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
            shown = figure(value, unit, lang)
            if top is not None:
                amount = self._phrase("range", lang, figure=shown, figure_max=figure(top, unit, lang))
            else:
                amount = self._phrase(comparator, lang, figure=shown) or shown
            said[lang] = self._phrase(measure, lang, amount=amount) or amount
        return Words(**said)

    def _plain_said(self, node: Node) -> Words | None:
        """The agencies of a task, or the figure of a passage that is no target."""
        value, unit = self.facts.number(node, ZM.value), self.facts.unit(node) or ""
        if value is None:
            return self._agencies(node)
        return Words(zh=figure(value, unit, "zh"), en=figure(value, unit, "en"))

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
        if said := arithmetic(finding, "zh"):
            finding.arithmetic = Words(zh=said, en=arithmetic(finding, "en"))

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

    def _values(self, finding: Finding, focus: Node, lang: Lang) -> Mapping[str, str]:
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
            return "" if value is None else plain(value)

        unit = (upper.unit if upper else None) or ""
        total = facts.number(focus, ZM.total)
        known, places = facts.number(focus, ZM.knownPlaces), facts.number(focus, ZM.placesBelow)

        # Of some thirty a text uses three.
        return _WhenAsked(
            {
                "place": lambda: finding.place.name if finding.place else finding.document_title or "",
                "title": lambda: finding.document_title or "",
                "number": lambda: (lower.number if lower else None) or "",
                "indicator": lambda: (
                    (finding.indicator_en if lang == "en" else None) or finding.indicator or ""
                ),
                "year": lambda: str(finding.year or ""),
                "lower_value": lambda: listed(c.said.said(lang) for c in finding.statements if c.said),
                "lower_quote": lambda: lower.quote if lower else "",
                "upper_place": lambda: self._upper_place(upper, lang) if upper else "",
                "upper_title": lambda: upper.title if upper else "",
                "upper_number": lambda: (upper.number if upper else None) or "",
                "upper_value": lambda: upper.said.said(lang) if upper and upper.said else "",
                "upper_quote": lambda: upper.quote if upper else "",
                "claimed_by": lambda: (upper.claimed_by_title if upper else None) or "",
                "arithmetic": lambda: arithmetic(finding, lang),
                "ratio": lambda: rounded(finding.ratio)[0] if finding.ratio is not None else "",
                "lost": lambda: labels(ZM.scopeLost),
                "gained": lambda: labels(ZM.scopeGained),
                "because": lambda: labels(ZM.incomparableBecause),
                "task": lambda: lower.quote if lower else "",
                "path": lambda: lower.path if lower else "",
                "agencies": lambda: lower.said.said(lang) if lower and lower.said else "",
                "lower_year": lambda: facts.text(focus, ZM.lowerYear) or "",
                "upper_year": lambda: str((facts.year(URIRef(upper.iri)) if upper else None) or ""),
                "upper_path": lambda: upper.path if upper else "",
                "explanation": lambda: finding.settlement.reason.said(lang) if finding.settlement else "",
                "stated": lambda: facts.text(focus, ZM.statedText) or "",
                "share": lambda: percent(finding.ratio) if finding.ratio is not None else "",
                "total": lambda: figure(total, unit, lang) if total is not None else "",
                "known": lambda: number(ZM.knownPlaces),
                # how many there are is only worth saying where some are not known
                "places": lambda: number(ZM.placesBelow) if known and places and places > known else "",
                "label": lambda: facts.text(focus, RDFS.label) or "",
                "only_first": lambda: texts(ZM.onlyFirst),
                "only_second": lambda: texts(ZM.onlySecond),
                "counted": lambda: number(ZM.countedNumber),
            }
        )

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


class _WhenAsked(Mapping[str, str]):
    """Texts by name, each made when it is asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], str]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> str:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


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


def _natural(node: Node) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", str(node))]
