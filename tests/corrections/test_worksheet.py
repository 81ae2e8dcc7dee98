"""Corrections through the worksheet that a reviewer edits and hands back."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graph.build import read_summary
from graph.corrections import load_corrections
from graph.extraction import extract
from graph.record import PlanRecord
from review.page import render_page
from review.plans import open_plan
from review.returns import take_back
from review.words import Words
from review.worksheet import write_worksheet
from tests.support.corrections import (
    PLANS,
    SALES,
    SLUG,
    TODAY,
    build,
    built_record,
    named,
    rewrapped,
    text_of,
)
from tests.support.forms import soffice
from tests.support.worksheets import NUMBER, ZH, Sheet, hand_back


def bare(record: PlanRecord) -> dict[str, Any]:
    """A record without what wrapping and reviewing may change."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: strip(v) for k, v in value.items() if k not in {"span", "review", "text_hash", "problems"}
            }
        return [strip(one) for one in value] if isinstance(value, list) else value

    data: dict[str, Any] = strip(record.model_dump(mode="json"))
    return data


def test_the_round_trip(plans: Path, tmp_path: Path, sheet: Sheet) -> None:
    """One changed, one added, one removed; the source re-wrapped; then the quoted sentence deleted."""
    first = built_record(build(plans, tmp_path / "data"))
    changed = sheet.find("目标", 指标="二手车交易量")
    sheet.put("目标", changed, 处理="修改", **{NUMBER: 46}, 数值写法="46%", 理由="与附表核对", 审核人="李明")
    removed = sheet.find("目标", 指标="再生材料在资源供给中的占比")
    sheet.put("目标", removed, 处理="删除")
    quote = "协同推进基础能力提升、5G融合应用"
    sheet.new(
        "目标", 原文=quote, 指标="5G融合应用", 比较="定性", 口径="定性", 目标年=2027, 位置="二/（一）/3"
    )
    _, told = hand_back(plans, sheet.save())
    assert "修改 1 项，新增 1 项，删除 1 项，保留 0 项" in told
    assert "没有读回" not in told

    def check(record: PlanRecord) -> None:
        assert named(record, "二手车交易量").value == 46
        assert named(record, "5G融合应用").quote == quote
        assert "再生材料在资源供给中的占比" not in {one.indicator for one in record.targets}
        statuses = {one.indicator: one.review.status for one in record.targets if one.review}
        assert statuses == {"二手车交易量": "changed", "5G融合应用": "added"}
        by = named(record, "二手车交易量").review
        assert by is not None
        assert (by.by, by.reason) == ("李明", "与附表核对")

    source = plans / f"{SLUG}.txt"
    check(built_record(build(plans, tmp_path / "data")))
    source.write_text(rewrapped(text_of()), encoding="utf-8")
    job = build(plans, tmp_path / "data")
    whole = built_record(job)
    check(whole)
    assert len(whole.targets) == len(first.targets)
    assert read_summary(job.folder).idle_corrections == []

    # The sentence that was corrected goes: that correction is stale, the others hold, and nothing else changes.
    sentence = re.compile(r"\s*".join(SALES + "，"))
    assert len(sentence.findall(rewrapped(text_of()))) == 1
    source.write_text(sentence.sub("", rewrapped(text_of())), encoding="utf-8")
    job = build(plans, tmp_path / "data")
    [idle] = read_summary(job.folder).idle_corrections
    assert (idle["reason"], idle["text"], idle["document"]) == ("correction_stale", SALES, SLUG)
    last = built_record(job)
    assert any(problem.reason == "correction_stale" for problem in last.problems)
    expected = bare(whole)
    expected["targets"] = [one for one in expected["targets"] if one["quote"] != SALES]
    assert len(expected["targets"]) == len(whole.targets) - 1
    assert bare(last) == expected


def test_an_unedited_worksheet_changes_nothing(plans: Path, sheet: Sheet) -> None:
    _, told = hand_back(plans, sheet.path)
    assert told == "读回 sheet.xlsx：没有新的更正。"
    assert not (plans / "corrections").exists()


