"""What tests of writing share: a small data folder, a server on it, and a check that all parts of a state agree."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from graph import publishing, trail
from graph.build import BuildJob, inputs_of, open_current, read_summary
from graph.catalog import read_corpus
from graph.stores import open_store
from ontology.terms import ZM
from shapes.building import judge_job
from shapes.finding_store import report_of

PLANS = Path(__file__).parents[2] / "plans"
TEXT = """西陵区推动大规模设备更新和消费品以旧换新工作方案

一、主要目标
到2027年，设备投资规模较2023年增长20%以上。
二、重点任务
（一）推进工业设备更新。支持企业更新机床。（牵头单位：区科技经信局；责任单位：区发改局）
"""


def make(folder: Path) -> Path:
    """A data folder built of one real plan and the record above it."""
    plans = folder / "plans"
    (plans / "records").mkdir(parents=True)
    shutil.copy(PLANS / "150300-wuhai-2024.txt", plans)
    shutil.copy(PLANS / "records" / "100000-state-council-2024.yaml", plans / "records")
    with BuildJob(plans, folder / "data") as job:
        judge_job(job)
        job.publish()
    return folder / "data"


def whole(data: Path) -> dict[str, int]:
    """Checks that counts, store, texts, records, findings, folder of plans and trail agree; returns the counts."""
    build = open_current(data)
    summary = read_summary(build)
    store = open_store(build / "store")
    assert len(store) == summary.counts["triples"]
    held = {path.stem for path in (build / "records").iterdir()}
    texts = {path.stem for path in (build / "texts").iterdir()}
    documents = f"SELECT DISTINCT ?s {{ ?d <{ZM.origin}> ?o ; <http://purl.org/dc/terms/identifier> ?s }}"
    told = {row["s"].value for row in store.rows(documents) if hasattr(row["s"], "value")}
    assert texts <= held <= told
    assert summary.counts["documents"] + summary.counts["records"] == len(held)
    judged = {one.slug for one in report_of(build, date(2026, 1, 1)).summary.documents}
    assert texts <= judged <= told
    if (data / "corpus").is_dir():
        assert inputs_of(read_corpus(data / "corpus")) == summary.inputs
    changes = "SELECT DISTINCT ?a { ?a a <http://www.w3.org/ns/prov#Activity> ; <http://purl.org/dc/terms/type> ?t }"
    ids = {row["a"].value.rpartition("/")[2] for row in store.rows(changes) if hasattr(row["a"], "value")}
    assert ids == {one.id for one in trail.read_trail(data)}
    assert not list((data / "changes").glob("*"))
    # The oldest build may still be on its way out.
    parts = (data / "builds").glob("*.part")
    assert not [path for path in parts if not path.name.endswith(publishing.GONE)]
    return summary.counts


def serve(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the service in a process of its own, by the command; returns it and its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "zhengmai", "serve", "--data", str(data), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    wait_for(process, address)
    return process, address


def wait_for(process: subprocess.Popen[bytes], address: str) -> None:
    """Until it answers."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{address}/jobs/none", timeout=30).status_code == 404:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def ended(address: str, answer: httpx.Response) -> dict[str, Any]:
    """A job at its end."""
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    for _ in range(1200):
        job: dict[str, Any] = httpx.get(address + answer.headers["location"], timeout=30).json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.1)
    raise AssertionError("the job did not end")
