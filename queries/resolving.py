"""From what people type to an RDF term: 教育, education or an IRI to a concept; 江夏区 or 420115 to a division."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pyoxigraph as ox
from rapidfuzz import fuzz

from graph.divisions import named
from graph.errors import BadParameter
from ontology.terms import division_iri
from ontology.vocabulary import SCHEMES, Vocabularies
from queries.tables import Table
from queries.words import Text, both

if TYPE_CHECKING:
    from queries.catalogue import Parameter

_SHOWN = 24  # of the allowed values in a sentence; the error has them all
_NEAREST = 24  # agencies that an error offers: there are too many to list them all
_LONGEST = 24  # characters of an agency's name in which the place is looked for
_KINDS = "省市区县旗盟州"  # how a place may end, and how the name of its agency may begin

_PLANS = """
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri ?name ?title ?number ?place ?code {
  ?iri a zm:Plan ; dcterms:identifier ?name ; dcterms:title ?title ; zm:jurisdiction ?division .
  ?division skos:prefLabel ?place ; skos:notation ?code .
  OPTIONAL { ?iri zm:documentNumber ?number }
} ORDER BY ?name
"""
# The common cases, by index: a slug or a six-digit code as it stands. Listing all plans is for all others.
_PLAN = """
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri { ?iri dcterms:identifier %s ; a zm:Plan }
"""
_PLACE = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri { ?iri skos:notation %s . ?document zm:jurisdiction ?iri }
"""
_PLACES = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri ?name ?code {
  ?document zm:jurisdiction ?iri .
  ?iri skos:prefLabel|skos:altLabel ?name ; skos:notation ?code .
} ORDER BY ?code ?name
"""
# Places by their names and codes before a change: 赣县, 密云县, 110228
_FORMER = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri ?name ?code ?today {
  ?former a zm:FormerDivision ; zm:successor ?iri ; skos:prefLabel ?name ; zm:formerCode ?code .
  FILTER(LANG(?name) = "zh")
  ?document zm:jurisdiction ?iri .
  ?iri skos:notation ?today .
} ORDER BY ?code ?name
"""
# The agencies that %s picks, with all their names. Sub-selects make Oxigraph read each list once, and not look up each.
_AGENCIES = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri ?name ?place ?code {
  { SELECT DISTINCT ?iri ?division { %s ?iri zm:division ?division } }
  { SELECT ?iri ?name { { ?iri skos:prefLabel ?name } UNION { ?iri skos:altLabel ?name } } }
  { SELECT ?division ?place { ?division skos:prefLabel ?place } }
  { SELECT ?division ?code { ?division skos:notation ?code } }
} ORDER BY ?code ?iri ?name
"""
_NAMED = "{{ ?iri skos:prefLabel {0} }} UNION {{ ?iri skos:altLabel {0} }}"


class Resolver:
    """Resolves the values of parameters.

    ``ask`` runs a SELECT on the store that the question is for (`QueryEngine.table`): plans and places are looked up
    in the data, concepts in the vocabularies.
    """

    TYPES: ClassVar[tuple[str, ...]] = (*SCHEMES, "plan", "division", "agency", "year", "integer", "string")

    def __init__(self, vocabularies: Vocabularies, ask: Callable[[str], Table]) -> None:
        self._vocabularies = vocabularies
        self._ask = ask

    def resolve(self, parameter: Parameter, text: str) -> ox.NamedNode | ox.Literal:
        """The term that ``text`` stands for. Raises BadParameter, with the values that would do."""
        match parameter.type:
            case "plan":
                return self._plan(parameter, text)
            case "division":
                return self._division(parameter, text)
            case "agency":
                return self._agency(parameter, text)
            case "year":
                if not re.fullmatch(r"[12]\d{3}", text, re.ASCII):
                    raise self._unfit("year", parameter, text)
                return ox.Literal(text, datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#gYear"))
            case "integer":
                if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
                    raise self._unfit("integer", parameter, text)
                return ox.Literal(int(text))
            case "string":
                return ox.Literal(text)
            case scheme:
                concept = self._vocabularies.find(scheme, text)
                if concept is None:
                    known = self._vocabularies.scheme(scheme)
                    words = {one.key: one.labels for one in known}
                    near = _by_nearness(text, {one.key: one.label_zh for one in known}, words)
                    raise self._unfit("concept", parameter, text, near)
                return ox.NamedNode(concept.iri)

    def _plan(self, parameter: Parameter, text: str) -> ox.NamedNode:
        """By slug, IRI, document number, title, place name or code, also a former one; else by a part of its title."""
        if known := self._ask(_PLAN % ox.Literal(text)).records():
            return ox.NamedNode(str(known[0]["iri"]))
        plans = self._ask(_PLANS).records()
        wanted = _fold(text)
        found = [
            plan
            for plan in plans
            if wanted
            in {_fold(str(plan[key])) for key in ("iri", "name", "title", "number", "place", "code")}
        ]
        if not found:
            today = {str(place["today"]) for place in self._formerly(wanted)}
            found = [plan for plan in plans if str(plan["code"]) in today]
        found = found or [plan for plan in plans if len(wanted) > 1 and wanted in _fold(str(plan["title"]))]
        if len(found) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        shown = {str(plan["name"]): str(plan["name"]) for plan in (found or plans)}
        if not found:
            words = {str(plan["name"]): (str(plan["title"]), str(plan["place"])) for plan in plans}
            shown = _by_nearness(text, shown, words)
        raise self._unfit("ambiguous" if found else "plan", parameter, text, shown)

    def _division(self, parameter: Parameter, text: str) -> ox.NamedNode:
        """Among the places that have a document: by code, IRI or name, also without its last character (武汉).

        A name or code that a place had before a change (赣县 for 赣县区) stands for the place of today.
        """
        if known := self._ask(_PLACE % ox.Literal(text)).records():
            return ox.NamedNode(str(known[0]["iri"]))
        places = self._ask(_PLACES).records()
        wanted = _fold(text)
        found = (
            [place for place in places if wanted in _called(place)]
            or self._formerly(wanted)
            or [place for place in places if len(wanted) > 1 and _fold(str(place["name"])).startswith(wanted)]
        )
        if len({place["iri"] for place in found}) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        shown = {str(place["code"]): f"{place['name']} {place['code']}" for place in (found or places)}
        if not found:
            shown = _by_nearness(text, shown, {str(one["code"]): (str(one["name"]),) for one in places})
        raise self._unfit("ambiguous" if found else "division", parameter, text, shown)

    def _formerly(self, wanted: str) -> list[dict[str, Any]]:
        """The places of today that a former name or code stands for; a name of today is never looked up here."""
        return [place for place in self._ask(_FORMER).records() if wanted in _called(place)]

    def _agency(self, parameter: Parameter, text: str) -> ox.NamedNode:
        """By IRI, or by any of its names with the place before it where others have the same name.

        江夏区 区商务局, 江夏区商务局, 武汉市江夏区商务局 and 420115 区商务局 are one.
        """
        if re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", text):
            found = self._ask(_AGENCIES % f"VALUES ?iri {{ {ox.NamedNode(text)} }}").records()
            if found:
                return ox.NamedNode(text)
        found = self._ask(_AGENCIES % _NAMED.format(ox.Literal(text, language="zh"))).records()
        if len({one["iri"] for one in found}) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        near: list[dict[str, Any]] = []
        if not found:
            near = self._agencies_of_places(text)
            found = [
                one for one in near if _is_called(text, str(one["name"]), str(one["place"]), str(one["code"]))
            ]
        if len({one["iri"] for one in found}) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        offered = found or near or self._ask(_AGENCIES % "").records()
        names = [f"{one['place']} {one['name']}" for one in offered]
        shown = {name: name for name in names}
        if not found:
            shown = dict(list(_by_nearness(text, shown, {}).items())[:_NEAREST])
        raise self._unfit("ambiguous" if found else "agency", parameter, text, shown)

    def _agencies_of_places(self, text: str) -> list[dict[str, Any]]:
        """The agencies of each place that the text names, by its name with or without 区, 县, 市, or by its code."""
        head = re.sub(r"\s", "", text)[:_LONGEST]
        parts = {head[at:end] for at in range(len(head)) for end in range(at + 2, len(head) + 1)}
        codes = {division.code for part in parts for kind in ("", *_KINDS) for division in named(part + kind)}
        codes |= set(re.findall(r"(?<!\d)\d{6}(?!\d)", text))
        if not codes:
            return []
        places = " ".join(str(ox.NamedNode(division_iri(code))) for code in sorted(codes))
        return self._ask(_AGENCIES % f"VALUES ?division {{ {places} }}").records()

    def _unfit(
        self, kind: str, parameter: Parameter, text: str, allowed: Mapping[str, str] | None = None
    ) -> BadParameter:
        """``allowed`` maps what one may type in any language to what a Chinese sentence calls it."""
        allowed = allowed or {}
        listed = Text(zh=_some(allowed.values(), "、"), en=_some(allowed, ", "))
        en, zh = both(
            "questions", kind, found=text, parameter=parameter.name, label=parameter.label, allowed=listed
        )
        return BadParameter(en, zh=zh, parameter=parameter.name, allowed=list(allowed))


def _called(place: Mapping[str, Any]) -> set[str]:
    return {_fold(str(place[key])) for key in ("iri", "name", "code")}


def _is_called(text: str, name: str, place: str, code: str) -> bool:
    """Whether a text that names a place means its agency of that name: the rest of it is the name, 区 left out or not."""
    said = re.sub(r"[\s/·:：,，]", "", _fold(text))
    name = re.sub(r"\s", "", _fold(name))
    for before in (place, place.rstrip(_KINDS), code):
        at = said.find(before) if before else -1
        if at >= 0 and said[at + len(before) :] in (name, name.lstrip(_KINDS)):
            return True
    return False


def _by_nearness(text: str, shown: Mapping[str, str], words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The same values, those nearest to what was typed first. ``words`` has more names for them."""
    wanted = _fold(text)

    def distance(key: str) -> float:
        names = {key, shown[key], *words.get(key, ())}
        return -max(fuzz.ratio(wanted, _fold(name)) for name in names)

    return {key: shown[key] for key in sorted(shown, key=distance)}


def _some(names: Iterable[str], comma: str) -> str:
    every = list(names)
    return comma.join(every[:_SHOWN]) + (f" … ({len(every)})" if len(every) > _SHOWN else "")


def _fold(text: str) -> str:
    """As people type it: width of brackets and letters does not matter (〔2024〕, [2024] and （2024） are one)."""
    return re.sub(r"[〔\[［(（]", "(", re.sub(r"[〕\]］)）]", ")", text)).strip().casefold()
