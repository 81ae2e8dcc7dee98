"""Words to what is found by them: /search?q=电梯, as JSON or as a page."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.builds import Service
from api.context import service_of
from api.problems import RESPONSES, problem_of
from graph.errors import BadParameter, QueryLimit
from graph.record import Level
from graph.search_index import KINDS, Kind
from queries.searching import (
    LEVELS,
    LONGEST,
    MOST_SKIPPED,
    Found,
    Hit,
    Passage,
    SearchIndex,
    chosen_kinds,
    chosen_levels,
    said,
)
from shapes.rules import Lang

router = APIRouter(tags=["search"])
_PAGE = 20


@lru_cache(maxsize=2)
def _index(folder: Path, seconds: float) -> SearchIndex:
    return SearchIndex(folder, seconds)


class Marked(BaseModel):
    """A sentence or a name; ``marks`` are the stretches of it that were looked for, in code points."""

    text: str = Field(examples=["2024年，更新和加装电梯16台"])
    marks: list[tuple[int, int]] = Field(examples=[[[11, 13]]])


class PlaceNote(BaseModel):
    code: str = Field(examples=["420115"])
    name: str = Field(examples=["江夏区"])
    level: Level | None


class DocumentNote(BaseModel):
    slug: str = Field(examples=["420115-jiangxia-2024"])
    title: str


class SearchResult(BaseModel):
    """What was found. Its sentences hold the words, or where only its name does, the first one stands for all.

    ``exact`` where it is called what was typed. ``span`` is its place in the kept text of the document; an agency has
    no document, what a person recorded by hand no span.
    """

    kind: Kind
    iri: str
    label: Marked
    names: list[Marked] = Field(description="other names of it that hold the words")
    exact: bool
    document: DocumentNote | None
    place: PlaceNote
    path: str | None = Field(description="the printed numbers from the top", examples=["二/（二）/1"])
    span: tuple[int, int] | None
    sentences: list[Marked]


class SearchAnswer(BaseModel):
    """One page of what fits all the words, best first; ``count`` is of all of it.

    ``kinds`` and ``levels`` count what there would be with another choice of kind or level.
    """

    words: list[str] = Field(examples=[["电梯"]])
    count: int
    limit: int
    offset: int
    kinds: dict[Kind, int]
    levels: dict[Level, int]
    results: list[SearchResult]


@router.get(
    "/search", summary="Search plans, tasks, targets, agencies and texts", response_model=SearchAnswer,
    responses=RESPONSES,
)  # fmt: skip
def get_search(
    request: Request,
    q: Annotated[
        str,
        Query(
            description=f"words, all of which have to occur; quotation marks keep several together; at most {LONGEST} "
            "characters. Traditional and full-width characters are as good, and so are [ ] for 〔 〕",
            examples=["电梯"],
        ),
    ] = "",
    kind: Annotated[
        list[str] | None, Query(description=f"only these: {', '.join(KINDS)}", examples=[["task"]])
    ] = None,
    place: Annotated[
        str | None,
        Query(description="only this place and those within it: six-digit code or name", examples=["湖北省"]),
    ] = None,
    level: Annotated[
        list[str] | None,
        Query(description=f"only these: {', '.join(LEVELS)}", examples=[["county"]]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = _PAGE,
    offset: Annotated[int, Query(ge=0, le=MOST_SKIPPED)] = 0,
    lang: Annotated[str | None, Query(description="of the page: zh or en")] = None,
    format: Annotated[str | None, Query(description="json or html, in place of the Accept header")] = None,
) -> Response:
    """Each result with its sentences and where in them the words stand. Words of one and two characters are found too."""
    service = service_of(request)
    index = _index(service.build.folder, service.settings.query_seconds)
    page = pages.wanted(request)
    found, problem, status = None, None, 200
    try:
        kinds = chosen_kinds(kind or ())
        levels = chosen_levels(level or ())
        if q.strip() or not page:
            found = index.search(
                q, kinds=kinds, place=place or None, levels=levels, limit=limit, offset=offset
            )
    except (BadParameter, QueryLimit) as error:
        if not page:
            raise
        kinds, levels = [], []
        problem = problem_of(error, request.url.path, pages.lang_of(request))
        status = problem.status
    if not page:
        assert found is not None
        answer = _told(found, limit, offset)
        return JSONResponse(answer.model_dump(), headers={"Vary": "Accept, Accept-Language"})
    values = {
        "q": q,
        "found": found,
        "problem": problem,
        "places": index.places(),
        "chosen": {
            "kind": kinds[0] if kinds else "",
            "place": place or "",
            "level": levels[0] if levels else "",
        },
        "kinds": KINDS,
        "levels": LEVELS,
        "level_label": _level_labels(service, pages.lang_of(request)),
        "limit": limit,
        "offset": offset,
        "pieces": pieces,
        "said": said,
    }
    return pages.render(request, "search.html", values, status=status)


def pieces(passage: Passage) -> list[tuple[str, bool]]:
    """A passage cut at its marks: each piece, and whether it is one that was looked for."""
    found, at = [], 0
    for start, stop in passage.marks:
        found += [(passage.text[at:start], False), (passage.text[start:stop], True)]
        at = stop
    return [(text, marked) for text, marked in [*found, (passage.text[at:], False)] if text]


def _level_labels(service: Service, lang: Lang) -> dict[str, str]:
    levels = service.build.vocabularies.scheme("level")
    return {one.key: one.label_en if lang == "en" else one.label_zh for one in levels}


def _told(found: Found, limit: int, offset: int) -> SearchAnswer:
    return SearchAnswer(
        words=found.words,
        count=found.count,
        limit=limit,
        offset=offset,
        kinds=found.kinds,
        levels=found.levels,
        results=[_result(hit) for hit in found.hits],
    )


def _result(hit: Hit) -> SearchResult:
    return SearchResult(
        kind=hit.kind,
        iri=hit.iri,
        label=_marked(hit.label),
        names=[_marked(one) for one in hit.names],
        exact=hit.exact,
        document=DocumentNote(slug=hit.document, title=hit.title or "") if hit.document else None,
        place=PlaceNote(code=hit.code, name=hit.place, level=hit.level),
        path=hit.path,
        span=hit.span,
        sentences=[_marked(one) for one in hit.passages],
    )


def _marked(passage: Passage) -> Marked:
    return Marked(text=passage.text, marks=list(passage.marks))
