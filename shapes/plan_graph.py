"""What plans were judged on as an rdflib graph: findings ask it for the few nodes that they tell of."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from functools import cached_property
from typing import Any, Final

import pyoxigraph as ox
from rdflib import Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.term import BNode, Node

from graph.stores import Store
from ontology import terms
from ontology.terms import ZM

_TRIPLES: Final = ox.RdfFormat.N_TRIPLES


class PlanGraph(Graph):
    """What some plans were judged on as an rdflib graph, and behind it, for a node of which that says nothing, the store.

    Findings ask for a small part of the nodes: of these alone terms are made. A pattern with a predicate and an object
    but without a subject is answered from the whole store; who asks without either is told of these plans and their
    comparisons only.
    """

    def __init__(self, store: Store, slugs: Iterable[str], triples: bytes) -> None:
        super().__init__()
        self._behind = store
        self._plans = [terms.document_iri(slug) for slug in slugs]
        self._lines: dict[bytes, list[bytes]] = {}
        start, same = b" ", list[bytes]()
        for line in triples.splitlines():
            # What is said of a node stands together, mostly.
            if not line.startswith(start):
                start = line[: line.find(b" ") + 1]
                same = self._lines.setdefault(start[:-1], [])
            same.append(line)
        self._known: dict[Any, Node] = {}
        self._said: dict[Node, dict[str, list[Any]]] = {}
        self._values: dict[tuple[Node, Node], tuple[Node, ...]] = {}

    def triples(self, triple: Any) -> Generator[Any, None, None]:
        """The triples of a pattern, each once."""
        subject, predicate, object_ = triple
        if subject is not None:
            for name in map(URIRef, self._about(subject)) if predicate is None else (predicate,):
                for value in self._values_of(subject, name):
                    if object_ is None or value == object_:
                        yield subject, name, value
        elif object_ is not None:
            for found in self._behind.pointing(str(predicate), _ox(object_)):
                yield self._node(found.subject), self._node(found.predicate), object_
        elif predicate is not None:
            for one in self._own:
                for value in self._values_of(one, predicate):
                    yield one, predicate, value
        else:
            for one in self._own:
                yield from self.triples((one, None, None))

    # These three as rdflib's, without its detours where a property of a node is asked for: most of all that findings ask.

    def value(
        self, subject: Any = None, predicate: Any = None, object: Any = None, *args: Any, **more: Any
    ) -> Any:
        """One value of a property."""
        if subject is not None and predicate is not None and object is None:
            found = self._values_of(subject, predicate)
            return found[0] if found else None
        return super().value(subject, predicate, object, *args, **more)

    def objects(
        self, subject: Any = None, predicate: Any = None, unique: bool = False
    ) -> Generator[Any, None, None]:
        """The values of a property."""
        if subject is not None and isinstance(predicate, URIRef):
            yield from self._values_of(subject, predicate)
        else:
            yield from super().objects(subject, predicate, unique)

    def __contains__(self, triple: Any) -> bool:
        """Whether a triple is told."""
        subject, predicate, object_ = triple
        if None not in triple and isinstance(predicate, URIRef):
            return object_ in self._values_of(subject, predicate)
        return super().__contains__(triple)

    @cached_property
    def _own(self) -> list[Node]:
        """The plans and their comparisons."""
        said = f" <{ZM.lowerPlan}> ".encode()
        plans = {f"<{plan}> .".encode() for plan in self._plans}
        compared = [
            self._node(name)
            for name, lines in self._lines.items()
            if any(said in line and line.partition(said)[2] in plans for line in lines)
        ]
        return list(dict.fromkeys([*self._plans, *compared]))

    def _values_of(self, subject: Node, predicate: Node) -> tuple[Node, ...]:
        key = (subject, predicate)
        found = self._values.get(key)
        if found is None:
            raw = self._about(subject).get(str(predicate), ())
            # A triple may stand in several graphs.
            found = self._values[key] = tuple([self._node(one) for one in dict.fromkeys(raw)])
        return found

    def _about(self, subject: Node) -> dict[str, list[Any]]:
        """All that is said of a node, by property."""
        found = self._said.get(subject)
        if found is None:
            found = self._said[subject] = {}
            if isinstance(subject, RdfLiteral):
                return found
            name = f"<{subject}>".encode()
            lines = self._lines.get(name)
            if lines:
                start = len(name) + 1
                for line in lines:
                    # `<subject> <predicate> object .`, with single blanks: as Oxigraph and graph.quads write it.
                    predicate, _, term = line[start:-2].partition(b" ")
                    found.setdefault(predicate[1:-1].decode(), []).append(term)
            elif isinstance(subject, URIRef):
                for one in self._behind.described([str(subject)]):
                    found.setdefault(one.predicate.value, []).append(one.object)
        return found

    def _node(self, term: Any) -> Node:
        """A term as rdflib has it, from one of Oxigraph's or as it stands in N-Triples."""
        if isinstance(term, bytes):
            known = self._known.get(term)
            if known is None:
                known = self._known[term] = self._read(term)
            return known
        if isinstance(term, ox.Literal):
            if term.language:
                return RdfLiteral(term.value, lang=term.language)
            plain = term.datatype.value.endswith("#string")
            return RdfLiteral(term.value, datatype=None if plain else URIRef(term.datatype.value))
        known = self._known.get(term)
        if known is None:
            known = BNode(term.value) if isinstance(term, ox.BlankNode) else str.__new__(URIRef, term.value)
            self._known[term] = known
        return known

    def _read(self, term: bytes) -> Node:
        if b"\\" in term:
            return self._node(next(iter(ox.parse(b"<a:a> <a:a> " + term + b" .", format=_TRIPLES))).object)
        if term.startswith(b"<"):
            return str.__new__(URIRef, term[1:-1].decode())
        if term.startswith(b"_:"):
            return BNode(term[2:].decode())
        end = term.rindex(b'"')
        text, kind = term[1:end].decode(), term[end + 1 :]
        if kind.startswith(b"@"):
            return RdfLiteral(text, lang=kind[1:].decode())
        return RdfLiteral(text, datatype=URIRef(kind[3:-1].decode()) if kind else None)


def _ox(node: Node | None) -> Any:
    if node is None:
        return None
    if isinstance(node, RdfLiteral):
        if node.language:
            return ox.Literal(str(node), language=node.language)
        return ox.Literal(str(node), datatype=ox.NamedNode(node.datatype) if node.datatype else None)
    return ox.BlankNode(str(node)) if isinstance(node, BNode) else ox.NamedNode(str(node))
