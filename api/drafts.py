"""Drafts held against the graph before they are issued: POST /drafts, and a page to hand one in.

The document is read in memory and in a process of its own; neither it nor what is found is kept.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api import pages
from api.builds import Service
from api.context import service_of
from api.findings import MEDIA, as_file, named_form
from api.negotiation import HTML, JSON, Lang, best, language
from api.problems import RESPONSES, HttpError
from api.settings import Settings
from graph.errors import BadInput, BadParameter, Busy, QueryTimeout, QueryTooLarge, StoreError, ZhengmaiError
from shapes.findings import Report
from shapes.reports import FORMS, Format, form_of

log = logging.getLogger("zhengmai.api")
router = APIRouter(tags=["findings"])
_MULTIPART = "multipart/form-data"
_FIELDS = frozenset({"file", "jurisdiction", "status", "format", "lang"})
# The page of a report brings its own style and script, and asks nobody for anything.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_BODY = {
    "required": True,
    "content": {
        _MULTIPART: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": ".txt, .docx, .pdf or .html",
                    },
                    "jurisdiction": {
                        "type": "string",
                        "description": "six-digit code or full name of the place, where the title does not tell",
                        "examples": ["420503"],
                    },
                    "status": {"type": "string", "enum": ["draft", "issued"], "default": "draft"},
                },
            }
        }
    },
}


@dataclass(frozen=True)
class _Draft:
    """What was handed in."""

    data: bytes
    name: str
    fields: dict[str, str]


@router.get(
    "/drafts",
    summary="A page to hand a draft in",
    response_class=Response,
    responses={200: {"description": "The page.", "content": {HTML: {"schema": {"type": "string"}}}}},
)
def get_drafts(request: Request) -> Response:
    """A page to hand a draft in."""
    limit = service_of(request).settings.draft_mb
    return pages.render(request, "drafts.html", {"limit": limit, "formats": [form.name for form in FORMS]})


@router.post(
    "/drafts",
    summary="Check a draft",
    response_model=Report,
    responses={200: {"content": MEDIA}, **RESPONSES},
    openapi_extra={"requestBody": _BODY},
)
async def post_draft(
    request: Request,
    format: Annotated[
        str | None,
        Query(
            description="in place of the Accept header",
            json_schema_extra={"enum": [form.name for form in FORMS]},
        ),
    ] = None,
    lang: Lang = None,
) -> Response:
    """Read a draft against the graph without adding it; the report is the answer, and nothing of the draft is kept."""
    service = service_of(request)
    draft = await _handed_in(request, service.settings.draft_mb << 20)
    form = _form(request, format or draft.fields.get("format") or None)
    build = service.build.folder
    asked = {
        "build": str(build),
        "name": draft.name,
        "jurisdiction": draft.fields.get("jurisdiction") or None,
        "status": _status(draft.fields.get("status") or "draft"),
        "memory_mb": service.settings.draft_memory_mb,
    }
    report = await run_in_threadpool(_check, asked, draft.data, service)
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
    if form.name == "json":
        return JSONResponse(report.model_dump(mode="json"), headers=headers)
    said = language(lang or draft.fields.get("lang"), request.headers.get("accept-language"))
    answer = await run_in_threadpool(as_file, report, form, said, "zhengmai-draft")
    answer.headers.update(headers)
    if form.name == "html":
        del answer.headers["content-disposition"]
        answer.headers["Content-Security-Policy"] = _POLICY
    return answer


def _form(request: Request, asked: str | None) -> Format:
    if asked is not None:
        return named_form(asked)
    offers = (JSON, HTML, *(form.media_type for form in FORMS if form.media_type not in (JSON, HTML)))
    media = best(request.headers.get("accept"), offers)
    if media is None:
        raise HttpError(406, "accept", allowed=list(offers))
    return next((form for form in FORMS if form.media_type == media), form_of("json"))


def _status(given: str) -> str:
    if given not in ("draft", "issued"):
        en, zh = pages.both("http.parameter", name="status", message=given)
        raise BadParameter(en, zh=zh, parameter="status", allowed=["draft", "issued"])
    return given


async def _handed_in(request: Request, limit: int) -> _Draft:
    """The parts of the body, held in memory. Raises HttpError for what is no form or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _MULTIPART:
        raise HttpError(415, "content-type", found=kind or "–", allowed=[_MULTIPART])
    parser = MultiPartParser(request.headers, _counted(request, limit), max_files=1, max_fields=len(_FIELDS))
    parser.spool_max_size = limit + 1  # larger than the body may be: nothing goes to a temporary file
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        en, zh = pages.both("http.draft-form", reason=getattr(error, "message", error))
        raise BadInput(en, zh=zh) from None
    async with _closing(form):
        upload = form.get("file")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        if unknown := sorted(set(form) - _FIELDS):
            en, zh = pages.both("http.draft-field", name=unknown[0])
            raise BadParameter(en, zh=zh, parameter=unknown[0], allowed=sorted(_FIELDS))
        if not isinstance(upload, UploadFile) or not upload.filename:
            en, zh = pages.both("http.draft-file")
            raise BadParameter(en, zh=zh, parameter="file")
        return _Draft(await upload.read(), os.path.basename(upload.filename), fields)  # noqa: PTH119


class _closing:
    """Lets go of the parts of a form."""

    def __init__(self, form: Any) -> None:
        self._form = form

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *error: object) -> None:
        await self._form.close()


async def _counted(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length > limit:
            raise HttpError(413, "body", limit=limit >> 10)
        yield piece


def _check(asked: dict[str, Any], data: bytes, service: Service) -> Report:
    """Let a process of its own check the draft, and end it when its time is up."""
    settings = service.settings
    if not service.drafts.acquire(timeout=settings.draft_seconds):
        en, zh = pages.both("http.draft-busy")
        raise Busy(en, zh=zh)
    try:
        given = json.dumps(asked | {"seconds": settings.draft_seconds}).encode() + b"\n" + data
        done = service.run([sys.executable, "-m", "api.draft_worker"], given, settings.draft_seconds)
    except subprocess.TimeoutExpired:
        en, zh = pages.both("http.draft-time", seconds=f"{settings.draft_seconds:g}")
        raise QueryTimeout(en, zh=zh, limit=settings.draft_seconds) from None
    finally:
        service.drafts.release()
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        # It ended without a word: killed by a signal or out of memory on the way, or a defect of ours.
        out_of_memory = done.returncode < 0 or b"MemoryError" in done.stderr
        if not out_of_memory:
            log.error("the check of a draft failed: %s", done.stderr.decode("utf-8", "replace")[-2000:])
        told = {"error": {"kind": "memory" if out_of_memory else "other"}}
    if "report" in told:
        return Report.model_validate(told["report"])
    raise _error(told["error"], settings)


def _error(told: dict[str, Any], settings: Settings) -> ZhengmaiError:
    message, zh = told.get("message", ""), told.get("zh")
    match told["kind"]:
        case "parameter":
            return BadParameter(message, zh=zh, parameter=told["parameter"], allowed=told["allowed"])
        case "input":
            return BadInput(message, zh=zh)
        case "store":
            return StoreError(message, zh=zh)
        case "memory":
            en, zh = pages.both("http.draft-memory", megabytes=settings.draft_memory_mb)
            return QueryTooLarge(en, zh=zh, limit=settings.draft_memory_mb)
        case _:
            return HttpError(500, "unexpected")
