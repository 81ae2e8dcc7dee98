"""The SHA-256 of files, computed again only for those that may have changed.

A file is known by its device, inode, size, time of change (mtime) and time of status change (ctime), whatever path leads to it.
It is taken for unchanged where these are what they were when it was read, and it was at least two seconds old then: two changes within one tick of the clock would
look alike. Whoever changes a file and sets its mtime back still changes its ctime, which nobody can set; where the clock
itself was set back, a change has another ctime than the one that is remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from graph import cache_files

_OLD_ENOUGH: Final = 2_000_000_000  # nanoseconds


class Hashes:
    """The hashes of files by what tells that they still hold; kept in a file."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._known = _kept(file) if file else {}
        self._used: dict[str, str] = {}

    def of(self, path: Path) -> str:
        """The SHA-256 of a file, in hexadecimal."""
        found = os.stat(path)  # noqa: PTH116 - there may be thousands
        mark = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        known = self._known.get(mark) or self._used.get(mark)
        if known is not None:
            self._used[mark] = known
            return known
        now = time.time_ns()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if max(found.st_mtime_ns, found.st_ctime_ns) < now - _OLD_ENOUGH:
            self._used[mark] = digest
        return digest

    def keep(self) -> None:
        """Remember those that were asked for, and no others."""
        if self._file is not None and self._used != self._known:
            cache_files.write(self._file, json.dumps(self._used, ensure_ascii=False).encode())


def _kept(file: Path) -> Mapping[str, str]:
    """What a file of hashes holds; nothing where it cannot be read, or is none."""
    try:
        stat = file.stat()
    except OSError:
        return {}
    return _read(file, stat.st_ino, stat.st_mtime_ns)


@lru_cache(maxsize=1)  # whoever makes one change after another finds it as it was
def _read(file: Path, _inode: int, _modified: int) -> Mapping[str, str]:
    data = cache_files.read(file)
    return json.loads(data) if data else {}
