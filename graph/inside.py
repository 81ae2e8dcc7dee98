"""Checks inside one plan: what it says in two places that do not agree.

Each check finds pairs of passages and says nothing of how grave they are: the shapes do (``shapes/inside.ttl``). They
work on the record, and on the text where it is at hand, since annex tables stay in the record and are not in the graph.
A check that cannot be sure of what it compares finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graph import agency_names, divisions, intervals, linking
from graph.agency_identity import AgencyIdentity, identify
from graph.clauses import Years
from graph.comparing import direction, is_of_a_part
from graph.known_documents import KnownDocuments, own_number
from graph.quotes import Words
from graph.reading import squeeze
from graph.record import Action, PlanRecord, Span, Table, Target
from graph.shares import row_path
from graph.tables import AGENCY, HEADING, LEAD, NAME, SERIAL, TASK, VALUE, column_kind
from graph.targets import SentenceReader
from ontology.vocabulary import load_vocabularies, remembered

CheckKind = Literal[
    "body_annex_value",
    "body_annex_agency",
    "later_below_earlier",
    "stated_count",
    "part_exceeds_whole",
    "agency_spelling",
    "list_coverage",
    "uncovered_tasks",
    "document_number",
    "cites_later",
]


@dataclass(frozen=True)
class Passage:
    """One passage that a check holds up: ``target`` is the number of the target that it is, where it is one.

    ``exact`` is what stands at the span, where that is not the quote. ``document`` is the slug of another document that
    it tells of, as of the one that a citation should name.
    """

    path: str
    quote: str
    span: Span | None = None
    value: Decimal | None = None
    unit: str | None = None
    target: int | None = None
    exact: str | None = None
    document: str | None = None


@dataclass(frozen=True)
class Check:
    """Something in one plan that does not agree with itself.

    ``only_first`` and ``only_second`` are names that one of the passages has and the other lacks; ``stated`` and
    ``counted`` are numbers; ``label`` is what the check is about, for people: a task, a name, a kind of item.
    """

    kind: CheckKind
    first: Passage
    second: Passage | None = None
    label: str | None = None
    concept: str | None = None
    year: int | None = None
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    stated: Decimal | None = None
    counted: Decimal | None = None
    units_differ: bool = False


def checks(record: PlanRecord, text: str | None = None, known: KnownDocuments | None = None) -> list[Check]:
    """All that does not agree in one plan, in a fixed order.

    Args:
        record: the plan, linked. A record made by hand holds what was seen, so it is only checked for its targets.
        text: the kept text that the spans point into.
        known: the documents that are known, to hold citations against.
    """
    found = [*_later_below_earlier(record), *_parts(record, text)]
    if record.text_hash is not None:
        words = Words(text) if text is not None and record.tables else None
        found += _annex_values(record, words)
        found += _annex_agencies(record, words)
        found += _stated_counts(record, words)
        found += _spellings(record, words)
        found += _coverage(record, words)
        found += _uncovered(record, words)
    head = record.plan
    if head.document_number and own_number(head)[1] == "wrong-form":
        name = head.jurisdiction.name
        found.append(Check("document_number", Passage("", head.document_number), label=name))
    if known is not None:
        for citation, second, label, document in known.misfits(record):
            kind: CheckKind = "document_number" if label is not None else "cites_later"
            said = "".join((citation.title or "", citation.number or ""))
            # The span's own words are those that the citation has it by.
            first = Passage("", said, citation.span, exact=citation.title or citation.number)
            found.append(
                Check(
                    kind,
                    first,
                    Passage("", second, document=document) if second else None,
                    label=label or None,
                )
            )
    return found


def agencies_in_text(record: PlanRecord, text: str | None) -> dict[int, tuple[str, ...]]:
    """By the number of the task: agencies that its sentences name, where no bracket assigns it to anybody.

    Only names that the plan uses elsewhere count, so that nothing is taken for an agency that is none.
    """
    if text is None:
        return {}
    names = {one.agency for action in record.actions for one in action.assignments}
    names |= {one.agency for owed in record.deliverables for one in owed.assignments}
    names = {name for name in names if len(name) >= 3 and not agency_names.is_collective(name)}
    found: dict[int, tuple[str, ...]] = {}
    for number, action in enumerate(record.actions):
        if action.assignments or action.span is None:
            continue
        body = squeeze(text[slice(*action.span)]).text
        said = tuple(sorted((name for name in names if name in body), key=body.index))
        if said:
            found[number] = said
    return found


# -- figures ---------------------------------------------------------------------------------------------------


def _passage(number: int, target: Target) -> Passage:
    return Passage(target.path, target.quote, target.span, target.value, target.unit, number)


def _later_below_earlier(record: PlanRecord) -> Iterator[Check]:
    """What must not fall on the way: shares, growth over one base, and what is counted up."""
    series: dict[tuple[str, frozenset[str]], list[tuple[int, Target]]] = {}
    for number, target in enumerate(record.targets, 1):
        if target.value is not None and target.target_year is not None and target.origin != "explanation":
            key = (linking.comparison_key(target), frozenset(target.scope_domains))
            series.setdefault(key, []).append((number, target))
    for found in series.values():
        found.sort(key=lambda pair: pair[1].target_year or 0)
        for place, (number, later) in enumerate(found):
            before = [pair for pair in found[:place] if _must_not_fall(pair[1], later)]
            if before and (later.target_year or 0) > (before[-1][1].target_year or 0):
                earlier = before[-1]
                yield Check(
                    "later_below_earlier",
                    _passage(number, later),
                    _passage(*earlier),
                    label=later.indicator,
                    concept=later.concept,
                    year=later.target_year,
                )
                break


# What a measure may not fall below, by the later one.
_BEFORE = {
    "count_cumulative": ("count_cumulative", "count_in_year"),
    "share": ("share",),
    "growth_rate": ("growth_rate",),
}


def _must_not_fall(earlier: Target, later: Target) -> bool:
    if not linking.same_unit(earlier.unit or "", later.unit or ""):
        return False
    if (earlier.scope or "") != (later.scope or "") and "重点领域" not in (
        (later.scope or "") + (earlier.scope or "")
    ):
        return False
    before = _BEFORE.get(later.measure, ())
    if earlier.measure not in before:
        return False
    if later.measure == "growth_rate" and not (
        later.baseline_year and later.baseline_year == earlier.baseline_year
    ):
        return False
    return intervals.compare(later, earlier, direction(later, earlier)) == "less"


def _parts(record: PlanRecord, text: str | None) -> Iterator[Check]:
    """更新79套（阀门类108台）; 绿色工厂6家，其中国家级8家: a part larger than the whole."""
    for number, (whole, part) in enumerate(zip(record.targets, record.targets[1:], strict=False), 1):
        if whole.value is None or part.value is None or part.value <= whole.value:
            continue
        if not (is_of_a_part(whole) and is_of_a_part(part)) or whole.path != part.path:
            continue
        if whole.target_year != part.target_year or whole.origin != part.origin:
            continue
        if not (_is_bracket(whole, part) or _is_among(whole, part, text)):
            continue
        # 108 valves may well belong to 79 sets: where the units differ one can only ask.
        same = (whole.unit or "") == (part.unit or "")
        yield Check(
            "part_exceeds_whole",
            _passage(number, whole),
            _passage(number + 1, part),
            label=whole.indicator,
            concept=whole.concept,
            year=whole.target_year,
            units_differ=not same,
        )


def _is_bracket(whole: Target, part: Target) -> bool:
    rest = part.indicator.removeprefix(whole.indicator)
    return rest != part.indicator and bool(re.fullmatch(r"[（(][^（()）]+[）)]", rest))


def _is_among(whole: Target, part: Target, text: str | None) -> bool:
    if text is None or whole.span is None or part.span is None or part.span[0] < whole.span[1]:
        return False
    between = squeeze(text[whole.span[1] : part.span[1]]).text
    return bool(re.match(r"(?:以上|左右)?[，,；;（(]?其中", between)) and "。" not in between


# -- body and annex ----------------------------------------------------------------------------------------------


def _annex_values(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """Figures of an annex that differ from those of the body, of one indicator, year and way of measuring."""
    body: dict[tuple[str, int | None], list[tuple[int, Target]]] = {}
    for number, target in enumerate(record.targets, 1):
        if target.origin == "body" and target.value is not None:
            body.setdefault((linking.comparison_key(target), target.target_year), []).append((number, target))
    for number, target in enumerate(record.targets, 1):
        if target.origin == "table" and target.value is not None:
            yield from _differs(_passage(number, target), target, body)
    for table in record.tables:
        titles = {action.title for action in record.actions}
        for row_number, row in enumerate(table.rows, 1):
            if not any(_bare(cell) in titles for cell in row.values() if cell):
                continue
            for name, cell in row.items():
                if cell is None or column_kind(name) not in (TASK, HEADING) or not re.search(r"\d", cell):
                    continue
                path = row_path(table.path, row, row_number)
                for target in _read(record, cell):
                    span = _find(words, target.quote, table, row)
                    passage = Passage(path, target.quote, span, target.value, target.unit)
                    yield from _differs(passage, target, body)


def _read(record: PlanRecord, cell: str) -> list[Target]:
    """The targets that a cell's sentences set, linked as those of the body are."""
    years, found = Years(), list[Target]()
    for sentence in re.split("(?<=[。；])", cell):
        if sentence.strip("。； "):
            reader = SentenceReader(
                squeeze(sentence.rstrip("。；")), "", years, goals=False, first_year=_first_year(record)
            ).read()
            years = reader.years
            found += reader.targets
    for target in found:
        target.link = linking.indicator(target.indicator, target.measure, target.unit or "")
        target.concept = target.link.concept if target.link else None
    return [target for target in found if target.value is not None]


