"""What a document says of itself: title, 发文字号, issuer, dates, status, and the documents that it cites."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

from graph import divisions, document_numbers
from graph.citing import read_aliases, read_citations
from graph.linking import policy_family
from graph.outline import Part, heading
from graph.reading import Passage
from graph.record import Jurisdiction, Level, PlanHead
from ontology.terms import chinese_number

_DAY = re.compile(
    r"(20\d\d)年(\d{1,2})月(\d{1,2})日|(二[〇零○][〇零○一二三四五六七八九]{2})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})日"
)
_BODY = r"(?:人民政府办公厅|人民政府办公室|人民政府|管理委员会|委员会|办公厅|办公室|领导小组|指挥部|厅|局|委)"
_ISSUER = re.compile(rf"^(.{{2,60}}?{_BODY})关于")
_ISSUER_LINE = re.compile(rf"[\u4e00-\u9fff]{{2,60}}{_BODY}$")
_RED_HEAD = re.compile(rf"([\u4e00-\u9fff]{{2,40}}{_BODY})文件$")
# 成文日期：2024年8月3日, as the table of a page's particulars prints it.
_PARTICULAR = re.compile(
    r"(?P<what>成文日期|发文日期|签发日期|印发日期|发文字号|文号|发文机关|制发机关)[:：](?P<value>.+)"
)
_RENAMED = re.compile(r"^关于(?:印发|转发|发布|公布)")
_DRAFT = re.compile(
    r"[（(](?:[^（()）]*(?:送审|征求意见|讨论|审议|修改|报批|审定|初|草案?|征询意见)[^（()）]*稿|草案|初稿)[）)]|[（(]代拟稿[）)]"
    r"|(?:送审稿|征求意见稿|讨论稿|修改稿|草案)$"
)


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
    number = _number(blocks, plan)
    issuer = _issuer(notice, blocks)
    if division is None:
        around = title + (issuer or "") + "".join(b.text for b in blocks[:4])
        # The issuer may stand on a line of its own above 关于印发….
        names = (notice.title.text if notice else "", _RENAMED.sub("", title), issuer or "")
        division = next((one for one in (divisions.of_title(name, around) for name in names) if one), None)
    signed, printed, office = _dates(found, plan)
    aliases = read_aliases(blocks)
    place = Jurisdiction(name=_place(title), level=_level(_place(title)))
    if division:
        place = Jurisdiction(name=division.name, code=division.code, level=division.level)
    return PlanHead(
        title=title,
        jurisdiction=place,
        issuer=issuer,
        document_number=number,
        issued=signed,
        printed=printed,
        printed_by=office,
        status="draft" if _DRAFT.search(title) else "issued",
        family=policy_family(title),
        cites=read_citations(blocks, title, number, aliases),
        aliases=aliases,
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
    """The 发文机关: who says 关于印发…, else who signs above the date, else whose red head it is."""
    if notice:
        match = _ISSUER.match(notice.title.text)
        if match:
            return match.group(1)
        if (
            notice.title.text.startswith("关于")
            and notice.blocks
            and _ISSUER_LINE.fullmatch(notice.blocks[0].text)
        ):
            return notice.blocks[0].text
    for block, following in pairwise(blocks):
        day = _DAY.match(following.text)
        if _ISSUER_LINE.match(block.text) and day and day.end() == len(following):
            return block.text
    for block in blocks:
        day = _DAY.search(block.text) if len(block) <= 80 else None
        if day and day.end() == len(block) and _ISSUER_LINE.match(block.text[: day.start()]):
            return block.text[: day.start()]
    named = _particular(blocks, "发文机关", "制发机关")
    if named:
        return named
    return next((match[1] for block in blocks[:6] if (match := _RED_HEAD.fullmatch(block.text))), None)


def _particular(blocks: list[Passage], *names: str) -> str | None:
    """The value of 成文日期：… and the like above the text."""
    for block in blocks[:20]:
        match = _PARTICULAR.fullmatch(block.text) if len(block) <= 60 else None
        if match and match["what"] in names:
            return match["value"]
    return None


def _number(blocks: list[Passage], plan: Part) -> str | None:
    """The document's own number stands on a line before the text begins, alone or with 签发人."""
    for block in blocks[:10]:
        line = re.sub(r"签发人[:：]?.*$", "", block.text).strip("（()）")
        if len(line) <= 40 and document_numbers.parse(line):
            return line
        if plan.blocks and block is plan.blocks[0]:
            break
    named = _particular(blocks, "发文字号", "文号")
    return named if named and document_numbers.parse(named) else None


def _day(match: re.Match[str]) -> date | None:
    if match[1]:
        year, month, day = (int(match[n]) for n in (1, 2, 3))
    else:
        digits = match[4].replace("○", "〇").replace("〇", "零")
        year = int("".join(str("零一二三四五六七八九".index(char)) for char in digits))
        month, day = (chinese_number(match[n]) or 0 for n in (5, 6))
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _dates(found: list[Part], plan: Part) -> tuple[date | None, date | None, str | None]:
    """The 成文日期, the 印发日期 of the 版记, and the office that is named with the latter.

    A date is the document's when it stands alone, or behind the issuer's name, in the notice, above the first heading,
    in brackets below the title, or at the end; a date in a table or in a drafting explanation is another thing's.
    """
    signed: date | None = None
    printed: date | None = None
    office: str | None = None
    for part in found:
        if part.kind == "explanation":
            continue
        numbered = next((i for i, block in enumerate(part.blocks) if heading(block)), len(part.blocks))
        for index, block in enumerate(part.blocks):
            match = _DAY.search(block.text) if len(block) <= 80 else None
            day = _day(match) if match else None
            if match is None or day is None:
                continue
            above = part.blocks[index - 1].text if index else ""
            before, after = block.text[: match.start()], block.text[match.end() :]
            particular = _PARTICULAR.match(block.text)
            if particular:
                if particular["what"] == "印发日期":
                    printed = printed or day
                elif particular["what"].endswith("日期"):
                    signed = signed or day
            elif after in ("印发", "印") or (after == "" and before.endswith("印发日期")):
                if printed is None:
                    name = before.strip("，,：:") or above
                    printed, office = day, name if _ISSUER_LINE.match(name) else None
            elif signed is None and _is_signature(before, after, above):
                named = bool(_ISSUER_LINE.match(before) or _ISSUER_LINE.match(above))
                edge = index < min(numbered, 12) or index >= len(part.blocks) - 6
                if named or part.kind == "notice" or (part is plan and edge):
                    signed = day
    return signed, printed, office


def _is_signature(before: str, after: str, above: str) -> bool:
    if before in ("（", "("):
        return bool(re.fullmatch(r"(?:印发|发布|公布)?[）)]", after))
    return after == "" and (before == "" or _ISSUER_LINE.match(before) is not None)
