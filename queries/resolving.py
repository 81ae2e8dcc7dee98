"""From what people type to an RDF term: 教育, education or an IRI to a concept; 江夏区 or 420115 to a division."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import pyoxigraph as ox

from graph.errors import BadParameter
from ontology.vocabulary import SCHEMES, Vocabularies
from queries.tables import Table
from queries.words import Text, both

if TYPE_CHECKING:
    from queries.catalogue import Parameter

_SHOWN = 24  # of the allowed values in a sentence; the error has them all

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
  ?iri skos:prefLabel ?name ; skos:notation ?code .
} ORDER BY ?code
"""


class Resolver:
    """Resolves the values of parameters.

    ``ask`` runs a SELECT on the store that the question is for (`QueryEngine.table`): plans and places are looked up
    in the data, concepts in the vocabularies.
    """

    TYPES: ClassVar[tuple[str, ...]] = (*SCHEMES, "plan", "division", "year", "integer", "string")

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
                    raise self._unfit("concept", parameter, text, {one.key: one.label_zh for one in known})
                return ox.NamedNode(concept.iri)

    def _plan(self, parameter: Parameter, text: str) -> ox.NamedNode:
        """By slug, IRI, document number, title, place name or code; failing these, by a part of its title."""
        if known := self._ask(_PLAN % ox.Literal(text)).records():
            return ox.NamedNode(str(known[0]["iri"]))
        plans = self._ask(_PLANS).records()
        wanted = _fold(text)
        found = [
            plan
            for plan in plans
            if wanted
            in {_fold(str(plan[key])) for key in ("iri", "name", "title", "number", "place", "code")}
        ] or [plan for plan in plans if len(wanted) > 1 and wanted in _fold(str(plan["title"]))]
        if len(found) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        shown = {str(plan["name"]): str(plan["name"]) for plan in (found or plans)}
        raise self._unfit("ambiguous" if found else "plan", parameter, text, shown)

    def _division(self, parameter: Parameter, text: str) -> ox.NamedNode:
        """Among the places that have a document: by code, IRI or name, also without its last character (武汉)."""
        if known := self._ask(_PLACE % ox.Literal(text)).records():
            return ox.NamedNode(str(known[0]["iri"]))
        places = self._ask(_PLACES).records()
        wanted = _fold(text)
        found = [
            place for place in places if wanted in {_fold(str(place[key])) for key in ("iri", "name", "code")}
        ] or [place for place in places if len(wanted) > 1 and _fold(str(place["name"])).startswith(wanted)]
        if len(found) == 1:
            return ox.NamedNode(str(found[0]["iri"]))
        shown = {str(place["code"]): f"{place['name']} {place['code']}" for place in (found or places)}
        raise self._unfit("ambiguous" if found else "division", parameter, text, shown)

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


def _some(names: Iterable[str], comma: str) -> str:
    every = list(names)
    return comma.join(every[:_SHOWN]) + (f" … ({len(every)})" if len(every) > _SHOWN else "")


def _fold(text: str) -> str:
    """As people type it: width of brackets and letters does not matter (〔2024〕, [2024] and （2024） are one)."""
    return re.sub(r"[〔\[［(（]", "(", re.sub(r"[〕\]］)）]", ")", text)).strip().casefold()
