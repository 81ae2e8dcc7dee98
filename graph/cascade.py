"""The cascade: facts that join plans. Who stands above whom, and what became of each upper target below.

The comparing itself is in ``comparing``, ``shares`` and ``claims``, what does not agree inside one plan in ``inside``;
here stand the line of plans and the quads of all that was derived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from rdflib import URIRef
from rdflib.namespace import PROV, RDF, RDFS, SKOS

from graph import agency_labels, divisions, shares, versions
from graph.agency_identity import identify
from graph.claims import Claims, Key, Numbered, misquotations
from graph.comparing import Comparer, Comparison, is_of_a_part
from graph.inside_check import Check, Passage
from graph.quads import QuadWriter, year, zh
from graph.record import PlanRecord
from graph.shares import Summand
from graph.triples import source_span
from ontology import terms
from ontology.terms import ZM


@dataclass(frozen=True)
class Place:
    """A document's place in the line: its slug, division and family, and its record (None for a stub)."""

    slug: str
    code: str
    family: str
    record: PlanRecord | None


@dataclass
class Lineage:
    """All documents by family and division, for looking up a plan's ancestors."""

    by_place: dict[tuple[str, str], list[Place]] = field(default_factory=dict)

    def add(self, place: Place) -> None:
        """Take a document in."""
        self.by_place.setdefault((place.family, place.code), []).append(place)

    def places(self) -> Iterable[tuple[str, str]]:
        """The families and divisions that have documents, in the order of their first ones."""
        return self.by_place

    def options(self, family: str, code: str) -> Sequence[Place]:
        """The documents of a family in a division."""
        return self.by_place.get((family, code), ())

    def slugs(self, family: str, code: str) -> Sequence[str]:
        """The slugs of the same."""
        return [one.slug for one in self.options(family, code)]

    def ancestors(self, place: Place) -> list[Place]:
        """The documents of the family above a place, nearest first; one a division.

        A plan goes before rules made under it, what is issued before a draft, what this plan could follow before what
        was issued after it, then the later before the earlier.
        """
        return [_chosen(options, place) for _, options in self._above(place) if options]

    def parent(self, place: Place) -> Place | None:
        """The nearest of them."""
        return next((_chosen(options, place) for _, options in self._above(place) if options), None)

    def nearest(self, family: str, code: str) -> str | None:
        """The code of the nearest division above one that has documents of the family."""
        above = divisions.line(code)[1:]
        return next((one.code for one in above if self.slugs(family, one.code)), None)

    def passed_over(self, place: Place) -> list[Place]:
        """The other documents of the divisions above: drafts, earlier versions, and what came after this plan."""
        chosen = {id(one) for one in self.ancestors(place)}
        return [one for _, options in self._above(place) for one in options if id(one) not in chosen]

    def missing(self, place: Place) -> list[str]:
        """The codes of the divisions above of which no document of the family is known, not even a stub."""
        return [code for code, options in self._above(place) if not options]

    def _above(self, place: Place) -> Iterator[tuple[str, Sequence[Place]]]:
        for division in divisions.line(place.code)[1:]:
            yield division.code, self.options(place.family, division.code)

    def speaker(self, family: str, code: str) -> Place:
        """The document that speaks for a place of a family that has some."""
        return max(self.options(family, code), key=_weight)


def _chosen(options: Sequence[Place], lower: Place) -> Place:
    """Of the documents of a place the one that stands above another."""
    if len(options) == 1:
        return options[0]
    own = _day(lower)
    return max(options, key=lambda option: _weight(option, own))


_RULES = re.compile(r"(?:细则|办法|指南|清单|规程|解读|说明)(?:[（(][^（()）]*[）)])*$")


def _day(place: Place) -> date | None:
    head = place.record.plan if place.record else None
    return (head.issued or head.printed) if head else None


def _weight(place: Place, lower: date | None = None) -> tuple[bool, bool, bool, bool, str, bool, str]:
    """What speaks for a document among those of its place; ``lower`` is the date of a plan below, where it is known."""
    head = place.record.plan if place.record else None
    day = _day(place)
    # Nobody had to follow what was issued later. Where one of the dates is missing, that cannot be told.
    followed = day is None or lower is None or day <= lower
    # A person who names a version as the later one is believed where dates are missing.
    later = bool(place.record and place.record.revision_of)
    issued = head is not None and head.status == "issued"
    # 补贴实施细则 follow from a plan and are printed after it: they do not take its place.
    main = head is not None and not _RULES.search(head.title)
    return head is not None, main, issued, followed, day.isoformat() if day else "", later, place.slug


