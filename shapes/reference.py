"""What is the same for all plans, cut down to what some of them are judged on.

More than half of it are the divisions of the country. The shapes look at those alone that something points to
(shapes/structure.ttl), and a plan points to a few.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ontology.terms import ID, ZM

_DIVISION: Final = f"{ID}division/".encode()
_NAMED: Final = re.compile(rb"<(" + re.escape(_DIVISION) + rb"[^>]+)>")
_WITHIN: Final = re.compile(
    rb"<" + re.escape(str(ZM.withinDivision).encode()) + rb"> <([^>]+)> \.$", re.MULTILINE
)


@dataclass(frozen=True)
class _Parts:
    """Triples in lines: those of each division, by its IRI, and all others."""

    divisions: dict[bytes, bytes]
    others: bytes


@lru_cache(maxsize=1)  # the same for each changed plan
def _parts(reference: bytes) -> _Parts:
    start, others = b"<" + _DIVISION, list[bytes]()
    lines: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in reference.splitlines(keepends=True):
        if line.startswith(start):
            lines[line[1 : line.index(b">")]].append(line)
        else:
            others.append(line)
    return _Parts({iri: b"".join(told) for iri, told in lines.items()}, b"".join(others))


def around(reference: bytes, own: Iterable[bytes]) -> bytes:
    """Of what is the same for all (N-Triples) all but the divisions that are not needed for some triples.

    Needed are those that the triples name, and all in which these lie.
    """
    parts = _parts(reference)
    waiting = {iri for one in own for iri in _NAMED.findall(one)}
    needed: dict[bytes, bytes] = {}
    while waiting:
        iri = waiting.pop()
        if iri not in needed and (told := parts.divisions.get(iri)) is not None:
            needed[iri] = told
            waiting.update(_WITHIN.findall(told))
    return b"".join([parts.others, *(needed[iri] for iri in sorted(needed))])
