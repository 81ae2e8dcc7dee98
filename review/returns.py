"""A worksheet comes back: its edits are merged into the plan's corrections, and what became of them is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from graph.corrections import merge_corrections, save_corrections
from graph.patching import apply_corrections
from review.edits import read_worksheet
from review.plans import ReviewedPlan
from review.words import Words


def take_back(plan: ReviewedPlan, file: Path, by: str | None, today: date, words: Words) -> Iterator[str]:
    """Read ``file`` into the plan's file of corrections; yields lines that say what was taken and what was not.

    Nothing is written where nothing is new. ``plan.applied`` is renewed: it tells which corrections now find nothing.
    Raises BadInput where the file is no worksheet of this plan.
    """
    reading = read_worksheet(file, plan, by, today, words)
    merged = merge_corrections(plan.corrections, reading.edits)
    if any(merged.taken.values()):
        save_corrections(plan.corrections_file, merged.corrections)
        yield words("done", "taken", file=file.name, **merged.taken)
        yield words("done", "saved", file=plan.corrections_file)
    else:
        yield words("done", "none", file=file.name)
    if reading.unread:
        yield words("done", "unread", count=len(reading.unread))
        yield from (f"  {line}" for line in reading.unread)
    if reading.missing:
        shown = ", ".join(reading.missing[:10]) + (" …" if len(reading.missing) > 10 else "")
        yield words("done", "missing", count=len(reading.missing), ids=shown)
    plan.corrections = merged.corrections
    plan.applied = apply_corrections(plan.read.model_copy(deep=True), merged.corrections, plan.text)
