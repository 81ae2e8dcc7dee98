"""What makes a build the published one: one link, renamed; and which builds are kept beside it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

KEPT_BUILDS: Final = 3
"""How many builds are kept, the published one among them, unless somebody says otherwise."""
GONE: Final = ".gone.part"
"""The end of the name of what was a build, and is being removed."""
_BEHIND: Final = 10  # whoever asks a build that was published in this moment goes first
_STAMP: Final = "%Y%m%dT%H%M%S"


def new_name(data: Path, now: datetime, digest: str) -> str:
    """A name for a build: when it is made, to the millisecond, and the beginning of a digest.

    Names sort in the order in which builds were made, even where the clock was set back meanwhile.
    """
    last = max((path.name.partition("-")[0] for path in builds(data)), default="")
    stamp = _stamp(now)
    if stamp <= last:
        with suppress(ValueError):
            moment = datetime.strptime(last[:15], _STAMP).replace(tzinfo=UTC)
            stamp = _stamp(moment + timedelta(milliseconds=int(last[15:] or 0) + 1))
    return f"{stamp}-{digest[:8]}"


def builds(data: Path) -> list[Path]:
    """The builds that are kept, the oldest first."""
    folder = data / "builds"
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.suffix != ".part")


def published(data: Path) -> Path | None:
    """The folder of the published build; None where there is none, or it is gone."""
    link = data / "current"
    return link.resolve() if link.is_dir() else None


def switch(data: Path, name: str) -> None:
    """Make a build the published one, in one step; the caller holds the lock. Raises OSError."""
    swap = data / f".current-{os.getpid()}"
    swap.unlink(missing_ok=True)
    swap.symlink_to(Path("builds") / name)
    swap.replace(data / "current")


def remove_old(data: Path, kept: int, *spared: Path | None) -> None:
    """Remove the oldest builds beyond those that are kept and that nobody reads; never one of ``spared``.

    What was published until now is spared: it may be older than others, where it was rolled back to.
    """
    safe = {path.resolve() for path in spared if path is not None}
    others = [path for path in builds(data) if path.resolve() not in safe]
    for old in others[: max(0, len(others) + len(safe) - max(kept, 1))]:
        _remove_unused(old)


def _remove_unused(folder: Path) -> None:
    """Remove a build, unless a process reads it: whoever does holds a shared lock on its build.json."""
    with suppress(OSError), (folder / "build.json").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Under the other name it is no build any more, should this be cut off in the middle.
        doomed = folder.with_name(f"{folder.name}{GONE}")
        folder.rename(doomed)
        remove_aside(doomed)


def remove_aside(folder: Path) -> None:
    """Remove a folder that is no build any more. There may be tens of thousands of files: only the end of the process
    waits for them to go."""

    def remove() -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.nice(_BEHIND)
        shutil.rmtree(folder, ignore_errors=True)

    threading.Thread(target=remove).start()


def _stamp(moment: datetime) -> str:
    return f"{moment:{_STAMP}}{moment.microsecond // 1000:03}"
