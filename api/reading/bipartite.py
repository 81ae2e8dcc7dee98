"""A picture of two columns of names and the lines between them: few enough nodes that each name can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

STEP: Final = 30  # pixels from one name to the next
WIDTH: Final = 720
EDGES: Final = (230, 490)  # where the lines begin and end
_WIDEST: Final = 9.0


@dataclass(frozen=True)
class Node:
    """A name; ``y`` is the middle of its line, in pixels."""

    key: str
    label: str
    y: float = 0


@dataclass(frozen=True)
class Line:
    """A line between two nodes, as the path of an SVG; ``strong`` where somebody leads."""

    left: str
    right: str
    path: str
    width: float
    count: int
    strong: bool


@dataclass(frozen=True)
class Picture:
    """What is to be drawn, in pixels."""

    left: list[Node]
    right: list[Node]
    lines: list[Line]
    width: int
    height: int


def picture(
    left: Sequence[Node],
    right: Sequence[Node],
    counts: Mapping[tuple[str, str], int],
    strong: AbstractSet[tuple[str, str]],
) -> Picture:
    """Place the nodes; those on the right near the middle of what they are joined to, so that fewer lines cross."""
    height = STEP * max(len(left), len(right), 1)
    lefts = _placed(left, height)
    at = {one.key: one.y for one in lefts}

    def middle(node: Node) -> float:
        weights = [(at[a], count) for (a, b), count in counts.items() if b == node.key]
        return sum(y * count for y, count in weights) / max(sum(count for _, count in weights), 1)

    rights = _placed(sorted(right, key=middle), height)
    to = {one.key: one.y for one in rights}
    most = max(counts.values(), default=1)
    start, end = EDGES
    bend = (start + end) / 2
    lines = [
        Line(
            a,
            b,
            f"M{start} {at[a]:g}C{bend:g} {at[a]:g} {bend:g} {to[b]:g} {end} {to[b]:g}",
            round(1 + (_WIDEST - 1) * count / most, 1),
            count,
            (a, b) in strong,
        )
        for (a, b), count in sorted(counts.items(), key=lambda pair: pair[1])
    ]
    return Picture(lefts, rights, lines, WIDTH, height)


def _placed(nodes: Sequence[Node], height: float) -> list[Node]:
    step = height / max(len(nodes), 1)
    return [Node(one.key, one.label, round(step * (at + 0.5), 1)) for at, one in enumerate(nodes)]
