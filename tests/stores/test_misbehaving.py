"""A server that does all that a server should not: never an answer that is not whole, always an error that says where."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from graph.errors import BadInput, QueryTimeout, QueryTooLarge, StoreError, ZhengmaiError
from graph.remote_publishing import read_manifest
from graph.remote_store import Connection, Exchange, RemoteStore
from graph.store_address import StoreAddress, address_of, discover
from queries.dialects import translated
from queries.virtuoso_paths import by_themselves

ROWS = "application/sparql-results+json"
TRIPLES = "application/n-triples"
GOOD = json.dumps(
    {"head": {"vars": ["s"]}, "results": {"bindings": [{"s": {"type": "literal", "value": "甲"}}] * 50}}
).encode()
LINES = b"<urn:a> <urn:b> <urn:c> .\n" * 50
SELECT, CONSTRUCT = "SELECT ?s { ?s ?p ?o }", "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Does to each request what the test says, but for the question about nothing, if the server is to be well."""

    protocol_version = "HTTP/1.1"
    behaviour: Behaviour
    alive = True
    seen: list[str]

    def do_GET(self) -> None:
        self.tell(200, b"", "text/html")

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append(text)
        if "ASK" in text and self.alive:
            self.tell(200, b'{"head":{},"boolean":true}', ROWS)
            return
        type(self).behaviour(self)

    def tell(self, status: int, body: bytes, media: str, length: int | None = None, **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def chunks(self, media: str, *pieces: bytes, end: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if end:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def without_end(self, media: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[tuple[type[Handler], Connection]]:
    kind = type("One", (Handler,), {"seen": []})
    made = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{made.server_address[1]}"
    yield kind, Connection(discover(StoreAddress(base, "me", "opensesame", seconds=2)))
    made.shutdown()
    made.server_close()


def hang(handler: Handler) -> None:
    time.sleep(4)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", ROWS)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.3)


CASES: dict[str, tuple[Behaviour, str, type[ZhengmaiError], str]] = {
    "hangs": (hang, SELECT, QueryTimeout, "after 2 seconds"),
    "drips": (drip, SELECT, QueryTimeout, "after 2 seconds"),
    "500": (lambda h: h.tell(500, b"Out of memory", "text/plain"), SELECT, StoreError, "500: Out of memory"),
    "503": (lambda h: h.tell(503, b"later", "text/plain"), SELECT, StoreError, "503: later"),
    "401": (lambda h: h.tell(401, b"", "text/plain"), SELECT, StoreError, "ZHENGMAI_STORE_PASSWORD"),
    "closed at once": (lambda h: setattr(h, "close_connection", True), SELECT, StoreError, "broke"),
    "drops in mid-body": (lambda h: h.tell(200, GOOD[:200], ROWS, len(GOOD)), SELECT, StoreError, "broke in the middle"),
    "drops between lines": (lambda h: h.tell(200, LINES[:260], TRIPLES, len(LINES)), CONSTRUCT, StoreError, "broke in the middle"),
    "chunks without an end": (lambda h: h.chunks(TRIPLES, LINES, end=False), CONSTRUCT, StoreError, "broke in the middle"),
    "no end told": (lambda h: h.without_end(TRIPLES, LINES), CONSTRUCT, StoreError, "where it ends"),
    "JSON cut off": (lambda h: h.without_end(ROWS, GOOD[:300]), SELECT, StoreError, "cannot be read"),
    "JSON with more behind it": (lambda h: h.tell(200, GOOD + b"Internal error", ROWS), SELECT, StoreError, "cannot be read"),
    "an error in a whole body": (lambda h: h.chunks(ROWS, GOOD[:300], b"The query was cancelled", end=True), SELECT, QueryTimeout, "after 2 seconds"),
    "an error among triples": (lambda h: h.chunks(TRIPLES, LINES, b"The query reached the timeout", end=True), CONSTRUCT, QueryTimeout, "after 2 seconds"),
    "rubbish": (lambda h: h.tell(200, b"\x00\xff\xfe" * 9, ROWS), SELECT, StoreError, "cannot be read"),
    "empty": (lambda h: h.tell(200, b"", ROWS), SELECT, StoreError, "cannot be read"),
    "JSON of something else": (lambda h: h.tell(200, b'{"rows": []}', ROWS), SELECT, StoreError, "cannot be read"),
    "a list": (lambda h: h.tell(200, b"[]", ROWS), SELECT, StoreError, "cannot be read"),
    "deep JSON": (lambda h: h.tell(200, b"[" * 100_000, ROWS), SELECT, StoreError, "cannot be read"),
    "rubbish triples": (lambda h: h.tell(200, b"<urn:a> <urn:b>\n", TRIPLES), CONSTRUCT, StoreError, "cannot be read"),
    "a page": (lambda h: h.tell(200, b"<h1>Welcome</h1>", "text/html"), SELECT, StoreError, "text/html and not"),
    "rows for a graph": (lambda h: h.tell(200, GOOD, ROWS), CONSTRUCT, StoreError, "and not application/n-triples"),
    "a part by rows": (lambda h: h.tell(200, GOOD, ROWS, X_SPARQL_MaxRows="50"), SELECT, StoreError, "at 50 rows"),
    "a part by time": (lambda h: h.tell(200, GOOD, ROWS, X_SQL_State="S1TAT"), SELECT, StoreError, "a part of the answer"),
    "elsewhere": (lambda h: h.tell(302, b"", "text/plain", Location="/other"), SELECT, StoreError, "text/html and not"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_whole_answer_is_an_error(server: tuple[type[Handler], Connection], case: str) -> None:
    kind, connection = server
    kind.behaviour, text, error, said = CASES[case]
    with pytest.raises(error, match=said) as caught:
        connection.ask(text, "SELECT" if text == SELECT else "CONSTRUCT")
    assert connection.where in str(caught.value)
    assert caught.value.zh
    assert "opensesame" not in str(caught.value)


def test_a_server_that_answers_nothing_at_all_is_told_from_a_slow_query(
    server: tuple[type[Handler], Connection],
) -> None:
    kind, connection = server
    kind.behaviour, kind.alive = hang, False
    with pytest.raises(StoreError, match="not even a question about nothing"):
        connection.ask(SELECT, "SELECT")


def test_a_whole_answer_is_an_answer(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server
    kind.behaviour = lambda h: h.chunks(ROWS, GOOD[:100], GOOD[100:], end=True)
    assert connection.ask(SELECT, "SELECT") == GOOD


def test_what_may_pass_is_tried_again(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server

    def at_last(handler: Handler) -> None:
        if len(handler.seen) < 3:
            handler.tell(503, b"starting", "text/plain")
        else:
            handler.tell(200, GOOD, ROWS)

    kind.behaviour = at_last
    assert connection.ask(SELECT, "SELECT") == GOOD
    assert len(kind.seen) == 3


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (500, 1), (404, 1), (502, 3)])
def test_what_does_not_pass_is_not(server: tuple[type[Handler], Connection], status: int, tries: int) -> None:
    kind, connection = server
    kind.behaviour = lambda h: h.tell(status, b"no", "text/plain")
    with pytest.raises(StoreError):
        connection.ask(SELECT, "SELECT")
    assert len(kind.seen) == tries


def test_an_update_is_never_sent_twice(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server
    there = connection.server.address
    address = StoreAddress(there.base, update=f"{there.base}/update", seconds=2)
    kind.behaviour = lambda h: h.tell(503, b"later", "text/plain")
    with pytest.raises(StoreError, match="503"):
        Connection(discover(address)).update("CLEAR GRAPH <urn:a>")
    assert len(kind.seen) == 1


def test_too_large_an_answer_is_not_read_to_its_end(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server
    kind.behaviour = lambda h: h.tell(200, LINES * 10_000, TRIPLES)
    with pytest.raises(QueryTooLarge):
        connection.ask(CONSTRUCT, "CONSTRUCT", megabytes=1)


def test_a_question_can_be_called_off(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server
    kind.behaviour = drip
    exchange = Exchange()
    threading.Timer(0.5, exchange.cancel).start()
    with pytest.raises(ZhengmaiError):
        connection.ask(SELECT, "SELECT", exchange=exchange)
    assert len(kind.seen) <= 2, "what was called off is not asked again"


def test_a_server_without_a_build_says_so(server: tuple[type[Handler], Connection]) -> None:
    kind, connection = server
    kind.behaviour = lambda h: h.tell(200, b'{"head":{"vars":[]},"results":{"bindings":[]}}', ROWS)
    assert read_manifest(connection) is None
    assert list(RemoteStore(connection).rows(SELECT)) == []


def test_nobody_there_is_told() -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        discover(StoreAddress("http://127.0.0.1:1", seconds=2))


@pytest.mark.parametrize(
    "base", ["", "store", "ftp://store", "http://me:opensesame@store", "http://store/?a=b"]
)
def test_what_is_no_address_is_told_without_a_password(base: str) -> None:
    with pytest.raises(BadInput, match="no address") as caught:
        address_of(base, {})
    assert "opensesame" not in str(caught.value)


def test_the_password_comes_from_a_file_and_is_never_shown(tmp_path: Any) -> None:
    (tmp_path / "password").write_text("opensesame\n", encoding="utf-8")
    address = address_of("http://store", {"ZHENGMAI_STORE_PASSWORD_FILE": str(tmp_path / "password")})
    assert address.password == "opensesame"  # noqa: S105
    assert "opensesame" not in repr(address)
    with pytest.raises(BadInput, match="cannot be read"):
        address_of("http://store", {"ZHENGMAI_STORE_PASSWORD_FILE": str(tmp_path / "none")})


def test_a_query_for_virtuoso_says_the_same() -> None:
    text = """PREFIX id: <https://w3id.org/zhengmai/id/>
SELECT (GROUP_CONCAT(DISTINCT ?n; SEPARATOR="、") AS ?a) {
  VALUES ?d { <urn:d> } VALUES ?x { "甲" }
  ?s ?p id:role\\/lead ; ?q "乙"@zh
  OPTIONAL { VALUES ?d { <urn:d> } ?s ?r ?d }
  BIND(CONCAT("转述", ?n) AS ?b)
}"""
    assert translated(text, "oxigraph") == text
    found = translated(text, "virtuoso")
    assert "<https://w3id.org/zhengmai/id/role/lead>" in found
    assert 'SEPARATOR="\\u001F"), "\\u001F", bif:charset_recode("、", "_WIDE_", "UTF-8"))' in found
    assert 'CONCAT(bif:charset_recode("转述", "_WIDE_", "UTF-8"), ?n)' in found
    assert 'VALUES ?x { "甲" }' in found
    assert '"乙"@zh' in found
    assert found.count("VALUES ?d") == 1
    assert found.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FILTER EXISTS { ?s a ?c }", "FILTER (IF(EXISTS { ?s a ?c }, true, false))"),
        (
            "FILTER(?n > 1 || exists { ?s a ?c FILTER EXISTS { ?c a ?d } })",
            "FILTER(?n > 1 || IF(exists { ?s a ?c FILTER (IF(EXISTS { ?c a ?d }, true, false)) }, true, false))",
        ),
        ("FILTER NOT EXISTS { ?s a ?c } FILTER(!EXISTS { ?s ?q 'EXISTS' })", None),
    ],
)
def test_what_has_to_exist_is_asked_for_otherwise_on_virtuoso(text: str, wanted: str | None) -> None:
    query = "SELECT ?s {{ ?s ?p ?o {} }}"
    assert translated(query.format(text), "virtuoso") == query.format(wanted or text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # Alone, behind a semicolon, before one, and twice
        ("{ ?d zm:in* <urn:w> }", "{ {S ?d { ?d zm:in* <urn:w>L} }"),
        ("{ ?d a ?c ; zm:in* <urn:w> }", "{ ?d a ?c  . {S ?d { ?d zm:in* <urn:w>L} }"),
        ("{ ?d zm:in* <urn:w> ; a ?c , ?e . }", "{ {S ?d { ?d zm:in* <urn:w> L} ?d a ?c , ?e . }"),
        (
            "{ ?d zm:in+ <urn:w>; (zm:a|^zm:b)* <urn:v> }",
            "{ {S ?d { ?d zm:in+ <urn:w>L} {S ?d { ?d (zm:a|^zm:b)* <urn:v>L} }",
        ),
        # Each step of a sequence by itself
        (
            "{ ?x zm:j/zm:in* <urn:w> }",
            "{ { SELECT ?x { ?x zm:j ?step_19 . {S ?step_19 { ?step_19 zm:in* <urn:w>L}L} }",
        ),
        # What is given to a variable comes along
        (
            "{ VALUES ?w { <urn:w> } ?d zm:in* ?w }",
            "{ VALUES ?w { <urn:w> } {S ?d ?w { VALUES ?w { <urn:w> } ?d zm:in* ?wL} }",
        ),
        ("{ ?d zm:in* ?w FILTER(?w = <urn:w>) }", "{ ?d zm:in* ?w FILTER(STR(?w) = STR(<urn:w>)) }"),
        # Left as they are: no constant, nothing repeated, a product
        ("{ ?d zm:in* ?w . ?x zm:p [ zm:q ?z ] }", None),
        ("{ ?d zm:in/zm:in? <urn:w> }", None),
        ("{ ?d zm:a ?a BIND(?a * 2 AS ?b) }", None),
    ],
)
def test_paths_of_any_length_are_computed_by_themselves_on_virtuoso(text: str, wanted: str | None) -> None:
    found = by_themselves(f"SELECT ?d {text}").removeprefix("SELECT ?d ")
    short = " ".join(found.replace("SELECT DISTINCT", "S").replace("} LIMIT 100000000 ", "L").split())
    spelled = " ".join((wanted or text).split())
    for one in ("{S", "L}"):
        spelled = spelled.replace(one, {"{S": "{ S", "L}": " L}"}[one])
    assert short == " ".join(spelled.split())
