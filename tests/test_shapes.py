"""The rules, the findings made from them, and how they are told; on the small graph in samples/cascade.ttl."""

import json
import os
import re
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pyshacl
import pytest
from rdflib import Dataset, Graph, URIRef
from rdflib.namespace import RDF, RDFS, SH, SKOS

from graph.errors import BadParameter, NotFound
from ontology.terms import ID, PREFIXES, QUDT, SHAPE, ZM
from ontology.vocabulary import SCHEMES, load_vocabularies, ontology_graph, vocabulary_graph
from shapes.collecting import collect
from shapes.findings import Finding, Report
from shapes.phrases import all_words
from shapes.reports import FORMATS, render, write
from shapes.reports.shacl import to_graph
from shapes.rules import LANGS, RuleBook, ShapesError, fill
from shapes.validation import ValidationResult, load_shapes, validate

SAMPLES = Path(__file__).parent / "samples"
SHAPES = Path(__file__).parents[1] / "shapes"
GOLDEN = SAMPLES / "findings.json"

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
def _ontology() -> Graph:
    return ontology_graph()


@cache
def _sound() -> Graph:
    return Graph().parse(SAMPLES / "cascade.ttl") + _concepts()


def _sample(*updates: str) -> Graph:
    graph = _sound() + Graph()  # a copy, and quicker than reading it again
    for update in updates:
        _update(graph, update)
    return graph


@cache
def _more() -> Graph:
    return Graph().parse(SAMPLES / "more.ttl")


def _whole(*updates: str) -> Graph:
    """Both samples together: every rule has something to look at."""
    graph = _sound() + _more()
    for update in updates:
        _update(graph, update)
    return graph


def _update(graph: Graph, update: str) -> None:
    for name, iri in NODES.items():
        update = re.sub(rf"\${name}\b", f"<{ID[iri]}>", update)
    graph.update(f"BASE <{ID}> {update}", initNs=PREFIXES)


def _rows(result: ValidationResult) -> set[tuple[str, str, str]]:
    return {(str(row.focus), str(row.shape), row.severity) for row in result.results}


def _structure() -> set[str]:
    """The rules of structure.ttl that can be broken: those that no other shape merely collects."""
    graph = Graph().parse(
        data=(Path(__file__).parents[1] / "shapes/structure.ttl").read_text(encoding="utf-8")
    )
    return {str(s).removeprefix(str(SHAPE)) for s in graph.subjects(SH.message)}


def _only(rule: str) -> Graph:
    """One rule of structure alone, with the words that findings need: the others have nothing to do with its fault."""
    shapes, shape, only = _shapes(), SHAPE[rule], _words() + Graph()
    only += shapes.cbd(shape)
    for holder in shapes.subjects(SH.property, shape):
        only.add((holder, SH.property, shape))
        only += [t for t in shapes.triples((holder, None, None)) if t[1] != SH.property]
    return only


@cache
def _shapes() -> Graph:
    return load_shapes()


@cache
def _words() -> Graph:
    return Graph().parse(SHAPES / "words.ttl")


@pytest.fixture(scope="module")
def sound() -> tuple[Graph, ValidationResult]:
    graph = _sample()
    return graph, validate(graph, _ontology())


@pytest.fixture(scope="module")
def report(sound: tuple[Graph, ValidationResult]) -> Report:
    graph, result = sound
    return collect(result, graph)


# -- the rules -------------------------------------------------------------------------------------------------


def test_a_sound_graph_breaks_no_rule_of_structure() -> None:
    graph = _whole()
    result = validate(graph, _ontology())
    broken = {str(row.shape).removeprefix(str(SHAPE)) for row in result.results}
    assert not broken & _structure()
    # and none of them passed for want of something to look at
    shapes = load_shapes()
    for name in _structure():
        holders = {SHAPE[name], *shapes.subjects(SH.property, SHAPE[name])}
        classes = {cls for holder in holders for cls in shapes.objects(holder, SH.targetClass)}
        objects = {
            prop
            for holder in holders
            for kind in (SH.targetObjectsOf, SH.targetSubjectsOf)
            for prop in shapes.objects(holder, kind)
        }
        everything = {cls for top in classes for cls in _ontology().transitive_subjects(RDFS.subClassOf, top)}
        assert any((None, RDF.type, cls) in graph for cls in everything) or any(
            (None, prop, None) in graph for prop in objects
        ), name


