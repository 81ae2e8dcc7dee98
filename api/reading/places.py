"""The documents held, as a tree of the places that they are for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from api.reading.plans import PlanEntry
from graph.divisions import NATIONAL, above


@dataclass
class Node:
    """A place with its documents and the places below it; ``count`` are the documents of all of them."""

    code: str
    name: str
    plans: list[PlanEntry] = field(default_factory=list)
    below: list[Node] = field(default_factory=list)
    count: int = 0


def tree(entries: Iterable[PlanEntry]) -> list[Node]:
    """The places of some documents from the whole country down, with the places between them.

    A place that the list of divisions does not know stands beside the country.
    """
    nodes: dict[str, Node] = {}
    roots: list[Node] = []

    def node(code: str, name: str) -> Node:
        if code in nodes:
            return nodes[code]
        made = nodes[code] = Node(code, name)
        nearest = above(code)
        if nearest:
            node(nearest.code, nearest.name).below.append(made)
        else:
            roots.append(made)
        return made

    for entry in sorted(entries, key=lambda one: (one.rank, one.code, one.slug)):
        node(entry.code, entry.place).plans.append(entry)
    for one in nodes.values():
        one.below.sort(key=lambda below: below.code)
    for root in roots:
        _count(root)
    return sorted(roots, key=lambda one: (one.code != NATIONAL, one.code))


def _count(node: Node) -> int:
    node.count = len(node.plans) + sum(_count(one) for one in node.below)
    return node.count
