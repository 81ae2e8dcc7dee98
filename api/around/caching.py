"""Answers that hold as long as a build is served: entity tags, 304, and a small store of answers ready to send.

A build never changes, so what it answers to a request is told by its name and the request. `tag` makes an entity tag of
these, `unchanged` answers a client that has the answer already, and `ready_to_send` lets `ReadyAnswers` give the same
bytes to the next who asks the same; `held` is all of it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MARK = "zhengmai.ready"
# What an answer may depend on beside its address.
_LOOKED_AT = (b"accept", b"accept-encoding", b"accept-language")
_OF_THE_SAME = (b"etag", b"cache-control", b"vary", b"access-control-")  # these a 304 has too
_NOT_FOR_ALL = (b"authorization", b"cookie", b"range")


def tag(*parts: object) -> str:
    """An entity tag of what an answer follows from. Weak: gzip does not change it."""
    text = "\x00".join(str(part) for part in parts)
    return f'W/"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]}"'


def tag_of(request: Request, build: str) -> str:
    """A tag of an answer that follows from the build and the request: its address, and the headers that it may look at."""
    asked = [request.headers.get(name.decode()) for name in _LOOKED_AT if name != b"accept-encoding"]
    return tag("request", build, request.url, *asked)


def matches(header: str | None, entity_tag: str) -> bool:
    """Whether If-None-Match has the tag (RFC 9110, section 13.1.2: the weak comparison)."""
    if header is None:
        return False
    opaque = entity_tag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in ("*", opaque) for one in header.split(","))


def headers(entity_tag: str, vary: str = "Accept") -> dict[str, str]:
    """What an answer carries that holds as long as the build: to be kept, and asked about before it is used again."""
    return {"ETag": entity_tag, "Cache-Control": "no-cache", "Vary": vary}


def unchanged(request: Request, entity_tag: str, vary: str = "Accept") -> Response | None:
    """304, where the client has the answer already."""
    if matches(request.headers.get("if-none-match"), entity_tag):
        return Response(status_code=304, headers=headers(entity_tag, vary))
    return None


def held(
    request: Request, build: str, make: Callable[[], Response], vary: str = "Accept, Accept-Language"
) -> Response:
    """An answer that holds as long as the build is served: 304 where the client has it, else made and kept ready."""
    entity_tag = tag_of(request, build)
    if (same := unchanged(request, entity_tag, vary)) is not None:
        return same
    response = make()
    if response.status_code == 200:
        response.headers.update(headers(entity_tag, vary))
        ready_to_send(request)
    return response


def ready_to_send(request: Request) -> None:
    """Say that the answer to this request follows from its address, the build and the Accept headers alone."""
    request.scope[_MARK] = True


@dataclass(frozen=True, slots=True)
class _Ready:
    headers: list[tuple[bytes, bytes]]
    body: bytes
    tag: str

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers) + 500


class ReadyAnswers:
    """ASGI middleware that keeps answers marked by `ready_to_send`: at most ``megabytes`` of them, the oldest go first.

    ``builds`` is the folder of builds: what its link `current` says is part of what an answer is found by, and is all
    that is looked up for it. An answer that is longer than a hundredth of the room is not kept.
    """

    def __init__(self, app: ASGIApp, *, builds: Path, megabytes: float) -> None:
        self._app = app
        self._current = builds / "current"
        self._room = int(megabytes * (1 << 20))
        self._kept: OrderedDict[Sequence[object], _Ready] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = [(name, value) for name, value in scope["headers"] if name in _LOOKED_AT]
        found = None
        key: Sequence[object] | None = None
        if not any(name in _NOT_FOR_ALL for name, _ in scope["headers"]):
            # Another site is told that it may read the answer, whichever it is
            crossing = any(name == b"origin" for name, _ in scope["headers"])
            place = (scope["scheme"], _host(scope["headers"]), scope["path"], scope["query_string"], crossing)
            with suppress(OSError):  # nothing built yet
                key = (str(self._current.readlink()), *place, *asked)
                found = self._get(key)
        if found is None:
            await self._app(scope, receive, _Keeping(self, key, scope, send) if key else send)
            return
        wanted = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
        if wanted is not None and matches(wanted.decode("latin-1"), found.tag):
            kept = [pair for pair in found.headers if pair[0].startswith(_OF_THE_SAME)]
            await send({"type": "http.response.start", "status": 304, "headers": kept})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(found.headers)})
        await send({"type": "http.response.body", "body": found.body})

    def _get(self, key: Sequence[object]) -> _Ready | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Sequence[object], answer: _Ready) -> None:
        """Keep an answer, and let the oldest go."""
        size = answer.size + sum(len(part) for part in _texts(key))
        if size > self._room // 100:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = answer
            self._size += size
            while self._size > self._room:
                gone, old = self._kept.popitem(last=False)
                self._size -= old.size + sum(len(part) for part in _texts(gone))


def _host(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return next((value for name, value in pairs if name == b"host"), b"")


def _texts(key: Sequence[object]) -> list[bytes | str]:
    parts = (one for part in key for one in (part if isinstance(part, tuple) else (part,)))
    return [one for one in parts if isinstance(one, bytes | str)]


class _Keeping:
    """Passes an answer on, and keeps a whole one that is marked."""

    def __init__(self, store: ReadyAnswers, key: Sequence[object], scope: Scope, send: Send) -> None:
        self._store, self._key, self._scope, self._send = store, key, scope, send
        self._start: list[tuple[bytes, bytes]] | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # A copy: those further out add to the list. What is not marked or did not go well is not kept.
            if message["status"] == 200 and _MARK in self._scope:
                self._start = list(message["headers"])
        elif message["type"] == "http.response.body" and self._start is not None:
            start, self._start = self._start, None
            found = next((value for name, value in start if name == b"etag"), None)
            if found is not None and not message.get("more_body", False):
                body = bytes(message.get("body", b""))
                self._store.keep(self._key, _Ready(start, body, found.decode("latin-1")))
        await self._send(message)
