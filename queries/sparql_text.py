"""What can be told about a SPARQL text before any engine sees it: its form, its dataset, whether it is allowed.

A tokenizer, not a grammar. It has to decide one thing for certain: is there a SERVICE, or an update word, that an
engine would act on? That needs strings, comments, IRIs and prefixed names told apart from words, and nothing more.
A full parser decides it too, but rdflib's takes some hundred times longer, recurses without a bound on hostile
nesting, and refuses texts that Oxigraph accepts. Oxigraph's own parser is not reachable from Python without running
the query. Where the tokenizer and an engine could read one text in two ways (words run together, as in
``trueSERVICE``; undeclared prefixes), the text is refused as a syntax error, so the engine never gets to choose.

The by-product is better error places: Oxigraph 0.5 reports where its furthest lookahead ended, often on the next line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from graph.errors import QueryRefused, QuerySyntaxError
from queries.words import both

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]

_FORMS: tuple[str, ...] = get_args(Form)
_UPDATES = frozenset("INSERT DELETE LOAD CLEAR CREATE DROP COPY MOVE ADD WITH".split())
_WORDS = (
    frozenset(
        # SPARQL 1.1, with the parts of 1.2 that Oxigraph reads
        """
        BASE PREFIX VERSION SELECT DISTINCT REDUCED AS CONSTRUCT WHERE DESCRIBE ASK FROM NAMED GROUP BY HAVING ORDER ASC
        DESC LIMIT OFFSET VALUES UNDEF DEFAULT OPTIONAL LATERAL GRAPH SERVICE SILENT BIND UNION MINUS FILTER IN NOT
        EXISTS A TRUE FALSE
        COUNT SUM MIN MAX AVG SAMPLE GROUP_CONCAT SEPARATOR
        STR LANG LANGMATCHES LANGDIR DATATYPE BOUND IRI URI BNODE RAND ABS CEIL FLOOR ROUND CONCAT STRLEN UCASE LCASE
        ENCODE_FOR_URI CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER YEAR MONTH DAY HOURS MINUTES SECONDS TIMEZONE TZ
        NOW UUID STRUUID MD5 SHA1 SHA256 SHA384 SHA512 COALESCE IF STRLANG STRLANGDIR STRDT SAMETERM ISIRI ISURI
        ISBLANK ISLITERAL ISNUMERIC HASLANG HASLANGDIR REGEX SUBSTR REPLACE TRIPLE SUBJECT PREDICATE OBJECT ISTRIPLE
        ADJUST
        """.split()
    )
    | _UPDATES
)

_CHANGING = frozenset("NOW RAND UUID STRUUID".split())
_PASSED = _WORDS - _UPDATES - _CHANGING - {*_FORMS, "SERVICE", "FROM", "GRAPH"}  # nothing follows from these
# What may stand after SERVICE. No user part, no escapes: nothing that two readers could take for another host.
_CALLED = re.compile(r"<https?://([A-Za-z0-9.-]+(?::\d+)?)(?:/[\w.~%/:+-]*)?(?:\?[\w.~%/:=&+-]*)?>", re.ASCII)

_ESCAPE = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_PREFIX = (
    100  # characters of a prefix: it is looked for at each word, and must not be looked for far and wide
)
_LOCAL = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
# Nothing here may take more than so many steps a character: a text is made by whoever means harm. Hence the possessive
# quantifiers, and the bound of a prefix.
_SPACE = r"\s+|\#[^\r\n]*"
# The kinds of tokens, in the order in which they are tried.
_KINDS = {
    "iri": rf'<(?:[^<>"{{}}|^`\\\x00-\x20]++|{_ESCAPE})*+>',
    "string": r"""
        \"\"\"(?:[^"\\]++|"{1,2}(?!")|\\.)*+\"\"\"|\'\'\'(?:[^'\\]++|'{1,2}(?!')|\\.)*+\'\'\'
      |"(?:[^"\\\r\n]++|\\[^\r\n])*+"|'(?:[^'\\\r\n]++|\\[^\r\n])*+'""",
    "lang": r"@[A-Za-z]+(?:-+[A-Za-z0-9]+)*",
    "variable": r"[?$][\w·‿⁀]+",
    "blank": r"_:\w(?:[\w.\-·]*[\w\-·])?",
    "name": rf"""(?:(?=[\w.\-·]{{1,{_PREFIX}}}+:)[^\W\d_](?:[\w.\-·]*[\w\-·])?)?
        :(?:(?:[\w:]|{_LOCAL})(?:(?:[\w:.\-·]|{_LOCAL})*(?:[\w:\-·]|{_LOCAL}))?)?""",
    "number": r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?",
    "word": r"[^\W\d]\w*",
    "open": r"[({\[]",
    "close": r"[)}\]]",
    "mark": r"\^\^|&&|\|\||!=|<=|>=|<<|>>|[-+*/|^!=<>,;.?~]",
    "other": r".",
}
_PLAIN = "|".join(_KINDS[kind] for kind in ("iri", "string", "lang", "variable", "blank", "number", "mark"))


