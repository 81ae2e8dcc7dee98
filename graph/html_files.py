"""Pages of government sites to text and tables: the document alone, without the site around it.

The document is where the sentences are. From the body of the page the reader goes down to the smallest element that
still holds nearly all of the punctuation outside links, which navigation and page tails hardly have; what is left of
them inside is cut off at both ends, line by line. Rather a line too much than a paragraph of the plan too little.
"""

from __future__ import annotations

import re

from lxml import etree, html

from graph.errors import BadInput
from graph.site_marks import cut_head, cut_tail, squeezed
from graph.source_text import MOST_PLACES, RawCell, SourceText, clean
from graph.sources import Source

_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE)
_NO_CONTENT = {
    "script", "style", "noscript", "template", "svg", "head", "nav", "footer", "button", "select", "option", "textarea",
    "input", "iframe", "object", "embed", "audio", "video", "canvas", "map", "rp", "rt",
}  # fmt: skip
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "legend", "li", "main",
    "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MARKS = re.compile("[，。；、]")  # a colon stands in 来源： and 当前位置： too
# An element holds the document where it has this share of the marks: what a page tail has is far less.
_NEARLY_ALL = 0.97
_LONG_CELL = 1500  # characters: a cell longer than this is the page's layout, not a table


_SITE_NAME = re.compile(r"\s*(?:[_|｜]|[-—–]{1,2})\s*[^_|｜\-—–]*$")
_ANNEX = re.compile(r"\s*附(?:件|表)\s*\d{0,2}\s*[:：]?")
_OF_THE_SITE = re.compile(r"索\s*引\s*号|首页|ICP备|版权所有|主办|友情链接|[上下]一篇")
_ABOUT_TABLE = re.compile(r"索\s*引\s*号")
_SIGNED = re.compile(
    r"(?:成\s*文|生\s*成|发\s*文)\s*日\s*期\s*[:：]?\s*(20\d\d)\s*[年/.\-]\s*(\d{1,2})\s*[月/.\-]\s*(\d{1,2})"
)
_NUMBER = re.compile(r"[\u4e00-\u9fff]{2,14}[〔\[（(]20\d\d[〕\]）)]\s*\d+\s*号")


def read(data: bytes, name: str) -> Source:
    """The text and tables of a page. Raises BadInput where it holds no text, or is in no encoding that is known."""
    try:
        return _Page(_decode(data, name)).source(name)
    except (etree.LxmlError, RecursionError, ValueError, AssertionError) as error:
        # lxml says by these that a page is too deep or too broken for a tree.
        raise BadInput(f"{name}: the page cannot be taken apart; save it as plain text first") from error


def _decode(data: bytes, name: str) -> str:
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        # Never valid by chance; and pages do say gb2312 that have long been UTF-8.
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    found = _CHARSET.search(data[:4096])
    declared = found.group(1).decode("ascii").lower() if found else ""
    # GB18030 holds GBK and GB 2312, which pages name and then go beyond. A page cut short may end in half a character.
    encodings = {"big5": ["big5hkscs"], "utf-8": ["utf-8", "gb18030"]}.get(declared, ["gb18030", "utf-8"])
    for encoding in encodings:
        text = data.decode(encoding, "replace")
        if text.count("\ufffd") * 200 <= len(text):
            return text
    raise BadInput(f"{name}: the page is in no encoding that is known here; save it as UTF-8 first")


