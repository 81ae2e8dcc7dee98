"""Findings that somebody accepted: the file, its faults, what it makes of a report, and of the exit code."""

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from graph.errors import BadInput
from shapes.findings import Report
from shapes.waivers import Settings, Waivers, load_waivers, settle

SAMPLE = Path(__file__).parent / "samples" / "reports" / "report.json"
LOWERED = "lowered.420115-jiangxia-2024.420000-hubei-2024.scrapped-car-recovery-growth.2024"
TODAY = date(2024, 7, 1)
WHO = {"reason": "按本地基数调整", "author": "李四", "date": "2024-06-01", "expires": "2025-01-01"}


@pytest.fixture
def report() -> Report:
    return settle(Report.model_validate_json(SAMPLE.read_text(encoding="utf-8")), Waivers(), TODAY)


def waivers(*entries: dict[str, object]) -> Waivers:
    return Waivers.model_validate({"waivers": [WHO | entry for entry in entries]})


def waived(report: Report) -> list[str]:
    return [finding.id for finding in report.findings if finding.status == "waived"]


def test_a_finding_is_waived_by_its_identifier(report: Report) -> None:
    settled = settle(report, waivers({"finding": LOWERED}), TODAY)
    assert waived(settled) == [LOWERED]
    assert settled.findings[-1].id == LOWERED  # apart, at the end
    assert settled.summary.open["violation"] == report.summary.open["violation"] - 1
    assert settled.summary.by_severity == report.summary.by_severity  # and still there
    found = settled.findings[-1].settlement
    assert found is not None
    assert (found.author, found.reason.zh, found.expires) == ("李四", "按本地基数调整", date(2025, 1, 1))
    assert not settled.notices


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"rule": "no_lead", "document": "120114-wuqing-2024"}, 2),
        ({"rule": "lowered", "document": "420115-jiangxia-2024", "indicator": "报废汽车回收量"}, 1),
        (
            {
                "rule": "lowered",
                "document": "420115-jiangxia-2024",
                "indicator": "报废汽车回收量",
                "year": 2024,
            },
            1,
        ),
        (
            {
                "rule": "lowered",
                "document": "420115-jiangxia-2024",
                "indicator": "报废汽车回收量",
                "year": 2027,
            },
            0,
        ),
        ({"rule": "raised", "document": "420115-jiangxia-2024", "indicator": "报废汽车回收量"}, 0),
    ],
)
def test_findings_are_waived_by_what_they_are_about(
    report: Report, entry: dict[str, object], count: int
) -> None:
    settled = settle(report, waivers(entry), TODAY)
    assert len(waived(settled)) == count
    assert [notice.kind for notice in settled.notices] == ([] if count else ["waiver_idle"])


def test_what_has_expired_is_open_again_and_told(report: Report) -> None:
    held = settle(report, waivers({"finding": LOWERED}), date(2024, 12, 31))
    assert waived(held) == [LOWERED]
    over = settle(report, waivers({"finding": LOWERED}), date(2025, 1, 1))
    assert not waived(over)
    assert over.findings == report.findings
    assert not waived(settle(held, waivers({"finding": LOWERED}), date(2025, 1, 1)))
    [notice] = over.notices
    assert notice.kind == "waiver_expired"
    assert "李四" in notice.words.zh
    assert "2025-01-01" in notice.words.en
    assert not waived(settle(report, waivers({"finding": LOWERED}), date(2024, 5, 31)))


def test_what_the_text_explains_is_not_waived_on_top(report: Report) -> None:
    explained = next(finding for finding in report.findings if finding.status == "explained")
    settled = settle(report, waivers({"finding": explained.id}), TODAY)
    assert not waived(settled)
    assert not settled.notices
    assert explained in settled.findings


