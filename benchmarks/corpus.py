"""A corpus of plans made by chance, with known conflicts: to measure the checks, and to load the machine.

    python benchmarks/corpus.py FOLDER [--plans 1000] [--seed 1] [--seeded 0.3]

Each plan is one of a real division (graph/divisions.py) and answers to the real divisions above it. It has a head, goals
with the nine national targets, numbered tasks with agencies and counts, and sometimes an annex of targets; the wording
is drawn from benchmarks/wordings.yaml. The folder gets a text a plan, catalog.yaml, and truth.jsonl: what was made
wrong on purpose, one fault a line. In code, :func:`plans` yields them one at a time, each with its text, with the record
that a careful reader makes of it, and with its faults; the record is made with the text, not read from it.

What a plan says follows from the seed and its slug alone, so a corpus of 1,000 plans begins with those of one of 100.
When the divisions are used up (3,213), each issues a plan of the next year.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from graph import divisions, document_numbers  # noqa: E402
from graph.divisions import NATIONAL, Division  # noqa: E402
from graph.linking import link  # noqa: E402
from graph.record import (  # noqa: E402
    Action,
    Assignment,
    Citation,
    CitedTarget,
    Comparator,
    Jurisdiction,
    Measure,
    NonTarget,
    PlanHead,
    PlanRecord,
    Provision,
    Role,
    Span,
    Table,
    Target,
)

_NUMERALS = "一二三四五六七八九十"
MID, END, BASE = 2025, 2027, 2023


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
class Plan:
    """A generated plan: its text, the record of it, its entry in the catalogue, and its faults."""

    slug: str
    code: str
    text: str
    record: PlanRecord
    faults: tuple[Fault, ...]

    @property
    def entry(self) -> dict[str, str]:
        """The plan's lines in catalog.yaml."""
        return {"file": f"{self.slug}.txt", "code": self.code, "status": "issued", "family": "liangxin"}


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


@cache
def words() -> dict[str, Any]:
    """benchmarks/wordings.yaml."""
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "wordings.yaml").read_text("utf-8"))
    return found


