"""The same on every store: embedded, `oxigraph serve`, Virtuoso. Each is started once, with the real corpus put in."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from graph import remote_publishing, sealing
from graph.build import open_current
from graph.errors import QueryRefused, QuerySyntaxError, StoreError
from graph.reading import source_of
from graph.remote_publishing import publish, read_manifest
from graph.remote_store import Connection, RemoteStore
from graph.store_address import StoreAddress, discover
from graph.stores import Store, open_store
from ontology import terms
from queries.asking import Asker
from queries.catalogue import load_catalogue
from queries.engine import Limits, QueryEngine
from queries.formats import FORMATS, Format
from queries.rdf import read_ntriples
from queries.remote_engine import RemoteEngine
from queries.tables import Table
from shapes.drafts import check_draft
from shapes.judging import judge_store
from shapes.lines import Texts
from tests.support.equal import findings
from tests.support.stores import oxigraph, virtuoso

JIANGXIA = "https://w3id.org/zhengmai/graph/document/420115-jiangxia-2024"
DRAFT = """西陵区推动大规模设备更新和消费品以旧换新工作方案（征求意见稿）

一、主要目标
到2027年，设备投资规模较2023年增长20%以上。
二、重点任务
（一）推进工业设备更新。支持企业更新机床。（牵头单位：区科技经信局；责任单位：区发改局）
"""


@dataclass
class Here:
    """A store with the real corpus in it."""

    name: str
    build: Path
    data: Path
    address: StoreAddress | None = None
    engines: list[QueryEngine] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        assert self.address is not None
        return Connection(discover(self.address))

    @property
    def store(self) -> Store:
        return open_store(self.build / "store") if self.address is None else RemoteStore(self.connection)

    def engine(self) -> QueryEngine:
        limits = Limits(seconds=60)
        if self.address is None:
            return QueryEngine(self.build / "store", limits=limits)
        return RemoteEngine(self.connection, build=self.build.name, limits=limits)

    @property
    def settings(self) -> Settings:
        if self.address is None:
            return Settings(data=self.data, query_seconds=60)
        password = self.address.password
        return Settings.model_validate(
            {
                "data": self.data,
                "query_seconds": 60,
                "store": self.address.base,
                "store_user": self.address.user,
                "store_password": password,
                "store_seconds": 60,
            }
        )


@pytest.fixture(scope="module", params=["embedded", "oxigraph", "virtuoso"])
def here(
    request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Here]:
    build = open_current(built)
    if request.param == "embedded":
        yield Here("embedded", build, built)
        return
    start = {"oxigraph": oxigraph, "virtuoso": virtuoso}[request.param]
    with start(tmp_path_factory.mktemp(request.param) / "db") as address:
        made = Here(request.param, build, built, address)
        done = publish(build, made.connection)
        assert done.loaded == len(open_store(build / "store").graphs())
        yield made


@pytest.fixture(scope="module")
def engine(here: Here) -> Iterator[QueryEngine]:
    with here.engine() as made:
        yield made


@pytest.fixture(scope="module")
def reference(built: Path) -> Iterator[QueryEngine]:
    with QueryEngine(open_current(built) / "store", limits=Limits(seconds=60)) as made:
        yield made


@pytest.fixture(scope="module")
def client(here: Here) -> Iterator[TestClient]:
    with TestClient(create_app(here.settings)) as made:
        yield made


@pytest.fixture(scope="module")
def plain(built: Path) -> Iterator[TestClient]:
    """The service on the embedded store."""
    with TestClient(create_app(Settings(data=built, query_seconds=60))) as made:
        yield made


def told(table: Table) -> list[list[str]]:
    """The rows in their order; the order within a list in one cell is no engine's duty."""
    return [["、".join(sorted(re.split("[、；：]", text))) for text in row] for row in table.texts()]


