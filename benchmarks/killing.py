"""Kills the service with SIGKILL at random moments while it writes, and looks at what the next start serves.

    python benchmarks/killing.py --rounds 50

Each round hands in a plan in another wording (or takes it out, or puts a graph in), and kills the server, the process that
does the job, or both: during the upload, a step of the build, the switch of the stores, or at any time. Then the service
starts again, and must serve the old state or the new one, whole: counts, store, texts, records, findings, the folder of
plans and the audit trail agree, and the job is told as what it came to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a file, it stands beside the packages, not above

from api.writing.tokens import add_token
from graph.build import open_current
from graph.user_graphs import PREFIX
from tests.support import writing

SLUG = "420502-xiling-2024"
MOMENTS = ("upload", "any", "reading", "judging", "publishing", "publishing", "any")
WHOM = ("both", "server", "both", "worker")


def run(folder: Path, rounds: int, seed: int = 1, progress: bool = False) -> Counter[str]:
    """Do some rounds in a folder; returns what they came to. Raises AssertionError where a state was not whole."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    data = writing.make(folder)
    token = add_token(data / "tokens.json", "office")
    found: Counter[str] = Counter()
    running, url = writing.serve(data)
    try:
        for number in range(rounds):
            moment, whom = MOMENTS[number % len(MOMENTS)], WHOM[number % len(WHOM)]
            before = _served(data)
            known = {path.name for path in (data / "jobs").glob("*/")}
            wanted, asking = _begin(url, token, number, upload=moment == "upload")
            at = _kill(data, running.pid, moment, whom, known, chance)
            if whom != "worker":
                running.wait()
                running, url = writing.serve(data)
            asking.join()
            jobs = [path.name for path in (data / "jobs").glob("*/") if path.name not in known]
            job = _over(url, jobs[0]) if jobs else None
            now = _served(data)
            writing.whole(data)
            new = before | wanted if wanted else before
            assert now in (before, new), (number, before, now, wanted)
            if job is not None:
                done = job["state"] == "done"
                assert now == (new if done else before), (number, job, now)
            assert httpx.get(f"{url}/health", timeout=60).status_code == 200
            shown = httpx.get(f"{url}/plans/{SLUG}", timeout=60)
            assert (shown.status_code == 200) == (now["plan"] is not None)
            found[f"{at}: {'new' if now != before else 'old'}"] += 1
            if progress:
                state = job["state"] if job else "no job"
                print(f"{number + 1:>3} {whom:<7} killed at {at:<11} {state}", flush=True)
    finally:
        for pid in _children(running.pid):
            _end(pid)
        running.kill()
        running.wait()
    return found


def _served(data: Path) -> dict[str, Any]:
    """What the published state holds of what the rounds change."""
    build = open_current(data)
    text, graph = build / "texts" / f"{SLUG}.txt", data / "corpus" / "graphs" / "note.nq"
    return {
        "plan": text.read_text(encoding="utf-8") if text.exists() else None,
        "graph": graph.read_text(encoding="utf-8") if graph.exists() else None,
    }


def _begin(url: str, token: str, number: int, *, upload: bool) -> tuple[dict[str, Any], threading.Thread]:
    """Ask for a change, in a thread; returns what it would make otherwise, and the thread."""
    headers = {"Authorization": f"Bearer {token}"}
    text = writing.TEXT.replace("20%", f"{20 + number}%")
    wanted: dict[str, Any]
    if number % 5 == 3 and not upload:
        wanted = {"graph": f'<http://example.org/a> <http://example.org/b> "{number}" <{PREFIX}note> .\n'}
        body = wanted["graph"].encode()
        ask = httpx.Request(
            "PUT",
            f"{url}/graph/user/note",
            content=body,
            headers={**headers, "Content-Type": "application/n-quads"},
        )
    elif number % 5 == 4 and not upload:
        wanted = {"plan": None}
        ask = httpx.Request("DELETE", f"{url}/plans/{SLUG}", headers=headers)
    else:
        wanted = {"plan": text}
        files = {"file": ("plan.txt", text.encode())}
        ask = httpx.Request("PUT", f"{url}/plans/{SLUG}", files=files, headers=headers)

    def send() -> None:
        with suppress(httpx.TransportError), httpx.Client(timeout=120) as client:
            client.send(ask)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return wanted, thread


def _kill(data: Path, server: int, moment: str, whom: str, known: set[str], chance: random.Random) -> str:
    """Wait for the moment, kill, and return how far the job was."""
    if moment == "upload":
        time.sleep(chance.uniform(0, 1.5))
    elif moment == "any":
        time.sleep(chance.uniform(0.5, 8))
    else:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and _at(data, known) not in (moment, "done", "failed"):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.06 if moment == "publishing" else 1))
    if whom != "server":
        workers = _children(server)
        for pid in workers:
            _end(pid)
    at = _at(data, known)
    if whom != "worker":
        _end(server)
    return at


def _at(data: Path, known: set[str]) -> str:
    for path in (data / "jobs").glob("*/job.json"):
        if path.parent.name in known:
            continue
        with suppress(OSError, ValueError):
            job = json.loads(path.read_bytes())
            steps = job.get("steps") or [{"name": "queued" if job["state"] == "queued" else "beginning"}]
            return str(steps[-1]["name"] if job["state"] in ("queued", "running") else job["state"])
    return "upload"


def _over(url: str, name: str) -> dict[str, Any]:
    for _ in range(600):
        job: dict[str, Any] = httpx.get(f"{url}/jobs/{name}", timeout=60).json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name}: the job did not end")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):  # a thread that has ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return [*found, *(below for child in found for below in _children(child))]


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Print what the rounds came to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), asked.rounds, asked.seed, progress=True)
    print(f"{sum(found.values())} rounds, each whole")
    for what, count in sorted(found.items()):
        print(f"{count:>4}  killed at {what} state")


if __name__ == "__main__":
    main()
