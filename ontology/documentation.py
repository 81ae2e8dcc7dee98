"""The reference of all terms, as values that a page and a Markdown file are written from.

pyLODE was tried first (3.4.1): installed from a registry it does not import, and its page runs the two languages of a
label together, leaves out schema:domainIncludes and has no place for examples.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import jinja2
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SKOS

from ontology.reasoning import inferred_graph
from ontology.terms import SCHEMA, ZM
from ontology.vocabulary import ontology_graph

EXAMPLES = "examples"
_HEAD = re.compile(r"^# (zh|en): (.+)$", re.MULTILINE)
_PROPERTIES = {
    OWL.ObjectProperty: "object",
    OWL.DatatypeProperty: "datatype",
    OWL.AnnotationProperty: "annotation",
}


@dataclass(frozen=True, slots=True)
class Example:
    """An example: a sentence on it by language, and its Turtle without the lines of prefixes."""

    said: dict[str, str]
    turtle: str


@dataclass(frozen=True, slots=True)
class Term:
    """A class or property of ours. ``label`` and ``definition`` are by language; other terms are named by prefix.

    ``kind`` is class, object, datatype or annotation. ``above`` is what the ontology says right above it, ``all_above`` what
    follows (classes only); ``domain`` and ``range`` are for reading, not checks. ``marks`` are functional, transitive
    and deprecated. ``example`` is there for classes.
    """

    name: str
    iri: str
    kind: str
    label: dict[str, str]
    definition: dict[str, str]
    above: tuple[str, ...] = ()
    all_above: tuple[str, ...] = ()
    disjoint: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    range: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    replaced_by: str | None = None
    example: Example | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A class in the tree: its name with prefix, its label by language (of ours), what else it stands under, and what
    stands below it."""

    name: str
    label: dict[str, str]
    also: tuple[str, ...]
    below: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole ontology for readers. ``of_class`` has for each class the properties that
    its members may have, those of its superclasses among them."""

    version: str
    title: dict[str, str]
    description: dict[str, str]
    classes: tuple[Term, ...]
    properties: tuple[Term, ...]
    of_class: dict[str, tuple[Term, ...]]
    tree: tuple[Node, ...]
    unit_example: Example | None


@cache
def reference() -> Reference:
    """Read the ontology, the inferred tree and the examples, once. Raises VocabularyError where one is missing."""
    graph, tree = ontology_graph(), inferred_graph()
    ontology = URIRef(str(ZM))
    classes = tuple(_term(graph, tree, one) for one in _own(graph, OWL.Class))
    properties = tuple(_term(graph, tree, one) for kind in _PROPERTIES for one in _own(graph, kind))
    return Reference(
        version=str(graph.value(ontology, OWL.versionInfo)),
        title=_by_language(graph, ontology, DCTERMS.title),
        description=_by_language(graph, ontology, DCTERMS.description),
        classes=classes,
        properties=properties,
        of_class={one.name: _of_class(one, properties) for one in classes},
        tree=_tree(classes),
        unit_example=_example("Unit"),
    )


def markdown() -> str:
    """Return the reference as Markdown, for docs/ontology-terms.md."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ontology", "templates"),
        autoescape=False,  # noqa: S701 - Markdown, from files of our own
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("terms.md").render(ref=reference())


def _own(graph: Graph, kind: URIRef) -> list[URIRef]:
    """Our terms of a kind in the order of the file."""
    return [one for one in graph.subjects(RDF.type, kind) if isinstance(one, URIRef) and one in ZM]


def _term(graph: Graph, tree: Graph, term: URIRef) -> Term:
    types = set(graph.objects(term, RDF.type))
    kind = next((name for cls, name in _PROPERTIES.items() if cls in types), "class")
    up = RDFS.subClassOf if kind == "class" else RDFS.subPropertyOf
    marks = {
        "functional": OWL.FunctionalProperty in types,
        "transitive": OWL.TransitiveProperty in types,
        "deprecated": (term, OWL.deprecated, Literal(True)) in graph,
    }
    replaced = graph.value(term, DCTERMS.isReplacedBy)
    name = str(term).removeprefix(str(ZM))
    return Term(
        name=name,
        iri=str(term),
        kind=kind,
        label=_by_language(graph, term, RDFS.label),
        definition=_by_language(graph, term, SKOS.definition),
        above=_names(graph, graph.objects(term, up)),
        all_above=_names(graph, tree.objects(term, RDFS.subClassOf)),
        disjoint=_names(
            graph, [*graph.objects(term, OWL.disjointWith), *graph.subjects(OWL.disjointWith, term)]
        ),
        domain=_names(
            graph, [*graph.objects(term, RDFS.domain), *graph.objects(term, SCHEMA.domainIncludes)]
        ),
        range=_names(graph, [*graph.objects(term, RDFS.range), *graph.objects(term, SCHEMA.rangeIncludes)]),
        marks=tuple(mark for mark, there in marks.items() if there),
        replaced_by=next(iter(_names(graph, [replaced])), None) if replaced else None,
        example=_example(name) if kind == "class" else None,
    )


def _of_class(cls: Term, properties: Iterable[Term]) -> tuple[Term, ...]:
    known = {f"zm:{cls.name}", *cls.all_above}
    return tuple(one for one in properties if known & set(one.domain))


def _names(graph: Graph, terms: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted(_short(one) for one in terms if isinstance(one, URIRef)))


def _short(term: URIRef) -> str:
    for prefix, space in sorted(_prefixes().items(), key=lambda pair: len(pair[1]), reverse=True):
        if term.startswith(space):
            return f"{prefix}:{term.removeprefix(space)}"
    return str(term)


@cache
def _prefixes() -> dict[str, str]:
    spaces = [*inferred_graph().namespaces(), *ontology_graph().namespaces()]
    return {prefix: str(space) for prefix, space in spaces if prefix}


def _by_language(graph: Graph, subject: URIRef, predicate: URIRef) -> dict[str, str]:
    found = {o.language: str(o) for o in graph.objects(subject, predicate) if isinstance(o, Literal)}
    return {language: found.get(language, "") for language in ("zh", "en")}


def _example(name: str) -> Example | None:
    file = files("ontology").joinpath(EXAMPLES, f"{name}.ttl")
    if not file.is_file():  # a test asks for one; a page can do without
        return None
    text = file.read_text(encoding="utf-8")
    body = re.sub(r"^(#|@prefix|@base).*\n", "", text, flags=re.MULTILINE).strip()
    return Example(dict(_HEAD.findall(text)), body)


def _tree(classes: tuple[Term, ...]) -> tuple[Node, ...]:
    """Each class once, below the first class that it is said to stand under; ours go before those of others."""
    labels = {f"zm:{one.name}": one.label for one in classes}
    parents: dict[str, list[str]] = {}
    for one in classes:
        ordered = sorted(one.above, key=lambda name: (not name.startswith("zm:"), name))
        parents[f"zm:{one.name}"] = ordered
    below: dict[str, list[str]] = {}
    for name, above in parents.items():
        if above:
            below.setdefault(above[0], []).append(name)

    def node(name: str) -> Node:
        also, under = tuple(parents.get(name, [])[1:]), tuple(node(one) for one in below.get(name, []))
        return Node(name, labels.get(name, {}), also, under)

    roots = [name for name, above in parents.items() if not above]
    outside = sorted({above[0] for above in parents.values() if above and above[0] not in parents})
    return tuple(node(name) for name in [*outside, *roots])
