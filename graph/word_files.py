"""Word files (.docx) to text and tables, as a reader sees them on the page.

In the text: paragraphs, text boxes (each once), the numbers that Word makes itself, tables, inserted text. Left out:
headers, footers, notes, comments, tables of contents, deleted and hidden text. ECMA-376 part 1 is what is read here.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from graph.errors import BadInput
from graph.source_text import RawCell, SourceText
from graph.sources import Source
from graph.word_numbers import Numbering

# A plan of 5 MB of text makes some 40 MB of XML; what unpacks to more was made to do harm, or is no plan.
MAX_PART = 64 * 1024 * 1024
MAX_MEMBERS = 20_000

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_USUAL = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_MAIN_PART = re.compile(
    rb'Type="[^"]*/officeDocument"[^>]*Target="/?([^"]+)"|Target="/?([^"]+)"[^>]*Type="[^"]*/officeDocument"'
)
_SKIPPED = {
    f"{_W}{name}"
    for name in "del moveFrom delText instrText pPr rPr tblPr tblGrid trPr tcPr sectPr footnoteReference "
    "endnoteReference commentReference annotationRef pgNum rt sdtPr softHyphen delInstrText".split()
}


@dataclass
class _Paragraph:
    """What stands in one paragraph: its text, and the text boxes that hang on it."""

    text: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)


@dataclass(frozen=True)
class _Style:
    """What of a paragraph or character style matters here, its ancestors' included."""

    name: str
    hidden: bool | None
    number: tuple[str | None, int | None]


