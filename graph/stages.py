"""A build as stages of plain functions: what goes in and comes out can be handed to another process or machine.

    1  read_document   each document alone: its source → its record
       contribution    … and what all others need of it, small
       Gathering       these of all documents, in their order → Shared
    2  derive          each document alone again, with its ancestors: its quads and what was derived of it, as N-Quads
       common_parts    what is the same for all, once

Nothing here knows folders, caches or a store. The vocabularies in use must be those of the corpus
(`ontology.vocabulary.using`) wherever a function runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyoxigraph as ox
from rdflib import URIRef
from rdflib.namespace import DCTERMS, PROV, RDF

from graph import agency_labels, cascade, divisions, inside, shares, trail, triples, versions
from graph.agency_labels import Labels, Named
from graph.cascade import Cascade, Lineage, Place
from graph.catalog import DocumentEntry, StubEntry
from graph.claims import Claims
from graph.comparing import Comparer
from graph.corrections import Correction
from graph.errors import BadInput
from graph.extraction import extract
from graph.inside_check import Check
from graph.known_documents import KnownDocuments
from graph.linking import link
from graph.patching import apply_corrections
from graph.quads import QuadWriter, typed
from graph.record import PlanRecord, Problem
from graph.shares import Summand
from graph.sources import Source
from ontology import terms
from ontology.reasoning import read_inferred
from ontology.terms import ZM
from ontology.vocabulary import SCHEMES, catalog_turtle, turtle

Lookup = Callable[[str], PlanRecord]
"""The record of a document by its slug, at least what `upper_of` keeps of it."""


# -- stage 1: a document alone ---------------------------------------------------------------------------------


def read_plan(
    source: Source, slug: str, code: str | None, corrections: Sequence[Correction] = ()
) -> PlanRecord:
    """Extract, correct and link a document; what its reader had to tell stands among the record's problems."""
    record = extract(source.text, slug, code, grids=source.grids)
    apply_corrections(record, corrections, source.text)
    link(record)
    record.problems += [
        Problem(path="", text=note, reason=f"reading the {source.form} file") for note in source.notes
    ]
    return record


def read_document(
    source: Source, slug: str, entry: DocumentEntry, corrections: Sequence[Correction] = ()
) -> PlanRecord:
    """The record of a document of a corpus. Raises BadInput where it cannot be told which place it is for."""
    record = read_plan(source, slug, entry.code, corrections)
    record.plan.status = entry.status or record.plan.status
    record.plan.family = entry.family or record.plan.family
    record.plan.document_number = entry.number or record.plan.document_number
    record.plan.issued = entry.issued or record.plan.issued
    record.source = entry.origin
    record.revision_of = entry.revises
    if record.plan.jurisdiction.code is None:
        maybe = divisions.candidates_of_title(record.plan.title)
        listed = ", ".join(
            f"{'·'.join(d.name for d in divisions.line(o.code)[-2::-1])} {o.code}" for o in maybe
        )
        raise BadInput(
            f"{slug}: cannot tell which place the plan {record.plan.title!r} is for; "
            "give its six-digit code in catalog.yaml" + (f" ({listed})" if listed else "")
        )
    return record


def read_by_hand(record: PlanRecord, corrections: Sequence[Correction] = ()) -> PlanRecord:
    """A record that a person wrote, corrected and linked."""
    apply_corrections(record, corrections)
    return link(record)


# -- what all need of each ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contribution:
    """What is needed of a document without its record: its head with its claims, what it counts for, its agencies, and
    its figures that add up to those of the place above. ``idle`` are its corrections that found nothing to correct."""

    head: PlanRecord
    counts: dict[str, int]
    idle: tuple[dict[str, str], ...]
    agencies: Named
    summands: tuple[Summand, ...]


def head_of(record: PlanRecord) -> PlanRecord:
    """What others may need of a document without reading it: its head, and what it says of the levels above it."""
    return PlanRecord(
        slug=record.slug,
        plan=record.plan.model_copy(update={"cites": [], "aliases": []}),
        text_hash=record.text_hash,
        verified=record.verified,
        revision_of=record.revision_of,
        cited_targets=record.cited_targets,
    )


def upper_of(record: PlanRecord) -> PlanRecord:
    """What those that are compared with a document need of it: its head and its targets."""
    head = head_of(record)
    head.targets, head.cited_targets = record.targets, []
    return head


