"""Answers as files for a spreadsheet and for data frames: typed columns, and nothing in a cell that runs."""

from __future__ import annotations

import io
from datetime import date, datetime

import openpyxl
import pyarrow.parquet as pq
import pytest

from queries import files
from queries.tables import Cell
from queries.words import Text

COLUMNS = files.Columns(
    {
        name: Text(f"{name}甲", f"{name} A")
        for name in ("text", "whole", "number", "flag", "year", "day", "iri")
    },
    {
        "text": "text",
        "whole": "integer",
        "number": "decimal",
        "flag": "boolean",
        "year": "year",
        "day": "date",
        "iri": "iri",
    },
    Text("表：甲/乙", "A table"),
    notes={"build": "b1"},
)
XSD = "http://www.w3.org/2001/XMLSchema#"
CELLS: tuple[tuple[Cell | None, ...], ...] = (
    (
        Cell("literal", "=1+1\t换新\x07", "zh"),
        Cell("literal", "12", None, XSD + "integer"),
        Cell("literal", "0.5", None, XSD + "decimal"),
        Cell("literal", "true", None, XSD + "boolean"),
        Cell("literal", "2027", None, XSD + "gYear"),
        Cell("literal", "2024-06-01", None, XSD + "date"),
        Cell("uri", "https://example.org/一"),
    ),
    (None,) * 7,
)


def test_a_workbook_has_typed_cells_and_runs_no_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(files.workbook(COLUMNS, CELLS)))
    sheet = book.worksheets[0]
    assert sheet.title == "表：甲 乙"
    head, first = ([cell.value for cell in row] for row in sheet.iter_rows())
    assert head[0] == "text甲"
    assert first[1:] == [12, 0.5, True, 2027, datetime(2024, 6, 1), "https://example.org/一"]  # noqa: DTZ001
    assert (first[0], sheet["A2"].data_type) == ("=1+1\t换新", "s")
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:G3")


def test_parquet_has_typed_columns_and_says_what_they_are() -> None:
    table = pq.read_table(io.BytesIO(files.parquet(COLUMNS, CELLS)))
    assert [str(one.type) for one in table.schema] == [
        "string", "int64", "double", "bool", "int16", "date32[day]", "string",
    ]  # fmt: skip
    assert table.to_pylist()[0]["day"] == date(2024, 6, 1)
    assert table.to_pylist()[1] == dict.fromkeys(COLUMNS.names)
    assert table.schema.metadata == {
        b"title_zh": "表：甲/乙".encode(), b"title_en": b"A table", b"lang": b"zh", b"build": b"b1",
    }  # fmt: skip
    assert table.schema.field("whole").metadata == {b"label_zh": "whole甲".encode(), b"label_en": b"whole A"}
    with pytest.raises(ValueError, match="column whole"):
        files.parquet(COLUMNS, [(None, Cell("literal", "many"), None, None, None, None, None)])


def test_tsv_has_names_and_one_line_a_row() -> None:
    lines = files.tsv(COLUMNS, CELLS).decode().split("\n")
    assert lines[0].split("\t") == COLUMNS.names
    assert lines[1].split("\t")[:2] == ["=1+1 换新\x07", "12"]
    assert lines[2:] == ["\t" * 6, ""]
