"""Findings, drafts, agencies and two versions, as people use them: a real Chromium on the real plans."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import docx
import httpx
import pytest
from playwright.sync_api import Page, expect

from api.writing.tokens import add_token
from tests.support import writing
from tests.support.browser import Watched, serving

ROOT = Path(__file__).parent.parent.parent
GANXIAN = "360704-ganxian-2024"
WUJIAGANG = "420503-wujiagang-2024-draft"
Open = Callable[..., Watched]


# -- findings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
def test_findings_are_filtered_by_address_and_lead_to_the_sentence(open_page: Open, script: bool) -> None:
    page = open_page(java_script_enabled=script).page
    page.goto("/findings")
    page.get_by_label("地区").select_option("360704")
    page.get_by_label("结果").select_option("lowered")
    page.get_by_role("button", name="筛选").click()
    expect(page).to_have_url(re.compile("outcome=lowered.*place=360704"))
    sheets = page.locator("article")
    chosen = page.get_by_label("结果").locator("option:checked").text_content() or ""
    assert chosen == f"减码 ({sheets.count()})"
    assert sheets.count() == 2
    sheet = sheets.filter(has_text="数字化研发设计工具").first
    expect(sheet.locator("blockquote")).to_have_count(2)  # both clauses, open at once
    expect(sheet.locator("blockquote").first).to_be_visible()
    sheet.locator("blockquote a").first.click()
    expect(page).to_have_url(re.compile(f"/plans/{GANXIAN}#target-"))


def test_the_counts_beside_the_choices_are_what_one_gets(page: Page, base: str) -> None:
    page.goto("/findings?place=420115")
    for field in ("domain", "function", "indicator", "severity", "status"):
        option = page.locator(f"select[name={field}] option").nth(1)
        label = option.text_content() or ""
        told = httpx.get(
            f"{base}/findings", params={"place": "420115", field: option.get_attribute("value") or ""}
        )
        assert told.json()["count"] == int(label.rpartition("(")[2].rstrip(")")) > 0, label


def test_findings_come_in_pages_and_as_files(page: Page) -> None:
    page.goto("/findings?outcome=own")
    first = page.locator("article").first.get_attribute("id")
    page.get_by_role("link", name="后面的").click()
    expect(page.locator("#count")).to_contain_text("第 26–50 处")
    assert page.locator("article").first.get_attribute("id") != first
    for name, suffix in (("Word", "docx"), ("Excel", "xlsx"), ("CSV", "csv"), ("SARIF", "sarif")):
        with page.expect_download() as waited:
            page.locator(".files").get_by_role("link", name=name, exact=True).click()
        assert waited.value.suggested_filename == f"zhengmai-findings.{suffix}"


def test_a_filter_that_nothing_could_fit_is_told(open_page: Open) -> None:
    watched = open_page()
    watched.page.goto("/findings?domain=nonsense")
    expect(watched.page.locator("main")).to_contain_text("nonsense")
    watched.faults = [one for one in watched.faults if "422 (Unprocessable" not in one]


def test_a_finding_is_accepted_on_its_page(tmp_path: Path, open_page: Open) -> None:
    data = writing.make(tmp_path)
    token = add_token(data / "tokens.json", "office", ["waivers"])
    with serving(data) as address:
        watched = open_page(address)
        page = watched.page
        page.goto("/findings")
        sheets = page.locator("article")
        name = sheets.first.get_attribute("id") or ""
        sheet = page.locator(f"[id='{name}']")
        sheet.get_by_text("接受这处发现").click()
        sheet.get_by_label("理由").fill("已与上级商定")
        sheet.get_by_label("有效期至").fill("2099-01-01")
        sheet.get_by_label("令牌").fill("wrong")
        sheet.get_by_role("button", name="接受").click()
        expect(sheet.get_by_role("status")).to_contain_text("令牌")
        assert watched.axe() == []
        sheet.get_by_label("令牌").fill(token)
        sheet.get_by_role("button", name="接受").click()
        expect(sheet.get_by_role("status")).to_contain_text("已接受", timeout=60_000)
        page.goto("/findings?status=waived")
        expect(page.locator("article")).to_have_count(1)
        expect(page.locator("article")).to_contain_text("已与上级商定")
        watched.faults = [one for one in watched.faults if "401 (Unauthorized)" not in one]

        plain = open_page(address, java_script_enabled=False).page
        plain.goto("/findings?status=open&lang=en")
        sheet = plain.locator("article").first
        sheet.get_by_text("Accept this finding").click()
        sheet.get_by_label("reason").fill("Agreed with the upper level")
        sheet.get_by_label("until").fill("2099-01-01")
        sheet.get_by_label("token").fill(token)
        sheet.get_by_role("button", name="Accept").click()
        expect(plain).to_have_url(re.compile("waived=.*lang=en"), timeout=60_000)
        expect(plain.get_by_role("status").first).to_contain_text("Agreed with the upper level")


# -- drafts ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A real plan with two figures lowered, as Word."""
    source = next(one for one in sorted((ROOT / "plans").glob("360704*")) if one.suffix == ".txt")
    document = docx.Document()
    for line in source.read_text("utf-8").replace("超过75%、55%", "超过70%、50%").splitlines():
        document.add_paragraph(line)
    document.save(str(tmp_path / "送审稿.docx"))
    return tmp_path / "送审稿.docx"


