"""The bounded executor: what it answers, what it refuses, and what cannot bring it down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib

from graph.errors import (
    BadInput,
    Busy,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    ZhengmaiError,
)
from queries import steps
from queries.engine import Limits, QueryEngine
from queries.formats import Format, formats_of
from queries.pool import Client, Full, Turn, Turns, asking_for
from queries.sparql_text import inspect
from tests.support.loops import completed

RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
SECONDS = 0.7


def make_store(path: Path, things: int, word: str = "value") -> Path:
    store = ox.Store(str(path))
    store.bulk_extend(
        ox.Quad(
            ox.NamedNode(f"http://e/s{n}"),
            ox.NamedNode("http://e/p"),
            ox.Literal(f"{word} {n}"),
            ox.NamedNode(f"http://e/g{n % 3}"),
        )
        for n in range(things)
    )
    # one triple in two graphs
    for name in ("g0", "g1"):
        store.add(ox.Quad(*(ox.NamedNode(f"http://e/{one}") for one in ("both", "in", "two", name))))
    store.flush()
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("engine") / "store", 4000)


@pytest.fixture(scope="module")
def engine(store: Path) -> Iterator[QueryEngine]:
    with QueryEngine(store, workers=2, limits=Limits(seconds=SECONDS, result_mb=1)) as made:
        yield made


def count(engine: QueryEngine, text: str, **graphs: Any) -> object:
    return engine.table(text, **graphs).records()[0]["n"]


# -- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", formats_of("graph"), ids=lambda form: form.name)
def test_each_graph_format_is_what_it_says(engine: QueryEngine, form: Format) -> None:
    answer = engine.run("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 3", form.media_types[0])
    assert answer.format is form
    assert len(list(ox.parse(answer.body, format=ox.RdfFormat.from_media_type(form.writer)))) == 3
    if form.name not in ("trig", "nquads"):  # and by another's reading
        names = {"ntriples": "nt", "rdfxml": "xml", "jsonld": "json-ld"}
        assert len(rdflib.Graph().parse(data=answer.body, format=names.get(form.name, form.name))) == 3


@pytest.mark.parametrize("form", formats_of("rows"), ids=lambda form: form.name)
def test_each_row_format_is_what_it_says(engine: QueryEngine, form: Format) -> None:
    answer = engine.run('SELECT ?o { ?s ?p ?o FILTER(?o = "value 7") }', form.media_types[0])
    assert answer.format is form
    if form.name == "csv":
        assert answer.body.decode() == "o\r\nvalue 7\r\n"
        return
    solutions = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.from_media_type(form.writer))
    assert isinstance(solutions, ox.QuerySolutions)
    assert [str(row["o"]) for row in solutions] == ['"value 7"']


def test_ask_is_a_row_of_truth(engine: QueryEngine) -> None:
    assert json.loads(engine.run("ASK { ?s ?p ?o }").body)["boolean"] is True


def test_a_format_of_the_other_kind_is_an_error(engine: QueryEngine) -> None:
    with pytest.raises(ValueError, match="no answer in text/turtle"):
        engine.run("ASK {}", "text/turtle")


def test_the_default_graph_is_the_union_unless_graphs_are_named(engine: QueryEngine) -> None:
    everything = "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }"
    assert count(engine, everything) == 4001
    assert count(engine, everything, default_graphs=["http://e/g0"]) == 1335
    assert count(engine, everything, default_graphs=["http://e/nowhere"]) == 0
    assert count(engine, everything, named_graphs=["http://e/g0"]) == 0
    # pyoxigraph passes over FROM without a word when it is asked for the union
    assert count(engine, everything.replace("{", "FROM <http://e/g2> {", 1)) == 1333
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert count(engine, named, named_graphs=["http://e/g2"]) == 1333
    # what the protocol names goes before what the query names
    both = everything.replace("{", "FROM <http://e/g2> {", 1)
    assert count(engine, both, default_graphs=["http://e/nowhere"]) == 0
    with pytest.raises(BadInput, match="absolute IRI"):
        engine.run("ASK {}", default_graphs=["not an iri"])


def test_a_triple_in_two_graphs_matches_twice_so_say_distinct(engine: QueryEngine) -> None:
    """Known of Oxigraph's union of graphs, and told in the docstring of `run`: the merge of RDF would have it once."""
    assert len(engine.table("SELECT ?s { ?s <http://e/in> ?o }")) == 2
    assert len(engine.table("SELECT DISTINCT ?s { ?s <http://e/in> ?o }")) == 1


