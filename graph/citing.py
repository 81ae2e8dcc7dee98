"""Which documents a text cites: by title, by number, or by both, and in what relation.

The forms read: 《甲》（国发〔2024〕7号）; 《甲》和《乙》（…号、…号); 国发〔2024〕7号文件; 国发〔2024〕7号《甲》; 关于印发《甲》的通知（…号）;
（…号，以下简称《方案》）; 国务院《甲》; titles without a number, numbers without a title. Lists of attachments cite nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from graph import document_numbers
from graph.document_numbers import DocumentNumber
from graph.reading import Passage
from graph.record import Alias, Citation, Relation

_TITLE = re.compile(r"《((?:[^《》]|《[^《》]{1,100}》){2,120})》")
_DOCUMENT_WORD = re.compile(
    r"(?:方案|计划|意见|规划|办法|措施|细则|通知|要点|条例|规定|决定|纲要|目录|名录|指南|导则|公告|批复|规程|规范|中华人民共和国.{1,30}法)"
    r"(?:[（(][^（()）]{1,40}[）)])*$"
)
# 关于印发《甲》的通知（国发〔2024〕7号): the bracket stands behind the end of the phrase.
_NOTICE_END = re.compile(r"的(?:通知|决定|公告|意见|批复|复函|函|通告|报告)")
_JOINED = re.compile(r"(?:[、，和及与]|以及|和省|及省)?")
_ALIAS = re.compile(
    r"[（(](?:[^（()）]{0,60}[，,；;、])?以下(?:统|简|合)?称(?:为|：|:)?(?P<alias>[“《\"]?[^”》\"）)]{1,30}[”》\"]?)[）)]"
)
_ISSUER = re.compile(
    r"(?P<name>(?:国务院|中共中央|中央|国家|自治区|(?<![全我本各外])[省市州]|[省市区县州]委|[\u4e00-\u9fff]{0,8}?(?:人民政府|政府))(?:办公厅|办公室)?)"
    r"(?:等[\u4e00-\u9fff]{1,4}部门|等部门)?(?:关于)?(?:印发|出台|发布|制定|下发)?的?$"
)
# 国务院办公厅关于进一步释放消费潜力的意见（国办发〔2022〕9号): a title without its marks.
_UNMARKED = re.compile(
    r"(?P<title>[\u4e00-\u9fff]{2,24}(?:院|厅|委|部|局|政府|办公室)关于[^，。；：（）《》]{4,60}的(?:意见|通知|决定|公告|批复|办法|规定))[（(]$"
)
_VERB = re.compile(
    r"(?P<implements>贯彻|落实|执行|实施(?!方案|意见|细则|办法|计划))|(?P<based>按照|根据|依据|依照|遵照|对照|参照|结合|衔接)"
)
_SPIRIT = re.compile(r"(?:等?(?:文件)?(?:的?有关)?(?:精神|要求|部署|规定|安排|明确))")
_NEAR = 30  # characters between a verb and the title that it governs, titles between them not counted
_ATTACHMENT = re.compile(r"附(?:件|表|录)[一二三四五六七八九十\d]{0,3}[:：]")
_LISTED = re.compile(r"(?:\d{1,2}|[一二三四五六七八九十]{1,2})[.．、][^。；]{1,80}$")
_STRENGTH: dict[Relation, int] = {"mentions": 0, "based_on": 1, "implements": 2}


def read_aliases(blocks: list[Passage]) -> list[Alias]:
    """《天津市…方案》（以下简称《实施方案》）: what stands before the bracket, a title whole, else its clause."""
    found: dict[str, Alias] = {}
    for block in blocks:
        for match in _ALIAS.finditer(block.text):
            alias = match["alias"].strip('“”《》"')
            before = block.text[: match.start()]
            full = re.search(r"《[^《》]+》(?:的通知)?$", before) or re.search(r"[^，。；：！（）]+$", before)
            if full and alias and alias not in found:
                span = block.span(full.start(), match.end())
                found[alias] = Alias(alias=alias, full=full.group(), span=span)
    return list(found.values())


def read_citations(
    blocks: list[Passage], title: str, number: str | None = None, aliases: list[Alias] | None = None
) -> list[Citation]:
    """The documents that the blocks cite, each once, in reading order; ``title`` and ``number`` are the document's own."""
    own = _Own.of(title, number, aliases or [])
    found: list[Citation] = []
    by_name: dict[str, Citation] = {}
    for block in _without_attachments(blocks):
        if "《" not in block.text and "号" not in block.text:
            continue
        for one in _Block(block, own).citations():
            keys = [key for key in (_number_key(one.number), one.title) if key]
            known = next((by_name[key] for key in keys if key in by_name), None)
            if known is not None and known.number and one.number and _number_key(known.number) != keys[0]:
                # One title with two numbers is two citations: which of them is right is judged later.
                known = None
            if known is None:
                found.append(one)
                known = one
            else:
                known.number, known.title = known.number or one.number, known.title or one.title
                if _STRENGTH[one.relation] > _STRENGTH[known.relation]:
                    known.relation = one.relation
            for key in keys:
                by_name.setdefault(key, known)
    return found