def _chance(*parts: object) -> random.Random:
    """A generator of its own for one matter, the same in every run."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - a corpus, not a secret


# -- the tree ------------------------------------------------------------------------------------------------------


@cache
def _children() -> dict[str, list[Division]]:
    below: dict[str, list[Division]] = {}
    for division in divisions.divisions().values():
        if division.parent:
            below.setdefault(division.parent, []).append(division)
    return below


def order(seed: int) -> list[Division]:
    """All divisions, each after the one above it, province by province: any beginning of it has whole lines."""
    chance = _chance(seed, "order")
    found = [divisions.divisions()[NATIONAL]]

    def walk(code: str) -> None:
        below = list(_children().get(code, []))
        chance.shuffle(below)
        for division in below:
            found.append(division)
            walk(division.code)

    walk(NATIONAL)
    return found


def _is_leaf(division: Division) -> bool:
    return division.level != "national" and division.code not in _children()


# -- what a plan promises ------------------------------------------------------------------------------------------


def _national_goals() -> list[Promise]:
    fields = tuple(words()["scopes"])
    return [
        Promise("equipment-investment-growth", END, ">=", Decimal(25), BASE, fields),
        Promise("energy-efficiency-of-key-industries", END, "w", measure="share"),
        Promise("grade-a-capacity-share", END, "w", measure="share"),
        Promise("digital-design-tool-adoption", END, ">", Decimal(90), measure="share"),
        Promise("key-process-cnc-rate", END, ">", Decimal(75), measure="share"),
        Promise("scrapped-car-recovery-growth", END, "~", Decimal(100), BASE),
        Promise("used-car-trade-growth", END, "=", Decimal(45), BASE),
        Promise("appliance-recovery-growth", END, "=", Decimal(30), BASE),
        Promise("recycled-material-share", END, "w", measure="share"),
    ]


@cache
def _goals(province: str, seed: int) -> tuple[Promise, ...]:
    """The goals of all plans in a province: the nine, some of them set higher than the national ones, and a first stage."""
    chance = _chance(seed, "goals", province)
    found = _national_goals()
    if province == NATIONAL:
        return tuple(found)
    fields = tuple(words()["scopes"])
    stage = [
        Promise("equipment-investment-growth", MID, ">=", Decimal(chance.randint(8, 15)), BASE, fields),
        Promise("digital-design-tool-adoption", MID, ">=", Decimal(chance.choice(["84.5", "85", "86"])), measure="share"),
        Promise("key-process-cnc-rate", MID, ">=", Decimal(chance.randint(64, 70)), measure="share"),
        Promise("used-car-trade-growth", MID, "=", Decimal(chance.randint(15, 22)), BASE),
    ]  # fmt: skip
    return (*stage, *found)


@cache
def _counts(code: str, seed: int) -> dict[str, Decimal]:
    """The counts that a division promises: the same things all over a province, a part of what is promised above."""
    division = divisions.divisions()[code]
    options = [
        count for chapter in words()["chapters"] for task in chapter["tasks"] for count in task["counts"]
    ]
    if division.level == "national":
        return {}
    if division.level == "province":
        chance = _chance(seed, "counts", code)
        chosen = chance.sample(options, len(options) - 2)
        return {c["key"]: _round(Decimal(c["size"]) * chance.randint(80, 160) / 10) for c in chosen}
    above = _counts(division.parent or NATIONAL, seed)
    siblings = len(_children()[division.parent or NATIONAL])
    chance = _chance(seed, "counts", code)
    return {
        key: _round(total / siblings * chance.randint(50, 95) / 100) if total / siblings > 2 else Decimal(1)
        for key, total in above.items()
    }


def _round(value: Decimal) -> Decimal:
    """To two significant figures, downwards: 1284 台 is printed as 1200."""
    whole = int(value)
    step = 10 ** max(0, len(str(whole)) - 2)
    return Decimal(max(1, whole // step * step))


def _own_name(division: Division) -> str:
    """What the place calls itself in its own plan: 省, 市, 区, 县, 州 …"""
    return next((end for end in ("自治区", "地区") if division.name.endswith(end)), division.name[-1])


def _slug(division: Division, round_: int) -> str:
    return f"{division.code}-{2024 + round_ % 3}" + (f"-{round_ // 3 + 1}" if round_ >= 3 else "")


@cache
def _draft(code: str, round_: int, seed: int) -> Draft:
    """A division's plan without any fault."""
    division = divisions.divisions()[code]
    slug = _slug(division, round_)
    chance = _chance(seed, slug)
    above = [_draft(upper.code, round_, seed) for upper in divisions.line(code)[1:]]
    year = 2024 + round_ % 3
    place = "" if division.level == "national" else division.name
    if division.level == "national":
        title = words()["titles"]["national"][0]
    else:
        kind = "other" if round_ == 0 else "later"
        title = chance.choice(words()["titles"][kind]).format(place=place, year=year)
    if round_ >= 3:
        title += f"（第{_NUMERALS[(round_ // 3) % 10]}批）"
    has_head = not _is_leaf(division) or chance.random() < 0.7
    number = issuer = issued = None
    if has_head:
        sign = words()["signs"].get(division.name, division.name[0])
        kinds = words()["numbers"]["national" if division.level == "national" else "other"]
        fitting = [k for k in kinds if document_numbers.judge(sign + k, code).verdict != "does_not_fit"]
        if division.level != "national":
            kinds = fitting or kinds
        serial = 7 if division.level == "national" and round_ == 0 else chance.randint(1, 60)
        number = f"{'' if division.level == 'national' else sign}{chance.choice(kinds)}〔{year}〕{serial}号"
        issuer = (
            "国务院"
            if division.level == "national"
            else chance.choice(words()["issuers"]).format(place=place)
        )
        rank = len(above)
        issued = date(year, 3, 7) + timedelta(days=45 * rank + chance.randint(0, 30))
    province = next((d.code for d in divisions.line(code) if d.level == "province"), NATIONAL)
    return Draft(
        division,
        slug,
        title,
        number,
        issuer,
        issued,
        list(_goals(province, seed)),
        _tasks(division, chance, seed),
        above,
    )


def _tasks(division: Division, chance: random.Random, seed: int) -> list[tuple[str, list[Task]]]:
    counts = _counts(division.code, seed)
    # 乌海市 calls a thing one way in all its tasks.
    names = {
        function: chance.choice(spelled.get(division.level, [""])).format(p=_own_name(division))
        for function, spelled in words()["agencies"].items()
    }
    if division.level == "national":
        names = words()["national_agencies"]
    found = []
    for chapter in words()["chapters"]:
        tasks = []
        for told in chapter["tasks"]:
            texts = chance.sample(told["texts"], chance.randint(1, len(told["texts"])))
            task = Task(chance.choice(told["titles"]), "".join(texts), list(told["agencies"]), spelled=names)
            for count in told["counts"]:
                if count["key"] in counts:
                    task.counts.append(
                        Promise(count["key"], END, ">=" if "以上" in count["form"] else "=", counts[count["key"]],
                                measure="count_cumulative", unit=count["unit"], name=chance.choice(count["names"]), form=count["form"])
                    )  # fmt: skip
            tasks.append(task)
        found.append((chance.choice(chapter["titles"]), tasks))
    return found


# -- faults --------------------------------------------------------------------------------------------------------


