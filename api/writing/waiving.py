"""A finding accepted by somebody, with a token: POST /findings/{id}/waiver writes it into waivers.yaml."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api import pages
from api.context import service_of
from api.negotiation import JSON
from api.problems import HttpError
from api.writing import tokens
from api.writing.forms import counted, media_type_of
from api.writing.job_status import ACCEPTED, accepted
from graph.errors import BadInput, BadParameter, NotFound
from graph.record import Day
from shapes.waivers import Text, Waiver

router = APIRouter(tags=["writing"])
_FORM = "application/x-www-form-urlencoded"


class Acceptance(BaseModel):
    """Why a finding may stay, and until when; ``author`` is the token's name where it is left out."""

    model_config = ConfigDict(extra="forbid")
    reason: Text = Field(max_length=2000, examples=["已与省商务厅商定，按本地基数调整"])
    expires: Day = Field(description="the first day on which it no longer holds")
    author: Text | None = Field(default=None, max_length=200)


class Waived(BaseModel):
    """What was written down."""

    waiver: Waiver
    build: str


_SCHEMA = {"schema": Acceptance.model_json_schema()}


@router.post(
    "/findings/{identifier}/waiver",
    status_code=201,
    summary="Accept a finding",
    response_model=Waived,
    responses=ACCEPTED,
    openapi_extra={
        "requestBody": {"required": True, "content": {JSON: _SCHEMA, _FORM: _SCHEMA}},
        "security": [{"HTTPBearer": []}],
    },
)
async def post_waiver(identifier: str, request: Request) -> Response:
    """It stays in every report, apart, and no longer asks for action. A waiver of the same finding is replaced.

    A form may bring the token in a field ``token``: a page has no other way to send it, and gets back to the findings.
    """
    service = service_of(request)
    given, is_form = await _given(request, service.settings.body_kb << 10)
    token = tokens.bearer_of(request) or (given.pop("token", None) if is_form else None)
    agent = await run_in_threadpool(tokens.check, request, token, "waivers")
    given.pop("token", None) if is_form else None
    try:
        accepts = Acceptance.model_validate(given)
        if await run_in_threadpool(lambda: service.build.findings.get(identifier)) is None:
            en, zh = pages.both("http.finding", found=identifier)
            raise NotFound(en, zh=zh)
        waiver = Waiver(
            finding=identifier,
            reason=accepts.reason,
            author=accepts.author or agent,
            date=date.today(),  # noqa: DTZ011 - the day where the service runs
            expires=accepts.expires,
        )
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "expires"
        en, zh = pages.both("http.parameter", name=name, message=first["msg"].removeprefix("Value error, "))
        raise BadParameter(en, zh=zh, parameter=name) from None
    task = {"waiver": waiver.model_dump(mode="json", exclude_none=True)}
    job = await run_in_threadpool(service.jobs.take_on, "waive", identifier, agent, task)
    done = await service.jobs.wait(job.id, service.settings.write_seconds)
    seen = is_form and pages.wanted(request)
    back = f"/findings?{urlencode({'waived': identifier, 'lang': pages.lang_of(request)})}"
    if done is None or not done.over:
        return RedirectResponse(back, 303) if seen else accepted(request, done or job)
    done.raise_problem()
    if seen:
        return RedirectResponse(back, 303)
    build = str((done.result or {}).get("build", ""))
    return JSONResponse(Waived(waiver=waiver, build=build).model_dump(mode="json", exclude_none=True), 201)


async def _given(request: Request, limit: int) -> tuple[dict[str, Any], bool]:
    """The fields of the body, and whether it is a form. Raises HttpError, BadInput."""
    kind = media_type_of(request)
    if kind not in (JSON, _FORM):
        raise HttpError(415, "content-type", found=kind or "–", allowed=[JSON, _FORM])
    body = b"".join([piece async for piece in counted(request, limit)])
    if kind == _FORM:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
        return {name: value for name, value in pairs if value or name != "author"}, True
    try:
        return Body.model_validate_json(body).model_dump(exclude_unset=True), False
    except ValidationError:
        en, zh = pages.both("http.draft-form", reason="JSON")
        raise BadInput(en, zh=zh) from None


class Body(BaseModel):
    """A JSON object, whatever it holds."""

    model_config = ConfigDict(extra="allow")
