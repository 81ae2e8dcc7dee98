"""Which of the formats that there are a client likes best (RFC 9110, sections 12.4 and 12.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from functools import lru_cache
from typing import Annotated

from fastapi import Query

from shapes import rules
from shapes.rules import LANGS

Lang = Annotated[rules.Lang | None, Query(description="language of labels and pages", examples=["zh"])]
"""The parameter ``lang`` of every operation; None leaves it to Accept-Language."""
HTML = "text/html"
JSON = "application/json"
_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*((?:;[^,]*)?)")
_Q = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)
_LANGUAGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]+)?\s*((?:;[^,]*)?)$")


def _quality(parameters: str) -> float:
    match = _Q.search(parameters)
    return min(float(match[1]), 1.0) if match else 1.0


def best(accept: str | None, offers: Sequence[str]) -> str | None:
    """The media type of ``offers`` (the server's favourite first) that the header wants most; None for none of them.

    The most specific range that matches an offer tells its quality. Parts of the header that make no sense are
    passed over; a header without any sense in it counts as none.
    """
    return _best(accept, tuple(offers))


@lru_cache(maxsize=128)  # clients send the same few
def _best(accept: str | None, offers: tuple[str, ...]) -> str | None:
    ranges = [match for part in (accept or "").split(",") if (match := _RANGE.fullmatch(part))]
    if not ranges:
        return offers[0] if offers else None

    def quality(offer: str) -> float:
        kind, _, sub = offer.partition("/")
        matching = [
            ((match[1] != "*") + (match[2] != "*"), _quality(match[3]))
            for match in ranges
            if match[1].lower() in ("*", kind) and match[2].lower() in ("*", sub)
        ]
        return max(matching, key=lambda pair: pair[0])[1] if matching else 0.0

    rated = [(quality(offer), -at, offer) for at, offer in enumerate(offers)]
    first = max(rated, default=None)
    return first[2] if first and first[0] > 0 else None


def parameter(header: str, name: str) -> str | None:
    """A parameter of a Content-Type, such as its charset; None where it has none."""
    message = Message()
    message["Content-Type"] = header.replace("\r", " ").replace("\n", " ")
    value = message.get_param(name)
    return value if isinstance(value, str) else None


def language(asked: str | None, accept_language: str | None, default: rules.Lang = "zh") -> rules.Lang:
    """ "zh" or "en": as asked for, else what the header wants more, else the default."""
    for lang in LANGS:
        if asked == lang:
            return lang
    rated: list[tuple[float, int, rules.Lang]] = []
    for at, part in enumerate((accept_language or "").split(",")):
        match = _LANGUAGE.match(part)
        rated += [(_quality(match[2]), -at, lang) for lang in LANGS if match and match[1].lower() == lang]
    return max(rated)[2] if rated else default
