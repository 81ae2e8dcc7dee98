"""The formats of answers: their names, media types, file endings, and how Oxigraph is told to write them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from queries.sparql_text import Form

Kind = Literal["rows", "graph"]


@dataclass(frozen=True)
class Format:
    """``media_types`` has the one that answers carry first; the others are also understood in an Accept header.

    ``also`` has further names by which clients ask for it, such as those that SPARQLWrapper sends beside the query.
    ``writer`` is the media type by which pyoxigraph finds its serializer.
    """

    name: str
    kind: Kind
    media_types: tuple[str, ...]
    extension: str
    writer: str
    also: tuple[str, ...] = ()


# The first of each kind is what a client gets who does not care.
FORMATS: tuple[Format, ...] = (
    Format(
        "json",
        "rows",
        ("application/sparql-results+json", "application/json"),
        "srj",
        "application/sparql-results+json",
    ),
    Format(
        "xml",
        "rows",
        ("application/sparql-results+xml", "application/xml", "text/xml"),
        "srx",
        "application/sparql-results+xml",
    ),
    Format("csv", "rows", ("text/csv",), "csv", "text/csv"),
    Format("tsv", "rows", ("text/tab-separated-values",), "tsv", "text/tab-separated-values"),
    Format("turtle", "graph", ("text/turtle", "application/x-turtle"), "ttl", "text/turtle", ("n3",)),
    Format("ntriples", "graph", ("application/n-triples", "text/plain"), "nt", "application/n-triples"),
    Format(
        "jsonld",
        "graph",
        ("application/ld+json", "application/json"),
        "jsonld",
        "application/ld+json",
        ("json-ld",),
    ),
    Format(
        "rdfxml",
        "graph",
        ("application/rdf+xml", "application/xml", "text/xml"),
        "rdf",
        "application/rdf+xml",
        ("rdf+xml", "xml"),
    ),
    Format("nquads", "graph", ("application/n-quads",), "nq", "application/n-quads"),
    Format("trig", "graph", ("application/trig",), "trig", "application/trig"),
)


def kind_of(form: Form) -> Kind:
    """Which kind of answer a query form has: SELECT and ASK have rows, CONSTRUCT and DESCRIBE a graph."""
    return "rows" if form in ("SELECT", "ASK") else "graph"


@cache
def formats_of(kind: Kind) -> tuple[Format, ...]:
    """The formats of one kind, the default first."""
    return tuple(one for one in FORMATS if one.kind == kind)


def named(name: str, kind: Kind) -> Format | None:
    """The format of that kind with this name or file ending, or None. A "+" may have come as a space."""
    wanted = name.replace(" ", "+")
    return next((one for one in formats_of(kind) if wanted in (one.name, one.extension, *one.also)), None)
