"""The corpus of the benchmark: variants that are plans still, differ from each other, and are the same for a seed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parent.parent / "benchmarks" / "reading.py"


@pytest.fixture(scope="module")
def reading() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_of_reading", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_variants_are_plans_that_differ(reading: ModuleType) -> None:
    plans = list(reading.variants(20, 1))
    assert plans == list(reading.variants(20, 1))
    assert plans != list(reading.variants(20, 2))
    assert len({text for _, text in plans}) == len({code for code, _ in plans}) == 20
    originals = [len(text) for *_, text in reading.sources()]
    for number, (code, text) in enumerate(plans):
        assert abs(len(text) / originals[number % 5] - 1) < 0.1
        # They hold about as much as the plans that they are made from.
        assert reading.read(code, text) > 20
