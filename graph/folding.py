"""Texts as search sees them: a token a Chinese character, a token a Latin word or number, and a bar where a clause ends.

Traditional characters become simplified ones, full-width forms half-width ones, capitals small letters; brackets and
quotation marks vanish: 国发〔2024〕7号, 国发[2024]7号 and 國發（２０２４）7號 are the same five tokens.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from opencc import OpenCC

STOP = "|"
"""The token where a clause ends: words are never found across it."""
_STOPS = frozenset("。，、；：！？…!?;:,|\n")
_TOKEN = re.compile(r"[0-9a-z]+|[^\s|]|\|(?!\s*\|)")  # the last of the bars that stand beside each other


class _Folded(dict[int, str]):
    """Code point → what stands for it, made when a character is first met."""

    def __init__(self) -> None:
        super().__init__()
        self._simplified = OpenCC("t2s")

    def __missing__(self, point: int) -> str:
        folded = _folded(chr(point), self._simplified)
        self[point] = folded
        return folded


def _folded(char: str, simplified: OpenCC) -> str:
    if char in _STOPS:
        return STOP
    plain = unicodedata.normalize("NFKC", char).casefold()
    plain = "".join(one if one.isalnum() else STOP if one in _STOPS else " " for one in plain)
    # ½ and ㎡ are several characters: they stay apart from what stands before them, as one would type them.
    return "".join(simplified.convert(one) if one > "\u2e7f" else one for one in plain)


@cache
def _table() -> _Folded:
    return _Folded()


def tokens(text: str) -> list[str]:
    """The tokens of a text in order; stops beside each other are one."""
    return _TOKEN.findall(text.translate(_table()))


def placed(text: str) -> list[tuple[str, int, int]]:
    """The tokens of a text, each with the stretch of the text that it stands for, in code points."""
    table = _table()
    parts = [table[ord(char)] for char in text]
    at = [index for index, part in enumerate(parts) for _ in part]
    found = _TOKEN.finditer("".join(parts))
    return [(match[0], at[match.start()], at[match.end() - 1] + 1) for match in found]


def key(found: list[str]) -> str:
    """What the tokens of two names have in common that differ in spelling only; empty without any but stops."""
    return " ".join(token for token in found if token != STOP)


def phrase(text: str) -> list[str]:
    """The tokens of what somebody looks for, without the stops around it."""
    found = tokens(text)
    while found and found[0] == STOP:
        found.pop(0)
    while found and found[-1] == STOP:
        found.pop()
    return found
