"""The command as people run it: answers on stdout, one clear sentence for bad input, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

PLANS = Path(__file__).parent.parent / "plans"


def run(*args: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """``zhengmai …`` in a process of its own."""
    command = [sys.executable, "-m", "zhengmai", *map(str, args)]
    environment = os.environ | {"LANG": "C.UTF-8", "COLUMNS": "110"}
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", input=stdin, env=environment, check=False
    )


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """Exit code 2, nothing on stdout, one sentence on stderr with these words, and no traceback."""
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 2
    for words in says:
        assert words in done.stderr


@pytest.fixture(scope="session")
def data(built: Path) -> Path:
    return built


@pytest.mark.parametrize(
    "command", ["build", "extract", "check", "query", "ask", "serve", "review", "evaluate"]
)
def test_help_shows_an_example(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Example: " in done.stdout
    assert f"zhengmai {command}" in done.stdout


def test_the_version_is_told() -> None:
    told = run("--version")
    assert told.returncode == 0
    assert re.fullmatch(r"zhengmai \d+\.\d+\.\d+\n", told.stdout)


def test_extract_prints_a_record_and_nothing_else() -> None:
    done = run("extract", PLANS / "360704-ganxian-2024.txt")
    assert done.returncode == 0
    record = json.loads(done.stdout)
    assert (len(record["actions"]), record["plan"]["document_number"]) == (32, "赣区府发〔2024〕2号")
    as_yaml = yaml.safe_load(run("extract", PLANS / "360704-ganxian-2024.txt", "--format", "yaml").stdout)
    assert as_yaml["plan"]["title"] == record["plan"]["title"]
    assert len(as_yaml["targets"]) == len(record["targets"])


def test_a_record_as_yaml_is_a_record_by_hand(tmp_path: Path) -> None:
    """What `extract --format yaml` prints can be put into records/: one schema for both."""
    from graph.record import PlanRecord, load_record

    file = tmp_path / "some-plan.yaml"
    file.write_text(
        run("extract", PLANS / "150300-wuhai-2024.txt", "--format", "yaml").stdout, encoding="utf-8"
    )
    whole = PlanRecord.model_validate_json(run("extract", PLANS / "150300-wuhai-2024.txt").stdout)
    assert load_record(file) == whole


def test_gb18030_is_read(tmp_path: Path) -> None:
    file = tmp_path / "plan.txt"
    file.write_bytes((PLANS / "150300-wuhai-2024.txt").read_text(encoding="utf-8").encode("gb18030"))
    assert json.loads(run("extract", file).stdout)["plan"]["jurisdiction"]["code"] == "150300"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.txt", None, "no such file"),
        ("empty.txt", b" \n", "is empty"),
        ("binary.txt", bytes(range(256)) * 8, "not text"),
        ("plan.pdf", b"%PDF-1.7\n...", "PDF"),
        ("plan.docx", b"PK\x03\x04....", "Word"),
    ],
)
def test_bad_documents(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    refused(run("extract", file), says, name)


def test_a_folder_in_the_place_of_a_document(tmp_path: Path) -> None:
    refused(run("extract", tmp_path), "is a folder")


def test_bad_builds_leave_the_store_as_it_was(tmp_path: Path, data: Path) -> None:
    before = (data / "current").readlink()
    (tmp_path / "empty").mkdir()
    refused(run("build", tmp_path / "empty", "--data", data), "holds no plans")
    refused(run("build", tmp_path / "nowhere", "--data", data), "no such folder")
    (tmp_path / "empty" / "plan.txt").write_bytes(b"\x00\x01\x02" * 500)
    refused(run("build", tmp_path / "empty", "--data", data), "plan.txt", "not text")
    assert (data / "current").readlink() == before


def test_build_again_changes_nothing(data: Path) -> None:
    before = (data / "current").readlink()
    done = run("build", "--data", data)
    assert done.returncode == 0
    assert "Nothing has changed" in done.stderr
    assert "tasks" in done.stdout
    assert (data / "current").readlink() == before


def test_check_tells_findings_in_chinese_and_exits_1(data: Path) -> None:
    done = run("check", "--data", data, "--limit", "5")
    assert done.returncode == 1
    assert "减码" in done.stdout
    assert "赣县区" in done.stdout
    assert done.stdout.count("    编号  ") == 5


def test_check_as_json_is_the_shape_that_is_documented(data: Path) -> None:
    report = json.loads(run("check", "--data", data, "--format", "json").stdout)
    assert {"summary", "findings"} <= report.keys()
    keys = {"id", "rule", "outcome", "severity", "status", "place", "document", "indicator", "year"}
    keys |= {"lower", "upper", "ratio", "reason", "suggestion", "rests_on"}
    for finding in report["findings"]:
        assert keys <= finding.keys()


@pytest.mark.parametrize(
    ("format", "begins"), [("html", "<!doctype html>"), ("turtle", "@prefix"), ("text", "Zhengmai")]
)
def test_check_in_other_forms(data: Path, format: str, begins: str) -> None:
    done = run("check", "--data", data, "--format", format, "--lang", "en")
    assert done.stdout.lower().startswith(begins.lower())


def test_check_of_one_place(data: Path) -> None:
    report = json.loads(run("check", "--data", data, "--format", "json", "--place", "赣县区").stdout)
    assert {finding["place"]["name"] for finding in report["findings"]} == {"赣县区"}
    assert report["summary"]["findings"] == len(report["findings"])
    quiet = run("check", "--data", data, "--place", "天津市")
    assert quiet.returncode == 0
    refused(run("check", "--data", data, "--place", "北京市"), "赣县区")


def test_ask(data: Path) -> None:
    listed = run("ask", "--data", data)
    assert "lead-agencies" in listed.stdout
    done = run("ask", "lead-agencies", "domain=教育", "--data", data)
    assert "区教育局" in done.stdout
    rows = json.loads(
        run("ask", "lead-agencies", "domain=education", "--data", data, "--format", "json").stdout
    )
    assert {row["place"] for row in rows} >= {"江夏区", "伍家岗区", "赣县区", "武清区", "乌海市"}
    table = run("ask", "plans", "--data", data, "--format", "csv", "--lang", "en").stdout
    assert table.startswith("\ufeff")


def test_bad_questions_list_what_there_is(data: Path) -> None:
    refused(run("ask", "who", "--data", data), "lead-agencies")
    refused(run("ask", "lead-agencies", "subject=教育", "--data", data), "domain")
    refused(run("ask", "lead-agencies", "domain=天文", "--data", data), "天文", "education")
    refused(run("ask", "lead-agencies", "教育", "--data", data), "key=value")
    refused(run("ask", "lead-agencies", "--data", data), "domain")
    refused(run("ask", "plans", "--data", data, "--format", "pdf"), "csv")


def test_query(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "count.rq"
    file.write_text(
        "PREFIX zm: <https://w3id.org/zhengmai/ns#> SELECT (COUNT(*) AS ?n) { ?a a zm:Action }",
        encoding="utf-8",
    )
    assert "135" in run("query", file, "--data", data).stdout
    done = run("query", "-", "--data", data, "--format", "csv", stdin=file.read_text(encoding="utf-8"))
    assert done.stdout.split() == ["n", "135"]
    graph = run("query", "-", "--data", data, stdin="CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3")
    assert graph.returncode == 0
    refused(run("query", tmp_path / "none.rq", "--data", data), "no such file")
    refused(run("query", "-", "--data", data, stdin="SELECT * {\n ?s ?p }"), "ine 2", "olumn")
    refused(
        run("query", "-", "--data", data, stdin="SELECT * { SERVICE <http://x/> { ?s ?p ?o } }"), "SERVICE"
    )


def test_a_runaway_query_is_ended(data: Path) -> None:
    cross = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    began = time.monotonic()
    refused(run("query", "-", "--data", data, "--seconds", "1", stdin=cross), "1")
    assert time.monotonic() - began < 20


def test_without_a_build(tmp_path: Path) -> None:
    for command in (["check"], ["ask", "plans"], ["query", "-"], ["serve"]):
        refused(run(*command, "--data", tmp_path / "none", stdin="ASK {}"), "zhengmai build")


@pytest.fixture
def server(data: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "zhengmai", "serve", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{url}/health", timeout=2)
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGINT, 130)


def test_serve_answers_until_stopped(server: str) -> None:
    answer = httpx.get(
        f"{server}/questions/lead-agencies", params={"domain": "教育", "format": "json"}, timeout=20
    )
    assert "区教育局" in answer.text
    assert "政脉" in httpx.get(f"{server}/", timeout=20).text
