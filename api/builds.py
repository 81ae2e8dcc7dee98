"""The build that is being served. When a new one is published, the next request is answered from it.

A build that a request still uses is not removed: readers hold a shared lock on its build.json, and `graph.build` removes
only what it can lock alone. The system opens the lock of a process that ends, however it ends.
"""

from __future__ import annotations

import copy
import fcntl
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from api.linked.making import Making
from api.settings import Settings
from api.writing.bounded import Readers
from api.writing.draft_jobs import DraftJobs
from api.writing.jobs import Jobs
from graph import incremental
from graph.build import open_current, read_summary
from graph.catalog import vocabularies_of
from graph.errors import StoreError
from graph.record import PlanRecord
from ontology.vocabulary import Vocabularies
from queries.asking import Asker
from queries.catalogue import Catalogue
from queries.engine import QueryEngine, Watch
from queries.remote_engine import RemoteEngine
from shapes.finding_store import Findings

_ATTEMPTS = 50  # to open a build that is removed in the moment of opening


@lru_cache(maxsize=2)
def _findings(folder: Path, today: date) -> Findings:
    return Findings(folder, today)


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
        return read_summary(self.folder).counts

    @property
    def findings(self) -> Findings:
        """The findings as they stand today: a waiver may have expired since the build. Raises StoreError."""
        return _findings(self.folder, date.today())  # noqa: DTZ011 - the day where the service runs

    @cached_property
    def vocabularies(self) -> Vocabularies:
        """Those that the build was made with."""
        return vocabularies_of(self.folder)

    def record(self, slug: str) -> PlanRecord | None:
        """The record of a document that is known to exist; None for a stub."""
        return incremental.find_record(self.folder, slug)

    def kept_text(self, slug: str) -> str | None:
        """The text of a document, which the spans of its record count in; None where only a record is held."""
        return incremental.read_text(self.folder, slug)


class _Held:
    """A build in use: its folder is locked so that no later build removes it, and it has an engine of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the build was removed in this moment."""
        self.build = Build(folder)
        self.users = 0
        self.asker: Asker | None = None
        self._file = (folder / "build.json").open("rb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(folder)
        except OSError:
            self._file.close()
            raise

    def let_go(self, *, at_once: bool = False) -> None:
        """End the query processes, those that have a query after it unless ``at_once``, and open the lock."""
        if self.asker is not None:
            if at_once:
                self.asker.engine.close()
            else:
                self.asker.engine.retire()
        self._file.close()


class _Builds:
    """The current build, and those before it that requests still use."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._current: _Held | None = None
        self._link = settings.data / "current"
        self._led_to: Path | None = None
        self._used: set[_Held] = set()
        self.lock = threading.Lock()

    def take(self) -> _Held:
        """The current build, to be given back. Raises StoreError where nothing is built yet."""
        for attempt in range(_ATTEMPTS):
            if (held := self._same()) is not None:
                return held
            led_to = self._leads_to()
            folder = open_current(self._data)
            with self.lock:
                if self._current is None or self._current.build.folder != folder:
                    try:
                        fresh = _Held(folder)
                    except OSError as error:
                        # Replaced twice and removed since `current` was read: read it again.
                        if attempt == _ATTEMPTS - 1:
                            raise StoreError(f"{folder}: cannot be read: {error.strerror}") from error
                        time.sleep(0.01)
                        continue
                    if self._current is not None and not self._current.users:
                        self._current.let_go()
                    self._current = fresh
                # Switched between the two looks, it has another name
                self._led_to = led_to if led_to is not None and led_to.name == folder.name else None
                return self._use(self._current)
        raise AssertionError("the last attempt returns or raises")

    def _same(self) -> _Held | None:
        """The current build, where the link says what it said before: all that has to be looked at for most requests."""
        led_to = self._leads_to()
        with self.lock:
            if self._current is None or led_to is None or led_to != self._led_to or not self._link.is_dir():
                return None
            return self._use(self._current)

    def _use(self, held: _Held) -> _Held:
        held.users += 1
        self._used.add(held)
        return held

    def _leads_to(self) -> Path | None:
        try:
            return self._link.readlink()
        except OSError:  # nothing is built yet
            return None

    def give_back(self, held: _Held) -> None:
        with self.lock:
            held.users -= 1
            if not held.users:
                self._used.discard(held)
                if held is not self._current:
                    held.let_go()

    def held(self) -> list[_Held]:
        with self.lock:
            return list({*self._used, *([self._current] if self._current else [])})

    def close(self) -> None:
        for held in self.held():
            held.let_go(at_once=True)


class Service:
    """What requests share: the settings, the questions, the current build and the engine on it.

    A request has a `view` of it, which sees one build from its first look at it to the end of the request, even if
    another is published meanwhile.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, watch: Watch | None = None) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.readers = Readers(settings)
        self.draft_jobs = DraftJobs(self.readers)
        self.jobs = Jobs(settings)
        self.distributions = Making()
        self._watch = watch
        self._builds = _Builds(settings)
        self._is_view = False
        self._held: _Held | None = None

    def view(self) -> Service:
        """What one request sees; to be closed at its end."""
        view = copy.copy(self)
        view._is_view, view._held = True, None
        return view

    @property
    def build(self) -> Build:
        """The current build. Raises StoreError where nothing is built yet."""
        return self._take().build

    @property
    def asker(self) -> Asker:
        """Answers questions from the current build. Raises StoreError where nothing is built yet."""
        held = self._take()
        with self._builds.lock:
            if held.asker is None:
                engine = self._engine(held.build)
                try:
                    engine.start_ahead()  # while the vocabularies are read
                    held.asker = Asker(engine, self.catalogue, held.build.vocabularies)
                except BaseException:
                    engine.close()  # a build that is damaged must not leave processes behind with each request
                    raise
            return held.asker

    def _engine(self, build: Build) -> QueryEngine:
        settings = self.settings
        more: dict[str, Any] = {"workers": settings.workers, "limits": settings.limits, "watch": self._watch}
        if (address := settings.store_address) is not None:
            return RemoteEngine(address, build=build.name, **more)
        return QueryEngine(build.folder / "store", **more)

    @property
    def engine(self) -> QueryEngine:
        """The bounded executor on the current build. Raises StoreError where nothing is built yet."""
        return self.asker.engine

    @property
    def build_name(self) -> str | None:
        """The build that was looked at; None where none was."""
        return self._held.build.name if self._held else None

    def query_processes(self) -> list[int]:
        """The process ids of all query processes."""
        return [pid for held in self._builds.held() if held.asker for pid in held.asker.engine.processes()]

    def notice(self) -> None:
        """Let go of a build that was replaced, even if nobody asks for anything."""
        with suppress(StoreError):
            self._builds.give_back(self._builds.take())

    def close(self) -> None:
        """End a view; of the service itself, end all processes that it started."""
        if self._is_view:
            held, self._held = self._held, None
            if held is not None:
                self._builds.give_back(held)
            return
        self.readers.close()
        self.jobs.close()
        self._builds.close()

    def _take(self) -> _Held:
        if self._is_view:
            if self._held is None:
                self._held = self._builds.take()
            return self._held
        # Outside of a request nothing says when it ends: the build stays as long as it is current, and after that
        # its folder as long as it is among those that are kept.
        held = self._builds.take()
        self._builds.give_back(held)
        return held
