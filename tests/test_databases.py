"""SQLite files of builds: a small change goes into the log alone, and whoever reads gets file and log as one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from graph import databases, sealing
from graph.errors import StoreError

NAME = "some.db"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    folder.mkdir()
    with closing(databases.created(folder / NAME)) as base:
        base.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)")
        base.executemany("INSERT INTO thing (name) VALUES (?)", [(f"{at:040}",) for at in range(20_000)])
        databases.finish(base)
    sealing.seal(folder)
    return folder


def _follow(before: Path, name: str, text: str) -> Path:
    """A build made out of another, in which one thing is called otherwise."""
    folder = before.with_name(name)
    folder.mkdir()
    databases.take_over(before / NAME, folder / NAME)
    with closing(databases.changed(folder / NAME)) as base, base:
        base.execute("UPDATE thing SET name = ? WHERE id = 7", [text])
    sealing.seal(folder, before)
    return folder


def _called(folder: Path) -> str:
    with closing(databases.opened(folder / NAME)) as base:
        return str(base.execute("SELECT name FROM thing WHERE id = 7").fetchone()[0])


def test_a_change_is_written_beside_the_file(first: Path) -> None:
    digest = sealing.digest(first / NAME)
    second = _follow(first, "second", "two")
    third = _follow(second, "third", "three")
    assert [_called(one) for one in (first, second, third)] == [f"{6:040}", "two", "three"]
    for folder in (second, third):
        # Nothing is left of what only the writer needs, and no reader leaves anything.
        assert {path.name for path in folder.iterdir()} == {NAME, NAME + "-wal", sealing.FILE}
        assert (folder / NAME).samefile(first / NAME)
        assert list(sealing.faults(folder)) == []
    assert sealing.digest(first / NAME) == digest


def test_several_read_a_file_and_its_log_at_once_and_none_writes(first: Path) -> None:
    second = _follow(first, "second", "two")
    with closing(databases.opened(second / NAME)) as one, closing(databases.opened(second / NAME)) as other:
        assert one.execute("SELECT count(*) FROM thing").fetchone() == (20_000,)
        assert other.execute("SELECT count(*) FROM thing").fetchone() == (20_000,)
        _follow(second, "third", "three")
        assert one.execute("SELECT name FROM thing WHERE id = 7").fetchone() == ("two",)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            one.execute("DELETE FROM thing")


def test_a_log_that_has_grown_is_written_into_a_copy(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_LEAST", 10_000)
    monkeypatch.setattr(databases, "_SHARE", 200)
    digest, builds = sealing.digest(first / NAME), [first]
    for number in range(9):
        builds.append(_follow(builds[-1], f"build-{number}", f"name {number}"))
    copied = [
        one
        for one, before in zip(builds[1:], builds, strict=False)
        if not (one / NAME).samefile(before / NAME)
    ]
    assert 0 < len(copied) < 8
    assert [_called(one) for one in builds[1:]] == [f"name {number}" for number in range(9)]
    assert all(list(sealing.faults(one)) == [] for one in builds)
    assert sealing.digest(first / NAME) == digest


def test_a_damaged_log_is_told(first: Path) -> None:
    second = _follow(first, "second", "two")
    log = databases.log_of(second / NAME)
    body = bytearray(log.read_bytes())
    names = databases.with_logs([NAME])
    sealing.trust(second, names, anew=False)
    # SQLite itself takes a part that it cannot believe for the end of the log.
    body[len(body) // 2] ^= 1
    log.write_bytes(body)
    with pytest.raises(StoreError, match=r"some\.db-wal"):
        sealing.trust(second, names, anew=False)
    log.unlink()
    with pytest.raises(StoreError, match="missing"):
        sealing.trust(second, names, anew=False)
