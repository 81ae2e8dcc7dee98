"""Checks one draft in a process of its own: a document that takes too long or too much ends with it.

Standard input has a line of JSON (build, name, jurisdiction, status, memory_mb, seconds) and then the bytes of the
document; standard output gets one JSON object, ``report`` or ``error``. Nothing is written to any file.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any

from graph.errors import BadInput, BadParameter, StoreError, ZhengmaiError
from graph.reading import source_of
from shapes.drafts import Status, check_draft


def main() -> None:
    """Read the question, answer it."""
    asked: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    limit = int(asked["memory_mb"]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    # Should the service be killed, nobody else ends this: the kernel's alarm does.
    signal.setitimer(signal.ITIMER_REAL, float(asked["seconds"]) + 1)
    status: Status = "issued" if asked["status"] == "issued" else "draft"
    try:
        report = check_draft(
            source_of(sys.stdin.buffer.read(), asked["name"]),
            Path(asked["build"]),
            name=asked["name"],
            jurisdiction=asked["jurisdiction"],
            status=status,
            today=date.today(),  # noqa: DTZ011 - the day where the service runs
        )
    except ZhengmaiError as error:
        told = {"error": _told(error)}
    except MemoryError:
        told = {"error": {"kind": "memory"}}
    else:
        told = {"report": report.model_dump(mode="json")}
    sys.stdout.write(json.dumps(told, ensure_ascii=False))


def _told(error: ZhengmaiError) -> dict[str, Any]:
    kinds = {BadParameter: "parameter", BadInput: "input", StoreError: "store"}
    kind = next((name for type_, name in kinds.items() if isinstance(error, type_)), "other")
    told: dict[str, Any] = {"kind": kind, "message": error.message, "zh": error.zh}
    if isinstance(error, BadParameter):
        told |= {"parameter": error.parameter, "allowed": error.allowed}
    return told


if __name__ == "__main__":
    main()
