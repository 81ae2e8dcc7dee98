"""The SKOS schemes of ``ontology/vocabularies`` as frozen Python values.

>>> vocab = load_vocabularies()
>>> vocab.concept("domain", "education").label_zh
'教育'
>>> [c.key for c in vocab.matching("domain", "提升教育文旅医疗设备水平")]
['education', 'culture-tourism', 'health']
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, update_wrapper
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Generic, ParamSpec, TypeVar

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import RDF, SKOS

from ontology.terms import ID, QUDT, ZM, concept_iri, scheme_iri

SCHEMES: Final[dict[str, URIRef]] = {
    "level": ZM.Level,
    "role": ZM.Role,
    "comparator": ZM.Comparator,
    "measure": ZM.Measure,
    "direction": ZM.Direction,
    "unit": QUDT.Unit,
    "indicator": ZM.Indicator,
    "domain": ZM.Domain,
    "agency-function": ZM.AgencyFunction,
    "agency-form": ZM.AgencyForm,
    "former-division": ZM.FormerDivision,
    "policy-family": ZM.PolicyFamily,
    "status": ZM.Status,
    "origin": ZM.Origin,
    "text-part": ZM.TextPart,
    "review-status": ZM.ReviewStatus,
    "citation-relation": ZM.CitationRelation,
    "citation-basis": ZM.CitationBasis,
    "number-status": ZM.NumberStatus,
    "outcome": ZM.Outcome,
    "incomparability": ZM.Incomparability,
    "check-kind": ZM.CheckKind,
    "link-status": ZM.LinkStatus,
    "link-method": ZM.LinkMethod,
    "link-word": ZM.LinkWord,
}
"""Every scheme, and the class that its concepts have beside skos:Concept."""


class VocabularyError(Exception):
    """A scheme or concept that does not exist, or a vocabulary file that breaks the rules of its scheme."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept of a scheme.

    ``broader`` holds keys of the same scheme. ``properties`` holds the values of the ``zm:`` properties by
    local name, ``related`` and ``editorialNote``: literals as text, concepts of ours as their key, anything else as its IRI.
    """

    iri: URIRef
    scheme: str
    key: str
    label_zh: str
    label_en: str
    alt_labels: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False, compare=False)
    definition_zh: str = ""
    definition_en: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels: the Chinese one, the English one, then the others as the file gives them."""
        return (self.label_zh, self.label_en, *self.alt_labels)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a property by its local name (``keyword``, ``kind``); () without any."""
        return self.properties.get(name, ())

    def value(self, name: str) -> str | None:
        """Return the first value of a property, or None."""
        return next(iter(self.values(name)), None)


@dataclass(frozen=True, slots=True, eq=False)
class Vocabularies:
    """All schemes, each a tuple of concepts in the order of its file. Two are the same only if they are one object."""

    schemes: Mapping[str, tuple[Concept, ...]]
    _by_key: Mapping[tuple[str, str], Concept] = field(init=False, repr=False, compare=False)
    _keywords: Mapping[str, Mapping[str, list[Concept]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        concepts = [concept for scheme in self.schemes.values() for concept in scheme]
        keywords: dict[str, dict[str, list[Concept]]] = {scheme: {} for scheme in self.schemes}
        for concept in concepts:
            for keyword in concept.values("keyword"):
                keywords[concept.scheme].setdefault(keyword, []).append(concept)
        longest_first = {
            scheme: dict(sorted(table.items(), key=lambda item: len(item[0]), reverse=True))
            for scheme, table in keywords.items()
        }
        object.__setattr__(self, "_by_key", {(c.scheme, c.key): c for c in concepts})
        object.__setattr__(self, "_keywords", longest_first)

    def scheme(self, scheme: str) -> tuple[Concept, ...]:
        """Return the concepts of a scheme in the order of its file.

        Raises:
            VocabularyError: there is no such scheme; the message lists those that there are.
        """
        try:
            return self.schemes[scheme]
        except KeyError:
            known = ", ".join(self.schemes)
            raise VocabularyError(f"there is no scheme “{scheme}”; the schemes are: {known}") from None

    def concept(self, scheme: str, key: str) -> Concept:
        """Return a concept by its key.

        Raises:
            VocabularyError: there is no such scheme or concept.
        """
        if (scheme, key) in self._by_key:
            return self._by_key[scheme, key]
        known = ", ".join(concept.key for concept in self.scheme(scheme))
        raise VocabularyError(f"the scheme “{scheme}” has no concept “{key}”; it has: {known}")

    def find(self, scheme: str, text: str) -> Concept | None:
        """Return the concept that ``text`` names, or None: an IRI, a key, else a label in zh or en.

        Letters and width do not matter (``％`` is ``%``). A preferred label goes before an alternative one.
        """
        wanted = _fold(text)
        concepts = self.scheme(scheme)
        for names in (
            lambda c: (str(c.iri), c.key),
            lambda c: (c.label_zh, c.label_en),
            lambda c: c.alt_labels,
        ):
            for concept in concepts:
                if any(_fold(name) == wanted for name in names(concept)):
                    return concept
        return None

    def ancestors(self, concept: Concept) -> tuple[Concept, ...]:
        """Return all broader concepts of a concept, the nearest first."""
        found: list[Concept] = []
        waiting = list(concept.broader)
        while waiting:
            broader = self.concept(concept.scheme, waiting.pop(0))
            if broader not in found:
                found.append(broader)
                waiting.extend(broader.broader)
        return tuple(found)

    def matching(self, scheme: str, text: str) -> tuple[Concept, ...]:
        """Return the concepts of which a ``zm:keyword`` stands in ``text``: the keys of `revealed`."""
        return tuple(self.revealed(scheme, text))

    def revealed(self, scheme: str, text: str) -> dict[Concept, str]:
        """Return the concepts of which a ``zm:keyword`` stands in ``text``, with that keyword, in the order of the text.

        Longer keywords are looked for first and use up what they cover (资源循环利用标准 is not read again as
        循环利用). A concept is left out when a narrower one is found too.
        """
        self.scheme(scheme)  # an unknown scheme is an error, not an empty answer
        found: dict[Concept, tuple[int, str]] = {}
        for keyword, concepts in self._keywords[scheme].items():
            place = text.find(keyword)
            if place >= 0:
                text = text.replace(keyword, "\0" * len(keyword))
                for concept in concepts:
                    found[concept] = min((place, keyword), found.get(concept, (place, keyword)))
        covered = {broader for concept in found for broader in self.ancestors(concept)}
        return {c: found[c][1] for c in sorted(found, key=lambda c: found[c][0]) if c not in covered}


def turtle(scheme: str | None = None) -> bytes:
    """Return the Turtle of a scheme's file as it stands; without a scheme, of the ontology.

    Raises:
        VocabularyError: the file is missing.
    """
    return _source("zhengmai.ttl" if scheme is None else f"vocabularies/{scheme}.ttl")


def catalog_turtle() -> bytes:
    """Return the Turtle of ``catalog.ttl``: what is published, in DCAT and VoID."""
    return _source("catalog.ttl")


def vocabulary_graph(scheme: str) -> Graph:
    """Return the triples of one scheme's file.

    Raises:
        VocabularyError: there is no such scheme, or its file is missing or is not Turtle.
    """
    if scheme not in SCHEMES:
        raise VocabularyError(f"there is no scheme “{scheme}”; the schemes are: {', '.join(SCHEMES)}")
    return _parse(f"vocabularies/{scheme}.ttl")


def ontology_graph() -> Graph:
    """Return the triples of ``zhengmai.ttl``."""
    return _parse("zhengmai.ttl")


def load_vocabularies() -> Vocabularies:
    """The vocabularies in use: those of the package, read once, or what `using` has put in their place.

    Raises:
        VocabularyError: a file is missing, is not Turtle, or breaks the rules of its scheme.
    """
    return _in_use.get() or package_vocabularies()


@contextmanager
def using(vocabularies: Vocabularies) -> Iterator[None]:
    """Put other vocabularies in use, in this context alone: a build uses those of its corpus while it runs."""
    token = _in_use.set(vocabularies)
    try:
        yield
    finally:
        _in_use.reset(token)


P = ParamSpec("P")
R = TypeVar("R")


class remembered(Generic[P, R]):
    """Like functools.lru_cache, for what follows from the arguments and from the vocabularies in use.

    >>> @remembered
    ... def fields() -> int:
    ...     return len(load_vocabularies().scheme("domain"))
    """

    SIZE: Final = 50_000
    __wrapped__: Callable[P, R]

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)

        @lru_cache(maxsize=self.SIZE)
        def kept(_: Vocabularies, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        self._kept = kept

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._kept(load_vocabularies(), *args, **kwargs)  # type: ignore[arg-type]


_in_use: Final[ContextVar[Vocabularies | None]] = ContextVar("vocabularies in use", default=None)


@lru_cache(maxsize=1)
def package_vocabularies() -> Vocabularies:
    """The vocabularies of the package alone, whatever is in use. Raises VocabularyError as load_vocabularies does."""
    return Vocabularies(MappingProxyType({s: read_scheme(s, vocabulary_graph(s)) for s in SCHEMES}))


def read_scheme(scheme: str, graph: Graph, files: Mapping[URIRef, str] | None = None) -> tuple[Concept, ...]:
    """Return the concepts of a scheme from its triples; ``files`` says which file a concept stands in, if another.

    Each concept needs its class, skos:inScheme, a skos:notation equal to its key, and one skos:prefLabel in
    zh and in en; skos:broader must stay within the scheme, without a circle.

    Raises:
        VocabularyError: one of these does not hold; the message names the file and the concept.
    """
    where = f"ontology/vocabularies/{scheme}.ttl"
    if (scheme_iri(scheme), RDF.type, SKOS.ConceptScheme) not in graph:
        raise VocabularyError(f"{where}: <{scheme_iri(scheme)}> is not declared as a skos:ConceptScheme")
    # rdflib keeps the order in which triples were added, so this is the order of the file
    concepts = tuple(
        _read_concept(scheme, s, graph, (files or {}).get(s, where) if isinstance(s, URIRef) else where)
        for s in graph.subjects(RDF.type, SKOS.Concept)
    )
    if not concepts:
        raise VocabularyError(f"{where}: there are no concepts in it")
    broader = {c.key: c.broader for c in concepts}
    for key, above in broader.items():
        place = (files or {}).get(concept_iri(scheme, key), where)
        seen: set[str] = set()
        waiting = list(above)
        while waiting:
            step = waiting.pop()
            if step not in broader:
                raise VocabularyError(f"{place}: “{key}” stands below “{step}”, which is not in the scheme")
            if step == key:
                raise VocabularyError(f"{place}: “{key}” stands below itself")
            if step not in seen:
                seen.add(step)
                waiting.extend(broader[step])
    return concepts


def _read_concept(scheme: str, subject: object, graph: Graph, where: str) -> Concept:
    if not isinstance(subject, URIRef) or not subject.startswith(concept_iri(scheme, "")):
        raise VocabularyError(f"{where}: {subject} is not below <{concept_iri(scheme, '')}>")
    key = subject.removeprefix(concept_iri(scheme, ""))

    def fail(problem: str) -> VocabularyError:
        return VocabularyError(f"{where}: “{key}” {problem}")

    def text(predicate: URIRef, language: str, required: bool = False) -> str:
        literals = (o for o in graph.objects(subject, predicate) if isinstance(o, Literal))
        found = [str(o) for o in literals if o.language == language]
        if len(found) > 1 or (required and not found):
            raise fail(f"needs one {predicate.fragment} in {language} and has {len(found)}")
        return found[0] if found else ""

    if (subject, SKOS.inScheme, scheme_iri(scheme)) not in graph:
        raise fail("is not skos:inScheme of this scheme")
    if (subject, RDF.type, SCHEMES[scheme]) not in graph:
        raise fail(f"is not a {SCHEMES[scheme]}")
    if [str(o) for o in graph.objects(subject, SKOS.notation)] != [key]:
        raise fail("needs one skos:notation, equal to its key")
    properties: dict[str, list[str]] = {}
    for predicate, value in graph.predicate_objects(subject):
        if predicate in (SKOS.related, SKOS.editorialNote) or str(predicate).startswith(str(ZM)):
            name = str(predicate).removeprefix(str(SKOS)).removeprefix(str(ZM))
            properties.setdefault(name, []).append(_plain(value))
    return Concept(
        iri=subject,
        scheme=scheme,
        key=key,
        label_zh=text(SKOS.prefLabel, "zh", required=True),
        label_en=text(SKOS.prefLabel, "en", required=True),
        alt_labels=tuple(str(o) for o in graph.objects(subject, SKOS.altLabel)),
        broader=tuple(_plain(o) for o in graph.objects(subject, SKOS.broader)),
        properties=MappingProxyType({name: tuple(values) for name, values in properties.items()}),
        definition_zh=text(SKOS.definition, "zh"),
        definition_en=text(SKOS.definition, "en"),
    )


def _plain(value: object) -> str:
    """Return a literal as its text, a concept of ours as its key, anything else as its IRI."""
    if isinstance(value, Literal):
        return str(value)
    scheme, _, key = str(value).removeprefix(str(ID)).partition("/")
    return key if scheme in SCHEMES and key else str(value)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _parse(name: str) -> Graph:
    try:
        return Graph().parse(data=_source(name), format="turtle")
    except VocabularyError:
        raise
    except Exception as error:  # rdflib's Turtle reader raises several kinds, BadSyntax among them
        raise VocabularyError(f"ontology/{name} is not readable as Turtle: {error}") from error


def _source(name: str) -> bytes:
    try:
        return files("ontology").joinpath(*name.split("/")).read_bytes()
    except FileNotFoundError:
        raise VocabularyError(f"ontology/{name} is missing") from None
