"""Building from text at growing numbers of plans, against what it cannot do without.

    python benchmarks/building.py --plans 100 1000 10000 --bound 1800

For each number of generated plans, one after the other and each in a process of its own:

    reading     pure extraction: text to record, in as many processes as the build uses
    building    text to a published and judged build, nothing in the cache
    loading     Oxigraph's own bulk load of the quads that this build has
    changed     one figure of one plan changed: read, compared, judged, published; the median of three

Building should take at most 2.5 times as long as reading and loading together, and grow at most 11 times for ten times the
plans. Memory is that of the process and all that it starts, added up, at its largest. The output is Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent)]

from benchmarks import corpus  # noqa: E402

RATIO, GROWTH, SHARE = 2.5, 11, 0.01


# -- what is measured, each in a process of its own --------------------------------------------------------------


def read_some(task: list[tuple[str, str]]) -> int:
    """Extract some documents: (file, line of the catalogue)."""
    from graph.catalog import DocumentEntry
    from graph.reading import read_source
    from graph.stages import read_document

    targets = 0
    for name, entry in task:
        path = Path(name)
        record = read_document(read_source(path), path.stem, DocumentEntry.model_validate_json(entry))
        targets += len(record.targets)
    return targets


def reading(folder: Path, processes: int | None) -> dict[str, Any]:
    """Text to record, and nothing else."""
    from graph.build import PLANS_A_PROCESS
    from graph.catalog import read_corpus
    from graph.making import READ_TOGETHER
    from graph.workers import Workers, processes_for

    found = [(str(path), entry.model_dump_json()) for path, entry in read_corpus(folder / "plans").documents]
    start = time.perf_counter()
    with Workers(processes or processes_for(len(found), PLANS_A_PROCESS)) as workers:
        targets = sum(
            workers.map(
                read_some, [found[at : at + READ_TOGETHER] for at in range(0, len(found), READ_TOGETHER)]
            )
        )
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "targets": targets, "processes": workers.processes}


def _build(folder: Path, processes: int | None) -> tuple[float, dict[str, float], Any]:
    from graph.build import BuildJob
    from shapes.building import judge_job

    marks = {"reading": time.perf_counter()}

    def progress(what: str, done: int, total: int) -> None:
        if what == "comparing levels":
            marks.setdefault("writing and loading", time.perf_counter())

    with BuildJob(folder / "plans", folder / "data", progress=progress, processes=processes) as job:
        marks["judging"] = time.perf_counter()
        judge_job(job)
        marks["publishing"] = time.perf_counter()
        job.publish()
    marks["end"] = time.perf_counter()
    phases = {name: marks[after] - marks[name] for name, after in pairwise(marks)}
    return marks["end"] - marks["reading"], phases, job


def building(folder: Path, processes: int | None) -> dict[str, Any]:
    """Text to a published build."""
    from graph.build import read_summary

    seconds, phases, job = _build(folder, processes)
    size = sum(path.stat().st_size for path in job.folder.rglob("*") if path.is_file())
    counts = read_summary(job.folder).counts
    return {"seconds": seconds, "phases": phases, "counts": counts, "megabytes": size / 1e6}


def loading(folder: Path, processes: int | None) -> dict[str, Any]:
    """Oxigraph alone."""
    import pyoxigraph as ox

    quads = folder / "quads.nq"
    start = time.perf_counter()
    store = ox.Store(str(folder / "loaded"))
    store.bulk_load(path=str(quads))
    store.flush()
    return {"seconds": time.perf_counter() - start, "quads": len(store)}


def dumping(folder: Path, processes: int | None) -> dict[str, Any]:
    """The quads of the build as one file, for loading."""
    import pyoxigraph as ox

    store = ox.Store.read_only(str(folder / "data" / "current" / "store"))
    store.dump(str(folder / "quads.nq"), format=ox.RdfFormat.N_QUADS)
    return {"seconds": 0.0}


def changed(folder: Path, processes: int | None) -> dict[str, Any]:
    """A plan of which one figure changed, until it is published."""
    plans = sorted((folder / "plans").glob("*.txt"), reverse=True)
    file = next(path for path in plans if "增长45%" in path.read_text(encoding="utf-8"))
    text = file.read_text(encoding="utf-8")
    found = []
    for value in (41, 42, 43):
        file.write_text(text.replace("增长45%", f"增长{value}%"), encoding="utf-8")
        before = _processor()
        seconds, phases, job = _build(folder, processes)
        if job.step is None:
            raise SystemExit("the change was not made alone")
        found.append((seconds, _processor() - before, phases))
    seconds, processor, phases = sorted(found, key=lambda one: one[0])[1]
    return {"seconds": seconds, "once": processor, "phases": phases}


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


STEPS: dict[str, Callable[[Path, int | None], dict[str, Any]]] = {
    "reading": reading,
    "building": building,
    "dumping": dumping,
    "loading": loading,
    "changed": changed,
}


# -- running and watching them -----------------------------------------------------------------------------------


def _tree(root: int) -> int:
    """Bytes in memory of a process and all below it."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                below.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
            except OSError:
                continue
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += below.get(process, [])
        try:
            pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            continue
        total += pages * resource.getpagesize()
    return total


