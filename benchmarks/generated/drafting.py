"""A division's plan without any fault: what it promises follows from the plans above it, the seed and its slug alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from benchmarks.generated.chance import chance_of, words
from benchmarks.generated.drafts import BASE, END, MID, NUMERALS, Draft, Promise, Task
from benchmarks.generated.places import children, is_leaf, own_name, slug_of
from graph import divisions, document_numbers
from graph.divisions import NATIONAL, Division


@cache
def draft_of(code: str, round_: int, seed: int) -> Draft:
    """A division's plan without any fault."""
    division = divisions.divisions()[code]
    slug = slug_of(division, round_)
    chance = chance_of(seed, slug)
    above = [draft_of(upper.code, round_, seed) for upper in divisions.line(code)[1:]]
    year = 2024 + round_ % 3
    place = "" if division.level == "national" else division.name
    if division.level == "national":
        title = words()["titles"]["national"][0]
    else:
        kind = "other" if round_ == 0 else "later"
        title = chance.choice(words()["titles"][kind]).format(place=place, year=year)
    if round_ >= 3:
        title += f"（第{NUMERALS[(round_ // 3) % 10]}批）"
    has_head = not is_leaf(division) or chance.random() < 0.7
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


def copy_of(draft: Draft) -> Draft:
    """The same, to make a fault in: drafts are shared by those below them."""
    chapters = [
        (title, [replace(task, counts=list(task.counts)) for task in tasks])
        for title, tasks in draft.chapters
    ]
    return replace(
        draft, goals=list(draft.goals), chapters=chapters, annex=[], faults=[], cited_as={}, owed=[]
    )


# -- what it promises ----------------------------------------------------------------------------------------------


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
    chance = chance_of(seed, "goals", province)
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
def counts_of(code: str, seed: int) -> dict[str, Decimal]:
    """The counts that a division promises: the same things all over a province, a part of what is promised above."""
    division = divisions.divisions()[code]
    options = [
        count for chapter in words()["chapters"] for task in chapter["tasks"] for count in task["counts"]
    ]
    if division.level == "national":
        return {}
    if division.level == "province":
        chance = chance_of(seed, "counts", code)
        chosen = chance.sample(options, len(options) - 2)
        return {c["key"]: rounded(Decimal(c["size"]) * chance.randint(80, 160) / 10) for c in chosen}
    above = counts_of(division.parent or NATIONAL, seed)
    siblings = len(children()[division.parent or NATIONAL])
    chance = chance_of(seed, "counts", code)
    return {
        key: rounded(total / siblings * chance.randint(50, 95) / 100) if total / siblings > 2 else Decimal(1)
        for key, total in above.items()
    }


def rounded(value: Decimal) -> Decimal:
    """To two significant figures, downwards: 1284 台 is printed as 1200."""
    whole = int(value)
    step = 10 ** max(0, len(str(whole)) - 2)
    return Decimal(max(1, whole // step * step))


def _tasks(division: Division, chance: random.Random, seed: int) -> list[tuple[str, list[Task]]]:
    counts = counts_of(division.code, seed)
    # 乌海市 calls a thing one way in all its tasks.
    names = {
        function: chance.choice(spelled.get(division.level, [""])).format(p=own_name(division))
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
