"""How fast the pages are in a browser, on a build of generated plans: loading, scripts, and the matrix while it scrolls.

    python benchmarks/pages.py [--plans 1000] [--data DATA] [--rounds 3] [--part service|browser]

Builds generated plans (benchmarks/corpus.py; 1,000 take some minutes), or serves DATA as it is; then starts
`zhengmai serve` and Chromium on loopback and tells:

    service     of each page the processor time that the service and its query processes take for the first request, and
                for later ones, none of which may be answered with what was kept of another (milliseconds)
    pages       of each page its first and later loads: until its content can be used (milliseconds), what comes over the
                wire as script and altogether (kB, compressed), and its longest task
    matrix      the matrix of an upper plan, and the widest there is of one domain with at least 30 targets: loading, then
                scrolling by the wheel and by dragging over its whole height and width

Of a task, milliseconds on the clock and of processor time: on a busy machine the first tell about the others too.
Needs Chromium and the scripts of the pages (make setup).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import corpus  # noqa: E402
from benchmarks.processor import family  # noqa: E402
from ontology.vocabulary import load_vocabularies  # noqa: E402
from tests.support.browser import DESK, chromium  # noqa: E402

PAGES = ("/", "/plans", "/places/100000", "/findings", "/agencies", "/sparql", "/search?q=%E6%95%B0%E6%8E%A7")
ASKED = (
    *PAGES,
    "/agencies?domain=industry",
    "/agencies?function=commerce",
    "/matrix",
    "/findings?domain=industry",
)
TRACED = ["toplevel", "devtools.timeline"]
_START = 120.0


def build(folder: Path, count: int) -> Path:
    """The data folder of a build of ``count`` generated plans."""
    corpus.write(folder / "plans", count)
    command = [
        sys.executable,
        "-m",
        "zhengmai",
        "build",
        str(folder / "plans"),
        "--data",
        str(folder / "data"),
    ]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder / "data"


@contextmanager
def served(data: Path) -> Iterator[tuple[str, int]]:
    """The address of `zhengmai serve` on a data folder, and its process; it answers, but no page was asked for yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "zhengmai", "serve", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310 - of this machine
                    break
            except OSError:
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(30)


def spent(pid: int) -> float:
    """Milliseconds of processor time of a process and of all below it, those that ended among them."""
    return sum(map(sum, family(pid).values()))


def ask(address: str, path: str, pid: int, rounds: int) -> tuple[float, float, float]:
    """Processor time of the first request for a page, the median of later ones, and the size of the page in kB."""
    found = []
    size = 0
    for number in range(rounds + 1):
        # What is kept ready is found by the address: another one, for the same page
        again = f"{'&' if '?' in path else '?'}again={number}" if number else ""
        asked = urllib.request.Request(f"{address}{path}{again}", headers={"Accept": "text/html"})  # noqa: S310
        before = spent(pid)
        with urllib.request.urlopen(asked, timeout=300) as answer:  # noqa: S310 - of this machine
            size = len(answer.read())
        time.sleep(0.05)  # what is done after the answer is its price too
        found.append(spent(pid) - before)
    return found[0], statistics.median(found[1:]), size / 1000


def tasks(browser: Browser, page: Page, act: Any) -> tuple[float, float]:
    """The longest task of the page's main thread while ``act`` runs: milliseconds on the clock, and of processor time."""
    browser.start_tracing(page=page, categories=TRACED)
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one.get("name") == "thread_name" and one["args"].get("name") == "CrRendererMain"
    }
    ours = [
        one
        for one in events
        if one.get("ph") == "X"
        and one["name"] in ("RunTask", "ThreadControllerImpl::RunTask")
        and (one["pid"], one["tid"]) in mains
    ]
    wall = max((one.get("dur", 0) for one in ours), default=0)
    busy = max((one.get("tdur", 0) for one in ours), default=0)
    return wall / 1000, busy / 1000


_LOAD = """() => {
    const [page] = performance.getEntriesByType('navigation');
    const rest = performance.getEntriesByType('resource');
    const sum = list => list.reduce((all, one) => all + one.transferSize, 0) / 1000;
    return {answer: page.responseStart, usable: page.domContentLoadedEventEnd, done: page.loadEventEnd,
            script: sum(rest.filter(one => one.name.endsWith('.js'))), all: sum(rest) + page.transferSize / 1000};
}"""


