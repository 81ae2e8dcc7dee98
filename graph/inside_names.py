"""Names of agencies held against each other: which are spellings of one body, and which a plan spells in two ways."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from graph import agency_names, divisions
from graph.agency_identity import AgencyIdentity, identify
from graph.inside_check import Check, Passage
from graph.inside_rows import agency_cells, find, names_in
from graph.quotes import Words
from graph.record import PlanRecord
from graph.shares import row_path
from ontology.vocabulary import remembered


def spellings(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """One agency in two spellings, each told once beside the body's commonest."""
    places: dict[str, list[Passage]] = {}
    for action in record.actions:
        for one in action.assignments:
            places.setdefault(one.agency, []).append(Passage(action.path, one.agency, one.span))
    for owed in record.deliverables:
        for one in owed.assignments:
            places.setdefault(one.agency, []).append(Passage(owed.path, one.agency, one.span))
    in_body = set(places)
    for table in record.tables:
        for number, row in enumerate(table.rows, 1):
            path = row_path(table.path, row, number)
            for name in names_in("、".join(agency_cells(row))):
                places.setdefault(name, []).append(Passage(path, name, find(words, name, table, row)))
    names = [name for name in places if not is_several(name) and not re.search("[（()）]", name)]
    by_ends: dict[tuple[str, str], list[str]] = {}
    for name in names:
        by_ends.setdefault((name[0], name[-1]), []).append(name)
    for alike in by_ends.values():
        ordered = sorted(alike, key=lambda name: (name not in in_body, -len(places[name]), len(name)))
        told: set[str] = set()
        for number, name in enumerate(ordered):
            for other in ordered[number + 1 :]:
                if other not in told and same_body(name, other):
                    told.add(other)
                    yield Check("agency_spelling", places[name][0], places[other][0], label=name)


def lacking(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """The names of single bodies that are among the others in no spelling."""
    return tuple(
        name
        for name in dict.fromkeys(names)
        if not is_several(name) and not any(same_body(name, other) for other in others)
    )


def is_several(name: str) -> bool:
    """各街道, 管委会, 区直有关部门, 各牵头单位: not one body that one could miss."""
    return agency_names.is_collective(name) or bool(
        re.search(r"^各|管委会$|街道|乡镇|园区|^(?:其他|有关|相关)|(?:部门|单位)$", name)
    )


def same_body(one: str, other: str) -> bool:
    """Whether two names are spellings of one body: 区城管局 and 区城市管理执法局, 区市场监管局 and 区市场监督管理局."""
    (one, first), (other, second) = _body(one), _body(other)
    if one == other:
        return True
    if (first.code, first.key) == (second.code, second.key):
        return True
    if first.key.isascii() and second.key.isascii():
        return False  # two principal bodies, each of its own functions
    short, long = sorted((one, other), key=len)
    if short[:1] != long[:1] or short[-1:] != long[-1:] or len(short) < 3:
        return False
    rest = iter(long)
    if not all(char in rest for char in short):
        return False
    functions = set(first.functions), set(second.functions)
    return not all(functions) or bool(functions[0] & functions[1])


@remembered
def _body(name: str) -> tuple[str, AgencyIdentity]:
    """A name without what stands in brackets, and who that is: each name is held against dozens of others."""
    bare = re.sub(r"[（(][^（()）]*[）)]|[（()）]", "", name)
    return bare, identify(bare, divisions.NATIONAL)
