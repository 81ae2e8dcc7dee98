"""A copy of a folder of plans to be changed: links into it, kept from one change to the next.

Links are symbolic, since these leave no trace on the files: they need not be hashed again. Making one for each of ten
thousand plans takes longer than the change itself; so those of the change before are taken, each is looked at, and only what is
not as it should be is made anew. While nobody waits they are looked at ahead: where their folders were not written to since, they
need not be looked at again. Nothing rests on them: they may be removed at any time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = "staged"
"""In the data folder: the links of the change before, while none is made."""


@dataclass(frozen=True)
class _Seen:
    """Links that were looked at, all of them into one folder, and what tells that none was changed since: a link is only ever replaced."""

    source: Path
    names: frozenset[str]
    marks: Mapping[str, tuple[int, int, int]]

    def still(self) -> bool:
        """Whether nothing was put into their folders or taken out of them since."""
        with suppress(OSError):
            return all(_mark(folder) == mark for folder, mark in self.marks.items())
        return False


_seen: dict[Path, _Seen] = {}  # by data folder


def look_over(data: Path, source: Path, names: Collection[str]) -> None:
    """Make the links of the next change as they should be, and remember that they are."""
    kept = data / FOLDER
    kept.mkdir(parents=True, exist_ok=True)
    _put_right(kept, source, names)
    marks = {folder: _mark(folder) for folder, _, _ in os.walk(kept)}
    # Looked at once more, with nothing to put right: what is changed after the marks were taken changes these
    if _put_right(kept, source, names):
        return
    _seen[data] = _Seen(source, frozenset(names), marks)


def prepare(stage: Path, data: Path, source: Path, names: Collection[str]) -> None:
    """Make ``stage`` a folder with a link to each of some files of ``source``, and nothing else."""
    stage.parent.mkdir(parents=True, exist_ok=True)
    kept, seen = data / FOLDER, _seen.pop(data, None)
    as_seen = seen is not None and seen.source == source and seen.names == set(names) and seen.still()
    with suppress(OSError):
        kept.rename(stage)
        if as_seen:
            return
    stage.mkdir(exist_ok=True)
    _put_right(stage, source, names)


def _put_right(stage: Path, source: Path, names: Collection[str]) -> int:
    """Make what is wrong or missing, and remove what is too much; how many."""
    there, wanted, wrong = linked(stage), set(names), 0
    for name in wanted:
        target = f"{source}/{name}"
        if there.get(name) and os.readlink(f"{stage}/{name}") == target:  # noqa: PTH115 - as below
            continue
        wrong += 1
        path = stage / name
        if name in there:
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, path)  # noqa: PTH211 - there may be thousands
    for name in there.keys() - wanted:
        wrong += 1
        (stage / name).unlink()
    return wrong


def _mark(folder: str) -> tuple[int, int, int]:
    stat = os.stat(folder)  # noqa: PTH116 - as os.walk names it
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def keep(stage: Path, data: Path) -> None:
    """Leave the links, where there are some, to the next change."""
    kept = data / FOLDER
    if stage.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):
            stage.rename(kept)


def linked(stage: Path) -> dict[str, bool]:
    """The files below a folder by name, and whether each is a link still."""
    found: dict[str, bool] = {}
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(stage / prefix) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{prefix}{entry.name}/")
                else:
                    found[prefix + entry.name] = entry.is_symlink()
    return found
