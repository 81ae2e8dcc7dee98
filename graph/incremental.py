"""A build out of the one before: only the documents that changed are read, written and compared again.

The new build is a folder of its own, as every build is. What did not change is linked (hard links: RocksDB never writes
into a table file again, it only makes new ones), so that the copy costs neither time nor space, and the build before
stays as it is. It is done only where it gives the same as a full build: the texts of some documents changed, and nothing
else did, neither the code nor the catalogue nor what a document is (its place, number, title, date, status, family),
by which other documents find it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox

from graph import cascade
from graph.cascade import Comparison, Lineage, Place
from graph.record import PlanHead, PlanRecord
from ontology import terms
from ontology.terms import ID, ZM

HEADS = "heads.json"
_SHARE = 20
"""At most one document in so many: beyond, a full build is as fast."""


@dataclass
class Step:
    """A change that can be made alone: the build before, and the slugs of the documents that changed.

    ``affected`` are the plans to be compared and judged again: these, and those below them.
    """

    before: Path
    changed: list[str]
    affected: list[str] = field(default_factory=list)


def find_step(
    before: Path, old: dict[str, str], new: dict[str, str], documents: dict[str, str]
) -> Step | None:
    """What to do again, by the hashes of the inputs (file → SHA-256); None where all must be built.

    Args:
        before: the build before, made by the same code.
        old: its inputs.
        new: the inputs now.
        documents: file → slug of the documents that are read from their text.
    """
    if old.keys() != new.keys() or not (before / HEADS).is_file():
        return None
    files = [name for name, digest in new.items() if old[name] != digest]
    if (
        not files
        or not all(name in documents for name in files)
        or len(files) * _SHARE > max(len(documents), _SHARE)
    ):
        return None
    return Step(before, [documents[name] for name in files])


def write_heads(folder: Path, records: Iterable[PlanRecord]) -> None:
    """Note what each document is, for the next build."""
    heads = {record.slug: json.loads(record.plan.model_dump_json()) for record in records}
    (folder / HEADS).write_text(json.dumps(heads, ensure_ascii=False), encoding="utf-8")


def read_heads(folder: Path) -> dict[str, PlanRecord]:
    """The documents of a build, each with its head alone."""
    heads = json.loads((folder / HEADS).read_text(encoding="utf-8"))
    return {slug: PlanRecord(slug=slug, plan=PlanHead.model_validate(head)) for slug, head in heads.items()}


def read_record(folder: Path, slug: str) -> PlanRecord:
    """A record of a build, whole."""
    return PlanRecord.model_validate_json((folder / "records" / f"{slug}.json").read_text(encoding="utf-8"))


def same_identity(one: PlanRecord, other: PlanRecord) -> bool:
    """Whether other documents find the two alike: the same place, number, title, date, status and family."""
    spans = {"cites", "aliases", "issuer"}
    return one.plan.model_dump(exclude=spans) == other.plan.model_dump(exclude=spans)


def link_tree(source: Path, target: Path) -> None:
    """Hard links to all files of a folder that the other does not have yet."""
    target.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in target.iterdir()}
    for entry in source.iterdir():
        if entry.name not in there:
            _link(entry, target / entry.name)


def copy_store(source: Path, target: Path) -> None:
    """A store that can be written, out of a closed one: table files are linked, the few small others are copied."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.suffix == ".sst":
            _link(entry, target / entry.name)
        elif entry.name != "LOCK":
            shutil.copy2(entry, target / entry.name)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


def below(lineage: Lineage, places: Sequence[Place], changed: Iterable[str]) -> list[str]:
    """The slugs of the plans that have one of these above them, and of these."""
    wanted = set(changed)
    return [
        place.slug
        for place in places
        if place.slug in wanted or any(upper.slug in wanted for upper in lineage.ancestors(place))
    ]


class StoreChange:
    """Replaces what a store says of some plans, and counts."""

    def __init__(self, path: Path) -> None:
        self._store = ox.Store(str(path))
        self.removed = self.added = 0
        self._inferred = ox.NamedNode(terms.GRAPH_INFERRED)

    def remove_document(self, slug: str) -> None:
        """Take a document's graph out, and what was derived of its parts."""
        graph = ox.NamedNode(terms.document_graph(slug))
        quads = list(self._store.quads_for_pattern(None, None, None, graph))
        for subject in dict.fromkeys(quad.subject for quad in quads):
            quads += self._store.quads_for_pattern(subject, None, None, self._inferred)
        self._remove(quads)

    def remove_comparisons(self, slug: str) -> int:
        """Take the comparisons of a lower plan out; returns how many there were."""
        plan = ox.NamedNode(terms.document_iri(slug))
        found = list(self._store.quads_for_pattern(None, ox.NamedNode(ZM.lowerPlan), plan, self._inferred))
        for quad in found:
            self._remove(list(self._store.quads_for_pattern(quad.subject, None, None, self._inferred)))
        return len(found)

    def add(self, quads: Iterable[ox.Quad]) -> None:
        """Put quads in; the divisions, which never change, are passed over."""
        new = [quad for quad in quads if not str(quad.subject).startswith(f"<{ID}division/")]
        new = [quad for quad in dict.fromkeys(new) if quad not in self._store]
        self._store.extend(new)
        self.added += len(new)

    def close(self) -> None:
        """Write everything down."""
        self._store.flush()
        del self._store

    def _remove(self, quads: list[ox.Quad]) -> None:
        for quad in dict.fromkeys(quads):
            self._store.remove(quad)
            self.removed += 1


def compare_again(step: Step, lineage: Lineage, places: dict[str, Place]) -> list[Comparison]:
    """The comparisons of the affected plans; their records and those above them are read from the build before."""
    whole: dict[str, Place] = {slug: places[slug] for slug in step.changed}

    def full(place: Place) -> Place:
        if place.record is None:
            return place
        if place.slug not in whole:
            record = read_record(step.before, place.slug)
            whole[place.slug] = Place(place.slug, place.code, place.family, record)
        return whole[place.slug]

    found: list[Comparison] = []
    for slug in step.affected:
        place = places[slug]
        found += cascade.compare(full(place), [full(upper) for upper in lineage.ancestors(place)])
    return found
