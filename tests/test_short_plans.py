"""Short plans of our own in the layouts of the genre, and the records that a careful reader makes of them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph.extraction import extract
from graph.reading import squeeze
from graph.record import Assignment, PlanRecord, Target

FILES = sorted((Path(__file__).parent / "data" / "short_plans").glob("*.yaml"))
PLANS: dict[str, dict[str, Any]] = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES
}


def _read(name: str) -> tuple[PlanRecord, dict[str, Any]]:
    return extract(PLANS[name]["text"]), PLANS[name]["expect"]


def test_there_are_twelve_at_least() -> None:
    assert len(PLANS) >= 12


@pytest.mark.parametrize("name", PLANS)
def test_head(name: str) -> None:
    record, expected = _read(name)
    head = record.plan
    assert {
        "title": head.title,
        "number": head.document_number,
        "issued": head.issued.isoformat() if head.issued else None,
        "status": head.status,
    } == expected["head"]


@pytest.mark.parametrize("name", PLANS)
def test_tasks_and_their_agencies(name: str) -> None:
    record, expected = _read(name)
    assert [
        [action.path, action.title, action.ancestors, _roles(action.assignments)] for action in record.actions
    ] == expected["actions"]


@pytest.mark.parametrize("name", PLANS)
def test_targets(name: str) -> None:
    record, expected = _read(name)
    rows = expected["targets"]
    assert [
        _row(target, with_roles=len(row) > 6) for target, row in zip(record.targets, rows, strict=False)
    ] == [[*row[:2], _number(row[2]), *row[3:]] for row in rows]
    assert len(record.targets) == len(rows)
    assert [one.reason for one in record.non_targets] == expected["non_targets"]


@pytest.mark.parametrize("name", PLANS)
def test_spans(name: str) -> None:
    """What stands at a span is what the record says, layout aside."""
    record, text = _read(name)[0], PLANS[name]["text"]
    spans = [(target.span, target.quote) for target in record.targets]
    spans += [(one.span, one.agency) for action in record.actions for one in action.assignments]
    for span, words in spans:
        assert span is not None
        assert squeeze(text[slice(*span)]).text == words


def _roles(assignments: list[Assignment]) -> list[str]:
    return [f"{one.role} {one.agency}" for one in assignments]


def _row(target: Target, with_roles: bool) -> list[Any]:
    high = target.value_max
    row: list[Any] = [target.path, target.indicator, target.value if high is None else [target.value, high]]
    row += [target.unit, target.comparator, target.target_year]
    return [*row, _roles(target.assignments)] if with_roles else row


def _number(printed: Any) -> Any:
    """4.5, 300万, [80万, 100万]."""
    if isinstance(printed, list):
        return [_number(one) for one in printed]
    match = re.fullmatch(r"([\d.]+)([万亿]?)", str(printed))
    return Decimal(match[1]) * {"万": 10**4, "亿": 10**8, "": 1}[match[2]] if match else None
