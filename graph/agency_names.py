"""Names of agencies: how they are read, by the vocabularies agency-function and agency-form alone.

A name is core + form (城管执法 + 局). A core that the stems of functions cover wholly is the principal body of these
functions; any other body is classified by patterns and stays itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from ontology.vocabulary import load_vocabularies, remembered

SCHEME = "agency-function"
CANDIDATES = 3
NEAR = 0.6
"""How similar a stem or label must be to be a candidate, from 0 to 1."""
_CONJUNCTION = re.compile(r"[和与及、]")
_QUOTES = re.compile(r"[\s“”\"‘’'《》]")
_CORPORATE = re.compile(r"(?:(?:有限)?责任|股份有限|有限)公司|集团公司")


def normal(name: str) -> str:
    """A printed name without spaces and quotation marks, its brackets in one form: （…）."""
    text = _QUOTES.sub("", unicodedata.normalize("NFKC", name))
    return re.sub(r"[(\[<〔【〈{]", "（", re.sub(r"[)\]>〕】〉}]", "）", text)).strip("、，。；：·:;,. ")


@dataclass(frozen=True)
class Body:
    """A name that is the principal body of ``functions``; ``form`` is its ending, ``whole`` where it needs none."""

    functions: tuple[str, ...]
    core: str
    form: str

    @property
    def key(self) -> str:
        return "_".join(sorted(self.functions))


def _bare(text: str) -> str:
    return _CONJUNCTION.sub("", text)


@remembered
def _stems() -> dict[str, tuple[str, ...]]:
    return _table("nameStem")


@remembered
def _whole() -> dict[str, tuple[str, ...]]:
    return _table("wholeName")


@remembered
def _others() -> frozenset[str]:
    return frozenset(
        name for concept in load_vocabularies().scheme(SCHEME) for name in concept.values("otherName")
    )


def _table(name: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for concept in load_vocabularies().scheme(SCHEME):
        for text in concept.values(name):
            found[_bare(text)] = tuple(dict.fromkeys((*found.get(_bare(text), ()), concept.key)))
    return found


@remembered
def suffixes(form: str) -> tuple[str, ...]:
    """The endings of a form of name, the longest first."""
    return tuple(
        sorted(load_vocabularies().concept("agency-form", form).values("nameSuffix"), key=len, reverse=True)
    )


@remembered
def cover(core: str) -> tuple[str, ...]:
    """The functions whose stems make up a core, in the order of their first stem; () where something is left over.

    Fewest stems win: 文化旅游 is one stem, 科技经信 two.
    """
    text = _bare(core)
    best: list[tuple[str, ...] | None] = [()] + [None] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - 16), end):
            before = best[start]
            if before is None or text[start:end] not in _stems():
                continue
            if best[end] is None or len(before) + 1 < len(best[end] or ()):
                best[end] = (*before, text[start:end])
    pieces = best[-1] or ()
    return tuple(dict.fromkeys(key for piece in pieces for key in _stems()[piece]))


@remembered
def body(name: str) -> Body | None:
    """The principal body that a name without place and level is: 科技经信局, 残联, 供电公司; None for any other."""
    if not name or name in _others():
        return None
    plain = _CORPORATE.sub("公司", name)
    if _bare(plain) in _whole():
        return Body(_whole()[_bare(plain)], name, "")
    for form in suffixes("bureau"):
        if name.endswith(form) and (functions := cover(name[: -len(form)])):
            return Body(functions, name[: -len(form)], form)
    return None


@remembered
def _patterns(name: str, scheme: str = SCHEME) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(pattern), concept.key)
        for concept in load_vocabularies().scheme(scheme)
        for pattern in concept.values(name)
    )


@remembered
def by_pattern(name: str) -> tuple[str, ...]:
    """The functions that an agency's name shows by patterns; the last ones only where there is no other."""
    for kind in ("namePattern", "lastPattern"):
        found = dict.fromkeys(key for pattern, key in _patterns(kind) if pattern.search(name))
        if found:
            return tuple(found)
    return ()


@remembered
def with_broader(keys: tuple[str, ...]) -> tuple[str, ...]:
    """The functions and those above them: 公路 is also 交通运输."""
    vocabularies = load_vocabularies()
    found = [*keys]
    for key in keys:
        found += [concept.key for concept in vocabularies.ancestors(vocabularies.concept(SCHEME, key))]
    return tuple(dict.fromkeys(found))


@remembered
def _level_words() -> re.Pattern[str]:
    return re.compile(
        r"^(?:国家|国务院|中央|全国|中国|自治[区州县旗]|[省市区县旗州盟](?:委(?=.*[部办])|人民政府|政府)?)"
    )


@remembered
def functions(name: str) -> tuple[str, ...]:
    """The functions of an agency by its name alone, with or without a level in front; () for a group.

    `graph.agency_identity.identify` knows more: it reads the name in the place that says it.
    """
    text = normal(name)
    if is_collective(text):
        return ()
    main, added = brackets(text)
    bodies = (body(main), body(_level_words().sub("", main, count=1)))
    found = next((one.functions for one in bodies if one), by_pattern(main))
    return with_broader(tuple(dict.fromkeys((*found, *(key for part in added for key in functions(part))))))


def is_collective(name: str) -> bool:
    """各街道办事处, 各有关部门: several bodies under one name."""
    return group(name) is not None


@remembered
def group(name: str) -> str | None:
    """The form of a collective name: ``group-of-place``, ``group-of-document``; None for a single body."""
    text = normal(name)
    return next(
        (key for pattern, key in _patterns("namePattern", "agency-form") if pattern.search(text)), None
    )


@remembered
def brackets(name: str) -> tuple[str, tuple[str, ...]]:
    """A normal name without its brackets, and what stands in them: 财政局（金融办、国资办） gives two more bodies."""
    inside = tuple(
        re.sub(r"^(?:含|包括|包含|挂|加挂|即)|等?[，,]?下同$|牌子$", "", part)
        for content in re.findall(r"（([^（）]*)）", name)
        for part in re.split("[、，；/]", content)
    )
    return re.sub(r"（[^（）]*）|[（）]", "", name), tuple(part for part in inside if part)


@remembered
def _labels() -> dict[str, str]:
    """Stems, whole names and Chinese labels → the function's key."""
    found: dict[str, str] = {}
    for concept in load_vocabularies().scheme(SCHEME):
        texts: Iterable[str] = (concept.label_zh, *concept.alt_labels, *concept.values("nameStem"))
        for text in (*texts, *concept.values("wholeName")):
            if len(text) >= 2 and not text.isascii():
                found.setdefault(text, concept.key)
    return found


@remembered
def candidates(core: str) -> tuple[tuple[str, str, float], ...]:
    """The functions nearest to a name that shows none: key, the label that is near, score from 0 to 1; best first."""
    labels = _labels()
    best: dict[str, tuple[str, float]] = {}
    for label, score, _ in process.extract(core, list(labels), scorer=fuzz.ratio, limit=20):
        share = round(score / 100, 2)
        if share >= NEAR and labels[label] not in best:
            best[labels[label]] = (label, share)
    return tuple((key, label, share) for key, (label, share) in list(best.items())[:CANDIDATES])
