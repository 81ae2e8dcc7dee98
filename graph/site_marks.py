"""What a site prints around a document: breadcrumbs and tools above it, sharing, related links and the site's tail below.

Looked for at both ends only, line by line: inside a document, 来源： or 主办单位： are its own words.
"""

from __future__ import annotations

import re
from typing import TypeVar

_EDGE = 80  # lines: what stands around a document is no longer than this at either end

T = TypeVar("T")
"""A table, as the reader at hand keeps it."""

_HEAD = re.compile(
    r"(?:您?(?:现在|当前|所在)?(?:的)?位置|发布(?:时间|日期|机构)|发文(?:时间|日期)|成文日期|信息来源|来源|文章来源|作者|责任编辑|编辑"
    r"|浏览(?:次数|量)|阅读(?:次数|量)?|点击(?:次数|量|数)?|访问(?:次数|量)|字体|字号|日期|时间|分享到?|打印|保护视力色|视力保护色|索引号|主题分类"
    r"|主题词|有效性|信息分类|体裁分类|公开方式|公开范围)\s*[:：\]】]"
    r"|首页\s*(?:[>＞»›/|]|$)|(?:首页|打印|关闭|收藏|分享|大|中|小|纠错|朗读|无障碍|返回|English|繁體|简体)$|[【\[]\s*(?:打印|关闭|字体|收藏|大)"
)
_TAIL = re.compile(
    r"(?:上|下)一[篇条页]|相关(?:链接|文档|阅读|文章|新闻|信息|报道|解读|文件|政策|稿件)\s*[:：]?$|分享(?:到|至)?\s*[:：]?|扫一扫|用?手机(?:扫|打开|看)"
    r"|[【\[]?\s*打印(?:本页|此页|文章)?\s*[】\]]?\s*(?:[【\[]?\s*关闭|$)|[【\[]?\s*关闭(?:窗口|本页)?\s*[】\]]?$|.{0,40}ICP备|网站标识码|.{0,20}公网安备|公安机关备案"
    r"|版权所有|Copyright|主办(?:单位)?\s*[:：].{0,40}(?:承办|技术支持|政府|管委会|维护)|(?:网站地图|联系我们|关于我们|法律声明|隐私声明|使用帮助)(?:\s|[|｜]|$)|责任编辑\s*[:：]|返回顶部|附件下载\s*[:：]?$"
    r"|(?:政策|文件|图)(?:图解|解读)$|一图读懂",
    re.IGNORECASE,
)
_BREADCRUMBS = re.compile(r"您?(?:现在|当前|所在)?(?:的)?位置\s*[:：]|首页\s*[>＞»›/]")


def squeezed(text: str) -> str:
    """Text without any white space."""
    return re.sub(r"\s", "", text)


def _is_prose(line: str | T) -> bool:
    return not isinstance(line, str) or (len(line) >= 40 and "。" in line)


def is_printed_page(items: list[str | T]) -> bool:
    """Whether there are breadcrumbs above the first sentence, as on a page of a site that was printed."""
    first = next((at for at, one in enumerate(items[:_EDGE]) if _is_prose(one)), min(_EDGE, len(items)))
    return any(isinstance(one, str) and _BREADCRUMBS.match(one) for one in items[:first])


def cut_head(items: list[str | T], title: str = "") -> list[str | T]:
    """Without breadcrumbs, tools and particulars above the document, whose ``title`` (squeezed) may be known."""
    first = next((at for at, one in enumerate(items[:_EDGE]) if _is_prose(one)), min(_EDGE, len(items)))
    opening = [squeezed(one) if isinstance(one, str) else "" for one in items[:first]]
    start = 0
    if title and (begin := "".join(opening).find(title)) >= 0:
        length = 0
        for at, line in enumerate(opening):
            if length > begin:
                break
            start = at
            length += len(line)
        while start and re.search(r"文件$|号$", opening[start - 1]) and not _HEAD.match(opening[start - 1]):
            start -= 1  # letterhead and number
    else:
        start = max((at + 1 for at, line in enumerate(opening) if _BREADCRUMBS.match(line)), default=0)
    kept = [
        one
        for at, one in enumerate(items)
        if at >= start and not (at < first and isinstance(one, str) and _HEAD.match(one))
    ]
    # The page's heading and the document's own title are one title.
    twice = isinstance(kept[0], str) and squeezed(kept[0]) == title if kept else False
    if twice and title in "".join(squeezed(one) for one in kept[1:6] if isinstance(one, str)):
        return kept[1:]
    return kept


def cut_tail(items: list[str | T]) -> list[str | T]:
    """Without what stands below the document: from the first mark of a tail behind the last sentence or table."""
    last = max((at for at, one in enumerate(items) if _is_prose(one)), default=-1)
    for at in range(max(last + 1, len(items) - _EDGE), len(items)):
        one = items[at]
        if isinstance(one, str) and _TAIL.match(one):
            return items[:at]
    return items
