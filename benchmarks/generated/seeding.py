"""Faults made in a plan on purpose: one of a kind, and what is to be reported of it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from benchmarks.generated.chance import words
from benchmarks.generated.drafting import counts_of, rounded
from benchmarks.generated.drafts import END, MID, AnnexRow, Draft, Fault, Promise
from benchmarks.generated.places import own_name
from graph import divisions

KINDS = (
    "lowered/value", "lowered/comparator", "lowered/deadline", "raised/value", "raised/deadline", "softened", "hardened",
    "omitted", "narrowed", "widened", "own", "not_comparable/measure", "not_comparable/baseline", "not_comparable/scope",
    "no_agency", "no_lead", "exceeds_parent", "sum_exceeds", "share_mismatch", "misquoted", "body_annex_value", "body_annex_agency",
    "part_exceeds_whole", "stated_count", "agency_spelling", "document_number", "cites_later", "later_below_earlier",
    "list_coverage", "uncovered_tasks",
)  # fmt: skip
"""The kinds of faults: the outcome, and after a stroke the way it comes about."""


def seed_fault(draft: Draft, kind: str, chance: random.Random, seed: int) -> None:
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
                task.counts[n], value=counts_of(upper.division.code, seed)[task.counts[n].concept]
            )
            _fault(draft, task.counts[n], outcome, kind, upper)
            draft.faults[-1] = replace(draft.faults[-1], slug=upper.slug)
        case "exceeds_parent":
            task, n = chance.choice(counted[3:])
            upper = draft.above[0]
            total = counts_of(upper.division.code, seed)[task.counts[n].concept]
            task.counts[n] = replace(task.counts[n], value=rounded(total * 2) + 1)
            _fault(draft, task.counts[n], outcome, kind, upper)
        case "share_mismatch":
            task, n = chance.choice(counted)
            upper, value = draft.above[0], task.counts[n].value
            total = counts_of(upper.division.code, seed)[task.counts[n].concept]
            assert value is not None
            wrong = (value / total * 100 * chance.choice([2, 3])).quantize(Decimal("0.01"))
            claims: list[Decimal | None] = [None] * (len(draft.above) - 1) + [total]
            share = f"占全{own_name(upper.division)}{wrong}%"
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
