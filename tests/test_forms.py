"""The forms in which plans come: Word, PDF, pages of sites. Each is read as a reader sees it, or told in one sentence."""

from __future__ import annotations

import io
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from graph.build import read_plan
from graph.catalog import read_corpus
from graph.errors import BadInput
from graph.reading import read_source, source_of
from graph.sources import Source
from graph.word_numbers import chinese
from tests.support import files, forms
from tests.support.files import level, numbered, paragraph, word

CI = bool(os.environ.get("CI"))
needs_soffice = pytest.mark.skipif(not CI and not forms.soffice(), reason="LibreOffice is not installed")
needs_chromium = pytest.mark.skipif(not CI and not forms.chromium(), reason="Chromium is not installed")
EVERY_PLAN = pytest.mark.parametrize("slug", forms.SLUGS)


SENTENCES = [
    "一、总体要求",
    "为贯彻落实国家决策部署，结合我县实际，制定本方案。到2027年，工业设备投资规模较2023年增长25%以上，二手车交易量增长45%。",
    "二、重点任务",
    "（一）推进工业设备更新。聚焦钢铁、有色、建材等行业，实施项目30个以上。（牵头单位：县工信局；责任单位：县财政局、县发改局）",
]


def bare(value: Any) -> Any:
    """A record without its places in the text, which every form has at others."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items() if key not in ("span", "text_hash")}
    return [bare(inner) for inner in value] if isinstance(value, list) else value


def record(source: Source, slug: str) -> dict[str, Any]:
    for grid in source.grids:
        assert 0 <= grid.span[0] < grid.span[1] <= len(source.text)
        for cell in grid.cells:
            assert (source.text[slice(*cell.span)] if cell.span else "") == cell.text
    found: dict[str, Any] = bare(read_plan(source, slug, slug[:6]).model_dump(mode="json"))
    return found


@cache
def of_text(slug: str) -> dict[str, Any]:
    return record(read_source(forms.PLANS / f"{slug}.txt"), slug)


def assert_same(source: Source, slug: str) -> None:
    found, expected = record(source, slug), of_text(slug)
    assert {key for key in expected if found[key] != expected[key]} == set()


# -- the five plans in every form ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five plans as Word files and as pages of a site."""
    folder = tmp_path_factory.mktemp("forms")
    for slug in forms.SLUGS:
        forms.write_docx(slug, folder / f"{slug}.docx")
        (folder / f"{slug}.html").write_text(forms.as_html(slug), encoding="utf-8")
    return folder


def write_mixed(folder: Path) -> None:
    """A page of text and a page that is a picture."""
    Image.new("RGB", (900, 1200), (200, 180, 160)).save(folder / "page.png")
    document = docx.Document()
    document.add_paragraph(SENTENCES[1] * 3)
    document.add_paragraph().add_run().add_picture(str(folder / "page.png"), width=Cm(15))
    document.save(str(folder / "mixed.docx"))


def write_numbered(path: Path) -> None:
    """A list of nine levels, each in another format, one of them started anew by a second list."""
    formats = (
        ("chineseCountingThousand", "第%1章"), ("chineseCounting", "%2、"), ("chineseCountingThousand", "（%3）"),
        ("decimal", "%4."), ("decimalEnclosedCircleChinese", "%5"), ("upperLetter", "%6)"), ("lowerRoman", "%7."),
        ("decimalZero", "%1-%8"), ("chineseLegalSimplified", "%9"),
    )  # fmt: skip
    levels = "".join(level(depth, form, text) for depth, (form, text) in enumerate(formats))
    document = docx.Document()
    lists = document.part.numbering_part.element
    first = lists.find(qn("w:num"))
    first.addprevious(
        parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="91">{levels}</w:abstractNum>')
    )
    for number, more in (
        (91, ""),
        (92, '<w:lvlOverride w:ilvl="3"><w:startOverride w:val="5"/></w:lvlOverride>'),
    ):
        lists.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId w:val="91"/>{more}</w:num>')
        )
    fonts = document.styles["Normal"].element.get_or_add_rPr().get_or_add_rFonts()
    fonts.set(qn("w:eastAsia"), "Noto Serif CJK SC")
    steps = [(int(one), 91) for one in "012334412"] + [(3, 91), (3, 92), (3, 92), (3, 91)]
    steps += [(int(one), 91) for one in "012567887" + "32" + "1" * 12]
    for at, (depth, list_id) in enumerate(steps):
        place = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{depth}"/><w:numId w:val="{list_id}"/></w:numPr>'
        document.add_paragraph(f"项目{at}")._p.get_or_add_pPr().append(parse_xml(place))
    document.save(str(path))


