"""The questions by URL: /questions/lead-agencies?domain=教育 as JSON, CSV, or a page with a form and a table."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.context import service_of
from api.negotiation import HTML, Lang, best
from api.problems import RESPONSES, HttpError, problem_of
from graph.errors import BadInput, QueryLimit
from ontology.vocabulary import SCHEMES
from queries.asking import Asker, Reply
from queries.catalogue import Catalogue, Parameter, Question

Json = str | int | float | bool | None
_RESERVED = ("lang", "format")
_FORMATS = {"json": "application/json", "csv": "text/csv", "html": HTML}


class Words(BaseModel):
    zh: str
    en: str


class ParameterNote(BaseModel):
    """A parameter; ``type`` is a concept scheme, or plan, division, agency, year, integer, string."""

    name: str
    type: str
    label: Words
    required: bool
    default: str | None


class QuestionNote(BaseModel):
    """A question: what it tells, what it needs, an example, and where it is asked."""

    name: str
    title: Words
    description: Words
    parameters: list[ParameterNote]
    columns: dict[str, Words]
    example: dict[str, str]
    path: str = Field(examples=["/questions/lead-agencies"])


class Column(BaseModel):
    name: str
    label: str


class QuestionAnswer(BaseModel):
    """The rows, each with all columns by name; null where nothing is known."""

    question: str
    title: str
    parameters: dict[str, str]
    lang: str
    columns: list[Column]
    count: int
    rows: list[dict[str, Json]]


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
                default=one.default,
            )
            for one in question.parameters
        ],
        columns={name: Words(zh=label.zh, en=label.en) for name, label in question.columns.items()},
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
        notes = [note(question) for question in service_of(request).catalogue.questions]
        if pages.wanted(request):
            return pages.render(
                request, "questions.html", {"questions": service_of(request).catalogue.questions}
            )
        return JSONResponse([one.model_dump() for one in notes], headers={"Vary": "Accept"})

    for question in catalogue.questions:
        router.add_api_route(
            f"/questions/{question.name}",
            _handler(question.name),
            name=question.name,
            operation_id=f"ask_{question.name.replace('-', '_')}",
            summary=question.title.en,
            description=f"{question.description.en}\n\n{question.description.zh}",
            response_model=QuestionAnswer,
            responses={
                200: {"content": {"text/csv": {}, HTML: {}}},
                **RESPONSES,
            },
            openapi_extra={"parameters": [_described(question, one) for one in question.parameters]},
        )

    @router.get("/questions/{name}", include_in_schema=False)
    def get_unknown(name: str, request: Request) -> Response:
        """Says which questions there are."""
        service_of(request).catalogue.question(name)
        raise AssertionError("a question has a route of its own")

    return router


def _handler(name: str) -> Any:
    def get_question(
        request: Request,
        lang: Lang = None,
        format: Annotated[
            str | None,
            Query(description="in place of Accept", json_schema_extra={"enum": list(_FORMATS)}),
        ] = None,
    ) -> Response:
        return _answer(request, name, format)

    return get_question


def _described(question: Question, parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": f"{parameter.label.en} / {parameter.label.zh} ({_kind(parameter)})",
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


def _answer(request: Request, name: str, wanted: str | None) -> Response:
    media = _media_type(wanted, request.headers.get("accept"))
    lang = request.query_params.get("lang") or pages.lang_of(request)
    asker = service_of(request).asker
    question = asker.catalogue.question(name)
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in _RESERVED]
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
        raise HttpError(400, "twice", name=twice)
    if media == HTML:
        return _page(request, asker, question, values, lang)
    reply = asker.ask(name, values, lang)
    if media == "text/csv":
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Vary": "Accept, Accept-Language",
        }
        return Response(reply.table.to_csv(reply.header), media_type="text/csv", headers=headers)
    return JSONResponse(_told(reply).model_dump(), headers={"Vary": "Accept, Accept-Language"})


def _media_type(wanted: str | None, accept: str | None) -> str:
    if wanted is not None:
        if wanted not in _FORMATS:
            raise HttpError(406, "format", allowed=list(_FORMATS), found=wanted)
        return _FORMATS[wanted]
    media = best(accept, list(_FORMATS.values()))
    if media is None:
        raise HttpError(406, "accept", allowed=list(_FORMATS.values()))
    return media


def _told(reply: Reply) -> QuestionAnswer:
    return QuestionAnswer(
        question=reply.question.name,
        title=reply.question.title[reply.lang],
        parameters=dict(reply.values),
        lang=reply.lang,
        columns=[
            Column(name=n, label=label) for n, label in zip(reply.table.names, reply.header, strict=True)
        ],
        count=len(reply.table),
        rows=reply.table.records(),
    )


def _page(request: Request, asker: Asker, question: Question, values: dict[str, str], lang: str) -> Response:
    """The form, and below it the answer; only the form as long as a required value is not chosen."""
    reply, problem = None, None
    missing = any(one.required and not values.get(one.name, "").strip() for one in question.parameters)
    if not missing or set(values) - {one.name for one in question.parameters}:
        try:
            reply = asker.ask(question.name, values, lang)
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
            "problem": problem,
        },
        status=problem.status if problem else 200,
    )


def _choices(asker: Asker, parameter: Parameter, lang: str) -> list[tuple[str, str]] | None:
    """What a form offers for a parameter: value and label; None for a free text."""
    if parameter.type in SCHEMES:
        return [
            (one.key, one.label_en if lang == "en" else one.label_zh)
            for one in asker.vocabularies.scheme(parameter.type)
        ]
    if parameter.type in ("plan", "division"):
        plans = asker.ask("plans", {}, lang).table.records()
        if parameter.type == "plan":
            return [(str(one["slug"]), f"{one['place']} · {one['title']}") for one in plans]
        return list(dict.fromkeys((str(one["code"]), str(one["place"])) for one in plans))
    return None
