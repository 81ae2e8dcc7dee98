"""A whole store judged plan by plan, so that time grows with the number of plans and one plan can be judged alone.

Each plan is judged on a small graph of its own: its document, its comparisons, what those speak of in other documents,
and the vocabularies. The graphs of some plans are put together, so that the vocabularies are read once for all of them.
The engine is the fast one or the reference; the findings are the same.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote

from rdflib import RDF, Graph
from rdflib.term import Node

from graph import disk, sealing
from graph.incremental import REFERENCE
from graph.stores import Store, open_store, read_parts
from graph.workers import uncollected
from ontology import terms
from ontology.terms import ID, OA, ZM
from ontology.vocabulary import ontology_graph
from shapes.collecting import Collected, collect_part
from shapes.concepts import Concepts, Wider, concepts_of, wider_of
from shapes.lines import Texts
from shapes.merging import Merger, Packed, is_shared, pack
from shapes.plan_graph import PlanGraph
from shapes.reference import around
from shapes.rules import RuleBook
from shapes.validation import Result, ValidationResult, load_shapes, validate

if TYPE_CHECKING:
    from shapes.fast import FastEngine

Engine = Literal["fast", "reference"]
BATCH: Final = 100
"""Plans judged together: enough to forget the vocabularies' share, few enough to stay below half a gigabyte."""

_OWNED: Final = re.compile(rf"{re.escape(str(ID))}(?:document|comparison)/([^/]+)")
_NAMED: Final = re.compile(rf"<({re.escape(str(ID))}(?:document|agency)/[^>]+)>".encode())
_SAID: Final = re.compile(
    rf"^<({re.escape(str(ID))}[^ >]*)> <{re.escape(str(RDF.type))}> <{re.escape(str(ZM.Agency))}> \.$".encode(),
    re.MULTILINE,
)
_GRAPH: Final = re.compile(rb" <[^<>\"]*> \.\n")
"""The end of a line of N-Quads: what is left is N-Triples."""
_IN_INFERRED: Final = f" <{terms.GRAPH_INFERRED}> .\n".encode()
_AGENCY: Final = f"{ID}agency/"
_DOCUMENT: Final = f"{ID}document/"
_ASKED: Final = 100
"""Nodes that are looked up with one query: its text stays below what servers take."""
_AGENCIES_KEPT: Final = 5_000  # a kilobyte each
_ABOUT: Final = "CONSTRUCT { ?s ?p ?o } WHERE { VALUES ?s { %s } GRAPH ?g { ?s ?p ?o } }"
_ABOUT_IN: Final = "CONSTRUCT { ?s ?p ?o } WHERE { VALUES (?s ?g) { %s } GRAPH ?g { ?s ?p ?o } }"
_LABEL: Final = (
    f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES ?s {{ %s }} GRAPH <{terms.GRAPH_INFERRED}> {{ ?s ?p ?o }} }}"
)
# What the inferred graph says of a plan: its comparisons, its checks with their passages, what was added to its tasks.
_INFERRED: Final = tuple(
    f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ VALUES (?plan ?own) {{ %s }} {pattern} GRAPH <{terms.GRAPH_INFERRED}> {{ ?s ?p ?o }} }}"
    for pattern in (
        f"GRAPH <{terms.GRAPH_INFERRED}> {{ ?s <{ZM.lowerPlan}> ?plan }}",
        f"GRAPH <{terms.GRAPH_INFERRED}> {{ ?s <{ZM.inDocument}> ?plan }}",
        f"GRAPH <{terms.GRAPH_INFERRED}> {{ ?passage <{ZM.inDocument}> ?plan ; <{ZM.span}> ?s }}",
        f"GRAPH <{terms.GRAPH_INFERRED}> {{ ?passage <{ZM.inDocument}> ?plan ; <{ZM.span}>/<{OA.hasSelector}> ?s }}",
        f"GRAPH ?own {{ ?s a <{ZM.Action}> }}",
        "BIND(?plan AS ?s)",
    )
)