def test_each_rule_of_structure_has_a_fault() -> None:
    assert set(FAULTS) == _structure()


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_and_told(rule: str) -> None:
    graph = _whole(FAULTS[rule])
    result = validate(graph, _ontology(), _only(rule))
    assert result.results, "not found"
    for row in result.results:
        assert (row.shape, row.severity, set(row.messages)) == (SHAPE[rule], "violation", {"zh", "en"})
    found = collect(result, graph).findings
    assert len(found) == len(result.results)
    assert all(one.reason.zh and one.reason.en and one.suggestion.zh for one in found)


def test_the_shapes_are_sound_themselves() -> None:
    # pySHACL's own meta_shacl=True cannot be told to look as deep as nested paths need
    rules = Path(pyshacl.__file__).parent / "assets" / "shacl-shacl.ttl"
    conforms, _, text = pyshacl.validate(
        load_shapes(), shacl_graph=Graph().parse(rules), max_validation_depth=60
    )
    assert conforms, text


def test_n_triples_and_datasets_give_the_same(sound: tuple[Graph, ValidationResult]) -> None:
    graph, result = sound
    again = Graph().parse(data=graph.serialize(format="nt"), format="nt")
    assert _rows(validate(again, _ontology())) == _rows(result)
    named = Dataset()
    for number, triple in enumerate(graph):
        named.graph(URIRef(f"urn:part:{number % 3}")).add(triple)
    judged = validate(named, _ontology())
    assert _rows(judged) == _rows(result)
    assert collect(judged, named) == collect(result, graph)


def test_the_caller_s_graphs_are_left_alone() -> None:
    ontology, shapes = ontology_graph(), load_shapes()
    for graph in (_sample(), _sample() + ontology):  # the second needs no copy, so look twice
        sizes = [len(one) for one in (graph, ontology, shapes)]
        result = validate(graph, ontology, shapes)
        assert [len(one) for one in (graph, ontology, shapes)] == sizes
        assert len(result.results) == len(SEVERITIES)


def test_a_rule_is_added_without_python(tmp_path: Path) -> None:
    (tmp_path / "mine.ttl").write_text(
        """@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix zm: <https://w3id.org/zhengmai/ns#> .
        <urn:mine#dated> a sh:NodeShape ; sh:targetClass zm:Plan ; sh:severity sh:Warning ;
            sh:property [ sh:path zm:issuerText ; sh:minCount 1 ; sh:message "没有写明印发机关"@zh ] .""",
        encoding="utf-8",
    )
    graph = _sample()
    result = validate(graph, _ontology(), load_shapes(tmp_path))
    mine = [one for one in collect(result, graph).findings if one.rule == "dated"]
    assert {one.document for one in mine} == {"county", "nation", "province"}
    assert all(one.reason.zh.startswith("没有写明印发机关") and one.reason.en for one in mine)

    (tmp_path / "mine.ttl").write_text("@prefix sh <", encoding="utf-8")
    with pytest.raises(ShapesError, match=r"mine\.ttl"):
        load_shapes(tmp_path)


def test_words_that_nothing_fills_in_are_refused() -> None:
    shapes = Graph().parse(
        data='@prefix zm: <https://w3id.org/zhengmai/ns#> . <urn:x> zm:rule "x" ; zm:reasonTemplate "{plaice}" .'
    )
    with pytest.raises(ShapesError, match=r"urn:x.*\{plaice\}.*place"):
        RuleBook(shapes + load_shapes())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"a": "1", "b": "2"}, "1（2年）。"),
        ({"a": "1", "b": ""}, "1。"),
        ({}, "。"),
        ({"a": "{b}", "b": "2"}, "{b}（2年）。"),
    ],
)
def test_words_are_filled_in(values: dict[str, str], said: str) -> None:
    assert fill("{a}[（{b}年）]。", values) == said


