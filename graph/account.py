"""The account of a record's figures: each is a target, a target that another level set, or no target for a reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graph.record import PlanRecord


@dataclass(frozen=True)
class Account:
    """How many figures of a document became what; goals in words are not counted."""

    targets: int
    cited: int
    others: dict[str, int]

    @property
    def figures(self) -> int:
        """All of them."""
        return self.targets + self.cited + sum(self.others.values())

    def __str__(self) -> str:
        """One line for people: 60 figures: 54 targets, 0 cited, 6 no targets (4 name, 2 threshold)."""
        line = f"{self.figures} figures: {self.targets} targets, {self.cited} cited, {sum(self.others.values())} no targets"
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.others.items())
        return f"{line} ({reasons})" if reasons else line


def account(record: PlanRecord) -> Account:
    """Count the figures of a record, reasons by number, the most frequent first."""
    return Account(
        targets=sum(target.value is not None for target in record.targets),
        cited=sum(target.value is not None for target in record.cited_targets),
        others=dict(Counter(one.reason for one in record.non_targets).most_common()),
    )
