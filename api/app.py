"""The application: `create_app(settings)`. Nothing happens at import, and nothing is shared between two of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from api import pages, problems, status
from api.around.admission import Admission
from api.around.caching import ReadyAnswers
from api.around.compression import Compression
from api.around.door import Door
from api.around.methods import Head
from api.around.metrics import Metrics
from api.around.middleware import Around
from api.around.tracing import Tracing, provider_of
from api.builds import Service
from api.context import service_of
from api.linked import data, ontology
from api.linked import resources as linked
from api.reading import agencies, comparing, findings, matrix, places, plans, questions, search
from api.reading.entries import entries
from api.settings import Settings
from api.sparql import editor, graph_store, graph_store_writing
from api.sparql import protocol as sparql
from api.writing import drafts, job_status, uploads, waiving
from api.writing.tokens import load_tokens
from graph.divisions import NATIONAL
from graph.errors import StoreError, ZhengmaiError
from queries.catalogue import load_catalogue
from shapes.phrases import Phrases
from shapes.rules import Lang

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

GRAVEST = 5  # findings on the start page
_LOOK_SECONDS = 2.0
_DESCRIPTION = """\
A knowledge graph of China's policy plans: tasks, agencies and targets, each with its sentence, compared over the levels.

Programs get JSON by default; browsers get pages. Errors are `application/problem+json` (RFC 9457).
"""


log = logging.getLogger("zhengmai.api")


def create_app(
    settings: Settings | None = None, *, traces: TracerProvider | None = None, warm: bool = False
) -> FastAPI:
    """The service on the builds of ``settings.data``; ``traces`` in place of what the setting ``otel`` asks for.

    ``warm`` makes ready, before the first request is taken, what that would have to wait for.

    It starts without a build too, and answers 503 until there is one; a build that is published later is served from
    the next request on. Raises CatalogueError when a question file is broken, BadInput where ``otel`` lacks its extra.
    """
    settings = settings or Settings.from_environment()
    metrics = Metrics(settings.data, _version())
    door = Door(settings)
    tracing = Tracing(traces or provider_of(settings))

    @contextmanager
    def watch(state: str) -> Iterator[None]:
        with tracing.query() if state == "running" else nullcontext(), metrics.watch(state):
            yield

    service = Service(settings, load_catalogue(), watch)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Door]]:
        try:
            await run_in_threadpool(service.jobs.settle)  # what a crash left
        except (OSError, StoreError) as error:  # reading goes on all the same
            log.warning("what an earlier run left cannot be cleared up: %s", error)
        if warm:
            await run_in_threadpool(_warm_up, service)
            gc.freeze()  # what is there now stays: not looked through again while requests are answered
        looking = asyncio.create_task(_look_after(service, metrics))
        yield {"door": door}  # for whoever has the connections (`api.around.connections`)
        looking.cancel()
        service.close()
        tracing.close()

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

    # Outside in: the last that is added sees a request first
    app.add_middleware(Compression, minimum_size=1000, compresslevel=5)
    app.add_middleware(
        CORSMiddleware,  # open for reading: no cookies, and no method that changes anything
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=["ETag", "Link", "Location", "Retry-After", "Content-Disposition"],
        max_age=86400,
    )
    app.add_middleware(ReadyAnswers, builds=service.settings.data, megabytes=service.settings.ready_mb)
    app.add_middleware(Head)

    @app.get("/", include_in_schema=False)
    def get_start(request: Request) -> Response:
        return pages.render(request, "start.html", _start(service_of(request), pages.lang_of(request)))

    app.include_router(sparql.router)  # first: routers are looked through one after the other
    app.include_router(status.create_router(_version(), metrics, with_metrics=settings.metrics))
    app.include_router(graph_store.router)
    app.include_router(editor.router)
    app.include_router(questions.create_router(service.catalogue))
    app.include_router(plans.router)
    app.include_router(places.router)
    app.include_router(comparing.router)
    app.include_router(findings.router)
    app.include_router(search.router)
    app.include_router(matrix.router)
    app.include_router(agencies.router)
    app.include_router(ontology.router)
    app.include_router(linked.router)
    app.include_router(data.router)
    app.include_router(drafts.router)
    app.include_router(uploads.router)
    app.include_router(waiving.router)
    app.include_router(graph_store_writing.router)
    app.include_router(job_status.router)
    app.mount("/static", StaticFiles(directory=str(files("api").joinpath("static"))), name="static")
    problems.describe(app)
    # What is added last is outermost. Other layers belong above this line.
    app.add_middleware(Around, service=service, metrics=metrics, tracing=tracing)
    app.add_middleware(Admission, door=door, metrics=metrics)
    return app


def _warm_up(service: Service) -> None:
    """What the first requests would wait for: the vocabularies, a query process of each kind, the findings, the pages."""
    pages.load_templates()
    view = service.view()
    try:
        for public in (False, True):
            view.engine.run("ASK { ?s ?p ?o }", public=public)
        _start(view, "zh")
        if load_tokens(service.settings.tokens_file):  # somebody may write
            service.jobs.stand_ready()
            service.readers.stand_ready(view.build.folder)
    except ZhengmaiError as error:  # nothing built yet: /ready tells it
        log.info("nothing to make ready: %s", error)
    finally:
        view.close()


async def _look_after(service: Service, metrics: Metrics) -> None:
    """What a process does while nobody asks it for anything."""
    parent = multiprocessing.parent_process()
    while True:
        service.notice()
        metrics.measure(service.query_processes())
        await asyncio.sleep(_LOOK_SECONDS)
        if parent is not None and not parent.is_alive():
            # Whoever started this process among several was killed, maybe before this began: nobody would end it.
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _start(service: Service, lang: Lang) -> dict[str, Any]:
    """What the start page shows; without a build, the reason."""
    questions = service.catalogue.questions
    try:
        counts, findings = service.build.counts, service.build.findings
        head, gravest = findings.head, findings.page(limit=GRAVEST)
    except StoreError as error:
        return {"questions": questions, "counts": None, "problem": error.text(lang)}
    held = entries(service, lang)
    squares = places.counts(service).squares()
    return {
        "questions": questions,
        "counts": {key: count for key, count in counts.items() if pages.has_words(f"count.{key}")},
        "tree": places.tree(held) if len(held) <= places.TREE else [],
        "levels": plans.counted(service, held),
        "squares": squares,
        "steps": places.steps(one.held for one in squares),
        "nation": sum(one.code == NATIONAL for one in held),
        "total": len(held),
        "gravest": gravest,
        "found": head.summary.findings,
        "say": Phrases(head, lang),
    }


def _version() -> str:
    try:
        return version("zhengmai")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
