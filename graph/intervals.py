"""Statements as intervals of admitted values, seen along the direction in which an indicator gets better.

A target rules values out: ``> 90 %`` forbids 90 and all below. How much it demands is therefore where its interval
begins, seen from the worse side; a lower plan falls short when its interval admits what the upper one forbids.

    >= v   from v on                         <= v   up to v
    >  v   from v on, v itself ruled out     <  v   up to v, v itself ruled out
    = v, ~ v   a mark to reach, as plans use them: from v on in the good direction; whether v itself counts as reached
               is left open, so +45 % is the same as ≥ 45 % and as > 45 %
    v … w  from the worse end on: a plan that says 10–15 % is content with 10 %

For an indicator of which less is better (energy used per unit) all is mirrored. A bound in the other direction (不超过
on an indicator of which more is better) demands nothing there: it is a cap, and caps are compared with caps only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graph.record import Target

Direction = Literal["higher", "lower"]
Order = Literal["less", "same", "more", "opposed"]

_FLOORS = frozenset({">=", ">"})
_CAPS = frozenset({"<=", "<"})
_STRICT = frozenset({">", "<"})
_NOT_STRICT = frozenset({">=", "<="})


@dataclass(frozen=True)
class Demand:
    """Where an interval begins, seen from the worse side.

    ``strict`` tells whether the mark itself is ruled out, None where the wording leaves it open. ``cap`` is true for a
    bound against the direction in which the indicator gets better.
    """

    mark: Decimal
    strict: bool | None
    cap: bool


def demand(target: Target, direction: Direction) -> Demand | None:
    """What a statement demands of an indicator that gets better in ``direction``; None where it has no figure."""
    if target.value is None:
        return None
    comparator = target.comparator
    cap = comparator in (_CAPS if direction == "higher" else _FLOORS)
    worse_end = target.value
    if target.value_max is not None:
        # seen from the worse side; the ends of a range belong to it
        ends = (target.value, target.value_max)
        worse_end = min(ends) if (direction == "higher") != cap else max(ends)
    strict = True if comparator in _STRICT else False if comparator in _NOT_STRICT else None
    return Demand(worse_end, strict, cap)


def compare(lower: Target, upper: Target, direction: Direction) -> Order | None:
    """Whether the lower statement demands less than the upper one, the same or more; None where a figure is missing.

    ``opposed``: one is a bound in the good direction and the other a cap, of which neither says anything about the
    other. Swapping the two swaps less and more; multiplying both by one positive number changes nothing.
    """
    mine, theirs = demand(lower, direction), demand(upper, direction)
    if mine is None or theirs is None:
        return None
    if mine.cap != theirs.cap:
        return "opposed"
    # A cap is stricter the further it lies on the worse side.
    up = (direction == "higher") != mine.cap
    if mine.mark != theirs.mark:
        return "more" if (mine.mark > theirs.mark) == up else "less"
    if mine.strict is None or theirs.strict is None or mine.strict == theirs.strict:
        return "same"
    return "more" if mine.strict else "less"


def same_figure(one: Target, other: Target) -> bool:
    """Whether two statements print the same figure, whatever the words around it."""
    return (one.value, one.value_max) == (other.value, other.value_max)
