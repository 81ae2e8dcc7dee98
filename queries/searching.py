"""Words to what is found by them: asks the index that the build made (`graph.search_index`), ranks, marks and pages.

What is typed is words parted by blanks or punctuation; all of them have to occur in the same entry, each as it stands.
Quotation marks keep several words together. There are no operators: whatever is typed is looked for.

Ranking: an entry that is called exactly what was typed; then those with all words in their name, plans before targets,
agencies, tasks and provisions; then those with the words in their text, tasks before targets before provisions; among
equals, the shorter and the more often matched first (BM25, a word in a name four times a word in a text).
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, get_args

from graph import databases, divisions
from graph.errors import BadParameter, QueryTimeout, StoreError
from graph.folding import key, phrase, placed, tokens
from graph.record import Level
from graph.search_index import FILE, KINDS, Kind
from queries.words import Text, both

LEVELS: tuple[Level, ...] = get_args(Level)
LONGEST = 200
"""Characters that may be typed."""
MOST_WORDS = 16
MOST_SKIPPED = 10_000
"""Results that may be passed over: who needs more asks by SPARQL."""

_QUOTED = re.compile('["“”„‟＂「」『』]')
_BETWEEN = re.compile(r"[\s\x00。，、；：！？…!?;:,|｜]+")
_SENTENCE = re.compile(r"[^。！？；;｜\n]+[。！？；;]*")
_SHOWN_SENTENCES = 2
_SENTENCE_LENGTH = 160
_STEPS = 1_000  # of SQLite's machine between two looks at the clock
_SHOWN_PLACES = 24
_KEPT_OPEN = 4
_KEPT_ANSWERS = 100  # some 20 kB each, of a page of 20

_TEXT_ORDER: tuple[Kind, ...] = ("task", "target", "cited-target", "provision", "agency", "plan")
# Names first, in the order of KINDS, then texts.
_TIERS = " ".join(f"WHEN {KINDS.index(kind)} THEN {len(KINDS) + at}" for at, kind in enumerate(_TEXT_ORDER))
_FOUND = """
WITH called AS (SELECT rowid AS id FROM words WHERE words MATCH :called),
     hit AS (SELECT rowid AS id, bm25(words, 4.0, 4.0, 1.0) AS score FROM words WHERE words MATCH :all)
SELECT entry.kind, entry.code, place.name, place.level, document.slug, document.title, content.iri, content.path,
       content.label, content.names, content.text, content.start, content.stop, page.exact, page.tier
FROM (
  SELECT hit.id, hit.score, name.entry IS NOT NULL AS exact, entry.document,
         CASE WHEN called.id IS NOT NULL THEN entry.kind ELSE CASE entry.kind {tiers} END END AS tier
  FROM hit JOIN entry ON entry.id = hit.id
  LEFT JOIN called ON called.id = hit.id
  LEFT JOIN name ON name.key = :key AND name.entry = hit.id
  WHERE {where}
  ORDER BY exact DESC, tier, hit.score, entry.document, hit.id LIMIT :limit OFFSET :offset
) AS page
JOIN entry ON entry.id = page.id JOIN content ON content.id = page.id
LEFT JOIN place ON place.code = entry.code LEFT JOIN document ON document.slug = entry.document
ORDER BY page.exact DESC, page.tier, page.score, page.document, page.id
"""
_COUNTED = """
SELECT entry.kind, place.level, count(*) FROM words JOIN entry ON entry.id = words.rowid
LEFT JOIN place ON place.code = entry.code WHERE words MATCH :all AND {where} GROUP BY entry.kind, place.level
"""
_WITHIN = "entry.code IN (SELECT code FROM place WHERE line LIKE :line)"
_OF_KIND = "entry.kind IN (SELECT value FROM json_each(:kinds))"
_OF_LEVEL = "entry.code IN (SELECT code FROM place WHERE level IN (SELECT value FROM json_each(:levels)))"


@dataclass(frozen=True)
class Passage:
    """A sentence or a name, with the stretches of it that were looked for, in code points."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Hit:
    """What was found. ``exact`` where it is called what was typed; ``span`` is its place in the document's kept text.

    ``names`` are other names of it that hold what was typed; ``passages`` the sentences that do, at most two, or
    where only its name does, the first one.
    """

    kind: Kind
    iri: str
    label: Passage
    code: str
    place: str
    level: Level | None
    document: str | None
    title: str | None
    path: str | None
    span: tuple[int, int] | None
    exact: bool
    names: tuple[Passage, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class Found:
    """One page of results. ``count`` is of all that fit; ``kinds`` and ``levels`` count what another choice would give."""

    words: list[str]
    count: int
    kinds: dict[Kind, int]
    levels: dict[Level, int]
    hits: list[Hit] = field(default_factory=list)


@dataclass(frozen=True)
class Words:
    """What was typed, taken apart: each word as typed and as tokens; ``key`` is the whole as the key of a name."""

    typed: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]
    key: str

    @property
    def match(self) -> str:
        """The expression for the full-text table. Only tokens stand in it, so nothing typed can be an operator."""
        return " AND ".join(f'"{" ".join(one)}"' for one in self.phrases)


