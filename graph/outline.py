"""Text to outline: join what page layout cut, find the parts of a file, and read the numbered headings as a tree.

The forms read here, all common to the genre:

- lines cut by page layout, with or without blank lines between them; paragraphs cut by a page break;
- one file that holds several parts: a notice (…关于印发…的通知), an explanation (…起草说明), the plan, annexes (附件…);
- headings 第一章, 第一节, 第一条, 一、, （一）, 1. 1．1、, （1）, 1）, ①, with a title that ends at a full stop, a colon, a
  bracket of agencies or the line; headings without a number (`graph.run_in`).

A path is the printed numbers from the top joined by ``/``: ``二/（一）/1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from graph import run_in
from graph.agencies import role_groups
from graph.reading import EMPTY, Passage, squeeze
from graph.record import Span

PartKind = Literal["notice", "explanation", "plan", "annex"]

_HAN = "一二三四五六七八九十百"
# One row a kind of heading, from the top level down. The group is the printed number that goes into the path.
HEADINGS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (0, re.compile(rf"(第[{_HAN}]{{1,4}}(?:[编篇]|部分))(?:[、.．:：]|(?=[^的]))")),
    (10, re.compile(rf"(第[{_HAN}]{{1,4}}章)(?:[、.．:：]|(?=[^条款的]))")),
    (20, re.compile(rf"(第[{_HAN}]{{1,4}}节)(?:[、.．:：]|(?=[^的课]))")),
    (30, re.compile(rf"(第[{_HAN}]{{1,4}}条)(?:[、.．:：]|(?=[^款规所的之第线]))")),
    (40, re.compile(rf"([{_HAN}]{{1,4}})[、.．](?![{_HAN}][、产])")),
    (50, re.compile(rf"([（(][{_HAN}]{{1,4}}[）)])[、.．]?")),
    (60, re.compile(r"(\d{1,3})[.．、](?!\d)")),
    (65, re.compile(rf"((?:任务|行动|举措|工程|专项)(?:\d{{1,2}}|[{_HAN}]{{1,3}}))[：:、.．](?=.)")),
    (70, re.compile(r"([（(]\d{1,2}[）)])[、.．]?")),
    (80, re.compile(r"(\d{1,2}[）)])[、.．]?(?=[\u4e00-\u9fff“])")),
    (90, re.compile(r"([①-⑳])[、.．]?")),
)
_MARKED = re.compile(rf"[第（(①-⑳\d{_HAN}任行举工专]")  # with what any of them begins: most lines are none
_CHAPTERS = 50  # depths below this one are chapters and the like
_FORGOTTEN = 40  # lines after which an open bracket is taken as forgotten
_ANNEX = re.compile(r"附(?:件|表|录)\s*[\d一二三四五六七八九十]{0,3}\s*(?:[:：].{0,80})?$")
_ANNEX_TITLED = re.compile(r"附(?:件|表|录)[\d一二三四五六七八九十]{0,3}[:：]")
# In a notice, 附件：1.… lists what is attached; the annexes themselves come later.
_ATTACHED = re.compile(r"附(?:件|表|录)[:：]")
_TITLE_END = re.compile(
    r"(?:方案|计划|意见|规划|办法|措施|细则|通知|要点|说明|解读|指南|决定|纲要)(?:[（(][^（()）]{0,20}[）)]){0,3}$"
)
_TITLE_TAIL = re.compile(r"[（(][^（()）]{0,12}(?:稿|试行|草案|暂行|年)[）)]$")
_EXPLANATION = re.compile(r"(?:说明|解读)$")
_NOTICE = re.compile(r"(?:通知|函)$|印发给你们")
_ITEM = re.compile(r"(?:——|--|•|●|■|◆)")
_ROLE_LINE = re.compile(
    r"[\u4e00-\u9fff]{2,8}(?:单位|部门|机构|时限|时间|期限|节点|领导|责任人)(?:[（(][^（()）]{1,8}[）)])?[:：]|[【〔\[][\u4e00-\u9fff]{2,8}[】〕\]]"
)
_CLOSED, _HALF_CLOSED = "。！？；：!?;:", "”’）)】〕》>"
_OPENERS, _CLOSERS = "（(〔【［[《“", "）)〕】］]》”"
_BRACKETS = re.compile(f"[{re.escape(_OPENERS + _CLOSERS)}]")
# Lines that stand for themselves wherever they are: letterhead, number, date, disclosure.
_ALONE = re.compile(
    r"(?:.{2,40}文件|[\u4e00-\u9fff]{2,14}[〔\[（(【﹝]20\d\d[〕\]）)】﹞]第?\d+号(?:签发人.{0,12})?|二[〇零○][〇零○一二三四五六七八九]{2}年.{1,3}月.{1,3}日|20\d\d年\d{1,2}月\d{1,2}日|[（(](?:此件|本文|此文).{2,12}[）)])$"
)
_TAIL = re.compile(
    r"(?:抄\s*送[:：]|.{0,30}印发$|[（(](?:此件|本文).{2,12}[）)]$|20\d\d年\d{1,2}月\d{1,2}日$)"
)


@dataclass
class Part:
    """A part of a file: its title (squeezed) and its blocks below the title."""

    kind: PartKind
    title: Passage
    blocks: list[Passage]


@dataclass
class Section:
    """A node of the outline. ``body`` holds the blocks between its heading and the next one."""

    number: str
    depth: int
    title: str
    heading: Passage
    parent: Section | None = field(default=None, repr=False)
    body: list[Passage] = field(default_factory=list)
    children: list[Section] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Printed numbers from the top, joined by ``/``."""
        return "/".join(section.number for section in self.line() if section.number)

    def line(self) -> list[Section]:
        """The sections from the top down to this one, the nameless root left out."""
        line: list[Section] = []
        section: Section | None = self
        while section is not None and section.depth >= 0:
            line.append(section)
            section = section.parent
        return line[::-1]

    def walk(self) -> Iterator[Section]:
        """This section and all below it, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()


def blocks(text: str, tables: Sequence[Span] = ()) -> list[Passage]:
    """Paragraphs of a text as passages, the breaks of page layout joined; ``tables`` are stretches to leave out."""
    lines: list[Passage] = []
    offset = 0
    left_out = sorted(tables)
    for raw in text.split("\n"):
        passage = squeeze(raw, offset)
        while passage.text and left_out and left_out[0][1] <= passage.at[0]:
            left_out.pop(0)
        if passage.text and not (left_out and left_out[0][0] <= passage.at[0]):
            lines.append(passage)
        offset += len(raw) + 1
    full = _full_width(lines)
    joined: list[list[Passage]] = []
    unclosed = waited = 0
    for line in lines:
        if joined and _continues(joined[-1][-1], line, unclosed, full):
            joined[-1].append(line)
            unclosed = max(0, unclosed + _depth(line.text))
            waited = waited + 1 if unclosed else 0
            unclosed = 0 if waited > _FORGOTTEN else unclosed
        else:
            joined.append([line])
            unclosed, waited = max(0, _depth(line.text)), 0
    return [_join(group) for group in joined]


def _join(group: list[Passage]) -> Passage:
    """All lines of a group as one; halves first, so that many lines do not take the square of their number."""
    if len(group) <= 2:
        return group[0] + group[1] if len(group) == 2 else group[0]
    middle = len(group) // 2
    return _join(group[:middle]) + _join(group[middle:])


def _width(text: str) -> float:
    """Printed width in Chinese characters."""
    return len(text) - 0.5 * len(text.encode("ascii", "ignore"))


def _full_width(lines: list[Passage]) -> float | None:
    """From which width a line counts as full; None where a line of the file is a whole paragraph."""
    widths = sorted(_width(line.text) for line in lines if len(line) >= 12)
    if not widths:
        return None
    common = widths[int(len(widths) * 0.8)]
    long = [line.text[-1] for line in lines if _width(line.text) >= common * 0.8]
    # Short paragraphs have the width of lines, but they end where a sentence ends.
    cut = sum(char not in _CLOSED and char not in _HALF_CLOSED for char in long)
    return common * 0.8 if common <= 50 and cut * 3 >= len(long) else None


def _depth(text: str) -> int:
    return sum(1 if char in _OPENERS else -1 for char in _BRACKETS.findall(text))


def _continues(last: Passage, line: Passage, unclosed: int, full: float | None) -> bool:
    """Whether a line goes on with the paragraph that the line before it belongs to."""
    if line.text[0] in "，、。；：）)〕】》”,;":
        return True
    if heading(line) or _ITEM.match(line.text) or _ANNEX.match(line.text):
        # Inside an open bracket only a first-level heading is believed: the bracket was forgotten, not cut.
        return bool(unclosed) and (found := heading(line)) is not None and found[0] >= _CHAPTERS
    if unclosed:
        return True
    if _ROLE_LINE.match(line.text) or _ALONE.match(line.text) or _ALONE.match(last.text):
        return False
    if last.text[-1] in "、，,":
        return True
    if last.text[-1] in _CLOSED:
        return False
    if full is not None:
        # A bracket or a quotation mark may close anywhere in a line: there the width decides.
        return _width(last.text) >= full
    if _ROLE_LINE.match(last.text):
        return False
    # Here a line is a paragraph; one that stops without a full stop was cut by a page, unless it is a title.
    return last.text[-1] not in _HALF_CLOSED and re.search("[，。；]", last.text) is not None


def heading(block: Passage) -> tuple[int, str, int] | None:
    """Depth, printed number and length of the mark where a block starts with a heading's mark."""
    if not _MARKED.match(block.text):
        return None
    for depth, pattern in HEADINGS:
        match = pattern.match(block.text)
        if match:
            return depth, match.group(1), match.end()
    return None


