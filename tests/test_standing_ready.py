"""What `zhengmai serve` has ready before anybody changes something."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from api.writing.tokens import add_token
from graph.build import BuildJob, open_current
from shapes.building import judge_job
from tests.support import writing
from tests.support.server import running
from tests.support.writing import TEXT, ended

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/cmdline").is_file() and not os.environ.get("CI"), reason="reads processes from /proc"
)


def processes(data: Path) -> set[int]:
    """Those that do jobs for a data folder."""
    found = set()
    for told in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = told.read_bytes()
        except OSError:  # it has just ended
            continue
        if b"api.writing.job_worker" in line and f'"{data}"'.encode() in line:
            found.add(int(told.parent.name))
    return found


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_where_somebody_may_write_the_first_change_finds_its_process_ready(tmp_path: Path) -> None:
    data = writing.make(tmp_path)
    token = add_token(data / "tokens.json", "office")
    with running(Settings(data=data), warm=True) as address:
        until(lambda: (data / "ahead").is_dir())  # what all changes read was read before
        ready = processes(data)
        assert len(ready) == 1
        until(lambda: (data / "staged").is_dir())
        copied = (data / "corpus-ahead").stat().st_ino
        files = {"file": ("方案.txt", TEXT.encode())}
        told = httpx.put(
            f"{address}/plans/420502-xiling-2024",
            files=files,
            headers={"Authorization": f"Bearer {token}"},
            timeout=90,
        )
        assert ended(address, told)["state"] == "done"
        assert processes(data) == ready
        assert (data / "corpus").stat().st_ino == copied  # the folder of plans was copied before as well
        assert "420502-xiling-2024" in {one["slug"] for one in httpx.get(f"{address}/plans").json()}
    until(lambda: not processes(data))  # nobody is there who would have another


def test_a_build_by_the_command_is_prepared_for_as_well(tmp_path: Path) -> None:
    data = writing.make(tmp_path)
    add_token(data / "tokens.json", "office")
    with running(Settings(data=data), warm=True):
        until(lambda: (data / "staged").is_dir())
        (tmp_path / "plans" / "420502-xiling-2024.txt").write_text(TEXT, encoding="utf-8")
        with BuildJob(tmp_path / "plans", data) as job:
            judge_job(job)
            job.publish()
        until(lambda: (data / "ahead" / open_current(data).name).is_dir())
        until(lambda: (data / "staged" / "420502-xiling-2024.txt").is_symlink())
        assert (data / "corpus-ahead" / "420502-xiling-2024.txt").read_text(encoding="utf-8") == TEXT


def test_two_services_on_a_folder_have_one_process_between_them(tmp_path: Path) -> None:
    data = writing.make(tmp_path)
    add_token(data / "tokens.json", "office")
    settings = Settings(data=data)
    with running(settings, warm=True):
        until(lambda: (data / "ahead").is_dir())
        ready = processes(data)
        with running(settings, warm=True):
            until(lambda: processes(data) == ready)
    until(lambda: not processes(data))


def test_where_nobody_may_write_nothing_is_started_and_nothing_written(tmp_path: Path) -> None:
    data = writing.make(tmp_path)
    before = sorted(data.rglob("*"))
    with running(Settings(data=data), warm=True) as address:
        assert httpx.get(f"{address}/plans", timeout=30).status_code == 200
        assert processes(data) == set()
    assert sorted(data.rglob("*")) == before
