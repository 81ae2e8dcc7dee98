"""The SQLite files of a build. A full build writes one whole; a small change leaves it as it is and writes beside it.

What a small change writes are the pages that changed, in SQLite's write-ahead log (``NAME-wal``): the file itself is a link
to that of the build before, with its checksum, and only the log is copied. Whoever reads gets both as one. When the log
has grown too large, the file is copied once, and what stands in the log is written into the copy; that may be done before
anybody waits for it (`graph.ahead`).

Nothing writes to a file of a published build, so nothing is locked when one is read.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from graph import disk

LOG: Final = "-wal"
_INDEX: Final = "-shm"
_LEAST: Final = 1 << 20
_SHARE: Final = 16
"""A log may have a sixteenth of the bytes of its file, at least a megabyte: it is read when the file is opened."""


def with_logs(names: Iterable[str]) -> list[str]:
    """The names of files, and those of their logs, which need not be there."""
    return [one for name in names for one in (name, name + LOG)]


def log_of(path: Path) -> Path:
    """Where the log of a file stands."""
    return path.with_name(path.name + LOG)


def created(path: Path) -> sqlite3.Connection:
    """A new file, to be written and then given to `finish`; what stood there is gone."""
    for name in with_logs([path.name]):
        path.with_name(name).unlink(missing_ok=True)
    base = sqlite3.connect(path)
    # A build that breaks off is thrown away: nothing has to be kept safe while it is made.
    base.execute("PRAGMA journal_mode = OFF")
    base.execute("PRAGMA synchronous = OFF")
    return base


def finish(base: sqlite3.Connection) -> None:
    """Write a new file down whole, such that it can have a log later."""
    base.commit()
    base.execute("PRAGMA journal_mode = WAL")
    base.close()


def take_over(before: Path, path: Path) -> None:
    """Put the file of another build at ``path``, to be changed: as a link, with a copy of its log."""
    if fullness(before) > 1:
        fold(before, path)
        return
    disk.link(before, path)
    if log_of(before).exists():
        shutil.copyfile(log_of(before), log_of(path))


def fullness(path: Path) -> float:
    """What part of what the log of a file may have it has; none is nothing."""
    log = log_of(path)
    return log.stat().st_size / max(_LEAST, path.stat().st_size // _SHARE) if log.exists() else 0.0


def fold(before: Path, path: Path, believed: Callable[[Path], bool] = lambda copy: True) -> bool:
    """Put a copy of the file of a build at ``path``, with all that its log tells written into it.

    ``believed`` is asked of the copies of both before: where it says no, there is no file, and False is returned.
    """
    copies = [path, log_of(path)]
    for source, copy in zip([before, log_of(before)], copies, strict=True):
        shutil.copyfile(source, copy)
    if not all(map(believed, copies)):
        for copy in copies:
            copy.unlink()
        return False
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA synchronous = OFF")
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return True


def changed(path: Path) -> sqlite3.Connection:
    """A file that was taken over, to be written: all goes into its log. Whoever is done commits and closes it."""
    return _Changed(path)


def opened(path: Path) -> sqlite3.Connection:
    """A file of a build, with its log, to be read, by one thread at a time. Raises sqlite3.Error."""
    name = path.absolute().as_uri()
    if not log_of(path).exists():
        return sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    base = sqlite3.connect(f"{name}?mode=ro&vfs=unix-none", uri=True, check_same_thread=False)
    # What is known of the log is kept in memory, and not in a file beside it.
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    return base


class _Changed(sqlite3.Connection):
    """A connection that leaves the log when it is closed.

    The last that closes would write the log into the file, which other builds are linked to. So the last is one that may
    only read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        super().__init__(path)
        self.execute("PRAGMA wal_autocheckpoint = 0")
        self.execute("PRAGMA synchronous = OFF")
        self._last.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def close(self) -> None:
        super().close()
        self._last.close()
        self._path.with_name(self._path.name + _INDEX).unlink(missing_ok=True)
