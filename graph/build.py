"""A build: every document of a folder to records, quads, cascade and store, put in place in one step.

    with BuildJob(plans, data) as job:      # reads, extracts, links, writes the quads, loads a new store
        …judge what is in job.folder…       # findings are written beside the store by whoever calls
        job.publish()                       # the link `current` now names this build; before, nothing had changed

A build that fails leaves the published one untouched. Records are cached by content: only what changed is read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import pyoxigraph as ox
from pydantic import ValidationError
from rdflib import URIRef
from rdflib.namespace import DCTERMS, PROV, RDF, XSD

from graph import (
    agency_labels,
    cascade,
    divisions,
    incremental,
    inside,
    journal,
    search_index,
    stores,
    trail,
    triples,
    user_graphs,
)
from graph.agency_identity import AgencyIdentity
from graph.cascade import Lineage, Place
from graph.catalog import Corpus, DocumentEntry, read_corpus
from graph.comparing import Comparison
from graph.corrections import Correction, correction_files, load_corrections
from graph.errors import BadInput, StoreError
from graph.extraction import extract
from graph.inside import Check
from graph.known_documents import KnownDocuments
from graph.linking import link
from graph.patching import apply_corrections
from graph.reading import read_source
from graph.record import PlanRecord, Problem, load_record
from graph.sources import Source
from graph.triples import QuadWriter
from ontology import terms
from ontology.extension import FOLDER
from ontology.reasoning import read_inferred
from ontology.terms import ZM
from ontology.vocabulary import SCHEMES, catalog_turtle, turtle, using

KEPT_BUILDS = 3
Progress = Callable[[str, int, int], None]
"""Called with what is being done (a file's name or a step), how many are done, and how many there are."""


@dataclass(frozen=True)
class Summary:
    """What a build holds, for people: ``counts`` by kind of thing, ``inputs`` file → SHA-256.

    ``idle_corrections`` are those that found nothing to correct: document, path, text, reason (see graph.corrections).
    ``plans`` is the folder that was read.
    """

    build: str
    made: str
    inputs_hash: str
    inputs: dict[str, str]
    counts: dict[str, int]
    reused: int
    idle_corrections: list[dict[str, str]] = field(default_factory=list)
    plans: str = ""


def current_build(data: Path) -> Path | None:
    """The folder of the published build, or None where nothing was built yet."""
    link_path = data / "current"
    return link_path.resolve() if link_path.is_dir() else None


def open_current(data: Path) -> Path:
    """The folder of the published build. Raises StoreError, saying what to do, where there is none."""
    folder = current_build(data)
    if folder is None:
        raise StoreError(f"{data}: nothing is built here yet; run 'zhengmai build' first")
    return folder


class BuildJob:
    """One build in progress.

    ``unchanged`` is true where the published build was made from the same inputs. ``step`` is given where little
    changed: only its ``affected`` plans need be judged again, what is found of all others stands in ``step.before``.

    A change of the folder of plans (`graph.corpus_changes`) brings the ``lock`` that it holds, its line of the ``trail``,
    and the name under which the folder is to be noted.
    """

    def __init__(
        self,
        plans: Path,
        data: Path,
        *,
        progress: Progress | None = None,
        fresh: bool = False,
        lock: TextIO | None = None,
        entries: Sequence[trail.Entry] = (),
        named: Path | None = None,
    ) -> None:
        self.plans = plans
        self._given_lock = lock
        self._entries = entries
        self._named = named or plans
        self._user_graphs: tuple[Path, ...] = ()
        self.data = data
        self.unchanged = False
        self.step: incremental.Step | None = None
        self._progress = progress or (lambda what, done, total: None)
        self._fresh = fresh
        self._lock: TextIO | None = None
        self.folder = Path()

    def __enter__(self) -> BuildJob:
        if self._given_lock is None:
            self._lock = journal.take_lock(self.data)
        try:
            if self._lock is not None:
                journal.recover(self.data)
            corpus = read_corpus(self.plans)
            with using(corpus.vocabularies):
                self._run(corpus)
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def publish(self) -> None:
        """Make this build the current one, in one step, and drop the oldest beyond the last three that nobody uses."""
        shutil.rmtree(self.folder / "quads", ignore_errors=True)
        if self._user_graphs:
            # A store of their own: a question must not be answered by what anybody put in.
            apart = self.folder / user_graphs.STORE
            incremental.copy_store(self.folder / "store", apart)
            user_graphs.load(apart, self._user_graphs)
        name = self.folder.name.removesuffix(".part")
        final = self.folder.with_name(name)
        self.folder.rename(final)
        self.folder = final
        swap = self.data / f".current-{os.getpid()}"
        with suppress(FileNotFoundError):
            swap.unlink()
        swap.symlink_to(Path("builds") / name)
        swap.replace(self.data / "current")
        builds = sorted(path for path in (self.data / "builds").iterdir() if path.suffix != ".part")
        for old in [path for path in builds if path != final][: -(KEPT_BUILDS - 1)]:
            _remove_unused(old)

    # -- the steps ---------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if self.folder.suffix == ".part":
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def _run(self, corpus: Corpus) -> None:
        inputs = inputs_of(corpus)
        digest = _digest(inputs)
        now = current_build(self.data)
        if now and not self._fresh and read_summary(now).inputs_hash == digest:
            self.folder, self.unchanged = now, True
            return
        made = datetime.now(UTC)
        # To the millisecond: two builds of the same inputs may fall into one second.
        name = f"{made:%Y%m%dT%H%M%S}{made.microsecond // 1000:03}-{digest[:8]}"
        self.folder = self.data / "builds" / f"{name}.part"
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in ("texts", "records"):
            (self.folder / part).mkdir(parents=True)
        for path in corpus.vocabulary_files:
            # Questions about this build are understood by the words that it was made with.
            (self.folder / FOLDER).mkdir(exist_ok=True)
            shutil.copyfile(path, self.folder / FOLDER / path.name)
        self._user_graphs = corpus.graph_files
        if self._update(corpus, inputs, digest, made, now):
            return
        records, reused = self._records(corpus)
        places = [_place(record) for record in records]
        places += [Place(stub.slug, stub.code, stub.family, None) for stub in corpus.stubs]
        comparisons, lineage = self._cascade(places)
        known = KnownDocuments.of(records, corpus.stubs)
        checks, told = self._inside(known, records)
        quads = self.folder / "quads"
        quads.mkdir()
        changes = self._trail()
        # One file loads many times faster than many; what a document is judged on is kept beside it until it is judged.
        together = self.folder / "quads.nq"
        with together.open("wb") as out:
            for slug, is_inferred, chunk in _all_quads(
                corpus, records, known, places, comparisons, lineage, checks, told, made, changes
            ):
                written = ox.serialize(chunk, format=ox.RdfFormat.N_QUADS) or b""
                out.write(written)
                if slug is not None:
                    stores.chunk_file(quads, slug, inferred=is_inferred).write_bytes(written)
        total = stores.create(self.folder / "store", [together])
        together.unlink()
        incremental.write_heads(self.folder, records)
        self._progress("indexing for search", 0, 1)
        search_index.write(self.folder, records, corpus.stubs)
        self._progress("indexing for search", 1, 1)
        counts = _counts(corpus, records, comparisons, total)
        self._summarize(digest, made, inputs, counts, reused, _idle(records))

    def _update(
        self, corpus: Corpus, inputs: dict[str, str], digest: str, made: datetime, now: Path | None
    ) -> bool:
        """Make the build out of the one before, where only the texts of a few documents changed; whether it was done."""
        before = read_summary(now) if now and not self._fresh else None
        if now is None or before is None or before.inputs_hash != _digest(before.inputs):
            return False
        files = {path.name: path.stem for path, _ in corpus.documents}
        step = incremental.find_step(now, before.inputs, inputs, files)
        if step is None:
            return False
        heads = incremental.read_heads(now)
        known = KnownDocuments.of(heads.values(), corpus.stubs)
        fresh: dict[str, PlanRecord] = {}
        reused = len(corpus.documents) - len(step.changed)
        words = _words(corpus)
        for path, entry in corpus.documents:
            if path.stem not in step.changed:
                continue
            self._progress(path.name, len(fresh), len(step.changed))
            source = read_source(path)
            file = _correction_files(corpus).get(path.stem)
            corrections = load_corrections(file) if file else []
            record, cached = self._extracted(source, path.stem, entry, corrections, words)
            reused += cached
            if not incremental.same_identity(record, heads[path.stem]):
                return False
            fresh[path.stem] = record
            (self.folder / "texts" / f"{path.stem}.txt").write_text(source.text, encoding="utf-8")
        _tell_families(fresh.values(), known)
        for slug, record in fresh.items():
            (self.folder / "records" / f"{slug}.json").write_text(record.to_json(), encoding="utf-8")
        old = {slug: incremental.read_record(now, slug) for slug in fresh}
        places = {slug: _place(fresh.get(slug, head)) for slug, head in heads.items()}
        for stub in corpus.stubs:
            places[stub.slug] = Place(stub.slug, stub.code, stub.family, None)
        lineage = Lineage()
        for place in places.values():
            lineage.add(place)
        step.affected = incremental.affected(places, lineage, old, fresh)
        respelled = incremental.respelled(old.values(), fresh.values())
        incremental.copy_store(now / "store", self.folder / "store")
        change = incremental.StoreChange(self.folder / "store")
        change.remove_user_graphs()
        named = change.holders(respelled)
        spellers = [slug for slug in heads if slug not in fresh and str(terms.document_graph(slug)) in named]
        if not incremental.few({*step.affected, *spellers}, places):
            change.close()
            shutil.rmtree(self.folder / "store")
            return False
        for part in ("texts", "records"):
            incremental.link_tree(now / part, self.folder / part)
        comparisons = incremental.compare_again(step, places)
        others = [incremental.read_record(now, slug) for slug in spellers]
        before_of, now_of = (incremental.Agencies.of([*some.values(), *others]) for some in (old, fresh))
        checks, told = self._inside(known, list(fresh.values()))
        gone = sum(change.remove_comparisons(slug) for slug in step.affected)
        for slug in fresh:
            change.remove_document(slug)
        change.remove_build()
        for record in fresh.values():
            change.add(triples.document_quads(record, known))
        change.add(cascade.changed_quads([places[slug] for slug in fresh], comparisons, checks, told))
        change.relabel(respelled, now_of.labels)
        change.add(_provenance(list(fresh.values()), made))
        change.add(trail.trail_quads(self._trail()))
        change.close()
        incremental.write_heads(self.folder, [fresh.get(slug, head) for slug, head in heads.items()])
        search_index.update(self.folder, now, list(fresh.values()))
        counts = dict(before.counts)
        for sign, some in ((-1, old), (1, fresh)):
            for name, number in _contents(some.values()).items():
                counts[name] += sign * number
        for sign, agencies in ((-1, before_of.known), (1, now_of.known)):
            # Whoever else names an agency that comes or goes is among those that were read.
            for name, number in _agencies([agencies[iri] for iri in respelled if iri in agencies]).items():
                counts[name] += sign * number
        counts["comparisons"] += len(comparisons) - gone
        counts["triples"] += change.added - change.removed
        idle = [one for one in before.idle_corrections if one["document"] not in fresh]
        self._summarize(digest, made, inputs, counts, reused, idle + _idle(list(fresh.values())))
        self.step = step
        return True

    def _summarize(
        self,
        digest: str,
        made: datetime,
        inputs: dict[str, str],
        counts: dict[str, int],
        reused: int,
        idle: list[dict[str, str]],
    ) -> None:
        name = self.folder.name.removesuffix(".part")
        plans = str(self._named.resolve())
        made_at = made.isoformat(timespec="seconds")
        self._write_summary(Summary(name, made_at, digest, inputs, counts, reused, idle, plans))

    def _write_summary(self, summary: Summary) -> None:
        (self.folder / "build.json").write_text(
            json.dumps(summary.__dict__, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )

    def _trail(self) -> list[trail.Entry]:
        return [*trail.read_trail(self.data), *self._entries]

    def _records(self, corpus: Corpus) -> tuple[list[PlanRecord], int]:
        records: list[PlanRecord] = []
        reused = 0
        total = len(corpus.documents) + len(corpus.records)
        corrections = {slug: load_corrections(file) for slug, file in _correction_files(corpus).items()}
        words = _words(corpus)
        for path, entry in corpus.documents:
            self._progress(path.name, len(records), total)
            source = read_source(path)
            record, cached = self._extracted(source, path.stem, entry, corrections.get(path.stem, []), words)
            reused += cached
            (self.folder / "texts" / f"{record.slug}.txt").write_text(source.text, encoding="utf-8")
            records.append(record)
        for path in corpus.records:
            self._progress(path.name, len(records), total)
            record = load_record(path)
            apply_corrections(record, corrections.get(path.stem, []))
            records.append(link(record))
        _tell_families(records, KnownDocuments.of(records, corpus.stubs))
        for record in records:
            (self.folder / "records" / f"{record.slug}.json").write_text(record.to_json(), encoding="utf-8")
        self._progress("", total, total)
        return records, reused

    def _extracted(
        self,
        source: Source,
        slug: str,
        entry: DocumentEntry,
        corrections: Sequence[Correction],
        words: str,
    ) -> tuple[PlanRecord, bool]:
        """The record of a document, from the cache where the same text and tables were read by the same code before."""
        key = hashlib.sha256(
            "\0".join(
                [code_hash(), words, slug, entry.model_dump_json(), repr(source), repr(corrections)]
            ).encode()
        ).hexdigest()
        cache = self.data / "cache" / f"{key}.json"
        if cache.is_file() and not self._fresh:
            # A cache entry that was cut short is read again, not believed.
            with suppress(ValidationError, UnicodeDecodeError):
                return PlanRecord.model_validate_json(cache.read_text(encoding="utf-8")), True
        record = read_plan(source, slug, entry.code, corrections)
        record.plan.status = entry.status or record.plan.status
        record.plan.family = entry.family or record.plan.family
        record.plan.document_number = entry.number or record.plan.document_number
        record.plan.issued = entry.issued or record.plan.issued
        record.source = entry.origin
        record.revision_of = entry.revises
        if record.plan.jurisdiction.code is None:
            maybe = divisions.candidates_of_title(record.plan.title)
            listed = ", ".join(
                f"{'·'.join(d.name for d in divisions.line(o.code)[-2::-1])} {o.code}" for o in maybe
            )
            raise BadInput(
                f"{slug}: cannot tell which place the plan {record.plan.title!r} is for; "
                "give its six-digit code in catalog.yaml" + (f" ({listed})" if listed else "")
            )
        cache.parent.mkdir(exist_ok=True)
        part = cache.with_suffix(".part")
        part.write_text(record.to_json(), encoding="utf-8")
        part.replace(cache)
        return record, False

    def _cascade(self, places: list[Place]) -> tuple[list[Comparison], Lineage]:
        lineage = Lineage()
        for place in places:
            lineage.add(place)
        found = cascade.comparisons(
            places, lineage, lambda done, total: self._progress("comparing levels", done, total)
        )
        return found, lineage

    def _inside(
        self, known: KnownDocuments, records: list[PlanRecord]
    ) -> tuple[dict[str, list[Check]], dict[str, dict[int, tuple[str, ...]]]]:
        """What does not agree inside each plan, and the agencies that unassigned tasks name, by slug."""
        checks: dict[str, list[Check]] = {}
        told: dict[str, dict[int, tuple[str, ...]]] = {}
        for record in records:
            file = self.folder / "texts" / f"{record.slug}.txt"
            text = file.read_bytes().decode("utf-8") if file.exists() else None
            checks[record.slug] = inside.checks(record, text, known)
            told[record.slug] = inside.agencies_in_text(record, text)
        return checks, told


def _remove_unused(folder: Path) -> None:
    """Remove a build, unless a process reads it: whoever does holds a shared lock on its build.json."""
    with suppress(OSError), (folder / "build.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Under the other name it is no build any more, should this be cut off in the middle.
        doomed = folder.with_name(f"{folder.name}.part")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def read_plan(
    source: Source, slug: str, code: str | None, corrections: Sequence[Correction] = ()
) -> PlanRecord:
    """Extract, correct and link a document; what its reader had to tell stands among the record's problems."""
    record = extract(source.text, slug, code, grids=source.grids)
    apply_corrections(record, corrections, source.text)
    link(record)
    record.problems += [
        Problem(path="", text=note, reason=f"reading the {source.form} file") for note in source.notes
    ]
    return record


def read_summary(folder: Path) -> Summary:
    """The summary of a build. Raises StoreError where it is missing or broken."""
    try:
        data: dict[str, Any] = json.loads((folder / "build.json").read_text(encoding="utf-8"))
        return Summary(**data)
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{folder}: the build is damaged ({error}); run 'zhengmai build' again") from error


def _tell_families(records: Iterable[PlanRecord], known: KnownDocuments) -> None:
    """A document of no known family is compared with nothing: its problems say so, and what it may belong to."""
    for record in records:
        if record.plan.family is None:
            keys = ", ".join(one.key for one in known.families(record)) or "none"
            reason = f"no policy family known; candidates: {keys}; name one in catalog.yaml"
            record.problems.append(Problem(path="", text=record.plan.title, reason=reason))


def _place(record: PlanRecord) -> Place:
    return Place(record.slug, record.plan.jurisdiction.code or "", record.plan.family or record.slug, record)


def _digest(inputs: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps([inputs, code_hash()], sort_keys=True).encode()).hexdigest()


def input_files(corpus: Corpus) -> list[Path]:
    """All files that a build of a folder of plans rests on."""
    paths = [path for path, _ in corpus.documents] + list(corpus.records)
    paths += [path for path in [corpus.folder / "catalog.yaml"] if path.exists()]
    paths += [path for path in [corpus.folder / "waivers.yaml"] if path.exists()]
    paths += _correction_files(corpus).values()
    return [*paths, *corpus.vocabulary_files, *corpus.graph_files]


def inputs_of(corpus: Corpus) -> dict[str, str]:
    """The same files by their names in the folder, each with its SHA-256."""
    return {
        str(path.relative_to(corpus.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in input_files(corpus)
    }


def _words(corpus: Corpus) -> str:
    """What the corpus adds to the vocabularies, as a part of the key under which its records are kept."""
    return "\0".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in corpus.vocabulary_files)


def _correction_files(corpus: Corpus) -> dict[str, Path]:
    return correction_files(
        corpus.folder, [p.stem for p, _ in corpus.documents] + [p.stem for p in corpus.records]
    )


def _idle(records: list[PlanRecord]) -> list[dict[str, str]]:
    return [
        {"document": record.slug, "path": problem.path, "text": problem.text, "reason": problem.reason}
        for record in records
        for problem in record.problems
        if problem.reason.startswith("correction_")
    ]


def _counts(
    corpus: Corpus, records: list[PlanRecord], comparisons: list[Comparison], total: int
) -> dict[str, int]:
    return {
        "documents": len(corpus.documents),
        "records": len(corpus.records),
        "stubs": len(corpus.stubs),
        **_contents(records),
        **_agencies(agency_labels.known(records).values()),
        "comparisons": len(comparisons),
        "triples": total,
    }


def _contents(records: Collection[PlanRecord]) -> dict[str, int]:
    return {
        "actions": sum(len(record.actions) for record in records),
        "assignments": sum(len(action.assignments) for record in records for action in record.actions),
        "actions_with_domain": sum(bool(action.domains) for record in records for action in record.actions),
        "actions_without_domain": sum(not action.domains for record in records for action in record.actions),
        "targets": sum(len(record.targets) for record in records),
        "targets_linked": sum(bool(target.concept) for record in records for target in record.targets),
        "targets_unlinked": sum(not target.concept for record in records for target in record.targets),
    }


def _agencies(agencies: Collection[AgencyIdentity]) -> dict[str, int]:
    return {
        "agencies": len(agencies),
        "agencies_collective": sum(agency.collective for agency in agencies),
        "agencies_unresolved": sum(not agency.resolved for agency in agencies),
    }


def _all_quads(
    corpus: Corpus,
    records: list[PlanRecord],
    known: KnownDocuments,
    places: list[Place],
    comparisons: list[Comparison],
    lineage: Lineage,
    checks: dict[str, list[Check]],
    told: dict[str, dict[int, tuple[str, ...]]],
    made: datetime,
    changes: Sequence[trail.Entry],
) -> Iterator[tuple[str | None, bool, Iterable[ox.Quad]]]:
    """The quads of a build: the slug of the document that a part is about, if any; whether it was inferred; the quads."""
    for record in records:
        yield record.slug, False, triples.document_quads(record, known)
    for stub in corpus.stubs:
        yield stub.slug, False, triples.stub_quads(stub)
    for slug, part in cascade.inferred_quads(places, comparisons, lineage, checks, told):
        yield slug, True, part
    yield None, False, triples.division_quads()
    for scheme in SCHEMES:
        yield None, False, _turtle_quads(turtle(scheme), terms.GRAPH_REFERENCE)
    for path in corpus.vocabulary_files:
        yield None, False, _turtle_quads(path.read_bytes(), terms.GRAPH_REFERENCE)
    yield None, False, _turtle_quads(turtle(), terms.GRAPH_ONTOLOGY)
    yield None, True, _turtle_quads(read_inferred(), terms.GRAPH_INFERRED)
    yield None, False, _turtle_quads(catalog_turtle(), terms.GRAPH_PROVENANCE)
    yield None, False, _provenance(records, made)
    yield None, False, trail.trail_quads(changes)


def _turtle_quads(source: bytes, graph: URIRef) -> Iterator[ox.Quad]:
    name = ox.NamedNode(graph)
    for quad in ox.parse(source, format=ox.RdfFormat.TURTLE):
        yield ox.Quad(quad.subject, quad.predicate, quad.object, name)


def _provenance(records: list[PlanRecord], made: datetime) -> QuadWriter:
    out = QuadWriter(terms.GRAPH_PROVENANCE)
    activity = URIRef(f"{terms.ID}build/{made:%Y%m%dT%H%M%S}")
    out.add(activity, RDF.type, PROV.Activity)
    stamp = ox.Literal(made.isoformat(timespec="seconds"), datatype=ox.NamedNode(XSD.dateTime))
    out.add(activity, PROV.startedAtTime, stamp)
    out.add(activity, DCTERMS.identifier, code_hash()[:12])
    out.add(terms.DATASET, PROV.wasGeneratedBy, activity)
    for record in records:
        out.add(terms.document_iri(record.slug), PROV.wasGeneratedBy, activity)
        out.add(terms.document_iri(record.slug), ZM.textHash, record.text_hash)
    return out


@cache
def code_hash() -> str:
    """SHA-256 over the code and vocabularies that decide what a build holds: a new version reads everything again."""
    digest = hashlib.sha256()
    for package in ("ontology", "graph", "shapes"):
        for name, data in sorted(_sources(files(package), package)):
            digest.update(name.encode())
            digest.update(data)
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            yield from _sources(item, f"{prefix}/{item.name}")
        elif item.name.endswith((".py", ".ttl", ".toml", ".html")):
            yield f"{prefix}/{item.name}", item.read_bytes()