# -- what is refused -------------------------------------------------------------------------------------------------

SERVICES = [
    "SELECT * { SERVICE <URL> { ?s ?p ?o } }",
    "SELECT * { service silent <URL> { ?s ?p ?o } }",
    "SELECT * { ?s ?p ?o }SERVICE<URL>{}",
    "SELECT * { BIND(<URL> AS ?x) SERVICE ?x { ?s ?p ?o } }",
    "PREFIX : <URL> SELECT * { ?s ?p true SERVICE : {} }",
    "PREFIX : <URL> SELECT * { ?s ?p trueSERVICE : {} }",
    "PREFIX : <URL> SELECT * { ?s ?p trueSERVICE:x {} }",
    "SELECT * { ?s ?p 1SERVICE <URL> {} }",
    "SELECT * { FILTER(?a<?b)SERVICE<URL>{?s ?p ?o}FILTER(?c>?d) }",
    "SELECT * { ?s ?p 'a#b' SERVICE <URL> {} # ' \n }",
    "SELECT * { ?s ?p '''a\\''' ' '''SERVICE <URL> {} }",
    "SELECT * { SERV\\u0049CE <URL> {} }",
    "SELECT * { { SELECT * { SERVICE <URL> { ?s ?p ?o } } } }",
    "LOAD <URL>",
    "SELECT * FROM <URL> { ?s ?p ?o }",
]


@pytest.mark.parametrize("text", SERVICES)
def test_no_query_reaches_the_network(engine: QueryEngine, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        if "FROM" in text:  # names a graph, and opens nothing
            assert len(engine.table(text.replace("URL", url))) == 0
        else:
            with pytest.raises((QueryRefused, QuerySyntaxError)):
                engine.run(text.replace("URL", url))
        with pytest.raises(TimeoutError):
            listener.accept()


CALLED = [
    ("SELECT * { SERVICE <http://HOST/sparql> { ?s ?p ?o } }", True),
    ("SELECT * { service silent <http://HOST/sparql> { ?s ?p ?o } }", True),
    ("SELECT * { SERVICE # <http://e/>\n <http://HOST/a/b?c=d> { ?s ?p ?o } }", True),
    ("SELECT * { SERVICE <http://HOST/> { SERVICE <http://other.example/> { ?s ?p ?o } } }", False),
    ("SELECT * { SERVICE <http://HOST@other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://HOST\\u0040other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://other.example/http://HOST/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <http://HOST.other.example/> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <file:///etc/passwd> { ?s ?p ?o } }", False),
    ("SELECT * { SERVICE <//HOST/> { ?s ?p ?o } }", False),
    ("BASE <http://HOST/> SELECT * { SERVICE <x> { ?s ?p ?o } }", False),
    ("PREFIX : <http://HOST/> SELECT * { SERVICE :x { ?s ?p ?o } }", False),
    ("SELECT * { BIND(<http://HOST/> AS ?x) SERVICE ?x { ?s ?p ?o } }", False),
    ("SELECT * { VALUES ?x { <http://HOST/> } SERVICE SILENT ?x { ?s ?p ?o } }", False),
]


@pytest.mark.parametrize(("text", "fine"), CALLED)
def test_service_calls_listed_hosts_alone(text: str, fine: bool) -> None:
    told = inspect if fine else None
    for host in ("data.example.org", "127.0.0.1:8890"):
        query = text.replace("HOST", host)
        if told:
            assert told(query, service_hosts=[host]).calls_out
        else:
            with pytest.raises((QueryRefused, QuerySyntaxError)):
                inspect(query, service_hosts=[host])
        with pytest.raises((QueryRefused, QuerySyntaxError)):
            inspect(query, service_hosts=["elsewhere.example"])
    assert not inspect("SELECT * { ?s ?p ?o }", service_hosts=["data.example.org"]).calls_out


AFAR = (
    b'{"head": {"vars": ["x"]}, "results": {"bindings": [{"x": {"type": "literal", "value": "from afar"}}]}}'
)


class _Remote(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/elsewhere":
            self.send_response(307)
            self.send_header("Location", "/sparql")
            self.end_headers()
            return
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/sparql-results+json")
        self.send_header("Content-Length", str(len(AFAR)))
        self.end_headers()
        self.wfile.write(AFAR)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def remote() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), _Remote) as server:
        server.asked = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_service_works_where_it_is_allowed_and_follows_nobody(store: Path, remote: HTTPServer) -> None:
    host = f"127.0.0.1:{remote.server_port}"
    with QueryEngine(store, limits=Limits(service_hosts=frozenset([host]))) as engine:
        rows = engine.table(f"SELECT ?x {{ SERVICE <http://{host}/sparql> {{ ?s ?p ?x }} }}").records()
        assert rows == [{"x": "from afar"}]
        with pytest.raises(BadInput, match="SERVICE"):
            engine.run(f"SELECT ?x {{ SERVICE <http://{host}/elsewhere> {{ ?s ?p ?x }} }}")
        assert remote.asked == 1  # type: ignore[attr-defined]


