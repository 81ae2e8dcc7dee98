"""Each store with the real corpus put in, started once for each module of tests: embedded, `oxigraph serve`, Virtuoso."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from graph.build import open_current
from graph.remote_publishing import publish
from graph.stores import open_store
from queries.engine import Limits, QueryEngine
from tests.support.here import Here
from tests.support.stores import oxigraph, virtuoso


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
