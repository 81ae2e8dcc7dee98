"""The cascade: facts that join plans. Who stands above whom, and what became of each upper target below.

Keyed lookup, never a join over all pairs: a plan is compared with its at most three levels of ancestors, and within a
pair by indicator and year; the work grows with the number of targets.

Two statements are comparable when indicator, measure, unit and base year agree and one scope contains the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from rdflib import URIRef
from rdflib.namespace import PROV, RDF, SKOS

from graph import agency_labels, divisions, linking, versions
from graph.agency_identity import identify
from graph.record import PlanRecord, Target
from graph.triples import QuadWriter, year, zh
from ontology import terms
from ontology.terms import ZM
from ontology.vocabulary import load_vocabularies

Outcome = Literal[
    "equal",
    "raised",
    "lowered",
    "softened",
    "hardened",
    "omitted",
    "narrowed",
    "widened",
    "own",
    "not_comparable",
]
_BY_ABSENCE = frozenset({"omitted", "narrowed", "own"})
# Counts and amounts of a part are smaller than those of the whole: they are told, not judged as higher or lower.
_OF_A_PART = frozenset({"count_cumulative", "count_annual", "count_in_year", "amount"})


@dataclass(frozen=True)
class Numbered:
    """A target with its number in its document, which makes its IRI."""

    number: int
    target: Target


@dataclass(frozen=True)
class Comparison:
    """What became of one upper target in one lower plan, or a target that only the lower plan has."""

    outcome: Outcome
    lower_plan: str
    upper_plan: str | None
    lower: tuple[Numbered, ...] = ()
    upper: Numbered | None = None
    ratio: Decimal | None = None
    because: str | None = None
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()


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

    def ancestors(self, place: Place) -> list[Place]:
        """The documents of the family above a place, nearest first; one a division.

        A plan goes before rules made under it, what is issued before a draft, then the later before the earlier.
        """
        return [max(options, key=_weight) for _, options in self._above(place) if options]

    def passed_over(self, place: Place) -> list[Place]:
        """The other documents of the divisions above: drafts and earlier versions of what `ancestors` takes."""
        chosen = {id(one) for one in self.ancestors(place)}
        return [one for _, options in self._above(place) for one in options if id(one) not in chosen]

    def missing(self, place: Place) -> list[str]:
        """The codes of the divisions above of which no document of the family is known, not even a stub."""
        return [code for code, options in self._above(place) if not options]

    def _above(self, place: Place) -> list[tuple[str, list[Place]]]:
        return [
            (division.code, self.by_place.get((place.family, division.code), []))
            for division in divisions.line(place.code)[1:]
        ]


_RULES = re.compile(r"(?:细则|办法|指南|清单|规程|解读|说明)(?:[（(][^（()）]*[）)])*$")


def _weight(place: Place) -> tuple[bool, bool, bool, str, bool, str]:
    head = place.record.plan if place.record else None
    day = (head.issued or head.printed) if head else None
    # A person who names a version as the later one is believed where dates are missing.
    later = bool(place.record and place.record.revision_of)
    issued = head is not None and head.status == "issued"
    # 补贴实施细则 follow from a plan and are printed after it: they do not take its place.
    main = head is not None and not _RULES.search(head.title)
    return head is not None, main, issued, day.isoformat() if day else "", later, place.slug


def compare(lower: Place, uppers: Sequence[Place]) -> list[Comparison]:
    """Compare a plan with each of its ancestors (nearest first), then name the targets that no ancestor has."""
    if lower.record is None:
        return []
    own = _index(lower.record)
    # A record made by hand from the press holds what was seen: what is not in it may still be in the plan.
    whole = lower.record.text_hash is not None or bool(lower.record.verified)
    found: list[Comparison] = []
    above: set[str] = set()
    for upper in uppers:
        if upper.record is None:
            continue
        for number, target in enumerate(upper.record.targets, 1):
            key = linking.comparison_key(target)
            above.add(key)
            answers = _answers(lower.slug, upper.slug, Numbered(number, target), key, own)
            found += [answer for answer in answers if whole or answer.outcome not in _BY_ABSENCE]
    if whole and any(upper.record and upper.record.targets for upper in uppers):
        for key, years in own.items():
            if key not in above:
                for statements in years.values():
                    found += [Comparison("own", lower.slug, None, (statement,)) for statement in statements]
    return found


_Index = dict[str, dict[int | None, list[Numbered]]]


def _index(record: PlanRecord) -> _Index:
    """The targets of a plan by what they are about and by year."""
    index: _Index = {}
    for number, target in enumerate(record.targets, 1):
        years = index.setdefault(linking.comparison_key(target), {})
        years.setdefault(target.target_year, []).append(Numbered(number, target))
    for years in index.values():
        for due, statements in years.items():
            # An annex repeats what the body says; where both speak, the body's wording is what binds.
            years[due] = [one for one in statements if one.target.origin != "table"] or statements
    return index


def _answers(lower: str, upper: str, asked: Numbered, key: str, own: _Index) -> Iterator[Comparison]:
    """What a lower plan's targets of the same indicator and year answer to one upper target."""
    statements = own.get(key, {}).get(asked.target.target_year, [])
    if not statements:
        name = set(asked.target.indicator)
        other = max(
            _otherwise(asked, key, own), key=lambda one: len(name & set(one.target.indicator)), default=None
        )
        if other:
            because = _why_not(other.target, asked.target)
            yield Comparison("not_comparable", lower, upper, (other,), asked, because=because)
        else:
            yield Comparison("omitted", lower, upper, upper=asked)
        return
    same = [statement for statement in statements if _why_not(statement.target, asked.target) is None]
    if not same:
        because = _why_not(statements[0].target, asked.target)
        yield Comparison("not_comparable", lower, upper, (statements[0],), asked, because=because)
        return
    # A plan may say a thing in its goals and again in a task: one answer for each scope, figures before words.
    chosen: dict[frozenset[str], Numbered] = {}
    for statement in sorted(same, key=lambda one: one.target.value is None):
        chosen.setdefault(frozenset(statement.target.scope_domains), statement)
    for statement in chosen.values():
        outcome, ratio = judge(statement.target, asked.target)
        yield Comparison(outcome, lower, upper, (statement,), asked, ratio)
    yield from _scope(lower, upper, asked, tuple(chosen.values()))


