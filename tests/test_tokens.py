"""Who may write: tokens are shown once, kept as hashes, checked for their scope, and worthless once revoked."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.testclient import TestClient
from starlette.middleware.base import RequestResponseEndpoint

from api import problems
from api.builds import Service
from api.settings import Settings
from api.writing.tokens import add_token, holder_of, load_tokens, revoke_token, writer
from graph.errors import BadInput, NotFound, StoreError
from queries.catalogue import load_catalogue


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhengmai", "token", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_the_command_shows_a_token_once_and_keeps_its_hash(tmp_path: Path) -> None:
    made = run("add", "office", "--data", tmp_path, "--scope", "plans")
    assert (made.returncode, made.stdout.count("\n")) == (0, 1)
    token, file = made.stdout.strip(), tmp_path / "tokens.json"
    assert len(token) > 40
    assert token not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    holder = holder_of(file, token)
    assert holder is not None
    assert (holder.name, holder.scopes) == ("office", ("plans",))
    listed = run("list", "--data", tmp_path).stdout
    assert listed.startswith("office\tplans\t")
    assert token not in listed
    assert run("add", "office", "--data", tmp_path).returncode == 2
    assert run("add", "other", "--data", tmp_path, "--scope", "everything").returncode == 2
    assert run("revoke", "nobody", "--data", tmp_path).returncode == 2
    assert run("revoke", "office", "--data", tmp_path).returncode == 0
    assert holder_of(file, token) is None


def test_names_and_files_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    for name in ("", "a b", "x" * 65, "a\nb"):
        with pytest.raises(BadInput):
            add_token(file, name)
    with pytest.raises(NotFound):
        revoke_token(file, "nobody")
    assert load_tokens(file) == []
    file.write_text('{"tokens": [{"name": "a"}]}', encoding="utf-8")
    with pytest.raises(StoreError, match="mend or remove"):
        load_tokens(file)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """An application with one address that is written to."""
    app = FastAPI()
    service = Service(Settings(data=tmp_path), load_catalogue())
    problems.install(app)

    @app.middleware("http")
    async def serve(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.service = service
        return await call_next(request)

    @app.put("/written")
    def put(who: str = Depends(writer("graphs"))) -> dict[str, str]:
        return {"who": who}

    return TestClient(app)


def test_who_brings_none_or_a_wrong_one_is_told_what_to_do(client: TestClient, tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    answer = client.put("/written")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="zhengmai"')
    assert "zhengmai token add" in answer.json()["detail"]
    token = add_token(file, "office")
    reader = add_token(file, "reader", ["plans"])
    assert "Authorization" in client.put("/written").json()["detail"]
    for wrong in ("nonsense", token[:-1], token + "x", "Ü"):
        answer = client.put("/written", headers={"Authorization": f"Bearer {wrong}".encode()})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert client.put("/written", headers={"Authorization": f"Basic {token}"}).status_code == 401
    answer = client.put("/written", headers={"Authorization": f"Bearer {reader}"})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "token-scope")
    assert client.put("/written", headers={"Authorization": f"bearer {token}"}).json() == {"who": "office"}
    schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert json.dumps(schemes).count("bearer") == 1
    revoke_token(file, "office")
    assert client.put("/written", headers={"Authorization": f"Bearer {token}"}).status_code == 401
