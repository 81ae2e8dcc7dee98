"""Versions of one plan: a draft and what was issued, an issue and its amendment.

Two documents are versions when they are of one place and family and have one title, the marks of a draft and of an
amendment and the years in brackets aside, and their years do not differ. A 行动方案 and the 补贴实施细则 that follows from
it have two titles: they are two plans.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from graph.known_documents import title_key
from graph.record import PlanRecord

_YEARS = re.compile(r"(20\d\d)年?\s*[—–\-~～至到]+\s*(20\d\d)年")
_ONE_YEAR = re.compile(r"(20\d\d)年(?:度)?")
_AMENDED = re.compile(r"[（(](?:(20\d\d)年)?(?:修订|修正|修改|调整)(?:版|本)?[）)]|(?:修订|修正)(?:版|本)$")
# What stands in brackets and is no other document: years, marks of a draft.
_STAGES = ("代拟|初稿|草案|草稿", "讨论", "征求意见|征询意见", "修改", "报批|送审|审议|审定")


def chains(records: Iterable[PlanRecord]) -> list[list[str]]:
    """The slugs of documents that are versions of one plan, the earliest first; plans with one version are left out.

    A version that a person names (``revision_of``) is believed before any title.
    """
    found: dict[tuple[str, str, str], list[PlanRecord]] = {}
    by_slug = {record.slug: record for record in records}
    for record in by_slug.values():
        head = record.plan
        if head.jurisdiction.code:
            found.setdefault((head.jurisdiction.code, head.family or "", _bare(head.title)), []).append(
                record
            )
    groups: list[list[PlanRecord]] = []
    for same in found.values():
        groups += _by_years(same)
    for record in by_slug.values():
        earlier = by_slug.get(record.revision_of or "")
        if earlier is None:
            continue
        mine = next(group for group in groups if record in group) if _grouped(record, groups) else [record]
        if earlier in mine:
            continue
        other = (
            next(group for group in groups if earlier in group) if _grouped(earlier, groups) else [earlier]
        )
        groups = [group for group in groups if group is not mine and group is not other] + [other + mine]
    made = [_ordered(group) for group in groups if len(group) > 1]
    return sorted([record.slug for record in group] for group in made)


def by_slug(records: Iterable[PlanRecord]) -> dict[str, list[str]]:
    """The same, by each of the slugs."""
    return {slug: chain for chain in chains(records) for slug in chain}


def _grouped(record: PlanRecord, groups: list[list[PlanRecord]]) -> bool:
    return any(record in group for group in groups)


def _bare(title: str) -> str:
    return title_key(_AMENDED.sub("", title))


def years_of(title: str) -> tuple[str, ...]:
    """The years that a title gives its plan: 2024—2027年 is two, 2025年度 one; the year of an amendment is none."""
    title = _AMENDED.sub("", title)
    span = _YEARS.search(title)
    return span.groups() if span else tuple(_ONE_YEAR.findall(title))


def _by_years(same: list[PlanRecord]) -> list[list[PlanRecord]]:
    """Documents of one title by the years that they are for; one that names no years goes with the only others."""
    by_years: dict[tuple[str, ...], list[PlanRecord]] = {}
    for record in same:
        by_years.setdefault(years_of(record.plan.title), []).append(record)
    unnamed = by_years.pop((), [])
    if not by_years:
        return [unnamed]
    if len(by_years) == 1:
        return [[*unnamed, *next(iter(by_years.values()))]]
    return [*by_years.values(), *([unnamed] if unnamed else [])]


def _ordered(group: list[PlanRecord]) -> list[PlanRecord]:
    """The earliest first: drafts by their stage, then what was issued by its date, amendments after what they amend."""

    def weight(record: PlanRecord) -> tuple[bool, int, bool, str, str]:
        head = record.plan
        day = head.issued or head.printed
        stage = next((n for n, words in enumerate(_STAGES) if re.search(words, head.title)), 0)
        draft = head.status == "draft"
        return not draft, stage if draft else 0, _is_amended(head.title), str(day or ""), record.slug

    ordered = sorted(group, key=weight)
    for record in group:
        earlier = next((one for one in ordered if one.slug == record.revision_of), None)
        if earlier and ordered.index(earlier) > ordered.index(record):
            ordered.remove(record)
            ordered.insert(ordered.index(earlier) + 1, record)
    return ordered


def _is_amended(title: str) -> bool:
    return bool(_AMENDED.search(title))