def words_of(text: str) -> Words:
    """Take apart what was typed. Raises BadParameter where it is too long, or where nothing of it can be looked for."""
    if len(text) > LONGEST:
        raise _unfit("long", found=len(text), limit=LONGEST)
    pieces: dict[tuple[str, ...], str] = {}
    parts = _QUOTED.split(text)
    for number, part in enumerate(parts):
        # Between two marks a part stays whole; a mark that is never closed counts as none.
        inside = number % 2 == 1 and number < len(parts) - 1
        for piece in [part] if inside else _BETWEEN.split(part):
            found = tuple(phrase(piece))
            if found:
                pieces.setdefault(found, piece.strip())
    if not pieces:
        raise _unfit("empty", found=text.strip()[:40] or "–")
    if len(pieces) > MOST_WORDS:
        raise _unfit("many", found=len(pieces), limit=MOST_WORDS)
    return Words(tuple(pieces.values()), tuple(pieces), key(tokens(text)))


def _unfit(kind: str, **values: object) -> BadParameter:
    en, zh = both("search", kind, **values)
    return BadParameter(en, zh=zh, parameter="q")


def chosen_kinds(given: Sequence[str]) -> list[Kind]:
    """Kinds by name; empty names are passed over. Raises BadParameter for a name that is none."""
    return [one for one in KINDS if one in _known("kind", given, KINDS)]


def chosen_levels(given: Sequence[str]) -> list[Level]:
    """Levels by name; empty names are passed over. Raises BadParameter for a name that is none."""
    return [one for one in LEVELS if one in _known("level", given, LEVELS)]


def _known(parameter: str, given: Sequence[str], allowed: Sequence[str]) -> list[str]:
    chosen = [one for one in given if one]
    for one in chosen:
        if one not in allowed:
            en, zh = both("questions", "value", found=one, parameter=parameter, allowed=", ".join(allowed))
            raise BadParameter(en, zh=zh, parameter=parameter, allowed=allowed)
    return chosen


