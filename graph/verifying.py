"""Proof that the parts of a build agree: files and checksums, texts, records, store, findings, search index, audit trail.

Document by document, so that memory does not grow with their number: the text is the one that the record was read from;
the graph has exactly the triples that the record makes; every span says what stands there in the text; the search index
has the rows that the record makes. Then what is about all: counts, graphs, findings whose nodes exist, the trail.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyoxigraph as ox
from pydantic import ValidationError
from rdflib import URIRef
from rdflib.namespace import DCTERMS, RDF

from graph import (
    databases,
    finding_file,
    publishing,
    sealing,
    search_index,
    stages,
    trail,
    triples,
)
from graph.build import Summary, inputs_of, read_summary
from graph.catalog import StubEntry, read_corpus, vocabularies_of
from graph.errors import StoreError, ZhengmaiError
from graph.kept_heads import Heads
from graph.known_documents import KnownDocuments
from graph.record import PlanRecord
from graph.stores import open_store
from graph.words import both
from ontology import terms
from ontology.terms import OA, ZM
from ontology.vocabulary import using

Progress = Callable[[str, int, int], None]
Told = tuple[str, str]
"""A sentence in English and in Chinese."""
_SHARED: Final = (
    terms.GRAPH_REFERENCE,
    terms.GRAPH_ONTOLOGY,
    terms.GRAPH_INFERRED,
    terms.GRAPH_PROVENANCE,
)


_COUNTED: Final = ("documents", "spans", "triples", "findings", "files")


@dataclass
class Verdict:
    """What verifying a build came to: ``faults`` is empty where all agrees; ``notes`` are no faults, but worth knowing."""

    build: Path
    faults: list[Told] = field(default_factory=list)
    notes: list[Told] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))

    @property
    def sound(self) -> bool:
        """Whether everything agrees."""
        return not self.faults

    def lines(self, lang: str, most: int = 100) -> Iterator[str]:
        """The result for people; at most so many faults one by one."""
        at = 1 if lang == "zh" else 0
        for fault in self.faults[:most]:
            yield fault[at]
        if len(self.faults) > most:
            yield both("verify", "more", count=len(self.faults) - most)[at]
        for note in self.notes:
            yield note[at]
        counts = {key: f"{value:,}" for key, value in self.counts.items()}
        if self.sound:
            yield both("verify", "sound", build=self.build.name, **counts)[at]
        else:
            yield both("verify", "disagree", build=self.build.name, count=len(self.faults))[at]
            yield both("damage", "what-to-do")[at]


def verify(build: Path, data: Path | None, progress: Progress = lambda what, done, total: None) -> Verdict:
    """Hold all parts of a build against each other.

    ``data`` is its data folder, whose audit trail and folder of plans are looked at too; None for a build that is not
    published. Raises nothing for what is damaged: that is what the verdict tells.
    """
    verdict = Verdict(build)
    _Verifying(verdict, data, progress).run()
    return verdict


class _Verifying:
    def __init__(self, verdict: Verdict, data: Path | None, progress: Progress) -> None:
        self._verdict = verdict
        self._build = verdict.build
        self._data = data
        self._progress = progress
        self._fault = verdict.faults.append

    def run(self) -> None:
        self._files()
        summary = self._tried(lambda: read_summary(self._build))
        store = self._tried(lambda: open_store(self._build / "store"))
        if summary is None or store is None:
            return
        # A store that was damaged in the middle is told when the block is read.
        try:
            with using(vocabularies_of(self._build)):
                self._contents(summary, store.native)
        except (OSError, RuntimeError, ValueError, ZhengmaiError) as error:
            told = error if isinstance(error, StoreError) else None
            self._fault(_told(told) if told else _damaged(self._build, error))
        if self._data is not None:
            self._plans(summary)
            newer = [path for path in publishing.builds(self._data) if path.name > self._build.name]
            if newer:
                self._verdict.notes.append(both("verify", "note-rolled-back"))

    # -- files -------------------------------------------------------------------------------------------------

    def _files(self) -> None:
        label = both("verify", "step-files")[0]
        try:
            known = sealing.read(self._build)
            if known is None:
                self._verdict.notes.append(both("verify", "note-unsealed"))
                return
            self._verdict.counts["files"] = len(known)
            for fault in sealing.faults(self._build, lambda done, total: self._progress(label, done, total)):
                self._fault(_told(fault.error()))
        except StoreError as error:
            self._fault(_told(error))

    # -- contents ----------------------------------------------------------------------------------------------

    def _contents(self, summary: Summary, store: ox.Store) -> None:
        heads = dict(Heads(self._build))
        stubs = list(_stubs(store, heads))
        known = KnownDocuments.of(heads.values(), stubs)
        same_code = summary.of_this_code
        if not same_code:
            self._verdict.notes.append(both("verify", "note-older"))
        index = _Index(self._build / search_index.FILE)
        counted: Counter[str] = Counter()
        stored: Counter[str] = Counter()
        spans = _inferred_spans(store)
        label = both("verify", "step-documents")[0]
        try:
            for number, (slug, head) in enumerate(heads.items()):
                self._progress(label, number, len(heads))
                record = self._document(slug, head, known if same_code else None, store, spans, index, stored)
                if record is not None:
                    counted.update(stages.contents(record))
                    counted["documents" if record.text_hash else "records"] += 1
            self._progress(label, len(heads), len(heads))
            self._index(index, {*heads, *(stub.slug for stub in stubs)})
        finally:
            index.close()
        self._verdict.counts["documents"] = len(heads)
        self._listed(heads)
        self._counts(summary, counted, stored, store, len(stubs))
        self._graphs(store, {*heads, *(stub.slug for stub in stubs)})
        self._findings(store, {*heads, *(stub.slug for stub in stubs)})
        self._trail(store)

    def _document(
        self,
        slug: str,
        head: PlanRecord,
        known: KnownDocuments | None,
        store: ox.Store,
        inferred: dict[str, list[ox.Quad]],
        index: _Index,
        stored: Counter[str],
    ) -> PlanRecord | None:
        """Hold one document's record, text, graph and rows against each other; the record, where it can be read."""
        try:
            body = (self._build / "records" / f"{slug}.json").read_bytes()
            record = PlanRecord.model_validate_json(body)
        except FileNotFoundError:
            self._fault(both("verify", "no-record", document=slug))
            return None
        except (OSError, ValidationError) as error:
            self._fault(both("verify", "record", document=slug, error=type(error).__name__))
            return None
        if stages.head_of(record) != head:
            self._fault(both("verify", "head", document=slug))
        text = self._text(slug, record)
        graph = ox.NamedNode(terms.document_graph(slug))
        quads = set(store.quads_for_pattern(None, None, None, graph))
        if not quads:
            self._fault(both("verify", "no-graph", document=slug))
        elif known is not None:
            made = set(triples.document_quads(record, known))
            missing, extra = made - quads, quads - made
            if missing or extra:
                example = str(min((missing or extra), key=str).triple)
                told = {"missing": len(missing), "extra": len(extra), "example": example}
                self._fault(both("verify", "quads", document=slug, **told))
        for quad in quads:
            if quad.predicate.value == str(RDF.type) and isinstance(quad.object, ox.NamedNode):
                stored[quad.object.value] += 1
        if text is not None:
            held = inferred.get(str(terms.document_iri(slug)), [])
            self._spans([*quads, *held], text, record.text_hash)
        if known is not None:
            few, many = index.differences(record, text)
            if few or many:
                self._fault(both("verify", "search-rows", document=slug, missing=few, extra=many))
        return record

    def _text(self, slug: str, record: PlanRecord) -> str | None:
        path = self._build / "texts" / f"{slug}.txt"
        if record.text_hash is None:
            return None
        try:
            body = path.read_bytes()
            text = body.decode("utf-8")
        except FileNotFoundError:
            self._fault(both("verify", "no-text", document=slug))
            return None
        except (OSError, UnicodeDecodeError):
            self._fault(both("verify", "text-hash", document=slug))
            return None
        if hashlib.sha256(body).hexdigest() != record.text_hash:
            self._fault(both("verify", "text-hash", document=slug))
        return text

    def _spans(self, quads: Iterable[ox.Quad], text: str, text_hash: str | None) -> None:
        """Every span says what stands there, and in which text."""
        said: dict[str, dict[str, str]] = {}
        for quad in quads:
            if quad.predicate.value in _OF_SPANS and isinstance(quad.subject, ox.NamedNode):
                value = quad.object.value if isinstance(quad.object, ox.Literal | ox.NamedNode) else ""
                said.setdefault(quad.subject.value, {})[quad.predicate.value] = value
        for iri, position in said.items():
            if str(OA.start) not in position:
                continue
            span = iri.removesuffix("/position")
            start, end = int(position[str(OA.start)]), int(position[str(OA.end)])
            exact = said.get(f"{span}/quote", {}).get(str(OA.exact), "")
            there = text[start:end]
            self._verdict.counts["spans"] += 1
            # A span may be wider than what is quoted of it (a task and its title), and a page breaks its lines.
            if _SPACE.sub("", exact) not in _SPACE.sub("", there):
                self._fault(both("verify", "span", span=span, exact=exact[:60], there=there[:60]))
            if said.get(span, {}).get(str(ZM.textHash), text_hash) != text_hash:
                self._fault(both("verify", "span-hash", span=span))

    # -- what is about all -------------------------------------------------------------------------------------

    def _listed(self, heads: dict[str, PlanRecord]) -> None:
        for part, suffix in (("records", ".json"), ("texts", ".txt")):
            folder = self._build / part
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if path.name.removesuffix(suffix) not in heads:
                    self._fault(both("verify", "not-listed", document=path.name))

    def _counts(
        self,
        summary: Summary,
        counted: Counter[str],
        stored: Counter[str],
        store: ox.Store,
        stubs: int,
    ) -> None:
        told = summary.counts
        inferred = ox.NamedNode(terms.GRAPH_INFERRED)
        kind = ox.NamedNode(RDF.type)
        comparisons = sum(
            1 for _ in store.quads_for_pattern(None, kind, ox.NamedNode(ZM.Comparison), inferred)
        )
        # len() reads the whole table of quads, each block with its checksum.
        label = both("verify", "step-store")[0]
        self._progress(label, 0, 1)
        total = len(store)
        self._progress(label, 1, 1)
        self._verdict.counts["triples"] = total
        held = {
            "documents": (counted["documents"], None),
            "records": (counted["records"], None),
            "stubs": (stubs, stubs),
            "actions": (counted["actions"], stored[str(ZM.Action)]),
            "targets": (counted["targets"], stored[str(ZM.Target)]),
            "comparisons": (None, comparisons),
            "triples": (None, total),
        }
        for name, (records, quads) in held.items():
            if any(one is not None and one != told.get(name) for one in (records, quads)):
                # A document that repeats a number has two tasks under one name.
                if name == "actions" and records == told.get(name) and (quads or 0) <= (records or 0):
                    continue
                dash = {
                    "records": "–" if records is None else records,
                    "store": "–" if quads is None else quads,
                }
                self._fault(both("verify", "count", kind=name, told=told.get(name), **dash))

    def _graphs(self, store: ox.Store, documents: set[str]) -> None:
        names = {name.value for name in store.named_graphs() if isinstance(name, ox.NamedNode)}
        wanted = {str(terms.document_graph(slug)) for slug in documents} | {str(one) for one in _SHARED}
        for name in sorted(names - wanted):
            self._fault(both("verify", "graph-unknown", graph=name))
        for name in sorted({str(one) for one in _SHARED} - names):
            self._fault(both("verify", "no-shared-graph", graph=name))

    def _findings(self, store: ox.Store, documents: set[str]) -> None:
        seen: dict[str, bool] = {}

        def there(iri: str) -> bool:
            if iri not in seen:
                found = store.quads_for_pattern(ox.NamedNode(iri), None, None, None)
                seen[iri] = next(found, None) is not None
            return seen[iri]

        label = both("verify", "step-findings")[0]
        try:
            total, number = finding_file.count(self._build), 0
            for number, finding in enumerate(finding_file.bodies(self._build), 1):
                self._progress(label, number, total)
                named = [finding, *(one for one in (finding["lower"], finding["upper"]) if one)]
                for slug in {one["document"] for one in named if one["document"]} - documents:
                    self._fault(both("verify", "finding-document", finding=finding["id"], document=slug))
                nodes = [finding.get("indicator_iri"), finding["source"]["focus"]]
                nodes += [one["iri"] for one in named[1:]]
                for iri in {str(one) for one in nodes if one}:
                    if not there(iri):
                        self._fault(both("verify", "finding-node", finding=finding["id"], node=iri))
            self._verdict.counts["findings"] = number
            if number != total:
                self._fault(both("verify", "finding-count", told=total, there=number))
        except (OSError, sqlite3.Error, zlib.error, ValueError, KeyError, TypeError) as error:
            self._fault(both("verify", "findings", error=f"{type(error).__name__}: {error}"))

    def _index(self, index: _Index, documents: set[str]) -> None:
        if index.error:
            self._fault(both("verify", "search", error=index.error))
            return
        for slug in sorted(index.documents() - documents):
            self._fault(both("verify", "search-unknown", document=slug))

    def _trail(self, store: ox.Store) -> None:
        if self._data is None:
            return
        known = {f"{terms.ID}change/{terms.segment(one.id)}" for one in trail.read_trail(self._data)}
        made = ox.NamedNode(terms.GRAPH_PROVENANCE)
        for quad in store.quads_for_pattern(None, ox.NamedNode(DCTERMS.type), None, made):
            iri = quad.subject.value if isinstance(quad.subject, ox.NamedNode) else ""
            if iri.startswith(f"{terms.ID}change/") and iri not in known:
                self._fault(both("verify", "trail", change=iri))

    def _plans(self, summary: Summary) -> None:
        """The files that were built, as they are now. That a folder was edited since is no fault."""
        plans = Path(summary.plans)
        if not summary.plans or not plans.is_dir():
            self._verdict.notes.append(both("verify", "note-plans-gone", plans=plans))
            return
        try:
            now = inputs_of(read_corpus(plans))
        except (ZhengmaiError, OSError):
            now = {}
        changed = sorted(
            name for name in {*now, *summary.inputs} if now.get(name) != summary.inputs.get(name)
        )
        if changed:
            told = {"plans": plans, "count": len(changed), "example": changed[0]}
            self._verdict.notes.append(both("verify", "note-plans-changed", **told))

    def _tried(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except StoreError as error:
            if _told(error) not in self._verdict.faults:
                self._fault(_told(error))
            return None


_SPACE: Final = re.compile(r"\s+")
_OF_SPANS: Final = {str(one) for one in (OA.start, OA.end, OA.exact, ZM.textHash)}


class _Index:
    """The search index of a build, for holding it against records."""

    def __init__(self, path: Path) -> None:
        self.error: str | None = None
        try:
            self._base = databases.opened(path)
            told = self._base.execute("PRAGMA quick_check").fetchone()[0]
            self.error = None if told == "ok" else str(told)
        except sqlite3.Error as error:
            self.error = str(error)

    def close(self) -> None:
        if hasattr(self, "_base"):
            self._base.close()

    def documents(self) -> set[str]:
        with closing(self._base.execute("SELECT slug FROM document")) as rows:
            return {slug for (slug,) in rows}

    def differences(self, record: PlanRecord, text: str | None) -> tuple[int, int]:
        """How many rows of a document are missing, and how many there are too many."""
        if self.error:
            return 0, 0
        query = (
            "SELECT kind, code, iri, path, label, names, text, start, stop FROM entry JOIN content USING (id) "
            "WHERE document = ?"
        )
        try:
            held = Counter(self._base.execute(query, [record.slug]).fetchall())
        except sqlite3.Error as error:
            self.error = str(error)
            return 0, 0
        made = Counter(_row(entry) for entry in search_index.entries_of(record, text))
        return (made - held).total(), (held - made).total()


def _row(entry: search_index.Entry) -> tuple[Any, ...]:
    names = json.dumps(entry.names, ensure_ascii=False) if entry.names else "[]"
    place = (search_index.KINDS.index(entry.kind), entry.code, entry.iri, entry.path, entry.label)
    return (*place, names, entry.text, *(entry.span or (None, None)))


def _stubs(store: ox.Store, heads: dict[str, PlanRecord]) -> Iterator[StubEntry]:
    """The documents that are only known to exist, as the store has them."""
    origin = ox.NamedNode(terms.concept_iri("origin", "stub"))
    for quad in store.quads_for_pattern(None, ox.NamedNode(ZM.origin), origin, None):
        said = {
            one.predicate.value: one.object.value
            for one in store.quads_for_pattern(quad.subject, None, None, quad.graph_name)
            if isinstance(one.object, ox.Literal | ox.NamedNode)
        }
        slug = said[str(DCTERMS.identifier)]
        if slug not in heads:
            yield StubEntry(
                slug=slug,
                title=said[str(DCTERMS.title)],
                code=_last(said[str(ZM.jurisdiction)]),
                family=_last(said[str(ZM.policyFamily)]),
                number=said.get(str(ZM.documentNumber)),
            )


def _inferred_spans(store: ox.Store) -> dict[str, list[ox.Quad]]:
    """By document: what the inferred graph says of places in its text."""
    graph = ox.NamedNode(terms.GRAPH_INFERRED)
    found: dict[str, list[ox.Quad]] = {}
    for quad in store.quads_for_pattern(None, ox.NamedNode(OA.hasSource), None, graph):
        held = list(store.quads_for_pattern(quad.subject, None, None, graph))
        for led in [one.object for one in held if one.predicate.value == str(OA.hasSelector)]:
            if isinstance(led, ox.NamedNode):
                held += store.quads_for_pattern(led, None, None, graph)
        document = quad.object.value if isinstance(quad.object, ox.NamedNode) else ""
        found.setdefault(document, []).extend(held)
    return found


def _last(iri: str) -> str:
    return URIRef(iri).rpartition("/")[2]


def _told(error: ZhengmaiError) -> Told:
    return error.text("en"), error.text("zh")


def _damaged(build: Path, error: Exception) -> Told:
    todo = both("damage", "what-to-do")
    values = {"path": build, "error": f"{type(error).__name__}: {error}"}
    return (
        both("damage", "store", **values, todo=todo[0])[0],
        both("damage", "store", **values, todo=todo[1])[1],
    )
