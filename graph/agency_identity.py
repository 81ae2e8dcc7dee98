"""One agency, one IRI: which body a printed name is, said in a document of a place.

A name is read as places and levels (区, 市, 江夏区, 国家) + the rest. The rest is

- the principal body of one or more functions: its key is made of these functions, so that 区城管局, 区城管执法局 and
  江夏区城市管理执法局 are one (``urban-management``);
- a branch of an upper body (市生态环境局伍家岗区分局, 公安武清分局, 区自然资源分局): the place's body of that function, and
  a part of the upper one;
- anything else (区公路事业发展中心, 高新区经发局, a company): its key is its own name, its functions come from patterns.

Nothing is guessed: what has no function and is no group is returned with its nearest candidates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from graph import agency_names, divisions
from graph.divisions import Division
from graph.record import Level
from ontology.vocabulary import load_vocabularies, remembered

# Not 中国移动江夏分公司, 中国（上海）自由贸易试验区…: they are where they are named.
_NATION = re.compile(
    r"^(?:中华人民共和国|国家|国务院|中共中央|中央|全国|中国(?!自由贸易|.*(?:公司|银行|支行|分行)$))"
)
_COUNTY, _CITY, _PROVINCE = "区县旗市", "市州盟", "省市"
# A level before a name: 区财政局, 市委宣传部, 省人民政府国资委. Not 市场监管局, 市政管理局, 区域办, 县域, 省际.
_LEVEL = re.compile(
    r"^(?:[本我全](?=[省市区县旗州盟]))?"
    r"(?P<level>自治区|自治州|自治县|自治旗|地区|新区|兵团|(?:省|市|区|县|旗|州|盟)(?!场监|场管|政(?!府|法|协|务|研|策|数|管办)|容|域|块链|际|属))"
)
_PARTY = re.compile(
    r"^(?:委员会|党委|工委|委)(?!办(?:公[室厅])?$)(?=[^员会].*(?:[部办室委局校心台]|委员会)$)"
)
_GOVERNMENT = re.compile(r"^(?:人民政府|政府)(?=[^办].)")
# The league is written around its level: 团区委, 共青团江夏区委.
_LEAGUE = re.compile(
    r"^(?:中国)?(?:共青团|共产主义青年团|团)(?P<place>.*?[省市区县旗州盟]|中央)(?:委员会|委)?$"
)
_ORGAN_WORDS = re.compile(r"^(?:人民政府|政府|委员会|委|)$")
_ORDINAL = re.compile(r"^第?[一二三四五六七八九十\d]+")
# What the local organs of the nation are called behind their place: 赣县监管支局, 湖北调查总队.
_ORGAN = re.compile(
    r"^(?:税务局|监管局|监管分局|监管支局|分局|支局|监管办事处|调查队|调查总队|分行|支行|中心支行|营业管理部|管理局|专卖局|专员办"
    r"|消防救援(?:总队|支队|大队)|海关|海事局|局|办公室)$"
)
_NATIONAL_FORMS = frozenset({"总局", "总署", "署", "部"})


@dataclass(frozen=True)
class AgencyIdentity:
    """Which body a name is.

    ``code`` and ``key`` make its IRI: the division that it belongs to, and the functions of which it is the principal
    body or its own name. ``functions`` are keys of the scheme agency-function, broader ones included. ``form`` is a key
    of the scheme agency-form. ``label`` is its name without place. ``parent`` is the body that it is a part of, where
    the name or the law tells. ``zone`` is the development zone that it belongs to. ``members`` are the names that a
    group lists in brackets. ``candidates`` are for those without a function: key, near label, score from 0 to 1.
    """

    code: str
    key: str
    functions: tuple[str, ...]
    form: str
    label: str
    parent: AgencyIdentity | None = None
    zone: str | None = None
    members: tuple[str, ...] = ()
    candidates: tuple[tuple[str, str, float], ...] = ()

    @property
    def collective(self) -> bool:
        """Whether the name stands for several bodies."""
        return self.form.startswith("group")

    @property
    def of_document(self) -> bool:
        """Whether only the document tells which bodies a group has (各牵头单位)."""
        return self.form == "group-of-document"

    @property
    def resolved(self) -> bool:
        return self.collective or bool(self.functions)


@dataclass
class _Read:
    """A name on the way: the division so far, and what is left. ``told`` where the name says the division."""

    code: str
    rest: str
    told: bool = False


@remembered
def identify(name: str, code: str) -> AgencyIdentity:
    """Which body ``name`` is in a document of the division ``code`` (six digits). Never raises for an odd name."""
    text = agency_names.normal(name)
    code = code if code in divisions.divisions() else divisions.NATIONAL
    code, text = _placed(text, code)
    if form := agency_names.group(text):
        return _group(text, code, form)
    main, added = agency_names.brackets(text)
    if league := _LEAGUE.match(main):
        main = league["place"] + "团委"
    if found := _organ_of_nation(main, code):
        return _enriched(found, added)
    read = _prefixes(main, code)
    if read.rest.startswith(("各", "有关", "相关")) and (form := agency_names.group(read.rest)):
        return _group(read.rest, read.code, form)
    return _enriched(_identified(read), added)


def _placed(text: str, code: str) -> tuple[str, str]:
    """The division that full names in front tell, and the rest: 江夏区各街道 is 各街道 of 江夏区."""
    while True:
        place, length = divisions.at_start(text, code)
        rest = agency_names.normal(text[length:])
        if place is None or not rest:
            return code, text
        code, text = place.code, rest


def _group(text: str, code: str, form: str) -> AgencyIdentity:
    listed = re.search(r"（(?:含|包括|包含|即)?([^（）]*、[^（）]*|(?:含|包括|包含)[^（）]+)）", text)
    members: tuple[str, ...] = ()
    key = text
    # 县（市、区）人民政府 lists kinds, 各街道（纸坊街道、流芳街道） names.
    if listed and not re.fullmatch(r"[省市区县旗州盟乡镇村街道开发园场农林、，和]+", listed[1]):
        members = tuple(
            part for part in re.split("[、，]", re.sub("^(?:含|包括|包含)", "", listed[1])) if part
        )
        key = text.replace(listed[0], "")
    return AgencyIdentity(code, key, (), form, key, members=members)


def _enriched(found: AgencyIdentity, added: tuple[str, ...]) -> AgencyIdentity:
    """With the functions of the plates in brackets: 区财政局（金融办） is 区财政局, and does finance offices' work."""
    more = tuple(key for part in added for key in agency_names.functions(part))
    if not more:
        return found
    return replace(found, functions=tuple(dict.fromkeys((*found.functions, *more))), candidates=())