def _tokenizer(kinds: dict[str, str], after: str = "") -> re.Pattern[str]:
    source = "|".join(f"(?P<{kind}>{pattern}){after}" for kind, pattern in kinds.items())
    return re.compile(source, re.VERBOSE | re.DOTALL)


_TOKEN = _tokenizer({"space": _SPACE, **_KINDS})
# The same for `inspect`, for which tokens that it has nothing to say about are one, and spaces belong to what they follow.
# None of these tokens begins as a name, a word or a bracket does, so the others are the same.
_PART = _tokenizer(
    {kind: _KINDS[kind] for kind in ("open", "close")}
    | {"plain": rf"(?:(?:{_PLAIN})\s*+)++", "space": _SPACE}
    | {kind: _KINDS[kind] for kind in ("name", "word", "other")},
    after=r"\s*+",
)
# To be counted alone: with what separates it from the next, and the space before the first
_COUNTED = re.compile(
    rf"(?:{_SPACE})++|(?:{'|'.join(_KINDS.values())})(?:{_SPACE})*+", re.VERBOSE | re.DOTALL
)
_CLOSES = {"(": ")", "{": "}", "[": "]"}


class Token(NamedTuple):
    """A piece of the text: its kind (a group name of the tokenizer), the text, and where it starts."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class QueryText:
    """A text that may be given to an engine.

    ``has_dataset`` tells of FROM or FROM NAMED: pyoxigraph silently ignores them when it is asked to take the union of
    all graphs as the default graph, so whoever runs the query must not ask for it then. ``has_graph`` tells of GRAPH,
    ``calls_out`` of SERVICE,
    ``changes`` of a function whose value is another each time (NOW, RAND …).
    """

    text: str
    form: Form
    has_dataset: bool
    calls_out: bool = False
    changes: bool = False
    has_graph: bool = False


class NotAtOnce(Exception):
    """To look at the text takes more steps than whoever asked has time for."""


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both counted from 1, columns in code points."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def tokens(text: str) -> Iterator[Token]:
    """The tokens without spaces and comments. Raises QuerySyntaxError where none fits."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "other":
            raise _no_token(text, match.start())
        if kind is not None and kind != "space":
            yield Token(kind, match.group(), match.start())


def _no_token(text: str, at: int) -> QuerySyntaxError:
    return _syntax(text, at, "open_string" if text[at] in "\"'" else "character", found=text[at])


def inspect(
    text: str,
    *,
    nesting: int = 100,
    parts: int = 20_000,
    at_once: int | None = None,
    known_prefixes: dict[str, str] | None = None,
    service_hosts: Collection[str] = (),
) -> QueryText:
    """Tell the form of a query and refuse what must not run.

    ``parts`` is how many words, names and marks there may be: to look at each takes time, and not only here.
    ``nesting`` is how many brackets may be open at a time (Oxigraph crashes at some thousands, depending on their
    kind). ``known_prefixes`` are not declared for the query; they only make the error about a missing one helpful.
    ``at_once`` is after how many steps, of about a microsecond each, to give up with NotAtOnce.
    ``service_hosts`` (``host`` or ``host:port``) are those that SERVICE may call, each written out as a full IRI.

    Raises QuerySyntaxError with line and column, or QueryRefused for an update, SERVICE, too deep nesting
    or too many parts.
    """
    # A part is a character at least, so most texts need not be counted. Before anything else, as it is the quickest
    if len(text) > parts and _more_parts_than(parts, text):
        raise _refused("parts", unit="parts", limit=parts)
    form: Form | None = None
    has_dataset = calls_out = changes = has_graph = False
    declared: set[str] = set()
    brackets: list[tuple[str, int]] = []
    declares = False
    for step, match in enumerate(_PART.finditer(text)):
        if step == at_once:
            raise NotAtOnce
        kind = match.lastgroup
        if kind == "plain":
            declares = False
            continue
        if kind is None or kind == "space":
            continue
        found = match[kind]
        if kind == "word":
            word = found.upper()
            declares = word == "PREFIX"
            if word in _PASSED:
                continue
            if word not in _WORDS:
                raise _syntax(text, match.start(), "word", found=found[:40])
            if word in _UPDATES:
                raise _refused("update", found=word)
            if word == "SERVICE":
                _check_called(text, match.end(), service_hosts)
                calls_out = True
            elif word in _CHANGING:
                changes = True
            elif word == "FROM":
                has_dataset = True
            elif word == "GRAPH":
                has_graph = True
            elif form is None:
                form = next((known for known in get_args(Form) if known == word), None)
            continue
        if kind == "name":
            prefix = found.partition(":")[0]
            if declares:
                declared.add(prefix)
            elif prefix not in declared:
                iri = (known_prefixes or {}).get(prefix, "…")
                raise _syntax(text, match.start(), "prefix", found=prefix[:40], iri=iri)
        elif kind == "open":
            brackets.append((found, match.start()))
            if len(brackets) > nesting:
                raise _refused("nesting", unit="brackets", limit=nesting)
        elif kind == "close":
            if not brackets or _CLOSES[brackets[-1][0]] != found:
                raise _syntax(text, match.start(), "closing_bracket", found=found)
            brackets.pop()
        else:
            raise _no_token(text, match.start())
        declares = False
    if form is None:
        raise _syntax(text, len(text), "no_form", found=", ".join(_FORMS))
    if brackets:
        raise _syntax(text, brackets[-1][1], "open_bracket", found=brackets[-1][0])
    return QueryText(text, form, has_dataset, calls_out, changes, has_graph)


