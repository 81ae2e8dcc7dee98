"""What one query may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a query.

    ``memory_mb`` bounds the memory of a worker, without the mapped files of its store: some 130 MB before the first query, 620
    for the leads of a domain in 10,000 plans. ``waiting`` is how many queries may wait
    for a worker; each waits at most ``seconds``. A query that takes more than ``short_seconds`` of the processor (or three
    times as long, where it has to wait for it) gives its place to the next and goes on beside it, as long as at most ``long`` do so; where they do, it is ended when a client waits that has
    no query at work (`queries.pool`). ``table_mb`` is smaller than ``result_mb`` because a
    table is read in the parent, where it takes some ten times as much, and bytes are only passed on. ``spool_mb``
    bounds the files of all answers that are on their way to clients. ``service_hosts`` (``host`` or ``host:port``) are
    those that SERVICE may call: none, unless some are given.
    """

    seconds: float = 10.0
    memory_mb: int = 1536
    result_mb: int = 64
    table_mb: int = 16
    characters: int = 100_000
    nesting: int = 100
    waiting: int = 32
    long: int = 1
    short_seconds: float = 1.0
    spool_mb: int = 1024
    service_hosts: frozenset[str] = frozenset()
