"""The service on the real plans: for programs, for browsers, and for those who mean it no good."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.linked.distributions import make
from api.negotiation import best, language
from api.settings import Settings
from graph.errors import BadInput
from queries.catalogue import load_catalogue
from tests.support.answers import BROWSER, problem
from tests.support.questions import EMPTY_ON_THE_PLANS

QUESTIONS = load_catalogue().questions


@pytest.fixture(scope="module")
def settings(built: Path) -> Settings:
    return Settings(data=built, body_kb=64)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as made:
        yield made


def page(client: TestClient, path: str, status: int = 200, **params: str) -> str:
    """A page as a browser gets it, checked for what every page must have."""
    answer = client.get(path, params=params, headers={"Accept": BROWSER})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(
        r'<script (?!type="module" src="/static/built/|type="application/json")', answer.text
    )
    text: str = answer.text
    return text


# -- questions -------------------------------------------------------------------------------------------------------


def test_the_catalogue_tells_all_that_a_program_needs(client: TestClient) -> None:
    notes = client.get("/questions").json()
    assert [one["name"] for one in notes] == [question.name for question in QUESTIONS]
    for one in notes:
        assert "html" in one["formats"]
        answer = client.get(one["path"], params=one["example"])
        if one["answer"] == "table":
            assert (answer.json()["count"] == 0) == (one["name"] in EMPTY_ON_THE_PLANS)
        else:
            assert answer.headers["content-type"] == "text/turtle; charset=utf-8"


def test_an_answer_has_labels_and_rows(client: TestClient) -> None:
    answer = client.get("/questions/lead-agencies", params={"domain": "教育"}).json()
    assert answer["columns"][0] == {"name": "role", "label": "角色", "type": "text"}
    assert answer["count"] == len(answer["rows"])
    assert answer["rows"][0]["role"] == "牵头"
    assert any(row["place"] == "乌海市" and row["agency"] is None for row in answer["rows"])
    english = client.get("/questions/lead-agencies", params={"domain": "education", "lang": "en"}).json()
    assert english["columns"][0] == {"name": "role", "label": "role", "type": "text"}
    assert english["rows"][0]["role"] == "Lead"


def test_the_facts_of_ganxian_stand_in_the_comparison(client: TestClient) -> None:
    params = {"place": "赣县区", "outcome": "减码"}
    rows = client.get("/questions/targets-against-upper", params=params).json()["rows"]
    assert {(row["lower"], row["upper"], row["upperPlace"]) for row in rows} >= {
        (">75%", ">90%", "全国"),
        (">55%", ">75%", "全国"),
    }
    assert all(row["lowerQuote"] and row["upperQuote"] for row in rows)


def test_csv_opens_in_excel(client: TestClient) -> None:
    answer = client.get("/questions/targets-of-plan", params={"plan": "江夏区", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="targets-of-plan.csv"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0]["指标"] == "设备投资规模"
    by_header = client.get(
        "/questions/targets-of-plan", params={"plan": "江夏区"}, headers={"Accept": "text/csv"}
    )
    assert by_header.content == answer.content


def test_unknown_names_and_values_list_what_there_is(client: TestClient) -> None:
    told = problem(client.get("/questions/who-leads"), 404, "not-found")
    assert "lead-agencies" in told["allowed"]
    told = problem(client.get("/questions/lead-agencies", params={"domain": "火星"}), 422, "bad-parameter")
    assert told["parameter"] == "domain"
    assert "education" in told["allowed"]
    told = problem(client.get("/questions/lead-agencies", params={"domian": "教育"}), 422, "bad-parameter")
    assert told["allowed"] == ["domain"]
    problem(client.get("/questions/lead-agencies"), 422, "bad-parameter")
    problem(client.get("/questions/plans", params={"lang": "fr"}), 422, "bad-parameter")
    told = problem(client.get("/questions/plans", params={"format": "docx"}), 406, "format")
    assert told["allowed"] == ["json", "csv", "tsv", "xlsx", "parquet", "html"]
    problem(client.get("/questions/lead-agencies?domain=a&domain=b"), 400, "twice")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_question_has_a_page_with_a_form_and_a_table(client: TestClient, question: Any) -> None:
    empty = page(client, f"/questions/{question.name}", lang="zh")
    assert question.title.zh in empty
    filled = page(client, f"/questions/{question.name}", lang="en", **question.example)
    assert question.title.en in filled
    assert ("<table>" in filled) == (question.is_table and question.name not in EMPTY_ON_THE_PLANS)
    for parameter in question.parameters:
        assert f'name="{parameter.name}"' in empty


def test_a_wrong_value_on_a_page_is_told_beside_the_form(client: TestClient) -> None:
    text = page(client, "/questions/lead-agencies", 422, domain="<b>火星</b>", lang="zh")
    assert "&lt;b&gt;火星&lt;/b&gt;" in text
    assert "<b>火星" not in text
    assert 'role="alert"' in text
    assert "<form" in text


# -- plans and findings ----------------------------------------------------------------------------------------------


def test_plans_go_from_the_nation_to_the_counties(client: TestClient) -> None:
    plans = client.get("/plans").json()
    assert [one["rank"] for one in plans] == sorted(one["rank"] for one in plans)
    assert plans[0]["number"] == "国发〔2024〕7号"
    assert {one["origin"] for one in plans} == {"原文", "手工记录", "仅被引用"}


def test_a_plan_has_counts_line_and_record(client: TestClient) -> None:
    plan = client.get("/plans/420115-jiangxia-2024").json()
    assert plan["counts"]["tasks"] == len(plan["record"]["actions"]) == 25
    assert [one["place"] for one in plan["line"]] == ["江夏区", "武汉市", "湖北省", "全国"]
    assert sum(plan["findings"].values()) > 0
    stub = client.get("/plans/360700-ganzhou-2024").json()
    assert stub["record"] is None


def test_an_unknown_plan_lists_those_that_there_are(client: TestClient) -> None:
    told = problem(client.get("/plans/nowhere"), 404, "not-found")
    assert "420115-jiangxia-2024" in told["allowed"]
    for slug in ("..%2f..%2fbuild", "%2e%2e", "420115-jiangxia-2024%00", "x" * 5000, "<script>"):
        assert client.get(f"/plans/{slug}").status_code == 404


def test_the_page_of_a_plan_shows_tasks_agencies_targets_and_sentences(client: TestClient) -> None:
    text = page(client, "/plans/360704-ganxian-2024", lang="zh")
    for expected in (
        "推进教育领域设备更新改造",
        "区教体局",
        "关键工序数控化率分别超过75%、55%",
        "减码",
        "国发〔2024〕7号",
    ):
        assert expected in text
    assert "没有写明单位" in page(client, "/plans/150300-wuhai-2024", lang="zh")
    assert "尚未与正式文本核对" in page(client, "/plans/420000-hubei-2024", lang="zh")


def test_findings_are_filtered_and_paged(client: TestClient) -> None:
    every = client.get("/findings", params={"limit": 1000}).json()
    assert every["count"] == len(every["findings"]) == every["summary"]["findings"]
    grave = client.get("/findings", params={"severity": "violation", "place": "赣县区"}).json()
    assert {(one["outcome"], one["place"]["code"]) for one in grave["findings"]} == {("lowered", "360704")}
    assert grave == client.get("/findings", params={"severity": "violation", "place": "360704"}).json()
    part = client.get("/findings", params={"limit": 2, "offset": 1}).json()
    assert part["findings"] == every["findings"][1:3]
    softened = client.get("/findings", params={"outcome": "softened"}).json()["findings"]
    assert any(one["place"]["name"] == "乌海市" for one in softened)


def test_a_filter_that_nothing_can_fit_is_an_error(client: TestClient) -> None:
    told = problem(client.get("/findings", params={"place": "火星"}), 422, "bad-parameter")
    assert "360704" in told["allowed"]
    problem(client.get("/findings", params={"outcome": "better"}), 422, "bad-parameter")
    problem(client.get("/findings", params={"severity": "grave"}), 422, "bad-parameter")
    problem(client.get("/findings", params={"limit": "0"}), 422, "bad-parameter")


# -- pages -----------------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Collects what a page links to and loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("method", "post") not in attrs:  # what changes something is no link
            self.found += [value for name, value in attrs if name in ("href", "src", "action") and value]


def test_every_link_from_the_start_page_leads_somewhere_here(client: TestClient, built: Path) -> None:
    make((built / "current").resolve())  # the data files, so that no request has to wait for them
    seen: set[str] = set()
    waiting = ["/?lang=zh"]
    while waiting:
        link = waiting.pop()
        path, _, query = link.partition("#")[0].partition("?")
        format = re.findall(r"format=\w+", query)
        if path.startswith("/id/"):  # one thing of each kind; tests/test_linked.py goes to more
            path = "/".join(path.split("/")[:3])
        if path.startswith("/questions/") and format not in ([], ["format=csv"]):
            path = "/questions/"  # one question in each of the other formats; tests/test_api_questions.py has more
        if (place := path + "".join(format)) in seen:  # one example of each page and format will do
            continue
        seen.add(place)
        answer = client.get(link, headers={"Accept": BROWSER})
        assert answer.status_code == 200, link
        if "text/html" in answer.headers["content-type"]:
            for found in Links(answer.text).found:
                assert found.startswith(("/", "#", "data:,")), f"{link} leads away, to {found}"
                assert not found.startswith("//")
                waiting += [found] if found.startswith("/") else []
    assert {"/openapi.json", "/static/style.css", "/findings", "/questions/plansformat=csv"} <= seen
    assert len(seen) > 40


def test_the_language_stays_from_page_to_page(client: TestClient) -> None:
    english = page(client, "/", lang="en")
    assert '<html lang="en">' in english
    assert 'href="/plans?lang=en"' in english
    assert "?lang=zh" in english, "the way back"
    assert '<html lang="zh-CN">' in page(client, "/")
    by_header = client.get("/", headers={"Accept": BROWSER, "Accept-Language": "en-GB,en;q=0.9,zh;q=0.3"})
    assert '<html lang="en">' in by_header.text


def test_the_sparql_page_shows_answers_and_errors(client: TestClient) -> None:
    assert "<textarea" in page(client, "/sparql", lang="zh")
    assert "<table>" in page(client, "/sparql", query="SELECT * { ?s ?p ?o } LIMIT 3")
    assert "是" in page(client, "/sparql", query="ASK {}", lang="zh")
    assert "<pre" in page(client, "/sparql", query="CONSTRUCT WHERE { ?s ?p ?o } LIMIT 3")
    text = page(client, "/sparql", 400, query="SELECT ?s {</textarea><b>", lang="zh")
    assert "第 1 行" in text
    assert "</textarea><b>" not in text


def test_an_error_is_a_page_for_a_browser(client: TestClient) -> None:
    assert "没有这个地址" in page(client, "/nowhere", 404, lang="zh")
    assert "lead-agencies" in page(client, "/questions/nothing", 404)


def test_the_style_asks_for_nothing_elsewhere(client: TestClient) -> None:
    style = client.get("/static/style.css").text
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


# -- the service itself ----------------------------------------------------------------------------------------------


def test_openapi_shows_every_question_with_its_parameters_and_example(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    for question in QUESTIONS:
        operation = described["paths"][f"/questions/{question.name}"]["get"]
        names = {one["name"]: one for one in operation["parameters"]}
        for parameter in question.parameters:
            assert names[parameter.name]["required"] == parameter.required
        for name, example in question.example.items():
            assert names[name]["example"] == example
    assert {"/sparql", "/plans", "/plans/{slug}", "/findings", "/health", "/questions"} <= set(
        described["paths"]
    )
    assert "Problem" in json.dumps(described["components"])


def test_methods_and_addresses_that_there_are_not(client: TestClient) -> None:
    problem(client.get("/nowhere"), 404, "no-page")
    answer = client.delete("/plans")
    problem(answer, 405, "method")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/plans", "GET, HEAD, POST"),
        ("/plans/420115-jiangxia-2024", "DELETE, GET, HEAD, PUT"),
        ("/plans/preview", "POST"),
        ("/graph/reference", "GET, HEAD"),
        ("/graph/user/notes/2", "DELETE, GET, HEAD, POST, PUT"),
        ("/sparql", "GET, HEAD, POST"),
        ("/static/style.css", "GET, HEAD"),
    ],
)
def test_the_methods_of_an_address_are_told_as_described(client: TestClient, path: str, methods: str) -> None:
    answer = client.options(path)
    problem(answer, 405, "method")
    assert answer.headers["allow"] == methods
    for method in {"GET", "PUT", "PATCH", "DELETE"} - {*methods.split(", ")}:
        answer = client.request(method, path)
        problem(answer, 405, "method")
        assert answer.headers["allow"] == methods
    described = client.get("/openapi.json").json()["paths"]
    for pattern in (path, "/graph/user/{path}" if path.startswith("/graph/user/") else path):
        if pattern in described:
            assert {one.upper() for one in described[pattern]} == {*methods.split(", ")} - {"HEAD"}


def test_without_a_build_it_starts_and_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(data=tmp_path))) as empty:
        assert empty.get("/health").json()["status"] == "ok"
        told = problem(empty.get("/ready"), 503, "no-data")
        assert "zhengmai build" in told["detail"]
        assert empty.get("/ready").headers["retry-after"] == "5"
        problem(empty.get("/sparql", params={"query": "ASK {}"}), 503, "no-data")
        assert "zhengmai build" in page(empty, "/")


def test_a_new_build_is_served_from_the_next_request_on(built: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "builds" / "first", tmp_path / "builds" / "second"
    for folder in (first, second):
        shutil.copytree((built / "current").resolve(), folder)
    link = tmp_path / "current"
    link.symlink_to(first)
    with TestClient(create_app(Settings(data=tmp_path))) as client:
        assert client.get("/ready").json()["build"] == "first"
        (tmp_path / "next").symlink_to(second)
        (tmp_path / "next").rename(link)
        assert client.get("/ready").json()["build"] == "second"
        shutil.rmtree(first)
        assert client.get("/questions/plans").json()["count"] >= 10


def test_settings_come_from_the_environment() -> None:
    found = Settings.from_environment(
        {"ZHENGMAI_DATA": "/srv/data", "ZHENGMAI_QUERY_SECONDS": "3", "HOME": "/"}
    )
    assert (found.data, found.limits.seconds) == (Path("/srv/data"), 3)
    with pytest.raises(BadInput, match=r"ZHENGMAI_PORT=x: "):
        Settings.from_environment({"ZHENGMAI_PORT": "x"})


@pytest.mark.parametrize(
    ("accept", "offers", "wanted"),
    [
        (None, ["a/b", "c/d"], "a/b"),
        ("c/d", ["a/b", "c/d"], "c/d"),
        ("c/*;q=0.5, a/b;q=0.4", ["a/b", "c/d"], "c/d"),
        ("*/*;q=0.1, a/b;q=0", ["a/b", "c/d"], "c/d"),
        ("A/B", ["a/b"], "a/b"),
        ("a/b;q=0", ["a/b"], None),
        ("x/y", ["a/b"], None),
        ("rubbish", ["a/b"], "a/b"),
        ("a/b;level=1;q=0.3, c/d;q=0.2", ["c/d", "a/b"], "a/b"),
    ],
)
def test_the_best_format_is_chosen(accept: str | None, offers: list[str], wanted: str | None) -> None:
    assert best(accept, offers) == wanted


def test_the_language_is_chosen() -> None:
    assert language(None, None) == "zh"
    assert language("en", "zh") == "en"
    assert language(None, "fr, en;q=0.8, zh-Hans;q=0.9") == "zh"
    assert language("fr", "de") == "zh"


def test_no_text_for_users_lacks_a_language() -> None:
    for name in ("api/words.yaml", "queries/words.yaml"):
        text = (Path(__file__).parent.parent / name).read_text(encoding="utf-8")
        assert len(re.findall(r"\bzh: ", text)) == len(re.findall(r"\ben: ", text))
