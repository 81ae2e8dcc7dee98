"""The fast engine: the package `shacl` (Rust), for the same shapes and with the same results as pySHACL.

pySHACL is the reference (see shapes.validation); tests/test_engines.py holds the two against each other on the real
corpus, on seeded faults and on generated plans. What the engine does not tell is recovered here: the languages of the
messages from the shapes, and the named shape around a nested one. A result of a path that is more than one property has
a blank node as its path in SHACL; here it has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pyoxigraph as ox
import shacl
from rdflib import BNode, Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import SH
from rdflib.term import Node

from shapes.rules import ShapesError
from shapes.validation import SEVERITIES, Result


class FastEngine:
    """A shapes graph, compiled once and applied often.

    Raises:
        ShapesError: the engine cannot read the shapes.
    """

    def __init__(self, shapes: Graph) -> None:
        try:
            self._shapes = shacl.Shapes.from_text(shapes.serialize(format="nt"), format="ntriples")
        except Exception as error:  # the package raises several kinds
            raise ShapesError(f"the shapes could not be read: {error}") from error
        self._languages = {
            str(m): m.language or "" for m in shapes.objects(None, SH.message) if isinstance(m, RdfLiteral)
        }

    def results(self, triples: bytes) -> Iterator[Result]:
        """Judge a graph given as N-Triples, the vocabularies and the ontology in it.

        Raises:
            ShapesError: the shapes could not be applied.
        """
        try:
            report = self._shapes.validate_text(triples.decode(), format="ntriples")
        except Exception as error:
            raise ShapesError(f"the shapes could not be applied: {error}") from error
        for row in report.results:
            source = row.source_shape or ""
            named = _term(source if source.startswith("<") else row.root_shape)
            assert named is not None
            focus = _term(row.focus_node)
            assert focus is not None
            yield Result(
                focus=focus,
                path=_term(row.path) if row.path and _is_iri(row.path) else None,
                value=_term(row.value),
                severity=SEVERITIES.get(URIRef(row.severity_iri.strip("<>")), "violation"),
                shape=named,
                component=URIRef(row.component_iri.strip("<>")),
                messages={self._languages.get(text, ""): text for text in row.messages},
            )


def _is_iri(term: str) -> bool:
    return term.startswith("<") and term.endswith(">") and ">" not in term[1:-1]


@lru_cache(maxsize=100_000)
def _term(text: str | None) -> Node | None:
    """A term in N-Triples syntax as rdflib has it."""
    if not text:
        return None
    if _is_iri(text) and "\\" not in text:
        return URIRef(text[1:-1])
    if text.startswith("_:"):
        return BNode(text[2:])
    quad = next(iter(ox.parse(f"<a:a> <a:b> {text} .", format=ox.RdfFormat.N_TRIPLES)))
    found = quad.object
    if isinstance(found, ox.Literal):
        language = found.language
        return (
            RdfLiteral(found.value, lang=language)
            if language
            else RdfLiteral(
                found.value,
                datatype=None if found.datatype.value.endswith("#string") else URIRef(found.datatype.value),
            )
        )
    return URIRef(found.value) if isinstance(found, ox.NamedNode) else None