# -- the findings ----------------------------------------------------------------------------------------------


def _one(report: Report, rule: str) -> Finding:
    [found] = [finding for finding in report.findings if finding.rule == rule]
    return found


def test_each_outcome_is_one_finding_of_its_severity(report: Report) -> None:
    assert {one.rule: one.severity for one in report.findings} == SEVERITIES
    assert len(report.findings) == len(SEVERITIES)
    assert report.summary.by_severity == {"violation": 1, "warning": 4, "info": 6}
    assert report.summary.comparisons["equal"] == 1
    assert [one.severity for one in report.findings] == sorted(
        SEVERITIES.values(), key=["violation", "warning", "info"].index
    )
    outcomes = {concept.key: concept for concept in load_vocabularies().scheme("outcome")}
    for rule, note in report.rules.items():
        assert note.comment
        assert note.source
        if rule in outcomes:  # one thing, one name
            assert note.label.zh == outcomes[rule].label_zh


def test_what_the_cascade_derives_beside_is_told_once_and_in_full() -> None:
    graph = _whole()
    report = collect(validate(graph, _ontology()), graph)
    more = [finding for finding in report.findings if finding.rule not in SEVERITIES]
    assert {one.rule: one.severity for one in more} == MORE
    assert len(more) == len(MORE)
    # what repeats a nearer level is told there
    assert len([one for one in report.findings if one.rule == "lowered"]) == 1
    outcomes = {concept.key for concept in load_vocabularies().scheme("outcome")}
    kinds = {concept.key for concept in load_vocabularies().scheme("check-kind")}
    for one in more:
        assert one.outcome in outcomes | kinds
        note = report.rules[one.rule]
        assert note.comment
        assert note.source
        for said in (one.reason, one.suggestion):
            for text in (said.zh, said.en):
                assert text
                assert not re.search(r"[{}\[\]]|（）|\(\)|None", text), text
    by_rule = {one.rule: one for one in more}
    assert "2028" in by_rule["lowered_deadline"].reason.zh
    assert by_rule["lowered_unreviewed"].rests_on == "unreviewed"
    assert "70台" in by_rule["misquoted"].reason.zh
    assert "占全国50%" in by_rule["share_mismatch"].reason.zh
    assert "160%" in by_rule["share_mismatch"].reason.zh
    assert by_rule["sum_exceeds"].document == "nation"
    assert "140台" in by_rule["sum_exceeds"].reason.zh
    assert "34" in by_rule["sum_exceeds"].reason.zh
    assert "其余未收录" not in by_rule["sum_exceeds_unreviewed"].reason.zh
    explained = by_rule["omitted_explained"]
    assert explained.status == "explained"
    assert explained.settlement
    assert (explained.settlement.reason.zh, explained.settlement.quote) == (
        "我区没有老旧电梯",
        "更新电梯50台",
    )
    assert all(one.status == "open" for one in more if one is not explained)
    both = by_rule["body_annex_agency"]
    assert both.lower
    assert both.upper
    assert (both.lower.path, both.upper.path) == ("一/（一）", "附件/4")
    assert "区教育局" in both.reason.zh
    assert "区商务局" in both.reason.zh
    assert by_rule["part_unit_differs"].outcome == "part_exceeds_whole"


def test_a_severity_is_changed_in_turtle() -> None:
    graph, shapes = _whole(), load_shapes()
    shapes.set((SHAPE.misquoted, SH.severity, SH.Violation))
    [found] = [
        one
        for one in collect(validate(graph, _ontology(), shapes), graph).findings
        if one.rule == "misquoted"
    ]
    assert found.severity == "violation"


def test_findings_are_as_approved(report: Report) -> None:
    """To approve a change: APPROVE=1 pytest tests/test_shapes.py, then read the difference."""
    written = render(report, "json")
    if os.environ.get("APPROVE"):
        GOLDEN.write_text(written, encoding="utf-8")
    assert json.loads(written) == json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert Report.model_validate_json(written) == report


