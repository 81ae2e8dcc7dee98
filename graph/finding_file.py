"""The findings of a build: one SQLite file, so that one plan's can be replaced, and a page of them read, alone.

``finding`` has of each what it is sorted, filtered and counted by, ``body`` the finding itself (JSON, compressed).
``node`` are the tasks and targets that a finding is about, ``concept`` the domains of these (narrower ones with all that
are wider) and the functions of their agencies. ``target``, ``below`` and ``cell`` are the cascade matrix: its rows, its
columns, its contents; several targets may stand in one row, then they have one ``key``. What ``sort`` orders is told by
`sort_key`. What writes the file is `shapes.merging`, what reads it `shapes.finding_store`.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from graph import databases

FILE: Final = "findings.db"
DOMAIN, FUNCTION = "domain", "function"
"""The kinds of concept."""

SCHEMA: Final = """
CREATE TABLE rule (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ground (key TEXT PRIMARY KEY, body TEXT NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE document (slug TEXT PRIMARY KEY, rank INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE finding (
  number INTEGER PRIMARY KEY, sort BLOB NOT NULL, status INTEGER NOT NULL, severity INTEGER NOT NULL, id TEXT NOT NULL,
  rule TEXT NOT NULL, outcome TEXT NOT NULL, document TEXT, place TEXT, place_name TEXT, indicator TEXT, concept TEXT,
  year INTEGER, ratio TEXT, focus TEXT NOT NULL, value TEXT
);
CREATE TABLE body (number INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE node (number INTEGER NOT NULL, iri TEXT NOT NULL, PRIMARY KEY (number, iri)) WITHOUT ROWID;
CREATE TABLE concept (
  iri TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (iri, kind, key)
) WITHOUT ROWID;
CREATE TABLE target (
  id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE, sort BLOB NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL,
  concept TEXT, body TEXT NOT NULL
);
CREATE TABLE below (document TEXT PRIMARY KEY, sort BLOB NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cell (
  target INTEGER NOT NULL, document TEXT NOT NULL, outcome TEXT NOT NULL, outcomes TEXT NOT NULL, value TEXT, ratio TEXT,
  finding INTEGER, PRIMARY KEY (target, document)
) WITHOUT ROWID;
"""
INDEXES: Final = """
CREATE INDEX finding_document ON finding (document);
CREATE INDEX finding_id ON finding (id);
CREATE INDEX target_document ON target (document);
CREATE INDEX cell_document ON cell (document);
"""
"""Made when all is in: that takes less time."""


def opened(build: Path) -> sqlite3.Connection:
    """The file of a build, to be read, by one thread at a time. Raises sqlite3.Error."""
    return databases.opened(build / FILE)


def packed(text: str) -> bytes:
    """A finding as it is kept."""
    return zlib.compress(text.encode(), 1)


def unpacked(kept: bytes) -> bytes:
    """The JSON of a finding that is kept. Raises zlib.error."""
    return zlib.decompress(kept)


def bodies(build: Path) -> Iterator[dict[str, Any]]:
    """All findings of a build, in no order. Raises sqlite3.Error, zlib.error, ValueError."""
    base = opened(build)
    try:
        for (kept,) in base.execute("SELECT packed FROM body ORDER BY number"):
            yield json.loads(unpacked(kept))
    finally:
        base.close()


def count(build: Path) -> int:
    """How many findings a build tells of. Raises sqlite3.Error."""
    base = opened(build)
    try:
        return int(base.execute("SELECT count(*) FROM finding").fetchone()[0])
    finally:
        base.close()


def sort_key(parts: Iterable[Any]) -> bytes:
    """Bytes that are ordered as a tuple of these parts: integers of up to 63 bits, floats, texts without NUL.

    Parts at the same place must be of one kind.
    """
    found = bytearray()
    for part in parts:
        if isinstance(part, str):
            found += part.encode() + b"\0"  # UTF-8 is ordered as its code points
        elif isinstance(part, float):
            bits = struct.unpack(">Q", struct.pack(">d", part + 0.0))[0]  # 0.0 and -0.0 are one
            found += struct.pack(">Q", ~bits & 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else bits | 1 << 63)
        else:
            found += struct.pack(">Q", int(part) + (1 << 63))
    return bytes(found)
