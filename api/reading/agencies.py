"""Who leads what, where: /agencies, by domain, place and function, each with its tasks; and as a picture of few nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.context import service_of
from api.problems import RESPONSES
from api.reading.bipartite import Node, Picture, picture
from graph.errors import BadParameter
from ontology.vocabulary import Concept, Vocabularies
from queries.asking import Asker
from queries.words import both

router = APIRouter(tags=["agencies"])
ROLES: Final = ("lead", "responsible", "supporting", "undifferentiated")
ROWS_READ: Final = 4000  # of each domain; those that lead come first
PLACES_SHOWN: Final = 60
LEFT, RIGHT, STRONGEST = 12, 14, 2  # nodes of the picture, and lines of each


class Part(BaseModel):
    """A task that an agency has: ``role`` is the key of a concept, null where the text names nobody."""

    domain: str | None
    place: str
    agency: str | None
    agency_iri: str | None
    functions: list[str] = Field(description="keys of its functions", examples=[["commerce"]])
    role: str | None
    told: str = Field(description="the role in words, or why nobody is known")
    task: str
    task_iri: str


class Parts(BaseModel):
    """All that fits; ``whole`` is false where there was more than is read at a time."""

    parts: list[Part]
    whole: bool


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
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
    format: Annotated[str | None, Query(description="json or html, in place of Accept")] = None,
) -> Response:
    """The tasks of a domain, or of all, with who leads, answers for and supports them in each place."""
    service, told = service_of(request), pages.lang_of(request)
    asker = service.asker
    vocabularies = asker.vocabularies
    chosen = _concept(vocabularies, "domain", domain)
    wanted = _concept(vocabularies, "agency-function", function)
    plans = asker.ask("plans", {}, told).table.records()
    places = dict(sorted({str(one["code"]): str(one["place"]) for one in plans}.items()))
    where = _place(places, place)
    domains = [chosen] if chosen else [one for one in vocabularies.scheme("domain") if not one.broader]
    found: list[Part] = []
    whole = True
    for one in domains:
        parts, all_read = _parts(asker, one, told)
        found += parts
        whole &= all_read
    found = [
        one
        for one in found
        if (where is None or one.place == where) and (wanted is None or wanted.key in one.functions)
    ]
    if not pages.wanted(request):
        body = Parts(parts=found, whole=whole)
        return JSONResponse(body.model_dump(), headers={"Vary": "Accept, Accept-Language"})

    def label(scheme: str, key: str) -> str:
        concept = vocabularies.concept(scheme, key)
        return concept.label_en if told == "en" else concept.label_zh

    held = list(dict.fromkeys(one.place for one in found))
    ranks = {str(one["place"]): (int(str(one["rank"])), str(one["level"])) for one in plans}
    counterparts = _counterparts(found, ranks, wanted.key if wanted else None)
    peopled = {rank for by_level in counterparts.values() for rank in by_level}
    values = {
        "sections": [(one, _table([part for part in found if part.domain == one.key])) for one in domains],
        "roles": ROLES,
        "label": label,
        "chosen": {
            "domain": chosen.key if chosen else "",
            "place": next((code for code, name in places.items() if name == where), ""),
            "function": wanted.key if wanted else "",
        },
        "domains": [(one.key, len(vocabularies.ancestors(one))) for one in vocabularies.scheme("domain")],
        "places": places,
        "functions": [one.key for one in vocabularies.scheme("agency-function")],
        "picture": _picture(found, label, by_domain=chosen is None),
        "counterparts": counterparts,
        "levels": {rank: name for rank, name in sorted(set(ranks.values())) if rank in peopled},
        "by_domain": chosen is None,
        "whole": whole,
        "limit": PLACES_SHOWN,
        "held": held,
        "codes": {name: code for code, name in places.items()},
    }
    return pages.render(request, "agencies.html", values)


def _parts(asker: Asker, domain: Concept, lang: str) -> tuple[list[Part], bool]:
    reply = asker.ask("lead-agencies", {"domain": domain.key}, lang, limit=ROWS_READ)
    roles = {
        label: one.key for one in asker.vocabularies.scheme("role") for label in (one.label_zh, one.label_en)
    }
    known = {one.key for one in asker.vocabularies.scheme("agency-function")}
    parts = []
    for row in reply.table.records():
        iri = row["agencyIri"]
        # What an agency is for stands in its IRI: agency/420115/commerce
        names = str(iri).rpartition("/")[2].split("_") if iri else []
        parts.append(
            Part(
                domain=domain.key,
                place=str(row["place"]),
                agency=None if row["agency"] is None else str(row["agency"]),
                agency_iri=None if iri is None else str(iri),
                functions=[one for one in names if one in known],
                role=roles.get(str(row["role"])),
                told=str(row["role"]),
                task=str(row["task"]),
                task_iri=str(row["taskIri"]),
            )
        )
    return parts, reply.total <= ROWS_READ


def _table(parts: Sequence[Part]) -> dict[str, dict[str, dict[str, list[Part]]]]:
    """Parts by place, role ("" for nobody) and agency; who has most tasks first."""
    found: dict[str, dict[str, dict[str, list[Part]]]] = {}
    for one in parts:
        agencies = found.setdefault(one.place, {}).setdefault(one.role or "", {})
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


def _counterparts(
    parts: Sequence[Part], ranks: Mapping[str, tuple[int, str]], function: str | None
) -> dict[str, dict[int, list[Counterpart]]]:
    """Who in each level has the same function: by function, then by the rank of the level (1 to 4).

    Functions that more levels and places share come first, as many as the picture has; a chosen one stands alone.
    Those with most tasks come first in each level.
    """
    tasks: defaultdict[str, defaultdict[tuple[int, str, str], set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for one in parts:
        for key in one.functions:
            if one.agency and one.place in ranks and function in (None, key):
                tasks[key][ranks[one.place][0], one.place, one.agency].add(one.task_iri)
    found: dict[str, dict[int, list[Counterpart]]] = {}
    for key, agencies in tasks.items():
        levels: dict[int, list[Counterpart]] = {}
        for (rank, place, agency), which in agencies.items():
            levels.setdefault(rank, []).append(Counterpart(place, agency, len(which)))
        for listed in levels.values():
            listed.sort(key=lambda one: (-one.tasks, one.place, one.agency))
        found[key] = levels

    def shared(pair: tuple[str, dict[int, list[Counterpart]]]) -> tuple[int, int, str]:
        places = {one.place for listed in pair[1].values() for one in listed}
        return -len(pair[1]), -len(places), pair[0]

    return dict(sorted(found.items(), key=shared)[:RIGHT])


def _picture(parts: Sequence[Part], label: Any, *, by_domain: bool) -> Picture:
    """Domains, or places, on the left, functions on the right, joined by the tasks that they share."""
    tasks: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    leads: set[tuple[str, str]] = set()
    for one in parts:
        left = (one.domain or "") if by_domain else one.place
        for function in one.functions:
            tasks[left, function].add(one.task_iri)
            if one.role == "lead":
                leads.add((left, function))
    counts = [Counter[str](), Counter[str]()]
    for pair, which in tasks.items():
        for side, name in enumerate(pair):
            counts[side][name] += len(which)
    lefts = [name for name, _ in counts[0].most_common(LEFT)]
    rights = [name for name, _ in counts[1].most_common(RIGHT)]
    joined = {pair: len(which) for pair, which in tasks.items() if pair[0] in lefts and pair[1] in rights}
    # Not all of them: of each name its strongest lines, so that one can follow them
    drawn: set[tuple[str, str]] = set()
    for side, names in ((0, lefts), (1, rights)):
        for name in names:
            own = [pair for pair in joined if pair[side] == name]
            drawn.update(sorted(own, key=lambda pair: (-joined[pair], pair not in leads, pair))[:STRONGEST])
    return picture(
        [Node(name, label("domain", name) if by_domain else name) for name in lefts],
        [Node(name, label("agency-function", name)) for name in rights],
        {pair: joined[pair] for pair in sorted(drawn)},
        leads,
    )


def _concept(vocabularies: Vocabularies, scheme: str, given: str | None) -> Concept | None:
    if not given:
        return None
    known = {one.key: one for one in vocabularies.scheme(scheme)}
    found = known.get(given) or vocabularies.find(scheme, given)
    if found is None:
        raise _unknown("domain" if scheme == "domain" else "function", given, list(known))
    return found


def _place(places: dict[str, str], given: str | None) -> str | None:
    """The name of a place, given by code or name."""
    if not given:
        return None
    if given not in places and given not in places.values():
        raise _unknown("place", given, list(places))
    return places.get(given, given)


def _unknown(name: str, given: str, allowed: list[str]) -> BadParameter:
    en, zh = both("questions", "value", found=given, parameter=name, allowed=", ".join(allowed))
    return BadParameter(en, zh=zh, parameter=name, allowed=allowed)
