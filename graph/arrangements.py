"""Arrangements: the mechanisms, stages and owed documents that a plan's text sets up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from graph.agencies import name_list
from graph.outline import Section
from graph.reading import Passage
from graph.record import Deliverable, Mechanism, PlanRecord, Stage

_Kind = Literal["coordination", "list", "reporting", "incentive", "other"]
# 建立…机制, 实行…制度, 组织…联席会议: the verb, then what is set up.
_SET_UP = re.compile(
    r"(?:建立健全|建立完善|健全完善|建立|健全|完善|成立|组建|设立|实行|实施|落实|推行|采用|采取|依托|发挥)"
    r"(?P<name>[^，。；、由]{0,40}?(?:联席会议(?:制度|机制)?|协调机制|推进机制|工作机制|长效机制|对接机制|联动机制|调度机制|会商机制"
    r"|[^，。；、]{0,16}机制|领导小组|工作专班|专班|工作组|备案制))"
)
# 建立由…领衔的工作推进机制; 建立日常调度、联席会议、项目推进等工作机制: a long name with commas in it.
_SET_UP_LONG = re.compile(
    r"(?:建立健全|建立完善|建立|健全|完善|成立)(?:由[^。；]{2,80}?的(?P<name>[^，。；]{2,40}?机制|[^，。；]{2,30}?领导小组)"
    r"|(?P<listed>(?:[^，。；、]{2,12}、)+[^，。；、]{2,12}等[^，。；、]{0,8}机制))"
)
_LISTS = re.compile(
    r"(?:建立|编制|形成|制定|完善|围绕|以)?(?P<name>[“\"]?[两二三四五六七八九十][张个]清单[”\"]?)"
)
_ROUTINE = re.compile(
    r"(?P<frequency>每月|每季度|每半年|每年|每周|定期|不定期)(?P<name>(?:调度|通报|梳理|会商|报告|研究|评估)[^，。；]{0,12})"
)
_AGENCY = re.compile(
    r"(?P<name>(?:[省市区县州旗]|各)[^，。；、“”（）]{1,12}?(?:局|委|办|厅|部|中心))(?=牵头|会同|负责|为召集人|要|组织)"
)
_STAGE = re.compile(r"(?:阶段|第[一二三四]步)$")
_DEADLINE = re.compile(
    r"(?:20\d\d年)?(?:\d{1,2}月)?(?:\d{1,2}日|底|上旬|中旬|下旬)?(?:前|以前|之前|止)|20\d\d年\d{1,2}月[^，。；]{0,10}20\d\d年\d{1,2}月"
)
# 在收到…要求后10个工作日内出台: a deadline counted from an event.
_WITHIN = re.compile(
    r"(?:收到|印发|发布|下发|接到)[^，。；]{0,30}?后?\d{1,3}个?(?:工作日|日|天|月)(?:以|之)?内"
)
_OWED = re.compile(
    r"(?:由)?(?P<who>[省市区县][^。；]{1,160}?)(?:等(?:部门|单位))?(?:牵头|分别牵头|分别)?[，,]?(?:牵头)?[，,]?(?:分别)?(?:研究)?(?:制定|编制|出台|形成)(?P<what>[^，。；]{2,40}?(?:方案|清单|图谱|细则|指南|措施|政策))"
)


def read_arrangements(record: PlanRecord, section: Section, passages: Sequence[Passage]) -> None:
    """Read one section, cut into its sentences, into the record's mechanisms, stages and deliverables."""
    if not section.number:
        return
    if _STAGE.search(section.title):
        text = "".join(block.text for block in section.body)
        end = section.body[-1].at[-1] + 1 if section.body else section.heading.span()[1]
        deadline = _DEADLINE.search(section.heading.text) or _DEADLINE.search(text) or _WITHIN.search(text)
        record.stages.append(
            Stage(
                path=section.path,
                title=section.title,
                deadline=deadline.group() if deadline and re.search(r"\d", deadline.group()) else None,
                quote=section.title,
                span=(section.heading.at[0], end),
            )
        )
    for sentence in passages:
        agencies = [match["name"] for match in _AGENCY.finditer(sentence.text)]
        _mechanisms(record, section, sentence, agencies)
        _owed(record, section, sentence)


def _mechanisms(record: PlanRecord, section: Section, sentence: Passage, agencies: list[str]) -> None:
    covered: list[tuple[int, int]] = []
    for pattern in (_SET_UP_LONG, _SET_UP, _LISTS, _ROUTINE):
        for match in pattern.finditer(sentence.text):
            groups = match.groupdict()
            name = (groups["name"] or groups.get("listed") or "").strip("的 ")
            if re.fullmatch(r"“[^“”]*”", name):
                name = name[1:-1]
            if len(name) < 3 or any(start <= match.start() < end for start, end in covered):
                continue
            covered.append(match.span())
            record.mechanisms.append(
                Mechanism(
                    path=section.path,
                    name=name,
                    kind=_kind(name),
                    agencies=agencies,
                    frequency=groups.get("frequency"),
                    quote=match.group(),
                    span=sentence.span(*match.span()),
                )
            )


def _owed(record: PlanRecord, section: Section, sentence: Passage) -> None:
    """由甲、乙分别制定…专项方案: read only where all that stands before the verb is names of bodies."""
    for match in _OWED.finditer(sentence.text):
        listed = name_list(sentence.cut(*match.span("who")), "lead")
        if not listed or not all(re.search(r"[局委办厅部社]$", one.agency) for one in listed):
            continue
        record.deliverables.append(
            Deliverable(
                path=section.path,
                name=match["what"].lstrip("了各本"),
                kind="list" if match["what"].endswith(("清单", "图谱")) else "plan",
                assignments=listed,
                quote=match.group(),
                span=sentence.span(match.start(), match.end()),
            )
        )


def _kind(name: str) -> _Kind:
    if "清单" in name:
        return "list"
    if re.search("联席会议|协调|推进|领导小组|专班|工作机制|联动|会商|工作组|对接", name):
        return "coordination"
    if re.search("调度|通报|报告|梳理|督导|评估", name):
        return "reporting"
    return "incentive" if re.search("激励|约束|奖", name) else "other"