# -- questions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [question.name for question in load_catalogue().questions])
def test_a_question_has_the_same_answer(
    here: Here, engine: QueryEngine, reference: QueryEngine, name: str
) -> None:
    question = load_catalogue().question(name)
    values = dict(question.example)
    if here.name in question.not_on:  # it would answer wrongly, or never
        with pytest.raises(QueryRefused, match=here.name):
            Asker(engine).ask(name, values)
        page = (Path(__file__).parents[2] / "docs" / "stores.md").read_text(encoding="utf-8")
        assert f"`{name}`" in page
        return
    if not question.is_table:
        triples = Asker(engine).graph(name, values).triples
        assert triples == Asker(reference).graph(name, values).triples
        return
    found, wanted = (told(Asker(one).ask(name, values).table) for one in (engine, reference))
    if here.name == "virtuoso":  # it orders what a query computed in a way of its own
        found, wanted = sorted(found), sorted(wanted)
    assert found == wanted


# For each type of parameter something of which the corpus holds some, and not all
SOME: dict[str, str] = {
    "agency": "江夏区发展改革局",
    "agency-function": "商务",
    "division": "420000",
    "domain": "消费品以旧换新",
    "indicator": "digital-design-tool-adoption",
    "level": "county",
    "outcome": "减码",
    "plan": "420115-jiangxia-2024",
    "string": "设备",
    "year": "2027",
}
NARROWED = [
    (question.name, one.name)
    for question in load_catalogue().questions
    for one in question.parameters
    if not one.required and question.is_table
]


@pytest.mark.parametrize(("name", "parameter"), NARROWED)
def test_a_question_that_is_narrowed_has_the_same_answer(
    here: Here, engine: QueryEngine, reference: QueryEngine, name: str, parameter: str
) -> None:
    question = load_catalogue().question(name)
    if here.name in question.not_on:
        return  # it is not asked at all: the test above
    [kind] = [one.type for one in question.parameters if one.name == parameter]
    values = {one.name: question.example[one.name] for one in question.parameters if one.required}
    values[parameter] = SOME[kind]
    found, wanted = (told(Asker(one).ask(name, values).table) for one in (engine, reference))
    assert sorted(found) == sorted(wanted)


def test_a_part_of_an_answer_tells_how_many_rows_there_are(engine: QueryEngine) -> None:
    reply = Asker(engine).ask("agencies-by-tasks", {}, limit=10, offset=20)
    assert (len(reply.table), reply.total) == (10, 105)


# -- forms and formats -------------------------------------------------------------------------------------------

ROWS = f"SELECT ?p (COUNT(*) AS ?n) {{ GRAPH <{JIANGXIA}> {{ ?s ?p ?o }} }} GROUP BY ?p ORDER BY ?p"
GRAPH = f"CONSTRUCT {{ ?s a ?o }} WHERE {{ GRAPH <{JIANGXIA}> {{ ?s a ?o }} }}"


@pytest.mark.parametrize("form", [one for one in FORMATS if one.kind == "rows"], ids=lambda one: one.name)
def test_rows_are_the_same_in_each_format(
    here: Here, engine: QueryEngine, reference: QueryEngine, form: Format
) -> None:
    assert engine.run(ROWS, form.media_types[0]).body == reference.run(ROWS, form.media_types[0]).body


@pytest.mark.parametrize("form", [one for one in FORMATS if one.kind == "graph"], ids=lambda one: one.name)
def test_graphs_are_the_same_in_each_format(
    here: Here, engine: QueryEngine, reference: QueryEngine, form: Format
) -> None:
    def triples(one: QueryEngine) -> set[str]:
        body = one.run(GRAPH, form.media_types[0]).body
        return {str(quad.triple) for quad in ox.parse(body, format=ox.RdfFormat.from_media_type(form.writer))}

    assert triples(engine) == triples(reference)


@pytest.mark.parametrize(
    ("text", "truth"), [("ASK { ?s ?p ?o }", True), ("ASK { <urn:a> <urn:b> ?o }", False)]
)
def test_ask_is_true_or_false(engine: QueryEngine, text: str, truth: bool) -> None:
    assert json.loads(engine.run(text).body)["boolean"] is truth


def test_describe_tells_of_a_thing(engine: QueryEngine) -> None:
    body = engine.run("DESCRIBE <https://w3id.org/zhengmai/id/document/420115-jiangxia-2024>").body
    assert "江夏区".encode() in body


# -- graphs ------------------------------------------------------------------------------------------------------


