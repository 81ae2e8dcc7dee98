"""What a worker does: rows in, rows out. Nothing here needs Spark; a row is a tuple in the order of the named columns.

Texts and quads are packed (zlib), records are JSON.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyoxigraph as ox

from api.linked.distributions import Published, cells_of, finding_cells, tables
from graph.build import code_hash
from graph.catalog import DocumentEntry, StubEntry
from graph.corrections import Correction
from graph.errors import StoreError, ZhengmaiError
from graph.reading import MAX_FILE, source_of
from graph.record import PlanRecord
from graph.search_index import rows_of, rows_of_stub
from graph.stages import (
    Contribution,
    Deriving,
    Shared,
    contribution,
    read_by_hand,
    read_document,
    settle,
    upper_of,
)
from graph.stores import EmbeddedStore
from ontology import terms
from ontology.extension import with_texts
from ontology.vocabulary import Vocabularies, using
from queries.files import typed
from queries.tables import Cell
from shapes import waivers
from shapes.collecting import Collected
from shapes.judging import BATCH, Judge, is_agency, named_nodes, owner_of
from shapes.lines import Starts, Texts, starts_of
from shapes.merging import pack

TEXT, BY_HAND, STUB = range(3)
"""The kinds of documents, in the order of a build."""
_PER_STORE: Final = 50
_SUBJECT_OF_AGENCY: Final = f"<{terms.ID}agency/".encode()
TABLES: Final = ("plans", "tasks", "assignments", "targets", "comparisons", "findings")
"""Those of api/published.yaml whose rows belong to one document each."""


class Given(NamedTuple):
    """A document as it comes in: its file's name, and its bytes; a record by hand or a stub as JSON."""

    kind: int
    name: str
    content: bytes | None


class Read(NamedTuple):
    """A document that was read. ``error`` and ``error_zh`` stand alone where it could not be.

    ``sha256`` is that of the file; ``record`` (of a stub its entry) and ``text`` are packed; ``contribution`` and
    ``upper`` are pickled and packed: what all need of it, and what those need that are compared with it.
    """

    kind: int
    name: str
    slug: str | None = None
    sha256: str | None = None
    record: bytes | None = None
    text: bytes | None = None
    contribution: bytes | None = None
    upper: bytes | None = None
    error: str | None = None
    error_zh: str | None = None


class Made(NamedTuple):
    """What was made of a document: its quads and what was derived of it, packed; ``others`` are the nodes of other
    documents that they name. ``record`` is packed, None for a stub; ``rows``, pickled and packed, are for search;
    ``starts``, alike, are where the lines of its text begin, None where there is no text."""

    kind: int
    name: str
    slug: str
    document: bytes
    inferred: bytes
    comparisons: int
    record: bytes | None
    others: list[str]
    rows: bytes
    starts: bytes | None


@dataclass(frozen=True)
class Setup:
    """What a worker needs for everything: the vocabularies of the corpus, and by which code the build is made."""

    code: str
    vocabularies: tuple[tuple[str, str], ...]

    def using(self) -> AbstractContextManager[Vocabularies | None]:
        """The vocabularies in use. Raises StoreError where this worker has other code than the one who started it."""
        if code_hash() != self.code:
            raise StoreError(
                "a worker of Spark has another version of zhengmai than the program that started it; "
                "install the same on all machines (docs/spark.md)",
                zh="Spark 的一个工作进程所装的 zhengmai 版本与启动程序不同；请在所有机器上安装同一版本（见 docs/spark.md）",
            )
        return using(with_texts(self.vocabularies))


@dataclass(frozen=True)
class Reading:
    """What reading needs: of each file what the catalogue says and what was corrected; ``folder`` is for messages."""

    setup: Setup
    folder: str
    entries: Mapping[str, DocumentEntry]
    corrections: Mapping[str, list[Correction]]


def squeezed(text: str | bytes) -> bytes:
    """A text packed."""
    return zlib.compress(text.encode() if isinstance(text, str) else text, 3)


def plain(packed: bytes) -> bytes:
    """A packed text as it was, in UTF-8."""
    return zlib.decompress(packed)


# -- reading -----------------------------------------------------------------------------------------------------


def read(given: Iterable[Given], job: Reading) -> Iterator[Read]:
    """Read documents, each alone. What is wrong with one is told in its row: it is no defect of the worker."""
    with job.setup.using():
        for one in given:
            try:
                yield _read(one, job)
            except ZhengmaiError as error:
                yield Read(one.kind, one.name, error=error.message, error_zh=error.zh)


