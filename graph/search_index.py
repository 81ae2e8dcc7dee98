"""The index that search reads: what one may look for in a build, in one SQLite file (FTS5) beside the store.

An entry is a plan, a target, a target that the plan says another level has set, an agency, a task, or a provision: a
numbered place of the text that is no task, a row of an annex, or what stands outside of both. Together the entries of a
document hold every character of its text, and the sentences of its targets twice.

The full-text table holds tokens of `graph.folding` parted by blanks, in three columns: the label, other names, the text.
It keeps no contents of its own (``content=''``): texts are shown from the table ``content`` and marked by whoever shows
them. A token a character and phrases of tokens find words of one and two characters, as no index of trigrams does.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, get_args

from graph import agency_labels, databases, divisions
from graph.catalog import StubEntry
from graph.folding import key, tokens
from graph.outline import blocks
from graph.record import PlanRecord, Provision, Span, Target
from ontology import terms
from ontology.vocabulary import load_vocabularies

FILE = "search.db"
Kind = Literal["plan", "target", "cited-target", "agency", "task", "provision"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which their labels count when results are ranked."""

_SCHEMA = """
CREATE TABLE place (code TEXT PRIMARY KEY, name TEXT NOT NULL, level TEXT NOT NULL, line TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE document (slug TEXT PRIMARY KEY, title TEXT NOT NULL, code TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, code TEXT NOT NULL, document TEXT);
CREATE TABLE content (
  id INTEGER PRIMARY KEY, iri TEXT NOT NULL, path TEXT, label TEXT NOT NULL, names TEXT NOT NULL, text TEXT NOT NULL,
  start INTEGER, stop INTEGER
);
CREATE TABLE name (key TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (key, entry)) WITHOUT ROWID;
CREATE TABLE spelling (
  iri TEXT NOT NULL, document TEXT NOT NULL, name TEXT NOT NULL, uses INTEGER NOT NULL, code TEXT NOT NULL,
  PRIMARY KEY (iri, document, name)
) WITHOUT ROWID;
CREATE TABLE agency (iri TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX entry_document ON entry (document);
CREATE INDEX spelling_document ON spelling (document);
CREATE VIRTUAL TABLE words USING fts5 (label, names, text, content='', tokenize="ascii tokenchars '|'");
"""


_FEW = 500
"""Agencies that are looked up one by one; of more the whole table is read."""


@dataclass(frozen=True)
class Entry:
    """What is found and shown. ``span`` is its place in the kept text; ``names`` are as good as its label."""

    kind: Kind
    iri: str
    code: str
    label: str
    document: str | None = None
    path: str | None = None
    names: tuple[str, ...] = ()
    text: str = ""
    span: Span | None = None


_Prepared = tuple[
    tuple[int, str, str | None],
    tuple[str, str | None, str, str, str, int | None, int | None],
    tuple[str, str, str],
    set[str],
]
"""An entry as its tables take it, but for its number: of entry, content, words, and the keys of its names."""


@dataclass(frozen=True)
class Rows:
    """What the index takes in of one document: its entries as they stand in the tables, and how it spells its agencies."""

    slug: str
    title: str
    code: str
    entries: list[_Prepared]
    spellings: list[tuple[str, str, str, int, str]] = field(default_factory=list)


def rows_of(record: PlanRecord, text: str | None) -> Rows:
    """What the index takes in of a document; ``text`` is the kept one, None for a record made by hand."""
    entries = [_prepared(entry) for entry in entries_of(record, text)]
    return Rows(record.slug, record.plan.title, agency_labels.code_of(record), entries, _spellings(record))


def rows_of_stub(stub: StubEntry) -> Rows:
    """The same of a document that is only known to exist."""
    names = (*([stub.number] if stub.number else []), *_place_names(stub.code))
    iri = str(terms.document_iri(stub.slug))
    entry = Entry("plan", iri, stub.code, stub.title, stub.slug, names=names)
    return Rows(stub.slug, stub.title, stub.code, [_prepared(entry)])


