"""Adding, replacing and removing in a folder of plans, each with the build of it as one step and a line in the audit trail.

    with Corpus(data, folder) as corpus:
        result = corpus.change(PutPlan("420115-jiangxia-2024", data, "江夏.docx", {"code": "420115"}), "office", judge)

The folder is that of the service: where it does not stand yet, it begins as a copy of what the published build was made
of (`graph.seeding`). How a change and its build become one step: `graph.journal`. One writer at a time, over all processes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, TextIO

import pyoxigraph as ox
import yaml

from graph import disk, journal, kept_heads, seeding, staging, user_graphs
from graph.build import (
    HASHES,
    KEPT_BUILDS,
    BuildJob,
    Progress,
    code_hash,
    inputs_of,
    open_current,
    read_summary,
)
from graph.catalog import SUFFIXES, DocumentEntry, read_corpus
from graph.catalog import Corpus as ReadCorpus
from graph.errors import BadInput, NotFound, StoreError
from graph.hashes import Hashes
from graph.trail import Entry, Kind
from graph.workers import uncollected

Judge = Callable[[BuildJob], None]
CATALOG: Final = "catalog.yaml"
SLUG: Final = re.compile(r"[0-9A-Za-z\u3400-\u9fff][0-9A-Za-z\u3400-\u9fff_-]{0,99}")
FIELDS: Final = tuple(name for name in DocumentEntry.model_fields if name != "file")
"""What the catalogue can say of a document."""
_SUFFIX: Final = {"docx": ".docx", "pdf": ".pdf", "html": ".html"}


class Change(Protocol):
    """Something to do to a folder of plans."""

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Do it to a copy of the folder; returns what the trail is to say: kind, document, sha256 …"""
        ...


@dataclass(frozen=True)
class Result:
    """What a change came to: the published build; ``entry`` is None where nothing was changed by it."""

    build: Path
    entry: Entry | None


class Corpus:
    """The folder of plans that the service writes to, held by one writer."""

    def __init__(self, data: Path, folder: Path, *, wait: float = 0.0, kept: int = KEPT_BUILDS) -> None:
        self.data = data
        self._cache = data / "cache"
        self._kept = kept
        self.folder = folder
        self._wait = wait
        self._lock: TextIO | None = None

    def __enter__(self) -> Corpus:
        lock = journal.take_lock(self.data, self._wait)
        try:
            journal.recover(self.data)
        except BaseException:
            lock.close()
            raise
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def change(
        self,
        change: Change,
        agent: str,
        judge: Judge,
        progress: Progress | None = None,
        *,
        name: str | None = None,
    ) -> Result:
        """Do a change, build, and publish both. Raises ZhengmaiError; then all is as it was.

        ``name`` is the identifier for the trail, of letters, digits and hyphens; by default the time and some digits.
        """
        with disk.told(self.data):
            return self._change(change, agent, judge, progress, name)

    def _change(
        self, change: Change, agent: str, judge: Judge, progress: Progress | None, name: str | None
    ) -> Result:
        now = datetime.now(UTC)
        name = name or f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(4)}"
        place = self.data / journal.FOLDER / name
        stage = place / journal.STAGE
        first = not self.folder.is_dir()
        try:
            with uncollected():
                source, held, before = self._source()
                staging.prepare(stage, self.data, source, before)
                told = dict(change.apply(stage))
                corpus, after = _read_again(stage, self._cache, held, before)
            entry = Entry(id=name, agent=agent, time=now.isoformat(timespec="seconds"), **told)
            put = [file for file, digest in after.items() if before.get(file) != digest]
            remove = [file for file in before if file not in after]
            # A folder that was edited by hand may hold it already: then what is published does not.
            if not put and not remove and read_summary(open_current(self.data)).inputs == after:
                return Result(open_current(self.data), None)
            with BuildJob(
                stage,
                self.data,
                progress=progress,
                lock=self._lock,
                entries=[entry],
                named=self.folder,
                kept=self._kept,
                read=(corpus, after),
            ) as job:
                if not job.unchanged:
                    _judge(job, judge, progress)
                build = job.folder.name.removesuffix(".part")
                intent = journal.Intent(
                    build=build,
                    corpus=self.folder.resolve(),
                    put=put,
                    remove=remove,
                    entry=entry,
                    seed=first,
                )
                journal.write_intent(place, intent)
                if not job.unchanged:
                    if progress:
                        progress("publishing", 0, 1)
                    job.publish()
                # From here on the change holds: what a crash leaves undone is done at the next start.
                journal.finish(self.data, place, intent, links=True)
                return Result(job.folder, entry)
        finally:
            if not (place / journal.INTENT).exists():
                staging.keep(stage, self.data)
                if first:
                    with suppress(OSError):
                        seeding.give_room(self.data)
                shutil.rmtree(place, ignore_errors=True)

    def rebuild(self, judge: Judge, progress: Progress | None = None) -> Result:
        """Build the folder as it stands. Raises ZhengmaiError; then the published build stays."""
        folder = self.folder
        if not folder.is_dir():
            folder = _origin(self.data, Hashes(self.data / HASHES))[0].folder
        with BuildJob(folder, self.data, progress=progress, lock=self._lock, kept=self._kept) as job:
            if not job.unchanged:
                with disk.told(self.data):
                    _judge(job, judge, progress)
                job.publish()
            return Result(job.folder, None)

    def _source(self) -> tuple[Path, ReadCorpus, dict[str, str]]:
        """The folder to change, what it holds, and its files with their hashes.

        Before the first change it is a copy, which becomes the folder of plans when the change holds.
        """
        hashes = Hashes(self.data / HASHES)
        if self.folder.is_dir():
            source = self.folder.resolve()
            corpus = read_corpus(source, self._cache)
            inputs = inputs_of(corpus, hashes)
        else:
            origin, inputs = _origin(self.data, hashes)
            copied = seeding.make(self.data, origin.folder, inputs, hashes)
            if copied is None:
                raise _changed_since(origin.folder)  # while it was copied
            source, corpus = copied, read_corpus(copied, self._cache)
        hashes.keep()
        return source, corpus, inputs


