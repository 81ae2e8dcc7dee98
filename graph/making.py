"""The stages of a build over folders: documents read through the cache, their quads written in parts.

Each function is given to `graph.workers` with a few documents at a time. What the first stage leaves for the second is in
files; what comes back is small.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from graph import cache_files, search_index, stages
from graph.catalog import DocumentEntry, StubEntry
from graph.corrections import Correction, load_corrections
from graph.errors import StoreError
from graph.reading import read_source
from graph.record import PlanRecord, load_record
from graph.search_index import Rows
from graph.sources import Source
from graph.stages import Contribution, Deriving, Shared

CACHED: Final = ".record"
SHARED: Final = "shared.pickle"
READ_TOGETHER: Final = 16
WRITTEN_TOGETHER: Final = 100
"""Documents of a part, at most: what upper plans say is looked up once for all of them, and they are judged together."""


@dataclass(frozen=True)
class Desk:
    """Where documents are read to: the folder of the build, that of the cache, and what a key of it begins with.

    ``fresh`` means that nothing is believed that the cache holds.
    """

    folder: Path
    cache: Path
    code: str
    fresh: bool = False


@dataclass(frozen=True)
class ToRead:
    """A document to be read: its file, its line in the catalogue (None for a record made by hand), its corrections."""

    path: Path
    entry: DocumentEntry | None
    corrections: Path | None

    @property
    def slug(self) -> str:
        """What it is known by."""
        return self.path.stem


@dataclass(frozen=True)
class Read:
    """A document that was read: where its record is kept, and whether it was in the cache before."""

    contribution: Contribution
    kept: Path
    reused: bool


def read_together(task: tuple[Desk, Sequence[ToRead]]) -> list[Read]:
    """Stage 1 of some documents. Raises BadInput, naming the file."""
    desk, documents = task
    return [_read(desk, one) for one in documents]


def _read(desk: Desk, one: ToRead) -> Read:
    corrections = load_corrections(one.corrections) if one.corrections else []
    public = record_file(desk.folder, one.slug)
    if one.entry is None:
        record = stages.read_by_hand(load_record(one.path), corrections)
        kept, reused = public, False
    else:
        source = read_source(one.path)
        record, kept, reused = read_cached(desk, source, one.slug, one.entry, corrections)
        text_file(desk.folder, one.slug).write_text(source.text, encoding="utf-8")
    public.write_text(record.to_json(), encoding="utf-8")
    return Read(stages.contribution(record), kept, reused)


def text_file(folder: Path, slug: str) -> Path:
    """Where a build keeps the text of a document."""
    return folder / "texts" / f"{slug}.txt"


def record_file(folder: Path, slug: str) -> Path:
    """Where a build keeps the record of a document."""
    return folder / "records" / f"{slug}.json"


def read_cached(
    desk: Desk, source: Source, slug: str, entry: DocumentEntry, corrections: Sequence[Correction]
) -> tuple[PlanRecord, Path, bool]:
    """The record of a document, out of the cache where the same text and tables were read by the same code before.

    Returns:
        The record, its file in the cache, and whether it was there.
    """
    key = hashlib.sha256(
        "\0".join([desk.code, slug, entry.model_dump_json(), repr(source), repr(corrections)]).encode()
    ).hexdigest()
    kept = desk.cache / f"{key}{CACHED}"
    saved = None if desk.fresh else cache_files.read(kept)
    if saved is not None:
        # Of another version of the model it would be read again, not believed.
        with suppress(ValidationError):
            return PlanRecord.model_validate_json(saved), kept, True
    record = stages.read_document(source, slug, entry, corrections)
    # Without what is as usual: it is read back six times as fast.
    cache_files.write(kept, record.model_dump_json(exclude_defaults=True).encode())
    return record, kept, False


def read_kept(file: Path) -> PlanRecord:
    """A record that was read before, from the cache or from the build. Raises StoreError where it is not whole any more."""
    data = cache_files.read(file) if file.suffix == CACHED else file.read_bytes()
    if data is None:
        raise StoreError(f"{file}: was damaged while the build ran; build again")
    return PlanRecord.model_validate_json(data)


# -- stage 2 ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Documents whose quads are written into one file: those with a record by their files, and stubs."""

    file: Path
    records: tuple[Path, ...]
    stubs: tuple[StubEntry, ...] = ()


