"""PDFs with text to paragraphs and tables: the reading order of the page, without what is printed on every page.

A PDF knows characters and strokes, nothing else. Lines are characters of one height; a line belongs to the paragraph
above it where that line runs to the right margin and this one starts at the left; a table is where strokes cross.
Pages that are pictures have no text: they are named, and a PDF of nothing else is refused.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pdfplumber
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

from graph.errors import BadInput
from graph.pdf_tables import PageTable, TableCell, joined
from graph.site_marks import cut_head, cut_tail, is_printed_page
from graph.source_text import SourceText
from graph.sources import Source

MAX_PAGES = 1000
MAX_STREAM = 48 * 1024 * 1024  # bytes: a Chinese font has some 20 MB, a page of text a few kilobytes
_LITTLE_TEXT = 20  # characters on a page: a stamp or a page number, no paragraph

_PAGE_NUMBER = re.compile(
    r"[—–―\-－·~～一]*\s*\d{1,4}\s*[—–―\-－·~～一]*|第\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?|\d{1,4}\s*/\s*\d{1,4}|"
    r"[Pp]age\s*\d+(?:\s*of\s*\d+)?|[ivxlIVXL]{1,6}"
)
_HEADING = re.compile(
    r"第[一二三四五六七八九十]+[章编篇]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十]{1,3}[）)]|\d{1,2}[.．、](?!\d)|附件"
    r"|[（(]\d{1,2}[）)]|[①-⑳]|——|[\u4e00-\u9fff]{2}(?:单位|部门|时限)[:：]"
)
# Fonts often name a character by its radical of the same shape: 一 comes out as ⼀. NFKC knows most of these.
_RADICALS = str.maketrans(
    "―⼾⺠⺟⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳⺁⺝⺮⺶⺼⻊⻌⻏⻖",
    "—户民母虎西见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄黾齐齿龙龟厂月竹羊肉足辶邑阜",
)


@dataclass
class _Line:
    """A printed line: its text, where it stands (points from the left and the top of its page), its type size."""

    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    size: float


@dataclass
class _PageContent:
    number: int
    width: float
    height: float
    lines: list[_Line]
    tables: list[PageTable]
    characters: int
    unnamed: int
    picture: bool


def read(data: bytes, name: str) -> Source:
    """The text and tables of a PDF. Raises BadInput for one that is protected, damaged, or pictures only."""
    _check_streams(data, name)
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)  # a warning a page for each font without a box
    try:
        with pdfplumber.open(io.BytesIO(data)) as document:
            if len(document.pages) > MAX_PAGES:
                raise BadInput(
                    f"{name}: has {len(document.pages)} pages; hand in the plan alone, up to {MAX_PAGES}"
                )
            pages = []
            for page in document.pages:
                pages.append(_page(page))
                page.close()  # drops what was laid out: memory stays flat over the pages
    except BadInput:
        raise
    except Exception as error:
        # pdfminer lets almost anything escape on a damaged file: TypeError, KeyError, struct.error, RecursionError …
        if isinstance(_cause(error), (PDFEncryptionError, PDFPasswordIncorrect)):
            raise BadInput(f"{name}: is protected with a password; save it without one first") from error
        raise BadInput(f"{name}: the PDF is damaged or cut short; save it as PDF again") from error
    return _write(pages, name)


def _check_streams(data: bytes, name: str) -> None:
    """Refuse a file with a stream that unpacks beyond measure, before a library unpacks it whole."""
    for found in re.finditer(rb"stream\r?\n", data):
        if b"/Image" in data[max(0, found.start() - 500) : found.start()]:
            continue  # pictures are never unpacked here
        unpacker = zlib.decompressobj()
        size, at, rest = 0, found.end(), b""
        with suppress(zlib.error):  # not packed, or packed in another way
            while not unpacker.eof and (rest or at < len(data)):
                if not rest:
                    rest, at = data[at : at + 65_536], at + 65_536
                size += len(unpacker.decompress(rest, 1 << 20))
                rest = unpacker.unconsumed_tail
                if size > MAX_STREAM:
                    raise BadInput(
                        f"{name}: a part of it unpacks to more than {MAX_STREAM >> 20} MB; no plan is that long"
                    )


def _cause(error: BaseException) -> BaseException:
    """What a wrapper of pdfplumber wraps."""
    if isinstance(error, PdfminerException) and error.args and isinstance(error.args[0], BaseException):
        return error.args[0]
    return error


def _write(pages: list[_PageContent], name: str) -> Source:
    if not pages:
        raise BadInput(f"{name}: the PDF has no pages; save it as PDF again")
    _tell_unreadable(pages, name)
    out = SourceText()
    pictures = [page.number for page in pages if page.picture]
    if pictures:
        out.notes.append(
            f"{_named(pictures)} without text and not read; run OCR on the file to have all of it"
        )
    _drop_running(pages)
    items = _items(pages)
    if is_printed_page(items):
        items = cut_tail(cut_head(items))
    for item in items:
        if isinstance(item, str):
            out.line(item)
        else:
            out.table(joined(item))
    return out.source("pdf", name)


def _items(pages: Sequence[_PageContent]) -> list[str | list[PageTable]]:
    """The paragraphs and tables of all pages in order; a table is the list of its pieces."""
    layout = _Layout(pages)
    items: list[str | list[PageTable]] = []
    paragraph: list[str] = []
    last: tuple[_Line, _PageContent] | None = None
    for page in pages:
        found: list[_Line | PageTable] = [*page.lines, *page.tables]
        for at, item in enumerate(sorted(found, key=lambda one: one.top)):
            if isinstance(item, PageTable):
                table = items[-1] if items and not paragraph else None
                if (
                    isinstance(table, list)
                    and at == 0
                    and table[-1].page == page.number - 1
                    and item.continues(table[0])
                ):
                    table.append(item)
                    continue
            if paragraph and not (isinstance(item, _Line) and last and layout.continues(*last, item, page)):
                items.append(_run_on(paragraph))
                paragraph = []
            if isinstance(item, PageTable):
                items.append([item])
            else:
                paragraph.append(item.text)
                last = (item, page)
    if paragraph:
        items.append(_run_on(paragraph))
    return items


def _tell_unreadable(pages: list[_PageContent], name: str) -> None:
    characters = sum(page.characters for page in pages)
    if any(page.picture for page in pages) and characters < _LITTLE_TEXT * len(pages):
        numbers = [page.number for page in pages if page.picture]
        raise BadInput(f"{name}: {_named(numbers)}; run OCR first")
    if sum(page.unnamed for page in pages) * 10 > characters > 0:
        raise BadInput(
            f"{name}: its fonts do not say which characters they show; print it to PDF again, or run OCR first"
        )


def _named(numbers: Sequence[int]) -> str:
    """Pages as a sentence begins: "page 2 is a picture", "pages 1–3, 8 are pictures"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"page {named} is a picture" if len(numbers) == 1 else f"pages {named} are pictures"


