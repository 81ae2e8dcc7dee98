"""Words of a plan, looked up however the text is wrapped and in whichever width its punctuation is set."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from graph.reading import squeeze
from graph.record import Span

_SAME = str.maketrans(dict.fromkeys("“”＂‘’'", '"') | dict.fromkeys("—–－―─", "-"))


@lru_cache(maxsize=20_000)
def _folded(char: str) -> str:
    if char.isspace() or char in "\u200b\ufeff\u00ad":
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return (plain if len(plain) == 1 else char).translate(_SAME)


def fold(text: str) -> str:
    """Without white space, punctuation and digits in one width: what stays equal when a text is set anew."""
    return "".join(map(_folded, text))


class Words:
    """A text in which quoted words are looked up as `fold` sees them."""

    def __init__(self, text: str) -> None:
        self.text = text
        places = [(one, place) for place, char in enumerate(text) if (one := _folded(char))]
        self._chars = "".join(one for one, _ in places)
        self._at = [place for _, place in places]

    def find(self, quote: str, within: Span | None = None) -> list[Span]:
        """Where the words stand, as code-point offsets into the text, in reading order."""
        words = fold(quote)
        found: list[Span] = []
        start = self._chars.find(words) if words else -1
        while start >= 0:
            span = (self._at[start], self._at[start + len(words) - 1] + 1)
            if within is None or (within[0] <= span[0] and span[1] <= within[1]):
                found.append(span)
            start = self._chars.find(words, start + len(words))
        return found

    def printed(self, span: Span) -> str:
        """The words at a span as an extraction quotes them: without the breaks of page layout."""
        return squeeze(self.text[slice(*span)]).text
