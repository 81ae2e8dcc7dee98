"""The service as something that is run: settings, ids, lines, figures, limits for each client."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from api.around import logs
from api.around.door import Buckets, Door, client_of
from api.around.waiting import WaitingRoom
from api.settings import Settings, load, table
from graph.errors import BadInput, Busy, ZhengmaiError
from tests.support.loops import completed
from tests.test_cli import refused, run

DOCS = Path(__file__).parent.parent / "docs" / "service.md"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[TestClient]:
    settings = Settings(data=built, query_seconds=1.5, log_query_characters=30)
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


# -- settings --------------------------------------------------------------------------------------------------------


def test_an_option_counts_more_than_a_variable_and_that_more_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "zhengmai.toml"
    file.write_text('data = "store"\nport = 1\nworkers = 3\nquery_seconds = 2.5\n', encoding="utf-8")
    variables = {"ZHENGMAI_CONFIG": str(file), "ZHENGMAI_PORT": "2", "ZHENGMAI_WORKERS": "4"}
    found = load(options={"port": 3, "host": None}, environment=variables)
    assert (found.settings.port, found.settings.workers, found.settings.query_seconds) == (3, 4, 2.5)
    assert found.settings.data == tmp_path / "store", "a path in a file is taken from its folder"
    assert found.origins["port"] == "--port"
    assert found.origins["workers"] == "ZHENGMAI_WORKERS"
    assert found.origins["query_seconds"] == str(file)
    assert found.origins["host"] == "default"


@pytest.mark.parametrize(
    ("text", "variables", "says"),
    [
        ("port = 70000", {}, ["zhengmai.toml: port=70000: ", "65535"]),
        ("prot = 1", {}, ["zhengmai.toml: prot: there is no such setting", "port"]),
        ("port = \nworkers = 2", {}, ["zhengmai.toml: is not TOML", "line 1"]),
        ("", {"ZHENGMAI_LOG_FORMAT": "xml"}, ["ZHENGMAI_LOG_FORMAT=xml: ", "'plain' or 'json'"]),
        ("", {"ZHENGMAI_TRUSTED_PROXIES": "10.0.0.0/8,here"}, ["ZHENGMAI_TRUSTED_PROXIES", "'here'"]),
        ("workers = 0", {"ZHENGMAI_PORT": "x"}, ["zhengmai.toml: workers=0: ", "; ", "ZHENGMAI_PORT=x: "]),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_place_and_what_would(
    tmp_path: Path, text: str, variables: dict[str, str], says: list[str]
) -> None:
    file = tmp_path / "zhengmai.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        load(file, environment=variables)
    for words in says:
        assert words in error.value.message


def test_the_command_prints_the_settings_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "zhengmai.toml"
    file.write_text('trusted_proxies = ["10.0.0.0/8"]\n', encoding="utf-8")
    monkeypatch.setenv("ZHENGMAI_RATE_BURST", "7")
    monkeypatch.setenv("ZHENGMAI_RATE_BRUST", "8")
    done = run("settings", "--config", file)
    assert re.search(rf"^trusted_proxies +=.*# {re.escape(str(file))}$", done.stdout, re.MULTILINE)
    assert re.search(r"^rate_burst += 7  # ZHENGMAI_RATE_BURST$", done.stdout, re.MULTILINE)
    assert "ZHENGMAI_RATE_BRUST: there is no such setting" in done.stderr
    again = tmp_path / "again.toml"
    again.write_text(done.stdout, encoding="utf-8")
    assert tomllib.loads(done.stdout)["rate_burst"] == 7
    assert load(again, environment={}).settings.trusted_proxies == ("10.0.0.0/8",)
    refused(run("serve", "--config", tmp_path / "none.toml"), "none.toml", "cannot be read")


def test_the_documents_list_every_setting() -> None:
    """`zhengmai settings --format markdown` prints what belongs there."""
    text = DOCS.read_text(encoding="utf-8")
    assert text.partition("<!-- settings -->\n")[2].partition("<!-- end -->")[0] == table()


# -- ids and lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "job-7:3"}, "job-7:3"),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, "mine"),
        ({"X-Request-ID": "two\twords"}, None),
        ({"X-Request-ID": "x" * 129}, None),
        ({"traceparent": "rubbish"}, None),
        ({}, None),
    ],
)
def test_a_request_keeps_its_id_or_gets_one(
    client: TestClient, headers: dict[str, str], expected: str | None
) -> None:
    answer = client.get("/nowhere", headers=headers)
    told = answer.headers["x-request-id"]
    assert told == expected if expected else re.fullmatch("[0-9a-f]{16}", told)
    assert answer.json()["request_id"] == told


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(one)["fields"] for one in caplog.records if one.name == logs.ACCESS]


def test_each_request_has_one_line_without_secrets(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/plans/420115-jiangxia-2024", headers={"Authorization": "Bearer s3cret"})
        client.get("/sparql", params={"access_token": "s3cret", "query": "SELECT * { ?long ?query ?text }"})
        client.get("/nowhere%0A%1b[31m")
    plan, query, none = lines(caplog)
    assert (plan["method"], plan["route"], plan["status"]) == ("GET", "/plans/{slug}", 200)
    assert plan["bytes"] > 10_000
    assert plan["milliseconds"] > 0
    assert plan["build"] == client.get("/ready").json()["build"]
    assert query["query"].startswith("access_token=…&query=SELECT")
    assert len(query["query"]) == 31
    assert (none["route"], none["status"], none["path"]) == ("-", 404, "/nowhere%0A%1b[31m")
    assert "s3cret" not in str([plan, query, none])


def test_a_record_is_one_line_in_either_form() -> None:
    record = logging.makeLogRecord({"msg": "request", "name": "x", "levelname": "INFO"})
    record.fields = {"path": "/a", "query": "q=1\n2\x1b[31m", "status": 200, "build": None}
    token = logs.request_id.set("abc")
    try:
        told = json.loads(logs.JsonLines().format(record))
        plain = logs.PlainLines().format(record)
    finally:
        logs.request_id.reset(token)
    assert (told["request_id"], told["status"], told["query"]) == ("abc", 200, "q=1\n2\x1b[31m")
    assert "\n" not in logs.JsonLines().format(record)
    assert plain.endswith(r" info request path=/a query=q=1\n2\x1b[31m status=200 id=abc")


def test_what_nobody_foresaw_is_told_with_its_id_and_logged(
    built: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Settings(data=built))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a defect")

    answer = TestClient(app).get("/broken", headers={"X-Request-ID": "look-here"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "look-here")
    assert "a defect" not in answer.text
    assert "RuntimeError: a defect" in caplog.text
    page = TestClient(app).get("/broken", headers={"X-Request-ID": "look-here", "Accept": "text/html"})
    assert (page.status_code, "look-here" in page.text) == (500, True)


def test_answers_bring_a_policy(client: TestClient) -> None:
    for path in ("/", "/plans", "/openapi.json", "/static/style.css", "/nowhere", "/ns", "/metrics"):
        for accept in ("text/html", "*/*"):
            headers = client.get(path, headers={"Accept": accept}).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "http" not in headers["content-security-policy"], "no other host"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


# -- health and figures ----------------------------------------------------------------------------------------------


def figures(client: TestClient) -> dict[str, float]:
    """The figures by name and labels."""
    found = {}
    for line in client.get("/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def test_figures_count_requests_queries_and_what_was_killed(built: Path) -> None:
    settings = Settings(data=built, query_seconds=0.5)
    with TestClient(create_app(settings)) as client:
        name = client.get("/ready").json()["build"]
        client.get("/plans/420115-jiangxia-2024")
        client.get("/plans/nowhere")
        client.get("/nowhere")
        client.get("/sparql", params={"query": RUNAWAY})
        found = figures(client)
    assert found['zhengmai_requests_total{method="GET",route="/plans/{slug}",status="200"}'] == 1
    assert found['zhengmai_requests_total{method="GET",route="/plans/{slug}",status="404"}'] == 1
    assert found['zhengmai_requests_total{method="GET",route="-",status="404"}'] == 1
    assert found['zhengmai_request_seconds_count{route="/plans/{slug}"}'] == 2
    assert found['zhengmai_queries_total{end="time"}'] == 1
    assert found['zhengmai_queries_total{end="answered"}'] >= 3
    assert found["zhengmai_queries_running"] == found["zhengmai_queries_waiting"] == 0
    assert found["zhengmai_requests_running"] == 1
    assert any(key.startswith(f'zhengmai_build_info{{build="{name}"') for key in found)
    assert found["zhengmai_build_age_seconds"] > 0
    assert found["zhengmai_build_triples"] > 10_000
    assert found["zhengmai_process_memory_bytes"] > 10 << 20


def test_figures_can_be_left_out(built: Path) -> None:
    client = TestClient(create_app(Settings(data=built, metrics=False)))
    assert client.get("/metrics").status_code == 404


def test_it_lives_without_data_but_is_not_ready(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(data=tmp_path))) as client:
        assert client.get("/health").status_code == 200
        told = client.get("/ready")
        assert (told.status_code, told.json()["type"].rpartition("/")[2]) == (503, "no-data")
        assert "zhengmai_build_info" in client.get("/metrics").text


def test_it_is_ready_while_all_query_processes_are_at_work(built: Path) -> None:
    app = create_app(Settings(data=built, workers=1, queries_waiting=0, query_seconds=20))
    stop = threading.Event()

    def fill() -> None:
        while not stop.is_set():
            try:
                app.state.service.engine.run(RUNAWAY)
            except Busy:
                time.sleep(0.01)
            except ZhengmaiError:
                return  # ended with the service

    with TestClient(app) as client:
        assert client.get("/ready").json()["status"] == "ok"
        threads = [threading.Thread(target=fill) for _ in range(5)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 60
        while client.get("/ready").json()["status"] != "busy":
            assert time.monotonic() < end
        stop.set()
    for thread in threads:
        thread.join(30)


# -- spans -----------------------------------------------------------------------------------------------------------


def test_spans_tell_of_requests_and_their_queries(built: Path) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with TestClient(create_app(Settings(data=built), traces=provider)) as client:
        client.get("/ready", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    query, request = kept.get_finished_spans()
    assert request.name == "GET /ready"
    assert request.attributes is not None
    assert (request.attributes["http.route"], request.attributes["http.response.status_code"]) == (
        "/ready",
        200,
    )
    assert f"{request.context.trace_id:032x}" == TRACE
    assert query.name == "query"
    assert query.parent is not None
    assert query.parent.span_id == request.context.span_id


# -- a limit for each client -----------------------------------------------------------------------------------------


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    buckets = Buckets(60, 3, lambda: now[0])
    assert [buckets.wait("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.wait("a") == 1
    assert buckets.wait("b") == 0
    now[0] = 0.5
    assert buckets.wait("a") == 0.5
    now[0] = 1
    assert buckets.wait("a") == 0
    now[0] = 100
    assert [bool(buckets.wait("a")) for _ in range(4)] == [False, False, False, True]


def test_who_waits_before_the_door() -> None:
    now = [0.0]
    door = Door(
        Settings(rate_per_minute=60, rate_burst=10, client_requests=2, held_seconds=3), lambda: now[0]
    )
    assert door.before("a", "/plans") is None
    assert door.before("a", "/health") == 0, "in no hurry"
    for _ in range(6):
        assert door.refusal("a") is None
    assert door.before("a", "/plans") == 0, "after those that ask little"
    assert door.before_refusing("a") == 3
    assert door.before_refusing("b") == 0
    for _ in range(4):
        assert door.refusal("a") is None
    assert door.before("a", "/plans") == 3
    assert door.refusal("a") == ("rate", 60, 1)
    assert door.before("b", "/plans") is None
    for _ in range(2):
        door.enter("b")
    assert door.before("b", "/plans") == 3
    for _ in range(9):
        assert door.before("a", "/health") == 0
    assert door.before("a", "/health") == 3, "never refused, but late"
    assert door.before("b", "/static/style.css") is None
    assert [door.before_reading("c") for _ in range(21)] == [0] * 20 + [3]
    door.leave("b", 403, 0, 5000)
    assert door.before("b", "/plans") == 3, "nine for the refusal and five for the length"
    now[0] = 60
    assert door.before("a", "/plans") is None


@pytest.mark.parametrize("status", [499, 503])
def test_who_asks_again_and_again_in_vain_waits_before_the_next(status: int) -> None:
    now = [0.0]
    door = Door(Settings(held_seconds=3), lambda: now[0])

    def ask(client: str, status: int) -> float | None:
        seconds = door.before(client, "/sparql")
        door.enter(client)
        door.leave(client, status, 0, 0)
        return seconds

    assert [ask("a", status) for _ in range(4)] == [None, None, None, 3]
    assert ask("b", 200) is None
    now[0] = 4
    assert door.before("a", "/plans") == 3
    now[0] = 11
    assert door.before("a", "/plans") is None, "as Retry-After had it, twice: it went on once too often"
    open_door = Door(Settings(rate_per_minute=0))
    for _ in range(9):
        open_door.leave("a", status, 0, 0)
    assert open_door.before("a", "/plans") is None, "where there is no limit there is none"


def test_those_who_wait_go_on_in_turn_and_the_gone_leave_no_gap() -> None:
    went: list[int] = []

    async def wait() -> None:
        room = WaitingRoom(4)
        held = [room.wait(seconds, partial(went.append, at)) for at, seconds in enumerate((0.05, 0, 0, 0))]
        assert room.wait(0, lambda: went.append(9)) is None
        assert went == []
        second = held[2]
        assert second is not None
        second.cancel()
        second.cancel()
        assert room.taken == 3
        while room.taken:
            await asyncio.sleep(0.01)

    completed(wait())
    assert went == [1, 3, 0]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("127.0.0.7", None),
        ("::1", None),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, None),
    ],
)
def test_who_a_client_is(host: str | None, expected: str | None) -> None:
    assert client_of(host) == expected


def test_a_client_that_asks_too_much_is_told_when_to_come_again(built: Path) -> None:
    app = create_app(Settings(data=built, rate_per_minute=30, rate_burst=3))
    client = TestClient(app, client=("203.0.113.9", 1))
    answers = [client.get("/questions") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    told = answers[3].json()
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert (told["type"].rpartition("/")[2], answers[3].headers["retry-after"] in "12") == ("rate", True)
    assert answers[3].headers["x-request-id"] == told["request_id"]
    assert "请求" in client.get("/", headers={"Accept": "text/html"}).text
    assert client.get("/health").status_code == 200
    assert TestClient(app, client=("203.0.113.10", 1)).get("/questions").status_code == 200
    here = TestClient(app, client=("127.0.0.1", 1))
    assert {here.get("/questions").status_code for _ in range(9)} == {200}