def test_both_sides_are_told_with_what_they_rest_on(report: Report) -> None:
    lowered, softened = _one(report, "lowered"), _one(report, "softened")
    assert lowered.lower
    assert lowered.upper
    assert (lowered.lower.value, lowered.upper.value, lowered.upper.comparator) == (
        Decimal(55),
        Decimal(75),
        ">",
    )
    assert lowered.upper.number == "国发〔2024〕7号"
    assert "55%÷75%≈0.73" in lowered.reason.zh
    assert "未与正式文本核对" in lowered.reason.zh
    assert lowered.rests_on == "record_unverified"
    # the province's own text is not at hand: the county is the witness, and is named as such
    assert softened.upper
    assert (softened.upper.document, softened.upper.claimed_by) == ("province", "county")
    assert softened.rests_on == "claim"
    assert "江夏区实施方案" in softened.reason.zh
    assert _one(report, "own").rests_on == "own_text"


def test_several_statements_are_kept_in_reading_order(report: Report) -> None:
    narrowed = _one(report, "narrowed")
    assert narrowed.lower_all
    assert [clause.value for clause in narrowed.lower_all] == [Decimal(40), Decimal("12.5")]
    assert narrowed.lower == narrowed.lower_all[0]
    assert "农业" in narrowed.reason.zh
    assert "12.5%至25%" in narrowed.reason.zh


def test_records_are_not_blamed_for_agencies_that_they_did_not_see(report: Report) -> None:
    assert _one(report, "no_agency").document == "county"
    assert _one(report, "no_lead").reason.zh.count("各街道办事处<下同>") == 1


def test_a_plan_that_names_nobody_is_told_once() -> None:
    graph = _sample("DELETE WHERE { ?x zm:assignment ?y }")
    rules = [one.rule for one in collect(validate(graph, _ontology()), graph).findings]
    assert rules.count("no_agency_anywhere") == 1
    assert not {"no_agency", "no_lead"} & set(rules)


_ANOTHER = """INSERT {{ <comparison/county/{upper}/9{ratio}> a zm:Comparison ; zm:outcome <outcome/lowered> ; zm:ratio "{ratio}"^^xsd:decimal ;
    zm:lowerPlan $doc ; zm:lowerTarget $tgt ; zm:upperPlan <document/{upper}> ;
    zm:upperTarget <document/nation/target/2> ; zm:indicatorText '甲'@zh }} WHERE {{}}"""


def test_the_gravest_come_first_then_the_furthest_below_then_the_nearest_level() -> None:
    asked = [("nation", "0.9"), ("province", "0.5"), ("nation", "0.5"), ("province", "-0.1")]
    graph = _sample(*(_ANOTHER.format(upper=upper, ratio=ratio) for upper, ratio in asked))
    found = collect(validate(graph, _ontology()), graph).findings
    lowered = [(one.upper.document, str(one.ratio)) for one in found if one.rule == "lowered" and one.upper]
    assert lowered == [
        ("province", "-0.1"), ("province", "0.5"), ("nation", "0.5"), ("nation", "0.7333"), ("nation", "0.9"),
    ]  # fmt: skip


def test_identifiers_come_from_the_content(report: Report) -> None:
    numbered = re.compile(r"(comparison/county/nation|county/target|county/cited-target|assignment)/(\d)")
    text = _sample().serialize(format="nt")
    moved = Graph().parse(data=numbered.sub(lambda m: f"{m[1]}/{int(m[2]) + 40}", text), format="nt")
    again = collect(validate(moved, _ontology()), moved)
    assert {one.id for one in again.findings} == {one.id for one in report.findings}
    assert _one(report, "lowered").id == "lowered.county.nation.key-process-cnc-rate.2027"
    assert all(re.fullmatch(r"[\w.-]+", one.id) for one in report.findings)