def _first_year(record: PlanRecord) -> int | None:
    years = [target.target_year for target in record.targets if target.target_year]
    return min(years, default=None)


def _differs(
    passage: Passage, target: Target, body: dict[tuple[str, int | None], list[tuple[int, Target]]]
) -> Iterator[Check]:
    said = [
        (number, one)
        for number, one in body.get((linking.comparison_key(target), target.target_year), [])
        if linking.same_unit(one.unit or "", target.unit or "")
        and (one.measure == target.measure or (is_of_a_part(one) and is_of_a_part(target)))
    ]
    if said and not any(intervals.same_figure(one, target) for _, one in said):
        number, one = said[0]
        yield Check(
            "body_annex_value",
            _passage(number, one),
            passage,
            label=one.indicator,
            concept=one.concept,
            year=one.target_year,
        )


def _annex_agencies(record: PlanRecord, words: Words | None) -> Iterator[Check]:
    """Who is responsible by the annex and by the task: of the same task, or of the task with the same target."""
    titled: dict[str, list[Action]] = {}
    for action in record.actions:
        titled.setdefault(_bare(action.title), []).append(action)
    by_path = {action.path: action for action in record.actions}
    bodies: dict[tuple[str, int | None], Target] = {}
    for target in record.targets:
        if target.origin == "body" and target.path in by_path:
            bodies.setdefault((linking.comparison_key(target), target.target_year), target)
    rows: dict[str, list[Target]] = {}
    for target in record.targets:
        if target.origin == "table":
            rows.setdefault(target.path, []).append(target)
    for table in record.tables:
        for number, row in enumerate(table.rows, 1):
            path = row_path(table.path, row, number)
            lead, others = _row_agencies(row)
            if not lead and not others:
                continue
            named = [titled[_bare(cell)] for cell in row.values() if cell and _bare(cell) in titled]
            if named and len(named[0]) == 1:
                yield from _against_task(record, named[0][0], lead, others, path, row, table, words)
            elif path in rows:
                yield from _against_target(
                    record, rows[path], by_path, bodies, lead + others, path, row, table, words
                )


