"""Those who mean the service no good, against the server as it runs: it answers others meanwhile, and afterwards.

`benchmarks/hostile.py` is the fuller run, with times and memory. The traps of single queries are in tests/engine.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from api.settings import Settings
from tests.support.engine import RUNAWAY
from tests.support.server import running

BILLIONS = "SELECT * { ?a ?b ?c . ?d ?e ?f }"
SECONDS = 1.5


@pytest.fixture(scope="module")
def small(built: Path) -> Iterator[str]:
    """A server with little of everything."""
    settings = Settings(
        data=built,
        query_seconds=SECONDS,
        result_mb=1,
        body_kb=64,
        body_seconds=1,
        send_seconds=1,
        queries_waiting=2,
        workers=2,
        long_queries=1,
    )
    with running(settings) as address:
        yield address


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=200)) as client:
        yield client


def raw(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30)


def well(address: str, web: httpx.Client) -> None:
    """The service answers a question, a page and a query."""
    assert web.get(f"{address}/questions/plans").json()["count"] >= 10
    assert web.get(f"{address}/", headers={"Accept": "text/html"}).status_code == 200
    assert web.get(f"{address}/sparql", params={"query": "ASK { ?s ?p ?o }"}).json()["boolean"] is True


def test_a_flood_of_runaway_queries_leaves_questions_alone(small: str, web: httpx.Client) -> None:
    def flood(at: int) -> httpx.Response:
        return web.get(f"{small}/sparql", params={"query": f"{RUNAWAY} # {at}"})

    with ThreadPoolExecutor(100) as pool:
        sent = [pool.submit(flood, at) for at in range(100)]
        answered = 0
        while not all(one.done() for one in sent):
            assert web.get(f"{small}/questions/plans").status_code == 200
            answered += 1
    told = [one.result() for one in sent]
    assert answered > 0
    assert {one.status_code for one in told} == {422, 503}
    for one in told:
        problem = one.json()
        if one.status_code == 503:
            assert int(one.headers["retry-after"]) > 0
            assert problem["unit"] == "queries"
        else:
            assert (problem["limit"], problem["unit"]) == (SECONDS, "seconds")
    well(small, web)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (BILLIONS, {422}),
        (BILLIONS + " ORDER BY ?c ?f", {422}),
        ("CONSTRUCT { ?a ?e ?c } { ?a ?b ?c . ?d ?e ?f }", {422}),
        ("SELECT * { ?a (!<urn:x>)+ ?b . ?b (!<urn:y>)* ?c }", {422}),
        ("ASK { ?a <urn:b>" + "/<urn:b>" * 3000 + " ?c }", {200, 403, 422}),
        ('ASK { FILTER(REGEX("' + "a" * 20_000 + '", "(a*)*(a*)*(a|aa)+$")) }', {200, 422}),
        ("ASK { ?s ?p '" + "x" * 60_000 + "' }", {200}),
        ("ASK " + "{" * 5000 + "}" * 5000, {403}),
    ],
    ids=lambda one: str(one)[:30],
)
def test_a_hostile_query_gets_a_problem_that_names_its_limit(
    small: str, web: httpx.Client, query: str, status: set[int]
) -> None:
    answer = web.post(
        f"{small}/sparql", content=query.encode(), headers={"Content-Type": "application/sparql-query"}
    )
    assert answer.status_code in status, answer.text
    if answer.status_code != 200:
        problem = answer.json()
        assert problem["limit"] > 0
        assert problem["unit"] in ("seconds", "megabytes", "brackets")


def test_a_body_of_fifty_megabytes_is_not_read(small: str, web: httpx.Client) -> None:
    for told in (True, False):
        with raw(small) as client:
            length = f"Content-Length: {50 << 20}" if told else "Transfer-Encoding: chunked"
            client.sendall(
                f"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n{length}\r\n\r\n".encode()
            )
            piece = b"x" * 65536
            try:
                for _ in range(800):
                    client.sendall(piece if told else b"10000\r\n" + piece + b"\r\n")
            except OSError:
                pass  # it may have been closed before we were done
            try:
                head = client.recv(4096)
            except OSError:
                head = b""
        assert not head or b" 413 " in head
    well(small, web)


def test_a_body_that_does_not_come_is_not_waited_for(small: str, web: httpx.Client) -> None:
    with raw(small) as client:
        client.sendall(
            b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 100\r\n\r\nASK"
        )
        answer = client.recv(65536)
    assert b" 408 " in answer.partition(b"\r\n")[0]
    well(small, web)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /sparql?query=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /sparql?query=ASK%20%7B%20%3Fs%20%3Fp%20%22%C3%28%22%7D HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /sparql?query=%ED%A0%80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /rdf-graph-store?graph=%C3%28 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /sparql?query=ASK%20%7B%7D HTTP/1.1\r\nHost: x\r\nAccept: \xff\xfe/,;q=x\r\nConnection: close\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /sparql?query=" + b"x" * 300_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
    ids=["bytes", "escapes", "surrogate", "graph", "accept", "noise", "long"],
)
def test_malformed_requests_are_refused(small: str, web: httpx.Client, sent: bytes) -> None:
    with raw(small) as client:
        try:
            client.sendall(sent)
            data = client.recv(65536)
        except OSError:
            data = b""
    assert not data or data.split(b" ", 2)[1] in (b"200", b"400", b"403", b"414", b"431")
    well(small, web)


def test_clients_that_go_away_take_their_query_along(built: Path, web: httpx.Client) -> None:
    with running(
        Settings(data=built, query_seconds=60, workers=1, long_queries=0, queries_waiting=0)
    ) as address:
        for _ in range(3):
            client = raw(address)
            client.sendall(f"GET /sparql?query={quote(RUNAWAY)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            time.sleep(0.4)
            client.shutdown(socket.SHUT_WR)
            client.close()
            deadline = time.monotonic() + 20
            while web.get(f"{address}/sparql", params={"query": "ASK { ?s ?p ?o }"}).status_code == 503:
                assert time.monotonic() < deadline, "the query of a client that is gone holds its place"
                time.sleep(0.05)


def test_queries_of_clients_that_go_away_while_they_wait_are_not_begun(
    built: Path, web: httpx.Client
) -> None:
    def waiting(address: str) -> float:
        told = web.get(f"{address}/metrics").text
        return float(
            next(line for line in told.splitlines() if line.startswith("zhengmai_queries_waiting ")).split()[
                1
            ]
        )

    query = f"GET /sparql?query={quote(RUNAWAY)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    settings = Settings(data=built, query_seconds=60, workers=1, long_queries=0, queries_waiting=4)
    with running(settings) as address, raw(address) as first:
        first.sendall(query)
        others = [raw(address) for _ in range(3)]
        for one in others:
            one.sendall(query)
        deadline = time.monotonic() + 20
        while waiting(address) != 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for one in others:
            one.close()
        while waiting(address) != 0:
            assert time.monotonic() < deadline, "they wait for an answer that nobody wants"
            time.sleep(0.02)
        first.settimeout(0.2)
        with pytest.raises(TimeoutError):
            first.recv(1)


def test_slow_readers_hold_no_place_for_queries(small: str, web: httpx.Client) -> None:
    some = "SELECT * { ?s ?p ?o } LIMIT 4000"
    readers = []
    for _ in range(30):
        client = raw(small)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /sparql?query={quote(some)}&format=csv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        readers.append(client)
    idle = [raw(small) for _ in range(100)]
    for client in idle:
        client.sendall(b"GET /sparql HTT")
    well(small, web)
    for client in readers + idle:
        client.close()
    well(small, web)


def test_many_at_once_lose_nothing(served: str, web: httpx.Client) -> None:
    expected = web.get(f"{served}/sparql", params={"query": "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"}).json()
    barrier = threading.Barrier(100)

    def ask(at: int) -> int:
        barrier.wait()
        for _ in range(200):
            answer = web.get(
                f"{served}/sparql", params={"query": f"SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o }} # {at % 9}"}
            )
            if answer.status_code == 200:
                assert json.loads(answer.content) == expected
                return 1
            assert answer.status_code == 503
            time.sleep(0.1)
        return 0

    with ThreadPoolExecutor(100) as pool:
        assert sum(pool.map(ask, range(100))) == 100


# -- connections -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(built: Path) -> Iterator[str]:
    """A server that has no patience with connections and few of them, and that believes in no proxy."""
    settings = Settings(data=built, head_seconds=0.3, connections=12, query_characters=1000)
    with running(settings) as address:
        yield address


def told(client: socket.socket) -> bytes:
    found = b""
    while piece := client.recv(65536):
        found += piece
    return found


@pytest.mark.parametrize("begin", [b"", b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\r\n"])
def test_a_head_that_does_not_come_closes_the_connection(guarded: str, begin: bytes) -> None:
    with raw(guarded) as client:
        client.sendall(begin)
        assert told(client).startswith(b"HTTP/1.1 408 ")


def test_a_second_head_has_as_long(guarded: str) -> None:
    with raw(guarded) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /hea")
        answers = told(client)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


def test_a_head_without_an_end_is_too_large(guarded: str) -> None:
    with raw(guarded) as client, suppress(ConnectionError):
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 1000 + b"\r\n")
        for _ in range(100):
            client.sendall(b"A: " + b"b" * 1000 + b"\r\n")
        assert told(client).startswith(b"HTTP/1.1 431 ")


def test_an_address_without_an_end_is_too_long(guarded: str) -> None:
    with raw(guarded) as client, suppress(ConnectionError):
        client.sendall(b"GET /" + b"a" * 100_000)
        assert told(client).startswith(b"HTTP/1.1 414 ")


def test_beyond_so_many_connections_one_is_told_so_and_closed(built: Path, web: httpx.Client) -> None:
    with running(Settings(data=built, connections=12)) as address, ExitStack() as stack:
        held = [stack.enter_context(raw(address)) for _ in range(12)]
        with raw(address) as client:
            assert told(client).startswith(b"HTTP/1.1 503 ")
        for one in held:
            one.close()
        deadline = time.monotonic() + 30
        while web.get(f"{address}/health").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


# -- clients by their address ----------------------------------------------------------------------------------------


def test_a_flood_from_one_address_is_turned_away_and_others_are_not(built: Path) -> None:
    flood, other = {"X-Forwarded-For": "198.51.100.1"}, {"X-Forwarded-For": "203.0.113.1"}
    settings = Settings(
        data=built, query_seconds=SECONDS, rate_per_minute=600, rate_burst=30, client_requests=4
    )
    with running(settings) as address, httpx.Client(timeout=60) as web, ThreadPoolExecutor(20) as pool:

        def bad(at: int) -> httpx.Response:
            query = f"{RUNAWAY} # {at}"
            return web.get(f"{address}/sparql", params={"query": query}, headers=flood)

        sent = [pool.submit(bad, at) for at in range(60)]
        answered = 0
        while not all(one.done() for one in sent):
            answer = web.get(f"{address}/sparql", params={"query": f"ASK {{}} # {answered}"}, headers=other)
            assert answer.status_code == 200, answer.text
            answered += 1
            time.sleep(0.1)
        got = [one.result() for one in sent]
        refused = [one for one in got if one.status_code == 429]
        assert {one.status_code for one in got} <= {422, 429, 503}
        kinds = {one.json()["type"].rpartition("/")[2] for one in refused}
        assert "at-once" in kinds
        assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
        assert all(one.headers["connection"] == "close" for one in refused)
        assert web.get(f"{address}/questions", headers=other).status_code == 200


def test_requests_that_had_to_be_refused_use_a_bucket_up_sooner(built: Path) -> None:
    client = {"X-Forwarded-For": "198.51.100.2"}
    with (
        running(Settings(data=built, rate_per_minute=1, rate_burst=30)) as address,
        httpx.Client(timeout=60) as web,
    ):
        bad = [web.get(f"{address}/sparql", params={"query": "ASK {"}, headers=client) for _ in range(6)]
        assert [one.status_code for one in bad] == [400, 400, 400, 429, 429, 429]
        good = {"X-Forwarded-For": "198.51.100.3"}
        answers = [web.get(f"{address}/questions", headers=good) for _ in range(6)]
        assert {one.status_code for one in answers} == {200}


def test_a_refusal_of_a_body_closes_the_connection(small: str) -> None:
    with raw(small) as client:
        client.sendall(
            b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n"
            b"Content-Length: 52428800\r\n\r\n"
        )
        answer = told(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


# -- held before they are answered -----------------------------------------------------------------------------------


def asked(address: str, request: bytes) -> socket.socket:
    client = raw(address)
    client.sendall(request)
    return client


def get_by(client: str, path: str = "/questions") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n".encode()
    )


def is_held(client: socket.socket) -> bool:
    client.settimeout(0.5)
    try:
        client.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    return False


def test_who_asks_too_much_waits_and_gives_the_place_up_when_gone(built: Path) -> None:
    settings = Settings(data=built, rate_per_minute=1, rate_burst=1, held_seconds=60, held_requests=2)
    with running(settings) as address, ExitStack() as stack:
        assert told(asked(address, get_by("198.51.100.1"))).startswith(b"HTTP/1.1 200 ")
        held = [stack.enter_context(asked(address, get_by("198.51.100.1"))) for _ in range(2)]
        assert all(is_held(one) for one in held)
        answer = told(asked(address, get_by("198.51.100.1")))
        assert answer.startswith(b"HTTP/1.1 429 "), "no place to wait is left"
        assert b"retry-after" in answer
        assert told(asked(address, get_by("198.51.100.2"))).startswith(b"HTTP/1.1 200 ")
        held[0].close()
        deadline = time.monotonic() + 30
        while not is_held(stack.enter_context(asked(address, get_by("198.51.100.1")))):
            assert time.monotonic() < deadline


def test_what_was_held_is_answered_as_it_was_asked(built: Path) -> None:
    settings = Settings(data=built, rate_per_minute=600, rate_burst=1, held_seconds=0.3)
    with running(settings) as address:
        for path in ("/sparql", "/health"):
            seen = []
            for _ in range(3):
                query = b"ASK {}"
                post = (
                    f"POST /sparql HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n"
                    f"Content-Type: application/sparql-query\r\nContent-Length: {len(query)}\r\n\r\n"
                ).encode() + query
                seen.append(told(asked(address, post if path == "/sparql" else get_by("198.51.100.1", path))))
            assert all(one.startswith(b"HTTP/1.1 200 ") for one in seen), seen
            assert b"true" in seen[-1] or b"ok" in seen[-1]


def test_a_held_request_that_is_none_is_told_so(built: Path) -> None:
    settings = Settings(data=built, rate_per_minute=1, rate_burst=1, held_seconds=0.1)
    with running(settings) as address:
        told(asked(address, get_by("198.51.100.1")))
        assert told(asked(address, get_by("198.51.100.1", "/%ff"))).startswith(b"HTTP/1.1 429 ")
        assert told(asked(address, get_by("198.51.100.1", "http://[x"))).startswith(b"HTTP/1.1 400 ")
        two = get_by("198.51.100.1").replace(b"Connection: close\r\n", b"") * 2
        assert told(asked(address, two)).startswith(b"HTTP/1.1 429 ")