def heading_only(block: Passage) -> str | None:
    """The title where a block is nothing but a heading."""
    found = heading(block)
    if found is None or len(block) > 60 or re.search("[。；]", block.text):
        return None
    return block.text[found[2] :]


def parts(text: str, tables: Sequence[Span] = ()) -> list[Part]:
    """The parts of a file in order; exactly one of them is the plan."""
    found: list[Part] = []
    for block in _with_whole_titles(blocks(text, tables)):
        if _ANNEX.match(block.text) and not (
            found and found[-1].kind == "notice" and _ATTACHED.match(block.text)
        ):
            found.append(Part("annex", block, []))
        elif _is_title(block):
            if found and found[-1].kind == "annex" and not found[-1].blocks:
                # 附件 / the annex's own title: one beginning, not two.
                found[-1].title = block
            elif found and found[-1].kind == "annex":
                # Table cells end in 措施 or 方案 too: in an annex only a new 附件 mark begins another part.
                found[-1].blocks.append(block)
            elif len(found) == 1 and not found[0].title.text and len(found[0].blocks) <= 4:
                # Letterhead and number stand above the first title and go with it.
                found[0] = Part(_kind(block.text), block, found[0].blocks)
            else:
                found.append(Part(_kind(block.text), block, []))
        else:
            if not found:
                found.append(Part("plan", EMPTY, []))
            found[-1].blocks.append(block)
    return _settle(found)


