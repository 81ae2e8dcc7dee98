"""Fixtures that tests share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the real corpus, built once by the real command."""
    data = tmp_path_factory.mktemp("corpus") / "data"
    subprocess.run(
        [sys.executable, "-m", "zhengmai", "build", "--data", str(data)], check=True, capture_output=True
    )
    return data
