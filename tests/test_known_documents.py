"""Which document a citation means, what its number is worth, and the line of each of the five plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graph.build import BuildJob, open_current
from graph.catalog import StubEntry
from graph.known_documents import KnownDocuments, own_number, title_key
from graph.record import Alias, Citation, Jurisdiction, PlanHead, PlanRecord
from graph.stores import open_store

NATION = "推动大规模设备更新和消费品以旧换新行动方案"
HUNAN = "湖南省推动大规模设备更新和消费品以旧换新实施方案"
PREFIXES = (
    "PREFIX zm: <https://w3id.org/zhengmai/ns#> PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX eli: <http://data.europa.eu/eli/ontology#> "
    "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
)


def record(
    slug: str,
    title: str,
    code: str,
    number: str | None = None,
    day: date | None = None,
    family: str | None = "liangxin",
    **head: Any,
) -> PlanRecord:
    place = Jurisdiction(name=code, code=code)
    return PlanRecord(
        slug=slug,
        plan=PlanHead(
            title=title, jurisdiction=place, document_number=number, issued=day, family=family, **head
        ),
    )


@pytest.fixture
def known() -> KnownDocuments:
    return KnownDocuments.of(
        [
            record("nation", NATION, "100000", "国发〔2024〕7号", date(2024, 3, 7)),
            record("hunan", HUNAN, "430000", "湘政发〔2024〕6号", date(2024, 4, 20)),
            record("hunan-draft", HUNAN + "（征求意见稿）", "430000", status="draft"),
            record("hubei", HUNAN.replace("湖南", "湖北"), "420000", "鄂政办发〔2024〕18号"),
        ],
        [StubEntry(slug="city", title=HUNAN.replace("湖南省", "株洲市"), code="430200", family="liangxin", number="株政办发〔2024〕9号")],
    )  # fmt: skip


def county(**head: Any) -> PlanRecord:
    """A plan of 攸县 in 株洲市 in 湖南省."""
    return record(
        "county",
        HUNAN.replace("湖南省", "攸县"),
        "430223",
        "攸政发〔2024〕11号",
        date(2024, 8, 1),
        **head,
    )


CASES = [
    # number, title, issuer → document, basis, status
    ("国发[2024]第7号", NATION, None, "nation", "number", "held"),
    ("国发〔2024〕7号", None, None, "nation", "number", "held"),
    (None, HUNAN, None, "hunan", "title", None),
    (None, f"湖南省人民政府关于印发《{HUNAN}》的通知", None, "hunan", "title", None),
    (None, f"国务院关于印发{NATION}的通知", None, "nation", "title", None),
    (None, HUNAN.removeprefix("湖南省"), "湖南省人民政府", "hunan", "title", None),
    (None, "行动方案", "国务院", "nation", "short-title", None),
    (None, "实施方案", "省政府", "hunan", "short-title", None),  # the issue, not its draft
    (None, "三年行动计划", "省政府", None, None, None),
    ("省政发〔2024〕6号", HUNAN, None, "hunan", "title", "wrong-form"),
    ("鄂政发〔2024〕6号", HUNAN, None, "hunan", "title", "wrong-form"),
    ("湘政发〔2024〕16号", HUNAN, None, "hunan", "title", "differs"),
    ("湘政发〔2023〕6号", HUNAN, None, "hunan", "title", "year-mismatch"),
    ("国发〔2024〕7号", HUNAN, None, "hunan", "title", "differs"),
    ("湘政办发〔2023〕40号", "湖南省现代化产业体系建设实施方案", None, None, None, "known-form"),
    ("株政办发〔2024〕9号", None, None, "city", "number", "held"),
    ("攸住建发〔2024〕3号", "攸县燃气管道更新计划", None, None, None, "unresolved"),
    ("湘政发〔2026〕1号", "湖南省城市更新方案", None, None, None, "year-mismatch"),
    (None, "湖南省城市更新方案", None, None, None, None),
]


@pytest.mark.parametrize(("number", "title", "issuer", "document", "basis", "status"), CASES)
def test_what_a_citation_means(
    known: KnownDocuments,
    number: str | None,
    title: str | None,
    issuer: str | None,
    document: str | None,
    basis: str | None,
    status: str | None,
) -> None:
    found = known.link(Citation(number=number, title=title, issuer=issuer), county())
    assert (found.document, found.basis, found.status) == (document, basis, status)


def test_a_wrong_number_has_ranked_candidates_and_what_it_would_be(known: KnownDocuments) -> None:
    found = known.link(Citation(number="省政发〔2024〕6号", title=HUNAN), county())
    assert [(one.key, one.score) for one in found.candidates] == [
        ("hunan", Decimal("1.0")),
        ("hunan-draft", Decimal("0.5")),
    ]
    assert found.suggested == "湘政发〔2024〕6号"
    alone = known.link(Citation(number="省政发〔2024〕6号"), county())
    assert (alone.document, [one.key for one in alone.candidates]) == (None, ["hunan"])
    assert alone.suggested == "湘政发〔2024〕6号"


def test_what_is_later_than_the_document_that_cites_it_is_marked(known: KnownDocuments) -> None:
    early = county()
    early.plan.issued = date(2024, 4, 1)
    assert known.link(Citation(number="湘政发〔2024〕6号", title=HUNAN), early).later
    assert not known.link(Citation(number="湘政发〔2024〕6号", title=HUNAN), county()).later
    assert known.link(Citation(number="湘政发〔2025〕1号"), county()).later


def test_what_cannot_be_right_in_a_plan(known: KnownDocuments) -> None:
    reader = county()
    reader.plan.cites = [
        Citation(number=number, title=title)
        for number, title in [
            ("国发〔2024〕7号", NATION),
            ("省政发〔2024〕6号", HUNAN),
            ("湘政发〔2024〕16号", HUNAN),
            ("湘政发〔2026〕1号", "湖南省城市更新方案"),
            ("攸住建发〔2024〕3号", "攸县燃气管道更新计划"),
        ]
    ]
    assert [(one.number, *told) for one, *told in known.misfits(reader)] == [
        ("省政发〔2024〕6号", "湘政发〔2024〕6号", "湖南省", "hunan"),
        ("湘政发〔2024〕16号", "湘政发〔2024〕6号", "湖南省", "hunan"),
        ("湘政发〔2026〕1号", "2026年", None, None),
    ]


def test_an_alias_of_the_text_is_its_full_title(known: KnownDocuments) -> None:
    reader = county(aliases=[Alias(alias="省方案", full=f"《{HUNAN}》")])
    found = known.link(Citation(title="省方案"), reader)
    assert (found.document, found.basis) == ("hunan", "short-title")


def test_citations_of_one_document_have_one_key(known: KnownDocuments) -> None:
    spellings = [
        ("湘政发〔2024〕6号", None),
        ("湘政发(2024)6号", HUNAN),
        (None, HUNAN),
        ("省政发〔2024〕6号", HUNAN),
    ]
    assert {known.link(Citation(number=n, title=t), county()).key for n, t in spellings} == {
        "湘政发〔2024〕6号"
    }
    unheld = [("湘政办发〔2023〕40号", None), ("湘政办发[2023]第40号", "湖南省方案")]
    assert {known.link(Citation(number=n, title=t), county()).key for n, t in unheld} == {
        "湘政办发〔2023〕40号"
    }


def test_short_titles_of_two_places_have_two_keys(known: KnownDocuments) -> None:
    found = [
        known.link(Citation(title="三年行动计划", issuer=issuer), county()).key
        for issuer in ("省政府", "市", "国家")
    ]
    assert found == ["湖南省三年行动计划", "株洲市三年行动计划", "全国三年行动计划"]


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("国务院关于印发推动设备更新行动方案的通知", "推动设备更新行动方案"),
        ("关于印发〈某县设备更新方案（2024—2027年）〉的通知", "某县设备更新方案"),
        ("某县“两新”方案（送审稿）", "某县两新方案"),
        ("某县设备更新方案征求意见稿", "某县设备更新方案"),
        ("关于推进城市更新行动的意见", "关于推进城市更新行动的意见"),
    ],
)
def test_titles_without_what_is_printed_now_one_way_now_another(title: str, key: str) -> None:
    assert title_key(title) == key


@pytest.mark.parametrize(
    ("number", "code", "day", "status"),
    [
        ("赣区府发〔2024〕2号", "360704", date(2024, 8, 3), "known-form"),
        ("省府发〔2024〕2号", "360704", date(2024, 8, 3), "wrong-form"),
        ("赣区府发〔2023〕2号", "360704", date(2024, 8, 3), "year-mismatch"),
        ("虔政发〔2024〕2号", "360704", None, "unresolved"),
        ("2024年2号文", "360704", None, "unresolved"),
        (None, "360704", None, None),
    ],
)
def test_a_document_s_own_number(number: str | None, code: str, day: date | None, status: str | None) -> None:
    assert own_number(record("a", "某方案", code, number, day).plan)[1] == status


def test_a_document_without_a_family_is_told_with_candidates(known: KnownDocuments) -> None:
    reader = record("county", "攸县促进大规模设备更新若干措施", "430223", family=None)
    reader.plan.cites = [Citation(number="湘政发〔2024〕6号", title=HUNAN, relation="implements")]
    assert [one.key for one in known.families(reader)] == ["liangxin"]
    assert known.families(record("county", "攸县河湖长制工作要点", "430223", family=None)) == ()
    assert known.families(county()) == ()


def test_an_unknown_family_is_told_in_the_record_and_in_the_graph(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    (folder / "records").mkdir(parents=True)
    national = Path(__file__).parent.parent / "plans" / "records" / "100000-state-council-2024.yaml"
    (folder / "records" / national.name).write_text(national.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "130534-qinghe.txt").write_text(
        "清河县促进产品更新换代若干措施\n为贯彻落实国发〔2024〕7号文件精神，结合我县实际，制定以下措施。\n"
        "一、推动工业更新。支持企业更新设备，给予奖励。\n二、推动农业更新。支持农户更新农机，给予补贴。\n",
        encoding="utf-8",
    )
    with BuildJob(folder, tmp_path / "data") as job:
        job.publish()
    read = PlanRecord.model_validate_json(
        (job.folder / "records" / "130534-qinghe.json").read_text(encoding="utf-8")
    )
    assert [problem.reason for problem in read.problems] == [
        "no policy family known; candidates: liangxin; name one in catalog.yaml"
    ]
    rows = ask(
        tmp_path / "data",
        "SELECT ?family { ?p dcterms:identifier '130534-qinghe' ; zm:conceptLink/zm:linkTo ?family MINUS { ?p zm:policyFamily ?any } }",
    )
    assert rows == [("https://w3id.org/zhengmai/id/policy-family/liangxin",)]
    # Without a family nothing can be said to be missing above it.
    assert (
        ask(tmp_path / "data", "SELECT ?d { ?p dcterms:identifier '130534-qinghe' ; zm:missingLevel ?d }")
        == []
    )


# -- the real plans ----------------------------------------------------------------------------------------------


def ask(folder: Path, query: str) -> list[tuple[str, ...]]:
    def values() -> Iterator[tuple[str, ...]]:
        for row in open_store(open_current(folder) / "store").rows(PREFIXES + query):
            yield tuple(getattr(term, "value", "") for term in row.values())

    return list(values())


@pytest.mark.parametrize(
    ("slug", "line"),
    [
        (
            "420115-jiangxia-2024",
            ["420100-wuhan-2024 record", "420000-hubei-2024 record", "100000-state-council-2024 record"],
        ),
        (
            "420503-wujiagang-2024-draft",
            ["420500-yichang-2024 stub", "420000-hubei-2024 record", "100000-state-council-2024 record"],
        ),
        (
            "360704-ganxian-2024",
            ["360700-ganzhou-2024 stub", "360000-jiangxi-2024 record", "100000-state-council-2024 record"],
        ),
        ("120114-wuqing-2024", ["120000-tianjin-2024 record", "100000-state-council-2024 record"]),
        ("150300-wuhai-2024", ["150000-neimenggu-2024 stub", "100000-state-council-2024 record"]),
    ],
)
def test_the_line_of_each_plan_to_the_state_council_is_complete(
    built: Path, slug: str, line: list[str]
) -> None:
    rows = ask(
        built,
        f"SELECT ?slug ?origin {{ ?p dcterms:identifier '{slug}' ; zm:ancestorPlan ?above . ?above dcterms:identifier ?slug ;"
        " zm:origin/skos:notation ?origin ; zm:level/zm:rank ?rank } ORDER BY DESC(?rank)",
    )
    assert [" ".join(row) for row in rows] == line
    assert ask(built, f"SELECT ?d {{ ?p dcterms:identifier '{slug}' ; zm:missingLevel ?d }}") == []
    assert ask(built, f"SELECT ?d {{ ?p dcterms:identifier '{slug}' ; zm:passedOver ?d }}") == []


def test_the_wrong_number_in_the_plan_of_ganxian(built: Path) -> None:
    rows = ask(
        built,
        "SELECT ?number ?basis ?document ?suggested ?candidate ?score ?status {"
        " ?c zm:citedNumber ?number ; zm:numberStatus <https://w3id.org/zhengmai/id/number-status/wrong-form> ;"
        " zm:citationBasis/skos:notation ?basis ; zm:citedDocument/dcterms:identifier ?document ; zm:suggestedNumber ?suggested ;"
        " zm:conceptLink ?link . ?link a zm:ConceptLink ; zm:linkTo/dcterms:identifier ?candidate ; zm:linkScore ?score ;"
        " zm:linkStatus ?status }",
    )
    assert rows == [
        (
            "省府发〔2024〕9号",
            "title",
            "360000-jiangxi-2024",
            "赣府发〔2024〕9号",
            "360000-jiangxi-2024",
            "1",
            "https://w3id.org/zhengmai/id/link-status/candidate",
        )
    ]


def test_the_numbers_of_the_real_documents_fit(built: Path) -> None:
    rows = ask(built, "SELECT DISTINCT ?s { ?p a zm:Plan ; zm:numberStatus/skos:notation ?s }")
    assert rows == [("known-form",)]