@pytest.fixture(scope="session")
def from_word(folder: Path) -> Path:
    """The Word files printed to PDF."""
    pdfs = folder / "word"
    pdfs.mkdir()
    write_mixed(pdfs)
    write_numbered(pdfs / "numbered.docx")
    made = [pdfs / "mixed.docx", pdfs / "numbered.docx"]
    forms.pdfs_of_docx([*(folder / f"{slug}.docx" for slug in forms.SLUGS), *made], pdfs)
    return pdfs


@pytest.fixture(scope="session")
def from_site(folder: Path) -> Path:
    """The pages printed to PDF by a browser, with all that stands around the plan."""
    pdfs = folder / "site"

    def one(slug: str) -> None:
        (pdfs / slug).mkdir(parents=True)
        forms.pdf_of_html(folder / f"{slug}.html", pdfs / slug / "plan.pdf")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, forms.SLUGS))
    return pdfs


@EVERY_PLAN
def test_word_files_give_the_record_of_the_text(folder: Path, slug: str) -> None:
    assert_same(read_source(folder / f"{slug}.docx"), slug)


@EVERY_PLAN
def test_pages_of_a_site_give_the_record_of_the_text(folder: Path, slug: str) -> None:
    source = read_source(folder / f"{slug}.html")
    assert_same(source, slug)
    for around in ("首页", "打印", "ICP", "上一篇", "一图读懂", "浏览次数", "不是正文"):
        assert around not in source.text


@needs_soffice
@EVERY_PLAN
def test_pdfs_of_word_files_give_the_record_of_the_text(from_word: Path, slug: str) -> None:
    source = read_source(from_word / f"{slug}.pdf")
    assert_same(source, slug)
    assert "政府信息公开" not in source.text, "the running header"


@needs_chromium
@EVERY_PLAN
def test_printed_pages_of_a_site_give_the_record_of_the_text(from_site: Path, slug: str) -> None:
    source = read_source(from_site / slug / "plan.pdf")
    assert_same(source, slug)
    for around in ("首页", "ICP", "上一篇", "file://"):
        assert around not in source.text


# -- Word ----------------------------------------------------------------------------------------------------------


def lines(data: bytes) -> list[str]:
    return source_of(data, "plan").text.splitlines()


def test_numbers_that_word_makes_stand_in_the_text() -> None:
    definition = (
        '<w:abstractNum w:abstractNumId="1">'
        + level(0, "chineseCounting", "%1、")
        + level(1, "chineseCountingThousand", "（%2）")
        + level(2, "decimal", "%3.")
        + level(3, "decimal", "%1-%3-%4", "<w:isLgl/>")
        + '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="1"/>'
        '<w:lvlOverride w:ilvl="2"><w:startOverride w:val="7"/></w:lvlOverride></w:num>'
    )
    body = [
        numbered("总体要求", 1),
        numbered("重点任务", 1),
        numbered("设备更新", 1, 1),
        numbered("工业", 1, 2),
        numbered("农业", 1, 2),
        numbered("以旧换新", 1, 1),
        numbered("汽车", 1, 2),
        numbered("家电", 2, 2),
        numbered("细项", 1, 3),
        paragraph("不编号的段落。"),
        numbered("保障措施", 1),
        numbered("组织", 1, 1),
    ]
    assert lines(word("".join(body), numbering=definition)) == [
        "一、总体要求", "二、重点任务", "（一）设备更新", "1.工业", "2.农业", "（二）以旧换新", "1.汽车", "7.家电",
        "2-7-1细项", "不编号的段落。", "三、保障措施", "（一）组织",
    ]  # fmt: skip