def _run_on(lines: Iterable[str]) -> str:
    """Lines of one paragraph as one; two Latin words that a line break parted stay two."""
    text = ""
    for line in lines:
        gap = (
            " "
            if text and text[-1].isascii() and text[-1].isalnum() and line[0].isascii() and line[0].isalnum()
            else ""
        )
        text += gap + line
    return text


# -- one page ------------------------------------------------------------------------------------------------------


def _page(page: Page) -> _PageContent:
    characters = [one for one in page.chars if one["upright"] and one["text"].strip()]
    tables: list[PageTable] = []
    if len(page.edges) >= 4:
        for found in page.find_tables({"explicit_horizontal_lines": _open_ends(page)}):
            cells = [TableCell("", *box) for box in found.cells]
            table = PageTable(page.page_number, cells)
            if table.is_table:
                tables.append(table)
    outside: list[dict[str, Any]] = []
    inside: dict[int, list[dict[str, Any]]] = {}
    cells = [cell for table in tables for cell in table.cells]
    for one in characters:
        x, y = (one["x0"] + one["x1"]) / 2, (one["top"] + one["bottom"]) / 2
        for at, cell in enumerate(cells):
            if cell.x0 <= x <= cell.x1 and cell.top <= y <= cell.bottom:
                inside.setdefault(at, []).append(one)
                break
        else:
            outside.append(one)
    for at, ones in inside.items():
        cells[at].text = "\n".join(line.text for line in _lines(ones))
    texts = [one["text"] for one in characters]
    area = float(page.width * page.height) or 1.0
    covered = max((one["width"] * one["height"] for one in page.images), default=0.0)
    return _PageContent(
        number=page.page_number,
        width=float(page.width),
        height=float(page.height),
        lines=_lines(outside),
        tables=tables,
        characters=len(texts),
        unnamed=sum(1 for text in texts if text.startswith("(cid:") or text == "\ufffd"),
        # A page may also be drawn, letter by letter, in outlines.
        picture=len(texts) < _LITTLE_TEXT and (covered > area * 0.3 or len(page.curves) > 200),
    )


