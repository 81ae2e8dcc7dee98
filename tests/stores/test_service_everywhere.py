"""The service and the command on every store: what they say is what they say on the embedded one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from tests.support.here import Here

JIANGXIA = "https://w3id.org/zhengmai/graph/document/420115-jiangxia-2024"
ROWS = f"SELECT ?p (COUNT(*) AS ?n) {{ GRAPH <{JIANGXIA}> {{ ?s ?p ?o }} }} GROUP BY ?p ORDER BY ?p"

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
