"""Namespaces, graph names, and the one place where the IRIs of the project are built.

Every IRI is readable and follows from what it names, so that it is the same in each build:
``id:document/420115-jiangxia-2024/action/2.1.1`` is the task 二/（一）/1 of that document.
"""

import re
from functools import lru_cache
from typing import Final

from rdflib import Namespace, URIRef
from rdflib.namespace import DCTERMS, ORG, OWL, PROV, RDF, RDFS, SH, SKOS, XSD

BASE: Final = "https://w3id.org/zhengmai/"


class _Terms(Namespace):
    """A namespace whose terms are made once: rdflib makes, and checks, a new one each time that it is asked."""

    def __getattr__(self, name: str) -> URIRef:
        if name.startswith("__"):
            raise AttributeError(name)
        # As an attribute of its own it is found the next time without coming here.
        found = self.__dict__[name] = URIRef(str(self) + name)
        return found


ZM: Final = _Terms(BASE + "ns#")
ID: Final = Namespace(BASE + "id/")
GRAPH: Final = Namespace(BASE + "graph/")
SHAPE: Final = Namespace(BASE + "shapes#")

OA: Final = _Terms("http://www.w3.org/ns/oa#")
ELI: Final = Namespace("http://data.europa.eu/eli/ontology#")
SCHEMA: Final = Namespace("https://schema.org/")
M8G: Final = Namespace("http://data.europa.eu/m8g/")
QUDT: Final = Namespace("http://qudt.org/schema/qudt/")
UNIT: Final = Namespace("http://qudt.org/vocab/unit/")
DCAT: Final = Namespace("http://www.w3.org/ns/dcat#")
VOID: Final = Namespace("http://rdfs.org/ns/void#")

PREFIXES: Final[dict[str, str]] = {
    "zm": str(ZM),
    "id": str(ID),
    "graph": str(GRAPH),
    "shape": str(SHAPE),
    "rdf": str(RDF),
    "rdfs": str(RDFS),
    "owl": str(OWL),
    "xsd": str(XSD),
    "skos": str(SKOS),
    "dcterms": str(DCTERMS),
    "prov": str(PROV),
    "oa": str(OA),
    "org": str(ORG),
    "eli": str(ELI),
    "schema": str(SCHEMA),
    "m8g": str(M8G),
    "qudt": str(QUDT),
    "unit": str(UNIT),
    "dcat": str(DCAT),
    "void": str(VOID),
    "sh": str(SH),
}
"""Prefix → namespace, for queries and for writing Turtle."""

_ID: Final = str(ID)  # of a namespace rdflib makes a new, checked text each time that it is formatted
_GRAPH: Final = str(GRAPH)

GRAPH_REFERENCE: Final = GRAPH.reference
GRAPH_ONTOLOGY: Final = GRAPH.ontology
GRAPH_INFERRED: Final = GRAPH.inferred
GRAPH_PROVENANCE: Final = GRAPH.provenance
DATASET: Final = ID["dataset/graph"]  # the graph of a build as published; ontology/catalog.ttl tells of it

_DIGITS: Final = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS: Final = {"十": 10, "百": 100}
_NOT_IN_SEGMENT: Final = re.compile(
    '[\\x00-\\x20\\x7f-\\xa0<>"{}|\\\\^`%/?#\\[\\]'
    "\\u2028-\\u202f\\u2060-\\u206f\\u3000\\ud800-\\uf8ff\\ufeff\\ufff0-\\uffff\\U000e0000-\\U0010ffff]"
)


def _iri(text: str) -> URIRef:
    """An IRI of ours: its parts are segments, so that rdflib need not look at each of its characters again."""
    return str.__new__(URIRef, text)


@lru_cache(maxsize=100_000)
def segment(text: str) -> str:
    """Return ``text`` as one segment of an IRI: Chinese stays, what a segment cannot hold is %-encoded."""

    def encode(match: re.Match[str]) -> str:
        return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "replace"))

    return _NOT_IN_SEGMENT.sub(encode, text.strip())


def chinese_number(text: str) -> int | None:
    """Return the value of a Chinese numeral below 1000 (``二十一`` is 21), or None when it is not one."""
    if not text or any(c not in _DIGITS and c not in _TENS for c in text):
        return None
    total, digit = 0, None
    for c in text:
        if c in _TENS:
            total += (1 if digit is None else digit) * _TENS[c]
            digit = None
        elif digit:
            return None
        else:
            digit = _DIGITS[c]
    return total + (digit or 0)


