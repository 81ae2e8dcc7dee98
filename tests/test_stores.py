"""The store: written once, opened read-only, and clear words when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import QuerySyntaxError, StoreError
from graph.stores import Ordering, create, open_store

QUADS = """\
<http://e/a> <http://e/p> "57.0"^^<http://www.w3.org/2001/XMLSchema#decimal> <http://e/g1> .
<http://e/a> <http://e/p> "甲"@zh <http://e/g1> .
<http://e/a> <http://e/p> "甲"@zh <http://e/g2> .
"""


@pytest.fixture
def quads(tmp_path: Path) -> Path:
    path = tmp_path / "some.nq"
    path.write_text(QUADS, encoding="utf-8")
    return path


def test_a_store_is_made_from_files_and_read_back(tmp_path: Path, quads: Path) -> None:
    assert create(tmp_path / "new" / "store", [quads]) == 3
    store = open_store(tmp_path / "new" / "store")
    assert len(store) == 3
    rows = list(store.rows("SELECT DISTINCT ?o ?no { ?s ?p ?o FILTER(isLITERAL(?o)) } ORDER BY ?o"))
    assert {str(row["o"]) for row in rows} == {'"甲"@zh', '"57"^^<http://www.w3.org/2001/XMLSchema#decimal>'}
    assert all("no" not in row for row in rows), "what is not bound is not there"
    assert store.ask('ASK { ?s ?p "甲"@zh }')


def test_the_union_of_graphs_has_each_triple_once(tmp_path: Path, quads: Path) -> None:
    create(tmp_path / "store", [quads])
    store = open_store(tmp_path / "store")
    assert len(store.graph_union()) == 2
    assert len(store.graph_union("http://e/g2")) == 1


def test_nothing_is_written_over(tmp_path: Path, quads: Path) -> None:
    create(tmp_path / "store", [quads])
    with pytest.raises(StoreError, match="already exists"):
        create(tmp_path / "store", [quads])


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.nq").write_text("<http://e/a> nonsense", encoding="utf-8")
    with pytest.raises(StoreError, match=r"bad\.nq: cannot be loaded"):
        create(tmp_path / "store", [tmp_path / "bad.nq"])


@pytest.mark.parametrize("wrong", range(3))
def test_of_several_files_the_broken_one_is_named_with_its_line(tmp_path: Path, wrong: int) -> None:
    quad = "<http://e/a> <http://e/p> <http://e/b> <http://e/g> ."
    files = [tmp_path / f"{number}.nq" for number in range(3)]
    for number, file in enumerate(files):  # the last line of each without an end
        file.write_text(f"{quad}\n{'nonsense' if number == wrong else quad}", encoding="utf-8")
    with pytest.raises(StoreError, match=rf"{wrong}\.nq: cannot be loaded: line 2, "):
        create(tmp_path / "store", files)


def test_a_last_line_without_an_end_does_not_run_into_the_next_file(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.nq" for number in range(3)]
    for number, file in enumerate(files):
        file.write_text(f"<http://e/{number}> <http://e/p> <http://e/b> <http://e/g> .", encoding="utf-8")
    assert create(tmp_path / "store", files) == 3


@pytest.mark.parametrize("made", [False, True])
def test_a_missing_store_says_what_to_do(tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match="run 'zhengmai build' first"):
        open_store(tmp_path / "store")


def test_a_syntax_error_is_typed(tmp_path: Path, quads: Path) -> None:
    create(tmp_path / "store", [quads])
    with pytest.raises(QuerySyntaxError):
        list(open_store(tmp_path / "store").rows("SELECT ?s { "))


def test_a_store_is_put_in_order_while_others_read_it(tmp_path: Path, quads: Path) -> None:
    path = tmp_path / "store"
    create(path, [quads], ordered=False)
    ordering = Ordering(path)
    read = open_store(path)
    before = set(read.native)
    ordering.take()
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == ["store"]
    assert set(open_store(path).native) == before
    assert set(read.native) == before, "whoever opened it before reads on"


def test_that_a_store_cannot_be_put_in_order_is_told_when_it_is_wanted(tmp_path: Path, quads: Path) -> None:
    path = tmp_path / "store"
    create(path, [quads], ordered=False)
    (tmp_path / "store.ordered").mkdir()
    ordering = Ordering(path)
    ordering.wait()
    with pytest.raises(StoreError, match=r"store\.ordered"):
        ordering.take()
    assert len(open_store(path)) == 3
