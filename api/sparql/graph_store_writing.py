"""The SPARQL 1.1 Graph Store HTTP Protocol, for writing, with a token: graphs that people put in beside the program's own.

Named in the parameter ``graph``, or by their own address under /graph/user/. Each becomes a job that is waited for; one
that takes longer than a minute is told as a job (202).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.context import service_of
from api.problems import HttpError
from api.sparql.description import iri_of_a_graph
from api.writing.forms import MULTIPART, counted, file_form, handed_in, media_type_of
from api.writing.job_status import ACCEPTED, accepted
from api.writing.tokens import writer
from graph.user_graphs import FOLDER, PREFIX, file_name, is_user_graph

# What all that is done here has in common: each becomes a job
router = APIRouter(tags=["writing"], default_response_class=Response, responses=ACCEPTED)
Writer = Annotated[str, Depends(writer("graphs"))]
_TYPES: Final = (
    "text/turtle",
    "application/n-triples",
    "application/ld+json",
    "application/rdf+xml",
    "application/n-quads",
    "application/trig",
    "text/n3",
)
_SUFFIXES: Final = {
    ".ttl": "text/turtle",
    ".nt": "application/n-triples",
    ".jsonld": "application/ld+json",
    ".rdf": "application/rdf+xml",
    ".xml": "application/rdf+xml",
    ".nq": "application/n-quads",
    ".trig": "application/trig",
    ".n3": "text/n3",
}
_PARAMETERS: Final = [iri_of_a_graph(f"The full IRI of a graph; it begins with {PREFIX}", f"{PREFIX}notes")]
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {**{media: {"schema": {"type": "string"}} for media in _TYPES}, **file_form()},
}
_WRITE: Final[dict[str, Any]] = {"parameters": _PARAMETERS, "requestBody": _BODY}
_DIRECT: Final[dict[str, Any]] = {"requestBody": _BODY}


@router.put(
    "/rdf-graph-store",
    summary="Put a graph in",
    openapi_extra=_WRITE,
)
async def put_graph(request: Request, agent: Writer) -> Response:
    """It takes the place of the one of that name: 201 where there was none, 204 where there was."""
    return await _put(request, _named(request), agent, merge=False)


@router.post(
    "/rdf-graph-store",
    summary="Add to a graph",
    openapi_extra=_WRITE,
)
async def post_graph(request: Request, agent: Writer) -> Response:
    """What is sent is added: 200 where the graph is there, 201 where not. Without ``graph`` a new one is made, and told
    in ``Location``."""
    iri = _named(request) if request.query_params else PREFIX + secrets.token_hex(8)
    return await _put(request, iri, agent, merge=True)


@router.delete(
    "/rdf-graph-store",
    summary="Remove a graph",
    openapi_extra={"parameters": _PARAMETERS},
)
async def delete_graph(request: Request, agent: Writer) -> Response:
    """204, or 404 where there is none."""
    return await _delete(request, _named(request), agent)


@router.put(
    "/graph/user/{path:path}",
    summary="Put this graph in",
    openapi_extra=_DIRECT,
)
async def put_this(path: str, request: Request, agent: Writer) -> Response:
    """As PUT on /rdf-graph-store."""
    return await _put(request, _allowed(PREFIX + path), agent, merge=False)


@router.post(
    "/graph/user/{path:path}",
    summary="Add to this graph",
    openapi_extra=_DIRECT,
)
async def post_this(path: str, request: Request, agent: Writer) -> Response:
    """As POST on /rdf-graph-store."""
    return await _put(request, _allowed(PREFIX + path), agent, merge=True)


@router.delete("/graph/user/{path:path}", summary="Remove this graph")
async def delete_this(path: str, request: Request, agent: Writer) -> Response:
    """As DELETE on /rdf-graph-store."""
    return await _delete(request, _allowed(PREFIX + path), agent)


def _named(request: Request) -> str:
    """The graph that the address names. Raises HttpError 400 for none or several, 403 for one that is not written."""
    pairs = request.query_params.multi_items()
    graphs = [value for name, value in pairs if name == "graph"]
    if any(name == "default" for name, _ in pairs) and not graphs:
        raise HttpError(403, "graph-default", prefix=PREFIX)
    if len(graphs) != 1 or len(pairs) != 1:
        raise HttpError(400, "graph-named")
    return _allowed(graphs[0])


def _allowed(iri: str) -> str:
    if not is_user_graph(iri):
        raise HttpError(403, "graph-reserved", found=iri[:200], prefix=PREFIX)
    return iri


async def _put(request: Request, iri: str, agent: str, *, merge: bool) -> Response:
    media, body = await _sent(request)
    # Parsed in a process of its own: XML can be nested, or its entities expand, beyond all measure.
    asked = {
        "task": "graph",
        "media": media,
        "graph": iri,
        "most": service_of(request).settings.graph_mb << 22,
    }
    told = await run_in_threadpool(service_of(request).readers.run, asked, body)
    if "fault" in told:
        raise HttpError(400, told["fault"], media=media, reason=told["reason"], found=told["reason"])
    quads = str(told["quads"]).encode()
    there = _there(request, iri)
    task = {"graph": iri, "sha256": hashlib.sha256(body).hexdigest(), "merge": merge}
    answer = await _do(request, "put-graph", iri, agent, task, quads)
    if answer is not None:
        return answer
    headers = {} if there else {"Location": "/graph/" + iri.removeprefix(PREFIX.removesuffix("user/"))}
    return Response(status_code=201 if not there else 200 if merge else 204, headers=headers)


async def _delete(request: Request, iri: str, agent: str) -> Response:
    if not _there(request, iri):
        raise HttpError(404, "graph-absent", found=iri)
    return await _do(request, "delete-graph", iri, agent, {"graph": iri}, b"") or Response(status_code=204)


async def _do(
    request: Request, kind: str, iri: str, agent: str, task: dict[str, Any], body: bytes
) -> Response | None:
    """Have it done; the answer where that takes long. Raises what the job failed of."""
    service = service_of(request)
    job = await run_in_threadpool(service.jobs.take_on, kind, iri, agent, task, body)
    done = await service.jobs.wait(job.id, service.settings.write_seconds)
    if done is None or not done.over:
        return accepted(request, done or job)
    done.raise_problem()
    return None


def _there(request: Request, iri: str) -> bool:
    """Whether a graph was put in; one without triples counts too."""
    return (service_of(request).settings.corpus_folder / FOLDER / file_name(iri)).is_file()


async def _sent(request: Request) -> tuple[str, bytes]:
    """The media type and the bytes of what was sent: the body, or the file of a form. Raises HttpError 413 and 415."""
    limit = service_of(request).settings.graph_mb << 20
    media = media_type_of(request)
    if media == MULTIPART:
        sent = await handed_in(request, limit, ())
        suffix = "." + sent.name.rpartition(".")[2].lower()
        media, body = _SUFFIXES.get(suffix, suffix), sent.data
    else:
        body = b"".join([piece async for piece in counted(request, limit)]) if media in _TYPES else b""
    if media not in _TYPES:
        raise HttpError(415, "content-type", found=media or "–", allowed=[*_TYPES, MULTIPART])
    return media, body
