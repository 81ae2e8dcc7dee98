"""What is published: /data with the files of the build, /catalog in DCAT, /.well-known/void with the figures.

The files are made once for each build (`api.linked.distributions`) and never change: they are sent as they stand, in ranges
if a client asks so, under an ETag that names the build.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pyoxigraph as ox
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from rdflib.namespace import DCTERMS, FOAF, RDF, RDFS, XSD

from api import pages
from api.context import service_of
from api.linked import addresses
from api.linked.distributions import FOLDER, GRAPH_FILE, WORKBOOK, File, Index, tables
from api.negotiation import HTML, best
from api.problems import RESPONSES, HttpError
from graph.errors import NotFound
from ontology.documentation import reference
from ontology.terms import DATASET, DCAT, ID, VOID, ZM
from ontology.vocabulary import catalog_turtle
from queries.formats import formats_of, named
from queries.rdf import written

router = APIRouter(tags=["data"])
_WAIT = 60.0  # seconds that a request waits for the files of a new build
_RDF = {one.name: one.media_types[0] for one in formats_of("graph") if one.name not in ("nquads", "trig")}
_IANA = "https://www.iana.org/assignments/media-types/"
_Format = Annotated[str | None, Query(description="in place of Accept: a notation of RDF, json or html")]


class DataFile(BaseModel):
    """A file of the build that is served. ``rows`` is null where it is no table."""

    name: str = Field(examples=["targets.parquet"])
    url: str
    media_type: str
    bytes: int
    sha256: str
    table: str | None
    rows: int | None


class DataFiles(BaseModel):
    """All files of the build that is served, under which licence, and when they were made."""

    build: str
    made: str
    licence: str
    triples: int
    files: list[DataFile]


@router.get(
    "/data",
    summary="The data files",
    response_model=DataFiles,
    responses={200: {"content": {HTML: {}}}, **RESPONSES},
)
@router.get("/data/", include_in_schema=False)
def get_files(request: Request, format: _Format = None) -> Response:
    """The whole graph, each table as CSV and Parquet with its columns described (CSVW), and a workbook of all."""
    index = index_of(request)
    if pages.wanted(request):
        return pages.render(request, "data.html", _shown(request, index))
    told = DataFiles(
        build=index.build,
        made=index.made,
        licence=service_of(request).settings.licence,
        triples=index.triples,
        files=[
            DataFile(
                name=one.name,
                url=addresses.absolute(request, f"/data/{one.name}"),
                media_type=one.media_type,
                bytes=one.bytes,
                sha256=one.sha256,
                table=one.table,
                rows=one.rows,
            )
            for one in index.files
        ],
    )
    return JSONResponse(told.model_dump(), headers={"Vary": "Accept"})


@router.head("/data/{name}", include_in_schema=False)
@router.get(
    "/data/{name}",
    summary="A data file",
    response_class=Response,
    responses={200: {"description": "The file."}, 206: {"description": "The range of it."}, **RESPONSES},
)
def get_file(name: str, request: Request) -> Response:
    """Streamed, with ranges; the ETag holds as long as the build is served."""
    index = index_of(request)
    file = index.file(name)
    if file is None:
        allowed = [one.name for one in index.files]
        en, zh = pages.both("data.nothing", found=name)
        raise NotFound(en, zh=zh, allowed=allowed)
    etag = f'"{file.sha256[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "public, max-age=0, must-revalidate",
        "X-Content-Type-Options": "nosniff",
    }
    if _has(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    # A name from the index, never from the request
    path = service_of(request).build.folder / FOLDER / file.name
    return FileResponse(path, media_type=file.media_type, filename=file.name, headers=headers)


@router.get(
    "/catalog",
    summary="What is published, in DCAT",
    response_class=Response,
    responses={
        200: {"description": "The catalogue.", "content": {m: {} for m in (*_RDF.values(), HTML)}},
        **RESPONSES,
    },
)
def get_catalog(request: Request, format: _Format = None) -> Response:
    """The datasets with their distributions, licences, versions and figures."""
    media = _media_type(format, request.headers.get("accept"), (*_RDF.values(), HTML))
    index = index_of(request)
    if media == HTML:
        return pages.render(request, "data.html", _shown(request, index))
    ours = (quad.triple for quad in ox.parse(catalog_turtle(), format=ox.RdfFormat.TURTLE))
    return _rdf({*ours, *_catalogue(request, index), *_figures(request, index)}, media)


@router.get(
    "/.well-known/void",
    summary="The figures of the graph, in VoID",
    response_class=Response,
    responses={
        200: {"description": "The description.", "content": {m: {} for m in _RDF.values()}},
        303: {"description": "To the page for people, where a browser asks."},
        **RESPONSES,
    },
)
def get_void(request: Request, format: _Format = None) -> Response:
    """Triples, things by class, uses of each property, the graphs, and where to ask and to load."""
    if format == "html" or (format is None and pages.wanted(request)):
        return RedirectResponse(
            "/data", 303, headers={"Vary": "Accept"}
        )  # where people read the same figures
    media = _media_type(format, request.headers.get("accept"), tuple(_RDF.values()))
    return _rdf(set(_figures(request, index_of(request))), media)


def index_of(request: Request) -> Index:
    """The files of the current build, made now if nobody asked before. Raises HttpError 503 while they are made."""
    service = service_of(request)
    index = service.distributions.index(service.build.folder, _WAIT)
    if index is None:
        raise HttpError(503, "data-busy")
    return index


def _has(header: str | None, etag: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in (header or "").split(",")]
    return etag in tags or "*" in tags


def _media_type(format: str | None, accept: str | None, offers: tuple[str, ...]) -> str:
    if format is not None:
        found = named(format, "graph")
        media = HTML if format == "html" else found.media_types[0] if found else ""
        if media not in offers:
            raise HttpError(
                406, "format", allowed=[*_RDF, *(["html"] if HTML in offers else [])], found=format
            )
        return media
    media = best(accept, offers) or ""
    if not media:
        raise HttpError(406, "accept", allowed=list(offers))
    return media


def _rdf(triples: set[ox.Triple], media: str) -> Response:
    return Response(written(triples, media), media_type=media, headers={"Vary": "Accept"})


def _shown(request: Request, index: Index) -> dict[str, Any]:
    lang = pages.lang_of(request)
    titles = {one.name: one.title[lang] for one in tables()}

    def what(file: File) -> str:
        if file.table is None:
            key = {GRAPH_FILE: "graph", WORKBOOK: "workbook"}.get(file.name, "schema")
            return pages.words(f"data.{key}")[lang]
        title = titles[file.table]
        return title if file.rows is not None else pages.words("data.schema_of")[lang].format(title=title)

    return {
        "index": index,
        "files": [(one, what(one)) for one in index.files],
        "licence": service_of(request).settings.licence,
        "notations": list(_RDF),
    }


# -- RDF ---------------------------------------------------------------------------------------------------------------


def _catalogue(request: Request, index: Index) -> Iterator[ox.Triple]:
    """What the build adds to ontology/catalog.ttl: its version, its files."""
    dataset, licence = str(DATASET), ox.NamedNode(service_of(request).settings.licence)
    catalog = f"{ID}catalog"
    version = reference().version
    made = _typed(index.made, XSD.dateTime)
    yield _says(catalog, FOAF.homepage, ox.NamedNode(addresses.base_of(request)))
    yield _says(catalog, DCTERMS.modified, made)
    yield _says(catalog, DCTERMS.license, licence)
    yield _says(dataset, DCTERMS.license, licence)
    yield _says(dataset, DCTERMS.modified, made)
    yield _says(dataset, DCAT.version, ox.Literal(index.build))
    yield _says(f"{ID}dataset/ontology", DCAT.version, ox.Literal(version))
    service = addresses.absolute(request, "/catalog#sparql")
    yield _says(catalog, DCAT.service, ox.NamedNode(service))
    yield _says(service, RDF.type, ox.NamedNode(str(DCAT.DataService)))
    yield _says(service, DCTERMS.title, ox.Literal("SPARQL"))
    yield _says(service, DCAT.endpointURL, ox.NamedNode(addresses.absolute(request, "/sparql")))
    yield _says(service, DCAT.servesDataset, ox.NamedNode(dataset))
    titles = {one.name: one.title for one in tables()}
    for file in index.files:
        if file.name.endswith("-metadata.json"):
            continue
        node = addresses.absolute(request, f"/catalog#{file.name}")
        url = ox.NamedNode(addresses.absolute(request, f"/data/{file.name}"))
        yield _says(dataset, DCAT.distribution, ox.NamedNode(node))
        yield _says(node, RDF.type, ox.NamedNode(str(DCAT.Distribution)))
        for lang in ("zh", "en"):
            name = titles[file.table][lang] if file.table else pages.words(_key(file))[lang]
            yield _says(node, DCTERMS.title, ox.Literal(name, language=lang))
        yield _says(node, DCAT.downloadURL, url)
        yield _says(node, DCTERMS.license, licence)
        yield _says(node, DCTERMS.modified, made)
        yield _says(node, DCAT.byteSize, _typed(str(file.bytes), XSD.nonNegativeInteger))
        packed = file.media_type == "application/trig+gzip"
        media = "application/trig" if packed else file.media_type
        yield _says(node, DCAT.mediaType, ox.NamedNode(_IANA + media))
        if packed:
            yield _says(node, DCAT.compressFormat, ox.NamedNode(f"{_IANA}application/gzip"))
        if file.table and file.name.endswith(".csv"):
            described = addresses.absolute(request, f"/data/{file.name}-metadata.json")
            yield _says(node, DCTERMS.conformsTo, ox.NamedNode(described))


def _key(file: File) -> str:
    return "data.graph" if file.name == GRAPH_FILE else "data.workbook"


def _figures(request: Request, index: Index) -> Iterator[ox.Triple]:
    """VoID: counted when the files were made."""
    dataset = str(DATASET)
    yield _says(dataset, RDF.type, ox.NamedNode(str(VOID.Dataset)))
    for lang, title in (("zh", "政策规划方案知识图谱"), ("en", "Knowledge graph of policy plans")):
        yield _says(dataset, DCTERMS.title, ox.Literal(title, language=lang))
    yield _says(dataset, DCTERMS.license, ox.NamedNode(service_of(request).settings.licence))
    yield _says(dataset, VOID.uriSpace, ox.Literal(str(ID)))
    yield _says(dataset, VOID.vocabulary, ox.NamedNode(str(ZM)))
    yield _says(dataset, VOID.sparqlEndpoint, ox.NamedNode(addresses.absolute(request, "/sparql")))
    yield _says(dataset, VOID.dataDump, ox.NamedNode(addresses.absolute(request, f"/data/{GRAPH_FILE}")))
    yield _says(dataset, VOID.triples, _count(index.triples))
    yield _says(dataset, VOID.entities, _count(index.entities))
    yield _says(dataset, VOID.classes, _count(len(index.classes)))
    yield _says(dataset, VOID.properties, _count(len(index.properties)))
    parts = (
        ("class", index.classes, VOID.classPartition, VOID["class"], VOID.entities),
        ("property", index.properties, VOID.propertyPartition, VOID.property, VOID.triples),
    )
    for kind, counts, partition, of, number in parts:
        for at, (iri, count) in enumerate(sorted(counts.items()), 1):
            node = addresses.absolute(request, f"/.well-known/void#{kind}-{at}")
            yield _says(dataset, partition, ox.NamedNode(node))
            yield _says(node, of, ox.NamedNode(iri))
            yield _says(node, number, _count(count))
    for iri, count in index.graphs.items():
        yield _says(dataset, VOID.subset, ox.NamedNode(iri))
        yield _says(iri, RDF.type, ox.NamedNode(str(VOID.Dataset)))
        yield _says(iri, VOID.triples, _count(count))
    yield _says(dataset, RDFS.seeAlso, ox.NamedNode(addresses.absolute(request, "/catalog")))


def _says(subject: str, predicate: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
    return ox.Triple(ox.NamedNode(subject), ox.NamedNode(str(predicate)), value)


def _typed(text: str, datatype: str) -> ox.Literal:
    return ox.Literal(text, datatype=ox.NamedNode(str(datatype)))


def _count(number: int) -> ox.Literal:
    return _typed(str(number), XSD.integer)