def comparisons(
    places: Sequence[Place],
    lineage: Lineage,
    progress: Callable[[int, int], None] | None = None,
    only: Collection[str] | None = None,
    parts: Iterable[tuple[Place, Place]] | None = None,
) -> list[Comparison]:
    """All that joins plans: each against its ancestors, printed shares and sums of counts, and misquotations.

    ``progress`` is called with how many plans are done and how many there are. With ``only``, what is derived of these
    plans: then of the others the claims, of their ancestors and of the places below them the whole records are needed.
    ``parts`` are the pairs of `shares.parents`, where they are known.
    """
    claims = Claims()
    for place in places:
        claims.add(place)
    cascade = Cascade(claims)
    found: list[Comparison] = []
    for number, place in enumerate(places):
        if only is not None and place.slug not in only:
            continue
        if progress:
            progress(number, len(places))
        found += cascade.of_plan(place, lineage.ancestors(place))
    pairs = shares.parents(lineage, only) if parts is None else parts
    found += shares.sums(pairs, cascade.comparer, claims)
    if progress:
        progress(len(places), len(places))
    return found


class Cascade:
    """Compares plans one by one; what an upper plan says is looked up once, and kept."""

    def __init__(self, claims: Claims) -> None:
        self.comparer = Comparer(claims)
        self._claims = claims
        self._said: dict[str, dict[Key, list[Numbered]]] = {}

    def of_plan(self, place: Place, ancestors: Sequence[Place]) -> list[Comparison]:
        """What becomes of the documents above (nearest first, whole) in one plan; without the sums of those below it."""
        uppers = {upper.code: upper for upper in ancestors}
        for upper in ancestors:
            if upper.slug not in self._said:
                self._said[upper.slug] = _by_key(upper, self.comparer)
        found = self.comparer.compare(place, ancestors)
        found += shares.stated_shares(place, self.comparer, uppers)
        for claim, upper, other in misquotations(place, self._said, self._claims, uppers):
            found.append(Comparison("misquoted", place.slug, upper.slug, (), other, claim=claim))
        return found

    def sums(self, parent: Place, parts: Iterable[Summand]) -> list[Comparison]:
        """Where what the places below a plan state adds up to more than its own figures."""
        return list(shares.sums_of(parent, parts, self.comparer, self._claims))


def _by_key(place: Place, comparer: Comparer) -> dict[Key, list[Numbered]]:
    return {
        (key, year): statements
        for key, years in comparer.index(place).items()
        for year, statements in years.items()
    }


def inferred_quads(
    places: Iterable[Place],
    comparisons: Iterable[Comparison],
    lineage: Lineage,
    checks: Mapping[str, Sequence[Check]] | None = None,
    told: Mapping[str, Mapping[int, Sequence[str]]] | None = None,
) -> Iterator[tuple[str | None, QuadWriter]]:
    """The graph of derived facts: lines of plans and divisions, shortcuts to agencies, comparisons, checks.

    It comes in parts, so that it need not be held whole: (slug, what is said of that document), and first, with None,
    what is said of agencies and divisions. ``checks`` and ``told`` (agencies that the sentences of unassigned tasks
    name) are those of ``inside``, by slug.
    """
    places = list(places)
    yield None, label_quads(agency_labels.labels(place.record for place in places if place.record))
    yield None, division_quads()
    of_plan: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        of_plan.setdefault(comparison.lower_plan, []).append(comparison)
    version_of = versions.by_slug(place.record for place in places if place.record is not None)
    for place in places:
        slug = place.slug
        about = (checks or {}).get(slug, ()), (told or {}).get(slug, {}), version_of.get(slug, ())
        yield slug, plan_quads(place, lineage, of_plan.get(slug, ()), *about)


def plan_quads(
    place: Place,
    lineage: Lineage,
    comparisons: Iterable[Comparison],
    checks: Sequence[Check],
    told: Mapping[int, Sequence[str]],
    versions: Sequence[str],
) -> QuadWriter:
    """What is derived of one document; ``versions`` are the slugs of its plan's versions, itself among them."""
    out = QuadWriter(terms.GRAPH_INFERRED)
    _lineage(out, place, lineage.ancestors(place))
    _around(out, place, lineage)
    _told(out, place, told)
    for number, check in enumerate(checks, 1):
        _check(out, place, number, check)
    _versions(out, place, versions)
    _comparisons(out, comparisons)
    return out


def division_quads() -> QuadWriter:
    """Each division and all that it lies in."""
    out = QuadWriter(terms.GRAPH_INFERRED)
    for division in divisions.divisions().values():
        for above in divisions.line(division.code)[1:]:
            out.add(
                terms.division_iri(division.code), ZM.withinDivisionTransitive, terms.division_iri(above.code)
            )
    return out


