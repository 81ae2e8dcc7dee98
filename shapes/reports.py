"""Findings, told: to a terminal, to a browser or a printer, to a programme, to a SHACL tool.

The layouts are in :mod:`shapes.terminal` and ``templates/``, the words of the pages in ``templates/words.toml``;
the words of each finding come with it.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, Literal, TypeVar, get_args

from jinja2 import Environment, FunctionLoader, StrictUndefined
from rdflib import BNode, Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import RDF, SH

from graph.errors import BadParameter
from ontology.terms import ID, PREFIXES
from shapes.findings import Report
from shapes.phrases import Phrases, outcomes, places
from shapes.rules import LANGS, Lang
from shapes.terminal import write_text
from shapes.validation import SEVERITIES

Format = Literal["text", "json", "html", "turtle"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_T = TypeVar("_T", bound=str)


def render(
    report: Report,
    format: str = "text",
    lang: str = "zh",
    *,
    limit: int | None = None,
    color: bool = False,
    width: int = 100,
) -> str:
    """Return a report as text.

    Args:
        report: from :func:`shapes.findings.collect`, or read back with ``Report.model_validate_json``.
        format: ``text`` for a terminal, ``html`` for one self-contained page, ``json`` for programmes,
            ``turtle`` for a SHACL validation report in which each result has an IRI.
        lang: ``zh`` or ``en``; JSON and Turtle carry both.
        limit: how many findings to list at most, in ``text`` only; the gravest come first.
        color: whether ``text`` may hold terminal colours: give ``sys.stdout.isatty()``.
        width: columns of ``text``.

    Raises:
        BadParameter: the format or the language is none of these.
    """
    told = _one_of("lang", lang, LANGS)
    match _one_of("format", format, FORMATS):
        case "json":
            return report.model_dump_json(indent=2) + "\n"
        case "turtle":
            return to_graph(report).serialize(format="turtle")
        case "html":
            return _page(report, told)
        case _:
            return write_text(report, told, limit=limit, color=color, width=width)


def to_graph(report: Report) -> Graph:
    """Return a report as a SHACL validation report.

    Unlike in pySHACL's own, each result has an IRI, ``id:finding/{id}``, and its messages tell the case.
    """
    graph = Graph()
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, replace=True)
    top = BNode()  # there is one report a graph, and nobody cites it by name
    graph.add((top, RDF.type, SH.ValidationReport))
    graph.add((top, SH.conforms, RdfLiteral(not report.findings)))
    severities = {name: iri for iri, name in SEVERITIES.items()}
    for finding in report.findings:
        node, source = ID[f"finding/{finding.id}"], finding.source
        graph.add((top, SH.result, node))
        graph.add((node, RDF.type, SH.ValidationResult))
        graph.add((node, SH.focusNode, URIRef(source.focus)))
        graph.add((node, SH.resultSeverity, severities[finding.severity]))
        graph.add((node, SH.sourceShape, URIRef(source.shape)))
        for lang in LANGS:
            graph.add((node, SH.resultMessage, RdfLiteral(finding.reason.said(lang), lang=lang)))
        if source.component:
            graph.add((node, SH.sourceConstraintComponent, URIRef(source.component)))
        if source.path:
            graph.add((node, SH.resultPath, URIRef(source.path)))
        if source.value:
            is_iri = source.value.startswith(("http://", "https://"))
            graph.add((node, SH.value, URIRef(source.value) if is_iri else RdfLiteral(source.value)))
    return graph


def _page(report: Report, lang: Lang) -> str:
    folder = files("shapes") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text("utf-8")),
        autoescape=True,  # the texts of plans hold angle brackets of their own
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        report=report, say=Phrases(report, lang), rows=outcomes(report), places=places(report)
    )


def _one_of(name: str, given: str, allowed: Sequence[_T]) -> _T:
    for choice in allowed:
        if given == choice:
            return choice
    known = ", ".join(allowed)
    raise BadParameter(
        f"there is no {name} “{given}”; choose one of: {known}", parameter=name, allowed=allowed
    )
