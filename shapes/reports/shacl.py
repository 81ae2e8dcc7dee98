"""Findings as a SHACL validation report in Turtle."""

from collections.abc import Iterable

from rdflib import BNode, Graph, URIRef
from rdflib import Literal as RdfLiteral
from rdflib.namespace import RDF, RDFS, SH

from ontology.terms import ID, PREFIXES
from shapes.findings import Finding, Report
from shapes.phrases import Phrases
from shapes.rules import LANGS, Lang
from shapes.validation import SEVERITIES


def write(report: Report, lang: Lang) -> bytes:
    """Return the validation report as Turtle; its messages are in both languages."""
    return to_graph(report).serialize(format="turtle", encoding="utf-8")


def to_graph(report: Report) -> Graph:
    """Return a report as a SHACL validation report.

    Unlike in pySHACL's own, each result has an IRI, ``id:finding/{id}``, and its messages tell the case. What would be
    found in the plans below a draft is a report of its own, with a label.
    """
    graph = Graph()
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace, replace=True)
    _report(graph, report.findings)
    if report.effects:
        after = [effect.after for effect in report.effects.changes if effect.after]
        top = _report(graph, after)
        for lang in LANGS:
            graph.add((top, RDFS.label, RdfLiteral(Phrases(report, lang)["effects"], lang=lang)))
    return graph


def _report(graph: Graph, findings: Iterable[Finding]) -> BNode:
    top = BNode()  # nobody cites a report by name
    findings = list(findings)
    graph.add((top, RDF.type, SH.ValidationReport))
    graph.add((top, SH.conforms, RdfLiteral(not findings)))
    severities = {name: iri for iri, name in SEVERITIES.items()}
    for finding in findings:
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
    return top
