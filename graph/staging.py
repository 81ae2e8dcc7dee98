"""A copy of a folder of plans to be changed: links into it, kept from one change to the next.

Links are symbolic, since these leave no trace on the files: they need not be hashed again. Making one for each of ten
thousand plans takes longer than the change itself; so those of the change before are taken, each is looked at, and only what is
not as it should be is made anew. Nothing rests on them: they may be removed at any time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = "staged"
"""In the data folder: the links of the change before, while none is made."""


def prepare(stage: Path, data: Path, source: Path, names: Iterable[str]) -> None:
    """Make ``stage`` a folder with a link to each of some files of ``source``, and nothing else."""
    stage.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        (data / FOLDER).rename(stage)
    stage.mkdir(exist_ok=True)
    there, wanted = linked(stage), set(names)
    for name in wanted:
        target = f"{source}/{name}"
        if there.get(name) and os.readlink(f"{stage}/{name}") == target:  # noqa: PTH115 - as below
            continue
        path = stage / name
        if name in there:
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, path)  # noqa: PTH211 - there may be thousands
    for name in there.keys() - wanted:
        (stage / name).unlink()


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