def changed_quads(
    changed: Iterable[Place],
    checks: Mapping[str, Sequence[Check]],
    told: Mapping[str, Mapping[int, Sequence[str]]],
) -> QuadWriter:
    """What `inferred_quads` says of the contents of some plans.

    Without what follows from their heads and from all agencies, and without their comparisons.
    """
    out = QuadWriter(terms.GRAPH_INFERRED)
    for place in changed:
        _agencies(out, place)
        _told(out, place, told.get(place.slug, {}))
        for number, check in enumerate(checks.get(place.slug, ()), 1):
            _check(out, place, number, check)
    return out


def comparison_quads(comparisons: Iterable[Comparison]) -> QuadWriter:
    """What `inferred_quads` says of comparisons, all those of some plans."""
    out = QuadWriter(terms.GRAPH_INFERRED)
    _comparisons(out, comparisons)
    return out


def _comparisons(out: QuadWriter, comparisons: Iterable[Comparison]) -> None:
    numbers: dict[tuple[str, str | None], int] = {}
    iris: dict[int, URIRef] = {}
    for comparison in comparisons:
        pair = (comparison.lower_plan, comparison.upper_plan)
        numbers[pair] = numbers.get(pair, 0) + 1
        # By identity: two comparisons may be equal in all they say, and a nearer one stands before what repeats it.
        iris[id(comparison)] = iri = terms.comparison_iri(*pair, numbers[pair])
        _comparison(out, iri, comparison)
        if comparison.repeats is not None:
            out.add(iri, ZM.repeats, iris[id(comparison.repeats)])


def label_quads(labels: Mapping[URIRef, tuple[str, tuple[str, ...]]]) -> QuadWriter:
    """The labels of some agencies: IRI → preferred label, other spellings. skos keeps the two apart."""
    out = QuadWriter(terms.GRAPH_INFERRED)
    for iri, (preferred, others) in labels.items():
        out.add(iri, SKOS.prefLabel, zh(preferred))
        for other in others:
            out.add(iri, SKOS.altLabel, zh(other))
    return out


def _lineage(out: QuadWriter, place: Place, ancestors: Sequence[Place]) -> None:
    plan = terms.document_iri(place.slug)
    for distance, ancestor in enumerate(ancestors):
        if distance == 0:
            out.add(plan, ZM.parentPlan, terms.document_iri(ancestor.slug))
        out.add(plan, ZM.ancestorPlan, terms.document_iri(ancestor.slug))
    _agencies(out, place)


def _agencies(out: QuadWriter, place: Place) -> None:
    """Shortcuts from the plan to its tasks, and from these to agencies."""
    if place.record is None:
        return
    code = agency_labels.code_of(place.record)
    written: dict[URIRef, int] = {}
    for action in place.record.actions:
        iri = terms.action_iri(place.slug, action.path)
        written[iri] = written.get(iri, 0) + 1
        if written[iri] > 1:
            iri = URIRef(f"{iri}-{written[iri]}")
        out.add(terms.document_iri(place.slug), ZM.task, iri)
        for assignment in action.assignments:
            agency = agency_labels.iri_of(identify(assignment.agency, code), place.slug)
            out.add(iri, ZM.responsibleAgency, agency)
            if assignment.role == "lead":
                out.add(iri, ZM.leadAgency, agency)


def _around(out: QuadWriter, place: Place, lineage: Lineage) -> None:
    """What the line does not take, and what it lacks; of a document without a family nothing can be said."""
    if place.record is not None and place.record.plan.family is None:
        return
    plan = terms.document_iri(place.slug)
    for other in lineage.passed_over(place):
        out.add(plan, ZM.passedOver, terms.document_iri(other.slug))
    for code in lineage.missing(place):
        out.add(plan, ZM.missingLevel, terms.division_iri(code))


def _versions(out: QuadWriter, place: Place, chain: Sequence[str]) -> None:
    """Its neighbours among the versions of one plan, the earliest first."""
    for earlier, later in pairwise(chain):
        if later == place.slug:
            out.add(terms.document_iri(later), PROV.wasRevisionOf, terms.document_iri(earlier))
        if earlier == place.slug:
            out.add(terms.document_iri(earlier), ZM.latestVersion, terms.document_iri(chain[-1]))


def _told(out: QuadWriter, place: Place, told: Mapping[int, Sequence[str]]) -> None:
    """What the text says of tasks that no bracket assigns: which agencies it names, and that they are stages."""
    if place.record is None:
        return
    stages = {stage.path: number for number, stage in reversed(list(enumerate(place.record.stages, 1)))}
    for number, action in enumerate(place.record.actions):
        if action.assignments:
            continue
        iri = terms.action_iri(place.slug, action.path)
        for name in told.get(number, ()):
            out.add(iri, ZM.agencyInText, zh(name))
        if action.path in stages:
            out.add(iri, ZM.stage, terms.item_iri(place.slug, "stage", stages[action.path]))


