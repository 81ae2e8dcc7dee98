"""A build put into a store on a server: only what changed, whole or told, and never taken for another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient

from graph import remote_publishing, sealing
from graph.errors import StoreError
from graph.remote_publishing import publish, read_manifest
from graph.remote_store import Connection
from graph.store_address import StoreAddress, discover
from graph.stores import open_store
from queries.engine import QueryEngine
from queries.remote_engine import RemoteEngine
from tests.support.here import Here

JIANGXIA = "https://w3id.org/zhengmai/graph/document/420115-jiangxia-2024"

on_each_server = pytest.mark.parametrize("here", ["oxigraph", "virtuoso"], indirect=True)


@pytest.fixture
def remote(here: Here) -> Iterator[Here]:
    """The same, whole again afterwards."""
    publish(here.build, here.connection)
    yield here
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


@on_each_server
def test_what_is_there_is_not_put_in_again(remote: Here) -> None:
    done = publish(remote.build, remote.connection)
    assert (done.loaded, done.removed, done.triples) == (0, 0, 0)
    manifest = read_manifest(remote.connection, graphs=True)
    assert manifest is not None
    assert (manifest.state, manifest.build) == ("ready", remote.build.name)
    assert sorted(manifest.graphs) == open_store(remote.build / "store").graphs()


@on_each_server
def test_another_build_changes_its_graphs_alone(remote: Here, changed: Path, engine: QueryEngine) -> None:
    done = publish(changed, remote.connection)
    assert (done.loaded, done.removed) == (1, 1)
    with pytest.raises(StoreError, match="holds build 20990101T000000000-changed0"):
        engine.run("ASK { ?s ?p ?o }")
    with RemoteEngine(remote.connection, build=changed.name) as other:
        assert json.loads(other.run("ASK { <urn:a> <urn:b> ?o }").body)["boolean"] is True
    again = publish(remote.build, remote.connection)
    assert (again.loaded, again.removed) == (2, 0)
    assert json.loads(engine.run("ASK { <urn:a> <urn:b> ?o }").body)["boolean"] is False


@on_each_server
def test_a_publication_that_was_cut_off_is_told_and_done_again(
    remote: Here, changed: Path, engine: QueryEngine, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:

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


@on_each_server
def test_an_answer_over_which_a_build_was_put_in_is_not_used(
    remote: Here, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


# Oxigraph asks for none
@pytest.mark.parametrize("here", ["virtuoso"], indirect=True)
def test_a_wrong_password_is_told_and_not_shown(remote: Here) -> None:
    assert remote.address is not None
    wrong = StoreAddress(remote.address.base, "dba", "opensesame")
    assert "opensesame" not in repr(wrong)
    with pytest.raises(StoreError, match="ZHENGMAI_STORE_PASSWORD") as caught:
        Connection(discover(wrong)).update("DROP SILENT GRAPH <urn:none>")
    assert "opensesame" not in str(caught.value)
