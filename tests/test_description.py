"""The OpenAPI description holds: requests made up from it, fitting and unfitting, get answers as described."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.settings import Settings
from tests.support.server import running

FILE = Path(__file__).parent.parent / "benchmarks" / "api_cases.py"


@pytest.fixture
def url(built: Path) -> Iterator[str]:
    with running(Settings(data=built, drafts=4)) as address:
        yield address


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