def test_a_draft_is_dropped_checked_and_its_report_read_in_the_page(open_page: Open, draft: Path) -> None:
    watched = open_page()
    page = watched.page
    page.goto("/drafts")
    expect(page.get_by_text("报告也不保存在这里")).to_be_visible()
    data = page.evaluate_handle(
        """bytes => { const held = new DataTransfer();
        held.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], "送审稿.docx")); return held }""",
        base64.b64encode(draft.read_bytes()).decode(),
    )
    page.dispatch_event("form.drop", "drop", {"dataTransfer": data})
    expect(page.get_by_role("button", name="检查")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("heading", name="送审稿.docx")).to_be_visible(timeout=60_000)
    expect(page.locator("#report")).to_be_focused()
    expect(page.locator("#report .counts")).to_contain_text(re.compile(r"需要处理 \d+ 处"))
    report = page.frame_locator("#report iframe")
    expect(report.locator("body")).to_contain_text("70%")
    with page.expect_download() as waited:
        page.locator("#report").get_by_role("link", name="Excel").click()
    assert waited.value.suggested_filename == "zhengmai-draft.xlsx"
    assert watched.too_wide() <= 0


def test_a_draft_that_cannot_be_read_is_told_and_stays_chosen(open_page: Open, tmp_path: Path) -> None:
    bad = tmp_path / "bad.docx"
    bad.write_bytes(b"no document")
    watched = open_page()
    page = watched.page
    page.goto("/drafts")
    page.get_by_label("送审稿", exact=True).set_input_files(bad)
    page.get_by_role("button", name="检查").click()
    expect(page.get_by_role("alert")).to_contain_text("没有查成", timeout=60_000)
    assert page.get_by_label("送审稿", exact=True).evaluate("one => one.files.length") == 1
    assert watched.axe() == []


def test_a_draft_is_checked_where_the_job_is_not_known_to_the_process(open_page: Open, draft: Path) -> None:
    watched = open_page()
    page = watched.page
    # The next request goes to another process, which has never heard of the job
    page.route(re.compile("/jobs/"), lambda route: route.fulfill(status=404, json={"detail": "unknown"}))
    page.goto("/drafts")
    page.get_by_label("送审稿", exact=True).set_input_files(draft)
    page.get_by_role("button", name="检查").click()
    expect(page.locator("body")).to_contain_text("70%", timeout=60_000)
    assert page.url.endswith("/drafts")
    watched.faults = [one for one in watched.faults if "404 (Not Found)" not in one]


# -- agencies --------------------------------------------------------------------------------------------------------


