"""The sentences of this package for its users, in English and Chinese, from words.yaml."""

from __future__ import annotations

from dataclasses import dataclass

from graph.words import words_of


@dataclass(frozen=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str

    def __getitem__(self, lang: str) -> str:
        return self.en if lang == "en" else self.zh


def both(section: str, key: str, **values: object) -> tuple[str, str]:
    """One sentence in English and in Chinese, its places filled with ``values``; a Text in each language's words."""
    words = words_of("queries")[section][key]
    en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()}
    zh = {name: value.zh if isinstance(value, Text) else value for name, value in values.items()}
    return words["en"].format(**en), words["zh"].format(**zh)
