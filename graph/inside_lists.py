"""Counts that a plan states of its own parts, and annexes that leave out a field or a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from graph import linking
from graph.inside_check import Check, Passage
from graph.inside_rows import find
from graph.quotes import Words
from graph.record import Action, PlanRecord, Table
from graph.tables import NAME, SERIAL, TASK, VALUE, column_kind
from ontology.vocabulary import load_vocabularies

_FIELDS = 3
"""How many fields both sides must name before one of them can be said to leave one out."""


def stated_counts(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """共19条, 22项指标, 分领域实施方案（8项）: counts that a document gives of its own parts, where those are sure."""
    indicators = [table for table in record.tables if _is_indicator_table(table)]
    for count in record.stated_counts:
        counted: int | None = None
        before = count.quote[: max(0, count.quote.find(str(count.value)))]
        if re.search(r"共(?:有|计|分)?$", before) and re.match(
            rf"{count.value}条", count.quote[len(before) :]
        ):
            counted = _articles(record)
        elif (
            len(indicators) == 1
            and re.search(r"共设置|最终设置|共设|设置了?|共有", before)
            and "其中" not in before
            and re.match(rf"{count.value}(?:项|个)(?:目标)?(?:任务)?指标", count.quote[len(before) :])
        ):
            counted = len(indicators[0].rows)
        if counted is not None and counted != count.value:
            yield Check(
                "stated_count",
                Passage("", count.quote, count.span),
                label=count.what,
                stated=Decimal(count.value),
                counted=Decimal(counted),
            )
    for table in record.tables:
        groups: dict[str, int] = {}
        for row in table.rows:
            groups[row.get("类别") or ""] = groups.get(row.get("类别") or "", 0) + 1
        for group, rows in groups.items():
            match = re.search(r"[（(]共?(\d{1,3})[项个条家][）)]$", group)
            if match and int(match[1]) != rows:
                yield Check(
                    "stated_count",
                    Passage(table.path, group, find(words, group, table)),
                    label=group[: match.start()],
                    stated=Decimal(match[1]),
                    counted=Decimal(rows),
                )


def _is_indicator_table(table: Table) -> bool:
    kinds = [column_kind(name) for name in table.columns]
    return VALUE in kinds and (NAME in kinds or SERIAL in kinds)


def _articles(record: PlanRecord) -> int | None:
    """How many numbered articles a plan has: 第一条 …, numbers that run on through it, else （一） … of its chapters."""
    body = [one.path for one in record.provisions if not one.path.startswith("附")]
    articles = [path for path in body if re.search(r"(?:^|/)第[^/]+条$", path)]
    if articles:
        return len(articles)
    running = [(path.rpartition("/")[0], int(path.rpartition("/")[2])) for path in body if path[-1].isdigit()]
    if [number for _, number in running] == list(range(1, len(running) + 1)) and len(
        {p for p, _ in running}
    ) > 1:
        return len(running)
    second = [path for path in body if path.count("/") == 1]
    chapters = {path for path in body if "/" not in path}
    # A chapter without parts counts as one in some plans and not in others.
    return len(second) if second and chapters == {path.split("/")[0] for path in second} else None


def coverage(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """An annex that asks for a plan for each field and a list for each: fields that have only the one.

    Only where both name at least three fields in common; 工业, 农业 and the like, by the words of the rows.
    """
    for table in record.tables:
        task = next((name for name in table.columns if column_kind(name) in (TASK, NAME)), None)
        if task is None:
            continue
        fields: dict[str, dict[str, str]] = {"plan": {}, "list": {}}
        for row in table.rows:
            what = row.get(task) or ""
            kind = "plan" if re.search(r"方案$", what) else "list" if re.search(r"清单$", what) else None
            if kind and not _whole_plan(record, what):
                for link in linking.domains(what):
                    fields[kind].setdefault(link.concept, what)
        plans, lists = fields["plan"], fields["list"]
        if len(plans.keys() & lists.keys()) < _FIELDS:
            continue
        only_plan, only_list = plans.keys() - lists.keys(), lists.keys() - plans.keys()
        if only_plan or only_list:
            first = next((plans[key] for key in plans if key in only_plan), next(iter(plans.values())))
            second = next((lists[key] for key in lists if key in only_list), next(iter(lists.values())))
            yield Check(
                "list_coverage",
                Passage(table.path, first, find(words, first, table)),
                Passage(table.path, second, find(words, second, table)),
                label=table.title,
                only_first=tuple(dict.fromkeys(plans[key] for key in plans if key in only_plan)),
                only_second=tuple(dict.fromkeys(lists[key] for key in lists if key in only_list)),
            )


def uncovered(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """Tasks whose field no row of an annex takes up, in a chapter of which it takes up at least three others."""
    for table in record.tables:
        task = next((name for name in table.columns if column_kind(name) in (TASK, NAME)), None)
        owed = [row.get(task or "") or "" for row in table.rows]
        owed = [what for what in owed if re.search("(?:方案|清单)$", what) and not _whole_plan(record, what)]
        taken = {link.concept for what in owed for link in linking.domains(what)}
        chapters: dict[str, list[Action]] = {}
        for action in record.actions:
            chapters.setdefault(action.path.rpartition("/")[0], []).append(action)
        for tasks in chapters.values():
            known = [action for action in tasks if action.domains]
            missing = [action for action in known if not taken & _with_broader(action.domains)]
            direct = {key for action in known for key in action.domains} & taken
            if missing and len(direct) >= _FIELDS:
                yield Check(
                    "uncovered_tasks",
                    Passage(table.path, owed[0], find(words, owed[0], table)),
                    Passage(missing[0].path, missing[0].title),
                    label=table.title,
                    only_second=tuple(action.title for action in missing),
                )


def _with_broader(keys: Sequence[str]) -> set[str]:
    vocabularies = load_vocabularies()
    found = set(keys)
    for key in keys:
        found |= {one.key for one in vocabularies.ancestors(vocabularies.concept("domain", key))}
    return found


def _whole_plan(record: PlanRecord, what: str) -> bool:
    """制定某区推动…实施方案: the plan itself, not one for a field."""
    return record.plan.title in what or what.removeprefix("制定") in record.plan.title
