"""The sound graphs of samples/cascade.ttl and samples/more.ttl, and a way to break each rule of structure in them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from rdflib import Graph
from rdflib.namespace import RDF, SH, SKOS

from ontology.terms import ID, PREFIXES, QUDT, SHAPE, ZM
from ontology.vocabulary import SCHEMES, ontology_graph, vocabulary_graph
from shapes.validation import load_shapes

SAMPLES = Path(__file__).parents[1] / "samples"
SHAPES = Path(__file__).parents[2] / "shapes"

# One way to break each rule about the graph itself: a SPARQL update over the sound sample.
# $doc, $act … stand for the nodes named in NODES.
NODES = {
    "doc": "document/county",
    "prov": "document/county/provision/1.1",
    "act": "document/county/action/1.1",
    "asg": "document/county/action/1.1/assignment/1",
    "agency": "agency/420115/区教育局",
    "tgt": "document/county/target/1",
    "words": "document/county/target/4",
    "range": "document/county/target/3",
    "claim": "document/county/cited-target/1",
    "cite": "document/county/citation/1",
    "span": "document/county/span/0-9",
    "pos": "document/county/span/0-9/position",
    "quote": "document/county/span/0-9/quote",
    "place": "division/420115",
    "cmp": "comparison/county/nation/1",
    "own": "comparison/county/none/1",
    "gap": "comparison/county/nation/5",
    "narrow": "comparison/county/nation/3",
    "misquote": "comparison/county/nation/22",
    "check": "document/county/check/1",
    "passage": "document/county/check/1/passage/2",
}
FAULTS = {
    "document-title": "DELETE WHERE { $doc dcterms:title ?x }",
    "document-identifier": "INSERT DATA { $doc dcterms:identifier 'another' }",
    "document-jurisdiction": "DELETE WHERE { $doc zm:jurisdiction ?x }",
    "document-level": "INSERT DATA { $doc zm:level $place }",
    "document-status": "DELETE WHERE { $doc zm:status ?x }",
    "document-origin": "INSERT DATA { $doc zm:origin <origin/record> }",
    "document-date": "INSERT DATA { $doc eli:date_document '2024-13-45'^^xsd:date }",
    "document-printed": "INSERT DATA { $doc zm:datePrinted '2024-02-30'^^xsd:date }",
    "document-latest": "INSERT DATA { $doc zm:latestVersion $act }",
    "document-family": "INSERT DATA { $doc zm:policyFamily <level/city> }",
    "document-text-hash": "DELETE WHERE { $doc zm:textHash ?x }",
    "provision-document": "DELETE WHERE { $prov zm:inDocument ?x }",
    "provision-path": "DELETE WHERE { $prov zm:path ?x }",
    "provision-heading": "DELETE WHERE { $prov zm:heading ?x }",
    "provision-order": "INSERT DATA { $prov zm:order 'second' }",
    "provision-parent": "INSERT DATA { $prov zm:parentProvision $act }",
    "action-document": "DELETE WHERE { $act zm:inDocument ?x }",
    "action-provision": "DELETE WHERE { $act zm:provision ?x }",
    "action-path": "INSERT DATA { $act zm:path '二' }",
    "action-title": "DELETE WHERE { $act rdfs:label ?x }",
    "action-order": "DELETE WHERE { $act zm:order ?x }",
    "action-domain": "INSERT DATA { $act zm:domain <level/city> }",
    "action-assignment": "INSERT DATA { $act zm:assignment $agency }",
    "action-span": "DELETE WHERE { $act zm:span ?x }",
    "assignment-role": "INSERT DATA { $asg zm:role <role/responsible> }",
    "assignment-agency": "DELETE WHERE { $asg zm:agency ?x }",
    "assignment-text": "DELETE WHERE { $asg zm:agencyText ?x }",
    "assignment-span": "DELETE WHERE { $asg zm:span ?x }",
    "agency-name": "DELETE WHERE { $agency skos:prefLabel ?x }",
    "agency-division": "DELETE WHERE { $agency zm:division ?x }",
    "agency-function": "INSERT DATA { $agency zm:agencyFunction <domain/education> }",
    "agency-collective": "INSERT DATA { $agency zm:collective 'no' }",
    "agency-form": "INSERT DATA { $agency zm:agencyForm <domain/education> }",
    "agency-includes": "INSERT DATA { $agency zm:includesAgency <domain/education> }",
    "agency-part-of": "INSERT DATA { $agency <http://www.w3.org/ns/org#subOrganizationOf> <domain/education> }",
    "target-document": "DELETE WHERE { $tgt zm:inDocument ?x }",
    "target-provision": "INSERT DATA { $tgt zm:provision $act }",
    "target-path": "DELETE WHERE { $tgt zm:path ?x }",
    "target-order": "DELETE WHERE { $tgt zm:order ?x }",
    "target-indicator-text": "DELETE WHERE { $tgt zm:indicatorText ?x }",
    "target-indicator": "INSERT DATA { $words zm:indicator <domain/education> }",
    "link-status": "DELETE WHERE { <document/nation/target/1/link> zm:linkStatus ?x }",
    "link-to": "INSERT DATA { <document/nation/target/1/link> zm:linkTo <division/420115> }",
    "link-score": "INSERT DATA { <document/nation/target/1/link> zm:linkScore 1.5 }",
    "target-comparator": "DELETE WHERE { $tgt zm:comparator ?x }",
    "target-measure": "DELETE WHERE { $tgt zm:measure ?x }",
    "target-value": "DELETE { $tgt zm:value ?x } INSERT { $tgt zm:value 55e0 } WHERE { $tgt zm:value ?x }",
    "target-value-max": "INSERT DATA { $tgt zm:valueMax '60' }",
    "target-range": "DELETE { $range zm:value ?x } INSERT { $range zm:value 99.5 } WHERE { $range zm:value ?x }",
    "target-unit": "INSERT DATA { $tgt zm:unit <level/city> }",
    "target-baseline-year": "INSERT DATA { $tgt zm:baselineYear '20x3'^^xsd:gYear }",
    "target-year": "INSERT DATA { $tgt zm:targetYear 2030 }",
    "target-scope": "INSERT DATA { $tgt zm:scopeDomain <level/city> }",
    "target-quote": "DELETE WHERE { $tgt zm:quote ?x }",
    "target-text-part": "DELETE WHERE { $tgt zm:textPart ?x }",
    "target-assignment": "INSERT DATA { $tgt zm:assignment $agency }",
    "target-figure": "DELETE WHERE { $tgt zm:value ?x }",
    "target-words": "INSERT DATA { $words zm:value 5.0 }",
    "target-span": "DELETE WHERE { $claim zm:span ?x }",
    "target-not-claim": "INSERT DATA { $claim a zm:Target }",
    "claim-level": "INSERT DATA { $claim zm:claimedLevel <level/city> }",
    "claim-jurisdiction": "INSERT DATA { $claim zm:claimedJurisdiction '宜昌市' }",
    "review-status": "INSERT DATA { $tgt zm:reviewStatus <review-status/added> }",
    "review-by": "DELETE WHERE { $tgt zm:reviewedBy ?x }",
    "review-on": "DELETE WHERE { $tgt zm:reviewedOn ?x }",
    "citation-relation": "INSERT DATA { $cite zm:citationRelation <number-status/held> }",
    "citation-basis": "INSERT DATA { $cite zm:citationBasis <number-status/held> }",
    "citation-key": "DELETE WHERE { $cite zm:citedKey ?x }",
    "number-status": "INSERT DATA { $cite zm:numberStatus <citation-basis/number> }",
    "number-year": "INSERT DATA { $cite zm:numberYear 2024 }",
    "citation-document": "INSERT DATA { $cite zm:citedDocument $place }",
    "citation-name": "DELETE WHERE { $cite zm:citedNumber ?x }",
    "span-source": "INSERT DATA { $span oa:hasSource $place }",
    "span-position": "DELETE WHERE { $pos oa:start ?x }",
    "span-quote": "INSERT DATA { $quote oa:exact '' }",
    "span-hash": "DELETE { $span zm:textHash ?x } INSERT { $span zm:textHash 'f0' } WHERE { $span zm:textHash ?x }",
    "position-start": "INSERT DATA { $pos oa:start -1 }",
    "position-end": "DELETE WHERE { $pos oa:end ?x }",
    "position-order": "DELETE { $pos oa:end ?x } INSERT { $pos oa:end 0 } WHERE { $pos oa:end ?x }",
    "division-name": "DELETE WHERE { $place skos:prefLabel ?x }",
    "division-code": "INSERT DATA { $place skos:notation '4201' }",
    "division-level": "DELETE WHERE { $place zm:level ?x }",
    "division-within": "INSERT DATA { $place zm:withinDivision <division/100000> }",
    "cascade-outcome": "INSERT DATA { $cmp zm:outcome <outcome/raised> }",
    "cascade-lower-plan": "DELETE WHERE { $cmp zm:lowerPlan ?x }",
    "cascade-upper-plan": "INSERT DATA { $cmp zm:upperPlan <document/province> }",
    "cascade-lower-target": "INSERT DATA { $cmp zm:lowerTarget $claim }",
    "cascade-upper-target": "INSERT DATA { $cmp zm:upperTarget $act }",
    "cascade-indicator": "INSERT DATA { $cmp zm:indicator <domain/education> }",
    "cascade-indicator-text": "DELETE WHERE { $cmp zm:indicatorText ?x }",
    "cascade-year": "INSERT DATA { $cmp zm:targetYear '27'^^xsd:gYear }",
    "cascade-ratio": "INSERT DATA { $cmp zm:ratio '约一半' }",
    "cascade-because": "INSERT DATA { $cmp zm:incomparableBecause <level/city> }",
    "cascade-scope-lost": "INSERT DATA { $cmp zm:scopeLost <level/city> }",
    "cascade-scope-gained": "INSERT DATA { $cmp zm:scopeGained <level/city> }",
    "cascade-lower-side": "INSERT DATA { $gap zm:lowerTarget $tgt }",
    "cascade-upper-side": "DELETE WHERE { $cmp zm:upperTarget ?x }",
    "cascade-explained": "DELETE WHERE { $narrow zm:scopeLost ?x }",
    "cascade-claim": "INSERT DATA { $misquote zm:claim $tgt }",
    "cascade-repeats": "INSERT DATA { $cmp zm:repeats $tgt }",
    "cascade-explained-by": "INSERT DATA { $gap zm:explainedBy $tgt }",
    "cascade-lower-year": "INSERT DATA { $cmp zm:lowerYear 2028 }",
    "cascade-stated-share": "INSERT DATA { $cmp zm:statedShare '一成' }",
    "cascade-total": "INSERT DATA { $cmp zm:total '若干' }",
    "check-document": "DELETE WHERE { $check zm:inDocument ?x }",
    "check-kind": "INSERT DATA { $check zm:checkKind <outcome/lowered> }",
    "check-first": "DELETE WHERE { $check zm:firstPassage ?x }",
    "check-second": "INSERT DATA { $check zm:secondPassage $act }",
    "passage-document": "DELETE WHERE { $passage zm:inDocument ?x }",
    "passage-quote": "DELETE WHERE { $passage zm:quote ?x }",
}
MORE = {
    "lowered_deadline": "violation", "lowered_unreviewed": "warning", "raised_deadline": "info",
    "omitted_explained": "info", "omitted_whole": "info", "part_of_whole": "info",
    "exceeds_parent": "violation", "exceeds_parent_unreviewed": "warning", "share_mismatch": "violation",
    "sum_exceeds": "violation", "sum_exceeds_unreviewed": "warning", "misquoted": "warning",
    "body_annex_value": "warning", "body_annex_agency": "warning", "later_below_earlier": "warning",
    "part_exceeds_whole": "warning", "part_unit_differs": "warning", "stated_count": "warning",
    "document_number": "warning", "cites_later": "warning", "agency_spelling": "info", "list_coverage": "info",
    "uncovered_tasks": "info",
}  # fmt: skip
"""The rules that samples/more.ttl has a node for, and how grave each is."""
SEVERITIES = {
    "lowered": "violation", "softened": "warning", "narrowed": "warning", "omitted": "warning",
    "no_agency": "warning", "raised": "info", "hardened": "info", "widened": "info", "not_comparable": "info",
    "own": "info", "no_lead": "info",
}  # fmt: skip
"""The findings of the small sample, and how grave each is."""


@cache
def _concepts() -> Graph:
    """Of the vocabularies only what the rules and the words look at: eighty validations should stay quick."""
    graph, wanted = Graph(), {RDF.type, SKOS.prefLabel, SKOS.notation, QUDT.symbol, ZM.symbol, ZM.rank}
    # what concepts.ttl asks for
    wanted |= {ZM.additive, ZM.direction, ZM.kind, ZM.keyword, QUDT.hasQuantityKind}
    for scheme in set(SCHEMES) - {"indicator", "domain", "agency-function", "former-division"}:
        graph += [triple for triple in vocabulary_graph(scheme) if triple[1] in wanted]
    named = {str(o) for o in Graph().parse(SAMPLES / "cascade.ttl").objects()}
    for scheme in ("indicator", "domain", "agency-function"):
        graph += [t for t in vocabulary_graph(scheme) if t[1] in wanted and str(t[0]) in named]
    return graph


@cache
def _sound() -> Graph:
    return Graph().parse(SAMPLES / "cascade.ttl") + _concepts()


@cache
def _more() -> Graph:
    return Graph().parse(SAMPLES / "more.ttl")


@cache
def _shapes() -> Graph:
    return load_shapes()


@cache
def _words() -> Graph:
    return Graph().parse(SHAPES / "words.ttl")


@cache
def the_ontology() -> Graph:
    """The ontology, read once."""
    return ontology_graph()


def sample(*updates: str) -> Graph:
    """The small sample of a cascade, with what updates make of it."""
    graph = _sound() + Graph()  # a copy, and quicker than reading it again
    for update in updates:
        _update(graph, update)
    return graph


def both_samples(*updates: str) -> Graph:
    """Both samples together: every rule has something to look at."""
    graph = _sound() + _more()
    for update in updates:
        _update(graph, update)
    return graph


def _update(graph: Graph, update: str) -> None:
    for name, iri in NODES.items():
        update = re.sub(rf"\${name}\b", f"<{ID[iri]}>", update)
    graph.update(f"BASE <{ID}> {update}", initNs=PREFIXES)


def only_rule(rule: str) -> Graph:
    """One rule of structure alone, with the words that findings need: the others have nothing to do with its fault."""
    shapes, shape, only = _shapes(), SHAPE[rule], _words() + Graph()
    only += shapes.cbd(shape)
    for holder in shapes.subjects(SH.property, shape):
        only.add((holder, SH.property, shape))
        only += [t for t in shapes.triples((holder, None, None)) if t[1] != SH.property]
    return only