@dataclass(frozen=True)
class Written:
    """What was written of a part: its documents, and the number of comparisons. What search finds of them stands in
    ``rows``."""

    file: Path
    rows: Path
    slugs: tuple[str, ...]
    comparisons: int


def share(folder: Path, shared: Shared, kept: dict[str, Path]) -> None:
    """Put what all documents need where each process finds it; ``kept`` are the files of the upper records, by slug."""
    with (folder / SHARED).open("wb") as out:
        pickle.dump((shared, kept), out, pickle.HIGHEST_PROTOCOL)


def forget(folder: Path) -> None:
    """Drop what was put there."""
    (folder / SHARED).unlink()
    _shared.cache_clear()
    _upper.cache_clear()


def write_part(task: tuple[Path, Part]) -> Written:
    """Stage 2 of some documents of the build in a folder; what all need was put there by `share`."""
    folder, part = task
    shared, kept = _shared(folder / SHARED)
    deriving = Deriving(shared, lambda slug: _upper(kept[slug]))
    rows: list[Rows] = []
    comparisons = 0
    with part.file.open("wb") as out:
        for file in part.records:
            record = read_kept(file)
            if stages.settle(record, shared.known):
                record_file(folder, record.slug).write_text(record.to_json(), encoding="utf-8")
            text = read_text(folder, record.slug)
            derived = deriving.derive(record, text)
            rows.append(search_index.rows_of(record, text))
            comparisons += derived.comparisons
            out.write(derived.document)
            out.write(derived.inferred)
        for stub in part.stubs:
            derived = deriving.derive_stub(stub)
            rows.append(search_index.rows_of_stub(stub))
            comparisons += derived.comparisons
            out.write(derived.document)
            out.write(derived.inferred)
    beside = part.file.with_suffix(".rows")
    with beside.open("wb") as out:
        pickle.dump(rows, out, pickle.HIGHEST_PROTOCOL)
    return Written(part.file, beside, tuple(one.slug for one in rows), comparisons)


def write_search(task: tuple[Path, Sequence[Path]]) -> None:
    """The index for search of a build, of what `write_part` left."""
    folder, files = task
    search_index.write(folder, _rows(files))


def _rows(files: Iterable[Path]) -> Iterator[Rows]:
    for file in files:
        with file.open("rb") as saved:
            yield from pickle.load(saved)  # noqa: S301 - written by this build
        file.unlink()


def read_text(folder: Path, slug: str) -> str | None:
    """The kept text of a document of a build; None for a record made by hand."""
    file = text_file(folder, slug)
    return file.read_bytes().decode("utf-8") if file.exists() else None


def parts_of(
    folder: Path, records: Iterable[Path], stubs: Sequence[StubEntry], processes: int = 1
) -> list[Part]:
    """Documents in their order, divided into parts, so that each process has some; the stubs are the last."""
    files, parts = list(records), []
    size = min(WRITTEN_TOGETHER, -(-len(files) // (1 if processes == 1 else 2 * processes)) or 1)
    for number, start in enumerate(range(0, len(files), size)):
        chosen = tuple(files[start : start + size])
        parts.append(Part(folder / f"{number:06}.nq", chosen))
    if stubs:
        parts.append(Part(folder / "stubs.nq", (), tuple(stubs)))
    return parts


@lru_cache(maxsize=1)
def _shared(file: Path) -> tuple[Shared, dict[str, Path]]:
    with file.open("rb") as saved:
        found: tuple[Shared, dict[str, Path]] = pickle.load(saved)  # noqa: S301 - written by this build
        return found


@lru_cache(maxsize=64)
def _upper(file: Path) -> PlanRecord:
    return stages.upper_of(read_kept(file))
