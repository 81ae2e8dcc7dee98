"""The lint of the vocabularies: ours are in order, and each fault that is sown is found and told in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ontology.lint import Fault, Texts, lint, texts_of
from ontology.vocabulary import VocabularyError
from zhengmai import app

ROOT = Path(__file__).parent.parent
HEAD = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix zm: <https://w3id.org/zhengmai/ns#> .
@prefix indicator: <https://w3id.org/zhengmai/id/indicator/> .
@prefix domain: <https://w3id.org/zhengmai/id/domain/> .
@prefix function: <https://w3id.org/zhengmai/id/agency-function/> .
"""
PARK = """
indicator:pocket-parks a zm:Indicator , skos:Concept ;
    skos:inScheme <https://w3id.org/zhengmai/id/indicator> ; skos:notation "pocket-parks" ;
    skos:prefLabel "新建口袋公园"@zh , "Pocket parks"@en ;
    skos:definition "新建的口袋公园个数。"@zh , "Number of small parks built."@en ;
    zm:kind <https://w3id.org/zhengmai/id/measure/count_cumulative> ;
    zm:direction <https://w3id.org/zhengmai/id/direction/higher> ; zm:additive true .
"""
# Written apart, so that it stands in no file of the tests: this is the point of it.
NOWHERE = "无人印过" + "的名称"


@pytest.fixture(scope="module")
def texts() -> Texts:
    return texts_of([ROOT / "plans", ROOT / "tests"])


def sown(folder: Path, turtle: str, texts: Texts | None = None) -> list[Fault]:
    """What the lint says of a vocabulary file that is not said without it."""
    file = folder / "more.ttl"
    file.write_text(HEAD + turtle, encoding="utf-8")
    before = set(lint((), texts))
    return [fault for fault in lint([file], texts) if fault not in before]


def test_the_vocabularies_are_in_order(texts: Texts) -> None:
    assert [str(fault) for fault in lint((), texts)] == []


def test_a_sound_addition_is_left_alone(tmp_path: Path, texts: Texts) -> None:
    assert sown(tmp_path, PARK, texts) == []


def test_a_label_of_two_concepts_is_found(tmp_path: Path) -> None:
    (fault,) = sown(tmp_path, PARK + 'indicator:pocket-parks skos:altLabel "改造 病床"@zh .')
    assert {fault.concept, "pocket-parks"} <= {"ward-beds", "pocket-parks"}
    assert "is a label of" in fault.advice
    assert "more.ttl" in str(fault)
    assert "leave it to one of them" in str(fault)


def test_a_growth_rate_and_a_count_may_share_a_label(tmp_path: Path) -> None:
    pair = PARK.replace("pocket-parks", "park-growth").replace("count_cumulative", "growth_rate")
    pair = pair.replace("Pocket parks", "Growth of parks")
    shared = 'indicator:park-growth skos:altLabel "新建口袋公园"@zh .'
    joined = "indicator:park-growth skos:related indicator:pocket-parks .\n"
    joined += "indicator:pocket-parks skos:related indicator:park-growth ."
    assert sown(tmp_path, PARK + pair + joined) == []
    assert len(sown(tmp_path, PARK + pair + shared)) == 1


def test_a_label_that_nothing_uses_is_found_and_a_note_explains_it(tmp_path: Path, texts: Texts) -> None:
    label = f'indicator:pocket-parks skos:altLabel "{NOWHERE}"@zh .'
    (fault,) = sown(tmp_path, PARK + label, texts)
    assert (fault.concept, fault.label) == ("pocket-parks", NOWHERE)
    assert "stands in no text and in no test" in fault.advice
    note = f'indicator:pocket-parks skos:editorialNote "某市方案的写法：{NOWHERE}。"@zh .'
    assert sown(tmp_path, PARK + label + note, texts) == []


@pytest.mark.parametrize("word", ["nameStem", "wholeName", "otherName", "notLabel"])
def test_a_name_that_nothing_uses_is_found(tmp_path: Path, texts: Texts, word: str) -> None:
    faults = sown(tmp_path, f'function:commerce zm:{word} "{NOWHERE}" .', texts)
    assert [fault.label for fault in faults] == [NOWHERE]


def test_a_pattern_that_no_name_fits_is_found(tmp_path: Path, texts: Texts) -> None:
    faults = sown(tmp_path, f'function:commerce zm:namePattern "{NOWHERE}局$" .', texts)
    assert f"{NOWHERE}局$" in [fault.label for fault in faults]


@pytest.mark.parametrize(
    ("turtle", "label", "advice"),
    [
        (
            "indicator:ward-beds skos:broader indicator:nowhere .",
            "https://w3id.org/zhengmai/id/indicator/nowhere",
            "skos:broader leads there",
        ),
        (
            "indicator:ward-beds skos:related indicator:nowhere .",
            "https://w3id.org/zhengmai/id/indicator/nowhere",
            "skos:related leads there",
        ),
        ("domain:standards skos:broader domain:standards .", "", "stands below itself"),
        ('indicator:ward-beds zm:notLabel "病床" .', "改造病床", "own zm:notLabel “病床”"),
        ('function:commerce zm:namePattern "商务(局" .', "商务(局", "is not a regular expression"),
        ('domain:education zm:keyword "医院" .', "医院", "is a zm:keyword of"),
        ('function:taxation zm:nameStem "商务" .', "商务", "is a zm:nameStem of"),
        ('function:taxation zm:wholeName "残联" .', "残联", "is a zm:wholeName of"),
        ('indicator:ward-beds skos:prefLabel "床"@zh .', "", "has 2 skos:prefLabel in zh"),
        (PARK.replace('"Number of small parks built."@en', '"…"@fr'), "", "has 0 skos:definition in en"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, turtle: str, label: str, advice: str) -> None:
    faults = sown(tmp_path, turtle)
    assert any(fault.label == label and advice in fault.advice for fault in faults), list(map(str, faults))
    assert any("more.ttl" in str(fault) for fault in faults)


def test_a_file_that_speaks_of_no_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"more\.ttl: https://example\.org/x belongs to no scheme"):
        sown(tmp_path, '<https://example.org/x> skos:prefLabel "口袋公园"@zh .')
    with pytest.raises(VocabularyError, match=r"more\.ttl: is not readable as Turtle"):
        sown(tmp_path, "this is not Turtle")


def test_the_command_tells_faults_and_ends_with_one(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["ontology", "lint"])
    assert (run.stdout, run.exit_code) == ("", 0)
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / "parks.ttl").write_text(
        HEAD + PARK + 'indicator:pocket-parks skos:altLabel "改造病床"@zh .', encoding="utf-8"
    )
    run = CliRunner().invoke(app, ["ontology", "lint", str(tmp_path)])
    assert run.exit_code == 1
    assert "parks.ttl" in run.stdout
    assert "“改造病床” is a label of" in run.stdout