def test_each_graph_holds_as_much_as_was_put_in(here: Here, built: Path) -> None:
    source = open_store(open_current(built) / "store")
    store = here.store
    assert source.graphs() == store.graphs()
    for graph in (JIANGXIA, str(terms.GRAPH_INFERRED)):
        assert read_ntriples(store.dump(graph)) == read_ntriples(source.dump(graph))


def test_the_default_graph_is_the_union(engine: QueryEngine) -> None:
    assert json.loads(engine.run("ASK { ?plan a <https://w3id.org/zhengmai/ns#Plan> }").body)["boolean"]


@pytest.mark.parametrize("by", ["FROM", "parameter"])
def test_a_dataset_that_is_named_is_the_only_one(
    engine: QueryEngine, reference: QueryEngine, by: str
) -> None:
    text = f"SELECT (COUNT(*) AS ?n) {f'FROM <{JIANGXIA}>' if by == 'FROM' else ''} {{ ?s ?p ?o }}"
    graphs = [JIANGXIA] if by == "parameter" else []
    found = engine.table(text, default_graphs=graphs).texts()
    assert found == reference.table(text, default_graphs=graphs).texts()


HUBEI = "<https://w3id.org/zhengmai/id/division/420000>"


@pytest.mark.parametrize(
    "where",
    [
        f"?d zm:withinDivision* {HUBEI} . ?x zm:jurisdiction ?d",
        f"VALUES ?w {{ {HUBEI} }} ?d zm:withinDivision* ?w . ?x zm:jurisdiction ?d",
        f"BIND({HUBEI} AS ?w) ?x zm:jurisdiction ?d . ?d zm:withinDivision+ ?w",
        f"?x zm:jurisdiction ?d . ?d zm:withinDivision* ?w FILTER({HUBEI} = ?w)",
        f"?x zm:jurisdiction/zm:withinDivision* {HUBEI} ; a zm:Plan",
        f"?x a zm:Plan ; zm:jurisdiction/zm:withinDivision* {HUBEI} ; zm:status ?s",
        "?x zm:jurisdiction ?d . ?d zm:withinDivision* ?w . ?w <http://www.w3.org/2004/02/skos/core#notation> '420000'",
    ],
)
def test_a_path_of_any_length_with_both_ends_bound_finds_all(
    engine: QueryEngine, reference: QueryEngine, where: str
) -> None:
    text = f"PREFIX zm: <https://w3id.org/zhengmai/ns#> SELECT DISTINCT ?x {{ {where} }} ORDER BY ?x"
    wanted = reference.table(text).texts()
    assert len(wanted) > 2
    assert engine.table(text).texts() == wanted


def test_what_is_said_of_a_thing_is_looked_up(here: Here, built: Path) -> None:
    source = open_store(open_current(built) / "store")
    division = "https://w3id.org/zhengmai/id/division/420115"
    assert set(here.store.about(division)) == set(source.about(division))


def test_texts_in_chinese_are_joined(engine: QueryEngine) -> None:
    text = """SELECT (CONCAT("甲、", ?name) AS ?joined) (IF(?name = "江夏区"@zh, "是", "否") AS ?is) {
      VALUES ?one { <https://w3id.org/zhengmai/id/division/420115> }
      ?one <http://www.w3.org/2004/02/skos/core#prefLabel> ?name
    }"""
    assert engine.table(text).texts() == [["甲、江夏区", "是"]]


# -- refusals ----------------------------------------------------------------------------------------------------


def test_what_is_no_query_is_told_with_its_line(engine: QueryEngine) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        engine.run("SELECT *\nWHERE { ?s ?p ?o . . . }")
    assert caught.value.line == 2


@pytest.mark.parametrize("text", ["DROP ALL", "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }"])
def test_updates_and_calls_are_refused(engine: QueryEngine, text: str) -> None:
    with pytest.raises(QueryRefused):
        engine.run(text)


# -- judging -----------------------------------------------------------------------------------------------------


def test_the_findings_are_the_same(here: Here, tmp_path: Path) -> None:
    judge_store(here.store, tmp_path, texts=Texts(here.build / "texts"))
    assert findings(tmp_path) == findings(here.build)


