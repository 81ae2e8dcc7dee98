"""The files that a build is published as: the whole graph (TriG, gzip), and its tables as CSV, Parquet and a workbook.

Made in a process of their own, ``python -m api.linked.distributions BUILD``, or by `zhengmai export`; put in place in one step,
into the folder ``data`` of the build, and never changed. Memory does not grow with the corpus but for a list of the IRIs
of a table: things are read one by one. `published.yaml` says what the tables hold.
"""

from __future__ import annotations

import csv
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import yaml
from openpyxl import Workbook

from graph.errors import StoreError
from graph.stores import open_store
from ontology.terms import PREFIXES
from queries import files
from queries.tables import Cell
from queries.words import Text
from shapes.finding_store import Findings
from shapes.findings import Finding

FOLDER = "data"
INDEX = "index.json"
GRAPH_FILE = "zhengmai.trig.gz"
WORKBOOK = "zhengmai.xlsx"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JOINED = "; "
_RDF_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_SPAN = ox.NamedNode(f"{PREFIXES['zm']}span")
_DIGITS = re.compile(r"(\d+)")
_DATATYPES = {
    "text": "string",
    "integer": "integer",
    "decimal": "decimal",
    "boolean": "boolean",
    "year": "gYear",
    "date": "date",
    "iri": "anyURI",
}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Column:
    """A column of a table; ``path`` leads from the thing to its values (see published.yaml)."""

    name: str
    label: Text
    type: str = "text"
    path: tuple[tuple[str, bool], ...] = ()
    lang: str | None = None
    span: str | None = None
    is_class: bool = False
    is_list: bool = False


@dataclass(frozen=True)
class Published:
    """A table; without ``classes`` its rows do not come from the graph."""

    name: str
    title: Text
    classes: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def sheet(self) -> files.Columns:
        """What the writers of files need to know of it."""
        return files.Columns(
            {one.name: one.label for one in self.columns},
            {one.name: one.type for one in self.columns},
            self.title,
        )


@dataclass(frozen=True)
class File:
    """A file of a build. ``rows`` is None where it is no table, ``missing`` what did not fit (sheets have an end)."""

    name: str
    media_type: str
    bytes: int
    sha256: str
    table: str | None = None
    rows: int | None = None
    missing: int = 0