class Judge:
    """Judges the plans of a store, which does not change meanwhile."""

    def __init__(
        self,
        store: Store,
        engine: Engine | None = None,
        shapes: Graph | None = None,
        texts: Texts | None = None,
    ) -> None:
        """``texts`` are those of the documents, for the lines of passages; by default those of the build around the store."""
        self.store = store
        self.engine = engine or usual_engine()
        self._usual = shapes is None
        self.shapes = shapes if shapes is not None else _all_shapes()
        self.texts = texts or Texts(store.path.parent / "texts" if store.path else None)
        self._told: dict[str, bytes] = {}  # of agencies, by IRI, those asked for last behind

    def use(self, store: Store) -> None:
        """Go on with another store, of the same vocabularies."""
        self.store = store
        self._told.clear()

    def plans(self) -> list[str]:
        """The slugs of all documents of the store."""
        start = terms.document_graph("")
        names = self.store.graphs()
        return sorted(unquote(name.removeprefix(start)) for name in names if name.startswith(start))

    def results(self, slugs: Sequence[str], triples: bytes | None = None) -> tuple[Result, ...]:
        """The validation results of some plans, judged together on ``triples``, else on their graph."""
        found = self._results(self.graph_of(slugs) if triples is None else triples, self._plan_shapes)
        wanted = set(slugs)
        return tuple(
            row
            for row in found
            if (owner := owner_of(row.focus)) in wanted or (owner is None and is_shared(str(row.focus)))
        )

    def reference_results(self) -> tuple[Result, ...]:
        """The validation results of what is the same for all: the vocabularies and the ontology."""
        found = self._results(self._reference, self.shapes)
        return tuple(row for row in found if owner_of(row.focus) is None and not is_shared(str(row.focus)))

    def _results(self, triples: bytes, shapes: Graph) -> Sequence[Result]:
        if self.engine == "fast":
            engine = self._fast if shapes is self._plan_shapes else _engine(shapes)
            return tuple(engine.results(triples))
        graph = Graph().parse(data=triples.decode(), format="nt")
        return validate(graph, ontology_graph(), shapes).results

    def report(self, slugs: Sequence[str], written: bytes | None = None) -> Collected:
        """The findings of some plans, judged together; ``written`` as `graph_of` takes it."""
        return self.judged(slugs, written)[0]

    def packed(self, slugs: Sequence[str], written: bytes | None = None) -> Packed:
        """The same, ready for the file of findings."""
        return pack(*self.judged(slugs, written))

    def judged(self, slugs: Sequence[str], written: bytes | None = None) -> tuple[Collected, list[Concepts]]:
        """The same, and by what tasks and targets of these plans findings are found."""
        own = b"".join(self._own(slugs, written))
        triples = around(self._reference, [own]) + own
        concepts = concepts_of(own, [terms.document_iri(slug) for slug in slugs], self._wider)
        return self._collected(self.results(slugs, triples), slugs, own), concepts

    def reference_report(self) -> Collected:
        """The findings about what is the same for all."""
        return self._collected(self.reference_results(), (), b"")

    def _collected(self, results: tuple[Result, ...], slugs: Sequence[str], triples: bytes) -> Collected:
        judged = ValidationResult(not results, Graph(), results, self.shapes)
        return collect_part(judged, PlanGraph(self.store, slugs, triples), self.texts, self.book)

    def graph_of(self, slugs: Sequence[str], written: bytes | None = None) -> bytes:
        """What some plans are judged on, as N-Triples.

        ``written`` are the quads of their documents and what was derived of them (N-Quads), where they are at hand: they
        need not be looked up in the store.
        """
        own = self._own(slugs, written)
        return b"".join([around(self._reference, own), *own])

    def _own(self, slugs: Sequence[str], written: bytes | None) -> list[bytes]:
        """The same without what is the same for all."""
        if written is not None:
            own = _as_triples(slugs, written)
        else:
            own = [self._document(slug) for slug in slugs] + self._inferred(slugs)
        return [*own, *self._context(slugs, own)]

    def _inferred(self, slugs: Sequence[str]) -> list[bytes]:
        """What was derived of some documents, out of the store."""
        plans = " ".join(f"(<{terms.document_iri(slug)}> <{terms.document_graph(slug)}>)" for slug in slugs)
        return [self.store.construct(query % plans) for query in _INFERRED]

    def _context(self, slugs: Sequence[str], parts: Sequence[bytes]) -> Iterator[bytes]:
        """What is said of plans names nodes of other documents too: these nodes, and the heads of their documents.

        An agency is everybody's: all that any document says of it is taken in. Of one that these plans describe themselves
        the others say the same, as it follows from its IRI; but for the members of a group, which are judged where they are told,
        and for its label, which is chosen over all documents.
        """
        named = named_nodes(parts)
        own = {terms.segment(slug) for slug in slugs}
        agencies = {iri for iri in named if is_agency(iri)}
        start = len(_DOCUMENT)
        owners = {iri: iri[start:].partition("/")[0] for iri in named - agencies}
        others = {iri: owner for iri, owner in owners.items() if owner not in own}
        others |= {_DOCUMENT + owner: owner for owner in others.values()}
        graph = str(terms.document_graph(""))
        yield from self._asked(_ABOUT_IN, [f"(<{iri}> <{graph}{others[iri]}>)" for iri in sorted(others)])
        seen = agencies | {iri for iri in owners if "/agency/" in iri}
        described = seen & _described(parts)
        yield from self._asked(_LABEL, [f"<{iri}>" for iri in sorted(described)])
        asked = seen - described
        while asked:
            found = self._agencies(sorted(asked))
            yield from found
            asked = {iri for iri in named_nodes(found) if is_agency(iri)} - seen
            seen |= asked

    def _agencies(self, asked: Sequence[str]) -> list[bytes]:
        """What is said of agencies. Of a ministry thousands of plans say the same, and many batches ask for it."""
        fresh = [f"<{iri}>" for iri in asked if iri not in self._told]
        for part in self._asked(_ABOUT, fresh):
            for line in part.splitlines(keepends=True):
                iri = line[1 : line.index(b">")].decode()
                self._told[iri] = self._told.get(iri, b"") + line
        found = []
        for iri in asked:
            told = self._told.pop(iri, b"")
            found.append(told)
            self._told[iri] = told  # the last to be forgotten
        for iri in list(self._told)[: max(0, len(self._told) - _AGENCIES_KEPT)]:
            del self._told[iri]
        return found

    def _asked(self, query: str, nodes: Sequence[str]) -> Iterator[bytes]:
        for some in batches(nodes, _ASKED):
            yield self.store.construct(query % " ".join(some))

    def _document(self, slug: str) -> bytes:
        """The triples of a document, out of the store."""
        return self.store.dump(str(terms.document_graph(slug)))

    @cached_property
    def book(self) -> RuleBook:
        """The words of the shapes."""
        return _usual_book() if self._usual else RuleBook(self.shapes)

    @cached_property
    def _plan_shapes(self) -> Graph:
        """The shapes but for those of the vocabularies, which are judged once and not with every plan."""
        return _usual_shapes() if self._usual else self.shapes - load_shapes(only="concepts.ttl")

    @cached_property
    def _fast(self) -> FastEngine:
        return _usual_fast() if self._usual else _engine(self._plan_shapes)

    @cached_property
    def _wider(self) -> Wider:
        return wider_of(self._reference)

    def keep_reference(self, folder: Path) -> None:
        """Keep with a build what is the same for all: it is long to read out of the store, and needed for each change."""
        reference = self._reference
        (folder / REFERENCE).unlink(missing_ok=True)  # it may be linked to that of another build
        (folder / REFERENCE).write_bytes(reference)

    @cached_property
    def _reference(self) -> bytes:
        """The vocabularies, the divisions and the ontology: the same for all. The build around the store may have kept them."""
        if self.store.path and (self.store.path.parent / REFERENCE).is_file():
            return sealing.read_bytes(self.store.path.parent, REFERENCE)
        graphs = (terms.GRAPH_REFERENCE, terms.GRAPH_ONTOLOGY)
        return b"".join(self.store.dump(str(graph)) for graph in graphs)


