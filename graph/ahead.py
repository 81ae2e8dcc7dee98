"""Links to the texts and records of the published build, made while nobody waits for them: the next build begins with these.

A small change takes over what did not change as hard links, two for each plan: of 10,000 plans they take a third of its time.
The files that it takes over whole are held against their checksums ahead as well.
Nothing rests on what was made ahead: where it is not there, or of another build, it is made when it is needed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from graph import incremental, publishing, sealing

FOLDER: Final = "ahead"
"""In the data folder: below it, by the name of the build, what its links lead to."""
PARTS: Final = (("texts", ".txt"), ("records", ".json"))
"""The folders of a build that have a file for each plan, and how the names of these end."""


def prepare(data: Path) -> None:
    """Make the links for the build after the published one; those for others are removed."""
    now, kept = publishing.published(data), data / FOLDER
    if now is None:
        return
    sealing.is_whole(now, incremental.TAKEN_OVER, anew=False)  # remembered by this process
    if (kept / now.name).is_dir():
        return
    shutil.rmtree(kept, ignore_errors=True)
    part = kept / f"{now.name}.part"
    with suppress(OSError):  # it was removed meanwhile, or there is no room
        for name, _ in PARTS:
            link_tree(now / name, part / name, ())
        part.rename(kept / now.name)


def take(before: Path, folder: Path) -> bool:
    """Put what was made ahead into the folder of a build, around the files that stand in it; False where there is nothing of use."""
    kept = folder / FOLDER
    try:
        # In one step: whoever is killed in the middle leaves nothing of it to the next build
        (before.parents[1] / FOLDER / before.name).rename(kept)
    except FileNotFoundError:
        return False
    if any(_inodes(kept / name) != _inodes(before / name) for name, _ in PARTS):
        # A file of the build was replaced since, as by whoever mends a damaged one: the old one must not come back
        shutil.rmtree(kept)
        return False
    for name, _ in PARTS:
        for path in list((folder / name).iterdir()):
            path.replace(kept / name / path.name)
        (folder / name).rmdir()
        (kept / name).rename(folder / name)
    kept.rmdir()
    return True


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
