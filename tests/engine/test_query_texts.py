"""Texts of queries as they are looked at before any engine: what is refused, where a slip is, how long it takes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from graph.errors import Busy, QueryRefused, QuerySyntaxError
from queries.engine import Limits, QueryEngine
from queries.sparql_text import QueryText, _more_parts_than, inspect, tokens
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
        with pytest.raises(QueryRefused, match="100 brackets"):
            engine.run("ASK " + opening * 10_000 + closing)
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


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ASK { ?s ?p ?o }", 6),
        ("  # all\n ASK{?s ?p 'a b # c'@en}#end", 7),
        ('ASK { ?s <urn:p> """x\n#y""" , 1.5e3 }', 8),
        ("#\n#\nASK{}", 3),
        ("", 0),
    ],
)
def test_parts_are_counted_as_they_are_read(text: str, parts: int) -> None:
    assert sum(1 for _ in tokens(text)) == parts
    assert not _more_parts_than(parts, text)
    assert parts == 0 or _more_parts_than(parts - 1, text)


def test_in_an_event_loop_what_takes_long_is_looked_at_in_another_process(store: Path) -> None:
    text = "SELECT * { VALUES ?x {" + " <urn:x>" * 9_000 + "} }"
    wrong = text.replace("VALUES ?x", "VALUES x:y")
    slip = "SELECT * {\n" + " # a comment\n" * 900 + "FILTR(?x) }"
    unlike = "SELECT * {\n" + " # a comment\n" * 900 + " ?s ?p }"
    many_parts = "ASK {" + "a." * 1900 + "}"
    many_names = "SELECT * {" + " ?a ?b ?c ." * 500 + " ?d }"

    async def ask(engine: QueryEngine) -> None:
        await engine.acheck("ASK {}" + " # a comment" * 800)
        with pytest.raises(QuerySyntaxError):
            await engine.acheck("ASK {" + "a:b " * 1900 + "}")
        assert engine.processes() == []
        query = await engine.acheck(text)
        assert query == engine.check(text)
        looks = engine.processes()
        assert len(looks) == 1
        answer = await engine.arun(query)
        assert len(json.loads(answer.body)["results"]["bindings"]) == 9_000
        for bad in (wrong, slip, unlike, many_parts, many_names):
            with pytest.raises(QuerySyntaxError) as here:
                engine.run(bad)
            with pytest.raises(QuerySyntaxError) as there:
                await engine.arun(await engine.acheck(bad))
            assert here.value.text("zh") == there.value.text("zh")
            assert here.value.text("en") == there.value.text("en")
            assert (here.value.line, here.value.column) == (there.value.line, there.value.column)
        with pytest.raises(QueryRefused) as refused:
            await engine.acheck("ASK {" + "a." * 45_000 + "}")
        assert (refused.value.limit, refused.value.unit) == (20_000, "parts")
        with pytest.raises(QueryRefused):
            await engine.acheck("x" * 200_000)
        many = await asyncio.gather(*(engine.acheck(f"{text} # {at}") for at in range(6)))
        assert {one.form for one in many} == {"SELECT"}
        assert set(looks) <= set(engine.processes())

    with QueryEngine(store, workers=1) as engine:
        completed(ask(engine))


def test_a_process_that_looks_at_texts_is_replaced_when_it_is_gone(store: Path) -> None:
    text = "SELECT * { VALUES ?x {" + " <urn:x>" * 1900 + "} }"

    async def ask(engine: QueryEngine) -> None:
        await engine.acheck(text)
        (pid,) = engine.processes()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert (await engine.acheck(text)).form == "SELECT"

    with QueryEngine(store, workers=1) as engine:
        completed(ask(engine))


def test_so_many_long_texts_wait_and_the_next_is_told_so(store: Path) -> None:
    text = "SELECT * { VALUES ?x {" + " <urn:x>" * 1900 + "} }"

    async def ask(engine: QueryEngine) -> None:
        told = await asyncio.gather(*(engine.acheck(text) for _ in range(6)), return_exceptions=True)
        assert {type(one) for one in told} == {QueryText, Busy}

    with QueryEngine(store, workers=1, limits=Limits(waiting=1)) as engine:
        completed(ask(engine))
