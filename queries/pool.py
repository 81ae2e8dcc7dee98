"""Places for queries: how many run, how many wait, and in what order. No query is known here, only turns.

A query that is over soon has a place of its own kind. One that runs for longer gives its place up to the next and goes
on beside it, as long as there are not too many of those: a few slow queries do not make everybody wait.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future


class Full(Exception):
    """As many run and wait as may."""


class Turns:
    """``places`` for queries that run, ``long`` more for those that take their time, and a queue of ``waiting``."""

    def __init__(self, places: int, long: int, waiting: int) -> None:
        self.size = places + waiting
        self._free, self._long, self._waiting = places, long, waiting
        self._queue: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def take(self) -> Future[None]:
        """A turn: done when it has come. Give back what is done, cancel what is no longer waited for. Raises Full."""
        turn: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                turn.set_result(None)
            elif len(self._queue) < self._waiting:
                self._queue.append(turn)
            else:
                raise Full
        return turn

    def leave(self, turn: Future[None], *, long: bool = False) -> None:
        """End a turn, whether it had come or not; ``long`` if it had gone to the long ones."""
        if turn.cancel():
            with self._lock:
                if turn in self._queue:
                    self._queue.remove(turn)
        elif long:
            with self._lock:
                self._long += 1
        else:
            self._next()

    def go_long(self) -> bool:
        """Move from a usual place to a long one, if there is one, and let the next in."""
        with self._lock:
            if not self._long:
                return False
            self._long -= 1
        self._next()
        return True

    def _next(self) -> None:
        with self._lock:
            while self._queue:
                turn = self._queue.popleft()
                if turn.set_running_or_notify_cancel():  # false: cancelled meanwhile
                    turn.set_result(None)
                    return
            self._free += 1
