"""A Spark cluster on loopback: a master and workers with one core each, in processes of their own that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyspark

SPARK = Path(pyspark.__file__).parent
# One compiler and one collector: these machines live for a minute.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SETTINGS = {
    "spark.driver.extraJavaOptions": JAVA,
    "spark.executor.extraJavaOptions": JAVA,
    "spark.executor.memory": "1g",
    "spark.executor.cores": "1",
}
"""Settings of a session for small runs."""
_PATIENCE = 300.0


@dataclass
class Cluster:
    """What runs, and where."""

    url: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def executors(self, worker: int) -> list[int]:
        """The processes in which a worker runs tasks: its children, and theirs (Python)."""
        return _below(self.workers[worker].pid)

    def kill(self, worker: int) -> int:
        """Kill a worker with all that it runs, at once; returns how many processes that were."""
        doomed = [self.workers[worker].pid, *self.executors(worker)]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.workers[worker].wait()
        return len(doomed)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Start a master and workers; all end when it is left. ``folder`` takes their logs and scratch files."""
    port = _free_port()
    started: list[subprocess.Popen[bytes]] = []
    try:
        master = ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        started.append(_start(folder, "master", master))
        _wait(folder / "master.log", "I have been elected leader", started[0])
        found = Cluster(f"spark://127.0.0.1:{port}")
        for number in range(workers):
            name = f"worker{number}"
            asked = ["worker.Worker", found.url, "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1"]
            asked += ["--memory", "1g", "--work-dir", str(folder / name)]
            found.workers.append(_start(folder, name, asked))
            started.append(found.workers[-1])
        for number, worker in enumerate(found.workers):
            _wait(folder / f"worker{number}.log", "Successfully registered with master", worker)
        yield found
    finally:
        for process in reversed(started):
            for pid in [*_below(process.pid), process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def _start(folder: Path, name: str, asked: list[str]) -> subprocess.Popen[bytes]:
    surroundings = {
        **os.environ,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": JAVA,
        "SPARK_LOCAL_DIRS": str(folder / f"{name}-scratch"),
        "PYSPARK_PYTHON": sys.executable,
    }
    program, *rest = asked
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [str(SPARK / "bin" / "spark-class"), f"org.apache.spark.deploy.{program}", *rest],
            env=surroundings,
            stdout=log,
            stderr=log,
        )


def _wait(log: Path, words: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while words not in (told := log.read_text(encoding="utf-8", errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it did not start:\n{told}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _below(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return [*found, *(below for child in found for below in _below(child))]
