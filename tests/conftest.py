"""Fixtures that tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest

from api.settings import Settings
from benchmarks import corpus, faults
from benchmarks.generated.drafts import Fault
from benchmarks.generated.seeding import KINDS
from graph import stores
from ontology.terms import GRAPH_REFERENCE
from ontology.vocabulary import SCHEMES, vocabulary_graph
from tests.support.server import running


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the real corpus, built once by the real command."""
    data = tmp_path_factory.mktemp("corpus") / "data"
    subprocess.run(
        [sys.executable, "-m", "zhengmai", "build", "--data", str(data)], check=True, capture_output=True
    )
    return data


@dataclass(frozen=True)
class Seeded:
    """A generated corpus with faults of every kind, built and judged."""

    build: Path
    faults: list[Fault]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Forty generated plans: with this seed few are enough for each kind of fault."""
    count, seed, kinds = 40, 7, KINDS
    made = [fault for plan in corpus.plans(count, seed, 1, kinds) for fault in plan.faults]
    assert {fault.rule for fault in made} == set(kinds)
    return Seeded(faults.build(tmp_path_factory.mktemp("seeded"), count, seed, 1, kinds), made)


@pytest.fixture(scope="session")
def live_service(built: Path) -> Iterator[str]:
    """The address of a service on the real corpus that ends a query after five seconds."""
    with running(Settings(data=built, query_seconds=5)) as address:
        yield address


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of data/sample.trig and the vocabularies, for tests that need answers known by heart."""
    folder = tmp_path_factory.mktemp("sample")
    vocabularies = folder / "vocabularies.nq"
    quads = [
        ox.Quad(one.subject, one.predicate, one.object, ox.NamedNode(GRAPH_REFERENCE))
        for scheme in SCHEMES
        for one in ox.parse(vocabulary_graph(scheme).serialize(format="nt"), format=ox.RdfFormat.N_TRIPLES)
    ]
    ox.serialize(quads, str(vocabularies), format=ox.RdfFormat.N_QUADS)
    sample = Path(__file__).parent / "data" / "sample.trig"
    stores.create(folder / "store", [sample, vocabularies])
    return folder / "store"


@pytest.fixture(scope="session")
def served(built: Path) -> Iterator[str]:
    """The address of a real server on the real corpus, for tests that only read."""
    with running(Settings(data=built)) as address:
        yield address