def _number_key(number: str | None) -> str | None:
    parsed = document_numbers.parse(number) if number else None
    return parsed.normal if parsed else number


def _without_attachments(blocks: list[Passage]) -> Iterator[Passage]:
    """The blocks without 附件：1.《…》 and the numbered lines that follow it."""
    listing = False
    for block in blocks:
        if _ATTACHMENT.match(block.text) and len(block) <= 200:
            listing = True
        elif not (listing and _LISTED.match(block.text)):
            listing = False
            yield block


@dataclass(frozen=True)
class _Own:
    """What the document calls itself, and the short names that it gives to others."""

    title: str
    bare: str
    number: str | None
    aliases: frozenset[str]

    @staticmethod
    def of(title: str, number: str | None, aliases: list[Alias]) -> _Own:
        bare = re.sub(r"[（(][^（()）]*[）)]", "", title)
        return _Own(title, bare, _number_key(number), frozenset(one.alias for one in aliases))

    def is_it(self, name: str, before: str, after: str) -> bool:
        """Whether a title in the text is the document itself."""
        if self.bare and self.bare in name:
            return True
        # 《实施方案》 is the document's own, 市《实施方案》 is not.
        if len(name) >= 4 and name in self.title and (len(name) >= 10 or not _ISSUER.search(before)):
            return True
        if before.endswith("现将") and re.match(r"[^。；]{0,12}印发", after):
            return True
        # A drafting explanation calls its draft 《“两新”行动方案（送审稿）》.
        mark = re.search(r"[（(][^（()）]*稿[）)]$", name)
        return bool(mark and mark.group() in self.title)


@dataclass
class _Titled:
    """A title in a block: its place, the end of what belongs to it, and the bracket behind it."""

    name: str
    start: int
    end: int
    bracket: tuple[int, int] | None
    numbers: list[DocumentNumber]


