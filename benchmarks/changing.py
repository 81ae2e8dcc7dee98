"""How long a changed plan takes from being handed in until the service answers with it, and what others notice of it.

    python benchmarks/changing.py [--plans 1000] [--data DATA --corpus PLANS] [--rounds 3] [--clients 4]

Builds generated plans (benchmarks/corpus.py), or serves a build that there is with a copy of its folder of plans. Then
`zhengmai serve` is started, and some ordinary clients ask it for pages, lists and queries, ten times a second each, all the
while. In each round one plan is handed in again (PUT /plans/{slug}, with a token) with one figure changed: it is
read, linked, compared and judged, and published. A query for its new sentence is asked every 50 ms until it is true.

Told are the seconds until then and until the job says that it is done, how many requests of the ordinary clients failed (none may),
and their p95 before and during the changes, in milliseconds. The process that does jobs is started
with the service, and copies the folder of plans before the first change of a data folder; a change that comes sooner (some 20 s at 10,000
plans, 40 where nothing of the data is in memory) waits for that.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from api.writing.tokens import add_token  # noqa: E402
from benchmarks.pages import build, served  # noqa: E402
from ontology.terms import document_graph  # noqa: E402

_OLD = "增长45%"
_PACE, _LOOK = 0.1, 0.05
_ASKED = (
    "/plans?limit=20&again={0}",
    "/questions/domain-leads?domain=education&place=420000&limit=20",
    "/sparql?query=SELECT%20%2A%20%7B%20%3Fs%20a%20%3Fc%20%7D%20LIMIT%2020%20%23{0}",
    "/findings?limit=20&again={0}",
    "/search?q={1}&again={0}",
)
_LOOKED_FOR = ("数控", "电梯", "报废", "汽车", "家电", "商务局", "教育", "绿色")


class Crowd:
    """Ordinary clients, each in a thread, until they are told to stop."""

    def __init__(self, address: str, clients: int) -> None:
        self.took: list[float] = []
        self.failed: list[str] = []
        self._over = threading.Event()
        self._address = address
        self._threads = [threading.Thread(target=self._ask, args=(at,), daemon=True) for at in range(clients)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the last answers."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, who: int) -> None:
        with httpx.Client(base_url=self._address, timeout=60) as client:
            for number, path in enumerate(cycle(_ASKED)):
                if self._over.is_set():
                    return
                started = time.perf_counter()
                try:
                    asked = path.format(f"{who}-{number}", _LOOKED_FOR[number % len(_LOOKED_FOR)])
                    answer = client.get(asked, headers={"X-Forwarded-For": f"203.0.113.{who + 1}"})
                    if answer.status_code == 200:
                        self.took.append((time.perf_counter() - started) * 1000)
                    else:
                        self.failed.append(f"{answer.status_code} {path.partition('?')[0]}")
                except httpx.HTTPError as error:
                    self.failed.append(f"{type(error).__name__} {path.partition('?')[0]}")
                time.sleep(max(0.0, started + _PACE - time.perf_counter()))


def change(address: str, token: str, file: Path, value: int) -> tuple[float, float]:
    """Hand a plan in with another figure; seconds until it is seen, and until its job says that it is done."""
    text = file.read_text(encoding="utf-8").replace(_OLD, f"增长{value}%")
    graph = document_graph(file.stem)
    seen = f'ASK {{ GRAPH <{graph}> {{ ?t <https://w3id.org/zhengmai/ns#quote> ?q FILTER(CONTAINS(?q, "增长{value}%")) }} }}'
    headers = {"Authorization": f"Bearer {token}"}
    started = time.perf_counter()
    with httpx.Client(base_url=address, timeout=120) as client:
        files = {"file": (file.name, text.encode())}
        answer = client.put(f"/plans/{file.stem}", files=files, headers=headers)
        job = f"/jobs/{answer.raise_for_status().json()['id']}"
        while True:
            # What was answered before may be kept ready for a build, and for no other.
            told = client.get(
                "/sparql", params={"query": seen}, headers={"Accept": "application/sparql-results+json"}
            )
            if told.raise_for_status().json()["boolean"]:
                seconds = time.perf_counter() - started
                break
            if time.perf_counter() - started > 600:
                raise SystemExit(f"not seen: {client.get(job).text}")
            time.sleep(_LOOK)
        while (state := client.get(job).json()["state"]) in ("queued", "running"):
            time.sleep(_LOOK)
    if state != "done":
        raise SystemExit(f"the job came to {state}")
    return seconds, time.perf_counter() - started


def p95(took: list[float]) -> float:
    """Of milliseconds."""
    return statistics.quantiles(took, n=20)[18] if len(took) > 1 else float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--data", type=Path, help="a data folder that has a build; it is changed")
    parser.add_argument("--corpus", type=Path, help="the folder of plans of that build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two changes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = given.data or build(Path(name), given.plans)
        corpus = given.corpus or Path(name) / "plans"
        files = sorted(corpus.glob("*.txt"), reverse=True)
        file = next(path for path in files if _OLD in path.read_text(encoding="utf-8"))
        token = add_token(data / "tokens.json", f"benchmark-{os.getpid()}")
        load = Path("/proc/loadavg").read_text(encoding="ascii").split()[0]
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {len(files):,} plans, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, load {load} at the start\n",
            flush=True,
        )
        os.environ["ZHENGMAI_TRUSTED_PROXIES"] = "127.0.0.1"
        with served(data) as (address, _):
            crowd = Crowd(address, given.clients)
            time.sleep(5)
            crowd.took.clear()
            time.sleep(5)
            quiet = p95(crowd.took)
            crowd.took.clear()
            for number in range(given.rounds + 1):
                time.sleep(given.pause)
                seconds, done = change(address, token, file, 46 + number)
                first = " (the first of this service)" if not number else ""
                print(
                    f"{seconds:6.2f} s until it is seen, {done:.2f} s until the job is done{first}",
                    flush=True,
                )
            crowd.stop()
        print(
            f"\nordinary requests meanwhile: {len(crowd.took) + len(crowd.failed):,}, failed: {len(crowd.failed)} "
            f"{sorted(set(crowd.failed))}; p95 {quiet:.0f} ms before, {p95(crowd.took):.0f} ms during the changes"
        )


if __name__ == "__main__":
    main()
