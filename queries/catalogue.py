"""The questions: every `.rq` file of this folder with its header, read and checked once.

A header is YAML in lines that start with ``#+`` (grlc's convention). The file is a valid query as it stands. Each
parameter is written in it as ``VALUES ?name { … }``, with an example, or UNDEF where it may be left out; binding
replaces what is between the braces, everywhere it stands, by one RDF term in N-Triples syntax. Text from outside is
never pasted: it is first resolved to a term. (pyoxigraph's own ``substitutions`` are no way: they reject every
variable that is not in the outermost SELECT, and do not reach into sub-selects.) A parameter with ``many: true`` takes
several values, with commas between them, each of which becomes a term. A variable ``?lang``, where a query has one, is
bound to the language of its labels.

A line that ends with ``#if name`` stands in the query only where that parameter is given, one with ``#if not name`` only
where it is left out: so a question about one place can begin at that place, and the same about all reads whole lists.
After ``#if`` several names stand for any of them, after ``#if not`` for none. With all its lines the file must be a
valid query too.

``not-on`` in a header lists kinds of stores that are not asked, since they answer wrongly or never.

A question is a SELECT, whose answer is a table, or a CONSTRUCT, whose answer is a graph. A column has words in zh and
en and, where its values are not texts, a type of `COLUMN_TYPES`. A SELECT ends with its ORDER BY: the columns are put
behind it, so that the order is the same each time and the pages of an answer do not overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import pyoxigraph as ox
import yaml

from graph.errors import BadParameter, NotFound
from queries.resolving import Resolver
from queries.words import Text, both

LANGUAGES = ("zh", "en")
COLUMN_TYPES = ("text", "integer", "decimal", "boolean", "year", "date", "iri")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_RESERVED = ("lang", "format", "limit", "offset", "page")
_COLUMN = re.compile(r"[a-z][A-Za-z0-9]*")
_LAST_ORDER = re.compile(r"\bORDER\s+BY\b[^{}]*\Z", re.IGNORECASE)
_PROLOGUE = re.compile(r"\A(?:\s*(?:(?:PREFIX|BASE)\b[^\n]*|#[^\n]*)?\n)*", re.IGNORECASE)
_SLOT = re.compile(r"(VALUES\s+\?(\w+)\s*\{\s*)([^{}]*?)\s*\}")
_IF = re.compile(r"[ \t]*#if( not)?((?: \w+)+)[ \t]*$", re.MULTILINE)
_UNDEF = "UNDEF"
_COMMA = re.compile(r"[,，、]")


class CatalogueError(Exception):
    """A question file breaks the rules; the message names the file and the line. A defect, not bad input."""


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``type`` is a concept scheme, or plan, division, agency, year, integer, string.

    ``binds`` is the variable that its value goes to. Without ``required`` it has ``default``, or stays open. With
    ``many`` it takes several values with commas between them.
    """

    name: str
    type: str
    label: Text
    binds: str
    required: bool = False
    default: str | None = None
    many: bool = False


