"""Hostile minutes: what ordinary clients get while others mean it no good, and what memory it takes.

    python benchmarks/hostile.py [--data DATA] [--seconds 12] [--addresses 1 100]

One server (`zhengmai serve`), started for this. Four ordinary clients, each of an address of its own, ask questions, lists
and queries at the pace of a quick reader (ten a second), each such that no answer kept ready fits; first alone (the
quiet figure), then during each attack. An attack is 100 connections, each sending one thing over and over as soon as the
last was answered, from one address or from a hundred. Who asks is told by X-Forwarded-For, as a proxy on the same machine does.

Attackers run on the same processors as the server, so they are one process of plain sockets in an event loop, at the lowest
priority: it takes what the server leaves. "as many harmless" is the same load maker asking for /health: what of the
slowness comes from so many connections alone.

Told are the median and p95 of the ordinary clients, how many of their requests failed, what the attackers got, and the
memory of the server and of all its query processes at its highest. A health check follows each attack.
"""

from __future__ import annotations

import argparse
import asyncio
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
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parent.parent

_DOMAINS = ("教育", "设备更新", "消费品以旧换新", "农业机械", "医疗设备", "交通运输")


def _fresh(at: int) -> str:
    """The address of an ordinary request that was not asked before."""
    nobody_did = random.randrange(1 << 30)  # noqa: S311 - no secret
    limit = nobody_did % 900 + 100
    return (
        f"/questions/plans?format=json&limit={limit}",
        f"/questions/lead-agencies?domain={quote(_DOMAINS[at // 4 % len(_DOMAINS)])}&limit={limit}",
        f"/search?q={quote('电梯')}&format=json&limit={at % 50 + 1}",
        "/sparql?query=" + quote(f"SELECT ?p {{ ?p a <https://w3id.org/zhengmai/ns#Plan> }} # {nobody_did}"),
    )[at % 4]


_CROSS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\nConnection: close\r\n\r\n".encode()


def _query(text: str) -> bytes:
    """A query, as a text that nobody has asked before."""
    return _get("/sparql?query=" + quote(f"{text} # {random.random()}").replace("%", "%%"))  # noqa: S311 - no secret


def _post(kind: str, body: bytes, length: int | None = None) -> bytes:
    head = (
        f"POST /sparql HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {length or len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body.replace(b"%", b"%%")


ATTACKS: dict[str, Callable[[], bytes]] = {
    "as many harmless": lambda: _get("/health"),
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
    "malformed UTF-8": lambda: _get("/sparql?query=%%FF%%FE%%ED%%A0%%80"),
    "long texts of many words": lambda: _post("application/sparql-query", b"ASK {" + b"a." * 45_000 + b"}"),
    "texts that are no query": lambda: _post("application/sparql-query", b"ASK {" + b"a." * 1_900 + b"}"),
    "gone before the answer": lambda: _query(_CROSS),
    "slow heads": lambda: b"GET /sparql HTTP/1.1\r\nX-Forwarded-For: %s\r\n",
    "slow bodies": lambda: _post("application/sparql-query", b"ASK", 1000),
}


async def _attack(
    port: int, request: Callable[[], bytes], address: str, patience: float, until: float, seen: Counter[str]
) -> None:
    while (left := until - time.monotonic()) > 0:
        told = "no answer"
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(min(patience, left)):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request() % address.encode())
                line = await reader.readline()
                told = line[9:12].decode("latin-1") or "closed"
                await reader.read()
        except (OSError, TimeoutError):
            pass
        finally:
            if writer is not None:
                writer.transport.abort()
        seen[told] += 1


def _storm(name: str, port: int, seconds: float, addresses: int) -> Counter[str]:
    """100 attackers, in a process of their own that yields to everybody."""
    os.nice(19)
    seen: Counter[str] = Counter()
    until = time.monotonic() + seconds
    patience = 0.05 if name == "gone before the answer" else 30.0

    async def all_of_them() -> None:
        await asyncio.gather(
            *(
                _attack(port, ATTACKS[name], f"198.51.100.{at % addresses + 1}", patience, until, seen)
                for at in range(100)
            )
        )

    asyncio.run(all_of_them())
    return seen


def _ordinary(port: int, who: int, until: float, took: list[float], failed: list[str]) -> None:
    at = who
    while time.monotonic() < until:
        path = _fresh(at)
        at += 1
        started = time.perf_counter()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", path, headers={"X-Forwarded-For": f"203.0.113.{who + 1}"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status != 200:
                failed.append(f"{answer.status} {path.partition('?')[0]}")
            else:
                took.append((time.perf_counter() - started) * 1000)
        except OSError as error:
            failed.append(type(error).__name__)
        time.sleep(max(0.0, started + 0.1 - time.perf_counter()))


def _memory(pid: int) -> float:
    """Megabytes that a process and its children hold, without what they share."""
    total = 0
    # Those that a thread has started are its children alone
    below: list[str] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended meanwhile
            below += task.read_text().split()
    for one in (str(pid), *below):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    return total / 1024


def _round(
    port: int, pid: int, seconds: float, attack: str | None, addresses: int = 1
) -> tuple[list[float], list[str], Counter[str], float]:
    until = time.monotonic() + seconds
    took: list[float] = []
    failed: list[str] = []
    seen: Counter[str] = Counter()
    threads = [threading.Thread(target=_ordinary, args=(port, who, until, took, failed)) for who in range(4)]
    most = 0.0
    with ProcessPoolExecutor(1) as pool:
        storm = pool.submit(_storm, attack, port, seconds, addresses) if attack else None
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
    parser.add_argument(
        "--addresses",
        type=int,
        nargs="+",
        default=[1, 100],
        help="from how many addresses the attackers come",
    )
    parser.add_argument("--attack", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
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
        print(
            "| | from addresses | ordinary: median, ms | p95, ms | of quiet | failed | attackers got | memory, MB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        print(
            f"| quiet | | {statistics.median(quiet):.3g} | {_p95(quiet):.3g} | | {len(failed)} of {len(quiet) + len(failed)} | | {most:.0f} |"
        )
        for addresses in arguments.addresses:
            for name in arguments.attack:
                took, failed, seen, most = _round(port, server.pid, arguments.seconds, name, addresses)
                got = ", ".join(f"{count} × {what}" for what, count in seen.most_common(4))
                why = f" ({Counter(failed).most_common(1)[0][0]})" if failed else ""
                middle = statistics.median(took) if took else float("nan")
                print(
                    f"| {name} | {addresses} | {middle:.3g} | {_p95(took):.3g} | {_p95(took) / _p95(quiet):.1f} | "
                    f"{len(failed)} of {len(took) + len(failed)}{why} | {got} | {most:.0f} |",
                    flush=True,
                )
                if server.poll() is not None:
                    sys.exit(f"the server ended: {server.returncode}")
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("GET", "/health")
                assert connection.getresponse().status == 200
        print(f"\nload after {os.getloadavg()[0]:.1f}")
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    main()
