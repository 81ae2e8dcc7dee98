"""A server of SPARQL behind a proxy that misbehaves at a random request: the rounds of benchmarks/faults_injected.py about other stores.

The server is `oxigraph serve` on loopback. From one request on, for a while or for good, the proxy hangs, drops the connection
before it has passed the request on, after it, or in the middle of the answer, answers 500 in its place, or sends rubbish.
Whoever puts a build in, or asks, is told so in words, or has what was right.
"""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pyoxigraph as ox

from benchmarks.fault_work import SLUG
from graph import publishing
from graph.errors import ZhengmaiError
from graph.remote_publishing import publish, read_manifest
from graph.remote_store import Connection
from graph.store_address import StoreAddress, discover
from ontology.terms import document_graph
from queries.engine import Limits, QueryEngine
from queries.rdf import read_ntriples
from queries.remote_engine import RemoteEngine
from tests.support.stores import oxigraph

FAULTS: Final = ("hangs", "drops before", "drops after", "drops within", "500 before", "500 after", "rubbish")
_SECONDS: Final = 2.0
_REQUESTS: Final = 20
"""A fault begins with one of the first so many requests: putting a small build in takes 19, asking 26."""
_WANTED: Final = ("Content-Type", "Content-Encoding", "Accept", "Authorization")
_QUERIES: Final = (
    "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } FILTER(!STRENDS(STR(?g), '/manifest')) } GROUP BY ?g ORDER BY ?g",
    f"CONSTRUCT {{ ?s ?p ?o }} {{ GRAPH <{document_graph(SLUG)}> {{ ?s ?p ?o }} }}",
    "SELECT ?q { ?t <https://w3id.org/zhengmai/ns#quote> ?q } ORDER BY ?q",
    "ASK { ?t <https://w3id.org/zhengmai/ns#quote> ?q }",
)
Answers = tuple[str, ...]


@dataclass
class Behaviour:
    """What the proxy does: from request ``first`` on, for ``length`` requests; and how many there were."""

    fault: str = ""
    first: int = 0
    length: int = 0
    seen: int = 0

    def next(self) -> str:
        """The fault of the next request, or nothing."""
        self.seen += 1
        return self.fault if self.first <= self.seen < self.first + self.length else ""


class _Handler(BaseHTTPRequestHandler):
    """Passes a request on, and its answer back, but for what its proxy's behaviour says."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        fault = self.server.behaviour.next()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if fault in ("drops before", "hangs"):
            if fault == "hangs":
                self.server.over.wait(2 * _SECONDS)
            self.close_connection = True
            return
        if fault == "500 before":
            self._tell(500, b"Out of memory", {})
            return
        status, headers, answer = self._asked(body)
        if fault == "drops after":
            self.close_connection = True
        elif fault == "500 after":
            self._tell(500, b"Out of memory", {})
        elif fault == "rubbish":
            self._tell(200, self.server.chance.randbytes(60), headers)
        elif fault == "drops within":
            self._tell(status, answer, headers, cut=True)
        else:
            self._tell(status, answer, headers)

    do_GET = do_POST = do_PUT = do_DELETE = _pass

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        to = http.client.HTTPConnection(*self.server.behind, timeout=60)
        with suppress(OSError):
            to.request(
                self.command,
                self.path,
                body or None,
                {name: told for name in _WANTED if (told := self.headers.get(name))},
            )
        try:
            answer = to.getresponse()
            kept = {name: told for name in ("Content-Type", "Server") if (told := answer.headers.get(name))}
            return answer.status, kept, answer.read()
        finally:
            to.close()

    def _tell(self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response_only(status)
        for name, told in headers.items():
            self.send_header(name, told)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class Proxy(ThreadingHTTPServer):
    """Stands before a server on loopback."""

    daemon_threads = True

    def __init__(self, address: str, chance: random.Random) -> None:
        parts = urlsplit(address)
        self.behind = (parts.hostname or "", parts.port or 0)
        self.chance = chance
        self.behaviour = Behaviour()
        self.over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hung up has hung up."""


