"""A real Chromium on the real plans. Any script error or request elsewhere is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api import pages
from api.linked import distributions
from tests.support.browser import AXE, CHROMIUM, DESK, PATIENCE, Watched, chromium, serving

Open = Callable[..., Watched]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the tests of this folder need and a developer may lack. With CI set the want of it is a failure."""
    wanting = []
    if not CHROMIUM:
        wanting.append("a Chromium on the path")
    if not (AXE.is_file() and pages.scripts()):
        # `make assets` has nothing to do where the bundles are there and axe-core is not.
        wanting.append("the scripts of the pages and axe-core: run python api/web/build.py")
    if wanting and not os.environ.get("CI"):
        skip = pytest.mark.skip(reason=f"needs {'; '.join(wanting)}")
        for item in items:
            if item.path.is_relative_to(Path(__file__).parent):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE // 3)


@pytest.fixture(scope="session")
def base(built: Path) -> Iterator[str]:
    """The address of a service that tests only read from; its published files are made, which takes a while."""
    distributions.make((built / "current").resolve())
    with serving(built) as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for the tests of this folder, closed before others: no event loop may run beside it."""
    with chromium() as one:
        yield one


@pytest.fixture
def open_page(browser: Browser, base: str) -> Iterator[Open]:
    """Opens pages, and fails the test where one of them had a fault."""
    opened: list[Watched] = []

    def start(address: str = base, **options: Any) -> Watched:
        opened.append(Watched(browser, address, **{"viewport": DESK, **options}))
        return opened[-1]

    yield start
    faults = [fault for one in opened for fault in one.end()]
    assert not faults, faults


@pytest.fixture
def page(open_page: Open) -> Page:
    """One page, in Chinese."""
    return open_page().page
