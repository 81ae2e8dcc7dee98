"""Texts of queries as they are looked at before any engine: what is refused, where a slip is, how long it takes."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest

from graph.errors import QueryRefused, QuerySyntaxError
from queries.engine import QueryEngine
from queries.sparql_text import inspect
from tests.support.loops import completed


@pytest.mark.parametrize(
    "text",
    [
        'SELECT ("SERVICE <http://e/> {}" AS ?x) {}',
        "SELECT ?service { ?s ?p ?service }",
        "PREFIX service: <http://e/> SELECT * { ?s service:SERVICE ?o }",
        "SELECT * { ?s <http://e/SERVICE> ?o } # SERVICE <http://e/> {}",
        'SELECT * { ?s ?p "x"@service }',
        "SELECT * { ?s ?p 'it''s' }".replace("''", "\\'"),
        'SELECT * { ?s ?p """a "quoted" SERVICE \\""" """ }',
        "ASK { FILTER(1 <2 && 3> 2) }",
        "ASK { FILTER(1<2 && 3>2) }",
        "ASK { ?s <http://e/\\u4E2D文> ?变量 . ?s a [] }",
        "PREFIX e: <http://e/> ASK { e:a%20b e:c\\-d e:1.2 . _:b e:x.y 1.5e3, -2, true }",
        "PREFIX : <http://e/> ASK { :s :p|^:q/:r*?x ; a :c }".replace("*?x", "* ?x"),
        "SELECT(COUNT(*)AS?n){?s ?p ?o}",
        "base <http://e/> prefix e: <x#> ask { <a> e:b 'c'^^e:d }",
    ],
)
def test_what_only_looks_alike_is_answered(engine: QueryEngine, text: str) -> None:
    engine.run(text)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <a:b> <a:b> 1 }",
        "delete where { ?s ?p ?o }",
        "DROP ALL",
        "CLEAR DEFAULT",
        "WITH <a:b> DELETE {} WHERE {}",
    ],
)
def test_updates_are_refused_as_what_they_are(engine: QueryEngine, text: str) -> None:
    with pytest.raises(QueryRefused, match="only reads"):
        engine.run(text)


def test_length_and_nesting_are_capped_before_any_parser(engine: QueryEngine) -> None:
    for opening, closing in ("{}", "()", "[]"):
        with pytest.raises(QueryRefused, match="100"):
            engine.run("ASK " + opening * 50_000 + closing)
    with pytest.raises(QueryRefused, match="100000"):
        engine.run("ASK { ?s ?p '" + "x" * 100_000 + "' }")


@pytest.mark.parametrize(
    ("text", "line", "column", "told"),
    [
        ("SELECT ?s WHERE {\n  ?s a ?o\n  ?o a ?c .\n}", 3, 3, "“?o” does not fit here"),
        ("SELECT ?s WHERE {\n  ?s zm:a ?o .\n}", 2, 6, "PREFIX zm: <https://w3id.org/zhengmai/ns#>"),
        ("SELCT ?s WHERE {\n  ?s a ?o .\n}", 1, 1, "“SELCT” is not a word of SPARQL"),
        ("SELECT ?s WHERE {\n  ?s a ?o .\n  FILTR(?o = 1)\n}", 3, 3, "“FILTR”"),
        ('SELECT ?s WHERE {\n  ?s a "中文 .\n}', 2, 8, "never closed"),
        ("SELECT ?s WHERE {\n  ?s a ?中文 .\n  FILTER（?s = 1）\n}", 3, 9, "full-width"),
        ("SELECT ?s WHERE {\n  ?s a ?o .\n", 1, 17, "“{” is never closed"),
        ("SELECT ?s WHERE {\n  ?s a ?o .\n} }", 3, 3, "“}” closes nothing"),
        ("SELECT ?s WHERE {\n  ?s a ?o .\n} ORDER ?s", 3, 9, "“?s” does not fit here"),
        ("SELECT ?s WHERE {\n  ?s a ?o .\n  FILTER ?o = 1\n}", 3, 10, "“?o” does not fit here"),
        ("SELECT (COUNT(?o) AS ?n) ?s {\n ?s a ?o }", 1, 1, "GROUP BY"),
        ("SELECT * { ?s ?p <relative> }", 1, 18, "“<relative>” does not fit here"),
        ("?s ?p ?o", 1, 9, "it needs one of SELECT, ASK"),
        ("", 1, 1, "this is no query"),
    ],
)
def test_a_syntax_error_tells_where(
    engine: QueryEngine, text: str, line: int, column: int, told: str
) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        engine.run(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert told in caught.value.message
    assert f"第 {line} 行第 {column} 列" in caught.value.text("zh")


def test_the_tokenizer_takes_linear_time() -> None:
    started = time.process_time()
    for text in (
        'ASK { ?s ?p """' + '"" ' * 30_000,
        "ASK { " + "a:" + "." * 90_000,
        "ASK { <" + "a" * 90_000,
    ):
        with pytest.raises((QuerySyntaxError, QueryRefused)):
            inspect(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "text",
    [
        "ASK {" + "a." * 45_000 + "}",
        "ASK {" + "a-" * 45_000 + "}",
        "ASK {" + "{}" * 45_000 + "}",
        "ASK { ?s ?p '" + "x" * 90_000 + "' }",
        "ASK { ?s ?p _:a" + "." * 90_000 + "}",
        "ASK {" + '"""' * 30_000 + "}",
        "ASK {" + "<a" * 45_000 + "}",
        "ASK { ?s ?p " + "x" * 90_000 + " }",
    ],
    ids=lambda text: text[4:12],
)
def test_to_look_at_a_text_takes_so_many_steps_a_character(text: str) -> None:
    """Each took minutes where a word was looked at again from each of its places."""
    began = time.process_time()
    with suppress(QuerySyntaxError, QueryRefused):
        inspect(text)
    assert time.process_time() - began < 2, "twenty times what it takes"


def test_a_text_of_too_many_parts_is_refused() -> None:
    with pytest.raises(QueryRefused) as caught:
        inspect("ASK {" + "a." * 10_000 + "}")
    assert (caught.value.limit, caught.value.unit) == (20_000, "parts")
    assert inspect("SELECT * { VALUES ?x {" + " <urn:x>" * 9_000 + "} }").form == "SELECT"


def test_in_an_event_loop_a_long_text_is_looked_at_beside_it(store: Path) -> None:
    text = "SELECT * { VALUES ?x {" + " <urn:x>" * 9_000 + "} }"

    async def ask(engine: QueryEngine) -> None:
        query = await engine.acheck(text)
        assert query.form == "SELECT"
        answer = await engine.arun(query)
        assert len(json.loads(answer.body)["results"]["bindings"]) == 9_000
        with pytest.raises(QuerySyntaxError):
            await engine.acheck("ASK { # " + "x" * 20_000)
        with pytest.raises(QueryRefused):
            await engine.acheck("x" * 200_000)

    with QueryEngine(store, workers=1) as engine:
        completed(ask(engine))
