"""A draft held against the built graph: what is found, what is asked for, and that nothing of it stays."""

from __future__ import annotations

import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.app import create_app
from api.settings import Settings
from graph import sealing
from graph.build import BuildJob, open_current
from graph.errors import BadParameter
from graph.reading import read_source, source_of
from shapes.drafts import Status, check_draft
from shapes.finding_store import report_of
from shapes.judging import judge_build
from shapes.reports import FORMS, write
from shapes.rules import LANGS
from shapes.waivers import Waivers, keep
from tests.support.answers import problem

PLANS = Path(__file__).parents[1] / "plans"
TODAY = date(2024, 7, 1)
DRAFT = """西陵区推动大规模设备更新和消费品以旧换新工作方案（征求意见稿）

一、主要目标
到2027年，设备投资规模较2023年增长20%以上。废旧家电回收量实现有效提升。2024年，报废汽车回收量增长15%。
二、重点任务
（一）推进工业设备更新。支持企业更新机床。（牵头单位：区科技经信局；责任单位：区发改局）
（二）开展汽车以旧换新。落实补贴政策。（责任单位：区商务局）
"""


@pytest.fixture(scope="module")
def build(built: Path) -> Path:
    return open_current(built)


def told(finding: Any) -> tuple[Any, ...]:
    lower = [(clause.path, clause.quote) for clause in finding.statements]
    upper = (finding.upper.document.removeprefix("draft-"), finding.upper.quote) if finding.upper else None
    return (
        finding.rule,
        finding.severity,
        finding.indicator,
        finding.year,
        finding.ratio,
        finding.rests_on,
        lower,
        upper,
        [clause.span for clause in (*finding.statements, finding.upper) if clause],
    )