def _read(one: Given, job: Reading) -> Read:
    if one.kind == STUB:
        assert one.content is not None
        slug = StubEntry.model_validate_json(one.content).slug
        return Read(one.kind, one.name, slug, record=squeezed(one.content))
    slug = Path(one.name).stem
    corrections = job.corrections.get(slug, [])
    if one.kind == BY_HAND:
        assert one.content is not None
        record = read_by_hand(PlanRecord.model_validate_json(one.content), corrections)
        return _row(one, record, None, None)
    data = one.content
    if data is None:
        raise StoreError(
            f"{job.folder}/{one.name}: is larger than {MAX_FILE >> 20} MB; hand in the plan without its pictures"
        )
    source = source_of(data, f"{job.folder}/{one.name}")
    entry = job.entries.get(one.name) or DocumentEntry(file=one.name)
    record = read_document(source, slug, entry, corrections)
    return _row(one, record, sha256(data).hexdigest(), source.text)


def _row(one: Given, record: PlanRecord, digest: str | None, text: str | None) -> Read:
    return Read(
        one.kind,
        one.name,
        record.slug,
        digest,
        squeezed(record.model_dump_json()),
        None if text is None else squeezed(text),
        packed(contribution(record)),
        packed(upper_of(record)),
    )


def packed(thing: Any) -> bytes:
    """A thing of ours, pickled and packed: read again by the same code alone."""
    return zlib.compress(pickle.dumps(thing, pickle.HIGHEST_PROTOCOL), 3)


def unpacked(data: bytes) -> Any:
    """What `packed` packed."""
    return pickle.loads(zlib.decompress(data))  # noqa: S301 - written by this very run


def contribution_of(data: bytes) -> Contribution:
    """The contribution of a row."""
    found = unpacked(data)
    assert isinstance(found, Contribution)
    return found


# -- deriving ----------------------------------------------------------------------------------------------------


@dataclass
class Compared:
    """What comparing needs on each worker: what is shared by all, and the documents above others, packed until asked for."""

    setup: Setup
    packed_shared: bytes
    uppers: Mapping[str, bytes]

    @cached_property
    def shared(self) -> Shared:
        """Unpacked once in each process."""
        found = unpacked(self.packed_shared)
        assert isinstance(found, Shared)
        return found

    def upper(self, slug: str) -> PlanRecord:
        """A document above others."""
        found = unpacked(self.uppers[slug])
        assert isinstance(found, PlanRecord)
        return found


def derive(rows: Iterable[Read], job: Compared) -> Iterator[Made]:
    """Make the quads of documents, and what follows from them and those above them."""
    with job.setup.using():
        for part in in_groups(rows, BATCH):
            deriving = Deriving(job.shared, job.upper)
            for one in part:
                assert one.record is not None
                record = None
                if one.kind == STUB:
                    stub = StubEntry.model_validate_json(plain(one.record))
                    found, found_rows = deriving.derive_stub(stub), rows_of_stub(stub)
                else:
                    record = PlanRecord.model_validate_json(plain(one.record))
                    settle(record, job.shared.known)
                    text = None if one.text is None else plain(one.text).decode()
                    found, found_rows = deriving.derive(record, text), rows_of(record, text)
                others = {
                    iri
                    for iri in named_nodes((found.document, found.inferred))
                    if not is_agency(iri) and owner_of(iri) != found.slug
                }
                yield Made(
                    one.kind,
                    one.name,
                    found.slug,
                    squeezed(found.document),
                    squeezed(found.inferred),
                    found.comparisons,
                    None if record is None else squeezed(record.to_json()),
                    sorted(others),
                    packed(found_rows),
                    None
                    if one.kind == STUB or one.text is None
                    else packed(starts_of(plain(one.text).decode())),
                )


def in_groups(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Rows in lists of at most so many."""
    part = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


# -- what documents say of one another ---------------------------------------------------------------------------


def agencies(documents: Iterable[bytes]) -> dict[str, set[bytes]]:
    """What packed quads of documents say of the agencies that are everybody's: by IRI, triples as N-Triples."""
    found: dict[str, set[bytes]] = {}
    for document in documents:
        for line in plain(document).splitlines():
            if line.startswith(_SUBJECT_OF_AGENCY):
                iri = line[1 : line.index(b">")].decode()
                found.setdefault(iri, set()).add(line[: line.rindex(b" <")])
    return found


def views(
    rows: Iterable[tuple[str, bytes]], wanted: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, bytes]]:
    """Of the documents (slug and packed quads) that others name: the quads of the nodes they name, and of the head."""
    for slug, document in rows:
        if slug not in wanted:
            continue
        nodes = {f"<{iri}>".encode() for iri in (*wanted[slug], terms.document_iri(slug))}
        lines = plain(document).splitlines(keepends=True)
        yield slug, squeezed(b"".join(line for line in lines if line[: line.index(b" ")] in nodes))


