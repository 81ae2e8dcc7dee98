"""Document numbers (发文字号) held against who issued the document, and citations against the documents that are known.

A number tells its issuer by its first characters: 国发, 赣府发, 鄂政办发. Those of a province begin with its one-character
name, never with 省, 市 or 区.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from graph import divisions
from graph.record import Citation, PlanRecord

_NUMBER = re.compile(r"(?P<issuer>[\u4e00-\u9fff]{1,10})〔(?P<year>20\d\d)〕(?P<serial>\d+)号")
_BARE = re.compile(r"[（(][^（()）]*[）)]")


@dataclass
class KnownNumbers:
    """The documents of a corpus by title: their numbers and dates."""

    by_title: dict[str, tuple[str | None, date | None]] = field(default_factory=dict)
    by_number: dict[str, tuple[str, date | None]] = field(default_factory=dict)

    def add(self, title: str, number: str | None, issued: date | None) -> None:
        """Take a document in."""
        self.by_title.setdefault(_BARE.sub("", title), (number, issued))
        if number:
            self.by_number.setdefault(number, (title, issued))

    @classmethod
    def of(cls, records: Iterable[PlanRecord]) -> KnownNumbers:
        """Those of records."""
        known = cls()
        for record in records:
            known.add(record.plan.title, record.plan.document_number, record.plan.issued)
        return known

    def misfits(self, record: PlanRecord) -> Iterator[tuple[Citation, str, str | None]]:
        """Citations that cannot be right.

        Yields:
            The citation; the number that the document is known by, its date for a later document, or an empty text; and
            for a number that does not fit its issuer the name of the place, None for a document later than this one.
        """
        for citation in record.plan.cites:
            number, issued = self.by_title.get(_BARE.sub("", citation.title or ""), (None, None))
            if number is None and issued is None and citation.number in self.by_number:
                issued = self.by_number[citation.number][1]
            place = divisions.of_title(citation.title or "")
            printed = _NUMBER.fullmatch(citation.number or "")
            if printed and number is not None and number != citation.number and _NUMBER.fullmatch(number):
                yield citation, number, place.name if place else citation.title or ""
            elif (
                printed and place and place.level == "province" and re.match("[省市区县]", printed["issuer"])
            ):
                yield citation, "", place.name
            mine = record.plan.issued
            if mine and issued and issued > mine:
                yield citation, issued.isoformat(), None
            elif mine and printed and int(printed["year"]) > mine.year:
                yield citation, f"{printed['year']}年", None
