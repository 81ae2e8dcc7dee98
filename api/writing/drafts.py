"""Drafts held against the graph before they are issued: POST /drafts, and a page to hand one in.

The document is read in memory and in a process of its own; neither it nor what is found is kept.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from api import pages
from api.context import service_of
from api.negotiation import HTML, JSON, Lang, best, language
from api.problems import RESPONSES, HttpError
from api.reading.findings import MEDIA, as_file, named_form
from api.writing.forms import DOCUMENTS, file_form, handed_in
from api.writing.job_status import ACCEPTED, accepted
from graph.errors import BadParameter
from shapes import rules
from shapes.findings import Report
from shapes.reports import FORMS, Format, form_of

router = APIRouter(tags=["findings"])
_FIELDS = frozenset({"jurisdiction", "status", "format", "lang"})
# The page of a report brings its own style and script, and asks nobody for anything.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# The page of drafts shows it in a frame that may not do what the page may.
_FRAMED = {"Content-Security-Policy": f"{pages.HEADERS['Content-Security-Policy']}; frame-src 'self'"}
_BODY = {
    "required": True,
    "content": file_form(
        {
            "jurisdiction": {
                "type": "string",
                "description": "six-digit code or full name of the place, where the title does not tell",
                "examples": ["420503"],
            },
            "status": {"type": "string", "enum": ["draft", "issued"], "default": "draft"},
        },
        DOCUMENTS,
    ),
}


@router.get(
    "/drafts",
    summary="A page to hand a draft in",
    response_class=Response,
    responses={200: {"description": "The page.", "content": {HTML: {"schema": {"type": "string"}}}}},
)
def get_drafts(request: Request) -> Response:
    """A page to hand a draft in."""
    limit = service_of(request).settings.draft_mb
    return pages.render(
        request, "drafts.html", {"limit": limit, "formats": [form.name for form in FORMS]}, headers=_FRAMED
    )


@router.post(
    "/drafts",
    summary="Check a draft",
    response_model=Report,
    responses={200: {"content": MEDIA}, 202: ACCEPTED[202], **RESPONSES},
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
    wait: Annotated[
        bool,
        Query(
            description="false: 202 and a job at once, its report at /jobs/{id}/report; both are kept in memory, "
            "for ten minutes"
        ),
    ] = True,
) -> Response:
    """Read a draft against the graph without adding it; the report is the answer, and nothing of the draft is kept."""
    service = service_of(request)
    draft = await handed_in(request, service.settings.draft_mb << 20, _FIELDS)
    form = _form(request, format or draft.fields.get("format") or None)
    build = service.build.folder
    asked = {
        "build": str(build),
        "name": draft.name,
        "jurisdiction": draft.fields.get("jurisdiction") or None,
        "status": _status(draft.fields.get("status") or "draft"),
    }
    if not wait:
        return accepted(request, service.draft_jobs.start(draft.name, asked, draft.data))
    told = await run_in_threadpool(service.readers.run, asked, draft.data)
    report = Report.model_validate(told["report"])
    return await _answer(
        report, form, language(lang or draft.fields.get("lang"), request.headers.get("accept-language"))
    )


@router.get(
    "/jobs/{name}/report",
    summary="The report of a draft's job",
    response_model=Report,
    responses=RESPONSES,
)
async def get_report(
    name: str,
    request: Request,
    format: Annotated[
        str | None, Query(description="in place of the Accept header, as for POST /drafts")
    ] = None,
    lang: Lang = None,
) -> Response:
    """The report on a draft that was handed in with ``wait=false``; it is kept in memory for ten minutes."""
    report = service_of(request).draft_jobs.report(name)
    if report is None:
        raise HttpError(404, "job", found=name)
    form = _form(request, format)
    return await _answer(report, form, language(lang, request.headers.get("accept-language")))


async def _answer(report: Report, form: Format, said: rules.Lang) -> Response:
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
    if form.name == "json":
        return JSONResponse(report.model_dump(mode="json"), headers=headers)
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
