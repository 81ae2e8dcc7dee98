"""Who does it: read the brackets and lines that assign agencies to a task or a target.

The forms read here, all common to the genre:

- labels: （牵头单位：甲；责任单位：乙、丙）, 〔责任单位：…〕, （牵头部门：甲，配合部门：乙等部门按职责分工负责）;
- verbs: （甲牵头，乙、丙配合）, （甲、乙等部门按职责分工负责）, （甲负责）;
- lines of their own: 牵头单位：甲;
- a bracket inside a name: 区财政局（金融办）; an alias that the text defines: 各街道办事处<含…，下同>.

The labels are the altLabels of the role vocabulary; the verbs are grammar and stand here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from graph.reading import Passage
from graph.record import Assignment, Role
from ontology.vocabulary import load_vocabularies

_OPEN, _CLOSE = "（(〔【［[<＜〈", "）)〕】］]>＞〉"
# What ends the name of a body: needed to tell 甲和乙 (two bodies) from 自然资源和规划局 (one).
_BODY_END = "局委办厅部院所站社会司队处署行团校区府心场"
_LEVEL_START = "国省市区县旗州盟镇乡各本有"
# 等部门, 等有关单位: the list is open and nobody more is named. 等各相关部门 names a collective and is kept.
_OPEN_END = re.compile(r"等(?:\d+个?)?(?:有关|相关|责任|其他)?(?:部门|单位|部委|机构|成员单位)?$")
_VERBS: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("lead", re.compile(r"(?:共同|联合)?牵头(?:负责|落实|组织)?$|^由?(?P<x>.+)牵头$")),
    ("supporting", re.compile(r"(?:积极)?(?:配合|协助|协同|参与|参加)(?:落实|实施)?$")),
    (
        "undifferentiated",
        re.compile(
            r"(?:按照?)?(?:各自)?(?:职责|职能|任务|职责任务)?(?:分工)?(?:分别|共同)?(?:负责|落实|组织实施)$"
        ),
    ),
)
_DUTY = re.compile(
    r"(?:按照?)?(?:各自)?(?:职责|职能)(?:分工)?(?:分别|共同)?(?:负责|落实)[。；;]?$|分工负责[。；;]?$"
)
# 各街道办事处<含金水办事处，下同>: the last bracket of a name that says whom the name includes.
_ALIAS = re.compile(
    rf"[{re.escape(_OPEN)}]((?:含|包括|包含|下称|以下简称)[^{re.escape(_OPEN)}]*|[^{re.escape(_OPEN)}]*下同)[{re.escape(_CLOSE)}]$"
)
_NO_AGENCY = re.compile(r"完成时限|完成时间|时间节点|实施期限|责任人|备注")


@dataclass(frozen=True)
class RoleGroup:
    """A bracket or line that assigns agencies: characters ``start`` … ``end`` of its passage."""

    start: int
    end: int
    assignments: tuple[Assignment, ...]


@cache
def _labels() -> tuple[re.Pattern[str], dict[str, Role]]:
    roles: dict[str, Role] = {}
    for concept in load_vocabularies().scheme("role"):
        role: Role = concept.key  # type: ignore[assignment]
        for label in (concept.label_zh, *concept.alt_labels):
            if re.search(r"(?:单位|部门|机构|领导|处室|主体|地区)$", label):
                roles[label] = role
    names = "|".join(sorted(map(re.escape, roles), key=len, reverse=True))
    return re.compile(rf"(?P<label>{names})(?:及(?:责任)?分工|名称)?[:：]"), roles


def role_groups(passage: Passage) -> list[RoleGroup]:
    """Every group of agencies in a paragraph, in order, with spans into the kept text."""
    pattern, _ = _labels()
    if pattern.match(passage.text):
        found = _labelled(passage)
        return [RoleGroup(0, len(passage), tuple(found))] if found else []
    groups: list[RoleGroup] = []
    position = 0
    while position < len(passage):
        if passage.text[position] in _OPEN:
            end = _closing(passage.text, position)
            inner = passage.cut(position + 1, end - 1)
            found = _inside(inner)
            if found:
                groups.append(RoleGroup(position, end, tuple(found)))
                position = end
                continue
        position += 1
    return groups


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at ``start`` is over; brackets of any two shapes may pair, as they do in print."""
    depth = 0
    for position in range(start, min(len(text), start + 1500)):
        depth += (text[position] in _OPEN) - (text[position] in _CLOSE)
        if depth == 0:
            return position + 1
    return start + 1


