"""What a draft would change for other plans: their findings with the draft and without, held side by side.

Of the plans below it that is whatever joins them to those above, of the plan above it the sums over its places.

Both sides are compared and judged alike, on the same documents, so that what differs comes from the draft alone. Only
what joins plans is judged: what a plan below says of itself no draft above it can change.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import pyoxigraph as ox
from rdflib import Graph

from graph import cascade
from graph.cascade import Lineage, Place
from ontology.vocabulary import ontology_graph
from shapes.collecting import collect
from shapes.findings import BelowDocument, Clause, Effect, Effects, Finding, Report, RuleNote
from shapes.judging import usual_engine
from shapes.lines import Texts
from shapes.validation import ValidationResult, load_shapes, validate

MOST: Final = 200
"""So many plans below are looked at, the nearest levels first: those of a province."""
_FILES: Final = ("comparison.ttl", "claims.ttl", "shares.ttl", "words.ttl")
Triples = dict[ox.Triple, None]


def effects_of(
    before: Sequence[Place],
    after: Sequence[Place],
    below: Sequence[str],
    above: Collection[str],
    more: int,
    complete: Callable[[Triples], None],
    own: Triples,
    settled: Callable[[Report], Report],
    texts: Texts,
) -> tuple[Effects, dict[str, RuleNote]]:
    """Return what changes for some plans, and the rules that the findings are made by.

    Args:
        before: the documents as they are, in the order of the build.
        after: the same with the draft, without what it replaces.
        below: the slugs of the plans below the draft that are looked at.
        above: the slugs of the plan directly above it, each version; empty where not all places of its sums are among
            the documents.
        more: how many there are that are not.
        complete: adds what the build says of the nodes that triples lead to.
        own: what the draft says.
        settled: applies the waivers to a report.
        texts: those of the documents, the draft among them.
    """
    wanted, summed = set(below), set(above)
    was = settled(_report(before, wanted, summed, complete, {}, texts))
    would = settled(_report(after, wanted, summed, complete, own, texts))
    titles = {one.slug: one for one in (*was.summary.documents, *would.summary.documents)}
    told = Effects(
        documents=[
            BelowDocument(slug=slug, title=titles[slug].title, place=titles[slug].place)
            for slug in below
            if slug in titles
        ],
        above=[
            BelowDocument(slug=slug, title=titles[slug].title, place=titles[slug].place)
            for slug in above
            if slug in titles
        ],
        more=more,
        changes=list(_changes(_of(was, wanted | summed), _of(would, wanted | summed))),
    )
    names = {one.rule for effect in told.changes for one in (effect.before, effect.after) if one}
    return told, {name: note for name, note in {**was.rules, **would.rules}.items() if name in names}


def _of(report: Report, wanted: set[str]) -> list[Finding]:
    return [one for one in report.findings if one.document in wanted]


def _report(
    places: Sequence[Place],
    wanted: set[str],
    summed: set[str],
    complete: Callable[[Triples], None],
    own: Triples,
    texts: Texts,
) -> Report:
    lineage = Lineage()
    for place in places:
        lineage.add(place)
    compared = [
        one
        for one in cascade.comparisons(places, lineage, only=wanted | summed)
        if one.outcome == "sum_exceeds" or one.lower_plan not in summed
    ]
    found = dict(own) | {quad.triple: None for quad in cascade.comparison_quads(compared)}
    complete(found)
    data = ox.serialize(found, format=ox.RdfFormat.N_TRIPLES)
    assert data is not None
    graph = Graph().parse(data=data, format="nt")
    return collect(_judged(graph, data), graph, texts=texts)


def _judged(graph: Graph, data: bytes) -> ValidationResult:
    shapes = _shapes()
    if usual_engine() == "reference":
        return validate(graph, ontology_graph(), shapes)
    from shapes.fast import FastEngine  # there is no wheel of its package for every machine

    results = tuple(FastEngine(shapes).results(data + _classes()))
    return ValidationResult(not results, Graph(), results, shapes)


@lru_cache(maxsize=1)
def _classes() -> bytes:
    return ontology_graph().serialize(format="nt").encode()


@lru_cache(maxsize=1)
def _shapes() -> Graph:
    shapes = Graph()
    for name in _FILES:
        shapes += load_shapes(only=name)
    return shapes


def _changes(was: Iterable[Finding], would: Iterable[Finding]) -> Iterable[Effect]:
    """The findings of the same rule, plan, indicator and year are held against each other; which of several levels that
    say the same a finding is told against is no change."""
    groups: defaultdict[tuple[Any, ...], tuple[list[Finding], list[Finding]]] = defaultdict(lambda: ([], []))
    for side, findings in enumerate((was, would)):
        for one in findings:
            groups[one.rule, one.document, one.indicator, one.year][side].append(one)
    appear, change, disappear = [], [], []
    for old, new in groups.values():
        marks = [_mark(one) for one in new]
        for one in list(old):
            if (mark := _mark(one)) in marks:
                at = marks.index(mark)
                del marks[at], new[at]
                old.remove(one)
        paired = min(len(old), len(new))
        change += [
            Effect(change="changes", before=then, after=now)
            for then, now in zip(old[:paired], new[:paired], strict=True)
        ]
        appear += [Effect(change="appears", after=one) for one in new[paired:]]
        disappear += [Effect(change="disappears", before=one) for one in old[paired:]]
    return [*appear, *change, *disappear]


def _mark(finding: Finding) -> tuple[Any, ...]:
    """What makes a finding another one: its gravity, its standing, and what the two sides say."""
    sides = [*finding.statements, finding.upper]
    return (
        finding.severity,
        finding.status,
        finding.ratio,
        *(_said(one) for one in sides if one is not None),
    )


def _said(clause: Clause) -> tuple[Any, ...]:
    if clause.value is None:
        return (clause.comparator,)
    return (clause.comparator, clause.value, clause.value_max, clause.unit)
