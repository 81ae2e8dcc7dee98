"""Who is let in: the first layer of the application, so that who is not costs next to nothing.

A client has a bucket of tokens, kept in the memory of each process, and so many requests that are answered at a time. A
request takes a token; one that had to be refused takes more, and so does the time of its queries: a flood of what costs
much is over sooner than one of what costs little. Who finds the bucket empty is answered here, before the body is read and
anything is looked up, and the connection is closed.

Who a client is tells the address of the connection; behind a proxy that is trusted (setting ``trusted_proxies``) uvicorn
has put the one of X-Forwarded-For in its place. This machine itself has no limit, nor has what a machine asks to see
whether the service lives.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import pages
from api.around import logs
from api.around.metrics import Metrics
from api.problems import HttpError, problem_of, respond
from api.settings import Settings
from queries.pool import Client, asking_for

FREE: Final = ("/health", "/ready", "/metrics", "/static/")
REFUSED: Final = frozenset({400, 403, 408, 411, 413, 414, 415, 422, 499})
"""Answers after which more than one token is gone. 404 and 406 are mistakes of good clients; 503 is none of theirs."""
_REFUSED_TOKENS = 9
_CLIENTS = 50_000
_PAGES_PER_SECOND = 10
_TELL_SECONDS = 10.0

log = logging.getLogger("zhengmai.api")


class Buckets:
    """One bucket a client: ``burst`` tokens at most, ``per_minute`` come in. The longest unseen clients are forgotten.

    What is charged afterwards may leave a client in debt, by ``burst`` tokens at most.
    """

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; 0, or the seconds until there is one."""
        left = self._left(client)
        allowed = left >= 1
        self._keep(client, left - 1 if allowed else left)
        return 0.0 if allowed else (1 - left) / self._rate

    def charge(self, client: str, refused: bool, seconds: float) -> None:
        """Take what an answer cost beside its token: ``seconds`` of queries, of which a client may have two at a time."""
        cost = (_REFUSED_TOKENS if refused else 0) + seconds * self._rate / 2
        if cost > 0.5:
            self._keep(client, max(-float(self._burst), self._left(client) - cost))

    def _left(self, client: str) -> float:
        now = self._clock()
        left, since = self._buckets.pop(client, (float(self._burst), now))
        return min(float(self._burst), left + (now - since) * self._rate)

    def _keep(self, client: str, left: float) -> None:
        self._buckets[client] = (left, self._clock())
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)


@lru_cache(maxsize=4096)
def client_of(host: str | None) -> str | None:
    """Whom a request is counted for: an address, the network /64 of an IPv6 address; None for this machine."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:  # a socket of this machine
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


class Admission:
    """ASGI middleware: lets a request in, or answers 429 with the seconds to wait in Retry-After."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._per_minute = settings.rate_per_minute
        self._most = settings.client_requests
        self._buckets = (
            Buckets(settings.rate_per_minute, settings.rate_burst) if settings.rate_per_minute else None
        )
        self._metrics = metrics
        self._at_work: Counter[str] = Counter()
        self._turned_away: Counter[str] = Counter()
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
        elif self._at_work[client] >= self._most:
            await self._refuse(scope, receive, send, client, "at-once", self._most, 1)
        elif self._buckets and (seconds := self._buckets.wait(client)):
            await self._refuse(scope, receive, send, client, "rate", self._per_minute, math.ceil(seconds))
        else:
            await self._let_in(scope, receive, send, client)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        asking = Client(client)
        asking_for.set(asking)  # a request is a task of its own, and so has a context of its own
        self._at_work[client] += 1
        try:
            await self._app(scope, receive, noting)
        finally:
            self._at_work[client] -= 1
            if not self._at_work[client]:
                del self._at_work[client]
            if self._buckets:
                self._buckets.charge(client, status in REFUSED, asking.seconds)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, client: str, kind: str, limit: int, seconds: int
    ) -> None:
        headers = Headers(scope=scope)
        identity = logs.id_of(headers)
        request = Request(scope)
        told = HttpError(429, kind, limit=limit, seconds=seconds)
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
        answer.headers["Retry-After"] = str(seconds)
        answer.headers["X-Request-ID"] = identity
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Connection"] = "close"  # nobody reads a body that may still come
        await answer(scope, receive, send)
        self._metrics.requests.labels("-", "other", "429").inc()
        self._tell(client, kind)

    def _tell(self, client: str, kind: str) -> None:
        """One line for all in ten seconds: a line for each would be a flood of its own."""
        self._turned_away[client] += 1
        now = time.monotonic()
        if now - self._told < _TELL_SECONDS:
            return
        self._told = now
        most = dict(self._turned_away.most_common(5))
        log.warning(
            "requests turned away: %d", self._turned_away.total(), extra={"fields": {"clients": most}}
        )
        self._turned_away.clear()
