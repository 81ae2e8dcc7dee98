"""Outline to record: the tasks with their agencies, and the targets of every section.

A year governs what follows it, across sentences, until the next year or the next heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from graph import clauses
from graph.agencies import RoleGroup, role_groups
from graph.annexes import read_annexes
from graph.arrangements import read_arrangements
from graph.clauses import Years
from graph.explanation import read_explanation
from graph.heads import read_head
from graph.outline import Part, Section, parts, tree
from graph.reading import Passage, text_hash
from graph.record import Action, Assignment, PlanRecord, Provision, Target
from graph.sources import Grid
from graph.targets import SentenceReader

# Sections that say what is to be reached, not what is to be done.
# 目标人群, 目标责任制 are words of tasks.
_GOALS = re.compile(
    r"目标(?:$|[和与及、：:]|要求|任务|思路|定位)|总体要求|总体思路|指导思想|基本原则|工作原则|工作思路|总体考虑|总体部署"
)
_NO_TASK = re.compile(
    r"名词解释|起草背景|编制依据|现状|形势|附则|有关说明|规划基础|发展基础|工作基础|主要成效|工作成效|情况说明|起(?:施行|实施|执行)|负责解释"
)
# Of these, the ones that tell what has been reached: their figures are facts until a year that is to come.
_BACKGROUND = re.compile(
    r"背景|现状|形势|回顾|(?:主要|工作|发展|取得)的?成效|^(?:发展|规划|工作|现实|前期)?基础(?:$|[和与及、])"
)
_DEADLINE = re.compile(
    r"(?:完成时限|完成时间|完成期限|时间节点|时限要求|时间要求|实施期限)[:：][^；;。]{0,12}?(20\d\d)年"
)
# A year that is no base (较2023年), no limit (到2027年) and no date (2024年6月): 2024年，…增长10%.
_PLAIN_YEAR = re.compile(r"(?<![较比到至])(20\d\d)年[，,]?(?![—\-至])(?!\d{0,2}月)")


def extract(text: str, slug: str = "", code: str | None = None, grids: Sequence[Grid] = ()) -> PlanRecord:
    """Read a document's text into a record.

    ``code`` is the division's code where the catalogue knows it; ``grids`` are the tables that the file marks as such.
    """
    found = parts(text, [grid.span for grid in grids])
    record = PlanRecord(slug=slug, text_hash=text_hash(text), plan=read_head(found, code))
    plan = next(part for part in found if part.kind == "plan")
    first_year = _first_year(record, plan)
    for section in tree(plan).walk():
        if section.number:
            record.provisions.append(
                Provision(path=section.path, heading=section.title, span=section.heading.span())
            )
        read_arrangements(record, section, _read_section(record, section, first_year))
    read_explanation(record, found)
    read_annexes(record, text, found, grids, first_year)
    record.targets.sort(key=lambda target: target.span or (0, 0))
    return record


def _first_year(record: PlanRecord, plan: Part) -> int | None:
    """The year a plan begins in: the first of its title, that of its issue, else the earliest that it sets targets for."""
    titled = re.search(r"(20\d\d)(?:年|[—–\-~～至])", record.plan.title)
    if titled:
        return int(titled[1])
    day = record.plan.issued or record.plan.printed
    if day:
        return day.year
    years = [int(found) for block in plan.blocks for found in _PLAIN_YEAR.findall(block.text)]
    return min(years, default=None)


def _read_section(record: PlanRecord, section: Section, first_year: int | None) -> list[Passage]:
    """Read the blocks below one heading: the agencies of the task first, then its sentences, which it returns."""
    goals = any(_GOALS.search(node.title) for node in section.line())
    background = bool(_BACKGROUND.search(section.title)) and not goals
    own: list[Assignment] = []
    years = Years()
    passages: list[Passage] = []
    first = len(record.targets)
    served: list[tuple[list[Target], list[Assignment]]] = []
    for block in section.body:
        groups = role_groups(block)
        assignments = [assignment for group in groups for assignment in group.assignments]
        # ——目标（牵头部门：…）: the bracket of a listed item belongs to the targets of the item.
        item = clauses.is_item(block) and bool(groups) and groups[0].start > 2
        if not item:
            own += assignments
        read: list[tuple[int, list[Target]]] = []
        for sentence in clauses.sentences(block, groups):
            passages.append(sentence)
            if not clauses.goes_on(block, sentence):
                years.past, years.subject = background, ""
            reader = SentenceReader(sentence, section.path, years, goals=goals, first_year=first_year).read()
            for target in reader.targets if item else ():
                target.assignments = assignments
            record.targets += reader.targets
            record.cited_targets += reader.cited
            record.non_targets += reader.non_targets
            read.append((sentence.at[0], reader.targets))
        served += [] if item else _served(block, groups, read)
    if len(served) > 1:
        # Several brackets in one task: each is for the sentences before it.
        for targets, assignments in served:
            for target in targets:
                target.assignments = assignments
    _due(section, record.targets[first:])
    task = section.number and not goals and not _NO_TASK.search(section.title)
    if task and (own or not section.children):
        end = section.body[-1].at[-1] + 1 if section.body else section.heading.span()[1]
        record.actions.append(
            Action(
                path=section.path,
                title=section.title,
                ancestors=[node.title for node in section.line()[:-1]],
                assignments=_once(own),
                span=(section.heading.at[0], end),
            )
        )
    return passages


def _served(
    block: Passage, groups: list[RoleGroup], read: list[tuple[int, list[Target]]]
) -> list[tuple[list[Target], list[Assignment]]]:
    """Each bracket of a paragraph with the targets of the sentences since the one before it."""
    served: list[tuple[list[Target], list[Assignment]]] = []
    waiting = list(read)
    for group in groups:
        before = [targets for place, targets in waiting if place < block.at[group.start]]
        waiting = waiting[len(before) :]
        if before:
            served.append(([target for targets in before for target in targets], list(group.assignments)))
    return served


def _due(section: Section, targets: list[Target]) -> None:
    """完成时限：2025年12月: the year of the targets that name none of their own."""
    for block in section.body:
        deadline = _DEADLINE.search(block.text)
        if deadline:
            for target in targets:
                target.target_year = target.target_year or int(deadline[1])


def _once(assignments: list[Assignment]) -> list[Assignment]:
    """Each agency once in a role: several brackets of one task may name it again."""
    return list({(one.agency, one.role): one for one in reversed(assignments)}.values())[::-1]
