"""The quads of one named graph as N-Quads text, written as Oxigraph writes it.

A text is made several times as fast as an object for each term, and it is what is loaded, judged and handed from one
process to another. Whoever wants objects iterates: then the text is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

import pyoxigraph as ox
from rdflib import URIRef
from rdflib.namespace import XSD

_XSD: Final = str(XSD)
_INTEGER: Final = f"^^<{XSD.integer}>"
# What Oxigraph escapes: quotation marks, backslashes, control characters, and what is no character.
_SPECIAL: Final = re.compile('[\\x00-\\x1f"\\\\\\x7f\ufffe\uffff]')
_SHORT: Final = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


class Term(str):
    """A term as it stands in N-Quads."""

    __slots__ = ()


Value = URIRef | Term | str | int | bool | Decimal | ox.Literal


def quoted(text: str) -> str:
    """A text in quotation marks."""
    return f'"{_SPECIAL.sub(_escaped, text)}"' if _SPECIAL.search(text) else f'"{text}"'


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return _SHORT.get(char) or f"\\u{ord(char):04X}"


def zh(text: str) -> Term:
    """A text in Chinese."""
    if _SPECIAL.search(text):
        return Term(f"{quoted(text)}@zh")
    return Term(f'"{text}"@zh')


def typed(text: str, kind: str) -> Term:
    """A value of a type of XML Schema, by the type's local name."""
    return Term(f"{quoted(text)}^^<{_XSD}{kind}>")


def year(value: int) -> Term:
    """A calendar year, xsd:gYear."""
    return typed(str(value), "gYear")


def day(value: date) -> Term:
    """A calendar day, xsd:date."""
    return typed(value.isoformat(), "date")


def decimal(value: Decimal) -> Term:
    """An exact number, written plainly (12000000000, 84.5)."""
    return typed(format(value.normalize() + 0, "f"), "decimal")


def _term(value: URIRef | Term | str | int | bool | Decimal | ox.Literal) -> str:
    if isinstance(value, Term):
        return value
    if isinstance(value, str):
        if isinstance(value, URIRef):  # of a class below it
            return f"<{value}>"
        return quoted(value)
    if isinstance(value, bool):
        return typed("true" if value else "false", "boolean")
    if isinstance(value, int):
        return Term(f'"{value}"{_INTEGER}')
    return decimal(value) if isinstance(value, Decimal) else str(value)


class QuadWriter:
    """Collects the quads of one named graph, each once, in the order in which they were added first."""

    def __init__(self, graph: URIRef) -> None:
        self._end = f" <{graph}> .\n"
        self._lines: dict[str, None] = {}

    def add(self, subject: URIRef, predicate: URIRef, value: Value | None) -> None:
        """Add a triple; None adds nothing, a bare string is a plain literal."""
        # By the very class: most values are of these two, and rdflib's classes take long to ask for.
        kind = type(value)
        # Joined, and not by + or a format: rdflib does more than this for these.
        if kind is URIRef:
            line = "".join(("<", subject, "> <", predicate, "> <", value, ">", self._end))  # type: ignore[arg-type]
        elif kind is Term:
            line = "".join(("<", subject, "> <", predicate, "> ", value, self._end))  # type: ignore[arg-type]
        elif value is None:
            return
        else:
            line = "".join(("<", subject, "> <", predicate, "> ", _term(value), self._end))
        self._lines[line] = None

    def lines(self, *some: str) -> None:
        """Add triples that are written already, each without its end: ``<a> <b> <c>``."""
        end = self._end
        self._lines.update(dict.fromkeys([one + end for one in some]))

    def text(self) -> bytes:
        """The quads as N-Quads, one a line."""
        return "".join(self._lines).encode()

    def __iter__(self) -> Iterator[ox.Quad]:
        return iter(ox.parse(self.text(), format=ox.RdfFormat.N_QUADS))

    def __len__(self) -> int:
        return len(self._lines)
