"""Paths of any length (``skos:broader*``) as Virtuoso 7 reads them rightly.

Where both ends of such a path are bound, one of them to a constant, it finds the path of no steps and no other, without an
error. So whatever has a constant at one end, be it by VALUES, by BIND or as it stands, becomes a part that it computes by itself: a
sub-select with a LIMIT that cuts nothing off. A FILTER that holds an end against a constant compares their texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from queries.sparql_text import Token, tokens

_CONSTANTS: Final = frozenset(("iri", "name"))
_REPEATED: Final = frozenset("*+")
_CLOSING: Final = {"(": ")", "[": "]"}
_PART_ENDS: Final = " } LIMIT 100000000 }"  # cuts nothing off
_TRIPLES_END: Final = frozenset((";", ".", "{", "}"))


def by_themselves(text: str) -> str:
    """The query with its paths of any length as parts by themselves. Lines stay where they are."""
    found = list(tokens(text))
    if not any(one.text in _REPEATED for one in found):
        return text
    out: list[str] = []
    at = 0
    for start, (end, new) in sorted(_Changes(found).made.items()):
        out += [text[at:start], new]
        at = end
    return "".join([*out, text[at:]])


class _Changes:
    """What is to be changed in a text: ``made`` has, by the place where it begins, where it ends and what stands there then."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.found = found
        self.made: dict[int, tuple[int, str]] = {}
        self._ends: set[str] = set()  # variables at ends of paths of any length
        self._patterns()
        self._filters()

    def _patterns(self) -> None:
        found = self.found
        groups: list[dict[str, str]] = []  # of each open group: what it gives to variables
        at = 0
        while at < len(found):
            token, before = found[at], found[at - 1].text if at else ""
            if token.text == "{":
                groups.append({})
            elif token.text == "}" and groups:
                groups.pop()
            elif token.text in _CLOSING:
                end = _closed(found, at)
                if before.upper() == "BIND" and groups and end == at + 4:
                    groups[-1][found[at + 3].text] = found[at + 1].text
                # What stands in brackets is an expression, a list or a blank node: not looked into
                at = end
            elif token.text.upper() == "VALUES" and token.kind == "word" and groups:
                end = next((one for one in range(at, len(found)) if found[one].text == "}"), at)
                if end == at + 4 and found[at + 1].kind == "variable":
                    groups[-1][found[at + 1].text] = found[at + 3].text
                at = end
            elif groups and before in ("{", ".", "}", ")") and _is_term(token):
                at = self._triples(at, groups[-1])
            at += 1

    def _triples(self, at: int, given: Mapping[str, str]) -> int:
        """The triples of one subject, parted by semicolons; returns the place of the last token that belongs to them."""
        found, subject, closing = self.found, self.found[at], ""
        while True:
            last, repeated = _path(found, at + 1)
            stop = last
            while stop < len(found) and found[stop].text not in _TRIPLES_END and found[stop].kind != "word":
                stop = _closed(found, stop) + 1 if found[stop].text in _CLOSING else stop + 1
            opening = next_closing = ""
            if repeated and stop == last + 1 and _is_term(found[last]):
                opening, next_closing = self._apart(subject, at + 1, last, given)
            here = found[at]
            if here is subject and opening:
                self.made[here.start] = (here.start, opening)
            elif here is not subject and (opening or closing):
                parted = closing or " ."
                self.made[here.start] = (here.start + 1, f"{parted} {opening}{subject.text}")
            closing = next_closing
            if stop >= len(found) or found[stop].text != ";":
                if closing:
                    behind = found[last].start + len(found[last].text)
                    self.made[behind] = (behind, closing)
                return stop - 1
            at = stop

    def _apart(self, subject: Token, start: int, last: int, given: Mapping[str, str]) -> tuple[str, str]:
        """What stands before and behind a triple that becomes a part by itself; nothing where it need not, or cannot.

        Its path is between the tokens ``start`` and ``last``. Of a sequence (``a/b*``) each step becomes a triple, since
        what is in the middle is bound as well.
        """
        found, target = self.found, self.found[last]
        names = list(dict.fromkeys(one.text for one in (subject, target) if one.kind == "variable"))
        self._ends.update(names)
        known = {name: given[name] for name in names if name in given}
        if not names or (len(names) == 2 and not known):
            return "", ""
        cuts = _cuts(found, start, last)
        if not cuts:
            return _part("SELECT DISTINCT", names, known), _PART_ENDS
        steps = [start, *(cut + 1 for cut in cuts), last]
        nodes = [subject.text, *(f"?step_{found[cut].start}" for cut in cuts), target.text]
        opened, closed = [""] * len(nodes), [""] * len(nodes)
        for at, own in enumerate(pairwise(nodes)):
            open_ends = [one for one in own if one[0] in "?$"]
            own_known = {name: known[name] for name in open_ends if name in known}
            is_repeated = any(one.text in _REPEATED for one in found[steps[at] : steps[at + 1]])
            if is_repeated and (own_known or len(open_ends) < 2):
                opened[at] = _part("SELECT DISTINCT", open_ends, own_known)
                closed[at + 1] = _PART_ENDS
        for at, cut in enumerate(cuts, 1):
            place = found[cut].start
            self.made[place] = (place + 1, f" {nodes[at]}{closed[at]} . {opened[at]}{nodes[at]} ")
        return _part("SELECT", names, known) + opened[0], closed[-1] + _PART_ENDS

    def _filters(self) -> None:
        for left, sign, right in zip(self.found, self.found[1:], self.found[2:], strict=False):
            one, other = (left, right) if left.kind == "variable" else (right, left)
            if sign.text == "=" and one.text in self._ends and other.kind in _CONSTANTS:
                for token in (left, right):
                    self.made[token.start] = (token.start + len(token.text), f"STR({token.text})")


