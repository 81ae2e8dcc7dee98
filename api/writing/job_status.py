"""How jobs stand: /jobs/{id}, and /jobs/{id}/events as it goes on (server-sent events); and the job that builds again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api import pages
from api.context import service_of
from api.problems import RESPONSES, HttpError
from api.writing.jobs import LOOK, Job, Kept
from api.writing.tokens import writer

router = APIRouter(tags=["writing"])
Lang = Annotated[str | None, Query(description="of the problem: zh or en")]


def accepted(request: Request, job: Kept) -> Response:
    """202: the job was taken on; where to look for it."""
    lang = pages.lang_of(request, "en")
    return JSONResponse(
        job.told(lang).model_dump(mode="json", exclude_none=True),
        202,
        headers={"Location": f"/jobs/{job.id}", "Cache-Control": "no-store"},
    )


ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Job, "description": "Taken on; `Location` tells where to look for it"},
    **RESPONSES,
}


def _find(name: str, request: Request) -> Job:
    service, lang = service_of(request), pages.lang_of(request, "en")
    kept = service.jobs.find(name)
    job = kept.told(lang) if kept is not None else service.draft_jobs.find(name, lang)
    if job is None:
        raise HttpError(404, "job", found=name)
    return job


Found = Annotated[Job, Depends(_find)]


@router.get("/jobs/{name}", summary="How a job stands", response_model=Job, responses=RESPONSES)
def get_job(job: Found, lang: Lang = None) -> Response:
    """Its state, its steps and how far they are; at the end its result, or what was wrong."""
    body = job.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@router.get(
    "/jobs/{name}/events",
    summary="How a job goes on",
    response_class=EventSourceResponse,
    responses=RESPONSES,
)
async def get_events(
    job: Found, name: str, request: Request, lang: Lang = None
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: “job” whenever it stands otherwise than before, “end” at its end; each has the job."""
    while True:
        body = job.model_dump(mode="json", exclude_none=True)
        yield ServerSentEvent(event="end" if job.over else "job", data=body)
        if job.over:
            return
        before = job
        while job == before:
            await asyncio.sleep(LOOK)
            try:
                job = _find(name, request)
            except HttpError:  # no longer kept
                return


@router.post("/builds", status_code=202, summary="Build again", response_model=Job, responses=ACCEPTED)
def post_build(request: Request, agent: Annotated[str, Depends(writer("plans"))]) -> Response:
    """A job that builds the folder of plans as it stands, for whoever changed its files by hand."""
    return accepted(request, service_of(request).jobs.take_on("rebuild", None, agent, {}))
