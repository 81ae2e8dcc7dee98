"""Questions over whole plans: what they answer on the real ones, held against the texts by eye."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph import stores
from graph.build import BuildJob, open_current
from graph.errors import BadParameter, QueryLimit
from queries.asking import Asker
from queries.catalogue import load_catalogue
from queries.engine import Limits, QueryEngine
from shapes.building import judge_job
from tests.support.writing import TEXT


@pytest.fixture(scope="module")
def corpus(built: Path) -> Iterator[Asker]:
    """The real plans."""
    with QueryEngine(built / "current" / "store", workers=1) as engine:
        yield Asker(engine, load_catalogue())


@pytest.fixture(scope="module")
def sample(sample_store: Path) -> Iterator[Asker]:
    with QueryEngine(sample_store, workers=1) as engine:
        yield Asker(engine, load_catalogue())


MADE_UP = """
@base <https://w3id.org/zhengmai/id/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix eli: <http://data.europa.eu/eli/ontology#> .
@prefix graph: <https://w3id.org/zhengmai/graph/> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix zm: <https://w3id.org/zhengmai/ns#> .
graph:made-up {
  <division/420100> a zm:Division ; skos:prefLabel "武汉市"@zh ; skos:notation "420100" ; zm:level <level/city> .
  <division/420115> a zm:Division ; skos:prefLabel "江夏区"@zh ; skos:notation "420115" ; zm:level <level/county> .
  <division/420222> a zm:Division ; skos:prefLabel "阳新县"@zh ; skos:notation "420222" ; zm:level <level/county> .
  <agency/a> a zm:Agency ; skos:prefLabel "区公路局"@zh ; zm:division <division/420115> ;
    zm:agencyFunction <agency-function/highways> , <agency-function/transport> .
  <agency/b> a zm:Agency ; skos:prefLabel "区港航局"@zh ; zm:division <division/420115> ;
    zm:agencyFunction <agency-function/port-shipping> , <agency-function/transport> .
  <agency/c> a zm:Agency ; skos:prefLabel "市交通局"@zh ; zm:division <division/420100> ;
    zm:agencyFunction <agency-function/transport> .
  <agency/d> a zm:Agency ; skos:prefLabel "县公路中心"@zh ; zm:division <division/420222> ;
    zm:agencyFunction <agency-function/highways> , <agency-function/transport> .
  <document/draft> a zm:Plan ; dcterms:identifier "draft" ; dcterms:title "江夏区实施方案（征求意见稿）"@zh ;
    zm:jurisdiction <division/420115> ; zm:status <status/draft> ; zm:origin <origin/text> ; zm:latestVersion <document/new> ;
    zm:citation <document/draft/citation/1> , <document/draft/citation/2> .
  <document/issued> a zm:Plan ; dcterms:identifier "issued" ; dcterms:title "江夏区实施方案"@zh ;
    zm:jurisdiction <division/420115> ; zm:status <status/issued> ; zm:origin <origin/text> ; zm:latestVersion <document/new> ;
    eli:date_document "2024-06-01"^^xsd:date ; prov:wasRevisionOf <document/draft> .
  <document/new> a zm:Plan ; dcterms:identifier "new" ; dcterms:title "江夏区实施方案（2025年修订版）"@zh ;
    zm:jurisdiction <division/420115> ; zm:status <status/issued> ; zm:origin <origin/text> ;
    eli:date_document "2025-03-01"^^xsd:date ; prov:wasRevisionOf <document/issued> .
  <document/other> a zm:Plan ; dcterms:identifier "other" ; dcterms:title "阳新县实施方案"@zh ;
    zm:jurisdiction <division/420222> ; zm:status <status/issued> ; zm:origin <origin/text> ;
    zm:citation <document/other/citation/1> .
  <document/draft/citation/1> a zm:Citation ; zm:citedNumber "鄂政发〔2023〕8号" ; zm:citedKey "鄂政发〔2023〕8号" ;
    zm:citationRelation <citation-relation/implements> ; zm:citedDivision <division/420100> .
  <document/other/citation/1> a zm:Citation ; zm:citedNumber "鄂政发[2023]8号" ; zm:citedTitle "湖北省消费行动"@zh ;
    zm:citedKey "鄂政发〔2023〕8号" ; zm:citationRelation <citation-relation/based_on> ; zm:suggestedNumber "鄂政发〔2024〕8号" .
  <document/draft/citation/2> a zm:Citation ; zm:citedTitle "阳新县方案"@zh ; zm:citedKey "阳新县方案" ;
    zm:citationRelation <citation-relation/mentions> ; zm:conceptLink <document/draft/citation/2/candidate/1> .
  <document/draft/citation/2/candidate/1> a zm:ConceptLink ; zm:linkStatus <link-status/candidate> ;
    zm:linkTo <document/other> ; zm:linkScore 0.8 .
}
"""


@pytest.fixture(scope="module")
def made_up(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Three versions of a plan, citations that were not resolved, and agencies of broader and narrower functions."""
    folder = tmp_path_factory.mktemp("made-up")
    (folder / "plans.trig").write_text(MADE_UP, encoding="utf-8")
    stores.create(folder / "store", [folder / "plans.trig", sample_store.parent / "vocabularies.nq"])
    with QueryEngine(folder / "store", workers=1) as engine:
        yield Asker(engine, load_catalogue())


