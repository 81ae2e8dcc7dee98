"""Linked data: every IRI of the graph leads somewhere, to a page or to RDF, and no path leads out of here."""

from __future__ import annotations

import http.client
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from graph.errors import BadInput
from graph.stores import open_store
from ontology.terms import BASE, ID, ZM

JIANGXIA = f"{ID}document/420115-jiangxia-2024"
NOTATIONS = {
    "ttl": ox.RdfFormat.TURTLE,
    "nt": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "json": ox.RdfFormat.JSON_LD,
    "rdf": ox.RdfFormat.RDF_XML,
}


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(data=built)), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def store(built: Path) -> ox.Store:
    return open_store(built / "current" / "store").native


def triples(body: bytes, format: ox.RdfFormat = ox.RdfFormat.TURTLE) -> set[ox.Triple]:
    return {quad.triple for quad in ox.parse(body, format=format)}


def path(iri: str) -> str:
    return "/" + iri.removeprefix(BASE)


def kind(iri: str) -> str:
    """What an IRI names: its words, without what counts or names single things."""
    parts = iri.removeprefix(BASE).split("/")
    if parts[:2] == ["id", "document"]:
        return "/".join(["document", *(part for part in parts[3:] if not re.search(r"\d|[一-鿿]", part))])
    return "/".join([*parts[:2], str(len(parts))]) if parts[0] == "id" else re.sub(r"[^/#]*$", "", parts[0])


