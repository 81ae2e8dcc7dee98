"""Lists of IRIs as SPARQL takes them after VALUES, in parts that fit into a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

_CHARACTERS: Final = (
    20_000  # of IRIs in one query: below what servers take, and what a query of ours may have
)


def chunks(iris: Iterable[str]) -> Iterator[str]:
    """The IRIs, each in its brackets, so many at a time as fit."""
    chunk: list[str] = []
    length = 0
    for iri in iris:
        chunk.append(f"<{iri}>")
        length += len(iri) + 3
        if length > _CHARACTERS:
            yield " ".join(chunk)
            chunk, length = [], 0
    if chunk:
        yield " ".join(chunk)
