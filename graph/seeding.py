"""The folder of plans of the service before there is one: a copy of what the published build was made of.

The first change through the service begins with it, and moves it to its place when the change holds. Ten thousand files take two to
eight seconds: they are copied ahead, while nobody waits. Each file is held against its hash when the change comes, so that the copy
may be removed at any time at which no change is under way or waits to be finished.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from graph import staging
from graph.hashes import Hashes

FOLDER: Final = "corpus-ahead"
"""In the data folder, until the first change."""
_ROOM: Final = 10  # times the size of the plans: a copy made ahead must not take the room that a build needs


def make(data: Path, source: Path, inputs: Mapping[str, str], hashes: Hashes) -> Path | None:
    """Make the copy: the files of ``source`` that ``inputs`` names, each with the hash that stands there, and nothing else.

    One that is right is not made again. Returns it, or None where a file of ``source`` has another hash. Raises OSError;
    then nothing is left of what was half made.
    """
    copy = data.resolve() / FOLDER
    if _is_right(copy, inputs, hashes):
        return copy
    shutil.rmtree(copy, ignore_errors=True)
    part = copy.with_name(f"{FOLDER}.{os.getpid()}.part")
    try:
        for folder in {str(Path(name).parent) for name in inputs}:
            (part / folder).mkdir(parents=True, exist_ok=True)
        for name, digest in inputs.items():
            text = (source / name).read_bytes()
            if hashlib.sha256(text).hexdigest() != digest:
                return None
            (part / name).write_bytes(text)
        part.rename(copy)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return copy


def make_ahead(data: Path, source: Path, inputs: Mapping[str, str], hashes: Hashes) -> None:
    """The same while nobody waits, where there is room enough."""
    if _is_roomy(data, source, inputs):
        make(data, source, inputs, hashes)


def give_room(data: Path) -> None:
    """Remove the copy where the disk is too full for one that waits to be used."""
    copy = data / FOLDER
    if copy.is_dir() and not _is_roomy(data, copy, staging.linked(copy)):
        remove(data)


def remove(data: Path) -> None:
    """Remove the copy: the folder of plans stands."""
    shutil.rmtree(data / FOLDER, ignore_errors=True)


def _is_right(copy: Path, inputs: Mapping[str, str], hashes: Hashes) -> bool:
    if not copy.is_dir():
        return False
    there = staging.linked(copy)
    if there.keys() != inputs.keys() or any(there.values()):
        return False
    return all(hashes.of(copy / name) == digest for name, digest in inputs.items())


def _is_roomy(data: Path, folder: Path, names: Mapping[str, object]) -> bool:
    size = sum((folder / name).stat().st_size for name in names)
    return shutil.disk_usage(data).free >= _ROOM * size
