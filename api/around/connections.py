"""Connections, before there is a request: how many there may be, and how long and how large the head of a request.

uvicorn bounds none of these. Its protocol for httptools is extended here at the callbacks that asyncio and httptools
themselves define.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from uvicorn.middleware.proxy_headers import _TrustedHosts

from api.around.admission import client_of
from api.settings import Settings

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
    except ImportError:  # no httptools for this system: see `protocol`
        Base = object

FIELDS: Final = 64 << 10
"""Bytes of all header fields of a request."""
_NINE: Final = 9  # bytes that a character of a query may take in an address: three bytes, each %XX


def protocol(settings: Settings) -> Any:
    """What uvicorn takes for ``http``: the guarded protocol, or its own choice where there is no httptools."""
    if not hasattr(Base, "data_received"):
        return "auto"
    return partial(Guarded, settings)


@lru_cache(maxsize=8)
def _trusted(proxies: tuple[str, ...]) -> _TrustedHosts:
    return _TrustedHosts(list(proxies))


class Guarded(Base):
    """One connection. What goes beyond a bound is answered in a line and closed."""

    def __init__(self, settings: Settings, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._settings = settings
        self.counted_for: str | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._fields = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        host = self.client[0] if self.client else None
        client = None if host in _trusted(self._settings.trusted_proxies) else client_of(host)
        if len(self.connections) > self._settings.connections:
            self._close(503, "Too many connections")
        elif client is not None and self._of(client) >= self._settings.client_connections:
            self._close(429, "Too many connections of one client")
        else:
            self.counted_for = client
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # What comes after a refusal is not looked at
        if not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        self._fields = 0
        self._wait_for_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._settings.query_characters * _NINE + FIELDS:
            self._close(414, "The address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += len(name) + len(value)
        if self._fields <= FIELDS:
            super().on_header(name, value)
        else:
            self._close(431, "The head of the request is too large")

    def on_headers_complete(self) -> None:
        self._head_is_here()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.transport.is_closing():
            super().on_message_complete()

    def _of(self, client: str) -> int:
        return sum(isinstance(one, Guarded) and one.counted_for == client for one in self.connections)

    def _wait_for_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self._settings.head_seconds, self._late)

    def _head_is_here(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _late(self) -> None:
        self._waiting = None
        self._close(408, "The head of the request took too long")

    def _close(self, status: int, reason: str) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain\r\nretry-after: 5\r\nconnection: close\r\n"
            f"content-length: {len(reason) + 1}\r\n\r\n{reason}\n".encode()
        )
        self.transport.close()
