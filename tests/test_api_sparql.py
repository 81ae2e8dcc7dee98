"""/sparql on the real plans, as programs ask it: three ways in, the format that is liked best, and each refusal with its reason.

The protocol case by case, against the server as it runs: tests/test_protocol.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from api.settings import Settings
from tests.support.answers import BROWSER, problem
from tests.support.engine import RUNAWAY

ZM = "PREFIX zm: <https://w3id.org/zhengmai/ns#> "


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(data=built, body_kb=64)), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def hurried(built: Path) -> Iterator[TestClient]:
    """A service that ends a query soon: for what is said then, and for nothing else."""
    with TestClient(create_app(Settings(data=built, query_seconds=5))) as made:
        yield made


def test_a_query_comes_in_three_ways(client: TestClient) -> None:
    query = ZM + "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?p a zm:Plan }"
    answers = [
        client.get("/sparql", params={"query": query}),
        client.post("/sparql", data={"query": query}),
        client.post(
            "/sparql",
            content=query.encode(),
            headers={"Content-Type": "application/sparql-query; charset=utf-8"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/sparql-results+json"
        assert answer.json() == answers[0].json()
    assert int(answers[0].json()["results"]["bindings"][0]["n"]["value"]) >= 10


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/sparql-results+json"),
        ("*/*", "application/sparql-results+json"),
        ("application/json", "application/json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("text/csv;q=0.5, application/sparql-results+xml;q=0.9", "application/sparql-results+xml"),
        ("text/*;q=0.3, text/csv;q=0, */*;q=0.1", "text/tab-separated-values; charset=utf-8"),
        (BROWSER, "text/html; charset=utf-8"),
    ],
)
def test_rows_come_as_the_client_likes_them(client: TestClient, accept: str | None, media: str) -> None:
    headers = {"Accept": accept} if accept else {"Accept": ""}
    answer = client.get("/sparql", params={"query": "SELECT ?s { ?s ?p ?o } LIMIT 1"}, headers=headers)
    assert answer.headers["content-type"] == media
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "text/turtle; charset=utf-8"),
        ("application/n-triples", "application/n-triples"),
        ("application/ld+json", "application/ld+json"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/n-quads", "application/n-quads"),
        ("application/trig", "application/trig"),
    ],
)
def test_graphs_come_as_the_client_likes_them(client: TestClient, accept: str, media: str) -> None:
    query = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 2"
    answer = client.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert answer.headers["content-type"] == media


def test_what_cannot_be_given_is_406_with_what_can(client: TestClient) -> None:
    query = {"query": "ASK {}"}
    told = problem(client.get("/sparql", params=query, headers={"Accept": "image/png"}), 406, "accept")
    assert "application/sparql-results+json" in told["allowed"]
    assert "text/csv" in told["allowed"]
    told = problem(client.get("/sparql", params={**query, "format": "turtle"}), 406, "format")
    assert told["allowed"] == ["json", "xml", "csv", "tsv"]


def test_graphs_can_be_named_beside_the_query(client: TestClient) -> None:
    query = ZM + "SELECT (COUNT(*) AS ?n) { ?x a zm:Action }"
    graph = "https://w3id.org/zhengmai/graph/document/"

    def count(**params: Any) -> int:
        rows = client.get("/sparql", params={"query": query, **params}).json()["results"]["bindings"]
        return int(rows[0]["n"]["value"])

    jiangxia, wuhai = graph + "420115-jiangxia-2024", graph + "150300-wuhai-2024"
    assert count(**{"default-graph-uri": jiangxia}) == 25
    both = client.post("/sparql", data={"query": query, "default-graph-uri": [jiangxia, wuhai]})
    assert int(both.json()["results"]["bindings"][0]["n"]["value"]) == 25 + 18
    assert count() > 100
    problem(client.get("/sparql", params={"query": query, "default-graph-uri": "no iri"}), 400, "bad-input")


def test_a_syntax_error_is_400_with_line_and_column(client: TestClient) -> None:
    answer = client.get("/sparql", params={"query": "SELECT ?s WHERE {\n  ?s a ?o\n  ?o a ?c .\n}"})
    told = problem(answer, 400, "query-syntax")
    assert (told["line"], told["column"]) == (3, 3)
    answer = client.get("/sparql", params={"query": "SELECT", "lang": "zh"})
    assert "第 1 行" in problem(answer, 400, "query-syntax")["detail"]


@pytest.mark.parametrize(
    ("params", "status", "kind"),
    [
        ({"query": "  "}, 400, "no-query"),
        ({"query": "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }"}, 403, "query-refused"),
        ({"query": "DROP ALL"}, 403, "query-refused"),
        ({"update": "DROP ALL"}, 403, "update"),
        ({"query": "ASK " + "{" * 5000 + "}" * 5000}, 403, "query-refused"),
        ({"query": ["ASK {}", "ASK {}"]}, 400, "two-queries"),
    ],
)
def test_what_is_refused_says_why(client: TestClient, params: dict[str, Any], status: int, kind: str) -> None:
    problem(client.get("/sparql", params=params), status, kind)


@pytest.mark.parametrize(
    ("body", "kind_of_content", "status", "kind"),
    [
        (b"DROP ALL", "application/sparql-update", 403, "update"),
        (b"{}", "application/json", 415, "content-type"),
        (b"", "", 415, "content-type"),
        (b"ASK { ?s ?p '\xff' }", "application/sparql-query", 400, "encoding"),
        (b"ASK { ?s ?p '" + b"x" * 70_000 + b"' }", "application/sparql-query", 413, "body"),
    ],
)
def test_a_body_that_cannot_be_read(
    client: TestClient, body: bytes, kind_of_content: str, status: int, kind: str
) -> None:
    answer = client.post("/sparql", content=body, headers={"Content-Type": kind_of_content})
    problem(answer, status, kind)


def test_a_runaway_query_is_told_its_limit_while_others_are_answered(hurried: TestClient) -> None:
    answers: list[Response] = []
    ask = {"query": RUNAWAY}
    thread = threading.Thread(target=lambda: answers.append(hurried.get("/sparql", params=ask)))
    thread.start()
    time.sleep(0.2)
    assert hurried.get("/ready").status_code == 200
    assert hurried.get("/questions/plans").json()["count"] >= 10
    assert not answers, "others had to wait"
    thread.join(30)
    told = problem(answers[0], 422, "query-timeout")
    assert (told["limit"], told["unit"]) == (5, "seconds")
