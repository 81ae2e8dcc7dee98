"""The five plans as an office would publish them: Word files with real tables, pages of a site, PDFs of both."""

from __future__ import annotations

import html
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import docx
import yaml
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from graph.extraction import extract
from graph.outline import blocks
from graph.reading import read_text

ROOT = Path(__file__).parents[2]
PLANS = ROOT / "plans"
SLUGS = (
    "420115-jiangxia-2024",
    "420503-wujiagang-2024-draft",
    "360704-ganxian-2024",
    "120114-wuqing-2024",
    "150300-wuhai-2024",
)
# Where the tables of an annex begin (behind its title) and what stands behind them.
_TABLES = {
    "420115-jiangxia-2024": ("江夏区“两新”工作责任分解清单", None),
    "420503-wujiagang-2024-draft": ("“两新”指标任务清单", None),
    "360704-ganxian-2024": ("主要任务责任分工表", "抄送"),
}


@dataclass(frozen=True)
class Placed:
    """A cell of a table to be made, with its merge."""

    text: str
    row: int
    column: int
    rows: int
    columns: int


Table = list[list[str | None]]


def placed(table: Table) -> list[Placed]:
    """The cells of a table written with ``^`` (merged with above) and ``<`` (merged with the left)."""
    cells: list[Placed] = []
    for row, line in enumerate(table):
        for column, text in enumerate(line):
            if text in ("^", "<"):
                continue
            columns = 1
            while column + columns < len(line) and line[column + columns] == "<":
                columns += 1
            rows = 1
            while row + rows < len(table) and table[row + rows][column] == "^":
                rows += 1
            cells.append(Placed(text or "", row, column, rows, columns))
    return cells


@cache
def content(slug: str) -> list[str | Table]:
    """The paragraphs and tables of a plan, in order."""
    text = read_text(PLANS / f"{slug}.txt")
    if slug not in _TABLES:
        return [block.text for block in blocks(text)]
    title, behind = _TABLES[slug]
    start = text.rindex(title) + len(title)
    tables = yaml.safe_load((ROOT / "tests" / "data" / "annex_tables.yaml").read_text(encoding="utf-8"))[slug]
    found: list[str | Table] = [block.text for block in blocks(text[:start])]
    found += [table["rows"] for table in tables]
    if behind:
        found += [block.text for block in blocks(text[text.rindex(behind) :])]
    return found


def write_docx(slug: str, path: Path) -> None:
    """A Word file with a running header, page numbers, indented paragraphs and real tables."""
    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.header.paragraphs[0].text = "政府信息公开"
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run("— ")
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    footer._p.append(field)
    footer.add_run(" —")
    style = document.styles["Normal"]
    style.font.size = Pt(14)
    style.font.name = "Noto Serif CJK SC"
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "Noto Serif CJK SC")
    for item in content(slug):
        if isinstance(item, str):
            paragraph = document.add_paragraph(item)
            paragraph.paragraph_format.space_after = Pt(0)
            if len(item) <= 40 and item[-1] not in "。；：）":
                # Titles and headings; of these only titles stand in the middle.
                if not item.startswith(tuple("一二三四五六七八九十（1234567890附")):
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
            else:
                paragraph.paragraph_format.first_line_indent = Pt(28)
        else:
            _add_table(document, item)
    document.save(str(path))


def _add_table(document: docx.document.Document, table: Table) -> None:
    made = document.add_table(rows=len(table), cols=len(table[0]), style="Table Grid")
    cells = [row.cells for row in made.rows]  # asked for once: each asking walks the whole table
    for cell in placed(table):
        at = cells[cell.row][cell.column]
        if cell.rows > 1 or cell.columns > 1:
            at = at.merge(cells[cell.row + cell.rows - 1][cell.column + cell.columns - 1])
        at.text = cell.text
        for paragraph in at.paragraphs:
            for run in paragraph.runs:
                run.font.size = Pt(9)
    heading = made.rows[0]._tr.get_or_add_trPr()
    repeat = OxmlElement("w:tblHeader")
    repeat.set(qn("w:val"), "true")
    heading.append(repeat)


