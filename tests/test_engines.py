"""The fast SHACL engine against the reference, and plans judged alone against the whole graph judged at once."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rdflib import Graph
from rdflib import Literal as RdfLiteral

from benchmarks import faults
from benchmarks.generated.seeding import KINDS
from graph.stores import open_store
from ontology.terms import ZM
from ontology.vocabulary import ontology_graph
from shapes.collecting import collect
from shapes.fast import FastEngine
from shapes.finding_store import report_of
from shapes.judging import Engine, Judge
from shapes.merging import Merger
from shapes.rules import RuleBook
from shapes.validation import Result, load_shapes, validate
from tests.conftest import Seeded
from tests.support.shapes import FAULTS, both_samples, only_rule


def _told(results: Any, book: RuleBook) -> Counter[tuple[Any, ...]]:
    """What a result says, with the named shape around a nested one, and no path where it is not one property."""
    return Counter(_row(row, book) for row in results)


def _row(row: Result, book: RuleBook) -> tuple[Any, ...]:
    value = row.value.n3() if isinstance(row.value, RdfLiteral) else str(row.value)
    path = str(row.path) if row.path is not None and "://" in str(row.path) else None
    messages = tuple(sorted(row.messages.items()))
    return (
        str(row.focus),
        path,
        value,
        row.severity,
        book.rule(row.shape).name,
        str(row.component),
        messages,
    )


def _nt(graph: Graph) -> bytes:
    return graph.serialize(format="nt").encode()


@pytest.mark.parametrize("rule", FAULTS)
def test_both_engines_find_a_fault_alike(rule: str) -> None:
    graph, shapes = both_samples(FAULTS[rule]), only_rule(rule)
    book = RuleBook(load_shapes())
    expected = _told(validate(graph, ontology_graph(), shapes).results, book)
    assert expected
    assert _told(FastEngine(shapes).results(_nt(graph + ontology_graph())), book) == expected


def test_both_engines_apply_all_shapes_alike() -> None:
    book = RuleBook(load_shapes())
    broken = both_samples(";".join(FAULTS[rule] for rule in list(FAULTS)[::3]))
    for graph in (both_samples(), broken):
        expected = _told(validate(graph, ontology_graph()).results, book)
        assert _told(FastEngine(load_shapes()).results(_nt(graph + ontology_graph())), book) == expected


def test_seeded_faults_are_judged_alike_in_whole_and_plan_by_plan(seeded: Seeded) -> None:
    assert {fault.rule for fault in seeded.faults} == set(KINDS)
    _same_in_whole_and_plan_by_plan(seeded.build, "fast")


def test_both_engines_judge_generated_plans_alike(tmp_path: Path) -> None:
    _same_in_whole_and_plan_by_plan(faults.build(tmp_path, 5, 7, 1, KINDS), "reference")


def test_all_documents_say_the_same_of_an_agency(built: Path, seeded: Seeded) -> None:
    """On this rests that plans are judged without what others say of the agencies that they describe themselves."""
    query = """SELECT ?agency (COUNT(DISTINCT ?division) AS ?divisions) (COUNT(DISTINCT ?group) AS ?groups) WHERE {
      GRAPH ?one { ?agency a zm:Agency ; zm:division ?division ; zm:collective ?group } } GROUP BY ?agency"""
    for build in (built / "current", seeded.build):
        rows = list(open_store(build / "store").rows(f"PREFIX zm: <{ZM}> {query}"))
        assert len(rows) > 100
        assert all(str(row[each]).startswith('"1"') for row in rows for each in ("divisions", "groups"))


def _same_in_whole_and_plan_by_plan(folder: Path, engine: Engine) -> None:
    """Of the reference: the same as itself judging the whole, and as the fast engine."""
    store, book = open_store(folder / "store"), RuleBook(load_shapes())
    graph, judge = store.graph_union(), Judge(store, engine)
    alone = [row for slug in judge.plans() for row in judge.results([slug])] + list(judge.reference_results())
    expected = _told(FastEngine(load_shapes()).results(_nt(graph + ontology_graph())), book)
    assert _told(alone, book) == expected
    if engine == "reference":
        assert _told(validate(graph, ontology_graph()).results, book) == expected


def test_the_real_corpus_is_judged_alike_in_whole_and_plan_by_plan(built: Path, tmp_path: Path) -> None:
    store = open_store(built / "current" / "store")
    graph = store.graph_union()
    whole = validate(graph, ontology_graph())
    book = RuleBook(load_shapes())
    expected = _told(whole.results, book)
    plans = Judge(store).plans()
    assert len(plans) > 10
    for engine in ("fast", "reference"):
        judge = Judge(store, engine)
        assert _told(judge.results(plans), book) == expected
    judge = Judge(store)
    alone = [row for slug in plans for row in judge.results([slug])]
    assert _told(alone, book) == expected

    report = collect(whole, graph, texts=Judge(store).texts)
    together = Judge(store).report(plans)
    with Merger(book, tmp_path) as merger:
        for slug in plans:
            merger.add(judge.report([slug]))
    assert together.report.findings == report.findings
    parts = report_of(tmp_path, date(2026, 1, 1))
    assert parts.findings == report.findings
    assert parts.summary == report.summary
    assert parts.rules == report.rules
    assert parts.matrix == report.matrix