@dataclass(frozen=True)
class Question:
    """One question; ``columns`` has the label of each column of the answer, in order, ``types`` its type.

    ``form`` is SELECT or CONSTRUCT; the answer to a CONSTRUCT is a graph, and has no columns.
    """

    name: str
    title: Text
    description: Text
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, Text]
    example: Mapping[str, str]
    sparql: str = field(repr=False)
    types: Mapping[str, str] = field(default_factory=dict)
    form: Literal["SELECT", "CONSTRUCT"] = "SELECT"
    not_on: tuple[str, ...] = ()
    """Kinds of stores that do not answer it, or answer it wrongly (docs/stores.md): they are not asked."""

    @property
    def is_table(self) -> bool:
        """Whether the answer is a table; otherwise it is a graph."""
        return self.form == "SELECT"

    def bind(self, values: Mapping[str, str], resolver: Resolver, lang: str = "zh") -> str:
        """The SPARQL text for these values, as people type them: an IRI, a code, a slug, or a label.

        Raises BadParameter for a value that does not fit, a parameter that there is not, or one that is missing.
        """
        names = [parameter.name for parameter in self.parameters]
        for name in values:
            if name not in names:
                allowed = "、".join(names) or "–"
                en, zh = both(
                    "questions", "unknown_parameter", question=self.name, found=name, allowed=allowed
                )
                raise BadParameter(en, zh=zh, parameter=name, allowed=names)
        if lang not in LANGUAGES:
            en, zh = both("questions", "lang", found=lang)
            raise BadParameter(en, zh=zh, parameter="lang", allowed=LANGUAGES)
        terms = {"lang": str(ox.Literal(lang))}
        for parameter in self.parameters:
            given = values.get(parameter.name, parameter.default) or ""
            said = [one.strip() for one in (_COMMA.split(given) if parameter.many else [given])]
            named = [str(resolver.resolve(parameter, one)) for one in said if one]
            if parameter.required and not named:
                raise self._missing(parameter)
            terms[parameter.binds] = " ".join(dict.fromkeys(named)) or _UNDEF

        # All in one pass, so that no value is ever searched for the place of another.
        # UNDEF goes with its clause: Oxigraph plans a join with it as if it were one with everything.
        def fill(slot: re.Match[str]) -> str:
            term = terms.get(slot[2], slot[3])
            return "" if term == _UNDEF else f"{slot[1]}{term} }}"

        left_out = {one.name for one in self.parameters if terms[one.binds] == _UNDEF}
        text = _SLOT.sub(fill, _lines_for(self.sparql, left_out))
        return f"{text.rstrip()} {' '.join(f'?{name}' for name in self.columns)}\n" if self.is_table else text

    def _missing(self, parameter: Parameter) -> BadParameter:
        example = f"{parameter.name}={self.example.get(parameter.name, '…')}"
        en, zh = both(
            "questions",
            "missing_parameter",
            question=self.name,
            parameter=parameter.name,
            label=parameter.label,
            example=example,
        )
        names = [one.name for one in self.parameters]
        return BadParameter(en, zh=zh, parameter=parameter.name, allowed=names)


@dataclass(frozen=True)
class Catalogue:
    """All questions, in the order of their names."""

    questions: tuple[Question, ...]

    def question(self, name: str) -> Question:
        """The question of that name. Raises NotFound, which lists the names that there are."""
        found = next((one for one in self.questions if one.name == name), None)
        if found is None:
            names = [one.name for one in self.questions]
            en, zh = both("questions", "unknown", found=name, allowed=", ".join(names))
            raise NotFound(en, zh=zh, allowed=names)
        return found


def _lines_for(sparql: str, left_out: set[str]) -> str:
    """The query without the lines that are for other parameters than those given."""
    kept = []
    for line in sparql.splitlines(keepends=True):
        found = _IF.search(line)
        if found is None:
            kept.append(line)
        elif (not left_out.issuperset(found[2].split())) != bool(found[1]):
            kept.append(line[: found.start()] + "\n")
    return "".join(kept)


def part_of(sparql: str, limit: int, offset: int) -> str:
    """The query of a bound question for some of its rows."""
    return f"{sparql.rstrip()}\nLIMIT {limit} OFFSET {offset}\n"


def count_of(sparql: str) -> str:
    """A query for the number of rows of a bound question, in ``?count``."""
    prologue = _PROLOGUE.match(sparql)
    at = prologue.end() if prologue else 0
    body = _LAST_ORDER.sub("", sparql[at:])
    return f"{sparql[:at]}SELECT (COUNT(*) AS ?count) WHERE {{ {{\n{body.rstrip()}\n}} }}\n"


def load_catalogue(sources: Iterable[Traversable] | None = None) -> Catalogue:
    """Read the questions of this package, or of the given files. Raises CatalogueError."""
    if sources is None:
        sources = (one for one in files("queries").iterdir() if one.name.endswith(".rq"))
    return Catalogue(tuple(sorted((_read(one) for one in sources), key=lambda one: one.name)))


