"""Graphs for readers: sorted, each triple once, with the prefixes of the project."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from ontology.terms import PREFIXES
from queries.tables import Cell

_PREFIXED = frozenset({"text/turtle", "application/rdf+xml", "application/trig", "application/ld+json"})


def read_ntriples(body: bytes) -> set[ox.Triple]:
    """The triples of an answer in N-Triples."""
    return {quad.triple for quad in ox.parse(body, format=ox.RdfFormat.N_TRIPLES)}


def written(triples: Iterable[ox.Triple], writer: str) -> bytes:
    """Triples in the notation of a media type, those of a subject together.

    ``writer`` is a `queries.formats.Format.writer`. Only prefixes that occur are declared.
    """
    ordered = sorted(set(triples), key=_order)
    data = ox.serialize(ordered, format=ox.RdfFormat.from_media_type(writer), prefixes=_used(ordered, writer))
    assert data is not None
    return data


def term(cell: Cell) -> ox.NamedNode | ox.BlankNode | ox.Literal:
    """The RDF term of a cell."""
    if cell.kind == "uri":
        return ox.NamedNode(cell.text)
    if cell.kind == "bnode":
        return ox.BlankNode(cell.text)
    if cell.lang:
        return ox.Literal(cell.text, language=cell.lang)
    return ox.Literal(cell.text, datatype=ox.NamedNode(cell.datatype) if cell.datatype else None)


def _used(triples: Iterable[ox.Triple], writer: str) -> dict[str, str] | None:
    if writer not in _PREFIXED:
        return None
    iris: set[str] = set()
    for triple in triples:
        iris.update(one.value for one in triple if isinstance(one, ox.NamedNode))
        if isinstance(triple.object, ox.Literal):
            iris.add(triple.object.datatype.value)
    return {prefix: space for prefix, space in PREFIXES.items() if any(one.startswith(space) for one in iris)}


def _order(triple: ox.Triple) -> tuple[str, bool, str, str]:
    # What a thing is stands before what is said of it
    kind = triple.predicate.value != "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
    return (str(triple.subject), kind, triple.predicate.value, str(triple.object))