def _statement(one: Numbered, slug: str) -> URIRef:
    if one.is_claim:
        return terms.cited_target_iri(one.document or slug, one.number)
    return terms.target_iri(one.document or slug, one.number)


def _comparison(out: QuadWriter, iri: URIRef, comparison: Comparison) -> None:
    about = comparison.upper or comparison.lower[0]
    lower, upper = comparison.lower_plan, comparison.upper_plan
    out.add(iri, RDF.type, ZM.Comparison)
    out.add(iri, ZM.lowerPlan, terms.document_iri(lower))
    if upper:
        out.add(iri, ZM.upperPlan, terms.document_iri(upper))
    for statement in comparison.lower:
        out.add(iri, ZM.lowerTarget, _statement(statement, lower))
    if comparison.upper and upper:
        out.add(iri, ZM.upperTarget, _statement(comparison.upper, upper))
    if comparison.claim:
        out.add(iri, ZM.claim, _statement(comparison.claim, lower))
    if about.target.concept:
        out.add(iri, ZM.indicator, terms.concept_iri("indicator", about.target.concept))
    out.add(iri, ZM.indicatorText, zh(about.target.indicator))
    out.add(iri, ZM.targetYear, year(about.target.target_year) if about.target.target_year else None)
    out.add(iri, ZM.outcome, terms.concept_iri("outcome", comparison.outcome))
    out.add(iri, ZM.ratio, comparison.ratio)
    if comparison.because:
        out.add(iri, ZM.incomparableBecause, terms.concept_iri("incomparability", comparison.because))
    for key in comparison.lost:
        out.add(iri, ZM.scopeLost, terms.concept_iri("domain", key))
    for key in comparison.gained:
        out.add(iri, ZM.scopeGained, terms.concept_iri("domain", key))
    out.add(iri, ZM.lowerYear, year(comparison.lower_year) if comparison.lower_year else None)
    if comparison.explained:
        out.add(iri, ZM.explainedBy, terms.item_iri(lower, "adjustment", comparison.explained))
    if comparison.unsure:
        out.add(iri, ZM.unreviewed, True)
    if comparison.outcome == "omitted" and comparison.upper and is_of_a_part(comparison.upper.target):
        out.add(iri, ZM.ofWhole, True)
    out.add(iri, ZM.statedShare, comparison.stated)
    out.add(iri, ZM.statedText, zh(comparison.stated_text) if comparison.stated_text else None)
    out.add(iri, ZM.total, comparison.total)
    out.add(iri, ZM.knownPlaces, comparison.known)
    out.add(iri, ZM.placesBelow, comparison.places)


def _check(out: QuadWriter, place: Place, number: int, check: Check) -> None:
    iri = terms.item_iri(place.slug, "check", number)
    out.add(iri, RDF.type, ZM.InternalCheck)
    out.add(iri, ZM.inDocument, terms.document_iri(place.slug))
    out.add(iri, ZM.order, number)
    out.add(iri, ZM.checkKind, terms.concept_iri("check-kind", check.kind))
    out.add(iri, RDFS.label, zh(check.label) if check.label else None)
    if check.concept:
        out.add(iri, ZM.indicator, terms.concept_iri("indicator", check.concept))
    out.add(iri, ZM.targetYear, year(check.year) if check.year else None)
    out.add(iri, ZM.firstPassage, _passage(out, place, iri, 1, check.first))
    if check.second:
        out.add(iri, ZM.secondPassage, _passage(out, place, iri, 2, check.second))
    for name in check.only_first:
        out.add(iri, ZM.onlyFirst, zh(name))
    for name in check.only_second:
        out.add(iri, ZM.onlySecond, zh(name))
    out.add(iri, ZM.statedNumber, check.stated)
    out.add(iri, ZM.countedNumber, check.counted)
    if check.units_differ:
        out.add(iri, ZM.unitsDiffer, True)


def _passage(out: QuadWriter, place: Place, check: URIRef, number: int, passage: Passage) -> URIRef:
    """The target that a passage is, or a node for the words of a table or a heading."""
    if passage.target:
        return terms.target_iri(place.slug, passage.target)
    iri = URIRef(f"{check}/passage/{number}")
    out.add(iri, RDF.type, ZM.Passage)
    out.add(iri, ZM.inDocument, terms.document_iri(place.slug))
    out.add(iri, ZM.path, passage.path or None)
    out.add(iri, ZM.quote, zh(passage.quote))
    out.add(iri, ZM.citedDocument, terms.document_iri(passage.document) if passage.document else None)
    out.add(iri, ZM.value, passage.value)
    out.add(iri, ZM.unitText, zh(passage.unit) if passage.unit else None)
    if passage.span and place.record:
        exact = passage.exact or passage.quote
        out.add(iri, ZM.span, source_span(out, place.slug, passage.span, exact, place.record.text_hash))
    return iri
