"""The ontology at /ns, where its terms lead: a page for people, and the file in the notations of RDF for programs."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import pyoxigraph as ox
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api import pages
from api.negotiation import HTML, best
from api.problems import RESPONSES, HttpError
from graph.errors import NotFound
from ontology.documentation import reference
from ontology.terms import PREFIXES
from ontology.vocabulary import turtle
from queries.formats import Format, formats_of, named

router = APIRouter(tags=["ontology"])
# One graph without a name: the notations for several graphs would add nothing.
_FORMATS = tuple(one for one in formats_of("graph") if one.name not in ("nquads", "trig"))
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The ontology.",
        "content": {HTML: {}} | {one.media_types[0]: {} for one in _FORMATS},
    },
    **RESPONSES,
}
_Name = Annotated[
    str | None,
    Query(
        description="in place of the Accept header",
        json_schema_extra={"enum": [*(one.name for one in _FORMATS), HTML.removeprefix("text/")]},
    ),
]


@router.get("/ns", summary="The ontology", response_class=Response, responses=_ANSWERS)
def get_ontology(request: Request, format: _Name = None) -> Response:
    """Every term with its definition in zh and en and an example for each class, or the file itself."""
    chosen = _chosen(format, request.headers.get("accept"))
    if chosen is None:
        formats = [(one.name, f"/ns?format={one.name}") for one in _FORMATS]
        return pages.render(request, "ontology.html", {"ref": reference(), "formats": formats})
    media = chosen.media_types[0]
    content_type = f"{media}; charset=utf-8" if media.startswith("text/") else media
    return Response(written(chosen.name), headers={"Content-Type": content_type, "Vary": "Accept"})


@router.get("/ns/{version}", summary="A version of the ontology", response_class=Response, responses=_ANSWERS)
def get_version(version: str, request: Request, format: _Name = None) -> Response:
    """The version that is held; of older ones the address is only a name."""
    held = reference().version
    if version != held:
        en, zh = pages.both("ontology.other", found=version, held=held)
        raise NotFound(en, zh=zh, allowed=[held])
    return get_ontology(request, format)


@cache
def written(name: str) -> bytes:
    """Return the ontology in a notation, by its name; Turtle is the file as it stands, comments and all."""
    if name == "turtle":
        return turtle()
    writer = next(one.writer for one in _FORMATS if one.name == name)
    quads = ox.parse(turtle(), format=ox.RdfFormat.TURTLE)
    data = ox.serialize(
        (quad.triple for quad in quads), format=ox.RdfFormat.from_media_type(writer), prefixes=PREFIXES
    )
    assert data is not None
    return data


def _chosen(name: str | None, accept: str | None) -> Format | None:
    """The notation that is asked for; None is the page."""
    names = [one.name for one in _FORMATS]
    if name is not None:
        found = named(name, "graph")
        if name != "html" and (found is None or found not in _FORMATS):
            raise HttpError(406, "format", allowed=[*names, "html"], found=name)
        return found
    # The file is the favourite: who asks for nothing in particular is a program.
    first = [one.media_types[0] for one in _FORMATS]
    others = [media for one in _FORMATS for media in one.media_types[1:]]
    media = best(accept, list(dict.fromkeys([*first, HTML, *others])))
    if media is None:
        raise HttpError(406, "accept", allowed=[*first, HTML])
    return next((one for one in _FORMATS if media in one.media_types), None)
