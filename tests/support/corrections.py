"""One real plan, corrections of it, and what is read of it then."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

from graph.build import BuildJob, read_plan
from graph.corrections import make_correction
from graph.record import PlanRecord, Target
from graph.sources import Source

PLANS = Path(__file__).parents[2] / "plans"
SALES = "二手车交易量较2023年增长45%"
SLUG = "360704-ganxian-2024"
TODAY = date(2026, 11, 20)
RATES = "到2027年，规模以上工业企业数字化研发设计工具普及率、关键工序数控化率分别超过75%、55%"


def entry(do: str, what: str, at: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"do": do, "what": what, "at": at, "by": "王芳", "date": "2026-11-20", **more}


def read(text: str, *corrections: dict[str, Any]) -> PlanRecord:
    return read_plan(Source(text), SLUG, None, [make_correction(one) for one in corrections])


def text_of() -> str:
    return (PLANS / f"{SLUG}.txt").read_text(encoding="utf-8")


def rewrapped(text: str, width: int = 40) -> str:
    """The same words in lines of another length, as another program would have saved them."""
    paragraphs = ["".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    return "\n\n".join("\n".join(re.findall(f".{{1,{width}}}", one)) for one in paragraphs)


def named(record: PlanRecord, indicator: str) -> Target:
    [found] = [one for one in record.targets if one.indicator == indicator]
    return found


def build(plans: Path, data: Path) -> BuildJob:
    with BuildJob(plans, data) as job:
        if not job.unchanged:
            job.publish()
        return job


def built_record(job: BuildJob) -> PlanRecord:
    return PlanRecord.model_validate_json(
        (job.folder / "records" / f"{SLUG}.json").read_text(encoding="utf-8")
    )
