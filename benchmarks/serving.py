"""How much the service answers, beside two others that hold the same data.

    make bench                  or: python benchmarks/serving.py [--plans 200] [--seconds 2] [--rounds 3] [--clients 8]

The real plans, and generated ones (benchmarks/corpus.py). Three servers, all running, the one that is measured alone
being asked, in turns:

    zhengmai           `zhengmai serve`: its store on disk, each query in a process that can be ended
    oxigraph           `oxigraph serve-read-only --union-default-graph` on the very same store
    rdflib-endpoint    its command with `--store Oxigraph`, the same quads in memory

Three queries: a trivial ASK; a lookup of one plan by its IRI, in turn over all plans; who leads a domain in each plan
(the question `domain-leads`, as SPARQL). Each twice: "again", the same texts over and over, as pages and programs ask
them, and "new", where every text is new (a comment at its end is), so that no answer can be kept ready. wrk with one
thread and a few connections; medians of the rounds. "in process" is pyoxigraph alone on the same store, query and
serialization, and beside it the service asked over one connection for texts that are new. Last the processor time of a
request, which other work on the machine changes least.

Needs wrk (apt install wrk) and the bench group of pyproject.toml.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pyoxigraph as ox

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.processor import family  # noqa: E402
from queries.asking import Asker  # noqa: E402
from queries.engine import QueryEngine  # noqa: E402

_ASKED = ("ASK", "lookup", "domain-leads")
_JSON = "application/sparql-results+json"
_LOOKUP = """PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT ?title ?number ?level {{ <{iri}> dcterms:title ?title ; zm:level ?level OPTIONAL {{ <{iri}> zm:documentNumber ?number }} }}"""
_PLANS = "SELECT ?plan { ?plan a <https://w3id.org/zhengmai/ns#Plan> ; <http://purl.org/dc/terms/title> ?t }"


@dataclass(frozen=True)
class Figures:
    """Of one run of wrk: requests, how many a second, half and 95 % of the times in milliseconds, and how many went wrong."""

    requests: int
    rate: float
    p50: float
    p95: float
    wrong: int


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        sys.exit(f"{name} is not there: apt install wrk, and the bench group of pyproject.toml")
    return found


@contextmanager
def _started(command: Sequence[str], address: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                _get(address, "ASK { ?s ?p ?o }")
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{command[0]} does not answer")
                time.sleep(0.2)
        yield address, process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _get(address: str, query: str) -> bytes:
    request = urllib.request.Request(f"{address}?query={quote(query)}", headers={"Accept": _JSON})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        data: bytes = answer.read()
        return data


def spent(pid: int) -> tuple[float, float]:
    """Milliseconds of processor time: of a process, and of all below it."""
    took = family(pid)
    own = took.pop(pid)[0]
    return own, sum(each for each, _ in took.values())


def _rows(body: bytes) -> object:
    told = json.loads(body)
    return told["boolean"] if "boolean" in told else len(told["results"]["bindings"])


def measure(
    address: str, queries: Sequence[str], *, new: bool, seconds: float, clients: int, folder: Path
) -> Figures:
    """One run of wrk against one server."""
    paths = folder / "paths.txt"
    path = address.partition("//")[2].partition("/")[2]
    paths.write_text("".join(f"/{path}?query={quote(query)}\n" for query in queries))
    environment = {**os.environ, "PATHS": str(paths)}
    if new:
        environment["FRESH"] = str(time.time_ns())
    done = subprocess.run(
        [
            _tool("wrk"), "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
            "-s", str(ROOT / "benchmarks" / "serving.lua"), address,
        ],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    requests, micros, p50, p95, wrong = (int(one) for one in line.split()[1:])
    return Figures(requests, requests / micros * 1e6, p50 / 1000, p95 / 1000, wrong)


def in_process(store: ox.Store, queries: Sequence[str], seconds: float) -> float:
    """The median of query and serialization, in milliseconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < 3:
        started = time.perf_counter()
        solutions = store.query(queries[len(took) % len(queries)], use_default_graph_as_union=True)
        assert isinstance(solutions, ox.QuerySolutions | ox.QueryBoolean)
        solutions.serialize(format=ox.QueryResultsFormat.JSON)
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def run(name: str, data: Path, arguments: argparse.Namespace, folder: Path) -> None:
    """Measure on one build, and print a table of it."""
    location = (data / "current" / "store").resolve()
    with QueryEngine(location, workers=1) as engine:
        plans = [str(row["plan"]) for row in engine.table(_PLANS).records()]
        leads = Asker(engine).sparql("domain-leads", {"domain": "消费品以旧换新"})
    store = ox.Store.read_only(str(location))
    quads = folder / f"{name}.nq"
    store.dump(str(quads), ox.RdfFormat.N_QUADS)
    queries = {
        "ASK": ["ASK { ?s ?p ?o }"],
        "lookup": [_LOOKUP.format(iri=iri) for iri in plans],
        "domain-leads": [leads],
    }
    queries = {one: texts for one, texts in queries.items() if one in arguments.query}
    python = sys.executable
    ports = [_port() for _ in range(3)]
    commands = {
        "zhengmai": [python, "-m", "zhengmai", "serve", "--data", str(data), "--port", str(ports[0])],
        "oxigraph": [
            _tool("oxigraph"), "serve-read-only", "--location", str(location), "--union-default-graph",
            "--bind", f"127.0.0.1:{ports[1]}",
        ],
        "rdflib-endpoint": [
            _tool("rdflib-endpoint"), "serve", "--store", "Oxigraph", "--host", "127.0.0.1", "--port", str(ports[2]), str(quads),
        ],
    }  # fmt: skip
    endpoints = [f"http://127.0.0.1:{ports[0]}/sparql", f"http://127.0.0.1:{ports[1]}/query", f"http://127.0.0.1:{ports[2]}/"]  # fmt: skip
    print(f"\n### {name}: {len(plans)} plans, {len(store):,} quads\n", flush=True)
    with ExitStack() as stack:
        started = {
            server: stack.enter_context(_started(command, address))
            for (server, command), address in zip(commands.items(), endpoints, strict=True)
            if server not in arguments.without
        }
        servers = {server: address for server, (address, _) in started.items()}
        print(
            "| | texts | "
            + " | ".join(f"{one}, /s | p95, ms" for one in started)
            + " | of oxigraph | of rdflib-endpoint |"
        )
        print("|---|---|" + "---|" * (2 * len(started) + 2))
        notes = []
        for query, texts in queries.items():
            answers = {}
            for server, address in list(servers.items()):
                try:
                    answers[server] = str(_rows(_get(address, texts[0])))
                except (
                    OSError
                ):  # it goes on with it for nobody, so it is ended, or it would slow the others down
                    notes.append(f"{server} did not answer {query} within 30 s.")
                    started[server][1].kill()
                    del servers[server]
            if len(set(answers.values())) > 1:
                notes.append(f"The answers to {query} differ: {answers}")
            for new in (False, True):
                found: dict[str, list[Figures]] = {server: [] for server in servers}
                for _ in range(arguments.rounds):
                    for server, address in servers.items():
                        figures = measure(
                            address, texts, new=new, seconds=arguments.seconds, clients=arguments.clients, folder=folder
                        )  # fmt: skip
                        found[server].append(figures)
                rate = {server: statistics.median(one.rate for one in all_) for server, all_ in found.items()}
                late = {server: statistics.median(one.p95 for one in all_) for server, all_ in found.items()}
                cells = " | ".join(
                    f"{rate[one]:.4g} | {late[one]:.3g}" if one in rate else "– | –" for one in started
                )
                ratios = " | ".join(
                    f"{rate['zhengmai'] / rate[one]:.2f}" if rate.get(one) else "–" for one in ("oxigraph", "rdflib-endpoint")
                )  # fmt: skip
                print(f"| {query} | {'new' if new else 'again'} | {cells} | {ratios} |", flush=True)
                for server, all_ in found.items():
                    if wrong := sum(one.wrong for one in all_):
                        notes.append(f"{server}: {wrong} requests of {query} went wrong.")
        print("\n" + "\n".join(notes))
        print("\n| | in process, ms | the service, one connection, ms |\n|---|---|---|")
        for query, texts in queries.items():
            alone = in_process(store, texts, arguments.seconds)
            one = measure(
                servers["zhengmai"], texts, new=True, seconds=arguments.seconds, clients=1, folder=folder
            )
            print(f"| {query} | {alone:.3g} | {one.p50:.3g} |", flush=True)
        print("\nProcessor time a request, texts new, in ms; medians of the rounds, by turns\n")
        print("| | zhengmai, its own process | its query processes | oxigraph |\n|---|---|---|---|")
        for query, texts in queries.items():
            rounds = [
                [_cost(servers[name], started[name][1].pid, texts, arguments, folder) for name in ("zhengmai", "oxigraph")]
                for _ in range(arguments.rounds)
            ]  # fmt: skip
            own, below = (statistics.median(ours[at] for ours, _ in rounds) for at in (0, 1))
            theirs = statistics.median(theirs[0] for _, theirs in rounds)
            print(f"| {query} | {own:.2f} | {below:.2f} | {theirs:.2f} |", flush=True)


