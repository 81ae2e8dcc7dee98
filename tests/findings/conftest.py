"""The small sound graph as it is judged, and the report of it."""

from __future__ import annotations

import pytest
from rdflib import Graph

from shapes.collecting import collect
from shapes.findings import Report
from shapes.validation import ValidationResult, validate
from tests.support.shapes import sample, the_ontology


@pytest.fixture(scope="session")
def sound() -> tuple[Graph, ValidationResult]:
    graph = sample()
    return graph, validate(graph, the_ontology())


@pytest.fixture(scope="session")
def report(sound: tuple[Graph, ValidationResult]) -> Report:
    graph, result = sound
    return collect(result, graph)
