"""What stands around every request: its id, its view of one build, its line in the log, its figures and its span."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import pages
from api.around import logs
from api.around.metrics import Metrics
from api.around.tracing import Tracing, tell
from api.builds import Service
from api.problems import unexpected

_access = logging.getLogger(logs.ACCESS)
# An answer that brings no policy of its own needs nothing from anywhere, nor does it belong into a frame.
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", pages.HEADERS["Referrer-Policy"].encode()),
    (b"x-content-type-options", b"nosniff"),
)
_ID = b"x-request-id"
_PATH_SHOWN = 300


class Around:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, service: Service, metrics: Metrics, tracing: Tracing) -> None:
        self._app = app
        self._service = service
        self._metrics = metrics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        identity = logs.id_of(headers)
        token = logs.request_id.set(identity)
        view = self._service.view()
        state = scope.setdefault("state", {})
        state["service"], state["request_id"] = view, identity
        sent = _Sent(send, identity)
        self._metrics.requests_running.inc()
        try:
            with self._tracing.request(scope["method"], scope["path"], headers) as span:
                try:
                    await self._app(scope, receive, sent)
                except Exception as error:
                    # Here, not in the framework: what it answers itself would have neither an id nor a line.
                    answer = unexpected(Request(scope), error)
                    if sent.status is None:
                        await answer(scope, receive, sent)
                finally:
                    tell(span, scope["method"], _route(scope), sent.status, view.build_name)
        finally:
            self._metrics.requests_running.dec()
            self._tell(scope, sent, view.build_name, time.perf_counter() - began)
            view.close()
            logs.request_id.reset(token)

    def _tell(self, scope: Scope, sent: _Sent, build: str | None, seconds: float) -> None:
        route, method = _route(scope), scope["method"]
        # A method that nobody knows would be one more row of figures for each that is thought up.
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
        self._metrics.requests.labels(route, known, str(sent.status or "none")).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if not _access.isEnabledFor(logging.INFO):
            return
        path = (scope.get("raw_path") or scope["path"].encode()).decode("ascii", "replace")[:_PATH_SHOWN]
        characters = self._service.settings.log_query_characters
        client = scope.get("client")
        fields = {
            "method": method,
            "path": path,
            "query": logs.shown_query(scope.get("query_string", b"").decode("latin-1"), characters)
            if characters
            else "",
            "route": route,
            "status": sent.status,
            "milliseconds": round(seconds * 1000, 1),
            "bytes": sent.size,
            "client": client[0] if client else None,
            "build": build,
        }
        _access.info("request", extra={"fields": fields})


class _Sent:
    """Passes an answer on and notes its status and size; adds the headers that every answer has."""

    def __init__(self, send: Send, identity: str) -> None:
        self._send = send
        self._identity = identity
        self.status: int | None = None
        self.size = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # As they stand: every answer passes here
            headers = [pair for pair in message.get("headers", ()) if pair[0] != _ID]
            if self.status != 304:  # a browser would put these over those of the page that it has kept
                there = {name for name, _ in headers}
                headers += [pair for pair in _HEADERS if pair[0] not in there]
            message["headers"] = [*headers, (_ID, self._identity.encode("latin-1"))]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _route(scope: Scope) -> str:
    """The address as the application declares it: /plans/{slug}. What leads nowhere is one and the same."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return "/static" if scope["path"].startswith("/static/") else "-"
    return str(path)
