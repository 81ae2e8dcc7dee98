"""A sixth plan, of another family: with vocabulary files beside it, and no code, it is linked, asked and checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from graph import linking
from graph.build import open_current
from graph.catalog import read_corpus, vocabularies_of
from graph.errors import BadInput
from graph.reading import source_of
from ontology.lint import lint, texts_of
from ontology.vocabulary import load_vocabularies, using
from shapes.drafts import check_draft

ROOT = Path(__file__).parent.parent
SIXTH = Path(__file__).parent / "data" / "urban-renewal"
SLUG = "320505-huqiu-2025"
UNLINKED = """
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT ?text { ?thing zm:conceptLink ?link .
  ?link zm:linkStatus <https://w3id.org/zhengmai/id/link-status/unlinked> ; zm:linkText ?text .
  ?thing a ?class . VALUES ?class { zm:Target zm:Action } } ORDER BY ?thing
"""


def zhengmai(*words: str, data: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zhengmai", *words],
        check=False,
        cwd=ROOT,
        env=os.environ | {"ZHENGMAI_DATA": str(data), "COLUMNS": "200"},
        input=stdin,
        capture_output=True,
        text=True,
    )


def built(folder: Path, *, vocabularies: bool) -> tuple[Path, Path]:
    """The folder of plans and the data folder of a build of it."""
    plans, data = folder / "plans", folder / "data"
    shutil.copytree(SIXTH, plans, ignore=None if vocabularies else shutil.ignore_patterns("vocabularies"))
    made = zhengmai("build", str(plans), data=data)
    assert made.returncode == 0, made.stderr
    return plans, data


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("without"), vocabularies=False)[1]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(tmp_path_factory.mktemp("with"), vocabularies=True)


def kept(data: Path, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((data / "current" / name).read_text(encoding="utf-8"))
    return found


def test_without_the_files_what_is_unknown_is_listed_and_not_guessed(without: Path) -> None:
    record = kept(without, f"records/{SLUG}.json")
    unknown = [one["indicator"] for one in record["targets"] if one["concept"] is None]
    assert unknown == [
        "城中村改造", "完整社区", "新建口袋公园", "城市更新项目完成投资", "居民满意度", "惠及居民", "城中村改造",
        "完整社区", "新建口袋公园", "建设城市绿道", "修缮历史建筑", "盘活存量低效用地",
    ]  # fmt: skip
    no_field = [one["title"] for one in record["actions"] if not one["domains"]]
    assert no_field == [
        "推进老旧小区改造", "稳妥实施城中村改造", "建设完整社区", "打造口袋公园和城市绿道", "盘活低效用地",
    ]  # fmt: skip
    counts = kept(without, "build.json")["counts"]
    assert (counts["targets_unlinked"], counts["actions_without_domain"]) == (12, 5)
    listed = zhengmai("query", "-", "--format", "csv", data=without, stdin=UNLINKED)
    assert sorted(listed.stdout.split()[1:]) == sorted([*unknown, *no_field])
    asked = zhengmai("ask", "lead-agencies", "domain=城市更新", data=without)
    assert asked.returncode == 2
    assert "城市更新" in asked.stderr


def test_with_the_files_everything_is_linked(extended: tuple[Path, Path]) -> None:
    record = kept(extended[1], f"records/{SLUG}.json")
    assert [one["concept"] for one in record["targets"]] == [
        "old-communities-renovated", "urban-village-renewals", "complete-communities", "pocket-parks",
        "underground-pipes", "lifts-added", "urban-renewal-investment", "residents-satisfied",
        "old-communities-renovated", "old-community-households", "urban-village-renewals", "complete-communities",
        "pocket-parks", "green-ways", "underground-pipes", "historic-buildings", "idle-land-reused",
    ]  # fmt: skip
    assert [one["domains"] for one in record["actions"]] == [
        ["housing-renewal"], ["housing-renewal"], ["housing-renewal"], ["green-space"], ["municipal"], ["heritage"],
        ["land-reuse"], ["organisation"], ["fiscal"],
    ]  # fmt: skip
    assert record["plan"]["family"] == "urban-renewal"
    counts = kept(extended[1], "build.json")["counts"]
    assert (counts["targets_unlinked"], counts["actions_without_domain"]) == (0, 0)
    assert zhengmai("query", "-", "--format", "csv", data=extended[1], stdin=UNLINKED).stdout.split() == [
        "text"
    ]


def test_questions_are_understood_by_the_words_of_the_build(extended: tuple[Path, Path]) -> None:
    leads = zhengmai("ask", "lead-agencies", "domain=城市更新", "--format", "json", data=extended[1])
    assert leads.returncode == 0, leads.stderr
    for agency in ("区住房城乡建设局", "区城市更新中心", "区民政局", "区城管局", "区自然资源局"):
        assert agency in leads.stdout
    parks = zhengmai("ask", "targets-of-indicator", "indicator=口袋公园", "--format", "csv", data=extended[1])
    assert parks.returncode == 0, parks.stderr
    assert "40" in parks.stdout


def test_the_check_and_the_lint_take_the_files_as_sound(extended: tuple[Path, Path]) -> None:
    plans, data = extended
    checked = zhengmai("check", "--format", "json", data=data)
    assert checked.returncode in (0, 1), checked.stderr
    rules = {one["rule"] for one in json.loads(checked.stdout)["findings"]}
    assert not any(rule.startswith(("concept-link", "link-", "target-", "action-")) for rule in rules)
    texts = texts_of([ROOT / "plans", ROOT / "tests", plans])
    files = read_corpus(plans).vocabulary_files
    assert [str(one) for one in lint(files, texts) if str(plans) in str(one)] == []


def test_the_service_answers_by_the_words_of_the_build(extended: tuple[Path, Path], without: Path) -> None:
    with TestClient(create_app(Settings(data=extended[1]))) as client:
        assert client.get("/questions/lead-agencies", params={"domain": "城市更新"}).status_code == 200
        page = client.get("/questions/lead-agencies", headers={"Accept": "text/html"}).text
        assert "公园绿地" in page
    with TestClient(create_app(Settings(data=without))) as client:
        assert client.get("/questions/lead-agencies", params={"domain": "城市更新"}).status_code == 422


def test_a_changed_word_is_a_changed_input(tmp_path: Path) -> None:
    plans, data = built(tmp_path, vocabularies=True)
    inputs = kept(data, "build.json")["inputs"]
    assert {name for name in inputs if name.startswith("vocabularies")} == {
        "vocabularies/domains.ttl", "vocabularies/families-and-agencies.ttl", "vocabularies/indicators.ttl",
    }  # fmt: skip
    again = zhengmai("build", str(plans), data=data)
    assert "Nothing has changed" in again.stderr
    file = plans / "vocabularies" / "indicators.ttl"
    file.write_text(file.read_text(encoding="utf-8").replace("历史建筑", "老建筑"), encoding="utf-8")
    assert zhengmai("build", str(plans), data=data).returncode == 0
    record = kept(data, f"records/{SLUG}.json")
    assert "修缮历史建筑" in [one["indicator"] for one in record["targets"] if one["concept"] is None]


def test_a_file_that_is_wrong_is_told_before_anything_is_built(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    shutil.copytree(SIXTH, plans)
    file = plans / "vocabularies" / "domains.ttl"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("skos:broader domain:urban-renewal", "skos:broader domain:nowhere"), encoding="utf-8"
    )
    with pytest.raises(BadInput, match=r"domains\.ttl: “[a-z-]+” stands below “nowhere”"):
        read_corpus(plans)
    made = zhengmai("build", str(plans), data=tmp_path / "data")
    assert made.returncode == 2
    assert "domains.ttl" in made.stderr
    assert not (tmp_path / "data" / "current").exists()


def test_words_in_use_stay_where_they_are_used() -> None:
    """What is remembered of one set of vocabularies is never answered for another, in this thread or the next."""
    more = vocabularies_of(SIXTH)
    phrase = ("口袋公园", "count_cumulative", "个")
    assert linking.indicator(*phrase) is None  # type: ignore[arg-type]
    with using(more):
        one = linking.indicator(*phrase)  # type: ignore[arg-type]
        assert one is not None
        assert one.concept == "pocket-parks"
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(linking.indicator, *phrase).result() is None  # type: ignore[arg-type]
    assert linking.indicator(*phrase) is None  # type: ignore[arg-type]
    assert load_vocabularies() is not more
    assert vocabularies_of(SIXTH) is more


def test_the_file_gives_an_agency_its_function(extended: tuple[Path, Path], without: Path) -> None:
    ask = """
    PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
    PREFIX zm: <https://w3id.org/zhengmai/ns#>
    SELECT ?function { ?agency skos:prefLabel "区城市更新中心"@zh ; zm:agencyFunction/skos:prefLabel ?function
      FILTER(LANG(?function) = "zh") } ORDER BY ?function
    """
    found = [zhengmai("query", "-", "--format", "csv", data=data, stdin=ask).stdout.split()[1:]
             for data in (without, extended[1])]  # fmt: skip
    assert found == [["住房和城乡建设"], ["住房和城乡建设", "城市更新"]]


CITY = """苏州市城市更新行动实施方案
（2025—2027年）

