"""Records that were read before, by the key of what they were read from; each entry begins with its own checksum.

An entry that was cut short, or in which a single bit is another, is read anew from the document, not believed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from graph.record import PlanRecord


def read(path: Path) -> PlanRecord | None:
    """The record of an entry; None where there is none, or none to be believed."""
    try:
        told, _, body = path.read_bytes().partition(b"\n")
        if told.decode("ascii") != hashlib.sha256(body).hexdigest():
            return None
        return PlanRecord.model_validate_json(body)
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def write(path: Path, record: PlanRecord) -> None:
    """Keep a record, in one step. Raises OSError."""
    path.parent.mkdir(exist_ok=True)
    body = record.to_json().encode()
    part = path.with_suffix(".part")
    part.write_bytes(hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body)
    part.replace(path)