def read(data: bytes, name: str) -> Source:
    """The text and tables of a .docx. Raises BadInput, saying what to do, where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return _Reader(package, name).source()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
        KeyError,
    ) as error:
        # The zip module says by all of these that an archive is cut short, damaged, or of a kind it cannot unpack.
        raise BadInput(
            f"{name}: the Word file is damaged or cut short; open it in Word and save it again"
        ) from error


class _Reader:
    def __init__(self, package: zipfile.ZipFile, name: str) -> None:
        self.name = name
        self.package = package
        self.members = {one.filename: one for one in package.infolist()}
        if len(self.members) > MAX_MEMBERS:
            raise BadInput(
                f"{name}: is an archive of {len(self.members)} files, not a document; hand in the plan alone"
            )
        part = self._main_part()
        folder = part.rpartition("/")[0]
        self.out = SourceText()
        self.body = self._xml(part)
        self.styles = self._styles(f"{folder}/styles.xml")
        self.defaults: dict[str, str] = {
            kind: style.get(f"{_W}styleId", "")
            for style, kind in self._raw_styles
            if style.get(f"{_W}default") in ("1", "true", "on")
        }
        numbering = (
            self._xml(f"{folder}/numbering.xml") if f"{folder}/numbering.xml" in self.members else None
        )
        self.numbering = Numbering(numbering, {key: style.number[0] for key, style in self.styles.items()})

    def source(self) -> Source:
        body = self.body.find(f"{_W}body")
        if body is None:
            raise BadInput(f"{self.name}: holds no Word document; save it as .docx again")
        self._blocks(body)
        self.out.notes.extend(self.numbering.notes())
        return self.out.source("docx", self.name)

    # -- the package -------------------------------------------------------------------------------------------

    def _main_part(self) -> str:
        part = "word/document.xml"
        if "_rels/.rels" in self.members:
            found = _MAIN_PART.search(self._bytes("_rels/.rels"))
            if found:
                part = (found.group(1) or found.group(2)).decode("utf-8", "replace")
        if part in self.members and not part.startswith(("xl/", "ppt/")):
            return part
        names = set(self.members)
        for mark, kind, way in (
            ("xl/", "an Excel workbook", "copy the plan into a Word file"),
            ("ppt/", "a PowerPoint file", "copy the plan into a Word file"),
            ("OFD.xml", "an OFD file", "save it as PDF with text"),
            ("content.xml", "an OpenDocument file", "save it as .docx"),
        ):
            if any(one.startswith(mark) for one in names):
                raise BadInput(f"{self.name}: is {kind}; {way} first")
        raise BadInput(
            f"{self.name}: is a ZIP archive, not a Word file; unpack it and hand in the plan alone"
        )

    def _bytes(self, part: str) -> bytes:
        # The size that the archive states may be a lie: what is unpacked is counted.
        with self.package.open(self.members[part]) as member:
            data = member.read(MAX_PART + 1)
        if len(data) > MAX_PART:
            raise BadInput(
                f"{self.name}: {part} unpacks to more than {MAX_PART >> 20} MB; no plan is that long"
            )
        return data

    def _xml(self, part: str) -> etree._Element:
        # No entities, no network, no depth beyond the parser's bound; a Word file has no document type.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(self._bytes(part).replace(_STRICT, _USUAL), parser)
        except etree.XMLSyntaxError as error:
            raise BadInput(
                f"{self.name}: the Word file is damaged ({part}); open it in Word and save it again"
            ) from error
        if root.getroottree().docinfo.internalDTD is not None:
            raise BadInput(
                f"{self.name}: {part} declares XML entities, which no Word file does; it is not read"
            )
        return root

    def _styles(self, part: str) -> dict[str, _Style]:
        self._raw_styles: list[tuple[etree._Element, str]] = []
        if part not in self.members:
            return {}
        raw = {style.get(f"{_W}styleId", ""): style for style in self._xml(part).iter(f"{_W}style")}
        self._raw_styles = [(style, style.get(f"{_W}type", "")) for style in raw.values()]
        styles: dict[str, _Style] = {}
        for key, style in raw.items():
            hidden: bool | None = None
            number: str | None = None
            level: int | None = None
            seen: set[str] = set()
            line: str | None = key
            while line in raw and line not in seen:
                seen.add(line)
                hidden = _switch(raw[line].find(f"{_W}rPr/{_W}vanish")) if hidden is None else hidden
                found, depth = _numbered(raw[line].find(f"{_W}pPr/{_W}numPr"))
                number = found if number is None else number
                level = depth if level is None else level
                line = _value(raw[line].find(f"{_W}basedOn"))
            styles[key] = _Style((_value(style.find(f"{_W}name")) or "").lower(), hidden, (number, level))
        return styles

    # -- the content -------------------------------------------------------------------------------------------

    def _blocks(self, parent: etree._Element) -> None:
        """Write down the paragraphs and tables below an element, in order."""
        carried: list[str] = []
        for child in _content(parent):
            if child.tag == f"{_W}p":
                paragraph, whole = self._paragraph(child)
                carried.append("".join(paragraph.text))
                if whole:
                    self.out.line("".join(carried))
                    carried = []
                for box in paragraph.boxes:
                    self._blocks(box)
            elif child.tag == f"{_W}tbl":
                self.out.line("".join(carried))
                carried = []
                self.out.table(self._cells(child))
        self.out.line("".join(carried))

    def _paragraph(self, element: etree._Element) -> tuple[_Paragraph, bool]:
        """A paragraph, its number before its text, and whether it ends here (its mark was not deleted)."""
        properties = element.find(f"{_W}pPr")
        style = self._style(properties, "pStyle", "paragraph")
        found = _Paragraph()
        whole = True
        number: tuple[str | None, int | None] = (None, None)
        if properties is not None:
            number = _numbered(properties.find(f"{_W}numPr"))
            mark = properties.find(f"{_W}rPr")
            whole = mark is None or (mark.find(f"{_W}del") is None and mark.find(f"{_W}moveFrom") is None)
        for child in element:
            self._inline(child, found, bool(style and style.hidden))
        if style and re.match(r"toc (?:\d|heading)", style.name):
            return _Paragraph(), True
        text = "".join(found.text)
        list_id = number[0] or (style.number[0] if style else None)
        if list_id and list_id != "0" and (text.strip() or found.boxes):
            key = properties.find(f"{_W}pStyle") if properties is not None else None
            level = number[1]
            if level is None and style:
                level = self.numbering.level_of_style(list_id, _value(key)) if number[0] is None else None
                level = style.number[1] if level is None else level
            found.text.insert(0, self.numbering.next(list_id, level or 0))
        return found, whole

    def _style(self, properties: etree._Element | None, tag: str, kind: str) -> _Style | None:
        key = _value(properties.find(f"{_W}{tag}")) if properties is not None else None
        return self.styles.get(key or self.defaults.get(kind, ""))

    def _inline(self, element: etree._Element, out: _Paragraph, hidden: bool) -> None:
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return
        if tag == f"{_W}r":
            properties = element.find(f"{_W}rPr")
            style = self._style(properties, "rStyle", "character")
            own = _switch(properties.find(f"{_W}vanish")) if properties is not None else None
            if own is None and style is not None:
                own = style.hidden
            hidden = hidden if own is None else own
            for child in element:
                self._inline(child, out, hidden)
        elif tag == f"{_MC}AlternateContent":
            # The same thing twice, for newer and for older programs: the first that is there.
            choice = element.find(f"{_MC}Choice")
            choice = element.find(f"{_MC}Fallback") if choice is None else choice
            for child in choice if choice is not None else ():
                self._inline(child, out, hidden)
        elif tag == f"{_W}txbxContent":
            if not hidden:
                out.boxes.append(element)
        elif hidden:
            return
        elif tag in (f"{_W}t", _MATH):
            out.text.append(element.text or "")
        elif tag in (f"{_W}br", f"{_W}cr"):
            out.text.append("\n")
        elif tag in (f"{_W}tab", f"{_W}ptab"):
            out.text.append(" ")
        elif tag == f"{_W}noBreakHyphen":
            out.text.append("-")
        elif tag == f"{_W}sym":
            code = element.get(f"{_W}char", "")
            out.text.append(chr(int(code, 16)) if re.fullmatch("[0-9A-Fa-f]{4}", code) else "")
        else:
            for child in element:
                self._inline(child, out, hidden)

    def _cells(self, table: etree._Element) -> list[RawCell]:
        """The cells of a table; one that is merged downwards once, at its top."""
        cells: list[RawCell] = []
        tops: dict[int, int] = {}  # the column of a cell that is merged downwards → its place among the cells
        number = 0
        for row in _content(table):
            properties = row.find(f"{_W}trPr")
            if row.tag != f"{_W}tr" or (properties is not None and properties.find(f"{_W}del") is not None):
                continue
            column = _int(properties.find(f"{_W}gridBefore"), 0) if properties is not None else 0
            for cell in _content(row):
                about = cell.find(f"{_W}tcPr")
                if cell.tag != f"{_W}tc" or (about is not None and about.find(f"{_W}cellDel") is not None):
                    continue
                width = max(1, _int(about.find(f"{_W}gridSpan"), 1)) if about is not None else 1
                merge = about.find(f"{_W}vMerge") if about is not None else None
                top = tops.get(column) if merge is not None else None
                if merge is not None and merge.get(f"{_W}val", "continue") == "continue" and top is not None:
                    cells[top] = replace(cells[top], rows=number + 1 - cells[top].row)
                else:
                    tops.pop(column, None)
                    if merge is not None:
                        tops[column] = len(cells)
                    cells.append(RawCell(self._cell_text(cell), number, column, 1, width))
                column += width
            number += 1
        return cells

    def _cell_text(self, cell: etree._Element) -> str:
        """The paragraphs of a cell, a line each; a table inside it row by row."""
        outer, self.out = self.out, SourceText()
        try:
            self._blocks(cell)
            return self.out.text
        finally:
            self.out = outer


def _content(parent: etree._Element) -> Iterator[etree._Element]:
    """The children of an element, wrappers (content controls, insertions, custom XML) looked through."""
    for child in parent:
        if child.tag == f"{_W}sdt":
            gallery = child.find(f"{_W}sdtPr/{_W}docPartObj/{_W}docPartGallery")
            inside = child.find(f"{_W}sdtContent")
            if inside is not None and _value(gallery) != "Table of Contents":
                yield from _content(inside)
        elif child.tag in (f"{_W}ins", f"{_W}moveTo", f"{_W}customXml", f"{_W}smartTag"):
            yield from _content(child)
        elif child.tag == f"{_MC}AlternateContent":
            choice = child.find(f"{_MC}Choice")
            choice = child.find(f"{_MC}Fallback") if choice is None else choice
            if choice is not None:
                yield from _content(choice)
        elif isinstance(child.tag, str):
            yield child


def _value(element: etree._Element | None) -> str | None:
    return element.get(f"{_W}val") if element is not None else None


def _int(element: etree._Element | None, default: int) -> int:
    value = _value(element) or ""
    return min(int(value), 1000) if re.fullmatch(r"\d{1,9}", value) else default


def _switch(element: etree._Element | None) -> bool | None:
    """An on/off property: on where it stands without a value."""
    return None if element is None else _value(element) not in ("0", "false", "off")


def _numbered(element: etree._Element | None) -> tuple[str | None, int | None]:
    """The list and the level that a numbering property names."""
    if element is None:
        return None, None
    level = element.find(f"{_W}ilvl")
    return _value(element.find(f"{_W}numId")), _int(level, 0) if level is not None else None
