"""What generated plans are drawn from: the words, and a source of chance for each matter."""

from __future__ import annotations

import hashlib
import random
from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def words() -> dict[str, Any]:
    """wordings.yaml."""
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "wordings.yaml").read_text("utf-8"))
    return found


def chance_of(*parts: object) -> random.Random:
    """A generator of its own for one matter, the same in every run."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - a corpus, not a secret
