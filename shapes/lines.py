"""Lines and columns of passages: tools that show a text do so by lines, and a span counts characters."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from graph.record import Model

_BREAK = re.compile("\r\n|\n")
_HELD = 1000  # documents whose lines are kept at hand


class Lines(Model):
    """Where a passage stands, in lines and columns from 1; ``end_column`` is that of the character after its last.

    Columns count code points. A line ends with LF or CR LF.
    """

    start_line: int
    start_column: int
    end_line: int
    end_column: int


Starts = tuple[tuple[int, ...], int]
"""Where the lines of a text begin, and how long it is, in code points."""


def starts_of(text: str) -> Starts:
    """Where the lines of a text begin, and how long it is."""
    return (0, *(match.end() for match in _BREAK.finditer(text))), len(text)


class Texts:
    """The kept texts of some documents, by slug."""

    def __init__(
        self,
        folder: Path | None = None,
        own: Mapping[str, str] | None = None,
        starts: Mapping[str, Starts] | None = None,
    ) -> None:
        """Take texts.

        Args:
            folder: the texts of a build, ``{slug}.txt`` each; read when asked for.
            own: texts that stand before those of the folder.
            starts: of texts that are not at hand, where their lines begin.
        """
        self._folder = folder
        self._own = dict(own or {})
        self._known = dict(starts or {})
        self._starts = lru_cache(maxsize=_HELD)(self._read)

    def lines(self, slug: str, span: tuple[int, int]) -> Lines | None:
        """The lines of a range of code points; None where the text is not held or has no such range."""
        held = self._starts(slug)
        start, end = span
        if held is None or not 0 <= start <= end <= held[1]:
            return None
        starts = held[0]
        # What ends with a line break ends in that line.
        first, last = bisect_right(starts, start), bisect_right(starts, max(start, end - 1))
        return Lines(
            start_line=first,
            start_column=start - starts[first - 1] + 1,
            end_line=last,
            end_column=end - starts[last - 1] + 1,
        )

    def _read(self, slug: str) -> Starts | None:
        if slug in self._known:
            return self._known[slug]
        text = self._own.get(slug)
        if text is None:
            path = self._folder / f"{slug}.txt" if self._folder else None
            if path is None or not path.is_file():
                return None
            text = path.read_bytes().decode("utf-8")  # not as lines: every character counts
        return starts_of(text)
