"""The shapes applied to a graph.

pySHACL is the reference engine. It is called without inference: with it, a wrong value passes ``sh:class``, because
the range of the property makes it a member. What it needs to know about classes comes with the ontology.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Literal

import pyshacl
from rdflib import BNode, Dataset, Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from shapes.rules import ShapesError

Severity = Literal["violation", "warning", "info"]
SEVERITIES: Final[dict[URIRef, Severity]] = {
    SH.Violation: "violation",
    SH.Warning: "warning",
    SH.Info: "info",
}
"""The severities that we report; any other that a shape may name counts as a violation, as in the specification."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of a validation report. ``messages`` are by language; one without a language has the key ``""``."""

    focus: Node
    path: Node | None
    value: Node | None
    severity: Severity
    shape: Node
    component: Node | None
    messages: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What came of a validation.

    ``conforms`` is SHACL's: false as soon as there is one result, even an Info. ``graph`` is the report as pySHACL
    wrote it, ``shapes`` the shapes that were applied.
    """

    conforms: bool
    graph: Graph
    results: tuple[Result, ...]
    shapes: Graph

    def of(self, severity: Severity) -> tuple[Result, ...]:
        """Return the results of one severity."""
        return tuple(result for result in self.results if result.severity == severity)


def validate(data: Graph, ontology: Graph, shapes: Graph | None = None) -> ValidationResult:
    """Judge a graph.

    Args:
        data: all that was built, vocabularies and derived facts included; of a Dataset, the union of its graphs.
        ontology: the classes and their hierarchy.
        shapes: the shapes to apply, else those of this package.

    Raises:
        ShapesError: pySHACL could not apply the shapes.
    """
    applied = shapes if shapes is not None else _own_shapes()
    # pySHACL writes the ontology into the graph that it judges. A whole build holds the ontology already: then there
    # is nothing to write, and a copy, a fifth of the time, is saved.
    judged = as_graph(data)
    whole = all(triple in judged for triple in ontology if not any(isinstance(n, BNode) for n in triple))
    try:
        conforms, report, text = pyshacl.validate(
            judged if whole else as_graph(judged, copy=True),
            shacl_graph=as_graph(applied, copy=True),
            ont_graph=None if whole else ontology,
            inference="none",
            inplace=True,
        )
    except Exception as error:  # pySHACL has several kinds, and lets those of rdflib through
        raise ShapesError(f"the shapes could not be applied: {error}") from error
    if not isinstance(report, Graph):  # it returns a failure in the place of the report
        raise ShapesError(f"the shapes could not be applied: {text}")
    return ValidationResult(bool(conforms), report, tuple(_results(report)), applied)


def load_shapes(folder: Path | None = None, only: str | None = None) -> Graph:
    """Return all shapes of this package (or those of one file) and, if given, those in the Turtle files of another folder.

    Raises:
        ShapesError: a file is not readable as Turtle; the message names it.
    """
    if only is not None:
        return _read(Graph(), [files("shapes") / only])
    shapes = as_graph(_own_shapes(), copy=True)
    if folder is not None:
        _read(shapes, sorted(folder.glob("*.ttl")))
    return shapes


def as_graph(data: Graph, *, copy: bool = False) -> Graph:
    """Return the triples as one plain graph: of a Dataset, the union of all its graphs."""
    if not copy and not isinstance(data, Dataset):
        return data
    twin = Graph()
    triples = (q[:3] for q in data.quads()) if isinstance(data, Dataset) else data
    twin.addN((s, p, o, twin) for s, p, o in triples)
    for prefix, namespace in data.namespaces():
        twin.bind(prefix, namespace)
    return twin


@lru_cache(maxsize=1)
def _own_shapes() -> Graph:
    names = [entry for entry in files("shapes").iterdir() if entry.name.endswith(".ttl")]
    return _read(Graph(), sorted(names, key=lambda entry: entry.name))


def _read(shapes: Graph, sources: Iterable[Traversable]) -> Graph:
    for source in sources:
        try:
            shapes.parse(data=source.read_text(encoding="utf-8"), format="turtle")
        except Exception as error:  # rdflib's Turtle reader raises several kinds, BadSyntax among them
            raise ShapesError(f"{source.name} is not readable as Turtle: {error}") from error
    return shapes


def _results(report: Graph) -> Iterable[Result]:
    for node in report.subjects(RDF.type, SH.ValidationResult):
        focus, shape = report.value(node, SH.focusNode), report.value(node, SH.sourceShape)
        assert focus is not None
        assert shape is not None
        severity = report.value(node, SH.resultSeverity)
        messages = report.objects(node, SH.resultMessage)
        yield Result(
            focus=focus,
            path=report.value(node, SH.resultPath),
            value=report.value(node, SH.value),
            severity=SEVERITIES.get(severity, "violation") if isinstance(severity, URIRef) else "violation",
            shape=shape,
            component=report.value(node, SH.sourceConstraintComponent),
            messages={m.language or "": str(m) for m in messages if isinstance(m, RdfLiteral)},
        )
