"""Figures about the service, in the text format of Prometheus.

With several processes each writes its own into files of the folder that PROMETHEUS_MULTIPROC_DIR names (`api.serving`
makes it), and whichever is asked adds them up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from graph.build import current_build, read_summary
from graph.errors import BadInput, QueryTimeout, QueryTooLarge, StoreError

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The figures of one application."""

    def __init__(self, data: Path, version: str) -> None:
        self._registry = CollectorRegistry()
        self._build = _BuildFigures(data, version)
        one = self._registry
        self.requests = Counter(
            "zhengmai_requests", "Requests answered.", ["route", "method", "status"], registry=one
        )
        self.seconds = Histogram(
            "zhengmai_request_seconds",
            "From the head of a request to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=one,
        )
        self.requests_running = _gauge("zhengmai_requests_running", "Requests being answered.", one)
        self.running = _gauge("zhengmai_queries_running", "Queries in a query process.", one)
        self.waiting = _gauge("zhengmai_queries_waiting", "Queries that wait for a query process.", one)
        self.queries = Counter(
            "zhengmai_queries",
            "Queries by how they ended: answered, refused, or killed at a limit of time or of memory, or failed.",
            ["end"],
            registry=one,
        )
        self.query_seconds = Histogram(
            "zhengmai_query_seconds", "Time of a query in its process.", buckets=_SECONDS, registry=one
        )
        self.query_processes = _gauge("zhengmai_query_processes", "Query processes that there are.", one)
        self.query_memory = _gauge(
            "zhengmai_query_process_memory_bytes", "Resident memory of all query processes.", one
        )
        self.memory = _gauge(
            "zhengmai_process_memory_bytes", "Resident memory of the processes that answer.", one
        )

    def watch(self, state: str) -> AbstractContextManager[None]:
        """For `queries.engine`: count a query while it is waiting or running."""
        return self._running() if state == "running" else self._waiting()

    def measure(self, query_processes: Iterable[int]) -> None:
        """Read the memory of this process and of its query processes."""
        sizes = [_resident(pid) for pid in query_processes]
        self.query_processes.set(len(sizes))
        self.query_memory.set(sum(sizes))
        self.memory.set(_resident(os.getpid()))

    def text(self) -> bytes:
        """All figures, those of the other processes too."""
        folder = os.environ.get(FOLDER)
        if folder is None:
            return generate_latest(self._registry) + generate_latest(self._build.registry)
        _forget_the_dead(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
        return generate_latest(together) + generate_latest(self._build.registry)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.waiting.inc()
        try:
            yield
        finally:
            self.waiting.dec()

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.running.inc()
        began, end = time.perf_counter(), "failed"
        try:
            yield
            end = "answered"
        except QueryTimeout:
            end = "time"
            raise
        except QueryTooLarge:
            end = "memory"
            raise
        except BadInput:
            end = "refused"
            raise
        finally:
            self.running.dec()
            self.query_seconds.observe(time.perf_counter() - began)
            self.queries.labels(end).inc()


class _BuildFigures(Collector):
    """The build that is published, read when asked for: the same in every process."""

    def __init__(self, data: Path, version: str) -> None:
        self._data = data
        self._version = version
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info = GaugeMetricFamily("zhengmai_build_info", "The published build.", labels=["build", "version"])
        age = GaugeMetricFamily("zhengmai_build_age_seconds", "Since the published build was made.")
        triples = GaugeMetricFamily("zhengmai_build_triples", "Triples of the published build.")
        try:
            folder = current_build(self._data)
        except StoreError:  # it is gone
            folder = None
        info.add_metric([folder.name if folder else "", self._version], 1 if folder else 0)
        yield info
        if folder is None:
            return
        try:
            summary = read_summary(folder)
        except StoreError:
            return
        age.add_metric([], (datetime.now(UTC) - datetime.fromisoformat(summary.made)).total_seconds())
        triples.add_metric([], summary.counts.get("triples", 0))
        yield age
        yield triples


def _gauge(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, text, registry=registry, multiprocess_mode="livesum")


def _forget_the_dead(folder: Path) -> None:
    """What a process that was killed was doing is not being done any more."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass


def _resident(pid: int) -> int:
    """Resident memory in bytes; 0 where the system does not tell, or the process has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
