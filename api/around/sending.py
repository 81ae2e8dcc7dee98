"""How answers leave: short ones whole, long ones from their file piece by piece, neither for clients that are gone.

The size of an answer is known before its first byte is sent. A body that breaks off is therefore told from a whole one
by the client too: it has its length, or, compressed, its last chunk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import iterate_in_threadpool
from starlette.types import Receive, Scope, Send

from api.problems import HttpError
from queries.engine import Answer

T = TypeVar("T")
_PATIENCE = (
    0.05  # seconds before it is worth looking whether the client still waits: those in the queue, above all
)


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
    watch = _Watch(request)
    try:
        return await work
    except asyncio.CancelledError:
        if not watch.gone:
            raise
        watch.task.uncancel()
        raise HttpError(499, "gone") from None
    finally:
        watch.end()


class _Watch:
    """Cancels the task that it is made in when the client has gone away. Most work is done before it begins to look."""

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.gone = False
        self._request = request
        self._looking: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._begin)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _begin(self) -> None:
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.task.cancel()


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