# -- places and levels in front ------------------------------------------------------------------------------------


def _prefixes(text: str, code: str) -> _Read:
    """Take places and levels off, one after the other; the last one tells the division."""
    read = _Read(code, text)
    for _ in range(8):
        if read.rest and agency_names.body(read.rest):
            break
        if not (_nation(read, code) or _place(read) or _level(read, code) or _marker(read) or _short(read)):
            break
        read.rest = agency_names.normal(read.rest)
    return read


def _nation(read: _Read, code: str) -> bool:
    match = _NATION.match(read.rest)
    if not match or not read.rest[match.end() :]:
        return False
    read.code, read.told = divisions.NATIONAL, True
    read.rest = read.rest[match.end() :]
    return True


def _place(read: _Read) -> bool:
    place, length = divisions.at_start(read.rest, read.code)
    if place is None:
        return False
    read.code, read.rest, read.told = place.code, read.rest[length:], True
    return True


def _level(read: _Read, code: str) -> bool:
    match = _LEVEL.match(read.rest)
    if not match:
        return False
    division = _of_level(match["level"], code)
    if division is None:
        return False
    # 江夏区区财政局: the place is told already, a level below or of it adds nothing; 江夏区市财政局 is the city's.
    read.code = division.code
    read.rest, read.told = read.rest[match.end() :], True
    return True


