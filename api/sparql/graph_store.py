"""The SPARQL 1.1 Graph Store HTTP Protocol, for reading: a graph named in the address, whole, in a notation of RDF."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pyoxigraph as ox
from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.around import caching, sending
from api.context import service_of
from api.negotiation import best
from api.problems import RESPONSES, HttpError
from api.sparql.description import format_by_name, iri_of_a_graph
from graph.errors import BadInput
from queries.describing import graph_there
from queries.formats import formats_of, named
from queries.words import both

router = APIRouter(tags=["SPARQL"])
# A graph without its name: the notations for several graphs would add nothing.
_FORMATS = tuple(one for one in formats_of("graph") if one.name not in ("nquads", "trig"))
_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"

_PARAMETERS: list[dict[str, Any]] = [
    iri_of_a_graph(
        "The full IRI of a graph.", "https://w3id.org/zhengmai/graph/document/420115-jiangxia-2024"
    ),
    {
        "name": "default",
        "in": "query",
        "description": "The default graph: the union of all graphs but those that were put in. Needs no value, and any is passed over.",
        "allowEmptyValue": True,
        "schema": {"type": "string"},
    },
    format_by_name(_FORMATS),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All triples of the graph.",
        "content": {one.media_types[0]: {} for one in _FORMATS},
    },
    **RESPONSES,
}


@router.get(
    "/rdf-graph-store",
    summary="A graph",
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra={"parameters": _PARAMETERS},
)
async def get_graph(request: Request) -> Response:
    """The graph of an IRI, or with ``default`` the union of those of the program. Bounded as a query is."""
    try:
        pairs = parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise HttpError(400, "encoding", at=error.start) from None
    graphs = [value for name, value in pairs if name == "graph"]
    default = [value for name, value in pairs if name == "default"]
    if len(graphs) + len(default) != 1:
        raise HttpError(400, "which-graph", allowed=["graph", "default"])
    return await respond(request, graphs[0] if graphs else None, dict(pairs).get("format"))


async def respond(request: Request, iri: str | None, name: str | None = None) -> Response:
    """The triples of a graph, of all graphs where ``iri`` is None, in the format of a name or else by Accept.

    Raises HttpError 404 and 406, BadInput for what is no IRI, and as `QueryEngine.run` does.
    """
    if iri is not None:
        try:
            ox.NamedNode(iri)
        except ValueError:
            en, zh = both("questions", "iri", found=iri)
            raise BadInput(en, zh=zh) from None
    media = _media_type(name, request.headers.get("accept"))
    service = service_of(request)
    build, engine = service.build.name, service.engine
    entity_tag = caching.tag(build, "graph", iri, media)
    if (same := caching.unchanged(request, entity_tag)) is not None:
        return same
    if iri is not None:
        there = await engine.arun(graph_there(iri), public=True)
        if b"true" not in there.body:
            raise HttpError(404, "no-graph", found=iri)
    graphs = [iri] if iri is not None else []
    answer = await sending.unless_gone(request, engine.arun(_ALL, media, default_graphs=graphs, public=True))
    caching.ready_to_send(request)
    return sending.respond(answer, media, caching.headers(entity_tag), service.settings.send_seconds)


def _media_type(name: str | None, accept: str | None) -> str:
    first = [one.media_types[0] for one in _FORMATS]
    if name is not None:
        found = named(name, "graph")
        if found is None or found not in _FORMATS:
            raise HttpError(406, "format", allowed=[one.name for one in _FORMATS], found=name)
        return found.media_types[0]
    others = [media for one in _FORMATS for media in one.media_types[1:]]
    media = best(accept, list(dict.fromkeys([*first, *others])))
    if media is None:
        raise HttpError(406, "accept", allowed=first)
    return media
