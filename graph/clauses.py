"""Clauses: how a sentence of the genre is cut, which year governs, and which words only lead into a name."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise

from graph.agencies import RoleGroup
from graph.figures import Figure, Lead
from graph.reading import Passage
from graph.record import Comparator

_YEAR = re.compile(
    r"(?P<before>较|比|相比|对比|同比|与|以|在|由|从)?(?P<until>(?:力争|确保|争取|累计|截至|截止)*(?:到|至|截至|截止))?"
    r"(?P<year>20\d\d)(?:[—–\-~～至](?P<last>20\d\d))?年(?P<end>底前|底|末|年底|年末)?(?P<after>基础上|为基数|为基期|水平|同期|相比"
    r"|的(?=[\d.一二两三四五六七八九十]+倍))?"
)
_LONGEST = 800  # characters of a sentence: the longest of the real plans has some 400
_FIVE_YEAR = {"十三五": 2020, "十四五": 2025, "十五五": 2030}
# 2000年底前建成的老旧小区: the year belongs to the thing.
_BUILT = re.compile(
    r"(?:以前|之前|前)?[^，。；]{0,4}(?:建成|投用|投产|出厂|生产|登记|注册|以前|之前)[^，。；]{0,6}的"
)
# 到“十五五”末, “十四五”期间: the last year of a five-year plan.
_PLAN_END = re.compile(r"(?:到|至)?[“‘\"']?(十[三四五]五)[”’\"']?(?:规划)?(?:期末|末|时期|期间|期内)末?")
# What has been reached, not what is to be: figures after these words are facts until the next year that is to come.
_PAST = re.compile(
    r"截至(?:目前|当前|现在|今年\d{1,2}月|上年|去年)|截止目前|目前|当前已|(?<!实)现有|(?<!实)现已|已(?:经|有|累计|建成|建|完成|达|实现|培育|引进|开通|覆盖|改造|更新|投入|发放|形成)"
    r"|(?<![较比])(?:去年|上年(?!度?(?:基础|水平|同期))|上一年)|近年来|近[一二两三四五\d]年|以来|过去|共有(?!产权|的)"
)
_HEAD = re.compile(
    r"(?:[、，,及与且…]|和(?!谐)|并(?!网|购|联|行)|以及|同时|其中|力争|确保|争取|努力|力求|预计|计划|推动|带动|促进|组织实施|组织开展|实现|完成|实施"
    r"|开展|建成|累计|总计|共|使|将(?!来)|把|每年|全年|年内|按照?|[一二三四五六七八九十]是|"
    r"(?:到|至|截至|截止)?(?:20\d\d(?:[—–\-~～至]20\d\d)?年(?:底前|底|末)?[、和及]?)+[，,]?"
    r"|(?:到|至)?[“‘\"']?十[三四五]五[”’\"']?(?:规划)?(?:期末|末|时期|期间|期内)末?[，,]?)"
)
ADVERB = r"(?:基本|大幅度?|明显|显著|稳步|持续|进一步|有效|全面|初步|逐步|不断|较大幅度|较快|更加|普遍|稳定|总体|有序|快速|加快|整体)"
DONE = r"(?:达到.{1,14}|实现.{1,14}|提升|提高|改善|增强|优化|完善|健全|形成|建立|建成|覆盖|退出|消除|下降|降低|增长|扩大|淘汰|普及|完成|好转|减少|增加)"
_QUALITATIVE = (
    re.compile(rf"(?P<name>[^，。；]{{2,40}}?)(?P<pred>(?:实现)?{ADVERB}+{DONE})$"),
    re.compile(
        rf"(?P<pred>{ADVERB}(?:建成|建立|形成|构建|完成|实现|淘汰|消除|覆盖))(?P<name>[^，。；]{{3,40}})$"
    ),
    re.compile(
        r"(?:实现)?(?P<name>[^，。；]{3,40}?)(?P<pred>全覆盖|无盲区|零增长|零发生|零事故|(?:动态)?清零)(?:并.*)?$"
    ),
)
_DOING = r"(?:更新|加装|改造|新增|新建|改建|扩建|推广|淘汰|报废|升级|建设|维修|购置|新购|配备|大修|培育|打造)"
_DOING_HEAD = re.compile(rf"{_DOING}(?:(?:和|及|或|、)?{_DOING})*")
_BASE = re.compile(
    r"(?:较|比|相比|与|以|在)?(?:(?P<year>20\d\d)年(?:底|末)?|(?P<last>上年|去年|上一年))(?:基础上|为基数|为基期|水平|同期|相比|的)?$"
)
_CLOSED = re.compile("[）)〕】》]")


@dataclass
class Years:
    """The year that governs, as a sentence is read; ``past`` where facts are told, not aims.

    ``subject`` is what the sentence before a semicolon spoke of: 床位数达到4.5张；到2025年达到5张.
    """

    years: tuple[int, ...] = ()
    until: bool = False
    past: bool = False
    subject: str = ""

    def advance(self, marks: list[Mark], start: int, end: int) -> None:
        """Take over the years named at characters ``start`` … ``end``."""
        for mark in marks:
            if start <= mark.start < end:
                self.past = mark.past
                if mark.years and not mark.past:
                    self.years, self.until = mark.years, mark.until


@dataclass(frozen=True)
class Mark:
    """A year that sets when something is due, or several (2024年、2027年); ``until`` for 到2027年.

    ``past`` for a year before the plan's first, and for words such as 目前, which name no year.
    """

    start: int
    end: int
    years: tuple[int, ...]
    until: bool
    past: bool = False


def year_marks(flat: str, first_year: int | None = None) -> list[Mark]:
    """Years that set when a target is due; years of a base (较2023年) are left out. Neighbours make one mark.

    Years before ``first_year`` and words such as 目前 make marks of the past.
    """
    marks: list[Mark] = []
    for match in _YEAR.finditer(flat) if "20" in flat else ():
        if match["before"] in {"较", "比", "相比", "对比", "同比", "与", "由", "从"} or match["after"]:
            continue
        if match["before"] == "以" or (
            match["before"] == "在" and "基" in flat[match.end() : match.end() + 3]
        ):
            continue
        if _BUILT.match(flat, match.end()):
            continue
        year = int(match["last"] or match["year"])
        until = bool(match["until"] or match["end"] or match["last"])
        if marks and re.fullmatch("[、和及与]", flat[marks[-1].end : match.start()]):
            last = marks.pop()
            marks.append(Mark(last.start, match.end(), (*last.years, year), last.until or until))
        else:
            marks.append(Mark(match.start(), match.end(), (year,), until))
    for match in _PLAN_END.finditer(flat):
        marks.append(Mark(match.start(), match.end(), (_FIVE_YEAR[match[1]],), True))
    if first_year is not None:
        marks = [replace(mark, past=max(mark.years) < first_year) for mark in marks]
    marks += [Mark(match.start(), match.end(), (), False, True) for match in _PAST.finditer(flat)]
    return sorted(marks, key=lambda mark: mark.start)


def goes_on(block: Passage, sentence: Passage) -> bool:
    """Whether a sentence stands behind a semicolon of its block: a fact told before it may go on (2023年，…；…)."""
    start = bisect_left(block.at, sentence.at[0])
    return block.text[start - 1 : start] in {"；", ";"}


def is_item(block: Passage) -> bool:
    return block.text.startswith(("——", "--", "•", "●", "■", "◆"))


def sentences(block: Passage, groups: list[RoleGroup]) -> list[Passage]:
    """The sentences of a block without its agency brackets; a semicolon ends one too."""
    found: list[Passage] = []
    start = 0
    holes = [(group.start, group.end) for group in groups if not group.running] + [(len(block), len(block))]
    for hole_start, hole_end in holes:
        for match in re.finditer(r"[^。！？；;]+[。！？；;]?", block.text[start:hole_start]):
            for begin, end in _in_pieces(match.group(), _LONGEST):
                piece = match.group()[begin:end]
                bare = piece.rstrip("。！？；;").lstrip("—-•●■◆")
                if bare:
                    at = start + match.start() + begin + piece.index(bare[0])
                    found.append(block.cut(at, at + len(bare)))
        start = hole_end
    return found


def _in_pieces(text: str, longest: int) -> list[tuple[int, int]]:
    """Cut what is far too long for a sentence (the cells of a table without a full stop), so that reading stays linear."""
    cuts = [0]
    while len(text) - cuts[-1] > longest:
        comma = max(text.rfind(char, cuts[-1], cuts[-1] + longest) for char in "，、,")
        cuts.append(comma + 1 if comma > cuts[-1] else cuts[-1] + longest)
    return list(pairwise([*cuts, len(text)]))


def flatten(sentence: str, found: list[Figure]) -> tuple[str, list[tuple[int, int]]]:
    """The sentence with brackets blanked out (same length), and where they are; 台（套） stays."""
    if not _CLOSED.search(sentence):
        return sentence, []
    flat = list(sentence)
    inner: list[tuple[int, int]] = []
    stack: list[int] = []
    for position, char in enumerate(sentence):
        if char in "（(〔【《":
            stack.append(position)
        elif char in "）)〕】》" and stack:
            start = stack.pop()
            if stack or any(figure.start <= start < figure.end for figure in found):
                continue
            if sentence[start] == "《":
                continue
            inner.append((start, position + 1))
    for start, end in inner:
        flat[start:end] = "\x01" * (end - start)
    return "".join(flat), inner


def clause_start(flat: str, position: int) -> int:
    return max(flat.rfind(char, 0, position) for char in "，,：:！") + 1


def stripped(region: str) -> str:
    """A region without the words that lead into a name: years, 力争, 完成, 累计, conjunctions."""
    while True:
        match = _HEAD.match(region)
        if match is None or match.end() == 0:
            return region
        region = region[match.end() :]


def unbased(region: str) -> tuple[str, int | None, bool]:
    """A region without 较2023年 at its end, that year, and whether the base is the year before (同比, 比上年)."""
    if region.endswith("同比"):
        return region[:-2], None, True
    match = _BASE.search(region)
    if match is None:
        return region, None, False
    marked = re.match(r"较|比|相比|与|以|在", match.group()) or re.search(
        r"基|水平|同期|相比|的$", match.group()
    )
    if not marked:
        return region, None, False
    return (
        region[: match.start()].rstrip("，,"),
        int(match["year"]) if match["year"] else None,
        bool(match["last"]),
    )


def until_stop(text: str) -> str:
    match = re.match(r"[^，,。；;、：:\x01]*", text)
    return match.group() if match else ""


def distributed(flat: str, found: list[Figure], index: int) -> int:
    """How many figures from ``index`` on a 分别 governs; 0 where none does."""
    floor = found[index - 1].end if index else 0
    word = flat.rfind("分别", floor, found[index].start)
    if word < 0 or re.search("[，,。；;：]", flat[word : found[index].start]):
        return 0
    count = 1
    while index + count < len(found):
        between = flat[found[index + count - 1].end : found[index + count].start]
        if not re.fullmatch(r"(?:[、，,和及]|以及)(?:达到?|超过|不低于|约)?", between):
            break
        count += 1
    return count if count > 1 else 0


def with_shared_modifier(names: list[str]) -> list[str]:
    """新增智能制造车间和工厂: a bare noun of two characters shares the words before the first name's noun."""
    first = names[0]
    return [first] + [
        first[: -len(name)] + name if len(name) == 2 and len(first) >= 6 else name for name in names[1:]
    ]


