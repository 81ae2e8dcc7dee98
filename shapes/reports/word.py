"""Findings as a Word document (.docx) that an office can print, mark up and forward.

Fonts as offices use them: 黑体 headings, 仿宋 text, 宋体 tables, Times New Roman for Latin letters and figures. Where a
machine has none of them it takes its own; nothing is embedded.
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from docx import Document
from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

from shapes.findings import Clause, Effects, Finding, Report
from shapes.matrix import Matrix, legend, sign
from shapes.phrases import Phrases, outcomes, places
from shapes.rules import Lang
from shapes.validation import Severity

_LATIN: Final = "Times New Roman"
_COLOURS: Final[dict[Severity, RGBColor]] = {
    "violation": RGBColor(0xA8, 0x20, 0x1A),
    "warning": RGBColor(0x8A, 0x5A, 0x00),
    "info": RGBColor(0x2A, 0x5D, 0x84),
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_COLUMNS: Final = 16
"""Places that fit a landscape page; the workbook has all."""


def write(report: Report, lang: Lang) -> bytes:
    """Return the document."""
    out = io.BytesIO()
    _Letter(report, lang).document.save(out)
    return out.getvalue()


class _Letter:
    """Writes one report."""

    def __init__(self, report: Report, lang: Lang) -> None:
        self.report = report
        self.say = Phrases(report, lang)
        self.document: WordDocument = Document()
        self._number = 0
        self._found = {finding.id: finding for finding in report.findings}
        self._styles()
        self._properties(lang)
        self._head()
        self._summary()
        self._checked()
        self._landscape()
        self._findings()
        if report.effects:
            self._effects(report.effects)
        if report.matrix and report.matrix.columns:
            self._matrix(report.matrix)

    # -- the page ----------------------------------------------------------------------------------------------

    def _styles(self) -> None:
        styles = self.document.styles
        for name, font, size, bold in (
            ("Normal", "仿宋", 12, False),
            ("Title", "宋体", 20, True),
            ("Heading 1", "黑体", 15, False),
            ("Heading 2", "黑体", 12, False),
        ):
            style = styles[name]
            assert isinstance(style, ParagraphStyle)
            style.font.name, style.font.size, style.font.bold = _LATIN, Pt(size), bold
            style.font.color.rgb = RGBColor(0, 0, 0)
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{theme}"), None)
            fonts.set(qn("w:eastAsia"), font)
        # Without its language a text of Chinese characters may be set with the punctuation of another.
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), "en-US")
        language.set(qn("w:eastAsia"), "zh-CN")
        styles["Normal"].element.get_or_add_rPr().append(language)
        defaults = styles.element.find(
            f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}/{qn('w:lang')}"
        )
        if defaults is not None:
            defaults.set(qn("w:eastAsia"), "zh-CN")
        title = styles["Title"]
        assert isinstance(title, ParagraphStyle)
        title.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        border = title.element.get_or_add_pPr().find(qn("w:pBdr"))
        if border is not None:
            title.element.get_or_add_pPr().remove(border)
        for name in ("Heading 1", "Heading 2"):
            heading = styles[name]
            assert isinstance(heading, ParagraphStyle)
            heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(12), Pt(6)
            heading.paragraph_format.keep_with_next = True
        section = self.document.sections[0]
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2.6)
        section.top_margin, section.bottom_margin = Cm(3), Cm(2.6)
        self._page_number(section.footer.paragraphs[0])

    def _properties(self, lang: Lang) -> None:
        core = self.document.core_properties
        core.title, core.author = self.say["title"], self.say["printed_on"]
        core.language, core.comments = self.say["language"], ""
        # The day of the report, not of the printing: equal reports give equal files.
        made = self.report.made
        stamp = datetime(made.year, made.month, made.day) if made else datetime(2000, 1, 1)  # noqa: DTZ001
        core.created = core.modified = stamp

    def _page_number(self, paragraph: Paragraph) -> None:
        before, _, after = self.say["page"].partition("{page}")
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.add_run(before).font.size = Pt(10.5)
        run = paragraph.add_run()
        run.font.size = Pt(10.5)
        for kind, text in (("begin", ""), ("instr", "PAGE"), ("separate", ""), ("text", "1"), ("end", "")):
            if kind in ("instr", "text"):
                part = OxmlElement("w:instrText" if kind == "instr" else "w:t")
                part.text = text
            else:
                part = OxmlElement("w:fldChar")
                part.set(qn("w:fldCharType"), kind)
            run._r.append(part)
        paragraph.add_run(after).font.size = Pt(10.5)

    def _landscape(self) -> None:
        section = self.document.add_section(WD_SECTION.NEW_PAGE)
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Cm(29.7), Cm(21)
        section.left_margin = section.right_margin = Cm(1.8)
        section.top_margin = section.bottom_margin = Cm(1.8)

    # -- the parts ---------------------------------------------------------------------------------------------

    def _head(self) -> None:
        self.document.add_paragraph(self.say["title"], style="Title")
        if self.report.made:
            line = self.document.add_paragraph(self.say["made"].format(date=self.report.made.isoformat()))
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        lead = self.document.add_paragraph(self.say.lead())
        lead.paragraph_format.first_line_indent = Pt(24)
        note = self.document.add_paragraph(self.say["note"])
        note.paragraph_format.first_line_indent = Pt(24)
        for notice in self.report.notices:
            self.document.add_paragraph(f"{self.say['notices']}：{_safe(notice.words.said(self.say.lang))}")

    def _summary(self) -> None:
        say, found, columns = self.say, outcomes(self.report), places(self.report)
        if len(columns) > 8:
            columns = {}
        if found:
            self.document.add_heading(say["summary"], 1)
            top = [say["outcome"], say["severity"], say["count"], *columns.values()]
            table = self._table(
                top, [3.2, 2.4, 1.6] + [8.6 / len(columns)] * len(columns) if columns else None
            )
            for row in found:
                cells = [row.label.said(say.lang), say[row.severity], str(row.total)]
                cells += [str(row.counts.get(code, "")) for code in columns]
                self._row(table, cells, colour=_COLOURS[row.severity])

    def _matrix(self, matrix: Matrix) -> None:
        say = self.say
        self.document.add_heading(say["matrix"], 1)
        self.document.add_paragraph(say["matrix_lead"])
        signs = "　".join(f"{one.sign} {one.label.said(say.lang)}" for one in legend(matrix))
        self.document.add_paragraph(f"{say['legend']}：{signs}")
        for group in matrix.groups(_MOST_COLUMNS):
            first = group.rows[0]
            heading = " ".join(filter(None, [say.place(first.place), say.titled(first.title, None)]))
            self.document.add_heading(_safe(heading), 2)
            if group.more:
                self.document.add_paragraph(say["matrix_more"].format(count=group.more))
            names = [say.place(column.place) or column.title for column in group.columns]
            width = min(2.6, 19.2 / len(names))
            table = self._table(
                [say["indicator"], say["target"], *names], [4.4, 2.1] + [width] * len(names), size=8
            )
            for row in group.rows:
                year = say["year"].format(year=row.year) if row.year else ""
                cells = [f"{row.indicator.said(say.lang)} {year}".strip(), row.value or say["in_words"]]
                for column in group.columns:
                    cell = matrix.cell(row, column)
                    told = sign(cell.outcome)
                    text = f"{told.sign} {told.label.said(say.lang)}"
                    cells.append("\n".join(filter(None, [text, cell.value, self._standing(cell.finding)])))
                self._row(table, cells, size=8)

    def _standing(self, identifier: str | None) -> str:
        """Whether a cell's finding is explained or waived; nothing where it is open."""
        finding = self._found.get(identifier or "")
        return self.say.status(finding) if finding and finding.status != "open" else ""

    def _findings(self) -> None:
        say = self.say
        if not self.report.findings:
            return
        for severity in self.report.summary.by_severity:
            group = [one for one in self.report.findings if one.severity == severity and one.status == "open"]
            if group:
                heading = say["group"].format(name=say[severity], count=len(group))
                self.document.add_heading(heading, 1)
                self._listed(group)
        settled = [one for one in self.report.findings if one.status != "open"]
        if settled:
            self.document.add_heading(say["group"].format(name=say["settled"], count=len(settled)), 1)
            self._sheets(settled)

    def _listed(self, group: Sequence[Finding]) -> None:
        """Findings with two sides clause by clause; the others rule by rule, in a short table."""
        if two := [one for one in group if one.upper]:
            self._sheets(two)
        one_sided = [one for one in group if not one.upper]
        for label, found in groupby(one_sided, key=self.say.outcome):
            part = list(found)
            self.document.add_heading(self.say["group"].format(name=label, count=len(part)), 2)
            self._short(part)

    def _effects(self, told: Effects) -> None:
        """What a draft changes elsewhere, apart from what was found in it."""
        say = self.say
        self.document.add_heading(say["effects"], 1)
        self.document.add_paragraph(say.effects(told))
        if not told.changes:
            return
        table = self._table(
            [say["change"], say["matter"], say["effect_before"], say["effect_after"]], [2.0, 5.0, 9.4, 9.4]
        )
        for effect in told.changes:
            sides = [one.reason.said(say.lang) if one else "—" for one in (effect.before, effect.after)]
            cells = [say[effect.change], say.effect(effect), *sides]
            self._row(table, cells, colour=_COLOURS[effect.finding.severity])

    def _sheets(self, group: Sequence[Finding]) -> None:
        say = self.say
        top = [say["number"], say["matter"], say["lower"], say["upper"], say["reason_and_suggestion"]]
        table = self._table(top, [1.1, 3.2, 6.1, 6.1, 9.5])
        for finding in group:
            self._number += 1
            cells = self._row(table, [str(self._number), "", "", "", ""])
            self._matter(cells[1], finding)
            self._lower(cells[2], finding)
            if finding.upper:
                self._clause(cells[3], finding.upper)
            else:
                _write(cells[3], say["absent_above"] if finding.is_own else "—", size=9.5)
            self._why(cells[4], finding)

    def _short(self, group: Sequence[Finding]) -> None:
        say = self.say
        suggestions = {finding.suggestion.said(say.lang) for finding in group}
        if len(suggestions) == 1:
            line = self.document.add_paragraph(f"{say['suggestion']}：{_safe(suggestions.pop())}")
            line.paragraph_format.keep_with_next = True
        top = [say["number"], say["document"], say["matter"], say["quote"], say["path"]]
        table = self._table(top, [1.2, 4.6, 7.0, 9.9, 3.0])
        for finding in group:
            self._number += 1
            clause = finding.lower
            matter = " ".join(filter(None, [say.subject(finding), say.year(finding)]))
            told = clause.quote if clause and finding.is_own else ""
            if clause and finding.is_own and say.said(clause):
                told = f"{say.said(clause)}\n{clause.quote}"
            elif clause is None or not told:
                told = finding.reason.said(say.lang)
            place = say.place(finding.place) or finding.document_title or ""
            self._row(table, [str(self._number), place, matter, told, clause.path if clause else ""])

    def _matter(self, cell: _Cell, finding: Finding) -> None:
        say = self.say
        _write(cell, say.outcome(finding), bold=True, size=9.5, colour=_COLOURS[finding.severity])
        for text in (say.place(finding.place), say.subject(finding), say.year(finding)):
            if text:
                _write(cell, text, size=9.5)
        if finding.status != "open":
            _write(cell, say.status(finding), bold=True, size=9.5)

    def _lower(self, cell: _Cell, finding: Finding) -> None:
        for clause in finding.statements:
            self._clause(cell, clause)
        if not finding.statements:
            _write(cell, self.say["absent_below"] if finding.upper else "—", size=9.5)
            _write(cell, self.say.titled(finding.document_title, None), size=8.5)

    def _clause(self, cell: _Cell, clause: Clause) -> None:
        say = self.say
        first = " ".join(filter(None, [say.place(clause.place), say.said(clause)]))
        if first:
            _write(cell, first, bold=True, size=9.5)
        _write(cell, say["quote_of"].format(quote=clause.quote), size=9.5)
        where = " ".join(filter(None, [say.document(clause), say.at(clause), say.witness(clause)]))
        _write(cell, where, size=8.5)

    def _why(self, cell: _Cell, finding: Finding) -> None:
        say = self.say
        _write(cell, finding.reason.said(say.lang), size=9.5)
        sum_ = say.arithmetic(finding)
        if sum_ and sum_ not in finding.reason.said(say.lang):
            _write(cell, f"{say['arithmetic']}：{sum_}", size=9.5)
        if suggestion := finding.suggestion.said(say.lang):
            _write(cell, f"{say['suggestion']}：{suggestion}", size=9.5)
        if settled := say.settlement(finding):
            _write(cell, f"{say.status(finding)}：{settled}", bold=True, size=9.5)
        _write(cell, f"{say['rests_on']}：{say.rests_on(finding)}", size=8.5)
        _write(cell, f"{say['identifier']}：{finding.id}", size=7.5)

    def _checked(self) -> None:
        say = self.say
        self.document.add_heading(say["checked"], 1)
        names = list(self.report.summary.by_severity)
        top = [say["place"], say["document"], *(say[name] for name in names)]
        table = self._table(top, [2.6, 7.2] + [2.0] * len(names))
        for one in self.report.summary.documents:
            cells = [say.place(one.place), say.titled(one.title, one.number)]
            self._row(table, cells + [str(one.findings.get(name, 0) or "") for name in names])

    # -- tables ------------------------------------------------------------------------------------------------

    def _table(self, top: Sequence[str], widths: Sequence[float] | None, *, size: float = 9.5) -> Table:
        """A table with its header row, which is repeated on each page; widths in centimetres."""
        table: Table = self.document.add_table(rows=1, cols=len(top), style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = widths is None
        for at, width in enumerate(widths or ()):
            table.columns[at].width = Cm(width)
        header = table.rows[0]
        mark = OxmlElement("w:tblHeader")
        mark.set(qn("w:val"), "true")
        header._tr.get_or_add_trPr().append(mark)
        for cell, text in zip(header.cells, top, strict=True):
            shade = OxmlElement("w:shd")
            for name, value in (("val", "clear"), ("color", "auto"), ("fill", "EDEBE6")):
                shade.set(qn(f"w:{name}"), value)
            cell._tc.get_or_add_tcPr().append(shade)
            _write(cell, text, bold=True, size=size, font="黑体")
            cell.paragraphs[0].paragraph_format.keep_with_next = True
        self._fit(table, widths)
        return table

    def _row(
        self,
        table: Table,
        texts: Iterable[str],
        *,
        size: float = 9.5,
        colour: RGBColor | None = None,
    ) -> tuple[_Cell, ...]:
        row: _Row = table.add_row()  # type: ignore[no-untyped-call]
        whole = OxmlElement("w:cantSplit")
        row._tr.get_or_add_trPr().append(whole)
        cells: tuple[_Cell, ...] = row.cells
        for at, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            if text:
                _write(cell, text, size=size, colour=colour if at == 0 else None)
        return cells

    def _fit(self, table: Table, widths: Sequence[float] | None) -> None:
        for cell, width in zip(table.rows[0].cells, widths or (), strict=False):
            cell.width = Cm(width)


def _write(
    cell: _Cell,
    text: str,
    *,
    size: float,
    bold: bool = False,
    font: str = "宋体",
    colour: RGBColor | None = None,
) -> None:
    """Add a paragraph to a cell; the empty one that every cell begins with is used first."""
    first = cell.paragraphs[0]
    paragraph = first if len(cell.paragraphs) == 1 and not first.runs else cell.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(1)
    run = paragraph.add_run(_safe(text))
    run.font.size, run.font.bold = Pt(size), bold
    run.font.name = _LATIN
    run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    if colour is not None:
        run.font.color.rgb = colour


def _safe(text: str) -> str:
    """Text without what XML cannot hold."""
    return _NO_XML.sub("", text)