def _row_agencies(row: dict[str, str | None]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    lead: list[str] = []
    others: list[str] = []
    for name, cell in row.items():
        kind = column_kind(name)
        if cell and kind in AGENCY:
            (lead if kind == LEAD else others).extend(_names(cell))
    return tuple(lead), tuple(others)


def _names(cell: str) -> list[str]:
    bare = re.sub(r"[（(][^（()）]*[）)]|[（()）]", "", cell)
    return [name.removesuffix("等") for name in re.split("[、，,；;]", bare) if len(name) > 1]


def _against_task(
    record: PlanRecord,
    action: Action,
    lead: Sequence[str],
    others: Sequence[str],
    path: str,
    row: dict[str, str | None],
    table: Table,
    words: Words | None,
) -> Iterator[Check]:
    if not action.assignments:
        return
    mine = [one.agency for one in action.assignments]
    theirs = [*lead, *others]
    only_body = _lacking(mine, theirs)
    only_annex = _lacking(theirs, mine)
    leaders = [one.agency for one in action.assignments if one.role == "lead"]
    if leaders and lead and not only_body and not only_annex:
        # Named in both, but in another part: who leads differs.
        only_body, only_annex = _lacking(leaders, lead), _lacking(lead, leaders)
    if only_body or only_annex:
        yield Check(
            "body_annex_agency",
            _of_task(action, words),
            _of_row(path, row, table, words),
            label=action.title,
            only_first=only_body,
            only_second=only_annex,
        )


def _against_target(
    record: PlanRecord,
    targets: Sequence[Target],
    by_path: dict[str, Action],
    bodies: dict[tuple[str, int | None], Target],
    names: Sequence[str],
    path: str,
    row: dict[str, str | None],
    table: Table,
    words: Words | None,
) -> Iterator[Check]:
    """An indicator's agency is one of those of the task that sets it; the task may well have more."""
    for target in targets:
        twin = bodies.get((linking.comparison_key(target), target.target_year))
        action = by_path.get(twin.path) if twin else None
        if action is None or not action.assignments:
            continue
        missing = _lacking(names, [one.agency for one in action.assignments])
        if missing:
            yield Check(
                "body_annex_agency",
                _of_task(action, words),
                _of_row(path, row, table, words),
                label=target.indicator,
                only_second=missing,
            )
        return


def _row_text(row: dict[str, str | None]) -> list[str]:
    return [cell for name, cell in row.items() if cell and column_kind(name) in AGENCY]


def _of_task(action: Action, words: Words | None) -> Passage:
    """The agencies of a task as one passage."""
    spans = [one.span for one in action.assignments if one.span]
    span = (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None
    quote = "、".join(one.agency for one in action.assignments)
    exact = words.printed(span) if words and span and len(spans) > 1 else None
    return Passage(action.path, quote, span, exact=exact)


def _of_row(path: str, row: dict[str, str | None], table: Table, words: Words | None) -> Passage:
    """The agencies of a row as one passage; its span is that of the last cell with any."""
    cells = _row_text(row)
    span = _find(words, cells[-1], table, row) if cells else None
    return Passage(path, "；".join(cells), span, exact=cells[-1] if span else None)


def _lacking(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """The names of single bodies that are among the others in no spelling."""
    return tuple(
        name
        for name in dict.fromkeys(names)
        if not _is_several(name) and not any(same_body(name, other) for other in others)
    )


def _is_several(name: str) -> bool:
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


def _spellings(record: PlanRecord, words: Words | None) -> Iterator[Check]:
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
            for name in _names("、".join(_row_text(row))):
                places.setdefault(name, []).append(Passage(path, name, _find(words, name, table, row)))
    names = [name for name in places if not _is_several(name) and not re.search("[（()）]", name)]
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


# -- counts and lists ----------------------------------------------------------------------------------------------


def _stated_counts(record: PlanRecord, words: Words | None) -> Iterator[Check]:
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
                    Passage(table.path, group, _find(words, group, table)),
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


_FIELDS = 3


def _coverage(record: PlanRecord, words: Words | None) -> Iterator[Check]:
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
                Passage(table.path, first, _find(words, first, table)),
                Passage(table.path, second, _find(words, second, table)),
                label=table.title,
                only_first=tuple(dict.fromkeys(plans[key] for key in plans if key in only_plan)),
                only_second=tuple(dict.fromkeys(lists[key] for key in lists if key in only_list)),
            )


def _uncovered(record: PlanRecord, words: Words | None) -> Iterator[Check]:
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
                    Passage(table.path, owed[0], _find(words, owed[0], table)),
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


def _bare(cell: str) -> str:
    return cell.strip("。；;，, ")


def _find(
    words: Words | None, quote: str, table: Table, row: dict[str, str | None] | None = None
) -> Span | None:
    """Where a cell's words stand in the kept text, inside their table and behind the longest cell of their row."""
    if words is None or not quote:
        return None
    found = words.find(quote, table.span)
    longest = max((cell for cell in (row or {}).values() if cell), key=len, default="")
    anchor = next(iter(words.find(longest, table.span)), None) if row else None
    behind = [span for span in found if anchor is None or span[0] >= anchor[0]]
    return next(iter(behind or found), None)


__all__ = ["Check", "CheckKind", "Passage", "agencies_in_text", "checks", "same_body"]
