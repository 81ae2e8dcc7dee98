"""A store of simple things and a query that does not end, for the tests of the bounded engine."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SECONDS = 0.7
"""How long a query may take there."""


def make_store(path: Path, things: int, word: str = "value") -> Path:
    """A store of so many things, each in one of three graphs, and one triple in two of them."""
    store = ox.Store(str(path))
    store.bulk_extend(
        ox.Quad(
            ox.NamedNode(f"http://e/s{n}"),
            ox.NamedNode("http://e/p"),
            ox.Literal(f"{word} {n}"),
            ox.NamedNode(f"http://e/g{n % 3}"),
        )
        for n in range(things)
    )
    # one triple in two graphs
    for name in ("g0", "g1"):
        store.add(ox.Quad(*(ox.NamedNode(f"http://e/{one}") for one in ("both", "in", "two", name))))
    store.flush()
    return path
