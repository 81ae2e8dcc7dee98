"""The folder of plans of the service before there is one: a copy of what the published build was made of.

The first change through the service begins with it, and moves it to its place when the change holds. Ten thousand files take two to
eight seconds: they are copied ahead, while nobody waits. Nothing rests on it: each file is held against its hash, and the copy may be
removed at any time.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from graph import staging
from graph.hashes import Hashes

FOLDER: Final = "seed"
"""In the data folder, until the first change."""
_ROOM: Final = 10  # times the size of the plans: a copy made ahead must not take the room that a build needs


def make(data: Path, source: Path, inputs: Mapping[str, str], hashes: Hashes) -> Path | None:
    """Make the copy: the files of ``source`` that ``inputs`` names, each with the hash that stands there, and nothing else.

    What is right already is not copied again. Returns the copy, or None where a file of ``source`` has another
    hash. Raises OSError.
    """
    copy = data.resolve() / FOLDER
    there = staging.linked(copy) if copy.is_dir() else {}
    if there.keys() - inputs.keys():  # of another build
        shutil.rmtree(copy)
        there = {}
    for folder in {str(Path(name).parent) for name in inputs}:
        (copy / folder).mkdir(parents=True, exist_ok=True)
    for name, digest in inputs.items():
        path = copy / name
        if name in there:
            if not there[name] and hashes.of(path) == digest:
                continue
            path.unlink()
        text = (source / name).read_bytes()
        if hashlib.sha256(text).hexdigest() != digest:
            return None
        path.write_bytes(text)
    return copy


def make_ahead(data: Path, source: Path, inputs: Mapping[str, str], hashes: Hashes) -> None:
    """The same while nobody waits: only where there is room enough, and nothing is left of what could not be made whole."""
    size = sum((source / name).stat().st_size for name in inputs)
    if shutil.disk_usage(data).free < _ROOM * size:
        return
    whole = None
    try:
        whole = make(data, source, inputs, hashes)
    finally:
        if whole is None:
            shutil.rmtree(data / FOLDER, ignore_errors=True)
