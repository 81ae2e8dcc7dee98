"""The documents that a build knows of, and which of them a citation means: by its number, its title, or a short title.

A number that no issuer can have, or another document's, does not lead anywhere: the citation is then linked by its title,
says so, and carries the documents that may be meant as candidates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, Literal

from rapidfuzz import fuzz

from graph import divisions, document_numbers
from graph.catalog import StubEntry
from graph.document_numbers import DocumentNumber
from graph.record import Citation, PlanHead, PlanRecord
from ontology.vocabulary import load_vocabularies

Status = Literal["held", "known-form", "wrong-form", "differs", "year-mismatch", "unresolved"]
Basis = Literal["number", "title", "short-title"]

MOST_CANDIDATES = 3
_LEAST = Decimal("0.4")
_RENAMED = re.compile(
    r".{0,40}?关于(?:印发|转发|发布|批转|下发|公布)(?P<title>.{4,}?)(?:的(?:通知|公告|函))?$"
)
_SIMILAR = Decimal("0.5")
_SHORT = 8  # characters: a title as short as 实施方案 or 三年行动计划 is many documents'


@lru_cache(maxsize=50_000)
def title_key(title: str) -> str:
    """A title without what is printed now one way, now another: brackets, quotation marks, 关于印发…的通知."""
    inner = re.search(r"关于(?:印发|转发|发布|批转|下发|公布)[〈《](.+?)[〉》]", title)
    bare = re.sub(r"[（(][^（()）]*[）)]|[\s“”\"‘’《》〈〉]", "", inner[1] if inner else title)
    bare = re.sub(r"(?:征求意见稿|送审稿|讨论稿|修改稿|草案)$", "", bare)
    renamed = _RENAMED.fullmatch(bare)
    return renamed["title"] if renamed else bare


@dataclass(frozen=True)
class KnownDocument:
    """A document held here, or a stub: ``day`` is its date of signature, failing that of printing."""

    slug: str
    title: str
    code: str
    family: str | None
    number: DocumentNumber | None = None
    day: date | None = None
    draft: bool = False

    @staticmethod
    def of(record: PlanRecord) -> KnownDocument:
        """One that is held."""
        head = record.plan
        return KnownDocument(
            slug=record.slug,
            title=head.title,
            code=head.jurisdiction.code or "",
            family=head.family,
            number=_parsed(head.document_number),
            day=head.issued or head.printed,
            draft=head.status == "draft",
        )

    @staticmethod
    def told(slug: str, head: Mapping[str, Any]) -> KnownDocument:
        """The same by its head as it stands in JSON, without what is as usual: no record need be made of it."""
        day = head.get("issued") or head.get("printed")
        return KnownDocument(
            slug=slug,
            title=head["title"],
            code=head["jurisdiction"].get("code") or "",
            family=head.get("family"),
            number=_parsed(head.get("document_number")),
            day=date.fromisoformat(day) if day else None,
            draft=head.get("status") == "draft",
        )

    @staticmethod
    def of_stub(stub: StubEntry) -> KnownDocument:
        """One that is only known to exist."""
        return KnownDocument(stub.slug, stub.title, stub.code, stub.family, _parsed(stub.number))


@dataclass(frozen=True)
class Candidate:
    """What may be meant: the slug of a document, or the key of a policy family; the score is in (0, 1]."""

    key: str
    score: Decimal


@dataclass(frozen=True)
class LinkedCitation:
    """What was made of a citation. ``document`` is a slug; ``status`` is None where no number is cited.

    ``key`` is the same for all citations of one document; ``later`` says that what is cited is later than what cites;
    ``place`` is the code of the division whose document it is, as far as number or title show it.
    """

    key: str
    document: str | None = None
    basis: Basis | None = None
    number: DocumentNumber | None = None
    status: Status | None = None
    later: bool = False
    place: str | None = None
    suggested: str | None = None
    candidates: tuple[Candidate, ...] = ()


class KnownDocuments:
    """All documents of a build, for looking up what is cited."""

    def __init__(self, documents: Iterable[KnownDocument]) -> None:
        self._by_slug: dict[str, KnownDocument] = {}
        self._by_number: dict[str, KnownDocument] = {}
        self._by_count: dict[tuple[int | None, int], list[KnownDocument]] = {}
        self._by_title: dict[str, list[KnownDocument]] = {}
        self._by_place: dict[str, list[KnownDocument]] = {}
        for one in documents:
            self._by_slug[one.slug] = one
            self._by_title.setdefault(title_key(one.title), []).append(one)
            self._by_place.setdefault(one.code, []).append(one)
            if one.number:
                self._by_number[one.number.normal] = one
                self._by_count.setdefault((one.number.year, one.number.sequence), []).append(one)

    @staticmethod
    def of(records: Iterable[PlanRecord], stubs: Iterable[StubEntry] = ()) -> KnownDocuments:
        """The documents of records and the stubs of a catalogue; a record goes before a stub of the same number."""
        return KnownDocuments(chain(map(KnownDocument.of_stub, stubs), map(KnownDocument.of, records)))

    def link(self, citation: Citation, record: PlanRecord) -> LinkedCitation:
        """Which document a citation of ``record`` means, and what its number is worth."""
        number = _parsed(citation.number)
        line = {one.code for one in divisions.line(record.plan.jurisdiction.code or "")}
        place = _place(citation, record)
        titled = self._titled(citation, record, line, place)
        numbered = self._by_number.get(number.normal) if number else None
        if numbered and numbered.slug == record.slug:
            numbered = None
        document, basis = titled
        same = self._by_title.get(title_key(citation.title or ""), [])
        if numbered and (document is None or numbered in same):
            document, basis = numbered, "number"
        status: Status | None = None
        if number:
            status = self._status(number, place, document if basis != "number" else None, record)
            if basis == "number":
                status = "held"
        elif citation.number:
            status = "unresolved"
        doubtful = status in ("wrong-form", "differs", "year-mismatch")
        title = document.title if document else citation.title or ""
        division = divisions.divisions().get(place or "")
        if document is None and division and len(title) <= _SHORT and not title.startswith(division.name):
            # 省政府《实施方案》 of two provinces are two documents.
            title = division.name + title
        return LinkedCitation(
            key=_key(document.number if document else number, title) or citation.number or "",
            document=document.slug if document else None,
            basis=basis,
            number=number,
            status=status,
            place=document.code if document else place or _issuing_place(number),
            later=_is_later(number, document, record.plan),
            suggested=_suggested(number, record, place) if number and status == "wrong-form" else None,
            candidates=self._candidates(number, citation, record, line)
            if doubtful or document is None
            else (),
        )

    def misfits(self, record: PlanRecord) -> Iterator[tuple[Citation, str, str | None, str | None]]:
        """Citations that cannot be right.

        Yields:
            The citation; the number that the document is known by or would have, its date for a later document, or an empty
            text; for a wrong number the name of the place or the title, None for a document later than this one; and the
            slug of the document that is meant, where it is known.
        """
        for citation in record.plan.cites:
            found = self.link(citation, record)
            known = self._by_slug.get(found.document or "")
            slug = known.slug if known else None
            wrong = found.status in ("wrong-form", "differs", "year-mismatch")
            if wrong and not (found.later and found.status == "year-mismatch"):
                number = known.number.normal if known and known.number else found.suggested
                place = divisions.divisions().get(found.place or "")
                yield citation, number or "", place.name if place else citation.title or "", slug
            if found.later:
                year = f"{found.number.year}年" if found.number else ""
                yield citation, known.day.isoformat() if known and known.day else year, None, slug

    def _titled(
        self, citation: Citation, record: PlanRecord, line: set[str], place: str | None
    ) -> tuple[KnownDocument | None, Basis | None]:
        if not citation.title:
            return None, None
        division = divisions.divisions().get(place or "")
        keys = [(title_key(citation.title), False)]
        if division and division.level != "national":
            # 湖北省人民政府《推动…实施方案》: the place stands before the title, not in it.
            keys.append((title_key(division.name + citation.title), False))
        for alias in record.plan.aliases:
            full = re.search(r"《(.+)》", alias.full)
            if full and alias.alias == citation.title:
                keys.append((title_key(full[1]), True))
        for key, short in keys:
            found = _best([one for one in self._by_title.get(key, []) if one.slug != record.slug], line)
            if found:
                return found, "short-title" if short else "title"
        if citation.issuer and place:
            ending = title_key(citation.title)
            options = [
                one
                for one in self._by_place.get(place, [])
                if one.family is not None
                and one.family == record.plan.family
                and one.slug != record.slug
                and title_key(one.title).endswith(ending)
            ]
            if len({title_key(one.title) for one in options}) == 1:
                return _best(options, line), "short-title"
        return None, None

    def _status(
        self, number: DocumentNumber, place: str | None, titled: KnownDocument | None, record: PlanRecord
    ) -> Status:
        verdict = document_numbers.judge(number.code, place).verdict
        if verdict == "does_not_fit":
            return "wrong-form"
        year = _year(record.plan)
        own = titled.number if titled else None
        if number.year and (
            (year and number.year > year)
            or (titled and titled.day and number.year != titled.day.year)
            or (
                own and own.year != number.year and (own.code, own.sequence) == (number.code, number.sequence)
            )
        ):
            return "year-mismatch"
        if own and own.normal != number.normal:
            return "differs"
        return "known-form" if verdict == "fits" else "unresolved"

    def _candidates(
        self, number: DocumentNumber | None, citation: Citation, record: PlanRecord, line: set[str]
    ) -> tuple[Candidate, ...]:
        """Documents on the line with the same year and sequence, and those of the same title; the likeliest first.

        Of the score, year and sequence give 0.4, the title 0.3, a place above the citing plan 0.2, the code but for its
        first character 0.1.
        """
        key = title_key(citation.title or "")
        counted = self._by_count.get((number.year, number.sequence), []) if number else []
        titled = self._by_title.get(key, []) if key else []
        found: dict[str, Decimal] = {}
        for one in [*(one for one in counted if one.code in line), *titled]:
            if one.slug == record.slug:
                continue
            score = Decimal("0.4") if one in counted else Decimal(0)
            score += Decimal("0.3") if one in titled else Decimal(0)
            score += Decimal("0.2") if one.code in line else Decimal(0)
            if number and one.number and one.number.code[1:] == number.code[1:]:
                score += Decimal("0.1")
            found[one.slug] = score
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(Candidate(slug, score) for slug, score in ranked if score >= _LEAST)[:MOST_CANDIDATES]

    def families(self, record: PlanRecord) -> tuple[Candidate, ...]:
        """The policy families that a document without one may belong to: those it cites, and those of similar titles."""
        if record.plan.family is not None:
            return ()
        found: dict[str, Decimal] = {}
        for citation in record.plan.cites:
            cited = self._by_slug.get(self.link(citation, record).document or "")
            if cited and cited.family:
                score = Decimal("0.8") if citation.relation == "implements" else Decimal("0.6")
                found[cited.family] = max(score, found.get(cited.family, Decimal(0)))
        title = title_key(record.plan.title)
        for concept in load_vocabularies().scheme("policy-family"):
            names = [concept.label_zh, *concept.values("keyword")]
            likeness = max(fuzz.partial_ratio(name, title) for name in names if len(name) >= 4)
            score = Decimal(str(round(likeness / 100, 2)))
            if score >= _SIMILAR:
                found[concept.key] = max(score, found.get(concept.key, Decimal(0)))
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple(Candidate(key, score) for key, score in ranked)[:MOST_CANDIDATES]


def own_number(head: PlanHead) -> tuple[DocumentNumber | None, Status | None]:
    """A document's own number, and whether it fits the place that the document is for and its date.

    ``unresolved`` is what most counties' numbers come to; None where the document has no number.
    """
    number = _parsed(head.document_number)
    if number is None:
        return None, "unresolved" if head.document_number else None
    verdict = document_numbers.judge(number.code, head.jurisdiction.code).verdict
    if verdict == "does_not_fit":
        return number, "wrong-form"
    if document_numbers.year_fits(number, head.issued, head.printed) is False:
        return number, "year-mismatch"
    return number, "known-form" if verdict == "fits" else "unresolved"


def _key(number: DocumentNumber | None, title: str | None) -> str:
    return number.normal if number else title_key(title or "") or (title or "")


@lru_cache(maxsize=50_000)
def _parsed(number: str | None) -> DocumentNumber | None:
    return document_numbers.parse(number) if number else None


def _best(options: list[KnownDocument], line: set[str]) -> KnownDocument | None:
    """Of documents with one title: what stands above, what is issued, what is later; none where places differ."""
    if len({one.code for one in options}) > 1:
        options = [one for one in options if one.code in line]
        if len({one.code for one in options}) > 1:
            return None
    return max(
        options,
        key=lambda one: (not one.draft, one.day.isoformat() if one.day else "", one.slug),
        default=None,
    )


def _place(citation: Citation, record: PlanRecord) -> str | None:
    """The place whose document is cited, as title or issuer name it; None where neither does."""
    line = divisions.line(record.plan.jurisdiction.code or "")
    around = "".join(one.name for one in line)
    named = divisions.of_title(citation.title or "", around)
    if named:
        return named.code
    issuer = citation.issuer or ""
    if re.match(r"国务院|中共中央|中央|国家$", issuer):
        return divisions.NATIONAL
    named = divisions.of_title(issuer, around)
    if named:
        return named.code
    levels = {"省": "province", "市": "city", "州": "city", "区": "county", "县": "county", "旗": "county"}
    level = levels.get(issuer[:1]) or ("province" if issuer.startswith("自治区") else None)
    found = [one.code for one in line if one.level == level]
    if issuer[:1] == "市" and not found:
        # 市政府 in a district of a province-level city.
        found = [one.code for one in line if one.level == "province" and one.name.endswith("市")]
    return found[0] if found else None


def _issuing_place(number: DocumentNumber | None) -> str | None:
    return document_numbers.judge(number.code).division if number else None


def _year(head: PlanHead) -> int | None:
    day = head.issued or head.printed
    own = _parsed(head.document_number)
    return day.year if day else own.year if own else None


def _is_later(number: DocumentNumber | None, document: KnownDocument | None, head: PlanHead) -> bool:
    """Whether what is cited is later than the document that cites it, by date, else by the year of its number."""
    day = head.issued or head.printed
    if document and document.day and day:
        return document.day > day
    year = _year(head)
    return bool(number and number.year and year and number.year > year)


def _suggested(number: DocumentNumber, record: PlanRecord, place: str | None) -> str | None:
    """赣府发〔2024〕9号 for 省府发〔2024〕9号 in a plan of 江西省, or of a document whose title names that province."""
    for division in divisions.line(place or "") or divisions.line(record.plan.jurisdiction.code or ""):
        if division.level == "province":
            code = document_numbers.own_code(number.code, division.code)
            return DocumentNumber(code, number.year, number.sequence, "").normal if code else None
    return None
