"""Work that has to wait, written once, and run either by a thread that blocks or by an event loop that does not.

Such work is a generator of wishes. `run` fulfils them in the calling thread, `arun` in the running event loop; when
whoever asked is cancelled, the generator is closed, so its ``finally`` holds in both.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Come:
    """Wait until a future is done; the answer is whether it was, within ``seconds``, and is true."""

    future: Future[bool]
    seconds: float


@dataclass(frozen=True, slots=True)
class Ready:
    """Wait until a socket can be read or written; the answer is whether it could, within ``seconds``."""

    socket: socket.socket
    seconds: float
    write: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Call what blocks for a while; the answer is what it returns."""

    function: Callable[[], Any]


Wish = Come | Ready | Call
Steps = Generator[Wish, Any, T]


def run(steps: Steps[T]) -> T:
    """Do the work in this thread."""
    work = _done(steps, _now)
    try:
        work.send(
            None
        )  # what it waits for it waits for in this thread, so it never gives anything back before its end
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("a wish was not fulfilled in this thread")


async def arun(steps: Steps[T]) -> T:
    """Do the work in this event loop."""
    return await _done(steps, _later)


async def _done(steps: Steps[T], fulfil: Callable[[Wish], Awaitable[Any]]) -> T:
    try:
        wish = next(steps)
        while True:
            try:
                told = await fulfil(wish)
            except BaseException as error:
                wish = steps.throw(error)
            else:
                wish = steps.send(told)
    except StopIteration as end:
        value: T = end.value
        return value


async def _now(wish: Wish) -> Any:
    if isinstance(wish, Call):
        return wish.function()
    if isinstance(wish, Come):
        try:
            return wish.future.result(wish.seconds)
        except FutureTimeout:
            return False
    poll = select.poll()
    poll.register(wish.socket, select.POLLOUT if wish.write else select.POLLIN)
    return bool(poll.poll(max(0.0, wish.seconds) * 1000))


async def _later(wish: Wish) -> Any:
    loop = asyncio.get_running_loop()
    if isinstance(wish, Call):
        # Shielded by nothing: what it made is given up with the work, see `queries.engine`.
        return await loop.run_in_executor(None, wish.function)
    if isinstance(wish, Come):
        if not wish.future.done():
            come: asyncio.Future[bool] = loop.create_future()
            timer = loop.call_later(wish.seconds, _settle, come, False)
            # Whoever ends it may do so in another thread
            wish.future.add_done_callback(lambda _: loop.call_soon_threadsafe(_settle, come, True))
            try:
                await come
            finally:
                timer.cancel()
        return wish.future.done() and wish.future.result()
    ready: asyncio.Future[bool] = loop.create_future()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if wish.write else (loop.add_reader, loop.remove_reader)
    )
    fd = wish.socket.fileno()
    timer = loop.call_later(max(0.0, wish.seconds), _settle, ready, False)
    add(fd, _settle, ready, True)
    try:
        return await ready
    finally:
        timer.cancel()
        remove(fd)


def _settle(ready: asyncio.Future[bool], value: bool) -> None:
    if not ready.done():
        ready.set_result(value)
