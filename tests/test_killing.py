"""The service killed at random moments while it writes: the next start serves the old state or the new one, whole.

Fifty rounds: benchmarks/killing.py; what they came to: docs/writing.md.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import killing


def test_whatever_is_killed_the_next_start_serves_a_whole_state(tmp_path: Path) -> None:
    assert sum(killing.run(tmp_path, 10, seed=3).values()) == 10