def _cost(
    address: str, pid: int, texts: Sequence[str], arguments: argparse.Namespace, folder: Path
) -> tuple[float, float]:
    before = spent(pid)
    figures = measure(address, texts, new=True, seconds=arguments.seconds, clients=arguments.clients, folder=folder)  # fmt: skip
    time.sleep(0.1)  # what is done after the last answer is its price too
    after = spent(pid)
    return (after[0] - before[0]) / figures.requests, (after[1] - before[1]) / figures.requests


def main() -> None:
    """Build what is measured, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plans", type=int, nargs="*", default=[200], help="sizes of generated corpora")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--query", nargs="+", choices=_ASKED, default=_ASKED, help="those to ask")
    parser.add_argument(
        "--without", nargs="+", choices=["rdflib-endpoint"], default=[], help="servers to leave out"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the builds, kept for the next run")
    arguments = parser.parse_args()
    _tool("wrk")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"load before {os.getloadavg()[0]:.1f}; {arguments.clients} connections, {arguments.rounds} rounds of {arguments.seconds:g} s")  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        builds = arguments.keep or work
        python, environment = sys.executable, {**os.environ, "PYTHONPATH": str(ROOT)}
        real = builds / "real"
        subprocess.run([python, "-m", "zhengmai", "build", "--data", str(real)], check=True, cwd=ROOT, env=environment, capture_output=True)  # fmt: skip
        run("the real plans", real, arguments, work)
        for size in arguments.plans:
            texts, data = builds / f"texts-{size}", builds / f"data-{size}"
            if not (data / "current").exists():
                subprocess.run([python, str(ROOT / "benchmarks" / "corpus.py"), str(texts), "--plans", str(size)], check=True, env=environment, capture_output=True)  # fmt: skip
                subprocess.run([python, "-m", "zhengmai", "build", str(texts), "--data", str(data)], check=True, cwd=ROOT, env=environment, capture_output=True)  # fmt: skip
            run(f"{size} generated plans", data, arguments, work)


if __name__ == "__main__":
    main()