def _part(select: str, names: Sequence[str], known: Mapping[str, str]) -> str:
    values = "".join(f"VALUES {name} {{ {term} }} " for name, term in known.items())
    return f"{{ {select} {' '.join(names)} {{ {values}"


def _path(found: Sequence[Token], at: int) -> tuple[int, bool]:
    """Where the path that begins at a token ends, and whether a part of it is repeated."""
    repeated = False
    while at < len(found):
        while at < len(found) and found[at].text in ("^", "!"):
            at += 1
        if at < len(found) and found[at].text == "(":
            end = _closed(found, at)
            repeated = repeated or any(one.text in _REPEATED for one in found[at:end])
            at = end + 1
        elif at < len(found) and (found[at].kind in _CONSTANTS or found[at].text == "a"):
            at += 1
        else:
            return at, False
        if at < len(found) and found[at].text in ("*", "+", "?"):
            repeated = repeated or found[at].text in _REPEATED
            at += 1
        if at >= len(found) or found[at].text not in ("/", "|"):
            return at, repeated
        at += 1
    return at, repeated


def _cuts(found: Sequence[Token], start: int, last: int) -> list[int]:
    """Where the steps of a sequence are parted; none of an alternative."""
    cuts, at = [], start
    while at < last:
        if found[at].text == "(":
            at = _closed(found, at)
        elif found[at].text == "|":
            return []
        elif found[at].text == "/":
            cuts.append(at)
        at += 1
    return cuts


def _closed(found: Sequence[Token], at: int) -> int:
    """Where the bracket that opens at a token is closed; the last token where it is not."""
    opening, depth = found[at].text, 0
    for place in range(at, len(found)):
        depth += (found[place].text == opening) - (found[place].text == _CLOSING[opening])
        if depth == 0:
            return place
    return len(found) - 1


def _is_term(token: Token) -> bool:
    return token.kind == "variable" or token.kind in _CONSTANTS
