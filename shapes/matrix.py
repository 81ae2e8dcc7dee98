"""The cascade matrix: what became of each upper target in each place below, equal answers included.

Rows are upper targets (who sets it, indicator, year, value), columns the documents below in the order of the tree of
divisions. Derived data: HTML, XLSX and pages show one and the same. Signs and words are in ``matrix.toml``.
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import groupby
from typing import Any

from pydantic import Field
from rdflib.namespace import RDF
from rdflib.term import Node

from graph.record import Model, Number
from ontology.terms import ZM
from ontology.vocabulary import load_vocabularies
from shapes.facts import Facts, Place
from shapes.rules import Words


class MatrixRow(Model):
    """One upper target. ``value`` is short (``≥25%``), empty where the target is put in words.

    ``document`` is the document that sets it; where another one is our only witness, ``claimed_by`` is that one.
    """

    key: str
    document: str
    title: str
    place: Place | None
    indicator: Words
    year: int | None
    value: str
    quote: str
    claimed_by: str | None = None

    @property
    def concept(self) -> str | None:
        """The key of its indicator; None where it is linked to none and only its words stand there."""
        key = self.key.split("|")[1]
        return key if key != self.indicator.zh else None


class MatrixColumn(Model):
    """One document below others. ``origin`` is text, record or stub; ``above`` are the documents above it.

    Of a record that nobody verified, what it does not say may still stand in the plan: ``partial``.
    """

    document: str
    title: str
    place: Place | None
    origin: str
    partial: bool = False
    above: list[str] = Field(default_factory=list)


class MatrixCell(Model):
    """What a document answers to an upper target: the gravest ``outcome``, all of them, its value, the finding's id."""

    outcome: str
    outcomes: list[str] = Field(default_factory=list)
    value: str | None = None
    ratio: Number | None = None
    finding: str | None = None


class Matrix(Model):
    """``cells`` by row key and document; what stands in no cell is told by :meth:`cell`."""

    rows: list[MatrixRow] = Field(default_factory=list)
    columns: list[MatrixColumn] = Field(default_factory=list)
    cells: dict[str, dict[str, MatrixCell]] = Field(default_factory=dict)

    def cell(self, row: MatrixRow, column: MatrixColumn) -> MatrixCell:
        """Return the cell, or why there is none: outside, no_document, not_recorded or not_compared."""
        found = self.cells.get(row.key, {}).get(column.document)
        if found is not None:
            return found
        if row.document not in column.above:
            return MatrixCell(outcome="outside")
        if column.origin == "stub":
            return MatrixCell(outcome="no_document")
        return MatrixCell(outcome="not_recorded" if column.partial else "not_compared")

    def groups(self, most: int | None = None) -> list["MatrixGroup"]:
        """Return the matrix document by document that sets targets, each with the columns below it (at most ``most``)."""
        found = []
        for document, rows in groupby(self.rows, key=lambda row: row.document):
            below = [column for column in self.columns if document in column.above]
            shown = below if most is None else below[:most]
            if below:
                found.append(MatrixGroup(tuple(rows), tuple(shown), len(below) - len(shown)))
        return found

    def of_documents(self, documents: Collection[str]) -> "Matrix":
        """Return the columns of some documents, with the rows that concern them."""
        columns = [column for column in self.columns if column.document in documents]
        above = {slug for column in columns for slug in column.above}
        return Matrix(
            rows=[row for row in self.rows if row.document in above],
            columns=columns,
            cells={
                key: kept
                for key, cells in self.cells.items()
                if (kept := {slug: cell for slug, cell in cells.items() if slug in documents})
            },
        )


