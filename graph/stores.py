"""The store: a folder that holds every quad of a build, written once, then only read.

Oxigraph on RocksDB. Several processes may read one store at a time. Whoever opened it never sees a later write, so a
store is not changed in place: a build makes a new one, and `graph.build` swaps the link that names the current one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias

import pyoxigraph as ox
import rdflib

from graph import user_graphs
from graph.errors import QuerySyntaxError, StoreError

USER_GRAPHS = f"<{user_graphs.PREFIX}"
Term: TypeAlias = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


def create(path: Path, files: Iterable[Path]) -> int:
    """Bulk-load files into a new store at ``path`` and return the number of quads in it.

    The format follows from each file's name (.nq, .trig, .nt, .ttl); triples go to the default graph, so give quads.
    Raises StoreError when something stands at ``path`` already, or when a file is not what its name says.
    """
    if path.exists():
        raise StoreError(f"{path}: already exists; a store is made new each time")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        store = ox.Store(str(path))
        for file in files:
            try:
                store.bulk_load(path=str(file))
            except (SyntaxError, ValueError) as error:
                raise StoreError(f"{file}: cannot be loaded: {error}") from error
        store.flush()
        return len(store)
    except OSError as error:
        raise StoreError(f"{path}: the store cannot be written: {error}") from error


def chunk_file(folder: Path, slug: str, *, inferred: bool = False) -> Path:
    """The file (N-Quads) in which a build keeps the quads of a document, or what was inferred of it, until it is judged."""
    # A long Chinese name would be too long for a file.
    name = hashlib.sha256(slug.encode()).hexdigest()[:32]
    return folder / (f"{name}.inferred.nq" if inferred else f"{name}.nq")


def open_store(path: Path) -> EmbeddedStore:
    """Open a store for reading. Raises StoreError when there is none or it is broken."""
    if not (
        path / "CURRENT"
    ).is_file():  # RocksDB's own marker: a bare folder would be opened as an empty store
        raise StoreError(f"{path}: there is no store; run 'zhengmai build' first")
    try:
        return EmbeddedStore(path, ox.Store.read_only(str(path)))
    except OSError as error:
        raise StoreError(f"{path}: the store cannot be read ({error}); build it again") from error


class Store(Protocol):
    """What the program asks of a store, wherever it is: `EmbeddedStore`, or `graph.remote_store.RemoteStore`."""

    @property
    def path(self) -> Path | None:
        """Its folder, where it has one here."""

    def __len__(self) -> int:
        """How many quads it holds."""

    def graphs(self) -> list[str]:
        """The IRIs of the named graphs."""

    def rows(self, query: str) -> Iterator[dict[str, Term]]:
        """The solutions of a SELECT over all graphs as one."""

    def ask(self, query: str) -> bool:
        """The answer to an ASK over all graphs as one."""

    def construct(self, query: str) -> bytes:
        """The triples of a CONSTRUCT as N-Triples."""

    def dump(self, graph: str) -> bytes:
        """The triples of a graph as N-Triples."""

    def about(self, subject: str) -> list[ox.Triple]:
        """What all graphs but those that people put in say of one subject."""

    def described(self, subjects: Iterable[str], graph: str | None = None) -> Iterator[ox.Triple]:
        """What is said of some subjects, in a graph or in all."""

    def pointing(self, predicate: str, object_: Term) -> list[ox.Triple]:
        """The triples of all graphs with a predicate and an object."""

    def graph_union(self, *graphs: str) -> rdflib.Graph:
        """The triples of some graphs, or of all, as one rdflib graph in memory."""


class EmbeddedStore:
    """A store opened read-only in this process, for the project's own queries.

    Nothing here bounds a query: texts from outside go through `queries.engine`.
    """

    def __init__(self, path: Path, store: ox.Store) -> None:
        self.path: Path | None = path
        self._store = store

    def __len__(self) -> int:
        return len(self._store)

    def graphs(self) -> list[str]:
        """The IRIs of the named graphs."""
        return sorted(name.value for name in self._store.named_graphs() if isinstance(name, ox.NamedNode))

    def dump(self, graph: str) -> bytes:
        """The triples of a graph as N-Triples."""
        return self._store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=ox.NamedNode(graph)) or b""

    def construct(self, query: str) -> bytes:
        """The triples of a CONSTRUCT as N-Triples."""
        found = self._store.query(query)
        assert isinstance(found, ox.QueryTriples)
        return found.serialize(format=ox.RdfFormat.N_TRIPLES) or b""

    def described(self, subjects: Iterable[str], graph: str | None = None) -> Iterator[ox.Triple]:
        """What is said of some subjects, in a graph or in all: keyed lookups."""
        name = ox.NamedNode(graph) if graph else None
        for subject in subjects:
            for quad in self._store.quads_for_pattern(ox.NamedNode(subject), None, None, name):
                yield quad.triple

    def pointing(self, predicate: str, object_: Term) -> list[ox.Triple]:
        """The triples of all graphs with a predicate and an object."""
        quads = self._store.quads_for_pattern(None, ox.NamedNode(predicate), object_)
        return list(dict.fromkeys(quad.triple for quad in quads))

    @property
    def native(self) -> ox.Store:
        """Oxigraph's own store, for what needs its speed."""
        return self._store

    def rows(self, query: str) -> Iterator[dict[str, Term]]:
        """The solutions of a SELECT over all graphs as one, each with the variables that are bound.

        A triple that stands in two graphs matches twice: write SELECT DISTINCT.
        """
        solutions = self._run(query)
        if not isinstance(solutions, ox.QuerySolutions):
            raise TypeError("rows() takes a SELECT query")
        names = [variable.value for variable in solutions.variables]
        for solution in solutions:
            yield {name: term for name in names if (term := solution[name]) is not None}

    def ask(self, query: str) -> bool:
        """The answer to an ASK over all graphs as one."""
        return bool(self._run(query))

    def graph_union(self, *graphs: str) -> rdflib.Graph:
        """The triples of the named graphs (all of them when none is named) as one rdflib graph in memory."""
        chosen: list[ox.NamedNode | None] = [ox.NamedNode(iri) for iri in graphs] or [None]
        triples = {q.triple for name in chosen for q in self._store.quads_for_pattern(None, None, None, name)}
        text = ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES)
        return rdflib.Graph().parse(data=text, format="nt")

    def about(self, subject: str) -> list[ox.Triple]:
        """What all graphs but those that people put in say of one subject, by its IRI: a keyed lookup."""
        quads = self._store.quads_for_pattern(ox.NamedNode(subject), None, None, None)
        return list({quad.triple for quad in quads if USER_GRAPHS not in str(quad.graph_name)})

    def _run(self, query: str) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        try:
            return self._store.query(query, use_default_graph_as_union=True)
        except SyntaxError as error:
            raise QuerySyntaxError(str(error), line=1, column=1) from error
