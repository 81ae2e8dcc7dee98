"""A build: every document of a folder to records, quads, cascade and store, put in place in one step.

    with BuildJob(plans, data) as job:      # reads, extracts, links, writes the quads, loads a new store
        …judge what is in job.folder…       # findings are written beside the store by whoever calls
        job.publish()                       # the link `current` now names this build; before, nothing had changed

A build that fails leaves the published one untouched. Records are cached by content: only what changed is read again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from graph import (
    ahead,
    disk,
    incremental,
    journal,
    kept_heads,
    making,
    publishing,
    sealing,
    stages,
    stores,
    trail,
    user_graphs,
)
from graph.catalog import Corpus, read_corpus
from graph.corrections import correction_files
from graph.errors import StoreError
from graph.hashes import Hashes
from graph.making import (
    READ_TOGETHER,
    Desk,
    ToRead,
    Written,
    read_together,
    write_part,
    write_search,
)
from graph.small_change import Before, SmallChange
from graph.stages import Gathering
from graph.stages import read_plan as read_plan  # others know it from here
from graph.stores import PARTS, Ordering
from graph.words import both
from graph.workers import Workers, processes_for, uncollected
from ontology.extension import FOLDER
from ontology.vocabulary import using

KEPT_BUILDS = publishing.KEPT_BUILDS
HASHES = "hashes.json"
PLANS_A_PROCESS = 50
"""Below so many plans a process of its own takes longer to start than it saves."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done (a file's name or a step), how many are done, and how many there are."""


@dataclass(frozen=True)
class Summary:
    """What a build holds, for people: ``counts`` by kind of thing, ``inputs`` file → SHA-256.

    ``idle_corrections`` are those that found nothing to correct: document, path, text, reason (see graph.corrections).
    ``plans`` is the folder that was read, ``code`` what read it (`code_hash`).
    """

    build: str
    made: str
    inputs_hash: str
    inputs: dict[str, str]
    counts: dict[str, int]
    reused: int
    idle_corrections: list[dict[str, str]] = field(default_factory=list)
    plans: str = ""
    code: str = ""

    @property
    def of_this_code(self) -> bool:
        """Whether the code that runs here would read the same out of the same files."""
        return self.code == code_hash()


def current_build(data: Path) -> Path | None:
    """The folder of the published build, or None where nothing was built yet. Raises StoreError where it is gone."""
    link_path = data / "current"
    if link_path.is_symlink() and not link_path.is_dir():
        en, zh = both("damage", "link", path=link_path)
        raise StoreError(en, zh=zh)
    return link_path.resolve() if link_path.is_dir() else None


def open_current(data: Path) -> Path:
    """The folder of the published build. Raises StoreError, saying what to do, where there is none."""
    folder = current_build(data)
    if folder is None:
        en, zh = both("damage", "nothing-built", data=data)
        raise StoreError(en, zh=zh)
    return folder


def _sound(data: Path) -> tuple[Path, Summary] | None:
    """The published build, if it can be built upon, and its summary."""
    now = publishing.published(data)
    try:
        return None if now is None else (now, read_summary(now))
    except StoreError:
        return None


