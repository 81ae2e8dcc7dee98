"""By what findings are found that are not in them: the domains of tasks and targets, and the functions of their agencies."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from rdflib.namespace import SKOS

from graph.finding_file import DOMAIN, FUNCTION
from ontology.terms import ZM

_TOLD: Final = ("domain", "provision", "assignment", "agency", "agencyFunction")
_BROADER: Final = re.compile(
    rb"^<([^>]*)> <" + re.escape(str(SKOS.broader)).encode() + rb"> <([^>]*)> \.$", re.MULTILINE
)
Concepts = tuple[str, str, str]
"""The IRI of a task or target, the kind of concept (domain, function), its key."""
Wider = Mapping[str, frozenset[str]]
"""By the IRI of a concept its wider ones, at all distances."""


@lru_cache(maxsize=1)  # the same for each changed plan
def wider_of(triples: bytes) -> Wider:
    """The wider concepts of each that has some, as the vocabularies (N-Triples) tell."""
    direct: defaultdict[str, set[str]] = defaultdict(set)
    for match in _BROADER.finditer(triples):
        direct[match[1].decode()].add(match[2].decode())
    found = {}
    for concept in direct:
        seen, waiting = set[str](), [concept]
        while waiting:
            fresh = direct.get(waiting.pop(), set()) - seen
            seen |= fresh
            waiting += fresh
        found[concept] = frozenset(seen)
    return found


def concepts_of(triples: bytes, documents: Collection[str], wider: Wider) -> list[Concepts]:
    """The concepts of all tasks and targets of some documents.

    A target belongs to the domains of the tasks that its sentence stands in; who belongs to a domain belongs to the wider
    ones too.

    Args:
        triples: what is said of them, as N-Triples.
        documents: their IRIs.
        wider: from :func:`wider_of`.
    """
    said = {name: _said(triples, name) for name in _TOLD}
    starts = tuple(f"{document}/" for document in documents)
    at: defaultdict[str, set[str]] = defaultdict(set)
    for node, places in said["provision"].items():
        for place in places:
            at[place] |= said["domain"].get(node, set())
    found: set[Concepts] = set()
    for node in {*said["domain"], *said["provision"], *said["assignment"]}:
        if not node.startswith(starts):
            continue
        domains = set(said["domain"].get(node, ()))
        for place in said["provision"].get(node, ()):
            domains |= at[place]
        for iri in domains:
            found |= {(node, DOMAIN, _key(one)) for one in (iri, *wider.get(iri, ()))}
        for assignment in said["assignment"].get(node, ()):
            for agency in said["agency"].get(assignment, ()):
                functions = said["agencyFunction"].get(agency, ())
                found |= {(node, FUNCTION, _key(iri)) for iri in functions}
    return sorted(found)


def _said(triples: bytes, name: str) -> defaultdict[str, set[str]]:
    """The objects of a property of ours, by subject, where both are IRIs."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    # Looked for as it stands: with an expression for the whole line it takes ten times as long.
    property_ = f"> <{ZM}{name}> <".encode()
    at = triples.find(property_)
    while at >= 0:
        start, stop = triples.rfind(b"\n", 0, at) + 2, at + len(property_)
        end = triples.index(b">", stop)
        subject = triples[start:at]
        # No blank node, and no text that says the like.
        if triples[start - 1] == ord("<") and b">" not in subject:
            found[subject.decode()].add(triples[stop:end].decode())
        at = triples.find(property_, end)
    return found


def _key(iri: str) -> str:
    return iri.rpartition("/")[2]