@lru_cache(maxsize=100_000)
def dotted(path: str) -> str:
    """Return the dotted form of a printed path: ``二/（一）/1`` is ``2.1.1``, ``附件2/14`` ``附件2.14``."""
    parts = []
    for part in path.split("/"):
        bare = part.strip(" \u3000（）()〔〕[]【】、.．。")
        number = int(bare) if bare.isascii() and bare.isdigit() else chinese_number(bare)
        parts.append(segment(bare) if number is None else str(number))
    return ".".join(parts)


@lru_cache(maxsize=100_000)
def document_iri(slug: str) -> URIRef:
    """Return the IRI of a document; the slug is the stem of its file."""
    return _iri(f"{_ID}document/{segment(slug)}")


def document_graph(slug: str) -> URIRef:
    """Return the name of the graph that holds what a document says."""
    return _iri(f"{_GRAPH}document/{segment(slug)}")


def provision_iri(slug: str, path: str) -> URIRef:
    """Return the IRI of a numbered place of a document; ``path`` is as printed."""
    return _iri(f"{document_iri(slug)}/provision/{dotted(path)}")


def action_iri(slug: str, path: str) -> URIRef:
    """Return the IRI of the task that stands at ``path`` of a document."""
    return _iri(f"{document_iri(slug)}/action/{dotted(path)}")


def assignment_iri(subject: URIRef, number: int) -> URIRef:
    """Return the IRI of the n-th assignment of a task or target."""
    return _iri(f"{subject}/assignment/{number}")


def target_iri(slug: str, number: int) -> URIRef:
    """Return the IRI of the n-th target of a document, in reading order."""
    return _iri(f"{document_iri(slug)}/target/{number}")


def cited_target_iri(slug: str, number: int) -> URIRef:
    """Return the IRI of the n-th statement of a document about the target of another level."""
    return _iri(f"{document_iri(slug)}/cited-target/{number}")


def item_iri(slug: str, kind: str, number: int) -> URIRef:
    """Return the IRI of the n-th thing of a kind that a document sets up: ``mechanism``, ``deliverable``, ``stage`` …"""
    return _iri(f"{document_iri(slug)}/{segment(kind)}/{number}")


def link_iri(subject: URIRef, number: int | None = None) -> URIRef:
    """Return the IRI of the evidence for the concept of a target; of the n-th one of a task."""
    return _iri(f"{subject}/link" if number is None else f"{subject}/link/{number}")


def candidate_iri(subject: URIRef, number: int) -> URIRef:
    """Return the IRI of the n-th candidate of what could not be linked."""
    return _iri(f"{subject}/candidate/{number}")


def citation_iri(slug: str, number: int) -> URIRef:
    """Return the IRI of the n-th citation of a document."""
    return _iri(f"{document_iri(slug)}/citation/{number}")


def span_iri(slug: str, start: int, end: int) -> URIRef:
    """Return the IRI of a passage; ``start`` and ``end`` are code points of the kept text."""
    return _iri(f"{document_iri(slug)}/span/{start}-{end}")


def span_position_iri(span: URIRef) -> URIRef:
    """Return the IRI of the oa:TextPositionSelector of a passage."""
    return _iri(f"{span}/position")


def span_quote_iri(span: URIRef) -> URIRef:
    """Return the IRI of the oa:TextQuoteSelector of a passage."""
    return _iri(f"{span}/quote")


@lru_cache(maxsize=100_000)
def division_iri(code: str) -> URIRef:
    """Return the IRI of an administrative division by its six-digit code; 100000 is the whole country."""
    return _iri(f"{_ID}division/{segment(code)}")


@lru_cache(maxsize=100_000)
def agency_iri(code: str, key: str) -> URIRef:
    """Return the IRI of an agency: the division it belongs to and its key (its functions, else its own name)."""
    return _iri(f"{_ID}agency/{segment(code)}/{segment(key)}")


def comparison_iri(lower_slug: str, upper_slug: str | None, number: int) -> URIRef:
    """Return the IRI of a comparison; without an upper document ``none`` stands in its place."""
    upper = "none" if upper_slug is None else segment(upper_slug)
    return _iri(f"{_ID}comparison/{segment(lower_slug)}/{upper}/{number}")


def scheme_iri(scheme: str) -> URIRef:
    """Return the IRI of a concept scheme."""
    return _iri(f"{_ID}{scheme}")


@lru_cache(maxsize=100_000)
def concept_iri(scheme: str, key: str) -> URIRef:
    """Return the IRI of a concept by its scheme and key."""
    return _iri(f"{_ID}{scheme}/{key}")
