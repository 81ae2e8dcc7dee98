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
# What may stand after SERVICE. No user part, no escapes: nothing that two readers could take for another host.
_CALLED = re.compile(r"<https?://([A-Za-z0-9.-]+(?::\d+)?)(?:/[\w.~%/:+-]*)?(?:\?[\w.~%/:=&+-]*)?>", re.ASCII)

_ESCAPE = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_PREFIX = (
    100  # characters of a prefix: it is looked for at each word, and must not be looked for far and wide
)
_LOCAL = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
# Nothing here may take more than so many steps a character: a text is made by whoever means harm. Hence the possessive
# quantifiers, and the bound of a prefix.
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|\#[^\r\n]*)
  | (?P<iri><(?:[^<>"{{}}|^`\\\x00-\x20]++|{_ESCAPE})*+>)
  | (?P<string>\"\"\"(?:[^"\\]++|"{{1,2}}(?!")|\\.)*+\"\"\"|'''(?:[^'\\]++|'{{1,2}}(?!')|\\.)*+'''
      |"(?:[^"\\\r\n]++|\\[^\r\n])*+"|'(?:[^'\\\r\n]++|\\[^\r\n])*+')
  | (?P<lang>@[A-Za-z]+(?:-+[A-Za-z0-9]+)*)
  | (?P<variable>[?$][\w·‿⁀]+)
  | (?P<blank>_:\w(?:[\w.\-·]*[\w\-·])?)
  | (?P<name>(?:(?=[\w.\-·]{{1,{_PREFIX}}}+:)[^\W\d_](?:[\w.\-·]*[\w\-·])?)?:(?:(?:[\w:]|{_LOCAL})(?:(?:[\w:.\-·]|{_LOCAL})*(?:[\w:\-·]|{_LOCAL}))?)?)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d]\w*)
  | (?P<open>[({{\[])
  | (?P<close>[)}}\]])
  | (?P<mark>\^\^|&&|\|\||!=|<=|>=|<<|>>|[-+*/|^!=<>,;.?~])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = frozenset(("iri", "string", "lang", "variable", "blank", "number", "mark"))
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
    known_prefixes: dict[str, str] | None = None,
    service_hosts: Collection[str] = (),
) -> QueryText:
    """Tell the form of a query and refuse what must not run.

    ``parts`` is how many words, names and marks there may be: to look at each takes time, and not only here.
    ``nesting`` is how many brackets may be open at a time (Oxigraph crashes at some thousands, depending on their
    kind). ``known_prefixes`` are not declared for the query; they only make the error about a missing one helpful.
    ``service_hosts`` (``host`` or ``host:port``) are those that SERVICE may call, each written out as a full IRI.

    Raises QuerySyntaxError with line and column, or QueryRefused for an update, SERVICE, too deep nesting
    or too many parts.
    """
    form: Form | None = None
    has_dataset = calls_out = changes = has_graph = False
    declared: set[str] = set()
    brackets: list[Token] = []
    before = ""
    count = 0
    # Not by `tokens`: this is done for every query that comes, and half of the time would go into making them
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "space":
            continue
        if kind == "other":
            raise _no_token(text, match.start())
        count += 1
        if count > parts:
            raise _refused("parts", unit="parts", limit=parts)
        if kind in _PLAIN and before != "SERVICE":
            before = ""
            continue
        found = match.group()
        if before == "SERVICE" and found.upper() != "SILENT":
            called = _CALLED.fullmatch(found)
            if called is None or called[1].lower() not in service_hosts:
                raise _refused("service_host", found=found, allowed=", ".join(sorted(service_hosts)))
            before = ""
        if kind == "open":
            brackets.append(Token(kind, found, match.start()))
            if len(brackets) > nesting:
                raise _refused("nesting", unit="brackets", limit=nesting)
        elif kind == "close":
            if not brackets or _CLOSES[brackets[-1].text] != found:
                raise _syntax(text, match.start(), "closing_bracket", found=found)
            brackets.pop()
        elif kind == "name":
            prefix = found.partition(":")[0]
            if before == "PREFIX":
                declared.add(prefix)
            elif prefix not in declared:
                iri = (known_prefixes or {}).get(prefix, "…")
                raise _syntax(text, match.start(), "prefix", found=prefix[:40], iri=iri)
        elif kind == "word":
            word = found.upper()
            if word not in _WORDS:
                raise _syntax(text, match.start(), "word", found=found[:40])
            if word in _UPDATES:
                raise _refused("update", found=word)
            if word == "SERVICE":
                if not service_hosts:
                    raise _refused("service")
                calls_out = True
            if word in _CHANGING:
                changes = True
            if word == "FROM":
                has_dataset = True
            if word == "GRAPH":
                has_graph = True
            if form is None:
                form = next((known for known in get_args(Form) if known == word), None)
        if not (before == "SERVICE" and found.upper() == "SILENT"):
            before = found.upper() if kind == "word" else ""
    if form is None:
        raise _syntax(text, len(text), "no_form", found=", ".join(_FORMS))
    if brackets:
        raise _syntax(text, brackets[-1].start, "open_bracket", found=brackets[-1].text)
    return QueryText(text, form, has_dataset, calls_out, changes, has_graph)


_UNBOUND = "The SELECT contains a variable that is unbound"
_OXIGRAPH = re.compile(r"(?:error at )?(\d+):(\d+): expected (?:one of )?(.*)", re.DOTALL)


def engine_syntax_error(text: str, message: str) -> QuerySyntaxError:
    """Oxigraph's message as an error with a place that a person can use.

    It reports where the furthest failed comparison *ended*. A keyword is compared as a slice of its own length, so for
    "expected OPTIONAL" the place is eight characters too far; go back and take the token that begins there.
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
    offset = next((t.start for t in tokens(text) if t.start + len(t.text) > offset), len(text))
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