def _of_level(word: str, code: str) -> Division | None:
    """The division that a level means in a document of ``code``: itself where it is of that level, else one above."""
    own = divisions.line(code)[0]
    if word == "兵团":
        return None
    if word == "新区":
        return own if own.name.endswith("新区") else None
    if word in ("自治县", "自治旗"):
        word = word[-1]
    if (
        own.level == "county"
        and word[-1] in _COUNTY
        and (word != "市" or own.name.endswith("市"))
        and len(word) == 1
    ):
        return own
    province = divisions.above(code, "province")
    if word in ("自治区", "省") or (own == province and own.name.endswith("自治区") and word == "区"):
        return province
    if word in ("市", "自治州", "州", "盟", "地区"):
        city = divisions.above(code, "city")
        return city or (province if province and province.name.endswith("市") else None)
    return None


def _marker(read: _Read) -> bool:
    """Party and government between the level and the organ: 区委宣传部, 省人民政府国资委, 中共江夏区委宣传部."""
    for pattern in (re.compile(r"^(?:中共|中国共产党)"), _PARTY, _GOVERNMENT):
        match = pattern.match(read.rest)
        if match:
            read.rest = read.rest[match.end() :]
            return True
    return False


def _short(read: _Read) -> bool:
    """江夏融媒体中心, 赣县生态环境局: a short name of a division near by, where a name follows that makes sense."""
    place, length = divisions.short_at_start(read.rest, read.code)
    rest = read.rest[length:]
    if place is None or len(rest) < 2 or rest[0] in "大路河湖山桥":
        return False
    if not (agency_names.body(rest) or agency_names.by_pattern(rest) or _ORGAN.match(rest)):
        return False
    read.code, read.rest, read.told = place.code, rest, True
    return True


# -- what is left --------------------------------------------------------------------------------------------------


def _identified(read: _Read) -> AgencyIdentity:
    rest = read.rest
    if not rest or _ORGAN_WORDS.match(rest):
        party = rest.startswith("委")
        key = "party-committee" if party else "people-government"
        return AgencyIdentity(read.code, key, (key,), "bureau", "党委" if party else "人民政府")
    body = agency_names.body(rest)
    if body:
        code = _division_of(read, body)
        return _principal(code, body)
    return _branch(read) or _lower(read) or _own(read)


def _division_of(read: _Read, body: agency_names.Body) -> str:
    """The division of a body: 财政厅 is always a province's and 财政部 the nation's, all others are of the place told."""
    level: Level | None = None
    if body.form in ("厅", "办公厅"):
        level = "province"
    elif body.form in _NATIONAL_FORMS:
        level = "national"
    above = divisions.above(read.code, level) if level else None
    return above.code if above else read.code


def _principal(code: str, body: agency_names.Body) -> AgencyIdentity:
    functions = agency_names.with_broader(body.functions)
    label = body.core + body.form
    own = AgencyIdentity(code, body.key, functions, "bureau", label)
    return replace(own, parent=_vertical(own, body))


def _vertical(own: AgencyIdentity, body: agency_names.Body) -> AgencyIdentity | None:
    """The body above where the service is run from the nation or the city: 区税务局, 赣县生态环境局."""
    if len(body.functions) != 1:
        return None
    concept = load_vocabularies().concept(agency_names.SCHEME, body.functions[0])
    level = (concept.value("verticalFrom") or "").rpartition("/")[2]
    division = divisions.divisions()[own.code]
    if level == "national" and division.level != "national":
        names = concept.values("nationalName")
        return AgencyIdentity(
            divisions.NATIONAL, own.key, own.functions, "bureau", names[0] if names else own.label
        )
    above = divisions.above(own.code)
    if level == "city" and division.level == "county" and above and above.level == "city":
        return AgencyIdentity(above.code, own.key, own.functions, "bureau", own.label)
    return None


def _lower(read: _Read) -> AgencyIdentity | None:
    """区财政局 in a city's plan: those of all its districts."""
    inner = read.rest[1:]
    if read.rest[0] not in "省市州盟区县旗":
        return None
    body = agency_names.body(inner)
    if body is None:
        return None
    functions = agency_names.with_broader(body.functions)
    return AgencyIdentity(read.code, read.rest, functions, "group-of-place", read.rest)


