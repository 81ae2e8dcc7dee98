"""The service as processes of the system: several on one store, builds that change under them, and their end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.builds import Service
from api.settings import Settings
from graph import publishing, sealing
from graph.build import BuildJob
from graph.errors import StoreError
from ontology.extension import FOLDER
from queries.catalogue import load_catalogue
from tests.test_drafts import DRAFT

RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SLUG = "420115-jiangxia-2024"
CLIENTS = 3

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir() and not os.environ.get("CI"), reason="reads processes from /proc"
)


class Served:
    """A running `zhengmai serve`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        wait_for(lambda: "served on" in log.read_text(encoding="utf-8"), process)
        found = re.search(r"http://\S+?(?=/ )", log.read_text(encoding="utf-8"))
        assert found
        self.url = found[0]

    def family(self) -> list[int]:
        """The processes below it, however deep."""
        return below(self.process.pid)


def below(pid: int) -> list[int]:
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            told = file.read_text(encoding="ascii")
        except OSError:  # that thread has just ended
            continue
        for child in map(int, told.split()):
            found += [child, *below(child)]
    return found


def ended(pids: list[int]) -> bool:
    """Whether none of them runs; one that nobody has waited for yet counts as ended."""
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
                return False
        except OSError:
            continue
    return True


def wait_for(
    happens: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, seconds: float = 60
) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        assert process is None or process.poll() is None, "the service ended"
        time.sleep(0.05)