def _fault(
    draft: Draft, promise: Promise | None, outcome: str, rule: str, upper: Draft | None, **more: Any
) -> None:
    draft.faults.append(
        Fault(
            draft.slug,
            upper.slug if upper else None,
            promise.concept if promise else None,
            promise.year if promise else None,
            outcome,
            rule,
            words()["severities"][outcome],
            **more,
        )
    )


def _setters(draft: Draft, promise: Promise) -> list[Draft]:
    """The plans above that set the same thing for the same year."""
    keys = (promise.concept, promise.year)
    return [upper for upper in draft.above if keys in [(p.concept, p.year) for p in upper.goals]]


def _swap(draft: Draft, old: Promise, new: Promise | None) -> None:
    at = draft.goals.index(old)
    draft.goals[at : at + 1] = [new] if new else []


def _figures(draft: Draft) -> list[Promise]:
    return [goal for goal in draft.goals if goal.value is not None]


def _seed(draft: Draft, kind: str, chance: random.Random, seed: int) -> None:
    """Make one fault of a kind in a plan, and write down what must be said of it."""
    figures = _figures(draft)
    outcome, _, how = kind.partition("/")
    match outcome:
        case "lowered" | "raised":
            _seed_judged(draft, outcome, how, chance)
        case "softened":
            old = chance.choice([goal for goal in figures if goal.year == END])
            _swap(draft, old, replace(old, comparator="w", value=None, base=None))
            _against(draft, old, outcome, kind)
        case "hardened":
            said = words()["goals"]
            old = chance.choice(
                [goal for goal in draft.goals if goal.in_words and ">=" in said[goal.concept]["forms"]]
            )
            _swap(draft, old, replace(old, comparator=">=", value=Decimal(chance.randint(40, 80))))
            _against(draft, old, outcome, kind)
        case "omitted":
            old = chance.choice(draft.goals)
            _swap(draft, old, None)
            _against(draft, old, outcome, kind)
        case "narrowed" | "widened":
            old = chance.choice([goal for goal in figures if goal.scope])
            more = tuple(words()["scope_more"])
            fields = old.scope[: -chance.randint(1, 2)] if outcome == "narrowed" else old.scope + more
            _swap(draft, old, replace(old, scope=fields))
            _against(draft, old, outcome, kind)
        case "not_comparable":
            _seed_incomparable(draft, how, chance)
        case "own":
            spare = Promise("theme-parks", END, "=", Decimal(chance.randint(1, 4)), measure="count_cumulative",
                            unit="家", name="新增主题公园", form="累计{name}{v}家")  # fmt: skip
            task = next(t for _, tasks in draft.chapters for t in tasks if "culture" in t.functions)
            task.counts.append(spare)
            _fault(draft, spare, "own", kind, None)
        case _:
            _seed_inside(draft, outcome, kind, chance, seed)


def _against(draft: Draft, promise: Promise, outcome: str, rule: str, **more: Any) -> None:
    for upper in _setters(draft, promise):
        _fault(draft, promise, outcome, rule, upper, **more)


def _seed_judged(draft: Draft, outcome: str, how: str, chance: random.Random) -> None:
    figures = _figures(draft)
    if how == "comparator":
        # 达到90%以上 admits 90%, which 超过90% rules out.
        old = chance.choice([goal for goal in figures if goal.comparator == ">"])
        _swap(draft, old, replace(old, comparator=">="))
    elif how == "deadline":
        old = chance.choice([goal for goal in figures if goal.year == END])
        _swap(draft, old, replace(old, year=2030 if outcome == "lowered" else 2026))
    else:
        old = chance.choice(figures)
        assert old.value is not None
        factor = Decimal(chance.randint(55, 85)) / 100
        room = Decimal(100) - old.value if old.measure == "share" else old.value
        value = (
            int(old.value * factor)
            if outcome == "lowered"
            else int(old.value + max(Decimal(1), room * (1 - factor)))
        )
        _swap(
            draft,
            old,
            replace(old, value=Decimal(value), comparator="=" if old.comparator == "~" else old.comparator),
        )
    _against(draft, old, outcome, f"{outcome}/{how}")


def _seed_incomparable(draft: Draft, how: str, chance: random.Random) -> None:
    figures = [goal for goal in _figures(draft) if goal.year == END]
    if how == "baseline":
        old = chance.choice([goal for goal in figures if goal.base])
        _swap(draft, old, replace(old, base=2022))
    elif how == "scope":
        old = chance.choice([goal for goal in figures if goal.scope])
        _swap(draft, old, replace(old, scope=(*old.scope[:-1], *words()["scope_more"])))
    else:
        old = next(goal for goal in figures if goal.concept == "used-car-trade-growth")
        count = Promise("used-car-trade-volume", END, "=", Decimal(chance.randint(8, 90) * 100), unit="辆",
                        measure="count_in_year", name="二手汽车交易量", form="{name}达到{v}辆")  # fmt: skip
        _swap(draft, old, count)
    _against(draft, old, "not_comparable", f"not_comparable/{how}", because=how)


