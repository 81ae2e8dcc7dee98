"""Where requests wait that are in no hurry: for some time, and then one after the other.

What waits costs a timer, no task and no thread. Those whose time has come go on a hundredth of a second apart, so that a
hundred of them are not a tenth of a second in which nobody else is answered. Where nobody else is due it is at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

_APART: Final = 0.01  # seconds


class Waiting:
    """One that waits; `cancel` it when there is nobody to go on for."""

    __slots__ = ("_go_on", "_room", "_timer")

    def __init__(self, room: WaitingRoom, go_on: Callable[[], None]) -> None:
        self._room = room
        self._go_on: Callable[[], None] | None = go_on
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Give the place up. More than once does no harm."""
        if self._go_on is None:
            return
        self._go_on = None
        self._room.taken -= 1
        if self._timer is not None:
            self._timer.cancel()

    def start(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Wait for ``seconds``, and then for the turn."""
        if seconds:
            self._timer = loop.call_later(seconds, self._room.due, self)
        else:
            self._room.due(self)

    def go_on(self) -> bool:
        """Whether there was somebody to go on for."""
        go_on = self._go_on
        self.cancel()
        if go_on is not None:
            go_on()
        return go_on is not None


class WaitingRoom:
    """So many ``places``; in one event loop."""

    def __init__(self, places: int) -> None:
        self.taken = 0
        self._places = places
        self._due: deque[Waiting] = deque()
        self._called = False
        self._next_at = 0.0

    def wait(self, seconds: float, go_on: Callable[[], None]) -> Waiting | None:
        """Call ``go_on`` after so many seconds, when its turn has come. None when all places are taken."""
        if self.taken >= self._places:
            return None
        self.taken += 1
        one = Waiting(self, go_on)
        one.start(asyncio.get_running_loop(), seconds)
        return one

    def due(self, one: Waiting) -> None:
        """Its time has come: it stands in line."""
        self._due.append(one)
        self._call()

    def _call(self) -> None:
        if self._due and not self._called:
            self._called = True
            asyncio.get_running_loop().call_at(self._next_at, self._next)

    def _next(self) -> None:
        self._called = False
        while self._due and not self._due.popleft().go_on():
            pass  # those that are gone take no turn
        self._next_at = asyncio.get_running_loop().time() + _APART
        self._call()
