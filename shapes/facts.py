"""What the graph says around one node: the small look-ups that findings are written from.

A graph that failed its structure rules may lack anything, or hold it twice, so nothing here is taken for granted.
"""

import re
from decimal import Decimal

from rdflib import Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import DCTERMS, RDFS, SKOS
from rdflib.term import Node

from graph.record import Model
from ontology.terms import QUDT, ZM
from shapes.rules import Lang

# Made once: rdflib makes a new term each time that one of these is asked for.
_LABEL, _NOTATION, _SYMBOL = SKOS.prefLabel, SKOS.notation, QUDT.symbol


class Place(Model):
    """A division; ``code`` has six digits (GB/T 2260)."""

    code: str
    name: str


class Facts:
    """Look-ups, each over a few triples around one node. What was looked up once is kept: the graph must not change."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._places: dict[Node, Place | None] = {}
        self._ranks: dict[Node, int] = {}
        # Of a few hundred concepts and documents the same is asked thousands of times.
        self._labels: dict[tuple[Node, Lang], str] = {}
        self._keys: dict[Node, str] = {}
        self._slugs: dict[Node, str] = {}
        self._titles: dict[Node, str] = {}

    def node(self, subject: Node | None, predicate: URIRef) -> Node | None:
        """The value of a property, or None."""
        return None if subject is None else self.graph.value(subject, predicate)

    def text(self, subject: Node | None, predicate: URIRef) -> str | None:
        """The value of a property as text, or None."""
        found = self.node(subject, predicate)
        return None if found is None else str(found)

    def number(self, subject: Node | None, predicate: URIRef) -> Decimal | None:
        """The value of a property as an exact number; None where it is none."""
        found = self.node(subject, predicate)
        value = found.value if isinstance(found, RdfLiteral) else None
        return value if isinstance(value, Decimal) else Decimal(value) if isinstance(value, int) else None

    def order(self, node: Node) -> int:
        """The place in the reading order; 0 where there is none."""
        return int(self.number(node, ZM.order) or 0)

    def year(self, node: Node) -> int | None:
        """The target year, or None."""
        text = self.text(node, ZM.targetYear) or ""
        return int(text) if re.fullmatch(r"\d{4}", text) else None

    def label(self, node: Node, lang: Lang) -> str:
        """The name in a language, in the other where there is none, or the end of the IRI."""
        found = self._labels.get((node, lang))
        if found is None:
            found = self._said(node, lang, _LABEL, RDFS.label) or _tail(node)
            self._labels[node, lang] = found
        return found

    def key(self, node: Node | None) -> str | None:
        """The notation of a concept or division, or the end of the IRI."""
        if node is None:
            return None
        found = self._keys.get(node)
        if found is None:
            found = self._keys[node] = self.text(node, _NOTATION) or _tail(node)
        return found

    def unit(self, target: Node) -> str | None:
        """The unit of a target as one prints it (%, 台); as printed in the plan where it is in no vocabulary."""
        unit = self.node(target, ZM.unit)
        if unit is None:
            return self.text(target, ZM.unitText)
        return self.text(unit, _SYMBOL) or self.label(unit, "zh")

    def span(self, node: Node) -> tuple[int, int] | None:
        """The range of a passage in the kept text, as its IRI has it (see `ontology.terms.span_iri`)."""
        match = re.search(r"/span/(\d+)-(\d+)$", self.text(node, ZM.span) or "")
        return (int(match[1]), int(match[2])) if match else None

    def place(self, document: Node | None) -> Place | None:
        """The division that a document is for."""
        if document is None:
            return None
        if document not in self._places:
            division = self.node(document, ZM.jurisdiction)
            self._places[document] = (
                None
                if division is None
                else Place(code=self.key(division) or "", name=self.label(division, "zh"))
            )
        return self._places[document]

    def rank(self, document: Node | None) -> int:
        """The level of a document: 1 for the whole country, then growing; 0 where it is unknown."""
        if document is None:
            return 0
        if document not in self._ranks:
            rank = self.number(self.node(document, ZM.level), ZM.rank)
            self._ranks[document] = int(rank or 0)
        return self._ranks[document]

    def slug(self, document: Node) -> str:
        """The short name of a document."""
        found = self._slugs.get(document)
        if found is None:
            found = self._slugs[document] = self.text(document, DCTERMS.identifier) or _tail(document)
        return found

    def title(self, document: Node) -> str:
        """The title of a document."""
        found = self._titles.get(document)
        if found is None:
            found = self._said(document, "zh", DCTERMS.title) or self.slug(document)
            self._titles[document] = found
        return found

    def document_of(self, node: Node) -> Node | None:
        """The document that a node belongs to, itself included; None for an agency or a concept."""
        if self.node(node, ZM.origin) is not None:
            return node
        found = self.node(node, ZM.lowerPlan) or self.node(node, ZM.inDocument)
        if found is not None:
            return found
        holder = self.graph.value(None, ZM.assignment, node) or self.graph.value(None, ZM.span, node)
        return self.node(holder, ZM.inDocument)

    def ground(self, document: Node | None) -> str:
        """What a document's statements rest on: own_text, record or record_unverified."""
        if self.key(self.node(document, ZM.origin)) != "record":
            return "own_text"
        verified = self.node(document, ZM.verified)
        is_verified = isinstance(verified, RdfLiteral) and verified.value is True
        return "record" if is_verified else "record_unverified"

    def _said(self, node: Node, lang: Lang, *predicates: URIRef) -> str | None:
        labels = [o for p in predicates for o in self.graph.objects(node, p) if isinstance(o, RdfLiteral)]
        labels.sort(key=lambda label: label.language != lang)
        return str(labels[0]) if labels else None


def _tail(node: Node) -> str:
    return re.split(r"[#/]", str(node))[-1]