def _seed_inside(draft: Draft, outcome: str, kind: str, chance: random.Random, seed: int) -> None:
    """Faults inside a plan, and those between counts."""
    tasks = [task for _, tasks in draft.chapters for task in tasks]
    counted = [(task, n) for task in tasks for n in range(len(task.counts))]
    match outcome:
        case "no_agency":
            task = chance.choice(tasks)
            task.ending = "none"
            _fault(draft, None, outcome, kind, None, what=task.title)
        case "no_lead":
            task = chance.choice(tasks)
            task.ending = "no_lead"
            _fault(draft, None, outcome, kind, None, what=task.title)
        case "sum_exceeds":
            # As much as the whole above: with what the others have it is too much. Of another count than below, since
            # a single place that has more than the whole is told as that.
            task, n = chance.choice(counted[:3])
            upper = draft.above[0]
            task.counts[n] = replace(
                task.counts[n], value=_counts(upper.division.code, seed)[task.counts[n].concept]
            )
            _fault(draft, task.counts[n], outcome, kind, upper)
            draft.faults[-1] = replace(draft.faults[-1], slug=upper.slug)
        case "exceeds_parent":
            task, n = chance.choice(counted[3:])
            upper = draft.above[0]
            total = _counts(upper.division.code, seed)[task.counts[n].concept]
            task.counts[n] = replace(task.counts[n], value=_round(total * 2) + 1)
            _fault(draft, task.counts[n], outcome, kind, upper)
        case "share_mismatch":
            task, n = chance.choice(counted)
            upper, value = draft.above[0], task.counts[n].value
            total = _counts(upper.division.code, seed)[task.counts[n].concept]
            assert value is not None
            wrong = (value / total * 100 * chance.choice([2, 3])).quantize(Decimal("0.01"))
            claims: list[Decimal | None] = [None] * (len(draft.above) - 1) + [total]
            share = f"占全{_own_name(upper.division)}{wrong}%"
            draft.annex.append(AnnexRow(task.counts[n], claims, task.spelled[task.functions[0]], share))
            _fault(draft, task.counts[n], outcome, kind, upper)
        case "misquoted":
            old = chance.choice([goal for goal in _figures(draft) if goal.year == END])
            assert old.value is not None
            at = chance.randrange(len(draft.above))
            claims = [old.value] * len(draft.above)
            claims[at] = old.value + chance.randint(2, 6)
            draft.annex.append(AnnexRow(old, claims, "各牵头单位"))
            _fault(draft, old, outcome, kind, draft.above[len(draft.above) - 1 - at])
        case "body_annex_value":
            old = chance.choice([goal for goal in _figures(draft) if goal.year == END and not goal.scope])
            assert old.value is not None
            told = replace(old, value=old.value + chance.randint(1, 5))
            draft.annex.append(AnnexRow(told, [None] * len(draft.above), "各牵头单位"))
            _fault(draft, old, outcome, kind, None)
        case "part_exceeds_whole":
            task, n = chance.choice(counted)
            count = task.counts[n]
            assert count.value is not None
            task.counts[n] = replace(count, part=count.value + 29)
            _fault(draft, count, outcome, kind, None)
        case "agency_spelling":
            first, second = [task for task in tasks if task.functions[0] == "commerce"][:2]
            second.spelled = {
                **second.spelled,
                "commerce": first.spelled["commerce"].replace("商务局", "商务和粮食局"),
            }
            _fault(draft, None, outcome, kind, None, what=first.spelled["commerce"])
        case "stated_count":
            old = chance.choice([goal for goal in _figures(draft) if goal.year == END and not goal.scope])
            draft.annex.append(AnnexRow(old, [None] * len(draft.above), "各牵头单位"))
            draft.group = f"主要指标（{chance.randint(3, 9)}项）"
            _fault(draft, None, outcome, kind, None, what=draft.group)
        case "body_annex_agency":
            # A task may well have more agencies than the row of what it promises, but not the other way round.
            task, n = chance.choice(counted)
            other = chance.choice([one for one in ("civil-affairs", "taxation") if one not in task.functions])
            names = [task.spelled[task.functions[0]], task.spelled[other]]
            draft.annex.append(AnnexRow(task.counts[n], [None] * len(draft.above), "、".join(names)))
            _fault(draft, None, outcome, kind, None, what=names[1])
        case "cites_later":
            upper = draft.above[0]
            assert upper.issued
            assert upper.number
            _give_head(draft, upper.issued - timedelta(days=chance.randint(3, 40)))
            _fault(draft, None, outcome, kind, None, what=upper.number)
        case "later_below_earlier":
            ends = {goal.concept: goal for goal in _figures(draft) if goal.year == END}
            old = chance.choice([goal for goal in _figures(draft) if goal.year == MID and not goal.scope])
            end = ends[old.concept]
            assert end.value is not None
            _swap(draft, old, replace(old, value=end.value + chance.randint(2, 8)))
            _fault(draft, end, outcome, kind, None)
        case "list_coverage" | "uncovered_tasks":
            # The tasks of the first chapter, each with a plan and a list; but for one of them.
            renewed, fields = draft.chapters[0][1], words()["fields"]
            without = chance.randrange(2, len(renewed))
            for what in ("plan", "list"):
                for place, owing in enumerate(renewed):
                    if place != without or (what == "plan" and outcome == "list_coverage"):
                        owed = words()["owed"][what].format(field=fields[place])
                        draft.owed.append((what, owed, owing.spelled[owing.functions[0]]))
            due = words()["owed"]["plan"].format(field=fields[without])
            about = due if outcome == "list_coverage" else renewed[without].title
            _fault(draft, None, outcome, kind, None, what=about)
        case "document_number":
            line = "".join(one.name for one in divisions.line(draft.division.code))
            own = {words()["signs"].get(one.name) for one in divisions.line(draft.division.code)}
            others = [sign for sign in "豫皖苏浙粤川湘" if sign not in line and sign not in own]
            upper = draft.above[0]
            assert upper.issued
            number = f"{chance.choice(others)}府发〔{upper.issued.year}〕{chance.randint(1, 60)}号"
            draft.cited_as[upper.slug] = number
            _fault(draft, None, outcome, kind, None, what=number)
        case _:
            raise ValueError(f"no such kind of fault: {kind}")


