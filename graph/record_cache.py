"""Records that were read before, by the key of what they were read from; each entry begins with its own checksum.

An entry that was cut short, or in which a single bit is another, is read anew from the document, not believed.
"""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

from graph.record import PlanRecord


def read(path: Path) -> PlanRecord | None:
    """The record of an entry; None where there is none, or none to be believed."""
    try:
        return load(path)
    except (OSError, ValueError):
        return None


def load(path: Path) -> PlanRecord:
    """The record of an entry, or of a file without a checksum. Raises OSError, ValueError where it is not as written."""
    data = path.read_bytes()
    if not data.startswith(b"{"):
        told, _, data = data.partition(b"\n")
        if told.decode("ascii", "replace") != hashlib.sha256(data).hexdigest():
            raise OSError(errno.EIO, "is not as it was written", str(path))
    return PlanRecord.model_validate_json(data)


def write(path: Path, record: PlanRecord) -> None:
    """Keep a record, in one step. Raises OSError."""
    path.parent.mkdir(exist_ok=True)
    # Without what is as usual: it is read back six times as fast.
    body = record.model_dump_json(exclude_defaults=True).encode()
    part = path.with_suffix(".part")
    part.write_bytes(hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body)
    part.replace(path)
