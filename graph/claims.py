"""What documents say of the targets of the levels above them: claims, kept apart from what those levels say themselves.

A claim speaks for a level whose text is not at hand; and a claim that differs from the level's own text, or from what
another document claims, is a misquotation of one of the two. All by keyed lookup: the work grows with the number of
claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graph import divisions, linking
from graph.intervals import same_figure
from graph.record import CitedTarget, Measure, PlanRecord, Target

if TYPE_CHECKING:
    from graph.cascade import Place

Key = tuple[str, int | None]
"""What a statement is about, and its year."""


@dataclass(frozen=True)
class Numbered:
    """A statement with its number in its document, which makes its IRI; ``document`` is the slug of that document."""

    number: int
    target: Target
    document: str = ""

    @property
    def is_claim(self) -> bool:
        """Whether it tells what another level set."""
        return isinstance(self.target, CitedTarget)


def key_of(target: Target) -> Key:
    """What a statement is about, and its year."""
    return linking.comparison_key(target), target.target_year


def claimed_code(record: PlanRecord, claim: CitedTarget) -> str | None:
    """The code of the division that a claim is about: one on the line above the document's own place."""
    above = divisions.line(record.plan.jurisdiction.code or "")[1:]
    for division in above:
        if division.name == claim.claimed_jurisdiction or (
            not claim.claimed_jurisdiction and division.level == claim.claimed_level
        ):
            return division.code
    # 市指标 of a district of 天津市: the city above it is of province level.
    if claim.claimed_level == "city" and above and not any(one.level == "city" for one in above):
        return next((one.code for one in above if one.level == "province"), None)
    return None


def claims_of(place: Place) -> Iterator[tuple[str, Numbered]]:
    """What a document says of others, each with the code of the division that it is about."""
    if place.record is None:
        return
    for number, claim in enumerate(place.record.cited_targets, 1):
        code = claimed_code(place.record, claim)
        if code is not None:
            yield code, Numbered(number, claim, place.slug)


@dataclass
class Claims:
    """All claims, by the place that they are about.

    ``about`` holds, for a place and a key, the claims that differ in measure or figure, first come first; ``by`` the
    claim that one document makes.
    """

    about: dict[tuple[str, str], dict[Key, list[Numbered]]] = field(default_factory=dict)
    by: dict[tuple[str, str, Key, Measure], Numbered] = field(default_factory=dict)

    def add(self, place: Place) -> None:
        """Take in what a document says of others."""
        for code, one in claims_of(place):
            known = self.about.setdefault((place.family, code), {}).setdefault(key_of(one.target), [])
            if not any(_alike(one.target, other.target) for other in known):
                known.append(one)
        self.add_own(place)

    def add_own(self, place: Place) -> None:
        """Take in what a document says, for comparing this document; what all say of others is known already."""
        for code, one in claims_of(place):
            self.by.setdefault((place.slug, code, key_of(one.target), one.target.measure), one)

    def speaking_for(self, upper: Place, lower: Place, key: Key) -> list[Numbered]:
        """What is claimed of a place in a matter: the lower plan's own claim where it makes one, else all that differ."""
        known = self.about.get((upper.family, upper.code), {}).get(key, [])
        own = [self.by.get((lower.slug, upper.code, key, one.target.measure)) for one in known]
        mine = {(one.document, one.number): one for one in own if one}
        return list(mine.values()) or known


def _alike(one: Target, other: Target) -> bool:
    return one.measure == other.measure and same_figure(one, other)


def misquotations(
    place: Place, own: dict[str, dict[Key, list[Numbered]]], claims: Claims, uppers: dict[str, Place]
) -> Iterator[tuple[Numbered, Place, Numbered]]:
    """The claims of a document that differ from the level's own words, or from what another document claims.

    Args:
        place: the document whose claims are looked at.
        own: by slug, what each document says of itself, by key.
        claims: all claims.
        uppers: the documents above the place, by division.

    Yields:
        The claim, the document that it is about, and what it differs from: a target of that document's own, else
        another document's claim about it.
    """
    if place.record is None:
        return
    for number, claim in enumerate(place.record.cited_targets, 1):
        code = claimed_code(place.record, claim)
        upper = uppers.get(code or "")
        if upper is None or claim.value is None:
            continue
        said = [
            one
            for one in own.get(upper.slug, {}).get(key_of(claim), [])
            if one.target.value is not None
            and one.target.measure == claim.measure
            and linking.same_unit(one.target.unit or "", claim.unit or "")
        ]
        if not said:
            # The first to be heard is what the others are held against; which of the two is right is not ours to say.
            known = claims.about.get((place.family, upper.code), {}).get(key_of(claim), [])
            said = [
                one
                for one in known
                if one.target.measure == claim.measure
                and one.target.value is not None
                and linking.same_unit(one.target.unit or "", claim.unit or "")
            ][:1]
        if said and not any(same_figure(one.target, claim) for one in said):
            yield Numbered(number, claim, place.slug), upper, said[0]
