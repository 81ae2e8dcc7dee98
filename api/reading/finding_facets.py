"""By what findings are filtered, what the values of each filter are called, and how many findings fit each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from graph.errors import BadParameter
from ontology.vocabulary import Vocabularies
from queries.words import both
from shapes.finding_store import Findings
from shapes.phrases import Phrases
from shapes.rules import Lang

_SCHEMES: Final = {"domain": "domain", "function": "agency-function", "indicator": "indicator"}
_FIXED: Final = {
    "severity": ("violation", "warning", "info"),
    "status": ("open", "explained", "waived"),
}


@dataclass(frozen=True)
class Choice:
    """A value of a filter, what it is called, and how many findings fit it together with the other filters."""

    value: str
    label: str
    count: int


class Facets:
    """The filters on findings, with their words in one language."""

    def __init__(self, findings: Findings, vocabularies: Vocabularies, lang: Lang) -> None:
        self._findings, self._vocabularies, self._lang = findings, vocabularies, lang

    def keys(self, chosen: Mapping[str, str | None]) -> dict[str, str]:
        """By filter the key that is meant. Raises BadParameter for a value that nothing could fit."""
        return {name: self._key(name, value) for name, value in chosen.items() if value}

    def choices(self, name: str, keys: Mapping[str, str]) -> list[Choice]:
        """What can be chosen of one filter: what occurs among the findings that fit the others, and what is chosen."""
        counted = self._findings.counted(name, {key: value for key, value in keys.items() if key != name})
        if name in keys:
            counted.setdefault(keys[name], 0)
        labels = self._labels(name)
        rows = [Choice(key, labels.get(key, key), count) for key, count in counted.items()]
        order = {key: at for at, key in enumerate(labels)}
        return sorted(rows, key=lambda one: (order.get(one.value, len(order)), one.value))

    def _key(self, name: str, given: str) -> str:
        """A place may be given by its name, a concept by a label."""
        labels = self._labels(name)
        if given in labels:
            return given
        if name == "place" and given in labels.values():
            return next(code for code, label in labels.items() if label == given)
        scheme = _SCHEMES.get(name)
        concept = self._vocabularies.find(scheme, given) if scheme else None
        if concept is not None:
            return concept.key
        listed = sorted(labels)
        en, zh = both("questions", "value", found=given, parameter=name, allowed=", ".join(listed))
        raise BadParameter(en, zh=zh, parameter=name, allowed=listed)

    def _labels(self, name: str) -> Mapping[str, str]:
        """What a filter may be, label by key, in the order in which it is shown."""
        findings = self._findings
        if name in _FIXED:
            say = Phrases(findings.head, self._lang)
            return {key: say[key] for key in _FIXED[name]}
        if name == "outcome":
            rules, named = findings.head.rules, findings.rule_of_outcome
            return {key: rules[named[key]].label.said(self._lang) for key in findings.head.summary.by_outcome}
        if name == "place":
            return findings.places
        if name == "plan":
            return {one.slug: one.title for one in findings.head.summary.documents}
        concepts = self._vocabularies.scheme(_SCHEMES[name])
        return {one.key: one.label_en if self._lang == "en" else one.label_zh for one in concepts}
