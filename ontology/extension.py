"""Vocabularies that a folder of plans brings along: more concepts, and more words for concepts that there are.

>>> vocabularies = with_files(turtle_files(Path("plans")))
>>> with using(vocabularies):  # doctest: +SKIP
...     link(record)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rdflib import Graph, URIRef

from ontology.terms import concept_iri, scheme_iri
from ontology.vocabulary import (
    SCHEMES,
    Vocabularies,
    VocabularyError,
    package_vocabularies,
    read_scheme,
    vocabulary_graph,
)

FOLDER: Final = "vocabularies"
"""The folder of them, in a folder of plans and in that of a build."""


def turtle_files(folder: Path) -> tuple[Path, ...]:
    """The vocabulary files of a folder of plans or of a build, by name; () where it has none."""
    return tuple(sorted((folder / FOLDER).glob("*.ttl")))


def with_files(paths: Sequence[Path]) -> Vocabularies:
    """The vocabularies of the package and of these files together; the same object for files of the same content.

    Raises:
        VocabularyError: a file cannot be read, is not Turtle, says something of what is in no scheme, or breaks the
            rules of its scheme; the message names the file.
    """
    return with_texts(texts_of(paths))


def texts_of(paths: Iterable[Path]) -> tuple[tuple[str, str], ...]:
    """Files with what stands in them. Raises VocabularyError for one that cannot be read."""
    return tuple((str(path), _text(path)) for path in paths)


def with_texts(sources: tuple[tuple[str, str], ...]) -> Vocabularies:
    """As `with_files`, of files that were read already: name and text."""
    return _read(sources) if sources else package_vocabularies()


def merged_graphs(paths: Iterable[Path]) -> tuple[dict[str, Graph], dict[URIRef, str]]:
    """The triples of each scheme with those of the files, and for what the files speak of, the file."""
    return _merged(texts_of(paths))


@lru_cache(maxsize=8)
def _read(sources: tuple[tuple[str, str], ...]) -> Vocabularies:
    graphs, files = _merged(sources)
    return Vocabularies(MappingProxyType({s: read_scheme(s, graphs[s], files) for s in SCHEMES}))


def _merged(sources: tuple[tuple[str, str], ...]) -> tuple[dict[str, Graph], dict[URIRef, str]]:
    graphs = {scheme: vocabulary_graph(scheme) for scheme in SCHEMES}
    files: dict[URIRef, str] = {}
    for name, text in sources:
        try:
            added = Graph().parse(data=text, format="turtle")
        except Exception as error:  # rdflib's Turtle reader raises several kinds, BadSyntax among them
            raise VocabularyError(f"{name}: is not readable as Turtle: {error}") from error
        for subject, predicate, value in added:
            scheme = _scheme_of(str(subject))
            if scheme is None or not isinstance(subject, URIRef):
                raise VocabularyError(
                    f"{name}: {subject} belongs to no scheme; the address of an indicator, for example, begins with "
                    f"<{concept_iri('indicator', '')}>; the schemes are: {', '.join(SCHEMES)}"
                )
            graphs[scheme].add((subject, predicate, value))
            files[subject] = name
    return graphs, files


def _scheme_of(subject: str) -> str | None:
    for scheme in SCHEMES:
        if subject == str(scheme_iri(scheme)) or subject.startswith(concept_iri(scheme, "")):
            return scheme
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VocabularyError(f"{path}: cannot be read: {error}") from error
