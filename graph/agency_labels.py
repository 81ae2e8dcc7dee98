"""The agencies of records: their IRIs, what a group includes, and the label that each goes by over all documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from rdflib import URIRef

from graph import divisions
from graph.agency_identity import AgencyIdentity, identify
from graph.record import PlanRecord
from ontology import terms
from ontology.vocabulary import load_vocabularies, remembered


class Mention(NamedTuple):
    """An agency as a record names it: the printed name, its role where it has one, and the members it is told to have."""

    name: str
    role: str | None = None
    members: tuple[str, ...] = ()


def mentions(record: PlanRecord) -> Iterator[Mention]:
    """Every agency that a record names, each time it does."""
    assigned = [
        *(item.assignments for item in record.actions),
        *(item.assignments for item in (*record.targets, *record.cited_targets)),
        *(item.assignments for item in record.deliverables),
    ]
    for one in chain.from_iterable(assigned):
        yield Mention(one.agency, one.role, tuple(one.members))
    for mechanism in record.mechanisms:
        for name in mechanism.agencies:
            yield Mention(name)
    for change in record.adjustments:
        if change.agency:
            yield Mention(change.agency)


def code_of(record: PlanRecord) -> str:
    """The code of the division that a record's names are read in."""
    return record.plan.jurisdiction.code or divisions.NATIONAL


def iri_of(identity: AgencyIdentity, slug: str) -> URIRef:
    """The IRI of an agency. A group that only the document defines (各牵头单位) belongs to the document."""
    if identity.of_document:
        return URIRef(f"{terms.document_iri(slug)}/agency/{terms.segment(identity.key)}")
    return terms.agency_iri(identity.code, identity.key)


def full_name(identity: AgencyIdentity) -> str:
    """The name of a body that no document prints, by its place: 宜昌市生态环境局; the nation's as it stands."""
    place = "" if identity.code == divisions.NATIONAL else divisions.divisions()[identity.code].name
    return place + identity.label


def members(record: PlanRecord) -> dict[str, tuple[str, ...]]:
    """Printed name of a group → the names that the document says it includes.

    Either the text lists them, or the group is that of a role (各牵头单位): then all that have it in this document.
    """
    code = code_of(record)
    by_role: dict[str, dict[str, None]] = {}
    told: dict[str, dict[str, None]] = {}
    collective: dict[str, AgencyIdentity | None] = {}
    for mention in mentions(record):
        # Each name is looked up once: one stands in dozens of places.
        if mention.name not in collective:
            known = identify(mention.name, code)
            collective[mention.name] = known if known.collective else None
        identity = collective[mention.name]
        if identity is not None:
            told.setdefault(mention.name, {}).update(dict.fromkeys((*identity.members, *mention.members)))
        elif mention.role:
            by_role.setdefault(mention.role, {})[mention.name] = None
    for name, listed in told.items():
        if not listed and (role := role_of_group(name)):
            listed.update(by_role.get(role, {}))
    return {name: tuple(listed) for name, listed in told.items() if listed}


@remembered
def role_of_group(name: str) -> str | None:
    """lead for 各牵头单位 and 牵头部门, by the labels of the role vocabulary; None for other groups."""
    bare = name.removeprefix("各")
    for concept in load_vocabularies().scheme("role"):
        if bare in concept.alt_labels:
            return concept.key
    return None


def known(records: Iterable[PlanRecord]) -> dict[URIRef, AgencyIdentity]:
    """All agencies that the records name, with the members of groups; without the bodies above that nobody names."""
    found: dict[URIRef, AgencyIdentity] = {}
    for record in records:
        names = dict.fromkeys(mention.name for mention in mentions(record))
        names.update(dict.fromkeys(name for listed in members(record).values() for name in listed))
        for name in names:
            identity = identify(name, code_of(record))
            found.setdefault(iri_of(identity, record.slug), identity)
    return found


