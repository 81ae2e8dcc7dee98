"""Where things are found here: from an IRI of the graph to an address of this service, and back.

The IRIs in the data are names: they are the same wherever the service runs, and are never rewritten. What follows the
place is the address: `settings.base`, or what the client called. See docs/linked-data.md.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from fastapi import Request

from api.context import service_of
from graph.errors import NotFound
from ontology.terms import BASE, ID, segment
from queries.words import both

# What RFC 3987 leaves as it is in a path, and % of what is encoded already. Chinese is encoded for the wire.
_SAFE = "/%:@!$&'()*+,;=~-._#"
_IN_DOCUMENT = re.compile(re.escape(str(ID)) + r"document/([^/]+)(?:/(.+))?")
# Kinds of things of a document that have an anchor on its page; the rest of the IRI is the name of the anchor
_ANCHORED = ("target", "action")


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
    """The anchor for what follows a document's IRI: ``target/3`` is ``target-3``, an assignment its task or target."""
    kind, _, rest = tail.partition("/")
    return f"{kind}-{rest.partition('/')[0]}" if kind in _ANCHORED and rest else None


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
        return f"{BASE}{space}/{_segments(path.removeprefix(f'/{space}/'))}"
    except UnicodeDecodeError:
        en, zh = both("questions", "no_node", found=path)
        raise NotFound(en, zh=zh) from None


def _segments(path: str) -> str:
    """A path with each of its names written as the IRIs of the project are."""
    return "/".join(segment(unquote_to_bytes(part).decode("utf-8")) for part in path.split("/"))
