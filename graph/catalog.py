"""The corpus: a folder of plan documents, ``catalog.yaml`` for what the texts do not say, ``records/`` made by hand,
and ``vocabularies/`` with the concepts and words that its plans need beside those of the package.

Without a catalogue every ``*.txt``, ``*.docx``, ``*.pdf`` and ``*.html`` of the folder is a document. A stub stands for
a document that others cite and nobody here has: it has a place in the line of plans, and no content.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph import cache_files, divisions, sealing
from graph.errors import BadInput
from graph.user_graphs import graph_files
from ontology.extension import FOLDER, turtle_files, with_files
from ontology.vocabulary import Vocabularies, VocabularyError

# The forms that are read. A file may still be another than its name says: its first bytes decide.
SUFFIXES = (".txt", ".docx", ".pdf", ".html", ".htm")


class DocumentEntry(BaseModel):
    """One document of the folder; ``file`` is its name there.

    ``revises`` is the slug of the version before it, for two versions whose titles do not show it; ``number`` and
    ``issued`` go before what the text prints.
    """

    model_config = ConfigDict(extra="forbid")
    file: str
    code: str | None = None
    status: Literal["issued", "draft"] | None = None
    family: str | None = None
    origin: str | None = None
    revises: str | None = None
    number: str | None = None
    issued: date | None = None

    @cached_property  # each change asks for those of all
    def slug(self) -> str:
        """What the document is called here: the name of its file without the suffix."""
        return os.path.splitext(self.file)[0]  # noqa: PTH122 - there may be thousands


class StubEntry(BaseModel):
    """A document known only from citations, or only known to exist."""

    model_config = ConfigDict(extra="forbid")
    slug: str
    title: str
    code: str
    family: str
    number: str | None = None
    note: str | None = None


class Catalog(BaseModel):
    """``catalog.yaml``."""

    model_config = ConfigDict(extra="forbid")
    documents: list[DocumentEntry] = Field(default_factory=list)
    stubs: list[StubEntry] = Field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """What a build reads: texts with their entries, records by hand, stubs, vocabulary files."""

    folder: Path
    documents: tuple[tuple[Path, DocumentEntry], ...]
    records: tuple[Path, ...]
    stubs: tuple[StubEntry, ...]
    vocabulary_files: tuple[Path, ...] = ()
    graph_files: tuple[Path, ...] = ()

    @property
    def vocabularies(self) -> Vocabularies:
        """Those of the package, with what the folder adds."""
        return vocabularies_of(self.folder)

    def with_texts(self, folder: Path, names: Collection[str]) -> Corpus:
        """The same in a changed copy of its folder, in which some documents have another text and nothing else is otherwise."""
        documents = tuple(
            (folder / entry.file if entry.file in names else path, entry) for path, entry in self.documents
        )
        return replace(self, folder=folder, documents=documents)


def vocabularies_of(folder: Path) -> Vocabularies:
    """The vocabularies for a folder of plans or of a build. Raises BadInput, naming the file that is wrong."""
    known = sealing.read(folder) or {}  # of a folder of plans there are no checksums
    sealing.trust(folder, [name for name in known if name.startswith(f"{FOLDER}/")])
    try:
        return with_files(turtle_files(folder))
    except VocabularyError as error:
        raise BadInput(str(error)) from error


def read_corpus(folder: Path, cache: Path | None = None, names: Collection[str] | None = None) -> Corpus:
    """Read a folder of plans. Raises BadInput, naming the file, when it holds nothing or the catalogue is wrong.

    ``cache`` is a folder that keeps the catalogue as it was read, by its content: the YAML of 10,000 plans takes seconds.
    ``names`` are those of its files, where the documents stand elsewhere and only the small files beside them are here.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder}: no such folder; name a folder that holds plan documents (*.txt, *.docx, *.pdf, *.html)"
        )
    vocabularies_of(folder)  # a word list that is wrong is told before anything is read
    known = _kept_catalog(folder / "catalog.yaml", cache)
    there = _files(folder) if names is None else names
    for entry in known.catalog.documents:
        name = entry.file
        if name not in there and (names is not None or not (folder / name).is_file()):
            raise BadInput(f"{folder / 'catalog.yaml'}: names {name}, which is not in the folder")
    records = tuple(sorted((folder / "records").glob("*.yaml")))
    documents = _documents(folder, known, tuple(sorted(there)), records)
    return Corpus(
        folder, documents, records, tuple(known.catalog.stubs), turtle_files(folder), graph_files(folder)
    )