@needs_soffice
def test_numbers_are_those_that_another_program_prints(from_word: Path) -> None:
    ours = read_source(from_word / "numbered.docx").text.replace(" ", "").splitlines()
    assert len(ours) > 30
    assert ours == read_source(from_word / "numbered.pdf").text.replace(" ", "").splitlines()


def test_a_style_numbers_its_paragraphs_and_a_bullet_is_a_bullet() -> None:
    numbering = (
        '<w:abstractNum w:abstractNumId="0">'
        + level(0, "chineseCounting", "第%1章", '<w:pStyle w:val="A"/>')
        + level(1, "decimalEnclosedCircle", "%2", '<w:pStyle w:val="B"/>')
        + level(2, "bullet", "\uf06c")
        + '</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>'
    )
    styles = (
        '<w:style w:type="paragraph" w:styleId="A"><w:name w:val="heading 1"/>'
        '<w:pPr><w:numPr><w:numId w:val="5"/></w:numPr></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="B"><w:basedOn w:val="A"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="toc 1"/></w:style>'
    )
    body = [
        paragraph("总则 1", '<w:pStyle w:val="T"/>'),
        paragraph("总则", '<w:pStyle w:val="A"/>'),
        paragraph("目标", '<w:pStyle w:val="B"/>'),
        paragraph("任务", '<w:pStyle w:val="B"/>'),
        numbered("事项", 5, 2),
        paragraph("没有编号", '<w:pStyle w:val="A"/><w:numPr><w:numId w:val="0"/></w:numPr>'),
    ]
    assert lines(word("".join(body), numbering=numbering, styles=styles)) == [
        "第一章总则", "①目标", "②任务", "•事项", "没有编号",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (1, "一"),
        (10, "十"),
        (11, "十一"),
        (20, "二十"),
        (99, "九十九"),
        (101, "一百零一"),
        (110, "一百一十"),
        (1010, "一千零一十"),
    ],
)
def test_chinese_counting(number: int, printed: str) -> None:
    assert chinese(number) == printed


def test_boxes_stand_once_and_breaks_changes_and_hidden_text_are_as_on_the_page() -> None:
    box = f"<w:txbxContent>{paragraph('框中的话。')}</w:txbxContent>"
    body = (
        "<w:p><w:r><mc:AlternateContent>"
        f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>第一行</w:t><w:br/><w:t>第二行</w:t></w:r></w:p>"
        "<w:p><w:r><w:t>增长</w:t></w:r><w:del><w:r><w:delText>10%</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>15%</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>密</w:t></w:r>"
        "<w:r><w:footnoteReference/><w:t>以上。</w:t></w:r></w:p>"
        "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>两段</w:t></w:r></w:p><w:p><w:r><w:t>成了一段。</w:t></w:r></w:p>"
    )
    assert lines(word(body)) == ["第一行", "第二行", "框中的话。", "增长15%以上。", "两段成了一段。"]


