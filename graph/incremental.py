"""A build out of the one before: only the documents that changed are read and written again, and only what rests on them
is compared again.

The new build is a folder of its own, as every build is. What did not change is linked (hard links: RocksDB never writes
into a table file again, it only makes new ones), so that the copy costs neither time nor space, and the build before
stays as it is. It is done only where it gives the same as a full build: the texts of some documents changed, and nothing
else did, neither the code nor the catalogue nor what a document is (its place, number, title, date, status, family),
by which other documents find it.

What rests on a changed document: its own comparisons; those of the plans below it; the sums of the plan above it; where
it says something else than before of the levels above it, whoever is compared with a level that is known by such claims
alone, or claims the same thing; and the labels of the agencies that it spells in another way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from pydantic import ValidationError
from rdflib import URIRef
from rdflib.namespace import PROV, SKOS

from graph import (
    agency_labels,
    cascade,
    databases,
    divisions,
    finding_file,
    kept_heads,
    sealing,
    search_index,
    shares,
    user_graphs,
)
from graph.agency_identity import AgencyIdentity
from graph.cascade import Place
from graph.claims import Key, claimed_code, key_of
from graph.comparing import Comparison, is_whole
from graph.kept_heads import Heads, KeptLineage
from graph.record import CitedTarget, PlanRecord
from ontology import terms
from ontology.terms import OA, ZM

REFERENCE = "reference.nt"
"""What every plan is judged on beside its own: the vocabularies, the divisions and the ontology, as N-Triples."""
TAKEN_OVER = (*databases.with_logs([search_index.FILE, finding_file.FILE]), REFERENCE)
"""Files of the build before that a small change takes over."""
_SHARE = 20
"""At most one document in so many may have changed: beyond, a full build is as fast."""
_MOST_AFFECTED = 100
"""Plans that may be compared again, or a quarter of all."""


@dataclass
class Step:
    """A change that can be made alone: the build before, and the slugs of the documents that changed.

    ``affected`` are the plans to be compared and judged again: these, and those that something changed for.
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
    differing = {name for name, _ in old.items() ^ new.items()}
    # Graphs that people put in, and waivers, change nothing that is compared or judged.
    files = {name for name in differing if not stands_apart(name)}
    if any(name not in old or name not in new for name in files) or not (before / kept_heads.FILE).is_file():
        return None
    if not all(name in documents for name in files) or len(files) * _SHARE > max(len(documents), _SHARE):
        return None
    return Step(before, [documents[name] for name in new if name in files])


def stands_apart(name: str) -> bool:
    """Whether an input changes nothing of what documents hold, nor of what is found of them: waivers, graphs of users."""
    return name == "waivers.yaml" or name.startswith(f"{user_graphs.FOLDER}/")


# -- the documents of a build ------------------------------------------------------------------------------------


def read_record(folder: Path, slug: str) -> PlanRecord:
    """A record of a build, whole."""
    try:
        return PlanRecord.model_validate_json(sealing.read_bytes(folder, f"records/{slug}.json"))
    except (OSError, ValidationError) as error:
        raise sealing.unreadable(folder / "records" / f"{slug}.json", error) from error


def find_record(folder: Path, slug: str) -> PlanRecord | None:
    """The same; None of a document that has none, such as a stub. Raises StoreError."""
    known = sealing.read(folder)
    name = f"records/{slug}.json"
    # Of one that is missing, and should not be, the reader is told.
    return read_record(folder, slug) if (name in known if known else (folder / name).is_file()) else None


def read_text(folder: Path, slug: str) -> str | None:
    """The kept text of a document of a build; None where only a record is held. Raises StoreError."""
    try:
        # Not read as lines: every character counts
        return sealing.read_text(folder, f"texts/{slug}.txt")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise sealing.unreadable(folder / "texts" / f"{slug}.txt", error) from error


def same_identity(one: PlanRecord, other: PlanRecord) -> bool:
    """Whether other documents find the two alike: the same place, number, title, date, status and family."""
    own = {"cites", "aliases", "issuer"}
    return one.plan.model_dump(exclude=own) == other.plan.model_dump(exclude=own) and (
        (one.revision_of, one.verified, one.text_hash is None)
        == (other.revision_of, other.verified, other.text_hash is None)
    )


# -- what rests on what changed --------------------------------------------------------------------------------


