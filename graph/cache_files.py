"""Files that are made again where they are not whole: caches and what is remembered from one build to the next.

The first line is the SHA-256 of the rest. A file that was cut short, or in which a bit fell over, is as good as none.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file in one step."""
    # By the process: two may write the same file at once, and what they write is the same.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    part.replace(path)


def read(path: Path) -> bytes | None:
    """What was written; None where there is no such file, or it is not whole."""
    try:
        digest, _, data = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest().encode() == digest else None