def place_of(record: PlanRecord) -> Place:
    """A document's place in the line; one without a family is in a line of its own."""
    return Place(record.slug, record.plan.jurisdiction.code or "", record.plan.family or record.slug, record)


def stub_place(stub: StubEntry) -> Place:
    """The place of a document that is only known to exist."""
    return Place(stub.slug, stub.code, stub.family, None)


def contribution(record: PlanRecord) -> Contribution:
    """What all others need of a document."""
    return Contribution(
        head_of(record),
        contents(record),
        idle_corrections(record),
        agency_labels.named(record),
        tuple(shares.summands(place_of(record), Comparer())),
    )


def contents(record: PlanRecord) -> dict[str, int]:
    """How many things of each kind a record holds."""
    linked = sum(bool(target.concept) for target in record.targets)
    with_domain = sum(bool(action.domains) for action in record.actions)
    return {
        "actions": len(record.actions),
        "assignments": sum(len(action.assignments) for action in record.actions),
        "actions_with_domain": with_domain,
        "actions_without_domain": len(record.actions) - with_domain,
        "targets": len(record.targets),
        "targets_linked": linked,
        "targets_unlinked": len(record.targets) - linked,
    }


def idle_corrections(record: PlanRecord) -> tuple[dict[str, str], ...]:
    """The corrections that found nothing to correct: document, path, text, reason."""
    return tuple(
        {"document": record.slug, "path": problem.path, "text": problem.text, "reason": problem.reason}
        for problem in record.problems
        if problem.reason.startswith("correction_")
    )


@dataclass(frozen=True)
class Shared:
    """What every document is linked and compared with: small, and the same for all.

    ``lineage`` has heads alone, of records (without their claims) and stubs; ``claims`` only what is said of others;
    ``parts`` by the slug of a document the figures of the places below it; ``versions`` by slug those of one plan.
    """

    known: KnownDocuments
    lineage: Lineage
    claims: Claims
    parts: dict[str, tuple[Summand, ...]]
    versions: dict[str, list[str]]

    def uppers(self) -> set[str]:
        """The slugs of the documents that others are compared with: of these whole records are looked up."""
        return {
            upper.slug
            for places in self.lineage.by_place.values()
            # All of a place, not one: which version is above a plan depends on its date.
            for place in places
            for upper in self.lineage.ancestors(place)
            if upper.record is not None
        }


@dataclass
class Gathering:
    """The contributions of all documents, taken in their order: texts, then records by hand."""

    heads: list[PlanRecord] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    idle: list[dict[str, str]] = field(default_factory=list)
    labels: Labels = field(default_factory=Labels)
    _claims: Claims = field(default_factory=Claims)
    _summands: dict[str, tuple[Summand, ...]] = field(default_factory=dict)

    def add(self, one: Contribution) -> None:
        """Take a document in."""
        self._claims.add(place_of(one.head))
        self.heads.append(one.head.model_copy(update={"cited_targets": []}))
        self.counts.update(one.counts)
        self.idle += one.idle
        self.labels.add(one.agencies)
        if one.summands:
            self._summands[one.head.slug] = one.summands

    def shared(self, stubs: Iterable[StubEntry] = ()) -> Shared:
        """What all need, when every document was taken in."""
        stubs = list(stubs)
        lineage = Lineage()
        for head in self.heads:
            lineage.add(place_of(head))
        for stub in stubs:
            lineage.add(stub_place(stub))
        parts: dict[str, tuple[Summand, ...]] = {}
        for place, parent in shares.parents(lineage):
            if place.slug in self._summands:
                parts[parent.slug] = parts.get(parent.slug, ()) + self._summands[place.slug]
        return Shared(
            KnownDocuments.of(self.heads, stubs),
            lineage,
            Claims(self._claims.about),
            parts,
            versions.by_slug(self.heads),
        )


# -- stage 2: a document among the others ------------------------------------------------------------------------


@dataclass(frozen=True)
class Derived:
    """The quads of a document's graph and what was derived of it, as N-Quads; ``comparisons`` is how many were made."""

    slug: str
    document: bytes
    inferred: bytes
    comparisons: int