def run(step: str, folder: Path, processes: int | None, bound: float) -> dict[str, Any] | None:
    """A step in a process of its own; None where it was not done in so many seconds."""
    order = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    if processes:
        order += ["--processes", str(processes)]
    with subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        peak, done = 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.1):
                peak = max(peak, _tree(started.pid))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            out, err = started.communicate(timeout=bound)
        except subprocess.TimeoutExpired:
            started.terminate()
            started.communicate()
            return None
        finally:
            done.set()
            watcher.join()
        if started.returncode:
            raise SystemExit(f"{step}: {err}")
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told | {"peak": peak}


def measure(count: int, folder: Path, given: argparse.Namespace) -> dict[str, dict[str, Any] | None]:
    """All steps at one number of plans."""
    corpus.write(folder / "plans", count, seed=1, seeded=0.4)
    found: dict[str, dict[str, Any] | None] = {}
    for step in STEPS:
        if step in ("dumping", "loading", "changed") and found.get("building") is None:
            found[step] = None
            continue
        found[step] = run(step, folder, given.processes, given.bound)
        print(f"{count} {step}: {json.dumps(found[step])}", file=sys.stderr, flush=True)
        if step == "loading":
            (folder / "quads.nq").unlink()
    return found


def report(found: dict[int, dict[str, dict[str, Any] | None]]) -> None:
    """The figures as tables."""
    print(
        "| plans | triples | reading | loading | building | ÷ (reading + loading) | memory | processor | disk |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for count, steps in found.items():
        read, load, build = (steps[name] for name in ("reading", "loading", "building"))
        if not (read and load and build):
            print(f"| {count:,} | not done in the time that was given |")
            continue
        least = read["seconds"] + load["seconds"]
        print(
            f"| {count:,} | {build['counts']['triples']:,} | {read['seconds']:.1f} s ({read['processes']} processes) "
            f"| {load['seconds']:.1f} s | {build['seconds']:.1f} s | {build['seconds'] / least:.2f} "
            f"| {build['peak'] / 2**20:,.0f} MiB | {build['processor']:.0f} s | {build['megabytes']:,.0f} MB |"
        )
    print("\n| plans | " + " | ".join(("reading", "writing and loading", "judging", "publishing")) + " |")
    print("|---:|---:|---:|---:|---:|")
    for count, steps in found.items():
        if build := steps["building"]:
            print(f"| {count:,} | " + " | ".join(f"{part:.1f} s" for part in build["phases"].values()) + " |")
    print("\n| plans | one changed plan | of the full build | processor | memory | its phases |")
    print("|---:|---:|---:|---:|---:|---|")
    for count, steps in found.items():
        if (change := steps["changed"]) and (build := steps["building"]):
            phases = ", ".join(f"{name} {part:.2f} s" for name, part in change["phases"].items())
            print(
                f"| {count:,} | {change['seconds']:.2f} s | {change['seconds'] / build['seconds']:.2%} "
                f"| {change['once']:.2f} s | {change['peak'] / 2**20:,.0f} MiB | {phases} |"
            )
    for small, large in pairwise(found):
        first, second = found[small]["building"], found[large]["building"]
        if first and second:
            times = second["seconds"] / first["seconds"]
            print(f"\n{large / small:.0f} times the plans: {times:.1f} times the time")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--plans", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--bound", type=float, default=600.0, help="seconds that each step may take")
    parser.add_argument(
        "--processes", type=int, help="how many read, write and judge; as a build does by default"
    )
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        told = STEPS[given.step](given.folder, given.processes)
        print(json.dumps(told | {"processor": _processor()}))
        return
    load = Path("/proc/loadavg").read_text(encoding="ascii").split()[0]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.processor() or platform.machine()}), "
        f"Python {platform.python_version()}, load {load} at the start\n",
        flush=True,
    )
    found = {}
    for count in given.plans:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            found[count] = measure(count, Path(name), given)
    report(found)
    load = Path("/proc/loadavg").read_text(encoding="ascii").split()[0]
    print(f"\nLoad {load} at the end.")


if __name__ == "__main__":
    main()