def _with_whole_titles(found: list[Passage]) -> list[Passage]:
    """Put together a title that is printed over several lines, and its mark of a draft."""
    whole: list[Passage] = []
    pending: list[Passage] = []

    def flush() -> None:
        whole.extend(pending)
        pending.clear()

    for block in found:
        if whole and not pending and _is_title(whole[-1]) and _TITLE_TAIL.match(block.text):
            whole[-1] = whole[-1] + block
            continue
        short = len(block) <= 45 and block.text[-1] not in _CLOSED
        if not short or heading(block) or _ANNEX.match(block.text) or _ALONE.match(block.text):
            flush()
            whole.append(block)
            continue
        pending.append(block)
        if _TITLE_END.search(block.text):
            take = _title_lines(pending)
            whole.extend(pending[:-take])
            whole.append(_join(pending[-take:]))
            pending.clear()
    flush()
    return whole


def _title_lines(pending: list[Passage]) -> int:
    """How many of the last lines make the title: back to the one that names a place or says 关于."""
    for take in range(1, min(4, len(pending)) + 1):
        if re.match(r"关于|.{1,9}?[省市区县旗州盟].{4,}", pending[-take].text):
            return take
    return min(4, len(pending))


def _is_title(block: Passage) -> bool:
    text = block.text
    return (
        8 <= len(text) <= 100
        and heading(block) is None
        and not _ANNEX_TITLED.match(text)
        and "。" not in text
        and not re.match(r"\d", text)
        and bool(_TITLE_END.search(text))
        # 强化各项保障措施 is a heading of a plan, not the title of one.
        and (len(text) >= 12 or re.search("[省市区县州盟旗]|关于|20|印发", text) is not None)
    )