class _Block:
    """The citations of one paragraph."""

    def __init__(self, block: Passage, own: _Own) -> None:
        self.block, self.text, self.own = block, block.text, own
        self.numbers = list(document_numbers.find(block.text))
        self.starts = [one.start for one in self.numbers]
        self.used: set[int] = set()

    def citations(self) -> Iterator[Citation]:
        titles = [self._titled(match) for match in _TITLE.finditer(self.text)]
        self._share(titles)
        self._number_before(titles)
        found = [(one.start, self._citation(one)) for one in titles if self._counts(one)]
        # A line that is nothing but a number is the document's own.
        if len(self.text) >= 20:
            for one in self.numbers:
                if one.start not in self.used and one.number.normal != self.own.number:
                    found.append((one.start, self._numbered(one)))
        yield from (one for _, one in sorted(found, key=lambda pair: pair[0]))

    def _titled(self, match: re.Match[str]) -> _Titled:
        end = match.end()
        notice = _NOTICE_END.match(self.text, end)
        at = notice.end() if notice else end
        bracket = _bracket(self.text, at)
        inside = self._inside(*bracket) if bracket else []
        if bracket and inside:
            self.used.update(one.start for one in inside)
            end = bracket[1]
        else:
            bracket = None
        return _Titled(match[1], match.start(), end, bracket, [one.number for one in inside])

    def _inside(self, start: int, end: int) -> list[document_numbers.Found]:
        first = bisect_right(self.starts, start)
        return self.numbers[first : bisect_right(self.starts, end)]

    def _share(self, titles: list[_Titled]) -> None:
        """《甲》和《乙》（国发〔2024〕7号、鄂政发〔2024〕3号）: one bracket for the titles before it, in their order."""
        groups: list[list[_Titled]] = []
        for before, one in pairwise([None, *titles]):
            assert one is not None
            joined = before and not before.bracket and _JOINED.fullmatch(self.text[before.end : one.start])
            if joined and groups:
                groups[-1].append(one)
            else:
                groups.append([one])
        for group in groups:
            numbers = group[-1].numbers
            if len(numbers) < 2:
                continue
            takers = group[-len(numbers) :]
            for taker, number in zip(takers, numbers, strict=False):
                taker.numbers, taker.end = [number], group[-1].end
            # More numbers than titles: the others are cited by their number alone.
            inside = self._inside(*group[-1].bracket) if group[-1].bracket else []
            self.used.difference_update(one.start for one in inside[len(takers) :])

    def _number_before(self, titles: list[_Titled]) -> None:
        """国发〔2024〕7号《甲》, 国发〔2024〕7号文件《甲》."""
        ends = {one.end: one for one in self.numbers if one.start not in self.used}
        for title in titles:
            for gap in ("", "文", "文件"):
                one = ends.get(title.start - len(gap))
                if one and not title.numbers and self.text[one.end : title.start] == gap:
                    title.numbers, title.start = [one.number], one.start
                    self.used.add(one.start)

    def _counts(self, one: _Titled) -> bool:
        quoted = self.text.index("《", one.start)
        before, after = self.text[max(0, quoted - 40) : quoted], self.text[one.end : one.end + 20]
        if one.numbers and one.numbers[0].normal != self.own.number and self.own.bare not in one.name:
            # 国发〔2024〕7号 may be titled as 丹阳市's plan is but for the place: the number tells.
            return True
        if self.own.is_it(one.name, before, after):
            return False
        if one.numbers:
            return one.numbers[0].normal != self.own.number
        if one.name in self.own.aliases or not _DOCUMENT_WORD.search(one.name):
            return False
        return len(one.name) >= 6 or _ISSUER.search(before) is not None

    def _citation(self, one: _Titled) -> Citation:
        quoted = self.text.index("《", one.start)
        issuer = _ISSUER.search(self.text[max(0, quoted - 40) : quoted])
        name = re.sub(_LEAD, "", issuer["name"]) if issuer else None
        return Citation(
            number=one.numbers[0].printed if one.numbers else None,
            title=one.name,
            issuer=name or None,
            relation=self._relation(one.start, one.end),
            span=self.block.span(one.start, one.end),
        )

    def _numbered(self, one: document_numbers.Found) -> Citation:
        """A citation by number, with the title before its bracket where that stands without 《》."""
        start, title = one.start, None
        before = self.text[max(0, start - 120) : start]
        unmarked = _UNMARKED.search(before)
        if unmarked:
            title = re.sub(_LEAD, "", unmarked["title"].partition("关于")[0]) + "关于"
            title += unmarked["title"].partition("关于")[2]
            start -= len(before) - before.rindex(title)
        relation = self._relation(start, one.end)
        span = self.block.span(start, one.end)
        return Citation(number=one.number.printed, title=title, relation=relation, span=span)

    def _relation(self, start: int, end: int) -> Relation:
        before = self.text[max(0, start - 600) : start]
        sentence = before[max(before.rfind("。"), before.rfind("；")) + 1 :]
        # A list 《甲》（…）、《乙》（…） shares the verb before its first member.
        sentence = re.sub(r"《[^《》]*》(?:的通知)?(?:[（(][^（()）]*[）)])?[、和及与]?", "", sentence)
        clause = sentence[sentence.rfind("，") + 1 :]
        # A verb governs its own clause; a clause that begins with a joiner goes on with the one before it.
        sentence = sentence if re.match("和|及|与|以及", clause) else clause
        verbs = list(_VERB.finditer(sentence[-_NEAR - 4 :]))
        if not verbs:
            return "based_on" if _SPIRIT.match(self.text, end) else "mentions"
        return "implements" if verbs[-1]["implements"] else "based_on"


_LEAD = re.compile(
    r"^.*?(?:根据|按照|依据|依照|遵照|参照|对照|贯彻|落实|执行|实施|结合|现将|和|及|与|、|以及)+(?=[^\s])"
)


def _bracket(text: str, at: int) -> tuple[int, int] | None:
    """Where the bracket that opens at ``at`` begins and ends, its own brackets counted; None without one."""
    if at >= len(text) or text[at] not in "（(":
        return None
    depth = 0
    for index in range(at, min(len(text), at + 240)):
        depth += 1 if text[index] in "（(" else -1 if text[index] in "）)" else 0
        if depth == 0:
            return at, index + 1
    return None