def test_a_worker_has_no_network_where_the_system_can_take_it(store: Path, remote: HTTPServer) -> None:
    """The second lock: what the tokenizer would refuse, given to a worker by hand."""
    host = f"127.0.0.1:{remote.server_port}"
    text = f"SELECT ?x {{ SERVICE SILENT <http://{host}/sparql> {{ ?s ?p ?x }} }}"
    with QueryEngine(store, workers=1) as engine:
        engine.run("ASK {}")
        worker = engine._idle[0]
        request = {"query": text, "writer": "text/csv", "base": None, "union": True, "without": "urn:none"}
        query = inspect(text, service_hosts=[host])
        turns = engine._own
        asked = {**request, "default_graphs": None, "named_graphs": None}
        steps.run(worker.answer(query, asked, turns, turns.take()))
        apart = Path(f"/proc/{worker.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
        assert remote.asked == (0 if apart else 1)  # type: ignore[attr-defined]


def test_no_query_reads_a_file(engine: QueryEngine, tmp_path: Path) -> None:
    file = tmp_path / "secret.ttl"
    file.write_text("<urn:a> <urn:b> <urn:c> .")
    for text in ("SELECT * FROM <URL> { ?s ?p ?o }", "SELECT * FROM NAMED <URL> { GRAPH ?g { ?s ?p ?o } }"):
        assert len(engine.table(text.replace("URL", file.as_uri()))) == 0
    assert len(engine.table("SELECT * { ?s ?p ?o }", default_graphs=[file.as_uri()])) == 0


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


# -- what is ended ---------------------------------------------------------------------------------------------------


def test_a_runaway_query_is_killed_while_others_are_answered(engine: QueryEngine) -> None:
    caught: list[BaseException] = []

    def run_away() -> None:
        try:
            engine.run(RUNAWAY)
        except ZhengmaiError as error:
            caught.append(error)

    engine.run("ASK {}")
    thread = threading.Thread(target=run_away)
    started = time.perf_counter()
    thread.start()
    slowest = 0.0
    while thread.is_alive() and time.perf_counter() - started < 5:
        before = time.perf_counter()
        engine.run("ASK { <http://e/s1> ?p ?o }")
        slowest = max(slowest, time.perf_counter() - before)
    thread.join(5)
    assert time.perf_counter() - started < SECONDS + 1.5
    assert isinstance(caught[0], QueryTimeout)
    assert caught[0].limit == SECONDS
    assert slowest < SECONDS, "an ordinary query waited for the runaway one"


@pytest.mark.parametrize(
    "text",
    [
        RUNAWAY,
        "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f",
        "SELECT (GROUP_CONCAT(CONCAT(?c, ?f)) AS ?x) { ?a ?b ?c . ?d ?e ?f }",
        "SELECT * { ?a ?b ?c . ?d ?e ?f }",
        "ASK { " + "?s ?p ?o . " * 1000 + "}",
        "ASK { ?a <a:b>" + "/<a:b>" * 3000 + " ?c }",
        "ASK { FILTER(1" + "+1" * 40_000 + ") }",
        'ASK { FILTER(REGEX("' + "a" * 20_000 + '", "(a*)*(a*)*(a|aa)+$")) }',
        'ASK { BIND(REPLACE("'
        + "a" * 20_000
        + '", "a", "'
        + "b" * 20_000
        + '") AS ?x) ?s ?p ?o FILTER(?x = ?o) }',
    ],
    ids=lambda text: text[:40],
)
def test_a_hostile_query_ends_with_a_typed_error_or_an_answer(engine: QueryEngine, text: str) -> None:
    started = time.perf_counter()
    with suppress(QueryTimeout, QueryTooLarge, QueryRefused, QuerySyntaxError):
        engine.run(text)
    assert time.perf_counter() - started < SECONDS + 2
    assert json.loads(engine.run("ASK {}").body)["boolean"] is True


def test_memory_is_bounded(store: Path) -> None:
    hungry = "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f"
    with (
        QueryEngine(store, workers=1, limits=Limits(seconds=30, memory_mb=600)) as engine,
        pytest.raises(QueryTooLarge) as caught,
    ):
        engine.run(hungry)
    assert (caught.value.limit, caught.value.unit) == (600, "megabytes")


def test_the_size_of_an_answer_is_bounded_and_the_worker_lives_on(store: Path) -> None:
    with QueryEngine(store, workers=1, limits=Limits(seconds=5, result_mb=1)) as engine:
        engine.run("ASK {}")
        worker = engine._idle[0]
        with pytest.raises(QueryTooLarge, match="LIMIT and OFFSET"):
            engine.run("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 100000")
        engine.run("ASK {}")
        assert engine._idle == [worker]


def test_a_table_is_bounded_more_tightly_because_it_is_read_here(store: Path) -> None:
    text = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 10000"
    with QueryEngine(store, workers=1, limits=Limits(table_mb=1)) as engine:
        assert len(engine.run(text).body) > 1 << 20
        with pytest.raises(QueryTooLarge, match="1 megabytes"):
            engine.table(text)


def test_a_long_answer_goes_through_a_file(store: Path) -> None:
    text = "SELECT ?s ?o { ?s <http://e/p> ?o { SELECT * { ?x <http://e/p> ?y } LIMIT 20 } }"
    with QueryEngine(store, limits=Limits(spool_mb=5)) as engine:
        answer = engine.run(text, "text/csv")
        assert not answer.in_memory
        assert answer.body.count(b"\r\n") == 80_001
        assert len(answer.body) == answer.size == sum(map(len, engine.run(text, "text/csv").pieces()))
        # Those that nobody has taken yet have a bound together
        second = engine.run(text, "text/csv")
        with pytest.raises(Busy) as caught:
            engine.run(text, "text/csv")
        assert (caught.value.limit, caught.value.unit) == (5, "megabytes")
        engine.run("ASK {}")
        second.close()
        engine.run(text, "text/csv").close()
        del answer
        engine.run(text, "text/csv").close()


def test_in_an_event_loop_the_same_and_nobody_waits_for_a_slow_one(store: Path) -> None:
    async def ask(engine: QueryEngine) -> None:
        slow = [asyncio.ensure_future(engine.arun(RUNAWAY)) for _ in range(2)]
        await asyncio.sleep(0.5)  # these two have become long, and have given their places up
        answers = await asyncio.gather(*(engine.arun("ASK { ?s ?p ?o }") for _ in range(8)))
        assert all(json.loads(one.body)["boolean"] for one in answers)
        with pytest.raises(QuerySyntaxError):
            await engine.arun("ASK {")
        assert not any(one.done() for one in slow)
        slow[0].cancel()  # as when a client goes away
        with pytest.raises(asyncio.CancelledError):
            await slow[0]
        assert len(engine.processes()) <= 3
        with pytest.raises(QueryTimeout):
            await slow[1]

    with QueryEngine(store, workers=2, limits=Limits(seconds=3, short_seconds=0.1, long=2)) as engine:
        completed(ask(engine))


def test_texts_from_outside_do_not_take_the_places_of_our_own(store: Path) -> None:
    async def ask(engine: QueryEngine) -> None:
        slow = [asyncio.ensure_future(engine.arun(RUNAWAY, public=True)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy) as caught:
            await engine.arun("ASK {}", public=True)
        assert (caught.value.limit, caught.value.unit) == (2, "queries")
        await engine.arun("ASK {}")
        for one in slow:
            one.cancel()
        await asyncio.wait(slow)

    with QueryEngine(store, workers=1, limits=Limits(seconds=5, waiting=1, long=0)) as engine:
        completed(ask(engine))


def test_a_worker_that_was_killed_is_replaced(store: Path) -> None:
    with QueryEngine(store, workers=1) as engine:
        engine.run("ASK {}")
        engine._idle[0]._process.kill()
        engine._idle[0]._process.wait()
        assert json.loads(engine.run("ASK {}").body)["boolean"] is True


def test_as_many_as_fit_may_wait_and_the_next_is_told_so(store: Path) -> None:
    with QueryEngine(store, workers=1, limits=Limits(seconds=1, waiting=0)) as engine:

        def run_away() -> None:
            with pytest.raises(QueryTimeout):
                engine.run(RUNAWAY)

        first = threading.Thread(target=run_away)
        first.start()
        time.sleep(0.3)
        with pytest.raises(Busy, match="1 places"):
            engine.run("ASK {}")
        first.join()


def test_a_new_store_is_taken_up_and_running_queries_end_on_the_old_one(store: Path, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", 10, "other")
    words = "SELECT DISTINCT (STRBEFORE(?o, ' ') AS ?word) { ?s <http://e/p> ?o }"
    with QueryEngine(store, workers=2) as engine:
        assert engine.table(words).texts() == [["value"]]
        engine.store = other
        assert engine.table(words).texts() == [["other"]]


def test_nothing_is_left_behind(store: Path) -> None:
    with QueryEngine(store, workers=1) as engine:
        engine.run("ASK {}")
        pid = engine._idle[0]._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="zhengmai build"):
        QueryEngine(tmp_path / "store")


def test_a_broken_store_is_told(store: Path, tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_text("MANIFEST-000001\n")
    with QueryEngine(tmp_path, workers=1) as engine, pytest.raises(StoreError, match="damaged"):
        engine.run("ASK {}")


def test_ctrl_c_ends_a_query_and_its_process(store: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from queries.engine import QueryEngine, Limits\n"
        "with QueryEngine(Path(sys.argv[1]), workers=1, limits=Limits(seconds=60)) as engine:\n"
        "    engine.run('ASK {}'); print(engine._idle[0]._process.pid, flush=True); engine.run(sys.argv[2])\n"
    )
    root = Path(__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store), RUNAWAY],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        worker = int(running.stdout.readline())
        time.sleep(0.3)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the whole group
        assert running.wait(30) != 0
    deadline = time.monotonic() + 20  # killed at once; gone when the system has given back what it held
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


# -- places ----------------------------------------------------------------------------------------------------------


@contextmanager
def asked_by(name: str) -> Iterator[Client]:
    client = Client(name)
    token = asking_for.set(client)
    try:
        yield client
    finally:
        asking_for.reset(token)


def turn_of(turns: Turns, name: str) -> Turn:
    with asked_by(name):
        return turns.take()


def come(turn: Turn) -> bool:
    return turn.future.done() and turn.future.result()


def test_who_has_no_query_at_work_finds_a_place_where_another_holds_them_all() -> None:
    turns = Turns(2, 1, 8)
    flood = [turn_of(turns, "flood") for _ in range(6)]
    assert [come(one) for one in flood] == [True, True, False, False, False, False]
    other = turn_of(turns, "other")
    assert come(other)
    assert not come(turn_of(turns, "other")), "one, and no more"
    turns.leave(other)
    turns.leave(flood[0])
    assert not any(come(one) for one in flood[2:]), "the other one waits too, and has none at work"


def test_of_several_places_half_are_for_others_while_there_are_others() -> None:
    now = [0.0]
    turns = Turns(4, 0, 8, lambda: now[0])
    turns.leave(turn_of(turns, "other"))
    flood = [turn_of(turns, "flood") for _ in range(4)]
    assert [come(one) for one in flood] == [True, True, False, False]
    assert come(turn_of(turns, "other"))
    now[0] = 60
    turns.leave(flood[0])
    assert come(flood[2]), "alone, it may have them all"
    assert come(flood[3])


def test_places_go_round() -> None:
    turns = Turns(1, 0, 8)
    held = turn_of(turns, "a")
    waiting = [turn_of(turns, name) for name in ("a", "a", "b")]
    assert come(waiting[2]), "the place that is for those who have none"
    turns.leave(waiting[2])
    waiting.append(turn_of(turns, "b"))
    turns.leave(held)
    assert come(waiting[0]) or come(waiting[3])


def test_a_full_queue_has_room_for_a_client_that_has_nothing_in_it() -> None:
    turns = Turns(1, 0, 4)
    first = turn_of(turns, "other")
    held = turn_of(turns, "flood")
    waiting = [turn_of(turns, "flood") for _ in range(2)]
    with pytest.raises(Full):
        turn_of(turns, "flood")  # half of the queue, as there are others
    more = [turn_of(turns, name) for name in ("b", "c")]
    late = turn_of(turns, "d")
    assert waiting[1].future.result() is False, "the last of whoever had most gave way"
    assert not late.future.done()
    for one in (first, held, *waiting, *more, late):
        turns.leave(one)
    assert come(turn_of(turns, "flood"))


def test_alone_a_client_may_have_the_whole_queue() -> None:
    turns = Turns(1, 0, 4)
    for _ in range(5):
        turn_of(turns, "a")
    with pytest.raises(Full):
        turn_of(turns, "a")


def test_a_slow_query_gives_way_to_who_has_none_at_work_and_is_told_so(store: Path) -> None:
    async def ask(engine: QueryEngine) -> None:
        with asked_by("flood") as flood:
            slow = [asyncio.ensure_future(engine.arun(RUNAWAY, public=True)) for _ in range(2)]
            await asyncio.sleep(0)
        with asked_by("second"):
            second = asyncio.ensure_future(engine.arun(RUNAWAY, public=True))
            await asyncio.sleep(0)
        with asked_by("third"):
            answer = await engine.arun("ASK { ?s ?p ?o }", public=True)
        assert json.loads(answer.body)["boolean"] is True
        ended = [one for one in (*slow, second) if one.done()]
        assert ended
        for one in ended:
            with pytest.raises(Busy, match="while others waited"):
                await one
        assert flood.seconds > 0 or second.done()
        for one in (*slow, second):
            one.cancel()
        await asyncio.wait([*slow, second])

    with QueryEngine(store, workers=1, limits=Limits(seconds=20, short_seconds=0.3, long=0)) as engine:
        completed(ask(engine))


# -- texts made to take long ---------------------------------------------------------------------------------------


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
