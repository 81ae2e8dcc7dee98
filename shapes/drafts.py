"""A draft held against the built graph before it is issued: read, compared, judged, told; nothing of it is kept.

Only what concerns the draft is derived and validated: its own graph, its comparisons, and of the rest of the graph
the nodes that these lead to. It takes the place of an older version of the same plan (same place, same family).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import pyoxigraph as ox
from rdflib import Graph
from rdflib.namespace import SKOS

from graph import cascade, divisions, inside, triples
from graph.build import read_plan
from graph.cascade import Lineage, Place
from graph.catalog import vocabularies_of
from graph.document_numbers import parse
from graph.errors import BadParameter
from graph.incremental import find_record
from graph.inside_check import Check
from graph.known_documents import KnownDocument, KnownDocuments
from graph.record import PlanRecord
from graph.sources import Source
from graph.stores import Store, open_store
from ontology import terms
from ontology.terms import ELI, ID, ZM
from ontology.vocabulary import ontology_graph, using
from shapes import effects
from shapes.collecting import collect
from shapes.findings import Effects, Notice, Report, RuleNote, summarize
from shapes.lines import Texts
from shapes.phrases import all_words
from shapes.rules import LANGS, Words
from shapes.validation import validate
from shapes.waivers import kept, settle

Status = Literal["draft", "issued"]
# Along these a node leads to half of the graph, and nothing that a finding tells.
_NOT_FOLLOWED: Final = frozenset(
    str(one)
    for one in (
        ZM.citation, ELI.cites, ELI.ensures_implementation_of, ZM.parentPlan, ZM.ancestorPlan,
        ZM.withinDivisionTransitive, SKOS.broader, SKOS.narrower, SKOS.related, SKOS.inScheme,
        SKOS.topConceptOf, SKOS.exactMatch, SKOS.closeMatch,
    )
)  # fmt: skip


_QUOTED: Final = re.compile(r"/(?:target|cited-target|action|passage)/")
_MOST_SPEAKERS: Final = 300
"""Of documents elsewhere that tell what the nation asks, so many are heard."""


@dataclass(frozen=True)
class _Known:
    """A document of the build."""

    slug: str
    title: str
    number: str | None
    day: date | None
    code: str
    family: str | None
    origin: str


def check_draft(
    source: Source,
    build: Path,
    *,
    name: str = "draft",
    jurisdiction: str | None = None,
    status: Status = "draft",
    today: date | None = None,
    store: Store | None = None,
) -> Report:
    """Return the report on a draft.

    Args:
        source: the draft, from :func:`graph.reading.read_source` or :func:`graph.reading.source_of`.
        build: the folder of a build, from :func:`graph.build.open_current`; it is only read.
        name: the name of its file, for the identifiers of findings.
        jurisdiction: the division that it is for, by code or full name; without it, the title tells.
        status: what to take it for; ``draft`` stands back behind issued plans.
        today: the day to print on the report.
        store: where the build's graph is, if not in its own folder.

    It is read, linked and judged by the vocabularies that the build was made with.

    Raises:
        BadParameter: it cannot be told which place the draft is for; ``allowed`` has those that it may be.
        StoreError: the build cannot be read.
    """
    with using(vocabularies_of(build)):
        return _checked(source, build, name, jurisdiction, status, today, store)


def _checked(
    source: Source,
    build: Path,
    name: str,
    jurisdiction: str | None,
    status: Status,
    today: date | None,
    store: Store | None,
) -> Report:
    slug = _slug(name)
    record = read_plan(source, slug, _code(jurisdiction))
    record.plan.status = status
    code = _settled(record)
    store = store or open_store(build / "store")
    family = record.plan.family
    known = _known(store)
    draft = Place(slug, code, family or slug, record)
    documents = KnownDocuments(
        KnownDocument(
            one.slug, one.title, one.code, one.family, parse(one.number) if one.number else None, one.day
        )
        for one in known
        if (one.code, one.family) != (draft.code, draft.family)
    )
    said = _said(record, documents)
    texts = Texts(build / "texts", {slug: source.text})
    graph = _graph(
        store, build, draft, known, said, inside.checks(record, source.text, documents), source.text
    )
    report = _of_draft(collect(validate(graph, ontology_graph(), _shapes()), graph, today, texts), slug)

    def settled(report: Report) -> Report:
        return settle(report, kept(build), today or date.min, _stands_for(draft, known))

    report = settled(report)
    told = _effects(store, build, draft, known, said, settled, texts)
    if told is not None:
        report = report.model_copy(update={"effects": told[0], "rules": {**told[1], **report.rules}})
    return report.model_copy(update={"notices": [*report.notices, *_notices(draft, known)]})


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


def _known(store: Store) -> list[_Known]:
    """All documents, in the order in which a build hears them: texts, records, stubs."""
    rows = store.rows(
        f"""PREFIX zm: <{ZM}> PREFIX dcterms: <http://purl.org/dc/terms/> PREFIX eli: <{ELI}>
        SELECT DISTINCT ?slug ?title ?number ?issued ?printed ?place ?family ?origin WHERE {{
            ?document zm:origin ?origin ; dcterms:identifier ?slug ; dcterms:title ?title ; zm:jurisdiction ?place .
            OPTIONAL {{ ?document zm:documentNumber ?number }} OPTIONAL {{ ?document eli:date_document ?issued }}
            OPTIONAL {{ ?document zm:datePrinted ?printed }}
            OPTIONAL {{ ?document zm:policyFamily ?family }}
        }}"""
    )
    found = {}
    for row in rows:
        told = {name: _text(term) for name, term in row.items()}
        day = told.get("issued") or told.get("printed")
        place, family, origin = (
            told.get(name, "").rpartition("/")[2] for name in ("place", "family", "origin")
        )
        slug = told["slug"]
        found[slug] = _Known(
            slug,
            told["title"],
            told.get("number"),
            date.fromisoformat(day) if day else None,
            place,
            family or None,
            origin,
        )
    order = ("text", "record", "stub")
    return sorted(found.values(), key=lambda one: (order.index(one.origin), one.slug))


def _related(store: Store, draft: Place, known: Sequence[_Known]) -> list[_Known]:
    """The documents that the draft is compared with, or that tell of these: those of its family in its province, and
    of elsewhere some that tell what the nation asks."""
    line = {division.code for division in divisions.line(draft.code)}
    province = draft.code[:2]
    family = [one for one in known if one.family == draft.family and one.code != draft.code]
    near = {one.slug for one in family if one.code in line or one.code[:2] == province}
    rows = store.rows(
        f"""PREFIX zm: <{ZM}> PREFIX dcterms: <http://purl.org/dc/terms/>
        SELECT DISTINCT ?slug WHERE {{
            ?claim zm:claimedLevel <{terms.concept_iri("level", "national")}> ; zm:inDocument ?document .
            ?document dcterms:identifier ?slug
        }} ORDER BY ?slug"""
    )
    near |= set([_text(row["slug"]) for row in rows][:_MOST_SPEAKERS])
    return [one for one in family if one.slug in near]


def _text(term: Any) -> str:
    return str(term.value)


def _record(build: Path, slug: str) -> PlanRecord | None:
    """The record of a document of the build; None for a stub."""
    return find_record(build, slug)


# -- the graph that is judged ----------------------------------------------------------------------------------


def _graph(
    store: Store,
    build: Path,
    draft: Place,
    known: Sequence[_Known],
    said: dict[ox.Triple, None],
    checks: Sequence[Check],
    text: str,
) -> Graph:
    record = draft.record
    assert record is not None
    places = [
        Place(one.slug, one.code, draft.family, _record(build, one.slug))
        for one in _related(store, draft, known)
    ]
    # The draft comes last: what it says of others is held against what was said before.
    places.append(draft)
    lineage = Lineage()
    for place in places:
        lineage.add(place)
    compared = [one for one in cascade.comparisons(places, lineage) if one.lower_plan == draft.slug]
    told = {draft.slug: inside.agencies_in_text(record, text)}
    inferred = cascade.inferred_quads([draft], compared, lineage, {draft.slug: checks}, told)
    found = said | _bare(
        quad.triple
        for _, part in inferred
        for quad in part
        if quad.predicate.value != str(ZM.withinDivisionTransitive)
    )
    _complete(store, found)
    data = ox.serialize(found, format=ox.RdfFormat.N_TRIPLES)
    return Graph().parse(data=data, format="nt")


def _said(record: PlanRecord, documents: KnownDocuments) -> dict[ox.Triple, None]:
    """What the draft says."""
    return _bare(quad.triple for quad in triples.document_quads(record, documents))


def _bare(found: Iterable[ox.Triple]) -> dict[ox.Triple, None]:
    """Triples but for those about spans, a third of a document: only the rules about the build itself look at them.

    What findings quote keeps the name of its span, which has the range.
    """
    return {one: None for one in found if not _is_of_span(one)}


def _is_of_span(one: ox.Triple) -> bool:
    subject = str(getattr(one.subject, "value", ""))
    return "/span/" in subject or (one.predicate.value == str(ZM.span) and not _QUOTED.search(subject))


@lru_cache(maxsize=1)
def _shapes() -> Graph:
    """The rules but for those about the graph's own build: these judge the reader, take two thirds of the time, and
    what they would find is nothing that the author of a draft could put right."""
    shapes = Graph()
    for entry in sorted(files("shapes").iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".ttl") and entry.name != "structure.ttl":
            shapes.parse(data=entry.read_text(encoding="utf-8"), format="turtle")
    return shapes


def _complete(store: Store, found: dict[ox.Triple, None]) -> None:
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
        # Which span a passage has says the IRI of the span.
        if not isinstance(end, ox.NamedNode) or end.value in told or triple.predicate.value == str(ZM.span):
            continue
        # Units are QUDT's where it has them, and all else that is described is ours.
        if end.value.startswith(str(ID)) or triple.predicate.value == str(ZM.unit):
            yield end.value


# -- what it would change elsewhere ----------------------------------------------------------------------------------


def _effects(
    store: Store,
    build: Path,
    draft: Place,
    known: Sequence[_Known],
    said: dict[ox.Triple, None],
    settled: Callable[[Report], Report],
    texts: Texts,
) -> tuple[Effects, dict[str, RuleNote]] | None:
    """What changes for the plans below it, and for the sums of the plan above it.

    None where there are none below, and the sums stay as they are.
    """
    lines = {one.slug: [each.code for each in divisions.line(one.code)] for one in known}
    family = [one for one in known if one.family == draft.family]
    below = [one for one in family if draft.code in lines[one.slug][1:] and one.origin != "stub"]
    above, parts = _sums_above(draft, family, lines)
    below.sort(key=lambda one: (len(lines[one.slug]), one.code))
    looked_at = below[: effects.MOST]
    # What they are compared with, and who else tells of it.
    needed = {code for one in looked_at for code in lines[one.slug]} | {draft.code}
    wanted = {one.slug for one in (*looked_at, *parts, *_related(store, draft, known))}
    before = [
        Place(one.slug, one.code, draft.family, _record(build, one.slug))
        for one in family
        if one.slug in wanted or one.code in needed
    ]
    after = [*(one for one in before if one.code != draft.code), draft]
    told = effects.effects_of(
        before,
        after,
        [one.slug for one in looked_at],
        [one.slug for one in above],
        len(below) - len(looked_at),
        lambda found: _complete(store, found),
        said,
        settled,
        texts,
    )
    return told if below or told[0].changes else None


def _sums_above(
    draft: Place, family: Sequence[_Known], lines: Mapping[str, Sequence[str]]
) -> tuple[list[_Known], list[_Known]]:
    """The plan directly above a draft, in its versions, and the documents whose figures add up to its own.

    Nothing where the documents are more than can be looked at: of a part of a sum nothing is said.
    """
    held = {one.code for one in family} - {draft.code}
    parent = next((one.code for one in divisions.line(draft.code)[1:] if one.code in held), None)
    if parent is None:
        return [], []
    parts = [
        one
        for one in family
        if parent in lines[one.slug][1:]
        and not held & set(lines[one.slug][1 : lines[one.slug].index(parent)])
    ]
    if len(parts) > effects.MOST:
        return [], []
    return [one for one in family if one.code == parent], parts


def _stands_for(draft: Place, known: Sequence[_Known]) -> list[tuple[str, str]]:
    """The names under which a waiver may mean the draft: of what it replaces, and of its own file."""
    names = [one.slug for one in known if (one.code, one.family) == (draft.code, draft.family)]
    own = draft.slug.removeprefix("draft-")
    if all(one.slug != own for one in known):
        names.append(own)
    return [(draft.slug, name) for name in names]


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


def _notices(draft: Place, known: Sequence[_Known]) -> list[Notice]:
    record = draft.record
    assert record is not None
    line = [division.code for division in divisions.line(draft.code)]
    family = [one for one in known if one.family == draft.family and one.code in line]
    above = sorted((one for one in family if one.code != draft.code), key=lambda one: -line.index(one.code))
    found = []
    if not record.actions and not record.targets:
        found.append(_notice("draft_empty"))
    if record.plan.family is None:
        found.append(_notice("draft_family"))
    elif above:
        found.append(_notice("draft_line", above="、".join(f"《{one.title}》" for one in above)))
    else:
        found.append(_notice("draft_none"))
    older = [one for one in family if one.code == draft.code]
    return found + [_notice("draft_replaces", title=f"《{one.title}》") for one in older]


def _notice(kind: str, **values: str) -> Notice:
    return Notice(
        kind=kind, words=Words(**{lang: all_words()[lang][kind].format(**values) for lang in LANGS})
    )