def _kind(title: str) -> PartKind:
    bare = re.sub(r"(?:[（(][^（()）]*[）)])+$", "", title)
    if _EXPLANATION.search(bare):
        return "explanation"
    return "notice" if _NOTICE.search(bare) else "plan"


def _settle(found: list[Part]) -> list[Part]:
    """Name exactly one part the plan: the one with most headings that is neither explanation nor notice.

    A plan may be attached to its notice as 附件, or stand under the notice's title without one of its own.
    """
    if not found:
        return [Part("plan", EMPTY, [])]

    def weight(part: Part) -> tuple[int, int]:
        # A table's rows are numbered too: only headings with a paragraph behind them count.
        numbered = sum(1 for block in part.blocks if heading(block))
        prose = sum(1 for block in part.blocks if len(block) >= 15 and "。" in block.text)
        return min(numbered, prose * 3), len(part.blocks)

    candidates = [part for part in found if part.kind == "plan" and weight(part)[0] >= 2]
    candidates = candidates or [part for part in found if part.kind != "explanation"] or found
    plan = max(candidates, key=weight)
    before = True
    for part in found:
        before = before and part is not plan
        if part.kind == "plan" and part is not plan:
            part.kind = "notice" if before else "annex"
    plan.kind = "plan"
    return found


def tree(part: Part) -> Section:
    """The outline of a part below a nameless root (depth −1)."""
    root = Section("", -1, "", part.title)
    current = root
    unnumbered = run_in.lines(part.blocks, heading, _stands_apart)
    for index, block in enumerate(part.blocks):
        mark = heading(block)
        if mark:
            depth, number, length = mark
            title, rest = _title(block, length)
        elif index in unnumbered:
            depth, number, title, rest = unnumbered[index], block.text, block.text, EMPTY
        else:
            if not (_TAIL.match(block.text) and len(block) <= 60):
                current.body.append(block)
            continue
        while current.depth >= depth and current.parent is not None:
            current = current.parent
        section = Section(number, depth, title, block, current)
        current.children.append(section)
        if rest.text:
            section.body.append(rest)
        current = section
    for section in list(root.walk()):
        _open_run_in(section)
    return root


def _open_run_in(section: Section) -> None:
    """Make tasks of the paragraphs of a section that begin with headings of their own."""
    if section.children or (section.depth >= 0 and re.search("目标|要求|原则|思想|思路", section.title)):
        return
    tasks = run_in.run_in(section.body, _stands_apart)
    if tasks:
        section.body = []
    for title, mark, body in tasks:
        section.children.append(Section(title, run_in.BELOW_ALL, title, mark + body[0], section, body))


def _stands_apart(block: Passage) -> bool:
    """Lines that are neither headings nor paragraphs: agencies, listed items, dates, disclosure."""
    return any(form.match(block.text) for form in (_ROLE_LINE, _ITEM, _ALONE, _TAIL, _ANNEX))


def _title(block: Passage, length: int) -> tuple[str, Passage]:
    """Split a block that starts with a heading's mark into its title and the text that runs on.

    The title ends at the first full stop or colon, before a bracket that names agencies, or with the block. Where the
    first sentence is too long for a title, the task has none of its own: its first clause stands in, and the whole
    sentence remains text.
    """
    rest = block.cut(length, len(block))
    end = next((group.start for group in role_groups(rest.cut(0, 200)) if not group.running), len(rest))
    stop = re.search(r"[。：:]", rest.text[:end])
    if stop and stop.start() <= 40 and not re.search(r"\d", rest.text[: stop.start()]):
        return rest.text[: stop.start()], rest.cut(stop.end(), len(rest))
    if stop is None and end <= 60:
        # A title with a figure (新建养老床位1000张) is read as text too.
        if re.search(r"\d", rest.text[:end]):
            return rest.text[:end].split("；")[0], rest
        return rest.text[:end], rest.cut(end, len(rest))
    clause = re.split(r"[，。；：,;:]", rest.text[:end], maxsplit=1)[0]
    return clause[:40], rest
