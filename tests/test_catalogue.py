"""The questions: their headers, their parameters, and their answers on a sample known by heart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.errors import BadInput, BadParameter, NotFound
from ontology.vocabulary import load_vocabularies
from queries.asking import Asker
from queries.catalogue import Catalogue, CatalogueError, load_catalogue
from queries.documentation import markdown
from queries.engine import QueryEngine
from queries.resolving import Resolver
from queries.tables import Cell, Table
from tests.support.questions import EMPTY_ON_THE_PLANS

CATALOGUE = load_catalogue()
NAMES = [question.name for question in CATALOGUE.questions]
TABLES = [question.name for question in CATALOGUE.questions if question.is_table]


@pytest.fixture(scope="module")
def asker(sample_store: Path) -> Iterator[Asker]:
    with QueryEngine(sample_store, workers=1) as engine:
        yield Asker(engine, CATALOGUE)


@pytest.fixture(scope="module")
def corpus(built: Path) -> Iterator[Asker]:
    """The real plans."""
    with QueryEngine(built / "current" / "store", workers=1) as engine:
        yield Asker(engine, CATALOGUE)


def rows(asker: Asker, name: str, *columns: str, lang: str = "zh", **values: str) -> list[tuple[object, ...]]:
    """The chosen columns of an answer."""
    return [tuple(row[one] for one in columns) for row in asker.ask(name, values, lang).table.records()]


# -- headers ---------------------------------------------------------------------------------------------------------


def test_there_are_enough_questions_and_each_is_told_in_both_languages() -> None:
    assert len(NAMES) >= 12
    for question in CATALOGUE.questions:
        for text in (question.title, question.description, *question.columns.values()):
            assert text.zh
            assert text.en
        if question.is_table:
            assert list(question.types.values())[-1] == "iri", "addresses come last"


HEADER = """\
#+ title: {zh: 甲, en: A}
#+ description: {zh: 甲, en: A}
#+ parameters:
#+   - {name: word, type: string, required: true, label: {zh: 词, en: word}}
#+   - {name: other, type: string, label: {zh: 词, en: word}}
#+ columns:
#+   a: {zh: 甲, en: A}
#+ example: {word: x}
SELECT ?a WHERE { VALUES ?word { "x" } VALUES ?other { UNDEF } BIND(CONCAT(?word, COALESCE(?other, "")) AS ?a) }
ORDER BY ?a
"""


def test_a_parameter_may_take_several_values(asker: Asker) -> None:
    both = asker.sparql("assignments-of-places", {"place": "江西省、赣县区，360000"})
    assert both.count("VALUES ?division { ") == 2
    for code in ("360000", "360704"):
        assert both.count(f"division/{code}>") == 2, "each once in each part, however often it is said"
    with pytest.raises(BadParameter) as caught:
        asker.sparql("assignments-of-places", {"place": "江西省,火星"})
    assert "火星" in caught.value.message
    with pytest.raises(BadParameter):
        asker.sparql("assignments-of-places", {"place": " ， "})


def question_file(folder: Path, text: str, name: str = "made-up.rq") -> Catalogue:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_catalogue([path])


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "#+ title: {zh: 甲, en: A}",
            "#+ title: {zh: 甲}",
            "line 1: “title” needs its words in zh and in en",
        ),
        ("#+ title: {zh: 甲, en: A}", "#+ title: {zh: 甲, en: A", "is not YAML"),
        ("type: string, required", "type: sting, required", "line 4: “sting” is no type"),
        ("#+   a: {zh: 甲, en: A}", "#+   b: {zh: 甲, en: A}", "line 6: its columns are ['a']"),
        ("#+ example: {word: x}", "#+ example: {}", "line 8: its example must give the required parameters"),
        ('VALUES ?word { "x" }', "", "line 4: has no VALUES ?word { … }"),
        ("SELECT ?a WHERE {", "SELECT ?a WHERE {{", "is not SPARQL"),
        ("#+ example", "#+ exampel", "“exampel” is no key of a header"),
        ("#+ ", "# ", "has no header"),
        ("en: A}\n#+ example", "en: A, type: number}\n#+ example", "line 7: “number” is no type of a column"),
        (
            "#+   a: {zh: 甲, en: A}",
            "#+   evidence: {zh: 甲, en: A}",
            "line 7: “evidence” is no name of a column",
        ),
        ("name: word", "name: limit", "line 4: “limit” is taken"),
        ("ORDER BY ?a\n", "", "does not end with ORDER BY"),
        ("ORDER BY ?a\n", "ORDER BY ?a LIMIT 5\n", "ends with a LIMIT"),
        ("SELECT ?a WHERE", "ASK", "is not a SELECT or CONSTRUCT"),
    ],
)
def test_a_broken_file_is_named_with_the_line(tmp_path: Path, before: str, after: str, told: str) -> None:
    text = HEADER.replace(before, after)
    assert text != HEADER
    with pytest.raises(CatalogueError) as caught:
        question_file(tmp_path, text)
    assert str(caught.value).startswith("queries/made-up.rq, line ")
    assert told in str(caught.value)


def test_the_name_of_a_file_is_the_name_of_its_question(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="small letters"):
        question_file(tmp_path, HEADER, "Made Up.rq")


# -- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["教育", "education", "Education", " EDUCATION ", "https://w3id.org/zhengmai/id/domain/education"],
)
def test_a_concept_is_known_by_iri_key_and_label(asker: Asker, typed: str) -> None:
    assert asker.sparql("lead-agencies", {"domain": typed}) == asker.sparql(
        "lead-agencies", {"domain": "education"}
    )


@pytest.mark.parametrize(
    "typed",
    [
        "360704-county",
        "赣县区",
        "360704",
        "赣县区实施方案",
        "赣区府发〔2024〕2号",
        "赣区府发[2024]2号",
        "县区实施",
    ],
)
def test_a_plan_is_known_by_slug_place_title_and_number(asker: Asker, typed: str) -> None:
    assert "/document/360704-county>" in asker.sparql("targets-of-plan", {"plan": typed})


def test_several_plans_that_fit_are_named(asker: Asker) -> None:
    with pytest.raises(BadParameter) as caught:
        asker.sparql("targets-of-plan", {"plan": "实施方案"})
    assert caught.value.allowed == ("360000-province", "360704-county")


@pytest.mark.parametrize(
    "typed", ["赣县区", "360704", "赣县", "https://w3id.org/zhengmai/id/division/360704"]
)
def test_a_place_is_known_by_name_and_code(asker: Asker, typed: str) -> None:
    assert "/division/360704>" in asker.sparql("targets-against-upper", {"place": typed})


@pytest.mark.parametrize("typed", ["赣县", "360721", "武清县", "120222"])
def test_a_place_is_known_by_its_former_name_and_code(corpus: Asker, typed: str) -> None:
    today = "360704" if typed in ("赣县", "360721") else "120114"
    assert f"/division/{today}>" in corpus.sparql("targets-against-upper", {"place": typed})
    assert f"/document/{today}-" in corpus.sparql("targets-of-plan", {"plan": typed})


def test_an_unknown_question_lists_those_that_there_are(asker: Asker) -> None:
    with pytest.raises(NotFound) as caught:
        asker.ask("who-leads", {})
    assert caught.value.allowed == tuple(NAMES)
    assert "lead-agencies" in caught.value.message
    assert "没有名为" in caught.value.text("zh")


@pytest.mark.parametrize(
    ("name", "values", "parameter", "allowed"),
    [
        ("lead-agencies", {"domian": "教育"}, "domian", "domain"),
        ("lead-agencies", {}, "domain", "domain"),
        ("lead-agencies", {"domain": "  "}, "domain", "domain"),
        ("lead-agencies", {"domain": "火星"}, "domain", "education"),
        ("targets-of-plan", {"plan": "火星"}, "plan", "360704-county"),
        ("targets-against-upper", {"place": "火星"}, "place", "360704"),
    ],
)
def test_a_value_that_does_not_fit_lists_those_that_do(
    asker: Asker, name: str, values: dict[str, str], parameter: str, allowed: str
) -> None:
    with pytest.raises(BadParameter) as caught:
        asker.ask(name, values)
    assert caught.value.parameter == parameter
    assert allowed in caught.value.allowed


@pytest.mark.parametrize("year", ["27", "20277", "２０２７", "2027-01", "二〇二七"])
def test_a_year_has_four_digits(asker: Asker, year: str) -> None:
    with pytest.raises(BadParameter, match="2027"):
        asker.ask("targets-of-indicator", {"indicator": "key-process-cnc-rate", "year": year})


@pytest.mark.parametrize(
    "hostile",
    [
        '" } SERVICE <http://127.0.0.1/> { ?s ?p ?o } #',
        'VALUES ?other { "y" }',
        "} UNION { ?s ?p ?o",
        "\\u0022 \\ \n \" ' <a> {x}",
    ],
)
def test_a_value_is_a_term_and_never_a_part_of_the_query(
    tmp_path: Path, sample_store: Path, hostile: str
) -> None:
    question = question_file(tmp_path, HEADER).question("made-up")
    with QueryEngine(sample_store, workers=1) as engine:
        resolver = Resolver(load_vocabularies(), engine.table)
        table: Table = engine.table(question.bind({"word": hostile, "other": "!"}, resolver))
    assert table.texts() == [[hostile.strip() + "!"]]


# -- answers on the sample -------------------------------------------------------------------------------------------


def test_lead_agencies_tells_roles_leads_first_and_tasks_without_anybody(asker: Asker) -> None:
    assert rows(asker, "lead-agencies", "role", "agency", "place", "task", domain="教育") == [
        ("牵头", "区教体局", "赣县区", "推进教育设备更新"),
        ("责任", "区人社局", "赣县区", "推进教育设备更新"),
        ("未见原文", None, "全国", "提升教育文旅医疗设备水平"),
        ("未写明", None, "赣县区", "加强教育宣传"),
    ]


def test_narrower_domains_count_and_labels_follow_the_language(asker: Asker) -> None:
    found = rows(asker, "lead-agencies", "role", "agency", lang="en", domain="equipment-renewal")
    assert found[0] == ("Lead", "区教体局")
    assert ("none named", None) in found


def test_targets_of_an_indicator_go_from_the_nation_down_and_claims_are_marked(asker: Asker) -> None:
    found = rows(
        asker, "targets-of-indicator", "level", "value", "number", "kind", indicator="关键工序数控化率"
    )
    assert found == [
        ("国家级", ">75%", 75, "手工记录"),
        ("县级", ">55%", 55, "原文"),
        ("县级", "≥70%", 70, "转述江西省"),
    ]
    assert not rows(asker, "targets-of-indicator", "value", indicator="关键工序数控化率", year="2024")


def test_what_a_plan_does_about_a_domain(asker: Asker) -> None:
    assert rows(asker, "plan-on-domain", "kind", "text", "role", "agency", plan="赣县区", domain="汽车") == [
        ("任务", "推动汽车以旧换新", "未分主次", "区商务局"),
        ("目标", "2024年报废旧车3万辆以上", None, None),
    ]


def test_the_line_of_a_plan_ends_at_the_national_document(asker: Asker) -> None:
    assert rows(asker, "lineage-of-plan", "place", "number", "origin", "cited", plan="赣县区") == [
        ("赣县区", "赣区府发〔2024〕2号", "原文", "–"),
        ("江西省", None, "仅被引用", "否"),
        ("全国", "国发〔2024〕7号", "手工记录", "是"),
    ]


def test_targets_against_the_levels_above_show_both_sentences(asker: Asker) -> None:
    assert rows(
        asker,
        "targets-against-upper",
        "outcome",
        "lower",
        "upper",
        "ratio",
        "lowerQuote",
        "upperQuote",
        place="赣县区",
    ) == [
        ("减码", ">55%", ">75%", 0.7333, "关键工序数控化率超过55%", "关键工序数控化率超过75%"),
        ("缺失", None, "45%", None, None, "二手车交易量较2023年增长45%"),
        ("自设", "≥3万辆", None, None, "2024年报废旧车3万辆以上", None),
    ]
    assert rows(asker, "targets-against-upper", "outcome", place="赣县区", outcome="omitted") == [("缺失",)]


def test_indicators_that_only_one_plan_sets(asker: Asker) -> None:
    assert rows(asker, "own-indicators", "place", "indicator") == [
        ("全国", "二手车交易量"),
        ("赣县区", "报废旧车"),
    ]
    assert rows(asker, "own-indicators", "indicator", plan="赣县区") == [("报废旧车",)]


def test_tasks_without_a_lead_tell_who_is_named_instead(asker: Asker) -> None:
    assert rows(asker, "tasks-without-lead", "task", "why", "agencies") == [
        ("推动汽车以旧换新", "按职责分工，没有牵头单位", "区商务局"),
        ("加强教育宣传", "没有写单位", None),
    ]


def test_the_other_questions(asker: Asker) -> None:
    assert rows(asker, "tasks-of-agency", "agency", "role", "task", function="商务") == [
        ("区商务局", "未分主次", "推动汽车以旧换新")
    ]
    assert rows(asker, "targets-of-plan", "indicator", "value", "year", plan="赣县区") == [
        ("关键工序数控化率", ">55%", "2027"),
        ("报废旧车", "≥3万辆", "2024"),
    ]
    assert rows(asker, "outcomes-by-plan", "outcome", "count") == [("减码", 1), ("缺失", 1), ("自设", 1)]
    assert rows(asker, "plans", "slug", "rank", "tasks", "targets") == [
        ("100000-nation", 1, 1, 2),
        ("360000-province", 2, 0, 0),
        ("360704-county", 4, 3, 2),
    ]
    assert rows(asker, "plans", "slug", level="县级") == [("360704-county",)]
    assert rows(asker, "cited-documents", "number", "title", "relation", "held") == [
        ("国发〔2024〕7号", None, "贯彻落实", "手工记录"),
        (None, "节能法", "提及", "未收录"),
    ]
    assert rows(asker, "agencies-of-plan", "agency", "lead", "responsible", plan="赣县区") == [
        ("区教体局", 1, 0),
        ("区人社局", 0, 1),
        ("区商务局", 0, 0),
    ]


# -- answers on the real plans ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_each_example_has_an_answer_without_duplicates_in_a_stable_order(corpus: Asker, name: str) -> None:
    example = CATALOGUE.question(name).example
    table = corpus.ask(name, example).table
    assert len(table) or name in EMPTY_ON_THE_PLANS
    assert len(set(table.rows)) == len(table)
    assert corpus.ask(name, example).table == table
    assert len(corpus.ask(name, example, "en").table) == len(table)


def test_who_leads_education_in_each_real_plan(corpus: Asker) -> None:
    found = rows(corpus, "lead-agencies", "place", "role", "agency", domain="教育")
    assert ("江夏区", "牵头", "区教育局") in found
    assert ("伍家岗区", "牵头", "区教育局") in found
    assert ("赣县区", "责任", "区教体局") in found
    assert ("武清区", "未分主次", "区教育局") in found
    assert ("乌海市", "未写明", None) in found


def test_the_line_of_a_real_plan_ends_at_the_national_document(corpus: Asker) -> None:
    found = rows(corpus, "lineage-of-plan", "place", "number", plan="赣县区")
    assert [place for place, _ in found] == ["赣县区", "赣州市", "江西省", "全国"]
    assert found[-1] == ("全国", "国发〔2024〕7号")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in TABLES])
def test_each_graph_has_an_answer_and_is_no_table(corpus: Asker, name: str) -> None:
    example = CATALOGUE.question(name).example
    assert corpus.graph(name, example).triples
    assert corpus.graph(name, example).triples == corpus.graph(name, example, "en").triples
    with pytest.raises(BadInput, match="turtle"):
        corpus.ask(name, example)
    with pytest.raises(BadInput, match="csv"):
        corpus.graph("plans", {})


@pytest.mark.parametrize("name", TABLES)
def test_each_value_is_of_the_type_of_its_column(corpus: Asker, name: str) -> None:
    question = CATALOGUE.question(name)
    asked = [dict(question.example)]
    asked += [{}] if not any(one.required for one in question.parameters) else []
    for values in asked:
        for row in corpus.ask(name, values).table.rows:
            for column, cell in zip(question.columns, row, strict=True):
                if cell is not None:
                    assert type_of(cell) == question.types[column], f"{column}: {cell}"


def type_of(cell: Cell) -> str:
    if cell.kind == "uri":
        return "iri"
    kinds = {
        "gYear": "year",
        "date": "date",
        "integer": "integer",
        "decimal": "decimal",
        "boolean": "boolean",
    }
    return kinds.get((cell.datatype or "").rpartition("#")[2], "text")


@pytest.mark.parametrize("name", TABLES)
def test_the_parts_of_an_answer_are_its_rows_once_each(corpus: Asker, name: str) -> None:
    example = CATALOGUE.question(name).example
    whole = corpus.ask(name, example)
    step = max(1, -(-whole.total // 3))
    rows: list[tuple[Cell | None, ...]] = []
    for offset in range(0, whole.total, step):
        part = corpus.ask(name, example, limit=step, offset=offset)
        assert (part.total, part.limit, part.offset) == (whole.total, step, offset)
        rows += part.table.rows
    assert tuple(rows) == whole.table.rows
    beyond = corpus.ask(name, example, limit=5, offset=whole.total + 7)
    assert (beyond.total, beyond.table.rows) == (whole.total, ())


def test_the_page_on_the_questions_is_fresh() -> None:
    written = (Path(__file__).parent.parent / "docs" / "questions.md").read_text(encoding="utf-8")
    assert written == markdown(CATALOGUE), "run 'zhengmai questions --out docs/questions.md'"


# -- lines for some parameters alone ---------------------------------------------------------------------------------

HUBEI = ("湖北省", "武汉市", "江夏区", "宜昌市", "伍家岗区")


@pytest.mark.parametrize(
    "name", ["domain-leads", "tasks-of-agency", "targets-of-indicator", "plans", "counterparts"]
)
def test_a_place_gives_the_rows_of_all_that_are_within_it(corpus: Asker, name: str) -> None:
    wanted = dict(CATALOGUE.question(name).example)
    whole = corpus.ask(name, wanted).table.records()
    within = corpus.ask(name, {**wanted, "place": "湖北省"}).table.records()
    assert within
    assert [row for row in whole if row["place"] in HUBEI] == within
    assert corpus.ask(name, {**wanted, "place": "全国"}).table.records() == whole


def test_a_condition_names_a_parameter(tmp_path: Path) -> None:
    text = files_text("plans").replace("#if place", "#if nowhere", 1)
    (tmp_path / "plans.rq").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match="nowhere"):
        load_catalogue([tmp_path / "plans.rq"])


def files_text(name: str) -> str:
    """The file of a question."""
    return (Path(__file__).parent.parent / "queries" / f"{name}.rq").read_text(encoding="utf-8")