def _engine(shapes: Graph) -> FastEngine:
    from shapes.fast import FastEngine  # there is no wheel of its package for every machine

    return FastEngine(shapes)


# A service judges one changed plan after the other: what is the same each time is half of the work.


@lru_cache(maxsize=1)
def _all_shapes() -> Graph:
    return load_shapes()


@lru_cache(maxsize=1)
def _usual_book() -> RuleBook:
    return RuleBook(_all_shapes())


@lru_cache(maxsize=1)
def _usual_shapes() -> Graph:
    return load_shapes() - load_shapes(only="concepts.ttl")


@lru_cache(maxsize=1)
def _usual_fast() -> FastEngine:
    return _engine(_usual_shapes())


def _as_triples(slugs: Sequence[str], written: bytes) -> list[bytes]:
    """The N-Triples of N-Quads of some documents, in their order: each document's graph, then what was derived of it."""
    ends = [f" <{terms.document_graph(slug)}> .\n".encode() for slug in slugs]
    starts, at = [0], 0
    for end in ends[1:]:
        # By its first line: looked for line by line with an expression, it takes five times as long.
        at = written.find(end, at)
        if at < 0:
            return [_GRAPH.sub(b" .\n", written)]
        starts.append(written.rfind(b"\n", 0, at) + 1)
    parts = []
    for start, stop, end in zip(starts, [*starts[1:], len(written)], ends, strict=True):
        part = written[start:stop].replace(end, b" .\n").replace(_IN_INFERRED, b" .\n")
        parts.append(part)
    return parts


