"""A lint for the vocabularies: what no schema refuses and a researcher should still put right.

    for fault in lint(turtle_files(folder), texts_of([plans, tests])):
        print(fault)

A label, keyword or pattern that stands in no text and in no test needs a skos:editorialNote, on its concept or on its
scheme, that names it (between 、 or in “”) and says where it comes from. A keyword that two concepts claim on purpose is
named in such a note too. English labels are what people type into questions, and are not looked for in texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

from rdflib import Graph, Literal, URIRef
from rdflib.namespace import RDF, SKOS

from ontology.extension import merged_graphs
from ontology.terms import ZM, concept_iri, scheme_iri

TEXTS: Final = (".txt", ".yaml", ".yml", ".tsv", ".csv", ".py")
_LANGUAGES: Final = ("zh", "en")
# What a thing is told by, beside its labels; an ending of names is short, and stands in every text.
_WORDS: Final = (
    (ZM.keyword, "keyword"),
    (ZM.nameStem, "nameStem"),
    (ZM.wholeName, "wholeName"),
    (ZM.otherName, "otherName"),
    (ZM.nameSuffix, "nameSuffix"),
)
# The names of places need no definition.
_UNDEFINED: Final = frozenset({"former-division"})
_CELLS: Final = re.compile(r"[\t\n]+")
_BETWEEN: Final = re.compile(r"[\s、，,；;：:。|（）()“”\"'【】\[\]《》]+")


@dataclass(frozen=True)
class Fault:
    """Something to put right: in which file, at which concept, about which label, and what to do."""

    file: str
    concept: str
    label: str
    advice: str

    def __str__(self) -> str:
        label = f" “{self.label}”" if self.label else ""
        return f"{self.file}: {self.concept}:{label} {self.advice}"


@dataclass
class _Entry:
    """A concept as its file has it, whether or not that is sound."""

    iri: URIRef
    key: str
    file: str
    graph: Graph = field(repr=False)
    notes: str

    def words(self, *predicates: URIRef) -> list[Literal]:
        return [
            value
            for predicate in predicates
            for value in self.graph.objects(self.iri, predicate)
            if isinstance(value, Literal)
        ]

    def links(self, predicate: URIRef) -> set[URIRef]:
        return {value for value in self.graph.objects(self.iri, predicate) if isinstance(value, URIRef)}

    @property
    def labels(self) -> list[Literal]:
        return self.words(SKOS.prefLabel, SKOS.altLabel)

    def fault(self, label: str, advice: str) -> Fault:
        return Fault(self.file, self.key, label, advice)

    def noted(self, label: str) -> bool:
        """Whether a note on the concept or its scheme names a label."""
        return (
            _bare(label) in {_bare(part) for part in _BETWEEN.split(self.notes)} or f"“{label}”" in self.notes
        )


class Texts:
    """What labels are looked for in. ``any`` is whether there is anything to look in."""

    def __init__(self, texts: Iterable[str]) -> None:
        whole = "\n".join(texts)
        self._flat = _bare(whole)
        # Patterns are for names: what stands between punctuation, each on a line of its own.
        # A name may have brackets of its own (县（市、区）人民政府), so cells of tables and whole lines count too.
        names = {part for part in (*_BETWEEN.split(whole), *_CELLS.split(whole)) if 1 < len(part) < 40}
        self._names = "\n".join(sorted(names))
        self.any = bool(names)

    def has(self, label: str) -> bool:
        return _bare(label) in self._flat

    def matches(self, pattern: str) -> bool:
        return re.search(pattern, self._names, re.MULTILINE) is not None


def texts_of(folders: Iterable[Path]) -> Texts:
    """The texts (txt, yaml, tsv, csv, py) of some folders and of those below them."""
    return Texts(
        path.read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in TEXTS and path.is_file()
    )


def lint(files: Sequence[Path] = (), texts: Texts | None = None) -> list[Fault]:
    """The faults of the vocabularies, with those that the files add; without texts, use is not judged.

    Raises:
        VocabularyError: a file cannot be read, is not Turtle, or speaks of what is in no scheme.
    """
    graphs, origin = merged_graphs(files)
    return [fault for scheme, graph in graphs.items() for fault in lint_scheme(scheme, graph, texts, origin)]


def lint_scheme(
    scheme: str, graph: Graph, texts: Texts | None = None, origin: dict[URIRef, str] | None = None
) -> list[Fault]:
    """The faults of one scheme, from its triples; ``origin`` names the file of a concept that is in another one."""
    entries = _entries(scheme, graph, origin or {})
    known = {entry.iri for entry in entries}
    faults = [*_claimed_twice(entries), *_shared(entries)]
    for entry in entries:
        faults += [
            *_names(entry, defined=scheme not in _UNDEFINED),
            *_against_itself(entry),
            *_references(entry, known),
            *_patterns(entry),
        ]
        if texts is not None and texts.any:
            faults += _unused(entry, texts)
    return faults


def _entries(scheme: str, graph: Graph, origin: dict[URIRef, str]) -> list[_Entry]:
    where = f"ontology/vocabularies/{scheme}.ttl"
    shared = " ".join(str(note) for note in graph.objects(scheme_iri(scheme), SKOS.editorialNote))
    return [
        _Entry(
            iri=subject,
            key=subject.removeprefix(concept_iri(scheme, "")),
            file=origin.get(subject, where),
            graph=graph,
            notes=" ".join([shared, *map(str, graph.objects(subject, SKOS.editorialNote))]),
        )
        for subject in graph.subjects(RDF.type, SKOS.Concept)
        if isinstance(subject, URIRef)
    ]


def _names(entry: _Entry, *, defined: bool) -> Iterator[Fault]:
    wanted = [(SKOS.prefLabel, "prefLabel"), (SKOS.definition, "definition")]
    for predicate, name in wanted if defined else wanted[:1]:
        for language in _LANGUAGES:
            count = sum(word.language == language for word in entry.words(predicate))
            if count != 1:
                yield entry.fault("", f"has {count} skos:{name} in {language}; give it one")


def _claimed_twice(entries: list[_Entry]) -> Iterator[Fault]:
    claims: dict[str, dict[str, tuple[_Entry, str]]] = defaultdict(dict)
    for entry in entries:
        for printed in map(str, entry.labels):
            claims[_bare(printed)].setdefault(entry.key, (entry, printed))
    for claim in claims.values():
        for (one, label), (other, _) in combinations(claim.values(), 2):
            if not _told_apart(one, other):
                yield one.fault(
                    label,
                    f"is a label of “{other.key}” ({other.file}) too; leave it to one of them, or, for a growth rate "
                    "and a count of one thing, give them different zm:kind and join them by skos:related",
                )


def _told_apart(one: _Entry, other: _Entry) -> bool:
    """A growth rate and a count of the same thing may share a label: the measure of a target tells which is meant."""
    kinds = one.links(ZM.kind), other.links(ZM.kind)
    return (
        all(kinds)
        and not kinds[0] & kinds[1]
        and other.iri in one.links(SKOS.related)
        and one.iri in other.links(SKOS.related)
    )


def _shared(entries: list[_Entry]) -> Iterator[Fault]:
    """Words that two concepts claim, which is right only where a note says so: 科经 is industry and science."""
    for predicate, name in _WORDS:
        claims: dict[str, list[_Entry]] = defaultdict(list)
        for entry in entries:
            for word in dict.fromkeys(map(str, entry.words(predicate))):
                claims[word].append(entry)
        for shared, claimants in claims.items():
            if len(claimants) > 1 and not any(entry.noted(shared) for entry in claimants):
                others = ", ".join(f"“{entry.key}” ({entry.file})" for entry in claimants[1:])
                yield claimants[0].fault(
                    shared,
                    f"is a zm:{name} of {others} too; leave it to one, or name it in a skos:editorialNote if it is "
                    "on purpose",
                )


def _against_itself(entry: _Entry) -> Iterator[Fault]:
    for word in entry.words(ZM.notLabel):
        for label in entry.labels:
            if str(word) in str(label):
                yield entry.fault(
                    str(label),
                    f"can never be found: the concept's own zm:notLabel “{word}” stands in it; take one out",
                )


def _references(entry: _Entry, known: set[URIRef]) -> Iterator[Fault]:
    for predicate, name in ((SKOS.broader, "broader"), (SKOS.related, "related")):
        for value in sorted(entry.links(predicate) - known):
            yield entry.fault(
                str(value),
                f"is no concept of this scheme, and skos:{name} leads there; correct it or take it out",
            )
    seen: set[URIRef] = set()
    waiting = list(entry.links(SKOS.broader))
    while waiting:
        step = waiting.pop()
        if step == entry.iri:
            yield entry.fault("", "stands below itself; take out one skos:broader of the circle")
            return
        if step not in seen:
            seen.add(step)
            waiting += [
                value for value in entry.graph.objects(step, SKOS.broader) if isinstance(value, URIRef)
            ]


def _patterns(entry: _Entry) -> Iterator[Fault]:
    for pattern in entry.words(ZM.namePattern):
        try:
            re.compile(str(pattern))
        except re.error as error:
            yield entry.fault(str(pattern), f"is not a regular expression: {error}; correct it")


def _unused(entry: _Entry, texts: Texts) -> Iterator[Fault]:
    advice = "stands in no text and in no test; take it out, or name it in a skos:editorialNote that says where it comes from"
    chinese = [label for label in entry.words(SKOS.altLabel) if label.language != "en"]
    words = entry.words(*(predicate for predicate, _ in _WORDS), ZM.notLabel)
    for label in dict.fromkeys((*chinese, *words)):
        if not texts.has(str(label)) and not entry.noted(str(label)):
            yield entry.fault(str(label), advice)
    for pattern in map(str, entry.words(ZM.namePattern)):
        try:
            used = texts.matches(pattern)
        except re.error:
            continue  # told by _patterns
        if not used and pattern not in entry.notes:
            yield entry.fault(pattern, advice)


def _bare(text: str) -> str:
    """Without spaces and quotation marks, in one width and case: as a reader sees the words."""
    return re.sub(r"[\s“”\"‘’]", "", unicodedata.normalize("NFKC", text)).casefold()