def _otherwise(asked: Numbered, key: str, own: _Index) -> Iterator[Numbered]:
    """Statements of the year that put a related indicator another way: a number of cars where growth was asked."""
    if asked.target.concept is None:
        return
    for related in load_vocabularies().concept("indicator", key).values("related"):
        for statement in own.get(related, {}).get(asked.target.target_year, []):
            if _why_not(statement.target, asked.target) in {"measure", "part-of-whole"}:
                yield statement


def _scope(lower: str, upper: str, asked: Numbered, answers: tuple[Numbered, ...]) -> Iterator[Comparison]:
    """Which listed fields the lower plan leaves out or adds, all its statements of the indicator together."""
    wanted = asked.target.scope_domains
    if not wanted or any(not answer.target.scope_domains for answer in answers):
        return
    given = list(dict.fromkeys(key for answer in answers for key in answer.target.scope_domains))
    lost = tuple(key for key in wanted if key not in given)
    gained = tuple(key for key in given if key not in wanted)
    if lost:
        yield Comparison("narrowed", lower, upper, answers, asked, lost=lost, gained=gained)
    elif gained:
        yield Comparison("widened", lower, upper, answers, asked, gained=gained)


def _why_not(lower: Target, upper: Target) -> str | None:
    """The key of the reason why two statements about one indicator and year cannot be compared; None if they can."""
    words = "qualitative"
    if lower.measure != upper.measure and words not in (lower.measure, upper.measure):
        return "measure"
    if lower.measure in _OF_A_PART and lower.measure == upper.measure:
        return "part-of-whole"
    if lower.value is not None and upper.value is not None:
        if not linking.same_unit(lower.unit or "", upper.unit or ""):
            return "unit"
        if lower.baseline_year and upper.baseline_year and lower.baseline_year != upper.baseline_year:
            return "baseline"
    mine, theirs = set(lower.scope_domains), set(upper.scope_domains)
    if mine and theirs and not (mine <= theirs or theirs <= mine):
        return "scope"
    return None


