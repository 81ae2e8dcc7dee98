"""The rules: each is broken in a graph that is sound but for it; what they leave alone, and how one is added."""

from __future__ import annotations

from pathlib import Path

import pyshacl
import pytest
from rdflib import Dataset, Graph, URIRef
from rdflib.namespace import RDF, RDFS, SH

from ontology.terms import SHAPE
from ontology.vocabulary import ontology_graph
from shapes.collecting import collect
from shapes.rules import RuleBook, ShapesError, fill
from shapes.validation import ValidationResult, load_shapes, validate
from tests.support.shapes import FAULTS, SEVERITIES, SHAPES, both_samples, only_rule, sample, the_ontology


def _rows(result: ValidationResult) -> set[tuple[str, str, str]]:
    return {(str(row.focus), str(row.shape), row.severity) for row in result.results}


def _structure() -> set[str]:
    """The rules of structure.ttl that can be broken: those that no other shape merely collects."""
    graph = Graph().parse(data=(SHAPES / "structure.ttl").read_text(encoding="utf-8"))
    return {str(s).removeprefix(str(SHAPE)) for s in graph.subjects(SH.message)}


def test_a_sound_graph_breaks_no_rule_of_structure() -> None:
    graph = both_samples()
    result = validate(graph, the_ontology())
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
        everything = {
            cls for top in classes for cls in the_ontology().transitive_subjects(RDFS.subClassOf, top)
        }
        assert any((None, RDF.type, cls) in graph for cls in everything) or any(
            (None, prop, None) in graph for prop in objects
        ), name


def test_each_rule_of_structure_has_a_fault() -> None:
    assert set(FAULTS) == _structure()


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_and_told(rule: str) -> None:
    graph = both_samples(FAULTS[rule])
    result = validate(graph, the_ontology(), only_rule(rule))
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
    assert _rows(validate(again, the_ontology())) == _rows(result)
    named = Dataset()
    for number, triple in enumerate(graph):
        named.graph(URIRef(f"urn:part:{number % 3}")).add(triple)
    judged = validate(named, the_ontology())
    assert _rows(judged) == _rows(result)
    assert collect(judged, named) == collect(result, graph)


def test_the_caller_s_graphs_are_left_alone() -> None:
    ontology, shapes = ontology_graph(), load_shapes()
    for graph in (sample(), sample() + ontology):  # the second needs no copy, so look twice
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
    graph = sample()
    result = validate(graph, the_ontology(), load_shapes(tmp_path))
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
