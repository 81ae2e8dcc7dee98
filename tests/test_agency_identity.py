"""Which body a printed name is: the hand-checked tables, the properties, and what stands in the graph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graph import agency_labels, agency_names, divisions
from graph.agency_identity import AgencyIdentity, identify
from graph.build import read_plan
from graph.catalog import read_corpus
from graph.reading import read_source
from graph.record import PlanRecord
from ontology.vocabulary import load_vocabularies

HERE = Path(__file__).parent
PLANS = HERE.parent / "plans"
Row = tuple[str, str, str]


def table(name: str) -> Iterator[Row]:
    """Code of the document's division, printed name, and the rest of the line."""
    code = ""
    for line in (HERE / "data" / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and line[2:8].isdigit():
            code = line[2:8]
        elif line and not line.startswith("#"):
            printed, _, rest = line.partition("\t")
            yield code, printed, rest


def as_line(identity: AgencyIdentity, code: str) -> str:
    functions = "" if identity.key == "_".join(sorted(identity.functions)) else " ".join(identity.functions)
    parent = f"{identity.parent.code}/{identity.parent.key}" if identity.parent else ""
    division = "" if identity.code == code else identity.code
    return "\t".join([division, identity.key, functions, identity.form, parent]).rstrip("\t")


@pytest.fixture(scope="module")
def records() -> list[PlanRecord]:
    return [read_plan(read_source(path), path.stem, one.code) for path, one in read_corpus(PLANS).documents]


# --- the tables ------------------------------------------------------------------------------------------


def test_every_name_of_the_five_plans_is_the_body_that_a_person_says(records: list[PlanRecord]) -> None:
    checked = {(code, name): line for code, name, line in table("agencies_of_plans.tsv")}
    found = {
        (agency_labels.code_of(record), mention.name): as_line(
            identify(mention.name, agency_labels.code_of(record)), agency_labels.code_of(record)
        )
        for record in records
        for mention in agency_labels.mentions(record)
    }
    assert found == checked
    assert len(checked) > 100


def test_at_most_three_in_a_hundred_names_of_the_plans_are_unresolved() -> None:
    every = [identify(name, code) for code, name, _ in table("agencies_of_plans.tsv")]
    assert sum(not one.resolved for one in every) / len(every) <= 0.03


def test_names_of_all_levels_and_provinces() -> None:
    rows = list(table("agency_identities.tsv"))
    wrong = [
        (code, name, as_line(identify(name, code), code), line)
        for code, name, line in rows
        if as_line(identify(name, code), code) != line
    ]
    assert wrong == []
    assert len(rows) > 1_000
    assert sum(not identify(name, code).resolved for code, name, _ in rows) / len(rows) <= 0.03


def test_other_spellings_that_plans_use_have_a_function() -> None:
    names = (HERE / "data" / "agency_names.txt").read_text(encoding="utf-8").splitlines()
    assert [n for n in names if n and not n.startswith("#") and not identify(n, "420115").resolved] == []


# --- one body, many spellings; two bodies, one function ------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("420115", "区城管局 区城管执法局 区城市管理执法局 江夏区城市管理执法局 武汉市江夏区城市管理局"),
        ("420115", "区发改局 区发展改革局 江夏区发展和改革局 江夏区发改局 区发展改革部门"),
        ("420115", "区水务局 区水务和湖泊局"),
        ("420115", "区生态环境局 区生态环境分局 市生态环境局江夏区分局 武汉市生态环境局江夏分局 区环保局"),
        ("420115", "区财政局 区财政局（金融办） 区财政局(金融办) 财政局"),
        ("420115", "团区委 共青团江夏区委 共青团江夏区委员会"),
        ("420115", "市发改委 武汉市发改委 武汉市发展和改革委员会 市发展改革委"),
        ("420115", "区科经局 区科技经信局 区科学技术和经济信息化局 区经信科技局"),
        ("120114", "公安武清分局 区公安分局 市公安局武清分局 区公安局"),
        ("360704", "赣县生态环境局 区生态环境局 赣州市赣县生态环境局 赣州市生态环境局赣县分局"),
        ("360704", "国家金融监督管理总局赣县监管支局 区金融监管支局"),
        ("430181", "市发改局 浏阳市发展和改革局"),
        ("150221", "旗农牧局 土默特右旗农牧局"),
    ],
)
def test_spellings_of_one_body_have_one_iri(code: str, names: str) -> None:
    assert len({(one.code, one.key) for one in (identify(name, code) for name in names.split())}) == 1


@pytest.mark.parametrize(
    "names",
    [
        "区住建局 区房管局 区住房保障安置服务中心 区城市更新局",
        "区交通运输局 区公路局 区港航局 区交警大队",
        "区市场监管局 区知识产权局 区药监局",
        "区农业农村局 区乡村振兴局 区农机中心",
        "区城管局 区园林局 区环境卫生管理中心 区城管执法大队 区综合行政执法局",
        "区应急管理局 区应急办",
        "区疾控局 区疾控中心",
        "区经济发展局 高新区经发局 经开区经发局",
        "区邮政管理局 区邮政分公司",
        "区财政局 市财政局 省财政厅 财政部",
    ],
)
def test_two_bodies_are_never_one_for_having_a_function_in_common(names: str) -> None:
    every = names.split()
    assert len({(one.code, one.key) for one in (identify(name, "420115") for name in every)}) == len(every)


def test_bodies_of_two_districts_are_two() -> None:
    assert identify("区财政局", "420115").code != identify("区财政局", "420503").code


