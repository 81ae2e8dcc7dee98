"""What ends a query, and what cannot bring the engine down."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from graph.errors import (
    Busy,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    ZhengmaiError,
)
from queries.engine import Limits, QueryEngine
from tests.support.engine import RUNAWAY, SECONDS, make_store
from tests.support.loops import completed


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
    root = Path(__file__).parents[2]
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
