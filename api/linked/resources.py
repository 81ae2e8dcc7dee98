"""Linked data: every IRI of the graph is looked up at its own path here (docs/linked-data.md).

``/id/…`` answers 303 to a document on the thing: a page for people, RDF for programs, by the Accept header or ``?format=``.
The documents stand beside it, told apart by their ending: ``/id/domain/education.ttl``, ``….html``. A slash or a dot
that is %-encoded belongs to a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import pyoxigraph as ox
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS

from api import pages
from api.around import caching
from api.context import service_of
from api.linked import addresses
from api.negotiation import HTML, JSON, best
from api.problems import RESPONSES, HttpError
from graph.errors import NotFound
from ontology.terms import BASE, DATASET, ID
from queries.describing import PART, Description, describe, exists, graph_there
from queries.formats import formats_of, named
from queries.rdf import written
from queries.words import both

router = APIRouter(tags=["linked data"])
_VARY = "Accept, Accept-Language"

# Ending → media type that is answered, and the one by which pyoxigraph finds its writer. Turtle is the favourite.
_RDF = {
    one.extension: one.media_types[0] for one in formats_of("graph") if one.name not in ("nquads", "trig")
}
ENDINGS: Mapping[str, tuple[str, str | None]] = {
    **{ending: (media, media) for ending, media in _RDF.items()},
    "json": (JSON, "application/ld+json"),
    "html": (HTML, None),
}
_MEDIA = {media: ending for ending, (media, _) in ENDINGS.items()}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What the graph says of it.", "content": {media: {} for media in _MEDIA}},
    303: {"description": "To the document on it, in the notation that was asked for."},
    **RESPONSES,
}
_Format = Annotated[
    str | None,
    Query(description="turtle, rdfxml, ntriples, jsonld, json or html, or their endings; in place of Accept"),
]
_Offset = Annotated[
    int,
    Query(
        ge=0, le=1_000_000_000, description="statements that point to the thing, left out before the first"
    ),
]


@router.get(
    "/id/{name:path}",
    summary="A thing of the graph",
    response_class=Response,
    responses=_ANSWERS,
)
def get_thing(
    name: str, request: Request, format: _Format = None, offset: _Offset = 0, lang: str | None = None
) -> Response:
    """What is said of it, what points to it (in parts), the sentences behind it, and the names of all of these."""
    iri = addresses.asked_iri(request, "id")
    service = service_of(request)
    entity_tag = caching.tag_of(request, service.build.name)
    if (same := caching.unchanged(request, entity_tag, _VARY)) is not None:
        return same
    ask = service.engine.table
    stem, _, ending = iri.rpartition(".")
    if ending in ENDINGS and stem.startswith(str(ID)) and format is None:
        told = describe(ask, stem, offset=offset)
        if told is not None:
            response = _document(request, told, ending, offset)
            response.headers.update(caching.headers(entity_tag, _VARY))
            caching.ready_to_send(request)
            return response
    if iri in (str(ID), str(ID)[:-1]) or not exists(ask, iri):
        raise unknown(iri)
    wanted = _ending(format, request.headers.get("accept"))
    if wanted == "html" and iri.startswith(f"{ID}document/") and iri.count("/") == str(ID).count("/") + 1:
        path = addresses.page_of(iri) or ""
    else:
        path = f"{addresses.path_of(iri)}.{wanted}"
    kept = urlencode([(key, value) for key, value in request.query_params.multi_items() if key != "format"])
    return RedirectResponse(
        f"{path}?{kept}" if kept else path, 303, headers={"Vary": "Accept, Accept-Language"}
    )


@router.get(
    "/graph/user/{path:path}",
    summary="One graph that somebody put in",
    response_class=Response,
    responses=_ANSWERS,
)
def get_user_graph(path: str, request: Request, format: _Format = None) -> Response:
    """All its triples."""
    return get_graph(path, request, format)


@router.get(
    "/graph/{name:path}", summary="One graph of the store", response_class=Response, responses=_ANSWERS
)
def get_graph(name: str, request: Request, format: _Format = None) -> Response:
    """All triples of a named graph: what one document says, the vocabularies, what was derived."""
    iri = addresses.asked_iri(request, "graph")
    engine = service_of(request).engine
    there = engine.run(graph_there(iri), public=True)
    if b"true" not in there.body:
        raise unknown(iri)
    offers = [*_RDF.values(), HTML]
    found = named(format, "graph") if format is not None else None
    media = found.media_types[0] if found else HTML if format == "html" else None
    if format is not None and media not in offers:
        raise HttpError(406, "format", allowed=[*_RDF, "html"], found=format)
    media = media or best(request.headers.get("accept"), offers)
    if media is None:
        raise HttpError(406, "accept", allowed=offers)
    if media == HTML:  # people read the plan; of the other graphs there are only files
        document = addresses.page_of(iri.replace(f"{BASE}graph/", str(ID)))
        return RedirectResponse(document or "/data", 303, headers={"Vary": "Accept"})
    whole = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    answer = engine.run(whole, media, default_graphs=[iri], public=True)
    return Response(answer.body, media_type=media, headers={"Vary": "Accept"})


@router.get("/problem/{kind}", include_in_schema=False)
def get_problem(kind: str, request: Request) -> Response:
    """What the type of a problem (RFC 9457) means."""
    if not pages.has_words(f"problem.{kind}"):
        raise unknown(f"{BASE}problem/{kind}")
    subject = ox.NamedNode(f"{BASE}problem/{kind}")
    label = ox.NamedNode(str(RDFS.label))
    said = pages.words(f"problem.{kind}")
    triples = [ox.Triple(subject, label, ox.Literal(said[lang], language=lang)) for lang in ("zh", "en")]
    return Response(written(triples, "text/turtle"), media_type="text/turtle")


def unknown(iri: str) -> NotFound:
    """The error for an IRI that the graph does not know."""
    en, zh = both("questions", "no_node", found=iri)
    return NotFound(en, zh=zh)


def _ending(format: str | None, accept: str | None) -> str:
    if format is not None:
        found = named(format, "graph")
        ending = found.extension if found else format
        if ending not in ENDINGS:
            raise HttpError(406, "format", allowed=list(ENDINGS), found=format)
        return ending
    media = best(accept, list(_MEDIA))
    if media is None:
        raise HttpError(406, "accept", allowed=list(_MEDIA))
    return _MEDIA[media]


def _document(request: Request, told: Description, ending: str, offset: int) -> Response:
    path = f"{addresses.path_of(told.iri)}.{ending}"
    links = [f'<{addresses.path_of(told.iri)}>; rel="describes"']
    if told.more:
        links.append(f'<{path}?offset={offset + PART}>; rel="next"')
    if offset:
        links.append(f'<{path}?offset={max(0, offset - PART)}>; rel="prev"')
    headers = {"Link": ", ".join(links)}
    media, writer = ENDINGS[ending]
    if writer is None:
        return pages.render(request, "node.html", _shown(request, told, offset), headers=headers)
    triples = {*told.triples, *_about(request, told, addresses.absolute(request, path), offset)}
    return Response(written(triples, writer), media_type=media, headers=headers)


def _about(request: Request, told: Description, address: str, offset: int) -> Iterable[ox.Triple]:
    """What the document says of itself: its subject, its licence, and whether there is more."""
    here = ox.NamedNode(address)

    def says(predicate: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
        return ox.Triple(here, ox.NamedNode(predicate), value)

    yield says(str(RDF.type), ox.NamedNode(str(FOAF.Document)))
    yield says(str(FOAF.primaryTopic), ox.NamedNode(told.iri))
    yield says(str(DCTERMS.isPartOf), ox.NamedNode(str(DATASET)))
    yield says(str(DCTERMS.license), ox.NamedNode(service_of(request).settings.licence))
    if told.more:
        yield says(str(RDFS.seeAlso), ox.NamedNode(f"{address}?offset={offset + PART}"))
    if told.more or told.cut or offset:
        first, last = offset + 1, offset + len(told.incoming)
        for lang, text in zip(("en", "zh"), pages.both("node.cut", first=first, last=last), strict=True):
            yield says(str(RDFS.comment), ox.Literal(text, language=lang))


def _shown(request: Request, told: Description, offset: int) -> dict[str, Any]:
    """What the page shows: names in place of IRIs, wherever there are any."""
    lang = pages.lang_of(request)
    suffix = f"?lang={lang}" if request.query_params.get("lang") in ("zh", "en") else ""

    def link(iri: str) -> dict[str, str | None]:
        path, mark, part = (addresses.path_of(iri) or "").partition("#")
        return {
            "iri": iri,
            "label": told.label(iri, lang) or iri.removeprefix(BASE),
            "path": f"{path}{suffix}{mark}{part}" if path else None,
        }

    def value(node: object) -> dict[str, str | None]:
        if isinstance(node, ox.NamedNode):
            return link(node.value)
        text = node.value if isinstance(node, ox.Literal) else str(node)
        language = node.language if isinstance(node, ox.Literal) else None
        return {"label": text, "path": None, "iri": None, "lang": language}

    own: dict[str, list[dict[str, str | None]]] = {}
    for triple in told.own:
        own.setdefault(triple.predicate.value, []).append(value(triple.object))
    back: dict[str, list[dict[str, str | None]]] = {}
    for triple in told.incoming:
        back.setdefault(triple.predicate.value, []).append(value(triple.subject))
    types = [one["label"] for one in own.pop(str(RDF.type), [])]
    place = addresses.page_of(told.iri)
    path = addresses.path_of(told.iri)
    return {
        "iri": told.iri,
        "title": told.label(told.iri, lang) or told.iri.removeprefix(str(ID)),
        "types": types,
        "place": f"{place.partition('#')[0]}{suffix}#{place.partition('#')[2]}" if place else None,
        "quotes": [(link(whose) if whose != told.iri else None, quote) for whose, quote in told.quotes()],
        "own": [(link(predicate), values) for predicate, values in own.items()],
        "incoming": [(link(predicate), values) for predicate, values in back.items()],
        "first": offset + 1,
        "last": offset + len(told.incoming),
        "partly": told.more or offset > 0,
        "cut": told.cut,
        "next": offset + PART if told.more else None,
        "previous": max(0, offset - PART) if offset else None,
        "files": [(ending, f"{path}.{ending}") for ending in ENDINGS if ending != "html"],
    }
