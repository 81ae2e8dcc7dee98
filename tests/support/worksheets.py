"""A worksheet as a reviewer edits it and hands it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from review.plans import ReviewedPlan, open_plan
from review.returns import take_back
from review.words import Words
from tests.support.corrections import SLUG, TODAY

ZH = Words("zh")
NUMBER = "数值（基本单位）"


class Sheet:
    """An edited worksheet: cells by the words of their columns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.book: Workbook = load_workbook(path)

    def find(self, sheet: str, **cells: Any) -> int:
        rows = self.book[sheet].iter_rows(min_row=2)
        columns = {word: number for word, number in self.columns(sheet).items() if word in cells}
        [found] = [
            row[0].row for row in rows if all(row[columns[w] - 1].value == v for w, v in cells.items())
        ]
        assert found
        return int(found)

    def columns(self, sheet: str) -> dict[str, int]:
        return {str(cell.value): number for number, cell in enumerate(self.book[sheet][1], 1)}

    def put(self, sheet: str, row: int, **cells: Any) -> None:
        page = self.book[sheet]
        assert isinstance(page, Worksheet)
        for word, value in cells.items():
            page.cell(row, self.columns(sheet)[word]).value = value

    def new(self, sheet: str, **cells: Any) -> None:
        page = self.book[sheet]
        row = next(
            n
            for n in range(2, page.max_row + 2)
            if page.cell(n, 1).value is None and page.cell(n, 2).value is None
        )
        self.put(sheet, row, 处理="新增", **cells)

    def save(self) -> Path:
        self.book.save(self.path)
        return self.path


def hand_back(plans: Path, path: Path, by: str | None = "王芳") -> tuple[ReviewedPlan, str]:
    plan = open_plan(SLUG, plans)
    return plan, "\n".join(take_back(plan, path, by, TODAY, ZH))
