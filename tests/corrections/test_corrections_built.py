"""Corrections in a build, and through the command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from graph.build import read_summary
from graph.errors import BadInput
from graph.stores import open_store
from tests.support.corrections import RATES, SLUG, build, entry
from tests.support.worksheets import NUMBER, Sheet


def test_the_graph_says_what_was_reviewed(plans: Path, tmp_path: Path) -> None:
    before = build(plans, tmp_path / "data")
    (plans / "corrections").mkdir()
    path = plans / "corrections" / f"{SLUG}.yaml"
    at = {"path": "二/（一）/3", "quote": RATES, "value": 55}
    path.write_text(yaml.safe_dump([entry("confirm", "target", at, reason="无误")]), encoding="utf-8")
    job = build(plans, tmp_path / "data")
    assert job.folder != before.folder
    assert f"corrections/{SLUG}.yaml" in read_summary(job.folder).inputs
    rows = open_store(job.folder / "store").rows(
        "PREFIX zm: <https://w3id.org/zhengmai/ns#> SELECT * { ?item zm:reviewStatus ?status ;"
        " zm:indicatorText ?name ; zm:reviewedBy ?by ; zm:reviewedOn ?on ; zm:reviewReason ?why }"
    )
    [row] = [{key: getattr(value, "value", "") for key, value in one.items()} for one in rows]
    assert row["status"].endswith("/review-status/confirmed")
    assert (row["name"], row["by"], row["on"], row["why"]) == (
        "关键工序数控化率",
        "王芳",
        "2026-11-20",
        "无误",
    )
    assert build(plans, tmp_path / "data").unchanged


def test_corrections_of_no_plan_are_refused(plans: Path, tmp_path: Path) -> None:
    (plans / "corrections").mkdir()
    (plans / "corrections" / "360704-ganxain-2024.yaml").write_text("[]", encoding="utf-8")
    with pytest.raises(BadInput, match="360704-ganxain-2024"):
        build(plans, tmp_path / "data")


def test_the_command_writes_reads_back_and_extracts(plans: Path, tmp_path: Path) -> None:
    def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zhengmai", *map(str, args)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)

    done = run("review", plans / f"{SLUG}.txt", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    sheet = Sheet(tmp_path / "out" / f"{SLUG}.xlsx")
    assert (tmp_path / "out" / f"{SLUG}.html").stat().st_size > 10_000
    sheet.put("目标", sheet.find("目标", 指标="关键工序数控化率"), **{NUMBER: 60})
    done = run("review", SLUG, "--plans", plans, "--read", sheet.save(), "--by", "王芳")
    assert "修改 1 项" in done.stdout
    done = run("extract", plans / f"{SLUG}.txt", "--corrections", plans / "corrections")
    targets = {one["indicator"]: one for one in json.loads(done.stdout)["targets"]}
    assert targets["关键工序数控化率"]["value"] == 60
    assert targets["关键工序数控化率"]["review"]["by"] == "王芳"
    assert run("review", "no-such-plan", "--plans", plans).returncode == 2
    assert run("extract", plans / f"{SLUG}.txt", "--corrections", plans / "nowhere").returncode == 2