def test_who_leads_a_domain_is_found_with_the_sentence(open_page: Open) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto("/agencies")
    page.locator("select[name=domain]").select_option("industry")
    page.get_by_role("button", name="筛选").click()
    row = page.locator("table.agencies tr", has=page.get_by_role("rowheader", name="江夏区"))
    lead = row.locator("td").first
    expect(lead).to_contain_text("区科经局 3")
    lead.get_by_text("区科经局").click()
    lead.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/plans/420115-jiangxia-2024#action-"))


def test_the_picture_has_few_readable_nodes_and_leads_to_counterparts(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.goto("/agencies?domain=industry")
    names = page.locator(".network text")
    assert 5 <= names.count() <= 30
    boxes = sorted((box["x"] > 600, box["y"]) for one in names.all() if (box := one.bounding_box()))
    assert all(b - a >= 20 for (s, a), (t, b) in pairwise(boxes) if s == t)
    page.locator(".network a", has_text="工业和信息化").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("function=industry-information-technology"))
    table = page.locator("table.agencies")
    for place, agency in (("武清区", "区工业和信息化局"), ("赣县区", "区工信局"), ("江夏区", "区科经局")):
        expect(table.locator("tr", has_text=place)).to_contain_text(agency)


@pytest.mark.parametrize("script", [True, False])
def test_places_come_in_parts_and_the_counts_stay(open_page: Open, script: bool) -> None:
    page = open_page(java_script_enabled=script).page
    page.goto("/agencies?limit=2")
    heads = page.locator("table.agencies tbody").first.get_by_role("rowheader")
    expect(page.locator("#part")).to_have_text("下面是第 1–2 个地区，共 6 个")
    names = page.locator(".network text").all_text_contents()
    first = heads.all_text_contents()
    page.get_by_role("link", name="后面的").click()
    expect(page.locator("#part")).to_have_text("下面是第 3–4 个地区，共 6 个")
    assert not set(first) & set(heads.all_text_contents())
    assert page.locator(".network text").all_text_contents() == names
    page.get_by_role("link", name="前面的").click()
    assert heads.all_text_contents() == first
    page.goto("/agencies?limit=2&offset=4&domain=industry")
    expect(page.get_by_role("link", name="后面的")).to_have_count(0)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#part")).to_have_text("Below are places 5–6 of 6")


# -- two plans -------------------------------------------------------------------------------------------------------


def test_two_plans_are_held_side_by_side_with_their_sentences(open_page: Open) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto(f"/plans/{GANXIAN}")
    page.get_by_role("link", name="与另一份方案或版本对照").click()
    page.get_by_label("新方案").select_option(WUJIAGANG)
    page.get_by_role("button", name="对照").click()
    expect(page).to_have_url(re.compile(f"/plans/{GANXIAN}/diff"))
    change = page.locator("article.changed", has_text="数字化研发设计工具普及率").first
    expect(change.locator("del").first).to_be_visible()
    expect(change.locator("ins").first).to_be_visible()
    links = change.locator("a.quote")
    expect(links).to_have_count(2)
    links.last.click()
    expect(page).to_have_url(re.compile(f"/plans/{WUJIAGANG}#target-"))


def test_a_plan_is_as_itself(page: Page) -> None:
    page.goto(f"/plans/{GANXIAN}/diff/{GANXIAN}?lang=en")
    expect(page.locator("main article")).to_have_count(0)


def test_who_has_the_same_function_in_each_level_stands_in_one_table(open_page: Open) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto("/agencies?domain=industry")
    table = page.get_by_role("region", name="各级的对应单位").locator("table")
    expect(table.get_by_role("columnheader", name="县级")).to_be_visible()
    row = table.locator("tr", has=page.get_by_role("link", name="工业和信息化", exact=True))
    for told in ("武清区 · 区工业和信息化局", "赣县区 · 区工信局", "江夏区 · 区科经局"):
        expect(row).to_contain_text(told)
    row.get_by_role("link").click()
    expect(page).to_have_url(re.compile("domain=industry&function=industry-information-technology"))
    expect(table.locator("tbody tr")).to_have_count(1)
