"""What the system refuses while something is written, told in plain words: the disk is full, a file cannot be written."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from graph.errors import StoreError
from graph.words import both

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# SQLite and RocksDB tell it in words alone.
_FULL_WORDS: Final = ("disk is full", "No space left", "quota exceeded", "File too large")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises StoreError, with what to do, for what goes wrong with files below ``path``."""
    try:
        yield
    except (OSError, sqlite3.Error, RuntimeError) as error:
        # Of RuntimeError only what RocksDB means by it: anything else is a defect.
        if isinstance(error, RuntimeError) and not _of_the_store(error):
            raise
        raise failure(error, path) from error


def failure(error: Exception, path: Path) -> StoreError:
    """The error to raise for one of the system."""
    if isinstance(error, BrokenPipeError | InterruptedError):
        raise error
    if is_full(error):
        en, zh = both("disk", "full", path=path)
    else:
        reason = (
            os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        ) or "?"
        where = getattr(error, "filename", None) or path
        en, zh = both("disk", "failed", path=where, reason=reason)
    return StoreError(en, zh=zh)


def link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where there can be no such link."""
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


def is_full(error: Exception) -> bool:
    """Whether an error means that there is no room."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(words in str(error) for words in _FULL_WORDS)


def _of_the_store(error: RuntimeError) -> bool:
    return str(error).startswith(("Corruption", "IO error", "Busy", "Invalid argument")) or is_full(error)