@lru_cache(maxsize=2)
def _documents(
    folder: Path, known: _Known, there: tuple[str, ...], records: tuple[Path, ...]
) -> tuple[tuple[Path, DocumentEntry], ...]:
    """The documents among the files of a folder, each with its entry. Raises BadInput.

    Whoever makes one change after another asks for the same thousands each time.
    """
    catalog = known.catalog
    entries = {entry.file: entry for entry in catalog.documents}
    # Word leaves ~$plan.docx beside a file that is open in it.
    texts = [
        name
        for name in there
        if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(("~", "."))  # noqa: PTH122 - as below
    ]
    if not texts and not records:
        raise BadInput(
            f"{folder}: holds no plans; put documents (*.txt, *.docx, *.pdf, *.html) or records (records/*.yaml) there"
        )
    taken: dict[str, str] = {}
    # There may be thousands of documents: their names take a tenth of the time of paths.
    of_texts = ((os.path.splitext(name)[0], name) for name in texts)  # noqa: PTH122
    of_records = ((path.stem, path.name) for path in records)
    of_stubs = ((stub.slug, "catalog.yaml") for stub in catalog.stubs)
    for slug, name in chain(of_texts, of_records, of_stubs):
        if slug in taken:
            raise BadInput(f"{folder}: {name} and {taken[slug]} both stand for {slug!r}; rename one")
        taken[slug] = name
    for entry in catalog.documents:
        if entry.revises and entry.revises not in taken:
            raise BadInput(
                f"{folder / 'catalog.yaml'}: {entry.file}: revises {entry.revises}, which is no document of the folder"
            )
        if entry.revises == Path(entry.file).stem:
            raise BadInput(
                f"{folder / 'catalog.yaml'}: {entry.file}: revises itself; name the version before it"
            )
    return tuple((folder / name, entries.get(name) or DocumentEntry(file=name)) for name in texts)


def _files(folder: Path) -> set[str]:
    """The names of the files of a folder."""
    with os.scandir(folder) as there:
        return {entry.name for entry in there if entry.is_file()}


@dataclass(frozen=True, eq=False)
class _Known:
    """A catalogue that was read; the same is the same object."""

    catalog: Catalog


def _kept_catalog(path: Path, cache: Path | None) -> _Known:
    if cache is None or not path.exists():
        return _Known(_read_catalog(path))
    return _catalog_of(hashlib.sha256(path.read_bytes()).hexdigest(), path, cache)


@lru_cache(maxsize=2)
def _catalog_of(digest: str, path: Path, cache: Path) -> _Known:
    kept = cache / f"{digest}.catalog"
    saved = cache_files.read(kept)
    if saved is not None:
        with suppress(ValidationError):
            return _Known(Catalog.model_validate_json(saved))
    catalog = _read_catalog(path)
    cache.mkdir(parents=True, exist_ok=True)
    cache_files.write(kept, catalog.model_dump_json(exclude_defaults=True).encode())
    return _Known(catalog)


def _read_catalog(path: Path) -> Catalog:
    if not path.exists():
        return Catalog()
    try:
        # The reader written in C where there is one: ten times as fast on a long catalogue, and as safe.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        data: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506
        catalog = Catalog.model_validate(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
    coded = [(entry.file, entry.code) for entry in catalog.documents] + [
        (stub.slug, stub.code) for stub in catalog.stubs
    ]
    for name, code in coded:
        if code and code not in divisions.divisions():
            raise BadInput(f"{path}: {name}: {code} is not the code of a division")
    return catalog