def named_nodes(parts: Iterable[bytes]) -> set[str]:
    """The IRIs of the documents and agencies that quads or triples name, and of nodes of documents."""
    found: set[bytes] = set()
    for part in parts:
        found.update(_NAMED.findall(part))
    return {one.decode() for one in found}


def _described(parts: Iterable[bytes]) -> set[str]:
    """The IRIs of the agencies that triples say to be agencies."""
    found: set[bytes] = set()
    for part in parts:
        found.update(_SAID.findall(part))
    return {one.decode() for one in found}


def is_agency(iri: str) -> bool:
    """Whether a node is an agency that all documents may name."""
    return iri.startswith(_AGENCY)


def owner_of(focus: Node | str) -> str | None:
    """The slug of the plan that a node belongs to; None for an agency or a division."""
    match = _OWNED.match(str(focus))
    return unquote(match[1]) if match else None


def usual_engine() -> Engine:
    """The fast engine where its package is installed, else the reference."""
    return "fast" if find_spec("shacl") else "reference"


def batches(slugs: Sequence[str], size: int = BATCH) -> Iterator[Sequence[str]]:
    """The plans in groups that are judged together."""
    for start in range(0, len(slugs), size):
        yield slugs[start : start + size]


def judge_build(
    folder: Path,
    engine: Engine | None = None,
    only: Sequence[str] = (),
    processes: int | None = None,
) -> None:
    """Judge the store of a build and write the findings beside it.

    Args:
        folder: the build.
        engine: the fast one or pySHACL; None for the fast one where it is installed.
        only: the plans to judge, where the findings of all were taken over from the build before; () for all plans.
        processes: how many judge at a time; None for as many as there are processors, one where there is little to do.

    Raises:
        ShapesError: the shapes could not be applied.
        StoreError: there is no store, or no findings that were taken over, or there is no room for them.
    """
    with disk.told(folder):
        judge = Judge(open_store(folder / "store"), engine)
        if not (only and _judge_alone(judge, folder, only)):
            _judge_all(judge, folder, processes)


def _judge_alone(judge: Judge, folder: Path, only: Sequence[str]) -> bool:
    """Judge some plans; False where all have to be judged."""
    with Merger(judge.book, folder, taken_over=True) as merger:
        if merger.tells_of_shared():
            return False
        merger.remove(only)
        for some in batches(only):
            merger.take(_packed(judge, some, None))
    return True


def _judge_all(judge: Judge, folder: Path, processes: int | None) -> None:
    # Of a build that is not published yet what was written is at hand.
    parts: list[tuple[Sequence[str], Path | None]] = [(slugs, file) for file, slugs in read_parts(folder)]
    if not parts:
        parts += [(slugs, None) for slugs in batches(judge.plans())]
    processes = processes or min(os.cpu_count() or 1, len(parts) // 2)
    judge.keep_reference(folder)
    with Merger(judge.book, folder) as merger:
        merger.add(judge.reference_report())
        if processes < 2:
            for part in parts:
                merger.take(_packed(judge, *part))
        else:
            # Spawned, not forked: a store has threads of its own.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(processes, context, _open, (folder, judge.engine)) as pool:
                for packed in pool.map(_judged, parts):
                    merger.take(packed)


def judge_store(store: Store, folder: Path, engine: Engine | None = None, texts: Texts | None = None) -> None:
    """Judge all that a store holds, wherever it is, and write the findings into a folder; ``texts`` are its documents'.

    Raises ShapesError, and StoreError where the store cannot be read or the findings cannot be written.
    """
    judge = Judge(store, engine, texts=texts)
    with disk.told(folder), Merger(judge.book, folder) as merger:
        merger.add(judge.reference_report())
        for part in batches(judge.plans()):
            merger.take(_packed(judge, part, None))


_judge: Judge  # of a process that judges for another


def _open(folder: Path, engine: Engine) -> None:
    global _judge
    _judge = Judge(open_store(folder / "store"), engine)


def _judged(part: tuple[Sequence[str], Path | None]) -> Packed:
    return _packed(_judge, *part)


def _packed(judge: Judge, slugs: Sequence[str], file: Path | None) -> Packed:
    with uncollected():
        return judge.packed(slugs, file.read_bytes() if file else None)
