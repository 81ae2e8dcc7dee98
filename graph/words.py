"""The sentences of this package for its users, in English and Chinese, from words.yaml."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

Words = dict[str, dict[str, dict[str, str]]]


@cache
def words_of(package: str, file: str = "words.yaml") -> Words:
    """All sentences of a file of a package: by section, key and language."""
    data: Words = yaml.safe_load(files(package).joinpath(file).read_text(encoding="utf-8"))
    return data


def both(section: str, key: str, **values: object) -> tuple[str, str]:
    """One sentence in English and in Chinese, its places filled with ``values``."""
    words = words_of("graph")[section][key]
    return words["en"].format(**values), words["zh"].format(**values)


def said(lang: str, section: str, key: str, **values: object) -> str:
    """One sentence in one language, "zh" or "en"."""
    en, zh = both(section, key, **values)
    return zh if lang == "zh" else en