def _give_head(draft: Draft, issued: date) -> None:
    """An issuer, a number and this date."""
    draft.issuer = draft.issuer or f"{draft.division.name}人民政府"
    sign = words()["signs"].get(draft.division.name, draft.division.name[0])
    draft.number = draft.number or f"{sign}府发〔{issued.year}〕8号"
    draft.issued = issued


KINDS = (
    "lowered/value", "lowered/comparator", "lowered/deadline", "raised/value", "raised/deadline", "softened", "hardened",
    "omitted", "narrowed", "widened", "own", "not_comparable/measure", "not_comparable/baseline", "not_comparable/scope",
    "no_agency", "no_lead", "exceeds_parent", "sum_exceeds", "share_mismatch", "misquoted", "body_annex_value", "body_annex_agency",
    "part_exceeds_whole", "stated_count", "agency_spelling", "document_number", "cites_later", "later_below_earlier",
    "list_coverage", "uncovered_tasks",
)  # fmt: skip
"""The kinds of faults: the outcome, and after a stroke the way it comes about."""


# -- putting it in words -------------------------------------------------------------------------------------------


class _Text:
    """A text that grows, and knows how long it is."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0

    def put(self, text: str) -> Span:
        start = self.length
        self.parts.append(text)
        self.length += len(text)
        return start, self.length


class _Writer:
    """Writes a draft as a text and, beside it, the record that is to be read from it."""

    def __init__(self, draft: Draft, chance: random.Random) -> None:
        self.draft = draft
        self.chance = chance
        self.text = _Text()
        self.head = PlanHead(
            title=draft.title,
            jurisdiction=Jurisdiction(
                name=draft.division.name, code=draft.division.code, level=draft.division.level
            ),
            issuer=draft.issuer,
            document_number=draft.number,
            issued=draft.issued,
        )
        self.record = PlanRecord(slug=draft.slug, plan=self.head)
        self.self_name = _own_name(draft.division)

    def write(self) -> Plan:
        put = self.text.put
        self._head()
        chapter = 1
        title = self.chance.choice(words()["goal_chapters"])
        put("\n\n")
        self._provision("一", title, put(f"一、{title}"))
        put("\n\n")
        self._goals("一")
        nested = self.chance.random() < 0.4
        running = self.chance.random() < 0.3
        if nested:
            put("\n\n")
            self._provision("二", "重点任务", put("二、重点任务"))
        number = 0
        for index, (heading, tasks) in enumerate(self.draft.chapters):
            put("\n\n")
            if nested:
                mark = f"（{_NUMERALS[index]}）"
                above, ancestors = f"二/{mark}", ["重点任务", heading]
                self._provision(above, heading, put(mark + heading))
            else:
                chapter += 1
                mark = _NUMERALS[chapter - 1]
                above, ancestors = mark, [heading]
                self._provision(above, heading, put(f"{mark}、{heading}"))
            number = number if running else 0
            for task in tasks:
                number += 1
                put("\n\n")
                step = str(number) if nested else f"（{_chinese(number)}）"
                self._task(task, f"{above}/{step}", f"{step}." if nested else step, ancestors)
        self._annex()
        self._owed()
        put("\n")
        text = "".join(self.text.parts)
        self.record.text_hash = hashlib.sha256(text.encode()).hexdigest()
        link(self.record)
        return Plan(self.draft.slug, self.draft.division.code, text, self.record, tuple(self.draft.faults))

    def _provision(self, path: str, heading: str, span: Span) -> None:
        self.record.provisions.append(Provision(path=path, heading=heading, span=span))

    def _head(self) -> None:
        draft, put, chance = self.draft, self.text.put, self.chance
        national = draft.division.level == "national"
        said = {"place": draft.division.name, "self": self.self_name, "title": draft.title}
        if draft.number and draft.issuer and draft.issued:
            if not national and chance.random() < 0.5:
                put(f"{draft.issuer}文件\n\n")
            put(f"{draft.number}\n\n")
            about = f"《{draft.title}》" if national else draft.title
            put(f"{draft.issuer}关于印发{about}的通知\n\n")
            readers = (
                "各省、自治区、直辖市人民政府，国务院各部委、各直属机构："
                if national
                else chance.choice(words()["readers"])
            )
            put(readers.format(**said) + "\n\n")
            put(chance.choice(words()["notices"][: 1 if national else None]).format(**said) + "\n\n")
            issued = draft.issued
            put(f"{draft.issuer}\n\n{issued.year}年{issued.month}月{issued.day}日\n\n")
        put(draft.title + "\n\n")
        before, _, after = chance.choice(words()["purposes_national" if national else "purposes"]).partition(
            "{cited}"
        )
        put(before.format(**said))
        for number, upper in enumerate(reversed(draft.above)):
            if number:
                put("、")
            cited = draft.cited_as.get(upper.slug, upper.number)
            assert cited
            span = put(f"《{upper.title}》（{cited}）")
            place = (span[1] - 1 - len(cited) + cited.index("〔"), span[1] - 1)
            self.record.non_targets.append(NonTarget(path="", text=cited, reason="document", span=place))
            self.head.cites.append(
                Citation(
                    number=cited,
                    title=upper.title,
                    relation="based_on" if before.startswith("根据") else "implements",
                    span=span,
                )
            )
        put(after.format(**said))

    # -- goals -----------------------------------------------------------------------------------------------------

    def _goals(self, path: str) -> None:
        chance, put = self.chance, self.text.put
        put(chance.choice(words()["creeds"]))
        years = sorted({goal.year for goal in self.draft.goals})
        for year in years:
            put(chance.choice(words()["to_year"]).format(year=year))
            goals = [goal for goal in self.draft.goals if goal.year == year]
            while goals:
                goal = goals.pop(0)
                if len(goals) and _go_together(goal, goals[0]) and chance.random() < 0.5:
                    self._pair(path, goal, goals.pop(0))
                else:
                    self._goal(path, goal)
                put(chance.choice("，；，") if goals else "。")
        more = chance.choice(words()["goal_ends"])
        if more and _is_leaf(self.draft.division):
            extra = Promise("", max(years), "w", name=more["name"])
            self._target(path, extra, more["text"], put(more["text"]))
            put("。")

    def _goal(self, path: str, goal: Promise) -> None:
        told = words()["goals"].get(goal.concept)
        name = goal.name or self.chance.choice(told["names"])
        form = goal.form or self.chance.choice(told["forms"][goal.comparator])
        if "约一倍" in form and goal.value != 100:
            form = "{name}较{base}年增长约{v}%"
        scope = "、".join(goal.scope) + self.chance.choice(words()["scope_ends"]) if goal.scope else ""
        value = "" if goal.value is None else f"{goal.value:f}"
        sentence = form.format(name=name, base=goal.base, v=value, scope=scope)
        span = self.text.put(sentence)
        self._target(path, replace(goal, name=name), sentence, span, scope=scope or None)

    def _pair(self, path: str, first: Promise, second: Promise) -> None:
        names = [self.chance.choice(words()["goals"][goal.concept]["names"]) for goal in (first, second)]
        word = {">": "超过", ">=": "达到"}[first.comparator]
        end = "以上" if first.comparator == ">=" else ""
        sentence = f"{names[0]}、{names[1]}分别{word}{first.value:f}%{end}、{second.value:f}%{end}"
        span = self.text.put(sentence)
        for goal, name in zip((first, second), names, strict=True):
            self._target(path, replace(goal, name=name), sentence, span)

    def _target(
        self,
        path: str,
        goal: Promise,
        quote: str,
        span: Span,
        scope: str | None = None,
        assignments: Sequence[Assignment] = (),
    ) -> None:
        comparator: Comparator = "qualitative" if goal.in_words else goal.comparator  # type: ignore[assignment]
        self.record.targets.append(
            Target(
                path=path,
                indicator=goal.name,
                value=goal.value,
                unit=None if goal.in_words else goal.unit,
                comparator=comparator,
                measure="qualitative" if goal.in_words else goal.measure,
                baseline_year=None if goal.in_words else goal.base,
                target_year=goal.year,
                scope=scope,
                quote=quote,
                span=span,
                assignments=list(assignments),
            )
        )

    # -- tasks -----------------------------------------------------------------------------------------------------

    def _task(self, task: Task, path: str, mark: str, ancestors: list[str]) -> None:
        put = self.text.put
        start = self.text.length
        put(f"{mark}{task.title}。{task.text}")
        promised: list[tuple[Promise, str, Span]] = []
        for number, count in enumerate(task.counts):
            put(f"到{count.year}年，" if number == 0 else "，")
            assert count.value is not None
            sentence = count.form.format(name=count.name, v=f"{count.value:f}")
            promised.append((count, sentence, put(sentence)))
            if count.part is not None:
                put("（其中")
                inside = f"乡镇{count.part:f}{count.unit}"
                part = replace(count, name=f"{count.name}（乡镇）", comparator="=", value=count.part)
                promised.append((part, inside, put(inside)))
                put("）")
        if promised:
            put("。")
        assignments = self._ending(task)
        span = (start, self.text.length)
        self._provision(path, task.title, span)
        self.record.actions.append(
            Action(path=path, title=task.title, ancestors=list(ancestors), assignments=assignments, span=span)
        )
        for count, sentence, place in promised:
            self._target(path, count, sentence, place)

    def _ending(self, task: Task) -> list[Assignment]:
        if task.ending == "none":
            return []
        style = self.style
        if task.ending == "no_lead":
            style = {"text": words()["no_lead"], "roles": ["responsible", "responsible"]}
        names = [task.spelled[function] for function in task.functions]
        found: list[Assignment] = []

        def name(given: str, role: Role) -> None:
            found.append(Assignment(agency=given, role=role, span=self.text.put(given)))

        for part in _split(style["text"]):
            if part == "{a}":
                name(names[0], style["roles"][0])
            elif part == "{b}":
                for number, given in enumerate(names[1:]):
                    if number:
                        self.text.put("、")
                    name(given, style["roles"][1])
            else:
                self.text.put(part)
        return found

    @property
    def style(self) -> dict[str, Any]:
        """How this plan ends its tasks."""
        if not hasattr(self, "_style"):
            self._style: dict[str, Any] = self.chance.choice(words()["endings"])
        return self._style

    # -- the annex -------------------------------------------------------------------------------------------------

    def _annex(self) -> None:
        if not self.draft.annex:
            return
        put = self.text.put
        uppers = list(reversed(self.draft.above))
        own = _own_name(self.draft.division)
        levels = ["国家", *(_own_name(upper.division) for upper in uppers[1:]), own]
        # A city of a county's rank has a city above it too.
        levels[-1] = f"本{own}" if levels.count(own) > 1 else own
        group = ["类别"] if self.draft.group else []
        columns = ["序号", *group, "指标名称", *(f"{level}指标" for level in levels), "责任单位", "备注"]
        put("\n\n附件\n\n指标任务清单\n")
        for cells in (columns, ["", *("" for _ in group), "", *(f"{END}年" for _ in levels), "", ""]):
            put("".join(f"\t{cell}\n" for cell in cells) + "\n")
        rows: list[dict[str, str | None]] = []
        for number, row in enumerate(self.draft.annex, 1):
            self._row(number, row, uppers)
            put("\n")
        self.record.tables.append(Table(path="附件", title="指标任务清单", columns=columns, rows=rows))

    def _owed(self) -> None:
        """The annex of plans and lists."""
        if not self.draft.owed:
            return
        put, columns = self.text.put, ["序号", "主要任务", "责任单位"]
        put("\n\n附件\n\n重点工作清单\n")
        for cells in (columns, *([str(n), *owed[1:]] for n, owed in enumerate(self.draft.owed, 1))):
            put("".join(f"\t{cell}\n" for cell in cells) + "\n")
        rows: list[dict[str, str | None]] = [
            dict(zip(columns, (str(n), *owed[1:]), strict=True)) for n, owed in enumerate(self.draft.owed, 1)
        ]
        self.record.tables.append(Table(path="附件", title="重点工作清单", columns=columns, rows=rows))

    def _row(self, number: int, row: AnnexRow, uppers: list[Draft]) -> None:
        put, promise = self.text.put, row.promise
        name = promise.name or words()["goals"][promise.concept]["names"][0]
        group = f"\t{self.draft.group}\n" if self.draft.group else ""
        put(f"\t{number}\n{group}\t{name}\n")
        path = f"附件/{number}"
        for upper, value in zip(uppers, row.claims, strict=True):
            if value is None:
                put("\t/\n")
                continue
            printed = f"{value:f}{promise.unit}"
            put("\t")
            span = put(printed)
            put("\n")
            self.record.cited_targets.append(
                CitedTarget(
                    path=path, indicator=name, value=value, unit=promise.unit, comparator="=", measure=promise.measure,
                    baseline_year=promise.base, target_year=promise.year, quote=printed, span=span, origin="table",
                    claimed_level=upper.division.level, claimed_jurisdiction=upper.division.name,
                )
            )  # fmt: skip
        printed = f"{promise.value:f}{promise.unit}"
        put("\t")
        span = put(printed)
        put("\n\t")
        agencies: list[Assignment] = []
        for told in row.agency.split("、"):
            put("、" if agencies else "")
            agencies.append(Assignment(agency=told, role="responsible", span=put(told)))
        put(f"\n\t{row.share}\n")
        self._target(path, replace(promise, name=name, comparator="="), printed, span, assignments=agencies)
        self.record.targets[-1].origin = "table"


def _go_together(first: Promise, second: Promise) -> bool:
    pair = ("digital-design-tool-adoption", "key-process-cnc-rate")
    return (
        (first.concept, second.concept) == pair
        and first.comparator == second.comparator
        and first.comparator in (">", ">=")
    )


def _chinese(number: int) -> str:
    """1 to 99 in Chinese numerals."""
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else "十" if tens == 1 else f"{_NUMERALS[tens - 1]}十") + (
        _NUMERALS[ones - 1] if ones else ""
    )


def _split(text: str) -> list[str]:
    """The parts of a template, names apart."""
    found, rest = [], text
    while rest:
        at = min((rest.find(mark) for mark in ("{a}", "{b}") if mark in rest), default=-1)
        if at < 0:
            found.append(rest)
            break
        found += [rest[:at], rest[at : at + 3]] if at else [rest[:3]]
        rest = rest[at + 3 :]
    return found


# -- the corpus ----------------------------------------------------------------------------------------------------


def plans(count: int, seed: int = 1, seeded: float = 0.3, kinds: Sequence[str] = KINDS) -> Iterator[Plan]:
    """``count`` plans, those above first; a part ``seeded`` of those with nothing below them has a fault each.

    The kinds of faults take turns, so that each has about as many.
    """
    places = order(seed)
    turn = 0
    for index in range(count):
        round_, at = divmod(index, len(places))
        division = places[at]
        draft = _draft(division.code, round_, seed)
        chance = _chance(seed, draft.slug, "words")
        if _is_leaf(division) and len(draft.above) >= 2 and chance.random() < seeded:
            draft = _copy(draft)
            if kinds[turn % len(kinds)] == "sum_exceeds" and places[at - 1].code == division.parent:
                turn += 1  # the first place below another: there is nothing yet to add it to
            _seed(draft, kinds[turn % len(kinds)], chance, seed)
            turn += 1
        yield _Writer(draft, chance).write()


def _copy(draft: Draft) -> Draft:
    chapters = [
        (title, [replace(task, counts=list(task.counts)) for task in tasks])
        for title, tasks in draft.chapters
    ]
    return replace(
        draft, goals=list(draft.goals), chapters=chapters, annex=[], faults=[], cited_as={}, owed=[]
    )


def write(folder: Path, count: int, seed: int = 1, seeded: float = 0.3, kinds: Sequence[str] = KINDS) -> None:
    """Write a corpus into a folder, one plan at a time: texts, catalog.yaml, truth.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "catalog.yaml").open("w", encoding="utf-8") as catalog,
        (folder / "truth.jsonl").open("w", encoding="utf-8") as truth,
    ):
        catalog.write("documents:\n")
        for plan in plans(count, seed, seeded, kinds):
            (folder / f"{plan.slug}.txt").write_text(plan.text, encoding="utf-8")
            catalog.write(f"  - {json.dumps(plan.entry, ensure_ascii=False)}\n")
            for fault in plan.faults:
                truth.write(json.dumps(fault.__dict__, ensure_ascii=False) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeded", type=float, default=0.3)
    given = parser.parse_args()
    write(given.folder, given.plans, given.seed, given.seeded)


if __name__ == "__main__":
    main()
