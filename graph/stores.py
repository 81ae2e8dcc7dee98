"""The store: a folder that holds every quad of a build, written once, then only read.

Oxigraph on RocksDB. Several processes may read one store at a time. Whoever opened it never sees a later write, so a
store is not changed in place: a build makes a new one, and `graph.build` swaps the link that names the current one.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from filecmp import cmp
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import pyoxigraph as ox
import rdflib

from graph import disk, sealing, user_graphs
from graph.errors import QuerySyntaxError, StoreError
from graph.words import both

USER_GRAPHS = f"<{user_graphs.PREFIX}"
Term: TypeAlias = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


def create(path: Path, files: Iterable[Path], *, ordered: bool = True) -> int:
    """Bulk-load files into a new store at ``path`` and return the number of quads in it.

    The format follows from each file's name (.nq, .trig, .nt, .ttl); triples go to the default graph, so give quads.
    Each is asked for when the one before is loaded, so that ``files`` may make them on the way. Unless it is to be ``ordered``
    here, `Ordering` does that later.
    Raises StoreError when something stands at ``path`` already, or when a file is not what its name says.
    """
    if path.exists():
        raise StoreError(f"{path}: already exists; a store is made new each time")
    path.parent.mkdir(parents=True, exist_ok=True)
    quads = _Joined(files)
    reading: Path | None = None
    try:
        store = ox.Store(str(path))
        try:
            # Those of N-Quads as if they were one file: that loads many times faster than file by file.
            store.bulk_load(input=io.BufferedReader(quads, _BUFFER), format=ox.RdfFormat.N_QUADS)
            for reading in quads.others:
                store.bulk_load(path=str(reading))
        except (SyntaxError, ValueError) as error:
            line = error.lineno if isinstance(error, SyntaxError) else None
            file, before = (reading, 0) if reading else quads.at(line)
            told = str(error)
            if isinstance(error, SyntaxError) and line:
                # Its own words begin with the line as counted over all files
                told = f"line {line - before}, column {error.offset}: {error.msg.partition(': ')[2] or error.msg}"
            raise StoreError(f"{file}: cannot be loaded: {told}") from error
        if ordered:
            store.optimize()
        store.flush()
        return len(store)
    except BaseException as error:
        if quads.error is not None:  # what went wrong was making the next file, not loading it
            raise quads.error from None
        if isinstance(error, OSError | RuntimeError):
            raise disk.failure(error, path) from error
        raise


class Ordering:
    """A store that was loaded is put in order: of what only reads it meanwhile nobody has to wait.

    A bulk load leaves files that overlap, and each look-up seeks in all of them: two to three times as long. The work is done
    on a copy that shares its files, in a thread, since it is one processor's and lets others run.
    """

    def __init__(self, store: Path) -> None:
        """Begin."""
        self._store, self._copy = store, store.with_name(f"{store.name}.ordered")
        pool = ThreadPoolExecutor(1)
        self._done = pool.submit(self._run)
        pool.shutdown(wait=False)

    def wait(self) -> None:
        """Wait until nothing is written any more, come of it what may."""
        wait([self._done])

    def take(self) -> None:
        """Wait, and put the copy in the place of the store. Raises StoreError, as where the disk is full."""
        try:
            self._done.result()
            shutil.rmtree(self._store)
            self._copy.rename(self._store)
        except (OSError, RuntimeError) as error:
            raise disk.failure(error, self._store) from error

    def _run(self) -> None:
        linked_copy(self._store, self._copy)
        store = ox.Store(str(self._copy))
        store.optimize()
        store.flush()


def linked_copy(source: Path, target: Path) -> None:
    """A store that can be written, out of a closed one: table files are linked, the few small others are copied."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.suffix == ".sst":
            disk.link(entry, target / entry.name)
        elif entry.name != "LOCK":
            shutil.copy2(entry, target / entry.name)


