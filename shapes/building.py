"""The last step of a build before it is published: its plans judged, and the waivers put beside the findings."""

from __future__ import annotations

from pathlib import Path

from graph.build import BuildJob
from graph.stores import open_store
from shapes.judging import Judge, judge_build
from shapes.waivers import Waivers, keep, load_waivers


def judge_job(job: BuildJob, waivers: Waivers | None = None) -> None:
    """Judge a build that is not published yet, all of it or what its step changed.

    ``waivers`` are those of its folder of plans, where they were read already. Raises BadInput for a waivers.yaml that
    cannot be used, and as `judge_build` does.
    """
    accepted = load_waivers(job.plans) if waivers is None else waivers
    if job.step is None:
        judge_build(job.folder)
    elif job.step.affected:
        judge_build(job.folder, only=job.step.affected)
    keep(accepted, job.folder)


def make_ready(folder: Path) -> None:
    """Read what judging needs, whichever plan is judged: one of a published build is judged for nothing. Raises StoreError, ShapesError."""
    record = next(iter(sorted((folder / "records").iterdir(), reverse=True)), None)
    if record is not None:
        Judge(open_store(folder / "store")).packed([record.stem])
