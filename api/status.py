"""For those who run the service: whether it lives, whether it can answer, and its figures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.around.metrics import CONTENT_TYPE, Metrics
from api.builds import Service
from api.context import service_of
from api.problems import RESPONSES
from graph.errors import Busy

_NOW = {"Cache-Control": "no-store"}


class Health(BaseModel):
    """That the process answers. It says nothing about the data: that is /ready."""

    status: Literal["ok"]
    version: str = Field(examples=["0.3.0"])


class Ready(BaseModel):
    """That questions can be answered, and from which build; "busy" is when all query processes are at work."""

    status: Literal["ok", "busy"]
    build: str = Field(examples=["20240611T081500123-1a2b3c4d"])
    counts: dict[str, int]


def create_router(version: str, metrics: Metrics, *, with_metrics: bool) -> APIRouter:
    """The routes; /metrics only where it is wanted."""
    router = APIRouter(tags=["service"])

    @router.get("/health", summary="Whether it lives", response_model=Health)
    async def get_health() -> Response:
        """Asks nobody else: a process that answers this need not be started again."""
        return JSONResponse(Health(status="ok", version=version).model_dump(), headers=_NOW)

    @router.get("/ready", summary="Whether it can answer", response_model=Ready, responses=RESPONSES)
    async def get_ready(request: Request) -> Response:
        """Asks the store itself, through a query process; 503 with the reason where that cannot answer."""
        found = await run_in_threadpool(_ready, service_of(request))
        return JSONResponse(found.model_dump(), headers=_NOW)

    if with_metrics:

        @router.get(
            "/metrics",
            summary="Figures for Prometheus",
            response_class=Response,
            responses={
                200: {
                    "description": "The figures.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                }
            },
        )
        async def get_metrics(request: Request) -> Response:
            """Requests, queries, builds and memory, of all processes of the service together."""
            metrics.measure(service_of(request).query_processes())
            body = await run_in_threadpool(metrics.text)
            return Response(body, headers={**_NOW, "Content-Type": CONTENT_TYPE})

    return router


def _ready(service: Service) -> Ready:
    status: Literal["ok", "busy"] = "ok"
    try:
        service.engine.run("ASK { ?s ?p ?o }")
    except Busy:
        # Much to do is no reason to send it nothing more, and to put it on the others.
        status = "busy"
    return Ready(status=status, build=service.build.name, counts=service.build.counts)
