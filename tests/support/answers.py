"""Answers of the service, and what each must be."""

from __future__ import annotations

from typing import Any, Final

import httpx

BROWSER: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What a browser accepts."""


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem that an answer is, checked for the shape that all have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"].endswith(f"/problem/{kind}"), told
    assert told["status"] == status
    assert told["title"]
    assert told["detail"].strip()
    assert told["instance"].startswith("/")
    return told