def test_findings_alike_are_told_apart_by_what_they_quote() -> None:
    twin = """INSERT {{ <t{n}> a zm:Target ; zm:quote '{quote}'@zh ; ?p ?o . <c{n}> ?q ?v ; zm:lowerTarget <t{n}> }}
        WHERE {{ {{ <document/county/target/5> ?p ?o FILTER (?p != zm:quote) }} UNION {{ $own ?q ?v FILTER (?q != zm:lowerTarget) }} }}"""
    pairs = [("1", "甲"), ("2", "乙")], [("7", "乙"), ("8", "甲")]
    ids = []
    for pair in pairs:
        graph = _sample(*(twin.format(n=n, quote=quote) for n, quote in pair))
        found = collect(validate(graph, _ontology()), graph).findings
        ids.append({one.id for one in found if one.rule == "own"})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3


def test_a_report_of_one_place(report: Report) -> None:
    assert report.of_place("420115").findings == report.of_place("江夏区").findings == report.findings
    with pytest.raises(NotFound, match="江夏区"):
        report.of_place("火星")


# -- the reports -----------------------------------------------------------------------------------------------


def test_the_words_of_the_pages_are_whole() -> None:
    words = all_words()
    assert set(words) == set(LANGS)
    assert set(words["zh"]) == set(words["en"])
    for key in words["zh"]:
        names = [set(re.findall(r"{(\w+)}", words[lang][key])) for lang in LANGS]
        assert names[0] == names[1], key


@pytest.mark.parametrize("lang", LANGS)
def test_text_tells_both_passages(report: Report, lang: str) -> None:
    text = render(report, "text", lang, width=120)
    for finding in report.findings:
        for clause in (*finding.statements, finding.upper):
            assert clause is None or clause.quote in text
    assert "\x1b" not in text
    assert not re.search(r"[ \t]\n", text)
    assert "\x1b[" in render(report, "text", lang, color=True)
    short = render(report, "text", lang, limit=1)
    assert "lowered.county" in short
    assert "softened.county" not in short
    # nothing is cut off where the lines are short
    assert "…" not in render(report, "text", lang, width=60).replace("……", "")


class _Page(HTMLParser):
    """The tags that stand open, the addresses asked for, and the anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br", "input", "rect"}:
            self.open.append(tag)
        given = dict(attrs)
        self.addresses += [given[name] or "" for name in ("src", "href") if name in given]
        self.anchors.add(given.get("id") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_stands_alone(report: Report, lang: str) -> None:
    html = render(report, "html", lang)
    page = _Page()
    page.feed(html)
    assert not page.open
    assert all(address.startswith(("#", "data:,")) for address in page.addresses)
    assert "@import" not in html
    assert "url(" not in html
    assert {finding.id for finding in report.findings} <= page.anchors
    assert "<含自用>" not in html  # the plans hold angle brackets of their own
    assert "&lt;含自用&gt;" in html
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in html


def test_turtle_is_a_validation_report(report: Report, sound: tuple[Graph, ValidationResult]) -> None:
    graph = Graph().parse(data=render(report, "turtle"), format="turtle")
    told = set()
    for node in graph.subjects(RDF.type, SH.ValidationResult):
        assert isinstance(node, URIRef)
        told.add(
            tuple(
                str(graph.value(node, p)) for p in (SH.focusNode, SH.sourceShape, SH.resultSeverity, SH.value)
            )
        )
    names = {"violation": SH.Violation, "warning": SH.Warning, "info": SH.Info}
    rows = sound[1].results
    seen = {
        (str(r.focus), str(r.shape), str(names[r.severity]), str(r.value if r.value != r.focus else None))
        for r in rows
    }
    assert told == seen
    assert len(graph) == len(to_graph(report))


def test_a_graph_without_findings_has_a_report_too() -> None:
    graph = Graph()
    empty = collect(validate(graph, _ontology()), graph)
    assert empty.findings == []
    for form in FORMATS:
        assert write(empty, form)
    assert "没有发现问题" in render(empty)
    assert "true" in render(empty, "turtle")


def test_unknown_formats_and_languages_name_those_there_are(report: Report) -> None:
    with pytest.raises(BadParameter, match="text, json, html, turtle, docx"):
        render(report, "pdf")
    with pytest.raises(BadParameter, match="zh, en"):
        render(report, "text", "fr")
