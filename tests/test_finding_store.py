"""The file of findings, and what is read from it: some at a time, it is the report of all."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph import finding_file, sealing
from graph.errors import NotFound, StoreError
from graph.finding_file import sort_key
from shapes.finding_store import Findings, report_of
from shapes.findings import Finding, Report
from shapes.waivers import Settings, Waiver, Waivers, keep, settle

TODAY = date(2026, 1, 1)
GANXIAN, JIANGXIA = "360704-ganxian-2024", "420115-jiangxia-2024"

_PARTS = st.tuples(
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)


@given(st.lists(_PARTS))
def test_bytes_are_ordered_as_what_they_are_made_of(some: list[tuple[int, float, str]]) -> None:
    assert sorted(some, key=sort_key) == sorted(some)


def test_what_is_infinitely_far_apart_comes_first() -> None:
    assert sort_key([-math.inf]) < sort_key([-2.5]) < sort_key([-1.0]) < sort_key([0.0]) == sort_key([-0.0])


@pytest.fixture(scope="module")
def build(built: Path) -> Path:
    return (built / "current").resolve()


@pytest.fixture(scope="module")
def whole(build: Path) -> Report:
    return report_of(build, TODAY)


@pytest.fixture
def findings(build: Path) -> Iterator[Findings]:
    found = Findings(build, TODAY)
    yield found
    found.close()


KEYS: dict[str, Callable[[Finding], str | None]] = {
    "severity": lambda one: one.severity,
    "status": lambda one: one.status,
    "outcome": lambda one: one.outcome,
    "place": lambda one: one.place.code if one.place else None,
    "plan": lambda one: one.document,
    "indicator": lambda one: one.indicator_iri.rpartition("/")[2] if one.indicator_iri else None,
}


@pytest.mark.parametrize("name", KEYS)
def test_filters_and_counts_are_those_of_the_report(findings: Findings, whole: Report, name: str) -> None:
    told = findings.counted(name)
    assert told == dict(Counter(key for one in whole.findings if (key := KEYS[name](one)) is not None))
    for key, count in told.items():
        fitting = [one for one in whole.findings if KEYS[name](one) == key]
        assert findings.page({name: key}) == fitting
        assert findings.count({name: key}) == len(fitting) == count
    assert findings.page({name: "nothing-of-that-name"}) == []


def test_pages_put_together_are_all(findings: Findings, whole: Report) -> None:
    pages = [findings.page(limit=7, offset=start) for start in range(0, len(whole.findings), 7)]
    assert [one for page in pages for one in page] == whole.findings
    assert all(findings.get(one.id) == one for one in whole.findings)
    assert findings.get("no-such") is None


def test_a_build_may_be_named_from_where_one_stands(
    build: Path, whole: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(build.parent)
    assert report_of(Path(build.name), TODAY) == whole


def test_two_filters_fit_together(findings: Findings, whole: Report) -> None:
    chosen = {"plan": GANXIAN, "severity": "warning", "status": None, "outcome": ""}
    fitting = [one for one in whole.findings if (one.document, one.severity) == (GANXIAN, "warning")]
    assert findings.page(chosen) == fitting
    assert findings.counted("outcome", chosen) == Counter(one.outcome for one in fitting)


def test_domains_count_with_the_wider_ones_and_agencies_by_function(findings: Findings) -> None:
    domains = findings.counted("domain")
    found = findings.page({"domain": "industry"})
    # 规模以上工业企业 … of 赣县区 stands in a task of equipment in industry.
    assert any(one.document == GANXIAN and (one.indicator or "").startswith("规模以上") for one in found)
    assert len(found) == domains["industry"] == findings.count({"domain": "industry"})
    functions = findings.counted("function", {"domain": "industry"})
    assert functions
    both = findings.count({"domain": "industry", "function": max(functions, key=lambda one: functions[one])})
    assert both == max(functions.values())


def test_the_matrix_is_read_by_rows_and_columns(findings: Findings, whole: Report) -> None:
    assert whole.matrix is not None
    assert findings.matrix() == whole.matrix
    rows, columns = whole.matrix.rows[2:5], whole.matrix.columns[3:6]
    part = findings.matrix(rows, columns)
    assert (part.rows, part.columns) == (rows, columns)
    for row in rows:
        for column in columns:
            assert part.cell(row, column) == whole.matrix.cell(row, column)


def test_a_part_of_the_report_has_its_counts_and_its_matrix(findings: Findings, whole: Report) -> None:
    assert findings.head.summary == whole.summary
    of_place = findings.report({"place": "360704"})
    expected = whole.of_place("360704")
    assert of_place.summary == expected.summary
    assert of_place.matrix == expected.matrix
    assert [one.id for one in of_place.findings] == [one.id for one in expected.findings]
    with pytest.raises(NotFound):
        findings.report({"place": "000000"})


def test_the_day_decides_which_waivers_hold(build: Path, whole: Report, tmp_path: Path) -> None:
    copy = tmp_path / "build"
    copy.mkdir()
    shutil.copyfile(build / finding_file.FILE, copy / finding_file.FILE)
    violation = next(one for one in whole.findings if one.severity == "violation" and one.status == "open")
    spring, summer = date(2026, 3, 1), date(2026, 6, 1)
    more: dict[str, Any] = {"reason": "已商定", "author": "张三", "date": spring, "expires": summer}
    waivers = Waivers(
        settings=Settings(raised_is_warning_from=Decimal("1.1")),
        waivers=[
            Waiver(finding=violation.id, **more),
            Waiver(rule="no_lead", document=JIANGXIA, **more),
            Waiver(finding="of.nothing", **more),
        ],
    )
    plain = report_of(copy, TODAY)  # without those of the corpus
    keep(waivers, copy)
    for day in (TODAY, spring, summer):
        found, expected = Findings(copy, day), settle(plain, waivers, day)
        assert found.report() == expected
        assert found.head.summary == expected.summary
        assert found.notices == expected.notices
        assert found.counted("severity") == Counter(one.severity for one in expected.findings)
        now = found.get(violation.id)
        assert now is not None
        assert now.status == ("waived" if day == spring else "open")
        assert found.page({"status": "waived"}) == [
            one for one in expected.findings if one.status == "waived"
        ]
        found.close()


def test_a_damaged_file_is_told(build: Path, tmp_path: Path) -> None:
    copy = tmp_path / "build"
    copy.mkdir()
    body = bytearray((build / finding_file.FILE).read_bytes())
    (copy / finding_file.FILE).write_bytes(body)
    sealing.seal(copy)
    body[len(body) // 2] ^= 1
    (copy / finding_file.FILE).write_bytes(body)
    with pytest.raises(StoreError, match=r"findings\.db"):
        Findings(copy, TODAY)
    (copy / finding_file.FILE).unlink()
    with pytest.raises(StoreError, match=r"findings\.db.*missing"):
        Findings(copy, TODAY)
    (copy / sealing.FILE).unlink()
    with pytest.raises(StoreError, match="run 'zhengmai build'"):
        Findings(copy, TODAY)
