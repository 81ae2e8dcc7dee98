"""Writing by the SPARQL 1.1 Graph Store HTTP Protocol: the cases of its test suite, from the text of the specification,
against a real server, and what must not be written.

Not applicable: PUT and DELETE of the default graph (here the union of all graphs; refused with 403).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.settings import Settings
from api.writing.tokens import add_token
from graph import trail
from graph.user_graphs import PREFIX
from tests.support import writing
from tests.support.server import running

TURTLE = """@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<http://example.org/person/1> foaf:name "John Doe" ; foaf:knows [ foaf:name "Jane" ] ."""
STORE = "/rdf-graph-store"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writing.make(tmp_path_factory.mktemp("graphs"))


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[httpx.Client]:
    settings = Settings(data=data, graph_mb=1, draft_memory_mb=1024)
    token = add_token(data / "tokens.json", "office", ["graphs"])
    headers = {"Authorization": f"Bearer {token}"}
    with running(settings) as address, httpx.Client(base_url=address, headers=headers, timeout=120) as made:
        yield made


def names(client: httpx.Client, graph: str) -> set[str]:
    """The names in a graph, as any client sees them."""
    query = f"SELECT ?name {{ GRAPH <{graph}> {{ ?s <http://xmlns.com/foaf/0.1/name> ?name }} }}"
    rows = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    return {row["name"]["value"] for row in rows}


def send(
    client: httpx.Client, method: str, graph: str, body: str | bytes = TURTLE, media: str = "text/turtle"
) -> Any:
    content = body.encode() if isinstance(body, str) else body
    return client.request(
        method, STORE, params={"graph": graph}, content=content, headers={"Content-Type": media}
    )


def test_the_cases_of_the_protocol_for_writing(client: httpx.Client, data: Path) -> None:
    graph, other = PREFIX + "person/1", PREFIX + "person/2"
    # PUT: initial state, and again over what is there
    assert send(client, "PUT", graph).status_code == 201
    assert names(client, graph) == {"John Doe", "Jane"}
    assert send(client, "PUT", graph, TURTLE.replace("John", "Joe")).status_code == 204
    assert names(client, graph) == {"Joe Doe", "Jane"}
    # PUT: graph already in store, mismatched payload
    assert send(client, "PUT", graph, TURTLE, "application/rdf+xml").status_code == 400
    assert names(client, graph) == {"Joe Doe", "Jane"}
    # PUT: empty graph
    assert send(client, "PUT", other, "").status_code == 201
    assert send(client, "PUT", other, "").status_code == 204
    for address in (STORE, "/graph/user/person/2"):
        asked = {"graph": other} if address == STORE else {}
        answer = client.get(address, params={**asked, "format": "ntriples"})
        assert (answer.status_code, answer.text.strip()) == (200, "")
    # POST: existing graph, twice the same blank node is two
    more = TURTLE.replace("John Doe", "Ann")
    assert send(client, "POST", graph, more).status_code == 200
    assert names(client, graph) == {"Joe Doe", "Jane", "Ann"}
    # POST: multipart form
    files = {"file": ("more.ttl", TURTLE.replace("John Doe", "Bob").encode())}
    assert client.post(STORE, params={"graph": graph}, files=files).status_code == 200
    assert "Bob" in names(client, graph)
    # POST: create new graph; it is told where
    made = client.post(STORE, content=TURTLE.encode(), headers={"Content-Type": "text/turtle"})
    assert made.status_code == 201
    new = PREFIX + made.headers["location"].removeprefix("/graph/user/")
    assert names(client, new) == {"John Doe", "Jane"}
    # DELETE, and DELETE of what is not there
    assert client.delete(STORE, params={"graph": graph}).status_code == 204
    assert names(client, graph) == set()
    assert client.delete(STORE, params={"graph": graph}).status_code == 404
    # Direct identification
    assert (
        client.put(
            "/graph/user/direct", content=TURTLE.encode(), headers={"Content-Type": "text/turtle"}
        ).status_code
        == 201
    )
    assert names(client, PREFIX + "direct") == {"John Doe", "Jane"}
    assert client.delete("/graph/user/direct").status_code == 204
    kinds = [one.kind for one in trail.read_trail(data)]
    assert kinds == ["put-graph"] * 3 + ["post-graph"] * 3 + ["delete-graph", "put-graph", "delete-graph"]
    writing.whole(data)


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/n-triples", '<http://x/a> <http://xmlns.com/foaf/0.1/name> "x" .'),
        ("application/n-quads", f'<http://x/a> <http://xmlns.com/foaf/0.1/name> "x" <{PREFIX}formats> .'),
        ("application/trig", '<http://x/a> <http://xmlns.com/foaf/0.1/name> "x" .'),
        ("application/ld+json", '{"@id": "http://x/a", "http://xmlns.com/foaf/0.1/name": "x"}'),
        (
            "application/rdf+xml",
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:f="http://xmlns.com/foaf/0.1/">'
            '<rdf:Description rdf:about="http://x/a"><f:name>x</f:name></rdf:Description></rdf:RDF>',
        ),
    ],
)
def test_every_notation_is_read(client: httpx.Client, media: str, body: str) -> None:
    graph = PREFIX + "formats"
    assert send(client, "PUT", graph, body, media).status_code in (201, 204)
    assert names(client, graph) == {"x"}


