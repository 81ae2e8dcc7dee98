"""Rows of an answer as Python values, and as CSV. For the terminal see `queries.terminal`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from rdflib.namespace import XSD

_INTEGERS = frozenset(str(XSD[name]) for name in ("integer", "int", "long", "nonNegativeInteger"))
_DECIMALS = frozenset(str(XSD[name]) for name in ("decimal", "double", "float"))


@dataclass(frozen=True, slots=True)
class Cell:
    """One RDF term of an answer. ``kind`` is "uri", "literal" or "bnode", as in SPARQL's JSON."""

    kind: str
    text: str
    lang: str | None = None
    datatype: str | None = None

    @property
    def value(self) -> str | int | float | bool:
        """As a JSON value: a number or a truth value where the datatype says so and the text is one."""
        if self.datatype in _INTEGERS and self.text.lstrip("+-").isdecimal():
            return int(self.text)
        if self.datatype in _DECIMALS:
            try:
                number = Decimal(self.text)
            except InvalidOperation:
                return self.text
            return int(number) if number == number.to_integral_value() else float(number)
        if self.datatype == str(XSD.boolean):
            return self.text in ("true", "1")
        return self.text


@dataclass(frozen=True)
class Table:
    """Rows in their order; a row has a cell or None for each of ``names``."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell | None, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> list[dict[str, str | int | float | bool | None]]:
        """One dict a row, every name in it, None where nothing is bound."""
        return [
            {name: cell.value if cell else None for name, cell in zip(self.names, row, strict=True)}
            for row in self.rows
        ]

    def texts(self) -> list[list[str]]:
        """One list of printable texts a row, empty where nothing is bound."""
        return [[cell.text if cell else "" for cell in row] for row in self.rows]

    def to_csv(self, header: Sequence[str] | None = None) -> bytes:
        """CSV in UTF-8 with a byte order mark, without which Excel takes Chinese for something else.

        A text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection).
        """
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(header or self.names)
        writer.writerows([_harmless(cell) for cell in row] for row in self.rows)
        return out.getvalue().encode("utf-8-sig")


def _harmless(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.text[:1] in ("=", "+", "-", "@", "\t", "\r") and isinstance(cell.value, str):
        return "'" + cell.text
    return cell.text


def table_from_json(body: bytes) -> Table:
    """Read the SPARQL 1.1 Query Results JSON Format of a SELECT."""
    data: dict[str, Any] = json.loads(body)
    names = tuple(data["head"]["vars"])
    rows = tuple(tuple(_cell(binding.get(name)) for name in names) for binding in data["results"]["bindings"])
    return Table(names, rows)


def _cell(term: dict[str, str] | None) -> Cell | None:
    if term is None:
        return None
    return Cell(term["type"], term["value"], term.get("xml:lang"), term.get("datatype"))
