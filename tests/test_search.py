"""Search on the real plans: what was seen by eye in their texts is found, and nothing that is typed can harm."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.settings import Settings
from graph.build import open_current
from graph.errors import BadParameter, QueryTimeout, StoreError
from graph.folding import STOP, placed, tokens
from graph.making import read_text
from graph.search_index import FILE, KINDS, rows_of, update
from graph.stores import open_store
from queries.searching import LONGEST, MOST_WORDS, Found, SearchIndex, words_of
from tests.support.search import index_contents

WUJIAGANG, JIANGXIA = "420503-wujiagang-2024-draft", "420115-jiangxia-2024"
TEXTS = {JIANGXIA, WUJIAGANG, "120114-wuqing-2024", "150300-wuhai-2024", "360704-ganxian-2024"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture(scope="module")
def index(built: Path) -> SearchIndex:
    return SearchIndex(open_current(built))


@pytest.fixture(scope="module")
def client(built: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(data=built)), raise_server_exceptions=False) as made:
        yield made


def labels(found: Found) -> list[str]:
    return [hit.label.text for hit in found.hits]


def marked(passage: Any) -> list[str]:
    return [passage.text[start:stop] for start, stop in passage.marks]


# -- words of one and two characters ---------------------------------------------------------------------------


def test_a_word_of_two_characters_is_found_in_every_text(index: SearchIndex) -> None:
    found = index.search("电梯", limit=100)
    assert {hit.document for hit in found.hits} == TEXTS
    assert found.count == len(found.hits) == sum(found.kinds.values()) == sum(found.levels.values())
    # 江夏区: one task, two targets, and the row of the annex that says both again
    own = [(hit.kind, hit.path) for hit in found.hits if hit.document == JIANGXIA]
    assert sorted(own) == [
        ("provision", "附件/4"),
        ("target", "二/（二）/1"),
        ("target", "二/（二）/1"),
        ("task", "二/（二）/1"),
    ]


def test_each_result_shows_the_sentence_and_where_in_it_the_word_stands(index: SearchIndex) -> None:
    found = index.search("电梯", kinds=["task"], place="江夏区")
    [hit] = found.hits
    assert hit.label.text == "加快建筑领域设备更新"
    first, second = hit.passages
    assert first.text.startswith(
        "结合城市更新、城中村改造等工作，老旧小区持续推进既有住宅加装更新电梯，淘汰高污染、高能耗、"
    )
    assert first.text.endswith("。")
    assert marked(first) == marked(second) == ["电梯"]
    assert "更新和加装电梯16台" in second.text


def test_a_word_of_one_character_is_found(index: SearchIndex) -> None:
    found = index.search("区")
    assert found.count > 300
    assert found.hits[0].kind == "plan"
    assert all(marked(hit.label) for hit in found.hits)


def test_a_word_is_not_found_across_the_end_of_a_clause(index: SearchIndex) -> None:
    # 武清区: “…电梯、坡道…”
    assert index.search("电梯坡道").count == 0
    assert index.search('"电梯、坡道"').count == index.search("电梯 坡道").count == 1


def test_all_words_have_to_occur(index: SearchIndex) -> None:
    both = index.search("电梯 供水", limit=100)
    one, other = (
        {hit.iri + str(hit.path) for hit in index.search(word, limit=100).hits} for word in ("电梯", "供水")
    )
    assert {hit.iri + str(hit.path) for hit in both.hits} == one & other
    assert both.words == ["电梯", "供水"]
    assert index.search("电梯，供水").count == both.count  # punctuation parts words as blanks do


def test_lines_that_the_layout_cut_are_whole(index: SearchIndex, built: Path) -> None:
    raw = (open_current(built) / "texts" / f"{JIANGXIA}.txt").read_text(encoding="utf-8")
    broken = next(re.finditer(r"[\u4e00-\u9fff]\s*\n\s*[\u4e00-\u9fff]", raw))
    assert "\n" in broken.group()
    around = re.sub(r"\s", "", raw[broken.start() - 3 : broken.end() + 3])
    assert JIANGXIA in {hit.document for hit in index.search(f'"{around}"', limit=100).hits}


# -- ranking ---------------------------------------------------------------------------------------------------


def test_names_come_before_texts_and_what_is_called_so_before_all(index: SearchIndex) -> None:
    found = index.search("汽车以旧换新", limit=100)
    assert labels(found)[:2] == ["汽车以旧换新", "汽车以旧换新"]
    assert [hit.exact for hit in found.hits] == sorted((hit.exact for hit in found.hits), reverse=True)
    kinds = [hit.kind for hit in found.hits if hit.label.marks or hit.names]
    kinds = kinds[sum(hit.exact for hit in found.hits) :]
    assert kinds == sorted(kinds, key=KINDS.index)
    named = [bool(hit.label.marks or hit.names) for hit in found.hits]
    assert named == sorted(named, reverse=True)


def test_plans_come_before_targets_tasks_and_texts(index: SearchIndex) -> None:
    found = index.search("设备更新", limit=100)
    named = [hit.kind for hit in found.hits if hit.label.marks and not hit.exact]
    assert named[0] == "plan"
    assert named == sorted(named, key=KINDS.index)
    texts = [hit.kind for hit in found.hits if not (hit.label.marks or hit.names)]
    assert texts == sorted(texts, key=["task", "target", "cited-target", "provision"].index)


# -- spellings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["国发〔2024〕7号", "国发[2024]7号", "国发（2024）7号", "國發【２０２４】７號", " 国发 [ 2024 ] 7号 "],
)
def test_a_document_number_is_found_however_it_is_typed(index: SearchIndex, typed: str) -> None:
    found = index.search(f'"{typed}"' if " " in typed else typed)
    assert found.hits[0].document == "100000-state-council-2024"
    assert found.hits[0].exact
    assert [marked(name) for name in found.hits[0].names] == [["国发〔2024〕7号"]]
    assert {hit.document for hit in found.hits[1:]} == {"360704-ganxian-2024"}  # which cites it


@pytest.mark.parametrize("typed", ["電梯", "电梯", "“电梯”", "「電梯」", "电梯。"])
def test_traditional_characters_and_quotation_marks_do_not_matter(index: SearchIndex, typed: str) -> None:
    assert index.search(typed).count == index.search("电梯").count


def test_an_agency_is_found_by_any_spelling(index: SearchIndex, built: Path) -> None:
    store = open_store(open_current(built) / "store")
    rows = store.rows(
        "SELECT DISTINCT ?agency ?name { ?agency a <https://w3id.org/zhengmai/ns#Agency> ; "
        "<http://www.w3.org/2004/02/skos/core#prefLabel>|<http://www.w3.org/2004/02/skos/core#altLabel> ?name }"
    )
    names = [(row["agency"].value, row["name"].value) for row in rows]  # type: ignore[union-attr]
    assert len(names) > 109
    for iri, name in names[::7]:
        exact = {hit.iri for hit in index.search(name, kinds=["agency"], limit=100).hits if hit.exact}
        assert iri in exact, name


def test_an_agency_is_found_with_its_place_before_its_name(index: SearchIndex) -> None:
    [hit] = index.search("江夏区商务局").hits
    assert (hit.kind, hit.label.text, hit.place, hit.document) == ("agency", "区商务局", "江夏区", None)
    assert hit.exact


def test_an_indicator_is_found_by_its_english_name(index: SearchIndex) -> None:
    found = index.search("trade-in", limit=100)
    assert index.search("LIFTS renewed").hits[0].kind == "target"
    assert all(hit.kind in ("target", "cited-target") for hit in found.hits)


# -- filters and pages -----------------------------------------------------------------------------------------


def test_filters_narrow_and_tell_what_another_choice_would_give(index: SearchIndex) -> None:
    every = index.search("以旧换新", limit=100)
    tasks = index.search("以旧换新", kinds=["task"], limit=100)
    assert tasks.count == every.kinds["task"] == len(tasks.hits)
    assert tasks.kinds == every.kinds
    cities = index.search("以旧换新", levels=["city"], limit=100)
    assert cities.count == every.levels["city"]
    assert {hit.level for hit in cities.hits} == {"city"}
    within = index.search("以旧换新", place="湖北省", limit=100)
    assert {hit.code[:2] for hit in within.hits} == {"42"}
    assert within.count == index.search("以旧换新", place="420000").count < every.count
    assert index.search("以旧换新", place="湖北").count == within.count
    assert {hit.code for hit in index.search("以旧换新", place="赣县").hits} == {"360704"}  # as it was called


def test_pages_together_are_the_whole_in_the_same_order(index: SearchIndex) -> None:
    whole = index.search("设备", limit=100).hits
    parts = [hit for at in range(0, 100, 7) for hit in index.search("设备", limit=7, offset=at).hits][:100]
    assert parts == whole
    assert index.search("设备", offset=10_000).hits == []


# -- what is typed cannot harm ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", " ", "！！！", "\0", "\"'", "《》〔〕", "…… ——", "\ud83d", "\u200b"])
def test_what_cannot_be_looked_for_is_said(index: SearchIndex, typed: str) -> None:
    with pytest.raises(BadParameter) as caught:
        index.search(typed)
    assert caught.value.parameter == "q"
    assert caught.value.zh


@pytest.mark.parametrize(
    "typed",
    [
        'a" OR "b',
        "label : 电梯",
        "NEAR(电梯 更新)",
        "电梯 NOT 更新",
        "^电梯",
        "电*",
        "{label} : x",
        "a AND",
        "' --",
    ],
)
def test_operators_of_the_engine_are_words(index: SearchIndex, typed: str) -> None:
    try:
        found = index.search(typed)
    except BadParameter:
        return
    assert all(word for word in found.words)
    if typed == "电*":
        assert found.count == index.search("电").count


def test_too_much_at_a_time_is_said(index: SearchIndex) -> None:
    with pytest.raises(BadParameter, match=str(LONGEST)):
        index.search("换" * (LONGEST + 1))
    with pytest.raises(BadParameter, match=str(MOST_WORDS)):
        index.search(" ".join("天地玄黄宇宙洪荒日月盈昃辰宿列张寒"))
    with pytest.raises(BadParameter, match="湖南") as caught:
        index.search("电梯", place="湖南省")
    assert "420115" in caught.value.allowed


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered_or_refused(built: Path, typed: str) -> None:
    index = SearchIndex(open_current(built))
    try:
        found = index.search(typed, limit=3)
    except BadParameter:
        return
    for hit in found.hits:
        for passage in (hit.label, *hit.names, *hit.passages):
            assert all(0 <= start < stop <= len(passage.text) for start, stop in passage.marks)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="电梯換新〔２０２４〕7号ＡbÉ㎡½①。 \n|“", max_size=30))
def test_tokens_know_their_place(text: str) -> None:
    found = placed(text)
    assert [token for token, _, _ in found] == tokens(text)
    for token, start, stop in found:
        assert (
            token == STOP or token in "".join(tokens(text[start:stop])) or len(tokens(text[start:stop])) > 1
        )


def test_a_search_that_takes_too_long_is_ended(built: Path) -> None:
    with pytest.raises(QueryTimeout):
        SearchIndex(open_current(built), seconds=-1).search("区", limit=100)


def test_a_build_without_an_index_says_what_to_do(built: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="zhengmai build"):
        SearchIndex(tmp_path).search("电梯")
    (tmp_path / FILE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreError, match="zhengmai build"):
        SearchIndex(tmp_path).search("电梯")


def test_words_are_taken_apart_as_people_type_them() -> None:
    assert words_of("电梯 “更新 换新”，2024").typed == ("电梯", "更新 换新", "2024")
    assert words_of('"没有结束 的引号').typed == ("没有结束", "的引号")
    assert words_of("电梯 电梯 電梯").phrases == (("电", "梯"),)


# -- the index itself ------------------------------------------------------------------------------------------


def test_a_document_that_is_put_in_again_changes_nothing(built: Path, tmp_path: Path) -> None:
    from graph.ahead import take_files
    from graph.incremental import read_record

    folder = open_current(built)
    rows = [rows_of(read_record(folder, slug), read_text(folder, slug)) for slug in (JIANGXIA, WUJIAGANG)]
    take_files(folder, tmp_path)
    update(tmp_path, rows)
    assert index_contents(tmp_path) == index_contents(folder)


def test_every_character_of_a_text_is_in_the_index(built: Path) -> None:
    folder = open_current(built)
    entries = index_contents(folder)[0]
    for slug in sorted(TEXTS):
        kept = Counter((folder / "texts" / f"{slug}.txt").read_text(encoding="utf-8"))
        clauses = [row for row in entries if row[2] == slug and KINDS[row[0]] in ("task", "provision")]
        held = Counter(char for row in clauses for char in row[7] or row[5])
        missing = [char for char in (kept - held).elements() if "\u4e00" <= char <= "\u9fff"]
        assert missing == [], slug


# -- the service and the command -------------------------------------------------------------------------------


def test_programs_get_results_with_everything_that_they_need(client: TestClient) -> None:
    answer = client.get("/search", params={"q": "电梯 16台", "kind": "target"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["count"], body["words"]) == (1, ["电梯", "16台"])
    [one] = body["results"]
    assert one["iri"].startswith("https://w3id.org/zhengmai/id/document/420115-jiangxia-2024/target/")
    assert one["sentences"] == [{"text": "2024年，更新和加装电梯16台", "marks": [[11, 13], [13, 16]]}]
    assert one["place"] == {"code": "420115", "name": "江夏区", "level": "county"}
    start, stop = one["span"]
    assert stop - start >= len("2024年，更新和加装电梯16台")


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({}, "q"),
        ({"q": "\0"}, "q"),
        ({"q": "换" * 3_400}, "q"),
        ({"q": "？！"}, "q"),
        ({"q": "电梯", "kind": "x"}, "kind"),
        ({"q": "电梯", "level": "x"}, "level"),
        ({"q": "电梯", "place": "' OR 1=1"}, "place"),
        ({"q": "电梯", "place": "%"}, "place"),
        ({"q": "电梯", "limit": "0"}, "limit"),
        ({"q": "电梯", "offset": "10001"}, "offset"),
    ],
)
def test_what_does_not_fit_is_a_problem_and_a_page(
    client: TestClient, params: dict[str, str], parameter: str
) -> None:
    answer = client.get("/search", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["parameter"] == parameter
    page = client.get("/search", params=params, headers={"Accept": BROWSER})
    assert page.status_code == (200 if not params else 422)
    assert page.headers["content-type"].startswith("text/html")


def test_people_get_a_page_that_reads_whole_without_script(client: TestClient) -> None:
    page = client.get("/search", params={"q": "电梯", "place": "江夏区"}, headers={"Accept": BROWSER}).text
    assert "更新和加装<mark>电梯</mark>" in page
    assert all(one.startswith(' type="module" src="/static/') for one in re.findall("<script([^>]*)", page))
    assert "共 4 条" in page
    english = client.get(
        "/search", params={"q": "设备", "lang": "en", "limit": "5"}, headers={"Accept": BROWSER}
    )
    assert 'rel="next"' in english.text
    assert "1–5 of" in english.text
    empty = client.get("/search", headers={"Accept": BROWSER})
    assert (empty.status_code, "<mark>" in empty.text) == (200, False)
    bad = client.get("/search", params={"q": "<b>电梯</b>", "kind": "task"}, headers={"Accept": BROWSER}).text
    assert "<b>电梯" not in bad


def test_many_search_at_a_time(client: TestClient) -> None:
    wrong: list[object] = []

    def ask(word: str) -> None:
        for _ in range(3):
            answer = client.get("/search", params={"q": word})
            if answer.status_code != 200 or not answer.json()["count"]:
                wrong.append(answer.text)

    threads = [
        threading.Thread(target=ask, args=[word]) for word in ("电梯", "区", "换新", "国发〔2024〕7号")
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []


def test_the_command_prints_results_and_errors(built: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zhengmai", "search", *arguments, "--data", str(built)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("电梯", "16台", "--kind", "target")
    assert done.returncode == 0
    assert done.stdout == (
        "[目标] 更新和加装电梯\n"
        "    江夏区 · 二/（二）/1 · 江夏区推动大规模设备更新和消费品以旧换新实施方案\n"
        "    “2024年，更新和加装电梯16台”\n"
        "共 1 条，列出 1 条\n"
    )
    assert json.loads(run("电梯", "--format", "json").stdout)["count"] > 10
    wrong = run("电梯", "--kind", "x")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "provision" in wrong.stderr