def spellings_of(record: PlanRecord) -> tuple[dict[URIRef, Counter[str]], dict[URIRef, AgencyIdentity]]:
    """How often a record spells each agency in which way, and the bodies above those that it names."""
    found, above = _spelled(record)
    return {iri: uses for iri, (_, uses) in found.items()}, above


def _spelled(
    record: PlanRecord,
) -> tuple[dict[URIRef, tuple[AgencyIdentity, Counter[str]]], dict[URIRef, AgencyIdentity]]:
    """The same, with who each agency is by the name that stands first."""
    code = code_of(record)
    spelled: dict[URIRef, tuple[AgencyIdentity, Counter[str]]] = {}
    above: dict[URIRef, AgencyIdentity] = {}
    uses = Counter([mention.name for mention in mentions(record)])
    uses.update(name for listed in members(record).values() for name in listed if name not in uses)
    for name, number in uses.items():
        identity = identify(name, code)
        iri = iri_of(identity, record.slug)
        if iri not in spelled:
            spelled[iri] = identity, Counter()
        spelled[iri][1][name] += number
        if identity.parent:
            above[iri_of(identity.parent, record.slug)] = identity.parent
    return spelled, above


@dataclass(frozen=True)
class Spelling:
    """How one document spells an agency: name → how often; and what kind of agency it is, for counting."""

    code: str
    collective: bool
    resolved: bool
    uses: dict[str, int]


@dataclass(frozen=True)
class Named:
    """The agencies of one document by IRI, and of the bodies above them that it need not name, code and full name."""

    spelled: dict[str, Spelling]
    above: dict[str, tuple[str, str]]


def named(record: PlanRecord) -> Named:
    """The agencies of a record, as others need them."""
    counted, above = _spelled(record)
    return Named(
        {
            str(iri): Spelling(one.code, one.collective, one.resolved, dict(uses))
            for iri, (one, uses) in counted.items()
        },
        {str(iri): (identity.code, full_name(identity)) for iri, identity in above.items()},
    )


class Labels:
    """The agencies of many documents put together, one document at a time: what `labels` gives, and how many there are."""

    def __init__(self) -> None:
        self._uses: dict[str, dict[str, int]] = {}
        self._above: dict[str, str] = {}
        self._collective = self._unresolved = 0

    def add(self, document: Named) -> None:
        """Take the agencies of a document in."""
        for iri, spelling in document.spelled.items():
            known = self._uses.get(iri)
            if known is None:
                self._uses[iri] = spelling.uses
                self._collective += spelling.collective
                self._unresolved += not spelling.resolved
            else:
                self._uses[iri] = {
                    name: known.get(name, 0) + spelling.uses.get(name, 0)
                    for name in {**known, **spelling.uses}
                }
        for iri, (_, name) in document.above.items():
            self._above[iri] = name

    def counts(self) -> dict[str, int]:
        """How many agencies are named, how many of them are groups, and of how many it is not known what they do."""
        return {
            "agencies": len(self._uses),
            "agencies_collective": self._collective,
            "agencies_unresolved": self._unresolved,
        }

    def items(self) -> Iterator[tuple[URIRef, tuple[str, tuple[str, ...]]]]:
        """Each IRI with the label that the agency goes by, and its other spellings."""
        for iri, name in self._above.items():
            if iri not in self._uses:
                yield URIRef(iri), (name, ())
        for iri, uses in self._uses.items():
            yield URIRef(iri), chosen(uses)


def labels(records: Iterable[PlanRecord]) -> dict[URIRef, tuple[str, tuple[str, ...]]]:
    """IRI → the label that an agency goes by, and its other spellings, over all documents.

    The most used spelling wins, then the longest, then the first in code-point order. A body above that no document
    names goes by its full name.
    """
    found = Labels()
    for record in records:
        found.add(named(record))
    return dict(found.items())


def chosen(counted: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
    """The label among the spellings of an agency, and the others in order."""
    ordered = sorted(counted, key=lambda name: (-counted[name], -len(name), name))
    return ordered[0], tuple(sorted(ordered[1:]))
