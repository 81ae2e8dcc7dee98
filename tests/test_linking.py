"""Names to concepts: what is linked, by which evidence, and what is not guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pyoxigraph as ox
import pytest
from rapidfuzz import fuzz

from graph import linking
from graph.build import read_plan
from graph.catalog import read_corpus
from graph.linking import link
from graph.reading import read_source
from graph.record import Action, PlanRecord, Target, load_record
from graph.triples import document_quads
from ontology.terms import ZM, concept_iri
from ontology.vocabulary import load_vocabularies

DATA = Path(__file__).parent / "data"
PLANS = Path(__file__).parent.parent / "plans"


def table(name: str) -> list[list[str]]:
    """The rows of a file of ``a | b | c`` lines."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def records() -> list[PlanRecord]:
    """The five plans as they are read, and the five records made by hand."""
    corpus = read_corpus(PLANS)
    read = [read_plan(read_source(path), path.stem, entry.code) for path, entry in corpus.documents]
    return read + [link(load_record(path)) for path in corpus.records]


def found(phrase: str, measure: str, unit: str) -> str:
    one = linking.indicator(phrase, measure, unit)  # type: ignore[arg-type]
    return one.concept if one else "-"


# --- indicators ------------------------------------------------------------------------------------------


def test_every_target_of_the_plans_is_in_the_table_checked_by_hand(records: list[PlanRecord]) -> None:
    known = {tuple(row[:3]): row[3] for row in table("indicators_of_plans.txt")}
    seen = set()
    for record in records:
        for target in (*record.targets, *record.cited_targets):
            key = (target.indicator, target.measure, target.unit or "")
            assert key in known, (
                f"{record.slug} {target.path}: hold {key} against “{target.quote}” and list it"
            )
            assert (target.concept or "-") == known[key], key
            seen.add(key)
    assert seen == set(known)
    assert len(seen) > 110


def test_phrases_of_other_plans_are_linked_or_left_alone() -> None:
    rows = table("indicator_phrases.txt")
    wrong = [
        (phrase, want, got)
        for phrase, measure, unit, want in rows
        if (got := found(phrase, measure, unit)) != want
    ]
    assert wrong == []
    assert len(rows) > 400
    assert sum(row[3] == "-" for row in rows) > 50


def test_growth_and_count_of_one_thing_are_related_measures_not_one_number() -> None:
    vocab = load_vocabularies()
    growth, cars = found("二手车交易量", "growth_rate", "%"), found("全年二手汽车交易", "count_in_year", "辆")
    assert (growth, cars) == ("used-car-trade-growth", "used-car-trade-volume")
    assert cars in vocab.concept("indicator", growth).values("related")
    assert vocab.concept("indicator", growth).broader == vocab.concept("indicator", cars).broader


def test_new_energy_and_electric_buses_are_told_apart_on_purpose() -> None:
    vocab = load_vocabularies()
    new, electric = found("新能源公交车占比", "share", "%"), found("城市公交车电动化比例", "share", "%")
    assert new != electric
    assert electric in vocab.concept("indicator", new).values("related")
    assert "有意分开" in " ".join(vocab.concept("indicator", new).values("editorialNote"))


@pytest.mark.parametrize(
    ("phrase", "measure", "unit", "method", "label", "score"),
    [
        ("全市二手车交易量", "growth_rate", "%", "exact-label", "二手车交易量", "1"),
        ("新增充电桩（个）", "count_in_year", "个", "exact-label", "新增充电桩", "1"),
        ("累计建成充电桩", "count_cumulative", "个", "contained-label", "充电桩", "0.43"),
    ],
)
def test_a_link_says_how_it_was_found(
    phrase: str, measure: str, unit: str, method: str, label: str, score: str
) -> None:
    one = linking.indicator(phrase, measure, unit)  # type: ignore[arg-type]
    assert one is not None
    assert (one.method, one.label, one.score) == (method, label, Decimal(score))


def test_words_that_are_not_of_the_concept_keep_a_label_from_matching() -> None:
    # 新增 stands in a label of charging piles, 淘汰 in none; 公共 narrows.
    assert found("投放充电桩", "count_cumulative", "个") == "charging-piles"
    assert found("淘汰充电桩", "count_cumulative", "个") == "-"
    assert found("居民充电桩", "count_cumulative", "个") == "-"


def test_what_is_not_linked_has_its_nearest_candidates_at_most_three() -> None:
    near = linking.candidates("新能源公交车保有占比")
    assert near[0].concept == "new-energy-bus-share"
    assert 1 <= len(near) <= 3
    assert all(one.method == "nearest" and linking.NEAR <= one.score < 1 for one in near)
    assert linking.candidates("地区生产总值") == ()
    assert linking.candidates("设备投资规模")[0].method == "other-measure"


def test_candidates_are_well_above_chance() -> None:
    """Labels of two indicators without a family in common seldom reach the score that a candidate needs."""
    concepts = [c for c in load_vocabularies().scheme("indicator") if c.values("kind")]
    pairs = [(a, b) for a, b in combinations(concepts, 2) if not set(a.broader) & set(b.broader)]
    reached = sum(fuzz.ratio(a.label_zh, b.label_zh) >= linking.NEAR * 100 for a, b in pairs)
    assert reached / len(pairs) < 0.01