def _open_ends(page: Page) -> list[float]:
    """Where a table that a page break cut has no stroke of its own: the ends of the upright strokes of the page."""
    upright = [one for one in page.edges if one["orientation"] == "v" and one["bottom"] - one["top"] > 6]
    if not upright:
        return []
    left, right = min(one["x0"] for one in upright), max(one["x1"] for one in upright)
    open_ends = []
    for end in (min(one["top"] for one in upright), max(one["bottom"] for one in upright)):
        # The short ends of thick upright strokes are level too; and a stroke has an upper and a lower edge.
        level = [one for one in page.edges if one["orientation"] == "h" and abs(one["top"] - end) <= 4]
        reached, open_width = left, 0.0
        for one in sorted((one for one in level if one["x1"] - one["x0"] > 6), key=lambda one: one["x0"]):
            open_width += max(0.0, one["x0"] - reached)
            reached = max(reached, one["x1"])
        if open_width + max(0.0, right - reached) > 12:
            open_ends.append(end)
    return open_ends


def _lines(characters: list[dict[str, Any]]) -> list[_Line]:
    """The printed lines that characters make, from the top down."""
    rows: list[list[dict[str, Any]]] = []
    for one in sorted(characters, key=lambda char: (char["top"] + char["bottom"]) / 2):
        middle = (one["top"] + one["bottom"]) / 2
        if rows:
            first = rows[-1][0]
            height = max(first["bottom"] - first["top"], one["bottom"] - one["top"])
            if middle - (first["top"] + first["bottom"]) / 2 < height * 0.45:
                rows[-1].append(one)
                continue
        rows.append([one])
    return [line for row in rows if (line := _line(row)).text]


def _line(row: list[dict[str, Any]]) -> _Line:
    row.sort(key=lambda char: char["x0"])
    text = ""
    last: dict[str, Any] | None = None
    for one in row:
        if last is not None:
            # Bold type is sometimes the same character printed twice, a hair apart.
            if one["text"] == last["text"] and abs(one["x0"] - last["x0"]) < one["size"] * 0.2:
                continue
            gap = one["x0"] - last["x1"]
            latin = text[-1:].isascii() and one["text"].isascii()
            if gap > one["size"] * (0.15 if latin else 0.8):
                text += " "
        text += one["text"]
        last = one
    return _Line(
        text=_plain(text),
        x0=row[0]["x0"],
        x1=max(one["x1"] for one in row),
        top=min(one["top"] for one in row),
        bottom=max(one["bottom"] for one in row),
        size=median(one["size"] for one in row),
    )


