"""No query reaches the network, but for hosts that are allowed, or a file."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from graph.errors import BadInput, QueryRefused, QuerySyntaxError
from queries import steps
from queries.engine import Limits, QueryEngine
from queries.sparql_text import inspect

SERVICES = [
    "SELECT * { SERVICE <URL> { ?s ?p ?o } }",
    "SELECT * { service silent <URL> { ?s ?p ?o } }",
    "SELECT * { ?s ?p ?o }SERVICE<URL>{}",
    "SELECT * { BIND(<URL> AS ?x) SERVICE ?x { ?s ?p ?o } }",
    "PREFIX : <URL> SELECT * { ?s ?p true SERVICE : {} }",
    "PREFIX : <URL> SELECT * { ?s ?p trueSERVICE : {} }",
    "PREFIX : <URL> SELECT * { ?s ?p trueSERVICE:x {} }",
    "SELECT * { ?s ?p 1SERVICE <URL> {} }",
    "SELECT * { FILTER(?a<?b)SERVICE<URL>{?s ?p ?o}FILTER(?c>?d) }",
    "SELECT * { ?s ?p 'a#b' SERVICE <URL> {} # ' \n }",
    "SELECT * { ?s ?p '''a\\''' ' '''SERVICE <URL> {} }",
    "SELECT * { SERV\\u0049CE <URL> {} }",
    "SELECT * { { SELECT * { SERVICE <URL> { ?s ?p ?o } } } }",
    "LOAD <URL>",
    "SELECT * FROM <URL> { ?s ?p ?o }",
]


@pytest.mark.parametrize("text", SERVICES)
def test_no_query_reaches_the_network(engine: QueryEngine, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        if "FROM" in text:  # names a graph, and opens nothing
            assert len(engine.table(text.replace("URL", url))) == 0
        else:
            with pytest.raises((QueryRefused, QuerySyntaxError)):
                engine.run(text.replace("URL", url))
        with pytest.raises(TimeoutError):
            listener.accept()


CALLED = [
    ("SELECT * { SERVICE <http://HOST/sparql> { ?s ?p ?o } }", True),
    ("SELECT * { service silent <http://HOST/sparql> { ?s ?p ?o } }", True),
    ("SELECT * { SERVICE # <http://e/>\n <http://HOST/a/b?c=d> { ?s ?p ?o } }", True),
    ("SELECT * { SERVICE <http://HOST/> { SERVICE <http://other.example/> { ?s ?p ?o } } }", False),
    ("SELECT * { SERVICE <http://HOST@other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://HOST\\u0040other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://other.example/http://HOST/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://HOST.other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <file:///etc/passwd> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <//HOST/> { ?s ?p ?o } }", False),
    ("BASE <http://HOST/> SELECT * { SERVICE <x> { ?s ?p ?o } }", False),
    ("PREFIX : <http://HOST/> SELECT * { SERVICE :x { ?s ?p ?o } }", False),
    ("SELECT * { BIND(<http://HOST/> AS ?x) SERVICE ?x { ?s ?p ?o } }", False),
    ("SELECT * { VALUES ?x { <http://HOST/> } SERVICE SILENT ?x { ?s ?p ?o } }", False),
]


@pytest.mark.parametrize(("text", "fine"), CALLED)
def test_service_calls_listed_hosts_alone(text: str, fine: bool) -> None:
    told = inspect if fine else None
    for host in ("data.example.org", "127.0.0.1:8890"):
        query = text.replace("HOST", host)
        if told:
            assert told(query, service_hosts=[host]).calls_out
        else:
            with pytest.raises((QueryRefused, QuerySyntaxError)):
                inspect(query, service_hosts=[host])
        with pytest.raises((QueryRefused, QuerySyntaxError)):
            inspect(query, service_hosts=["elsewhere.example"])
    assert not inspect("SELECT * { ?s ?p ?o }", service_hosts=["data.example.org"]).calls_out


AFAR = (
    b'{"head": {"vars": ["x"]}, "results": {"bindings": [{"x": {"type": "literal", "value": "from afar"}}]}}'
)


class _Remote(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/elsewhere":
            self.send_response(307)
            self.send_header("Location", "/sparql")
            self.end_headers()
            return
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/sparql-results+json")
        self.send_header("Content-Length", str(len(AFAR)))
        self.end_headers()
        self.wfile.write(AFAR)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def remote() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Remote) as server:
        server.asked = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_service_works_where_it_is_allowed_and_follows_nobody(store: Path, remote: HTTPServer) -> None:
    host = f"127.0.0.1:{remote.server_port}"
    with QueryEngine(store, limits=Limits(service_hosts=frozenset([host]))) as engine:
        rows = engine.table(f"SELECT ?x {{ SERVICE <http://{host}/sparql> {{ ?s ?p ?x }} }}").records()
        assert rows == [{"x": "from afar"}]
        with pytest.raises(BadInput, match="SERVICE"):
            engine.run(f"SELECT ?x {{ SERVICE <http://{host}/elsewhere> {{ ?s ?p ?x }} }}")
        assert remote.asked == 1  # type: ignore[attr-defined]


def test_a_worker_has_no_network_where_the_system_can_take_it(store: Path, remote: HTTPServer) -> None:
    """The second lock: what the tokenizer would refuse, given to a worker by hand."""
    host = f"127.0.0.1:{remote.server_port}"
    text = f"SELECT ?x {{ SERVICE SILENT <http://{host}/sparql> {{ ?s ?p ?x }} }}"
    with QueryEngine(store, workers=1) as engine:
        engine.run("ASK {}")
        worker = engine._idle[0]
        request = {"query": text, "writer": "text/csv", "base": None, "union": True, "without": "urn:none"}
        query = inspect(text, service_hosts=[host])
        turns = engine._own
        asked = {**request, "default_graphs": None, "named_graphs": None}
        steps.run(worker.answer(query, asked, turns, turns.take()))
        apart = Path(f"/proc/{worker.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
        assert remote.asked == (0 if apart else 1)  # type: ignore[attr-defined]


def test_no_query_reads_a_file(engine: QueryEngine, tmp_path: Path) -> None:
    file = tmp_path / "secret.ttl"
    file.write_text("<urn:a> <urn:b> <urn:c> .")
    for text in ("SELECT * FROM <URL> { ?s ?p ?o }", "SELECT * FROM NAMED <URL> { GRAPH ?g { ?s ?p ?o } }"):
        assert len(engine.table(text.replace("URL", file.as_uri()))) == 0
    assert len(engine.table("SELECT * { ?s ?p ?o }", default_graphs=[file.as_uri()])) == 0
