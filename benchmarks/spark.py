"""A build on a Spark cluster of separate worker processes: equal to the single machine, a worker killed, two against one.

    python benchmarks/spark.py --plans 1000

The corpus (benchmarks/corpus.py) is built by `BuildJob` and judged; then on a cluster on loopback (a master, workers with
one core each): with one worker, with two, and with two of which one is killed with SIGKILL while it compares. Each result
is held against the first, triple for triple and finding for finding. Prints a table.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import corpus  # noqa: E402
from distributed.building import SparkJob, source_at  # noqa: E402
from distributed.session import session  # noqa: E402
from graph.build import BuildJob, open_current, read_summary  # noqa: E402
from shapes.building import judge_job  # noqa: E402
from tests.support.cluster import SETTINGS, Cluster, cluster  # noqa: E402
from tests.support.equal import differences  # noqa: E402

KILLED_AT = "builds/spark-*.part/made/_temporary/0/_temporary/attempt_*/*.parquet"


@dataclass
class Run:
    """One build: how long it took, how long each of its steps, and what went to every worker (bytes)."""

    name: str
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    killed: int = 0
    differs: list[str] = field(default_factory=list)

    def progress(self, what: str, done: int, total: int) -> None:
        """Note when a step of Spark began and ended."""
        if "Spark" in what or what.startswith("indexing"):
            now = time.monotonic()
            self.steps[what] = now - self.steps[what] if done else now


def single(plans: Path, data: Path, processes: int) -> Run:
    """Build as `zhengmai build` does."""
    run, begun = Run(f"single machine, {processes} process{'es' if processes > 1 else ''}"), time.monotonic()
    with BuildJob(plans, data, processes=processes) as job:
        judge_job(job)
        job.publish()
    run.seconds = time.monotonic() - begun
    return run


def spread(plans: Path, data: Path, workers: int, kill: bool = False) -> Run:
    """Build on a cluster; the start of the cluster and of the session is not counted."""
    run = Run(f"Spark, {workers} worker{'s' if workers > 1 else ''}{', one killed' if kill else ''}")
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), workers) as found:
        settings = {
            **SETTINGS,
            "spark.cores.max": str(workers),
            # No task before all workers are there.
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
        }
        with session(found.url, settings) as spark, source_at(spark, str(plans)) as (source, here, names):
            spark.sparkContext.parallelize(range(workers), workers).count()
            stop = threading.Event()
            watch = threading.Thread(target=_kill, args=(found, data, run, stop), daemon=True)
            if kill:
                watch.start()
            begun = time.monotonic()
            with SparkJob(spark, here, data, source=source, names=names, progress=run.progress) as job:
                job.publish()
            run.seconds = time.monotonic() - begun
            stop.set()
            assert job.sizes is not None
            run.sizes = job.sizes.__dict__
    return run


def _kill(found: Cluster, data: Path, run: Run, stop: threading.Event) -> None:
    while not stop.is_set() and not list(data.glob(KILLED_AT)):
        time.sleep(0.02)
    if not stop.is_set():
        run.killed = found.kill(len(found.workers) - 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeded", type=float, default=0.3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        corpus.write(folder / "plans", given.plans, given.seed, given.seeded)
        plans, data = folder / "plans", folder / "single"
        ways: list[Callable[[Path], Run]] = [
            lambda to: spread(plans, to, 1),
            lambda to: spread(plans, to, 2),
            lambda to: spread(plans, to, 2, kill=True),
        ]
        runs = [single(plans, data, 2)]
        counts = read_summary(open_current(data)).counts
        for number, way in enumerate(ways):
            run = way(folder / f"spark{number}")
            run.differs = differences(data, folder / f"spark{number}")
            runs.append(run)
            print(
                f"{run.name}: {run.seconds:.0f} s, {'equal' if not run.differs else run.differs}",
                file=sys.stderr,
            )
    print(
        f"{given.plans:,} plans, {counts['triples']:,} triples; load before {load:.1f}, after {os.getloadavg()[0]:.1f}\n"
    )
    steps = list(runs[1].steps)
    print(
        "| seconds | all | " + " | ".join(step.removesuffix(" with Spark") for step in steps) + " | equal |"
    )
    print("|---|---|" + "---|" * (len(steps) + 1))
    for run in runs:
        told = " | ".join(f"{run.steps[step]:.0f}" if step in run.steps else "–" for step in steps)
        equal = "" if run is runs[0] else "**no**" if run.differs else "yes"
        killed = f" ({run.killed} processes)" if run.killed else ""
        print(f"| {run.name}{killed} | {run.seconds:.0f} | {told} | {equal} |")
    one, two = runs[1], runs[2]
    spark_steps = [step for step in steps if step.endswith("with Spark")]
    both = [sum(run.steps[step] for step in spark_steps) for run in (one, two)]
    print(
        f"\nTwo workers against one: {both[0] / both[1]:.2f} in the steps of Spark, {one.seconds / two.seconds:.2f} in all."
    )
    sent = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in two.sizes.items())
    print(f"To every worker went, packed: {sent}.")
    if any(run.differs for run in runs) or not runs[3].killed:
        sys.exit(1)


if __name__ == "__main__":
    main()
