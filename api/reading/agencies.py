"""Who leads what, where: /agencies, by domain, place and function, each with its tasks; and as a picture of few nodes.

What is told of all places is counted in the store; tasks are read of one part of the places at a time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.around import caching
from api.context import service_of
from api.problems import RESPONSES
from api.reading.bipartite import Node, Picture, picture
from graph.errors import BadParameter
from ontology.vocabulary import Concept, Vocabularies
from queries.asking import Asker
from queries.catalogue import part_of
from queries.words import both
from shapes.rules import Lang

router = APIRouter(tags=["agencies"])
ROLES: Final = ("lead", "responsible", "supporting", "undifferentiated")
PLACES_SHOWN: Final = 10  # on a page, where no number is given
PLACES_TOLD: Final = 100  # to a program
LINES_READ: Final = 400  # the strongest between places and functions
NAMED: Final = 200  # agencies of a level that are named one by one; of more, only how many
LEFT, RIGHT, STRONGEST = 12, 14, 2  # nodes of the picture, and lines of each


class Part(BaseModel):
    """A task that an agency has: ``role`` is the key of a concept, null where the text names nobody."""

    domain: str | None
    place: str
    code: str = Field(description="of the place: GB/T 2260, six digits", examples=["420115"])
    agency: str | None
    agency_iri: str | None
    functions: list[str] = Field(description="keys of its functions", examples=[["commerce"]])
    role: str | None
    told: str = Field(description="the role in words, or why nobody is known")
    task: str
    task_iri: str


class Parts(BaseModel):
    """The tasks of some of the places that fit, in the order of levels and codes.

    ``count`` is how many places fit, ``parts`` has the tasks of those from ``offset`` on, of ``limit`` at most; ``whole``
    says whether these are all.
    """

    count: int
    limit: int
    offset: int
    parts: list[Part]
    whole: bool


@dataclass(frozen=True)
class Place:
    """A place whose plans have tasks that fit; ``code`` is that of GB/T 2260."""

    code: str
    name: str


@router.get("/agencies", summary="Who leads what, and where", response_model=Parts, responses=RESPONSES)
def get_agencies(
    request: Request,
    domain: Annotated[
        str | None, Query(description="key or label, narrower ones count", examples=["education"])
    ] = None,
    place: Annotated[str | None, Query(description="six-digit code or name", examples=["江夏区"])] = None,
    function: Annotated[
        str | None, Query(description="key or label: what agencies are for", examples=["commerce"])
    ] = None,
    limit: Annotated[
        int | None,
        Query(ge=1, le=PLACES_TOLD, description=f"places at most; {PLACES_TOLD}, on a page {PLACES_SHOWN}"),
    ] = None,
    offset: Annotated[int, Query(ge=0, description="places to leave out before the first")] = 0,
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
    format: Annotated[str | None, Query(description="json or html, in place of Accept")] = None,
) -> Response:
    """The tasks of a domain, or of all, with who leads, answers for and supports them, place by place."""
    vocabularies = service_of(request).asker.vocabularies
    chosen = Chosen(
        _concept(vocabularies, "domain", domain),
        _concept(vocabularies, "agency-function", function),
        place or None,
    )
    return caching.held(
        request, service_of(request).build.name, lambda: _answer(request, chosen, limit, offset)
    )


@dataclass(frozen=True)
class Chosen:
    """What is asked for; None for all."""

    domain: Concept | None
    function: Concept | None
    place: str | None

    def values(self, *names: str) -> dict[str, str]:
        """The parameters of a question, those of ``names`` that are chosen."""
        given = {
            "domain": self.domain.key if self.domain else None,
            "function": self.function.key if self.function else None,
            "place": self.place,
        }
        return {name: value for name in names if (value := given[name])}


def _answer(request: Request, chosen: Chosen, limit: int | None, offset: int) -> Response:
    asker, told, page = service_of(request).asker, pages.lang_of(request), pages.wanted(request)
    limit = limit or (PLACES_SHOWN if page else PLACES_TOLD)
    places = _places(asker, told, chosen.values("domain", "function", "place"))
    shown = places[offset : offset + limit]
    found = _parts(asker, chosen, shown, told)
    if not page:
        body = Parts(
            count=len(places), limit=limit, offset=offset, parts=found, whole=len(shown) == len(places)
        )
        return JSONResponse(body.model_dump(), headers={"Vary": "Accept, Accept-Language"})
    vocabularies = asker.vocabularies

    def label(scheme: str, key: str) -> str:
        concept = vocabularies.concept(scheme, key)
        return concept.label_en if told == "en" else concept.label_zh

    domains = (
        [chosen.domain]
        if chosen.domain
        else [one for one in vocabularies.scheme("domain") if not one.broader]
    )
    counterparts, levels = ({}, {}) if chosen.place else _counterparts(asker, chosen, told)
    values = {
        "sections": [(one, _table([part for part in found if part.domain == one.key])) for one in domains],
        "roles": ROLES,
        "typed_from": pages.CHOICES_SHOWN,
        "label": label,
        "chosen": {
            "domain": chosen.domain.key if chosen.domain else "",
            "place": places[0].code if chosen.place and places else chosen.place or "",
            "function": chosen.function.key if chosen.function else "",
        },
        "domains": [(one.key, len(vocabularies.ancestors(one))) for one in vocabularies.scheme("domain")],
        "places": {one.code: one.name for one in (*places, *_places(asker, told, {}))},
        "functions": [one.key for one in vocabularies.scheme("agency-function")],
        "picture": _picture(asker, chosen, label, told),
        "counterparts": counterparts,
        "levels": levels,
        "by_domain": chosen.domain is None,
        "count": len(places),
        "limit": limit,
        "offset": offset,
        "shown": len(shown),
    }
    return pages.render(request, "agencies.html", values)


@lru_cache(maxsize=64)
def _counted(
    asker: Asker, question: str, lang: Lang, chosen: tuple[tuple[str, str], ...], limit: int | None = None
) -> tuple[Mapping[str, Any], ...]:
    """The rows of a question that counts, the first of them: they are few, and the same for each part of the places."""
    query = asker.sparql(
        question, dict(chosen), lang
    )  # not `ask`: how many there are altogether is not needed
    return tuple(asker.engine.table(query if limit is None else part_of(query, limit, 0)).records())


def _places(asker: Asker, lang: Lang, chosen: Mapping[str, str]) -> list[Place]:
    """The places whose plans have tasks that fit, by level and code. Raises BadParameter for a place that there is not."""
    rows = _counted(asker, "places-by-tasks", lang, tuple(chosen.items()))
    return [Place(str(row["code"]), str(row["place"])) for row in rows]


def _parts(asker: Asker, chosen: Chosen, places: Sequence[Place], lang: Lang) -> list[Part]:
    """The tasks of some places, by place, domain and role."""
    if not places:
        return []
    asked = {"place": ",".join(one.code for one in places), **chosen.values("domain", "function")}
    roles = {
        label: one.key for one in asker.vocabularies.scheme("role") for label in (one.label_zh, one.label_en)
    }
    known = {one.key for one in asker.vocabularies.scheme("agency-function")}
    parts = []
    for row in asker.ask("assignments-of-places", asked, lang).table.records():
        iri = row["agencyIri"]
        # What an agency is for stands in its IRI: agency/420115/commerce
        names = _key(iri).split("_") if iri else []
        parts.append(
            Part(
                domain=_key(row["domainIri"]),
                place=str(row["place"]),
                code=str(row["code"]),
                agency=None if row["agency"] is None else str(row["agency"]),
                agency_iri=None if iri is None else str(iri),
                functions=[one for one in names if one in known],
                role=roles.get(str(row["role"])),
                told=str(row["role"]),
                task=str(row["task"]),
                task_iri=str(row["taskIri"]),
            )
        )
    return parts


def _table(parts: Sequence[Part]) -> dict[str, dict[str, dict[str, list[Part]]]]:
    """Parts by the code of the place, role ("" for nobody) and agency; who has most tasks first."""
    found: dict[str, dict[str, dict[str, list[Part]]]] = {}
    for one in parts:
        agencies = found.setdefault(one.code, {}).setdefault(one.role or "", {})
        agencies.setdefault(one.agency or one.told, []).append(one)
    for roles in found.values():
        for role, agencies in roles.items():
            roles[role] = dict(sorted(agencies.items(), key=lambda pair: -len(pair[1])))
    return found


@dataclass(frozen=True)
class Counterpart:
    """An agency with a function, where it is, and how many tasks it has."""

    place: str
    agency: str
    tasks: int


@dataclass(frozen=True)
class Counterparts:
    """How many agencies have a function in a level; ``named`` are those with most tasks, or none."""

    agencies: int
    named: list[Counterpart]


def _counterparts(
    asker: Asker, chosen: Chosen, lang: Lang
) -> tuple[dict[str, dict[int, Counterparts]], dict[int, str]]:
    """Who in each level has the same function: by function, then by the rank of the level (1 to 4); the levels that there are.

    Functions that more levels and agencies have come first, as many as the picture has; a chosen one stands alone.
    Where a level has few of them, or a function is chosen, those with most tasks are named.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    asked = tuple(chosen.values("domain", "function").items())
    for row in _counted(asker, "functions-by-level", lang, asked):
        found.setdefault(_key(row["functionIri"]), {})[int(str(row["rank"]))] = row

    def shared(key: str) -> tuple[int, int, str]:
        return -len(found[key]), -sum(int(row["agencies"]) for row in found[key].values()), key

    kept = {key: found[key] for key in sorted(found, key=shared)[:RIGHT]}
    levels: dict[int, Mapping[str, Any]] = {}
    for by_rank in kept.values():
        levels.update(by_rank)
    named: defaultdict[tuple[str, int], list[Counterpart]] = defaultdict(list)
    for rank, level in levels.items():
        agencies = sum(int(by_rank[rank]["agencies"]) for by_rank in kept.values() if rank in by_rank)
        if agencies <= NAMED or chosen.function:
            here = ("level", _key(level["levelIri"]))
            for row in _counted(asker, "agencies-of-level", lang, (here, *asked), NAMED * 2):
                told = Counterpart(str(row["place"]), str(row["agency"]), int(str(row["tasks"])))
                named[_key(row["functionIri"]), rank].append(told)
    told_of = {
        key: {rank: Counterparts(int(row["agencies"]), named[key, rank]) for rank, row in by_rank.items()}
        for key, by_rank in kept.items()
    }
    return told_of, {rank: str(levels[rank]["level"]) for rank in sorted(levels)}