def test_what_is_not_known_is_told_with_its_candidates_and_not_guessed() -> None:
    found = identify("区文广体旅发改融合局", "420115")
    assert not found.functions or found.key == "文广体旅发改融合局"
    assert identify("区科枝局", "420115").functions == ()
    best = identify("区科枝局", "420115").candidates[0]
    assert best[:2] == ("science-technology", "科技局")
    assert best[2] >= agency_names.NEAR
    assert identify("区花炮发展中心", "420115").candidates == ()


# --- properties ------------------------------------------------------------------------------------------------

CODES = ["420115", "420503", "360704", "120114", "150300", "420000", "100000", "430181", "310115", "150221"]
NAMED = [name for _, name, _ in table("agency_identities.tsv")]
WORDS = st.text(
    alphabet="区市县省国家委局办厅部分公司中心发改财政城管生态环境江夏武汉各有关单位（）、高新开发务税",
    max_size=16,
)


@given(st.text(max_size=40) | WORDS, st.sampled_from([*CODES, "", "000000"]))
def test_any_text_is_read_and_read_the_same_again(name: str, code: str) -> None:
    found = identify(name, code)
    assert found == identify.__wrapped__(name, code)
    assert found.code in divisions.divisions()
    assert found.key or not agency_names.normal(name)


@given(
    st.sampled_from(NAMED) | WORDS.filter(lambda text: bool(agency_names.normal(text))),
    st.sampled_from(CODES),
)
@example("区发改局", "420115")
@example("市生态环境局伍家岗区分局", "420503")
@example("各街道办事处", "420115")
@example("公路局", "420115")
def test_the_own_place_in_front_changes_nothing(name: str, code: str) -> None:
    own = divisions.divisions()[code].name
    if code == divisions.NATIONAL:
        return
    bare, placed = identify(name, code), identify(own + name, code)
    assert (bare.code, bare.key) == (placed.code, placed.key)


def test_twenty_thousand_calls_take_no_time() -> None:
    names = [(name, code) for name in NAMED for code in CODES]
    for name, code in names:
        identify(name, code)
    start = time.process_time()
    for _ in range(4):
        for name, code in names:
            identify(name, code)
    assert time.process_time() - start < 1


# --- groups and labels ---------------------------------------------------------------------------------------------


def test_groups_include_whom_the_text_names(records: list[PlanRecord]) -> None:
    by_slug = {record.slug: agency_labels.members(record) for record in records}
    assert by_slug["420115-jiangxia-2024"]["各街道办事处"] == (
        "金水办事处",
        "江夏经济开发区管委会",
        "梁子湖风景区管委会",
    )
    leads = by_slug["420503-wujiagang-2024-draft"]["各牵头单位"]
    assert {"区发改局", "区商务局", "区科技经信局"} <= set(leads)
    assert "各相关单位" not in by_slug["420115-jiangxia-2024"]
    assert identify("各街道（纸坊街道、流芳街道）", "420115").members == ("纸坊街道", "流芳街道")
    assert identify("各镇（街道）", "420115").members == ()


def test_a_group_that_the_document_defines_belongs_to_the_document() -> None:
    own = identify("各牵头单位", "420503")
    assert agency_labels.iri_of(own, "a") != agency_labels.iri_of(own, "b")
    place = identify("各街道办事处", "420503")
    assert agency_labels.iri_of(place, "a") == agency_labels.iri_of(place, "b")


def test_the_most_used_spelling_is_the_label() -> None:
    data = {
        "plan": {"title": "x", "jurisdiction": {"name": "江夏区", "code": "420115"}},
        "actions": [
            {"path": str(n), "title": "x", "assignments": [{"agency": name, "role": "lead"}]}
            for n, name in enumerate(
                "区城管局 区城管执法局 区城管执法局 区水务局 区水务和湖泊局 区生态环境分局".split()
            )
        ],
    }
    record = PlanRecord.model_validate(data)
    labels = {
        str(iri).rpartition("agency/")[2]: label for iri, label in agency_labels.labels([record]).items()
    }
    assert labels["420115/urban-management"] == ("区城管执法局", ("区城管局",))
    assert labels["420115/water"] == ("区水务和湖泊局", ("区水务局",))
    # Nobody prints the city's bureau: its branch tells that there is one.
    assert labels["420100/ecology-environment"] == ("武汉市生态环境局", ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("区发改局", "development-reform"),
        ("国家发展和改革委员会", "development-reform"),
        ("区科经局", "industry-information-technology science-technology"),
        ("赣县生态环境局", "ecology-environment"),
        ("区财政局（金融办）", "public-finance financial-services"),
        ("区文化和旅游局（体育局）", "culture-tourism sport"),
        ("区公路局", "highways transport"),
        ("区环境卫生管理中心", "urban-management"),
        ("区公安局交警大队", "traffic-police public-security"),
        ("各镇人民政府", ""),
    ],
)
def test_functions_by_the_name_alone(name: str, expected: str) -> None:
    assert set(agency_names.functions(name)) == set(expected.split())


# --- the vocabulary ------------------------------------------------------------------------------------------------


def test_every_function_is_defined_and_found_by_its_own_stems() -> None:
    for concept in load_vocabularies().scheme("agency-function"):
        assert concept.definition_zh, concept.key
        assert concept.definition_en, concept.key
        for stem in concept.values("nameStem"):
            assert concept.key in agency_names.cover(stem), (concept.key, stem)
        for name in concept.values("wholeName"):
            body = agency_names.body(name)
            assert concept.key in (body.functions if body else ()), (concept.key, name)
        for name in concept.values("otherName"):
            assert agency_names.body(name) is None, name
        assert (
            concept.values("nameStem")
            or concept.values("wholeName")
            or any(concept.values(kind) for kind in ("namePattern", "lastPattern"))
        ), concept.key