def _origin(data: Path, hashes: Hashes) -> tuple[ReadCorpus, dict[str, str]]:
    """The plans that the published build was made of, and its files with their hashes. Raises StoreError if they are not as they were."""
    summary = read_summary(open_current(data))
    folder = Path(summary.plans)
    if not summary.plans or not folder.is_dir():
        raise StoreError(
            f"{data}: it is not known any more of which plans this was built; run 'zhengmai build' again"
        )
    corpus = read_corpus(folder, data / "cache")
    inputs = inputs_of(corpus, hashes)
    if inputs != summary.inputs:
        raise _changed_since(folder)
    return corpus, inputs


def _changed_since(folder: Path) -> StoreError:
    return StoreError(f"{folder}: has changed since it was built; run 'zhengmai build' again first")


def make_ready(data: Path, folder: Path) -> Path:
    """Read what every change has to know of a folder of plans and of its build: of 10,000 plans that takes seconds, and is kept.

    Returns the published build. Raises ZhengmaiError where there is none, or the folder cannot be read.
    """
    now = open_current(data)
    if not folder.is_dir():  # it is to be a copy of what that was made of
        folder = Path(read_summary(now).plans)
    code_hash()
    with uncollected():
        corpus = read_corpus(folder, data / "cache")
        if (folder / CATALOG).is_file():
            _parsed((folder / CATALOG).read_text(encoding="utf-8"))
        if (now / kept_heads.FILE).is_file():
            kept_heads.Heads(now).known(corpus.stubs)
    return now


def copy_ahead(data: Path, folder: Path) -> None:
    """Where there is no folder of plans to change yet, make the copy that the first change begins with. Raises ZhengmaiError."""
    if folder.is_dir():
        if folder.resolve() != data.resolve() / seeding.FOLDER:
            seeding.remove(data)  # as after a restore
        return
    with uncollected(), disk.told(data):
        hashes = Hashes(data / HASHES)
        origin, inputs = _origin(data, hashes)
        seeding.make_ahead(data, origin.folder, inputs, hashes)


