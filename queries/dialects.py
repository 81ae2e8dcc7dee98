"""Queries in the words of engines that do not read all of SPARQL 1.1 as it is written.

Only Virtuoso needs it. What is changed, each without changing what a query means:
- names with an escape (``id:role\\/lead``), which it does not read, become full IRIs;
- a text outside of ASCII in an expression: it keeps those wide and what it stores narrow, and joins the two to rubbish;
- the separator of a GROUP_CONCAT outside of ASCII, for the same reason;
- a path of any length with a constant at one end is computed by itself (`queries.virtuoso_paths`);
- an EXISTS is asked for as IF(EXISTS …, true, false): in a part of a UNION in a sub-select Virtuoso 7 passes it over, without an error;
- a VALUES in an OPTIONAL that only says again what the group around it says: it is there to help Oxigraph, and with
  several of them Virtuoso 7 comes to a stop for good.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from graph.store_address import Kind
from queries.sparql_text import Token, tokens
from queries.virtuoso_paths import by_themselves

_UNIT_SEPARATOR: Final = '"\\u001F"'  # stands in no text
_OPEN, _CLOSE = frozenset("({["), frozenset(")}]")


def translated(text: str, kind: Kind) -> str:
    """The query for an engine of that kind. Lines stay where they are. The text was inspected before."""
    if kind != "virtuoso":
        return text
    text = by_themselves(text)
    found = list(tokens(text))
    changes: dict[int, tuple[int, str]] = {}
    _names(found, changes)
    _texts(found, changes)
    _repeated(found, changes)
    _exists(found, changes)
    out: list[str] = []
    at = 0
    for start in sorted(changes):
        end, new = changes[start]
        out += [text[at:start], new]
        at = end
    return "".join([*out, text[at:]])


def _names(found: Sequence[Token], changes: dict[int, tuple[int, str]]) -> None:
    spaces: dict[str, str] = {}
    for at, token in enumerate(found):
        if token.kind != "name":
            continue
        prefix, _, local = token.text.partition(":")
        if at and found[at - 1].text.upper() == "PREFIX":
            spaces[prefix] = found[at + 1].text[1:-1] if at + 1 < len(found) else ""
        elif "\\" in local and prefix in spaces:
            iri = spaces[prefix] + re.sub(r"\\(.)", r"\1", local)
            changes[token.start] = (token.start + len(token.text), f"<{iri}>")


def _texts(found: Sequence[Token], changes: dict[int, tuple[int, str]]) -> None:
    brackets: list[str] = []  # what each open bracket is: "values", "expression", "concat" or ""
    values = False
    separators: list[str | None] = []
    for at, token in enumerate(found):
        word = token.text.upper() if token.kind == "word" else ""
        before = found[at - 1].text.upper() if at else ""
        if word == "VALUES":
            values = True
        elif token.text in _OPEN:
            if values or (brackets and brackets[-1] == "values"):
                brackets.append("values")
                values = values and token.text != "{"
            elif before == "GROUP_CONCAT":
                brackets.append("concat")
                start = found[at - 1].start
                new = _separator(found, at)
                separators.append(new)
                if new is not None:
                    changes[start] = (start + len("GROUP_CONCAT"), "REPLACE(GROUP_CONCAT")
            else:
                brackets.append("expression" if token.text == "(" else "")
        elif token.text in _CLOSE and brackets:
            if brackets.pop() == "concat" and (new := separators.pop()) is not None:
                end = token.start + 1
                changes[token.start] = (end, f"), {_UNIT_SEPARATOR}, {_narrow(new)})")
        elif token.kind == "string" and not token.text.isascii() and brackets:
            after = found[at + 1].text if at + 1 < len(found) else ""
            end = token.start + len(token.text)
            if before == "=" and at > 1 and found[at - 2].text.upper() == "SEPARATOR":
                changes[token.start] = (end, _UNIT_SEPARATOR)
            elif brackets[-1] in ("expression", "concat") and after != "^^" and not after.startswith("@"):
                changes[token.start] = (end, _narrow(token.text))


def _repeated(found: Sequence[Token], changes: dict[int, tuple[int, str]]) -> None:
    groups: list[
        tuple[bool, dict[str, str]]
    ] = []  # of each open group: is it optional, and what it gives to variables
    at = 0
    while at < len(found):
        token = found[at]
        if token.text == "{":
            groups.append((at > 0 and found[at - 1].text.upper() == "OPTIONAL", {}))
        elif token.text == "}" and groups:
            groups.pop()
        elif token.text.upper() == "VALUES" and token.kind == "word" and groups:
            end = next((one for one in range(at, len(found)) if found[one].text == "}"), at)
            if end == at + 4 and found[at + 1].kind == "variable":
                name, term = found[at + 1].text, found[at + 3].text
                # ?lang stands in filters, which do not see what is outside of their group.
                if name != "?lang" and groups[-1][0] and _said_around(groups, name, term):
                    changes[token.start] = (found[end].start + 1, "")
                else:
                    groups[-1][1][name] = term
            at = end
        at += 1


def _exists(found: Sequence[Token], changes: dict[int, tuple[int, str]]) -> None:
    # NOT EXISTS and !EXISTS are not passed over.
    open_braces: list[str | None] = []  # of each: what is to stand behind its end
    due: str | None = None
    for at, token in enumerate(found):
        if token.kind == "word" and token.text.upper() == "EXISTS":
            before = found[at - 1].text.upper() if at else ""
            if before not in ("NOT", "!"):
                bare = before == "FILTER"  # of an expression in brackets the rest follows
                changes[token.start] = (token.start + len(token.text), f"{'(' * bare}IF({token.text}")
                due = f"}}, true, false){')' * bare}"
        elif token.text == "{":
            open_braces.append(due)
            due = None
        elif token.text == "}" and open_braces and (end := open_braces.pop()) is not None:
            changes[token.start] = (token.start + 1, end)


def _said_around(groups: Sequence[tuple[bool, dict[str, str]]], name: str, term: str) -> bool:
    """Whether a group that an optional one stands in, through optional ones alone, gives a variable the same term."""
    for at in range(len(groups) - 1, 0, -1):
        if not groups[at][0]:
            return False
        if groups[at - 1][1].get(name) == term:
            return True
    return False


def _separator(found: Sequence[Token], at: int) -> str | None:
    """The separator of the GROUP_CONCAT whose bracket opens at a token, where it is not in ASCII."""
    depth = 0
    for place in range(at, len(found)):
        text = found[place].text
        depth += (text in _OPEN) - (text in _CLOSE)
        if depth == 0:
            return None
        if depth == 1 and text.upper() == "SEPARATOR" and place + 2 < len(found):
            given = found[place + 2].text
            return None if given.isascii() else given
    return None


def _narrow(literal: str) -> str:
    """The text as Virtuoso stores texts: bytes of UTF-8."""
    return f'bif:charset_recode({literal}, "_WIDE_", "UTF-8")'