def _inside(inner: Passage) -> list[Assignment]:
    if len(inner) < 3:
        return []
    pattern, _ = _labels()
    if pattern.match(inner.text):
        return _labelled(inner)
    text = inner.text.rstrip("。；;")
    if (
        re.search(r"(?:负责|牵头|配合|落实|参与)$", text)
        and re.search(r"[局委办厅部院府门位]", text)
        and "：" not in text
    ):
        return _verbal(inner.cut(0, len(text)))
    return []


def _labelled(passage: Passage) -> list[Assignment]:
    """甲 after each label, up to the next label."""
    pattern, roles = _labels()
    marks = [mark for mark in pattern.finditer(passage.text) if _level(passage.text, mark.start()) == 0]
    found: list[Assignment] = []
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(passage)
        stop = _NO_AGENCY.search(passage.text, mark.end(), end)
        end = stop.start() if stop else end
        # 牵头部门：甲、乙等部门按职责分工负责: the label has said the role, the verb adds nothing.
        duty = _DUTY.search(passage.text, mark.end(), end)
        found += _names(passage.cut(mark.end(), duty.start() if duty else end), roles[mark.group("label")])
    return found


def _verbal(passage: Passage) -> list[Assignment]:
    """甲牵头，乙、丙配合: the verb at the end of a list says the role of its names."""
    pieces: list[tuple[int, int]] = []
    start = 0
    for position, char in enumerate(passage.text):
        ends_list = re.search(r"(?:牵头|负责|配合|协助|参与|落实)$", passage.text[start:position])
        if char in "，,；;" and _level(passage.text, position) == 0 and ends_list:
            pieces.append((start, position))
            start = position + 1
    pieces.append((start, len(passage)))
    found: list[Assignment] = []
    led = False
    for start, end in pieces:
        piece = passage.text[start:end]
        role: Role = "undifferentiated"
        for candidate, verb in _VERBS:
            match = verb.search(piece)
            if match:
                role = candidate
                end = start + (
                    match.start() if "x" not in match.groupdict() or not match["x"] else len(piece) - 2
                )
                break
        if led and role == "undifferentiated":
            role = "responsible"
        led = led or role == "lead"
        found += _names(passage.cut(start, end), role)
    return found


def _level(text: str, position: int) -> int:
    before = text[:position]
    return sum(char in _OPEN for char in before) - sum(char in _CLOSE for char in before)


def _names(passage: Passage, role: Role) -> list[Assignment]:
    """Split a list of names and clean each one; names keep the brackets that are part of them."""
    found: list[Assignment] = []
    start = 0
    for end in [*_cuts(passage.text), len(passage)]:
        piece = passage.cut(start, end)
        start = (
            end + 1
            if passage.text[end : end + 1] in "、，,；;。 \t/"
            else end + len(_conjunction(passage.text[end:]))
        )
        found += _name(piece, role)
    return found


def _conjunction(text: str) -> str:
    match = re.match(r"以及|和|及|与", text)
    return match.group() if match else ""


def _cuts(text: str) -> list[int]:
    cuts: list[int] = []
    for position, char in enumerate(text):
        if _level(text, position):
            continue
        joined = _conjunction(text[position:])
        if char in "、，,；;。 \t/":
            cuts.append(position)
        elif joined and position > 0 and text[position - 1] in _BODY_END:
            after = text[position + len(joined) : position + len(joined) + 1]
            if after and after in _LEVEL_START:
                cuts.append(position)
    return cuts


def _name(piece: Passage, role: Role) -> list[Assignment]:
    text = piece.text
    begin = len(text) - len(text.lstrip('由：:“"（( '))
    end = len(text.rstrip('。；;：:”" '))
    # A closing bracket that never opened is a slip of the pen (各街道、管委会））.
    while end > begin and text[end - 1] in _CLOSE and _level(text[begin:end], end - begin) < 0:
        end -= 1
    if end <= begin:
        return []
    text = text[begin:end]
    split = re.search(r"等(?=各)", text)
    if split:
        # 区财政局等各相关部门: one named body and one collective.
        return _name(piece.cut(begin, begin + split.start()), role) + _name(
            piece.cut(begin + split.end(), end), role
        )
    opened = _OPEN_END.search(text)
    if opened and opened.start() > 0:
        text = text[: opened.start()]
        end = begin + opened.start()
    members: list[str] = []
    alias = _ALIAS.search(text)
    if alias:
        listed = re.sub(r"^(?:含|包括|包含)|[，,]?下同$", "", alias.group(1))
        members = [name for name in re.split("[、，,；]", listed) if name]
        end = begin + alias.start()
        text = text[: alias.start()]
    if not 2 <= len(text) <= 40:
        return []
    return [Assignment(agency=text, role=role, members=members, span=piece.span(begin, end))]