class Deriving:
    """Stage 2 of documents that follow one another: what an upper plan says is looked up once for all of them.

    It keeps what it has seen: use one for some hundred documents, and then another.
    """

    def __init__(self, shared: Shared, lookup: Lookup) -> None:
        self._shared = shared
        self._lookup = lookup
        self._claims = Claims(shared.claims.about)
        self._cascade = Cascade(self._claims)
        self._uppers: dict[str, Place] = {}

    def derive(self, record: PlanRecord, text: str | None) -> Derived:
        """A document; ``text`` is the kept one, None for a record made by hand."""
        known, place = self._shared.known, place_of(record)
        document = triples.document_quads(record, known)
        checks = inside.checks(record, text, known)
        told = inside.agencies_in_text(record, text)
        self._claims.add_own(place)
        return self._derived(place, document, checks, told)

    def derive_stub(self, stub: StubEntry) -> Derived:
        """A document that is only known to exist."""
        return self._derived(stub_place(stub), triples.stub_quads(stub), [], {})

    def _derived(
        self,
        place: Place,
        document: QuadWriter,
        checks: Sequence[Check],
        told: dict[int, tuple[str, ...]],
    ) -> Derived:
        shared = self._shared
        ancestors = [self._whole(upper) for upper in shared.lineage.ancestors(place)]
        found = self._cascade.of_plan(place, ancestors)
        found += self._cascade.sums(place, shared.parts.get(place.slug, ()))
        chain = shared.versions.get(place.slug, ())
        inferred = cascade.plan_quads(place, shared.lineage, found, checks, told, chain)
        return Derived(place.slug, document.text(), inferred.text(), len(found))

    def _whole(self, upper: Place) -> Place:
        if upper.record is None:
            return upper
        if upper.slug not in self._uppers:
            self._uppers[upper.slug] = Place(upper.slug, upper.code, upper.family, self._lookup(upper.slug))
        return self._uppers[upper.slug]


def settle(record: PlanRecord, known: KnownDocuments) -> bool:
    """Tell a document of no known family among its problems what it may belong to: it is compared with nothing.

    Returns whether anything was told.
    """
    if record.plan.family is not None:
        return False
    keys = ", ".join(one.key for one in known.families(record)) or "none"
    reason = f"no policy family known; candidates: {keys}; name one in catalog.yaml"
    record.problems.append(Problem(path="", text=record.plan.title, reason=reason))
    return True


# -- what is the same for all ------------------------------------------------------------------------------------


def common_parts(
    gathering: Gathering,
    vocabularies: Iterable[bytes],
    made: datetime,
    code: str,
    changes: Sequence[trail.Entry] = (),
) -> Iterator[bytes]:
    """The quads that are of no single document, as N-Quads in pieces.

    Args:
        gathering: the contributions of all documents.
        vocabularies: the files (Turtle) that the corpus brings along.
        made: when the build was made.
        code: the hash of the code that makes it.
        changes: the audit trail.
    """
    yield cascade.label_quads(dict(gathering.labels.items())).text()
    yield cascade.division_quads().text()
    yield triples.division_quads().text()
    for source in (*map(turtle, SCHEMES), *vocabularies):
        yield turtle_quads(source, terms.GRAPH_REFERENCE)
    yield turtle_quads(turtle(), terms.GRAPH_ONTOLOGY)
    yield turtle_quads(read_inferred(), terms.GRAPH_INFERRED)
    yield turtle_quads(catalog_turtle(), terms.GRAPH_PROVENANCE)
    yield provenance_quads(gathering.heads, made, code).text()
    yield trail.trail_quads(changes).text()


def turtle_quads(source: bytes, graph: URIRef) -> bytes:
    """Triples in Turtle as the N-Quads of a graph."""
    name = ox.NamedNode(graph)
    quads = (
        ox.Quad(quad.subject, quad.predicate, quad.object, name)
        for quad in ox.parse(source, format=ox.RdfFormat.TURTLE)
    )
    return ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b""


def provenance_quads(records: Iterable[PlanRecord], made: datetime, code: str) -> QuadWriter:
    """Which build made the documents, when, and of which texts."""
    out = QuadWriter(terms.GRAPH_PROVENANCE)
    activity = URIRef(f"{terms.ID}build/{made:%Y%m%dT%H%M%S}")
    out.add(activity, RDF.type, PROV.Activity)
    out.add(activity, PROV.startedAtTime, typed(made.isoformat(timespec="seconds"), "dateTime"))
    out.add(activity, DCTERMS.identifier, code[:12])
    out.add(terms.DATASET, PROV.wasGeneratedBy, activity)
    for record in records:
        out.add(terms.document_iri(record.slug), PROV.wasGeneratedBy, activity)
        out.add(terms.document_iri(record.slug), ZM.textHash, record.text_hash)
    return out
