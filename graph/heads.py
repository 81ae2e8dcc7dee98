"""What a document says of itself: title, 发文字号, issuer, date, status, and the documents that it cites."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import date
from itertools import pairwise

from graph import divisions
from graph.linking import policy_family
from graph.outline import Part
from graph.reading import Passage
from graph.record import Alias, Citation, Jurisdiction, Level, PlanHead, Relation

NUMBER = re.compile(
    r"(?<![\u4e00-\u9fff])([\u4e00-\u9fff]{2,14}[〔\[（(【]\s*20\d\d\s*[〕\]）)】]\s*第?\d{1,4}号)"
)
_DATE = re.compile(r"(20\d\d)年(\d{1,2})月(\d{1,2})日")
_ISSUER = re.compile(r"^(.{2,24}?(?:人民政府办公厅|人民政府办公室|人民政府|委员会|办公厅|办公室|厅|局))关于")
_ISSUER_LINE = re.compile(r"^[\u4e00-\u9fff]{2,24}(?:人民政府|办公厅|办公室|委员会|厅|局)$")
_DRAFT = re.compile(
    r"[（(](?:[^（()）]*(?:送审|征求意见|讨论|审议|草)[^（()）]*稿|草案)[）)]|[（(]代拟稿[）)]"
)
_CITED = re.compile(r"《([^《》]{6,80})》(?:[（(]([^（()）]*[〔\[（(【]20\d\d[〕\]）)】]\d{1,4}号)[）)])?")
_BARE_CITED = re.compile(r"([\u4e00-\u9fff]{2,8}[〔\[【]20\d\d[〕\]】]\d{1,4}号)")
_DOCUMENT_WORD = re.compile(
    r"(?:方案|计划|意见|规划|办法|措施|细则|通知|要点|条例|规定|决定|纲要)(?:[（(].*[）)])*$"
)
_ALIAS = re.compile(r"[（(]以下(?:统|简)?称(?:为|：)?[“《\"]?(?P<alias>[^”》\"）)]{1,30}[”》\"]?)[）)]")
_IMPLEMENTS = re.compile(r"(?:贯彻|落实|执行|实施)[^。；]{0,30}$")
_BASED = re.compile(r"(?:按照|根据|依据|对照|参照)[^。；]{0,30}$")


def read_head(found: list[Part], code: str | None = None) -> PlanHead:
    """The head of a plan from the parts of its file; ``code`` settles the division where it is known."""
    plan = next(part for part in found if part.kind == "plan")
    above = found[: found.index(plan)]
    notice = next((part for part in reversed(above) if part.kind == "notice" and part.title.text), None)
    blocks = [block for part in found for block in ([part.title] if part.title.text else []) + part.blocks]
    title = plan.title.text or _promulgated(blocks) or (notice.title.text if notice else "")
    if not title:
        title = next((block.text for block in plan.blocks), "")[:60]
    division = divisions.divisions().get(code) if code else None
    if division is None:
        division = divisions.of_title(
            notice.title.text if notice else title, title + "".join(b.text for b in blocks[:4])
        )
    place = Jurisdiction(name=_place(title), level=_level(_place(title)))
    if division:
        place = Jurisdiction(name=division.name, code=division.code, level=division.level)
    return PlanHead(
        title=title,
        jurisdiction=place,
        issuer=_issuer(notice, blocks),
        document_number=_number(blocks, plan),
        issued=_date(blocks),
        status="draft" if _DRAFT.search(title) else "issued",
        family=policy_family(title),
        cites=_citations(blocks, title),
        aliases=_aliases(blocks),
    )


def _promulgated(blocks: list[Passage]) -> str | None:
    """现将《…》印发给你们: the title where the plan carries none of its own."""
    for block in blocks:
        match = re.search(r"现将《([^《》]+)》[^。]{0,20}印发", block.text)
        if match:
            return match.group(1)
    return None


def _place(title: str) -> str:
    match = re.match(r"(?!关于|推进|推动|全[省市区县])(.{1,12}?(?:省|自治区|市|区|县|旗|州|盟))", title)
    return match.group(1) if match else ""


def _level(place: str) -> Level | None:
    """The level that a place's name shows where the place itself is not known."""
    ends: tuple[tuple[str, Level], ...] = (
        ("省", "province"),
        ("自治区", "province"),
        ("州", "city"),
        ("盟", "city"),
    )
    ends += (("区", "county"), ("县", "county"), ("旗", "county"), ("市", "city"))
    return next((level for end, level in ends if place.endswith(end)), None)


