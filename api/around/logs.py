"""What the service writes about itself: one line a record, for people or as JSON, each with the id of its request.

A request has the id that it brings (X-Request-ID, else the trace of a traceparent), or a new one.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from starlette.datastructures import Headers

from api.escapes import unescaped
from api.settings import Settings

ACCESS: Final = "zhengmai.access"
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_ODD = re.compile(r"[^\x20-\x7e]")
_ID = re.compile(r"[\w.:=+/@-]{1,128}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_CUT = re.compile(r"%[0-9A-Fa-f]?\Z")
_SECRET = re.compile(r"token|secret|password|api[-_]?key|^auth", re.IGNORECASE)


def id_of(headers: Headers) -> str:
    """The id of a request. One that is not fit to be written into a line is replaced."""
    given = headers.get("x-request-id", "")
    if _ID.fullmatch(given):
        return given
    trace = _TRACE.fullmatch(headers.get("traceparent", ""))
    return trace[1] if trace else secrets.token_hex(8)


def shown_query(raw: str, characters: int) -> str:
    """A query string as it may be written: decoded, cut, and without the values of what looks like a secret."""
    pairs = []
    # Each character is at most twelve in %XX; what lies beyond would be cut anyway. Not in the middle of one, which is
    # undone slowly.
    for pair in _CUT.sub("", raw[: characters * 12]).encode("latin-1", "replace").split(b"&"):
        written, equals, value = pair.partition(b"=")
        name = unescaped(written, "replace")
        shown = "…" if _SECRET.search(name) else unescaped(value, "replace")
        pairs.append(f"{name}={shown}" if equals else name)
    text = "&".join(pairs)
    return text if len(text) <= characters else f"{text[:characters]}…"


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, request_id, and what `extra` has under "fields"."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            told["request_id"] = current
        told |= getattr(record, "fields", {})
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """The same for reading: time, level, message, then the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, object] = getattr(record, "fields", {})
        told = [_time(record), record.levelname.lower(), record.getMessage()]
        told += [f"{name}={value}" for name, value in fields.items() if value not in (None, "")]
        if (current := request_id.get()) is not None:
            told.append(f"id={current}")
        # Whatever a client sends, a record stays on its line.
        line = " ".join(told)
        line = _ODD.sub(lambda odd: odd[0] if odd[0].isprintable() else repr(odd[0])[1:-1], line)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: Settings) -> None:
    """Write all records of this process to stderr, as the settings want it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else PlainLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    # Starts and ends of its own processes and connections: the service says what counts itself.
    logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger().level))


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
