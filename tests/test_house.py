"""The house is as its plan says (docs/model.md, section 4): each module stands in it, and imports run one way."""

from __future__ import annotations

import ast
import re
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("ontology", "graph", "queries", "shapes", "api", "distributed", "commands")
"""From the ground up: each may import from those before it."""
MODULES = sorted(
    path
    for floor in (*FLOORS, "review")
    for path in (ROOT / floor).rglob("*.py")
    if "node_modules" not in path.parts
)


def imported(module: Path) -> set[str]:
    """The packages of which a module imports something."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
    return found


def test_each_module_stands_in_the_plan_of_the_house() -> None:
    lines = (ROOT / "docs" / "model.md").read_text("utf-8").splitlines()
    start = lines.index("## 4. Modules")
    plan = "\n".join(takewhile(lambda line: not line.startswith("Imports run"), lines[start:]))
    named = set(re.findall(r"\w+", plan))
    assert [
        str(path.relative_to(ROOT)) for path in MODULES if path.stem not in named | {"__init__", "build"}
    ] == []


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_run_one_way(floor: str) -> None:
    above = {*FLOORS[FLOORS.index(floor) + 1 :], "review", "zhengmai", "tests", "benchmarks"}
    if floor == "commands":
        above -= {"review"}
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported(path) & above)
        for path in MODULES
        if path.is_relative_to(ROOT / floor)
    }
    assert {path: names for path, names in wrong.items() if names} == {}


def test_the_review_of_records_and_the_client_stand_apart() -> None:
    for folder, may in (
        (ROOT / "review", {"ontology", "graph", "review"}),
        (ROOT / "api" / "client", {"api"}),
    ):
        for path in folder.glob("*.py"):
            assert imported(path) & {*FLOORS, "review"} <= may, path