@contextmanager
def proxied(folder: Path, chance: random.Random) -> Iterator[tuple[StoreAddress, Proxy]]:
    """A server with nothing in it, and a proxy before it that is well as yet."""
    with oxigraph(folder / "remote") as address:
        proxy = Proxy(address.base, chance)
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield address, proxy
        finally:
            proxy.over.set()
            proxy.shutdown()
            proxy.server_close()


def misbehave(proxy: Proxy, chance: random.Random) -> str:
    """Begin with a fault some time from now; tells which."""
    fault, length = chance.choice(FAULTS), chance.choice((1, 2, 3, 10_000))
    proxy.behaviour = Behaviour(fault, chance.randint(1, _REQUESTS), length)
    return f"{fault} from request {proxy.behaviour.first} on, {length} times"


def asked(engine: QueryEngine) -> Answers:
    """What a store answers; "told: …" where that is an error."""
    return tuple(_one(engine, text) for text in _QUERIES)


def _one(engine: QueryEngine, text: str) -> str:
    graph = text.startswith("CONSTRUCT")
    try:
        answer = engine.run(text, "application/n-triples" if graph else None)
    except ZhengmaiError as error:
        return f"told: {error.text('en')}"
    try:
        body = answer.body
    finally:
        answer.close()
    if graph:
        return "\n".join(sorted(str(triple) for triple in read_ntriples(body)))
    results = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
    if isinstance(results, ox.QuerySolutions):
        return "\n".join(" ".join(str(term) for term in row) for row in results)
    return str(bool(results))


def right(build: Path) -> Answers:
    """What the embedded store of a build answers."""
    with QueryEngine(build / "store", limits=Limits(seconds=60)) as engine:
        return asked(engine)


def put_in(data: Path, chance: random.Random) -> tuple[str, str]:
    """Put the last build in where the one before it is, while the proxy misbehaves: the outcome, and how."""
    before, now = publishing.builds(data)[-2:]
    with proxied(data.parent, chance) as (address, proxy):
        straight = Connection(discover(address))
        publish(before, straight)
        note, said = misbehave(proxy, chance), ""
        try:
            publish(now, _through(proxy))
        except ZhengmaiError as error:
            said = error.text("en")
        proxy.behaviour = Behaviour()
        old, new, found = right(before), right(now), _answers(straight)
        told = all(one.startswith("told: ") for one in found)
        if not told and found not in (old, new):
            return "WRONG", f"{note}: neither the one build nor the other"
        if not said and found != new:
            return "WRONG", f"{note}: said to be done, and was not"
        # Whoever does it again does what is left
        publish(now, straight)
        manifest = read_manifest(straight)
        if _answers(straight) != new or manifest is None or manifest.build != now.name:
            return "WRONG", f"{note}: not mended by doing it again"
        return ("told" if said else "new"), f"{note} {said}"


def ask(data: Path, chance: random.Random) -> tuple[str, str]:
    """Ask while the proxy misbehaves: each answer is right, or none."""
    now = publishing.builds(data)[-1]
    with proxied(data.parent, chance) as (address, proxy):
        publish(now, Connection(discover(address)))
        note, good = misbehave(proxy, chance), right(now)
        found: list[str] = []
        try:
            with RemoteEngine(_through(proxy), build=now.name, limits=Limits(seconds=_SECONDS)) as engine:
                for _ in range(3):
                    found += asked(engine)
        except ZhengmaiError as error:
            found.append(f"told: {error.text('en')}")
        said = [one for one in found if one.startswith("told: ")]
        for one, wanted in zip(found, good * 3, strict=False):
            if one != wanted and not one.startswith("told: "):
                return "WRONG", f"{note}: another answer"
        return ("told" if said else "harmless"), f"{note} {said[:1]}"


def _through(proxy: Proxy) -> Connection:
    address = StoreAddress(proxy.address, seconds=_SECONDS, load_seconds=_SECONDS)
    return Connection(discover(address))


def _answers(connection: Connection) -> Answers:
    with RemoteEngine(connection, limits=Limits(seconds=60)) as engine:
        return asked(engine)