def look_over(data: Path, folder: Path) -> None:
    """Before a change of a folder of plans, or of its copy: note what its files hold, and make the links for it. Raises ZhengmaiError."""
    with uncollected(), disk.told(data):
        hashes = Hashes(data / HASHES)
        if not folder.is_dir():
            folder = data / seeding.FOLDER
            if not folder.is_dir():
                return
            _origin(data, hashes)  # its files are asked for by the first change as well
        inputs = inputs_of(read_corpus(folder, data / "cache"), hashes)
        hashes.keep()
        staging.look_over(data, folder.resolve(), inputs)


def _read_again(
    stage: Path, cache: Path, held: ReadCorpus, before: dict[str, str]
) -> tuple[ReadCorpus, dict[str, str]]:
    """What a changed copy holds, and its files with their hashes; ``held`` and ``before`` are the same as they were.

    What is a link still was not changed.
    """
    same = staging.linked(stage)
    written = {name for name, link in same.items() if not link}
    if same.keys() == before.keys() and written <= {entry.file for _, entry in held.documents}:
        # Only texts changed. To read a folder of 10,000 plans again takes a quarter of the time of the change.
        fresh = {name: Hashes().of(stage / name) for name in written}
        return held.with_texts(stage, written), {**before, **fresh}
    corpus = read_corpus(stage, cache, names={name for name in same if "/" not in name})
    return corpus, inputs_of(corpus, known={name: before[name] for name in same.keys() - written})


def _judge(job: BuildJob, judge: Judge, progress: Progress | None) -> None:
    if progress:
        progress("judging", 0, 1)
    judge(job)
    if progress:
        progress("judging", 1, 1)


# -- plans -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PutPlan:
    """Add a plan, or put another text in the place of one. ``name`` is what the file was called where it came from.

    ``form`` is what it was read as (`graph.sources.Source.form`); ``fields`` are those of `DocumentEntry`, and go before
    what the catalogue said of it until now.
    """

    slug: str
    data: bytes = field(repr=False)
    name: str
    form: str = "txt"
    fields: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Write the file and its line in the catalogue. Raises BadInput."""
        check_slug(self.slug)
        catalog = _Catalog(folder)
        old = catalog.file_of(self.slug)
        known = old is not None or (folder / "records" / f"{self.slug}.yaml").exists()
        entry = catalog.entry_of(self.slug)
        catalog.drop_stub(self.slug)
        if old is not None:
            old.unlink()
        # What was written by hand for want of the text gives way to the text.
        (folder / "records" / f"{self.slug}.yaml").unlink(missing_ok=True)
        file = folder / f"{self.slug}{_SUFFIX.get(self.form, '.txt')}"
        write_new(file, self.data)
        said = {key: value for key, value in {**entry, **self.fields}.items() if value is not None}
        catalog.put(self.slug, {**said, "file": file.name})
        catalog.write()
        kind: Kind = "replace" if known else "add"
        digest = hashlib.sha256(self.data).hexdigest()
        return {"kind": kind, "document": self.slug, "sha256": digest, "file": self.name}


@dataclass(frozen=True)
class DeletePlan:
    """Take a plan out, with its line in the catalogue and its corrections."""

    slug: str

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Remove its files. Raises NotFound; BadInput where another document names it as the version before."""
        check_slug(self.slug)
        catalog = _Catalog(folder)
        file, record = catalog.file_of(self.slug), folder / "records" / f"{self.slug}.yaml"
        if file is None and not record.exists():
            raise NotFound(f"{self.slug}: is not held here, or known from citations only")
        catalog.drop(self.slug)
        catalog.write()
        digest = hashlib.sha256((file or record).read_bytes()).hexdigest()
        for path in (file, record, folder / "corrections" / f"{self.slug}.yaml"):
            if path is not None:
                path.unlink(missing_ok=True)
        return {"kind": "delete", "document": self.slug, "sha256": digest}