def test_merged_cells_stand_once() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    body = (
        "<w:tbl><w:tr>" + cell("类型", '<w:vMerge w:val="restart"/>') + cell("指标", '<w:gridSpan w:val="2"/>') + "</w:tr>"
        "<w:tr>" + cell("", "<w:vMerge/>") + cell("2024年") + cell("2027年") + "</w:tr>"
        "<w:tr>" + cell("甲") + cell("10%") + cell("") + "</w:tr></w:tbl>" + paragraph("表后。")
    )  # fmt: skip
    source = source_of(word(body), "plan")
    (grid,) = source.grids
    assert [(one.text, one.row, one.column, one.rows, one.columns) for one in grid.cells] == [
        ("类型", 0, 0, 2, 1), ("指标", 0, 1, 1, 2), ("2024年", 1, 1, 1, 1), ("2027年", 1, 2, 1, 1),
        ("甲", 2, 0, 1, 1), ("10%", 2, 1, 1, 1), ("", 2, 2, 1, 1),
    ]  # fmt: skip
    assert source.text[slice(*grid.span)] == "类型\t指标\n2024年\t2027年\n甲\t10%\t"
    assert source.text.endswith("表后。\n")


# -- pages of sites ------------------------------------------------------------------------------------------------


def test_an_old_page_in_gb2312_laid_out_in_tables() -> None:
    page = f"""<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312"><title>某县设备更新实施方案-某县人民政府</title></head>
    <body><table><tr><td><a href=/>首页</a> | <a href=/x>政务公开</a></td></tr></table>
    <table width=980><tr><td width=200><ul><li><a>机构设置</a></li><li><a>政策文件</a></li></ul></td><td>
    <table><tr><td>当前位置：<a>首页</a> &gt;&gt; <a>文件</a></td></tr><tr><td align=center><b>某县设备更新实施方案</b></td></tr>
    <tr><td>发布日期：2024-06-01 来源：县政府办 点击：35</td></tr>
    <tr><td>{"<br>".join("&nbsp;&nbsp;　　" + one for one in SENTENCES)}<br></td></tr>
    <tr><td>【<a>打印</a>】【<a>关闭</a>】</td></tr></table></td></tr></table>
    <table><tr><td>版权所有：某县人民政府 京ICP备00000000号 镕</td></tr></table></body></html>"""
    assert lines(page.encode("gbk")) == ["某县设备更新实施方案", *SENTENCES]


def test_a_page_whose_title_number_and_particulars_stand_apart() -> None:
    page = f"""<!DOCTYPE html><html><head><title>某市人民政府网 - 文件</title><meta name="ArticleTitle" content="某市人民政府关于印发行动方案的通知"></head><body>
    <header><a>无障碍</a></header>
    <table><tr><td>索 引 号：</td><td>000014349/2024-00012</td><td>发文机关：</td><td>某市人民政府</td></tr>
    <tr><td>发文字号：</td><td>某政发〔2024〕9号</td><td>成文日期：</td><td>2024年06月01日</td></tr></table>
    <div id="UCAP-CONTENT">{"".join(f"<p><span>　　{one}</span></p>" for one in SENTENCES)}</div>
    <div style="display:none">看不见的话，不应读入。</div><p>责任编辑：某某</p><footer>主办：某市人民政府</footer></body></html>"""
    assert lines(page.encode()) == [
        "某市人民政府关于印发行动方案的通知",
        "某政发〔2024〕9号",
        "成文日期：2024年6月1日",
        *SENTENCES,
    ]
    shown = page.replace(SENTENCES[0], f"2024年6月1日</p><p>{SENTENCES[0]}")
    assert "成文日期" not in source_of(shown.encode(), "plan").text


def test_a_list_beside_the_document_and_a_summary_below_are_left_out_and_an_annex_below_is_not() -> None:
    page = f"""<html><body><form id="aspnetForm"><div class="side"><ul>{"<li><a>关于某项工作的通知，请查收。</a></li>" * 30}</ul></div>
    <div class="wrap"><div class="text">{"".join(f"<p>{one}</p>" for one in SENTENCES * 5)}</div>
    <div class="annex"><p>附件：责任分工表</p><table><tr><td>任务</td><td>单位</td></tr><tr><td>更新</td><td>县工信局</td></tr></table></div>
    <div>相关文件</div><div><a>某县实施方案解读</a><p>简要说明。</p></div></div></form></body></html>"""
    source = source_of(page.encode(), "plan")
    assert source.text.splitlines() == [*SENTENCES * 5, "附件：责任分工表", "任务\t单位", "更新\t县工信局"]
    assert len(source.grids) == 1


