"""Links to a folder of plans: as they should be each time, whatever the change before left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from graph import staging

NAMES = ["catalog.yaml", "a.txt", "b.txt", "records/c.yaml"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    (folder / "records").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def _read(stage: Path) -> dict[str, tuple[bool, str]]:
    paths = [path for path in stage.rglob("*") if not path.is_dir()]
    return {str(path.relative_to(stage)): (path.is_symlink(), path.read_text("utf-8")) for path in paths}


def test_links_are_taken_from_the_change_before(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    first, second = tmp_path / "changes" / "1" / "corpus", tmp_path / "changes" / "2" / "corpus"
    staging.prepare(first, data, source, NAMES)
    wanted = {name: (True, name) for name in NAMES}
    assert _read(first) == wanted
    inode = os.lstat(first / "a.txt").st_ino
    # What a change does: another file in the place of a link, one more, one less, one that leads elsewhere.
    (first / "b.txt").unlink()
    (first / "b.txt").write_text("other", encoding="utf-8")
    (first / "new").mkdir()
    (first / "new" / "d.txt").write_text("new", encoding="utf-8")
    (first / "catalog.yaml").unlink()
    (first / "records" / "c.yaml").unlink()
    (first / "records" / "c.yaml").symlink_to(tmp_path / "nowhere")
    staging.keep(first, data)
    assert not first.exists()
    staging.keep(first, data)
    staging.prepare(second, data, source, NAMES)
    assert _read(second) == wanted
    assert os.lstat(second / "a.txt").st_ino == inode
    assert not (data / staging.FOLDER).exists()
    assert (source / "b.txt").read_text(encoding="utf-8") == "b.txt"


def test_links_of_another_folder_are_of_no_use(source: Path, tmp_path: Path) -> None:
    (tmp_path / staging.FOLDER).mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / staging.FOLDER / name).symlink_to(f"{source}-before/{name}")
    staging.prepare(tmp_path / "1" / "corpus", tmp_path, source, ["a.txt"])
    assert _read(tmp_path / "1" / "corpus") == {"a.txt": (True, "a.txt")}


@pytest.mark.parametrize("what", ["nothing", "text", "elsewhere", "more", "less", "gone"])
def test_links_that_were_looked_over_are_looked_at_again_where_one_was_changed(
    source: Path, tmp_path: Path, what: str
) -> None:
    data, stage = tmp_path / "data", tmp_path / "changes" / "1" / "corpus"
    data.mkdir()
    staging.look_over(data, source, NAMES)
    kept = data / staging.FOLDER
    inode = os.lstat(kept / "a.txt").st_ino
    link = kept / "records" / "c.yaml"
    if what in ("text", "elsewhere", "less"):
        link.unlink()
    if what == "text":
        link.write_text("other", encoding="utf-8")
    if what == "elsewhere":
        link.symlink_to(tmp_path / "nowhere")
    if what == "more":
        (kept / "records" / "d.yaml").symlink_to(source / "a.txt")
    if what == "gone":
        shutil.rmtree(kept)
    staging.prepare(stage, data, source, NAMES)
    assert _read(stage) == {name: (True, name) for name in NAMES}
    assert what == "gone" or os.lstat(stage / "a.txt").st_ino == inode
    staging.keep(stage, data)
    # Other files are asked for than those that were looked over
    staging.look_over(data, source, NAMES)
    staging.prepare(stage, data, source, NAMES[:2])
    assert _read(stage) == {name: (True, name) for name in NAMES[:2]}


def test_links_that_are_right_are_not_looked_at_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    staging.look_over(tmp_path / "data", source, NAMES)
    monkeypatch.setattr(os, "readlink", None)
    staging.prepare(tmp_path / "corpus", tmp_path / "data", source, NAMES)
    assert len(_read(tmp_path / "corpus")) == len(NAMES)