class _Page:
    def __init__(self, text: str) -> None:
        # Without huge_tree what is nested too deep is left out in silence; so, it is a RecursionError, and told.
        parser = html.HTMLParser(
            encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
        )
        self.root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
        self.title = self._title()
        for element in list(self.root.iter()):
            if (
                isinstance(element, html.HtmlElement)
                and _dropped(element)
                and element.getparent() is not None
            ):
                element.drop_tree()

    def source(self, name: str) -> Source:
        body = self.root.find("body")
        content = self._content(body if body is not None else self.root)
        items = _Walk().items(content)
        items = cut_tail(cut_head(items, squeezed(self.title)))
        out = SourceText()
        number = self._number()
        opening = squeezed("".join(one for one in items[:12] if isinstance(one, str)))
        if self.title and squeezed(self.title) not in opening:
            out.line(self.title)
        if number and squeezed(number) not in opening:
            out.line(number)
        self._signature(out, items)
        for item in items:
            if isinstance(item, str):
                out.line(item)
            else:
                out.table(item)
        return out.source("html", name)

    def _title(self) -> str:
        """The title of the document: as the page marks it, else its first heading, else the page's own title."""
        marked = [
            meta.get("content", "")
            for meta in self.root.iter("meta")
            if meta.get("name", "").lower() == "articletitle"
        ]
        headings = [_text(element) for element in self.root.iter("h1")]
        pages = [_SITE_NAME.sub("", _text(element)[:300]) for element in self.root.iter("title")]
        for found in (*marked, *headings, *pages):
            text = clean(found).replace("\n", "")
            # The site's own name is often its first heading.
            if len(text) >= 8 and not re.search(r"(?:人民政府|门户网站|政府网|委员会|[…]|\.\.\.)$", text):
                return text
        return ""

    def _number(self) -> str | None:
        """The document's number where the table of its particulars has it."""
        return found.group() if (found := self._particular(_NUMBER)) else None

    def _signature(self, out: SourceText, items: list[str | list[RawCell]]) -> None:
        """成文日期 of the particulars, where the document as shown prints no such date."""
        found = self._particular(_SIGNED)
        if found:
            day = f"{int(found[1])}年{int(found[2])}月{int(found[3])}日"
            if not any(isinstance(one, str) and day in squeezed(one) for one in items):
                out.line(f"成文日期：{day}")

    def _particular(self, wanted: re.Pattern[str]) -> re.Match[str] | None:
        """What the table of a document's particulars (索引号 …) has of it."""
        for table in self.root.iter("table", "ul", "dl"):
            text = _text(table)
            if len(text) < 1500 and _ABOUT_TABLE.search(text) and (found := wanted.search(text)):
                return found
        return None

    def _content(self, body: html.HtmlElement) -> html.HtmlElement:
        """The smallest element that holds nearly all of the marks outside links."""
        marks, annexes = _marks(body)
        current = body
        while marks[current]:
            inside = [child for child in current if isinstance(child.tag, str)]
            best = max(inside, key=lambda child: marks.get(child, 0), default=None)
            if best is None or marks[best] < marks[body] * _NEARLY_ALL or _is_table(best):
                break
            if any(annexes[child] for child in inside if child is not best):
                break
            current = best
        while (
            current.tag in ("tbody", "tr", "p", "span", "font", "b", "strong")
            and current.getparent() is not None
        ):
            current = current.getparent()
        return current


def _text(element: etree._Element) -> str:
    return "".join(str(one) for one in element.itertext())


def _dropped(element: html.HtmlElement) -> bool:
    return (
        element.tag in _NO_CONTENT
        or bool(_HIDDEN.search(element.get("style", "")))
        or "hidden" in element.attrib
    )


def _marks(body: html.HtmlElement) -> tuple[dict[html.HtmlElement, int], dict[html.HtmlElement, bool]]:
    """How many marks of sentences stand in each element, those in links left out; and whether an annex stands in it."""
    counts: dict[html.HtmlElement, int] = {}
    annexes: dict[html.HtmlElement, bool] = {}
    for _, element in etree.iterwalk(body, events=("end",)):
        own = len(_MARKS.findall(element.text or ""))
        own += sum(counts[child] + len(_MARKS.findall(child.tail or "")) for child in element)
        linked = element.tag == "a"
        counts[element] = 0 if linked else own
        annexes[element] = not linked and (
            any(annexes[child] for child in element)
            or bool(_ANNEX.match(element.text or ""))
            or (_is_table(element) and not _OF_THE_SITE.search(_text(element)))
        )
    return counts, annexes


