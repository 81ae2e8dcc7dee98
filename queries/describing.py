"""What the graph says of one thing: its own statements, what points to it, the sentences behind it, and all their names.

Every part is bounded. The patterns are looked up by index, one kind at a time: as one query with OPTIONALs Oxigraph
would evaluate them over the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pyoxigraph as ox
from rdflib.namespace import DCTERMS, RDFS, SKOS

from graph.listing import chunks
from ontology.terms import OA, ZM
from queries.rdf import term
from queries.tables import Table

MOST_OWN = 2000
"""Statements of a thing that are given."""
PART = 200
"""Statements that point to a thing, given at a time."""

# Where the sentences stand that a thing without one of its own rests on
_RESTS_ON = frozenset(
    ox.NamedNode(str(ZM[name]))
    for name in ("lowerTarget", "upperTarget", "claim", "firstPassage", "secondPassage", "explainedBy")
)
_QUOTING = tuple(str(ZM[name]) for name in ("quote", "path", "inDocument", "span", "claimedJurisdiction"))
_SPAN = ox.NamedNode(str(ZM.span))
_QUOTE = ox.NamedNode(str(ZM.quote))
_SELECTOR = ox.NamedNode(str(OA.hasSelector))
# What a thing is called by, the best first
NAMING = tuple(
    str(one)
    for one in (SKOS.prefLabel, RDFS.label, DCTERMS.title, ZM.heading, ZM.indicatorText, ZM.agencyText)
) + tuple(str(one) for one in (ZM.citedTitle, ZM.citedNumber, ZM.quote, OA.exact))

Ask = Callable[[str], Table]


@dataclass(frozen=True)
class Description:
    """What is known of ``iri``. ``incoming`` is one part; ``more`` is whether there are others behind it.

    ``evidence`` has the quotes and spans of the thing and of what it rests on; ``names`` are labels of everything that
    is mentioned. ``cut`` is whether not even all own statements are given.
    """

    iri: str
    own: tuple[ox.Triple, ...]
    incoming: tuple[ox.Triple, ...]
    more: bool
    cut: bool
    evidence: tuple[ox.Triple, ...]
    names: tuple[ox.Triple, ...]
    _labels: dict[str, dict[str, str]] = field(repr=False, default_factory=dict)

    @property
    def triples(self) -> frozenset[ox.Triple]:
        """All of it, as one graph."""
        return frozenset((*self.own, *self.incoming, *self.evidence, *self.names))

    def label(self, iri: str, lang: str) -> str | None:
        """What an IRI of this description is called, in ``lang`` if it can be."""
        names = self._labels.get(iri, {})
        return names.get(lang) or names.get("zh") or names.get("") or next(iter(names.values()), None)

    def quotes(self) -> list[tuple[str, str]]:
        """The sentences behind the thing: whose each is, and its words."""
        own = (triple for triple in (*self.own, *self.evidence) if triple.predicate == _QUOTE)
        found = dict.fromkeys((_iri(one.subject), _text(one.object)) for one in own)
        return sorted(found, key=lambda pair: pair[0] != self.iri)


def graph_there(iri: str) -> str:
    """The ASK whether a graph of this name is in the store; one without triples may be there too.

    Named in a dataset, or as GRAPH <…> {}, it would be there in any case: an engine takes the name as it is given. The
    list of names is looked through only where no triple was found.
    """
    name = ox.NamedNode(iri)
    return f"ASK {{ {{ GRAPH {name} {{ ?s ?p ?o }} }} UNION {{ GRAPH ?g {{}} FILTER(?g = {name}) }} }}"


def exists(ask: Ask, iri: str) -> bool:
    """Whether anything is said of an IRI, or with it."""
    node = ox.NamedNode(iri)
    return bool(
        len(ask(f"SELECT ?p {{ {node} ?p ?o }} LIMIT 1")) or len(ask(f"SELECT ?p {{ ?s ?p {node} }} LIMIT 1"))
    )


def describe(ask: Ask, iri: str, *, part: int = PART, offset: int = 0) -> Description | None:
    """The description of ``iri``, or None where the graph does not know it. ``ask`` runs a SELECT.

    ``offset`` is how many of the statements that point to it are left out first. Their order is that of the index:
    the same as long as the store is, and found without sorting what may be a million.
    """
    node = ox.NamedNode(iri)
    rows = ask(f"SELECT DISTINCT ?p ?o {{ {node} ?p ?o }} LIMIT {MOST_OWN + 1}").rows
    own = tuple(
        ox.Triple(node, ox.NamedNode(p.text), term(o))
        for p, o in rows[:MOST_OWN]
        if p is not None and o is not None
    )
    back = ask(
        f"SELECT DISTINCT ?s ?p {{ ?s ?p {node} FILTER(isIRI(?s)) }} LIMIT {part + 1} OFFSET {offset}"
    ).rows
    incoming = tuple(
        ox.Triple(ox.NamedNode(s.text), ox.NamedNode(p.text), node) for s, p in back[:part] if s and p
    )
    if not own and not incoming and not (offset and exists(ask, iri)):
        return None
    evidence = tuple(_evidence(ask, node, own))
    names = tuple(_names(ask, iri, (*own, *incoming, *evidence)))
    labels: dict[str, dict[str, str]] = {}
    for naming in NAMING:
        for triple in (*names, *own):
            if triple.predicate.value == naming and isinstance(triple.object, ox.Literal):
                known = labels.setdefault(_iri(triple.subject), {})
                known.setdefault(triple.object.language or "", triple.object.value)
    return Description(iri, own, incoming, len(back) > part, len(rows) > MOST_OWN, evidence, names, labels)


def _evidence(ask: Ask, node: ox.NamedNode, own: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    rests_on = [
        one.object for one in own if one.predicate in _RESTS_ON and isinstance(one.object, ox.NamedNode)
    ]
    quoted = list(_said(ask, [one.value for one in rests_on], _QUOTING))
    yield from quoted
    spans = [_iri(one.object) for one in (*own, *quoted) if one.predicate == _SPAN]
    if any(one.predicate == _SELECTOR for one in own):
        spans.append(node.value)
    found = list(_said(ask, spans, (_SELECTOR.value, str(OA.hasSource))))
    yield from found
    selectors = [_iri(one.object) for one in found if one.predicate == _SELECTOR]
    yield from _said(ask, selectors, [str(OA[name]) for name in ("start", "end", "exact")])


def _names(ask: Ask, iri: str, triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    mentioned = {iri: None}
    for triple in triples:
        for one in triple:
            if isinstance(one, ox.NamedNode):
                mentioned.setdefault(one.value, None)
    yield from _said(ask, mentioned, NAMING)


def _said(ask: Ask, subjects: Iterable[str], predicates: Iterable[str]) -> Iterator[ox.Triple]:
    """What is said of some subjects with some predicates."""
    listed = ", ".join(f"<{one}>" for one in predicates)
    for chunk in chunks(dict.fromkeys(subjects)):
        query = f"SELECT DISTINCT ?s ?p ?o {{ VALUES ?s {{ {chunk} }} ?s ?p ?o FILTER(?p IN ({listed})) }}"
        for s, p, o in ask(query).rows:
            assert s is not None and p is not None and o is not None  # noqa: PT018 - a pattern binds all
            yield ox.Triple(ox.NamedNode(s.text), ox.NamedNode(p.text), term(o))


def _iri(node: object) -> str:
    return node.value if isinstance(node, ox.NamedNode) else str(node)


def _text(node: object) -> str:
    return node.value if isinstance(node, ox.Literal) else str(node)
