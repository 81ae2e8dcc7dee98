"""What an index for search holds, to compare two."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from graph import databases
from graph.search_index import FILE

_TABLES = (
    "SELECT kind, code, document, iri, path, label, names, text, start, stop FROM entry JOIN content USING (id)",
    "SELECT key, iri FROM name JOIN content ON content.id = name.entry",
    "SELECT agency.iri, content.iri FROM agency JOIN content USING (id)",
    "SELECT * FROM spelling",
    "SELECT * FROM document",
    # What the full-text table counts itself: each token, in how many entries it is and how often.
    "SELECT term, doc, cnt FROM vocabulary",
)


def index_contents(folder: Path) -> list[list[Any]]:
    """All that the index of a build holds, without its own numbers, in order."""
    with closing(databases.opened(folder / FILE)) as base:
        base.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)")
        return [sorted(base.execute(sql).fetchall(), key=repr) for sql in _TABLES]
