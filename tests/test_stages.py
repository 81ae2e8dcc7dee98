"""The stages of a build: the same from one process and from several, and quads written as the store writes them."""

from __future__ import annotations

import pickle
import random
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import URIRef

from benchmarks import corpus
from graph import stages
from graph.build import BuildJob, read_summary
from graph.catalog import read_corpus
from graph.quads import QuadWriter, day, decimal, quoted, typed, year, zh
from graph.reading import read_source
from graph.record import PlanRecord
from graph.stores import open_store
from graph.workers import Workers
from ontology.terms import GRAPH_ONTOLOGY, GRAPH_PROVENANCE
from shapes.judging import judge_build
from tests.support.equal import findings
from tests.support.search import index_contents

COUNT = 60


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated plans, some with faults, and one of no family."""
    folder = tmp_path_factory.mktemp("stages") / "plans"
    corpus.write(folder, COUNT, seed=3, seeded=0.6)
    catalogue = folder / "catalog.yaml"
    lines = catalogue.read_text(encoding="utf-8").splitlines()
    lines[-1] = lines[-1].replace('"family": "liangxin"', '"family": null')
    catalogue.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _built(plans: Path, data: Path, processes: int) -> Path:
    with BuildJob(plans, data, processes=processes) as job:
        judge_build(job.folder, processes=processes)
        job.publish()
        return job.folder


def test_several_processes_make_what_one_makes(plans: Path, tmp_path: Path) -> None:
    one, two = (_built(plans, tmp_path / str(count), count) for count in (1, 2))
    assert _quads(one) == _quads(two)
    assert read_summary(one).counts == read_summary(two).counts
    assert findings(one) == findings(two)
    assert (one / "heads.jsonl").read_bytes() == (two / "heads.jsonl").read_bytes()
    for folder in ("texts", "records"):
        first, second = (
            {path.name: path.read_bytes() for path in (build / folder).iterdir()} for build in (one, two)
        )
        assert first == second
    assert index_contents(one) == index_contents(two)
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())


def _quads(folder: Path) -> set[str]:
    """All but the provenance, and the ontology, which has blank nodes."""
    store = open_store(folder / "store").native
    without = (str(GRAPH_PROVENANCE), str(GRAPH_ONTOLOGY))
    return {str(quad) for quad in store if quad.graph_name.value not in without}


def test_what_a_stage_takes_and_gives_can_be_sent(plans: Path) -> None:
    """As another engine runs them: everything pickled on the way, the documents in any order, no folder of a build."""
    found = read_corpus(plans)
    texts = {path.stem: read_source(path) for path, _ in found.documents[:20]}
    records = {
        path.stem: stages.read_document(texts[path.stem], path.stem, entry)
        for path, entry in found.documents[:20]
    }

    def sent(record: PlanRecord) -> stages.Contribution:
        told: stages.Contribution = pickle.loads(pickle.dumps(stages.contribution(record)))  # noqa: S301 - our own
        return told

    gathering = stages.Gathering()
    for record in records.values():
        gathering.add(sent(record))
    shared: stages.Shared = pickle.loads(pickle.dumps(gathering.shared(found.stubs)))  # noqa: S301 - our own
    uppers = {slug: pickle.dumps(stages.upper_of(records[slug])) for slug in shared.uppers()}
    assert uppers
    orders = [list(records), random.Random(4).sample(list(records), len(records))]  # noqa: S311 - a test, no secret
    results = []
    for order in orders:
        deriving = stages.Deriving(shared, lambda slug: pickle.loads(uppers[slug]))  # noqa: S301 - our own
        results.append({slug: deriving.derive(records[slug], texts[slug].text) for slug in order})
    assert results[0] == results[1]
    assert sum(one.comparisons for one in results[0].values()) > 0


def test_what_goes_wrong_in_another_process_is_raised_in_this_one() -> None:
    with Workers(2) as workers, pytest.raises(ZeroDivisionError):
        list(workers.map(_inverse, range(20, -1, -1)))


def _inverse(number: int) -> float:
    return 1 / number


# -- quads as text ---------------------------------------------------------------------------------------------

NODE = URIRef("https://w3id.org/zhengmai/id/document/某区-2024")
GRAPH = URIRef("https://w3id.org/zhengmai/graph/document/某区-2024")


def _written(value: object) -> tuple[bytes, bytes]:
    """A quad as it is written here, and as Oxigraph reads and writes it."""
    out = QuadWriter(GRAPH)
    out.add(NODE, NODE, value)  # type: ignore[arg-type]
    text = out.text()
    return text, ox.serialize(ox.parse(text, format=ox.RdfFormat.N_QUADS), format=ox.RdfFormat.N_QUADS) or b""


def test_every_character_is_written_as_oxigraph_writes_it() -> None:
    for start in range(0, sys.maxunicode + 1, 0x1000):
        text = "".join(chr(code) for code in range(start, start + 0x1000) if not 0xD800 <= code <= 0xDFFF)
        if text:
            assert quoted(text) == str(ox.Literal(text))


@pytest.mark.parametrize(
    ("value", "term"),
    [
        (zh('他说："好"\n\\'), ox.Literal('他说："好"\n\\', language="zh")),
        ("plain\ttext", ox.Literal("plain\ttext")),
        ("", ox.Literal("")),
        (True, ox.Literal(True)),
        (False, ox.Literal(False)),
        (-12, ox.Literal(-12)),
        (Decimal("1.20E+10"), ox.Literal("12000000000", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#decimal"))),
        (decimal(Decimal("84.50")), ox.Literal("84.5", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#decimal"))),
        (year(2027), ox.Literal("2027", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#gYear"))),
        (day(date(2024, 3, 7)), ox.Literal("2024-03-07", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#date"))),
        (typed("x", "token"), ox.Literal("x", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#token"))),
        (ox.Literal("a", language="en"), ox.Literal("a", language="en")),
        (NODE, ox.NamedNode(NODE)),
    ],
)  # fmt: skip
def test_values_are_written_as_oxigraph_writes_them(value: object, term: ox.Literal | ox.NamedNode) -> None:
    mine, theirs = _written(value)
    assert mine == theirs
    quad = ox.Quad(ox.NamedNode(NODE), ox.NamedNode(NODE), term, ox.NamedNode(GRAPH))
    assert mine == ox.serialize([quad], format=ox.RdfFormat.N_QUADS)


def test_a_quad_is_written_once_and_none_adds_nothing() -> None:
    out = QuadWriter(GRAPH)
    for value in ("b", None, "a", "b"):
        out.add(NODE, NODE, value)
    assert len(out) == 2
    assert [quad.object.value for quad in out if isinstance(quad.object, ox.Literal)] == ["b", "a"]
