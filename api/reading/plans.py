"""The plans: /plans, and /plans/{slug} with its record, counts, line and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.around import caching
from api.builds import Service
from api.context import service_of
from api.negotiation import HTML, Lang
from api.problems import RESPONSES
from api.reading import marked_text
from api.reading.entries import PlanEntry, by_slug, entries
from graph import agency_labels
from graph.agency_identity import identify
from graph.divisions import divisions
from graph.errors import NotFound
from graph.record import PlanRecord
from ontology.terms import dotted
from ontology.vocabulary import using
from queries.words import both
from shapes.findings import Finding
from shapes.phrases import Phrases

router = APIRouter(tags=["plans"])
PREVIEW: Final = "preview"  # what a plan must not be called: /plans/preview reads one without keeping it
Format = Annotated[Literal["json", "html"] | None, Query(description="in place of the Accept header")]
PlanFormat = Annotated[
    Literal["json", "html", "text"] | None,
    Query(description="in place of the Accept header; text for the document as it was read"),
]
PLANS_SHOWN: Final = 100  # on a page, where no number is given
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": {HTML: {}}}, **RESPONSES}


class Ancestor(BaseModel):
    """A document of the line above a plan, or the plan itself."""

    level: str
    place: str
    title: str
    number: str | None
    date: str | None
    origin: str
    cited: str
    slug: str


class PlanDetail(PlanEntry):
    """A document with its counts, the line up to the national plan, and its record (null for one only cited)."""

    counts: dict[str, int] = Field(examples=[{"tasks": 25, "targets": 54, "agencies": 28}])
    findings: dict[str, int] = Field(description="by severity", examples=[{"violation": 0, "warning": 2}])
    line: list[Ancestor]
    record: dict[str, Any] | None


@router.get(
    "/plans",
    summary="All plans, from the nation to the counties",
    response_model=list[PlanEntry],
    responses=_ANSWERS,
)
def get_plans(
    request: Request,
    level: Annotated[
        Literal["national", "province", "city", "county", ""] | None, Query(description="only of this level")
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=10_000, description=f"documents at most; all, on a page {PLANS_SHOWN}")
    ] = None,
    offset: Annotated[int, Query(ge=0, description="documents to leave out before the first")] = 0,
    lang: Lang = None,
    format: Format = None,
) -> Response:
    """Documents whose text is held, records made by hand, and documents that are only cited.

    How many there are is told in X-Total-Count.
    """
    service = service_of(request)
    return caching.held(request, service.build.name, lambda: _list(request, level or "", limit, offset))


def _list(request: Request, level: str, limit: int | None, offset: int) -> Response:
    service = service_of(request)
    every = entries(service, pages.lang_of(request))
    levels = counted(service, every)
    label = next((label for key, label, _ in levels if key == level), "")
    fitting = [one for one in every if one.level == label] if level else every
    if not pages.wanted(request):
        shown = fitting[offset : None if limit is None else offset + limit]
        headers = {"Vary": "Accept, Accept-Language", "X-Total-Count": str(len(fitting))}
        return JSONResponse([one.model_dump() for one in shown], headers=headers)
    limit = limit or PLANS_SHOWN
    values = {
        "plans": fitting[offset : offset + limit],
        "count": len(fitting),
        "limit": limit,
        "offset": offset,
        "level": level,
        "levels": levels,
    }
    return pages.render(request, "plans.html", values)


def no_preview(slug: str) -> None:
    """/plans/preview is an address of its own, and no plan. Raises HTTPException 405."""
    if slug == PREVIEW:
        raise HTTPException(405)


@router.get(
    "/plans/{slug}",
    dependencies=[Depends(no_preview)],
    summary="One plan",
    response_model=PlanDetail,
    responses={200: {"content": {HTML: {}, "text/plain": {}}}, **RESPONSES},
)
def get_plan(slug: str, request: Request, lang: Lang = None, format: PlanFormat = None) -> Response:
    """Metadata, counts, the line up to the national plan, and the record with tasks and targets."""
    service, told = service_of(request), pages.lang_of(request)
    entry = _entry(service, slug, told)
    if format == "text" and (text := service.build.kept_text(slug)) is not None:
        return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{slug}.txt"'})
    record = service.build.record(slug)
    line = [
        _ancestor(row) for row in service.asker.ask("lineage-of-plan", {"plan": slug}, told).table.records()
    ]
    findings = service.build.findings.page({"plan": slug})
    detail = PlanDetail(
        **entry.model_dump(),
        counts={"tasks": entry.tasks, "targets": entry.targets, **_counts(service, record)},
        findings=dict(Counter(one.severity for one in findings)),
        line=line,
        record=record.model_dump(mode="json") if record else None,
    )
    if pages.wanted(request):
        return _page(request, service, detail, record, findings)
    return JSONResponse(detail.model_dump(), headers={"Vary": "Accept, Accept-Language"})


def counted(service: Service, some: Iterable[PlanEntry]) -> list[tuple[str, str, int]]:
    """The levels of some documents: key, label as it stands in them, and how many; those that come first, first."""
    scheme = service.build.vocabularies.scheme("level")
    keys = {label: one.key for one in scheme for label in (one.label_zh, one.label_en)}
    return [(keys[label], label, count) for label, count in Counter(one.level for one in some).items()]


def _entry(service: Service, slug: str, lang: str) -> PlanEntry:
    known = by_slug(service.asker, lang)
    if slug not in known:
        slugs = list(known)
        en, zh = both("questions", "plan", found=slug, allowed=", ".join(slugs))
        raise NotFound(en, zh=zh, allowed=slugs)
    return known[slug]


def _ancestor(row: dict[str, Any]) -> Ancestor:
    return Ancestor.model_validate({**row, "slug": str(row["planIri"]).rpartition("/")[2]})


def _counts(service: Service, record: PlanRecord | None) -> dict[str, int]:
    if record is None:
        return {}
    with using(service.build.vocabularies):
        return _counted(record)


def _counted(record: PlanRecord) -> dict[str, int]:
    assignments = [one for action in record.actions for one in action.assignments]
    code = agency_labels.code_of(record)
    return {
        # Bodies, not spellings: 区住建局 and 区住房城乡建设局 are one.
        "agencies": len(
            {agency_labels.iri_of(identify(one.agency, code), record.slug) for one in assignments}
        ),
        "assignments": len(assignments),
        "cited_targets": len(record.cited_targets),
        "problems": len(record.problems),
    }


def _page(
    request: Request, service: Service, detail: PlanDetail, record: PlanRecord | None, findings: list[Finding]
) -> Response:
    lang = pages.lang_of(request)
    vocabularies = service.build.vocabularies

    def label(scheme: str, key: str) -> str:
        concept = vocabularies.concept(scheme, key)
        return concept.label_en if lang == "en" else concept.label_zh

    text = service.build.kept_text(detail.slug) if record else None
    told: dict[str, list[Finding]] = {}
    for finding in findings:
        for one in finding.statements:
            told.setdefault(marked_text.anchor(one.iri), []).append(finding)
    values = {
        "plan": detail,
        "known": detail.code in divisions(),
        "record": record,
        "text": marked_text.marked(text, record) if text and record else None,
        "outline": marked_text.outline(record) if text and record else [],
        "tasks": marked_text.action_anchors(record) if record else [],
        "told": told,
        "cited": service.asker.ask("cited-documents", {"plan": detail.slug}, lang).table.records(),
        "findings": findings,
        "say": Phrases(service.build.findings.head, lang),
        "label": label,
        "dotted": dotted,  # the anchors of api.linked.addresses.anchor_of
        "roles": [concept.key for concept in vocabularies.scheme("role")],
    }
    return pages.render(request, "plan.html", values)