def _plain(text: str) -> str:
    """Radicals to the characters that they stand for, ligatures apart, and the bar to the Chinese dash of its shape."""
    if not re.search("[\u2015\u2e80-\u2fdf\ufb00-\ufb06]", text):
        return text
    text = text.translate(_RADICALS)
    return re.sub(
        "[\u2f00-\u2fdf\ufb00-\ufb06]", lambda one: unicodedata.normalize("NFKC", one.group()), text
    )


# -- all pages -----------------------------------------------------------------------------------------------------


def _drop_running(pages: list[_PageContent]) -> None:
    """Take out running headers, footers and page numbers: what stands at an edge of the page and repeats."""
    places: list[tuple[_PageContent, _Line, tuple[str, int]]] = []
    for page in pages:
        edge = page.height * 0.12
        outermost = [*page.lines[:3], *page.lines[3:][-3:]]
        for line in outermost:
            if line.bottom < edge or line.top > page.height - edge:
                wording = re.sub(r"\d+", "#", re.sub(r"\s", "", line.text))
                places.append((page, line, (wording, round(line.top / 6))))
    # Left and right pages may differ, and the first page may have none.
    often = max(2, round(len(pages) * 0.3))
    counts = Counter(key for _, _, key in places)
    for page, line, (wording, height) in places:
        repeated = sum(counts[wording, height + off] for off in (-1, 0, 1)) >= often
        text = line.text.strip()
        numbered = _PAGE_NUMBER.fullmatch(text) and (
            not text.isdigit() or repeated or int(text) == page.number
        )
        if repeated or numbered:
            page.lines.remove(line)


class _Layout:
    """The margins of the pages, and whether paragraphs begin with an indent."""

    def __init__(self, pages: Sequence[_PageContent]) -> None:
        lines = [line for page in pages for line in page.lines]
        self.em = median([line.size for line in lines]) if lines else 12.0
        self._whole = self._margins(lines)
        self._margin = {
            page.number: self._margins(page.lines) if len(page.lines) >= 8 else self._whole for page in pages
        }
        places = [(line.x0 - self._margin[page.number][0]) / self.em for page in pages for line in page.lines]
        flush = sum(1 for place in places if place < 0.6)
        indented = sum(1 for place in places if 1.4 <= place <= 4.6)
        # Where nothing is indented, only room at the end of a line or above it tells that a paragraph ends.
        self.indents = flush >= 3 and indented >= 2 and indented * 20 >= len(places)
        heads = [place for place, line in zip(places, lines, strict=True) if _HEADING.match(line.text)]
        self._heads_indented = sum(1 for place in heads if place >= 1.2) * 2 > len(heads)
        self._gap = median(
            [below.top - line.bottom for page in pages for line, below in pairwise(page.lines)] or [0.0]
        )

    def _margins(self, lines: Sequence[_Line]) -> tuple[float, float]:
        body = [line for line in lines if abs(line.size - self.em) < self.em * 0.2] or list(lines)
        return min((line.x0 for line in body), default=0.0), max((line.x1 for line in body), default=0.0)

    def continues(self, last: _Line, page: _PageContent, line: _Line, on: _PageContent) -> bool:
        """Whether a line goes on with the paragraph of the line before it."""
        starts = _HEADING.match(line.text) and (not self._heads_indented or last.text[-1] in "。；：）)〕】")
        if starts or abs(last.size - line.size) > self.em * 0.2:
            return False
        gap = line.top - last.bottom if page is on else self._gap
        if gap > self._gap + self.em * (1.5 if self.indents else 0.4):
            return False
        left, right = self._margin[page.number]
        if not self.indents and (last.x0 - left > self.em * 0.6 or right < page.width * 0.75):
            return False  # a title in the middle; a list whose longest line is no full one
        # A figure with its unit, or a mark that may not begin a line, can leave some room at the end of a line.
        room = 3.2 if last.text[-1] not in "。；：！？" else 2.6 if self.indents else 1.3
        full = right - last.x1 < self.em * room
        return full and line.x0 - self._margin[on.number][0] < self.em * 0.6
