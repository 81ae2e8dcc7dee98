"""The build that is being served. When a new one is published, the next request is answered from it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from api.settings import Settings
from graph.build import open_current
from graph.catalog import vocabularies_of
from graph.errors import StoreError
from graph.record import PlanRecord
from ontology.vocabulary import Vocabularies
from queries.asking import Asker
from queries.catalogue import Catalogue
from queries.engine import QueryEngine
from shapes.findings import Report
from shapes.waivers import report_of


@lru_cache(maxsize=2)
def _report(folder: Path, today: date) -> Report:
    return report_of(folder, today)


@dataclass(frozen=True)
class Build:
    """One published build; what is read from its folder is read once."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def counts(self) -> dict[str, int]:
        """Counts by kind of thing, as `zhengmai build` prints them. Raises StoreError."""
        summary: dict[str, Any] = json.loads(self._text("build.json"))
        return dict(summary["counts"])

    @property
    def report(self) -> Report:
        """All findings as they stand today: a waiver may have expired since the build. Raises StoreError."""
        return _report(self.folder, date.today())  # noqa: DTZ011 - the day where the service runs

    @cached_property
    def vocabularies(self) -> Vocabularies:
        """Those that the build was made with."""
        return vocabularies_of(self.folder)

    def record(self, slug: str) -> PlanRecord | None:
        """The record of a document that is known to exist; None for a stub."""
        path = self.folder / "records" / f"{slug}.json"
        if not path.is_file():
            return None
        return PlanRecord.model_validate_json(path.read_text(encoding="utf-8"))

    def kept_text(self, slug: str) -> str | None:
        """The text of a document, which the spans of its record count in; None where only a record is held."""
        path = self.folder / "texts" / f"{slug}.txt"
        # Not read as lines: every character counts
        return path.read_bytes().decode("utf-8") if path.is_file() else None

    def _text(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{name} of this build cannot be read; run 'zhengmai build' again") from error


class Service:
    """What all requests share: the settings, the questions, the current build and the engine on it."""

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.drafts = threading.Semaphore(settings.drafts)
        self._lock = threading.Lock()
        self._build: Build | None = None
        self._asker: Asker | None = None

    @property
    def build(self) -> Build:
        """The current build. Raises StoreError where nothing is built yet."""
        folder = open_current(self.settings.data)
        with self._lock:
            if self._build is None or self._build.folder != folder:
                self._build = Build(folder)
                if self._asker is not None:
                    self._asker.engine.store = folder / "store"
                    self._asker.use(self._build.vocabularies)
            return self._build

    @property
    def asker(self) -> Asker:
        """Answers questions from the current build. Raises StoreError where nothing is built yet."""
        now = self.build
        with self._lock:
            if self._asker is None:
                build = self._build or now
                store = build.folder / "store"
                engine = QueryEngine(store, workers=self.settings.workers, limits=self.settings.limits)
                self._asker = Asker(engine, self.catalogue, build.vocabularies)
            return self._asker

    @property
    def engine(self) -> QueryEngine:
        """The bounded executor on the current build. Raises StoreError where nothing is built yet."""
        return self.asker.engine

    def close(self) -> None:
        """End the query processes."""
        with self._lock:
            if self._asker is not None:
                self._asker.engine.close()
