"""What a returned worksheet holds: cells as people type them, and what cannot be read."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from graph.errors import BadInput
from review.plans import open_plan
from review.returns import take_back
from review.worksheet import write_worksheet
from tests.support.corrections import PLANS, SLUG, TODAY, named
from tests.support.worksheets import NUMBER, ZH, Sheet, hand_back

BAD_CELLS: list[tuple[Callable[[Sheet], object], str, str]] = [
    (lambda s: s.put("目标", 2, **{NUMBER: "许多"}), "目标!H2", "不是数字"),
    (lambda s: s.put("目标", 2, 目标年="二七年"), "目标!N2", "不是四位年份"),
    (lambda s: s.put("目标", 2, 比较="大约吧"), "目标!G2", "不在可选之列"),
    (lambda s: s.put("目标", 2, 处理="好"), "目标!B2", "不在可选之列"),
    (lambda s: s.put("目标", 2, 处理="修改"), "目标!B2", "没有改动"),
    (lambda s: s.put("目标", 2, 处理="保留", 指标="别的"), "目标!B2", "改过内容"),
    (lambda s: s.put("目标", 2, 处理="新增"), "目标!B2", "只用于空行"),
    (lambda s: s.put("目标", 2, 计量单位=None), "目标!J2", "有数值须有单位"),
    (lambda s: s.put("目标", 2, 指标=None), "目标!F2", "须填写"),
    (lambda s: s.put("目标", 2, 原文="改写的原文"), "目标!D2", "灰底"),
    (lambda s: s.put("目标", 2, 编号="T999"), "目标!A2", "不是本表的编号"),
    (lambda s: s.put("目标", 3, 编号="T1"), "目标!A3", "出现了两次"),
    (lambda s: s.put("目标", 60, 指标="没有处理"), "目标!B60", "新增"),
    (lambda s: s.new("目标", 原文="方案里没有的话", 指标="x", 比较="定性", 口径="定性"), "目标!D", "找不到"),
    (
        lambda s: s.new("任务与单位", 类别="单位", 位置="九/九", 单位="区工信局", 职责="牵头"),
        "任务与单位!E",
        "找不到",
    ),
    (
        lambda s: s.new("任务与单位", 位置="二/（一）/1", 单位="区无此局", 职责="牵头"),
        "任务与单位!F",
        "找不到",
    ),
    (lambda s: s.new("任务与单位", 位置="二/（一）/1", 单位="区工信局"), "任务与单位!G", "须填写"),
]


@pytest.mark.parametrize(("spoil", "cell", "says"), BAD_CELLS)
def test_each_cell_that_cannot_be_read_is_named(
    plans: Path, sheet: Sheet, spoil: Callable[[Sheet], object], cell: str, says: str
) -> None:
    spoil(sheet)
    _, told = hand_back(plans, sheet.save())
    lines = [line for line in told.splitlines() if cell in line]
    assert lines, told
    assert says in lines[0]
    assert not (plans / "corrections").exists()


def test_rows_may_be_sorted_and_are_not_removed_by_deleting_them(plans: Path, sheet: Sheet) -> None:
    page = sheet.book["目标"]
    page.delete_rows(2)
    cells = [[cell.value for cell in row] for row in page.iter_rows(min_row=2, max_row=6)]
    for row, values in zip(range(2, 7), reversed(cells), strict=True):
        for column, value in enumerate(values, 1):
            page.cell(row, column).value = value
    _, told = hand_back(plans, sheet.save())
    assert "没有新的更正" in told
    assert "少了 1 行（T1）" in told


def test_values_are_read_as_people_type_them(plans: Path, sheet: Sheet) -> None:
    row = sheet.find("目标", 指标="二手车交易量")
    sheet.put("目标", row, **{NUMBER: 0.46}, 目标年="2026年", 比较=">=")
    column = sheet.columns("目标")[NUMBER]
    sheet.book["目标"].cell(row, column).number_format = "0%"
    _, told = hand_back(plans, sheet.save())
    assert "修改 1 项" in told
    target = named(open_plan(SLUG, plans).record, "二手车交易量")
    assert (target.value, target.target_year, target.comparator) == (46, 2026, ">=")


def test_rows_need_a_reviewer(plans: Path, sheet: Sheet) -> None:
    sheet.put("目标", 2, 处理="保留")
    sheet.put("目标", 3, 处理="保留", 审核人="李明")
    _, told = hand_back(plans, sheet.save(), by=None)
    assert "保留 1 项" in told
    assert "没有审核人" in told


@pytest.mark.parametrize("kind", ["text", "zip", "foreign", "missing"])
def test_what_is_no_worksheet_is_refused(plans: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "other.xlsx"
    if kind == "text":
        path.write_text("not a workbook", encoding="utf-8")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "a")
    elif kind == "foreign":
        Workbook().save(path)
    with pytest.raises(BadInput, match=r"other\.xlsx"):
        hand_back(plans, path)


def test_the_worksheet_of_another_plan_is_refused(plans: Path, sheet: Sheet, tmp_path: Path) -> None:
    shutil.copy(PLANS / "150300-wuhai-2024.txt", plans)
    plan = open_plan("150300-wuhai-2024", plans)
    with pytest.raises(BadInput, match="360704-ganxian-2024, not of 150300-wuhai-2024"):
        list(take_back(plan, sheet.path, "王芳", TODAY, ZH))


def test_texts_that_look_like_formulas_or_hold_controls_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text(
        "江夏区设备更新方案\n一、任务\n1.=1+1改\x02造。到2027年，更新=电\x03梯10台。（牵头单位：=区工信局）\n"
        + "照此执行。" * 60,
        encoding="utf-8",
    )
    plan = open_plan(str(tmp_path / "plan.txt"), tmp_path)
    assert plan.rows
    path = tmp_path / "sheet.xlsx"
    write_worksheet(plan, path, ZH)
    kinds = {c.data_type for sheet in load_workbook(path) for row in sheet.iter_rows() for c in row}
    assert "f" not in kinds
    assert list(take_back(plan, path, "王芳", TODAY, ZH)) == ["读回 sheet.xlsx：没有新的更正。"]