def test_a_draft_is_judged_the_same(here: Here) -> None:
    source = source_of(DRAFT.encode(), "draft.txt")
    day = date(2024, 7, 1)
    found = check_draft(source, here.build, today=day, store=here.store)
    assert found == check_draft(source, here.build, today=day)
    assert found.findings


# -- the service -------------------------------------------------------------------------------------------------

OTHER_CELLS = frozenset({("virtuoso", "/agencies"), ("virtuoso", "/questions/lead-agencies?domain=教育")})
"""Pages on which Virtuoso picks others among equals, or puts them in another order."""
PAGES = (
    "/",
    "/plans/420115-jiangxia-2024",
    "/findings",
    "/questions/lead-agencies?domain=教育",
    "/id/document/420115-jiangxia-2024",
    "/agencies",
    "/search?q=电梯",
    "/matrix",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_the_same(here: Here, client: TestClient, plain: TestClient, page: str) -> None:
    headers = {"Accept": "text/html"}
    found, wanted = (one.get(page, headers=headers) for one in (client, plain))
    assert found.status_code == wanted.status_code == 200
    if (here.name, page) in OTHER_CELLS:
        assert "区教育局" in found.text
        return
    assert _shown(found.text) == _shown(wanted.text)


def _shown(page: str) -> list[str]:
    """The words of a page; parts of the same page may come in another order from another index."""
    text = re.sub(r"<script.*?</script>|<[^>]+>", "\n", page, flags=re.DOTALL)
    return sorted(line.strip() for line in text.splitlines() if line.strip())


def test_the_endpoint_answers_by_the_protocol(client: TestClient, plain: TestClient) -> None:
    found, wanted = (one.get("/sparql", params={"query": ROWS}).json() for one in (client, plain))
    assert found == wanted


def test_the_service_is_ready(client: TestClient) -> None:
    assert client.get("/ready").status_code == 200


def test_a_graph_that_is_not_there_is_not_given(client: TestClient) -> None:
    for iri, status in ((JIANGXIA, 200), (JIANGXIA + "-nowhere", 404)):
        asked = {"format": "ntriples"}
        assert client.get(f"/graph/{iri.partition('/graph/')[2]}", params=asked).status_code == status
        assert client.get("/rdf-graph-store", params={"graph": iri, **asked}).status_code == status


# -- the command line --------------------------------------------------------------------------------------------


@contextmanager
def variables(here: Here, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if here.address is not None:
        monkeypatch.setenv("ZHENGMAI_STORE", here.address.base)
        monkeypatch.setenv("ZHENGMAI_STORE_SECONDS", "60")
        if here.address.user and here.address.password:
            monkeypatch.setenv("ZHENGMAI_STORE_USER", here.address.user)
            monkeypatch.setenv("ZHENGMAI_STORE_PASSWORD", here.address.password)
    yield


def run(here: Here, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhengmai", *arguments, "--data", str(here.data)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)


def test_ask_prints_the_answer(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with variables(here, monkeypatch):
        done = run(here, "ask", "lead-agencies", "domain=教育", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert "区教育局" in done.stdout


def test_check_prints_the_findings(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with variables(here, monkeypatch):
        done = run(here, "check", "--format", "json")
    assert done.returncode == 1, done.stderr
    assert len(json.loads(done.stdout)["findings"]) > 100


def test_query_prints_the_answer(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with variables(here, monkeypatch):
        done = run(here, "query", "-", "--format", "csv", text=ROWS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("p,n")


# -- publishing --------------------------------------------------------------------------------------------------


@pytest.fixture
def remote(here: Here) -> Iterator[Here]:
    """The same, for what an embedded store has no part in; whole again afterwards."""
    if here.address is not None:
        publish(here.build, here.connection)
    yield here
    if here.address is not None:
        publish(here.build, here.connection)


@pytest.fixture
def changed(here: Here, tmp_path: Path) -> Path:
    """The same build, but for one graph that has a triple more and one that is gone."""
    folder = tmp_path / "builds" / "20990101T000000000-changed0"
    shutil.copytree(here.build, folder)
    store = ox.Store(str(folder / "store"))
    more = ox.Quad(ox.NamedNode("urn:a"), ox.NamedNode("urn:b"), ox.Literal("多"), ox.NamedNode(JIANGXIA))
    store.add(more)
    store.remove_graph(ox.NamedNode("https://w3id.org/zhengmai/graph/document/150300-wuhai-2024"))
    store.flush()
    del store
    sealing.seal(folder)
    return folder


def test_what_is_there_is_not_put_in_again(remote: Here) -> None:
    if remote.address is None:
        assert open_store(remote.build / "store").graphs() == remote.store.graphs()
        return
    done = publish(remote.build, remote.connection)
    assert (done.loaded, done.removed, done.triples) == (0, 0, 0)
    manifest = read_manifest(remote.connection, graphs=True)
    assert manifest is not None
    assert (manifest.state, manifest.build) == ("ready", remote.build.name)
    assert sorted(manifest.graphs) == open_store(remote.build / "store").graphs()


def test_another_build_changes_its_graphs_alone(remote: Here, changed: Path, engine: QueryEngine) -> None:
    if remote.address is None:
        assert open_store(changed / "store").ask("ASK { <urn:a> <urn:b> ?o }")
        return
    done = publish(changed, remote.connection)
    assert (done.loaded, done.removed) == (1, 1)
    with pytest.raises(StoreError, match="holds build 20990101T000000000-changed0"):
        engine.run("ASK { ?s ?p ?o }")
    with RemoteEngine(remote.connection, build=changed.name) as other:
        assert json.loads(other.run("ASK { <urn:a> <urn:b> ?o }").body)["boolean"] is True
    again = publish(remote.build, remote.connection)
    assert (again.loaded, again.removed) == (2, 0)
    assert json.loads(engine.run("ASK { <urn:a> <urn:b> ?o }").body)["boolean"] is False


def test_a_publication_that_was_cut_off_is_told_and_done_again(
    remote: Here, changed: Path, engine: QueryEngine, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    if remote.address is None:
        assert engine.run("ASK { ?s ?p ?o }").body
        return

    def cut_off(self: Any, graph: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(remote_publishing._Loader, "remove", cut_off)
        with pytest.raises(KeyboardInterrupt):
            publish(changed, remote.connection)
    with pytest.raises(StoreError, match="is being put in since"):
        engine.run("ASK { ?s ?p ?o }")
    answer = client.get("/sparql", params={"query": "ASK { ?s ?p ?o }"})
    assert answer.status_code == 503
    assert "application/problem+json" in answer.headers["content-type"]
    # What was loaded already is not loaded again; the other build is put back whole all the same.
    assert publish(changed, remote.connection).loaded == 0
    assert publish(remote.build, remote.connection).loaded == 2
    assert client.get("/sparql", params={"query": "ASK { ?s ?p ?o }"}).status_code == 200


def test_an_answer_over_which_a_build_was_put_in_is_not_used(
    remote: Here, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if remote.address is None:
        assert remote.store.ask("ASK { ?s ?p ?o }")
        return
    ask = Connection.ask
    connection = remote.connection

    def between(self: Connection, text: str, *args: Any, **more: Any) -> bytes:
        body = ask(self, text, *args, **more)
        if "urn:between" in text:
            monkeypatch.setattr(Connection, "ask", ask)
            publish(changed, connection)
        return body

    with RemoteEngine(connection) as free:
        monkeypatch.setattr(Connection, "ask", between)
        with pytest.raises(StoreError, match="while the query ran"):
            free.run("ASK { <urn:between> ?p ?o }")


def test_a_wrong_password_is_told_and_not_shown(remote: Here) -> None:
    if remote.name != "virtuoso":  # the others ask for none
        return
    assert remote.address is not None
    wrong = StoreAddress(remote.address.base, "dba", "opensesame")
    assert "opensesame" not in repr(wrong)
    with pytest.raises(StoreError, match="ZHENGMAI_STORE_PASSWORD") as caught:
        Connection(discover(wrong)).update("DROP SILENT GRAPH <urn:none>")
    assert "opensesame" not in str(caught.value)