def rows(asker: Asker, name: str, *columns: str, lang: str = "zh", **values: str) -> list[tuple[Any, ...]]:
    """The chosen columns of an answer."""
    return [tuple(row[one] for one in columns) for row in asker.ask(name, values, lang).table.records()]


# -- who leads a domain ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trade_in(corpus: Asker) -> dict[str, set[tuple[object, ...]]]:
    """Role, agency and number of tasks of 消费品以旧换新, by place."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for place, *rest in rows(
        corpus, "domain-leads", "place", "role", "agency", "tasks", domain="消费品以旧换新"
    ):
        found.setdefault(str(place), set()).add(tuple(rest))
    return found


@pytest.mark.parametrize("place", ["江夏区", "伍家岗区"])
def test_the_commerce_bureau_leads_trade_in(trade_in: dict[str, set[tuple[object, ...]]], place: str) -> None:
    assert ("牵头", "区商务局") in {one[:2] for one in trade_in[place]}


def test_ganxian_names_responsible_bodies_and_no_lead(trade_in: dict[str, set[tuple[object, ...]]]) -> None:
    # 任务 15–18, 〔责任单位：…〕
    assert trade_in["赣县区"] == {
        ("责任", "区商务局", 4),
        ("责任", "区公安局", 2),
        ("责任", "区工信局", 2),
        ("责任", "区市场监管局", 2),
        ("责任", "赣县生态环境局", 2),
        ("责任", "区发展改革委", 1),
        ("责任", "区住建局", 1),
        ("责任", "区民政局", 1),
        ("责任", "区残联", 1),
        ("责任", "区红十字会", 1),
    }


def test_wuqing_names_a_list_that_shares_the_duty(trade_in: dict[str, set[tuple[object, ...]]]) -> None:
    # 任务 5–7, （…等部门按职责分工负责）
    assert trade_in["武清区"] == {
        ("未分主次", "区商务局", 3),
        ("未分主次", "公安武清分局", 1),
        ("未分主次", "区交通局", 1),
        ("未分主次", "区财政局", 1),
        ("未分主次", "区住房建设委", 1),
    }


def test_wuhai_names_nobody_and_the_answer_says_so(trade_in: dict[str, set[tuple[object, ...]]]) -> None:
    assert trade_in["乌海市"] == {("未写明单位", None, 3)}


def test_of_what_was_not_seen_nothing_is_concluded(corpus: Asker) -> None:
    unseen = ("not known (text not seen)", None)
    found = rows(corpus, "domain-leads", "place", "role", "agency", lang="en", domain="trade-in")
    assert {(role, agency) for place, role, agency in found if place in ("全国", "湖北省", "赣州市")} == {
        unseen
    }
    assert {place for place, role, _ in found if role == "nobody named"} == {"乌海市"}


def test_a_plan_without_tasks_of_the_domain_is_told(corpus: Asker) -> None:
    found = rows(corpus, "domain-leads", "place", "role", "all", domain="水利")
    assert ("乌海市", "没有该领域的任务", 0) in found
    assert {all_ for _, role, all_ in found if role == "牵头"} <= {1, 2, 3}


def test_leads_of_a_domain_may_be_asked_for_one_level(corpus: Asker) -> None:
    assert set(rows(corpus, "domain-leads", "level", domain="教育", level="市级")) == {("市级",)}


def test_leads_of_a_domain_on_the_sample(sample: Asker) -> None:
    assert rows(sample, "domain-leads", "place", "role", "agency", "tasks", "all", domain="教育") == [
        ("全国", "未见原文，不详", None, 1, 1),
        ("江西省", "未见原文，不详", None, 0, 0),
        ("赣县区", "牵头", "区教体局", 1, 2),
        ("赣县区", "责任", "区人社局", 1, 2),
        ("赣县区", "未写明单位", None, 1, 2),
    ]


def test_what_the_text_calls_a_role_is_told(corpus: Asker) -> None:
    found = rows(corpus, "domain-leads", "place", "role", "printed", domain="消费品以旧换新")
    assert ("江夏区", "牵头", "牵头单位") in found
    assert ("伍家岗区", "牵头", "牵头部门") in found or ("伍家岗区", "牵头", "牵头单位") in found
    assert ("赣县区", "责任", "责任单位") in found
    assert ("武清区", "未分主次", "按职责分工负责") in found
    assert ("乌海市", "未写明单位", None) in found
    printed = rows(corpus, "lead-agencies", "place", "printed", "agency", domain="教育")
    assert ("赣县区", "责任单位", "区教体局") in printed


# -- agencies ----------------------------------------------------------------------------------------------------------


def test_counterparts_of_a_merged_bureau(corpus: Asker) -> None:
    found = rows(corpus, "agency-counterparts", "place", "agency", "relation", agency="江夏区 区科经局")
    assert {
        ("江夏区", "区科经局", "本单位"),
        ("伍家岗区", "区科技经信局", "对应单位"),
        ("赣县区", "区工信局", "对应单位"),
        ("赣县区", "区科技局", "对应单位"),
        ("武清区", "区工业和信息化局", "对应单位"),
        ("武清区", "区科技局", "对应单位"),
    } <= set(found)


def test_counterparts_do_not_meet_in_a_broader_function_alone(made_up: Asker) -> None:
    highways = rows(made_up, "agency-counterparts", "agency", "functions", agency="江夏区 区公路局")
    assert set(highways) == {("区公路局", "公路"), ("市交通局", "交通运输"), ("县公路中心", "公路")}
    transport = rows(made_up, "agency-counterparts", "agency", agency="武汉市 市交通局")
    assert {one for (one,) in transport} == {"市交通局", "区公路局", "区港航局", "县公路中心"}


def test_an_agency_of_several_plans_stands_once_in_each_list(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    for year in (2024, 2025, 2026):
        (plans / f"420502-xiling-{year}.txt").write_text(TEXT, encoding="utf-8")
    with BuildJob(plans, tmp_path / "data") as job:
        judge_job(job)
        job.publish()
    with QueryEngine(open_current(tmp_path / "data") / "store") as engine:
        asker = Asker(engine)
        for name, values in (
            ("counterparts", {"place": "420502"}),
            ("counterparts", {"function": "发展改革"}),
            ("counterparts", {}),
            ("plans", {"place": "420502"}),
            ("plans", {}),
            ("tasks-of-agency", {"function": "发展改革", "place": "420502"}),
            ("tasks-of-agency", {"function": "发展改革"}),
            ("domain-leads", {"domain": "工业", "place": "420502"}),
        ):
            rows = [tuple(row) for row in asker.ask(name, values).table.texts()]
            assert rows
            assert len(rows) == len(set(rows)), (name, values)
        narrow, wide = (
            {tuple(row) for row in asker.ask("tasks-of-agency", values).table.texts()}
            for values in ({"function": "发展改革", "place": "420502"}, {"function": "发展改革"})
        )
        assert narrow == wide
        assert len(narrow) == 3


def test_counterparts_tell_tasks_and_roles(corpus: Asker) -> None:
    found = rows(
        corpus,
        "agency-counterparts",
        *("place", "functions", "tasks", "lead", "responsible", "undifferentiated"),
        agency="江夏区商务局",
        lang="en",
    )
    assert [one[0] for one in found] == ["武清区", "赣县区", "江夏区", "伍家岗区"]
    assert {one[1] for one in found} == {"Commerce"}
    wuqing, ganxian, jiangxia, _ = found
    assert wuqing[2] == wuqing[5] > 0, "by duty"
    assert ganxian[2] == ganxian[4] > 0, "responsible"
    assert jiangxia[3] > 0, "leads"


@pytest.mark.parametrize(
    "typed",
    [
        "江夏区 区科经局",
        "江夏区区科经局",
        "江夏区科经局",
        "江夏科经局",
        "武汉市江夏区科经局",
        "420115/区科经局",
        "区科经局",
    ],
)
def test_an_agency_is_known_by_place_and_name(corpus: Asker, typed: str) -> None:
    by_name = corpus.ask("agency-counterparts", {"agency": typed}).table.records()
    itself = next(one for one in by_name if one["relation"] == "本单位")
    assert (itself["place"], itself["agency"]) == ("江夏区", "区科经局")
    by_iri = corpus.ask("agency-counterparts", {"agency": str(itself["agencyIri"])})
    assert by_iri.table.records() == by_name


def test_an_agency_that_many_places_have_asks_for_the_place(corpus: Asker) -> None:
    with pytest.raises(BadParameter) as caught:
        corpus.ask("agency-counterparts", {"agency": "区商务局"})
    assert set(caught.value.allowed) == {
        f"{one} 区商务局" for one in ("武清区", "赣县区", "江夏区", "伍家岗区")
    }


@pytest.mark.parametrize(
    ("name", "values", "nearest"),
    [
        ("agency-counterparts", {"agency": "江夏区 区商业局"}, "江夏区 区商务局"),
        ("agency-counterparts", {"agency": "赣县区生态局"}, "赣县区 赣县生态环境局"),
        ("agency-pairs", {"place": "江厦区"}, "420115"),
        ("domain-leads", {"domain": "教育文旅设施"}, "education-culture-health"),
        ("domain-leads", {"domain": "educaton"}, "education"),
        ("uncovered-tasks", {"plan": "武青区"}, "120114-wuqing-2024"),
    ],
)
def test_a_value_that_does_not_fit_is_told_the_nearest_first(
    corpus: Asker, name: str, values: dict[str, str], nearest: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        corpus.ask(name, values)
    assert nearest in caught.value.allowed[:8]
    assert nearest in caught.value.message


@pytest.mark.parametrize("hostile", ['江夏区" } UNION { ?s ?p ?o', "https://example.org/> . ?s ?p ?o", "<x>"])
def test_a_name_of_an_agency_is_never_a_part_of_a_query(corpus: Asker, hostile: str) -> None:
    with pytest.raises(BadParameter):
        corpus.ask("agency-counterparts", {"agency": hostile})


def test_agencies_and_functions_with_most_tasks(corpus: Asker) -> None:
    jiangxia = rows(corpus, "agencies-by-tasks", "agency", "tasks", "lead", place="江夏区")
    assert jiangxia[0][0] == "各街道办事处"
    assert ("区科经局", 12, 7) in jiangxia
    counts = [int(str(one[1])) for one in jiangxia]
    assert counts == sorted(counts, reverse=True)
    functions = rows(corpus, "functions-by-tasks", "function", "places")
    assert {function for function, _ in functions[:3]} == {"工业和信息化", "商务", "发展改革"}
    assert dict(functions)["商务"] == 4


def test_pairs_that_share_tasks(corpus: Asker) -> None:
    pairs = {
        frozenset(one[:2]): one[2]
        for one in rows(corpus, "agency-pairs", "agency", "other", "tasks", place="武清区")
    }
    # 任务 5–10: 5 and 9 name both, 6–8 and 10 only the first
    assert pairs[frozenset({"区商务局", "公安武清分局"})] == 2
    functions = rows(corpus, "function-pairs", "function", "other", "tasks", "plans")
    assert all(one != other for one, other, _, _ in functions)
    assert {functions[0][0], functions[0][1]} == {"发展改革", "工业和信息化"}
    assert functions[0][3] == 4


def test_pairs_on_the_sample(sample: Asker) -> None:
    assert rows(sample, "agency-pairs", "agency", "other", "tasks", "lead", "otherLead", place="赣县区") == [
        ("区人社局", "区教体局", 1, 0, 1)
    ]
    # One merged bureau stands in a task for two functions, and not beside itself.
    assert rows(sample, "function-pairs", "function") == []


# -- what is not there -------------------------------------------------------------------------------------------------


def test_national_tasks_that_a_plan_does_not_cover(corpus: Asker) -> None:
    wuhai = rows(corpus, "uncovered-tasks", "number", "covered", "broader", plan="乌海市")
    assert wuhai == [(15, "没有涉及", None), (19, "没有涉及", None)]
    wujiagang = dict(rows(corpus, "uncovered-tasks", "number", "broader", plan="伍家岗区"))
    assert {number for number, broader in wujiagang.items() if broader == "消费品以旧换新"} == {5, 6, 7}
    assert 1 not in wujiagang
    assert {place for (place,) in rows(corpus, "uncovered-tasks", "place")} == {
        *("武清区", "乌海市", "赣县区", "江夏区", "伍家岗区")
    }, "only plans whose text is held"


def test_indicators_by_how_many_plans_set_them(corpus: Asker) -> None:
    found = rows(
        corpus,
        "indicators-by-plans",
        *("indicator", "plans", "measure", "year", "lowest", "highest", "unit"),
        indicator="equipment-investment-growth",
    )
    # 25 % at the top; the figures below it stand in the texts of 2024 and 2027
    assert found[-1][2:4] == ("增长率，较2023", "2027")
    assert found[-1][4] == 25
    assert all(one[6] == "%" for one in found if one[4] is not None)
    every = rows(corpus, "indicators-by-plans", "indicatorIri", "plans", "measure")
    plans = [int(str(one[1])) for one in every]
    assert plans == sorted(plans, reverse=True)


def test_a_growth_rate_and_a_count_are_never_one_row(corpus: Asker) -> None:
    growth = rows(
        corpus, "indicators-by-plans", "measure", "unit", lang="en", indicator="used-car-trade-growth"
    )
    assert growth
    assert {unit for _, unit in growth} == {"Per cent"}


def test_documents_cited_but_not_held(corpus: Asker) -> None:
    found = rows(corpus, "documents-not-held", "number", "held", "places", "relations")
    assert ("赣市府发〔2024〕5号", "仅知其名", "赣县区", "贯彻落实") in found
    assert ("宜府办发〔2024〕31号", "仅知其名", "伍家岗区", "依据") in found
    assert all(number != "国发〔2024〕7号" for number, *_ in found)
    assert rows(corpus, "documents-not-held", "relations", plan="伍家岗区", lang="en") == [("based on",)]


def test_documents_and_names_on_the_sample(sample: Asker) -> None:
    assert rows(sample, "documents-not-held", "number", "title", "held") == [(None, "节能法", "没有收录")]
    assert rows(sample, "not-linked", "kind", "place", "name") == [
        ("单位没有职能", "赣县区", "区人社局"),
        ("目标没有对应指标", "赣县区", "报废旧车"),
        ("引用找不到文件", "赣县区", "节能法"),
    ]
    assert rows(sample, "not-linked", "kind", lang="en")[0] == ("agency without function",)


def test_levels_above_a_plan_whose_document_is_missing(corpus: Asker) -> None:
    found = rows(corpus, "levels-not-held", "place", "upperPlace", "held")
    assert ("赣县区", "赣州市", "仅知其名") in found
    assert ("伍家岗区", "宜昌市", "仅知其名") in found
    assert all(place != "武清区" for place, *_ in found), "there is no city between"


def test_versions_of_a_plan_from_the_draft_to_the_last(made_up: Asker) -> None:
    versions = [
        ("draft", "草案", "以前版本", None),
        ("issued", "已印发", "以前版本", "draft"),
        ("new", "已印发", "最后版本", "issued"),
    ]
    every = rows(made_up, "versions-of-plan", "slug", "status", "last", "earlier")
    assert [(one[0], *one[2:]) for one in every] == [(one[0], *one[2:]) for one in versions]
    for plan in ("draft", "issued", "new"):
        assert rows(made_up, "versions-of-plan", "slug", plan=plan) == [("draft",), ("issued",), ("new",)]
    assert not rows(made_up, "versions-of-plan", "slug", plan="other")


def test_one_cited_document_is_one_row_however_it_is_written(made_up: Asker) -> None:
    found = made_up.ask("documents-not-held", {}).table.records()
    first, second = found
    assert {first["number"]} <= {"鄂政发〔2023〕8号、鄂政发[2023]8号", "鄂政发[2023]8号、鄂政发〔2023〕8号"}
    assert (first["title"], first["of"], first["citing"]) == ("湖北省消费行动", "武汉市", 2)
    assert first["suggested"] == "鄂政发〔2024〕8号"
    assert (second["title"], second["candidates"]) == ("阳新县方案", "阳新县实施方案")
    unlinked = rows(made_up, "not-linked", "kind", "name", "nearest", plan="draft")
    assert ("引用找不到文件", "阳新县方案", "阳新县实施方案") in unlinked


def test_what_does_not_agree_inside_a_plan(corpus: Asker) -> None:
    found = rows(corpus, "disagreements-inside", "kind", "first", "second", "differs", plan="江夏区")
    assert ("单位名称写法不一", "区市场监管局", "区市场监督管理局", None) in found
    body = next(one for one in found if one[0] == "正文与附件责任单位不一致")
    assert body[3] == "仅前者有：区市场监管局"
    assert all(first for _, first, *_ in found)


def test_a_question_that_asks_too_much_says_by_what_it_is_narrowed(built: Path) -> None:
    with QueryEngine(built / "current" / "store", workers=1, limits=Limits(seconds=0.001)) as engine:
        asker = Asker(engine, load_catalogue())
        with pytest.raises(QueryLimit) as told:
            asker.ask("counterparts", {"level": "county"})
        assert told.value.limit == 0.001
        assert told.value.text("zh").endswith("，填写：部门职能（function）、地区（含其下各地）（place）。")
        assert "function (function of the agency), place (place and all within it)" in told.value.text("en")
        with pytest.raises(QueryLimit) as told:
            asker.ask("function-pairs", {})  # there is nothing to narrow it by
        assert "with:" not in told.value.text("en")
