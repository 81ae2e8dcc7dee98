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
# Names of provinces in numbers that are the first character of no other place's. 宁 is Ningxia's and Nanjing's, 新 that of
# many counties: of those one cannot tell.
_SIGNS = {
    "冀": "河北省", "晋": "山西省", "苏": "江苏省", "浙": "浙江省", "皖": "安徽省", "闽": "福建省", "赣": "江西省", "鲁": "山东省",
    "豫": "河南省", "鄂": "湖北省", "湘": "湖南省", "粤": "广东省", "桂": "广西壮族自治区", "琼": "海南省", "渝": "重庆市",
    "川": "四川省", "黔": "贵州省", "滇": "云南省", "陕": "陕西省", "沪": "上海市", "津": "天津市",
}  # fmt: skip
_BARE = re.compile(r"[（(][^（()）]*[）)]")


def of_another_province(number: str | None, code: str | None) -> bool:
    """Whether a number begins with the sign of a province that the place is not in: 川府发 for a county of 云南省."""
    printed = _NUMBER.fullmatch(number or "")
    line = divisions.line(code or "")
    if printed is None or not line or code == divisions.NATIONAL:
        return False
    sign = printed["issuer"][0]
    names = "".join(division.name for division in line)
    # 鲁甸县 of 云南省 numbers its documents 鲁政发: the character is its own name's.
    return sign in _SIGNS and _SIGNS[sign] not in names and sign not in names


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
            elif place and _does_not_fit(citation.number, place):
                yield citation, "", place.name
            mine = record.plan.issued
            if mine and issued and issued > mine:
                yield citation, issued.isoformat(), None
            elif mine and printed and int(printed["year"]) > mine.year:
                yield citation, f"{printed['year']}年", None


def _does_not_fit(number: str | None, place: divisions.Division) -> bool:
    printed = _NUMBER.fullmatch(number or "")
    if printed and place.level == "province" and re.match("[省市区县]", printed["issuer"]):
        return True
    return of_another_province(number, place.code)
