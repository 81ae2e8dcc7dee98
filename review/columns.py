"""The columns of the worksheet, and how one of its cells is read: a value as a person or a program may have typed it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, get_args

from graph.record import NonTarget
from review.words import Words, concept_of, key_of

FORMAT = "zhengmai worksheet 1"
KEPT, LISTS = "_zhengmai", "_lists"
VERDICTS: tuple[str, ...] = get_args(NonTarget.model_fields["reason"].annotation)

Kind = Literal[
    "text",
    "number",
    "year",
    "comparator",
    "measure",
    "level",
    "concept",
    "domains",
    "role",
    "do",
    "what",
    "verdict",
]


@dataclass(frozen=True)
class Column:
    """``shaded`` cells are for reading only; ``fresh`` ones are so in the rows of items, and open in empty rows."""

    key: str
    width: int
    kind: Kind = "text"
    shaded: bool = False
    fresh: bool = False


def _columns(*columns: Column) -> tuple[Column, ...]:
    """The columns of a sheet: number and verdict first, where they stay in sight, who and why at the end."""
    return (
        Column("id", 8, shaded=True),
        Column("do", 8, "do"),
        *columns,
        Column("reason", 24),
        Column("by", 10),
        Column("review", 22, shaded=True),
    )


FIGURE = (
    Column("indicator", 26),
    Column("comparator", 10, "comparator"),
    Column("value", 14, "number"),
    Column("value_max", 11, "number"),
    Column("unit", 9),
    Column("value_text", 12),
    Column("measure", 12, "measure"),
    Column("baseline_year", 8, "year"),
    Column("target_year", 8, "year"),
    Column("scope", 22),
)
SHEETS: Mapping[str, tuple[Column, ...]] = {
    "targets": _columns(
        Column("path", 12, fresh=True),
        Column("quote", 52, fresh=True),
        Column("what", 10, "what"),
        *FIGURE,
        Column("strength", 8),
        Column("concept", 22, "concept"),
        Column("claimed_level", 9, "level"),
        Column("claimed_jurisdiction", 12),
        Column("agencies", 30, shaded=True),
    ),
    "tasks": _columns(
        Column("what", 8, "what", fresh=True),
        Column("path", 12, fresh=True),
        Column("task", 44, fresh=True),
        Column("agency", 26),
        Column("role", 10, "role"),
        Column("members", 30),
        Column("domains", 26, "domains"),
    ),
    "figures": _columns(
        Column("path", 12, shaded=True),
        Column("figure", 12, shaded=True),
        Column("quote", 60),
        Column("verdict", 9, "verdict"),
        *FIGURE,
    ),
}
TARGET_FIELDS = (
    *(column.key for column in FIGURE),
    "strength",
    "concept",
    "claimed_level",
    "claimed_jurisdiction",
)
OWN_KINDS = {
    "targets": ("target", "cited_target"),
    "tasks": ("action", "assignment"),
    "figures": ("non_target",),
}


class Unread(Exception):
    def __init__(self, word: str, **values: object) -> None:
        super().__init__(word)
        self.word, self.values, self.column = word, values, ""

    def at(self, column: str) -> Unread:
        self.column = self.column or column
        return self


def read_cell(column: Column, value: object, number_format: str) -> str | None:
    """A cell in the one form in which cells are compared: keys for choices, plain digits for numbers."""
    text = cell_text(value)
    if text is None:
        return None
    if column.kind == "number":
        return _number(value, text, number_format)
    if column.kind == "year":
        plain = unicodedata.normalize("NFKC", text).removesuffix("年").removesuffix(".0")
        if not (plain.isdigit() and len(plain) == 4):
            raise Unread("year", given=text)
        return plain
    if column.kind in {"do", "what", "verdict"}:
        # A reason that has no word yet stands as its key.
        key = key_of(column.kind, text) or (text if text in VERDICTS else None)
        allowed: Sequence[str] = list(Words("zh").section(column.kind).values())
    elif column.kind == "domains":
        # Some names of domains hold 、 themselves.
        found = [concept_of("domain", name) for name in re.split("[;；\n]", text) if name.strip()]
        if None in found:
            raise Unread("choice", given=text, allowed="、".join(Words("zh").labels("domain")[:12]) + " …")
        return "、".join(concept.key for concept in found if concept)
    elif column.kind in {"comparator", "measure", "level", "role", "concept"}:
        scheme = "indicator" if column.kind == "concept" else column.kind
        concept = concept_of(scheme, text)
        key = concept.key if concept else None
        if concept and column.kind == "comparator":
            key = concept.value("symbol")
        allowed = Words("zh").labels(scheme)[:12]
    else:
        return text
    if key is None:
        raise Unread("choice", given=text, allowed="、".join(allowed))
    return key


def cell_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\r\n", "\n").strip() or None


def _number(value: object, text: str, number_format: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace(",", "").removesuffix("%")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise Unread("number", given=text) from None
    if not number.is_finite():
        raise Unread("number", given=text)
    if isinstance(value, int | float) and "%" in number_format:
        # Typed as 25% into a cell, a spreadsheet keeps 0.25.
        number = (number * 100).quantize(Decimal("1e-9"))
    return format(number.normalize() + 0, "f")
