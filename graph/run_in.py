"""Headings without a number: lines that stand for themselves, and short first sentences of paragraphs.

The forms read here:

- a line of its own above text: 主要任务 / 扩大托位供给; in a plan without numbers, or above numbers that each begin again;
- a run-in heading: 扩大托位供给。支持幼儿园开设托班…; where each paragraph of a section begins with one.

Such a heading has no printed number: its title stands in the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from graph.reading import Passage

_LINE = re.compile(r"[\u4e00-\u9fffA-Za-z0-9“”、+＋（）()·—-]{2,24}")
_NO_HEADING = re.compile(
    r"(?:人民政府|办公厅|办公室|委员会|指挥部|[局厅部]|稿|日|[）)])$|^[（(]|^(?:附件|附表|抄送|目录|一是|此件)|\d"
)
# Words that chapters of plans are called by; other lines in a plan without numbers stand below them.
_CHAPTER = re.compile(
    r".{0,8}(?:要求|目标|任务|措施|原则|思想|保障|实施|步骤|安排|思路|重点|附则|总则|内容|分工|现状|基础|形势|背景|举措)"
)
_RUN_IN = re.compile(
    r"(?!(?:各|其中|对|到|要|[一二三四五六七八九十]是))([\u4e00-\u9fffA-Za-z“”、·+]{4,20})[。：:](?=.{8})"
)
BELOW_ALL = 95

Mark = Callable[[Passage], "tuple[int, str, int] | None"]


def lines(blocks: Sequence[Passage], mark: Mark, apart: Callable[[Passage], bool]) -> dict[int, int]:
    """Which blocks are headings without a number, and at which depth.

    Args:
        blocks: the paragraphs of a plan.
        mark: tells depth, number and length of a numbered heading's mark.
        apart: tells lines of other kinds: dates, lists of agencies, listed items, tails.
    """
    numbered = [mark(block) for block in blocks]
    found: list[int] = []
    for index in range(len(blocks) - 2, -1, -1):
        # From the end, since a heading may stand right above another one.
        follows = numbered[index + 1] or _is_prose(blocks[index + 1]) or (found and found[-1] == index + 1)
        block = blocks[index]
        if (
            numbered[index]
            or not follows
            or not _LINE.fullmatch(block.text)
            or _NO_HEADING.search(block.text)
        ):
            continue
        if not apart(block) and (not index or _is_over(blocks[index - 1], numbered[index - 1] is not None)):
            found.append(index)
    found.reverse()
    depths = [one[0] for one in numbered if one]
    if depths:
        above = [index for index in found if numbered[index + 1]]
        if len(above) >= 2:
            top = min(one[0] for index in above if (one := numbered[index + 1]))
            return dict.fromkeys(above, top - 5)
        return {}
    if not any(_CHAPTER.fullmatch(blocks[index].text) for index in found):
        return dict.fromkeys(found, 0) if len(found) >= 2 else {}
    return {index: 0 if _CHAPTER.fullmatch(blocks[index].text) else 5 for index in found}


def _is_prose(block: Passage) -> bool:
    return len(block) >= 15 and re.search("[。；：]", block.text) is not None


def _is_over(block: Passage, heading: bool) -> bool:
    """Whether a paragraph has come to its end, so that the next line begins something."""
    return heading or block.text[-1] in "。！；：）)〕】" or len(block) <= 40


def run_in(
    body: Sequence[Passage], apart: Callable[[Passage], bool]
) -> list[tuple[str, Passage, list[Passage]]]:
    """Title, heading and text of each task of a section whose paragraphs all begin with a run-in heading; else []."""
    tasks: list[tuple[str, Passage, list[Passage]]] = []
    for block in body:
        if apart(block) and tasks:
            tasks[-1][2].append(block)
            continue
        match = _RUN_IN.match(block.text)
        if match is None or apart(block):
            return []
        tasks.append((match[1], block.cut(0, match.end()), [block.cut(match.end(), len(block))]))
    return tasks if len(tasks) >= 2 else []