# --- given, corrected, and linked again ------------------------------------------------------------------


def target(**values: object) -> Target:
    return Target.model_validate(
        {"path": "一", "indicator": "二手车交易量", "comparator": ">=", "measure": "growth_rate", "unit": "%"}
        | {"quote": "二手车交易量增长45%"}
        | values
    )


def record_of(*targets: Target, actions: tuple[Action, ...] = ()) -> PlanRecord:
    head = {"title": "某县方案", "jurisdiction": {"name": "江夏区", "code": "420115", "level": "county"}}
    return PlanRecord.model_validate({"slug": "x", "plan": head}).model_copy(
        update={"targets": list(targets), "actions": list(actions)}
    )


def test_a_concept_that_a_person_gives_is_kept_as_given() -> None:
    (one,) = link(record_of(target(concept="appliance-recovery-growth"))).targets
    assert one.link is not None
    assert (one.concept, one.link.method, one.link.score) == ("appliance-recovery-growth", "given", 1)


def test_linking_twice_changes_nothing() -> None:
    record = link(record_of(target(), target(indicator="口袋公园", measure="count_cumulative", unit="个")))
    again = link(PlanRecord.model_validate_json(record.to_json()))
    assert again == record
    assert [one.concept for one in again.targets] == ["used-car-trade-growth", None]


def test_links_candidates_and_what_has_none_stand_in_the_graph() -> None:
    action = Action(path="二", title="总体要求")
    record = link(
        record_of(
            target(),
            target(indicator="新能源公交车保有占比", measure="share"),
            actions=(action, Action(path="三", title="推动教育领域设备更新")),
        )
    )
    graph = ox.Store()
    graph.extend(document_quads(record, {}))

    def rows(query: str) -> Iterator[list[str]]:
        answers = graph.query(f"PREFIX zm: <{ZM}> {query}", use_default_graph_as_union=True)
        assert isinstance(answers, ox.QuerySolutions)
        return (["" if value is None else str(value.value) for value in row] for row in answers)

    status = concept_iri("link-status", "")
    unlinked = list(rows(f"SELECT ?s {{ ?s zm:conceptLink/zm:linkStatus <{status}unlinked> }} ORDER BY ?s"))
    assert [row[0].rsplit("/x/", 1)[1] for row in unlinked] == ["action/2", "target/2"]
    linked = list(
        rows(
            "SELECT ?to ?method ?label ?score { ?s zm:conceptLink ?l . ?l zm:linkTo ?to ; zm:linkMethod ?method ;"
            f" zm:linkLabel ?label ; zm:linkScore ?score ; zm:linkStatus <{status}linked> }} ORDER BY ?to"
        )
    )
    assert [[row[0].rsplit("/", 1)[1], row[1].rsplit("/", 1)[1], *row[2:]] for row in linked] == [
        ["education", "heading-keyword", "教育", "1"],
        ["used-car-trade-growth", "exact-label", "二手车交易量", "1"],
    ]
    (best, *_) = rows(
        f"SELECT ?l ?to ?score {{ ?l zm:linkStatus <{status}candidate> ; zm:linkTo ?to ; zm:linkScore ?score }} ORDER BY ?l"
    )
    assert best[0].endswith("/target/2/candidate/1")
    assert best[1].endswith("/new-energy-bus-share")
    assert 0.6 <= float(best[2]) < 1


def test_the_summary_of_a_build_counts_what_is_linked(built: Path) -> None:
    counts = json.loads((built / "current" / "build.json").read_text(encoding="utf-8"))["counts"]
    assert counts["targets_linked"] + counts["targets_unlinked"] == counts["targets"]
    assert counts["actions_with_domain"] + counts["actions_without_domain"] == counts["actions"]
    assert counts["targets_unlinked"] == 0
    assert counts["actions_without_domain"] == 0


# --- domains ---------------------------------------------------------------------------------------------


def test_every_task_of_the_plans_is_in_the_table_checked_by_hand(records: list[PlanRecord]) -> None:
    known = {(slug, path, title): fields for slug, path, title, fields in table("domains_of_plans.txt")}
    actions = [(record.slug, action) for record in records for action in record.actions]
    for slug, action in actions:
        assert " ".join(action.domains) == known[slug, action.path, action.title], action
        assert [one.concept for one in action.domain_links] == action.domains
    assert len(actions) == len(known)
    assert sum(bool(action.domains) for _, action in actions) / len(actions) >= 0.97


def test_headings_of_other_plans_reveal_their_domains() -> None:
    rows = table("headings.txt")
    wrong = [
        (heading, want, [(one.concept, one.label) for one in linking.domains(heading)])
        for heading, want in rows
        if {one.concept for one in linking.domains(heading)} != set(want.split()) - {"-"}
    ]
    assert wrong == []
    assert len(rows) > 90


def test_a_task_says_which_heading_gave_its_domain() -> None:
    (own,) = linking.domains("推动教育领域设备更新", "实施设备更新行动")
    assert (own.method, own.label, own.text) == ("heading-keyword", "教育", "推动教育领域设备更新")
    (above,) = linking.domains("引导行业规范发展", "推进回收循环利用行动", "重点任务")
    assert (above.concept, above.method, above.text) == (
        "recycling",
        "ancestor-keyword",
        "推进回收循环利用行动",
    )
    assert above.score < own.score
