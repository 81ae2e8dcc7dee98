"""A folder with one real plan, and its worksheet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from review.plans import open_plan
from review.worksheet import write_worksheet
from tests.support.corrections import PLANS, SLUG
from tests.support.worksheets import ZH, Sheet


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A folder with one real plan."""
    folder = tmp_path / "plans"
    folder.mkdir()
    shutil.copy(PLANS / f"{SLUG}.txt", folder)
    return folder


@pytest.fixture
def sheet(plans: Path, tmp_path: Path) -> Sheet:
    path = tmp_path / "sheet.xlsx"
    write_worksheet(open_plan(SLUG, plans), path, ZH)
    return Sheet(path)
