"""All documents of a build, as lists and pages show them.

To read all of 10,000 takes the store some seconds. After a change of a few, only those are asked for, of the place that they are
for; whoever comes meanwhile waits for the same answer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field

from api.builds import Service
from graph import incremental
from graph.build import read_summary
from graph.catalog import SUFFIXES
from graph.errors import StoreError
from queries.asking import Asker

_MOST: Final = 20  # documents that may have changed for these alone to be asked for
_NATIONAL: Final = 1  # the rank of the level within which everything is


class PlanEntry(BaseModel):
    """A document. ``origin`` tells how it is held: its text, a record made by hand, or known from citations only."""

    slug: str = Field(examples=["420115-jiangxia-2024"])
    iri: str
    title: str
    place: str
    code: str = Field(description="GB/T 2260, six digits", examples=["420115"])
    level: str
    rank: int = Field(description="of the level: 1 national to 4 county")
    number: str | None
    date: str | None
    status: str
    origin: str
    tasks: int
    targets: int


def entries(service: Service, lang: str) -> tuple[PlanEntry, ...]:
    """All documents, from the nation to the counties, with labels in ``lang``."""
    return all_of(service.asker, lang)


@lru_cache(maxsize=4)
def all_of(asker: Asker, lang: str) -> tuple[PlanEntry, ...]:
    """Read once for each build: most pages need them. Only three of their labels are in one language or the other."""
    if lang == "zh":
        return _reading.of(asker)
    schemes = ("level", "status", "origin")
    english = {
        name: {one.label_zh: one.label_en for one in asker.vocabularies.scheme(name)} for name in schemes
    }
    return tuple(
        one.model_copy(update={name: english[name][getattr(one, name)] for name in schemes})
        for one in all_of(asker, "zh")
    )


@lru_cache(maxsize=4)
def by_slug(asker: Asker, lang: str) -> dict[str, PlanEntry]:
    """The same by slug."""
    return {one.slug: one for one in all_of(asker, lang)}


@dataclass(frozen=True)
class _Read:
    """What was read of a build: whom it was asked, its inputs (None where it was made by other code), its documents."""

    asker: Asker
    inputs: dict[str, str] | None
    entries: tuple[PlanEntry, ...]


class _Reading:
    """Reads the documents of one build after the other, each once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: _Read | None = None

    def of(self, asker: Asker) -> tuple[PlanEntry, ...]:
        with self._lock:
            if self._last is None or self._last.asker is not asker:
                inputs = _inputs(asker)
                found = _after(self._last, asker, inputs) if self._last else None
                self._last = _Read(asker, inputs, found or _asked(asker, {}))
            return self._last.entries


_reading: Final = _Reading()


def _asked(asker: Asker, values: dict[str, str]) -> tuple[PlanEntry, ...]:
    rows = asker.ask("plans", values, "zh").table.records()
    return tuple(PlanEntry.model_validate({**row, "iri": row["planIri"]}) for row in rows)


def _inputs(asker: Asker) -> dict[str, str] | None:
    """File → SHA-256 of what a build was made from, by the code that runs here."""
    if not isinstance(asker.engine.store, Path):
        return None
    try:
        summary = read_summary(asker.engine.store.parent)
    except StoreError:
        return None
    return summary.inputs if summary.of_this_code else None


def _after(before: _Read, asker: Asker, inputs: dict[str, str] | None) -> tuple[PlanEntry, ...] | None:
    """The documents of a build after another, where the texts of a few changed and nothing else did."""
    if inputs is None or before.inputs is None or inputs.keys() != before.inputs.keys():
        return None
    names = [name for name, digest in inputs.items() if before.inputs[name] != digest]
    files = [Path(name) for name in names if not incremental.stands_apart(name)]
    known = {one.slug: one for one in before.entries}
    slugs = {file.stem for file in files}
    if len(files) > _MOST or any(
        len(file.parts) > 1 or file.suffix.lower() not in SUFFIXES or file.stem not in known for file in files
    ):
        return None
    if any(known[slug].rank == _NATIONAL for slug in slugs):
        return None
    codes = {known[slug].code for slug in slugs}
    fresh = {one.slug: one for code in codes for one in _asked(asker, {"place": code}) if one.slug in slugs}
    # They stand in the order of places.
    if any(slug not in fresh or fresh[slug].code != known[slug].code for slug in slugs):
        return None
    return tuple(fresh.get(one.slug, one) for one in before.entries)