def is_linked_copy(source: Path, target: Path) -> bool:
    """Whether a store is such a copy of another, as that one is now. Raises OSError where one of them is missing."""
    theirs, ours = _of_store(source), _of_store(target)
    return theirs.keys() == ours.keys() and all(
        theirs[name] == ours[name] or (not name.endswith(".sst") and cmp(source / name, target / name, False))
        for name in theirs
    )


def _of_store(folder: Path) -> dict[str, int]:
    """The files of a store that answers come from, each with its inode."""
    with os.scandir(folder) as entries:
        return {one.name: one.inode() for one in entries if not one.name.startswith(("LOG", "LOCK"))}


_BUFFER: Final = 1 << 20


class _Joined(io.RawIOBase):
    """Files of N-Quads read one after the other as one; each is asked for when the one before is at its end.

    ``others`` are those in another format, which are left out; ``error`` is what was raised by whoever names the files.
    A file whose last line has no end gets one, or it would run on into the next.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = iter(files)
        self._open: io.FileIO | None = None
        self._lines = 0
        self._whole = True
        self._begun: list[tuple[int, Path]] = []
        self.others: list[Path] = []
        self.error: BaseException | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; returns with how many bytes, 0 at the end of the last file."""
        while True:
            if self._open is None:
                file = self._next()
                if file is None:
                    return 0
                self._open = file.open("rb", buffering=0)
                self._begun.append((self._lines, file))
            if count := self._open.readinto(buffer):
                piece = bytes(buffer[:count])
                self._lines += piece.count(b"\n")
                self._whole = piece.endswith(b"\n")
                return count
            self._open.close()
            self._open = None
            if not self._whole:
                buffer[:1] = b"\n"
                self._lines += 1
                self._whole = True
                return 1

    def at(self, line: int | None) -> tuple[Path | None, int]:
        """The file in which a line stands, counted from 1 over all, and how many lines came before that file.

        The reader is ahead of the parser, so the file that is open need not be it. Without a line, the last one begun.
        """
        begun = [(before, file) for before, file in self._begun if line is None or before < line]
        before, file = begun[-1] if begun else (0, None)
        return file, before

    def _next(self) -> Path | None:
        try:
            for file in self._files:
                if file.suffix == ".nq":
                    return file
                self.others.append(file)
        except BaseException as error:
            self.error = error
            raise
        return None


PARTS: Final = "quads"
_LISTED: Final = "parts.json"


def write_parts(folder: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Note which documents the files of a build's quads hold: name of the file → slugs."""
    (folder / _LISTED).write_text(json.dumps(parts, ensure_ascii=False), encoding="utf-8")


def read_parts(build: Path) -> list[tuple[Path, list[str]]]:
    """The files (N-Quads) in which a build keeps the quads of some documents each, and what was derived of these.

    They are there until it is published; an empty list after that.
    """
    folder = build / PARTS
    if not (folder / _LISTED).is_file():
        return []
    listed = json.loads((folder / _LISTED).read_text(encoding="utf-8"))
    return [(folder / name, slugs) for name, slugs in listed.items()]


def open_store(path: Path) -> EmbeddedStore:
    """Open a store for reading. Raises StoreError when there is none or it is broken."""
    # RocksDB's own marker: a bare folder would be opened as an empty store
    if not (path / "CURRENT").is_file():
        en, zh = both("damage", "no-store", path=path)
        raise StoreError(en, zh=zh)
    sealing.trust_store(path)
    try:
        return EmbeddedStore(path, ox.Store.read_only(str(path)))
    except (OSError, RuntimeError) as error:  # RuntimeError is what a damaged block comes as
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception | str) -> StoreError:
    """The error to raise where RocksDB finds a store damaged."""
    todo = both("damage", "what-to-do")
    en, _ = both("damage", "store", path=path, error=error, todo=todo[0])
    _, zh = both("damage", "store", path=path, error=error, todo=todo[1])
    return StoreError(en, zh=zh)


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
