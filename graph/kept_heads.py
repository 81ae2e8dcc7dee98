"""What a build keeps of each document for the next one: its head and its claims, a line of JSON each (``heads.jsonl``).

A small change needs few of them whole, and of the others what they are found by: of these no records are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from graph import stages
from graph.cascade import Lineage, Place
from graph.catalog import StubEntry
from graph.known_documents import KnownDocument, KnownDocuments
from graph.record import PlanRecord
from graph.stages import head_of, place_of

FILE: Final = "heads.jsonl"


class Heads(Mapping[str, PlanRecord]):
    """The heads of a build by slug, in its order; each is made a record when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._lines = (folder / FILE).read_bytes().splitlines(keepends=True)
        self._read = _read(self._lines)
        self.told = {head["slug"]: head for head, _ in self._read}
        """The same as they stand in the file, without what is as usual; not to be changed."""
        self._at = {slug: at for at, slug in enumerate(self.told)}

    def __getitem__(self, slug: str) -> PlanRecord:
        return PlanRecord.model_validate_json(self._lines[self._at[slug]])

    def __iter__(self) -> Iterator[str]:
        return iter(self.told)

    def __len__(self) -> int:
        return len(self.told)

    def known(self, stubs: Iterable[StubEntry] = ()) -> KnownDocuments:
        """All documents, for looking up what is cited: as `KnownDocuments.of` has them."""
        return _known([*map(KnownDocument.of_stub, stubs), *(known for _, known in self._read)])

    def claiming(self) -> set[str]:
        """The slugs of those that say something of the levels above them."""
        return {slug for slug, head in self.told.items() if head.get("cited_targets")}

    def write(self, folder: Path, changed: Mapping[str, PlanRecord]) -> None:
        """Note them for the build in another folder, where some are as they are now."""
        lines = list(self._lines)
        for slug, record in changed.items():
            lines[self._at[slug]] = head_of(record).model_dump_json(exclude_defaults=True).encode() + b"\n"
        (folder / FILE).write_bytes(b"".join(lines))


_Head = tuple[dict[str, Any], KnownDocument]
_last: dict[bytes, _Head] = {}


def _read(lines: Sequence[bytes]) -> list[_Head]:
    """The lines as JSON, each with what its document is found by. Those of the reading before are remembered: of the next build most are the same."""
    global _last
    read: dict[bytes, _Head] = {}
    for line in lines:
        found = _last.get(line)
        if found is None:
            head = json.loads(line)
            found = head, KnownDocument.told(head["slug"], head["plan"])
        read[line] = found
    _last = read
    return list(read.values())


_found: tuple[list[KnownDocument], KnownDocuments] = [], KnownDocuments([])


def _known(documents: list[KnownDocument]) -> KnownDocuments:
    """How documents are found. What they are found by is seldom otherwise in the next build."""
    global _found
    last, known = _found
    if last != documents:
        known = KnownDocuments(documents)
        _found = documents, known
    return known


class KeptLineage(Lineage):
    """The line of plans of a build, of which a place is made when it is asked for.

    ``heads`` are the documents of the build before, ``changed`` those that are otherwise now; both are as they stand in the
    order of the build, the stubs behind them.
    """

    def __init__(
        self, heads: Heads, changed: Mapping[str, PlanRecord], stubs: Sequence[StubEntry] = ()
    ) -> None:
        super().__init__()
        self._heads = heads
        self._places = {slug: place_of(record) for slug, record in changed.items()}
        self._places |= {stub.slug: stages.stub_place(stub) for stub in stubs}
        self._slugs: dict[tuple[str, str], list[str]] = {}
        for slug, head in heads.told.items():
            plan = head["plan"]
            key = (plan.get("family") or slug, plan["jurisdiction"].get("code") or "")
            self._slugs.setdefault(key, []).append(slug)
        for stub in stubs:
            self._slugs.setdefault((stub.family, stub.code), []).append(stub.slug)
        self._order = [*heads, *(stub.slug for stub in stubs)]

    def __len__(self) -> int:
        return len(self._order)

    def place(self, slug: str) -> Place:
        """The place of a document."""
        if slug not in self._places:
            self._places[slug] = place_of(self._heads[slug])
        return self._places[slug]

    def add(self, place: Place) -> None:
        """Put a document that is known already in the place of its head, whole."""
        self._places[place.slug] = place

    def in_order(self, slugs: Iterable[str]) -> list[str]:
        """Some documents in the order of the build."""
        wanted = set(slugs)
        return [slug for slug in self._order if slug in wanted]

    def places(self) -> Iterable[tuple[str, str]]:
        return self._slugs

    def slugs(self, family: str, code: str) -> Sequence[str]:
        return self._slugs.get((family, code), ())

    def options(self, family: str, code: str) -> Sequence[Place]:
        return [self.place(slug) for slug in self.slugs(family, code)]