@dataclass(frozen=True, slots=True)
class MatrixGroup:
    """The targets of one document and the documents below it; ``more`` columns were left out."""

    rows: tuple[MatrixRow, ...]
    columns: tuple[MatrixColumn, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Sign:
    """How an outcome is shown in a cell."""

    key: str
    sign: str
    tone: str
    label: Words
    rank: int


@lru_cache(maxsize=1)
def signs() -> Mapping[str, Sign]:
    """Return the signs by outcome, the gravest first."""
    told = tomllib.loads((files("shapes") / "matrix.toml").read_text("utf-8"))["cell"]
    concepts = {concept.key: concept for concept in load_vocabularies().scheme("outcome")}
    found = {}
    for rank, one in enumerate(told):
        concept = concepts.get(one["key"])
        if "zh" in one:
            label = Words(zh=one["zh"], en=one["en"])
        elif concept is not None:
            label = Words(zh=concept.label_zh, en=concept.label_en)
        else:
            label = Words(zh=one["key"], en=one["key"])
        found[one["key"]] = Sign(one["key"], one["sign"], one["tone"], label, rank)
    return found


def sign(outcome: str) -> Sign:
    """Return the sign of an outcome; a plain one for an outcome that the file does not know."""
    return signs().get(outcome) or Sign(outcome, "•", "none", Words(zh=outcome, en=outcome), len(signs()))


def legend(matrix: Matrix) -> list[Sign]:
    """Return the signs that occur in a matrix, gravest first."""
    found = {
        matrix.cell(row, column).outcome
        for group in matrix.groups()
        for row in group.rows
        for column in group.columns
    }
    return sorted((sign(outcome) for outcome in found), key=lambda one: one.rank)


@dataclass(frozen=True)
class MatrixPart:
    """What the comparisons of some documents tell, so that a matrix can be put together of parts.

    ``rows`` are by the IRI of the upper target, with what they are sorted by; ``columns`` by document, likewise;
    ``cells`` by document and row key, each with the first comparison that it is from and the target of that. Targets
    that say the same have one row key: the row is that of the first of them.
    """

    rows: dict[str, tuple[tuple[Any, ...], MatrixRow]] = field(default_factory=dict)
    columns: dict[str, tuple[tuple[str, ...], MatrixColumn]] = field(default_factory=dict)
    cells: dict[str, dict[str, tuple[str, str, MatrixCell]]] = field(default_factory=dict)


def matrix_part(facts: Facts, findings: Mapping[str, str]) -> MatrixPart:
    """Return what the comparisons of a graph tell.

    Args:
        facts: the graph that was judged.
        findings: identifiers of findings by the IRI of the comparison that they are about.
    """
    maker = _Maker(facts, findings)
    maker.read()
    return MatrixPart(maker.rows, maker.columns, maker.cells)


def assemble(parts: Iterable[MatrixPart]) -> Matrix | None:
    """Return the matrix of all comparisons; None where there are none."""
    whole = MatrixPart()
    for part in parts:
        whole.rows.update(part.rows)
        whole.columns.update(part.columns)
        whole.cells.update(part.cells)
    told = {target for cells in whole.cells.values() for _, target, _ in cells.values()}
    rows = rows_of(whole.rows[target] for target in sorted(told))
    if not rows:
        return None
    setters = {row.document for row in rows}
    columns = sorted(whole.columns.values(), key=lambda pair: pair[0])
    cells: dict[str, dict[str, MatrixCell]] = {row.key: {} for row in rows}
    for slug, found in whole.cells.items():
        for key, (_, _, cell) in found.items():
            cells[key][slug] = cell
    return Matrix(rows=rows, columns=[one for _, one in columns if setters & set(one.above)], cells=cells)


def rows_of(targets: Iterable[tuple[Any, MatrixRow]]) -> list[MatrixRow]:
    """The rows of some targets, each with what it is sorted by: one of each key, the first."""
    found: dict[str, MatrixRow] = {}
    for _, row in sorted(targets, key=lambda pair: pair[0]):
        found.setdefault(row.key, row)
    return list(found.values())


class _Maker:
    def __init__(self, facts: Facts, findings: Mapping[str, str]) -> None:
        self.facts = facts
        self.findings = findings
        self.rows: dict[str, tuple[tuple[Any, ...], MatrixRow]] = {}
        self.cells: dict[str, dict[str, tuple[str, str, MatrixCell]]] = {}

    def read(self) -> None:
        facts, graph = self.facts, self.facts.graph
        for comparison, target in sorted(graph.subject_objects(ZM.upperTarget), key=str):
            plan, lower = facts.node(comparison, ZM.upperPlan), facts.node(comparison, ZM.lowerPlan)
            outcome = facts.key(facts.node(comparison, ZM.outcome))
            if plan is None or lower is None or outcome is None:
                continue  # the rules of structure tell of that
            self._answer(target, self._row(target, plan), facts.slug(lower), comparison, outcome)

    @cached_property
    def columns(self) -> dict[str, tuple[tuple[str, ...], MatrixColumn]]:
        """Documents that have a document above them, by slug; sorted, a place comes before the places in it."""
        facts, graph = self.facts, self.facts.graph
        found: dict[str, tuple[tuple[str, ...], MatrixColumn]] = {}
        for document in set(graph.subjects(ZM.ancestorPlan)):
            column = MatrixColumn(
                document=facts.slug(document),
                title=facts.title(document),
                place=facts.place(document),
                origin=facts.key(facts.node(document, ZM.origin)) or "",
                partial=facts.ground(document) == "record_unverified",
                above=sorted(facts.slug(one) for one in graph.objects(document, ZM.ancestorPlan)),
            )
            found[column.document] = ((*self._line(document), "", column.document), column)
        return found

    def _line(self, document: Node) -> list[str]:
        """Codes from the province down: sorted by it, a place stands before the places in it."""
        codes: list[str] = []
        division = self.facts.node(document, ZM.jurisdiction)
        while division is not None and len(codes) < 5:
            codes.insert(0, self.facts.key(division) or "")
            division = self.facts.node(division, ZM.withinDivision)
        return codes

    def _row(self, target: Node, plan: Node) -> str:
        if str(target) in self.rows:
            return self.rows[str(target)][1].key
        facts = self.facts
        indicator = facts.node(target, ZM.indicator)
        text = facts.text(target, ZM.indicatorText) or ""
        name = Words(zh=facts.label(indicator, "zh"), en=facts.label(indicator, "en")) if indicator else None
        witness = (target, RDF.type, ZM.TargetCitation) in facts.graph
        year, value = facts.year(target), short_value(facts, target)
        parts = [facts.slug(plan), facts.key(indicator) if indicator else text, str(year or ""), value]
        key = "|".join(part or "" for part in parts)
        row = MatrixRow(
            key=key,
            document=facts.slug(plan),
            title=facts.title(plan),
            place=facts.place(plan),
            indicator=name or Words(zh=text, en=text),
            year=year,
            value=value,
            quote=facts.text(target, ZM.quote) or "",
            claimed_by=facts.slug(facts.node(target, ZM.inDocument) or plan) if witness else None,
        )
        place = row.place.code if row.place else ""
        order = (facts.rank(plan), place, row.document, row.indicator.zh, year or 0, facts.order(target))
        self.rows[str(target)] = (order, row)
        return key

    def _answer(self, target: Node, row: str, document: str, comparison: Node, outcome: str) -> None:
        facts = self.facts
        lower = sorted(
            facts.graph.objects(comparison, ZM.lowerTarget), key=lambda t: (facts.order(t), str(t))
        )
        cell = MatrixCell(
            outcome=outcome,
            outcomes=[outcome],
            value="、".join(dict.fromkeys(filter(None, (short_value(facts, one) for one in lower)))) or None,
            ratio=facts.number(comparison, ZM.ratio),
            finding=self.findings.get(str(comparison)),
        )
        here = self.cells.setdefault(document, {})
        if row in here:
            first, told, before = here[row]
            every = list(dict.fromkeys([*before.outcomes, outcome]))
            best = min((before, cell), key=lambda one: sign(one.outcome).rank)
            here[row] = (first, told, best.model_copy(update={"outcomes": every}))
        else:
            here[row] = (str(comparison), str(target), cell)


def short_value(facts: Facts, target: Node) -> str:
    """Return a target's value as it fits a cell: ``≥25%``, ``10–12万台``; nothing where it is put in words."""
    value, top = facts.number(target, ZM.value), facts.number(target, ZM.valueMax)
    if value is None:
        return ""
    symbol = facts.text(facts.node(target, ZM.comparator), ZM.symbol) or ""
    mark = {">=": "≥", "<=": "≤", "~": "约", "=": ""}.get(symbol, symbol)
    unit = facts.unit(target) or ""
    figures = [_figure(one) for one in (value, top) if one is not None]
    return mark + "–".join(figures) + unit


def _figure(value: Decimal) -> str:
    """A figure as one writes it in Chinese: 12000000000 is 120亿."""
    for size, name in ((Decimal(10**8), "亿"), (Decimal(10**4), "万")):
        if abs(value) >= size and (value / size) == (value / size).quantize(Decimal("0.01")):
            return _plain(value / size) + name
    return _plain(value)


def _plain(value: Decimal) -> str:
    text = f"{value.normalize() + 0:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
