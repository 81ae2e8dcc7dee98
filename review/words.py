"""The words of worksheet and page, in zh and en, from ``templates/words.toml``; choices come from the vocabularies."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ontology.vocabulary import Concept, load_vocabularies

Lang = Literal["zh", "en"]


class Words:
    """The words in one language, by section and key."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang

    def __call__(self, section: str, key: str, **values: object) -> str:
        """A phrase with its ``{names}`` filled in; a key without words is said as it is."""
        phrase = str(self.section(section).get(key, key))
        return phrase.format(**values) if values else phrase

    @property
    def language(self) -> str:
        """The language tag for HTML."""
        return str(all_words()[self.lang]["language"])

    def section(self, name: str) -> dict[str, Any]:
        """A section of the file."""
        found: dict[str, Any] = all_words()[self.lang][name]
        return found

    def lines(self, **values: object) -> list[str]:
        """The guide to the worksheet, line by line."""
        return [line.format(**values) for line in self.section("guide")["lines"]]

    def label(self, scheme: str, key: str | None) -> str:
        """The label of a concept; "" without one."""
        if not key:
            return ""
        concept = load_vocabularies().concept(scheme, key)
        return concept.label_zh if self.lang == "zh" else concept.label_en

    def labels(self, scheme: str) -> list[str]:
        """All labels of a scheme, in its order."""
        return [self.label(scheme, concept.key) for concept in load_vocabularies().scheme(scheme)]


@cache
def all_words() -> dict[str, Any]:
    """The file of words, once."""
    return tomllib.loads((files("review") / "templates" / "words.toml").read_text(encoding="utf-8"))


def key_of(section: str, given: str) -> str | None:
    """The key that a word of a section stands for, in either language; a key stands for itself."""
    for lang in ("zh", "en"):
        for key, word in all_words()[lang][section].items():
            if given.strip().casefold() in {str(word).casefold(), key}:
                return str(key)
    return None


def concept_of(scheme: str, given: str) -> Concept | None:
    """The concept that a label, a key or a symbol (>=) names."""
    for concept in load_vocabularies().scheme(scheme):
        names = {concept.key, concept.label_zh, concept.label_en.casefold(), *concept.values("symbol")}
        if given.strip() in names or given.strip().casefold() in names:
            return concept
    return load_vocabularies().find(scheme, given.strip())
