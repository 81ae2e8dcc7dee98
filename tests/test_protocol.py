"""The SPARQL 1.1 Protocol and the Graph Store Protocol, case by case, against the server as it runs.

The cases are those of W3C's protocol test suite (https://www.w3.org/2009/sparql/docs/tests/, "protocol" and
"http-rdf-update"), by their names there, written anew from the two specifications for the graphs that are held here.

Not applicable, because nothing is changed at /sparql (section 2.2 is optional; what is refused is shown to be refused
by `update_is_refused`): update_dataset_default_graph, update_dataset_default_graphs, update_dataset_named_graphs,
update_dataset_full, update_post_form, update_post_direct, update_base_uri, bad_update_get, bad_multiple_updates,
bad_update_wrong_media_type, bad_update_missing_form_type, bad_update_non_utf8, bad_update_syntax,
bad_update_dataset_conflict.
Not applicable of the graph store, for the same reason: put__*, post__*, delete__*, patch_*; every get_of_* and
head_on_* that follows a write is here with a graph that is held.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import httpx
import pyoxigraph as ox
import pytest
import rdflib

from queries.formats import FORMATS, Format, Kind, formats_of
from tests.support.answers import BROWSER
from tests.support.sparql import DATA, FORMS, GRAPH

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
ROWS = {
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
}
GRAPHS = {"text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"}
NAMES = "SELECT ?g { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"


@cache
def web() -> httpx.Client:
    """One client: to make one takes longer than most answers."""
    return httpx.Client(timeout=60)


def a_graph(*which: int) -> str:
    """ASK for whether the default graph is made of these of DATA alone."""
    here = " ".join(f"<{DATA[at].replace('graph/document', 'id/document')}>" for at in which)
    other = " ".join(
        f"<{DATA[at].replace('graph/document', 'id/document')}>" for at in range(3) if at not in which
    )
    # A document is described in its own graph by its title, cited ones by others without
    title = "<http://purl.org/dc/terms/title>"
    count = f"{{ SELECT (COUNT(DISTINCT ?d) AS ?n) {{ VALUES ?d {{ {here} }} ?d {title} ?t }} }}"
    none = f"FILTER NOT EXISTS {{ VALUES ?d {{ {other} }} ?d {title} ?t }}" if other else ""
    return f"ASK {{ {count} FILTER(?n = {len(which)}) {none} }}"


def names(*which: int) -> str:
    """ASK for whether these of DATA alone are the named graphs."""
    listed = ", ".join(f"<{DATA[at]}>" for at in which)
    return (
        f"ASK {{ {{ SELECT (COUNT(DISTINCT ?g) AS ?n) {{ GRAPH ?g {{ ?s ?p ?o }} }} }} FILTER(?n = {len(which)}) "
        f"FILTER NOT EXISTS {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(?g NOT IN ({listed})) }} }}"
    )


@dataclass(frozen=True)
class Case:
    """A request, and what has to come of it: a status class, a truth, or one of some media types."""

    name: str
    method: str = "GET"
    params: Sequence[tuple[str, str]] = ()
    content_type: str | None = None
    body: bytes | str | None = None
    status: int = 2
    truth: bool | None = None
    media: frozenset[str] = field(default_factory=frozenset)


def dataset(
    name: str, query: str, default: Sequence[int] = (), named: Sequence[int] = (), *, post: str = ""
) -> Case:
    graphs = [("default-graph-uri", DATA[at]) for at in default] + [
        ("named-graph-uri", DATA[at]) for at in named
    ]
    if post == FORM:
        return Case(name, "POST", (), FORM, urlencode([("query", query), *graphs]), truth=True)
    if post == QUERY:
        return Case(name, "POST", graphs, QUERY, query, truth=True)
    return Case(name, "GET", [("query", query), *graphs], truth=True)


ALL = "SELECT ?s { ?s ?p ?o } LIMIT 1"
CASES = [
    Case("query_get", params=[("query", "ASK {}")], truth=True),
    Case("query_post_form", "POST", (), FORM, urlencode({"query": "ASK {}"}), truth=True),
    Case("query_post_direct", "POST", (), QUERY, "ASK {}", truth=True),
    Case("query_post_direct with a charset", "POST", (), f"{QUERY}; charset=UTF-8", "ASK {}", truth=True),
    dataset("query_dataset_default_graph", a_graph(0), [0]),
    dataset("query_dataset_default_graphs_get", a_graph(0, 1), [0, 1]),
    dataset("query_dataset_default_graphs_post", a_graph(0, 1), [0, 1], post=QUERY),
    dataset("query_dataset_default_graphs_post, a form", a_graph(0, 1), [0, 1], post=FORM),
    dataset("query_dataset_named_graphs_get", names(0, 2), named=[0, 2]),
    dataset("query_dataset_named_graphs_post", names(0, 2), named=[0, 2], post=QUERY),
    dataset("query_dataset_named_graphs_post, a form", names(0, 2), named=[0, 2], post=FORM),
    dataset("query_dataset_full, the default graph", a_graph(0), [0], [1, 2]),
    dataset("query_dataset_full, the named graphs", names(1, 2), [0], [1, 2]),
    # What the protocol names goes before what the query names
    dataset("query_multiple_dataset", a_graph(1).replace("ASK {", f"ASK FROM <{DATA[0]}> {{", 1), [1]),
    Case("query_content_type_select", params=[("query", ALL)], media=frozenset(ROWS)),
    Case("query_content_type_ask", params=[("query", "ASK {}")], media=frozenset(ROWS)),
    Case("query_content_type_describe", params=[("query", f"DESCRIBE <{DATA[0]}>")], media=frozenset(GRAPHS)),
    Case(
        "query_content_type_construct",
        params=[("query", "CONSTRUCT { <urn:a> <urn:b> 1 } {}")],
        media=frozenset(GRAPHS),
    ),
    Case("bad_query_method", "PUT", [("query", "ASK {}")], QUERY, "ASK {}", status=4),
    Case("bad_multiple_queries", params=[("query", "ASK {}"), ("query", "SELECT * {}")], status=4),
    Case("bad_query_wrong_media_type", "POST", (), "text/plain", "ASK {}", status=4),
    Case("bad_query_missing_form_type", "POST", (), None, urlencode({"query": "ASK {}"}), status=4),
    Case("bad_query_missing_direct_type", "POST", (), None, "ASK {}", status=4),
    Case("bad_query_non_utf8", "POST", (), f"{QUERY}; charset=UTF-16", "ASK {}".encode("utf-16"), status=4),
    Case("bad_query_non_utf8, not told", "POST", (), QUERY, "ASK {}".encode("utf-16"), status=4),
    Case(
        "bad_query_non_utf8, in a form",
        "POST",
        (),
        FORM,
        "query=ASK%20%7B%20%3Fs%20%3Fp%20%22%FF%22%7D",
        status=4,
    ),
    Case("bad_query_syntax", params=[("query", "ASK {")], status=4),
    Case("a query by GET and by POST", "POST", [("query", "ASK {}")], QUERY, "ASK {}", status=4),
    Case("update_is_refused, direct", "POST", (), "application/sparql-update", "CLEAR ALL", status=4),
    Case("update_is_refused, in a form", "POST", (), FORM, urlencode({"update": "CLEAR ALL"}), status=4),
    Case("update_is_refused, by GET", params=[("update", "CLEAR ALL")], status=4),
    Case("update_is_refused, as a query", "POST", (), QUERY, "CLEAR ALL", status=4),
]


def send(case: Case, served: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """The request as it is written: no client that adds a Content-Type on its own."""
    parts = urlsplit(served)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    body = case.body.encode() if isinstance(case.body, str) else case.body
    headers = {"Accept": "*/*"} | ({"Content-Type": case.content_type} if case.content_type else {})
    path = "/sparql" + (f"?{urlencode(case.params)}" if case.params else "")
    connection.request(case.method, path, body, headers)
    answer = connection.getresponse()
    told = answer.status, answer.headers, answer.read()
    connection.close()
    return told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_of_the_protocol(served: str, case: Case) -> None:
    status, headers, body = send(case, served)
    assert status // 100 == case.status, body
    if case.truth is not None:
        assert json.loads(body)["boolean"] is case.truth
    if case.media:
        assert headers.get_content_type() in case.media
    if case.status == 4:
        problem = json.loads(body)
        assert headers.get_content_type() == "application/problem+json"
        assert problem["status"] == status
        assert problem["detail"]


@pytest.mark.parametrize("name", ["default-graph-uri", "named-graph-uri"])
@pytest.mark.parametrize("graph", ["", "reference", "<urn:a>", "urn:a b"])
def test_what_cannot_name_a_graph_is_refused_wherever_it_stands(served: str, name: str, graph: str) -> None:
    address, both = f"{served}/sparql", {"query": "ASK {}", name: graph}
    good = {name: DATA[0]}
    for answer in (
        web().get(address, params=both),
        web().get(address, params={name: graph}),  # the description of the service takes none either
        web().get(address, params=[(name, DATA[0]), (name, graph), ("query", "ASK {}")]),
        web().post(address, data=both),
        web().post(address, params={name: graph}, content="ASK {}", headers={"Content-Type": QUERY}),
    ):
        assert answer.status_code == 400
        assert media_of(answer) == "application/problem+json"
        assert f"“{graph}” is no absolute IRI" in answer.json()["detail"]
    told = web().get(address, params=both, headers={"Accept-Language": "zh"}).json()["detail"]
    assert f"“{graph}”不是完整的 IRI" in told
    page = web().get(address, params={name: graph}, headers={"Accept": BROWSER})
    assert (page.status_code, media_of(page)) == (400, "text/html")
    assert web().get(address, params={"query": "ASK {}", **good}).status_code == 200


# -- formats ---------------------------------------------------------------------------------------------------------


def media_of(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chosen", FORMATS, ids=lambda one: one.name)
def test_each_form_in_each_format(served: str, form: str, chosen: Format) -> None:
    def get(media: str, **params: str) -> httpx.Response:
        return web().get(
            f"{served}/sparql", params={"query": FORMS[form], **params}, headers={"Accept": media}
        )

    for media in chosen.media_types:
        answer = get(media)
        kind: Kind = "rows" if form in ("SELECT", "ASK") else "graph"
        if kind == chosen.kind:
            assert (answer.status_code, media_of(answer)) == (200, media)
            assert get("*/*", format=chosen.name).content == answer.content
        elif media not in [other for one in formats_of(kind) for other in one.media_types]:
            assert answer.status_code == 406
            assert set(answer.json()["allowed"]) >= {one.media_types[0] for one in formats_of(kind)}


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("text/csv;q=0.4, application/sparql-results+xml;q=0.8, */*;q=0.1", "application/sparql-results+xml"),
        ("application/sparql-results+json;q=0, */*", "application/sparql-results+xml"),
        ("text/*", "text/csv"),
        ("text/*;q=0.5, text/tab-separated-values", "text/tab-separated-values"),
        ("TEXT/CSV", "text/csv"),
        ("nonsense", "application/sparql-results+json"),
        ("text/turtle, text/csv;q=0.001", "text/csv"),
        (BROWSER, "text/html"),
    ],
)
def test_the_format_liked_best(served: str, accept: str, media: str) -> None:
    answer = web().get(f"{served}/sparql", params={"query": FORMS["SELECT"]}, headers={"Accept": accept})
    assert media_of(answer) == media
    assert "Accept" in answer.headers["vary"]


# -- the description of the service ----------------------------------------------------------------------------------

SD = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")


@pytest.mark.parametrize("chosen", formats_of("graph"), ids=lambda one: one.name)
def test_without_a_query_the_service_describes_itself(served: str, chosen: Format) -> None:
    answer = web().get(f"{served}/sparql", headers={"Accept": chosen.media_types[0]})
    assert media_of(answer) == chosen.media_types[0]
    graph = rdflib.Graph()
    for quad in ox.parse(answer.content, format=ox.RdfFormat.from_media_type(chosen.writer)):
        graph.parse(data=f"{quad.triple} .", format="nt")
    service = graph.value(predicate=rdflib.RDF.type, object=SD.Service)
    assert graph.value(service, SD.endpoint) == rdflib.URIRef(f"{served}/sparql")
    assert SD.UnionDefaultGraph in set(graph.objects(service, SD.feature))
    assert SD.BasicFederatedQuery not in set(graph.objects(service, SD.feature))
    assert len(set(graph.objects(service, SD.resultFormat))) == len(FORMATS)
    named = {str(name) for name in graph.objects(predicate=SD.name)}
    held = {row["g"]["value"] for row in ask(served, NAMES)}
    assert named == held


def ask(served: str, query: str) -> list[dict[str, dict[str, str]]]:
    rows: list[dict[str, dict[str, str]]] = (
        web().get(f"{served}/sparql", params={"query": query}).json()["results"]["bindings"]
    )
    return rows


def test_a_browser_gets_a_page_and_what_is_not_rdf_406(served: str) -> None:
    assert media_of(web().get(f"{served}/sparql", headers={"Accept": BROWSER})) == "text/html"
    refused = web().get(f"{served}/sparql", headers={"Accept": "text/csv"})
    assert refused.status_code == 406
    assert "text/turtle" in refused.json()["allowed"]


# -- HTTP ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/sparql",
        f"/sparql?{urlencode({'query': FORMS['SELECT']})}",
        f"/sparql?{urlencode({'query': FORMS['CONSTRUCT'], 'format': 'trig'})}",
        f"/rdf-graph-store?{urlencode({'graph': DATA[0]})}",
    ],
)
def test_head_tags_and_304(served: str, path: str) -> None:
    whole = web().get(served + path, headers={"Accept-Encoding": "identity"})
    head = web().head(served + path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "vary"):
        assert head.headers[name] == whole.headers[name]
    tag = whole.headers["etag"]
    for header in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            same = web().request(method, served + path, headers={"If-None-Match": header})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["etag"] == tag
            assert same.headers["vary"]
    assert web().get(served + path, headers={"If-None-Match": '"other"'}).content == whole.content


def test_a_tag_tells_queries_and_formats_apart(served: str) -> None:
    def tag(query: str, accept: str = "*/*", **params: str) -> Any:
        answer = web().get(f"{served}/sparql", params={"query": query, **params}, headers={"Accept": accept})
        return answer.headers.get("etag")

    some = [
        tag(ALL),
        tag(ALL, "text/csv"),
        tag(ALL + " "),
        tag(ALL, **{"default-graph-uri": DATA[0]}),
        tag(ALL, **{"named-graph-uri": DATA[0]}),
    ]
    assert len(set(some)) == len(some)
    assert None not in some
    # What is another each time has none, and is not kept
    for query in ("SELECT (NOW() AS ?x) {}", "SELECT (rand() AS ?x) {}", "SELECT (STRUUID() AS ?x) {}"):
        assert tag(query) is None
        assert ask(served, query) != ask(served, query)


def test_a_page_for_whoever_names_it(served: str) -> None:
    answer = web().get(
        f"{served}/sparql", params={"query": "ASK {}", "format": "html"}, headers={"Accept": "*/*"}
    )
    assert answer.headers["content-type"].startswith("text/html")


def test_gzip_for_those_who_take_it(served: str) -> None:
    address = f"{served}/rdf-graph-store?{urlencode({'graph': DATA[0]})}"
    with web().stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    plain = web().get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 3


def test_pages_of_other_hosts_may_read(served: str) -> None:
    origin = {"Origin": "https://example.org"}
    same = {"If-None-Match": web().get(f"{served}/sparql", params={"query": "ASK {}"}).headers["etag"]}
    # Made, kept ready, and not sent again; with those of nobody else's page between them
    for more, status in (({}, 200), ({}, 200), (same, 304)):
        answer = web().get(f"{served}/sparql", params={"query": "ASK {}"}, headers={**origin, **more})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "ETag" in answer.headers["access-control-expose-headers"]
        own = web().get(f"{served}/sparql", params={"query": "ASK {}"}, headers=more)
        assert (own.status_code, "access-control-allow-origin" in own.headers) == (status, False)
        assert "Origin" in own.headers["vary"]
    for method, status in (("POST", 200), ("GET", 200), ("DELETE", 400), ("PUT", 400)):
        asked = {
            **origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
        }
        assert web().options(f"{served}/sparql", headers=asked).status_code == status


def test_methods_that_there_are_not(served: str) -> None:
    for path, methods, allowed in (
        ("/sparql", ("PUT", "DELETE", "PATCH"), "GET, HEAD, POST"),
        ("/rdf-graph-store", ("PATCH",), "DELETE, GET, HEAD, POST, PUT"),
    ):
        for method in methods:
            answer = web().request(method, served + path)
            assert answer.status_code == 405
            assert answer.headers["allow"] == allowed


def test_a_long_answer_is_whole(served: str) -> None:
    pairs = (
        "SELECT ?a ?b {{ {{ SELECT ?a {{ ?a ?p ?o }} LIMIT {0} }} {{ SELECT ?b {{ ?b ?q ?r }} LIMIT {0} }} }}"
    )
    address = f"{served}/sparql?{urlencode({'query': pairs.format(200), 'format': 'csv'})}"
    answer = web().get(address, headers={"Accept-Encoding": "identity"})
    assert int(answer.headers["content-length"]) == len(answer.content) > 1 << 20
    assert answer.text.count("\r\n") == 200 * 200 + 1
    assert web().get(address, headers={"Accept-Encoding": "gzip"}).content == answer.content


# -- the graph store -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", sorted(GRAPHS))
def test_a_graph_is_given_whole(served: str, media: str) -> None:
    answer = web().get(f"{served}/rdf-graph-store", params={"graph": DATA[1]}, headers={"Accept": media})
    assert (answer.status_code, media_of(answer)) == (200, media)
    triples = {quad.triple for quad in ox.parse(answer.content, format=ox.RdfFormat.from_media_type(media))}
    count = ask(served, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{DATA[1]}> {{ ?s ?p ?o }} }}")
    assert len(triples) == int(count[0]["n"]["value"])


def test_the_default_graph_is_all_graphs(served: str) -> None:
    answer = web().get(
        f"{served}/rdf-graph-store?default", headers={"Accept": "application/n-triples"}, timeout=60
    )
    count = ask(served, "SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?s ?p ?o { ?s ?p ?o } }")
    assert answer.text.count(" .\n") == int(count[0]["n"]["value"])


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("graph=" + quote(f"{GRAPH}document/nowhere"), 404),
        ("graph=relative", 400),
        ("graph=" + quote("http://e/> } DROP ALL #"), 400),
        ("", 400),
        ("default&graph=" + quote(DATA[0]), 400),
        ("graph=" + quote(DATA[0]) + "&graph=" + quote(DATA[1]), 400),
        ("graph=%FF", 400),
        ("graph=" + quote(DATA[0]) + "&format=csv", 406),
    ],
)
def test_a_graph_that_cannot_be_given(served: str, params: str, status: int) -> None:
    for method in ("GET", "HEAD"):
        answer = web().request(method, f"{served}/rdf-graph-store?{params}")
        assert answer.status_code == status
    refused = web().get(
        f"{served}/rdf-graph-store", params={"graph": DATA[0]}, headers={"Accept": "image/png"}
    )
    assert refused.status_code == 406


# -- what clients rely on --------------------------------------------------------------------------------------------


def test_the_xml_of_rows_is_what_its_name_says(served: str) -> None:
    answer = web().get(f"{served}/sparql", params={"query": FORMS["SELECT"], "format": "xml"})
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - our own answer
    assert root.tag == "{http://www.w3.org/2005/sparql-results#}sparql"


def test_half_an_answer_is_never_taken_for_a_whole_one(served: str) -> None:
    """What a client reads off the wire has its length before it, or chunks with an end."""
    for encoding in ("identity", "gzip"):
        parts = urlsplit(served)
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=30) as raw:
            query = urlencode({"query": "SELECT * { ?s ?p ?o } LIMIT 20000", "format": "csv"})
            raw.sendall(
                f"GET /sparql?{query} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n".encode()
            )
            data = b""
            while piece := raw.recv(1 << 16):
                data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if length:
            assert int(length[1]) == len(body) > 1 << 20
        else:
            assert b"chunked" in head.lower()
            assert body.endswith(b"0\r\n\r\n")