class BuildJob:
    """One build in progress.

    ``unchanged`` is true where the published build was made from the same inputs. ``step`` is given where little
    changed: only its ``affected`` plans need be judged again, what is found of all others stands in ``step.before``.

    A change of the folder of plans (`graph.corpus_changes`) brings the ``lock`` that it holds, its line of the ``trail``,
    the name under which the folder is to be noted, and what was ``read`` of it already: the corpus and its inputs.
    ``processes`` is how many read and write at a time; None for as many as there are processors, one where there is little
    to do.
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
        kept: int = KEPT_BUILDS,
        read: tuple[Corpus, dict[str, str]] | None = None,
    ) -> None:
        self.plans = plans
        self._given = read
        self._kept = kept
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
        self._ordering: Ordering | None = None
        self.folder = Path()
        self._before: Path | None = None

    def __enter__(self) -> BuildJob:
        if self._given_lock is None:
            self._lock = journal.take_lock(self.data)
        try:
            if self._lock is not None:
                journal.recover(self.data)
            corpus = self._given[0] if self._given else self._corpus()
            count = self._processes or processes_for(len(corpus.documents), PLANS_A_PROCESS)
            with (
                disk.told(self.data),
                using(corpus.vocabularies),
                Workers(count, corpus.vocabulary_files) as self._workers,
            ):
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
        """Make this build the current one, in one step, and drop the oldest beyond those that are kept."""
        with disk.told(self.data):
            shutil.rmtree(self.folder / PARTS, ignore_errors=True)
            if self._ordering is not None:
                self._ordering.take()
            if self._user_graphs:
                # A store of their own: a question must not be answered by what anybody put in.
                apart = self.folder / user_graphs.STORE
                stores.linked_copy(self.folder / "store", apart)
                user_graphs.load(apart, self._user_graphs)
            taken = ahead.taken(self.step.changed) if self.step else None
            sealing.seal(self.folder, self._before, taken)
            final = self.folder.with_name(self.folder.name.removesuffix(".part"))
            self.folder.rename(final)
            self.folder = final
            publishing.switch(self.data, final.name)
        publishing.remove_old(self.data, self._kept, final, self._before)

    def _corpus(self) -> Corpus:
        """What is to be read."""
        return read_corpus(self.plans, None if self._fresh else self.data / "cache")

    def _inputs(self, corpus: Corpus) -> dict[str, str]:
        hashes = Hashes(None if self._fresh else self.data / HASHES)
        inputs = inputs_of(corpus, hashes)
        hashes.keep()
        return inputs

    # -- the steps ---------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if self._ordering is not None:
            self._ordering.wait()
        if self.folder.suffix == ".part":
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def _run(self, corpus: Corpus) -> None:
        inputs = self._given[1] if self._given else self._inputs(corpus)
        digest = digest_of(inputs)
        sound = _sound(self.data)
        # Who holds the lock alone publishes: it stays what is published until this build is
        self._before = sound and sound[0]
        now = None if self._fresh else sound
        if now and now[1].inputs_hash == digest:
            if sealing.is_whole(now[0]):
                self.folder, self.unchanged = now[0], True
                return
            now = None  # whoever builds without having changed anything wants it whole: no file of it is taken over
        made = datetime.now(UTC)
        self._open(corpus, made, digest)
        with uncollected():
            updated = now is not None and self._update(corpus, inputs, digest, made, *now)
        if updated:
            return
        gathered, kept, reused = self._read(corpus)
        comparisons, total = self._write(corpus, gathered, kept, made)
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
        name = publishing.new_name(self.data, made, digest)
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
        with (self.folder / kept_heads.FILE).open("w", encoding="utf-8") as heads:
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

    def _write(
        self, corpus: Corpus, gathered: Gathering, kept: dict[str, Path], made: datetime
    ) -> tuple[int, int]:
        """Stage 2: the quads of all documents, the store, the index for search; how many comparisons and quads."""
        shared = gathered.shared(corpus.stubs)
        making.share(self.folder, shared, {slug: kept[slug] for slug in shared.uppers()})
        del shared
        folder = self.folder / PARTS
        folder.mkdir()
        parts = making.parts_of(folder, kept.values(), corpus.stubs, self._workers.processes)
        written: list[Written] = []
        indexed: list[Future[None]] = []

        def files() -> Iterator[Path]:
            common = folder / "common.nq"
            vocabularies = [path.read_bytes() for path in corpus.vocabulary_files]
            with common.open("wb") as out:
                for chunk in stages.common_parts(gathered, vocabularies, made, code_hash(), self._trail()):
                    out.write(chunk)
            yield common
            common.unlink()
            done, total = 0, len(kept) + len(corpus.stubs)
            self._progress("comparing levels", done, total)
            for one in self._workers.map(write_part, [(self.folder, part) for part in parts], ahead=None):
                written.append(one)
                done += len(one.slugs)
                self._progress("comparing levels", done, total)
                yield one.file
            rows = [one.rows for one in written]
            indexed.append(self._workers.submit(write_search, (self.folder, rows)))

        # What is written is loaded while the next is being written, and indexed while the last is being loaded.
        loaded = stores.create(self.folder / "store", files(), ordered=False)
        self._ordering = Ordering(self.folder / "store")
        indexed[0].result()
        making.forget(self.folder)
        stores.write_parts(folder, {one.file.name: one.slugs for one in written})
        return sum(one.comparisons for one in written), loaded

    def _update(
        self,
        corpus: Corpus,
        inputs: dict[str, str],
        digest: str,
        made: datetime,
        now: Path,
        before: Summary,
    ) -> bool:
        """Make the build out of the one before, where only the texts of a few documents changed; whether it was done."""
        if not before.of_this_code:
            return False
        files = {entry.file: entry.slug for _, entry in corpus.documents}
        step = incremental.find_step(now, before.inputs, inputs, files)
        # What is taken over and written anew would get new checksums, damaged or not.
        if step is None or not sealing.is_whole(now, [kept_heads.FILE], anew=False):
            return False
        change = SmallChange(
            self.folder,
            corpus,
            _correction_files(corpus),
            self._desk(corpus),
            made,
            code_hash(),
            self._trail(),
            self._progress,
        )
        after = change.make(step, Before(before.counts, before.idle_corrections))
        if after is None:
            return False
        self._summarize(digest, made, inputs, after.counts, after.reused, after.idle)
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
        self._write_summary(Summary(name, made_at, digest, inputs, counts, reused, idle, plans, code_hash()))

    def _write_summary(self, summary: Summary) -> None:
        (self.folder / "build.json").write_text(
            # One line a file; with an indent json is written in Python, which takes ten times as long.
            json.dumps(summary.__dict__, ensure_ascii=False, separators=(",\n", ": ")) + "\n",
            encoding="utf-8",
        )

    def _trail(self) -> list[trail.Entry]:
        return [*trail.read_trail(self.data), *self._entries]


def read_summary(folder: Path) -> Summary:
    """The summary of a build. Raises StoreError where it is missing or broken."""
    try:
        data: dict[str, Any] = json.loads(sealing.read_bytes(folder, "build.json"))
        # A later version may tell more
        return Summary(**{name: data[name] for name in Summary.__dataclass_fields__ if name in data})
    except (OSError, ValueError, TypeError) as error:
        raise sealing.unreadable(folder / "build.json", error) from error


def digest_of(inputs: dict[str, str]) -> str:
    """What the inputs and the code that reads them come to: two builds of the same hold the same."""
    return hashlib.sha256(json.dumps([inputs, code_hash()], sort_keys=True).encode()).hexdigest()


def input_files(corpus: Corpus) -> list[Path]:
    """All files that a build of a folder of plans rests on."""
    paths = [path for path, _ in corpus.documents] + list(corpus.records)
    paths += [path for path in [corpus.folder / "catalog.yaml"] if path.exists()]
    paths += [path for path in [corpus.folder / "waivers.yaml"] if path.exists()]
    paths += _correction_files(corpus).values()
    return [*paths, *corpus.vocabulary_files, *corpus.graph_files]


def inputs_of(
    corpus: Corpus, hashes: Hashes | None = None, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The same files by their names in the folder, each with its SHA-256.

    ``hashes`` knows those that did not change; those of ``known``, by name, are not even looked at.
    """
    found, told, start = hashes or Hashes(), known or {}, len(str(corpus.folder / "x")) - 1
    named = ((str(path)[start:], path) for path in input_files(corpus))
    return {name: told.get(name) or found.of(path) for name, path in named}


def _words(corpus: Corpus) -> str:
    """What the corpus adds to the vocabularies, as a part of the key under which its records are kept."""
    return "\0".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in corpus.vocabulary_files)


def _correction_files(corpus: Corpus) -> dict[str, Path]:
    return correction_files(
        corpus.folder,
        chain((entry.slug for _, entry in corpus.documents), (path.stem for path in corpus.records)),
    )


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