def _picture(asker: Asker, chosen: Chosen, label: Callable[[str, str], str], lang: Lang) -> Picture:
    """Domains, or places, on the left, functions on the right, joined by the tasks that they share."""
    name, side = ("functions-by-place", "place") if chosen.domain else ("functions-by-domain", "domain")
    asked = chosen.values("place", "function", *(["domain"] if chosen.domain else []))
    tasks: dict[tuple[str, str], int] = {}
    leads: set[tuple[str, str]] = set()
    names: dict[str, str] = {}
    for row in _counted(asker, name, lang, tuple(asked.items()), LINES_READ):
        left = _key(row["divisionIri" if chosen.domain else "domainIri"])
        pair = left, _key(row["functionIri"])
        tasks[pair] = int(str(row["tasks"]))
        names[left] = str(row[side])
        if row["lead"]:
            leads.add(pair)
    counts = [Counter[str](), Counter[str]()]
    for pair, count in tasks.items():
        for at, key in enumerate(pair):
            counts[at][key] += count
    lefts = [key for key, _ in counts[0].most_common(LEFT)]
    rights = [key for key, _ in counts[1].most_common(RIGHT)]
    joined = {pair: count for pair, count in tasks.items() if pair[0] in lefts and pair[1] in rights}
    # Not all of them: of each name its strongest lines, so that one can follow them
    drawn: set[tuple[str, str]] = set()
    for at, keys in ((0, lefts), (1, rights)):
        for key in keys:
            own = [pair for pair in joined if pair[at] == key]
            drawn.update(sorted(own, key=lambda pair: (-joined[pair], pair not in leads, pair))[:STRONGEST])
    return picture(
        [Node(key, names[key]) for key in lefts],
        [Node(key, label("agency-function", key)) for key in rights],
        {pair: joined[pair] for pair in sorted(drawn)},
        leads,
    )


def _key(iri: Any) -> str:
    """What an IRI ends with: the key of a concept, the code of a place."""
    return str(iri).rpartition("/")[2]


def _concept(vocabularies: Vocabularies, scheme: str, given: str | None) -> Concept | None:
    if not given:
        return None
    known = {one.key: one for one in vocabularies.scheme(scheme)}
    found = known.get(given) or vocabularies.find(scheme, given)
    if found is None:
        raise _unknown("domain" if scheme == "domain" else "function", given, list(known))
    return found


def _unknown(name: str, given: str, allowed: list[str]) -> BadParameter:
    en, zh = both("questions", "value", found=given, parameter=name, allowed=", ".join(allowed))
    return BadParameter(en, zh=zh, parameter=name, allowed=allowed)
