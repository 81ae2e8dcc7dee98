"""The questions by URL: /questions/lead-agencies?domain=教育 as JSON, a file (CSV, TSV, XLSX, Parquet), or a page.

Rows come whole, or in parts by ``limit`` and ``offset``. A question that is a CONSTRUCT gives RDF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field, create_model

from api import pages
from api.around import caching
from api.context import service_of
from api.linked import addresses
from api.negotiation import HTML, JSON, Lang, best
from api.problems import RESPONSES, HttpError, problem_of
from api.reading.entries import all_of
from graph.errors import BadInput, QueryLimit
from ontology.vocabulary import SCHEMES
from queries import files
from queries.asking import Asker, GraphReply, Reply
from queries.catalogue import Catalogue, Parameter, Question
from queries.formats import formats_of
from queries.rdf import written

Json = str | int | float | bool | None
_RESERVED = ("lang", "format", "limit", "offset")
ROWS_SHOWN = 500  # on a page where no number is given
_VARY = {"Vary": "Accept, Accept-Language"}
_TABLES = {
    "json": JSON,
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "html": HTML,
}
# One graph without a name: the notations for several graphs would add nothing.
_GRAPHS = {
    **{one.name: one.media_types[0] for one in formats_of("graph") if one.name not in ("nquads", "trig")},
    "html": HTML,
}
_ENDINGS = {one.name: one.extension for one in formats_of("graph")}
_JSON_TYPES: dict[str, Any] = {
    "integer": int,
    "decimal": float,
    "boolean": bool,
    "year": Annotated[str, Field(pattern=r"^-?\d{4,}$")],
    "date": Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")],
    "iri": Annotated[str, Field(json_schema_extra={"format": "iri"})],
    "text": str,
}


class Words(BaseModel):
    zh: str
    en: str


class ParameterNote(BaseModel):
    """A parameter; ``type`` is a concept scheme, or plan, division, agency, year, integer, string."""

    name: str
    type: str
    label: Words
    required: bool
    many: bool = Field(description="takes several values with commas between them")
    default: str | None


class ColumnNote(Words):
    """The words of a column and the type of its values."""

    type: Literal["text", "integer", "decimal", "boolean", "year", "date", "iri"]


class QuestionNote(BaseModel):
    """A question: what it tells, what it needs, an example, and where it is asked."""

    name: str
    title: Words
    description: Words
    parameters: list[ParameterNote]
    answer: Literal["table", "graph"]
    columns: dict[str, ColumnNote] = Field(description="none where the answer is a graph")
    example: dict[str, str]
    formats: list[str]
    path: str = Field(examples=["/questions/lead-agencies"])


class Column(BaseModel):
    name: str
    label: str
    type: str


class Evidence(BaseModel):
    """What a row rests on: the node that a column names, where it is described, and where it is read in its place."""

    column: str
    iri: str
    url: str = Field(description="leads to the description of the node: a page, or RDF")
    page: str | None = Field(
        description="the plan's page at the very target or task; null where there is none"
    )


class QuestionAnswer(BaseModel):
    """The rows, each with all columns by name; null where nothing is known.

    ``count`` is how many rows there are; ``rows`` has those from ``offset`` on, at most ``limit`` of them.
    """

    question: str
    title: str
    parameters: dict[str, str]
    lang: str
    columns: list[Column]
    count: int
    limit: int | None
    offset: int
    rows: list[Any]


def answer_model(question: Question) -> type[BaseModel]:
    """The model of the answer to a question, whose rows have its own columns."""
    stem = "".join(part.capitalize() for part in question.name.split("-"))
    fields: dict[str, Any] = {
        name: (_JSON_TYPES[question.types[name]] | None, Field(description=f"{label.en} / {label.zh}"))
        for name, label in question.columns.items()
    }
    row = create_model(f"{stem}Row", **fields, evidence=(list[Evidence], ...))
    return create_model(f"{stem}Answer", __base__=QuestionAnswer, rows=(list[row], ...))  # type: ignore[valid-type]


def note(question: Question) -> QuestionNote:
    """A question, as told to programs."""
    return QuestionNote(
        name=question.name,
        title=Words(zh=question.title.zh, en=question.title.en),
        description=Words(zh=question.description.zh, en=question.description.en),
        parameters=[
            ParameterNote(
                name=one.name,
                type=one.type,
                label=Words(zh=one.label.zh, en=one.label.en),
                required=one.required,
                many=one.many,
                default=one.default,
            )
            for one in question.parameters
        ],
        answer="table" if question.is_table else "graph",
        columns={
            name: ColumnNote.model_validate({"zh": label.zh, "en": label.en, "type": question.types[name]})
            for name, label in question.columns.items()
        },
        formats=list(formats(question)),
        example=dict(question.example),
        path=f"/questions/{question.name}",
    )


def create_router(catalogue: Catalogue) -> APIRouter:
    """The routes: one for the catalogue and one for each question, so that OpenAPI shows its parameters."""
    router = APIRouter(tags=["questions"])

    @router.get(
        "/questions",
        summary="The questions that there are",
        response_model=list[QuestionNote],
        responses={200: {"content": {HTML: {}}}},
    )
    def get_questions(request: Request) -> Response:
        questions = service_of(request).catalogue.questions
        notes = JSONResponse([note(question).model_dump() for question in questions])
        vary = _VARY["Vary"]
        # It follows from the program, not from the build
        entity_tag = caching.tag_of(request, caching.tag(request.app.version, notes.body))
        if (same := caching.unchanged(request, entity_tag, vary)) is not None:
            return same
        as_page = pages.wanted(request)
        answer = pages.render(request, "questions.html", {"questions": questions}) if as_page else notes
        answer.headers.update(caching.headers(entity_tag, vary))
        caching.ready_to_send(request)
        return answer

    for question in catalogue.questions:
        router.add_api_route(
            f"/questions/{question.name}",
            _table_handler(question) if question.is_table else _graph_handler(question),
            name=question.name,
            operation_id=f"ask_{question.name.replace('-', '_')}",
            summary=question.title.en,
            description=f"{question.description.en}\n\n{question.description.zh}",
            response_class=JSONResponse if question.is_table else Response,
            response_model=answer_model(question) if question.is_table else None,
            responses={
                200: {
                    "description": "The rows." if question.is_table else "The graph.",
                    "content": {media: {} for media in formats(question).values()},
                    "headers": _HEADERS if question.is_table else {},
                },
                **RESPONSES,
            },
            openapi_extra={"parameters": [_described(question, one) for one in question.parameters]},
        )

    @router.get("/questions/{name}", include_in_schema=False)
    def get_unknown(name: str, request: Request) -> Response:
        service_of(request).catalogue.question(name)
        raise AssertionError("a question has a route of its own")

    return router


_HEADERS = {
    "X-Total-Count": {"description": "how many rows there are", "schema": {"type": "integer"}},
    "Link": {
        "description": "first, prev, next and last part, where there are parts",
        "schema": {"type": "string"},
    },
}


_Format = Annotated[
    str | None, Query(description="in place of Accept", json_schema_extra={"enum": list(_TABLES)})
]
_GraphFormat = Annotated[
    str | None, Query(description="in place of Accept", json_schema_extra={"enum": list(_GRAPHS)})
]


def formats(question: Question) -> dict[str, str]:
    """The formats that a question is answered in here: media type by name."""
    if not question.is_table:
        return _GRAPHS
    return {name: media for name, media in _TABLES.items() if name != "parquet" or files.has_parquet()}


_Limit = Annotated[int | None, Query(ge=1, le=100_000, description="rows at most; without it all of them")]
_Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="rows to leave out before the first")]


def _table_handler(question: Question) -> Any:
    def get_rows(
        request: Request,
        lang: Lang = None,
        format: _Format = None,
        limit: _Limit = None,
        offset: _Offset = 0,
    ) -> Response:
        return caching.held(
            request, service_of(request).build.name, lambda: _rows(request, question, format, limit, offset)
        )

    return get_rows


def _graph_handler(question: Question) -> Any:
    def get_graph(request: Request, lang: Lang = None, format: _GraphFormat = None) -> Response:
        return caching.held(
            request, service_of(request).build.name, lambda: _graph(request, question, format)
        )

    return get_graph


def _described(question: Question, parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": f"{parameter.label.en} / {parameter.label.zh} ({_kind(parameter)}{'; several with commas' if parameter.many else ''})",
        "schema": {"type": "string"},
        **({"example": question.example[parameter.name]} if parameter.name in question.example else {}),
    }


def _kind(parameter: Parameter) -> str:
    if parameter.type in SCHEMES:
        return f"concept of {parameter.type}: IRI, key, or a label in Chinese or English"
    return {
        "plan": "a plan: slug, document number, title, or place",
        "division": "a place: six-digit code or name",
        "agency": "an agency: place and name (江夏区 区商务局), or IRI",
        "year": "four digits",
    }.get(parameter.type, parameter.type)


def _rows(
    request: Request, question: Question, wanted: str | None, limit: int | None, offset: int
) -> Response:
    media = _media_type(question, wanted, request.headers.get("accept"))
    asker, values, lang = _asked(request, question)
    if media == HTML:
        return _page(request, asker, question, values, lang, limit or ROWS_SHOWN, offset)
    reply = asker.ask(question.name, values, lang, limit=limit, offset=offset)
    headers = {**_VARY, "X-Total-Count": str(reply.total), **_links(request, reply)}
    if media == JSON:
        return JSONResponse(_told(request, reply), headers=headers)
    ending = next(name for name, one in _TABLES.items() if one == media)
    headers["Content-Disposition"] = f'attachment; filename="{question.name}.{ending}"'
    return Response(_file(request, reply, ending), media_type=media, headers=headers)


def _graph(request: Request, question: Question, wanted: str | None) -> Response:
    media = _media_type(question, wanted, request.headers.get("accept"))
    asker, values, lang = _asked(request, question)
    if media == HTML:
        return _page(request, asker, question, values, lang)
    name = next(name for name, one in _GRAPHS.items() if one == media)
    headers = {**_VARY, "Content-Disposition": f'inline; filename="{question.name}.{_ENDINGS[name]}"'}
    return Response(
        written(asker.graph(question.name, values, lang).triples, media), media_type=media, headers=headers
    )


def _asked(request: Request, question: Question) -> tuple[Asker, dict[str, str], str]:
    """Who answers, the values of the parameters, and the language. Raises HttpError for a name that stands twice."""
    pairs = [
        (key, addresses.canonical(request, value))
        for key, value in request.query_params.multi_items()
        if key not in (_RESERVED if question.is_table else _RESERVED[:2])
    ]
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
        raise HttpError(400, "twice", name=twice)
    return service_of(request).asker, values, request.query_params.get("lang") or pages.lang_of(request)


def _media_type(question: Question, wanted: str | None, accept: str | None) -> str:
    offers = formats(question)
    if wanted is not None:
        if wanted not in offers:
            raise HttpError(406, "format", allowed=list(offers), found=wanted)
        return offers[wanted]
    media = best(accept, list(offers.values()))
    if media is None:
        raise HttpError(406, "accept", allowed=list(offers.values()))
    return media


def _file(request: Request, reply: Reply, ending: str) -> bytes:
    columns = files.Columns(
        reply.question.columns,
        reply.question.types,
        reply.question.title,
        reply.lang,
        {
            "question": addresses.absolute(request, f"/questions/{reply.question.name}"),
            "parameters": urlencode(reply.values),
            "build": service_of(request).build.name,
        },
    )
    if ending == "csv":
        return reply.table.to_csv(reply.header)
    write = {"tsv": files.tsv, "xlsx": files.workbook, "parquet": files.parquet}[ending]
    return write(columns, reply.table.rows)


def _links(request: Request, reply: Reply) -> dict[str, str]:
    """The Link header to the other parts of an answer (RFC 8288)."""
    if reply.limit is None or not (reply.offset or reply.total > reply.limit):
        return {}
    path = addresses.absolute(request, request.url.path)
    links = [
        f'<{path}?{urlencode({**dict(request.query_params.multi_items()), "offset": at})}>; rel="{rel}"'
        for rel, at in parts(reply).items()
    ]
    return {"Link": ", ".join(links)}


def parts(reply: Reply) -> dict[str, int]:
    """Where the first, previous, next and last part of an answer begin."""
    assert reply.limit is not None
    last = max(0, (reply.total - 1) // reply.limit * reply.limit)
    found = {"first": 0}
    if reply.offset:
        found["prev"] = max(0, min(reply.offset - reply.limit, last))
    if reply.offset + reply.limit < reply.total:
        found["next"] = reply.offset + reply.limit
    return {**found, "last": last}


def _told(request: Request, reply: Reply) -> dict[str, Any]:
    names = [name for name, type_ in reply.question.types.items() if type_ == "iri"]
    return {
        "question": reply.question.name,
        "title": reply.question.title[reply.lang],
        "parameters": dict(reply.values),
        "lang": reply.lang,
        "columns": [
            {"name": name, "label": label[reply.lang], "type": reply.question.types[name]}
            for name, label in reply.question.columns.items()
        ],
        "count": reply.total,
        "limit": reply.limit,
        "offset": reply.offset,
        "rows": [{**row, "evidence": _evidence(request, row, names)} for row in reply.table.records()],
    }


def _evidence(request: Request, row: Mapping[str, Json], names: list[str]) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    for name in names:
        iri = row[name]
        path = addresses.path_of(iri) if isinstance(iri, str) else None
        if path is not None:
            page = addresses.page_of(str(iri))
            found.append(
                {
                    "column": name,
                    "iri": str(iri),
                    "url": addresses.absolute(request, path),
                    "page": addresses.absolute(request, page) if page else None,
                }
            )
    return found


def _page(
    request: Request,
    asker: Asker,
    question: Question,
    values: dict[str, str],
    lang: str,
    limit: int = ROWS_SHOWN,
    offset: int = 0,
) -> Response:
    """The form, and below it the answer; only the form as long as a required value is not chosen."""
    reply: Reply | GraphReply | None = None
    problem = None
    missing = any(one.required and not values.get(one.name, "").strip() for one in question.parameters)
    if not missing or set(values) - {one.name for one in question.parameters}:
        try:
            if question.is_table:
                reply = asker.ask(question.name, values, lang, limit=limit, offset=offset)
            else:
                reply = asker.graph(question.name, values, lang)
        except (BadInput, QueryLimit) as error:
            problem = problem_of(error, request.url.path, pages.lang_of(request))
    return pages.render(
        request,
        "question.html",
        {
            "question": question,
            "values": {**(question.example if missing and not values else {}), **values},
            "choices": {
                one.name: _choices(asker, one, pages.lang_of(request)) for one in question.parameters
            },
            "reply": reply,
            "turtle": written(reply.triples, "text/turtle").decode()
            if isinstance(reply, GraphReply)
            else None,
            "parts": parts(reply) if isinstance(reply, Reply) else {},
            "formats": [name for name in formats(question) if name != "html"],
            "problem": problem,
        },
        status=problem.status if problem else 200,
    )


def _choices(asker: Asker, parameter: Parameter, lang: str) -> list[tuple[str, str]] | None:
    """What a form offers for a parameter: value and label; None for a free text, and where there are too many to choose."""
    if parameter.type in SCHEMES:
        return [
            (one.key, one.label_en if lang == "en" else one.label_zh)
            for one in asker.vocabularies.scheme(parameter.type)
        ]
    if parameter.type in ("plan", "division"):
        plans = all_of(asker, lang)
        if parameter.type == "plan":
            rows = [(one.slug, f"{one.place} · {one.title}") for one in plans]
        else:
            rows = list(dict.fromkeys((one.code, one.place) for one in plans))
        return rows if len(rows) <= pages.CHOICES_SHOWN else None
    return None
