"""The places that documents are held for: as a tree, as a schematic of the provinces, and one by one at /places/{code}."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.around import caching
from api.builds import Service
from api.context import service_of
from api.negotiation import HTML, Lang
from api.problems import RESPONSES
from api.reading.entries import PlanEntry, all_of, entries
from api.reading.plans import Format
from graph.divisions import NATIONAL, Division, above, divisions, line
from graph.errors import NotFound
from queries.asking import Asker

router = APIRouter(tags=["plans"])
TREE: Final = 60  # documents that are told as a tree; of more, the map and the pages of places lead to them
SHADES: Final = (1, 3, 10, 30, 100)  # from how many documents on a square is a shade darker


@dataclass
class Node:
    """A place with its documents and the places below it; ``count`` are the documents of all of them."""

    code: str
    name: str
    plans: list[PlanEntry] = field(default_factory=list)
    below: list[Node] = field(default_factory=list)
    count: int = 0


def tree(entries: Iterable[PlanEntry]) -> list[Node]:
    """The places of some documents from the whole country down, with the places between them.

    A place that the list of divisions does not know stands beside the country.
    """
    nodes: dict[str, Node] = {}
    roots: list[Node] = []

    def node(code: str, name: str) -> Node:
        if code in nodes:
            return nodes[code]
        made = nodes[code] = Node(code, name)
        nearest = above(code)
        if nearest:
            node(nearest.code, nearest.name).below.append(made)
        else:
            roots.append(made)
        return made

    for entry in sorted(entries, key=lambda one: (one.rank, one.code, one.slug)):
        node(entry.code, entry.place).plans.append(entry)
    for one in nodes.values():
        one.below.sort(key=lambda below: below.code)
    for root in roots:
        _count(root)
    return sorted(roots, key=lambda one: (one.code != NATIONAL, one.code))


def _count(node: Node) -> int:
    node.count = len(node.plans) + sum(_count(one) for one in node.below)
    return node.count


class Held(BaseModel):
    """How many documents there are of a place and all places within it."""

    code: str = Field(description="GB/T 2260, six digits", examples=["420100"])
    name: str
    level: str = Field(description="national, province, city or county")
    held: int = Field(description="whose content is held: as text, or as a record made by hand")
    cited: int = Field(description="known from citations only")


class PlaceDetail(Held):
    """A place: the line of places above it, its own documents, and all divisions directly below it."""

    line: list[Held] = Field(description="from the whole country down to the one above")
    plans: list[PlanEntry]
    below: list[Held]


@dataclass(frozen=True)
class Square:
    """A province in the schematic: ``row`` and ``column`` count from 1, ``shade`` from 0 (nothing held) to 5."""

    code: str
    row: int
    column: int
    names: Mapping[str, str]
    short: str
    held: int
    cited: int
    shade: int


class Counts:
    """How many documents there are of each place with all within it. ``stub`` is the origin of those only cited."""

    def __init__(self, entries: Iterable[PlanEntry], stub: str) -> None:
        self._held: dict[str, int] = {}
        self._cited: dict[str, int] = {}
        for one in entries:
            counted = self._cited if one.origin == stub else self._held
            for code in [division.code for division in line(one.code)] or [one.code]:
                counted[code] = counted.get(code, 0) + 1

    def of(self, division: Division) -> Held:
        """The documents of a division."""
        held, cited = self._held.get(division.code, 0), self._cited.get(division.code, 0)
        return Held(code=division.code, name=division.name, level=division.level, held=held, cited=cited)

    def squares(self) -> list[Square]:
        """The provinces, in the order in which the schematic is read."""
        found = []
        for one in _squares():
            count = self.of(divisions()[str(one["code"])])
            found.append(
                Square(
                    code=count.code,
                    row=int(one["row"]),
                    column=int(one["column"]),
                    names={lang: str(one[lang]) for lang in ("zh", "en")},
                    short=str(one["short"]),
                    held=count.held,
                    cited=count.cited,
                    shade=shade(count.held),
                )
            )
        return found


def counts(service: Service) -> Counts:
    """The counts of all documents, made once for each build."""
    stub = service.build.vocabularies.concept("origin", "stub")
    return _counts(service.asker, stub.label_zh)


@lru_cache(maxsize=2)
def _counts(asker: Asker, stub: str) -> Counts:
    return Counts(all_of(asker, "zh"), stub)


def shade(count: int) -> int:
    """The step of `SHADES` for a number of documents: 0 for none."""
    return sum(count >= least for least in SHADES)


def steps(all_of: Iterable[int]) -> list[tuple[int, str]]:
    """The shades that some numbers have, each with what it stands for (``3–9``), lightest first."""
    said = {0: "0", len(SHADES): f"≥{SHADES[-1]}"}
    for at, (least, more) in enumerate(pairwise(SHADES), start=1):
        said[at] = f"{least}–{more - 1}"
    return [(at, said[at]) for at in sorted({shade(one) for one in all_of})]


@cache
def _squares() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = yaml.safe_load(
        files("api.reading").joinpath("tiles.yaml").read_text(encoding="utf-8")
    )
    return read


@router.get(
    "/places/{code}",
    summary="A place: its documents, and the places below it",
    response_model=PlaceDetail,
    responses={200: {"content": {HTML: {}}}, **RESPONSES},
)
def get_place(code: str, request: Request, lang: Lang = None, format: Format = None) -> Response:
    """The documents of a division, and how many there are of each division directly below it.

    ``code`` is that of GB/T 2260; 100000 is the whole country.
    """
    here = divisions().get(code)
    if here is None:
        en, zh = pages.both("places.unknown", found=code)
        raise NotFound(en, zh=zh)
    return caching.held(request, service_of(request).build.name, lambda: _answer(request, here))


def _answer(request: Request, here: Division) -> Response:
    service, told, code = service_of(request), pages.lang_of(request), here.code
    held, count = entries(service, told), counts(service)
    detail = PlaceDetail(
        **count.of(here).model_dump(),
        line=[count.of(one) for one in reversed(line(code)[1:])],
        plans=[one for one in held if one.code == code],
        below=[count.of(one) for one in divisions().values() if one.parent == code],
    )
    if not pages.wanted(request):
        return JSONResponse(detail.model_dump(), headers={"Vary": "Accept, Accept-Language"})
    names: Callable[[Held], str] = _name(told)
    values = {
        "place": detail,
        "name": names,
        "squares": count.squares() if code == NATIONAL else [],
        "steps": steps([one.held for one in detail.below]),
        "shade": shade,
        "judged": code in service.build.findings.places,
    }
    return pages.render(request, "place.html", values)


def _name(lang: str) -> Callable[[Held], str]:
    """How a place is called: provinces have English names."""
    english = {str(one["code"]): str(one["en"]) for one in _squares()}

    def name(one: Held) -> str:
        if one.code == NATIONAL:
            return pages.words("places.nation")[lang]
        return english.get(one.code, one.name) if lang == "en" else one.name

    return name
