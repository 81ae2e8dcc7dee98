"""Writing through a real server: plans looked at, added, replaced, removed; jobs; waivers; and what goes wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.settings import Settings
from api.writing.jobs import Jobs
from api.writing.tokens import add_token
from graph import ahead, seeding, staging, trail
from graph.build import HASHES, open_current
from tests.support import writing
from tests.support.answers import problem
from tests.support.server import running
from tests.support.writing import TEXT, ended

SLUG = "420502-xiling-2024"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writing.make(tmp_path_factory.mktemp("writing"))


@pytest.fixture(scope="module")
def token(data: Path) -> str:
    return add_token(data / "tokens.json", "office")


@pytest.fixture(scope="module")
def address(data: Path, token: str) -> Iterator[str]:
    settings = Settings(data=data, draft_mb=1, jobs_waiting=3)
    with running(settings) as told:
        yield told


@pytest.fixture(scope="module")
def writer(address: str, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, headers=headers, timeout=90) as client:
        yield client


def stranger(method: str, url: str, **more: Any) -> httpx.Response:
    """A request without a token; a machine under load takes its time."""
    return httpx.request(method, url, **{"timeout": 90, **more})


get, post, put, delete = (partial(stranger, method) for method in ("GET", "POST", "PUT", "DELETE"))


def sent(text: str | bytes = TEXT, name: str = "方案.txt", **fields: str) -> dict[str, Any]:
    body = text.encode() if isinstance(text, str) else text
    return {"files": {"file": (name, body)}, "data": fields}


def state(data: Path) -> tuple[str, list[str]]:
    return open_current(data).name, sorted(str(path.relative_to(data)) for path in data.glob("jobs/*/body"))


def _files(data: Path) -> list[Path]:
    """All files, but for what is made while there is nothing to do."""
    meanwhile = {ahead.FOLDER, seeding.FOLDER, staging.FOLDER, HASHES}
    return sorted(path for path in data.rglob("*") if meanwhile.isdisjoint(path.parts))


def test_a_preview_keeps_nothing(address: str, data: Path) -> None:
    before = _files(data)
    told = post(f"{address}/plans/preview", **sent(name="../../420502-xiling-2024.txt"), timeout=60).json()
    assert (told["slug"], told["known"], told["form"], told["code"]) == (SLUG, False, "txt", "420502")
    assert told["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert (told["counts"]["tasks"], told["counts"]["targets"]) == (1, 1)
    assert told["figures"] == {"all": 1, "targets": 1, "cited": 0}
    assert told["record"]["actions"][0]["assignments"][0]["agency"] == "区科技经信局"
    nowhere = TEXT.replace("西陵区", "某地")
    told = post(f"{address}/plans/preview", **sent(nowhere)).json()
    assert told["code"] is None
    assert _files(data) == before


def test_writing_needs_a_token_that_is_good_for_it(address: str, data: Path) -> None:
    before = state(data)
    problem(put(f"{address}/plans/{SLUG}", **sent()), 401, "token-missing")
    waivers = {"Authorization": f"Bearer {add_token(data / 'tokens.json', 'waiver', ['waivers'])}"}
    problem(put(f"{address}/plans/{SLUG}", **sent(), headers=waivers), 403, "token-scope")
    problem(delete(f"{address}/plans/150300-wuhai-2024", headers=waivers), 403, "token-scope")
    problem(post(f"{address}/builds"), 401, "token-missing")
    assert state(data) == before


def test_a_plan_is_added_replaced_and_removed(address: str, writer: httpx.Client, data: Path) -> None:
    answer = writer.post("/plans", **sent(name=f"{SLUG}.txt", source="https://example.org/plan"))
    with httpx.stream("GET", f"{address}{answer.headers['location']}/events", timeout=90) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line.startswith(("event:", "data:"))]
    assert lines[-2] == "event: end"
    job = json.loads(lines[-1].removeprefix("data: "))
    assert (job["state"], job["kind"], job["result"]["kind"]) == ("done", "put-plan", "add"), job
    assert [step["name"] for step in job["steps"]] == [
        "reading",
        "comparing",
        "judging",
        "publishing",
    ]
    assert "agent" not in job
    page = get(f"{address}/plans/{SLUG}").json()
    assert (page["title"], page["targets"]) == (TEXT.splitlines()[0], 1)
    assert page["record"]["source"] == "https://example.org/plan"
    problem(writer.post("/plans", **sent(name=f"{SLUG}.txt")), 409, "exists")
    problem(writer.post("/plans", **sent(name="preview.txt")), 422, "bad-parameter")
    problem(writer.put("/plans/preview", **sent()), 405, "method")

    text = TEXT.replace("20%", "22%")
    job = ended(
        address, writer.put(f"/plans/{SLUG}", **sent(text, number="西政发〔2024〕3号", date="2024-06-01"))
    )
    assert job["result"]["kind"] == "replace", job
    page = get(f"{address}/plans/{SLUG}").json()
    assert (page["number"], page["date"]) == ("西政发〔2024〕3号", "2024-06-01")
    assert page["record"]["source"] == "https://example.org/plan"
    job = ended(address, writer.put(f"/plans/{SLUG}", **sent(text)))
    assert job["result"]["kind"] == "unchanged"
    writing.whole(data)

    asked = get(f"{address}/questions/changes", params={"lang": "en"}).json()
    assert [(row["kind"], row["agent"], row["document"]) for row in asked["rows"]] == [
        ("replaced", "office", SLUG),
        ("added", "office", SLUG),
    ]
    assert asked["rows"][1]["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()

    job = ended(address, writer.delete(f"/plans/{SLUG}"))
    assert job["state"] == "done", job
    assert get(f"{address}/plans/{SLUG}").status_code == 404
    problem(writer.delete(f"/plans/{SLUG}"), 404, "not-found")
    asked = get(f"{address}/questions/changes", params={"lang": "zh"}).json()
    assert [row["kind"] for row in asked["rows"]] == ["删除", "替换", "新增"]
    writing.whole(data)
    assert not list(data.glob("jobs/*/body"))


def test_what_does_not_fit_is_told_and_nothing_is_kept(writer: httpx.Client, data: Path) -> None:
    before = state(data)
    assert problem(writer.put(f"/plans/{SLUG}", **sent(TEXT.replace("西陵区", ""))), 422, "bad-parameter")[
        "parameter"
    ] == ("place")
    assert problem(
        writer.put(f"/plans/{SLUG}", **sent(TEXT.replace("西陵区", "鼓楼区"))), 422, "bad-parameter"
    )["allowed"]
    for name, value in {
        "place": "火星",
        "status": "final",
        "date": "yesterday",
        "number": "12号",
        "source": "x" * 501,
        "colour": "red",
    }.items():
        told = problem(writer.put(f"/plans/{SLUG}", **sent(**{name: value})), 422, "bad-parameter")
        assert told["parameter"] == name
    for slug in ("..%2Fx", "%2e%2e", "a%00b", "x" * 101, "a%2Fb", "-x", ".x", "a.b"):
        assert writer.put(f"/plans/{slug}", **sent()).status_code in (400, 404), slug
        assert writer.delete(f"/plans/{slug}").status_code in (400, 404, 405), slug
    problem(writer.put(f"/plans/{SLUG}", content=b"x"), 415, "content-type")
    problem(writer.put(f"/plans/{SLUG}", **sent(b"\x89PNG\r\n\x1a\n" + b"\0" * 99)), 400, "bad-input")
    assert state(data) == before
    assert not (data / "corpus" / f"{SLUG}.txt").exists()


def test_a_finding_is_waived_and_that_is_seen_at_once(address: str, writer: httpx.Client, data: Path) -> None:
    found = get(f"{address}/findings").json()["findings"]
    first, second = [one["id"] for one in found if one["status"] == "open"][:2]
    body = {"reason": "已商定", "expires": "2099-01-01"}
    problem(post(f"{address}/findings/{first}/waiver", json=body), 401, "token-missing")
    problem(writer.post("/findings/none/waiver", json=body), 404, "not-found")
    for wrong in (
        {"reason": "x"},
        {**body, "expires": "2000-01-01"},
        {**body, "reason": " "},
        {**body, "x": 1},
    ):
        problem(writer.post(f"/findings/{first}/waiver", json=wrong), 422, "bad-parameter")
    problem(
        writer.post(f"/findings/{first}/waiver", content=b"[]", headers={"Content-Type": "application/json"}),
        400,
        "bad-input",
    )
    answer = writer.post(f"/findings/{first}/waiver", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["waiver"]["author"] == "office"
    # A form of a page brings the token in a field.
    form = {**body, "token": writer.headers["authorization"].partition(" ")[2]}
    browser = {"Accept": "text/html"}
    back = post(f"{address}/findings/{second}/waiver", data=form, headers=browser)
    assert back.status_code == 303
    assert back.headers["location"].startswith(f"/findings?waived={second}")
    now = {one["id"]: one["status"] for one in get(f"{address}/findings").json()["findings"]}
    assert (now[first], now[second]) == ("waived", "waived")
    assert [one.kind for one in trail.read_trail(data)][-2:] == ["waive", "waive"]
    writing.whole(data)


def test_jobs_that_follow_each_other_are_done_by_one_process(
    address: str, writer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Jobs] = []
    start = Jobs.start_worker

    def noted(jobs: Jobs) -> None:
        started.append(jobs)
        start(jobs)

    monkeypatch.setattr(Jobs, "start_worker", noted)
    for value in (31, 32, 33):
        job = ended(address, writer.put(f"/plans/{SLUG}", **sent(TEXT.replace("20%", f"{value}%"))))
        assert job["state"] == "done"
    assert len(started) <= 1  # none where one stayed from the test before
    ended(address, writer.delete(f"/plans/{SLUG}"))


def test_files_changed_by_hand_are_built_by_a_job(address: str, writer: httpx.Client, data: Path) -> None:
    ended(address, writer.put(f"/plans/{SLUG}", **sent()))
    text = TEXT.replace("工作方案", "实施方案")
    (data / "corpus" / f"{SLUG}.txt").write_text(text, encoding="utf-8")
    job = ended(address, writer.post("/builds"))
    assert job["state"] == "done", job
    assert get(f"{address}/plans/{SLUG}").json()["title"] == text.splitlines()[0]
    catalog = data / "corpus" / "catalog.yaml"
    before = catalog.read_text(encoding="utf-8")
    catalog.write_text("documents: [", encoding="utf-8")
    job = ended(address, writer.post("/builds"))
    assert (job["state"], job["problem"]["status"]) == ("failed", 400)
    assert "YAML" in job["problem"]["detail"]
    assert get(f"{address}/plans/{SLUG}").status_code == 200
    catalog.write_text(before, encoding="utf-8")
    writing.whole(data)


def test_a_draft_is_checked_as_a_job_in_memory(address: str, data: Path) -> None:
    before = _files(data)
    answer = post(f"{address}/drafts?wait=false", **sent())
    job = ended(address, answer)
    assert (job["state"], [step["name"] for step in job["steps"]]) == ("done", ["reading", "checking"]), job
    report = get(address + job["result"]["report"]).json()
    assert {one["document"] for one in report["findings"]} == {"draft-方案"}
    assert get(address + job["result"]["report"], params={"format": "docx"}).content.startswith(b"PK")
    failed = ended(address, post(f"{address}/drafts?wait=false", **sent("无题\n")))
    assert (failed["state"], failed["problem"]["parameter"]) == ("failed", "jurisdiction")
    problem(get(f"{address}/jobs/{failed['id']}/report"), 404, "job")
    assert _files(data) == before


def test_jobs_that_there_are_not(address: str) -> None:
    for name in ("none", "draft-none", "%2e%2e", "a%00b"):
        assert get(f"{address}/jobs/{name}").status_code == 404
        assert get(f"{address}/jobs/{name}/events").status_code == 404
