"""The OpenAPI description holds: requests made up from it, fitting and unfitting, get answers as described."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings

FILE = Path(__file__).parent.parent / "benchmarks" / "api_cases.py"


@pytest.fixture
def url(built: Path) -> Iterator[str]:
    app = create_app(Settings(data=built, drafts=4))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def test_made_up_requests_get_answers_as_described(url: str) -> None:
    """A few hundred, the same each time; `make api-cases` sends 10,000."""
    spec = importlib.util.spec_from_file_location("api_cases", FILE)
    assert spec
    assert spec.loader
    api_cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api_cases)
    count, code, said = api_cases.run(url, 250, 1, phases="examples,fuzzing")
    assert code == 0, said
    assert count >= 200


def test_every_operation_says_how_its_errors_look(built: Path) -> None:
    told = create_app(Settings(data=built)).openapi()
    for path in told["paths"].values():
        for operation in path.values():
            for status in ("4XX", "5XX"):
                content = operation["responses"][status]["content"]
                assert content["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }
            assert "422" not in operation["responses"]
    assert "HTTPValidationError" not in json.dumps(told)
