"""The ontology and its vocabularies: complete in two languages, free of clashes, fit for the real plans."""

import io
import re
from itertools import combinations
from pathlib import Path

import owlready2
import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import OWL, RDF, RDFS, SKOS

from ontology import terms
from ontology.vocabulary import (
    SCHEMES,
    Concept,
    Vocabularies,
    VocabularyError,
    load_vocabularies,
    ontology_graph,
    read_scheme,
    vocabulary_graph,
)

DATA = Path(__file__).parent / "data"
COLLECTIVE = re.compile(r"^(各|区直|市直|有关|相关)|(有关|相关|各)(部门|单位)$")
PROJECT_TERMS = [
    term
    for kind in (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty)
    for term in ontology_graph().subjects(RDF.type, kind)
    if str(term).startswith(str(terms.ZM))
]


@pytest.fixture(scope="module")
def vocab() -> Vocabularies:
    return load_vocabularies()


# --- the schemes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_labels_are_written_in_their_language(vocab: Vocabularies, scheme: str) -> None:
    for concept in vocab.scheme(scheme):
        assert not re.search("[\u3400-\u9fff]", concept.label_en), concept.iri
        assert re.search("[\u3400-\u9fff%]", concept.label_zh), concept.iri
        assert bool(concept.definition_zh) == bool(concept.definition_en), concept.iri


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_two_concepts_share_a_label_unless_their_kinds_tell_them_apart(
    vocab: Vocabularies, scheme: str
) -> None:
    def labels(concept: Concept) -> set[str]:
        return {re.sub(r"[\s()（）]", "", label).casefold() for label in concept.labels}

    for one, other in combinations(vocab.scheme(scheme), 2):
        shared = labels(one) & labels(other)
        if shared:
            assert scheme == "indicator", (shared, one.key, other.key)
            assert not set(one.values("kind")) & set(other.values("kind")), (shared, one.key, other.key)
            assert other.key in one.values("related"), (one.key, other.key)
            assert one.key in other.values("related"), (one.key, other.key)


def test_keys_that_other_modules_name(vocab: Vocabularies) -> None:
    assert [c.value("symbol") for c in vocab.scheme("comparator")] == [
        ">=", ">", "=", "~", "<", "<=", "qualitative",
    ]  # fmt: skip
    assert [c.key for c in vocab.scheme("level")] == ["national", "province", "city", "county"]
    outcomes = " ".join(c.key for c in vocab.scheme("outcome"))
    assert outcomes == (
        "equal raised lowered softened hardened omitted narrowed widened own not_comparable "
        "exceeds_parent share_mismatch sum_exceeds misquoted"
    )
    assert [c.value("rank") for c in vocab.scheme("role")] == ["1", "2", "3", "4"]
    tasks = [c.value("nationalTask") for c in vocab.scheme("domain") if c.values("nationalTask")]
    assert tasks == [str(n) for n in range(1, 21)]


def test_indicators_refer_to_concepts_that_exist(vocab: Vocabularies) -> None:
    for indicator in vocab.scheme("indicator"):
        assert indicator.values("kind"), indicator.key
        for measure in indicator.values("kind"):
            vocab.concept("measure", measure)
        for unit in indicator.values("unit"):
            vocab.concept("unit", unit)
        vocab.concept("direction", indicator.value("direction") or "")
        if {"growth_rate", "share"} & set(indicator.values("kind")):
            assert indicator.values("unit") == ("percent",), indicator.key
            assert indicator.value("additive") == "false", indicator.key
        # a phrase that has one of its own labels must not be kept from the indicator by its own notLabel
        for label in indicator.labels:
            assert not any(word in label for word in indicator.values("notLabel")), (indicator.key, label)


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("%", "percent"), ("％", "percent"), ("台（套）", "machine-set"), ("台套", "machine-set"),
        ("台/套", "machine-set"), ("平方米", "square-metre"), ("吨/日", "tonne-per-day"),
        ("公里", "kilometre"), ("千瓦", "kilowatt"), ("元", "yuan"), ("户", "household"), ("间", "room"),
        ("张", "bed"), ("艘", "vessel"),
    ],
)  # fmt: skip
def test_units_are_found_by_their_printed_forms(vocab: Vocabularies, printed: str, key: str) -> None:
    unit = vocab.find("unit", printed)
    assert unit is not None
    assert unit.key == key


