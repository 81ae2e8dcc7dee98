"""How answers leave: short ones whole, long ones from their file piece by piece, neither for clients that are gone.

The size of an answer is known before its first byte is sent. A body that breaks off is therefore told from a whole one
by the client too: it has its length, or, compressed, its last chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import iterate_in_threadpool
from starlette.types import Receive, Scope, Send

from api.problems import HttpError
from queries.engine import Answer

T = TypeVar("T")
_PATIENCE = 0.25  # seconds before it is worth looking whether the client still waits


def respond(answer: Answer, media_type: str, headers: Mapping[str, str], seconds: float) -> Response:
    """An answer of the engine as a response.

    A client that takes no piece of a long one for ``seconds`` is given up.
    """
    content_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    told = {**headers, "Content-Type": content_type, "X-Content-Type-Options": "nosniff"}
    if answer.in_memory:
        return Response(answer.body, headers=told)
    return _Spooled(answer, told, seconds)


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, and stop it when the client has gone away. Raises HttpError 499 then, which nobody sees but the log."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        if done:
            return task.result()
        watch = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
        if task.done():
            return task.result()
        raise HttpError(499, "gone")
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Spooled(Response):
    def __init__(self, answer: Answer, headers: Mapping[str, str], seconds: float) -> None:
        super().__init__(headers={**headers, "Content-Length": str(answer.size)})
        self._answer = answer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in iterate_in_threadpool(self._answer.pieces()):
                async with asyncio.timeout(self._seconds):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # the server closes the connection of a response that is not complete
        finally:
            self._answer.close()