@pytest.mark.parametrize("slug", [*sorted(path.stem for path in PLANS.glob("*.txt")), "420100-wuhan-2024"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_plan_and_record_has_a_worksheet_and_a_page(slug: str, lang: Any, tmp_path: Path) -> None:
    plan = open_plan(slug, PLANS)
    path = tmp_path / "sheet.xlsx"
    write_worksheet(plan, path, Words(lang))
    plan.corrections_file = tmp_path / "none.yaml"
    assert len(list(take_back(plan, path, "王芳", TODAY, ZH))) == 1
    page = render_page(plan, Words(lang))
    for row in plan.rows:
        assert page.count(f'id="{row.id}"') == 1
        assert page.count(f'id="in-{row.id}"') == page.count(f'href="#in-{row.id}"')
    if plan.text:
        body = page[page.index('<div class="body">') : page.index('<section class="list"')]
        shown = re.sub(r'<span class="n">[^<]*</span>|<[^>]*>|\s', "", body)
        assert len(shown) >= len(re.sub(r"\s", "", plan.text))
    assert re.findall(r"(?:src|href)=\"(?!#|data:)", page) == []


def test_what_a_reviewer_confirms_moves_and_assigns(plans: Path, sheet: Sheet) -> None:
    sheet.put("目标", sheet.find("目标", 指标="二手车交易量"), 处理="保留")
    sheet.put("目标", sheet.find("目标", 指标="废旧家电回收量"), 处理="修改", 类别="转述上级", 所述层级="省")
    task = "开展重点行业技术改造"
    sheet.put("任务与单位", sheet.find("任务与单位", 类别="任务", 任务或目标原文=task), 处理="保留")
    sheet.put("任务与单位", sheet.find("任务与单位", 任务或目标原文=task, 单位="区工信局"), 职责="牵头")
    sheet.put("任务与单位", sheet.find("任务与单位", 任务或目标原文=task, 单位="区应急管理局"), 处理="删除")
    sheet.new("任务与单位", 类别="单位", 位置="二/（一）/1", 单位="工信局", 职责="配合")
    _, told = hand_back(plans, sheet.save())
    assert "没有读回" not in told
    assert "修改 1 项，新增 2 项，删除 2 项，保留 2 项" in told
    record = open_plan(SLUG, plans).record
    assert [(one.indicator, one.claimed_level) for one in record.cited_targets if one.review] == [
        ("废旧家电回收量", "province")
    ]
    assert [(a.agency, a.role) for a in record.actions[0].assignments] == [
        ("区工信局", "lead"),
        ("高新区经发局", "responsible"),
        ("工信局", "supporting"),
    ]


def test_a_missed_figure_becomes_a_target_or_is_told_to_be_none(
    plans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(*args: Any, **more: Any) -> PlanRecord:
        record = extract(*args, **more)
        record.targets = [
            one for one in record.targets if one.indicator not in {"二手车交易量", "废旧家电回收量"}
        ]
        return record

    monkeypatch.setattr("review.plans.extract", blind)
    plan = open_plan(SLUG, plans)
    missed = {row.missed.figure.printed: row.id for row in plan.missed if row.missed}
    assert {"45%", "30%"} <= set(missed)
    page = render_page(plan, ZH)
    assert f'<a class="m missed" href="#{missed["45%"]}"' in page
    path = tmp_path / "sheet.xlsx"
    write_worksheet(plan, path, ZH)
    sheet = Sheet(path)
    name = "未采用的数字"
    row = sheet.find(name, 编号=missed["45%"])
    assert SALES in str(sheet.book[name].cell(row, sheet.columns(name)["原文"]).value)
    sheet.put(
        name, row, 处理="新增", 指标="二手车交易量", 比较="达到", 口径="增长率", 目标年=2027, 原文=SALES
    )
    sheet.put(name, sheet.find(name, 编号=missed["30%"]), 处理="保留", 认定="已有成绩")
    old = plan.of("non_target")[0].id
    sheet.put(name, sheet.find(name, 编号=old), 处理="保留")
    _, told = hand_back(plans, sheet.save())
    assert "新增 2 项，删除 0 项，保留 1 项" in told, told
    after = open_plan(SLUG, plans)
    target = named(after.record, "二手车交易量")
    assert (target.value, target.unit, target.value_text, target.path) == (45, "%", "45%", "一")
    assert len(after.missed) == len(plan.missed) - 2
    assert [
        one.reason for one in after.record.non_targets if one.review and one.review.status == "added"
    ] == ["history"]


def test_a_figure_that_was_passed_over_becomes_a_target(plans: Path, sheet: Sheet) -> None:
    plan = open_plan(SLUG, plans)
    name = "未采用的数字"
    [old] = [row.id for row in plan.of("non_target") if "15年" in getattr(row.item, "text", "")]
    row = sheet.find(name, 编号=old)
    sheet.put(name, row, 处理="新增", 指标="老旧电梯年限", 比较="不低于", 口径="金额或总量")
    _, told = hand_back(plans, sheet.save())
    assert "新增 1 项" in told, told
    after = open_plan(SLUG, plans)
    assert named(after.record, "老旧电梯年限").value == 15
    assert len(after.record.non_targets) == len(plan.record.non_targets) - 1
    assert len(after.missed) == len(plan.missed)


def test_the_same_sheet_twice_changes_nothing_more_and_later_words_are_merged(
    plans: Path, sheet: Sheet
) -> None:
    row = sheet.find("目标", 指标="关键工序数控化率")
    sheet.put("目标", row, **{NUMBER: 60})
    sheet.new("目标", 原文="5G融合应用", 指标="5G融合应用", 比较="定性", 口径="定性", 目标年=2027)
    sheet.save()
    hand_back(plans, sheet.path)
    path = plans / "corrections" / f"{SLUG}.yaml"
    once = path.read_bytes()
    _, told = hand_back(plans, sheet.path)
    assert "没有新的更正" in told
    assert path.read_bytes() == once
    # A second worksheet shows what the first one did; its edits go into the same entries.
    write_worksheet(open_plan(SLUG, plans), sheet.path, ZH)
    second = Sheet(sheet.path)
    row = second.find("目标", 指标="关键工序数控化率")
    assert (
        second.book["目标"].cell(row, second.columns("目标")["核对情况"]).value
        == "已修改 · 王芳 · 2026-11-20"
    )
    second.put("目标", row, 目标年=2026)
    second.put("目标", second.find("目标", 指标="5G融合应用"), 处理="删除")
    _, told = hand_back(plans, second.save(), by="李明")
    assert "修改 1 项，新增 0 项，删除 1 项" in told
    [entry] = load_corrections(path)
    assert (entry.set, entry.by) == ({"value": 60, "target_year": 2026}, "李明")
    hand_back(plans, second.path, by="李明")
    assert load_corrections(path) == [entry]


def test_a_worksheet_saved_by_libreoffice_is_read_the_same(plans: Path, sheet: Sheet, tmp_path: Path) -> None:
    sheet.put("目标", sheet.find("目标", 指标="关键工序数控化率"), **{NUMBER: 60.5})
    sheet.new("目标", 原文="5G融合应用", 指标="5G融合应用", 比较="定性", 口径="定性", 目标年=2027)
    sheet.save()
    out = tmp_path / "saved"
    program = soffice()
    command = [program or "", f"-env:UserInstallation={(tmp_path / 'office').as_uri()}", "--headless"]
    command += ["--convert-to", "xlsx", "--outdir", str(out), str(sheet.path)]
    if program:
        subprocess.run(command, check=False, capture_output=True, timeout=180)
    # Calc is a program of its own that a developer need not have. With CI set it must be there: nothing skips.
    if not (out / "sheet.xlsx").exists() and not os.environ.get("CI"):
        pytest.skip("LibreOffice Calc is not installed")
    _, told = hand_back(plans, out / "sheet.xlsx")
    assert "修改 1 项，新增 1 项，删除 0 项，保留 0 项" in told
    assert "没有读回" not in told
