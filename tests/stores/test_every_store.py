"""The same answers from every store: embedded, `oxigraph serve`, Virtuoso. What they are: tests/stores/conftest.py."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pyoxigraph as ox
import pytest

from graph.build import open_current
from graph.errors import QueryRefused, QuerySyntaxError
from graph.reading import source_of
from graph.stores import open_store
from ontology import terms
from queries.asking import Asker
from queries.catalogue import load_catalogue
from queries.engine import QueryEngine
from queries.formats import FORMATS, Format
from queries.rdf import read_ntriples
from queries.tables import Table
from shapes.drafts import check_draft
from shapes.judging import judge_store
from shapes.lines import Texts
from tests.support.equal import findings
from tests.support.here import Here

JIANGXIA = "https://w3id.org/zhengmai/graph/document/420115-jiangxia-2024"
DRAFT = """西陵区推动大规模设备更新和消费品以旧换新工作方案（征求意见稿）

一、主要目标
到2027年，设备投资规模较2023年增长20%以上。
二、重点任务
（一）推进工业设备更新。支持企业更新机床。（牵头单位：区科技经信局；责任单位：区发改局）
"""


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
    [kind] = [one.type for one in question.parameters if one.name == parameter]
    values = {one.name: question.example[one.name] for one in question.parameters if one.required}
    values[parameter] = SOME[kind]
    if here.name in question.not_on:
        with pytest.raises(QueryRefused, match=here.name):
            Asker(engine).ask(name, values)
        return
    found, wanted = (told(Asker(one).ask(name, values).table) for one in (engine, reference))
    assert sorted(found) == sorted(wanted)


def test_a_part_of_an_answer_tells_how_many_rows_there_are(engine: QueryEngine) -> None:
    reply = Asker(engine).ask("agencies-by-tasks", {}, limit=10, offset=20)
    assert (len(reply.table), reply.total) == (10, 105)


EXISTING = """PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?t ?quote {{
  {{ SELECT DISTINCT ?t {{
    {{ ?t zm:indicator ?c {0} }} UNION {{ ?t zm:indicatorText ?name . ?t zm:inDocument ?d {0} }}
  }} LIMIT 900000 }}
  ?t zm:quote ?quote
}}"""


@pytest.mark.parametrize(
    "condition",
    [
        "FILTER EXISTS { ?t a zm:Target }",
        "FILTER(EXISTS { ?t a zm:Target } && BOUND(?t))",
        "FILTER(!EXISTS { ?t a zm:Target })",
        "FILTER NOT EXISTS { ?t a zm:Target }",
        'FILTER EXISTS { ?t zm:comparator ?k FILTER EXISTS { ?k zm:symbol ">=" } }',
    ],
)
def test_what_has_to_exist_does_in_each_part(
    engine: QueryEngine, reference: QueryEngine, condition: str
) -> None:
    text = EXISTING.format(condition)
    found, wanted = (told(one.table(text)) for one in (engine, reference))
    assert sorted(found) == sorted(wanted)
    assert 0 < len(found) < len(reference.table(EXISTING.format("")))


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