def test_far_raised_is_a_warning_from_the_ratio_that_was_set(report: Report) -> None:
    raised = next(finding for finding in report.findings if finding.rule == "raised")
    assert (raised.ratio, raised.severity) == (Decimal("1.6"), "info")
    for limit, severity in (("1.6", "warning"), ("1.61", "info")):
        set_so = Waivers(settings=Settings(raised_is_warning_from=Decimal(limit)))
        once = settle(report, set_so, TODAY)
        found = next(finding for finding in once.findings if finding.rule == "raised")
        assert found.severity == severity
        assert ("1.6 倍" in found.reason.zh) == (severity == "warning")
        assert settle(once, set_so, TODAY) == once
        gravest = [finding.severity for finding in once.findings if finding.status == "open"]
        assert gravest == sorted(gravest, key=["violation", "warning", "info"].index)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("waivers: [", "cannot be read as YAML"),
        ("- 1", "mapping"),
        (
            "waivers:\n  - {finding: x, reason: y, author: z, date: 2024-01-01}",
            "waivers, entry 1, expires: Field",
        ),
        (
            "waivers:\n  - {rule: x, reason: y, author: z, date: 2024-01-01, expires: 2024-02-01}",
            "entry 1: name a",
        ),
        (
            "waivers:\n  - {finding: x, reason: ' ', author: z, date: 2024-01-01, expires: 2024-02-01}",
            "entry 1, reason: String",
        ),
        (
            "waivers:\n  - {finding: x, reason: y, author: z, date: 2024-02-01, expires: 2024-02-01}",
            "entry 1: expires on 2024-02-01",
        ),
        (
            "waivers:\n  - {finding: x, year: 2024, reason: y, author: z, date: 2024-01-01, expires: 2024-02-01}",
            "leave out rule",
        ),
        (
            "settings: {raised_is_warning_from: 0.5}",
            "settings, raised_is_warning_from: Input should be greater",
        ),
        ("settings: {raised: 2}", "settings, raised: Extra"),
    ],
)
def test_a_fault_in_the_file_is_told_by_entry_and_field(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "waivers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"waivers\.yaml: ") as caught:
        load_waivers(tmp_path)
    assert told in caught.value.message


def test_no_file_and_an_empty_one_are_none(tmp_path: Path) -> None:
    assert load_waivers(tmp_path) == Waivers()
    (tmp_path / "waivers.yaml").write_text("# nothing\nwaivers:\n", encoding="utf-8")
    assert load_waivers(tmp_path) == Waivers()


UPPER = """海州省推动设备更新和消费品以旧换新行动方案

一、主要目标
到2027年，报废汽车回收量较2023年增长40%以上。
二、重点任务
（一）推进工业设备更新。更新工业设备。（牵头单位：省工业和信息化厅）
"""
LOWER = UPPER.replace("海州省", "清河市").replace("40%", "25%").replace("省工业", "市工业")


def test_a_build_keeps_its_waivers_and_the_exit_code_heeds_them(tmp_path: Path) -> None:
    plans, data = tmp_path / "plans", tmp_path / "data"
    plans.mkdir()
    (plans / "130000-up.txt").write_text(UPPER, encoding="utf-8")
    (plans / "130100-low.txt").write_text(LOWER, encoding="utf-8")
    (plans / "catalog.yaml").write_text(
        "documents:\n  - {file: 130000-up.txt, code: '130000'}\n  - {file: 130100-low.txt, code: '130100'}\n",
        encoding="utf-8",
    )

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "zhengmai", *map(str, arguments), "--data", str(data)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)

    run("build", plans)
    done = run("check", "--format", "json")
    report = json.loads(done.stdout)
    [lowered] = [finding for finding in report["findings"] if finding["severity"] == "violation"]
    assert (done.returncode, lowered["outcome"], lowered["status"]) == (1, "lowered", "open")

    entry = "  - {%s, reason: 已商定, author: 王五, date: 2024-01-01, expires: %s}\n"
    good = entry % (f"finding: {lowered['id']}", "2999-01-01")
    (plans / "waivers.yaml").write_text("waivers:\n" + good + entry % ("finding: lowered.x", "2999-01-01"))
    built = run("build", plans)
    assert "lowered.x" in built.stderr
    done = run("check", "--format", "json")
    assert done.returncode == 0
    [again] = [one for one in json.loads(done.stdout)["findings"] if one["id"] == lowered["id"]]
    assert (again["status"], again["settlement"]["author"]) == ("waived", "王五")
    assert "王五" in run("check").stdout

    (plans / "waivers.yaml").write_text("waivers:\n" + entry % (f"finding: {lowered['id']}", "2024-02-01"))
    assert "expired" in run("build", plans).stderr
    assert run("check").returncode == 1
    (plans / "waivers.yaml").write_text("waivers: {}\n")
    refused = run("build", plans)
    assert (refused.returncode, "waivers.yaml: waivers:" in refused.stderr) == (2, True)
