"""What the bounded engine answers: in which formats, of which graphs."""

from __future__ import annotations

import json
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib

from graph.errors import BadInput
from queries.engine import QueryEngine
from queries.formats import Format, formats_of


def count(engine: QueryEngine, text: str, **graphs: Any) -> object:
    return engine.table(text, **graphs).records()[0]["n"]


@pytest.mark.parametrize("form", formats_of("graph"), ids=lambda form: form.name)
def test_each_graph_format_is_what_it_says(engine: QueryEngine, form: Format) -> None:
    answer = engine.run("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 3", form.media_types[0])
    assert answer.format is form
    assert len(list(ox.parse(answer.body, format=ox.RdfFormat.from_media_type(form.writer)))) == 3
    if form.name not in ("trig", "nquads"):  # and by another's reading
        names = {"ntriples": "nt", "rdfxml": "xml", "jsonld": "json-ld"}
        assert len(rdflib.Graph().parse(data=answer.body, format=names.get(form.name, form.name))) == 3


@pytest.mark.parametrize("form", formats_of("rows"), ids=lambda form: form.name)
def test_each_row_format_is_what_it_says(engine: QueryEngine, form: Format) -> None:
    answer = engine.run('SELECT ?o { ?s ?p ?o FILTER(?o = "value 7") }', form.media_types[0])
    assert answer.format is form
    if form.name == "csv":
        assert answer.body.decode() == "o\r\nvalue 7\r\n"
        return
    solutions = ox.parse_query_results(answer.body, format=ox.QueryResultsFormat.from_media_type(form.writer))
    assert isinstance(solutions, ox.QuerySolutions)
    assert [str(row["o"]) for row in solutions] == ['"value 7"']


def test_ask_is_a_row_of_truth(engine: QueryEngine) -> None:
    assert json.loads(engine.run("ASK { ?s ?p ?o }").body)["boolean"] is True


def test_a_format_of_the_other_kind_is_an_error(engine: QueryEngine) -> None:
    with pytest.raises(ValueError, match="no answer in text/turtle"):
        engine.run("ASK {}", "text/turtle")


def test_the_default_graph_is_the_union_unless_graphs_are_named(engine: QueryEngine) -> None:
    everything = "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }"
    assert count(engine, everything) == 4001
    assert count(engine, everything, default_graphs=["http://e/g0"]) == 1335
    assert count(engine, everything, default_graphs=["http://e/nowhere"]) == 0
    assert count(engine, everything, named_graphs=["http://e/g0"]) == 0
    # pyoxigraph passes over FROM without a word when it is asked for the union
    assert count(engine, everything.replace("{", "FROM <http://e/g2> {", 1)) == 1333
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert count(engine, named, named_graphs=["http://e/g2"]) == 1333
    # what the protocol names goes before what the query names
    both = everything.replace("{", "FROM <http://e/g2> {", 1)
    assert count(engine, both, default_graphs=["http://e/nowhere"]) == 0
    with pytest.raises(BadInput, match="absolute IRI"):
        engine.run("ASK {}", default_graphs=["not an iri"])


def test_a_triple_in_two_graphs_matches_twice_so_say_distinct(engine: QueryEngine) -> None:
    """Known of Oxigraph's union of graphs, and told in the docstring of `run`: the merge of RDF would have it once."""
    assert len(engine.table("SELECT ?s { ?s <http://e/in> ?o }")) == 2
    assert len(engine.table("SELECT DISTINCT ?s { ?s <http://e/in> ?o }")) == 1
