"""Graphs that people put in: one file of N-Quads a graph, in ``graphs/`` of the folder of plans.

Their names begin with ``graph:user/``, so that none can stand in the way of one that the program makes. They are put into
a store of their own beside the program's, with all that is in that: no finding rests on them, and no answer to a question,
only a query that names its graphs sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

import pyoxigraph as ox

from graph.errors import BadInput
from ontology import terms

FOLDER: Final = "graphs"
PREFIX: Final = str(terms.GRAPH["user/"])
STORE: Final = "store-with-user-graphs"
"""The folder beside the store, where there are such graphs."""
_NAME: Final = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")


def is_user_graph(iri: str) -> bool:
    """Whether a graph of this name may be put in."""
    name = iri.removeprefix(PREFIX)
    return iri.startswith(PREFIX) and len(name) <= 150 and _NAME.fullmatch(name) is not None


def file_name(iri: str) -> str:
    """The file of a graph, for its name. Raises BadInput for the name of another graph."""
    if not is_user_graph(iri):
        raise BadInput(f"{iri}: is no name of a graph that may be put in; such begin with {PREFIX}")
    return f"{quote(iri.removeprefix(PREFIX), safe='')}.nq"


def graph_files(folder: Path) -> tuple[Path, ...]:
    """The files of a folder of plans. Raises BadInput for one whose name is no graph's."""
    found = sorted(path for path in (folder / FOLDER).glob("*.nq") if not path.name.startswith("."))
    for path in found:
        if not is_user_graph(_iri(path)):
            raise BadInput(f"{path}: its name is no graph's; rename or remove it")
    return tuple(found)


def read_graph(path: Path) -> list[ox.Quad]:
    """The quads of a file. Raises BadInput, naming it, for what is no N-Quads or of another graph."""
    name = ox.NamedNode(_iri(path))
    try:
        quads = list(ox.parse(path=str(path), format=ox.RdfFormat.N_QUADS))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read as N-Quads: {error}") from error
    other = next((quad for quad in quads if quad.graph_name != name), None)
    if other is not None:
        raise BadInput(f"{path}: holds a quad of {other.graph_name}; all must be of {name}")
    return quads


def load(store: Path, files: Iterable[Path]) -> int:
    """Put graphs into a store that nobody reads yet; returns how many quads there are more."""
    chosen = list(files)
    if not chosen:
        return 0
    opened = ox.Store(str(store))
    before = len(opened)
    for path in chosen:
        opened.add_graph(ox.NamedNode(_iri(path)))  # one without quads is there too
        opened.extend(read_graph(path))
    opened.flush()
    return len(opened) - before


def _iri(path: Path) -> str:
    return PREFIX + unquote(path.name.removesuffix(".nq"))