def _issuer(notice: Part | None, blocks: list[Passage]) -> str | None:
    if notice:
        match = _ISSUER.match(notice.title.text)
        if match:
            return match.group(1)
    for block, following in pairwise(blocks):
        if _ISSUER_LINE.match(block.text) and _DATE.match(following.text):
            return block.text
    return None


def _number(blocks: list[Passage], plan: Part) -> str | None:
    """The document's own number stands alone on a line before the text begins."""
    for block in blocks[:8]:
        match = NUMBER.fullmatch(block.text)
        if match:
            return match.group(1)
        if plan.blocks and block is plan.blocks[0]:
            break
    return None


def _date(blocks: list[Passage]) -> date | None:
    """The date of signature; failing that, the printing date (…印发)."""
    signed = printed = None
    for block in blocks:
        if len(block) > 40:
            continue
        match = _DATE.search(block.text)
        if match is None:
            continue
        try:
            found = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            continue
        if block.text.endswith("印发"):
            printed = printed or found
        elif match.end() == len(block) and match.start() <= 20:
            signed = signed or found
    return signed or printed


def _aliases(blocks: list[Passage]) -> list[Alias]:
    """《天津市…方案》（以下简称《实施方案》）: what stands before the bracket, a title whole, else its clause."""
    found: dict[str, Alias] = {}
    for block in blocks:
        for match in _ALIAS.finditer(block.text):
            before = block.text[: match.start()]
            full = re.search(r"《[^《》]+》$", before) or re.search(r"[^，。；：！（）]+$", before)
            if full and match["alias"] not in found:
                span = block.span(full.start(), match.end())
                found[match["alias"]] = Alias(
                    alias=match["alias"].strip('“”《》"'), full=full.group(), span=span
                )
    return list(found.values())


def _citations(blocks: list[Passage], title: str) -> list[Citation]:
    own = re.sub(r"[（(][^（()）]*[）)]", "", title)
    whole = "".join(block.text for block in blocks)
    aliases = set(re.findall(r"以下(?:简)?称《([^《》]+)》", whole))
    found: dict[str, Citation] = {}
    for block in blocks:
        used: list[tuple[int, int]] = []
        for match in _CITED.finditer(block.text):
            name, number = match[1], match[2]
            if not number and (
                name in aliases or not _DOCUMENT_WORD.search(name) or own in name or name in title
            ):
                continue
            if own and own in name:
                continue
            used.append(match.span())
            key = number or name
            if key not in found:
                relation = _relation(block.text[max(0, match.start() - 600) : match.start()])
                found[key] = Citation(
                    number=number, title=name, relation=relation, span=block.span(*match.span())
                )
        for match in _BARE_CITED.finditer(block.text):
            if match[1] in found or len(block) < 20 or _covered(used, match.start()):
                continue
            relation = _relation(block.text[max(0, match.start() - 600) : match.start()])
            found[match[1]] = Citation(number=match[1], relation=relation, span=block.span(*match.span()))
    return list(found.values())


def _covered(spans: list[tuple[int, int]], position: int) -> bool:
    """Whether a position lies in one of the spans, which are in order."""
    index = bisect_right(spans, (position, position + 10_000))
    return index > 0 and spans[index - 1][1] > position


def _relation(before: str) -> Relation:
    sentence = before[max(before.rfind("。"), before.rfind("；")) + 1 :]
    # A list 《甲》（…）、《乙》（…） shares the verb before its first member.
    sentence = re.sub(r"《[^《》]*》(?:[（(][^（()）]*[）)])?[、和及]?", "", sentence)
    if _IMPLEMENTS.search(sentence):
        return "implements"
    return "based_on" if _BASED.search(sentence) else "mentions"