def load(browser: Browser, address: str, path: str) -> dict[str, float]:
    """One load with nothing kept from before."""
    context = browser.new_context(base_url=address, viewport=DESK, locale="zh-CN")
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.goto("about:blank")
    wall, busy = tasks(browser, page, lambda: page.goto(path, wait_until="networkidle"))
    told: dict[str, float] = page.evaluate(_LOAD)
    context.close()
    return {**told, "task": wall, "busy": busy}


def wide(address: str) -> str | None:
    """The matrix of the domain that has at least 30 targets and fewest of all such, and 900 rows where one has."""
    found = []
    for domain in [one.key for one in load_vocabularies().scheme("domain")]:
        asked = f"{address}/matrix?domain={domain}&format=json&limit=1"
        try:
            with urllib.request.urlopen(asked, timeout=300) as answer:  # noqa: S310
                told = json.load(answer)
        except urllib.error.HTTPError:
            continue
        if len(told["targets"]) >= 30:
            found.append((told["count"] < 900, len(told["targets"]), domain, told["count"]))
    return f"/matrix?domain={min(found)[2]}" if found else None


def matrix(browser: Browser, address: str, path: str) -> None:
    """Load a matrix and scroll it."""
    told = load(browser, address, path)
    print(
        f"  {path}: usable after {told['usable']:.0f} ms, longest task of loading {told['task']:.0f} ms ({told['busy']:.0f} of processor time)"
    )
    context = browser.new_context(base_url=address, viewport=DESK, locale="zh-CN")
    context.set_default_timeout(300_000)
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    grid = page.locator(".scroll.grid")
    size = page.evaluate(
        "[document.querySelector('table.matrix').ariaRowCount, document.querySelectorAll('table.matrix thead th').length]"
    )
    grid.scroll_into_view_if_needed()
    grid.hover()

    def wheel() -> None:
        for _ in range(40):
            page.mouse.wheel(0, 600)
            page.wait_for_timeout(30)

    def drag() -> None:
        for across, down in ((0, 1), (1, 1), (1, 0), (0, 0)):
            for step in range(1, 11):
                page.evaluate(
                    """([across, down, part]) => { const box = document.querySelector('.scroll.grid');
                    const [x, y] = [across * box.scrollWidth, down * box.scrollHeight];
                    box.scrollTo(box.scrollLeft + (x - box.scrollLeft) * part, box.scrollTop + (y - box.scrollTop) * part); }""",
                    [across, down, step / 10],
                )
                page.wait_for_timeout(30)

    for name, act in (("by the wheel", wheel), ("dragged", drag)):
        wall, busy = tasks(browser, page, act)
        print(
            f"    {int(size[0]) - 1} rows, {size[1] - 1} targets, scrolled {name}: longest task {wall:.0f} ms ({busy:.0f} of processor time)"
        )
    context.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--data", type=Path, help="a data folder that is built already")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=("service", "browser"), help="that alone")
    options = parser.parse_args()
    with ExitStack() as stack:
        data = options.data or build(Path(stack.enter_context(tempfile.TemporaryDirectory())), options.plans)
        address, pid = stack.enter_context(served(data.resolve()))
        print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        if options.part != "browser":
            print(f"{'service':42}{'first':>8}{'later':>8}{'kB':>8}")
            for path in ASKED:
                first, later, size = ask(address, path, pid, options.rounds)
                print(f"{path:42}{first:8.0f}{later:8.0f}{size:8.0f}")
        if options.part != "service":
            in_browser(address, options.rounds, stack.enter_context(chromium()))


def in_browser(address: str, rounds: int, browser: Browser) -> None:
    """Measure what needs a browser, and print."""
    print(f"{'page':28}{'first':>8}{'later':>8}{'script':>9}{'all':>8}{'task':>7}{'busy':>7}")
    for path in PAGES:
        first = load(browser, address, path)
        later = [load(browser, address, path) for _ in range(rounds)]
        middle = {key: statistics.median(one[key] for one in later) for key in first}
        print(
            f"{path:28}{first['usable']:8.0f}{middle['usable']:8.0f}{middle['script']:9.1f}"
            f"{middle['all']:8.0f}{middle['task']:7.0f}{middle['busy']:7.0f}"
        )
    print("matrix")
    matrix(browser, address, "/matrix")
    if widest := wide(address):
        matrix(browser, address, widest)


if __name__ == "__main__":
    main()
