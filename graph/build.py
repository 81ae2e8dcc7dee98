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

from graph import (
    cascade,
    incremental,
    inside,
    journal,
    making,
    search_index,
    stages,
    stores,
    trail,
    triples,
    user_graphs,
)
from graph.agency_identity import AgencyIdentity
from graph.cascade import Lineage
from graph.catalog import Corpus, read_corpus
from graph.corrections import correction_files, load_corrections
from graph.errors import StoreError
from graph.known_documents import KnownDocuments
from graph.making import READ_TOGETHER, Desk, ToRead, Written, read_cached, read_together, write_part
from graph.reading import read_source
from graph.record import PlanRecord
from graph.search_index import Rows
from graph.stages import Gathering, place_of
from graph.stages import read_plan as read_plan  # others know it from here
from graph.stores import PARTS
from graph.workers import Workers, processes_for
from ontology import terms
from ontology.extension import FOLDER
from ontology.vocabulary import using

KEPT_BUILDS = 3
PLANS_A_PROCESS = 50
"""Below so many plans a process of its own takes longer to start than it saves."""
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
    and the name under which the folder is to be noted. ``processes`` is how many read and write at a time; None for as
    many as there are processors, one where there is little to do.
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
        processes: int | None = None,
    ) -> None:
        self.plans = plans
        self._given_lock = lock
        self._entries = entries
        self._named = named or plans
        self._processes = processes
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
            corpus = self._corpus()
            count = self._processes or processes_for(len(corpus.documents), PLANS_A_PROCESS)
            with using(corpus.vocabularies), Workers(count, corpus.vocabulary_files) as self._workers:
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
        shutil.rmtree(self.folder / PARTS, ignore_errors=True)
        # After the plans were judged: no finding rests on what people put in.
        if more := user_graphs.load(self.folder / "store", self._user_graphs):
            summary = read_summary(self.folder)
            summary.counts["triples"] += more
            self._write_summary(summary)
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

    def _corpus(self) -> Corpus:
        """What is to be read."""
        return read_corpus(self.plans)

    # -- the steps ---------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if self.folder.suffix == ".part":
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def _run(self, corpus: Corpus) -> None:
        inputs = inputs_of(corpus)
        digest = digest_of(inputs)
        now = current_build(self.data)
        if now and not self._fresh and read_summary(now).inputs_hash == digest:
            self.folder, self.unchanged = now, True
            return
        made = datetime.now(UTC)
        self._open(corpus, made, digest)
        if self._update(corpus, inputs, digest, made, now):
            return
        gathered, kept, reused = self._read(corpus)
        comparisons, parts = self._write(corpus, gathered, kept)
        common = self.folder / PARTS / "common.nq"
        with common.open("wb") as out:
            vocabularies = [path.read_bytes() for path in corpus.vocabulary_files]
            for chunk in stages.common_parts(gathered, vocabularies, made, code_hash(), self._trail()):
                out.write(chunk)
        total = stores.create(self.folder / "store", [*parts, common])
        common.unlink()
        counts = {
            "documents": len(corpus.documents),
            "records": len(corpus.records),
            "stubs": len(corpus.stubs),
            **gathered.counts,
            **gathered.labels.counts(),
            "comparisons": comparisons,
            "triples": total,
        }
        self._summarize(digest, made, inputs, counts, reused, gathered.idle)

    def _open(self, corpus: Corpus, made: datetime, digest: str) -> None:
        """Make the folder of the build, empty but for the words that it is made with."""
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

    def _read(self, corpus: Corpus) -> tuple[Gathering, dict[str, Path], int]:
        """Stage 1: what all need of each document, where their records are kept, and how many were in the cache."""
        gathered, kept, reused = Gathering(), dict[str, Path](), 0
        corrections = _correction_files(corpus)
        documents = [ToRead(path, entry, corrections.get(path.stem)) for path, entry in corpus.documents]
        documents += [ToRead(path, None, corrections.get(path.stem)) for path in corpus.records]
        desk = self._desk(corpus)
        batches = [
            documents[start : start + READ_TOGETHER] for start in range(0, len(documents), READ_TOGETHER)
        ]
        self._progress(documents[0].path.name, 0, len(documents))
        with (self.folder / incremental.HEADS).open("w", encoding="utf-8") as heads:
            for found in self._workers.map(read_together, [(desk, batch) for batch in batches]):
                for one in found:
                    head = one.contribution.head
                    gathered.add(one.contribution)
                    kept[head.slug] = one.kept
                    reused += one.reused
                    heads.write(head.model_dump_json(exclude_defaults=True) + "\n")
                done = len(kept)
                name = documents[done].path.name if done < len(documents) else ""
                self._progress(name, done, len(documents))
        return gathered, kept, reused

    def _desk(self, corpus: Corpus) -> Desk:
        cache = self.data / "cache"
        cache.mkdir(exist_ok=True)
        return Desk(self.folder, cache, "\0".join([code_hash(), _words(corpus)]), self._fresh)

    def _write(self, corpus: Corpus, gathered: Gathering, kept: dict[str, Path]) -> tuple[int, list[Path]]:
        """Stage 2: the index for search, and the quads of all documents; the number of comparisons, and the files."""
        shared = gathered.shared(corpus.stubs)
        making.share(self.folder, shared, {slug: kept[slug] for slug in shared.uppers()})
        folder = self.folder / PARTS
        folder.mkdir()
        parts = making.parts_of(folder, kept.values(), corpus.stubs)
        written: list[Written] = []

        def rows() -> Iterator[Rows]:
            done, total = 0, len(kept) + len(corpus.stubs)
            self._progress("comparing levels", done, total)
            for one in self._workers.map(write_part, [(self.folder, part) for part in parts]):
                yield from one.rows
                one.rows.clear()
                written.append(one)
                done += len(one.slugs)
                self._progress("comparing levels", done, total)

        search_index.write(self.folder, rows())
        (self.folder / making.SHARED).unlink()
        stores.write_parts(folder, {one.file.name: one.slugs for one in written})
        return sum(one.comparisons for one in written), [one.file for one in written]

    def _update(
        self, corpus: Corpus, inputs: dict[str, str], digest: str, made: datetime, now: Path | None
    ) -> bool:
        """Make the build out of the one before, where only the texts of a few documents changed; whether it was done."""
        before = read_summary(now) if now and not self._fresh else None
        if now is None or before is None or before.inputs_hash != digest_of(before.inputs):
            return False
        files = {path.name: path.stem for path, _ in corpus.documents}
        step = incremental.find_step(now, before.inputs, inputs, files)
        if step is None:
            return False
        heads = incremental.read_heads(now)
        known = KnownDocuments.of(heads.values(), corpus.stubs)
        fresh: dict[str, PlanRecord] = {}
        reused = len(corpus.documents) - len(step.changed)
        desk = self._desk(corpus)
        for path, entry in corpus.documents:
            if path.stem not in step.changed:
                continue
            self._progress(path.name, len(fresh), len(step.changed))
            source = read_source(path)
            file = _correction_files(corpus).get(path.stem)
            corrections = load_corrections(file) if file else []
            record, _, cached = read_cached(desk, source, path.stem, entry, corrections)
            reused += cached
            if not incremental.same_identity(record, heads[path.stem]):
                return False
            fresh[path.stem] = record
            (self.folder / "texts" / f"{path.stem}.txt").write_text(source.text, encoding="utf-8")
        for slug, record in fresh.items():
            stages.settle(record, known)
            (self.folder / "records" / f"{slug}.json").write_text(record.to_json(), encoding="utf-8")
        old = {slug: incremental.read_record(now, slug) for slug in fresh}
        places = {slug: place_of(fresh.get(slug, head)) for slug, head in heads.items()}
        for stub in corpus.stubs:
            places[stub.slug] = stages.stub_place(stub)
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
        texts = {slug: making.read_text(self.folder, slug) for slug in fresh}
        checks = {slug: inside.checks(record, texts[slug], known) for slug, record in fresh.items()}
        told = {slug: inside.agencies_in_text(record, texts[slug]) for slug, record in fresh.items()}
        gone = sum(change.remove_comparisons(slug) for slug in step.affected)
        for slug in fresh:
            change.remove_document(slug)
        change.remove_build()
        for record in fresh.values():
            change.add(triples.document_quads(record, known))
        change.add(cascade.changed_quads([places[slug] for slug in fresh], comparisons, checks, told))
        change.relabel(respelled, now_of.labels)
        change.add(stages.provenance_quads(fresh.values(), made, code_hash()))
        change.add(trail.trail_quads(self._trail()))
        change.close()
        incremental.write_heads(self.folder, [fresh.get(slug, head) for slug, head in heads.items()])
        rows = [search_index.rows_of(record, texts[slug]) for slug, record in fresh.items()]
        search_index.update(self.folder, now, rows)
        counts = dict(before.counts)
        for sign, some in ((-1, old), (1, fresh)):
            for record in some.values():
                for name, number in stages.contents(record).items():
                    counts[name] += sign * number
        for sign, agencies in ((-1, before_of.known), (1, now_of.known)):
            # Whoever else names an agency that comes or goes is among those that were read.
            for name, number in _agencies([agencies[iri] for iri in respelled if iri in agencies]).items():
                counts[name] += sign * number
        counts["comparisons"] += len(comparisons) - gone
        counts["triples"] += change.added - change.removed
        idle = [one for one in before.idle_corrections if one["document"] not in fresh]
        for record in fresh.values():
            idle += stages.idle_corrections(record)
        self._summarize(digest, made, inputs, counts, reused, idle)
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


def _remove_unused(folder: Path) -> None:
    """Remove a build, unless a process reads it: whoever does holds a shared lock on its build.json."""
    with suppress(OSError), (folder / "build.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Under the other name it is no build any more, should this be cut off in the middle.
        doomed = folder.with_name(f"{folder.name}.part")
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def read_summary(folder: Path) -> Summary:
    """The summary of a build. Raises StoreError where it is missing or broken."""
    try:
        data: dict[str, Any] = json.loads((folder / "build.json").read_text(encoding="utf-8"))
        return Summary(**data)
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{folder}: the build is damaged ({error}); run 'zhengmai build' again") from error


def digest_of(inputs: dict[str, str]) -> str:
    """The hash that a build goes by: of its inputs, file → SHA-256, and of the code that reads them."""
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


def _agencies(agencies: Collection[AgencyIdentity]) -> dict[str, int]:
    return {
        "agencies": len(agencies),
        "agencies_collective": sum(agency.collective for agency in agencies),
        "agencies_unresolved": sum(not agency.resolved for agency in agencies),
    }


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
