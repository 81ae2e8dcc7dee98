"""The pages as people use them: a real Chromium on the real plans. Any script error or request elsewhere is a failure."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from api import pages
from graph import databases, finding_file, sealing
from tests.support.browser import DESK, PHONE, Watched, serving

ROOT = Path(__file__).parent.parent.parent
GANXIAN = "360704-ganxian-2024"
TARGETED = "mark:target, mark:has(> :target)"  # two items of one sentence share its mark
COUNT = """PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT ?plan (COUNT(?target) AS ?n) WHERE { ?target a zm:Target ; zm:inDocument ?plan } GROUP BY ?plan"""
PARENTS = "CONSTRUCT { ?a <https://w3id.org/zhengmai/ns#parentPlan> ?b } WHERE { ?a <https://w3id.org/zhengmai/ns#parentPlan> ?b }"
DRAWN = (  # an indicator's values, a table as bars, a graph as a network
    "/matrix?indicator=digital-design-tool-adoption",
    f"/sparql?{urlencode({'query': COUNT})}#view=chart",
    f"/sparql?{urlencode({'query': PARENTS})}#view=graph",
)
Open = Callable[..., Watched]


# -- journeys --------------------------------------------------------------------------------------------------------


def test_from_the_start_to_the_sentence_behind_the_75_per_cent_in_three_clicks(page: Page) -> None:
    page.goto("/")
    finding = (
        page.locator("article", has_text="规模以上工业企业数字化研发设计工具普及率")
        .filter(has_text="赣县区")
        .first
    )
    finding.get_by_text("双方原文与建议").click()
    finding.locator("blockquote a").first.click()
    expect(page).to_have_url(re.compile(f"/plans/{GANXIAN}#target-"))
    sentence = page.locator(TARGETED)
    expect(sentence).to_contain_text("分别超过75%、55%")
    expect(sentence).to_be_in_viewport()


def test_a_sentence_and_its_row_lead_to_each_other(page: Page) -> None:
    page.goto(f"/plans/{GANXIAN}")
    page.locator("#row-target-3 a.quote").click()
    expect(page.locator(TARGETED)).to_contain_text("报废汽车回收量")
    page.locator(f":is({TARGETED}) a").first.click()
    expect(page.locator("tr:target")).to_contain_text("报废汽车回收量")
    page.locator(".outline").get_by_text("推动制造业数字化转型").click()
    expect(page.get_by_text("3.推动制造业数字化转型").first).to_be_in_viewport()
    painted = "getComputedStyle(document.querySelector('.text .m.agency')).backgroundColor"
    before = page.evaluate(painted)
    page.get_by_label("单位", exact=True).uncheck()
    assert (
        page.evaluate(painted)
        != before
        == page.evaluate("getComputedStyle(document.querySelector('fieldset .m.agency')).backgroundColor")
    )


def test_every_quote_of_a_finding_leads_to_a_sentence_that_says_it(page: Page) -> None:
    page.goto(f"/plans/{GANXIAN}")
    links = page.locator(f"article.violation blockquote a[href*='{GANXIAN}']")
    for at in range(links.count()):
        link = links.nth(at)
        quote = link.text_content() or ""
        anchor = (link.get_attribute("href") or "").partition("#")[2]
        text = page.locator(f"mark#{anchor}, mark:has(> #{anchor})").first.text_content() or ""
        assert quote.replace(" ", "")[:20] in text.replace(" ", "")


def test_the_language_is_switched_midway(page: Page) -> None:
    page.goto("/questions/lead-agencies?domain=education")
    expect(page.locator("thead")).to_contain_text("角色")
    page.get_by_role("link", name="English").click()
    expect(page).to_have_url(re.compile(r"/questions/lead-agencies\?domain=education&lang=en$"))
    expect(page.locator("thead")).to_contain_text("role")
    page.locator("header").get_by_role("link", name="Findings").click()
    expect(page.locator("h1")).to_have_text("Findings")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("h1")).to_have_text("检查发现")


def test_a_cell_of_the_matrix_opens_both_clauses(page: Page) -> None:
    page.goto("/matrix")
    row = page.locator("table.matrix tbody tr", has=page.get_by_role("rowheader", name="赣县区"))
    row.get_by_role("link", name="减码 >75%").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(
        "规模以上工业企业数字化研发设计工具普及率、关键工序数控化率分别超过75%、55%"
    )
    expect(dialog).to_contain_text("普及率超过90%")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(row.get_by_role("link", name="减码 >75%")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("link", name="看原文所在").first.click()
    expect(page.locator(TARGETED)).to_contain_text("分别超过75%、55%")


def test_the_matrix_is_exported_to_excel(page: Page) -> None:
    page.goto("/matrix")
    with page.expect_download() as waited:
        page.get_by_role("link", name="导出 Excel").click()
    sheet = load_workbook(io.BytesIO(Path(waited.value.path()).read_bytes())).active
    assert sheet is not None
    head = [cell.value for cell in sheet[1]]
    assert {"赣县区", "江夏区"} <= set(head)
    at = head.index("赣县区")
    cells = {str(row[1].value): str(row[at].value) for row in sheet.iter_rows(min_row=2) if row[at].value}
    assert cells["规模以上工业企业数字化研发设计工具普及率"] == "▼ 减码\n>75%"


def test_the_values_of_an_indicator_are_drawn_and_taken_away(page: Page) -> None:
    page.goto("/matrix")
    page.get_by_label("指标").select_option(label="规模以上工业企业数字化研发设计工具普及率")
    page.get_by_label("上级方案").select_option("")
    page.get_by_role("button", name="筛选").click()
    expect(page.locator("figure.chart canvas")).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("link", name="存为图片").click()
    assert Path(waited.value.path()).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", DRAWN)
def test_a_drawing_makes_no_page_wider_before_it_is_drawn_anew(open_page: Open, path: str) -> None:
    # A window made narrow is laid out before its charts are told: here they are never told.
    watched = open_page()
    page = watched.page
    page.add_init_script("window.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} }")
    page.goto(path)
    canvas = page.locator("figure.chart canvas").first
    expect(canvas).to_be_visible()
    page.set_viewport_size(PHONE)
    assert canvas.evaluate("one => one.clientWidth") > PHONE["width"]
    assert watched.too_wide() <= 0


def test_a_long_matrix_holds_only_the_rows_in_sight(built: Path, tmp_path: Path, open_page: Open) -> None:
    data = tmp_path / "data"
    shutil.copytree(built, data, symlinks=True)
    build = (data / "current").resolve()
    with closing(databases.changed(build / finding_file.FILE)) as base, base:
        of_it = "FROM cell WHERE document = ?"
        (body,) = base.execute("SELECT body FROM below WHERE document = ?", [GANXIAN]).fetchone()
        (sort,) = base.execute("SELECT max(sort) FROM below").fetchone()
        for number in range(1000):
            slug = f"{360999 - number}-made-2024"
            told = json.dumps(json.loads(body) | {"document": slug})
            base.execute("INSERT INTO below VALUES (?, ?, ?)", [slug, sort + b"%06d" % number, told])
            base.execute(
                f"INSERT INTO cell SELECT target, ?, outcome, outcomes, value, ratio, finding {of_it}",
                [slug, GANXIAN],
            )
        first = base.execute("SELECT document FROM target ORDER BY sort LIMIT 1").fetchone()
        count = "SELECT count(DISTINCT key) FROM target WHERE document = ?"
        base_targets = base.execute(count, first).fetchone()[0]
    sealing.seal(build)  # a file that is not as it was published would not be shown
    with serving(data) as address:
        watched = open_page(address)
        page = watched.page
        page.goto("/matrix")
        grid = page.locator(".grid.virtual")
        expect(grid).to_be_visible()
        rows = page.locator("table.matrix tbody tr")
        assert rows.count() < 60
        grid.evaluate("box => { box.scrollTop = box.scrollHeight }")
        last = page.locator("table.matrix tr[aria-rowindex='1013']")
        expect(last).to_be_visible()
        assert rows.count() < 60
        link = last.get_by_role("link", name="减码 >75%")
        expect(link).to_have_attribute("href", re.compile("plan=360000-made-2024"))
        grid.evaluate("box => { box.scrollLeft = box.scrollWidth }")
        expect(last.get_by_role("cell").last).to_have_attribute("aria-colindex", str(base_targets + 1))
        assert not watched.too_wide()
        assert watched.axe() == []


def test_a_query_is_typed_with_completion_run_charted_and_shared(page: Page, open_page: Open) -> None:
    page.goto("/sparql")
    code = page.get_by_role("textbox", name="SPARQL 查询语句")
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT ?plan (COUNT(?t) AS ?n) WHERE { ?t a 目标")
    page.get_by_role("option", name=re.compile("^zm:Target ?目标$")).wait_for()
    page.wait_for_timeout(
        200
    )  # Enter takes nothing in the first moments, so that fast typing is not caught out
    page.keyboard.press("Enter")
    page.keyboard.type(" ; zm:inDoc")
    page.get_by_role("option", name=re.compile("^zm:inDocument")).wait_for()
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    page.keyboard.type(" ?plan")
    page.keyboard.press("Control+End")
    page.keyboard.type(" GROUP BY ?plan")
    page.keyboard.press("Control+Enter")
    table = page.get_by_role("region", name="结果")
    expect(table.get_by_role("link", name="赣县区推动大规模设备更新和消费品以旧换新实施方案")).to_be_visible()
    text = page.locator("form.editor textarea").input_value()
    assert text.startswith("PREFIX zm: <https://w3id.org/zhengmai/ns#>\n")
    page.get_by_role("button", name="图表").click()
    expect(page.locator("figure.chart canvas")).to_be_visible()
    page.get_by_label("图形").select_option("line")
    shared = page.url
    assert "query=" in shared
    assert "kind=line" in shared

    other = open_page().page
    other.goto(shared)
    expect(other.locator("figure.chart canvas")).to_be_visible()
    expect(other.get_by_label("图形")).to_have_value("line")
    assert other.locator("form.editor textarea").input_value() == text


def test_a_wrong_query_is_marked_where_it_is_wrong(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.goto("/sparql?example=plans")
    code = page.get_by_role("textbox", name="SPARQL 查询语句")
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT ?s WHERE { ?s ?p }")
    page.get_by_role("button", name="运行").click()
    expect(page.get_by_role("alert")).to_contain_text("第 1 行")
    expect(page.locator(".cm-lint-marker-error")).to_be_visible()
    # The browser itself notes each answer that is no success
    watched.faults = [one for one in watched.faults if "400 (Bad Request)" not in one]


def test_a_graph_is_drawn_as_a_network(page: Page) -> None:
    page.goto(f"/sparql?{urlencode({'query': PARENTS})}#view=graph")
    expect(page.locator("figure.chart canvas")).to_be_visible()
    page.get_by_role("button", name="表格").click()
    expect(
        page.get_by_role("region", name="结果").get_by_role("link", name="乌海市", exact=False).first
    ).to_be_visible()


def test_a_question_becomes_a_query_to_start_from(page: Page) -> None:
    page.goto("/sparql")
    page.get_by_label("从一个问题开始").select_option("lead-agencies")
    page.get_by_role("button", name="载入").click()
    expect(page.locator("form.editor textarea")).to_have_value(re.compile("domain/education"))
    page.get_by_role("button", name="运行").click()
    expect(page.get_by_role("region", name="结果").get_by_role("row")).not_to_have_count(1)


# -- without scripts, by keyboard ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", f"/plans/{GANXIAN}", "/matrix", "/sparql"])
def test_pages_can_be_read_without_scripts(open_page: Open, path: str) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    if path == "/sparql":
        page.get_by_label("查询语句").fill(COUNT)
        page.get_by_role("button", name="运行").click()
        expect(page.get_by_role("region", name="结果表")).to_contain_text("54")
    if path == "/matrix":
        page.get_by_role("link", name="减码").first.click()
        expect(page.locator("#clauses")).to_be_visible()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_the_start_page_loads_next_to_no_script_and_the_others_load_theirs_only(page: Page) -> None:
    manifest = pages.scripts()
    assert set(manifest) >= {"matrix", "site", "sparql"}
    for files in manifest.values():
        assert all((ROOT / "api" / "static" / "built" / one).is_file() for one in files)
    loaded = """performance.getEntriesByType('resource').filter(one => one.name.endsWith('.js'))
        .map(one => [one.name.split('/').at(-1), one.transferSize])"""
    page.goto("/", wait_until="networkidle")
    told = dict(page.evaluate(loaded))
    assert set(told) == set(manifest["site"])
    assert sum(told.values()) < 5000  # bytes, with their heads


def test_without_the_scripts_a_page_says_how_to_build_them(
    monkeypatch: pytest.MonkeyPatch, open_page: Open
) -> None:
    monkeypatch.setattr(pages, "scripts", dict)
    page = open_page().page
    page.goto("/sparql")
    expect(page.locator(".unbuilt")).to_contain_text("make assets")
    expect(page.get_by_label("查询语句")).to_be_visible()


def test_the_lock_of_the_packages_names_no_host() -> None:
    lock = json.loads((ROOT / "api" / "web" / "package-lock.json").read_text("utf-8"))
    assert all(
        "resolved" not in one and (not name or one["integrity"]) for name, one in lock["packages"].items()
    )


# -- search, places, language ----------------------------------------------------------------------------------------


def test_two_characters_lead_from_the_start_page_to_the_sentence(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").fill("电梯")
    page.keyboard.press("Enter")
    hit = page.locator("article", has=page.get_by_text("目标", exact=True)).filter(has_text="江夏区").first
    expect(hit.locator("mark", has_text="电梯").first).to_be_visible()
    hit.locator("h3 a").click()
    expect(page).to_have_url(re.compile(r"/plans/420115-jiangxia-2024#target-\d+$"))
    sentence = page.locator(TARGETED)
    expect(sentence).to_contain_text("电梯")
    expect(sentence).to_be_in_viewport()
    assert sentence.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


@pytest.mark.parametrize("script", [True, False], ids=["keyboard", "no-script"])
def test_a_province_on_the_map_opens_its_cities_down_to_a_plan(open_page: Open, script: bool) -> None:
    page = open_page(java_script_enabled=script, viewport=PHONE if script else DESK).page
    page.goto("/")
    squares = page.locator("figure.china li a")
    expect(squares).to_have_count(35)
    expect(page.locator("figure.china figcaption")).to_contain_text("示意图")
    boxes = [box for one in squares.all() if (box := one.bounding_box())]
    assert min(box["height"] for box in boxes) >= 40  # wide enough for a finger
    for name in ("湖北", "武汉市", "江夏区"):
        square = page.locator("ul.tiles a", has=page.get_by_text(name, exact=True))
        assert int(square.locator("b").inner_text()) > 0
        if script:
            square.focus()
            page.keyboard.press("Enter")
        else:
            square.click()
        expect(page.locator("h1")).to_contain_text(name)
    page.get_by_role("link", name=re.compile("江夏区.*方案")).first.click()
    expect(page).to_have_url(re.compile("/plans/420115-jiangxia-2024"))
    page.get_by_role("link", name="江夏区", exact=True).first.click()
    expect(page.locator("nav.line")).to_have_text("全国 › 湖北省 › 武汉市 › 江夏区")


@pytest.mark.parametrize(
    ("path", "field", "typed"),
    [
        ("/", "q", "电梯"),
        ("/search?q=电梯&kind=task", "place", "武汉市"),
        ("/findings?place=360704", "outcome", "lowered"),
        ("/agencies?domain=industry", "function", "commerce"),
        ("/matrix?domain=industry", "indicator", "digital-design-tool-adoption"),
        (f"/plans/{GANXIAN}/diff", "with", "420503-wujiagang-2024-draft"),
        ("/questions/lead-agencies?domain=education", "domain", "industry"),
        ("/drafts", "jurisdiction", "420503"),
    ],
)
def test_the_language_switched_midway_keeps_page_question_and_what_is_typed(
    page: Page, path: str, field: str, typed: str
) -> None:
    page.goto(path)
    form = page.locator(f"main form:has([name={field}])").first
    control = form.locator(f"[name={field}]")
    if control.evaluate("one => one.tagName") == "SELECT":
        control.select_option(typed)
    else:
        control.fill(typed)
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    asked = dict(parse_qsl(urlsplit(page.url).query))
    assert asked.pop("lang") == "en"
    assert asked == dict(parse_qsl(urlsplit(path).query))
    expect(control).to_have_value(typed)
    page.get_by_role("link", name="中文").click()
    expect(control).to_have_value(typed)


def test_the_language_switched_midway_keeps_a_query_and_its_chart(page: Page) -> None:
    page.goto(f"/sparql?{urlencode({'query': COUNT})}#view=chart&kind=line")
    expect(page.locator("figure.chart canvas")).to_be_visible()
    page.get_by_role("textbox", name="SPARQL 查询语句").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" LIMIT 3")
    page.get_by_role("link", name="English").click()
    expect(page.locator("form.editor textarea")).to_have_value(f"{COUNT} LIMIT 3")
    expect(page.locator("figure.chart canvas")).to_be_visible()
    expect(page.get_by_label("Form")).to_have_value("line")


# -- by keyboard -----------------------------------------------------------------------------------------------------


def test_the_editor_completes_by_keyboard_shows_its_ring_and_lets_go(page: Page) -> None:
    page.goto("/sparql")
    code = page.get_by_role("textbox", name="SPARQL 查询语句")
    code.focus()
    ring = "one => getComputedStyle(one.closest('.cm-editor')).outlineStyle"
    page.wait_for_function("document.querySelector('.code').shadowRoot.querySelector('.cm-focused') !== null")
    assert code.evaluate(ring) == "solid"
    page.keyboard.press("Control+a")
    page.keyboard.type("SELECT ?s WHERE { ?s a 目标")
    page.get_by_role("option", name=re.compile("^zm:Target ?目标$")).wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="运行")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(code).to_be_focused()


def test_an_answer_is_looked_at_sorted_and_charted_by_keyboard(page: Page) -> None:
    page.goto(f"/sparql?{urlencode({'query': COUNT})}")
    region = page.get_by_role("region", name="结果")
    head = region.get_by_role("button", name=re.compile("^n "))  # its name ends with the arrow
    for order in ("ascending", "descending"):
        head.focus()
        page.keyboard.press("Enter")
        expect(region.get_by_role("columnheader", name=re.compile("^n "))).to_have_attribute(
            "aria-sort", order
        )
    counts = [int(one.inner_text()) for one in region.locator("td.number").all()]
    assert counts == sorted(counts, reverse=True)
    tab = page.get_by_role("button", name="图表")
    tab.focus()
    page.keyboard.press("Space")
    expect(tab).to_have_attribute("aria-pressed", "true")
    kind = page.get_by_label("图形")
    kind.focus()
    page.keyboard.press("ArrowDown")
    expect(kind).to_have_value("line")
    expect(page).to_have_url(re.compile("kind=line"))


def test_boxes_trees_and_files_open_by_keyboard(page: Page) -> None:
    # Listened for from now on: Playwright does not wait until the browser has been told.
    page.on("filechooser", lambda _: None)
    page.goto("/")
    summary = page.locator("article details summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("article details").first).to_have_attribute("open", "")
    page.goto(f"/plans/{GANXIAN}")
    box = page.get_by_label("单位", exact=True)
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    page.goto("/drafts")
    page.get_by_label("送审稿", exact=True).focus()
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    assert not chosen.value.is_multiple()
    page.goto("/findings")
    select = page.get_by_label("轻重")
    select.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="筛选").press("Enter")
    expect(page).to_have_url(re.compile("severity=violation"))