@dataclass(frozen=True)
class Index:
    """What was made, when, and the figures of the graph, each by IRI."""

    build: str
    made: str
    files: tuple[File, ...]
    triples: int
    entities: int
    classes: dict[str, int]
    properties: dict[str, int]
    graphs: dict[str, int]

    @classmethod
    def read(cls, folder: Path) -> Index | None:
        """The index of a build's folder; None where the files are not made yet. Raises StoreError for a broken one."""
        try:
            data = json.loads((folder / FOLDER / INDEX).read_text(encoding="utf-8"))
            return cls(**{**data, "files": tuple(File(**one) for one in data["files"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{folder / FOLDER}: cannot be read ({error}); remove it, and it is made again"
            ) from error

    def file(self, name: str) -> File | None:
        """The file of that name."""
        return next((one for one in self.files if one.name == name), None)


@lru_cache(maxsize=1)
def tables() -> tuple[Published, ...]:
    """The tables of published.yaml."""
    data: dict[str, Any] = yaml.safe_load(
        resources("api").joinpath("published.yaml").read_text(encoding="utf-8")
    )
    return tuple(
        Published(
            name,
            Text(**one["title"]),
            tuple(_expand(each) for each in one.get("classes", ())),
            tuple(_column(key, said) for key, said in one["columns"].items()),
        )
        for name, one in data.items()
    )


def _column(name: str, said: dict[str, Any]) -> Column:
    path, _, lang = str(said.get("path", "")).partition("@")
    steps = tuple((_expand(step.removeprefix("^")), step.startswith("^")) for step in path.split("/") if step)
    label = Text(zh=said["zh"], en=said["en"])
    return Column(
        name,
        label,
        said.get("type", "text"),
        steps,
        lang or None,
        said.get("span"),
        said.get("class", False),
        said.get("many", False),
    )


def _expand(short: str) -> str:
    prefix, _, name = short.partition(":")
    return PREFIXES[prefix] + name


def make(build: Path, progress: Progress = lambda what: None) -> Index:
    """Make the files of a build where they are not made yet; several that try wait for one another.

    Raises StoreError where the store cannot be read or the folder not be written.
    """
    try:
        with (build / ".data.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = Index.read(build)
            if made is None:
                part = build / f".{FOLDER}.part"
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                made = write(build, part, progress)
                part.rename(build / FOLDER)
            return made
    except OSError as error:
        raise StoreError(f"{build}: cannot be written: {error.strerror or error}") from error


def write(build: Path, out: Path, progress: Progress = lambda what: None) -> Index:
    """Write all files of a build into an empty folder."""
    store = open_store(build / "store").native
    found: list[File] = []

    def done(name: str, media_type: str, **more: Any) -> None:
        path = out / name
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        found.append(File(name, media_type, path.stat().st_size, digest, **more))

    progress(GRAPH_FILE)
    with (
        (out / GRAPH_FILE).open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed,
        io.BufferedWriter(packed, 1 << 20) as buffered,
    ):
        store.dump(buffered, ox.RdfFormat.TRIG, prefixes=PREFIXES)
    done(GRAPH_FILE, "application/trig+gzip")
    counts: dict[str, int] = {}
    for table in tables():
        name = f"{table.name}.csv"
        progress(name)
        cells = _findings(build, table) if not table.classes else cells_of(store, table)
        counts[table.name] = _write_csv(out / name, table, cells)
        done(name, "text/csv", table=table.name, rows=counts[table.name])
        described = f"{name}-metadata.json"
        _write_json(out / described, metadata(table))
        done(described, "application/csvm+json", table=table.name)
        if files.has_parquet():
            name = f"{table.name}.parquet"
            with (out / name).open("wb") as target:
                files.write_parquet(target, table.sheet, _read_csv(out / f"{table.name}.csv", table))
            done(name, "application/vnd.apache.parquet", table=table.name, rows=counts[table.name])
    _write_json(
        out / "csv-metadata.json",
        {"@context": _CSVW, "tables": [metadata(one, group=True) for one in tables()]},
    )
    done("csv-metadata.json", "application/csvm+json")
    progress(WORKBOOK)
    missing = _write_workbook(build, out)
    done(WORKBOOK, XLSX, missing=missing)
    progress("counts")
    index = Index(
        build=build.name.removesuffix(".part"),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        files=tuple(found),
        triples=len(store),
        entities=_number(
            store, "SELECT (COUNT(DISTINCT ?s) AS ?n) { GRAPH ?g { ?s a ?c } FILTER(isIRI(?s)) }"
        ),
        classes=_numbers(store, "SELECT ?x (COUNT(DISTINCT ?s) AS ?n) { GRAPH ?g { ?s a ?x } } GROUP BY ?x"),
        properties=_numbers(store, "SELECT ?x (COUNT(*) AS ?n) { GRAPH ?g { ?s ?x ?o } } GROUP BY ?x"),
        graphs=_numbers(store, "SELECT ?x (COUNT(*) AS ?n) { GRAPH ?x { ?s ?p ?o } } GROUP BY ?x"),
    )
    _write_json(out / INDEX, asdict(index))
    return index


# -- rows --------------------------------------------------------------------------------------------------------------


def cells_of(
    store: ox.Store, table: Published, wanted: Callable[[str], bool] = lambda iri: True
) -> Iterator[list[str]]:
    """The rows of a table as texts, sorted by IRI with its numbers as numbers; of some things alone, by their IRIs."""

    @lru_cache(maxsize=100_000)
    def step(node: str, predicate: str, back: bool) -> tuple[ox.NamedNode | ox.Literal, ...]:
        """What a shared thing (a document, a concept, an agency) leads to: asked again and again."""
        return tuple(_follow(store, ox.NamedNode(node), predicate, back))

    subjects = {
        quad.subject.value
        for cls in table.classes
        for quad in store.quads_for_pattern(None, _RDF_TYPE, ox.NamedNode(cls), None)
        if isinstance(quad.subject, ox.NamedNode) and wanted(quad.subject.value)
    }
    for subject in sorted(subjects, key=_natural):
        said: dict[str, list[Any]] = {}
        for quad in store.quads_for_pattern(ox.NamedNode(subject), None, None, None):
            values = said.setdefault(quad.predicate.value, [])
            if quad.object not in values:
                values.append(quad.object)
        yield [_cell(store, table, column, subject, said, step) for column in table.columns]


def _cell(
    store: ox.Store, table: Published, column: Column, subject: str, said: dict[str, list[Any]], step: Any
) -> str:
    if column.span:
        spans = said.get(_SPAN.value, [])
        place = spans[0].value.rpartition("/")[2].split("-") if spans else ["", ""]
        return str(place[column.span == "end"])
    if column.is_class:
        kinds = {one.value for one in said[_RDF_TYPE.value] if isinstance(one, ox.NamedNode)}
        return next(one for one in table.classes if one in kinds).rpartition("#")[2]
    if not column.path:
        return subject
    (predicate, back), *rest = column.path
    nodes = list(_follow(store, ox.NamedNode(subject), predicate, back)) if back else said.get(predicate, [])
    for predicate, back in rest:
        nodes = [
            found
            for node in nodes
            if isinstance(node, ox.NamedNode)
            for found in step(node.value, predicate, back)
        ]
    if column.lang:
        nodes = [one for one in nodes if isinstance(one, ox.Literal) and one.language == column.lang]
    texts = sorted(dict.fromkeys(one.value for one in nodes), key=_natural)
    return JOINED.join(texts) if column.is_list else next(iter(texts), "")


def _follow(store: ox.Store, node: ox.NamedNode, predicate: str, back: bool) -> Iterator[Any]:
    by = ox.NamedNode(predicate)
    if back:
        yield from {quad.subject for quad in store.quads_for_pattern(None, by, node, None)}
    else:
        yield from {quad.object for quad in store.quads_for_pattern(node, by, None, None)}


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(text) if part]


def _findings(build: Path, table: Published) -> Iterator[list[str]]:
    """The findings as they stand on the day of making: a waiver may expire after it."""
    findings = Findings(build, date.today())  # noqa: DTZ011 - the day where the files are made
    try:
        for one in findings.each():
            yield finding_cells(one, table)
    finally:
        findings.close()


def finding_cells(one: Finding, table: Published) -> list[str]:
    """A finding as a row of their table."""
    told = _finding(one)
    return ["" if told[column.name] is None else str(told[column.name]) for column in table.columns]


def _finding(one: Finding) -> dict[str, object]:
    return {
        "id": one.id,
        "rule": one.rule,
        "outcome": one.outcome,
        "severity": one.severity,
        "status": one.status,
        "code": one.place.code if one.place else None,
        "place": one.place.name if one.place else None,
        "plan": one.document,
        "indicator": one.indicator,
        "year": one.year,
        "lower": one.lower.iri if one.lower else None,
        "lowerQuote": one.lower.quote if one.lower else None,
        "upper": one.upper.iri if one.upper else None,
        "upperQuote": one.upper.quote if one.upper else None,
        "ratio": one.ratio,
        "reason": one.reason.zh,
        "reasonEn": one.reason.en,
        "restsOn": one.rests_on,
    }


# -- files -------------------------------------------------------------------------------------------------------------


def _write_csv(path: Path, table: Published, rows: Iterable[list[str]]) -> int:
    """CSV (RFC 4180) in UTF-8 with a byte order mark, for Excel. Texts are exact: nothing is put before a “=”."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([one.name for one in table.columns])
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _read_csv(path: Path, table: Published) -> Iterator[list[Cell | None]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.reader(source)
        next(reader)
        for row in reader:
            yield [
                Cell("uri" if column.type == "iri" else "literal", text) if text else None
                for column, text in zip(table.columns, row, strict=True)
            ]


def _write_workbook(build: Path, out: Path) -> int:
    """All tables as sheets, and one that tells what they are; returns how many rows the sheets could not hold."""
    book = Workbook(write_only=True)
    about = book.create_sheet("about")
    about.column_dimensions["A"].width = about.column_dimensions["B"].width = 30
    about.append(["政脉 Zhengmai", build.name.removesuffix(".part")])
    missing = 0
    for table in tables():
        rows = _read_csv(out / f"{table.name}.csv", table)
        left_out = files.add_sheet(book, f"{table.title.zh} {table.name}", table.sheet, rows)
        missing += left_out
        line = [table.title.zh, table.title.en]
        if left_out:
            line.append(
                f"另有 {left_out} 行放不下，见 {table.name}.csv / {left_out} rows more in {table.name}.csv"
            )
        about.append(line)
    book.save(out / WORKBOOK)
    return missing


_CSVW = ["http://www.w3.org/ns/csvw", {"@language": "zh"}]


def metadata(table: Published, *, group: bool = False) -> dict[str, Any]:
    """What a table holds, for programs: CSVW (https://www.w3.org/TR/tabular-metadata/)."""
    described: dict[str, Any] = {
        **({} if group else {"@context": _CSVW}),
        "url": f"{table.name}.csv",
        "dc:title": [
            {"@value": table.title.zh, "@language": "zh"},
            {"@value": table.title.en, "@language": "en"},
        ],
        "dialect": {"encoding": "utf-8", "header": True},
        "tableSchema": {
            "columns": [_described(one) for one in table.columns],
            "primaryKey": table.columns[0].name,
        },
    }
    if group:
        schema, slug = described["tableSchema"], "plan"
        if any(one.name == slug for one in table.columns):
            schema["foreignKeys"] = [
                {"columnReference": slug, "reference": {"resource": "plans.csv", "columnReference": "slug"}}
            ]
    if table.classes:
        described["tableSchema"]["aboutUrl"] = "{+iri}"
    return described


def _described(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name,
        "titles": column.name,
        "rdfs:label": [
            {"@value": column.label.zh, "@language": "zh"},
            {"@value": column.label.en, "@language": "en"},
        ],
        "datatype": _DATATYPES[column.type],
    }
    if len(column.path) == 1 and not column.path[0][1]:
        told["propertyUrl"] = column.path[0][0]
    if column.is_list:
        told["separator"] = JOINED
    return told


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _numbers(store: ox.Store, query: str) -> dict[str, int]:
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    pairs = [(row["x"], row["n"]) for row in found]
    counted = {
        x.value: int(n.value) for x, n in pairs if isinstance(x, ox.NamedNode) and isinstance(n, ox.Literal)
    }
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _number(store: ox.Store, query: str) -> int:
    found = store.query(query)
    assert isinstance(found, ox.QuerySolutions)
    return next(int(row["n"].value) for row in found if isinstance(row["n"], ox.Literal))


if __name__ == "__main__":
    os.nice(5)  # who asks a question goes first
    try:
        make(Path(sys.argv[1]))
    except StoreError as error:
        sys.exit(error.message)
