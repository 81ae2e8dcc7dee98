"""The last step of a build before it is published: its plans judged, and the waivers put beside the findings."""

from __future__ import annotations

from graph.build import BuildJob
from shapes.judging import judge_build
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