class SearchIndex:
    """The index of a build, to be read by any thread; opened by as many as search at a time, and kept open for the next.

    ``seconds`` bounds each search.
    """

    def __init__(self, folder: Path, seconds: float = 10.0) -> None:
        self._path = folder / FILE
        self._seconds = seconds
        self._idle: deque[sqlite3.Connection] = deque()
        # A build never changes, and what is looked for once is looked for again: on its next page, or by the next reader
        self._kept = lru_cache(maxsize=_KEPT_ANSWERS)(self._search)

    def search(
        self,
        text: str,
        *,
        kinds: Sequence[Kind] = (),
        place: str | None = None,
        levels: Sequence[Level] = (),
        limit: int = 20,
        offset: int = 0,
    ) -> Found:
        """What fits all the words of ``text``, best first.

        Args:
            text: what was typed, at most LONGEST characters.
            kinds: only these; without any, all.
            place: only what is of this place or of one within it, by its name or six-digit code.
            levels: only what is of these levels.
            limit: results in the answer.
            offset: results to pass over, at most MOST_SKIPPED.

        Raises:
            BadParameter: nothing in it can be looked for, it is too long, or there is no such place.
            QueryTimeout: it took longer than allowed.
            StoreError: the build has no index.
        """
        return self._kept(text, tuple(kinds), place, tuple(levels), limit, min(offset, MOST_SKIPPED))

    def _search(
        self,
        text: str,
        kinds: tuple[Kind, ...],
        place: str | None,
        levels: tuple[Level, ...],
        limit: int,
        offset: int,
    ) -> Found:
        words = words_of(text)
        with self._reader() as base:
            values: dict[str, Any] = {
                "all": words.match,
                "called": f"{{label names}} : ({words.match})",
                "key": words.key,
                "limit": limit,
                "offset": offset,
            }
            conditions = ["TRUE"]
            if place:
                values["line"] = f"%/{_code_of(base, place)}/%"
                conditions.append(_WITHIN)
            # What another choice of kind or level would give is counted along, what another place would not.
            table = self._rows(base, _COUNTED.format(where=" AND ".join(conditions)), values)
            if kinds:
                values["kinds"] = json.dumps([KINDS.index(kind) for kind in kinds])
                conditions.append(_OF_KIND)
            if levels:
                values["levels"] = json.dumps(list(levels))
                conditions.append(_OF_LEVEL)
            where = " AND ".join(conditions)
            rows = self._rows(base, _FOUND.format(tiers=_TIERS, where=where), values)
        by_kind: dict[Kind, int] = {}
        by_level: dict[Level, int] = {}
        total = 0
        for number, level, entries in table:
            kind = KINDS[number]
            if not levels or level in levels:
                by_kind[kind] = by_kind.get(kind, 0) + entries
            if level and (not kinds or kind in kinds):
                by_level[level] = by_level.get(level, 0) + entries
            if (not levels or level in levels) and (not kinds or kind in kinds):
                total += entries
        hits = [_hit(row, words.phrases) for row in rows]
        return Found(list(words.typed), total, by_kind, by_level, hits)

    def places(self) -> dict[str, str]:
        """The places that have something in the index, and those above them: name by code."""
        with self._reader() as base:
            return _places(base)

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            base = self._idle.pop()
        except IndexError:
            base = self._opened()
        end = time.monotonic() + self._seconds
        base.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        try:
            yield base
        except BaseException:
            base.close()
            raise
        if len(self._idle) < _KEPT_OPEN:
            self._idle.append(base)
        else:
            base.close()

    def _opened(self) -> sqlite3.Connection:
        if not self._path.is_file():
            raise StoreError(*_no_index(self._path))
        base = databases.opened(self._path)
        base.execute("PRAGMA mmap_size = 268435456")
        return base

    def _rows(self, base: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[Any]:
        try:
            return base.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                en, zh = both("limits", "timeout", limit=self._seconds)
                raise QueryTimeout(en, zh=zh, limit=self._seconds) from None
            raise StoreError(*_no_index(self._path)) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(*_no_index(self._path)) from error


def _no_index(path: Path) -> tuple[str]:
    return (f"{path.name} of this build is missing or cannot be read; run 'zhengmai build' again",)


def _places(base: sqlite3.Connection) -> dict[str, str]:
    try:
        lines = [line for (line,) in base.execute("SELECT line FROM place")]
    except sqlite3.DatabaseError as error:
        raise StoreError(
            "the search index of this build cannot be read; run 'zhengmai build' again"
        ) from error
    known = divisions.divisions()
    codes = sorted({code for line in lines for code in line.strip("/").split("/")})
    return {code: known[code].name for code in codes if code in known}


def _code_of(base: sqlite3.Connection, text: str) -> str:
    """The code of a place: by code or name, also without its last character (武汉), or by a name that was given up."""
    known = _places(base)
    wanted = key(tokens(text))
    names = {code: key(tokens(name)) for code, name in known.items()}
    former = {one.code for one in divisions.named(text.strip())}
    found = (
        [code for code, name in names.items() if wanted in (code, name)]
        or [code for code in known if code in former]
        or [code for code, name in names.items() if wanted and name.startswith(f"{wanted} ")]
    )
    if len(found) == 1:
        return found[0]
    shown = [f"{known[code]} {code}" for code in (found or known)]
    listed = Text(
        *(
            comma.join(shown[:_SHOWN_PLACES]) + (" …" if len(shown) > _SHOWN_PLACES else "")
            for comma in ("、", ", ")
        )
    )
    en, zh = both("questions", "ambiguous" if found else "division", found=text, allowed=listed)
    raise BadParameter(en, zh=zh, parameter="place", allowed=found or list(known))


# -- marks -----------------------------------------------------------------------------------------------------


def _hit(row: Sequence[Any], phrases: Sequence[tuple[str, ...]]) -> Hit:
    kind, code, place, level, slug, title, iri, path, label, names, text, start, stop, exact, _ = row
    marked = [Passage(name, marks(name, phrases)) for name in json.loads(names)]
    return Hit(
        KINDS[kind],
        iri,
        Passage(label, marks(label, phrases)),
        code,
        place or "",
        level,
        slug,
        title,
        path,
        None if start is None else (start, stop),
        bool(exact),
        tuple(one for one in marked if one.marks),
        _passages(text, phrases),
    )


def marks(text: str, phrases: Sequence[tuple[str, ...]]) -> tuple[tuple[int, int], ...]:
    """The stretches of a text that the words stand at, in order; those that overlap are one."""
    return tuple((start, stop) for start, stop, _ in _marked(placed(text), phrases))


def _marked(
    found: Sequence[tuple[str, int, int]], phrases: Sequence[tuple[str, ...]]
) -> list[tuple[int, int, frozenset[int]]]:
    """Stretches with the numbers of the words that stand there."""
    kept = [token for token, _, _ in found]
    at: list[tuple[int, int, frozenset[int]]] = []
    for number, wanted in enumerate(phrases):
        for index in count(0):
            if index > len(kept) - len(wanted):
                break
            if kept[index] == wanted[0] and tuple(kept[index : index + len(wanted)]) == wanted:
                at.append((found[index][1], found[index + len(wanted) - 1][2], frozenset({number})))
    merged: list[tuple[int, int, frozenset[int]]] = []
    for start, stop, which in sorted(at, key=lambda one: one[:2]):
        if merged and start < merged[-1][1]:
            first, end, before = merged[-1]
            merged[-1] = (first, max(end, stop), before | which)
        else:
            merged.append((start, stop, which))
    return merged


def _passages(text: str, phrases: Sequence[tuple[str, ...]]) -> tuple[Passage, ...]:
    """The sentences that hold most of the words, in the order of the text; without any, the first one."""
    if not text:
        return ()
    stretches = _marked(placed(text), phrases)
    sentences = [match.span() for match in _SENTENCE.finditer(text) if match.group().strip()]
    if not stretches or not sentences:
        return (_clipped(text, *sentences[0], ()),) if sentences else ()
    held = []
    for number, (start, stop) in enumerate(sentences):
        inside = [(max(a, start), min(b, stop), which) for a, b, which in stretches if a < stop and b > start]
        if inside:
            different = frozenset[int]().union(*(which for _, _, which in inside))
            held.append((-len(different), number, tuple((a, b) for a, b, _ in inside)))
    best = sorted(sorted(held)[:_SHOWN_SENTENCES], key=lambda one: one[1])
    return tuple(_clipped(text, *sentences[number], inside) for _, number, inside in best)


def _clipped(text: str, start: int, stop: int, inside: tuple[tuple[int, int], ...]) -> Passage:
    """A sentence, or of a long one what is around its first mark."""
    if stop - start > _SENTENCE_LENGTH:
        middle = inside[0][0] if inside else start
        first = max(start, min(middle - _SENTENCE_LENGTH // 3, stop - _SENTENCE_LENGTH))
        last = min(stop, first + _SENTENCE_LENGTH)
    else:
        first, last = start, stop
    before, after = "…" if first > start else "", "…" if last < stop else ""
    shift = len(before) - first
    kept = tuple((max(a, first) + shift, min(b, last) + shift) for a, b in inside if a < last and b > first)
    return Passage(before + text[first:last] + after, kept)


# -- as text ---------------------------------------------------------------------------------------------------


def as_json(found: Found) -> str:
    """What was found, as JSON for a terminal."""
    return json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n"


def as_text(found: Found, lang: str, *, color: bool = False) -> str:
    """What was found, a block of lines each, the words shown inversely where ``color`` is allowed."""

    def marked(passage: Passage) -> str:
        parts, at = [], 0
        for start, stop in passage.marks if color else ():
            parts += [passage.text[at:start], "\x1b[7m", passage.text[start:stop], "\x1b[27m"]
            at = stop
        return "".join([*parts, passage.text[at:]])

    lines = []
    for hit in found.hits:
        where = " · ".join(
            one for one in (hit.place, hit.path, hit.title if hit.kind != "plan" else None) if one
        )
        names = "".join(f" = {marked(name)}" for name in hit.names)
        lines.append(f"[{said(hit.kind, lang)}] {marked(hit.label)}{names}")
        lines.append(f"    {where}")
        lines += [f"    “{marked(passage)}”" for passage in hit.passages]
    lines.append(said("shown", lang, shown=len(found.hits), count=found.count))
    return "\n".join(lines) + "\n"


def said(kind: str, lang: str, **values: object) -> str:
    """Words about results: what a kind is called."""
    en, zh = both("search", kind, **values)
    return en if lang == "en" else zh
