"""Who does it: read the brackets and lines that assign agencies to a task or a target.

The forms read here, all common to the genre:

- labels: （牵头单位：甲；责任单位：乙、丙）, 〔责任单位：…〕, （牵头部门：甲，配合部门：乙等部门按职责分工负责）;
- verbs: （甲牵头，乙、丙配合）, （甲、乙等部门按职责分工负责）, （甲负责）;
- lines of their own, and labels at the end of a paragraph: 牵头单位：甲; 【责任单位】甲;
- a list of bodies and nothing else: （甲、乙）, where a sentence or a title has just ended;
- running text: 由甲牵头，会同乙、丙制定…;
- a bracket inside a name: 区财政局（金融办）; an alias that the text defines: 各街道办事处<含…，下同>.

The labels are the altLabels of the role vocabulary; the verbs are grammar and stand here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from graph.reading import Passage
from graph.record import Assignment, Role
from ontology.vocabulary import load_vocabularies, remembered

_OPEN, _CLOSE = "（(〔【［[<＜〈", "）)〕】］]>＞〉"
_BRACKET = re.compile(rf"[{re.escape(_OPEN + _CLOSE)}](?!(?<=[<>＜＞])\d)")  # but not in 参保率＞95%
_FIELD = re.compile("[:：】〕]")
# What ends the name of a body: needed to tell 甲和乙 (two bodies) from 自然资源和规划局 (one).
_BODY_END = "局委办厅部院所站社会司队处署行团校区府心场门位县市乡镇道）"
_LEVEL_START = "国省市区县旗州盟镇乡各本有"
# 等部门, 等有关单位: the list is open and nobody more is named. 等各相关部门 names a collective and is kept.
_OPEN_END = re.compile(
    r"等(?:\d+个?)?(?:(?:[省市区县州]|中央|国家)(?:级|直))?(?:有关|相关|责任|其他|成员|职能)*(?:部门|单位|部委|机构)?(?:[和及、]单位)?$"
)
_VERBS: tuple[tuple[Role, re.Pattern[str]], ...] = (
    ("lead", re.compile(r"(?:共同|联合)?牵头(?:负责|落实|组织)?$|^由?(?P<x>.+)牵头$")),
    ("supporting", re.compile(r"(?:积极)?(?:配合|协助|协同|参与|参加)(?:落实|实施)?$")),
    (
        "undifferentiated",
        re.compile(
            r"(?:按照?)?(?:各自)?(?:职责|职能|任务|职责任务)?(?:分工)?(?:分别|共同)?(?:负责落实|负责|落实|组织实施)$"
        ),
    ),
)
_ENDS_LIST = re.compile(r"(?:牵头|负责|配合|协助|参与|落实)$")
_DUTY = re.compile(
    r"(?:按照?)?(?:各自)?(?:职责|职能)(?:分工)?(?:分别|共同)?(?:负责|落实)[。；;]?$|分工负责[。；;]?$"
)
# 各街道办事处<含金水办事处，下同>: the last bracket of a name that says whom the name includes.
_ALIAS = re.compile(
    rf"[{re.escape(_OPEN)}]((?:含|包括|包含|下称|以下简称)[^{re.escape(_OPEN)}]*|[^{re.escape(_OPEN)}]*下同)[{re.escape(_CLOSE)}]$"
)
# Other fields of the same bracket or line: they end the list before them.
_NO_AGENCY = re.compile(
    r"完成时限|完成时间|完成期限|时间节点|时限要求|时间要求|时间安排|实施期限|责任人|责任领导|分管领导|牵头领导|包保领导|联系人|备注"
    r"|(?<=[；;，,。])[\u4e00-\u9fff]{2,8}[:：]"
)
# A name that ends like the name of a body: what a bare list （甲、乙） must consist of.
_BODY = re.compile(
    r"(?:局|委|委员会|办|办公室|厅|部|院|政府|公司|集团|中心|街道|乡镇|镇街|园区|银行|支行|分行|管委会|总队|支队|大队|总社|协会|联社|总工会|工会|团委"
    r"|妇联|残联|科协|工商联|部门|单位|办事处|指挥部|税务局|机构|学校|医院|学会|商会|海关|分局)(?:[（(][^（()）]*[）)])?$"
)
_BEFORE_LIST = re.compile(r"[。；;！”\u4e00-\u9fff]$")
_RUNNING = re.compile(
    r"由(?P<lead>[^，。；：由]{2,120}?)(?:共同|联合)?牵头(?:负责)?[，,](?P<with>会同|联合|商|协同)(?P<others>[^。；：]{2,160}?)"
    r"(?=研究|制定|组织|负责|落实|实施|推进|开展|共同|建立|编制|出台|做好|抓好|配合|按职责|[，,。；]|$)"
)
_LONGEST = 1500  # characters of a bracket or a line that may assign agencies
_DEPTH = 3  # brackets inside brackets that may do so


@dataclass(frozen=True)
class RoleGroup:
    """A bracket or line that assigns agencies: characters ``start`` … ``end`` of its passage.

    ``running`` where the words are also part of a sentence (由甲牵头，会同乙制定…), which is to be read as well.
    """

    start: int
    end: int
    assignments: tuple[Assignment, ...]
    running: bool = False


@remembered
def _labels() -> tuple[re.Pattern[str], dict[str, Role]]:
    """A pattern of labels (牵头单位：, 市级牵头部门：, 【责任单位】, 配合：), and the role of each."""
    roles: dict[str, Role] = {}
    for concept in load_vocabularies().scheme("role"):
        role: Role = concept.key  # type: ignore[assignment]
        for label in (concept.label_zh, *concept.alt_labels):
            if len(label) == 2 or re.search(r"(?:单位|部门|机构|领导|处室|主体|地区)$", label):
                roles[label] = role
    level = "(?:(?:[省市区县州盟旗国]家?(?:级|直))?)"
    names = "|".join(sorted(map(re.escape, roles), key=len, reverse=True))
    return re.compile(
        rf"{level}(?:(?P<label>{names})(?:及(?:责任)?分工|名称|[（(][^（()）:：]{{1,8}}[）)])?[:：]|[【〔\[（(]{level}(?P<boxed>{names})[】〕\]）)][:：]?)"
    ), roles


def role_groups(passage: Passage) -> list[RoleGroup]:
    """Every group of agencies in a paragraph, in order, with spans into the kept text."""
    found = [*_lines(passage), *_brackets(passage), *_running(passage)]
    groups: list[RoleGroup] = []
    for group in sorted(found, key=lambda group: (group.start, -group.end)):
        if not groups or group.start >= groups[-1].end:
            groups.append(group)
    return groups


def _lines(passage: Passage) -> list[RoleGroup]:
    """牵头单位：甲 at the beginning of a paragraph or behind a full stop, up to the next full stop."""
    if not _FIELD.search(passage.text):
        return []
    pattern, _ = _labels()
    groups: list[RoleGroup] = []
    position = 0
    while match := pattern.search(passage.text, position):
        start = position = match.start()
        position = match.end()
        field = (
            re.match(r"[\u4e00-\u9fff]{2,6}[:：][^:：。]{0,40}?[；;，,。]?$", passage.text[:start])
            if start <= 50
            else None
        )
        if start and not field and passage.text[start - 1] not in "。；;！”）)】〕●•■◆—-":
            continue
        start = 0 if field else start
        stop = passage.text.find("。", match.end())
        end = min(len(passage) if stop < 0 else stop + 1, start + _LONGEST)
        assigned = _labelled(passage.cut(start, end))
        if assigned:
            groups.append(RoleGroup(start, end, tuple(assigned)))
            position = end
    return groups


def _brackets(passage: Passage) -> list[RoleGroup]:
    """（牵头单位：甲；…）, （甲牵头，乙配合）, （甲、乙）."""
    groups: list[RoleGroup] = []
    position = 0
    for start, end, depth in _pairs(passage.text):
        if start < position or depth > _DEPTH or end - start < 5:
            continue
        found = _inside(passage.cut(start + 1, end - 1))
        if not found and depth == 1 and _closes(passage.text, start, end):
            found = _bodies(passage.cut(start + 1, end - 1))
        if found:
            groups.append(RoleGroup(start, end, tuple(found)))
            position = end
    return groups


def _pairs(text: str) -> list[tuple[int, int, int]]:
    """Start, end and depth of each bracket that closes in time, in order; any two shapes may pair, as they do in print."""
    found: list[tuple[int, int, int]] = []
    stack: list[int] = []
    for bracket in _BRACKET.finditer(text):
        position = bracket.start()
        if text[position] in _OPEN:
            stack.append(position)
        elif stack:
            start = stack.pop()
            if position - start < _LONGEST:
                # A bracket far before was forgotten open, and does not count.
                depth = 1 + sum(position - other < _LONGEST for other in stack[-_DEPTH:])
                found.append((start, position + 1, depth))
    return sorted(found)


def _closes(text: str, start: int, end: int) -> bool:
    """Whether a bracket stands at the end of a sentence, a listed item or a paragraph."""
    if not start or not _BEFORE_LIST.search(text[start - 1 : start]):
        return False
    return text[start - 1] in "。；;！" or text[end : end + 1] in {"", "。", "；", ";"}


def _bodies(inner: Passage) -> list[Assignment]:
    """A bare list of bodies: every name must end like one."""
    found = _names(inner, "undifferentiated")
    return found if found and all(_BODY.search(one.agency) and len(one.agency) >= 3 for one in found) else []


def _running(passage: Passage) -> list[RoleGroup]:
    """由甲牵头，会同乙、丙制定…: read only where both lists are names of bodies."""
    groups: list[RoleGroup] = []
    for match in _RUNNING.finditer(passage.text):
        leading = _names(passage.cut(*match.span("lead")), "lead", "牵头")
        others = _names(passage.cut(*match.span("others")), "supporting", match["with"])
        if leading and others and all(_BODY.search(one.agency) for one in (*leading, *others)):
            groups.append(RoleGroup(match.start(), match.end(), (*leading, *others), running=True))
    return groups


def _inside(inner: Passage) -> list[Assignment]:
    if len(inner) < 3:
        return []
    pattern, _ = _labels()
    label = pattern.search(inner.text)
    if label and (not label.start() or re.match(r"[\u4e00-\u9fff]{2,6}[:：]", inner.text)):
        # Another field may come first: 完成时限：2025年底；责任单位：甲.
        return _labelled(inner)
    # Behind a full stop stand notes: …按职责分工负责。以下均需各市落实，不再列出.
    text = inner.text.split("。")[0].rstrip("；;")
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
    levels = _levels(passage.text)
    marks = [mark for mark in pattern.finditer(passage.text) if levels[mark.start()] == 0]
    found: list[Assignment] = []
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(passage)
        stop = _NO_AGENCY.search(passage.text, mark.end(), end)
        end = stop.start() if stop else end
        # 牵头部门：甲、乙等部门按职责分工负责: the label has said the role, the verb adds nothing.
        duty = _DUTY.search(passage.text, mark.end(), end)
        role = roles[mark["label"] or mark["boxed"]]
        printed = mark.group().strip(":：【〔[（(】〕]）)")
        found += _names(passage.cut(mark.end(), duty.start() if duty else end), role, printed)
    return found


def _verbal(passage: Passage) -> list[Assignment]:
    """甲牵头，乙、丙配合: the verb at the end of a list says the role of its names."""
    pieces: list[tuple[int, int]] = []
    levels = _levels(passage.text)
    start = 0
    for comma in re.finditer("[，,；;]", passage.text):
        position = comma.start()
        ends_list = _ENDS_LIST.search(passage.text[start:position])
        if ends_list and not levels[position]:
            pieces.append((start, position))
            start = position + 1
    pieces.append((start, len(passage)))
    found: list[Assignment] = []
    led = False
    for start, end in pieces:
        piece = passage.text[start:end]
        role: Role = "undifferentiated"
        printed = None
        for candidate, verb in _VERBS:
            match = verb.search(piece)
            if match:
                role = candidate
                end = start + (
                    match.start() if "x" not in match.groupdict() or not match["x"] else len(piece) - 2
                )
                printed = passage.text[end : start + len(piece)]
                break
        if led and role == "undifferentiated":
            role = "responsible"
        led = led or role == "lead"
        found += _names(passage.cut(start, end), role, printed)
    return found


def _levels(text: str) -> list[int]:
    """How many brackets are open before each character, and at the end."""
    levels = [0]
    for char in text:
        levels.append(levels[-1] + (char in _OPEN) - (char in _CLOSE))
    return levels


def name_list(passage: Passage, role: Role) -> list[Assignment]:
    """The names of a list that stands alone, as in the cell of a table: all in one role."""
    return _names(passage, role)


def _names(passage: Passage, role: Role, printed: str | None = None) -> list[Assignment]:
    """Split a list of names and clean each one; names keep the brackets that are part of them.

    ``printed`` is what the text calls their role.
    """
    found: list[Assignment] = []
    start = 0
    for end in [*_cuts(passage), len(passage)]:
        piece = passage.cut(start, end)
        start = (
            end + 1
            if passage.text[end : end + 1] in "、，,；;。 \t/"
            else end + len(_conjunction(passage.text[end : end + 2]))
        )
        found += _name(piece, role, printed)
    return found


def _conjunction(text: str) -> str:
    match = re.match(r"以及|和|及|与", text)
    return match.group() if match else ""


def _cuts(passage: Passage) -> list[int]:
    text = passage.text
    cuts: list[int] = []
    depth = 0
    for position, char in enumerate(text):
        if char in _OPEN or char in _CLOSE:
            depth += 1 if char in _OPEN else -1
        elif depth:
            continue
        elif char in "、，,；;。 \t/":
            cuts.append(position)
        elif char in "以和及与" and position > 0 and text[position - 1] in _BODY_END:
            joined = _conjunction(text[position : position + 2])
            after = text[position + len(joined) : position + len(joined) + 1]
            if joined and after and after in _LEVEL_START:
                cuts.append(position)
        elif (
            char in "省市区县州"
            and position > 0
            and text[position - 1] in "局委办厅部院府会联"
            and passage.at[position] - passage.at[position - 1] > 1
        ):
            # 市残联 市人社局: only a blank parts the two names.
            cuts.append(position)
    return cuts


def _name(piece: Passage, role: Role, printed: str | None) -> list[Assignment]:
    text = piece.text
    begin = len(text) - len(text.lstrip('由：:“"（( '))
    end = len(text.rstrip('。；;：:”" '))
    # A closing bracket that never opened is a slip of the pen (各街道、管委会））.
    while end > begin and text[end - 1] in _CLOSE and _levels(text[begin:end])[-1] < 0:
        end -= 1
    if end <= begin:
        return []
    text = text[begin:end]
    split = re.search(r"等(?=各)", text) if "等各" in text else None
    if split:
        # 区财政局等各相关部门: one named body and one collective.
        return _name(piece.cut(begin, begin + split.start()), role, printed) + _name(
            piece.cut(begin + split.end(), end), role, printed
        )
    opened = _OPEN_END.search(text) if "等" in text else None
    if opened and opened.start() > 0:
        text = text[: opened.start()]
        end = begin + opened.start()
    members: list[str] = []
    alias = _ALIAS.search(text) if text[-1:] in _CLOSE else None
    if alias:
        listed = re.sub(r"^(?:含|包括|包含)|[，,]?下同$", "", alias.group(1))
        members = [name for name in re.split("[、，,；]", listed) if name]
        end = begin + alias.start()
        text = text[: alias.start()]
    if not 2 <= len(text) <= 40:
        return []
    span = piece.span(begin, end)
    return [Assignment(agency=text, role=role, role_text=printed, members=members, span=span)]
