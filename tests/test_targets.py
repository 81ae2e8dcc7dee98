"""Sentences of the genre, and the targets that a careful reader takes from them (tests/data/sentences.yaml)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from graph.clauses import Years
from graph.reading import squeeze
from graph.record import Target
from graph.targets import SentenceReader

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "data" / "sentences.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:20] for case in CASES])
def test_sentence(case: dict[str, Any]) -> None:
    """Indicator, value, unit, comparator, measure, year and base come out as written beside the sentence."""
    text = case["text"].rstrip("。")
    reader = SentenceReader(
        squeeze(text),
        "二/（一）",
        Years(),
        goals=case.get("goals", False),
        first_year=case.get("first_year", 2024),
    ).read()
    assert [_row(target) for target in reader.targets] == case["targets"]
    if "scopes" in case:
        assert [target.scope for target in reader.targets] == case["scopes"]
    assert [_row(target) for target in reader.cited] == case.get("cited", [])
    assert [skipped.reason for skipped in reader.non_targets] == case.get("non_targets", [])
    for target in [*reader.targets, *reader.cited]:
        assert target.span is not None
        assert text[slice(*target.span)] == target.quote


def _row(target: Target) -> list[Any]:
    low, high = (None if value is None else float(value) for value in (target.value, target.value_max))
    return [
        target.indicator,
        low if high is None else [low, high],
        target.unit,
        target.comparator,
        target.measure,
        target.target_year,
        *([target.baseline_year] if target.baseline_year else []),
    ]