def examples(store: ox.Store, count: int = 3) -> dict[str, list[str]]:
    """Some IRIs of ours of each kind that is a subject, an object or a graph in the store."""
    found: dict[str, set[str]] = defaultdict(set)
    for quad in store:
        for node in (quad.subject, quad.object, quad.graph_name):
            if isinstance(node, ox.NamedNode) and node.value.startswith(BASE):
                found[kind(node.value)].add(node.value)
    return {name: sorted(iris)[:: max(1, len(iris) // count)][:count] for name, iris in sorted(found.items())}


def test_every_kind_of_iri_leads_to_rdf_and_to_a_page(client: TestClient, store: ox.Store) -> None:
    kinds = examples(store)
    assert len(kinds) > 70
    assert {
        "document",
        "document/action/assignment",
        "document/span/quote",
        "id/agency/4",
        "id/build/3",
    } <= set(kinds)
    for iris in kinds.values():
        for iri in iris:
            for accept, media in (
                ("text/turtle", "text/turtle; charset=utf-8"),
                ("text/html", "text/html; charset=utf-8"),
            ):
                answer = client.get(path(iri).partition("#")[0], headers={"Accept": accept})
                assert answer.status_code == 200, iri
                assert answer.headers["content-type"] == media, iri
                if accept == "text/turtle" and iri.startswith(str(ID)):
                    assert [one.status_code for one in answer.history] == [303]
                    node = ox.NamedNode(iri)
                    said = triples(answer.content)
                    assert any(node in (one.subject, one.object) for one in said), iri


def test_every_term_of_the_ontology_has_its_place_on_the_page(client: TestClient, store: ox.Store) -> None:
    page = client.get("/ns", headers={"Accept": "text/html"}).text
    terms = {quad.subject.value for quad in store if isinstance(quad.subject, ox.NamedNode)}
    for iri in sorted(one for one in terms if one.startswith(f"{ZM}") and one != str(ZM)):
        assert f'id="{iri.removeprefix(str(ZM))}"' in page, iri


def test_all_that_is_said_of_a_thing_is_in_its_description(client: TestClient, store: ox.Store) -> None:
    for iri in (
        f"{JIANGXIA}/target/3",
        f"{JIANGXIA}/action/2.1.1",
        f"{ID}domain/education",
        f"{ID}agency/420115/commerce",
    ):
        node = ox.NamedNode(iri)
        own = {quad.triple for quad in store.quads_for_pattern(node, None, None, None)}
        back = {quad.triple for quad in store.quads_for_pattern(None, None, node, None)}
        said = triples(client.get(f"{path(iri)}.ttl").content)
        assert own | back <= said
        assert own
        assert back or "/action/" in iri, "nothing points to a task"


def test_a_target_comes_with_its_sentence_and_its_place(client: TestClient) -> None:
    told = client.get(f"{path(JIANGXIA)}/target/3.nt").text
    assert "关键工序数控化率" in told
    for name in ("oa#start", "oa#end", "oa#exact", "oa#hasSource", "ns#quote", "skos/core#prefLabel"):
        assert name in told, name
    page = client.get(f"{path(JIANGXIA)}/target/3.html").text
    assert "/plans/420115-jiangxia-2024#target-3" in page
    assert "关键工序数控化率分别超过85%、67%" in page


def test_a_comparison_comes_with_both_sentences(client: TestClient, store: ox.Store) -> None:
    upper = ox.NamedNode(str(ZM.upperTarget))
    lower = ox.NamedNode(str(ZM.lowerTarget))
    iri = next(
        quad.subject.value
        for quad in store.quads_for_pattern(None, lower, None, None)
        if isinstance(quad.subject, ox.NamedNode)
        and any(store.quads_for_pattern(quad.subject, upper, None, None))
    )
    said = triples(client.get(f"{path(iri)}.ttl").content)
    assert len({one.subject for one in said if one.predicate.value == str(ZM.quote)}) == 2
    assert client.get(f"{path(iri)}.html").text.count("<blockquote>") == 2


@pytest.mark.parametrize("ending", NOTATIONS)
def test_each_notation_says_the_same(client: TestClient, ending: str) -> None:
    def of(name: str) -> set[ox.Triple]:
        body = client.get(f"/id/domain/education.{name}").content
        # Each document speaks of itself by its own address
        return {one for one in triples(body, NOTATIONS[name]) if "testserver" not in str(one.subject)}

    assert of(ending) == of("ttl")


@pytest.mark.parametrize(
    ("params", "accept", "ending"),
    [
        ("", "", "ttl"),
        ("", "*/*", "ttl"),
        ("", "application/ld+json", "jsonld"),
        ("", "application/json", "json"),
        ("", "application/rdf+xml;q=0.9, text/html;q=0.5", "rdf"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("?format=ntriples", "text/html", "nt"),
        ("?format=rdf", "text/html", "rdf"),
        ("?format=html", "", "html"),
    ],
)
def test_the_document_follows_the_format(client: TestClient, params: str, accept: str, ending: str) -> None:
    answer = client.get(f"/id/domain/education{params}", headers={"Accept": accept}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/id/domain/education.{ending}")
    assert "Accept" in answer.headers["vary"]


def test_what_cannot_be_given_is_406_with_what_can(client: TestClient) -> None:
    answer = client.get("/id/domain/education", headers={"Accept": "image/png"})
    assert (answer.status_code, "text/turtle" in answer.json()["allowed"]) == (406, True)
    answer = client.get("/id/domain/education?format=docx")
    assert (answer.status_code, "ttl" in answer.json()["allowed"]) == (406, True)


def test_what_points_to_a_thing_comes_in_parts(client: TestClient, store: ox.Store) -> None:
    iri = f"{ID}level/county"
    node = ox.NamedNode(iri)
    wanted = {quad.triple for quad in store.quads_for_pattern(None, None, node, None)}
    assert len(wanted) > 400
    found: set[ox.Triple] = set()
    after: str | None = f"{path(iri)}.nt"
    while after:
        answer = client.get(after)
        part = {one for one in triples(answer.content, ox.RdfFormat.N_TRIPLES) if one.object == node}
        part = {one for one in part if "primaryTopic" not in one.predicate.value}
        assert 0 < len(part) <= 200
        assert not part & found
        found |= part
        assert "这里是第" in answer.text, "it tells that it is a part"
        after = next(iter(re.findall(r'<([^>]+)>; rel="next"', answer.headers["link"])), None)
    assert found == wanted
    page = client.get(f"{path(iri)}.html").text
    assert 'rel="next"' in page
    assert "第 1–200 条" in page


def test_names_with_encoded_characters_lead_to_their_thing(client: TestClient, store: ox.Store) -> None:
    chinese = f"{JIANGXIA}/agency/各相关单位"
    assert client.get(f"{path(chinese)}.ttl").status_code == 200
    assert (
        client.get(
            "/id/document/420115-jiangxia-2024/agency/%E5%90%84%E7%9B%B8%E5%85%B3%E5%8D%95%E4%BD%8D"
        ).status_code
        == 200
    )


def test_graphs_are_looked_up_whole(client: TestClient, store: ox.Store) -> None:
    name = ox.NamedNode(JIANGXIA.replace("/id/", "/graph/"))
    said = triples(client.get(path(name.value)).content)
    assert said == {quad.triple for quad in store.quads_for_pattern(None, None, None, name)}
    assert client.get("/graph/document/nowhere").status_code == 404


def test_the_type_of_a_problem_leads_to_its_meaning(client: TestClient) -> None:
    told = client.get("/id/nowhere").json()
    assert told["type"].startswith(BASE)
    answer = client.get(path(told["type"]))
    assert (answer.status_code, "没有这一项" in answer.text) == (200, True)


# -- another public address ----------------------------------------------------------------------------------------------


def test_the_public_address_is_one_setting_and_the_names_stay(built: Path) -> None:
    settings = Settings.from_environment(
        {"ZHENGMAI_DATA": str(built), "ZHENGMAI_BASE": "https://data.example.org/z"}
    )
    with TestClient(create_app(settings)) as client:
        params = {"plan": "https://data.example.org/z/id/document/420115-jiangxia-2024", "limit": "2"}
        answer = client.get("/questions/targets-of-plan", params=params)
        row = answer.json()["rows"][0]
        assert row["targetIri"] == f"{JIANGXIA}/target/1"
        assert row["evidence"] == [
            {
                "column": "targetIri",
                "iri": f"{JIANGXIA}/target/1",
                "url": "https://data.example.org/z/id/document/420115-jiangxia-2024/target/1",
                "page": "https://data.example.org/z/plans/420115-jiangxia-2024#target-1",
            }
        ]
        assert "<https://data.example.org/z/questions/targets-of-plan?" in answer.headers["link"]
        document = client.get(f"{path(JIANGXIA)}/target/1.ttl").text
        assert "<https://data.example.org/z/id/document/420115-jiangxia-2024/target/1.ttl>" in document
    with pytest.raises(BadInput, match="ZHENGMAI_BASE"):
        Settings.from_environment({"ZHENGMAI_BASE": "data.example.org"})


# -- paths that mean no good ---------------------------------------------------------------------------------------------

CANARY = "canary-3f81"


@pytest.fixture(scope="module")
def port(built: Path) -> Iterator[int]:
    """The service on the wire, since a client in the process would tidy a path up; files that no path may reach."""
    for folder in (
        built.parent,
        built,
        (built / "current").resolve(),
        (built / "current").resolve() / "records",
    ):
        (folder / "secret.json").write_text(f'{{"told": "{CANARY}"}}', encoding="utf-8")
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(data=built)), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
    for folder in (
        built.parent,
        built,
        (built / "current").resolve(),
        (built / "current").resolve() / "records",
    ):
        (folder / "secret.json").unlink()


TRICKS = [
    "..%2fsecret",
    "..%2f..%2fsecret.json",
    "%2e%2e/secret.json",
    "../secret.json",
    "../../../../../../etc/passwd",
    "..%5c..%5csecret.json",
    "....//secret.json",
    "secret",
    "secret.json",
    "..%252fsecret",
    "%00",
    "420115-jiangxia-2024%00",
    "420115-jiangxia-2024%00.json",
    "420115-jiangxia-2024%2f",
    "420115-jiangxia-2024%2f..%2fsecret",
    "420115-jiangxia-2024.json%2f",
    "%2fetc%2fpasswd",
    "~",
    "%ff%fe",
    "%c0%ae%c0%ae%c0%afsecret",  # an overlong form of ../
    "%ed%a0%80",  # half a surrogate
    "x" * 5000,
    "%E4%B8%80" * 3000,
    "４20115-jiangxia-2024",
    "420115‐jiangxia‐2024",
    "420115-jiangxia-2024%cc%81",
    "420115-JIANGXIA-2024",
    "420115-jiangxia-2024%20",
    "con",
    "*",
    "<script>",
    "{slug}",
]


@pytest.mark.parametrize(
    "space",
    [
        "/plans/",
        "/data/",
        "/id/document/",
        "/id/",
        "/graph/document/",
        "/questions/",
        "/ns/",
        "/static/",
        "/problem/",
    ],
)
def test_no_path_leads_out_of_here(port: int, space: str) -> None:
    for trick in TRICKS:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        target = (space + trick).encode()
        connection.putrequest("GET", "/", skip_accept_encoding=True)
        connection._buffer[0] = b"GET " + target + b" HTTP/1.1"  # type: ignore[attr-defined] # as it is, tidied by nobody
        connection.putheader("Accept", "application/json")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        told = f"{space}{trick[:60]}: {answer.status} {body[:200]!r}"
        if answer.status == 307:  # an address with a slash too many
            assert answer.headers["location"] == f"http://127.0.0.1:{port}{(space + trick)[:-3]}", told
            continue
        assert answer.status in (400, 404, 406, 422), told
        assert CANARY.encode() not in body, told
        assert b"root:" not in body, told
        if answer.headers["content-type"] == "application/problem+json":
            assert b'"detail"' in body, told
        else:
            assert answer.status == 400, told  # the server itself refused the line of the request
