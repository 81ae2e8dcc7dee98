"""Work done in several processes: each with the vocabularies of the corpus, each result in the order of its task.

    with Workers(2, vocabulary_files) as workers:
        for result in workers.map(function, tasks):
            …

With one process all is done in this one, at the moment when a result is asked for.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from ontology.extension import with_files
from ontology.vocabulary import using

T = TypeVar("T")
R = TypeVar("R")

AHEAD: Final = 3
"""Tasks that each process has before it: enough never to wait, and few, so that results do not pile up."""
_BEHIND: Final = 5
"""How much lower the priority of a process is than that of the one that started it."""


def processes_for(items: int, each: int) -> int:
    """How many processes to use where each should have at least so many items to be worth its start."""
    return max(1, min(os.cpu_count() or 1, items // each))


@contextmanager
def uncollected() -> Iterator[None]:
    """Make hundreds of thousands of small things, none in circles, without looking for circles among them meanwhile."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Workers:
    """A number of processes, or this one."""

    def __init__(self, processes: int, vocabularies: Sequence[Path] = ()) -> None:
        self.processes = processes
        self._vocabularies = tuple(vocabularies)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self.processes > 1:
            # Spawned, not forked: a store has threads of its own.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.processes, context, _start, (self._vocabularies,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def submit(self, function: Callable[[T], R], task: T) -> Future[R]:
        """One task, done when a process is free; in this process it is done at once."""
        if self._pool is not None:
            return self._pool.submit(function, task)
        future: Future[R] = Future()
        future.set_result(function(task))
        return future

    def map(self, function: Callable[[T], R], tasks: Iterable[T], ahead: int | None = AHEAD) -> Iterator[R]:
        """The results in the order of the tasks. Raises what the function raises; then the later ones are dropped.

        ``ahead`` is how many tasks each process has before it; None for all of them, where results are small.
        """
        if self._pool is None:
            yield from map(function, tasks)
            return
        waiting: deque[Future[R]] = deque()
        try:
            for task in tasks:
                waiting.append(self._pool.submit(function, task))
                if ahead is not None and len(waiting) > self.processes * ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


_kept = ExitStack()  # what holds for the life of a process


def _start(vocabularies: Sequence[Path]) -> None:
    _kept.enter_context(using(with_files(vocabularies)))
    # The process that started this one loads what is made here, which takes longest of all: it goes first.
    os.nice(_BEHIND)
    # Hundreds of thousands of small things are made, few in circles: looking for these less often saves a tenth.
    gc.set_threshold(100_000, 50, 50)
