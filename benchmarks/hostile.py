"""Hostile minutes: what ordinary clients get while others mean it no good, and what memory it takes.

    python benchmarks/hostile.py [--data DATA] [--seconds 20]

One server (`zhengmai serve`), started for this. Ordinary clients, two of them, ask two questions and two pages in turn,
first alone (the quiet figure), then during each attack. An attack is 100 connections, each sending one thing over and
over. Told are the median and p95 of the ordinary clients, how many of their requests failed, what the attackers got, and
the memory of the server and of all its query processes at its highest. An ASK and a health check follow each attack.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parent.parent

_ORDINARY = (
    "/questions/plans?format=json",
    "/questions/lead-agencies?domain=" + quote("教育"),
    "/plans?format=json",
    "/sparql?query=" + quote("SELECT ?p { ?p a <https://w3id.org/zhengmai/ns#Plan> }"),
)
_CROSS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


def _query(text: str) -> bytes:
    """A query, as a text that nobody has asked before."""
    return _get("/sparql?query=" + quote(f"{text} # {random.random()}"))  # noqa: S311 - no secret


def _post(kind: str, body: bytes, length: int | None = None) -> bytes:
    head = f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length or len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


ATTACKS: dict[str, Callable[[], bytes]] = {
    "cartesian products": lambda: _query(_CROSS),
    "deep paths": lambda: _query("SELECT * { ?a (!<urn:x>)+ ?b . ?b (!<urn:y>)* ?c }"),
    "a cross join, sorted": lambda: _query("SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f"),
    "billions of rows": lambda: _query("SELECT * { ?a ?b ?c . ?d ?e ?f }"),
    "huge literals": lambda: _post(
        "application/sparql-query", ("ASK { ?s ?p '" + "x" * 90_000 + "' }").encode()
    ),
    "regular expressions": lambda: _post(
        "application/sparql-query",
        ('ASK { FILTER(REGEX("' + "a" * 20_000 + '", "(a*)*(a*)*(a|aa)+$")) }').encode(),
    ),
    "deep nesting": lambda: _post("application/sparql-query", b"ASK " + b"{" * 5000 + b"}" * 5000),
    "bodies of 50 MB": lambda: _post("application/sparql-query", b"x" * (1 << 20), 50 << 20),
    "malformed UTF-8": lambda: _get("/sparql?query=%FF%FE%ED%A0%80"),
    "slow heads": lambda: b"GET /sparql HTT",
    "slow bodies": lambda: _post("application/sparql-query", b"ASK", 1000),
}


def _attack(port: int, request: Callable[[], bytes], until: float, seen: Counter[str]) -> None:
    while time.monotonic() < until:
        told = "no answer"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=15) as client:
                client.sendall(request())
                client.settimeout(max(0.1, min(15, until - time.monotonic())))
                line = client.recv(4096).partition(b"\r\n")[0].decode("latin-1")
                told = line[9:12] or "closed"
        except OSError:
            pass
        seen[told] += 1
        time.sleep(0.02)


def _storm(name: str, port: int, seconds: float) -> Counter[str]:
    """100 attackers, in a process of their own: else ordinary clients would wait for the same interpreter."""
    seen: Counter[str] = Counter()
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=_attack, args=(port, ATTACKS[name], until, seen)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def _ordinary(port: int, until: float, took: list[float], failed: list[str]) -> None:
    at = 0
    while time.monotonic() < until:
        path = _ORDINARY[at % len(_ORDINARY)]
        at += 1
        started = time.perf_counter()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status != 200:
                failed.append(f"{answer.status} {path.partition('?')[0]}")
            else:
                took.append((time.perf_counter() - started) * 1000)
        except OSError as error:
            failed.append(type(error).__name__)
        time.sleep(0.02)


def _memory(pid: int) -> float:
    """Megabytes that a process and its children hold, without what they share."""
    total = 0
    # Those that a thread has started are its children alone
    below = [one for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    for one in (str(pid), *below):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    return total / 1024


def _round(
    port: int, pid: int, seconds: float, attack: str | None
) -> tuple[list[float], list[str], Counter[str], float]:
    until = time.monotonic() + seconds
    took: list[float] = []
    failed: list[str] = []
    seen: Counter[str] = Counter()
    threads = [threading.Thread(target=_ordinary, args=(port, until, took, failed)) for _ in range(2)]
    most = 0.0
    with ProcessPoolExecutor(1) as pool:
        storm = pool.submit(_storm, attack, port, seconds) if attack else None
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            most = max(most, _memory(pid))
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        if storm:
            seen = storm.result()
    return took, failed, seen, most


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[-1] if len(took) > 1 else float("nan")


def main() -> None:
    """Start the server, and tell what it does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seconds", type=float, default=12)
    arguments = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "zhengmai", "serve", "--data", str(arguments.data), "--port", str(port)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit("the server does not start")
                time.sleep(0.2)
        _round(port, server.pid, 3, None)
        quiet, failed, _, most = _round(port, server.pid, arguments.seconds, None)
        print(f"{platform.machine()}, {os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}\n")
        print("| | ordinary: median, ms | p95, ms | of quiet | failed | attackers got | memory, MB |")
        print("|---|---|---|---|---|---|---|")
        print(
            f"| quiet | {statistics.median(quiet):.3g} | {_p95(quiet):.3g} | | {len(failed)} of {len(quiet) + len(failed)} | | {most:.0f} |"
        )
        for name in ATTACKS:
            took, failed, seen, most = _round(port, server.pid, arguments.seconds, name)
            got = ", ".join(f"{count} × {what}" for what, count in seen.most_common(4))
            why = f" ({Counter(failed).most_common(1)[0][0]})" if failed else ""
            middle = statistics.median(took) if took else float("nan")
            print(
                f"| {name} | {middle:.3g} | {_p95(took):.3g} | {_p95(took) / _p95(quiet):.1f} | "
                f"{len(failed)} of {len(took) + len(failed)}{why} | {got} | {most:.0f} |",
                flush=True,
            )
            if server.poll() is not None:
                sys.exit(f"the server ended: {server.returncode}")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