def write(folder: Path, documents: Iterable[Rows]) -> None:
    """Make the index of a build."""
    with closing(databases.created(folder / FILE)) as base:
        base.executescript(_SCHEMA)
        # Terms are gathered in memory and written in a few large pieces, which are then merged into one.
        base.execute("INSERT INTO words (words, rank) VALUES ('hashsize', 33554432)")
        with base:
            _Writer(base).add(documents)
            base.execute("INSERT INTO words (words) VALUES ('optimize')")
        databases.finish(base)


def update(folder: Path, changed: Sequence[Rows]) -> None:
    """Put the documents that changed into the index, which was taken over from the build before."""
    with closing(databases.changed(folder / FILE)) as base, base:
        _Writer(base).replace(changed)


class _Writer:
    """Puts documents into an index and takes them out; whoever calls commits."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base
        self._next: int = base.execute("SELECT coalesce(max(id), 0) + 1 FROM entry").fetchone()[0]

    def add(self, documents: Iterable[Rows]) -> None:
        self._name(self._enter(documents))

    def replace(self, documents: Sequence[Rows]) -> None:
        """Put documents in the place of what the index holds of them.

        All that goes is taken out first, in the order of its numbers, and what comes has higher ones: whenever a number is lower
        than the one before, the full-text table writes down what it has gathered, and soon merges all that it wrote.
        """
        slugs = [rows.slug for rows in documents]
        touched = {row[0] for rows in documents for row in rows.spellings}
        taken: list[int] = []
        for slug in slugs:
            named = self._base.execute("SELECT DISTINCT iri FROM spelling WHERE document = ?", [slug])
            touched |= {iri for (iri,) in named}
            taken += self._numbers("SELECT id FROM entry WHERE document = ?", slug)
        for iri in touched:
            taken += self._numbers("SELECT id FROM agency WHERE iri = ?", iri)
        for number in sorted(taken):
            self._take(number)
        self._base.executemany("DELETE FROM agency WHERE iri = ?", [(iri,) for iri in touched])
        for table, column in (("document", "slug"), ("spelling", "document")):
            rows = [(slug,) for slug in slugs]
            self._base.executemany(f"DELETE FROM {table} WHERE {column} = ?", rows)  # noqa: S608 - our own names
        self._enter(documents)
        self._name(touched)

    def _numbers(self, query: str, key: str) -> list[int]:
        return [number for (number,) in self._base.execute(query, [key])]

    def _enter(self, documents: Iterable[Rows]) -> set[str]:
        """Enter documents; returns the IRIs of the agencies that they name, which are not entered yet."""
        touched: set[str] = set()
        for rows in documents:
            self._document(rows.slug, rows.title, rows.code)
            self._put(rows.entries)
            for code in {row[4] for row in rows.spellings}:
                self._place(code)
            self._base.executemany("INSERT OR IGNORE INTO spelling VALUES (?, ?, ?, ?, ?)", rows.spellings)
            touched |= {row[0] for row in rows.spellings}
        return touched

    # -- entries -----------------------------------------------------------------------------------------------

    def _document(self, slug: str, title: str, code: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", [slug, title, code])
        self._place(code)

    def _place(self, code: str) -> None:
        line = divisions.line(code)
        if line:
            codes = "/".join(division.code for division in line)
            row = [code, line[0].name, line[0].level, f"/{codes}/"]
            self._base.execute("INSERT OR IGNORE INTO place VALUES (?, ?, ?, ?)", row)

    def _put(self, entries: Iterable[_Prepared]) -> None:
        rows, contents, words, keys = [], [], [], []
        for number, (entry, content, columns, names) in enumerate(entries, self._next):
            rows.append((number, *entry))
            contents.append((number, *content))
            words.append((number, *columns))
            keys += [(one, number) for one in names]
        self._next += len(rows)
        self._base.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)
        self._base.executemany("INSERT INTO content VALUES (?, ?, ?, ?, ?, ?, ?, ?)", contents)
        self._base.executemany("INSERT INTO words (rowid, label, names, text) VALUES (?, ?, ?, ?)", words)
        self._base.executemany("INSERT INTO name VALUES (?, ?)", keys)

    def _take(self, number: int) -> None:
        found = self._base.execute("SELECT label, names, text FROM content WHERE id = ?", [number]).fetchone()
        label, names, text = found[0], json.loads(found[1]), found[2]
        folded = _folded(label, names, text)
        # Without contents of its own the table has to be told what it held.
        self._base.execute(
            "INSERT INTO words (words, rowid, label, names, text) VALUES ('delete', ?, ?, ?, ?)",
            [number, *folded.columns],
        )
        keys = [(one, number) for one in folded.keys]
        self._base.executemany("DELETE FROM name WHERE key = ? AND entry = ?", keys)
        for table in ("content", "entry"):
            self._base.execute(f"DELETE FROM {table} WHERE id = ?", [number])  # noqa: S608 - our own names

    # -- agencies: their labels come from all documents ------------------------------------------------------------

    def _name(self, iris: set[str]) -> None:
        """Enter agencies under the label that they go by now, and their other names."""
        first = self._next
        self._put(map(_prepared, self._agencies(iris)))
        self._base.execute("INSERT INTO agency SELECT iri, id FROM content WHERE id >= ?", [first])

    def _agencies(self, iris: set[str]) -> Iterator[Entry]:
        for iri, spelled in self._spelled(iris):
            code = spelled[0][1]
            counted = Counter({name: uses for _, _, name, uses in spelled if uses})
            # A body above those that are named, which no document names itself, goes by its full name.
            label, others = agency_labels.chosen(counted) if counted else (spelled[0][2], ())
            names = dict.fromkeys(others)
            names |= dict.fromkeys(full for name in (label, *others) for full in _full_names(name, code))
            yield Entry("agency", iri, code, label, names=tuple(one for one in names if one != label))

    def _spelled(self, iris: set[str]) -> Iterator[tuple[str, list[tuple[str, str, str, int]]]]:
        """How some agencies are spelled, in the order of their IRIs: (iri, code, name, uses)."""
        spelled = "SELECT iri, code, name, sum(uses) FROM spelling"
        if len(iris) <= _FEW:
            # Of a changed plan: each by its key, and not the whole table.
            for iri in sorted(iris):
                rows = self._base.execute(f"{spelled} WHERE iri = ? GROUP BY name", [iri]).fetchall()
                if rows:
                    yield iri, rows
            return
        every = self._base.execute(f"{spelled} GROUP BY iri, name")
        for iri, group in groupby(every.fetchall(), key=itemgetter(0)):
            if iri in iris:
                yield iri, list(group)


@dataclass(frozen=True)
class _Folded:
    """An entry as the full-text table takes it, and the keys of its names."""

    columns: tuple[str, str, str]
    keys: set[str]


def _folded(label: str, names: Iterable[str], text: str) -> _Folded:
    called = [tokens(label), *(tokens(name) for name in names)]
    spaced = [" ".join(one) for one in called]
    columns = (spaced[0], " | ".join(spaced[1:]), " ".join(tokens(text)))
    return _Folded(columns, {key(one) for one in called} - {""})


def _prepared(entry: Entry) -> _Prepared:
    names = json.dumps(entry.names, ensure_ascii=False) if entry.names else "[]"
    start, stop = entry.span or (None, None)
    folded = _folded(entry.label, entry.names, entry.text)
    return (
        (KINDS.index(entry.kind), entry.code, entry.document),
        (entry.iri, entry.path, entry.label, names, entry.text, start, stop),
        folded.columns,
        folded.keys,
    )


def _spellings(record: PlanRecord) -> list[tuple[str, str, str, int, str]]:
    """How a document spells its agencies; a body above those that it names goes by its full name, unused."""
    named = agency_labels.named(record)
    rows = [
        (iri, record.slug, name, uses, spelling.code)
        for iri, spelling in named.spelled.items()
        for name, uses in spelling.uses.items()
    ]
    for iri, (code, name) in named.above.items():
        if iri not in named.spelled:
            rows.append((iri, record.slug, name, 0, code))
    return rows


# -- what a document holds -------------------------------------------------------------------------------------


def entries_of(record: PlanRecord, text: str | None) -> Iterator[Entry]:
    """The entries of a document, without its agencies; ``text`` is the kept one, None for a record made by hand."""
    slug, code, plan = record.slug, agency_labels.code_of(record), record.plan
    iri = str(terms.document_iri(slug))
    names = [one for one in (plan.document_number,) if one]
    yield Entry("plan", iri, code, plan.title, slug, names=(*names, *_place_names(code)))
    kept = _Text(record, text)
    tasks = {action.path for action in record.actions}
    for action in record.actions:
        span = kept.stretch(action.path) or action.span
        said = kept.cut(span)
        task = str(terms.action_iri(slug, action.path))
        yield Entry("task", task, code, action.title, slug, action.path, text=said, span=span)
    for provision in record.provisions:
        if provision.path not in tasks:
            span = kept.stretch(provision.path)
            place = str(terms.provision_iri(slug, provision.path))
            said = kept.cut(span)
            yield Entry("provision", place, code, provision.heading, slug, provision.path, (), said, span)
    for number, target in enumerate(record.targets, 1):
        yield _of_target("target", str(terms.target_iri(slug, number)), target, slug, code)
    for number, claim in enumerate(record.cited_targets, 1):
        yield _of_target("cited-target", str(terms.cited_target_iri(slug, number)), claim, slug, code)
    for table in record.tables:
        yield Entry(
            "provision", iri, code, table.title, slug, table.path, (), "｜".join(table.columns), table.span
        )
        for number, row in enumerate(table.rows, 1):
            cells = "｜".join(cell for cell in row.values() if cell)
            yield Entry("provision", iri, code, "", slug, f"{table.path}/{number}", (), cells)
    for span in kept.rest():
        yield Entry("provision", iri, code, "", slug, None, (), kept.cut(span), span)


def _of_target(kind: Kind, iri: str, target: Target, slug: str, code: str) -> Entry:
    concept = load_vocabularies().concept("indicator", target.concept) if target.concept else None
    names = (concept.label_zh, concept.label_en) if concept else ()
    other = tuple(one for one in names if one != target.indicator)
    return Entry(kind, iri, code, target.indicator, slug, target.path, other, target.quote, target.span)


def _place_names(code: str) -> tuple[str, ...]:
    return tuple(division.name for division in divisions.line(code)[:1])


def _full_names(name: str, code: str) -> Iterator[str]:
    """An agency's name with its place before it: 江夏区商务局 for 区商务局 of 江夏区."""
    line = divisions.line(code)
    if not line or code == divisions.NATIONAL or name.startswith(line[0].name):
        return
    place = line[0].name
    yield place + name.removeprefix(place[-1])