def _more_parts_than(parts: int, text: str) -> bool:
    """Counted inside of the library of regular expressions, and not further than it has to be."""
    leading = 1 if text[:1].isspace() or text[:1] == "#" else 0
    return _COUNTED.subn("", text, count=parts + leading + 1)[1] > parts + leading


def _check_called(text: str, at: int, hosts: Collection[str]) -> None:
    """Refuse a SERVICE, which ends ``at``, unless one of the hosts follows."""
    if not hosts:
        raise _refused("service")
    following = (match for match in _TOKEN.finditer(text, at) if match.lastgroup != "space")
    match = next((match for match in following if match.group().upper() != "SILENT"), None)
    if match is None:
        return  # the text ends here, which no engine takes
    if match.lastgroup == "other":
        raise _no_token(text, match.start())
    called = _CALLED.fullmatch(match.group())
    if called is None or called[1].lower() not in hosts:
        raise _refused("service_host", found=match.group(), allowed=", ".join(sorted(hosts)))


_UNBOUND = "The SELECT contains a variable that is unbound"
_OXIGRAPH = re.compile(r"(?:error at )?(\d+):(\d+): expected (?:one of )?(.*)", re.DOTALL)


def engine_syntax_error(text: str, message: str, at_once: int | None = None) -> QuerySyntaxError:
    """Oxigraph's message as an error with a place that a person can use.

    It reports where the furthest failed comparison *ended*. A keyword is compared as a slice of its own length, so for
    "expected OPTIONAL" the place is eight characters too far; go back and take the token that begins there.
    ``at_once`` is as for `inspect`.
    """
    match = _OXIGRAPH.match(message)
    if match is None:
        line, column = place(text, len(text))
        return QuerySyntaxError(message, line=line, column=column)
    lines = text.split("\n")
    row, column, expected = int(match[1]) - 1, int(match[2]) - 1, match[3]
    offset = min(sum(len(line) + 1 for line in lines[:row]) + column, len(text))
    words = re.findall(r"(?<![\w'])[A-Za-z_]{2,}(?![\w'])", re.sub(r"\[[^\]]*\]|\"[^\"]*\"", "", expected))
    sentence = next((part for part in expected.split(", ") if part.startswith("The ")), None)
    keywords = [word for word in words if word.upper() in _WORDS]
    if keywords and sentence is None:
        offset -= max(len(word) for word in keywords)
    reached = len(text)
    for step, token in enumerate(tokens(text)):
        if step == at_once:
            raise NotAtOnce
        if token.start + len(token.text) > offset:
            reached = token.start
            break
    offset = reached
    if sentence:
        start = next((t.start for t in tokens(text) if t.text.upper() == "SELECT"), offset)
        if sentence == _UNBOUND:
            return _syntax(text, start, "unbound")
        return _syntax(text, start, "engine_sentence", found=sentence)
    near = text[offset:].split(None, 1)
    if not near:
        return _syntax(text, offset, "end", found="")
    return _syntax(text, offset, "unexpected", found=near[0][:40])


def _syntax(text: str, offset: int, kind: str, **values: object) -> QuerySyntaxError:
    line, column = place(text, offset)
    en, zh = both("syntax", kind, line=line, column=column, **values)
    return QuerySyntaxError(en, line=line, column=column, zh=zh)


def _refused(
    kind: str, *, unit: str | None = None, limit: float | None = None, **values: object
) -> QueryRefused:
    en, zh = both("refused", kind, limit=limit, **values)
    return QueryRefused(en, zh=zh, limit=limit, unit=unit)
