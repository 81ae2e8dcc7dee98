"""发文字号: the number of a document, read in every printed form, and judged by its issuer and year.

A number is 机关代字〔年份〕顺序号 (国发〔2024〕7号); orders and announcements have 令第12号 and 公告2024年第5号 instead. Whose
code it is, ontology/vocabularies/issuer-codes.toml knows for the centre and the provinces; for a city or a county it
follows from how such codes are formed. Where neither tells, the answer is that it cannot be told.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

from graph import divisions
from ontology.terms import chinese_number

Verdict = Literal["fits", "does_not_fit", "cannot_tell"]
Reason = Literal[
    "known_code", "formed_by_rule", "no_such_place", "other_place", "not_of_the_province", "unknown"
]

_HAN = "\u4e00-\u9fff"
_DIGITS = "〇零○一二三四五六七八九"
_FULL_WIDTH = {ord("０") + n: str(n) for n in range(10)}
_YEAR = rf"(?:(?:19|20)\d\d|[一二][{_DIGITS}]{{3}})"
_COUNT = rf"(?:\d{{1,5}}|[{_DIGITS}十百]{{1,7}})"
_NOT_BUILDINGS = r"号(?![楼线院店])"
# The printed forms: 国发〔2024〕7号, 公告2024年第5号, 国务院令第748号, 国家发展改革委2023年第2号令.
_FORM = re.compile(
    rf"(?P<code>[{_HAN}]{{1,30}})\s*[〔\[［（(【﹝〖「]\s*(?P<year>{_YEAR})\s*年?\s*[〕\]］）)】﹞〗」]\s*第?\s*(?P<count>{_COUNT})\s*{_NOT_BUILDINGS}"
    rf"|(?P<code2>[{_HAN}]{{1,30}})\s*(?P<year2>(?:19|20)\d\d)\s*年\s*第\s*(?P<count2>{_COUNT})\s*{_NOT_BUILDINGS}(?!令|公告)"
    rf"|(?P<code3>[{_HAN}]{{1,30}}(?:令|公告))\s*第?\s*(?P<count3>{_COUNT})\s*{_NOT_BUILDINGS}"
    rf"|(?P<code4>[{_HAN}]{{1,30}}?)(?P<year4>(?:(?:19|20)\d\d\s*年)?)\s*第\s*(?P<count4>{_COUNT})\s*号(?P<kind4>令|公告)"
)
# Words of the sentence that run on into the code: 根据国发〔2024〕7号, 《…》和鄂政发〔2024〕3号.
_BEFORE = re.compile(
    r".*(?:根据|按照|依据|依照|遵照|参照|对照|贯彻|落实|执行|实施|结合|符合|纳入|列入|属于|参考|遵守|满足|享受|关于|同时|对应|涉及|印发|转发|下发|批转|修订|详见|参见|废止|以及|文件|通知|方案|意见"
    r"|办法|条例|规定|要求|精神|文号|字号|编号|的|为)(?=.)"
)
_JOINERS = "和及与见按经由以据"
_GOVERNMENT = (
    r"(?:政府?|府)(?:厅|办)?(?:明电|发电|传发|网传|公开|公告|发|函|字|规|令|文|秘|复|电|通|任|议|告)*"
)
_PARTY = r"(?:委|党)?(?:办)?(?:发|字|函|通|文)"
_GENERIC = "市区县州旗盟新管"
_OF_LEVEL = re.compile(r"(?:自治)?[市区县州旗盟]$")


@dataclass(frozen=True)
class DocumentNumber:
    """A number taken apart. ``code`` is the 机关代字, or the name of the organ with 令 or 公告."""

    code: str
    year: int | None
    sequence: int
    printed: str

    @property
    def normal(self) -> str:
        """The one way of writing it, for matching: 国发〔2024〕7号, 商务部公告2024年第5号, 国务院令第748号."""
        if self.code.endswith(("令", "公告")):
            return (
                f"{self.code}{self.year}年第{self.sequence}号"
                if self.year
                else f"{self.code}第{self.sequence}号"
            )
        return f"{self.code}〔{self.year}〕{self.sequence}号"


@dataclass(frozen=True)
class Judgement:
    """Whether a number fits: ``issuer`` and ``division`` (six digits) are whose code it is, where that is known."""

    verdict: Verdict
    reason: Reason
    issuer: str | None = None
    division: str | None = None


@dataclass(frozen=True)
class Found:
    """A number in a text: ``start`` and ``end`` are its characters there."""

    number: DocumentNumber
    start: int
    end: int


def parse(text: str) -> DocumentNumber | None:
    """The number that ``text`` is, whole; None where it is none, or more than one."""
    squeezed = re.sub(r"\s", "", text)
    found = list(find(squeezed))
    if len(found) != 1 or (found[0].start, found[0].end) != (0, len(squeezed)):
        return None
    one = found[0].number
    return DocumentNumber(one.code, one.year, one.sequence, text.strip())


def find(text: str) -> Iterator[Found]:
    """The numbers in a text, in order. What runs on before a code is cut off: 根据国发〔2024〕7号 holds 国发〔2024〕7号."""
    plain = text.translate(_FULL_WIDTH)
    for match in _FORM.finditer(plain):
        form = next(one for one in ("", "2", "3", "4") if match[f"code{one}"])
        count = match[f"count{form}"]
        sequence = int(count) if count.isdigit() else chinese_number(count.replace("○", "〇"))
        printed = match[f"year{form}"].rstrip("年 ") if form != "3" else ""
        year = _year(printed) if printed else None
        before = text[match.start() - 1] if match.start() else ""
        code = _code(match[f"code{form}"], before)
        if form == "4":
            start = match.start() + len(match["code4"]) - len(code)
            if code and sequence:
                kind = match["kind4"]
                yield Found(
                    DocumentNumber(code + kind, year, sequence, text[start : match.end()]), start, match.end()
                )
            continue
        if not sequence or not code or (form == "2" and not re.search(r"(?:公告|令|[发字函规])$", code)):
            continue
        start = match.start() + len(match[f"code{form}"]) - len(code)
        yield Found(DocumentNumber(code, year, sequence, text[start : match.end()]), start, match.end())


def _year(text: str) -> int:
    if text.isdigit() and text.isascii():
        return int(text)
    return int("".join(str("零一二三四五六七八九".index("零" if c in "〇○" else c)) for c in text))


def _code(run: str, before: str) -> str:
    cut = _BEFORE.sub("", run)
    # 鄂政发〔2024〕3号和宜府发〔2024〕5号: a joiner; （和政发〔2024〕3号）: the code of 和县.
    joined = cut != run or before in "号）)》〉”文"
    if joined and before + run != cut and cut[0] in _JOINERS and len(cut) > 2:
        cut = cut[1:]
    if len(cut) > 8 and not cut.endswith(("令", "公告")):
        cut = next((cut[at:] for at in range(len(cut) - 1) if owners(cut[at:])), cut)
    return cut if len(cut) >= 2 and (len(cut) <= 12 or cut.endswith(("令", "公告"))) else ""


# -- whose code it is --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Issuer:
    name: str
    division: str
    form: re.Pattern[str]


@dataclass(frozen=True)
class _Province:
    division: str
    short: str
    organ: str


@dataclass(frozen=True)
class _Codes:
    issuers: tuple[_Issuer, ...]
    provinces: dict[str, _Province]
    places: dict[str, tuple[str, ...]]


@cache
def _codes() -> _Codes:
    data: dict[str, Any] = tomllib.loads(
        files("ontology").joinpath("vocabularies", "issuer-codes.toml").read_text(encoding="utf-8")
    )
    issuers = [
        _Issuer(
            one["name"],
            one["division"],
            re.compile(
                "|".join([re.escape(code) for code in one.get("codes", [])] + one.get("patterns", []))
            ),
        )
        for one in data["issuer"]
    ]
    provinces = {}
    for one in data["province"]:
        province = _Province(one["division"], one["short"], one["organ"])
        provinces[province.division] = province
        name = divisions.divisions()[province.division].name
        government = province.short + _GOVERNMENT.replace("(?:政府?|府)", province.organ)
        own: dict[str, list[str]] = {
            "人民政府办公厅": [],
            "人民政府": [government],
            "委员会": [province.short + _PARTY],
        }
        own["人民政府办公厅"].append(f"{province.short}{province.organ}[厅办].*")
        for code in one.get("codes", []):
            own["委员会" if re.search("[党委]", code) else "人民政府办公厅"].append(code)
        for body, forms in own.items():
            issuer = f"中共{name}{body}" if body == "委员会" else f"{name}{body}"
            issuers.append(_Issuer(issuer, province.division, re.compile("|".join(forms))))
    return _Codes(tuple(issuers), provinces, {k: tuple(v) for k, v in data["places"].items()})


@lru_cache(maxsize=20_000)
def owners(code: str) -> tuple[tuple[str, str], ...]:
    """The issuers (name, division's code) whose 机关代字 this is, as far as the list knows."""
    return tuple((one.name, one.division) for one in _codes().issuers if one.form.fullmatch(code))


@lru_cache(maxsize=20_000)
def judge(code: str, division: str | None = None) -> Judgement:
    """Whether documents of a place have numbers with this 机关代字.

    ``division`` is the place that the document is for, None where that is unknown. A code of a level above does not
    speak against it (a province's department issues plans for a city), and of most counties' codes nothing is known:
    both are ``cannot_tell``.
    """
    if re.match(rf"(?:省|自治区){_GOVERNMENT}$", code) and not code.endswith("令"):
        # 市政发 is 西安市's, 县政发 may be a county's; but every province has an abbreviation, and none is called 省.
        return Judgement("does_not_fit", "no_such_place")
    known = owners(code)
    if division is None:
        if known:
            return Judgement("fits", "known_code", *known[0])
        return Judgement("cannot_tell", "unknown")
    own = next((one for one in known if one[1] == division), None)
    if own:
        return Judgement("fits", "known_code", *own)
    line = divisions.line(division)
    level = line[0].level if line else None
    if level in ("city", "county") and _formed(code, division):
        return Judgement("fits", "formed_by_rule", None, division)
    if known:
        above = {one.code for one in line}
        if any(place in above for _, place in known):
            return Judgement("cannot_tell", "unknown", *next(one for one in known if one[1] in above))
        return Judgement("does_not_fit", "other_place", *known[0])
    province = _codes().provinces.get(division)
    if province:
        if code.startswith(province.short) and not re.fullmatch(f".{_GOVERNMENT}", code):
            return Judgement("fits", "formed_by_rule", None, division)
        # What ends like a government's code must be this government's: 赣府发, not 赣政发 or 市府发.
        if re.fullmatch(r".{1,3}(?:政|府)(?:厅|办)?(?:发|函|字|规)", code) and not re.search(
            "[财民行]政", code
        ):
            return Judgement("does_not_fit", "not_of_the_province")
    return Judgement("cannot_tell", "unknown")


def _formed(code: str, division: str) -> bool:
    """Whether a code is made as those of a city or county are: characters of its name, then 政 or 府 …, or 发."""
    line = [one for one in divisions.line(division) if one.level != "national"]
    short = [_codes().places.get(one.code, ()) for one in line]
    own = "".join([_OF_LEVEL.sub("", line[0].name), *short[0]])
    province = _codes().provinces.get(line[-1].code)
    around = own + "".join(one.name for one in line[1:]) + "".join("".join(one) for one in short)
    around += (province.short if province else "") + _GENERIC
    match = re.fullmatch(rf"(?P<place>.{{1,5}}?)(?:{_GOVERNMENT}|{_PARTY})", code)
    if match is None:
        return False
    place = match["place"]
    return any(char in own for char in place) and all(char in around for char in place)


def own_code(code: str, division: str) -> str | None:
    """The 机关代字 of a province's government that stands behind 省府发 or 省政办发: the abbreviation instead of 省.

    ``division`` is the province. None where the government of that province has no code of this form.
    """
    province = _codes().provinces.get(division)
    match = re.fullmatch(r"(?:省|自治区)(?:政府?|府)(?P<rest>.*)", code)
    if province is None or match is None:
        return None
    return f"{province.short}{province.organ}{match['rest']}"


def year_fits(number: DocumentNumber, issued: date | None, printed: date | None = None) -> bool | None:
    """Whether the year of a number is that of its document; None where the document has no date.

    What was numbered in December may be printed in January.
    """
    if number.year is None or (issued is None and printed is None):
        return None
    if issued is not None:
        return number.year == issued.year
    assert printed is not None
    return number.year == printed.year or (number.year == printed.year - 1 and printed.month <= 3)