def _is_table(element: html.HtmlElement) -> bool:
    """Whether an element is a table of the document, not a frame of the page's layout."""
    if element.tag != "table" or element.find(".//table") is not None:
        return False
    cells = list(element.iter("td", "th"))
    columns = max(
        (sum(1 for cell in row if cell.tag in ("td", "th")) for row in element.iter("tr")), default=0
    )
    return columns >= 2 and len(cells) >= 4 and all(len(_text(cell)) <= _LONG_CELL for cell in cells)


class _Walk:
    """Writes the lines and tables of an element in order."""

    def __init__(self) -> None:
        self._items: list[str | list[RawCell]] = []
        self._line: list[str] = []

    def items(self, element: html.HtmlElement) -> list[str | list[RawCell]]:
        self._go(element)
        self._flush()
        return self._items

    def _flush(self) -> None:
        text = "".join(self._line)
        self._line = []
        self._items += [line for line in clean(text).split("\n") if line]

    def _go(self, element: html.HtmlElement) -> None:
        tag = element.tag
        if not isinstance(tag, str):
            return
        if tag == "br":
            self._line.append("\n")
            return
        if tag == "table" and _is_table(element):
            self._flush()
            for caption in element.iter("caption"):
                self._items += [line for line in clean(_text(caption)).split("\n") if line]
            if not _ABOUT_TABLE.search(_text(element)):
                self._items.append(_cells(element))
            return
        if tag in _BLOCKS:
            self._flush()
        if tag == "li" and (number := _item_number(element)):
            self._line.append(number)
        keep = tag == "pre"
        self._line.append(_flow(element.text, keep))
        for child in element:
            self._go(child)
            self._line.append(_flow(child.tail, keep))
        if tag in _BLOCKS:
            self._flush()


def _flow(text: str | None, keep: bool) -> str:
    """A line break in the source of a page is a blank on the page, and none between two Chinese characters."""
    if not text or keep:
        return text or ""
    return (
        re.sub(r"(?<=[^\x00-\x7f])\s*[\r\n]\s*(?=[^\x00-\x7f])", "", text)
        .replace("\r", " ")
        .replace("\n", " ")
    )


def _item_number(item: html.HtmlElement) -> str:
    """The number that a browser prints before an item of an ordered list."""
    parent = item.getparent()
    if (
        parent is None
        or parent.tag != "ol"
        or parent.get("type", "1") != "1"
        or "none" in parent.get("style", "")
    ):
        return ""
    number = 1
    start = parent.get("start", "1")
    number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
    for other in parent:
        value = other.get("value", "") if other.tag == "li" else ""
        number = int(value) if re.fullmatch(r"\d{1,6}", value) else number
        if other is item:
            break
        number += other.tag == "li"
    return f"{number}. "


def _cells(table: html.HtmlElement) -> list[RawCell]:
    cells: list[RawCell] = []
    taken: dict[tuple[int, int], bool] = {}
    rows = list(table.iter("tr"))
    for at, row in enumerate(rows):
        column = 0
        for cell in row:
            if cell.tag not in ("td", "th"):
                continue
            while taken.get((at, column)):
                column += 1
            width = _span(cell.get("colspan"), 200)
            height = min(_span(cell.get("rowspan"), len(rows)), len(rows) - at)
            if len(taken) + width * height > MOST_PLACES:
                width = height = 1
            for down in range(height):
                for right in range(width):
                    taken[at + down, column + right] = True
            lines = [line for line in _Walk().items(cell) if isinstance(line, str)]
            cells.append(RawCell("\n".join(lines), at, column, height, width))
            column += width
    return cells


def _span(text: str | None, most: int) -> int:
    """The value of rowspan or colspan; 0 means "as far as there is"."""
    if text is None or not re.fullmatch(r"\s*\d{1,6}\s*", text):
        return 1
    return min(int(text) or most, most)