# -- judging -----------------------------------------------------------------------------------------------------


@dataclass
class Judging:
    """What judging needs on each worker, packed until asked for.

    ``reference`` are the vocabularies, divisions and ontology as N-Quads; ``views`` by slug what others name of a document;
    ``agencies`` by IRI what all documents say of it, as N-Quads; ``starts`` by slug where the lines of these documents begin.
    """

    setup: Setup
    reference: bytes
    views: Mapping[str, bytes]
    agencies: Mapping[str, bytes]
    starts: Mapping[str, bytes]
    waivers: waivers.Waivers
    day: date
    tables: tuple[Published, ...] = field(default_factory=lambda: chosen_tables())

    @cached_property
    def judge(self) -> Judge:
        """One for all documents of a process: the shapes are read once."""
        return Judge(self.store())

    @cached_property
    def known_starts(self) -> dict[str, Starts]:
        """Where the lines begin of the documents that others name."""
        return {slug: unpacked(data) for slug, data in self.starts.items()}

    def store(self, parts: Iterable[bytes] = ()) -> EmbeddedStore:
        """A store in memory with the reference and these N-Quads."""
        found = ox.Store()
        for part in (plain(self.reference), *parts):
            found.bulk_load(part, format=ox.RdfFormat.N_QUADS)
        return EmbeddedStore(Path("in memory"), found)

    def around(self, written: bytes, slugs: Collection[str]) -> Iterator[bytes]:
        """What the quads of some documents speak of elsewhere."""
        named = named_nodes([written])
        others = {slug for iri in named if not is_agency(iri) and (slug := owner_of(iri))}
        for slug in sorted(others.difference(slugs)):
            if slug in self.views:
                yield plain(self.views[slug])
        waiting = sorted(iri for iri in named if iri in self.agencies)
        seen = set(waiting)
        while waiting:
            said = plain(self.agencies[waiting.pop()])
            yield said
            led = {iri for iri in named_nodes([said]) if iri in self.agencies} - seen
            seen |= led
            waiting += sorted(led)


def chosen_tables() -> tuple[Published, ...]:
    """The tables of `TABLES`, in that order."""
    known = {one.name: one for one in tables()}
    return tuple(known[name] for name in TABLES)


def judge(rows: Iterable[Made], job: Judging) -> Iterator[tuple[Any, ...]]:
    """Judge documents, some at a time: for each group the packed report, then the rows of each table."""
    with job.setup.using():
        for part in in_groups(rows, _PER_STORE):
            part = sorted(part, key=lambda one: one.slug)
            slugs = [one.slug for one in part]
            written = b"".join(plain(half) for one in part for half in (one.document, one.inferred))
            judging = job.judge
            store = job.store([written, *job.around(written, set(slugs))])
            judging.use(store)
            own = {one.slug: unpacked(one.starts) for one in part if one.starts is not None}
            judging.texts = Texts(starts=job.known_starts | own)
            report, concepts = judging.judged(slugs, written)
            yield packed(pack(report, concepts)), *_tables(report, job, store, set(slugs))


def _tables(
    report: Collected, job: Judging, store: EmbeddedStore, slugs: Collection[str]
) -> Iterator[list[tuple[Any, ...]]]:
    for table in job.tables:
        if table.classes:
            cells = cells_of(store.native, table, lambda iri: owner_of(iri) in slugs)
        else:
            # The day decides which waivers hold, as in what is published.
            settled = waivers.settle(report.report, job.waivers, job.day, ()).findings
            cells = (finding_cells(one, table) for one in settled)
        yield [_values(table, row) for row in cells]


def _values(table: Published, row: list[str]) -> tuple[Any, ...]:
    kinds = (column.type for column in table.columns)
    return tuple(
        typed(Cell("literal", text), kind) if text else None for text, kind in zip(row, kinds, strict=True)
    )


# -- parts -------------------------------------------------------------------------------------------------------


def sorted_part(parts: Iterable[bytes]) -> str:
    """Quads in the order of their bytes, each once, without a break at the end."""
    lines = {line for part in parts for line in part.split(b"\n") if line}
    return b"\n".join(sorted(lines)).decode()
