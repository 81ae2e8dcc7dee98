"""The questions: every `.rq` file of this folder with its header, read and checked once.

A header is YAML in lines that start with ``#+`` (grlc's convention). The file is a valid query as it stands. Each
parameter is written in it as ``VALUES ?name { … }``, with an example, or UNDEF where it may be left out; binding
replaces what is between the braces, everywhere it stands, by one RDF term in N-Triples syntax. Text from outside is
never pasted: it is first resolved to a term. (pyoxigraph's own ``substitutions`` are no way: they reject every
variable that is not in the outermost SELECT, and do not reach into sub-selects.) A variable ``?lang``, where a query
has one, is bound to the language of its labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pyoxigraph as ox
import yaml

from graph.errors import BadParameter, NotFound
from queries.resolving import Resolver
from queries.words import Text, both

LANGUAGES = ("zh", "en")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SLOT = re.compile(r"(VALUES\s+\?(\w+)\s*\{\s*)([^{}]*?)\s*\}")
_UNDEF = "UNDEF"


class CatalogueError(Exception):
    """A question file breaks the rules; the message names the file and the line. A defect, not bad input."""


@dataclass(frozen=True)
class Parameter:
    """One parameter. ``type`` is a concept scheme, or plan, division, agency, year, integer, string.

    ``binds`` is the variable that its value goes to. Without ``required`` it has ``default``, or stays open.
    """

    name: str
    type: str
    label: Text
    binds: str
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Question:
    """One question; ``columns`` has the label of each column of the answer, in order."""

    name: str
    title: Text
    description: Text
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, Text]
    example: Mapping[str, str]
    sparql: str = field(repr=False)

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
            given = values.get(parameter.name, parameter.default)
            if given is None or not given.strip():
                if parameter.required:
                    raise self._missing(parameter)
                terms[parameter.binds] = _UNDEF
            else:
                terms[parameter.binds] = str(resolver.resolve(parameter, given.strip()))

        # All in one pass, so that no value is ever searched for the place of another.
        # UNDEF goes with its clause: Oxigraph plans a join with it as if it were one with everything.
        def fill(slot: re.Match[str]) -> str:
            term = terms.get(slot[2], slot[3])
            return "" if term == _UNDEF else f"{slot[1]}{term} }}"

        return _SLOT.sub(fill, self.sparql)

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
    known = {"title", "description", "parameters", "columns", "example"}
    for key in data:
        if key not in known:
            raise fail(f"“{key}” is no key of a header; there are: {', '.join(sorted(known))}", str(key))

    def words(value: object, key: str) -> Text:
        if not isinstance(value, dict) or set(value) != {"zh", "en"}:
            raise fail(f"“{key}” needs its words in zh and in en", key)
        return Text(str(value["zh"]), str(value["en"]))

    question = Question(
        name=name,
        title=words(data.get("title"), "title"),
        description=words(data.get("description"), "description"),
        parameters=tuple(_parameter(one, words, fail) for one in data.get("parameters") or ()),
        columns={str(key): words(value, str(key)) for key, value in (data.get("columns") or {}).items()},
        example={str(key): str(value) for key, value in (data.get("example") or {}).items()},
        sparql="\n".join(line for line in lines if not line.startswith("#+")).strip() + "\n",
    )
    _check(question, fail)
    return question


def _parameter(data: object, words: Any, fail: Any) -> Parameter:
    if not isinstance(data, dict) or not {"name", "type", "label"} <= set(data):
        raise fail("a parameter needs name, type and label", "parameters")
    name = str(data["name"])
    for key in data:
        if key not in ("name", "type", "label", "binds", "required", "default"):
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
    )


def _check(question: Question, fail: Any) -> None:
    """The file is a SELECT that Oxigraph reads, with a place for each parameter and a label for each column."""
    try:
        result = ox.Store().query(question.sparql)
    except SyntaxError as error:
        raise fail(f"is not SPARQL (below the header): {error}") from None
    if not isinstance(result, ox.QuerySolutions):
        raise fail("is not a SELECT")
    names = [variable.value for variable in result.variables]
    if names != list(question.columns):
        raise fail(f"its columns are {names}, and labelled are {list(question.columns)}", "columns")
    slots = {slot[2] for slot in _SLOT.finditer(question.sparql)}
    for parameter in question.parameters:
        if parameter.binds not in slots:
            raise fail(f"has no VALUES ?{parameter.binds} {{ … }} for “{parameter.name}”", parameter.name)
    required = {parameter.name for parameter in question.parameters if parameter.required}
    if not required <= set(question.example) <= {parameter.name for parameter in question.parameters}:
        raise fail("its example must give the required parameters and no others than there are", "example")
