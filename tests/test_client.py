"""The client against the running service, and what stands in docs/clients.md."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_type_hints

import openpyxl
import pandas as pd
import polars as pl
import pytest
from rdflib import Graph

from api.client import (
    Answer,
    BadParameter,
    ClientError,
    Column,
    LimitExceeded,
    NotFound,
    NotOurs,
    QuerySyntaxError,
    Refused,
    Unavailable,
    Unreachable,
    Zhengmai,
    shapes,
)
from api.client.answers import from_select
from api.reading import entries, findings, plans, questions, search
from shapes.findings import Finding

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "clients.md"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(scope="module")
def zhengmai(live_service: str) -> Iterator[Zhengmai]:
    with Zhengmai(live_service) as made:
        yield made


# -- questions and frames --------------------------------------------------------------------------------------


def test_a_question_gives_typed_rows(zhengmai: Zhengmai) -> None:
    answer = zhengmai.ask("targets-against-upper", place="赣县区", outcome="减码")
    assert answer.title
    assert (answer.count, len(answer)) == (2, 2)
    first = answer[0]
    assert first["indicator"] == "规模以上工业企业数字化研发设计工具普及率"
    assert (first["year"], first["ratio"]) == (2027, 0.8333)
    assert {one.name: one.type for one in answer.columns}["ratio"] == "decimal"
    assert answer.column("outcome") == ["减码", "减码"]
    assert len(answer.evidence) == 2
    with pytest.raises(KeyError, match="outcome"):
        answer.column("nothing")


def test_labels_come_in_the_language_asked_for(live_service: str) -> None:
    with Zhengmai(live_service, lang="en") as english:
        answer = english.ask("targets-against-upper", place="赣县区", outcome="lowered")
        assert {row["outcome"] for row in answer} == {"Lowered"}
        with pytest.raises(BadParameter, match="needs “place”"):
            english.ask("targets-against-upper")


def test_frames_have_the_types_of_the_columns(zhengmai: Zhengmai) -> None:
    answer = zhengmai.ask("targets-of-plan", plan="江夏区")
    types = {one.name: one.type for one in answer.columns}
    assert {"text", "iri", "decimal", "year"} <= set(types.values())
    pandas, polars = answer.to_pandas(), answer.to_polars()
    assert pandas.shape == polars.shape == (answer.count, len(answer.columns))
    expected = {
        "text": ("string", pl.String),
        "iri": ("string", pl.String),
        "decimal": ("Float64", pl.Float64),
    }
    expected |= {
        "year": ("Int64", pl.Int64),
        "integer": ("Int64", pl.Int64),
        "boolean": ("boolean", pl.Boolean),
    }
    for name, kind in types.items():
        if kind != "date":
            assert (str(pandas.dtypes[name]), polars.schema[name]) == expected[kind], name
    assert answer.to_pandas(labels=True).columns.is_unique
    assert len(set(answer.to_polars(labels=True).columns)) == len(answer.columns)


def test_every_question_becomes_a_frame(zhengmai: Zhengmai) -> None:
    for question in zhengmai.questions():
        if question["answer"] == "graph":
            assert len(Graph().parse(data=zhengmai.ask_graph(question["name"], question["example"])))
            continue
        answer = zhengmai.ask(question["name"], question["example"])
        assert list(answer.to_pandas().columns) == list(question["columns"]), question["name"]
        assert answer.to_polars().height == len(answer), question["name"]


def test_the_pages_of_a_question_are_the_whole(zhengmai: Zhengmai) -> None:
    whole = zhengmai.ask("targets-of-plan", plan="江夏区")
    parts = list(zhengmai.pages("targets-of-plan", size=20, plan="江夏区"))
    assert [len(part) for part in parts] == [20, 20, whole.count - 40]
    assert [row for part in parts for row in part] == list(whole)
    assert parts[1].offset == 20


def test_dates_and_truths_have_their_types() -> None:
    columns = (
        Column("day", "日期", "date"),
        Column("held", "收录", "boolean"),
        Column("n", "日期", "integer"),
    )
    rows: tuple[dict[str, Any], ...] = (
        {"day": date(2024, 8, 3), "held": True, "n": 1},
        {"day": None, "held": None, "n": None},
    )
    answer = Answer(columns, rows, 2)
    pandas, polars = answer.to_pandas(), answer.to_polars(labels=True)
    assert pandas["day"][0] == pd.Timestamp(2024, 8, 3)
    assert pandas["day"].isna().tolist() == [False, True]
    assert polars.columns == ["日期 (day)", "收录", "日期 (n)"]
    assert polars.dtypes == [pl.Date, pl.Boolean, pl.Int64]
    assert Answer(columns, (), 0).to_pandas().empty
    assert Answer(columns, (), 0).to_polars().is_empty()


# -- SPARQL ----------------------------------------------------------------------------------------------------


def test_a_select_gives_typed_rows(zhengmai: Zhengmai) -> None:
    answer = zhengmai.select(
        "PREFIX zm: <https://w3id.org/zhengmai/ns#> PREFIX eli: <http://data.europa.eu/eli/ontology#> "
        "PREFIX dcterms: <http://purl.org/dc/terms/> "
        "SELECT ?plan ?title ?day (COUNT(?target) AS ?targets) "
        "{ ?plan a zm:Plan ; dcterms:title ?title . ?target zm:inDocument ?plan ; a zm:Target "
        "OPTIONAL { ?plan eli:date_document ?day } } GROUP BY ?plan ?title ?day ORDER BY DESC(?targets)"
    )
    assert [one.type for one in answer.columns] == ["iri", "text", "date", "integer"]
    assert answer[0]["targets"] == 58
    assert str(answer.to_pandas()["day"].dtype).startswith("datetime64")
    assert answer.to_polars().schema["day"] == pl.Date


def test_the_other_forms_of_a_query(zhengmai: Zhengmai) -> None:
    assert zhengmai.asks("ASK { ?s a <https://w3id.org/zhengmai/ns#Plan> }")
    assert not zhengmai.asks("ASK { ?s a <urn:nothing> }")
    turtle = zhengmai.graph("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 20")
    assert len(Graph().parse(data=turtle, format="turtle")) == 20
    with pytest.raises(ValueError, match="asks"):
        zhengmai.select("ASK {}")
    with pytest.raises(ValueError, match="select"):
        zhengmai.asks("SELECT * {} LIMIT 1")


def test_what_does_not_fit_its_datatype_is_text() -> None:
    def term(value: str, kind: str) -> dict[str, str]:
        return {"type": "literal", "value": value, "datatype": XSD + kind}

    rows = [
        {"a": term("1", "integer"), "b": term("2024-02-30", "date"), "c": term("2024", "gYear")},
        {"a": term("1.5", "decimal"), "b": term("2024-02-28", "date"), "c": term("2027", "gYear")},
    ]
    answer = from_select({"head": {"vars": ["a", "b", "c", "d"]}, "results": {"bindings": rows}})
    assert [one.type for one in answer.columns] == ["decimal", "text", "year", "text"]
    assert answer[1] == {"a": 1.5, "b": "2024-02-28", "c": 2027, "d": None}


# -- the rest --------------------------------------------------------------------------------------------------


def test_plans_records_and_findings(zhengmai: Zhengmai) -> None:
    listed = zhengmai.plans()
    assert len(listed) == 13
    detail = zhengmai.plan("420115-jiangxia-2024")
    record = zhengmai.record("420115-jiangxia-2024")
    assert record is not None
    assert (detail["tasks"], len(record["actions"])) == (25, 25)
    assert zhengmai.record("420500-yichang-2024") is None
    every = list(zhengmai.findings())
    assert list(zhengmai.findings(size=7)) == every
    lowered = list(zhengmai.findings(outcome="lowered", place="赣县区"))
    assert [one["outcome"] for one in lowered] == ["lowered"] * len(lowered)
    assert 0 < len(lowered) < len(every)
    assert zhengmai.health()["status"] == "ok"


def test_search_goes_on_over_its_pages(zhengmai: Zhengmai) -> None:
    page = zhengmai.search("设备", kind=["task", "target"], place="湖北省", limit=5)
    assert len(page["results"]) == 5
    every = list(zhengmai.results("设备", kind=["task", "target"], place="湖北省"))
    assert len(every) == page["count"] > 20
    assert every[:5] == page["results"]
    assert {one["kind"] for one in every} == {"task", "target"}


def test_a_draft_is_checked(zhengmai: Zhengmai) -> None:
    report = zhengmai.check(ROOT / "plans" / "360704-ganxian-2024.txt", status="issued")
    assert any(one["outcome"] == "lowered" for one in report["findings"])


def test_files_come_whole_or_not_at_all(zhengmai: Zhengmai, tmp_path: Path) -> None:
    file = zhengmai.download("findings", tmp_path / "findings.xlsx", format="xlsx")
    assert openpyxl.load_workbook(file).sheetnames
    table = zhengmai.download(
        "/questions/targets-of-plan", tmp_path / "t.parquet", plan="江夏区", format="parquet"
    )
    assert pl.read_parquet(table).height == zhengmai.ask("targets-of-plan", plan="江夏区").count
    with pytest.raises(NotFound):
        zhengmai.download("nothing", tmp_path / "nothing")
    assert {path.name for path in tmp_path.iterdir()} == {"findings.xlsx", "t.parquet"}


@pytest.mark.parametrize(
    ("told", "model"),
    [
        (shapes.Plan, entries.PlanEntry),
        (shapes.PlanDetail, plans.PlanDetail),
        (shapes.Question, questions.QuestionNote),
        (shapes.SearchResult, search.SearchResult),
        (shapes.SearchAnswer, search.SearchAnswer),
    ],
)
def test_the_keys_are_those_of_the_service(told: Any, model: Any) -> None:
    assert set(get_type_hints(told)) == set(model.model_fields)
    assert set(get_type_hints(shapes.Finding)) <= set(Finding.model_fields)
    assert findings.FindingList.model_fields.keys() >= {"count", "findings"}


# -- what goes wrong -------------------------------------------------------------------------------------------


def test_problems_are_exceptions_that_tell_what_to_do(zhengmai: Zhengmai) -> None:
    with pytest.raises(BadParameter) as unfit:
        zhengmai.ask("lead-agencies", domain="教有")
    assert (unfit.value.status, unfit.value.parameter, unfit.value.kind) == (422, "domain", "bad-parameter")
    assert "education" in unfit.value.allowed
    with pytest.raises(NotFound) as missing:
        zhengmai.ask("no/such question")
    assert missing.value.status == 404
    with pytest.raises(NotFound) as unknown:
        zhengmai.plan("nothing")
    assert "420115-jiangxia-2024" in unknown.value.allowed
    with pytest.raises(QuerySyntaxError) as syntax:
        zhengmai.select("SELECT *\n{ ?s ?p }")
    assert syntax.value.line == 2
    with pytest.raises(Refused):
        zhengmai.graph("DELETE WHERE { ?s ?p ?o }")
    with pytest.raises(BadParameter):
        zhengmai.search("！")


def test_a_query_that_takes_too_long_tells_the_limit(zhengmai: Zhengmai) -> None:
    with pytest.raises(LimitExceeded) as caught:
        zhengmai.select("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert (caught.value.unit, caught.value.limit) == ("seconds", 5)


class _Stubborn(BaseHTTPRequestHandler):
    """Busy a few times, then well: what no service of ours can be made to be on the spot."""

    busy = 2
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.path.startswith("/page/"):
            return self._send(200, b"<html>", "text/html")
        if type(self).asked <= self.busy:
            return self._send(503, b'{"type": "problem/busy", "detail": "busy"}', "application/problem+json")
        return self._send(200, b'{"status": "ok"}', "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Retry-After", "0")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: Any) -> None:
        pass


@pytest.fixture
def stubborn() -> Iterator[str]:
    _Stubborn.asked = 0
    server = HTTPServer(("127.0.0.1", 0), _Stubborn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_busy_service_is_asked_again_after_the_time_that_it_says(stubborn: str) -> None:
    with Zhengmai(stubborn, retries=2) as patient:
        assert patient.health() == {"status": "ok"}
    assert _Stubborn.asked == 3
    _Stubborn.asked = 0
    with Zhengmai(stubborn, retries=1) as hasty, pytest.raises(Unavailable, match="busy") as caught:
        hasty.health()
    assert (_Stubborn.asked, caught.value.retry_after) == (2, 0)


def test_what_is_no_service_of_ours_is_said(stubborn: str) -> None:
    with Zhengmai(f"{stubborn}/page") as other, pytest.raises(NotOurs, match="text/html"):
        other.health()


def test_nobody_there_and_no_answer_in_time_are_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Zhengmai(address, timeout=0.2) as client, pytest.raises(Unreachable, match="seconds"):
            client.health()
    with Zhengmai(address, retries=0) as client, pytest.raises(Unreachable) as caught:
        client.health()
    assert isinstance(caught.value, ClientError)
    with pytest.raises(ValueError, match="zh or en"):
        Zhengmai(lang="fr")


# -- the page of the documentation -------------------------------------------------------------------------------


def _examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_python_of_the_page_runs_and_prints_what_it_says(live_service: str, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    blocks = re.findall(
        r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?",
        DOCS.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len(blocks) >= 6
    with contextlib.chdir(tmp_path):
        for code, expected in blocks:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                source = code.replace("http://127.0.0.1:8000", live_service)
                exec(compile(source, "clients.md", "exec"), names)  # noqa: S102 - our own page
            printed = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
            assert not expected or printed.strip() == expected.strip(), code


@pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ, reason="curl is not on this machine"
)
def test_the_curl_of_the_page_runs(live_service: str, tmp_path: Path) -> None:
    commands = [line for block in _examples("sh") for line in block.replace("\\\n", " ").splitlines()]
    commands = [line for line in commands if line.startswith("curl ")]
    assert len(commands) >= 5
    (tmp_path / "draft.txt").write_bytes((ROOT / "plans" / "360704-ganxian-2024.txt").read_bytes())
    for command in commands:
        told = command.replace("http://127.0.0.1:8000", live_service).replace("curl ", "curl --fail ", 1)
        done = subprocess.run(
            ["/bin/sh", "-c", told], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        if done.stdout.lstrip().startswith(("{", "[")):
            json.loads(done.stdout)
    assert (tmp_path / "findings.xlsx").stat().st_size > 10_000
