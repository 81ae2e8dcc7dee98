"""Outline to record: the tasks with their agencies, and the targets of every section.

A year governs what follows it, across sentences, until the next year or the next heading.
"""

from __future__ import annotations

import re

from graph import clauses
from graph.agencies import role_groups
from graph.clauses import Years
from graph.heads import read_head
from graph.outline import Part, Section, parts, tree
from graph.reading import text_hash
from graph.record import Action, Assignment, PlanRecord, Provision
from graph.targets import SentenceReader

# Sections that say what is to be reached, not what is to be done.
_GOALS = re.compile(r"目标|总体要求|总体思路|指导思想|基本原则|工作原则|工作思路|总体考虑|总体部署")
_NO_TASK = re.compile(r"名词解释|起草背景|编制依据|现状|形势|附则|有关说明")
# A year that is no base (较2023年), no limit (到2027年) and no date (2024年6月): 2024年，…增长10%.
_PLAIN_YEAR = re.compile(r"(?<![较比到至])(20\d\d)年[，,]?(?![—\-至])(?!\d{0,2}月)")


def extract(text: str, slug: str = "", code: str | None = None) -> PlanRecord:
    """Read a document's text into a record; ``code`` is the division's code where the catalogue knows it."""
    found = parts(text)
    record = PlanRecord(slug=slug, text_hash=text_hash(text), plan=read_head(found, code))
    plan = next(part for part in found if part.kind == "plan")
    first_year = _first_year(record, plan)
    for section in tree(plan).walk():
        if section.number:
            record.provisions.append(
                Provision(path=section.path, heading=section.title, span=section.heading.span())
            )
        _read_section(record, section, first_year)
    record.targets.sort(key=lambda target: target.span or (0, 0))
    return record


def _first_year(record: PlanRecord, plan: Part) -> int | None:
    """The year a plan begins in: that of its issue, else the earliest year that it sets targets for."""
    if record.plan.issued:
        return record.plan.issued.year
    years = [int(found) for block in plan.blocks for found in _PLAIN_YEAR.findall(block.text)]
    return min(years, default=None)


def _read_section(record: PlanRecord, section: Section, first_year: int | None) -> None:
    """Read the blocks below one heading: the agencies of the task first, then its sentences."""
    goals = any(_GOALS.search(node.title) for node in section.line())
    own: list[Assignment] = []
    years = Years()
    for block in section.body:
        groups = role_groups(block)
        assignments = [assignment for group in groups for assignment in group.assignments]
        # ——目标（牵头部门：…）: the bracket of a listed item belongs to the targets of the item.
        item = clauses.is_item(block) and bool(groups)
        if not item:
            own += assignments
        for sentence in clauses.sentences(block, groups):
            reader = SentenceReader(sentence, section.path, years, goals=goals, first_year=first_year).read()
            for target in reader.targets if item else ():
                target.assignments = assignments
            record.targets += reader.targets
            record.non_targets += reader.non_targets
    task = section.number and not goals and not _NO_TASK.search(section.title)
    if task and (own or not section.children):
        end = section.body[-1].at[-1] + 1 if section.body else section.heading.span()[1]
        record.actions.append(
            Action(
                path=section.path,
                title=section.title,
                ancestors=[node.title for node in section.line()[:-1]],
                assignments=own,
                span=(section.heading.at[0], end),
            )
        )
