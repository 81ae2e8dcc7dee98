"""Rows as files: TSV, workbooks and Parquet. CSV is `Table.to_csv`; for distributions see `api.linked.distributions`.

CSV and XLSX are for people: the words of the columns stand at their head. TSV and Parquet are for programs: the names
of the columns do, and Parquet has the words, and the language of the labels, in its metadata.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from queries.tables import Cell
from queries.words import Text

if TYPE_CHECKING:
    import pyarrow as pa

EXCEL_ROWS = 1_048_575  # of a sheet, the head left out
_MOST_TEXT = 32_000  # Excel refuses cells of more characters than 32,767
_WIDTHS = {"integer": 10, "decimal": 14, "boolean": 8, "year": 8, "date": 12, "iri": 30, "text": 24}
_BATCH = 50_000  # rows of a Parquet row group
_TABS = str.maketrans("\t\r\n", "   ")

Row = Sequence[Cell | None]


@dataclass(frozen=True)
class Columns:
    """The columns of a table: for each name its words and its type, one of `queries.catalogue.COLUMN_TYPES`."""

    labels: Mapping[str, Text]
    types: Mapping[str, str]
    title: Text
    lang: str = "zh"
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.labels)

    @property
    def header(self) -> list[str]:
        return [label[self.lang] for label in self.labels.values()]


def has_parquet() -> bool:
    """Whether Parquet can be written here: pyarrow is large, and not everybody installs it."""
    return find_spec("pyarrow") is not None


def tsv(columns: Columns, rows: Iterable[Row]) -> bytes:
    """Tab-separated values in UTF-8; a tab or line break inside a text becomes a space, since TSV knows no quoting."""
    lines = ["\t".join(columns.names)]
    lines += ["\t".join(cell.text.translate(_TABS) if cell else "" for cell in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def workbook(columns: Columns, rows: Iterable[Row]) -> bytes:
    """An Excel workbook of one sheet."""
    book = Workbook(write_only=True)
    add_sheet(book, columns.title[columns.lang], columns, rows)
    book.properties.title, book.properties.creator = columns.title[columns.lang], "Zhengmai"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def add_sheet(book: Workbook, name: str, columns: Columns, rows: Iterable[Row]) -> int:
    """Append a table to a write-only workbook; returns how many rows did not fit on its sheet."""
    sheet = book.create_sheet("".join(" " if c in "[]:*?/\\" else c for c in name)[:31])
    sheet.freeze_panes = "A2"
    for at, name_ in enumerate(columns.names, 1):
        sheet.column_dimensions[get_column_letter(at)].width = _WIDTHS[columns.types[name_]]
    head = []
    for text in columns.header:
        cell = WriteOnlyCell(sheet, text)
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="EDEBE6")
        head.append(cell)
    sheet.append(head)
    types, top = list(columns.types.values()), Alignment(vertical="top", wrap_text=True)
    waiting, written = iter(rows), 0
    for row in islice(waiting, EXCEL_ROWS):
        sheet.append(
            [
                _excel(sheet, cell, type_, top) if cell else None
                for cell, type_ in zip(row, types, strict=True)
            ]
        )
        written += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(types))}{written + 1}"
    return sum(1 for _ in waiting)


def _excel(sheet: Any, cell: Cell, type_: str, top: Alignment) -> Any:
    value = typed(cell, type_)
    if not isinstance(value, str):
        return value
    made = WriteOnlyCell(sheet)
    made.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:_MOST_TEXT]
    made.data_type = "s"  # a text that begins with = is a text, no formula
    made.alignment = top
    return made


def typed(cell: Cell, type_: str) -> str | int | float | bool | date:
    """The value of a cell by the type of its column; the text where it does not fit the type."""
    try:
        match type_:
            case "integer" | "year":
                return int(cell.text)
            case "decimal":
                return float(cell.text)
            case "date":
                return date.fromisoformat(cell.text)
            case "boolean":
                return cell.text in ("true", "1")
    except ValueError:
        pass
    return cell.text


def parquet(columns: Columns, rows: Iterable[Row]) -> bytes:
    """An Apache Parquet file. Raises ImportError without pyarrow."""
    out = io.BytesIO()
    write_parquet(out, columns, rows)
    return out.getvalue()


def write_parquet(out: IO[bytes], columns: Columns, rows: Iterable[Row]) -> int:
    """Write an Apache Parquet file in row groups; returns the number of rows.

    Decimals become doubles, which R and pandas compute with; the exact text is in CSV and RDF. Raises ImportError
    without pyarrow, ValueError for a value that its column's type does not hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "integer": pa.int64(),
        "decimal": pa.float64(),
        "boolean": pa.bool_(),
        "year": pa.int16(),
        "date": pa.date32(),
        "iri": pa.string(),
        "text": pa.string(),
    }
    schema = pa.schema(
        [
            pa.field(name, kinds[columns.types[name]], metadata={"label_zh": label.zh, "label_en": label.en})
            for name, label in columns.labels.items()
        ],
        metadata={
            "title_zh": columns.title.zh,
            "title_en": columns.title.en,
            "lang": columns.lang,
            **columns.notes,
        },
    )
    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_batch(_record_batch(pa, schema, columns, batch))
            count += len(batch)
    return count


def _record_batch(pa_: Any, schema: pa.Schema, columns: Columns, batch: Sequence[Row]) -> pa.RecordBatch:
    arrays = []
    for at, name in enumerate(columns.names):
        type_ = columns.types[name]
        values = [typed(cell, type_) if (cell := row[at]) else None for row in batch]
        try:
            arrays.append(pa_.array(values, schema.field(name).type))
        except (pa_.ArrowInvalid, pa_.ArrowTypeError) as error:
            raise ValueError(f"column {name}: {error}") from error
    return pa_.RecordBatch.from_arrays(arrays, schema=schema)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        yield batch
