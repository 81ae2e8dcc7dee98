"""Ask a question by its name: what the command line and the service both do.

asker = Asker(engine)
answer = asker.ask("lead-agencies", {"domain": "教育"})
answer.table.records()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ontology.vocabulary import Vocabularies, load_vocabularies
from queries.catalogue import Catalogue, Question, load_catalogue
from queries.engine import QueryEngine
from queries.resolving import Resolver
from queries.tables import Table


@dataclass(frozen=True)
class Reply:
    """A question, the values it was asked with, and its answer; ``header`` has the labels of the columns."""

    question: Question
    values: Mapping[str, str]
    lang: str
    sparql: str
    table: Table

    @property
    def header(self) -> list[str]:
        return [self.question.columns[name][self.lang] for name in self.table.names]


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
        self.use(vocabularies or load_vocabularies())

    def use(self, vocabularies: Vocabularies) -> None:
        """Resolve the values of parameters by other vocabularies: those of the build that is asked."""
        self.vocabularies = vocabularies
        self._resolver = Resolver(vocabularies, self.engine.table)

    def sparql(self, name: str, values: Mapping[str, str], lang: str = "zh") -> str:
        """The query that a question becomes. Raises NotFound or BadParameter, which list what there is."""
        return self.catalogue.question(name).bind(values, self._resolver, lang)

    def ask(self, name: str, values: Mapping[str, str], lang: str = "zh") -> Reply:
        """The answer to a question. Raises as `sparql` and `QueryEngine.run` do."""
        text = self.sparql(name, values, lang)
        return Reply(self.catalogue.question(name), dict(values), lang, text, self.engine.table(text))
