"""Connections, before there is a request: how many there may be, and how long and how large the head of a request.

And how long a request waits before the application hears of it. Who asks too much is held for a while, whether it is then
let in or refused (`api.around.door`): so a hundred connections can make a hundred such requests a second and no more.

uvicorn bounds none of these. Its protocol for httptools is extended here at the callbacks that asyncio and httptools
themselves define.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from uvicorn.middleware.proxy_headers import _TrustedHosts

from api.around.door import Door, client_of, take
from api.around.waiting import Waiting
from api.settings import Settings

if TYPE_CHECKING:
    from httptools import HttpParserError, parse_url
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    try:
        from httptools import HttpParserError, parse_url
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
        self._door: Door | None = self.app_state.get("door")
        self._by_proxy = False
        self._counted_for: str | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._fields = 0
        self._held: Waiting | None = None
        self._missed: list[Callable[[], None]] = []  # what came while the request was held
        self._stays = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        host = self.client[0] if self.client else None
        self._by_proxy = host in _trusted(self._settings.trusted_proxies)
        client = None if self._by_proxy else client_of(host)
        if len(self.connections) > self._settings.connections:
            self._close(503, "Too many connections")
            return
        if client is not None and self._door is not None:
            if self._door.connections[client] >= self._settings.client_connections:
                self._close(429, "Too many connections of one client")
                return
            self._door.connections[client] += 1
            self._counted_for = client
            if seconds := self._door.before_reading(client):
                self.flow.pause_reading()
                self._hold(seconds, self.flow.resume_reading)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        if self._held is not None:
            self._held.cancel()
        if self._counted_for is not None and self._door is not None:
            take(self._door.connections, self._counted_for)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # What comes after a refusal is not looked at
        if not self.transport.is_closing():
            super().data_received(data)

    def on_message_begin(self) -> None:
        if self._missed:
            self._close(429, "Too many requests")  # the next one, while this one is held
            return
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
        if self.transport.is_closing():
            return
        client = self._asking()
        if client is None or self._door is None:
            super().on_headers_complete()
            return
        seconds = self._door.before(client, unquote(parse_url(self.url).path.decode("ascii")))
        if seconds is None:
            super().on_headers_complete()
            return
        # Told by the parser now, and forgotten by it at the end of the message
        self._stays = self.parser.should_keep_alive()
        self._missed = [super().on_headers_complete]
        if not self._hold(seconds, self._go_on):
            self._door.turned_away[client] += 1

    def on_body(self, body: bytes) -> None:
        if self._missed:
            self._missed.append(partial(super().on_body, body))
            self.flow.pause_reading()  # as much as is here is enough
        elif not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._missed:
            self._missed.append(super().on_message_complete)
        elif not self.transport.is_closing():
            super().on_message_complete()

    def _asking(self) -> str | None:
        """Whom the request is counted for, as the application will be told."""
        if not self._by_proxy:
            return self._counted_for
        told = b", ".join(value for name, value in self.headers if name == b"x-forwarded-for")
        trusted = _trusted(self._settings.trusted_proxies)
        return client_of(trusted.get_trusted_client_address(told.decode("latin-1"))[0]) if told else None

    def _hold(self, seconds: float, go_on: Callable[[], None]) -> bool:
        assert self._door is not None
        self._held = self._door.room.wait(seconds, go_on)
        if self._held is None:
            self._close(429, "Too many requests")
        return self._held is not None

    def _go_on(self) -> None:
        """The request, as it would have come."""
        missed, self._missed = self._missed, []
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        try:
            for call in missed:
                call()
        except (HttpParserError, UnicodeError):  # as `data_received` would have had it
            self.send_400_response("Invalid HTTP request received.")
            return
        if not self._stays and self.cycle is not None:
            self.cycle.keep_alive = False

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
