"""A draft held against the built graph before it is issued: read, compared, judged, told; nothing of it is kept.

Only what concerns the draft is derived and validated: its own graph, its comparisons, and of the rest of the graph
the nodes that these lead to. It takes the place of an older version of the same plan (same place, same family).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import pyoxigraph as ox
from pydantic import ValidationError
from rdflib import Graph
from rdflib.namespace import SKOS

from graph import cascade, divisions, triples
from graph.build import read_plan
from graph.cascade import Lineage, Place
from graph.errors import BadParameter, StoreError
from graph.record import PlanRecord
from graph.sources import Source
from graph.stores import EmbeddedStore, open_store
from ontology import terms
from ontology.terms import ELI, ID, ZM
from ontology.vocabulary import ontology_graph
from shapes.findings import Notice, Report, collect, summarize
from shapes.phrases import all_words
from shapes.rules import LANGS, Words
from shapes.validation import validate
from shapes.waivers import Waivers, kept, settle

Status = Literal["draft", "issued"]
# Along these a node leads to half of the graph, and nothing that a finding tells.
_NOT_FOLLOWED: Final = frozenset(
    str(one)
    for one in (
        ZM.citation, ZM.citedDocument, ELI.cites, ELI.ensures_implementation_of, ZM.parentPlan, ZM.ancestorPlan,
        ZM.withinDivisionTransitive, SKOS.broader, SKOS.narrower, SKOS.related, SKOS.inScheme,
        SKOS.topConceptOf, SKOS.exactMatch, SKOS.closeMatch,
    )
)  # fmt: skip


@dataclass(frozen=True)
class _Neighbour:
    """A document of the build that the draft meets: above it, or an older version of it (``is_above`` false)."""

    slug: str
    title: str
    code: str
    is_above: bool


def check_draft(
    source: Source,
    build: Path,
    *,
    name: str = "draft",
    jurisdiction: str | None = None,
    status: Status = "draft",
    today: date | None = None,
) -> Report:
    """Return the report on a draft.

    Args:
        source: the draft, from :func:`graph.reading.read_source` or :func:`graph.reading.source_of`.
        build: the folder of a build, from :func:`graph.build.open_current`; it is only read.
        name: the name of its file, for the identifiers of findings.
        jurisdiction: the division that it is for, by code or full name; without it, the title tells.
        status: what to take it for; ``draft`` stands back behind issued plans.
        today: the day to print on the report.

    Raises:
        BadParameter: it cannot be told which place the draft is for; ``allowed`` has those that it may be.
        StoreError: the build cannot be read.
    """
    slug = _slug(name)
    record = read_plan(source, slug, _code(jurisdiction))
    record.plan.status = status
    code = _settled(record)
    store = open_store(build / "store")
    family = record.plan.family
    neighbours = _neighbours(store, code, family) if family else []
    draft = Place(slug, code, family or slug, record)
    graph = _graph(store, build, draft, neighbours)
    report = _of_draft(collect(validate(graph, ontology_graph()), graph, today), slug)
    report = settle(report, Waivers(settings=kept(build).settings), today or date.min)
    return report.model_copy(update={"notices": [*report.notices, *_notices(record, neighbours)]})


def _slug(name: str) -> str:
    """``draft-`` and the file's name: no document of a build can be meant by it."""
    stem = re.sub(r"[^\w-]+", "-", Path(name).stem).strip("-")[:80]
    return f"draft-{stem}" if stem else "draft-unnamed"


def _code(jurisdiction: str | None) -> str | None:
    given = (jurisdiction or "").strip()
    if not given:
        return None
    if given in divisions.divisions():
        return given
    named = divisions.named(given)
    if len(named) == 1:
        return named[0].code
    if named:
        raise _unsettled("draft_places", [one.code for one in named], title=given, name=given)
    raise _unsettled("draft_code", [], code=given)


def _settled(record: PlanRecord) -> str:
    place, title = record.plan.jurisdiction, record.plan.title
    if place.code is not None:
        return place.code
    if options := divisions.named(place.name):
        raise _unsettled("draft_places", [one.code for one in options], title=title, name=place.name)
    raise _unsettled("draft_place", [], title=title)


def _unsettled(key: str, codes: list[str], **values: str) -> BadParameter:
    lines = {code: "".join(one.name for one in reversed(divisions.line(code)[:-1])) for code in codes}
    listed = ", ".join(f"{code} {name}" for code, name in lines.items())
    en, zh = (all_words()[lang][key].format(codes=listed, **values) for lang in ("en", "zh"))
    return BadParameter(en, zh=zh, parameter="jurisdiction", allowed=codes)


# -- what the build knows about it -----------------------------------------------------------------------------


def _neighbours(store: EmbeddedStore, code: str, family: str) -> list[_Neighbour]:
    places = {str(terms.division_iri(one.code)): one.code for one in divisions.line(code)}
    rows = store.rows(
        f"""PREFIX zm: <{ZM}> PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT DISTINCT ?slug ?title ?place WHERE {{
            VALUES ?place {{ {" ".join(f"<{iri}>" for iri in places)} }}
            ?document zm:jurisdiction ?place ; zm:policyFamily <{terms.concept_iri("policy-family", family)}> ;
                dcterms:identifier ?slug ; dcterms:title ?title .
        }} ORDER BY ?place ?slug"""
    )
    found = []
    for row in rows:
        slug, title, place = (_text(row[name]) for name in ("slug", "title", "place"))
        found.append(_Neighbour(slug, title, places[place], places[place] != code))
    return found