def _read(source: Traversable) -> Question:
    name = source.name.removesuffix(".rq")
    text = source.read_text(encoding="utf-8")
    lines = text.splitlines()
    header = [line for line in lines if line.startswith("#+")]
    first = next((number for number, line in enumerate(lines, 1) if line.startswith("#+")), 1)

    def fail(problem: str, key: str = "") -> CatalogueError:
        at = next(
            (n for n, line in enumerate(lines, 1) if key and re.search(rf"\b{re.escape(key)}\b", line)), first
        )
        return CatalogueError(f"queries/{source.name}, line {at}: {problem}")

    if not _NAME.fullmatch(name):
        raise fail("the file's name is the question's: small letters, digits and hyphens")
    try:
        data: Any = yaml.safe_load("\n".join(line[2:].removeprefix(" ") for line in header))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = first + (mark.line if mark else 0)
        raise CatalogueError(f"queries/{source.name}, line {at}: the header is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise fail("has no header: lines that start with #+ and hold YAML")
    known = {"title", "description", "parameters", "columns", "example", "not-on"}
    for key in data:
        if key not in known:
            raise fail(f"“{key}” is no key of a header; there are: {', '.join(sorted(known))}", str(key))

    def column(value: object, key: str) -> tuple[Text, str]:
        given = dict(value) if isinstance(value, dict) else {}
        type_ = str(given.pop("type", "text"))
        if type_ not in COLUMN_TYPES:
            raise fail(f"“{type_}” is no type of a column; there are: {', '.join(COLUMN_TYPES)}", key)
        if not _COLUMN.fullmatch(key) or key == "evidence":
            raise fail(f"“{key}” is no name of a column: letters and digits, and not “evidence”", key)
        return words(given, key), type_

    def words(value: object, key: str) -> Text:
        if not isinstance(value, dict) or set(value) != {"zh", "en"}:
            raise fail(f"“{key}” needs its words in zh and in en", key)
        return Text(str(value["zh"]), str(value["en"]))

    columns = {str(key): column(value, str(key)) for key, value in (data.get("columns") or {}).items()}
    question = Question(
        name=name,
        title=words(data.get("title"), "title"),
        description=words(data.get("description"), "description"),
        parameters=tuple(_parameter(one, words, fail) for one in data.get("parameters") or ()),
        columns={key: label for key, (label, _) in columns.items()},
        types={key: type_ for key, (_, type_) in columns.items()},
        example={str(key): str(value) for key, value in (data.get("example") or {}).items()},
        sparql="\n".join(line for line in lines if not line.startswith("#+")).strip() + "\n",
        not_on=tuple(str(kind) for kind in data.get("not-on") or ()),
    )
    return _checked(question, fail)


def _parameter(data: object, words: Any, fail: Any) -> Parameter:
    if not isinstance(data, dict) or not {"name", "type", "label"} <= set(data):
        raise fail("a parameter needs name, type and label", "parameters")
    name = str(data["name"])
    if name in _RESERVED:
        raise fail(f"“{name}” is taken: all questions have {', '.join(_RESERVED)}", name)
    for key in data:
        if key not in ("name", "type", "label", "binds", "required", "default", "many"):
            raise fail(f"“{key}” is no key of a parameter", name)
    if data["type"] not in Resolver.TYPES:
        raise fail(f"“{data['type']}” is no type; there are: {', '.join(Resolver.TYPES)}", name)
    default = data.get("default")
    return Parameter(
        name=name,
        type=str(data["type"]),
        label=words(data["label"], name),
        binds=str(data.get("binds", name)),
        required=bool(data.get("required", False)),
        default=None if default is None else str(default),
        many=bool(data.get("many", False)),
    )


def _checked(question: Question, fail: Any) -> Question:
    """The file is a query that Oxigraph reads, with a place for each parameter and a label for each column."""
    try:
        result = ox.Store().query(question.sparql)
    except SyntaxError as error:
        raise fail(f"is not SPARQL (below the header): {error}") from None
    if isinstance(result, ox.QueryBoolean):
        raise fail("is not a SELECT or CONSTRUCT")
    names = [variable.value for variable in result.variables] if isinstance(result, ox.QuerySolutions) else []
    if names != list(question.columns):
        raise fail(f"its columns are {names}, and labelled are {list(question.columns)}", "columns")
    if names and not _LAST_ORDER.search(question.sparql):
        raise fail("does not end with ORDER BY, and its rows would come in no order")
    if re.search(r"\b(LIMIT|OFFSET)\b[^{}]*\Z", question.sparql, re.IGNORECASE):
        raise fail("ends with a LIMIT; how many rows are wanted is for those who ask to say")
    slots = {slot[2] for slot in _SLOT.finditer(question.sparql)}
    for parameter in question.parameters:
        if parameter.binds not in slots:
            raise fail(f"has no VALUES ?{parameter.binds} {{ … }} for “{parameter.name}”", parameter.name)
    named = {parameter.name for parameter in question.parameters}
    for condition in _IF.finditer(question.sparql):
        for name in condition[2].split():
            if name not in named:
                raise fail(f"“#if” names “{name}”, which is no parameter", name)
    required = {parameter.name for parameter in question.parameters if parameter.required}
    if not required <= set(question.example) <= {parameter.name for parameter in question.parameters}:
        raise fail("its example must give the required parameters and no others than there are", "example")
    return question if names else replace(question, form="CONSTRUCT")
