"""A limit for each client: a bucket of tokens, kept in the memory of each process.

Who a client is tells the address of the connection; behind a proxy that is trusted (setting ``trusted_proxies``) uvicorn
has put the one of X-Forwarded-For in its place. This machine itself has no limit, nor has what a machine asks to see
whether the service lives.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api import pages
from api.problems import HttpError, problem_of, respond

FREE = ("/health", "/ready", "/metrics", "/static/")
_CLIENTS = 50_000


class Buckets:
    """One bucket a client: ``burst`` tokens at most, ``per_minute`` come in. The longest unseen clients are forgotten."""

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; 0, or the seconds until there is one."""
        now = self._clock()
        left, since = self._buckets.pop(client, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._rate)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


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


class RateLimit:
    """Answers 429 to a client whose bucket is empty, with the seconds to wait in Retry-After."""

    def __init__(self, app: ASGIApp, per_minute: int, burst: int) -> None:
        self._app = app
        self._per_minute = per_minute
        self._buckets = Buckets(per_minute, burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(FREE):
            client = client_of((scope.get("client") or (None,))[0])
            if client is not None and (seconds := self._buckets.wait(client)):
                response = self._refusal(Request(scope), seconds)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, request: Request, seconds: float) -> ASGIApp:
        lang = pages.lang_of(request, "zh" if pages.wanted(request) else "en")
        wait = math.ceil(seconds)
        told = HttpError(429, "rate", limit=self._per_minute, seconds=wait)
        response = respond(request, problem_of(told, request.url.path, lang))
        response.headers["Retry-After"] = str(wait)
        return response
