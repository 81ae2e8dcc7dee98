"""The ontology as the service gives it: in each notation, and as a page."""

import html
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from rdflib import Graph
from rdflib.compare import isomorphic

from api.app import create_app
from api.settings import Settings
from ontology.documentation import reference
from ontology.vocabulary import ontology_graph


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The ontology is served without a build too."""
    with TestClient(create_app(Settings(data=tmp_path_factory.mktemp("nothing")))) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "media", "rdf"),
    [
        ("text/turtle", "text/turtle", "turtle"),
        ("application/rdf+xml", "application/rdf+xml", "xml"),
        ("application/n-triples", "application/n-triples", "nt"),
        ("application/ld+json", "application/ld+json", "json-ld"),
        ("*/*", "text/turtle", "turtle"),
    ],
)
def test_the_ontology_is_served_in_the_notation_asked_for(
    client: TestClient, accept: str, media: str, rdf: str
) -> None:
    answer = client.get("/ns", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media
    assert "Accept" in answer.headers["vary"]
    assert isomorphic(Graph().parse(data=answer.content, format=rdf), ontology_graph())


@pytest.mark.parametrize(
    ("query", "media"),
    [("ttl", "text/turtle"), ("turtle", "text/turtle"), ("ntriples", "application/n-triples"), ("rdfxml", "application/rdf+xml"), ("nt", "application/n-triples"),
     ("jsonld", "application/ld+json"), ("html", "text/html")],
)  # fmt: skip
def test_the_notation_may_stand_in_the_address(client: TestClient, query: str, media: str) -> None:
    for path in ("/ns", f"/ns/{reference().version}"):
        answer = client.get(f"{path}?format={query}", headers={"Accept": "application/json"})
        assert answer.headers["content-type"].partition(";")[0] == media


def test_what_is_not_there_is_said_so(client: TestClient) -> None:
    answer = client.get("/ns?format=docx")
    assert answer.status_code == 406
    assert answer.json()["allowed"] == ["turtle", "ntriples", "jsonld", "rdfxml", "html"]
    assert client.get("/ns", headers={"Accept": "image/png"}).status_code == 406
    old = client.get("/ns/0.1.0")
    assert old.status_code == 404
    assert old.json()["allowed"] == [reference().version]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_has_every_term_under_its_fragment_and_nothing_from_elsewhere(
    client: TestClient, lang: str
) -> None:
    page = client.get(f"/ns?lang={lang}", headers={"Accept": "text/html"}).text
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    ref = reference()
    assert {one.name for one in (*ref.classes, *ref.properties)} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert all(one.startswith(' type="module" src="/static/') for one in re.findall("<script([^>]*)", page))
    for one in ref.classes:
        assert one.definition["zh"] in page
        assert html.escape(one.definition["en"]) in page.replace("&#39;", "&#x27;")
        assert one.example is not None
        assert one.example.turtle.splitlines()[0] in html.unescape(page)


def test_the_start_page_leads_there(client: TestClient) -> None:
    assert 'href="/ns' in client.get("/", headers={"Accept": "text/html"}).text
