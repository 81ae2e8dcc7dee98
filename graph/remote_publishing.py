"""A build put into a store on a server: graph by graph, only what changed, and so that no reader takes a half for a whole.

SPARQL has no swap of datasets. So a small graph, the manifest, says which build the store holds and whether it is whole.
It is set to “loading” first and to “ready” last; in between it lists the graphs that are in place, each with its hash.
A reader looks at it before and after each query (`Watcher`): an answer between two looks at the same ready publication
is of that build alone. A publication that was cut off leaves “loading” behind, which every reader tells, and the next
one does what is left.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import httpx
import pyoxigraph as ox
from rdflib.namespace import DCTERMS

from graph import journal
from graph.errors import StoreError
from graph.remote_store import HASH, MANIFEST, Connection, RemoteStore, value
from graph.store_address import problem
from graph.stores import open_store
from ontology import terms

Progress = Callable[[str, int, int], None]
_STORE: Final = f"{terms.ID}store"
_TOGETHER: Final = 32 << 20  # bytes of N-Quads in one request
_COUNTED: Final = 200  # graphs counted in one query
_SAID: Final = 200


@dataclass(frozen=True)
class Manifest:
    """What a store says that it holds. ``graphs`` are those in place: IRI → SHA-256 of their sorted N-Triples."""

    build: str
    publication: str
    state: Literal["loading", "ready"]
    since: str
    graphs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """What a publication did: graphs loaded, left as they were, removed; triples sent."""

    loaded: int
    kept: int
    removed: int
    triples: int


def read_manifest(
    connection: Connection, *, graphs: bool = False, seconds: float | None = None
) -> Manifest | None:
    """The manifest of a store, with the list of its graphs if asked for; None where there is none. Raises StoreError."""
    store = RemoteStore(connection)
    subject = "?s" if graphs else f"<{_STORE}>"
    text = f"SELECT ?s ?p ?o {{ GRAPH <{MANIFEST}> {{ {subject} ?p ?o }} }}"
    head: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for row in store.rows(text, seconds=seconds):
        name, told = value(row["p"]), value(row["o"])
        if graphs and value(row["s"]) != _STORE:
            if name == HASH:
                hashes[value(row["s"])] = told
        else:
            head[name] = told
    if not head:
        return None
    state = head.get(str(DCTERMS.type))
    if state not in ("loading", "ready"):
        # Between the two parts of a change, on a server that does not make them one.
        state = "loading"
    return Manifest(
        head.get(str(DCTERMS.hasVersion), "–"),
        head.get(str(DCTERMS.identifier), "–"),
        "ready" if state == "ready" else "loading",
        head.get(str(DCTERMS.modified), "–"),
        hashes,
    )


class Watcher:
    """Sees that answers are of one build: `before` each query, and `after` it. Safe in many threads."""

    def __init__(self, connection: Connection, build: str | None = None) -> None:
        self.connection = connection
        self.build = build
        self._seen: Manifest | None = None
        self._lock = threading.Lock()

    def before(self) -> Manifest:
        """The publication that is held, as it was seen last. Raises StoreError where none is whole, or another one is."""
        with self._lock:
            seen = self._seen
        return seen if seen is not None else self._look()

    def after(self, before: Manifest) -> None:
        """Raise StoreError unless the same publication is still held."""
        now = self._look()
        if now.publication != before.publication:
            raise problem("moved_on", StoreError, where=self.connection.where)

    def _look(self) -> Manifest:
        with self._lock:
            self._seen = None
        found = read_manifest(self.connection)
        where = self.connection.where
        if found is None:
            raise problem("not_published", StoreError, where=where)
        if found.state != "ready":
            raise problem("loading", StoreError, where=where, build=found.build, since=found.since)
        if self.build is not None and found.build != self.build:
            raise problem("other_build", StoreError, where=where, build=self.build, found=found.build)
        with self._lock:
            self._seen = found
        return found


def publish(build: Path, connection: Connection, progress: Progress | None = None) -> Published:
    """Put a build into a store, and see that it is there.

    ``build`` is its folder, whose own store is read. Graphs of an earlier publication that are not in this one are
    removed; graphs that no publication put there are left alone.

    One at a time: of one data folder a lock sees to it, of several the manifest most of the time.

    Raises StoreError: the server refuses, fails or has other counts than were sent; the store stays “loading” then.
    """
    with journal.take_lock(build.parent.parent):
        return _published(build, connection, progress or (lambda what, done, total: None))


def _published(build: Path, connection: Connection, tell: Progress) -> Published:
    source = open_store(build / "store")
    wanted = dict(_hashes(source.graphs(), source.dump))
    before = read_manifest(connection, graphs=True)
    held = dict(before.graphs) if before else {}
    name = build.name
    same = {graph for graph, (digest, _) in wanted.items() if held.get(graph) == digest}
    gone = sorted(set(held) - set(wanted))
    if before and before.state == "ready" and before.build == name and len(same) == len(wanted) and not gone:
        return Published(0, len(same), 0, 0)
    publication = secrets.token_hex(8)
    with _Loader(connection) as loader:
        together = connection.server.kind == "oxigraph"
        found = RemoteStore(connection).rows("SELECT DISTINCT ?g { GRAPH ?g {} }") if together else ()
        there = {value(row["g"]) for row in found}
        _write(connection, name, publication, "loading")
        # From here on the manifest lists what is in place and no more.
        _forget(connection, [graph for graph in held if graph not in same])
        changed = [graph for graph in wanted if graph not in same]
        done = 0
        for group in _groups(changed, there, source.dump, together):
            tell("publishing", done, len(changed))
            _see_mine(connection, publication)
            loader.load(group)
            _note(connection, {graph: wanted[graph][0] for graph in group})
            done += len(group)
        tell("publishing", done, len(changed))
        for graph in gone:
            loader.remove(graph)
    _count(connection, {graph: count for graph, (_, count) in wanted.items() if graph in set(changed)})
    _see_mine(connection, publication)
    _write(connection, name, publication, "ready")
    return Published(len(changed), len(same), len(gone), sum(wanted[graph][1] for graph in changed))


def _see_mine(connection: Connection, publication: str) -> None:
    """Raise StoreError where somebody else publishes too."""
    now = read_manifest(connection)
    if now is None or now.publication != publication:
        raise problem("taken_over", StoreError, where=connection.where)


def _hashes(graphs: Iterable[str], dump: Callable[[str], bytes]) -> Iterator[tuple[str, tuple[str, int]]]:
    for graph in graphs:
        lines = dump(graph).splitlines()
        lines.sort()
        yield graph, (hashlib.sha256(b"\n".join(lines)).hexdigest(), len(lines))


def _groups(
    changed: Iterable[str], there: set[str], dump: Callable[[str], bytes], together: bool
) -> Iterator[dict[str, bytes]]:
    """What goes in one request: one graph, or several that are new, where the server takes quads."""
    group: dict[str, bytes] = {}
    size = 0
    for graph in changed:
        data = dump(graph)
        if graph in there or not together:
            yield {graph: data}
            continue
        group[graph] = data
        size += len(data)
        if size > _TOGETHER:
            yield group
            group, size = {}, 0
    if group:
        yield group


class _Loader:
    """Graphs over HTTP, by the Graph Store Protocol. Each is tried once: a second publication does what is left."""

    def __init__(self, connection: Connection) -> None:
        server = connection.server
        if server.graphs is None:
            raise problem(
                "no_endpoint", StoreError, where=connection.where, what="graphs (Graph Store Protocol)",
                setting="ZHENGMAI_STORE_GRAPHS",
            )  # fmt: skip
        self._where, self._url, self._kind = connection.where, server.graphs, server.kind
        self._seconds = server.address.load_seconds
        auth: httpx.Auth | None = None
        if server.address.user and server.address.password:
            make = httpx.DigestAuth if server.digest else httpx.BasicAuth
            auth = make(server.address.user, server.address.password)
        self._client = httpx.Client(auth=auth, timeout=httpx.Timeout(self._seconds, connect=10.0))

    def __enter__(self) -> _Loader:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def load(self, group: Mapping[str, bytes]) -> None:
        """Replace one graph, or add several that are new."""
        if len(group) == 1:
            [(graph, data)] = group.items()
            self._send("PUT", {"graph": graph}, data, "application/n-triples")
            return
        lines = []
        for graph, data in group.items():
            lines.append(data.replace(b" .\n", f" <{graph}> .\n".encode()))
        self._send("POST", {}, b"".join(lines), "application/n-quads")

    def remove(self, graph: str) -> None:
        self._send("DELETE", {"graph": graph}, b"", None)

    def _send(self, method: str, params: Mapping[str, str], data: bytes, media: str | None) -> None:
        headers = {"Content-Type": media} if media else {}
        if media and self._kind == "oxigraph":  # Virtuoso 7 takes no compressed bodies
            headers["Content-Encoding"] = "gzip"
            data = gzip.compress(data, 3)
        try:
            answer = self._client.request(method, self._url, params=params, content=data, headers=headers)
        except httpx.TimeoutException:
            raise problem("hangs", StoreError, where=self._where, seconds=self._seconds) from None
        except httpx.HTTPError as error:
            found = str(error) or type(error).__name__
            raise problem("dropped", StoreError, where=self._where, found=found) from None
        if answer.status_code in (401, 403):
            raise problem("credentials", StoreError, where=self._where, status=answer.status_code)
        if answer.status_code not in (200, 201, 202, 204) and not (
            method == "DELETE" and answer.status_code == 404
        ):
            said = " ".join(answer.text.split())[:_SAID]
            raise problem(
                "status", StoreError, where=self._where, status=answer.status_code, found=said or "–"
            )


def _write(connection: Connection, build: str, publication: str, state: str) -> None:
    """Say what the store holds now, and since when."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said = {
        DCTERMS.hasVersion: build,
        DCTERMS.identifier: publication,
        DCTERMS.type: state,
        DCTERMS.modified: now,
    }
    triples = " ; ".join(f"<{name}> {ox.Literal(value)}" for name, value in said.items())
    connection.update(
        f"DELETE {{ GRAPH <{MANIFEST}> {{ <{_STORE}> ?p ?o }} }} "
        f"WHERE {{ GRAPH <{MANIFEST}> {{ <{_STORE}> ?p ?o }} }} ;\n"
        f"INSERT DATA {{ GRAPH <{MANIFEST}> {{ <{_STORE}> {triples} }} }}"
    )


