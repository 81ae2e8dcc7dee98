"""Every page, wide and narrow, light and dark, in both languages, with and without script, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import DESK, PHONE, Watched

GANXIAN = "360704-ganxian-2024"
COUNT = """PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT ?plan (COUNT(?target) AS ?n) WHERE { ?target a zm:Target ; zm:inDocument ?plan } GROUP BY ?plan"""
CELL = {
    "plan": "120000-tianjin-2024",
    "upper": "100000-state-council-2024",
    "key": "100000-state-council-2024|used-car-trade-growth|2027|45%",
}
PAGES = (
    "/",
    "/plans",
    f"/plans/{GANXIAN}",
    "/plans/420503-wujiagang-2024-draft",
    "/plans/420500-yichang-2024",  # known from citations only
    f"/plans/{GANXIAN}/diff",
    f"/plans/{GANXIAN}/diff/420503-wujiagang-2024-draft",
    "/places/100000",
    "/places/420000",
    "/matrix",
    "/matrix?indicator=digital-design-tool-adoption",
    "/matrix?domain=industry",
    f"/matrix/cell?{urlencode(CELL)}",
    "/findings?outcome=lowered",
    "/findings?place=360704&limit=3&offset=3",
    "/agencies",
    "/agencies?domain=industry",
    "/search",
    "/search?q=电梯",
    "/questions",
    "/questions/lead-agencies?domain=education",
    "/questions/targets-of-indicator",
    "/sparql",
    f"/sparql?{urlencode({'query': COUNT})}",
    "/drafts",
    "/ns",
    "/data",
    "/id/agency/420115/commerce",
    "/nothing-here",
)
# What a script adds: the editor, the chart, the box that a file is dropped into.
SCRIPTED = ("/sparql", "/matrix?indicator", "/drafts")
# Rules of axe-core that look at sizes and colours; the others read the markup, which is the same at every width.
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WHOLE = ((DESK, "light", "zh"), (PHONE, "dark", "en"))
LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")


@pytest.fixture(scope="module")
def watched(browser: Browser, base: str) -> Iterator[Watched]:
    """One page for all these tests."""
    one = Watched(browser, base, viewport=DESK)
    yield one
    one.end()


@pytest.fixture(scope="module")
def plain(browser: Browser, base: str) -> Iterator[Watched]:
    """A page without script."""
    one = Watched(browser, base, viewport=DESK, java_script_enabled=False)
    yield one
    one.end()


def load(watched: Watched, path: str, lang: str = "zh") -> None:
    """Open a page; what went wrong is kept anew."""
    watched.faults.clear()
    # A test before may have left another: narrow tables are laid out otherwise.
    watched.page.set_viewport_size(DESK)
    answer = watched.page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
    assert answer is not None
    assert answer.status == (404 if path == "/nothing-here" else 200)
    if (
        path.startswith("/sparql?") and watched.scripted
    ):  # asked again by the script: its answer is to be there
        expect(watched.page.locator("#answer").get_by_role("region")).to_be_visible()


def faults(watched: Watched) -> list[str]:
    """What went wrong; the browser itself notes each answer that is no success."""
    return [one for one in watched.faults if "404 (Not Found)" not in one]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_is_accessible_in_every_dress(watched: Watched, path: str, lang: str) -> None:
    page = watched.page
    load(watched, path, lang)
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[lang]
    told = []
    for size, theme in product((DESK, PHONE), THEMES):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        assert watched.too_wide() <= 0
        # All rules once in each language, at the one width here and at the other there
        told += watched.axe(*(() if (size, theme, lang) in WHOLE else LOOKS))
    assert told == []
    assert faults(watched) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_the_same_without_script(watched: Watched, plain: Watched, path: str) -> None:
    load(plain, path)
    expect(plain.page.locator("h1")).to_be_visible()
    said = plain.page.locator("main").inner_text()
    assert len(said) > 40
    if path.startswith(SCRIPTED):
        return
    load(watched, path)
    assert watched.page.locator("main").inner_text() == said


# Follows the focus with the looks that it has, from inside the page: one key press is all that crosses over.
FOLLOW = """() => {
    const ring = one => { const s = getComputedStyle(one); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 };
    window.stops = [];
    document.addEventListener('focusin', event => {
        let one = event.target;
        while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
        const box = one.getBoundingClientRect();
        window.stops.push({
            name: one.tagName + ' ' + (one.getAttribute('aria-label') ?? one.textContent ?? '').trim().slice(0, 30),
            // The editor draws its ring a moment later: it is looked at in a test of its own.
            seen: ring(one) || one.classList.contains('cm-content'),
            size: box.width * box.height,
            at: [...document.querySelectorAll('*')].indexOf(event.target),
        });
    });
    return [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
        .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.type !== 'hidden').length;
}"""
MOST = 90  # stops that are walked; a page of a hundred rows goes on in the same way


@pytest.mark.parametrize("path", PAGES)
def test_the_keyboard_comes_through_a_page_and_shows_where_it_is(watched: Watched, path: str) -> None:
    page = watched.page
    load(watched, path)
    stops = page.evaluate(FOLLOW)
    for _ in range(min(stops, MOST)):
        page.keyboard.press("Tab")
    told = page.evaluate("window.stops")
    assert told[0]["name"] in ("A 跳到正文", "A Skip to the content")
    assert len(told) >= min(stops, MOST), "the keyboard is kept somewhere"
    unseen = [one["name"] for one in told if not one["seen"] or not one["size"]]
    assert unseen == []
    # Forward and never back: in the order of the page
    order = [one["at"] for one in told[: min(stops, MOST)]]
    assert order == sorted(order)