def _text(term: Any) -> str:
    return str(term.value)


def _record(build: Path, slug: str) -> PlanRecord | None:
    """The record of a document of the build; None for a stub."""
    path = build / "records" / f"{slug}.json"
    if not path.is_file():
        return None
    try:
        return PlanRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise StoreError(f"{path}: cannot be read; run 'zhengmai build' again ({error})") from error


def _cited(store: EmbeddedStore, record: PlanRecord) -> dict[str, str]:
    """Documents of the build that the draft cites, slug by number or title."""
    numbers = {one.number for one in record.plan.cites if one.number}
    titles = {one.title for one in record.plan.cites if one.title}
    names = [ox.Literal(number) for number in numbers] + [
        ox.Literal(title, language="zh") for title in titles
    ]
    if not names:
        return {}
    rows = store.rows(
        f"""PREFIX zm: <{ZM}> PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT DISTINCT ?name ?slug WHERE {{
            VALUES ?name {{ {" ".join(map(str, names))} }}
            ?document zm:documentNumber|dcterms:title ?name ; dcterms:identifier ?slug .
        }}"""
    )
    return {_text(row["name"]): _text(row["slug"]) for row in rows}


# -- the graph that is judged ----------------------------------------------------------------------------------


def _graph(store: EmbeddedStore, build: Path, draft: Place, neighbours: Sequence[_Neighbour]) -> Graph:
    assert draft.record is not None
    lineage = Lineage()
    lineage.add(draft)
    for one in neighbours:
        if one.is_above:
            lineage.add(Place(one.slug, one.code, draft.family, _record(build, one.slug)))
    compared = cascade.compare(draft, lineage.ancestors(draft))
    inferred = cascade.inferred_quads([draft], compared, lineage)
    found: dict[ox.Triple, None] = {
        quad.triple: None for quad in triples.document_quads(draft.record, _cited(store, draft.record))
    }
    found |= dict.fromkeys(
        quad.triple for quad in inferred if quad.predicate.value != str(ZM.withinDivisionTransitive)
    )
    _complete(store, found)
    text = ox.serialize(found, format=ox.RdfFormat.N_TRIPLES)
    return Graph().parse(data=text, format="nt")


def _complete(store: EmbeddedStore, found: dict[ox.Triple, None]) -> None:
    """Add what the build says of each node that the triples lead to, and of the nodes that these lead to."""
    told = {triple.subject.value for triple in found if isinstance(triple.subject, ox.NamedNode)}
    waiting = list(_leads(found, told))
    while waiting:
        iri = waiting.pop()
        if iri in told:
            continue
        told.add(iri)
        new = [one for one in store.about(iri) if one.predicate.value not in _NOT_FOLLOWED]
        found |= dict.fromkeys(new)
        waiting += _leads(new, told)


def _leads(found: Iterable[ox.Triple], told: set[str]) -> Iterable[str]:
    for triple in found:
        end = triple.object
        if not isinstance(end, ox.NamedNode) or end.value in told:
            continue
        # Units are QUDT's where it has them, and all else that is described is ours.
        if end.value.startswith(str(ID)) or triple.predicate.value == str(ZM.unit):
            yield end.value


# -- the report ------------------------------------------------------------------------------------------------


def _of_draft(report: Report, slug: str) -> Report:
    """What concerns the draft: the nodes of others are there in part only, and were judged when they were built."""
    iri = str(terms.document_iri(slug))
    kept_findings = [
        one for one in report.findings if one.document == slug or one.source.focus.startswith(f"{iri}/")
    ]
    documents = [one for one in report.summary.documents if one.slug == slug]
    rules = {one.rule for one in kept_findings}
    return report.model_copy(
        update={
            "findings": kept_findings,
            "summary": summarize(documents, kept_findings),
            "matrix": report.matrix.of_documents({slug}) if report.matrix else None,
            "rules": {name: note for name, note in report.rules.items() if name in rules},
        }
    )


def _notices(record: PlanRecord, neighbours: Sequence[_Neighbour]) -> list[Notice]:
    above = [one for one in neighbours if one.is_above]
    found = []
    if not record.actions and not record.targets:
        found.append(_notice("draft_empty"))
    if record.plan.family is None:
        found.append(_notice("draft_family"))
    elif above:
        found.append(_notice("draft_line", above="、".join(f"《{one.title}》" for one in reversed(above))))
    else:
        found.append(_notice("draft_none"))
    return found + [
        _notice("draft_replaces", title=f"《{one.title}》") for one in neighbours if not one.is_above
    ]


def _notice(kind: str, **values: str) -> Notice:
    return Notice(
        kind=kind, words=Words(**{lang: all_words()[lang][kind].format(**values) for lang in LANGS})
    )
