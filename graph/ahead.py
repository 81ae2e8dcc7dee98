"""What the next build takes over from the published one, made while nobody waits for it.

A small change takes over what did not change as hard links, two for each plan and one for each table of the store: of 10,000
plans they take a third of its time. The files that it takes over whole are held against their checksums ahead as well, and where
the log of a database is half full, it is written into a copy (`graph.databases`).
Nothing rests on what was made ahead: where it is not there, or of another build, it is made when it is needed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from graph import databases, disk, finding_file, incremental, publishing, sealing, search_index, stores

FOLDER: Final = "ahead"
"""In the data folder: below it, by the name of the build that it is made from, what the next one takes."""
STORE: Final = "store"
DATABASES: Final = (search_index.FILE, finding_file.FILE)
_FULL: Final = 0.5
_ROOM: Final = 4  # times the size of a database: a copy must not take the room that the next build needs
PARTS: Final = (("texts", ".txt"), ("records", ".json"))
"""The folders of a build that have a file for each plan, and how the names of these end."""


def prepare(data: Path) -> None:
    """Make the links for the build after the published one; what was made for others is removed."""
    now, kept = publishing.published(data), data / FOLDER
    if now is None:
        return
    sealing.is_whole(now, incremental.TAKEN_OVER, anew=False)  # remembered by this process
    _compared.clear()
    there = kept / now.name
    marks = _usable(there, now)
    if marks is None:
        with suppress(OSError):  # it was removed meanwhile, or there is no room
            _link(now, kept)
        marks = _usable(there, now)
    if marks is not None:
        _compared[now] = marks


def _usable(made: Path, before: Path) -> _Marks | None:
    """What tells that texts and records made ahead are still those of the build; None where they are not, or something is missing."""
    with suppress(OSError):
        marks = _marks(made, before)
        if (made / STORE).is_dir() and _alike(made, before):
            return marks
    return None


def _link(now: Path, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    part = kept / f"{now.name}.part"
    try:
        for name, _ in PARTS:
            link_tree(now / name, part / name, ())
        stores.linked_copy(now / STORE, part / STORE)
        part.rename(kept / now.name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)  # the room is for those who wait
        raise


def fold(data: Path) -> None:
    """Write each database of the published build whose log is half full into a copy, beside the links, if there is room enough."""
    now = publishing.published(data)
    if now is None or not (data / FOLDER / now.name).is_dir():
        return
    _folded.clear()
    known = sealing.read(now) or {}
    for name in DATABASES:
        path, made = now / name, data / FOLDER / now.name / name
        if name not in known or databases.fullness(path) < _FULL:
            continue
        if shutil.disk_usage(data).free < _ROOM * known[name][0]:
            continue
        try:
            marks = _file_marks(path)
            # Held against their checksums as they were copied: damage must not come under a new one
            if databases.fold(
                path, made, lambda copy: known.get(copy.name, ("", ""))[1] == sealing.digest(copy)
            ):
                sealing.remember(made)
                _folded[path] = marks
        except (OSError, sqlite3.Error):
            for one in (made, databases.log_of(made)):
                one.unlink(missing_ok=True)


def take(before: Path, folder: Path) -> bool:
    """Put the texts and records that were made ahead into the folder of a build, around the files that stand in it.

    False where there is nothing of use.
    """
    kept, made = folder / FOLDER, before.parents[1] / FOLDER / before.name
    marks = _compared.pop(before, None)
    as_compared = False
    with suppress(OSError):
        as_compared = marks is not None and marks == _marks(made, before)
    try:
        # In one step: whoever is killed in the middle leaves nothing of it to the next build
        made.rename(kept)
    except FileNotFoundError:
        return False
    if not (as_compared or _alike(kept, before)):
        # A file of the build was replaced since, as by whoever mends a damaged one: the old one must not come back
        shutil.rmtree(kept)
        return False
    for name, _ in PARTS:
        for path in list((folder / name).iterdir()):
            path.replace(kept / name / path.name)
        (folder / name).rmdir()
        (kept / name).rename(folder / name)
    shutil.rmtree(kept)
    return True


def take_store(before: Path, folder: Path) -> None:
    """Put a store that can be written, out of that of a build, into the folder of another: the one that was made ahead, if it is as that one is."""
    made, source = before.parents[1] / FOLDER / before.name / STORE, before / STORE
    with suppress(OSError):
        if stores.is_linked_copy(source, made):
            made.rename(folder / STORE)
            return
    stores.linked_copy(source, folder / STORE)


def take_files(before: Path, folder: Path) -> None:
    """Put the large files of a build into the folder of another, to be changed: what was made ahead, else links."""
    made = before.parents[1] / FOLDER / before.name
    for name in DATABASES:
        if not (before / name).is_file():
            continue
        mark = _folded.pop(before / name, None)
        with suppress(OSError):
            if mark is not None and mark == _file_marks(before / name):
                (made / name).rename(folder / name)
                continue
        databases.take_over(before / name, folder / name)
    if (before / incremental.REFERENCE).is_file():
        disk.link(before / incremental.REFERENCE, folder / incremental.REFERENCE)


def taken(slugs: Iterable[str]) -> sealing.Taken:
    """What a build in which some documents changed has of the one before, links or copies."""
    changed = list(slugs)
    written = {f"{folder}/{slug}{suffix}" for folder, suffix in PARTS for slug in changed}
    return sealing.Taken([folder for folder, _ in PARTS], written)


_Marks = tuple[tuple[int, int, int], ...]
_compared: dict[Path, _Marks] = {}  # by build
_folded: dict[Path, _Marks] = {}  # by file of a build


def _file_marks(path: Path) -> _Marks:
    stats = [one.stat() for one in (path, databases.log_of(path))]
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _marks(made: Path, before: Path) -> _Marks:
    """What tells that no file of these folders was put in the place of another."""
    stats = [(folder / name).stat() for folder in (made, before) for name, _ in PARTS]
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats)


def _alike(made: Path, before: Path) -> bool:
    """Whether all files of the two are the same ones."""
    return all(_inodes(made / name) == _inodes(before / name) for name, _ in PARTS)


def _inodes(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries}


def link_tree(source: Path, target: Path, but: Collection[str]) -> None:
    """Hard links in a folder to all files of another ``but`` for some names."""
    target.mkdir(parents=True, exist_ok=True)
    there = set(but)
    start, end = f"{source}/", f"{target}/"
    for name in os.listdir(source):  # noqa: PTH208 - there may be thousands: plain names take half the time
        if name not in there:
            try:
                os.link(start + name, end + name)
            except OSError:  # another file system, or one without links
                shutil.copy2(start + name, end + name)