def as_html(slug: str) -> str:
    """A page in the manner of a government site: head, navigation, breadcrumbs, tools, the plan, a tail."""
    body: list[str] = []
    for item in content(slug):
        if isinstance(item, str):
            body.append(f'<p style="text-indent:2em">　　{html.escape(item).replace("“", "&ldquo;")}</p>')
        else:
            body.append(_html_table(item))
    title = extract(read_text(PLANS / f"{slug}.txt"), slug, slug[:6]).plan.title
    return PAGE.replace("%TITLE%", f"{title}_某区人民政府门户网站").replace("%BODY%", "\n".join(body))


def _html_table(table: Table) -> str:
    rows: list[list[str]] = [[] for _ in table]
    for cell in placed(table):
        spans = f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
        spans += f' colspan="{cell.columns}"' if cell.columns > 1 else ""
        rows[cell.row].append(f"<td{spans}><p>{html.escape(cell.text) or '&nbsp;'}</p></td>")
    inside = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table border="1" style="border-collapse:collapse;width:100%;font-size:12px"><tbody>{inside}</tbody></table>'


PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>%TITLE%</title>
<style>body{font-family:"Noto Serif CJK SC"}</style>
<script>var pageName = "方案。不是正文，不应出现。";</script></head>
<body>
<div class="header"><div class="logo"><a href="/">某区人民政府</a></div>
<ul class="nav"><li><a href="/">首页</a></li><li><a href="/zwgk">政务公开</a></li><li><a href="/zwfw">政务服务</a></li>
<li><a href="/hd">互动交流</a></li><li><a href="/zj">走进某区</a></li></ul>
<form><input type="text" value="请输入关键字"><button>搜索</button></form></div>
<div class="position">您现在的位置：<a href="/">首页</a> &gt; <a href="/zwgk">政务公开</a> &gt; <a>政府文件</a></div>
<div class="main"><div class="article">
<div class="info">发布时间：2024-08-03 09:30　来源：区政府办　浏览次数：<span>1024</span>　字体：【<a>大</a> <a>中</a> <a>小</a>】 <a>打印</a> <a>关闭</a></div>
<div class="content" id="zoom">
%BODY%
</div>
<div class="share">分享到：<a>微信</a><a>微博</a></div>
<div class="pages"><p>上一篇：<a href="1.html">关于开展设备更新的通知</a></p><p>下一篇：<a href="2.html">2024年政府工作要点</a></p></div>
<div class="related"><h3>相关链接</h3><ul><li><a href="3.html">一图读懂实施方案</a></li><li><a href="4.html">政策解读</a></li></ul></div>
<div class="tools">【打印本页】【关闭窗口】 扫一扫在手机打开当前页</div>
</div></div>
<div class="footer"><p>主办单位：某区人民政府办公室　承办单位：某区政务数据局</p>
<p>ICP备案号：鄂ICP备05000000号-1　公安机关备案号：42000000000000　网站标识码：4200000000</p><p>联系电话：027-00000000</p></div>
</body></html>
"""


def soffice() -> str | None:
    """The path of LibreOffice, None where it is missing."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def chromium() -> str | None:
    """The path of a Chromium, None where it is missing."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pdfs_of_docx(files: list[Path], folder: Path) -> None:
    """Print Word files to PDF through LibreOffice, all in one run."""
    program = soffice()
    assert program
    command = [program, "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}"]
    command += ["--convert-to", "pdf", "--outdir", str(folder), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)


def pdf_of_html(page: Path, pdf: Path) -> None:
    """Print a page to PDF through Chromium, its own running header and footer included."""
    program = chromium()
    assert program
    command = [
        program,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={pdf.parent / 'chromium'}",
    ]
    command += ["--disable-extensions", "--disable-background-networking", "--disable-component-update"]
    command += [f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
