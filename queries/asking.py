"""Ask a question by its name: what the command line and the service both do.

asker = Asker(engine)
answer = asker.ask("lead-agencies", {"domain": "教育"})
answer.table.records()
asker.ask("plans", {}, limit=10, offset=20)        # some of the rows; answer.total tells how many there are
asker.graph("plan-as-rdf", {"plan": "江夏区"})     # where the question is a CONSTRUCT
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from graph.errors import BadInput, QueryLimit, QueryRefused
from ontology.vocabulary import Vocabularies, load_vocabularies
from queries.catalogue import Catalogue, Question, count_of, load_catalogue, part_of
from queries.engine import QueryEngine
from queries.rdf import read_ntriples
from queries.resolving import Resolver
from queries.tables import Table
from queries.words import Text, both

_COUNTS_KEPT = 256  # answers whose number of rows is remembered: who turns pages asks the same again


@dataclass(frozen=True)
class Reply:
    """A question, the values it was asked with, and its answer; ``header`` has the labels of the columns.

    ``table`` has ``total`` rows, or of these at most ``limit`` from the row ``offset`` on (counted from 0).
    """

    question: Question
    values: Mapping[str, str]
    lang: str
    sparql: str
    table: Table
    total: int
    limit: int | None = None
    offset: int = 0

    @property
    def header(self) -> list[str]:
        return [self.question.columns[name][self.lang] for name in self.table.names]


@dataclass(frozen=True)
class GraphReply:
    """A question whose answer is a graph, the values it was asked with, and its triples."""

    question: Question
    values: Mapping[str, str]
    lang: str
    sparql: str
    triples: frozenset[ox.Triple]


class Asker:
    """Binds an engine to the catalogue of questions; ``vocabularies`` are those of the build, if it has its own."""

    def __init__(
        self,
        engine: QueryEngine,
        catalogue: Catalogue | None = None,
        vocabularies: Vocabularies | None = None,
    ) -> None:
        self.engine = engine
        self.catalogue = catalogue or load_catalogue()
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()
        self.use(vocabularies or load_vocabularies())

    def use(self, vocabularies: Vocabularies) -> None:
        """Resolve the values of parameters by other vocabularies: those of the build that is asked."""
        self.vocabularies = vocabularies
        self._resolver = Resolver(vocabularies, self.engine.table)

    def sparql(self, name: str, values: Mapping[str, str], lang: str = "zh") -> str:
        """The query that a question becomes. Raises NotFound or BadParameter, which list what there is."""
        return self.catalogue.question(name).bind(values, self._resolver, lang)

    def ask(
        self,
        name: str,
        values: Mapping[str, str],
        lang: str = "zh",
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> Reply:
        """The answer to a question, or a part of its rows. Raises as `sparql` and `QueryEngine.run` do.

        Raises BadInput for a question whose answer is a graph: see `graph`.
        """
        question = self.catalogue.question(name)
        if not question.is_table:
            en, zh = both("questions", "no_table", question=name)
            raise BadInput(en, zh=zh)
        self._answerable(question)
        text = self.sparql(name, values, lang)
        try:
            if limit is None and offset == 0:
                table = self.engine.table(text)
                return Reply(question, dict(values), lang, text, table, len(table))
            table = self.engine.table(part_of(text, limit if limit is not None else 1 << 31, offset))
            if len(table) and (limit is None or len(table) < limit):
                total = offset + len(table)
            else:
                total = self._count(text)
        except QueryLimit as error:
            raise _narrower(error, question, values) from error
        return Reply(question, dict(values), lang, text, table, total, limit, offset)

    def graph(self, name: str, values: Mapping[str, str], lang: str = "zh") -> GraphReply:
        """The answer to a question that is a CONSTRUCT. Raises as `ask` does, BadInput where the answer is a table."""
        question = self.catalogue.question(name)
        if question.is_table:
            en, zh = both("questions", "no_graph", question=name)
            raise BadInput(en, zh=zh)
        self._answerable(question)
        text = self.sparql(name, values, lang)
        body = self.engine.run(text, "application/n-triples").body
        return GraphReply(question, dict(values), lang, text, frozenset(read_ntriples(body)))

    def _answerable(self, question: Question) -> None:
        """Raises QueryRefused where the store is of a kind that answers the question wrongly, or never."""
        if question.not_on and (kind := self.engine.kind()) in question.not_on:
            en, zh = both("questions", "not_on", question=question.name, store=kind)
            raise QueryRefused(en, zh=zh)

    def _count(self, text: str) -> int:
        key = (str(self.engine.store), text)
        with self._lock:
            if key in self._counts:
                self._counts.move_to_end(key)
                return self._counts[key]
        count = int(str(self.engine.table(count_of(text)).records()[0]["count"]))
        with self._lock:
            self._counts[key] = count
            while len(self._counts) > _COUNTS_KEPT:
                self._counts.popitem(last=False)
        return count


def _narrower(error: QueryLimit, question: Question, values: Mapping[str, str]) -> QueryLimit:
    """The same, with the parameters by which the question asks of less."""
    left = [one for one in question.parameters if not values.get(one.name, "").strip()]
    if not left:
        return error
    names = Text(
        zh="、".join(f"{one.label.zh}（{one.name}）" for one in left),
        en=", ".join(f"{one.name} ({one.label.en})" for one in left),
    )
    told = Text(zh=error.text("zh"), en=error.text("en"))
    en, zh = both("questions", "narrower", told=told, question=question.title, parameters=names)
    return type(error)(en, limit=error.limit, zh=zh)
