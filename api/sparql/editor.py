"""What the SPARQL editor asks for: the terms to complete, names for IRIs and IRIs for names, the questions as examples."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Literal

import pyoxigraph as ox
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from api import pages
from api.context import service_of
from api.problems import RESPONSES
from ontology.documentation import reference
from ontology.terms import PREFIXES
from queries.catalogue import Catalogue
from queries.engine import QueryEngine

router = APIRouter(prefix="/editor", tags=["SPARQL"])
MOST_LABELS = 400
MOST_FOUND = 20
_IRI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]{1,1000}")
_NAME = re.compile(r"\b([a-z][a-z0-9]*):([A-Za-z_][\w]*)")
_LABELS = """\
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT ?iri ?label (LANG(?label) AS ?lang) WHERE {
  VALUES ?iri { %s }
  ?iri skos:prefLabel|rdfs:label|dcterms:title|zm:indicatorText|zm:citedTitle|zm:heading ?label
}"""
_FOUND = """\
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX zm: <https://w3id.org/zhengmai/ns#>
SELECT DISTINCT ?iri ?label ?class WHERE {
  ?iri skos:prefLabel|skos:altLabel|dcterms:title|zm:documentNumber ?label .
  FILTER(CONTAINS(LCASE(STR(?label)), %s))
  FILTER(STRSTARTS(STR(?iri), "https://w3id.org/zhengmai/id/"))
}
ORDER BY STRLEN(STR(?label)) ?label ?iri
LIMIT 60"""


class Term(BaseModel):
    """A class or property: ours with labels, others as the questions use them."""

    name: str = Field(examples=["zm:Target"])
    iri: str
    kind: Literal["class", "property"]
    label: str = ""
    other: str = Field(default="", description="the label in the other language: both are looked at")
    definition: str = ""


class Terms(BaseModel):
    """All prefixes and terms that an editor completes."""

    prefixes: dict[str, str]
    terms: list[Term]


class Asked(BaseModel):
    """IRIs to be named."""

    iris: list[str] = Field(max_length=MOST_LABELS)


class Named(BaseModel):
    """A thing of the graph by a name of its own."""

    iri: str
    label: str


@router.get("/terms", summary="What can be completed", response_model=Terms, responses=RESPONSES)
def get_terms(
    request: Request, lang: Annotated[str | None, Query(description="of labels: zh or en")] = None
) -> Response:
    """The classes and properties of the ontology, and those of others that the questions use."""
    told = _terms(service_of(request).catalogue, pages.lang_of(request))
    return JSONResponse(told.model_dump(), headers={"Vary": "Accept-Language"})


@router.get("/labels", summary="Find things by name", response_model=list[Named], responses=RESPONSES)
def find(
    request: Request,
    q: Annotated[
        str, Query(min_length=1, max_length=60, description="a part of the name", examples=["赣县"])
    ],
) -> Response:
    """At most twenty concepts, places, agencies and documents that have this in a label, the shortest first."""
    table = service_of(request).engine.table(_FOUND % str(ox.Literal(q.lower())))
    found: dict[str, Named] = {}
    for row in table.texts():
        found.setdefault(row[0], Named(iri=row[0], label=row[1]))
    return JSONResponse([one.model_dump() for one in list(found.values())[:MOST_FOUND]])


@router.post("/labels", summary="Name things", response_model=dict[str, str], responses=RESPONSES)
def name(
    request: Request,
    asked: Asked,
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
) -> Response:
    """The label of each IRI that has one, in the language where there is one in it."""
    return JSONResponse(labels(service_of(request).engine, asked.iris, pages.lang_of(request)))


@router.get(
    "/examples/{name}", summary="A question as SPARQL", response_class=PlainTextResponse, responses=RESPONSES
)
def get_example(
    name: str,
    request: Request,
    lang: Annotated[str | None, Query(description="of labels: zh or en")] = None,
) -> Response:
    """The query that a question becomes with the values of its example."""
    return PlainTextResponse(example(request, name))


def example(request: Request, name: str) -> str:
    """As `get_example`. Raises NotFound with the names that there are."""
    asker = service_of(request).asker
    return asker.sparql(name, asker.catalogue.question(name).example, pages.lang_of(request))


def labels(engine: QueryEngine, iris: list[str], lang: str) -> dict[str, str]:
    """The label of each IRI that has one; the one in ``lang`` first. What is no IRI is left out."""
    good = [one for one in dict.fromkeys(iris) if _IRI.fullmatch(one)][:MOST_LABELS]
    known = {term.iri: term.label[lang] for term in (*reference().classes, *reference().properties)}
    found = {one: known[one] for one in good if one in known}
    if good:
        rows = engine.table(_LABELS % " ".join(f"<{one}>" for one in good if one not in found)).texts()
        for iri, label, _ in sorted(rows, key=lambda row: (row[2] != lang, row[2], row[1])):
            found.setdefault(iri, label)
    return found


@cache
def _reused(texts: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    """Terms of others in queries, each with whether it is a class."""
    names = {
        match for text in texts for match in _NAME.findall(text) if match[0] in PREFIXES and match[0] != "zm"
    }
    return tuple((f"{prefix}:{local}", local[:1].isupper()) for prefix, local in sorted(names))


def _terms(catalogue: Catalogue, lang: str) -> Terms:
    other = "en" if lang == "zh" else "zh"
    ref = reference()
    ours = [
        Term(
            name=f"zm:{one.name}",
            iri=one.iri,
            kind="class" if one.kind == "class" else "property",
            label=one.label[lang],
            other=one.label[other],
            definition=one.definition[lang],
        )
        for one in (*ref.classes, *ref.properties)
        if "deprecated" not in one.marks
    ]
    others = [
        Term(
            name=name,
            iri=PREFIXES[name.partition(":")[0]] + name.partition(":")[2],
            kind="class" if is_class else "property",
        )
        for name, is_class in _reused(tuple(one.sparql for one in catalogue.questions))
    ]
    return Terms(prefixes=dict(PREFIXES), terms=[*ours, *others])