@pytest.mark.parametrize("file", sorted(PLANS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_plan_of_the_corpus_gets_as_a_draft_what_it_got_in_the_build(build: Path, file: Path) -> None:
    status: Status = "draft" if "draft" in file.stem else "issued"
    report = check_draft(
        read_source(file), build, name=file.name, jurisdiction=file.stem[:6], status=status, today=TODAY
    )
    whole = [one for one in report_of(build, TODAY).findings if one.document == file.stem]
    assert sorted(map(repr, map(told, report.findings))) == sorted(map(repr, map(told, whole)))
    assert [one.slug for one in report.summary.documents] == [f"draft-{file.stem}"]
    # it takes the place of the version that the build has
    assert [notice.kind for notice in report.notices] == ["draft_line", "draft_replaces"]


def test_a_draft_is_compared_with_the_levels_above_it(build: Path) -> None:
    report = check_draft(source_of(DRAFT.encode(), "x"), build, name="征求意见稿.txt", today=TODAY)
    found = {(one.outcome, one.upper.document, one.year) for one in report.findings if one.upper}
    # Of 宜昌市 nothing is held but what 伍家岗区 says of it: that is heard for a draft too.
    assert ("lowered", "420500-yichang-2024", 2027) in found
    assert ("lowered", "420000-hubei-2024", 2024) in found
    assert ("softened", 2027) in {(outcome, year) for outcome, _, year in found}
    assert "no_lead" in {one.outcome for one in report.findings}
    assert {one.place.name for one in report.findings if one.place} == {"西陵区"}
    assert report.matrix is not None
    assert [column.place.name for column in report.matrix.columns if column.place] == ["西陵区"]
    assert [notice.kind for notice in report.notices] == ["draft_line"]
    assert "湖北省" in report.notices[0].words.zh


def test_which_place_it_is_for_is_asked_where_the_title_does_not_tell(build: Path) -> None:
    nowhere = source_of(DRAFT.replace("西陵区", "").encode(), "x")
    with pytest.raises(BadParameter, match="jurisdiction 420503") as caught:
        check_draft(nowhere, build)
    assert caught.value.parameter == "jurisdiction"
    assert "六位行政区划代码" in caught.value.text("zh")
    assert check_draft(nowhere, build, jurisdiction="西陵区").findings
    shared = source_of(DRAFT.replace("西陵区", "鼓楼区").encode(), "x")
    with pytest.raises(BadParameter, match="江苏省南京市鼓楼区") as caught:
        check_draft(shared, build)
    assert "320106" in caught.value.allowed
    assert check_draft(shared, build, jurisdiction="320106").findings
    for wrong in ("999999", "火星", "鼓楼区"):
        with pytest.raises(BadParameter):
            check_draft(nowhere, build, jurisdiction=wrong)


def test_what_it_was_not_held_against_is_told(build: Path) -> None:
    other = DRAFT.replace("推动大规模设备更新和消费品以旧换新", "防汛抗旱")
    report = check_draft(source_of(other.encode(), "x"), build)
    assert [notice.kind for notice in report.notices] == ["draft_family"]
    assert not [one for one in report.findings if one.upper]
    empty = check_draft(source_of("西陵区会议纪要\n\n会议听取了汇报。\n".encode(), "x"), build)
    assert "draft_empty" in [notice.kind for notice in empty.notices]


CITY = """武汉市推动大规模设备更新和消费品以旧换新行动方案（征求意见稿）

一、主要目标
到2027年，设备投资规模较2023年增长30%以上。2024年，报废汽车回收量增长45%，废旧家电回收量增长10%。
二、重点任务
（一）推进工业设备更新。支持企业更新机床。（牵头单位：市经信局；责任单位：市发改委）
"""


def test_what_a_draft_changes_for_the_plans_below_it_is_told_apart(build: Path) -> None:
    report = check_draft(source_of(CITY.encode(), "x"), build, name="武汉.txt", today=TODAY)
    assert {one.document for one in report.findings} == {"draft-武汉"}
    effects = report.effects
    assert effects is not None
    assert ([one.slug for one in effects.documents], effects.more) == (["420115-jiangxia-2024"], 0)
    found = {
        (one.change, one.finding.rule, one.finding.indicator, one.finding.year) for one in effects.changes
    }
    # 江夏区 repeats its city's 25% of today, and has 40% of investment; the city no longer speaks of green factories.
    assert ("appears", "lowered", "报废汽车回收量", 2024) in found
    assert ("appears", "raised", "设备投资规模", 2027) in found
    assert ("appears", "own", "国家级绿色工厂", 2027) in found
    assert ("disappears", "part_of_whole", "国家级绿色工厂", 2027) in found
    # what stands against the province stands as before, and 10% of appliances is what the city asked already
    assert not {one for one in found if one[2] == "废旧家电回收量"}
    lowered = next(one.after for one in effects.changes if one.finding.rule == "lowered")
    assert lowered
    assert lowered.upper
    assert (lowered.upper.document, str(lowered.ratio)[:4]) == ("draft-武汉", "0.55")
    assert sum(report.summary.by_severity.values()) == len(report.findings)
    for form in FORMS:
        for lang, words in zip(LANGS, ("对其他方案的影响", "Effects on other plans"), strict=True):
            body = write(report, form.name, lang)
            if form.binary:
                with zipfile.ZipFile(io.BytesIO(body)) as parts:
                    body = b"".join(parts.read(name) for name in parts.namelist())
            text = re.sub(r"\\(.)|\s", r"\1", html.unescape(body.decode("utf-8", "replace")))
            assert form.name == "json" or words.replace(" ", "") in text, form.name
            assert re.sub(r"\s", "", lowered.reason.said(lang)) in text, form.name
    assert type(report).model_validate_json(write(report, "json")) == report


def test_what_a_draft_says_as_before_changes_nothing_below(build: Path) -> None:
    county = check_draft(source_of(DRAFT.encode(), "x"), build)
    assert county.effects is None  # nothing is below it, and no sum above
    told = check_draft(source_of(CITY.replace("45%", "25%").encode(), "x"), build).effects
    assert told
    assert not [one for one in told.changes if one.finding.indicator == "报废汽车回收量"]


SUMS = {
    "420100-city": ("武汉市", "到2027年，更新和加装电梯100台。"),
    "420102-one": ("江岸区", "到2027年，更新和加装电梯60台。"),
    "420103-two": ("江汉区", "到2027年，更新和加装电梯30台。"),
}
PLAIN = """{place}推动大规模设备更新和消费品以旧换新工作方案

一、主要目标
{goal}
二、重点任务
（一）推进回收。完善网络。（牵头单位：{place}商务局）
"""


@pytest.fixture(scope="module")
def summed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city and two of its districts, whose figures add up to less than its own."""
    folder = tmp_path_factory.mktemp("sums")
    (folder / "plans").mkdir()
    for slug, (place, goal) in SUMS.items():
        text = PLAIN.format(place=place, goal=goal)
        (folder / "plans" / f"{slug}.txt").write_text(text, encoding="utf-8")
    with BuildJob(folder / "plans", folder / "data") as job:
        judge_build(job.folder)
        job.publish()
    return open_current(folder / "data")


@pytest.mark.parametrize(
    ("place", "code", "count", "changes"),
    [
        ("硚口区", "420104", 20, [("appears", "110")]),  # a third district
        ("江汉区", "420103", 50, [("appears", "110")]),  # a new version of the second
        ("硚口区", "420104", 5, []),
    ],
)
def test_the_sums_of_the_plan_above_are_told(
    summed: Path, place: str, code: str, count: int, changes: list[tuple[str, str]]
) -> None:
    goal = f"到2027年，更新和加装电梯{count}台。"
    report = check_draft(
        source_of(PLAIN.format(place=place, goal=goal).encode(), "x"), summed, jurisdiction=code, today=TODAY
    )
    told = report.effects
    if not changes:
        assert told is None
        return
    assert told
    assert told.documents == []
    assert [one.slug for one in told.above] == ["420100-city"]
    assert [(one.change, one.finding.rule, one.finding.document) for one in told.changes] == [
        (change, "sum_exceeds", "420100-city") for change, _ in changes
    ]
    found = told.changes[0].finding
    assert all(total in found.reason.zh and total in found.reason.en for _, total in changes)
    assert "draft-draft" in {clause.document for clause in found.statements}
    assert "各地合计" in write(report, "markdown", "zh").decode()
    assert "sums over its places" in write(report, "markdown", "en").decode()


def test_waivers_hold_for_a_draft_of_the_same_plan(build: Path, tmp_path: Path) -> None:
    shutil.copytree(
        build,
        tmp_path,
        ignore=shutil.ignore_patterns("data", ".data*"),
        copy_function=os.link,
        dirs_exist_ok=True,
    )
    who = {"reason": "按本地基数调整", "author": "李四", "date": "2024-06-01", "expires": "2025-01-01"}
    identifier = "lowered.420115-jiangxia-2024.420000-hubei-2024.scrapped-car-recovery-growth.2024"
    (tmp_path / "waivers.json").unlink()
    accepted = [
        {"finding": identifier} | who,
        {"rule": "no_lead", "document": "420115-jiangxia-2024"} | who | {"expires": "2024-06-15"},
        {"rule": "no_lead", "document": "120114-wuqing-2024"} | who,
    ]
    keep(Waivers.model_validate({"waivers": accepted}), tmp_path)
    sealing.seal(tmp_path)
    file = PLANS / "420115-jiangxia-2024.txt"
    report = check_draft(
        read_source(file), tmp_path, name="江夏区送审稿.txt", jurisdiction="420115", today=TODAY
    )
    waived = [one for one in report.findings if one.status == "waived"]
    assert [one.id.replace("draft-江夏区送审稿", "420115-jiangxia-2024") for one in waived] == [identifier]
    assert report.findings[-1] == waived[0]
    assert waived[0].settlement
    assert waived[0].settlement.reason.zh == "按本地基数调整"
    # one that has expired is told, where it would fit; one about another plan is not
    told = [notice.kind for notice in report.notices]
    assert told.count("waiver_expired") == any(one.rule == "no_lead" for one in report.findings)
    assert "waiver_idle" not in told


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zhengmai", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_the_command_keeps_nothing(built: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.txt"
    draft.write_text(DRAFT, encoding="utf-8")
    before = contents(built)
    done = run("check", "--data", built, "--draft", draft, "--format", "json")
    assert done.returncode == 1  # it has targets that fall short
    assert {one["document"] for one in json.loads(done.stdout)["findings"]} == {"draft-draft"}
    assert contents(built) == before
    letter = tmp_path / "report.docx"
    assert (
        run("check", "--data", built, "--draft", draft, "--format", "docx", "--output", letter).returncode
        == 1
    )
    assert letter.read_bytes().startswith(b"PK")
    draft.write_text(DRAFT.replace("西陵区", ""), encoding="utf-8")
    refused = run("check", "--data", built, "--draft", draft)
    assert (refused.returncode, "--jurisdiction" in refused.stderr) == (2, True)
    assert run("check", "--data", built, "--jurisdiction", "420503").returncode == 2
    assert run("check", "--data", built, "--draft", draft, "--status", "final").returncode == 2


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder for temporary files, of this process and of those that it starts."""
    folder = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield folder
    tempfile.tempdir = None


@pytest.fixture(scope="module")
def address(built: Path, scratch: Path) -> Iterator[str]:
    """A real server on loopback."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(Settings(data=built, draft_mb=1)), port=0, log_level="critical")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def post(address: str, text: str | bytes = DRAFT, *, accept: str = "*/*", **fields: str) -> httpx.Response:
    data = text.encode() if isinstance(text, str) else text
    url = address + "/drafts" + (f"?format={fields.pop('query')}" if "query" in fields else "")
    return httpx.post(
        url, files={"file": ("稿.txt", data)}, data=fields, headers={"Accept": accept}, timeout=60
    )


def test_the_service_keeps_nothing(built: Path, address: str, scratch: Path) -> None:
    before = contents(built)
    answer = post(address)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert {one["document"] for one in report["findings"]} == {"draft-稿"}
    assert report["summary"]["open"]["violation"] >= 2
    assert answer.headers["cache-control"] == "no-store"
    assert contents(built) == before
    assert not list(scratch.rglob("*"))
    found = httpx.get(address + "/plans").json()
    assert "draft-稿" not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize(
    ("how", "media", "begins"),
    [
        ({"query": "docx"}, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK"),
        ({"accept": "text/csv"}, "text/csv; charset=utf-8", b"\xef\xbb\xbf"),
        ({"format": "html"}, "text/html; charset=utf-8", b"\n"),
    ],
)
def test_the_report_comes_as_the_client_likes_it(
    address: str, how: dict[str, str], media: str, begins: bytes
) -> None:
    answer = post(address, **how)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.content.startswith(begins) or b"<!doctype html>" in answer.content[:20]
    if "html" in media:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "content-disposition" not in answer.headers


def test_what_cannot_be_read_is_told_as_a_problem(address: str) -> None:
    asked = problem(post(address, DRAFT.replace("西陵区", "")), 422, "bad-parameter")
    assert asked["parameter"] == "jurisdiction"
    assert post(address, DRAFT.replace("西陵区", ""), jurisdiction="420502").status_code == 200
    assert "old Word" in problem(post(address, b"\xd0\xcf\x11\xe0" + b"\0" * 600), 400, "bad-input")["detail"]
    assert problem(post(address, "x" * (1 << 20)), 413, "body")
    assert problem(post(address, query="pdf"), 406, "format")["allowed"]
    assert problem(post(address, colour="red"), 422, "bad-parameter")["parameter"] == "colour"
    problem(post(address, status="final"), 422, "bad-parameter")
    problem(httpx.post(address + "/drafts", content=b"x"), 415, "content-type")
    problem(httpx.post(address + "/drafts", data={"jurisdiction": "420502"}, files={}), 415, "content-type")
    garbled = httpx.post(address + "/drafts", content=b"x", headers={"content-type": "multipart/form-data"})
    problem(garbled, 400, "bad-input")


def test_there_is_a_page_to_hand_one_in(address: str) -> None:
    page = httpx.get(address + "/drafts", headers={"Accept": "text/html"}).text
    assert 'enctype="multipart/form-data"' in page
    assert 'type="file"' in page