def check_slug(slug: str) -> None:
    """Raises BadInput for what is no slug: it becomes a file's name and a part of addresses."""
    if not SLUG.fullmatch(slug):
        raise BadInput(
            f"{slug!r} is no slug: 1 to 100 letters, digits, Chinese characters, _ and -, not beginning with _ or -",
            zh=f"标识“{slug}”不合适：请用 1 至 100 个字母、数字、汉字、_ 和 -，以字母、数字或汉字开头",
        )


class _Catalog:
    """``catalog.yaml`` of a copy of a folder. The lines of comment at its head are kept, others are not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / CATALOG
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        lines = text.splitlines(keepends=True)
        head = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
        self._head = "".join(lines[:head])
        documents, stubs = _parsed(text)
        self._documents, self._stubs = dict(documents), list(stubs)
        self._before = (documents, list(stubs))

    def file_of(self, slug: str) -> Path | None:
        """The document of that name."""
        files = (self._folder / f"{slug}{suffix}" for suffix in SUFFIXES)
        return next((path for path in files if path.is_file()), None)

    def entry_of(self, slug: str) -> dict[str, Any]:
        """The line of a document; empty where it has none."""
        return dict(self._documents.get(slug, {}))

    def drop(self, slug: str) -> None:
        """Remove the line of a document."""
        self._documents.pop(slug, None)

    def drop_stub(self, slug: str) -> None:
        """It is held now."""
        self._stubs = [one for one in self._stubs if one.get("slug") != slug]

    def put(self, slug: str, entry: dict[str, Any]) -> None:
        """Write a line in the place of the one that the document has, else at the end: who only sends another text changes none."""
        self._documents[slug] = entry

    def write(self) -> None:
        """As a new file: the old one may be a link to that of the folder itself."""
        if (self._documents, self._stubs) == self._before:
            return
        data = {"documents": list(self._documents.values()), "stubs": self._stubs}
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, width=120)
        write_new(self._path, f"{self._head}\n{text}".lstrip("\n").encode())


@lru_cache(maxsize=1)
def _parsed(text: str) -> tuple[Mapping[str, dict[str, Any]], Sequence[dict[str, Any]]]:
    """The documents of a catalogue by slug, and its stubs, as they stand. That of 10,000 plans takes seconds, and few changes change it."""
    found: Mapping[str, Any] | None = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - as safe
    found = found or {}
    documents = {Path(str(one.get("file"))).stem: one for one in found.get("documents") or ()}
    return documents, list(found.get("stubs") or ())


def write_new(path: Path, data: bytes) -> None:
    """Write a file as a new one: what stood at its place may be linked to elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)  # noqa: PTH105 - as Path.replace


# -- graphs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PutGraph:
    """Put a graph in the place of one, or, with ``merge``, more into one. ``quads`` is N-Quads."""

    graph: str
    quads: bytes = field(repr=False)
    sha256: str
    merge: bool = False

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Write its file. Raises BadInput for the name of another graph."""
        path = folder / user_graphs.FOLDER / user_graphs.file_name(self.graph)
        quads = list(ox.parse(self.quads, format=ox.RdfFormat.N_QUADS, rename_blank_nodes=self.merge))
        if self.merge and path.exists():
            quads = [*user_graphs.read_graph(path), *quads]
        body = ox.serialize(dict.fromkeys(quads), format=ox.RdfFormat.N_QUADS) or b""
        write_new(path, body)
        kind: Kind = "post-graph" if self.merge else "put-graph"
        return {"kind": kind, "graph": self.graph, "sha256": self.sha256}


@dataclass(frozen=True)
class DeleteGraph:
    """Take a graph out."""

    graph: str

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Remove its file. Raises NotFound where there is none."""
        path = folder / user_graphs.FOLDER / user_graphs.file_name(self.graph)
        if not path.is_file():
            raise NotFound(f"There is no graph {self.graph}.", zh=f"没有图 {self.graph}。")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.unlink()
        return {"kind": "delete-graph", "graph": self.graph, "sha256": digest}
