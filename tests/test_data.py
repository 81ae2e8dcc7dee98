"""What is published: the files of a build, what describes them, and how they are made."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
import rdflib
from fastapi.testclient import TestClient
from rdflib.namespace import DCTERMS, RDF

from api.app import create_app
from api.linked.distributions import FOLDER, GRAPH_FILE, Index, Published, make, tables
from api.settings import Settings
from graph.errors import StoreError
from graph.stores import EmbeddedStore, open_store
from ontology.terms import DATASET, DCAT, VOID
from shapes.finding_store import report_of

LICENCE = "https://creativecommons.org/licenses/by/4.0/"


@pytest.fixture(scope="module")
def build(built: Path) -> Path:
    return (built / "current").resolve()


@pytest.fixture(scope="module")
def index(build: Path) -> Index:
    return make(build)


@pytest.fixture(scope="module")
def client(built: Path, index: Index) -> Iterator[TestClient]:
    settings = Settings(data=built, licence=LICENCE, base="https://data.example.org/")
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def store(build: Path) -> EmbeddedStore:
    return open_store(build / "store")


def rows(build: Path, table: str) -> list[dict[str, str]]:
    with (build / FOLDER / f"{table}.csv").open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


# -- the files -----------------------------------------------------------------------------------------------------------


def test_the_graph_is_published_whole(build: Path, index: Index, store: EmbeddedStore) -> None:
    packed = gzip.decompress((build / FOLDER / GRAPH_FILE).read_bytes())
    loaded = ox.Store()
    loaded.bulk_load(packed, format=ox.RdfFormat.TRIG)
    assert len(loaded) == len(store) == index.triples
    assert packed.startswith(b"@prefix")
    assert set(loaded.named_graphs()) == set(store.native.named_graphs())


@pytest.mark.parametrize("table", [one for one in tables() if one.classes], ids=lambda one: one.name)
def test_a_table_has_a_row_for_each_thing_and_sorted(
    build: Path, index: Index, store: EmbeddedStore, table: Published
) -> None:
    kinds = " ".join(f"<{one}>" for one in table.classes)
    query = f"SELECT DISTINCT ?s {{ VALUES ?c {{ {kinds} }} ?s a ?c }}"
    things = {row["s"].value for row in store.rows(query)}  # type: ignore[union-attr]
    found = [row["iri"] for row in rows(build, table.name)]
    assert len(found) == len(set(found)) > 0
    assert set(found) == things


def test_rows_hold_what_the_graph_says(build: Path, index: Index) -> None:
    targets = {row["iri"].rpartition("/document/")[2]: row for row in rows(build, "targets")}
    one = targets["420115-jiangxia-2024/target/3"]
    assert (one["kind"], one["plan"], one["indicator"]) == (
        "Target",
        "420115-jiangxia-2024",
        "key-process-cnc-rate",
    )
    assert (one["comparator"], one["value"], one["unit"], one["year"]) == (">", "67", "percent", "2024")
    text = (build / "texts" / "420115-jiangxia-2024.txt").read_bytes().decode("utf-8")
    assert (
        "".join(text[int(one["start"]) : int(one["end"])].split()) == one["quote"]
    )  # lines are broken in print
    assert [row["kind"] for row in targets.values()].count("TargetCitation") == 50
    order = [int(row["order"]) for row in rows(build, "tasks") if row["plan"] == "420115-jiangxia-2024"]
    assert order == sorted(order)
    given = rows(build, "assignments")
    assert {row["role"] for row in given} >= {"lead", "responsible"}
    assert all(row["of"] and row["plan"] and row["agency"] for row in given)
    lowered = [row for row in rows(build, "comparisons") if row["outcome"] == "lowered"]
    assert all(row["lowerQuote"] and row["upperQuote"] for row in lowered)
    found = [one.id for one in report_of(build, date.today()).findings]  # noqa: DTZ011
    assert [row["id"] for row in rows(build, "findings")] == found


def test_each_value_fits_what_the_metadata_says(build: Path, index: Index) -> None:
    group = json.loads((build / FOLDER / "csv-metadata.json").read_text(encoding="utf-8"))
    assert [one["url"] for one in group["tables"]] == [f"{one.name}.csv" for one in tables()]
    reads: dict[str, Callable[[str], object]] = {
        "integer": int,
        "decimal": float,
        "boolean": {"true": True, "false": False}.__getitem__,
        "gYear": int,
        "date": date.fromisoformat,
        "string": str,
        "anyURI": str,
    }
    slugs = {row["slug"] for row in rows(build, "plans")}
    for table in group["tables"]:
        alone = json.loads((build / FOLDER / f"{table['url']}-metadata.json").read_text(encoding="utf-8"))
        schema = table["tableSchema"]
        assert alone["tableSchema"]["columns"] == schema["columns"]
        found = rows(build, table["url"].removesuffix(".csv"))
        assert list(found[0]) == [one["titles"] for one in schema["columns"]]
        for row in found:
            for column in schema["columns"]:
                if text := row[column["name"]]:
                    reads[column["datatype"]](text)
            assert row[schema["primaryKey"]]
            if "foreignKeys" in schema and row["plan"]:
                assert row["plan"] in slugs


@pytest.mark.parametrize("table", tables(), ids=lambda one: one.name)
def test_parquet_and_workbook_hold_the_same_rows(build: Path, index: Index, table: Published) -> None:
    found = rows(build, table.name)
    assert index.file(f"{table.name}.csv").rows == len(found)  # type: ignore[union-attr]
    parquet = pq.read_table(build / FOLDER / f"{table.name}.parquet")
    texts = [one.name for one in table.columns if one.type in ("text", "iri")]
    assert parquet.num_rows == len(found)
    for name in texts:
        assert parquet.column(name).to_pylist() == [row[name] or None for row in found]
    book = openpyxl.load_workbook(build / FOLDER / "zhengmai.xlsx", read_only=True)
    sheet = next(one for one in book.worksheets if one.title.endswith(f" {table.name}"))
    cells = list(sheet.iter_rows(values_only=True))
    assert list(cells[0]) == [one.label.zh for one in table.columns]
    assert len(cells) == len(found) + 1
    assert [row[0] for row in cells[1:]] == [row[table.columns[0].name] for row in found]


# -- how they are served -------------------------------------------------------------------------------------------------


def test_the_list_names_all_files_for_programs_and_people(client: TestClient, index: Index) -> None:
    told = client.get("/data").json()
    assert [one["name"] for one in told["files"]] == [one.name for one in index.files]
    assert (told["licence"], told["build"]) == (LICENCE, index.build)
    page = client.get("/data", headers={"Accept": "text/html"}).text
    for one in told["files"]:
        assert one["url"] == f"https://data.example.org/data/{one['name']}"
        assert f'href="/data/{one["name"]}"' in page


def test_files_come_in_ranges_and_only_when_they_are_new(
    client: TestClient, index: Index, build: Path
) -> None:
    whole = client.get("/data/targets.csv")
    assert whole.content == (build / FOLDER / "targets.csv").read_bytes()
    assert whole.headers["content-type"] == "text/csv; charset=utf-8"
    assert "content-encoding" not in whole.headers, "a range is of the file, not of what it is compressed to"
    part = client.get("/data/targets.csv", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    tag = {"ETag": whole.headers["etag"]}
    assert (
        client.get("/data/targets.csv", headers={"If-None-Match": f'W/"x", {tag["ETag"]}'}).status_code == 304
    )
    assert client.get("/data/targets.csv", headers={"If-None-Match": '"x"'}).status_code == 200
    assert (
        client.get("/data/targets.csv", headers={"Range": "bytes=0-9", "If-Range": '"x"'}).status_code == 200
    )
    assert client.get("/data/targets.csv", headers={"Range": "bytes=999999999-"}).status_code == 416
    head = client.head("/data/zhengmai.trig.gz")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == index.file(GRAPH_FILE).bytes  # type: ignore[union-attr]
    answer = client.get("/data/zhengmai.ttl")
    assert (answer.status_code, GRAPH_FILE in answer.json()["allowed"]) == (404, True)


def test_the_catalogue_leads_to_every_file(client: TestClient, index: Index) -> None:
    graph = rdflib.Graph().parse(data=client.get("/catalog").text, format="turtle")
    distributions = list(graph.objects(DATASET, DCAT.distribution))
    assert len(distributions) == len([one for one in index.files if not one.name.endswith("-metadata.json")])
    for one in distributions:
        url = str(graph.value(one, DCAT.downloadURL))
        answer = client.get(url.removeprefix("https://data.example.org"))
        assert answer.status_code == 200
        assert len(answer.content) == int(str(graph.value(one, DCAT.byteSize)))
        assert str(graph.value(one, DCTERMS.license)) == LICENCE
        if schema := graph.value(one, DCTERMS.conformsTo):
            assert client.get(str(schema).removeprefix("https://data.example.org")).json()["tableSchema"]
    assert str(graph.value(DATASET, DCAT.version)) == index.build
    services = list(graph.subjects(RDF.type, DCAT.DataService))
    assert [str(graph.value(one, DCAT.endpointURL)) for one in services] == [
        "https://data.example.org/sparql"
    ]
    same = rdflib.Graph().parse(data=client.get("/catalog?format=jsonld").text, format="json-ld")
    assert len(same) == len(graph)
    assert "<table" in client.get("/catalog", headers={"Accept": "text/html"}).text


def test_the_figures_are_those_of_the_store(client: TestClient, store: EmbeddedStore) -> None:
    graph = rdflib.Graph().parse(data=client.get("/.well-known/void").text, format="turtle")
    assert int(str(graph.value(DATASET, VOID.triples))) == len(store)
    parts = {
        str(graph.value(one, VOID["class"])): int(str(graph.value(one, VOID.entities)))
        for one in graph.objects(DATASET, VOID.classPartition)
    }
    for name in ("Plan", "Action", "Target", "Agency", "Comparison"):
        iri = f"https://w3id.org/zhengmai/ns#{name}"
        counted = next(iter(store.rows(f"SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s a <{iri}> }}")))["n"]
        assert parts[iri] == int(counted.value)  # type: ignore[union-attr]
    graphs = [int(str(graph.value(one, VOID.triples))) for one in graph.objects(DATASET, VOID.subset)]
    assert sum(graphs) == len(store)
    page = client.get("/.well-known/void?format=html", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/data")
    assert client.get("/.well-known/void?format=csv").status_code == 406


# -- how they are made ---------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(build: Path, tmp_path: Path) -> Path:
    """The same build without its files, in a data folder of its own."""
    folder = tmp_path / "builds" / build.name
    shutil.copytree(
        build, folder, ignore=lambda at, names: [FOLDER, ".data.lock"] if Path(at) == build else []
    )
    (tmp_path / "current").symlink_to(folder)
    return folder


def maker(build: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.linked.distributions", str(build)], stderr=subprocess.PIPE
    )


def test_two_that_make_them_at_once_make_them_once(copy: Path) -> None:
    both = [maker(copy), maker(copy)]
    assert [one.wait(300) for one in both] == [0, 0]
    assert Index.read(copy) is not None
    assert not (copy / f".{FOLDER}.part").exists()


def test_what_a_kill_left_is_never_served_and_made_again(copy: Path) -> None:
    process = maker(copy)
    part = copy / f".{FOLDER}.part"
    while not (part.is_dir() and any(part.glob("*.csv"))) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    assert Index.read(copy) is None
    with TestClient(create_app(Settings(data=copy.parent.parent))) as client:
        answer = client.get("/data/plans.csv")
        while answer.status_code == 503:  # a slow machine: they are being made
            assert answer.headers["retry-after"]
            answer = client.get("/data/plans.csv")
        assert answer.status_code == 200
    assert Index.read(copy) is not None


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        make(tmp_path / "nowhere")
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match="made again"):
        Index.read(tmp_path)


def test_the_command_writes_the_same_files(build: Path, index: Index, built: Path, tmp_path: Path) -> None:
    out = tmp_path / "published"
    command = [sys.executable, "-m", "zhengmai", "export", str(out), "--data", str(built)]
    subprocess.run(command, check=True, capture_output=True)
    assert {one.name for one in out.iterdir()} == {one.name for one in (build / FOLDER).iterdir()}
    assert (out / "targets.csv").read_bytes() == (build / FOLDER / "targets.csv").read_bytes()
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert again.returncode == 2
    assert "not empty" in again.stderr
