"""A draft put in words: the text of a plan and, beside it, the record that a careful reader makes of it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.generated.chance import words
from benchmarks.generated.drafts import END, NUMERALS, AnnexRow, Draft, Fault, Promise, Task
from benchmarks.generated.places import is_leaf, own_name
from graph.linking import link
from graph.record import (
    Action,
    Assignment,
    Citation,
    CitedTarget,
    Comparator,
    Jurisdiction,
    NonTarget,
    PlanHead,
    PlanRecord,
    Provision,
    Role,
    Span,
    Table,
    Target,
)


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


class Writer:
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
        self.self_name = own_name(draft.division)

    def write(self) -> Plan:
        """The plan. Once: what is drawn follows from what was drawn before."""
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
                mark = f"（{NUMERALS[index]}）"
                above, ancestors = f"二/{mark}", ["重点任务", heading]
                self._provision(above, heading, put(mark + heading))
            else:
                chapter += 1
                mark = NUMERALS[chapter - 1]
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
        if more and is_leaf(self.draft.division):
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
        own = own_name(self.draft.division)
        levels = ["国家", *(own_name(upper.division) for upper in uppers[1:]), own]
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
    return ("" if tens == 0 else "十" if tens == 1 else f"{NUMERALS[tens - 1]}十") + (
        NUMERALS[ones - 1] if ones else ""
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
