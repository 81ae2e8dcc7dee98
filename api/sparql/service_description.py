"""What this SPARQL service is and does, in RDF (SPARQL 1.1 Service Description), made from what it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import pyoxigraph as ox
from fastapi import Request
from fastapi.responses import Response
from rdflib.namespace import DCTERMS, RDF, RDFS, VOID, XSD

from api import pages
from api.around import caching
from api.context import service_of
from api.linked import addresses
from api.negotiation import HTML, best
from api.problems import HttpError
from ontology.terms import PREFIXES
from queries.engine import Limits
from queries.formats import FORMATS, Format, formats_of, named

_SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS_NS = "http://www.w3.org/ns/formats/"
# The names that W3C gave them
_W3C = {
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "nquads": "N-Quads",
    "trig": "TriG",
    "jsonld": "JSON-LD",
    "rdfxml": "RDF_XML",
}
# An empty pattern lists names from an index; a pattern of triples would read everything.
_GRAPHS = "SELECT ?g { GRAPH ?g {} } ORDER BY ?g"


def respond(request: Request, name: str | None) -> Response:
    """The description in the format that is asked for by ``name`` or by Accept. Raises HttpError 406, StoreError."""
    service = service_of(request)
    build = service.build
    form = _chosen(name, request.headers.get("accept"))
    media = form.media_types[0]
    address = addresses.absolute(request, "/sparql")
    entity_tag = caching.tag(build.name, address, media, service.settings.limits, "description")
    if (same := caching.unchanged(request, entity_tag)) is not None:
        return same
    graphs = [str(row["g"]) for row in service.engine.table(_GRAPHS, public=True).records()]
    body = _written(address, tuple(graphs), build.counts.get("quads"), service.settings.limits, form)
    caching.ready_to_send(request)
    content_type = f"{media}; charset=utf-8" if media.startswith("text/") else media
    return Response(body, headers={**caching.headers(entity_tag), "Content-Type": content_type})


def _chosen(name: str | None, accept: str | None) -> Format:
    offers = formats_of("graph")
    first = [one.media_types[0] for one in offers]
    if name is not None:
        found = named(name, "graph")
        if found is None:
            raise HttpError(406, "format", allowed=[one.name for one in offers], found=name)
        return found
    others = [media for one in offers for media in one.media_types[1:]]
    media = best(accept, list(dict.fromkeys([*first, *others])))
    if media is None:
        raise HttpError(406, "accept", allowed=[*first, HTML])
    return next(one for one in offers if media in one.media_types)


@lru_cache(maxsize=16)
def _written(address: str, graphs: Sequence[str], quads: int | None, limits: Limits, form: Format) -> bytes:
    data = ox.serialize(
        _triples(address, graphs, quads, limits),
        format=ox.RdfFormat.from_media_type(form.writer),
        prefixes={**PREFIXES, "sd": _SD, "formats": _FORMATS_NS, "void": str(VOID)},
    )
    assert data is not None
    return data


def _triples(address: str, graphs: Sequence[str], quads: int | None, limits: Limits) -> Iterator[ox.Triple]:
    endpoint = ox.NamedNode(address)
    service, dataset, default = (
        ox.NamedNode(f"{address}#{part}") for part in ("service", "dataset", "default-graph")
    )

    def sd(name: str) -> ox.NamedNode:
        return ox.NamedNode(_SD + name)

    def say(
        subject: ox.NamedNode | ox.BlankNode, predicate: str, value: ox.NamedNode | ox.BlankNode | ox.Literal
    ) -> ox.Triple:
        return ox.Triple(subject, ox.NamedNode(predicate), value)

    yield say(service, str(RDF.type), sd("Service"))
    yield say(service, _SD + "endpoint", endpoint)
    yield say(service, _SD + "supportedLanguage", sd("SPARQL11Query"))
    yield say(service, _SD + "feature", sd("UnionDefaultGraph"))
    if limits.service_hosts:
        yield say(service, _SD + "feature", sd("BasicFederatedQuery"))
    for form in FORMATS:
        yield say(service, _SD + "resultFormat", ox.NamedNode(_FORMATS_NS + _W3C[form.name]))
    for lang in ("zh", "en"):
        words = pages.words("sparql.limits")[lang].format(
            seconds=limits.seconds,
            megabytes=limits.result_mb,
            memory=limits.memory_mb,
            characters=limits.characters,
            nesting=limits.nesting,
        )
        yield say(service, str(RDFS.comment), ox.Literal(words, language=lang))
    yield say(service, _SD + "defaultDataset", dataset)
    yield say(dataset, str(RDF.type), sd("Dataset"))
    yield say(dataset, str(DCTERMS.title), ox.Literal("政脉", language="zh"))
    yield say(dataset, _SD + "defaultGraph", default)
    yield say(default, str(RDF.type), sd("Graph"))
    if quads is not None:
        count = ox.Literal(str(quads), datatype=ox.NamedNode(str(XSD.integer)))
        yield say(default, str(VOID.triples), count)
    # That a graph is in this dataset is told apart from what it is called: it may be in others too
    members = [(ox.BlankNode(f"g{at}"), ox.NamedNode(iri)) for at, iri in enumerate(graphs)]
    for member, _ in members:
        yield say(dataset, _SD + "namedGraph", member)
    for member, iri in members:
        yield say(member, str(RDF.type), sd("NamedGraph"))
        yield say(member, _SD + "name", iri)