def affected(
    lineage: KeptLineage, heads: Heads, old: Mapping[str, PlanRecord], new: Mapping[str, PlanRecord]
) -> list[str]:
    """The slugs of the plans to be compared again, in the order of the build.

    Args:
        lineage: all documents, those that changed as they are now.
        heads: the documents as they were.
        old: the changed documents as they were.
        new: as they are.
    """
    wanted = set(new) | _below(lineage, set(new))
    parents = (lineage.parent(lineage.place(slug)) for slug in new)
    wanted |= {parent.slug for parent in parents if parent is not None}
    told: set[tuple[str, str, Key]] = set()
    for slug, record in new.items():
        family = lineage.place(slug).family
        now, before = _claims(family, record), _claims(family, old[slug])
        told |= {about for about, _ in now ^ before}
    if told:
        known_by_claims = {
            place.slug
            for family, code in {one[:2] for one in told}
            for place in lineage.options(family, code)
            if not is_whole(place)
        }
        wanted |= known_by_claims | _below(lineage, known_by_claims)
        for slug in heads.claiming() | set(new):
            place = lineage.place(slug)
            if place.record and any(about in told for about, _ in _claims(place.family, place.record)):
                wanted.add(slug)
    return lineage.in_order(wanted)


def _below(lineage: KeptLineage, uppers: set[str]) -> set[str]:
    """The slugs of the documents that have one of these above them."""
    marked = {(place.family, place.code) for place in map(lineage.place, uppers)}
    lower = {(family, below) for family, code in marked for below in divisions.below(code)}
    found = set()
    for family, code in lineage.places():
        if (family, code) in lower:
            for place in lineage.options(family, code):
                if any(upper.slug in uppers for upper in lineage.ancestors(place)):
                    found.add(place.slug)
    return found


def _claims(family: str, record: PlanRecord) -> set[tuple[tuple[str, str, Key], str]]:
    """What a document says of others, each with what it is about."""
    found = set()
    for number, claim in enumerate(record.cited_targets, 1):
        code = claimed_code(record, claim)
        if code is not None:
            found.add(((family, code, key_of(claim)), f"{number} {_bare(claim)}"))
    return found


def _bare(claim: CitedTarget) -> str:
    """A claim without where it stands: that may move without anything being said otherwise."""
    return claim.model_dump_json(exclude={"span": True, "assignments": True})