def test_cells_of_a_page_with_rowspan_and_colspan_and_numbers_of_its_lists() -> None:
    page = f"""<html><body><p>{SENTENCES[1]}</p><ol start="3"><li>推进工业更新，实施改造。</li><li>推进农业更新，实施改造。</li></ol>
    <table><tr><th rowspan=2>序号</th><th colspan=2>区指标</th></tr><tr><th>2024年</th><th>2027年</th></tr>
    <tr><td>1</td><td>8%<br>以上</td><td rowspan=0>25%</td></tr><tr><td>2</td><td>&nbsp;</td></tr></table></body></html>"""
    source = source_of(page.encode(), "plan")
    assert source.text.splitlines()[1:3] == ["3. 推进工业更新，实施改造。", "4. 推进农业更新，实施改造。"]
    assert [(one.text, one.row, one.column, one.rows, one.columns) for one in source.grids[0].cells] == [
        ("序号", 0, 0, 2, 1), ("区指标", 0, 1, 1, 2), ("2024年", 1, 1, 1, 1), ("2027年", 1, 2, 1, 1),
        ("1", 2, 0, 1, 1), ("8%\n以上", 2, 1, 1, 1), ("25%", 2, 2, 2, 1), ("2", 3, 0, 1, 1), ("", 3, 1, 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_page_is_read_in_whatever_encoding_its_bytes_are_and_whatever_it_says(encoding: str) -> None:
    page = f'<html><head><meta charset="gb2312"></head><body><p>{"</p><p>".join(SENTENCES)}</p></body></html>'
    assert lines(page.encode(encoding)) == SENTENCES


# -- PDF -----------------------------------------------------------------------------------------------------------


def test_a_pdf_without_what_stands_on_every_page() -> None:
    pages = []
    for number in range(1, 5):
        words: list[tuple[float, float, str]] = [
            (150 - 40 * (number % 2), 800, "County Gazette"),
            (280, 40, f"- {number} -"),
        ]
        words += [
            (72, 700 - 20 * line, f"Page {number} has line {line} of its own, and so it goes on.")
            for line in range(9)
        ]
        pages.append(files.printed(words))
    found = lines(files.pdf(pages))
    assert len(found) == 36
    assert found[0] == "Page 1 has line 0 of its own, and so it goes on."


def scan(pages: int) -> bytes:
    picture = Image.new("L", (600, 800), 200)
    out = io.BytesIO()
    picture.save(out, "PDF", save_all=True, append_images=[picture] * (pages - 1))
    return out.getvalue()


@needs_soffice
def test_pages_that_are_pictures_are_named_where_others_have_text(from_word: Path) -> None:
    source = read_source(from_word / "mixed.pdf")
    assert source.notes == (
        "page 2 is a picture without text and not read; run OCR on the file to have all of it",
    )
    assert "".join(source.text.split()) == SENTENCES[1] * 3
    assert [one.text for one in read_plan(source, "plan", "420115").problems] == list(source.notes)


def test_a_scan_is_told_with_its_pages() -> None:
    with pytest.raises(BadInput, match="pages 1–3 are pictures; run OCR first"):
        source_of(scan(3), "plan.pdf")


# -- what is refused, and how --------------------------------------------------------------------------------------

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
_ENTITIES = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
_OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
_LOCKED = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'11' * 32}> /U <{'22' * 32}> >>"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_OLE, "old Word or Excel file .* save it as .docx"),
        (_OLE + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"{\\rtf1\\ansi", "RTF"),
        (files.package({"xl/workbook.xml": "<x/>"}), "Excel workbook"),
        (files.package({"OFD.xml": "<x/>"}), "OFD"),
        (files.package({"content.xml": "<x/>"}), "OpenDocument"),
        (files.package({"plan.txt": "text"}), "ZIP archive"),
        (files.package({f"{n}": "" for n in range(20_001)}), "archive of 20001 files"),
        (word(paragraph("&b;"), head=_ENTITIES), "declares XML entities"),
        (word(paragraph("&x;"), head=_OUTSIDE), "declares XML entities"),
        (word("<w:p>" * 5000), "damaged"),
        (word(paragraph("正文"))[:-60], "damaged or cut short"),
        (word(""), "holds no text"),
        (files.package({"word/document.xml": bytes(70 * 1024 * 1024)}), "unpacks to more than 64 MB"),
        (files.pdf(["", ""]), "holds no text"),
        (files.pdf([files.printed([(72, 700, "text")])], encrypt=_LOCKED), "password"),
        (files.pdf([files.printed([(72, 700, "text")])])[:200], "damaged or cut short|no pages"),
        (b"%PDF-1.4\nstream\n" + zlib.compress(bytes(50 * 1024 * 1024)), "unpacks to more than 48 MB"),
        (b"<html><body>" + b"<div>" * 3000 + SENTENCES[1].encode(), "cannot be taken apart|holds no text"),
        (b"%PDF-1.7\n...", "damaged or cut short|no pages"),
        (b"<html><body><div></div></body></html>", "holds no text"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(data: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        source_of(data, "plan")
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("plan: ")


def test_the_first_bytes_decide_not_the_name(tmp_path: Path) -> None:
    file = tmp_path / "plan.docx"
    file.write_bytes(b"<html><body><p>" + SENTENCES[1].encode() + b"</p></body></html>")
    assert read_source(file).form == "html"


def test_a_folder_may_hold_every_form(tmp_path: Path) -> None:
    for name in ("a.docx", "b.PDF", "c.htm", "d.html", "e.txt", "~$a.docx", "notes.md"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path, _ in read_corpus(tmp_path).documents] == [
        "a.docx",
        "b.PDF",
        "c.htm",
        "d.html",
        "e.txt",
    ]
    (tmp_path / "a.html").write_bytes(b"x")
    with pytest.raises(BadInput, match="both stand for 'a'"):
        read_corpus(tmp_path)


_WHOLE = [
    word(numbered("目标", 1) + paragraph("正文。"), numbering=level(0, "decimal", "%1.")),
    files.pdf([files.printed([(72, 700, "some text on a page")]), ""]),
    f"<html><body><table><tr><td rowspan=3>{SENTENCES[1]}</td></tr></table></body></html>".encode(),
    scan(1),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    whole=st.sampled_from(_WHOLE),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2), st.binary(max_size=12)), max_size=4),
)
def test_damaged_files_are_read_or_refused_and_nothing_else(
    whole: bytes, cuts: list[tuple[float, float, bytes]]
) -> None:
    for at, length, instead in cuts:
        start = int(at * len(whole))
        whole = whole[:start] + instead + whole[start + int(length * len(whole)) :]
    read_or_refused(whole)


@settings(max_examples=150, deadline=None)
@given(
    magic=st.sampled_from([b"PK\x03\x04", b"%PDF-1.7\n", b"<html>", b"\xd0\xcf\x11\xe0", b"\xff\xfe", b""]),
    rest=st.binary(max_size=400),
)
def test_any_bytes_behind_a_magic_are_read_or_refused(magic: bytes, rest: bytes) -> None:
    read_or_refused(magic + rest)


def read_or_refused(data: bytes) -> None:
    try:
        source = source_of(data, "plan")
    except BadInput:
        return
    source.text.encode()  # no halves of surrogate pairs: the text can be kept
    assert source.text.strip()
    assert all(
        one.span is None or source.text[slice(*one.span)] == one.text
        for grid in source.grids
        for one in grid.cells
    )
