"""Who is let in: the first layer of the application, so that who is not costs next to nothing.

What is known of clients, and what they may, stands in `api.around.door`; requests that have to wait do so before they
come here (`api.around.connections`). Who asks too much all the same is answered here, before the body is read and anything
is looked up, and the connection is closed.

Who a client is tells the address of the connection; behind a proxy that is trusted (setting ``trusted_proxies``) uvicorn
has put the one of X-Forwarded-For in its place.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import pages
from api.around import logs
from api.around.door import FREE, REFUSED, Buckets, Door, Refusal, client_of
from api.around.metrics import Metrics
from api.problems import HttpError, problem_of, respond
from queries.pool import Client, asking_for

_PAGES_PER_SECOND = 10
_TELL_SECONDS = 10.0

log = logging.getLogger("zhengmai.api")


class Admission:
    """ASGI middleware: lets a request in, or answers 429 with the seconds to wait in Retry-After."""

    def __init__(self, app: ASGIApp, door: Door, metrics: Metrics) -> None:
        self._app = app
        self._door = door
        self._metrics = metrics
        self._told = -math.inf
        self._pages = Buckets(_PAGES_PER_SECOND * 60, _PAGES_PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_of((scope.get("client") or (None,))[0])
        if scope["path"].startswith(FREE):
            await self._app(scope, receive, send)
        elif client is None:
            asking_for.set(Client("this machine"))
            await self._app(scope, receive, send)
        elif refusal := self._door.refusal(client):
            await self._refuse(scope, receive, send, client, refusal)
        else:
            await self._let_in(scope, receive, send, client)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status in REFUSED and (seconds := self._door.before_refusing(client)):
                    await asyncio.sleep(seconds)
            await send(message)

        asking = Client(client)
        asking_for.set(asking)  # a request is a task of its own, and so has a context of its own
        self._door.enter(client)
        try:
            await self._app(scope, receive, noting)
        finally:
            self._door.leave(client, status, asking.seconds, asking.characters)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, client: str, refusal: Refusal
    ) -> None:
        headers = Headers(scope=scope)
        identity = logs.id_of(headers)
        request = Request(scope)
        told = HttpError(429, refusal.kind, limit=refusal.limit, seconds=refusal.seconds)
        as_page = pages.wanted(request)
        problem = problem_of(told, scope["path"], pages.lang_of(request, "zh" if as_page else "en"))
        problem.request_id = identity
        answer: Response
        if as_page and not self._pages.wait(""):  # a page takes as long to make as twenty of the others
            request.state.request_id = identity
            answer = respond(request, problem)
        else:
            answer = Response(
                problem.model_dump_json(exclude_none=True),
                problem.status,
                headers={"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"},
                media_type="application/problem+json",
            )
        answer.headers["Retry-After"] = str(refusal.seconds)
        answer.headers["X-Request-ID"] = identity
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Connection"] = "close"  # nobody reads a body that may still come
        await answer(scope, receive, send)
        self._metrics.requests.labels("-", "other", "429").inc()
        self._tell(client)

    def _tell(self, client: str) -> None:
        """One line for all in ten seconds: a line for each would be a flood of its own."""
        turned_away = self._door.turned_away
        turned_away[client] += 1
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        log.warning(
            "requests turned away: %d",
            turned_away.total(),
            extra={"fields": {"clients": dict(turned_away.most_common(5))}},
        )
        turned_away.clear()