# --- fit for the plans -----------------------------------------------------------------------------------


def test_every_agency_of_the_plans_has_a_function(vocab: Vocabularies) -> None:
    lines = (DATA / "agency_names.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    patterns = [p for f in vocab.scheme("agency-function") for p in f.values("namePattern")]
    assert len(names) > 80
    assert [n for n in names if not COLLECTIVE.search(n) and not any(re.search(p, n) for p in patterns)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("区发改局", {"development-reform"}),
        ("省发展改革委", {"development-reform"}),
        ("国家发展和改革委员会", {"development-reform"}),
        ("区科经局", {"industry-information-technology", "science-technology"}),
        ("区科技经信局", {"industry-information-technology", "science-technology"}),
        ("区工信局", {"industry-information-technology"}),
        ("市工业和信息化局", {"industry-information-technology"}),
        ("区住房建设委", {"housing-construction"}),
        ("公安武清分局", {"public-security"}),
        ("赣县生态环境局", {"ecology-environment"}),
        ("市生态环境局伍家岗区分局", {"ecology-environment"}),
        ("市规划资源局武清分局", {"natural-resources"}),
        ("国家金融监督管理总局赣县监管支局", {"financial-regulation"}),
        ("区财政局（金融办）", {"public-finance", "financial-services"}),
        ("区教体局", {"education", "sport"}),
        ("区文广旅局", {"culture-tourism"}),
        ("各镇人民政府", {"township-street"}),
        ("区环境卫生管理中心", set()),
    ],
)
def test_agencies_are_classified_by_name(vocab: Vocabularies, name: str, expected: set[str]) -> None:
    functions = vocab.scheme("agency-function")
    assert {f.key for f in functions if any(re.search(p, name) for p in f.values("namePattern"))} == expected


@pytest.mark.parametrize(
    ("heading", "domains"),
    [
        ("提升教育文旅医疗设备水平", "education culture-tourism health"),  # 武清区
        ("推动工业领域设备更新和技术改造", "industry"),
        ("加快建筑和市政基础设施领域设备更新", "construction municipal"),
        ("支持交通运输设备和老旧农业机械更新", "transport agriculture"),
        ("推动家装消费品换新", "home"),
        ("丰富废旧物资循环利用途径", "recycling"),
        ("推进资源循环利用产业集聚发展", "recycling"),
        ("加大财政政策支持力度", "fiscal"),
        ("加强对上衔接", "coordination"),
        ("加强监督管理", "monitoring"),
        ("摸底调研阶段", "organisation"),
        ("推动重点行业设备更新改造", "industry"),  # 乌海市
        ("加大汽车以旧换新政策支持", "cars"),
        ("加快再制造产业培育和产品梯次利用", "remanufacturing"),
        ("推进再生资源分类利用和集中处置", "resource-reuse"),
        ("落实并执行好能耗、排放、技术标准", "energy-emission-standards"),
        ("推动资源循环利用标准研制", "recycling-standards"),
        ("优化财税金融支持", "fiscal tax finance"),
        ("强化科技创新支撑", "innovation"),
        ("加大宣传营造氛围", "publicity"),
        ("加快产业高端化发展", "industry"),  # 江夏区
        ("开展家电家居以旧换新", "appliances home"),
        ("推进居家适老化改造", "home"),
        ("全力实施回收循环利用行动", "recycling"),
        ("强化重点领域标准衔接", "standards-alignment"),
        ("着力提升先进产能规模", "supply-demand"),
        ("强化工作统筹", "coordination"),
        ("加大支持力度", "policy-support"),
        ("开展专业领域监管监测设备更新改造", "supervision-equipment"),  # 赣县区
        ("推动城市公交车绿色更新", "transport"),
        ("推动消防救援领域装备更新", "safety"),
        ("推动环保设备更新改造", "environment"),
        ("依法依规淘汰老旧机动车", "cars"),
        ("培育和规范二手商品交易平台", "second-hand"),
        ("推动产品质量安全提升", "product-standards"),
        ("制造业设备改造行动", "industry"),  # 伍家岗区
        ("农业水利设施装备提质行动", "agriculture water"),
        ("资源回收网络构建及再生利用行动", "recycling-network resource-reuse"),
        ("创新金融支持", "finance"),
        (
            "工业、建筑、交通、农水、教育等重点领域",
            "industry construction transport agriculture water education",
        ),
        ("指导思想", ""),
    ],
)
def test_headings_reveal_their_domains(vocab: Vocabularies, heading: str, domains: str) -> None:
    assert {c.key for c in vocab.matching("domain", heading)} == set(domains.split())


