"""The ten main questions on larger and larger corpora, beside two other engines that hold the same quads.

    python benchmarks/questions.py --plans 100 1000 10000 [--rounds 5] [--bound 60] [--without virtuoso rdflib]
    python benchmarks/questions.py --data FOLDER …          # builds that there are

Each question as one asks it of one place or plan ("one"), and, where that is another question, of everything
("all"); docs/benchmarks.md says which and why. Four columns of milliseconds, medians of the rounds after a first one:

    service      queries.engine: a process that can be ended, the whole answer as JSON
    native       pyoxigraph in this process on the same store, the same answer
    virtuoso     Virtuoso 7 on loopback, over HTTP (apt install virtuoso-opensource-7)
    rdflib       rdflib in memory; loading is ended after a quarter of an hour, or at three quarters of the memory

An answer with another number of rows than native is told with that number. What is not done within the bound (seconds, of one query) is told so. Virtuoso is asked as the
service asks it (`queries.dialects`), rdflib with the whole IRI for ``id:role\\/lead``. ``cpu`` is the processor time of native: on a machine with other work it is
the one to look at. The plans are those of benchmarks/corpus.py (seed 1, --seeded 0.4).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from graph.errors import QueryLimit  # noqa: E402
from queries.asking import Asker  # noqa: E402
from queries.dialects import translated  # noqa: E402
from queries.engine import Limits, QueryEngine  # noqa: E402

_JSON = "application/sparql-results+json"
_ESCAPED, _IRI = re.compile(r"\bid:([a-z-]+)\\/([\w-]+)"), r"<https://w3id.org/zhengmai/id/\1/\2>"
_LOADING, _LOADING_RDFLIB = 7200, 900  # seconds
# What is asked: the name of the question, what is said of it, and its parameters; {city}, {county} and {plan} are
# filled in by what there is.
_ASKED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("domain-leads", "one", {"domain": "消费品以旧换新", "place": "{city}"}),
    ("domain-leads", "all", {"domain": "消费品以旧换新"}),
    ("targets-against-upper", "one", {"place": "{county}"}),
    ("targets-against-upper", "omitted", {"place": "{county}", "outcome": "omitted"}),
    ("targets-of-indicator", "one", {"indicator": "digital-design-tool-adoption", "place": "{city}"}),
    ("targets-of-indicator", "all", {"indicator": "digital-design-tool-adoption"}),
    ("lineage-of-plan", "one", {"plan": "{plan}"}),
    ("tasks-of-agency", "one", {"function": "商务", "place": "{city}"}),
    ("tasks-of-agency", "all", {"function": "商务"}),
    ("own-indicators", "all", {}),
    ("counterparts", "one", {"function": "商务", "place": "{city}"}),
    ("counterparts", "all", {"function": "商务"}),
    ("plans", "one", {"place": "{city}"}),
    ("plans", "all", {}),
    ("changes", "all", {}),
)
_SLUGS = "SELECT DISTINCT ?slug { ?plan a <https://w3id.org/zhengmai/ns#Plan> ; <http://purl.org/dc/terms/identifier> ?slug }"
Timed = tuple[float, float, int] | str
"""Median seconds, median seconds of processor, rows of the answer; or why there is none."""


def main() -> None:
    """Build what is needed, ask, and print a table in Markdown for each corpus."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plans", type=int, nargs="*", default=[100])
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders that were built before")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bound", type=float, default=60, help="seconds of one query")
    parser.add_argument(
        "--forms",
        nargs="*",
        default=["one", "all"],
        choices=["one", "all"],
        help="of one place or plan, of everything",
    )
    parser.add_argument("--without", nargs="*", default=[], choices=["virtuoso", "rdflib"])
    parser.add_argument("--rdflib", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rdflib:
        _rdflib_child(options.rdflib, options.rounds, options.bound)
        return
    print(
        f"Python {platform.python_version()}, pyoxigraph {ox.__version__}, load {os.getloadavg()[0]:.1f}, "
        f"median of {options.rounds}, bound {options.bound:g} s\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        builds = options.data or [_built(Path(folder), plans) for plans in options.plans]
        for data in builds:
            _measure(data, Path(folder), options)


def _built(folder: Path, plans: int) -> Path:
    texts, data = folder / f"texts-{plans}", folder / f"data-{plans}"
    corpus = [str(ROOT / "benchmarks" / "corpus.py"), str(texts), "--plans", str(plans), "--seeded", "0.4"]
    for command in (corpus, ["-m", "zhengmai", "build", str(texts), "--data", str(data)]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode > 1:  # 1: there are findings
            sys.exit(done.stderr[-2000:])
    return data


def _measure(data: Path, folder: Path, options: argparse.Namespace) -> None:
    rounds, bound, without = options.rounds, options.bound, options.without
    path = (data / "current").resolve() / "store"
    store = ox.Store.read_only(str(path))
    slugs = sorted(row["slug"].value for row in store.query(_SLUGS, use_default_graph_as_union=True))  # type: ignore[union-attr]
    # The city with most plans, so that "one" is no empty place
    prefix = Counter(slug[:4] for slug in slugs if slug[2:4] != "00").most_common(1)[0][0]
    plan = next(slug for slug in slugs if slug.startswith(prefix) and slug[4:6] != "00")
    city = f"{prefix}00" if any(slug[:6] == f"{prefix}00" for slug in slugs) else plan[:6]
    known = {"city": city, "county": plan[:6], "plan": plan}
    limits = replace(Limits(), seconds=bound, memory_mb=8192, result_mb=1024)
    with QueryEngine(path, limits=limits) as engine:
        asker = Asker(engine)
        texts = {
            f"{name} ({what})": asker.sparql(
                name, {key: value.format(**known) for key, value in values.items()}
            )
            for name, what, values in _ASKED
            # What is asked of everything alone is one of the ten as well
            if what in options.forms
            or (what != "one" and name in ("own-indicators", "changes"))
            or what == "omitted"
        }
        found: dict[str, dict[str, Timed]] = {name: {} for name in texts}

        def note(name: str, column: str, timed: Timed) -> None:
            found[name][column] = timed
            print(f"{column:<8} {name:<32} {_shown(timed)}", file=sys.stderr, flush=True)

        for name, text in texts.items():
            note(name, "service", _timed(lambda text=text: _engine(engine, text), rounds))  # type: ignore[misc]
            # The same engine without anything that could stop it: not asked what did not end
            slow = isinstance(found[name]["service"], str)
            note(name, "native", "–" if slow else _timed(lambda text=text: _native(store, text), rounds))  # type: ignore[misc]
    print(f"### {len(slugs)} plans, {len(store)} quads\n", flush=True)
    quads = folder / "quads.nq"
    others = [name for name in ("virtuoso", "rdflib") if name not in without]
    if others:
        store.dump(str(quads), format=ox.RdfFormat.N_QUADS)
    if "virtuoso" in others:
        with _virtuoso(quads, folder, bound) as address:
            for name, text in texts.items():
                note(name, "virtuoso", _timed(lambda text=text: _http(address, text, bound), rounds))  # type: ignore[misc]
    if "rdflib" in others:
        for name, one in _rdflib(quads, texts, rounds, bound).items():
            note(name, "rdflib", one)
    columns = ["service", "native", *others]
    print(f"| | rows | {' | '.join(columns)} | cpu | of native |\n|---|---|{'---|' * (len(columns) + 2)}")
    for name, timed in found.items():
        native, service = timed["native"], timed["service"]
        rows = None if isinstance(native, str) else native[2]
        cpu = "–" if isinstance(native, str) else f"{native[1] * 1000:.1f}"
        ratio = (
            "–" if isinstance(native, str) or isinstance(service, str) else f"{service[0] / native[0]:.2f}"
        )
        shown = [_shown(timed.get(column, "–"), rows) for column in columns]
        print(
            f"| {name} | {'–' if rows is None else rows} | {' | '.join(shown)} | {cpu} | {ratio} |",
            flush=True,
        )
    print()
    quads.unlink(missing_ok=True)


def _shown(timed: Timed, rows: int | None = None) -> str:
    if isinstance(timed, str):
        return timed
    others = "" if rows in (None, timed[2]) else f" ({timed[2]} rows)"
    return f"{timed[0] * 1000:.1f}{others}"


def _timed(ask: Callable[[], bytes | int], rounds: int) -> Timed:
    """Ask once to warm up, then for the figures."""
    walls: list[float] = []
    processors: list[float] = []
    answer: bytes | int = 0
    try:
        for number in range(rounds + 1):
            began, used = time.perf_counter(), time.process_time()
            answer = ask()
            if number:
                walls.append(time.perf_counter() - began)
                processors.append(time.process_time() - used)
    except (QueryLimit, TimeoutError):
        return "not done"
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace").splitlines()
        return (
            "not done"
            if "timeout" in " ".join(detail).lower()
            else f"refused: {detail[0][:100] if detail else error}"
        )
    except OSError as error:
        return "not done" if "timed out" in str(error) else f"failed: {error}"
    rows = answer if isinstance(answer, int) else len(json.loads(answer)["results"]["bindings"])
    return statistics.median(walls), statistics.median(processors), rows


def _engine(engine: QueryEngine, text: str) -> bytes:
    answer = engine.run(text)
    try:
        return answer.body
    finally:
        answer.close()


def _native(store: ox.Store, text: str) -> bytes:
    result = store.query(text, use_default_graph_as_union=True)
    assert isinstance(result, ox.QuerySolutions)
    return result.serialize(format=ox.QueryResultsFormat.JSON) or b""


# -- Virtuoso ---------------------------------------------------------------------------------------------------

_INI = """[Database]
DatabaseFile={folder}/virtuoso.db
ErrorLogFile={folder}/virtuoso.log
LockFile={folder}/virtuoso.lck
TransactionFile={folder}/virtuoso.trx
xa_persistent_file={folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile={folder}/temp.db
TransactionFile={folder}/temp.trx
[Parameters]
ServerPort=127.0.0.1:{sql}
DirsAllowed=., {folder}, {files}
NumberOfBuffers={buffers}
MaxDirtyBuffers={dirty}
MaxCheckpointRemap=2000
CheckpointInterval=0
[HTTPServer]
ServerPort=127.0.0.1:{http}
ServerRoot={folder}
[SPARQL]
ResultSetMaxRows=10000000
MaxQueryExecutionTime={bound}
MaxQueryCostEstimationTime=0
"""


@contextmanager
def _virtuoso(quads: Path, folder: Path, bound: float) -> Iterator[str]:
    """Virtuoso on loopback that holds the quads."""
    server, isql = shutil.which("virtuoso-t"), shutil.which("isql-vt")
    if not server or not isql:
        sys.exit("virtuoso-t is not there: apt install virtuoso-opensource-7, or --without virtuoso")
    home = folder / "virtuoso"
    home.mkdir()
    sql, http = _port(), _port()
    ini = home / "virtuoso.ini"
    # As its makers advise: two thirds of the memory, in pages of 8 kB
    buffers = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 12_500
    ini.write_text(
        _INI.format(
            folder=home,
            files=quads.parent,
            sql=sql,
            http=http,
            bound=int(bound),
            buffers=buffers,
            dirty=buffers * 3 // 4,
        )
    )
    command = [server, "-f", "+configfile", str(ini), "+wait"]
    with (home / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=home, stdout=out, stderr=out)
    try:
        _wait(http, process)
        began = time.perf_counter()
        ask = [isql, f"127.0.0.1:{sql}", "dba", "dba", "VERBOSE=OFF", "BANNER=OFF", "PROMPT=OFF"]
        # One loader: of two each comes to be in the other's way (deadlock), and leaves its file
        for step in (
            f"ld_add('{quads}', 'urn:none');",
            "rdf_loader_run();",
            "checkpoint;",
        ):
            subprocess.run([*ask, f"EXEC={step}"], capture_output=True, check=True, timeout=_LOADING)
        told = [
            subprocess.run([*ask, f"EXEC={text}"], capture_output=True, check=True, text=True).stdout.strip()
            for text in (
                "SELECT ll_error FROM DB.DBA.load_list WHERE ll_state <> 2 OR ll_error IS NOT NULL;",
                "SELECT COUNT(*) FROM DB.DBA.RDF_QUAD;",
            )
        ]
        if told[0]:
            sys.exit(f"Virtuoso did not load all: {told[0]}")
        print(
            f"Virtuoso: {int(told[1]):,} quads with its own, loaded in {time.perf_counter() - began:.0f} s\n",
            flush=True,
        )
        yield f"http://127.0.0.1:{http}/sparql"
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home)


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("Virtuoso does not start")
            time.sleep(0.3)


def _http(address: str, text: str, bound: float) -> bytes:
    asked = urllib.parse.urlencode({"query": translated(text, "virtuoso")}).encode()
    request = urllib.request.Request(address, asked, {"Accept": _JSON})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=bound) as answer:  # noqa: S310 - loopback
        body: bytes = answer.read()
        return body


# -- rdflib -----------------------------------------------------------------------------------------------------


def _rdflib(quads: Path, texts: Mapping[str, str], rounds: int, bound: float) -> dict[str, Timed]:
    """In a process of its own with three quarters of the memory; each question is ended at its bound."""
    asked = quads.with_suffix(".json")
    asked.write_text(
        json.dumps(
            {"quads": str(quads), "texts": {name: _ESCAPED.sub(_IRI, text) for name, text in texts.items()}}
        ),
        encoding="utf-8",
    )
    command = [
        sys.executable,
        __file__,
        "--rdflib",
        str(asked),
        "--rounds",
        str(rounds),
        "--bound",
        str(bound),
    ]
    done: dict[str, Timed] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if not line.startswith("["):
                print(f"rdflib {line}", flush=True)
                continue
            name, timed = json.loads(line)
            done[name] = tuple(timed) if isinstance(timed, list) else timed
    return {name: done.get(name, "not loaded") for name in texts}


def _rdflib_child(asked: Path, rounds: int, bound: float) -> None:
    import rdflib

    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    told = json.loads(asked.read_text(encoding="utf-8"))
    dataset = rdflib.Dataset(default_union=True)
    began = time.perf_counter()
    ended = ""
    try:
        with _bounded(_LOADING_RDFLIB):
            dataset.parse(told["quads"], format="nquads")
    except (MemoryError, TimeoutError) as error:
        ended = f"{type(error).__name__} "
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{ended}loading: {len(dataset):,} triples in {time.perf_counter() - began:.0f} s, {size:.1f} GB\n",
        flush=True,
    )
    for name, text in () if ended else told["texts"].items():
        timed = _timed(lambda text=text: _within(bound, lambda: len(list(dataset.query(text)))), rounds)  # type: ignore[misc]
        print(json.dumps([name, timed]), flush=True)


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what takes longer: all of rdflib is Python, which can be interrupted."""

    def up(number: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _within(seconds: float, ask: Callable[[], int]) -> int:
    with _bounded(seconds):
        return ask()


if __name__ == "__main__":
    main()
