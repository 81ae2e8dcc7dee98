"""The SPARQL 1.1 Protocol for queries, read-only: GET, POST of a form, POST of the query itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from api import pages
from api.around import caching, sending
from api.context import service_of
from api.escapes import unescaped
from api.negotiation import HTML, best, parameter
from api.problems import RESPONSES, HttpError, problem_of
from api.sparql import editor, service_description
from api.sparql.description import format_by_name
from graph.errors import QueryLimit, QueryRefused, QuerySyntaxError
from queries.engine import QueryEngine, check_graph
from queries.formats import FORMATS, Kind, formats_of, kind_of, named
from queries.sparql_text import QueryText


class Plain(APIRoute):
    """A route whose handler takes the request alone: the framework has nothing to take out of it, and does not look."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nor does it stand around it. Errors are told by the application, as they are from any route."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # refuses it
            return
        response: Response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


router = APIRouter(tags=["SPARQL"], route_class=Plain)
ROWS_SHOWN = 500  # on a page; files have all
_SHOWN_PIECES = 4  # of a graph on a page
_FORM = "application/x-www-form-urlencoded"
_QUERY = "application/sparql-query"

EXAMPLE = """\
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX zm: <https://w3id.org/zhengmai/ns#>

SELECT ?plan ?indicator ?value ?quote
WHERE {
  ?target a zm:Target ;
    zm:inDocument/dcterms:title ?plan ;
    zm:indicatorText ?indicator ;
    zm:value ?value ;
    zm:quote ?quote .
}
ORDER BY ?plan ?indicator
LIMIT 20
"""


@dataclass(frozen=True)
class Asked:
    """What a request asks for; ``query`` is None where it asks for nothing yet, and empty where it asks for an empty query."""

    query: str | None
    default_graphs: Sequence[str] = ()
    named_graphs: Sequence[str] = ()
    format: str | None = None

    def page_wanted(self, request: Request) -> bool:
        """Whether a page is wanted: ``format=html``, or a browser asks and no other format is named."""
        return self.format == "html" or (self.format is None and pages.by_browser(request))


_GRAPHS: dict[str, Any] = {"type": "array", "items": {"type": "string", "format": "iri"}}
_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "query",
        "in": "query",
        "description": "SELECT, ASK, CONSTRUCT or DESCRIBE. The default graph is the union of all graphs but those that people put in.",
        "schema": {"type": "string"},
        "example": EXAMPLE,
    },
    *(
        {
            "name": name,
            "in": "query",
            "description": f"IRIs of the {which} graphs, in place of those that the query names.",
            "schema": _GRAPHS,
        }
        for name, which in (("default-graph-uri", "default"), ("named-graph-uri", "named"))
    ),
    format_by_name(FORMATS),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer: rows for SELECT and ASK, a graph for CONSTRUCT and DESCRIBE. Without a query, the description of the service.",
        "content": {media: {} for one in FORMATS for media in one.media_types} | {HTML: {}},
    },
    **RESPONSES,
}


@router.get(
    "/sparql",
    summary="Run a SPARQL query",
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra={"parameters": _PARAMETERS},
)
async def get_sparql(request: Request) -> Response:
    """Answer the query in ``query``. Without one, a program gets the service description, a browser a page to write on."""
    asked = _asked(_pairs(request.scope["query_string"]))
    if asked.query is None:
        if asked.page_wanted(request):
            return _page(request, asked)
        return await run_in_threadpool(service_description.respond, request, asked.format)
    return await _answer(request, asked, keep=True)


@router.post(
    "/sparql",
    summary="Run a SPARQL query, sent in the body",
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra={
        "parameters": [one for one in _PARAMETERS if one["name"] != "query"],
        "requestBody": {
            "required": True,
            "content": {
                _QUERY: {"schema": {"type": "string"}, "example": EXAMPLE},
                _FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["query"],
                        "properties": {
                            "query": {"type": "string"},
                            "default-graph-uri": _GRAPHS,
                            "named-graph-uri": _GRAPHS,
                        },
                    },
                    "example": {"query": "ASK { ?s ?p ?o }"},
                },
            },
        },
    },
)
async def post_sparql(request: Request) -> Response:
    """Answer the query in the body: the text itself, or a form with the parameters of GET."""
    engine = service_of(request).engine
    if engine.full():
        raise engine.busy()
    body = await _body(request)
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    charset = parameter(content_type, "charset")
    if charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise HttpError(415, "charset", found=charset, allowed=["utf-8"])
    pairs = _pairs(request.scope["query_string"])
    if kind == _FORM:
        asked = _asked([*pairs, *_pairs(body)])
    elif kind == _QUERY:
        asked = _asked([*pairs, ("query", _decoded(body))])
    elif kind == "application/sparql-update":
        asked = _asked([("update", "")])
    else:
        raise HttpError(415, "content-type", found=kind or "–", allowed=[_QUERY, _FORM])
    if asked.query is None:
        raise HttpError(400, "no-query")
    return await _answer(request, asked, keep=False)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    """The parameters of an address or a form. Raises HttpError for what is not UTF-8."""
    parts = (pair.partition(b"=") for pair in text.split(b"&") if pair)
    try:
        return [(unescaped(name), unescaped(value)) for name, _, value in parts]
    except UnicodeDecodeError as error:
        raise HttpError(400, "encoding", at=error.start) from None


