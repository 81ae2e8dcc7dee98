"""Two plans, or two versions of one, side by side: /plans/{slug}/diff/{other}, as `zhengmai diff` tells it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from api import pages
from api.builds import Service
from api.context import service_of
from api.problems import RESPONSES
from api.reading import marked_text
from api.reading.entries import entries
from graph.differences import Differences, TargetSide, TaskSide, differences
from graph.errors import NotFound
from graph.record import PlanRecord
from ontology.vocabulary import using
from queries.words import both
from shapes.changes import Told

router = APIRouter(tags=["plans"])
Format = Annotated[Literal["json", "html"] | None, Query(description="in place of the Accept header")]


@router.get("/plans/{slug}/diff", include_in_schema=False)
def get_choice(
    slug: str,
    request: Request,
    other: Annotated[str | None, Query(alias="with")] = None,
    lang: Annotated[str | None, Query()] = None,
) -> Response:
    """The same for a form, which cannot put what is chosen into the path; without a choice, the form."""
    return _answer(request, slug, other or None)


@router.get(
    "/plans/{slug}/diff/{other}",
    summary="Two plans or versions side by side",
    response_model=Differences,
    responses=RESPONSES,
)
def get_differences(
    slug: str,
    other: str,
    request: Request,
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
    format: Format = None,
) -> Response:
    """What ``slug`` has that ``other``, the newer one, has otherwise, or not; and what is new there.

    Tasks and targets are matched by what they say, not by their numbers.
    """
    return _answer(request, slug, other)


def _answer(request: Request, slug: str, other: str | None) -> Response:
    service, lang = service_of(request), pages.lang_of(request)
    listed = [one for one in entries(service, lang) if one.tasks or one.targets]
    slugs = [one.slug for one in listed]
    before = _record(service, slug, slugs)
    after = _record(service, other, slugs) if other else None
    with using(service.build.vocabularies):
        found = differences(before, after) if after else None
        if not pages.wanted(request):
            body = found.model_dump(mode="json") if found else {"with": slugs}
            return JSONResponse(body, headers={"Vary": "Accept, Accept-Language"})
        links = [_Links(before), _Links(after)] if after else []
        values = {
            "plans": listed,
            "slug": slug,
            "other": other or "",
            "found": found,
            "told": Told(found, lang) if found else None,
            "links": links,
        }
        return pages.render(request, "diff.html", values)


class _Links:
    """Where a task or target of a record stands on the page of its plan."""

    def __init__(self, record: PlanRecord) -> None:
        self.slug = record.slug
        self._tasks = {
            (one.path, one.title): name
            for one, name in zip(record.actions, marked_text.action_anchors(record), strict=True)
        }
        self._targets = {
            (one.path, one.indicator, one.quote): f"target-{at}" for at, one in enumerate(record.targets, 1)
        }

    def of(self, side: TaskSide | TargetSide) -> str:
        """The anchor; empty where there is none."""
        if isinstance(side, TaskSide):
            return self._tasks.get((side.path, side.title), "")
        return self._targets.get((side.path, side.indicator, side.quote), "")


def _record(service: Service, slug: str, slugs: list[str]) -> PlanRecord:
    record = service.build.record(slug) if slug in slugs else None
    if record is None:
        en, zh = both("questions", "plan", found=slug, allowed=", ".join(slugs))
        raise NotFound(en, zh=zh, allowed=slugs)
    return record
