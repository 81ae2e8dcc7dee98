"""By what findings are filtered, each filter a way to read keys off a finding; and how many fit each choice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graph.errors import BadParameter, QueryLimit
from ontology.terms import ZM
from queries.asking import Asker
from queries.words import both
from shapes.findings import Finding, Report
from shapes.phrases import Phrases
from shapes.rules import Lang

# A target belongs to the domains of the task that its sentence stands in. A sub-select around each pattern makes Oxigraph
# join by hashing, instead of looking up each by itself.
_DOMAINS: Final = f"""PREFIX zm: <{ZM}>
SELECT DISTINCT ?node ?concept {{
  {{ SELECT ?node ?concept {{ ?node zm:domain ?concept }} }}
  UNION {{
    {{ SELECT ?task ?concept {{ ?task zm:domain ?concept }} }}
    {{ SELECT ?task ?at {{ ?task zm:provision ?at }} }}
    {{ SELECT ?node ?at {{ ?node zm:provision ?at }} }}
    {{ SELECT ?node {{ ?node a zm:Target }} }}
  }}
}}"""
_FUNCTIONS: Final = f"""PREFIX zm: <{ZM}>
SELECT DISTINCT ?node ?concept {{
  {{ SELECT ?node ?assignment {{ ?node zm:assignment ?assignment }} }}
  {{ SELECT ?assignment ?agency {{ ?assignment zm:agency ?agency }} }}
  {{ SELECT ?agency ?concept {{ ?agency zm:agencyFunction ?concept }} }}
}}"""


@dataclass(frozen=True)
class Choice:
    """A value of a filter, what it is called, and how many findings fit it together with the other filters."""

    value: str
    label: str
    count: int


@lru_cache(maxsize=2)
def _keys(asker: Asker, query: str) -> Mapping[str, frozenset[str]]:
    """Keys by the IRI of a task or target, read once for each build; none where the answer would be too large."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    try:
        for node, concept in asker.engine.table(query).texts():
            found[node].add(concept.rpartition("/")[2])
    except QueryLimit:
        return {}
    return {node: frozenset(keys) for node, keys in found.items()}


class Facets:
    """The filters on the findings of a report. ``asker`` knows the domains and agencies of what they are about."""

    def __init__(self, report: Report, asker: Callable[[], Asker], lang: Lang) -> None:
        self._report, self._asker, self._lang = report, asker, lang
        self._say = Phrases(report, lang)
        self._keys: dict[str, Callable[[Finding], Sequence[str]]] = {
            "severity": lambda one: [one.severity],
            "status": lambda one: [one.status],
            "outcome": lambda one: [one.outcome],
            "place": lambda one: [one.place.code] if one.place else [],
            "plan": lambda one: [one.document] if one.document else [],
            "indicator": lambda one: [one.indicator_iri.rpartition("/")[2]] if one.indicator_iri else [],
            "domain": self._domains,
            "function": self._functions,
        }

    def filtered(self, chosen: Mapping[str, str | None]) -> list[Finding]:
        """Those that fit every value that is chosen. Raises BadParameter for a value that none could fit."""
        wanted = {name: self._value(name, value) for name, value in chosen.items() if value}
        return [one for one in self._report.findings if self._fits(one, wanted)]

    def choices(self, name: str, chosen: Mapping[str, str | None]) -> list[Choice]:
        """What can be chosen of one filter: what occurs among the findings that fit the others, and what is chosen."""
        others = {key: self._value(key, value) for key, value in chosen.items() if value and key != name}
        read = self._keys[name]
        counted = Counter(
            key for one in self._report.findings if self._fits(one, others) for key in read(one)
        )
        given = chosen.get(name)
        if given:
            counted.setdefault(self._value(name, given), 0)
        labels = self._labels(name)
        rows = [Choice(key, labels.get(key, key), count) for key, count in counted.items()]
        order = {key: at for at, key in enumerate(labels)}
        return sorted(rows, key=lambda one: (order.get(one.value, len(order)), one.value))

    def _fits(self, finding: Finding, wanted: Mapping[str, str]) -> bool:
        return all(value in self._keys[name](finding) for name, value in wanted.items())

    def _value(self, name: str, given: str) -> str:
        """The key that is meant: a place may be given by its name, a concept by a label."""
        labels = self._labels(name)
        if given in labels:
            return given
        if name == "place" and given in labels.values():
            return next(code for code, label in labels.items() if label == given)
        scheme = _SCHEMES.get(name)
        concept = self._asker().vocabularies.find(scheme, given) if scheme else None
        if concept is not None:
            return concept.key
        listed = sorted(labels)
        en, zh = both("questions", "value", found=given, parameter=name, allowed=", ".join(listed))
        raise BadParameter(en, zh=zh, parameter=name, allowed=listed)

    def _labels(self, name: str) -> dict[str, str]:
        """What a filter may be, label by key, in the order in which it is shown."""
        report, say = self._report, self._say
        if name in ("severity", "status"):
            keys = ("violation", "warning", "info") if name == "severity" else ("open", "explained", "waived")
            return {key: say[key] for key in keys}
        if name == "outcome":
            return {one.outcome: say.outcome(one) for one in reversed(report.findings)}
        if name == "place":
            return places(report)
        if name == "plan":
            return {one.slug: one.title for one in report.summary.documents}
        concepts = self._asker().vocabularies.scheme(_SCHEMES[name])
        return {one.key: one.label_en if self._lang == "en" else one.label_zh for one in concepts}

    def _domains(self, finding: Finding) -> Sequence[str]:
        asker = self._asker()
        known = _keys(asker, _DOMAINS)
        found = {key for iri in _nodes(finding) for key in known.get(iri, ())}
        scheme = asker.vocabularies
        wider = {one.key for key in found for one in scheme.ancestors(scheme.concept("domain", key))}
        return sorted(found | wider)

    def _functions(self, finding: Finding) -> Sequence[str]:
        known = _keys(self._asker(), _FUNCTIONS)
        return sorted({key for iri in _nodes(finding) for key in known.get(iri, ())})


_SCHEMES: Final = {"domain": "domain", "function": "agency-function", "indicator": "indicator"}


def places(report: Report) -> dict[str, str]:
    """The places that were judged, name by code."""
    found = [one.place for one in report.summary.documents if one.place]
    found += [one.place for one in report.findings if one.place]
    return {one.code: one.name for one in sorted(found, key=lambda one: one.code)}


def _nodes(finding: Finding) -> list[str]:
    """The passages of a finding; of what a plan leaves out, the one above."""
    clauses = finding.statements or ([finding.upper] if finding.upper else [])
    return [one.iri for one in clauses] or [finding.source.focus]