def _asked(pairs: Sequence[tuple[str, str]]) -> Asked:
    def every(name: str) -> list[str]:
        return [value for key, value in pairs if key == name]

    if every("update"):
        raise HttpError(403, "update")
    queries = every("query")
    if len(queries) > 1:
        raise HttpError(400, "two-queries")
    default_graphs, named_graphs = every("default-graph-uri"), every("named-graph-uri")
    for iri in (*default_graphs, *named_graphs):
        check_graph(iri)  # also where there is no query that would be run on them
    return Asked(
        queries[0] if queries else None,
        default_graphs,
        named_graphs,
        next(iter(every("format")), None),
    )


async def _body(request: Request) -> bytes:
    settings = service_of(request).settings
    limit = settings.body_kb << 10
    if int(request.headers.get("content-length") or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        closed = {"Connection": "close"}
        raise HttpError(
            408, "slow-body", limit=settings.body_seconds, unit="seconds", headers=closed
        ) from None
    return bytes(body)


def _too_large(limit: int) -> HttpError:
    # Closed, or all of it would still be taken in
    return HttpError(413, "body", limit=limit >> 10, unit="kilobytes", headers={"Connection": "close"})


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HttpError(400, "encoding", at=error.start) from None


async def _answer(request: Request, asked: Asked, *, keep: bool) -> Response:
    """The answer to a query; ``keep`` says that it follows from the address."""
    service = service_of(request)
    wants_page = asked.page_wanted(request)
    if asked.query is None or not asked.query.strip():
        if wants_page:
            return _page(request, asked)
        raise HttpError(400, "no-query")
    build = service.build.name  # before the engine is asked, so that a tag is never newer than what it is of
    engine = service.engine
    try:
        if engine.full():  # told before anything is done for it
            raise engine.busy()
        query = await engine.acheck(asked.query)
        media = _media_type(kind_of(query.form), asked.format, request.headers.get("accept"))
        if media == HTML:
            return await run_in_threadpool(_result_page, request, asked, engine, query)
        held = not query.changes and not query.calls_out
        entity_tag = caching.tag(build, query.text, asked.default_graphs, asked.named_graphs, media)
        if held and (same := caching.unchanged(request, entity_tag)) is not None:
            return same
        answer = await sending.unless_gone(
            request,
            engine.arun(
                query,
                media,
                default_graphs=asked.default_graphs,
                named_graphs=asked.named_graphs,
                public=True,
            ),
        )
    except (QuerySyntaxError, QueryRefused, QueryLimit) as error:
        if not wants_page:
            raise
        problem = problem_of(error, request.url.path, pages.lang_of(request))
        return _page(request, asked, status=problem.status, problem=problem)
    if held and keep:
        caching.ready_to_send(request)
    headers = caching.headers(entity_tag) if held else {"Cache-Control": "no-store", "Vary": "Accept"}
    return sending.respond(answer, media, headers, service.settings.send_seconds)


@lru_cache(maxsize=128)  # as there, clients ask for the same few
def _media_type(kind: Kind, name: str | None, accept: str | None) -> str:
    if name == "html":
        return HTML
    formats = formats_of(kind)
    if name is not None:
        found = named(name, kind)
        if found is None:
            raise HttpError(406, "format", allowed=[one.name for one in formats], found=name)
        return found.media_types[0]
    first = [one.media_types[0] for one in formats]
    others = [media for one in formats for media in one.media_types[1:]]
    media = best(accept, list(dict.fromkeys([*first, *others, HTML])))
    if media is None:
        raise HttpError(406, "accept", allowed=[*first, HTML])
    return media


def _result_page(request: Request, asked: Asked, engine: QueryEngine, query: QueryText) -> Response:
    if query.form == "SELECT":
        table = engine.table(
            query, default_graphs=asked.default_graphs, named_graphs=asked.named_graphs, public=True
        )
        return _page(request, asked, table=table, form=query.form)
    answer = engine.run(
        query, default_graphs=asked.default_graphs, named_graphs=asked.named_graphs, public=True
    )
    if query.form == "ASK":
        return _page(request, asked, truth=bool(json.loads(answer.body)["boolean"]), form=query.form)
    start = b"".join(islice(answer.pieces(), _SHOWN_PIECES))
    return _page(request, asked, turtle=start.decode("utf-8", "ignore"), form=query.form)


def _page(request: Request, asked: Asked, *, status: int = 200, **shown: Any) -> Response:
    form = shown.get("form")
    formats = [one.name for one in formats_of(kind_of(form))] if form else []
    values = {
        "query": (asked.query or "").strip() or _example(request),
        "questions": service_of(request).catalogue.questions,
        "formats": formats,
        "rows_shown": ROWS_SHOWN,
        "limits": service_of(request).settings.limits,
        "table": None,
        "truth": None,
        "turtle": None,
        "problem": None,
        **shown,
    }
    return pages.render(request, "sparql.html", values, status=status)


def _example(request: Request) -> str:
    """What stands on an empty page: a question as SPARQL, where ``?example=`` names one."""
    name = request.query_params.get("example")
    return editor.example(request, name) if name else EXAMPLE
