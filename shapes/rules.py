"""The words that stand beside the shapes: what a rule is called, why it is there, what to say when it is broken.

A shape without words of its own (the structure rules, a shape that somebody added) is told by its ``sh:message``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict
from rdflib import Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import DCTERMS, RDFS, SH, SKOS
from rdflib.term import Node

from graph.errors import BadInput
from ontology.terms import SHAPE, ZM

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")

PLACEHOLDERS: Final = frozenset({
    "place", "title", "number", "indicator", "year", "lower_value", "lower_quote", "upper_place", "upper_title",
    "upper_number", "upper_value", "upper_quote", "claimed_by", "arithmetic", "ratio", "lost", "gained", "because",
    "task", "path", "agencies", "lower_year", "upper_year", "upper_path", "explanation", "stated", "share", "total",
    "known", "places", "label", "only_first", "only_second", "counted",
})  # fmt: skip
"""The names that a reason or a suggestion may use."""

_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")
_NAME: Final = re.compile(r"\{(\w+)\}")


class ShapesError(BadInput):
    """A shapes file that cannot be read, or whose words cannot be used; the message names the shape."""


class Words(BaseModel):
    """One thing said in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str

    def said(self, lang: Lang) -> str:
        """Return the words in a language."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a named shape and its words. ``order`` is lowest for the gravest.

    ``lower`` and ``upper`` are what its two passages are called, None for this plan and the upper level.
    """

    name: str
    shape: URIRef
    order: float
    label: Words
    message: Words | None
    reason: Words | None
    suggestion: Words | None
    comment: Words | None
    source: Words | None
    lower: Words | None = None
    upper: Words | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What one side of a finding rests on; the higher its rank, the weaker it is."""

    key: str
    rank: int
    label: Words
    lower: Words | None
    upper: Words | None
    both: Words | None


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template with its names filled in.

    A part in [square brackets] is left out when a name inside it is empty or unknown; outside of brackets such a
    name becomes nothing.
    """

    def optional(match: re.Match[str]) -> str:
        return match[1] if all(values.get(name) for name in _NAME.findall(match[1])) else ""

    return _NAME.sub(lambda match: values.get(match[1], ""), _OPTIONAL.sub(optional, template))


class RuleBook:
    """The words of a shapes graph, by shape.

    Raises:
        ShapesError: a template uses a name that nothing fills in; the message lists the names there are.
    """

    def __init__(self, shapes: Graph) -> None:
        self._shapes = shapes
        self._rules: dict[URIRef, Rule] = {}
        self._phrases: dict[str, Words | None] = {}
        for shape in set(shapes.subjects(ZM.rule)):
            if isinstance(shape, URIRef):
                self.rule(shape)

    def rule(self, shape: Node) -> Rule:
        """Return the rule of a shape; for a shape without a name, that of the named shape around it."""
        named = self._named(shape)
        if named not in self._rules:
            self._rules[named] = self._read(named)
        return self._rules[named]

    @property
    def named(self) -> Mapping[str, Rule]:
        """The rules that have a name of their own (zm:rule), by that name."""
        return {rule.name: rule for rule in self._rules.values()}

    @cached_property
    def grounds(self) -> Mapping[str, Ground]:
        """What a finding can rest on, by key, the firmest first."""
        found = []
        for node in self._shapes.subjects(SKOS.notation):
            if str(node).startswith(str(SHAPE["ground-"])):
                key = str(self._shapes.value(node, SKOS.notation))
                found.append(
                    Ground(
                        key=key,
                        rank=int(str(self._shapes.value(node, ZM.rank))),
                        label=self._require(node, RDFS.label),
                        lower=self._words(node, ZM.lowerGround),
                        upper=self._words(node, ZM.upperGround),
                        both=self._words(node, ZM.bothGrounds),
                    )
                )
        return {ground.key: ground for ground in sorted(found, key=lambda ground: ground.rank)}

    def phrase(self, key: str) -> Words | None:
        """Return how a value is said (``ge``, ``growth_rate``, ``range``, ``list``), or None where nothing is added."""
        if key not in self._phrases:
            self._phrases[key] = self._words(SHAPE[f"say-{key}"], ZM.valueTemplate)
        return self._phrases[key]

    def _named(self, shape: Node) -> URIRef:
        seen: set[Node] = set()
        while not isinstance(shape, URIRef):
            seen.add(shape)
            around = next((s for s in self._shapes.subjects(None, shape) if s not in seen), None)
            if around is None:
                return SHAPE.unnamed
            shape = around
        return shape

    def _read(self, shape: URIRef) -> Rule:
        graph = self._shapes
        given = graph.value(shape, ZM.rule)
        name = str(given) if given else re.sub(r"\W", "_", re.split(r"[#/]", str(shape))[-1])
        order = graph.value(shape, SH.order)
        unworded = SHAPE.unworded
        rule = Rule(
            name=name,
            shape=shape,
            # a breach in the data itself casts doubt on all else, so it is told first
            order=float(str(order)) if order is not None else 0.0,
            label=self._words(shape, RDFS.label) or self._require(unworded, RDFS.label),
            message=self._words(shape, SH.message),
            reason=self._words(shape, ZM.reasonTemplate),
            suggestion=self._words(shape, ZM.suggestionTemplate)
            or self._words(unworded, ZM.suggestionTemplate),
            comment=self._words(shape, RDFS.comment),
            source=self._words(shape, DCTERMS.source),
            lower=self._words(shape, ZM.lowerLabel),
            upper=self._words(shape, ZM.upperLabel),
        )
        for words in (rule.reason, rule.suggestion):
            for lang in LANGS if words else ():
                assert words is not None
                unknown = set(_NAME.findall(words.said(lang))) - PLACEHOLDERS
                if unknown:
                    raise ShapesError(
                        f"{shape}: the words use {{{sorted(unknown)[0]}}}, which nothing fills in; the names are: "
                        + ", ".join(sorted(PLACEHOLDERS))
                    )
        return rule

    def _words(self, node: Node, predicate: URIRef) -> Words | None:
        said: dict[str, str] = {}
        for literal in self._shapes.objects(node, predicate):
            if isinstance(literal, RdfLiteral):
                said.setdefault(literal.language or "", str(literal))
        if not said:
            return None
        # a shape that somebody wrote in one language only is still told in both reports
        other = next(iter(said.values()))
        return Words(zh=said.get("zh", said.get("", other)), en=said.get("en", said.get("", other)))

    def _require(self, node: Node, predicate: URIRef) -> Words:
        words = self._words(node, predicate)
        if words is None:
            raise ShapesError(f"{node} has no {predicate}: shapes/words.ttl is incomplete")
        return words