def _branch(read: _Read) -> AgencyIdentity | None:
    """市生态环境局伍家岗区分局, 公安武清分局, 区自然资源分局, 中国人民银行武汉市分行 without its national name."""
    for form in agency_names.suffixes("branch"):
        if not read.rest.endswith(form):
            continue
        stem = read.rest[: -len(form)]
        whole = agency_names.body(stem) or (agency_names.body(stem + "局"))
        division = divisions.divisions()[read.code]
        if whole:
            # 区公安分局: the own level is in front, the upper body goes without saying.
            upper = divisions.above(read.code) if division.level == "county" else division
            return _as_branch(read.code, upper, whole)
        for cut in range(len(stem) - 1, 1, -1):
            head = agency_names.body(stem[:cut]) or agency_names.body(stem[:cut] + "局")
            if not head:
                continue
            place = _place_of_branch(stem[cut:], read.code)
            if place is None:
                # 市公安局第二分局, 市公安局高新区分局: of no division of its own.
                main = _principal(read.code, head)
                return replace(_own(read, "branch"), functions=main.functions, parent=main, candidates=())
            upper = division if place.code != read.code else divisions.above(place.code)
            return _as_branch(place.code, upper, head)
    return None


def _place_of_branch(text: str, near: str) -> Division | None:
    found = divisions.resolve(text, near)
    return found.division if found.division and divisions.related(found.division, near) else None


def _as_branch(code: str, upper: Division | None, body: agency_names.Body) -> AgencyIdentity:
    functions = agency_names.with_broader(body.functions)
    own = AgencyIdentity(code, body.key, functions, "branch", body.core + body.form)
    return own if upper is None or upper.code == code else replace(own, parent=_principal(upper.code, body))


def _own(read: _Read, form: str | None = None) -> AgencyIdentity:
    """Any other body: itself by its name, classified by patterns."""
    rest = read.rest
    zone = divisions.zone_at_start(rest)
    inner = rest[len(zone) :] if zone else rest
    bare = re.sub(r"^(?:管委会|管理委员会)(?=.)", "", inner)
    body = agency_names.body(bare) if zone else None
    found = (
        body.functions
        if body
        else ((agency_names.by_pattern(bare) if zone else ()) or agency_names.by_pattern(rest))
    )
    functions = agency_names.with_broader(found)
    return AgencyIdentity(
        read.code,
        rest,
        functions,
        form or _form(rest, zone),
        rest,
        zone=zone,
        candidates=() if functions else agency_names.candidates(rest),
    )


def _form(rest: str, zone: str | None) -> str:
    if zone:
        return "zone"
    for form in ("company", "branch", "bureau", "unit"):
        if any(rest.endswith(suffix) for suffix in agency_names.suffixes(form)):
            return form
    return "unit"


# -- organs of the nation ------------------------------------------------------------------------------------------


@remembered
def _national_names() -> tuple[tuple[str, str], ...]:
    found = [
        (name, concept.key)
        for concept in load_vocabularies().scheme(agency_names.SCHEME)
        for name in concept.values("nationalName")
    ]
    return tuple(sorted(found, key=lambda pair: -len(pair[0])))


def _organ_of_nation(text: str, code: str) -> AgencyIdentity | None:
    """国家税务总局武汉市江夏区税务局, 国家金融监督管理总局赣县监管支局, 中国人民银行宜昌市分行."""
    for name, key in _national_names():
        if not text.startswith(name):
            continue
        nation = AgencyIdentity(divisions.NATIONAL, key, agency_names.with_broader((key,)), "bureau", name)
        if key == "statistical-survey":
            nation = replace(nation, key="statistics", functions=("statistics",))
        tail = re.sub(r"^(?:有限责任|有限)公司|电力(?:有限|有限责任)?公司(?=.+公司$)", "", text[len(name) :])
        if not tail:
            return nation
        read = _prefixes(tail, code)
        match = _ORGAN.match(read.rest)
        own = agency_names.body(read.rest)
        if not (match or own) or not read.told:
            return None
        found = own.functions[0] if own and len(own.functions) == 1 else key
        if read.code == divisions.NATIONAL:
            return nation
        concept = load_vocabularies().concept(agency_names.SCHEME, key)
        return AgencyIdentity(
            read.code,
            found,
            agency_names.with_broader((found,)),
            "branch",
            (own.core + own.form) if own else read.rest,
            parent=nation if concept.values("verticalFrom") else None,
        )
    return None
