"""Hashes that are remembered, and files of the cache: never believed where they may be wrong."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from graph import cache_files
from graph.hashes import Hashes


def _old(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as it stands some time after it was written: its status cannot be set back, so the clock goes on."""
    path.write_text(text, encoding="utf-8")
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, kept = tmp_path / "plan.txt", tmp_path / "hashes.json"
    _old(file, "one", monkeypatch)
    first = Hashes(kept)
    assert first.of(file) == _sha("one")
    first.keep()
    again = Hashes(kept)
    monkeypatch.setattr(Path, "read_bytes", _must_not)
    assert again.of(file) == _sha("one")


def _must_not(path: Path) -> bytes:
    raise AssertionError(f"{path} was read")


def test_a_change_that_sets_its_time_back_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, kept = tmp_path / "plan.txt", tmp_path / "hashes.json"
    _old(file, "one", monkeypatch)
    before = file.stat()
    first = Hashes(kept)
    first.of(file)
    first.keep()
    time.sleep(0.02)  # a tick of the clock of the file system
    with file.open("r+", encoding="utf-8") as opened:
        opened.write("two")  # in place: the same inode, the same size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_mtime_ns, file.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert Hashes(kept).of(file) == _sha("two")


def test_what_was_just_written_is_read_again(tmp_path: Path) -> None:
    file, kept = tmp_path / "plan.txt", tmp_path / "hashes.json"
    file.write_text("one", encoding="utf-8")
    first = Hashes(kept)
    first.of(file)
    first.keep()
    assert not kept.exists()  # nothing is old enough to be remembered


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_memory_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    file, kept = tmp_path / "plan.txt", tmp_path / "hashes.json"
    _old(file, "one", monkeypatch)
    first = Hashes(kept)
    first.of(file)
    first.keep()
    data = bytearray(kept.read_bytes())
    if damage == "gone":
        kept.unlink()
    else:
        data[-20] ^= 1
        kept.write_bytes(data if damage == "flipped" else data[:-9])
    assert Hashes(kept).of(file) == _sha("one")
    assert cache_files.read(kept) is None


def test_what_is_sealed_is_read_back(tmp_path: Path) -> None:
    cache_files.write(tmp_path / "a", "甲\n乙".encode())
    assert cache_files.read(tmp_path / "a") == "甲\n乙".encode()
    assert cache_files.read(tmp_path / "b") is None
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
