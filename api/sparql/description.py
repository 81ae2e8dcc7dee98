"""What the OpenAPI descriptions of the SPARQL operations have in common: their parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from queries.formats import Format


def iri_of_a_graph(description: str, example: str) -> dict[str, Any]:
    """The parameter ``graph``."""
    return {
        "name": "graph",
        "in": "query",
        "description": description,
        "schema": {"type": "string", "format": "iri"},
        "example": example,
    }


def format_by_name(formats: Iterable[Format]) -> dict[str, Any]:
    """The parameter ``format``."""
    return {
        "name": "format",
        "in": "query",
        "description": "A format by name, in place of the Accept header.",
        "schema": {"type": "string", "enum": [one.name for one in formats]},
    }