def test_what_is_not_written(client: httpx.Client, data: Path) -> None:
    before = trail.read_trail(data)
    for graph in (
        "https://w3id.org/zhengmai/graph/inferred",
        "https://w3id.org/zhengmai/graph/document/150300-wuhai-2024",
        "http://example.org/graph",
        PREFIX,
        PREFIX + "../inferred",
        PREFIX + "a//b",
        PREFIX + "a b",
        PREFIX + "x" * 151,
        PREFIX + "a>",
    ):
        for method in ("PUT", "POST", "DELETE"):
            answer = send(client, method, graph)
            assert answer.status_code in (403, 404), (method, graph)
            assert "begin with" in answer.json()["detail"] or answer.status_code == 404
    for method in ("PUT", "POST", "DELETE"):
        answer = client.request(method, STORE, params={"default": ""}, content=b"")
        assert answer.json()["type"].endswith("graph-default")
    assert client.put(STORE, content=b"").status_code == 400
    bare = httpx.put(str(client.base_url) + STORE, params={"graph": PREFIX + "x"}, content=b"")
    assert (bare.status_code, "Bearer" in bare.headers["www-authenticate"]) == (401, True)
    assert send(client, "PUT", PREFIX + "x", "x", "text/plain").status_code == 415
    other = f'<http://x/a> <http://x/b> "x" <{PREFIX}other> .'
    assert (
        send(client, "PUT", PREFIX + "x", other, "application/n-quads").json()["type"].endswith("graph-quads")
    )
    assert send(client, "PUT", PREFIX + "x", b"a" * (1 << 20) + b"b").status_code == 413
    assert trail.read_trail(data) == before
    assert not list(data.glob("jobs/*/body"))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 20}">' for n in range(1, 8))


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/rdf+xml", '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'),
        (
            "application/rdf+xml",
            f'<!DOCTYPE r [<!ENTITY l0 "laughs">{LAUGHS}]>'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">'
            '<rdf:Description rdf:about="http://x/a"><e:p>&l7;</e:p></rdf:Description></rdf:RDF>',
        ),
        (
            "application/rdf+xml",
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">'
            + "<e:A><e:p>" * 60_000,
        ),
        ("application/ld+json", '{"@context": "http://127.0.0.1:9/context", "@id": "http://x/a", "p": "q"}'),
        ("application/ld+json", "[" * 200_000),
        ("text/turtle", "<http://a> <http://b> " + "(" * 200_000),
    ],
    ids=["external-entity", "billion-laughs", "deep-xml", "remote-context", "deep-json", "deep-turtle"],
)
def test_hostile_bodies_are_told_and_nothing_is_kept(
    client: httpx.Client, data: Path, media: str, body: str
) -> None:
    before = trail.read_trail(data)
    answer = send(client, "PUT", PREFIX + "hostile", body, media)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "root:" not in answer.text
    assert trail.read_trail(data) == before
    assert not (data / "corpus" / "graphs" / "hostile.nq").exists()


def test_what_is_put_in_changes_no_answer_of_who_does_not_name_it(client: httpx.Client) -> None:
    graph = PREFIX + "intruder"
    plan = "<https://w3id.org/zhengmai/id/document/intruder> a <https://w3id.org/zhengmai/ns#Plan> ."

    def rows(query: str, **parameters: str) -> list[Any]:
        answer = client.get("/sparql", params={"query": query, **parameters})
        found: list[Any] = answer.json()["results"]["bindings"]
        return found

    plans = "SELECT DISTINCT ?p { ?p a <https://w3id.org/zhengmai/ns#Plan> }"
    before = rows(plans)
    assert send(client, "PUT", graph, plan).status_code == 201
    assert rows(plans) == before
    assert len(rows(plans, **{"default-graph-uri": graph})) == 1
    named = f"SELECT ?p {{ GRAPH <{graph}> {{ ?p a <https://w3id.org/zhengmai/ns#Plan> }} }}"
    assert len(rows(named)) == 1
    assert len(rows(f"SELECT ?p FROM <{graph}> {{ ?p a <https://w3id.org/zhengmai/ns#Plan> }}")) == 1  # noqa: S608
    # Beside a graph that is named, the default graph is the same as without
    both = f"SELECT DISTINCT ?p {{ ?p a <https://w3id.org/zhengmai/ns#Plan> GRAPH <{graph}> {{ ?any a ?class }} }}"
    assert sorted(map(str, rows(both))) == sorted(map(str, before))
    whole = client.get(STORE, params={"default": "", "format": "ntriples"})
    assert "document/intruder" not in whole.text, "the audit trail names the graph, and may"
    described = client.get("/sparql", headers={"Accept": "application/n-triples"}).text
    assert f"<{graph}>" in described
    assert send(client, "DELETE", graph, "").status_code == 204
