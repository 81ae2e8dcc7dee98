"""Where things are found here: from an IRI of the graph to an address of this service, and back.

The IRIs in the data are names: they are the same wherever the service runs, and are never rewritten. What follows the
place is the address: `settings.base`, or what the client called. See docs/linked-data.md.
"""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes

import pyoxigraph as ox
from fastapi import Request

from api.context import service_of
from graph.errors import NotFound
from ontology.terms import BASE, ID, segment
from queries.words import both

# What RFC 3987 leaves as it is in a path, and % of what is encoded already. Chinese is encoded for the wire.
_SAFE = "/%:@!$&'()*+,;=~-._#"
_LONGEST = 2000  # characters of an IRI; names in the data have some hundred
_IN_DOCUMENT = re.compile(re.escape(str(ID)) + r"document/([^/]+)(?:/(.+))?")
# Kinds of things of a document that stand on its page
_ANCHORED = ("target", "cited-target", "action", "citation", "span")


def path_of(iri: str) -> str | None:
    """The path here at which an IRI of the project is looked up (/id/…, /ns#…, /graph/…); None for those of others."""
    return quote(f"/{iri.removeprefix(BASE)}", safe=_SAFE) if iri.startswith(BASE) else None


def page_of(iri: str) -> str | None:
    """The page, with its anchor, on which people read what an IRI names in its place; None where it has none.

    ``…/document/a-plan/target/3`` is read at ``/plans/a-plan#target-3``.
    """
    match = _IN_DOCUMENT.fullmatch(iri)
    if match is None:
        return None
    anchor = anchor_of(match[2]) if match[2] else ""
    if anchor is None:
        return None
    return quote(f"/plans/{match[1]}", safe=_SAFE) + (f"#{quote(anchor, safe=_SAFE)}" if anchor else "")


def anchor_of(tail: str) -> str | None:
    """The anchor for what follows a document's IRI: ``target/3`` is ``target-3``, ``span/4-9`` ``s-4-9``; else None."""
    kind, _, rest = tail.partition("/")
    if kind not in _ANCHORED or not rest:
        return None
    return f"{'s' if kind == 'span' else kind}-{rest.replace('/', '-')}"


def base_of(request: Request) -> str:
    """The address of this service, with a slash at its end: as set, else as the client called it."""
    return service_of(request).settings.base or str(request.base_url)


def absolute(request: Request, path: str) -> str:
    """The whole address of a path here."""
    return base_of(request) + path.removeprefix("/")


def canonical(request: Request, text: str) -> str:
    """The IRI of the data where ``text`` is its address here; every other text as it is."""
    for base in (service_of(request).settings.base, str(request.base_url)):
        if base and base != BASE and text.startswith((f"{base}id/", f"{base}ns#", f"{base}graph/")):
            head, _, tail = text.removeprefix(base).partition("/")
            with suppress(ValueError):
                return BASE + (f"{head}/{_segments(tail)}" if tail else head)
    return text


def asked_iri(request: Request, space: str) -> str:
    """The IRI that a request for a path under ``space`` (``id``, ``graph``) means. Raises NotFound for one that none is.

    Read from the path as it was sent: a slash that is %-encoded belongs to a name, and is none between names.
    """
    raw = request.scope.get("raw_path") or quote(request.url.path).encode()
    root = str(request.scope.get("root_path") or "").rstrip("/")
    path = raw.decode("latin-1").partition("?")[0].removeprefix(root)
    try:
        iri = f"{BASE}{space}/{_segments(path.removeprefix(f'/{space}/'))}"
        ox.NamedNode(iri)
    except ValueError:  # no UTF-8, or nothing that an IRI may hold
        iri = ""
    if not 0 < len(iri) <= _LONGEST:
        en, zh = both("questions", "no_node", found=path[:_LONGEST])
        raise NotFound(en, zh=zh)
    return iri


def _segments(path: str) -> str:
    """A path with each of its names written as the IRIs of the project are. Raises ValueError where they cannot be."""
    names = [unquote_to_bytes(part).decode("utf-8") for part in path.split("/")]
    if any(name != name.strip() for name in names):
        raise ValueError("no name begins or ends with a space")
    return "/".join(segment(name) for name in names)
