"""Plans handed in: read to be looked at (/plans/preview), added, replaced and removed (with a token).

Each is read in a process of its own first. What cannot be read, or is for no place, is told at once, and nothing is kept;
what can becomes a job, which builds and publishes it.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import PurePath
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api import pages
from api.builds import Service
from api.context import service_of
from api.problems import RESPONSES, HttpError
from api.reading.plans import PREVIEW, no_preview
from api.writing.forms import DOCUMENTS, HandedIn, file_form, handed_in
from api.writing.job_status import ACCEPTED, accepted
from api.writing.jobs import Job
from api.writing.tokens import writer
from graph import divisions
from graph.corpus_changes import check_slug
from graph.document_numbers import parse
from graph.errors import BadParameter, NotFound
from graph.record import PlanRecord

router = APIRouter(tags=["writing"])
Writer = Annotated[str, Depends(writer("plans"))]
Lang = Annotated[str | None, Query(description="of what is told: zh or en")]

_CATALOG: Final[dict[str, dict[str, Any]]] = {
    "place": {
        "type": "string",
        "description": "six-digit code or full name of the place, where the title does not tell",
        "examples": ["420503"],
    },
    "number": {"type": "string", "description": "document number", "examples": ["伍政办发〔2024〕12号"]},
    "date": {"type": "string", "format": "date", "description": "of signature, where the text prints none"},
    "status": {"type": "string", "enum": ["issued", "draft"]},
    "family": {"type": "string", "description": "policy family", "examples": ["liangxin"]},
    "source": {"type": "string", "description": "where the text came from: an address, or a few words"},
    "revises": {
        "type": "string",
        "description": "slug of the version before it, where the titles do not show it",
    },
}
_FIELDS: Final = frozenset({"slug", *_CATALOG})


def _body(*names: str) -> dict[str, Any]:
    slug = {"type": "string", "description": "name in every address; by default the file's stem"}
    fields = {**({"slug": slug} if "slug" in names else {}), **_CATALOG}
    return {"requestBody": {"required": True, "content": file_form(fields, DOCUMENTS)}}


class Preview(BaseModel):
    """What would be read from a document; nothing of it is kept."""

    slug: str = Field(description="the name that it would have, if none is given")
    known: bool = Field(description="whether a document of this name is held, and would be replaced")
    form: str = Field(
        description="what the file is, by its first bytes", examples=["txt", "docx", "pdf", "html"]
    )
    sha256: str
    title: str
    place: str
    code: str | None = Field(description="of the place; null where it cannot be told: give “place”")
    counts: dict[str, int] = Field(examples=[{"tasks": 25, "targets": 54, "cited_targets": 2, "problems": 3}])
    figures: dict[str, int] = Field(
        description="each figure of the text: target, cited, or no target for a reason"
    )
    notes: list[str] = Field(description="what the reader of the file has to tell")
    record: dict[str, Any]


@router.post(
    f"/plans/{PREVIEW}",
    summary="Read a plan without keeping it",
    response_model=Preview,
    responses=RESPONSES,
    openapi_extra=_body("slug"),
)
async def post_preview(request: Request, lang: Lang = None) -> Response:
    """The record as it would be read: tasks, targets, agencies, each with its place in the text, and what was not
    understood."""
    service = service_of(request)
    sent = await handed_in(request, service.settings.draft_mb << 20, _FIELDS)
    slug = _slug(sent, sent.fields.get("slug"))
    entry = _entry(sent.fields)
    told, record = await run_in_threadpool(_read, service, sent, slug, entry)
    preview = Preview(
        slug=slug,
        known=service.build.record(slug) is not None,
        form=told["form"],
        sha256=hashlib.sha256(sent.data).hexdigest(),
        title=record.plan.title,
        place=record.plan.jurisdiction.name,
        code=record.plan.jurisdiction.code,
        counts={
            "tasks": len(record.actions),
            "targets": len(record.targets),
            "cited_targets": len(record.cited_targets),
            "assignments": sum(len(action.assignments) for action in record.actions),
            "problems": len(record.problems),
        },
        figures=told["figures"],
        notes=told["notes"],
        record=record.model_dump(mode="json"),
    )
    return JSONResponse(preview.model_dump(), headers={"Cache-Control": "no-store"})


@router.post(
    "/plans",
    status_code=202,
    summary="Add a plan",
    response_model=Job,
    responses=ACCEPTED,
    openapi_extra=_body("slug"),
)
async def post_plan(request: Request, agent: Writer, lang: Lang = None) -> Response:
    """A job that adds it. One of the same name must not be there yet (409)."""
    service = service_of(request)
    sent = await handed_in(request, service.settings.draft_mb << 20, _FIELDS)
    slug = _slug(sent, sent.fields.get("slug"))
    if slug == PREVIEW:
        raise _unfit("slug", slug, [])
    if service.build.record(slug) is not None:
        raise HttpError(409, "exists", slug=slug)
    return await _put(request, service, sent, slug, agent)


@router.put(
    "/plans/{slug}",
    dependencies=[Depends(no_preview)],
    status_code=202,
    summary="Add or replace a plan",
    response_model=Job,
    responses=ACCEPTED,
    openapi_extra=_body(),
)
async def put_plan(slug: str, request: Request, agent: Writer, lang: Lang = None) -> Response:
    """A job that puts it in the place of the one that is there, if there is one. What the catalogue said of that one
    holds where nothing else is given."""
    service = service_of(request)
    check_slug(slug)
    sent = await handed_in(request, service.settings.draft_mb << 20, _FIELDS - {"slug"})
    return await _put(request, service, sent, slug, agent)


@router.delete(
    "/plans/{slug}",
    dependencies=[Depends(no_preview)],
    status_code=202,
    summary="Remove a plan",
    response_model=Job,
    responses=ACCEPTED,
)
def delete_plan(slug: str, request: Request, agent: Writer, lang: Lang = None) -> Response:
    """A job that takes it out of the corpus; the audit trail keeps that it was there."""
    service = service_of(request)
    check_slug(slug)
    if service.build.record(slug) is None:
        en, zh = pages.both("http.plan-known", slug=slug)
        raise NotFound(en, zh=zh)
    return accepted(request, service.jobs.take_on("delete-plan", slug, agent, {"slug": slug}))


async def _put(request: Request, service: Service, sent: HandedIn, slug: str, agent: str) -> Response:
    entry = _entry(sent.fields)
    told, record = await run_in_threadpool(_read, service, sent, slug, entry)
    title = record.plan.title
    if record.plan.jurisdiction.code is None and not await run_in_threadpool(_held_code, service, slug):
        options = divisions.candidates_of_title(title)
        codes = [one.code for one in options]
        en, zh = pages.both("http.plan-place", title=title, codes=", ".join(codes))
        raise BadParameter(en, zh=zh, parameter="place", allowed=codes)
    task = {"slug": slug, "name": sent.name, "form": told["form"], "fields": entry}
    job = await run_in_threadpool(service.jobs.take_on, "put-plan", slug, agent, task, sent.data)
    return accepted(request, job)


def _held_code(service: Service, slug: str) -> str | None:
    """The code of a plan that is held already: its line in the catalogue may be what tells."""
    record = service.build.record(slug)
    return record.plan.jurisdiction.code if record else None


def _read(
    service: Service, sent: HandedIn, slug: str, entry: dict[str, str]
) -> tuple[dict[str, Any], PlanRecord]:
    asked = {
        "task": "plan",
        "build": str(service.build.folder),
        "name": sent.name,
        "slug": slug,
        "code": entry.get("code"),
    }
    told: dict[str, Any] = service.readers.run(asked, sent.data)["plan"]
    return told, PlanRecord.model_validate(told["record"])


def _slug(sent: HandedIn, asked: str | None) -> str:
    slug = asked or PurePath(sent.name).stem
    check_slug(slug)
    return slug


def _entry(fields: dict[str, str]) -> dict[str, str]:
    """The fields as the catalogue has them. Raises BadParameter."""
    given = {name: text for name, value in fields.items() if name in _CATALOG and (text := value.strip())}
    names = {"place": "code", "date": "issued", "source": "origin"}
    if "place" in given:
        given["place"] = _code(given["place"])
    if "status" in given and given["status"] not in ("issued", "draft"):
        raise _unfit("status", given["status"], ["issued", "draft"])
    if "date" in given:
        try:
            date.fromisoformat(given["date"])
        except ValueError:
            raise _unfit("date", given["date"], []) from None
    if "number" in given and parse(given["number"]) is None:
        raise _unfit("number", given["number"], [])
    for name, value in given.items():
        if len(value) > 500 or not value.isprintable():
            raise _unfit(name, value[:50], [])
    return {names.get(name, name): value for name, value in given.items()}


def _code(given: str) -> str:
    if given in divisions.divisions():
        return given
    named = divisions.named(given)
    if len(named) != 1:
        raise _unfit("place", given, [one.code for one in named])
    return named[0].code


def _unfit(name: str, given: str, allowed: list[str]) -> BadParameter:
    en, zh = pages.both("http.catalog-field", name=name, message=given)
    return BadParameter(en, zh=zh, parameter=name, allowed=allowed)
