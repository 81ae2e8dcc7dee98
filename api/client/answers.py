"""Rows with typed columns, and frames of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

if TYPE_CHECKING:
    import pandas
    import polars

Value = str | int | float | bool | date | None
ColumnType = Literal["text", "integer", "decimal", "boolean", "year", "date", "iri"]
_TYPES = get_args(ColumnType)
_XSD = "http://www.w3.org/2001/XMLSchema#"
_OF_DATATYPE: Mapping[str, ColumnType] = {
    **{f"{_XSD}{name}": "integer" for name in ("integer", "int", "long", "short", "byte", "nonNegativeInteger")},
    **{f"{_XSD}{name}": "integer" for name in ("positiveInteger", "unsignedInt", "unsignedLong")},
    **{f"{_XSD}{name}": "decimal" for name in ("decimal", "double", "float")},
    f"{_XSD}boolean": "boolean",
    f"{_XSD}gYear": "year",
    f"{_XSD}date": "date",
}  # fmt: skip
_PANDAS = {
    "text": "string", "iri": "string", "integer": "Int64", "decimal": "Float64", "boolean": "boolean", "year": "Int64",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column: its name in the query, its words in the language asked for, and the type of its values."""

    name: str
    label: str
    type: ColumnType


@dataclass(frozen=True)
class Answer:
    """Rows in a stable order, each a dict with all columns; None where nothing is known.

    An integer is an int, a decimal a float, a year an int, a date a ``datetime.date``, text and IRIs are str. ``count``
    is the number of all rows at the service; a part of them begins at ``offset``. ``evidence`` has for each row what it
    rests on, where the service tells it. ``title`` and ``parameters`` say what was asked.
    """

    columns: tuple[Column, ...]
    rows: tuple[dict[str, Value], ...]
    count: int
    offset: int = 0
    title: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[tuple[dict[str, Any], ...], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Value]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> dict[str, Value]:
        return self.rows[index]

    def column(self, name: str) -> list[Value]:
        """The values of a column. Raises KeyError for a name that there is not."""
        if name not in {one.name for one in self.columns}:
            raise KeyError(f"{name}: the columns are {', '.join(one.name for one in self.columns)}")
        return [row[name] for row in self.rows]

    def to_pandas(self, *, labels: bool = False) -> pandas.DataFrame:
        """The rows as a pandas frame with nullable types; dates are datetime64.

        Needs pandas (``pip install 'zhengmai[pandas]'``). ``labels`` names the columns in words.
        """
        import pandas as pd

        columns = {}
        for one in self.columns:
            values = self.column(one.name)
            if one.type == "date":
                columns[one.name] = pd.Series(
                    pd.to_datetime(pd.Series(values, dtype="object")), name=one.name
                )
            else:
                columns[one.name] = pd.Series(values, dtype=cast("Any", _PANDAS[one.type]), name=one.name)
        frame = pd.DataFrame(columns, columns=[one.name for one in self.columns])
        return frame.set_axis(self._words(), axis="columns") if labels else frame

    def to_polars(self, *, labels: bool = False) -> polars.DataFrame:
        """The rows as a polars frame.

        Needs polars (``pip install 'zhengmai[polars]'``). ``labels`` names the columns in words.
        """
        import polars as pl

        types: dict[ColumnType, Any] = {
            "text": pl.String, "iri": pl.String, "integer": pl.Int64, "decimal": pl.Float64, "boolean": pl.Boolean,
            "year": pl.Int64, "date": pl.Date,
        }  # fmt: skip
        columns = [
            pl.Series(one.name, self.column(one.name), dtype=types[one.type], strict=True)
            for one in self.columns
        ]
        frame = pl.DataFrame(columns)
        return frame.rename(dict(zip(frame.columns, self._words(), strict=True))) if labels else frame

    def _words(self) -> list[str]:
        """Labels as names of columns: one that stands for two columns gets the column's name behind it."""
        labels = [one.label or one.name for one in self.columns]
        return [
            label if labels.count(label) == 1 else f"{label} ({one.name})"
            for label, one in zip(labels, self.columns, strict=True)
        ]


def from_question(told: Mapping[str, Any]) -> Answer:
    """An answer out of the JSON of a question."""
    rows = told["rows"]
    columns = tuple(
        Column(one["name"], one["label"], _type_of(one.get("type"), [row[one["name"]] for row in rows]))
        for one in told["columns"]
    )
    return Answer(
        columns,
        tuple({one.name: _typed(row[one.name], one.type) for one in columns} for row in rows),
        told["count"],
        told.get("offset", 0),
        told["title"],
        told["parameters"],
        tuple(tuple(row["evidence"]) for row in rows) if rows and "evidence" in rows[0] else (),
    )


def from_select(told: Mapping[str, Any]) -> Answer:
    """An answer out of the SPARQL 1.1 Query Results JSON Format of a SELECT.

    A column whose values are of one datatype has its type; where they are of several, it is text as the terms print.
    """
    names: list[str] = told["head"]["vars"]
    bindings: list[dict[str, dict[str, str]]] = told["results"]["bindings"]
    columns = tuple(Column(name, name, _column_of([row.get(name) for row in bindings])) for name in names)
    rows = tuple(
        {one.name: _typed(row[one.name]["value"] if one.name in row else None, one.type) for one in columns}
        for row in bindings
    )
    return Answer(columns, rows, len(rows))


def _type_of(told: str | None, values: Sequence[Any]) -> ColumnType:
    """The type of a column as the service tells it, else the one that fits all its values."""
    if told in _TYPES:
        return cast("ColumnType", told)
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "boolean"
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "integer"
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return "decimal"
    return "text"


def _column_of(terms: Sequence[Mapping[str, str] | None]) -> ColumnType:
    found = {_term_type(term) for term in terms if term is not None}
    if found == {"integer", "decimal"}:
        return "decimal"
    return found.pop() if len(found) == 1 else "text"


def _term_type(term: Mapping[str, str]) -> ColumnType:
    if term["type"] == "uri":
        return "iri"
    kind = _OF_DATATYPE.get(term.get("datatype", ""), "text")
    # Data may hold what its datatype does not allow ("soon"^^xsd:date): that is told as it stands.
    return kind if _fits(term["value"], kind) else "text"


_FORMS: Mapping[str, re.Pattern[str]] = {
    "integer": re.compile(r"[+-]?\d{1,18}"),
    "decimal": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?INF|NaN"),
    "boolean": re.compile(r"true|false|1|0"),
    "year": re.compile(r"-?\d{4,}"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
}


def _fits(value: str, kind: ColumnType) -> bool:
    form = _FORMS.get(kind)
    if form is None:
        return True
    if not form.fullmatch(value):
        return False
    try:
        _typed(value, kind)
    except ValueError:
        return False
    return True


def _typed(value: Any, kind: ColumnType) -> Value:
    """A value of JSON as Python has it for the type."""
    if value is None:
        return None
    match kind:
        case "integer" | "year":
            return int(value)
        case "decimal":
            return float(value)
        case "boolean":
            return value if isinstance(value, bool) else value in ("true", "1")
        case "date":
            return date.fromisoformat(value)
        case _:
            return value if isinstance(value, str) else str(value)