@contextmanager
def served(data: Path, log: Path, *options: str, **settings: object) -> Iterator[Served]:
    variables = {f"ZHENGMAI_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "zhengmai", "serve", "--data", str(data), "--port", "0", *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, env=os.environ | variables)
    try:
        yield Served(process, log)
    finally:
        family = below(process.pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            for pid in [process.pid, *family]:
                if not ended([pid]):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    """A data folder of its own with one build."""
    folder = tmp_path / "data"
    publish(folder, (built / "current").resolve(), 0)
    return folder


def publish(data: Path, source: Path, number: int) -> Path:
    """Publish a copy of a build, in the way of every build. Its counts tell which it is."""
    job = BuildJob(source, data)
    job.folder = data / "builds" / f"2099-{number:02}.part"
    shutil.copytree(source, job.folder)
    summary = json.loads((job.folder / "build.json").read_text(encoding="utf-8"))
    summary["counts"]["documents"] = number
    (job.folder / "build.json").write_text(json.dumps(summary), encoding="utf-8")
    job.publish()
    return job.folder


# -- builds that change ----------------------------------------------------------------------------------------------


def test_a_request_sees_one_build_and_that_is_kept_while_it_is_read(data: Path) -> None:
    first = (data / "current").resolve()
    service = Service(Settings(data=data, workers=1), load_catalogue())
    try:
        early = service.view()
        assert early.build.folder == first
        for number in range(1, 6):
            publish(data, first, number)
        late = service.view()
        assert late.build.folder.name == "2099-05"
        assert early.build.folder == early.engine.store.parent == first
        assert len(early.asker.ask("plans", {}).table) > 5
        assert late.engine is not early.engine
        assert {one.name for one in (data / "builds").iterdir()} == {
            "2099-00",
            "2099-03",
            "2099-04",
            "2099-05",
        }
        assert len(late.asker.ask("plans", {}).table) > 5
        old = early.engine.processes()
        early.close()
        wait_for(lambda: ended(old))
        assert not ended(late.engine.processes())
        late.close()
        publish(data, late.build.folder, 6)
        assert not first.exists()
        late.close()
    finally:
        service.close()
    assert service.query_processes() == []


def test_a_damaged_build_leaves_no_processes_behind(data: Path) -> None:
    build = (data / "current").resolve()
    words = build / FOLDER / "own.ttl"
    words.parent.mkdir(exist_ok=True)
    words.write_text("# nothing of its own\n", encoding="utf-8")
    sealing.seal(build)
    words.write_text("# something else now\n", encoding="utf-8")
    service, before = Service(Settings(data=data, workers=1), load_catalogue()), below(os.getpid())
    try:
        for _ in range(3):
            with pytest.raises(StoreError, match=r"own\.ttl"):
                _ = service.asker
        assert ended([pid for pid in below(os.getpid()) if pid not in before])
    finally:
        service.close()


def test_two_processes_answer_from_one_build_after_the_other_and_no_request_fails(
    data: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree((data / "current").resolve(), source)
    stop = threading.Event()
    failed: list[str] = []
    seen: set[str] = set()
    answered = [0] * CLIENTS

    def ask(url: str, at: int) -> None:
        paths = ("/ready", f"/plans/{SLUG}", "/questions/plans", "/findings?limit=1")
        while not stop.is_set():
            # A connection of its own for each: the two processes take turns
            path = paths[answered[at] % len(paths)]
            answer = httpx.get(url + path, timeout=60)
            answered[at] += 1
            if answer.status_code != 200:
                failed.append(f"{path}: {answer.status_code} {answer.text}")
            elif path == "/ready":
                told = answer.json()
                seen.add(told["build"])
                if int(told["build"][-2:]) != told["counts"]["documents"]:
                    failed.append(f"half of one and half of another: {told}")

    with served(data, tmp_path / "log", processes=2, workers=1) as service:
        threads = [threading.Thread(target=ask, args=(service.url, at)) for at in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: sum(answered) >= 20, service.process)
            for number in range(1, 9):
                publish(data, source, number)
                before = sum(answered)
                wait_for(lambda: sum(answered) >= before + 6 or bool(failed), service.process)  # noqa: B023
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        assert not failed
        assert len(seen) >= 5
        workers = [pid for pid in service.family() if "worker.py" in command_of(pid)]
        wait_for(lambda: all("2099-08" in command_of(one) for one in workers if not ended([one])))
        figures = httpx.get(f"{service.url}/metrics", timeout=60).text
        counted = re.findall(r'^zhengmai_requests_total\{.*status="200"\} (\S+)$', figures, re.MULTILINE)
        assert sum(map(float, counted)) == sum(answered), "all processes together"
    # What was in use when the last build came is removed with the next.
    publish(data, source, 9)
    assert [one.name for one in publishing.builds(data)] == ["2099-07", "2099-08", "2099-09"]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""


def test_what_the_first_request_would_wait_for_is_there_before_it(data: Path) -> None:
    app = create_app(Settings(data=data, workers=1), warm=True)
    with TestClient(app) as client:
        ready = app.state.service.query_processes()
        assert len(ready) == 2, "a query process for texts from outside, and one for our own questions"
        assert client.get("/sparql", params={"query": "ASK { ?s ?p ?o }"}).json()["boolean"] is True
        assert client.get("/questions/plans").status_code == 200
        assert app.state.service.query_processes() == ready


def test_a_draft_is_told_of_by_each_process_and_one_that_is_killed_is_replaced(
    data: Path, tmp_path: Path
) -> None:
    with served(data, tmp_path / "log", processes=2, workers=1) as service:
        wait_for(lambda: len(answering(service)) == 2)
        sent = httpx.post(
            f"{service.url}/drafts?wait=false", files={"file": ("稿.txt", DRAFT.encode())}, timeout=60
        )
        assert sent.status_code == 202, sent.text
        job = service.url + sent.headers["location"]

        def over() -> bool:
            # A connection of its own for each look, so that now one process is asked and now the other
            told = [httpx.get(job, timeout=60) for _ in range(6)]
            assert {one.status_code for one in told} == {200}
            return all(one.json()["state"] == "done" for one in told)

        wait_for(over)
        assert {httpx.get(f"{job}/report", timeout=60).status_code for _ in range(6)} == {200}

        killed = answering(service)[0]
        # Stopped at first, so that it ends while it is being asked whether it is there: as one that is out of memory
        os.kill(killed, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: len(answering(service)) == 2 and killed not in answering(service), seconds=40)
        for path in ("/health", "/ready"):
            told = [httpx.get(service.url + path, timeout=60) for _ in range(6)]
            assert {(one.status_code, one.json()["status"]) for one in told} == {(200, "ok")}


def answering(service: Served) -> list[int]:
    """The processes that take requests: those below the first that have query processes of their own."""
    children = [pid for pid in service.family() if "worker.py" not in command_of(pid) and not ended([pid])]
    return [pid for pid in children if any("worker.py" in command_of(one) for one in below(pid))]


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [1, 2])
def test_what_runs_is_answered_before_the_end(data: Path, tmp_path: Path, processes: int) -> None:
    with served(data, tmp_path / "log", processes=processes, query_seconds=3, log_format="json") as service:
        answers: list[httpx.Response] = []
        httpx.get(f"{service.url}/ready", timeout=60)
        thread = threading.Thread(
            target=lambda: answers.append(
                httpx.get(f"{service.url}/sparql", params={"query": RUNAWAY}, timeout=60)
            )
        )
        thread.start()
        wait_for(lambda: running(service) == 1)
        family = service.family()
        assert sum("worker.py" in command_of(pid) for pid in family) >= 1
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
        thread.join(30)
        assert answers[0].status_code == 422
        assert answers[0].json()["limit"] == 3
        wait_for(lambda: ended(family))  # the last are those that clean up after the others
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{service.url}/health")
    told = [json.loads(line) for line in service.log.read_text(encoding="utf-8").splitlines()[1:]]
    assert {one["level"] for one in told} == {"info"}, "an end on demand is no failure"
    assert any(one["route"] == "/sparql" and one["status"] == 422 for one in told)


def running(service: Served) -> float:
    found = re.search(
        r"^zhengmai_queries_running (\S+)$",
        httpx.get(f"{service.url}/metrics", timeout=60).text,
        re.MULTILINE,
    )
    assert found
    return float(found[1])


def test_what_does_not_end_in_time_is_ended(data: Path, tmp_path: Path) -> None:
    with served(data, tmp_path / "log", query_seconds=600, shutdown_seconds=1) as service:
        httpx.get(f"{service.url}/ready", timeout=60)
        thread = threading.Thread(target=lambda: cut_off(service.url))
        thread.start()
        wait_for(lambda: running(service) == 1)
        family = service.family()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 0
        thread.join(30)
        wait_for(lambda: ended(family))  # the last are those that clean up after the others


def cut_off(url: str) -> None:
    try:
        answer = httpx.get(f"{url}/sparql", params={"query": RUNAWAY}, timeout=60)
    except httpx.TransportError:
        return
    assert answer.status_code >= 500


def test_nothing_outlives_a_service_that_is_killed(data: Path, tmp_path: Path) -> None:
    with served(data, tmp_path / "log", processes=2) as service:
        for _ in range(4):
            httpx.get(f"{service.url}/ready", timeout=60)
        wait_for(lambda: any("worker.py" in command_of(pid) for pid in service.family()))
        family = service.family()
        os.kill(service.process.pid, signal.SIGKILL)
        wait_for(lambda: ended(family))


def test_an_address_that_is_taken(data: Path, tmp_path: Path) -> None:
    with served(data, tmp_path / "log") as service:
        port = service.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "zhengmai", "serve", "--data", str(data), "--port", port],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 2
        assert "cannot listen there" in done.stderr


# -- behind a proxy --------------------------------------------------------------------------------------------------


def test_a_proxy_on_this_machine_tells_who_asks(data: Path, tmp_path: Path) -> None:
    with served(data, tmp_path / "log", rate_per_minute=6, rate_burst=2, log_format="json") as service:

        def ask(forwarded: str | None) -> int:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            return httpx.get(f"{service.url}/questions", headers=headers, timeout=60).status_code

        assert [ask("203.0.113.9") for _ in range(3)] == [200, 200, 429]
        # What the client itself wrote before the proxy's word counts for nothing
        assert ask("198.51.100.1, 203.0.113.9") == 429
        assert ask("203.0.113.10") == 200
        assert {ask(None) for _ in range(5)} == {200}
    with served(data, tmp_path / "log", rate_per_minute=30, rate_burst=2, trusted_proxies="") as service:
        headers = {"X-Forwarded-For": "203.0.113.9"}
        answers = [httpx.get(f"{service.url}/questions", headers=headers, timeout=60) for _ in range(4)]
        assert {one.status_code for one in answers} == {200}, "nobody is believed: it is this machine"