def few(slugs: Collection[str], number: int) -> bool:
    """Whether it is worth while to compare some plans alone; ``number`` is how many documents there are."""
    return len(slugs) <= max(_MOST_AFFECTED, number // 4)


def compare_again(step: Step, lineage: KeptLineage, heads: Heads) -> list[Comparison]:
    """All that is derived of the affected plans. What is needed of others is read from the build before.

    ``lineage`` are all documents, those that changed whole, ``heads`` these as they were before.
    """
    again = set(step.affected)
    needed = set(again)
    for slug in again:
        needed |= {upper.slug for upper in lineage.ancestors(lineage.place(slug))}
    # What speaks for the places below may be a part of a sum.
    parts = [(place.slug, parent.slug) for place, parent in shares.parents(lineage, again)]
    needed |= {slug for slug, _ in parts}
    for slug in needed.difference(step.changed):
        place = lineage.place(slug)
        if place.record is not None:
            record = read_record(step.before, slug)
            lineage.add(Place(slug, place.code, place.family, record))
    # Of all others their claims are needed alone.
    told = lineage.in_order({*needed, *step.changed, *heads.claiming()})
    pairs = [(lineage.place(slug), lineage.place(parent)) for slug, parent in parts]
    return cascade.comparisons([lineage.place(slug) for slug in told], lineage, only=again, parts=pairs)


# -- the store -------------------------------------------------------------------------------------------------


class StoreChange:
    """Replaces what a store says of some plans, and counts."""

    def __init__(self, path: Path) -> None:
        self._store = ox.Store(str(path))
        self.removed = self.added = 0
        self._inferred = ox.NamedNode(terms.GRAPH_INFERRED)

    def holders(self, iris: Iterable[URIRef]) -> set[str]:
        """The IRIs of the graphs that name some nodes."""
        found = set()
        for iri in iris:
            node = ox.NamedNode(iri)
            for quad in self._store.quads_for_pattern(None, None, node, None):
                found.add(quad.graph_name.value if isinstance(quad.graph_name, ox.NamedNode) else "")
            for quad in self._store.quads_for_pattern(node, None, None, None):
                found.add(quad.graph_name.value if isinstance(quad.graph_name, ox.NamedNode) else "")
        return found

    def replace_documents(self, slugs: Iterable[str], quads: Iterable[ox.Quad]) -> None:
        """Put what is said of some documents now in the place of their graphs and of what was derived of their contents.

        What follows from their heads stays. A new version says most of what the old one said: only the rest is written.
        """
        old = dict.fromkeys(quad for slug in slugs for quad in self._of_document(slug))
        new = dict.fromkeys(quads)
        self._remove(old.keys() - new.keys())
        self.add(quad for quad in new if quad not in old)

    def _of_document(self, slug: str) -> list[ox.Quad]:
        plan = ox.NamedNode(terms.document_iri(slug))
        graph = ox.NamedNode(terms.document_graph(slug))
        quads = list(self._store.quads_for_pattern(None, None, None, graph))
        # Agencies have their labels of all documents, and the plan itself its line.
        own = f"{plan.value}/"
        subjects: dict[Any, None] = {
            quad.subject: None
            for quad in quads
            if isinstance(quad.subject, ox.NamedNode)
            and quad.subject.value.startswith(own)
            and not quad.subject.value.startswith(f"{own}agency/")
        }
        # Checks and their passages, and the places of these in the text, stand in the inferred graph alone.
        held = self._store.quads_for_pattern(None, ox.NamedNode(ZM.inDocument), plan, self._inferred)
        subjects |= dict.fromkeys(quad.subject for quad in held)
        for link in (ZM.span, OA.hasSelector):
            for subject in list(subjects):
                led = self._store.quads_for_pattern(subject, ox.NamedNode(link), None, self._inferred)
                subjects |= {quad.object: None for quad in led}
        for subject in subjects:
            quads += self._store.quads_for_pattern(subject, None, None, self._inferred)
        quads += self._store.quads_for_pattern(plan, ox.NamedNode(ZM.task), None, self._inferred)
        for name in (ZM.textHash, PROV.wasGeneratedBy):
            made = ox.NamedNode(terms.GRAPH_PROVENANCE)
            quads += self._store.quads_for_pattern(plan, ox.NamedNode(name), None, made)
        return quads

    def replace_comparisons(
        self, slug: str, comparisons: Sequence[Comparison], changed: Collection[str]
    ) -> tuple[int, bool]:
        """Put comparisons in the place of those of a lower plan.

        Returns:
            How many there were, and whether anything is otherwise now: a comparison, or a document that changed and that one
            speaks of. Else nothing need be judged again.
        """
        plan = ox.NamedNode(terms.document_iri(slug))
        found = list(self._store.quads_for_pattern(None, ox.NamedNode(ZM.lowerPlan), plan, self._inferred))
        held: dict[ox.Quad, None] = {}
        for one in found:
            held |= dict.fromkeys(self._store.quads_for_pattern(one.subject, None, None, self._inferred))
        now = dict.fromkeys(cascade.comparison_quads(comparisons))
        if held.keys() == now.keys():
            own = tuple(f"<{terms.document_iri(one)}{end}" for one in changed for end in ("/", ">"))
            return len(found), any(str(quad.object).startswith(own) for quad in now)
        self._remove(held.keys() - now.keys())
        self.add(quad for quad in now if quad not in held)
        return len(found), True

    def relabel(self, iris: Iterable[URIRef], labels: Mapping[URIRef, tuple[str, tuple[str, ...]]]) -> None:
        """Replace the labels of agencies; those of which there are none go without."""
        for iri in iris:
            node = ox.NamedNode(iri)
            for name in (SKOS.prefLabel, SKOS.altLabel):
                old = self._store.quads_for_pattern(node, ox.NamedNode(name), None, self._inferred)
                self._remove(set(old))
        kept = {iri: label for iri, label in labels.items() if iri in set(iris)}
        self.add(cascade.label_quads(kept))

    def remove_build(self) -> None:
        """Take out by which build the dataset was made."""
        made = ox.NamedNode(terms.GRAPH_PROVENANCE)
        node, name = ox.NamedNode(terms.DATASET), ox.NamedNode(PROV.wasGeneratedBy)
        self._remove(set(self._store.quads_for_pattern(node, name, None, made)))

    def add(self, quads: Iterable[ox.Quad]) -> None:
        """Put quads in."""
        new = [quad for quad in dict.fromkeys(quads) if quad not in self._store]
        self._store.extend(new)
        self.added += len(new)

    def close(self) -> None:
        """Write everything down."""
        self._store.flush()
        del self._store

    def _remove(self, quads: Collection[ox.Quad]) -> None:
        for quad in quads:
            self._store.remove(quad)
            self.removed += 1


@dataclass(frozen=True)
class Agencies:
    """The agencies of some documents: labels, and who they are."""

    labels: dict[URIRef, tuple[str, tuple[str, ...]]]
    known: dict[URIRef, AgencyIdentity]

    @staticmethod
    def of(records: Sequence[PlanRecord]) -> Agencies:
        """As a full build finds them in these documents."""
        return Agencies(agency_labels.labels(records), agency_labels.known(records))


def respelled(old: Iterable[PlanRecord], new: Iterable[PlanRecord]) -> set[URIRef]:
    """The agencies that some documents spell otherwise than before, or no longer, or not as often."""

    def told(records: Iterable[PlanRecord]) -> dict[tuple[str, URIRef], object]:
        found: dict[tuple[str, URIRef], object] = {}
        for record in records:
            spelled, above = agency_labels.spellings_of(record)
            for iri in {**spelled, **above}:
                found[record.slug, iri] = (spelled.get(iri), iri in above)
        return found

    before, now = told(old), told(new)
    return {key[1] for key in {*before, *now} if before.get(key) != now.get(key)}
