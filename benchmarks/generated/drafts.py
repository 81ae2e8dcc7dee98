"""What a generated plan is before it is written: its promises, its tasks, its annex, and what is made wrong in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from graph.divisions import Division
from graph.record import Measure

NUMERALS = "一二三四五六七八九十"
MID, END, BASE = 2025, 2027, 2023
"""The years of the first stage, of the goals, and of what growth is counted from."""


@dataclass(frozen=True)
class Fault:
    """One thing made wrong: what is to be reported of a plan against an upper one (None: inside the plan).

    ``indicator`` is the key of its concept, ``rule`` tells variants of an outcome apart (lowered by value, by comparator),
    ``because`` the reason of what is not comparable, ``what`` the words that a finding about a task must hold.
    """

    slug: str
    upper: str | None
    indicator: str | None
    year: int | None
    outcome: str
    rule: str
    severity: str
    because: str | None = None
    what: str | None = None


@dataclass(frozen=True)
class Promise:
    """One target before it is put in words. ``comparator`` ``w`` is words without a figure."""

    concept: str
    year: int
    comparator: str
    value: Decimal | None = None
    base: int | None = None
    scope: tuple[str, ...] = ()
    measure: Measure = "growth_rate"
    unit: str = "%"
    name: str = ""
    form: str = ""
    part: Decimal | None = None

    @property
    def in_words(self) -> bool:
        """Whether it has no figure."""
        return self.comparator == "w"


@dataclass
class Task:
    """One task: its agencies by function, the leading one first; ``counts`` is what it promises in numbers."""

    title: str
    text: str
    functions: list[str]
    counts: list[Promise] = field(default_factory=list)
    ending: str = "usual"
    spelled: dict[str, str] = field(default_factory=dict)
    after: str = ""


@dataclass
class Draft:
    """A plan before it is written. ``cited_as``: the numbers that it gives to others, ``group``: the 类别 of its annex,
    ``owed``: the plans and lists that another annex asks for (kind, name, agency)."""

    division: Division
    slug: str
    title: str
    number: str | None
    issuer: str | None
    issued: date | None
    goals: list[Promise]
    chapters: list[tuple[str, list[Task]]]
    above: list[Draft]
    annex: list[AnnexRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    cited_as: dict[str, str] = field(default_factory=dict)
    group: str = ""
    owed: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class AnnexRow:
    """A row of the annex: what each level is said to set, the nearest last; ``share`` is its remark."""

    promise: Promise
    claims: list[Decimal | None]
    agency: str
    share: str = ""
