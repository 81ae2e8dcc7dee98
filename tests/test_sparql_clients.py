"""SPARQLWrapper and the SPARQLStore of rdflib against the server as it runs: each form of query, each format."""

from __future__ import annotations

from typing import Any

import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import (
    CSV,
    JSON,
    JSONLD,
    N3,
    POST,
    POSTDIRECTLY,
    RDFXML,
    TSV,
    TURTLE,
    URLENCODED,
    XML,
    SPARQLWrapper,
)
from SPARQLWrapper import GET as WRAPPER_GET

from tests.support.sparql import DATA, FORMS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("method", "encoded"), [(WRAPPER_GET, URLENCODED), (POST, URLENCODED), (POST, POSTDIRECTLY)]
)
def test_sparqlwrapper(served: str, form: str, method: str, encoded: str) -> None:
    formats = (JSON, XML, CSV, TSV) if form in ("SELECT", "ASK") else (TURTLE, RDFXML, JSONLD, N3)
    seen: list[Any] = []
    for chosen in formats:
        wrapper = SPARQLWrapper(f"{served}/sparql")
        wrapper.setQuery(FORMS[form])
        wrapper.setMethod(method)
        wrapper.setRequestMethod(encoded)
        wrapper.setReturnFormat(chosen)
        seen.append(wrapper.queryAndConvert())
    if form == "ASK":
        assert seen[0]["boolean"] is True
        assert seen[1].getElementsByTagName("boolean")[0].firstChild.data == "true"
        assert [one.decode().strip() for one in seen[2:]] == ["true", "true"]
    elif form == "SELECT":
        assert len(seen[0]["results"]["bindings"]) == 5
        assert len(seen[1].getElementsByTagName("result")) == 5
        assert [len(one.splitlines()) for one in seen[2:]] == [6, 6]
    else:
        read = [
            one if isinstance(one, rdflib.Graph) else rdflib.Graph().parse(data=one, format="turtle")
            for one in seen
        ]
        assert {len(one) for one in read} == {len(read[0])}
        assert len(read[0]) >= 5


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflibs_sparqlstore(served: str, method: Any) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{served}/sparql", method=method))
    assert len(list(graph.query(FORMS["SELECT"]))) == 5
    assert bool(graph.query(FORMS["ASK"]))
    made = graph.query(FORMS["CONSTRUCT"]).graph
    assert made is not None
    assert len(made) == 5
    described = graph.query(FORMS["DESCRIBE"]).graph
    assert described is not None
    assert len(described) > 5
    subject = rdflib.URIRef(DATA[0].replace("graph/document", "id/document"))
    titles = set(graph.objects(subject, rdflib.DCTERMS.title))
    assert titles == set(described.objects(subject, rdflib.DCTERMS.title))
    for chosen in ("json", "xml", "csv", "tsv"):
        store = SPARQLStore(f"{served}/sparql", method=method, returnFormat=chosen)
        assert len(list(rdflib.Graph(store).query(FORMS["SELECT"]))) == 5
