"""Heads of documents as offices print them: forms of our own, none of them a plan of the corpus."""

from __future__ import annotations

from datetime import date

import pytest

from graph.extraction import extract
from graph.reading import source_of
from graph.record import PlanHead

BODY = """
为推进城市更新，根据《邢台市城市更新工作方案》（邢政办字〔2025〕8号），制定本方案。
一、总体目标
到2027年，改造老旧小区25个。
二、重点任务
（一）改造老旧小区。推动老旧小区改造，完善配套设施，2025年6月底前完成摸底。（责任单位：县住建局）
（二）完善市政设施。推动市政设施更新，补齐短板弱项。（责任单位：县城管局）
"""
TITLE = "清河县推进城市更新行动实施方案"

RED_HEAD = f"""清河县人民政府文件
清政发〔2025〕6号                签发人：张某某

清河县人民政府
关于印发《{TITLE}》的通知

各乡镇人民政府、街道办事处，县政府各部门，有关单位：
《{TITLE}》已经县政府第12次常务会议（2025年2月28日）审议通过，现印发给你们，请认真贯彻执行。

附件：1.清河县城市更新任务清单
2.《清河县城市更新项目表》编制办法
清河县人民政府
二〇二五年三月六日
（此件公开发布）

{TITLE}
{BODY}
抄送：县委办公室，县人大常委会办公室，县政协办公室。
清河县人民政府办公室    2025年3月10日印发
"""
UNDER_THE_TITLE = f"""{TITLE}
（2025年3月6日）
{BODY}"""
NUMBER_BELOW = f"""清河县人民政府办公室关于印发
清河县推进城市更新行动
实施方案的通知
清政办字[2025]第16号
各乡镇人民政府：
现将《{TITLE}》印发给你们，请遵照执行。
清河县人民政府办公室
2025年4月2日
{TITLE}
{BODY}"""
JOINT = f"""清河县发展和改革局 清河县财政局关于印发《{TITLE}》的通知
清发改字〔2025〕21号
各有关单位：
现将《{TITLE}》印发给你们，请抓好落实。
清河县发展和改革局  清河县财政局
2025年5月9日
{TITLE}
{BODY}"""
PARTICULARS = f"""发文机关：清河县人民政府
发文字号：清政规〔2025〕3号
成文日期：2025年06月01日
{TITLE}
{BODY}"""
PRINTED_ONLY = f"""{TITLE}
{BODY}
清河县人民政府办公室
2025年7月3日印发
"""
UNDATED_DRAFT = f"""{TITLE}
（征求意见稿）
{BODY}
附件
任务分工表
1\t摸底调查
2025年8月1日
县住建局
"""
EXPLAINED = f"""关于《{TITLE}（送审稿）》的起草说明
一、起草背景
按照要求起草本方案。
清河县住房和城乡建设局
2025年2月1日
{TITLE}
（送审稿）
{BODY}"""


def head(text: str) -> PlanHead:
    return extract(text, "plan").plan


@pytest.mark.parametrize(
    ("text", "number", "issuer", "issued", "printed", "office", "status"),
    [
        (RED_HEAD, "清政发〔2025〕6号", "清河县人民政府", date(2025, 3, 6), date(2025, 3, 10), "清河县人民政府办公室", "issued"),
        (UNDER_THE_TITLE, None, None, date(2025, 3, 6), None, None, "issued"),
        (NUMBER_BELOW, "清政办字[2025]第16号", "清河县人民政府办公室", date(2025, 4, 2), None, None, "issued"),
        (JOINT, "清发改字〔2025〕21号", "清河县发展和改革局清河县财政局", date(2025, 5, 9), None, None, "issued"),
        (PARTICULARS, "清政规〔2025〕3号", "清河县人民政府", date(2025, 6, 1), None, None, "issued"),
        (PRINTED_ONLY, None, None, None, date(2025, 7, 3), "清河县人民政府办公室", "issued"),
        (UNDATED_DRAFT, None, None, None, None, None, "draft"),
        (EXPLAINED, None, None, None, None, None, "draft"),
    ],
    ids=["red head", "under the title", "number below", "joint", "particulars", "printed only", "draft", "explained"],
)  # fmt: skip
def test_number_issuer_and_dates(
    text: str,
    number: str | None,
    issuer: str | None,
    issued: date | None,
    printed: date | None,
    office: str | None,
    status: str,
) -> None:
    found = head(text)
    assert (found.document_number, found.issued, found.printed) == (number, issued, printed)
    assert (found.printed_by, found.status) == (office, status)
    if issuer:
        assert found.issuer == issuer


@pytest.mark.parametrize(
    "text",
    [RED_HEAD, UNDER_THE_TITLE, NUMBER_BELOW, JOINT, PARTICULARS, PRINTED_ONLY, UNDATED_DRAFT, EXPLAINED],
)
def test_title_place_and_what_is_cited(text: str) -> None:
    found = head(text)
    assert found.title.startswith(TITLE)
    assert (found.jurisdiction.name, found.jurisdiction.code) == ("清河县", "130534")
    assert [(one.number, one.title) for one in found.cites] == [
        ("邢政办字〔2025〕8号", "邢台市城市更新工作方案")
    ]


def test_a_page_of_a_site_has_its_date_of_signature_from_its_particulars() -> None:
    rows = "".join(f"<p>{line}</p>" for line in BODY.strip().splitlines())
    page = f"""<!DOCTYPE html><html><head><title>清河县人民政府</title><meta name="ArticleTitle" content="{TITLE}"></head><body>
    <table><tr><td>索 引 号：</td><td>000/2025-1</td><td>发文机关：</td><td>清河县人民政府</td></tr>
    <tr><td>发文字号：</td><td>清政发〔2025〕6号</td><td>成文日期：</td><td>2025-03-06</td></tr>
    <tr><td>发布日期：</td><td>2025-03-20</td></tr></table><div>{rows}</div></body></html>"""
    found = head(source_of(page.encode(), "page").text)
    assert (found.title, found.document_number, found.issued) == (
        TITLE,
        "清政发〔2025〕6号",
        date(2025, 3, 6),
    )
