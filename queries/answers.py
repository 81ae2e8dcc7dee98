"""Answers of the engine: short ones in memory, long ones in files, which have a bound together."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import IO, Final

from queries.formats import Format

_PIECE: Final = 1 << 18


class Answer:
    """An answer in the format asked for: ``size`` bytes, in memory where it is short, else in a file without a name.

    ``seconds`` is how long the worker took. `close` it, or take all `pieces`; the file goes away with it at the latest.
    """

    def __init__(self, format: Format, seconds: float, size: int, data: bytes | IO[bytes]) -> None:
        self.format = format
        self.seconds = seconds
        self.size = size
        self._data = data
        self._forget: Callable[[], object] | None = None

    def on_close(self, call: Callable[[], object]) -> None:
        """What to call when the file is let go."""
        self._forget = call

    @property
    def in_memory(self) -> bool:
        """Whether it is short."""
        return isinstance(self._data, bytes)

    @property
    def body(self) -> bytes:
        """All of it, in memory."""
        if isinstance(self._data, bytes):
            return self._data
        self._data.seek(0)
        return self._data.read()

    def pieces(self) -> Iterator[bytes]:
        """All of it, piece by piece, once."""
        try:
            if isinstance(self._data, bytes):
                yield self._data
                return
            self._data.seek(0)
            while piece := self._data.read(_PIECE):
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if not isinstance(self._data, bytes):
            self._data.close()
            if self._forget:
                self._forget()


class Spool:
    """How many bytes of answers stand in files."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, answer: Answer) -> bool:
        """Whether there is room for one more, which then counts until it is closed or forgotten."""
        if answer.in_memory:
            return True
        with self._lock:
            if answer.size > self._left:
                return False
            self._left -= answer.size
        answer.on_close(weakref.finalize(answer, self._give, answer.size))
        return True

    def _give(self, size: int) -> None:
        with self._lock:
            self._left += size