一、总体目标
到2027年，新建口袋公园300个，居民满意度达到95%以上。
二、重点任务
（一）打造口袋公园。利用闲置地块建设口袋公园。（牵头单位：市园林和绿化管理局）
"""
DRAFT = """苏州市吴中区城市更新行动实施方案（征求意见稿）

一、总体目标
到2027年，新建口袋公园25个，居民满意度达到90%以上。
二、重点任务
（一）打造口袋公园。利用闲置地块建设口袋公园。（牵头单位：区城市更新中心；责任单位：区城管局）
"""


def test_a_draft_is_linked_by_the_vocabularies_of_the_build(tmp_path: Path) -> None:
    """From Python, by the command and by the service, whose worker is a process of its own."""
    plans, data, draft = tmp_path / "plans", tmp_path / "data", tmp_path / "draft.txt"
    shutil.copytree(SIXTH, plans)
    (plans / "320500-suzhou-2025.txt").write_text(CITY, encoding="utf-8")
    draft.write_text(DRAFT, encoding="utf-8")
    assert zhengmai("build", str(plans), data=data).returncode == 0
    here = check_draft(source_of(DRAFT.encode(), "x"), open_current(data), name=draft.name)
    assert [notice.kind for notice in here.notices] == ["draft_line"]
    command = zhengmai("check", "--draft", str(draft), "--format", "json", data=data)
    with TestClient(create_app(Settings(data=data))) as client:
        answer = client.post("/drafts", files={"file": ("draft.txt", DRAFT.encode(), "text/plain")})
    for report in (here.model_dump(mode="json"), json.loads(command.stdout), answer.json()):
        lowered = [one["indicator"] for one in report["findings"] if one["outcome"] == "lowered"]
        assert lowered == ["居民满意度"]
    same = zhengmai("diff", SLUG, str(plans / f"{SLUG}.txt"), data=data)
    assert same.returncode == 0, same.stdout
