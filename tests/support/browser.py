"""A real browser on a real service: Chromium of the machine, driven by Playwright, and a server on loopback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from api.settings import Settings
from tests.support.server import running

AXE = Path(__file__).parent.parent.parent / "api" / "web" / "node_modules" / "axe-core" / "axe.min.js"
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
PATIENCE = 90_000
"""Milliseconds that a busy machine may take for what comes at once on a quiet one."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@cache
def _axe() -> str:
    return AXE.read_text("utf-8")


@contextmanager
def serving(data: Path, **settings: Any) -> Iterator[str]:
    """The service on a data folder; the address that it answers at."""
    with running(Settings(data=data, **settings)) as address:
        yield address


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the machine, cut off from the network: no name but this machine's can be found.

    No sandbox: tests run as root in containers, and open nothing but our own pages.
    """
    cut_off = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", cut_off])
        yield browser
        browser.close()


class Watched:
    """A page that keeps what went wrong: errors of scripts and of the policy, requests to other hosts, answers of 5xx."""

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.base = base
        self.scripted = options.get("java_script_enabled", True)
        self.faults: list[str] = []
        self.context = browser.new_context(base_url=base, locale="zh-CN", **options)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on(
            "console",
            lambda said: self.faults.append(f"console: {said.text}") if said.type == "error" else None,
        )
        self.page.on("request", lambda request: self._seen(request.url))

    def _seen(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and not url.startswith(self.base):
            self.faults.append(f"another host: {url}")

    def too_wide(self) -> int:
        """By how many pixels the page is wider than the window: what is too wide is to scroll in its own box."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )

    def axe(self, *rules: str) -> list[str]:
        """What axe-core calls serious or critical on the page as it stands, by some rules or by all."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_axe())
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{one['id']}: {one['help']}: " + json.dumps([node["target"] for node in one["nodes"]][:3])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def end(self) -> list[str]:
        """Close it; what went wrong."""
        self.context.close()
        return self.faults