class _Text:
    """A text cut at its numbered places: from one to the next, and what is left outside of them and of tables."""

    def __init__(self, record: PlanRecord, text: str | None) -> None:
        self._text = text or ""
        placed = sorted(
            (one for one in record.provisions if one.span), key=lambda one: one.span or (0, 0)
        ) if text else []  # fmt: skip
        tables = sorted(table.span for table in record.tables if table.span)
        ends = {one.path: one.span[1] for one in record.actions if one.span}
        self._stretches: dict[str, Span] = {}
        for number, one in enumerate(placed):
            self._stretches[one.path] = _until(one, placed[number + 1 :], tables, ends)
        self._taken = sorted([*self._stretches.values(), *tables])

    def stretch(self, path: str) -> Span | None:
        """From a numbered place to the next one."""
        return self._stretches.get(path)

    def cut(self, span: Span | None) -> str:
        """What stands there, without the breaks of page layout."""
        if not span or not self._text:
            return ""
        return "\n".join(block.text for block in blocks(self._text[span[0] : span[1]]))

    def rest(self) -> Iterator[Span]:
        """The stretches that belong to nothing: what stands before the first number, and behind the last one."""
        at = 0
        for start, stop in [*self._taken, (len(self._text), len(self._text))]:
            gap = self._text[at:start]
            if any(char.isalnum() for char in gap):
                yield at + len(gap) - len(gap.lstrip()), at + len(gap.rstrip())
            at = max(at, stop)


def _until(one: Provision, later: Sequence[Provision], tables: Sequence[Span], ends: dict[str, int]) -> Span:
    start, stop = one.span or (0, 0)
    bounds = [span[0] for span in tables if span[0] > start]
    bounds += [other.span[0] for other in later[:1] if other.span]
    if not later:  # behind the last one may stand another part: an explanation, signatures
        bounds.append(max(stop, ends.get(one.path, 0)))
    return start, max(min(bounds), start + 1)
