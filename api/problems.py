"""Every error as one shape, `application/problem+json` (RFC 9457), or as a page where a browser asks.

The members beside type, title, status, detail and instance: ``allowed`` (what would do instead), ``parameter``,
``line`` and ``column``, ``limit`` and ``unit``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route

from api import pages
from api.negotiation import HTML
from graph.errors import (
    BadInput,
    BadParameter,
    Busy,
    NotFound,
    QueryLimit,
    QueryRefused,
    QuerySyntaxError,
    QueryTimeout,
    QueryTooLarge,
    StoreError,
    ZhengmaiError,
)
from ontology.terms import BASE

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("zhengmai.api")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=[f"{BASE}problem/bad-parameter"])
    title: str
    status: int = Field(examples=[422])
    detail: str
    instance: str = Field(description="the path that was asked for", examples=["/questions/lead-agencies"])
    allowed: list[str] | None = Field(default=None, description="what would do instead")
    parameter: str | None = None
    line: int | None = Field(default=None, description="counted from 1")
    column: int | None = Field(default=None, description="counted from 1, in code points")
    limit: float | None = None
    unit: str | None = Field(
        default=None,
        description="of the limit: seconds, megabytes, kilobytes, characters, brackets, parts or queries",
    )
    request_id: str | None = Field(default=None, description="of the lines about it in the log")


class HttpError(ZhengmaiError):
    """A request that the protocol itself rules out: 405, 406, 413, 415 and the like."""

    def __init__(
        self,
        status: int,
        kind: str,
        *,
        allowed: list[str] | None = None,
        limit: float | None = None,
        unit: str | None = None,
        headers: dict[str, str] | None = None,
        **values: object,
    ) -> None:
        en, zh = pages.both(f"http.{kind}", limit=limit, **values)
        super().__init__(en, zh=zh)
        self.status = status
        self.kind = kind
        self.headers = headers or {}
        self.allowed = allowed or []
        self.limit, self.unit = limit, unit


class JobFailed(ZhengmaiError):
    """A job that was waited for failed; its problem, by language, is told as it was."""

    def __init__(self, problems: dict[str, Problem]) -> None:
        super().__init__(problems["en"].detail, zh=problems["zh"].detail)
        self.problems = problems


# The most special first: the first that an error is an instance of counts. The titles stand in words.yaml.
_KINDS: tuple[tuple[type[ZhengmaiError], str, int], ...] = (
    (NotFound, "not-found", 404),
    (BadParameter, "bad-parameter", 422),
    (QuerySyntaxError, "query-syntax", 400),
    (QueryRefused, "query-refused", 403),
    (BadInput, "bad-input", 400),
    (QueryTimeout, "query-timeout", 422),
    (QueryTooLarge, "query-too-large", 422),
    (Busy, "busy", 503),
    (StoreError, "no-data", 503),
    (ZhengmaiError, "error", 500),
)


def problem_of(error: ZhengmaiError, instance: str, lang: str) -> Problem:
    """The problem that an error is told as."""
    if isinstance(error, JobFailed):
        return error.problems[lang].model_copy(update={"instance": instance})
    if isinstance(error, HttpError):
        kind, status = error.kind, error.status
    else:
        kind, status = next((name, code) for type_, name, code in _KINDS if isinstance(error, type_))
    problem = Problem(
        type=f"{BASE}problem/{kind}",
        title=pages.words(f"problem.{kind}")[lang],
        status=status,
        detail=error.text(lang),
        instance=instance,
    )
    if isinstance(error, NotFound | BadParameter | HttpError) and error.allowed:
        problem.allowed = list(error.allowed)
    if isinstance(error, BadParameter):
        problem.parameter = error.parameter
    if isinstance(error, QuerySyntaxError):
        problem.line, problem.column = error.line, error.column
    if isinstance(error, QueryLimit | QueryRefused | Busy | HttpError) and error.limit is not None:
        problem.limit, problem.unit = error.limit, error.unit
    return problem


def respond(request: Request, problem: Problem) -> Response:
    """A problem as JSON, or as a page for a browser."""
    headers = {"Vary": "Accept, Accept-Language"}
    problem.request_id = getattr(request.state, "request_id", None)
    if problem.status == 503:
        headers["Retry-After"] = "5"
    if pages.wanted(request):
        return pages.render(
            request, "error.html", {"problem": problem}, status=problem.status, headers=headers
        )
    return JSONResponse(
        problem.model_dump(exclude_none=True), problem.status, headers=headers, media_type=MEDIA_TYPE
    )


def unexpected(request: Request, error: Exception) -> Response:
    """Tell an error that nobody foresaw, and write down where it came from."""
    log.error("unexpected error on %s", request.url.path, exc_info=error)
    lang = pages.lang_of(request, "zh" if pages.wanted(request) else "en")
    return respond(request, problem_of(HttpError(500, "unexpected"), request.url.path, lang))


def install(app: FastAPI) -> None:
    """Tell every error of an application this way."""

    def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ZhengmaiError)
        # Programs that name no language get English, people Chinese
        lang = pages.lang_of(request, "zh" if pages.wanted(request) else "en")
        response = respond(request, problem_of(error, request.url.path, lang))
        response.headers.update(error.headers if isinstance(error, HttpError) else {})
        return response

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = {404: "no-page", 405: "method"}.get(error.status_code, "request")
        told = HttpError(error.status_code, kind, path=request.url.path, method=request.method)
        response = known(request, told)
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods(request))
            return response
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first: dict[str, Any] = error.errors()[0]
        name = str(first["loc"][-1])
        en, _ = pages.both("http.parameter", name=name, message=first["msg"])
        _, zh = pages.both("http.parameter", name=name, message=_in_chinese(first))
        return known(request, BadParameter(en, zh=zh, parameter=name))

    app.add_exception_handler(ZhengmaiError, known)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _in_chinese(fault: dict[str, Any]) -> str:
    """What pydantic says of a value, which it says in English only; an unknown kind of fault as it stands."""
    key = f"invalid.{fault['type']}"
    return pages.words(key).zh.format(**fault.get("ctx", {})) if pages.has_words(key) else str(fault["msg"])


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "What was wrong, and what would do instead (RFC 9457)"},
    "5XX": {"model": Problem, "description": "No data yet, or too many queries at a time"},
}
"""For the OpenAPI description of an operation; `describe` gives it to those that do not name it."""


def describe(app: FastAPI) -> None:
    """Let the OpenAPI description say how errors really look, for every operation.

    The framework would call them application/json, and describe its own shape for parameters that do not fit.
    """
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            told = made()
            schemas = told.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            reference = {"$ref": "#/components/schemas/Problem"}
            content = {MEDIA_TYPE: {"schema": reference}, HTML: {"schema": {"type": "string"}}}
            for path in told["paths"].values():
                for operation in (path[name] for name in _METHODS if name in path):
                    responses = operation["responses"]
                    responses.pop("422", None)
                    for status, response in RESPONSES.items():
                        responses[str(status)] = {"description": response["description"], "content": content}
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


_PLACE = re.compile(r"\{[^}]*\}")  # of a parameter in the pattern of an address
_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def _methods(request: Request) -> list[str]:
    """What an address takes: the methods of all its routes, where the framework tells those of the first alone.

    Where it fits two patterns, those of the one with more of the address written out: /plans/preview is no plan.
    """
    found = [
        (len(_PLACE.sub("", route.path)), method)
        for method in map(str.upper, _METHODS)
        for route in _routes(request.app.routes)
        if route.matches({**request.scope, "method": method})[0] == Match.FULL
    ]
    most = max((written for written, _ in found), default=0)
    methods = {method for written, method in found if written == most} or {"GET"}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _routes(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Those of included routers too, which newer versions of the framework keep as one route each."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from _routes(router.routes)