def _note(connection: Connection, hashes: Mapping[str, str]) -> None:
    """Graphs that are in place."""
    triples = " . ".join(f"<{graph}> <{HASH}> {ox.Literal(digest)}" for graph, digest in hashes.items())
    connection.update(f"INSERT DATA {{ GRAPH <{MANIFEST}> {{ {triples} }} }}")


def _forget(connection: Connection, graphs: Iterable[str]) -> None:
    """Graphs that are about to be replaced or removed."""
    for graph in graphs:
        connection.update(f"DELETE WHERE {{ GRAPH <{MANIFEST}> {{ <{graph}> ?p ?o }} }}")


def _count(connection: Connection, wanted: Mapping[str, int]) -> None:
    """See that each graph has as many triples as were sent. Raises StoreError."""
    store = RemoteStore(connection)
    names = list(wanted)
    found = dict.fromkeys(names, 0)
    for start in range(0, len(names), _COUNTED):
        listed = " ".join(f"<{name}>" for name in names[start : start + _COUNTED])
        text = (
            f"SELECT ?g (COUNT(*) AS ?n) {{ VALUES ?g {{ {listed} }} GRAPH ?g {{ ?s ?p ?o }} }} GROUP BY ?g"
        )
        for row in store.rows(text, seconds=connection.server.address.load_seconds):
            found[value(row["g"])] = int(value(row["n"]))
    for graph, count in wanted.items():
        if found[graph] != count:
            raise problem(
                "counts", StoreError, where=connection.where, graph=graph, found=found[graph], wanted=count
            )
