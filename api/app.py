"""The application: `create_app(settings)`. Nothing happens at import, and nothing is shared between two of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from api import drafts, editor, findings, matrix, ontology, pages, places, plans, problems, questions, sparql
from api.builds import Service
from api.context import service_of
from api.problems import RESPONSES
from api.settings import Settings
from graph.errors import StoreError
from queries.catalogue import load_catalogue
from shapes.phrases import Phrases
from shapes.rules import Lang

_DESCRIPTION = """\
A knowledge graph of China's policy plans: tasks, agencies and targets, each with its sentence, compared over the levels.

Programs get JSON by default; browsers get pages. Errors are `application/problem+json` (RFC 9457).
"""


class Health(BaseModel):
    """That the service can answer, and from which build."""

    status: str = Field(examples=["ok"])
    build: str = Field(examples=["20240611T081500-1a2b3c4d"])
    counts: dict[str, int]


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service on the builds of ``settings.data``.

    It starts without a build too, and answers 503 until there is one; a build that is published later is served from
    the next request on. Raises CatalogueError when a question file is broken.
    """
    service = Service(settings or Settings.from_environment(), load_catalogue())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="Zhengmai 政脉",
        version=_version(),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,  # these two load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    problems.install(app)

    @app.get("/", include_in_schema=False)
    def get_start(request: Request) -> Response:
        return pages.render(request, "start.html", _start(service, pages.lang_of(request)))

    @app.get(
        "/health",
        tags=["service"],
        summary="Whether it can answer",
        response_model=Health,
        responses=RESPONSES,
    )
    def get_health(request: Request) -> Response:
        """Asks the store itself, through a query process."""
        now = service_of(request)
        now.engine.run("ASK { ?s ?p ?o }")
        return JSONResponse(Health(status="ok", build=now.build.name, counts=now.build.counts).model_dump())

    app.include_router(sparql.router)
    app.include_router(editor.router)
    app.include_router(questions.create_router(service.catalogue))
    app.include_router(plans.router)
    app.include_router(findings.router)
    app.include_router(matrix.router)
    app.include_router(ontology.router)
    app.include_router(drafts.router)
    app.mount("/static", StaticFiles(directory=str(files("api").joinpath("static"))), name="static")
    return app


def _start(service: Service, lang: Lang) -> dict[str, Any]:
    """What the start page shows; without a build, the reason."""
    questions = service.catalogue.questions
    try:
        counts, report = service.build.counts, service.build.report
    except StoreError as error:
        return {"questions": questions, "counts": None, "problem": error.text(lang)}
    held = plans.entries(service, lang)
    return {
        "questions": questions,
        "counts": {key: count for key, count in counts.items() if pages.has_words(f"count.{key}")},
        "tree": places.tree(held),
        "total": len(held),
        "report": report,
        "say": Phrases(report, lang),
    }


def _version() -> str:
    try:
        return version("zhengmai")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