def judge(lower: Target, upper: Target) -> tuple[Outcome, Decimal | None]:
    """Compare two comparable statements: the outcome, and lower ÷ upper where both have figures.

    A plain figure (=) and about (~) set the mark to reach, as in the plans themselves: +45 % answered by ≥ 45 % is
    equal. The direction is the indicator's; where it is unknown, more asks more.
    """
    if lower.value is None or upper.value is None:
        if lower.value is None and upper.value is None:
            return "equal", None
        return ("softened" if lower.value is None else "hardened"), None
    ratio = (lower.value / upper.value).quantize(Decimal("0.0001")).normalize() + 0 if upper.value else None
    if lower.value == upper.value:
        return "equal", ratio
    more = lower.value > upper.value
    return ("raised" if more == _higher_is_more(lower, upper) else "lowered"), ratio


def _higher_is_more(lower: Target, upper: Target) -> bool:
    key = lower.concept or upper.concept
    if key is None:
        return upper.comparator not in ("<", "<=")
    return load_vocabularies().concept("indicator", key).value("direction") != "lower"


def inferred_quads(
    places: Iterable[Place], comparisons: Iterable[Comparison], lineage: Lineage
) -> QuadWriter:
    """The graph of derived facts: lines of plans and divisions, shortcuts to agencies, comparisons."""
    out = QuadWriter(terms.GRAPH_INFERRED)
    places = list(places)
    _agency_labels(out, [place.record for place in places if place.record])
    for place in places:
        _lineage(out, place, lineage.ancestors(place))
        _around(out, place, lineage)
    _versions(out, places)
    for division in divisions.divisions().values():
        for above in divisions.line(division.code)[1:]:
            out.add(
                terms.division_iri(division.code), ZM.withinDivisionTransitive, terms.division_iri(above.code)
            )
    numbers: dict[tuple[str, str | None], int] = {}
    for comparison in comparisons:
        pair = (comparison.lower_plan, comparison.upper_plan)
        numbers[pair] = numbers.get(pair, 0) + 1
        _comparison(out, terms.comparison_iri(*pair, numbers[pair]), comparison)
    return out


def _agency_labels(out: QuadWriter, records: Sequence[PlanRecord]) -> None:
    """One preferred label for each agency over all documents; skos keeps preferred and alternative labels apart."""
    for iri, (preferred, others) in agency_labels.labels(records).items():
        out.add(iri, SKOS.prefLabel, zh(preferred))
        for other in others:
            out.add(iri, SKOS.altLabel, zh(other))


def _lineage(out: QuadWriter, place: Place, ancestors: Sequence[Place]) -> None:
    plan = terms.document_iri(place.slug)
    for distance, ancestor in enumerate(ancestors):
        if distance == 0:
            out.add(plan, ZM.parentPlan, terms.document_iri(ancestor.slug))
        out.add(plan, ZM.ancestorPlan, terms.document_iri(ancestor.slug))
    if place.record is None:
        return
    code = agency_labels.code_of(place.record)
    written: dict[URIRef, int] = {}
    for action in place.record.actions:
        iri = terms.action_iri(place.slug, action.path)
        written[iri] = written.get(iri, 0) + 1
        if written[iri] > 1:
            iri = URIRef(f"{iri}-{written[iri]}")
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


def _versions(out: QuadWriter, places: Sequence[Place]) -> None:
    for chain in versions.chains(place.record for place in places if place.record is not None):
        for earlier, later in pairwise(chain):
            out.add(terms.document_iri(later), PROV.wasRevisionOf, terms.document_iri(earlier))
            out.add(terms.document_iri(earlier), ZM.latestVersion, terms.document_iri(chain[-1]))


def _comparison(out: QuadWriter, iri: URIRef, comparison: Comparison) -> None:
    about = comparison.upper or comparison.lower[0]
    out.add(iri, RDF.type, ZM.Comparison)
    out.add(iri, ZM.lowerPlan, terms.document_iri(comparison.lower_plan))
    if comparison.upper_plan:
        out.add(iri, ZM.upperPlan, terms.document_iri(comparison.upper_plan))
    for statement in comparison.lower:
        out.add(iri, ZM.lowerTarget, terms.target_iri(comparison.lower_plan, statement.number))
    if comparison.upper and comparison.upper_plan:
        out.add(iri, ZM.upperTarget, terms.target_iri(comparison.upper_plan, comparison.upper.number))
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
