"""The findings that are made of what the rules say: their words, severities, sides, order and names."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal

import pytest
from rdflib import Graph
from rdflib.namespace import SH

from graph.errors import NotFound
from ontology.terms import SHAPE
from ontology.vocabulary import load_vocabularies
from shapes.collecting import collect
from shapes.findings import Finding, Report
from shapes.reports import render
from shapes.validation import load_shapes, validate
from tests.support.shapes import MORE, SAMPLES, SEVERITIES, both_samples, sample, the_ontology

GOLDEN = SAMPLES / "findings.json"


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
    graph = both_samples()
    report = collect(validate(graph, the_ontology()), graph)
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
    graph, shapes = both_samples(), load_shapes()
    shapes.set((SHAPE.misquoted, SH.severity, SH.Violation))
    [found] = [
        one
        for one in collect(validate(graph, the_ontology(), shapes), graph).findings
        if one.rule == "misquoted"
    ]
    assert found.severity == "violation"


def test_findings_are_as_approved(report: Report) -> None:
    """To approve a change: APPROVE=1 pytest tests/findings, then read the difference."""
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
    graph = sample("DELETE WHERE { ?x zm:assignment ?y }")
    rules = [one.rule for one in collect(validate(graph, the_ontology()), graph).findings]
    assert rules.count("no_agency_anywhere") == 1
    assert not {"no_agency", "no_lead"} & set(rules)


_ANOTHER = """INSERT {{ <comparison/county/{upper}/9{ratio}> a zm:Comparison ; zm:outcome <outcome/lowered> ; zm:ratio "{ratio}"^^xsd:decimal ;
    zm:lowerPlan $doc ; zm:lowerTarget $tgt ; zm:upperPlan <document/{upper}> ;
    zm:upperTarget <document/nation/target/2> ; zm:indicatorText '甲'@zh }} WHERE {{}}"""


def test_the_gravest_come_first_then_the_furthest_below_then_the_nearest_level() -> None:
    asked = [("nation", "0.9"), ("province", "0.5"), ("nation", "0.5"), ("province", "-0.1")]
    graph = sample(*(_ANOTHER.format(upper=upper, ratio=ratio) for upper, ratio in asked))
    found = collect(validate(graph, the_ontology()), graph).findings
    lowered = [(one.upper.document, str(one.ratio)) for one in found if one.rule == "lowered" and one.upper]
    assert lowered == [
        ("province", "-0.1"), ("province", "0.5"), ("nation", "0.5"), ("nation", "0.7333"), ("nation", "0.9"),
    ]  # fmt: skip


def test_identifiers_come_from_the_content(report: Report) -> None:
    numbered = re.compile(r"(comparison/county/nation|county/target|county/cited-target|assignment)/(\d)")
    text = sample().serialize(format="nt")
    moved = Graph().parse(data=numbered.sub(lambda m: f"{m[1]}/{int(m[2]) + 40}", text), format="nt")
    again = collect(validate(moved, the_ontology()), moved)
    assert {one.id for one in again.findings} == {one.id for one in report.findings}
    assert _one(report, "lowered").id == "lowered.county.nation.key-process-cnc-rate.2027"
    assert all(re.fullmatch(r"[\w.-]+", one.id) for one in report.findings)


def test_findings_alike_are_told_apart_by_what_they_quote() -> None:
    twin = """INSERT {{ <t{n}> a zm:Target ; zm:quote '{quote}'@zh ; ?p ?o . <c{n}> ?q ?v ; zm:lowerTarget <t{n}> }}
        WHERE {{ {{ <document/county/target/5> ?p ?o FILTER (?p != zm:quote) }} UNION {{ $own ?q ?v FILTER (?q != zm:lowerTarget) }} }}"""
    pairs = [("1", "甲"), ("2", "乙")], [("7", "乙"), ("8", "甲")]
    ids = []
    for pair in pairs:
        graph = sample(*(twin.format(n=n, quote=quote) for n, quote in pair))
        found = collect(validate(graph, the_ontology()), graph).findings
        ids.append({one.id for one in found if one.rule == "own"})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3


def test_a_report_of_one_place(report: Report) -> None:
    assert report.of_place("420115").findings == report.of_place("江夏区").findings == report.findings
    with pytest.raises(NotFound, match="江夏区"):
        report.of_place("火星")
