"""The cascade matrix: /matrix, what became of upper targets in the places below; /matrix/cell, both clauses of a cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.context import service_of
from api.problems import RESPONSES, HttpError
from graph.errors import BadParameter, NotFound
from queries.asking import Asker
from queries.words import both
from shapes.finding_store import Findings
from shapes.matrix import Matrix, MatrixColumn, MatrixRow, Sign, legend, sign
from shapes.phrases import Phrases
from shapes.reports.workbook import write_matrix
from shapes.rules import Lang

router = APIRouter(tags=["matrix"])
ROWS_SHOWN = 100  # on a page, fewer where they are long; the script of the page shows all of them
CELLS_SHOWN = (
    450  # on a page, about, unless more rows are asked for: more take a browser a tenth of a second at once
)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class MatrixTarget(BaseModel):
    """An upper target, a column: who sets it, what is asked and by when. ``concept`` is the key of its indicator."""

    key: str
    document: str
    place: str | None
    indicator: str
    concept: str | None
    year: int | None
    value: str = Field(description="short, empty where it is put in words", examples=["≥25%"])
    quote: str
    claimed_by: str | None = None


class MatrixPlace(BaseModel):
    """A document below others, a row."""

    document: str
    title: str
    place: str | None
    code: str | None
    depth: int = Field(description="1 for a province, 2 for a city, 3 for a county")
    origin: str


class MatrixAnswer(BaseModel):
    """A cell: the gravest outcome, the value there, the id of the finding."""

    outcome: str
    value: str | None = None
    ratio: float | None = None
    finding: str | None = None


class MatrixSign(BaseModel):
    """How an outcome is shown: by sign and word, and by tone (violation, warning, info, good, none)."""

    sign: str
    tone: str
    label: str


class MatrixTable(BaseModel):
    """``cells[row][column]`` answers of ``places[row]`` to ``targets[column]``.

    ``count`` are all rows that there are; ``places`` begins with the row ``offset`` of them.
    """

    count: int
    offset: int
    targets: list[MatrixTarget]
    places: list[MatrixPlace]
    cells: list[list[MatrixAnswer]]
    signs: dict[str, MatrixSign]


@router.get(
    "/matrix",
    summary="Upper targets against the places below",
    response_model=MatrixTable,
    responses=RESPONSES,
)
def get_matrix(
    request: Request,
    upper: Annotated[
        str | None,
        Query(
            description="slug of the document that sets the targets", examples=["100000-state-council-2024"]
        ),
    ] = None,
    indicator: Annotated[
        str | None, Query(description="key of an indicator", examples=["digital-design-tool-adoption"])
    ] = None,
    domain: Annotated[
        str | None, Query(description="a domain: key, IRI or label", examples=["industry"])
    ] = None,
    offset: Annotated[int, Query(ge=0, description="the first row")] = 0,
    limit: Annotated[int | None, Query(ge=1, description="rows at most; all of them as JSON")] = None,
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
    format: Annotated[str | None, Query(description="json, html or xlsx, in place of Accept")] = None,
) -> Response:
    """The targets of one document, of one indicator or of one domain, each against every document below.

    Without a filter, those of the highest document.
    """
    if format not in (None, "json", "html", "xlsx"):
        raise HttpError(406, "format", found=format, allowed=["json", "html", "xlsx"])
    service, told = service_of(request), pages.lang_of(request)
    findings = service.build.findings
    setters = {row.document: row for row in findings.matrix_rows}
    indicators = {row.concept: row.indicator.said(told) for row in findings.matrix_rows if row.concept}
    _known("upper", upper, list(setters))
    _known("indicator", indicator, list(indicators))
    if not (upper or indicator or domain) and setters:
        upper = next(iter(setters))
    chosen = _rows(findings, service.asker, upper or None, indicator or None, domain or None, told)
    if format == "xlsx":
        headers = {
            "Content-Disposition": 'attachment; filename="zhengmai-matrix.xlsx"',
            "Content-Language": told,
        }
        body = write_matrix(findings.head, findings.matrix(chosen), told)
        return Response(body, media_type=_XLSX, headers=headers)
    page_wanted = pages.wanted(request)
    rows = min(ROWS_SHOWN, limit or max(CELLS_SHOWN // max(len(chosen), 1), 15))
    setting = {row.document for row in chosen}
    columns = [one for one in findings.matrix_columns if setting & set(one.above)]
    until = rows if page_wanted else limit
    shown = findings.matrix(chosen, columns[offset : None if until is None else offset + until])
    table = _table(shown, told, len(columns), offset)
    if not page_wanted:
        return JSONResponse(table.model_dump(exclude_none=True), headers={"Vary": "Accept, Accept-Language"})
    chart: list[dict[str, Any]] = []
    if indicator:
        chart = service.asker.ask("targets-of-indicator", {"indicator": indicator}, told).table.records()
    values = {
        "table": table,
        "legend": _legend(shown, findings.matrix_outcomes(chosen)),
        "chosen": {"upper": upper or "", "indicator": indicator or "", "domain": domain or ""},
        "setters": {
            slug: f"{row.place.name if row.place else ''} · {row.title}" for slug, row in setters.items()
        },
        "indicators": indicators,
        "domains": [
            (one.key, one.label_en if told == "en" else one.label_zh)
            for one in service.build.vocabularies.scheme("domain")
        ],
        "offset": offset,
        "limit": rows,
        "chart": chart,
        "say": Phrases(findings.head, told),
    }
    return pages.render(request, "matrix.html", values)


@router.get("/matrix/cell", summary="Both clauses of a cell", responses=RESPONSES)
def get_cell(
    request: Request,
    plan: Annotated[str, Query(description="slug of the document below")],
    upper: Annotated[str, Query(description="slug of the document that sets the target")],
    key: Annotated[str, Query(description="as in the matrix")],
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
    format: Annotated[str | None, Query(description="json or html, in place of Accept")] = None,
) -> Response:
    """What the document says, what the upper one says, and the finding where there is one."""
    service, told = service_of(request), pages.lang_of(request)
    findings = service.build.findings
    row = next((one for one in findings.matrix_rows if one.key == key and one.document == upper), None)
    column = next((one for one in findings.matrix_columns if one.document == plan), None)
    if row is None or column is None:
        en, zh = pages.both("matrix.no_cell", plan=plan, target=key)
        raise NotFound(en, zh=zh)
    cell = findings.matrix([row], [column]).cell(row, column)
    asked = service.asker.ask("two-plans-compared", {"plan": plan, "upper": upper}, told).table.records()
    compared = [
        one
        for one in asked
        if (one["concept"] or one["indicator"]) == key.split("|")[1]
        and (one["year"] is None or row.year is None or str(one["year"])[:4] == str(row.year))
    ]
    finding = findings.get(cell.finding) if cell.finding else None
    if not pages.wanted(request):
        body = {
            "cell": cell.model_dump(mode="json"),
            "compared": compared,
            "finding": finding.model_dump(mode="json") if finding else None,
        }
        return JSONResponse(body, headers={"Vary": "Accept, Accept-Language"})
    values = {
        "row": row,
        "column": column,
        "cell": cell,
        "told": sign(cell.outcome),
        "compared": compared,
        "finding": finding,
        "say": Phrases(findings.head, told),
    }
    return pages.render(request, "cell.html", values)


def _known(name: str, given: str | None, allowed: Sequence[str]) -> None:
    if given and given not in allowed:
        en, zh = both("questions", "value", found=given, parameter=name, allowed=", ".join(allowed))
        raise BadParameter(en, zh=zh, parameter=name, allowed=list(allowed))


def _rows(
    findings: Findings,
    asker: Asker,
    upper: str | None,
    indicator: str | None,
    domain: str | None,
    lang: Lang,
) -> list[MatrixRow]:
    """The rows that fit."""
    keys: set[str] | None = None
    if domain:
        asked = asker.ask("indicators-of-domain", {"domain": domain}, lang)
        keys = {str(one["key"]) for one in asked.table.records()}
    return [
        row
        for row in findings.matrix_rows
        if (upper is None or row.document == upper)
        and (indicator is None or row.concept == indicator)
        and (keys is None or row.concept in keys)
    ]


def _legend(shown: Matrix, outcomes: Collection[str]) -> list[Sign]:
    """The signs of what is shown and of what else the same targets were answered with, gravest first."""
    found = {one.key: one for one in (*legend(shown), *map(sign, outcomes))}
    return sorted(found.values(), key=lambda one: one.rank)


def _table(matrix: Matrix, lang: Lang, count: int, offset: int) -> MatrixTable:
    """Some of ``count`` documents, the first of them ``offset``, against all targets."""
    shown = matrix.columns
    cells = [[_answer(matrix, row, column) for row in matrix.rows] for column in shown]
    return MatrixTable(
        count=count,
        offset=offset,
        targets=[
            MatrixTarget(
                key=row.key,
                document=row.document,
                place=row.place.name if row.place else None,
                indicator=row.indicator.said(lang),
                concept=row.concept,
                year=row.year,
                value=row.value,
                quote=row.quote,
                claimed_by=row.claimed_by,
            )
            for row in matrix.rows
        ],
        places=[
            MatrixPlace(
                document=one.document,
                title=one.title,
                place=one.place.name if one.place else None,
                code=one.place.code if one.place else None,
                depth=_depth(one),
                origin=one.origin,
            )
            for one in shown
        ],
        cells=cells,
        signs={
            key: MatrixSign(sign=sign(key).sign, tone=sign(key).tone, label=sign(key).label.said(lang))
            for key in sorted({cell.outcome for row in cells for cell in row})
        },
    )


def _answer(matrix: Matrix, row: MatrixRow, column: MatrixColumn) -> MatrixAnswer:
    cell = matrix.cell(row, column)
    ratio = None if cell.ratio is None else float(cell.ratio)
    return MatrixAnswer(outcome=cell.outcome, value=cell.value, ratio=ratio, finding=cell.finding)


def _depth(column: MatrixColumn) -> int:
    code = column.place.code if column.place else ""
    return 1 if code.endswith("0000") else 2 if code.endswith("00") else 3
