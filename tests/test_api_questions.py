"""The questions by URL: parts, formats, evidence, and that OpenAPI tells the truth of each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openpyxl
import pyarrow.parquet as pq
import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.reading.questions import answer_model, formats
from api.settings import Settings
from queries.catalogue import Question, load_catalogue

QUESTIONS = load_catalogue().questions
TABLES = [one for one in QUESTIONS if one.is_table]
GRAPHS = [one for one in QUESTIONS if not one.is_table]


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(data=built)), raise_server_exceptions=False) as made:
        yield made


@pytest.mark.parametrize("question", TABLES, ids=lambda one: one.name)
def test_each_answer_is_what_openapi_says(client: TestClient, question: Question) -> None:
    answer = client.get(f"/questions/{question.name}", params=dict(question.example))
    told = answer_model(question).model_validate_json(answer.content, strict=True)
    assert told.model_dump() == answer.json()
    described = client.get("/openapi.json").json()
    operation = described["paths"][f"/questions/{question.name}"]["get"]
    content = operation["responses"]["200"]["content"]
    assert set(content) == set(formats(question).values())
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    row = described["components"]["schemas"][name]["properties"]["rows"]["items"]["$ref"].rpartition("/")[2]
    assert list(described["components"]["schemas"][row]["properties"]) == [*question.columns, "evidence"]


def test_the_parts_are_linked_to_one_another(client: TestClient) -> None:
    whole = client.get("/questions/targets-of-plan", params={"plan": "江夏区"}).json()
    rows: list[Any] = []
    after: str | None = "/questions/targets-of-plan?plan=江夏区&limit=20"
    while after:
        answer = client.get(after)
        told = answer.json()
        assert told["count"] == whole["count"] == int(answer.headers["x-total-count"])
        assert (told["limit"], told["offset"]) == (20, len(rows))
        rows += told["rows"]
        links = {rel: link for link, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["link"])}
        after = links.get("next")
        assert "first" in links
    assert rows == whole["rows"]
    assert client.get(links["prev"]).json()["offset"] == 20
    assert client.get(links["last"]).json()["offset"] == 40
    assert "link" not in client.get("/questions/targets-of-plan?plan=江夏区").headers


@pytest.mark.parametrize(
    "params", [{"limit": "0"}, {"limit": "x"}, {"offset": "-1"}, {"limit": "1e3"}, {"limit": "9" * 30}]
)
def test_parts_that_cannot_be(client: TestClient, params: dict[str, str]) -> None:
    answer = client.get("/questions/plans", params=params)
    assert (answer.status_code, answer.json()["parameter"]) == (422, next(iter(params)))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_files_hold_the_same_rows(client: TestClient, lang: str) -> None:
    asked = {"domain": "education", "lang": lang}
    told = client.get("/questions/lead-agencies", params=asked).json()
    labels = [one["label"] for one in told["columns"]]
    names = [one["name"] for one in told["columns"]]
    wanted = [[row[name] for name in names] for row in told["rows"]]

    def file(format: str) -> bytes:
        answer = client.get("/questions/lead-agencies", params={**asked, "format": format})
        assert f'filename="lead-agencies.{format}"' in answer.headers["content-disposition"]
        assert answer.headers["x-total-count"] == str(told["count"])
        body: bytes = answer.content
        return body

    found = list(csv.reader(io.StringIO(file("csv").decode("utf-8-sig"))))
    assert (found[0], found[1:]) == (labels, [[value or "" for value in row] for row in wanted])
    found = [line.split("\t") for line in file("tsv").decode().splitlines()]
    assert (found[0], found[1:]) == (names, [[value or "" for value in row] for row in wanted])
    sheet = openpyxl.load_workbook(io.BytesIO(file("xlsx"))).worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert (cells[0], cells[1:]) == (labels, wanted)
    table = pq.read_table(io.BytesIO(file("parquet")))
    assert table.column_names == names
    assert [list(row.values()) for row in table.to_pylist()] == wanted
    assert table.schema.metadata[b"lang"] == lang.encode()
    assert table.schema.metadata[b"parameters"] == b"domain=education"


def test_a_format_follows_the_accept_header_too(client: TestClient) -> None:
    for name, media in formats(TABLES[0]).items():
        answer = client.get("/questions/plans", headers={"Accept": media})
        assert answer.headers["content-type"].partition(";")[0] == media, name


@pytest.mark.parametrize(
    "name", ["targets-of-plan", "targets-against-upper", "lead-agencies", "outcomes-by-plan"]
)
def test_the_evidence_of_each_row_is_there(client: TestClient, name: str) -> None:
    question = next(one for one in TABLES if one.name == name)
    rows = client.get(f"/questions/{name}", params={**question.example, "limit": "5"}).json()["rows"]
    for row in rows:
        assert row["evidence"]
        for one in row["evidence"]:
            assert row[one["column"]] == one["iri"]
            assert one["iri"] in client.get(one["url"], headers={"Accept": "application/n-triples"}).text
            if one["page"]:
                page = client.get(one["page"], headers={"Accept": "text/html"})
                assert page.status_code == 200
                anchor = urlsplit(one["page"]).fragment
                assert not anchor or f'id="{anchor}"' in page.text, one["page"]


def test_an_address_here_is_as_good_as_the_iri(client: TestClient) -> None:
    url = client.get("/questions/plans?limit=1").json()["rows"][0]["evidence"][0]["url"]
    assert url.startswith("http://testserver/id/document/")
    by_address = client.get("/questions/targets-of-plan", params={"plan": url}).json()
    by_iri = client.get(
        "/questions/targets-of-plan",
        params={"plan": url.replace("http://testserver", "https://w3id.org/zhengmai")},
    )
    assert by_address == by_iri.json()


@pytest.mark.parametrize("question", GRAPHS, ids=lambda one: one.name)
def test_a_graph_comes_in_each_notation(client: TestClient, question: Question) -> None:
    def asked(**params: str) -> Any:
        return client.get(f"/questions/{question.name}", params={**question.example, **params})

    wanted = {quad.triple for quad in ox.parse(asked().content, format=ox.RdfFormat.TURTLE)}
    assert wanted
    for name, media in formats(question).items():
        answer = asked(format=name)
        assert answer.headers["content-type"].partition(";")[0] == media
        if name != "html":
            read = ox.parse(answer.content, format=ox.RdfFormat.from_media_type(media))
            assert {quad.triple for quad in read} == wanted
    assert asked(format="csv").status_code == 406
    assert asked(limit="3").json()["parameter"] == "limit"


def test_the_plan_as_rdf_has_tasks_targets_agencies_and_sentences(client: TestClient) -> None:
    text = client.get("/questions/plan-as-rdf?plan=江夏区").text
    for part in (
        "a zm:Action",
        "a zm:Target",
        "a zm:Assignment",
        "zm:quote",
        "oa:exact",
        "区教育局",
        "关键工序数控化率",
    ):
        assert part in text, part
    assert "360704" not in text, "of another plan"


def test_a_page_shows_a_part_and_leads_to_the_others(client: TestClient) -> None:
    page = client.get(
        "/questions/targets-of-plan?plan=江夏区&limit=20&offset=20", headers={"Accept": "text/html"}
    ).text
    assert "第 21–40 行，共 54 行" in page
    assert "offset=40" in page
    assert "offset=0" in page
    assert "format=xlsx" in page


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/questions/plans?limit=3", "application/json"),
        ("/questions/plan-as-rdf?plan=420115-jiangxia-2024", "text/turtle"),
        ("/questions/plans", "text/html"),
        ("/questions", "application/json"),
        ("/questions", "text/html"),
        ("/id/domain/education.ttl", "*/*"),
    ],
)
def test_an_answer_that_the_client_has_is_not_sent_again(served: str, path: str, accept: str) -> None:
    with httpx.Client(base_url=served, headers={"Accept": accept}, timeout=60) as client:
        first = client.get(path)
        assert first.status_code == 200, first.text
        told = {"If-None-Match": first.headers["etag"]}
        again = client.get(path, headers=told)
        assert (again.status_code, again.content) == (304, b"")
        # A browser puts these in the place of those that it has kept: another policy would take a page its style
        put = {name for name in again.headers if again.headers[name] != first.headers.get(name)}
        assert put <= {"date", "x-request-id"}
        assert "Accept-Language" in first.headers["vary"]
        assert client.get(path).text == first.text
        other = client.get(path, headers={**told, "Accept-Language": "en"})
        assert other.status_code == 200
