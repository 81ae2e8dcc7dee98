"""What the check found: /findings, filtered, as JSON or as two-clause sheets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api import pages
from api.context import service_of
from api.negotiation import HTML, JSON, best
from api.negotiation import Lang as LangParameter
from api.problems import RESPONSES, HttpError
from api.reading.finding_facets import Facets
from graph.errors import BadParameter
from shapes.findings import Finding, Report, Summary
from shapes.phrases import Phrases
from shapes.reports import FORMS, Format, form_of, write
from shapes.rules import Lang

router = APIRouter(tags=["findings"])
NAMES = ["json", "html", "report", *(one.name for one in FORMS if one.name not in ("json", "html"))]
MEDIA: dict[str, dict[str, Any]] = {one.media_type: {} for one in FORMS if one.media_type != JSON}
SHEETS_SHOWN = 25  # on a page, where no number is given
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": MEDIA}, **RESPONSES}


class FindingList(BaseModel):
    """The findings that fit, gravest first, ``count`` of them before paging; the summary is of all."""

    summary: Summary
    count: int
    findings: list[Finding]


@router.get("/findings", summary="What the check found", response_model=FindingList, responses=_ANSWERS)
def get_findings(
    request: Request,
    severity: Annotated[Literal["violation", "warning", "info", ""] | None, Query()] = None,
    outcome: Annotated[str | None, Query(description="as in a finding", examples=["lowered"])] = None,
    place: Annotated[str | None, Query(description="six-digit code or name", examples=["赣县区"])] = None,
    plan: Annotated[str | None, Query(description="slug", examples=["360704-ganxian-2024"])] = None,
    status: Annotated[Literal["open", "explained", "waived", ""] | None, Query()] = None,
    domain: Annotated[
        str | None, Query(description="of the task or target, narrower ones count", examples=["industry"])
    ] = None,
    indicator: Annotated[
        str | None, Query(description="key of an indicator", examples=["digital-design-tool-adoption"])
    ] = None,
    function: Annotated[
        str | None, Query(description="function of an agency that the task names", examples=["commerce"])
    ] = None,
    waived: Annotated[str | None, Query(include_in_schema=False)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
    lang: LangParameter = None,
    format: Annotated[
        str | None,
        Query(
            description="in place of the Accept header: json, html (the page), report (one self-contained HTML file), "
            "docx, xlsx, markdown, csv, turtle, sarif, text; all but the first two give every finding that fits",
            json_schema_extra={"enum": NAMES},
        ),
    ] = None,
) -> Response:
    """Each finding with both passages, a reason and a suggestion, in Chinese and English."""
    service = service_of(request)
    findings, told = service.build.findings, pages.lang_of(request)
    facets = Facets(findings, service.build.vocabularies, told)
    chosen = {
        "severity": severity,
        "outcome": outcome,
        "place": place,
        "domain": domain,
        "indicator": indicator,
        "function": function,
        "plan": plan,
        "status": status,
    }
    keys = facets.keys(chosen)
    chosen_form = _form(request, format)
    if chosen_form is not None:
        return as_file(findings.report(keys), chosen_form, told)
    count = findings.count(keys)
    if pages.wanted(request):
        limit = limit if "limit" in request.query_params else SHEETS_SHOWN
        values = {
            "say": Phrases(findings.head, told),
            "findings": findings.page(keys, limit, offset),
            "count": count,
            "limit": limit,
            "offset": offset,
            "chosen": chosen,
            "choices": {name: facets.choices(name, keys) for name in chosen},
            "files": ["report", *(form.name for form in FORMS if form.name != "html")],
            "waived": findings.get(waived) if waived else None,
            "accepted": waived is not None,
            "typed_from": pages.CHOICES_SHOWN,
        }
        return pages.render(request, "findings.html", values)
    shown = findings.page(keys, limit, offset)
    # As FindingList has it. The summary has a line for each document, of thousands: it is written once for a build
    listed = ",".join(one.model_dump_json() for one in shown)
    body = f'{{"summary":{findings.summary_json},"count":{count},"findings":[{listed}]}}'
    return Response(body, media_type=JSON, headers={"Vary": "Accept"})


def _form(request: Request, format: str | None) -> Format | None:
    """The form of the report as a file; None where the answer is the page or the JSON of a list."""
    if format in (None, "html", "json"):
        offers = (JSON, HTML, *(form.media_type for form in FORMS if form.media_type not in (JSON, HTML)))
        wanted = best(request.headers.get("accept"), offers) if format is None else None
        return next((form for form in FORMS if form.media_type == wanted not in (JSON, HTML)), None)
    return named_form(format)


def named_form(name: str) -> Format:
    """The form of a name; ``report`` is the self-contained page. Raises HttpError 406 for an unknown one."""
    try:
        return form_of("html" if name == "report" else name)
    except BadParameter as error:
        raise HttpError(406, "format", found=name, allowed=NAMES) from error


def as_file(report: Report, form: Format, lang: Lang, name: str = "zhengmai-findings") -> Response:
    """A report in one of its forms, to be kept as a file."""
    kind = "text/" if form.media_type.startswith("text/") else ""
    return Response(
        write(report, form.name, lang),
        media_type=form.media_type + ("; charset=utf-8" if kind else ""),
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{form.suffix}"',
            "Content-Language": lang,
            "Vary": "Accept, Accept-Language",
            "X-Content-Type-Options": "nosniff",
        },
    )
