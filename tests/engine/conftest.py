"""A store of simple things, and the bounded engine on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queries.engine import Limits, QueryEngine
from tests.support.engine import SECONDS, make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("engine") / "store", 4000)


@pytest.fixture(scope="module")
def engine(store: Path) -> Iterator[QueryEngine]:
    with QueryEngine(store, workers=2, limits=Limits(seconds=SECONDS, result_mb=1)) as made:
        yield made
