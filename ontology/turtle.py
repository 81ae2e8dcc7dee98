"""Turtle files into rdflib graphs, by pyoxigraph's reader: rdflib's own takes twice as long, and every command reads them."""

import pyoxigraph as ox
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.term import Node

_STRING = "http://www.w3.org/2001/XMLSchema#string"


def read_turtle(text: bytes | str, graph: Graph | None = None) -> Graph:
    """Return the triples and prefixes of a Turtle text, in the order of the file; added to ``graph``, if given.

    Raises:
        SyntaxError: it is not Turtle; the message tells the line and column.
    """
    found = Graph() if graph is None else graph
    parser = ox.parse(text, format=ox.RdfFormat.TURTLE)
    names: dict[str, URIRef] = {}
    nodes: dict[str, BNode] = {}

    def node(term: object) -> Node:
        if isinstance(term, ox.NamedNode):
            known = names.get(term.value)
            if known is None:
                known = names[term.value] = str.__new__(URIRef, term.value)  # its reader has looked at it
            return known
        if isinstance(term, ox.BlankNode):
            # Named anew: two files may use one name.
            return nodes.setdefault(term.value, BNode())
        assert isinstance(term, ox.Literal)
        if term.language:
            return Literal(term.value, lang=term.language)
        kind = term.datatype.value
        return Literal(term.value, datatype=None if kind == _STRING else URIRef(kind))

    found.addN((node(one.subject), node(one.predicate), node(one.object), found) for one in parser)
    for prefix, namespace in parser.prefixes.items():
        found.bind(prefix, namespace, replace=True)
    return found