def listed(region: str, count: int) -> list[str]:
    """Split 甲、乙和丙 into ``count`` names where that can be done in one way."""
    for pattern in ("、|和|及|以及|与", "、|和", "、", "和|及|以及"):
        pieces = [piece for piece in re.split(pattern, region) if piece]
        if len(pieces) == count:
            return pieces
    return [region]


def completed(name: str, carried: str, between: str) -> str:
    """Give a name what its list says once: the verb (更新甲、乙), or the thing (医疗设备新购…，淘汰更新…)."""
    if _DOING_HEAD.fullmatch(name):
        return re.sub(rf"{_DOING_HEAD.pattern}$", "", carried) + name
    verb = _DOING_HEAD.match(carried)
    if verb and between.startswith("、") and not re.match(rf"{_DOING}|年|每年|累计|全年|其中|汽车", name):
        return verb.group() + name
    return name


def comparator(figure: Figure, lead: Lead) -> Comparator:
    """Words before the figure win over words after it, but for a plain 达到: 超过46%以上 is >, 达74%以上 is >=.

    Of two bounds the nearer word decides: 保持在2%左右, 稳定在5%以内.
    """
    if figure.after and lead.comparator in {">=", "<="}:
        return figure.after
    if lead.comparator and lead.comparator != "=":
        return lead.comparator
    return figure.after or lead.comparator or "="


def quote_start(flat: str, floor: int) -> int:
    """Begin after joining words, but take in a year that leads the clause: 到2027年，…"""
    match = re.match(r"[、，,和及]+|以及", flat[floor:])
    start = floor + (match.end() if match else 0)
    if start == floor and floor and flat[floor - 1] in "，,":
        lead = re.search(
            r"(?:力争|确保|争取|累计)*(?:到|至|截至)?20\d\d年(?:底前|底|末)?[，,]$", flat[:floor]
        )
        if lead:
            return lead.start()
    return start


def goal(clause: str) -> re.Match[str] | None:
    for pattern in _QUALITATIVE:
        match = pattern.match(clause)
        if match:
            return match
    return None


def goal_pieces(flat: str, start: int, stop: int) -> list[tuple[int, int]]:
    """A clause, or its two halves where each is a goal of its own: 产能基本退出、能效基本达到节能水平."""
    for match in re.finditer("、", flat[start:stop]):
        cut = start + match.start()
        halves = [(start, cut), (cut + 1, stop)]
        if all(goal(stripped(flat[a:b])) for a, b in halves):
            return halves
    return [(start, stop)]
