"""Drafts, issues and amendments of one plan; and plans that only look like versions of one another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from graph.build import BuildJob
from graph.cascade import Lineage, Place
from graph.catalog import read_corpus
from graph.claims import Claims
from graph.errors import BadInput
from graph.extraction import extract
from graph.known_documents import KnownDocuments
from graph.linking import link
from graph.record import PlanRecord
from graph.stages import Shared
from graph.stores import EmbeddedStore, open_store
from graph.versions import chains, years_of

BODY = """
为推进城市更新，制定本方案。
一、总体目标
到2027年，改造老旧小区{count}个。
二、重点任务
（一）改造老旧小区。推动老旧小区改造，完善配套设施。（责任单位：县住建局）
"""
NOTICE = """清河县人民政府办公室
关于印发{title}的通知
清政办字〔2025〕{number}号
各乡镇人民政府，县政府各部门：
现将《{title}》印发给你们，请认真贯彻执行。
清河县人民政府办公室
{day}
"""
PLAN = "清河县推动大规模设备更新和消费品以旧换新实施方案"


def draft(mark: str, title: str = PLAN) -> str:
    return f"{title}{mark}\n{BODY.format(count=30)}"


def issued(title: str = PLAN, day: str = "2025年3月6日", number: int = 6) -> str:
    return NOTICE.format(title=title, number=number, day=day) + f"{title}\n" + BODY.format(count=25)


def record(slug: str, text: str, revision_of: str | None = None) -> PlanRecord:
    read = link(extract(text, slug, "130534"))
    read.revision_of = revision_of
    return read


@pytest.mark.parametrize(
    "mark",
    [
        "（送审稿）",
        "（征求意见稿）",
        "（草案）",
        "（讨论稿）",
        "（修改稿）",
        "（公开征求意见稿）",
        "征求意见稿",
    ],
)
def test_a_draft_and_its_issue(mark: str) -> None:
    one, other = record("a-draft", draft(mark)), record("b-issued", issued())
    assert (one.plan.status, other.plan.status) == ("draft", "issued")
    assert chains([other, one]) == [["a-draft", "b-issued"]]


def test_drafts_stand_in_the_order_of_their_stages_and_an_amendment_behind_the_issue() -> None:
    records = [
        record("1", issued(PLAN + "（2025年修订）", "2025年11月2日", 40)),
        record("2", issued(PLAN + "（2025—2027年）")),
        record("3", draft("（送审稿）", PLAN + "（2025-2027年）")),
        record("4", draft("（征求意见稿）", PLAN + "（2025—2027年）")),
    ]
    assert chains(records) == [["4", "3", "2", "1"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PLAN, "清河县消费品以旧换新补贴实施细则"),
        (PLAN + "（2024—2025年）", PLAN + "（2026—2027年）"),
        ("清河县2024年推动大规模设备更新工作方案", "清河县2025年推动大规模设备更新工作方案"),
        (PLAN, PLAN.replace("实施方案", "行动方案")),
    ],
)
def test_two_plans_are_not_versions(one: str, other: str) -> None:
    assert chains([record("a", issued(one)), record("b", issued(other, "2025年6月8日"))]) == []


def test_plans_of_two_places_are_not_versions() -> None:
    one, other = record("a", issued()), record("b", issued())
    other.plan.jurisdiction.code = "130535"
    assert chains([one, other]) == []


def test_a_person_may_say_what_revises_what() -> None:
    old = record("old", issued())
    new = record("new", issued(PLAN.replace("实施方案", "行动方案"), "2025年9月1日"), "old")
    assert chains([new, old]) == [["old", "new"]]


def test_years_of_titles() -> None:
    assert (
        years_of("某县行动方案（2024—2027年）（送审稿）")
        == years_of("某县行动方案（2024年-2027年）")
        == ("2024", "2027")
    )
    assert years_of("某县2025年度工作要点（2025年修订）") == ("2025",)
    assert years_of("某县行动方案（修订版）") == ()


def test_the_line_takes_the_issue_and_tells_what_it_passed_over() -> None:
    lineage = Lineage()
    upper = [
        record("draft", draft("（送审稿）")),
        record("issued", issued()),
        record("later", issued(day="2025年5月1日")),
    ]
    above = [Place(one.slug, "130500", "liangxin", one) for one in upper]
    for place in above:
        lineage.add(place)
    county = Place("county", "130534", "liangxin", upper[0])
    assert [one.slug for one in lineage.ancestors(county)] == ["later"]
    assert [one.slug for one in lineage.passed_over(county)] == ["draft", "issued"]
    assert lineage.missing(county) == ["130000", "100000"]


@pytest.mark.parametrize(
    ("day", "taken"),
    [
        ("2025年4月1日", "issued"),  # what came in May is nothing that it had to follow
        ("2025年5月1日", "later"),
        ("2025年8月1日", "later"),
        ("2025年1月1日", "later"),  # all came after it: what holds now
    ],
)
def test_a_plan_follows_what_was_issued_before_it(day: str, taken: str) -> None:
    lineage = Lineage()
    for one in (record("issued", issued()), record("later", issued(day="2025年5月1日"))):
        lineage.add(Place(one.slug, "130500", "liangxin", one))
    county = Place("county", "130534", "liangxin", record("county", issued(day=day)))
    assert [one.slug for one in lineage.ancestors(county)] == [taken]
    assert [one.slug for one in lineage.passed_over(county)] == ["issued" if taken == "later" else "later"]


def test_a_draft_follows_what_holds_now() -> None:
    lineage = Lineage()
    for one in (record("issued", issued()), record("later", issued(day="2025年5月1日"))):
        lineage.add(Place(one.slug, "130500", "liangxin", one))
    undated = Place("county", "130534", "liangxin", record("county", draft("（送审稿）")))
    assert undated.record
    assert undated.record.plan.issued is None
    assert [one.slug for one in lineage.ancestors(undated)] == ["later"]


def told(store: EmbeddedStore, query: str) -> list[list[str]]:
    prefixes = (
        "PREFIX prov: <http://www.w3.org/ns/prov#> PREFIX zm: <https://w3id.org/zhengmai/ns#>"
        "PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
    )
    return [
        [str(getattr(term, "value", "")) for term in row.values()] for row in store.rows(prefixes + query)
    ]


def test_the_rules_that_follow_from_a_plan_do_not_take_its_place() -> None:
    lineage = Lineage()
    rules = record("rules", issued("清河县消费品以旧换新补贴实施细则", "2025年8月1日", 21))
    for one in (record("plan", issued()), rules):
        lineage.add(Place(one.slug, "130500", "liangxin", one))
    assert [one.slug for one in lineage.ancestors(Place("county", "130534", "liangxin", rules))] == ["plan"]


def test_versions_and_what_is_missing_stand_in_the_graph(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "130534-qinghe-2025-draft.txt").write_text(draft("（征求意见稿）"), encoding="utf-8")
    (plans / "130534-qinghe-2025.txt").write_text(issued(), encoding="utf-8")
    (plans / "130534-qinghe-rules.txt").write_text(
        issued("清河县消费品以旧换新补贴实施细则", "2025年8月1日", 21), encoding="utf-8"
    )
    with BuildJob(plans, tmp_path / "data") as job:
        job.publish()
    store = open_store(job.folder / "store")
    assert told(
        store,
        "SELECT ?one ?other ?latest { ?a prov:wasRevisionOf ?b . ?a dcterms:identifier ?one . ?b dcterms:identifier ?other ;"
        " zm:latestVersion/dcterms:identifier ?latest }",
    ) == [["130534-qinghe-2025", "130534-qinghe-2025-draft", "130534-qinghe-2025"]]
    assert told(
        store,
        "SELECT ?name { ?p dcterms:identifier '130534-qinghe-2025' ; zm:missingLevel ?d . ?d skos:notation ?code ; skos:prefLabel ?name }"
        " ORDER BY ?code",
    ) == [["全国"], ["河北省"], ["邢台市"]]
    read = PlanRecord.model_validate_json(
        (job.folder / "records" / "130534-qinghe-2025.json").read_text(encoding="utf-8")
    )
    assert (read.plan.issued, read.plan.document_number) == (date(2025, 3, 6), "清政办字〔2025〕6号")


def test_a_catalogue_that_revises_what_is_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(issued(), encoding="utf-8")
    (tmp_path / "catalog.yaml").write_text("documents:\n  - {file: a.txt, revises: b}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="revises b, which is no document"):
        read_corpus(tmp_path)
    (tmp_path / "catalog.yaml").write_text("documents:\n  - {file: a.txt, revises: a}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="revises itself"):
        read_corpus(tmp_path)


def test_every_version_that_some_plan_follows_is_sent_to_where_plans_are_compared() -> None:
    lineage = Lineage()
    for one in (record("issued", issued()), record("later", issued(day="2025年5月1日"))):
        lineage.add(Place(one.slug, "130500", "liangxin", one))
    for slug, day in (("county-april", "2025年4月1日"), ("county-june", "2025年6月1日")):
        lineage.add(Place(slug, "130534", "liangxin", record(slug, issued(day=day))))
    shared = Shared(KnownDocuments.of([], []), lineage, Claims(), {}, {})
    assert shared.uppers() == {"issued", "later"}