# --- looking up, and refusing what is wrong --------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["education", "Education", "教育", "教育领域", " 教育 ", "https://w3id.org/zhengmai/id/domain/education"],
)
def test_a_concept_is_found_by_iri_key_and_label(vocab: Vocabularies, text: str) -> None:
    assert vocab.find("domain", text) == vocab.concept("domain", "education")


def test_what_does_not_exist_is_said_so(vocab: Vocabularies) -> None:
    assert vocab.find("domain", "没有这个领域") is None
    with pytest.raises(VocabularyError, match="there is no scheme “colour”; the schemes are: level, role"):
        vocab.scheme("colour")
    with pytest.raises(VocabularyError, match="“domain” has no concept “colour”"):
        vocab.concept("domain", "colour")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("remove", SKOS.prefLabel), "“county” needs one prefLabel in zh and has 0"),
        (("remove", SKOS.inScheme), "“county” is not skos:inScheme of this scheme"),
        (("add", SKOS.notation), "“county” needs one skos:notation, equal to its key"),
        (("add", SKOS.broader), "“county” stands below “nowhere”, which is not in the scheme"),
    ],
)
def test_a_malformed_scheme_is_refused(change: tuple[str, URIRef], problem: str) -> None:
    graph: Graph = vocabulary_graph("level")
    county = terms.concept_iri("level", "county")
    if change[0] == "remove":
        graph.remove((county, change[1], None))
    else:
        value = terms.concept_iri("level", "nowhere") if change[1] == SKOS.broader else Literal("x")
        graph.add((county, change[1], value))
    with pytest.raises(VocabularyError, match=re.escape(f"ontology/vocabularies/level.ttl: {problem}")):
        read_scheme("level", graph)


# --- the ontology ----------------------------------------------------------------------------------------


def test_every_term_is_labelled_and_defined_in_both_languages() -> None:
    graph = ontology_graph()
    assert len(PROJECT_TERMS) > 90
    for term in PROJECT_TERMS:
        for predicate in (RDFS.label, SKOS.definition):
            found = [o.language for o in graph.objects(term, predicate) if isinstance(o, Literal)]
            assert sorted(map(str, found)) == ["en", "zh"], (term, predicate)


def test_owlready2_sees_every_class() -> None:
    graph = ontology_graph()
    xml = graph.serialize(format="xml", encoding="utf-8")  # Owlready2 loads Turtle as empty, without an error
    loaded = owlready2.World().get_ontology(str(terms.ZM)).load(fileobj=io.BytesIO(xml))
    assert {c.iri for c in loaded.classes()} == {str(c) for c in graph.subjects(RDF.type, OWL.Class)}


def test_the_vocabularies_use_only_declared_terms() -> None:
    used: set[str] = set()
    for scheme in SCHEMES:
        for _, predicate, value in vocabulary_graph(scheme):
            used |= {str(t) for t in (predicate, value) if str(t).startswith(str(terms.ZM))}
    assert used <= {str(t) for t in PROJECT_TERMS}


# --- the IRIs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("二/（一）/1", "2.1.1"),
        ("六/（二十）", "6.20"),
        ("三/27", "3.27"),
        ("附件2/14", "附件2.14"),
        ("十", "10"),
    ],
)
def test_paths_are_dotted(path: str, expected: str) -> None:
    assert terms.dotted(path) == expected


def test_iris_hold_chinese_and_escape_what_an_iri_cannot_hold() -> None:
    base = "https://w3id.org/zhengmai/id/agency/420115/"
    assert str(terms.agency_iri("420115", "区财政局（金融办）")) == base + "区财政局（金融办）"
    assert str(terms.agency_iri("420115", 'a b/c?d#e"<f>')) == base + "a%20b%2Fc%3Fd%23e%22%3Cf%3E"
