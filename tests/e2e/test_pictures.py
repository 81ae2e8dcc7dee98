"""The pictures of the documents: each page wide and narrow, light and dark, on one sheet. `make pictures` takes them anew."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.test_every_page import CELL, COUNT, GANXIAN
from tests.support.browser import DESK, PATIENCE, PHONE, Watched

ROOT = Path(__file__).parent.parent.parent
IMAGES = ROOT / "docs" / "images"
HEIGHT = 720  # pixels of one of the four on the sheet
GAP = 16
SHEETS = {
    "start": "/",
    "place": "/places/420000",
    "plan": f"/plans/{GANXIAN}#target-9",
    "diff": "/plans/420115-jiangxia-2024/diff/420503-wujiagang-2024-draft#targets",
    "matrix": "/matrix",
    "cell": f"/matrix/cell?{urlencode(CELL)}",
    "indicator": "/matrix?indicator=digital-design-tool-adoption",
    "agencies": "/agencies",
    "findings": "/findings?severity=violation",
    "search": "/search?q=电梯",
    "question": "/questions/lead-agencies?domain=education",
    "sparql": f"/sparql?{urlencode({'query': COUNT})}#view=chart&x=plan&y=n&kind=bar",
    "drafts": "/drafts",
    "ontology": "/ns",
    "data": "/data",
}
pytestmark = pytest.mark.pictures


@pytest.mark.parametrize("name", SHEETS)
def test_a_page_is_pictured(browser: Browser, base: str, name: str) -> None:
    shots = {}
    for size in (DESK, PHONE):
        watched = Watched(browser, base, viewport=size, device_scale_factor=1)
        page = watched.page
        page.goto(SHEETS[name], wait_until="networkidle")
        _ready(page, name)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(250)  # a chart is drawn anew
            shots[theme, size["width"]] = page.screenshot()
        assert watched.end() == []
    _sheet(shots, DESK, PHONE).save(IMAGES / f"page-{name}.png", optimize=True)


def _ready(page: Page, name: str) -> None:
    """Bring into sight what the picture is to show."""
    if name in ("indicator", "sparql"):
        expect(page.locator("figure.chart canvas")).to_be_visible()
        page.locator("figure.chart").scroll_into_view_if_needed()
    if name == "drafts":
        _drop(page, (ROOT / "plans" / "360704-ganxian-2024.txt").read_text("utf-8"))


def _drop(page: Page, text: str) -> None:
    """A draft with two figures lowered is dropped, and its report waited for."""
    draft = text.replace("超过75%、55%", "超过70%、50%").encode()
    held = page.evaluate_handle(
        """bytes => { const held = new DataTransfer();
        held.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], "送审稿.txt")); return held }""",
        base64.b64encode(draft).decode(),
    )
    page.dispatch_event("form.drop", "drop", {"dataTransfer": held})
    page.get_by_role("button", name="检查").click()
    expect(page.locator("#report")).to_be_visible(timeout=PATIENCE)
    page.frame_locator("#report iframe").locator("h1").wait_for()
    page.locator("#report h2").first.scroll_into_view_if_needed()


def _sheet(shots: dict[tuple[str, int], bytes], wide: ViewportSize, narrow: ViewportSize) -> Image.Image:
    """The light ones above the dark ones, the narrow beside the wide, all of one height."""
    rows = []
    for theme in ("light", "dark"):
        row = []
        for size in (wide, narrow):
            image = Image.open(io.BytesIO(shots[theme, size["width"]])).convert("RGB")
            width = round(image.width * HEIGHT / image.height)
            row.append(image.resize((width, HEIGHT), Image.Resampling.LANCZOS))
        rows.append(row)
    across = sum(one.width for one in rows[0]) + 3 * GAP
    sheet = Image.new("RGB", (across, 2 * HEIGHT + 3 * GAP), "#8a8c92")
    for down, row in enumerate(rows):
        left = GAP
        for one in row:
            sheet.paste(one, (left, GAP + down * (HEIGHT + GAP)))
            left += one.width + GAP
    # By this method the few dots of a colour keep it
    return sheet.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
