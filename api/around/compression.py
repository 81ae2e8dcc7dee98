"""Answers compressed for clients that take gzip."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send


class Compression(GZipMiddleware):
    """Starlette's, but for the published files: those are asked for by ranges of bytes, and some are compressed already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI application."""
        if scope["type"] == "http" and (
            scope["path"].startswith("/data/") or "range" in Headers(scope=scope)
        ):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
