"""Names to concepts: indicators, domains, scopes and agencies of a record, by the vocabularies alone.

What cannot be linked stays unlinked: a target without a concept keeps its printed name, and is compared with nothing.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from graph.record import Measure, PlanRecord, Target
from ontology.vocabulary import Concept, load_vocabularies

_PLACE = re.compile(r"^(?:全[国省市区县旗州]|我[省市区县旗州]|[省市区县](?=[^级]))")
_COLLECTIVE = re.compile(
    r"^(?:各|有关|相关|其他|所有|其它)|(?:有关|相关|其他各?|各有关)(?:部门|单位)|成员单位$"
    r"|^(?:街道办事处|乡镇|镇街|园区|街道|乡镇街道|镇人民政府|乡镇人民政府|开发区)$"
)


def link(record: PlanRecord) -> PlanRecord:
    """Fill in the concepts that a record does not give itself; returns the same record."""
    record.plan.family = record.plan.family or policy_family(record.plan.title)
    for action in record.actions:
        if not action.domains:
            action.domains = list(domains(action.title, *reversed(action.ancestors)))
    for target in (*record.targets, *record.cited_targets):
        if target.concept is None:
            found = indicator(target.indicator, target.measure, target.unit or "")
            target.concept = found.key if found else None
        if not target.scope_domains and target.scope:
            target.scope_domains = list(scope_domains(target.scope))
    return record


@lru_cache(maxsize=1_000)
def policy_family(title: str) -> str | None:
    """The key of the policy family that a plan's title names; None where it names none that is known."""
    for concept in load_vocabularies().scheme("policy-family"):
        if any(keyword in title for keyword in concept.values("keyword")):
            return concept.key
    return None


@lru_cache(maxsize=20_000)
def domains(title: str, *above: str) -> tuple[str, ...]:
    """Keys of the domains that a heading reveals; failing that its nearest heading above that reveals one."""
    for heading in (title, *above):
        found = load_vocabularies().matching("domain", heading)
        if found:
            return tuple(concept.key for concept in found)
    return ()


@lru_cache(maxsize=20_000)
def scope_domains(scope: str) -> tuple[str, ...]:
    """Keys of the fields that a scope lists (工业、农业等领域); () unless every one of them is known."""
    if "、" not in scope and not re.search(r"(?:领域|行业)$", scope):
        return ()
    bare = re.sub(r"等?(?:[一二三四五六七八九十\d]+(?:大|个)?)?(?:重点)?(?:领域|行业)$", "", scope)
    bare = _PLACE.sub("", bare)
    keys: list[str] = []
    for name in re.split("[、和及]", bare):
        exact = load_vocabularies().find("domain", name)
        found = (exact,) if exact else load_vocabularies().matching("domain", name)
        if not found:
            return ()
        keys += [concept.key for concept in found]
    return tuple(dict.fromkeys(keys))


def _plain(phrase: str) -> str:
    """Without spaces, quotation marks, brackets that only include or exclude, and the place in front."""
    phrase = re.sub(r"[（(](?:含|除|不含|包括|不包括)[^（()）]*[）)]", "", re.sub(r"[\s“”\"‘’]", "", phrase))
    return _PLACE.sub("", phrase)


@cache
def _labels() -> tuple[tuple[str, Concept], ...]:
    """Every Chinese label of an indicator, the longest first."""
    found = [
        (_plain(label), concept)
        for concept in load_vocabularies().scheme("indicator")
        for label in concept.labels
        if not label.isascii()
    ]
    return tuple(sorted(found, key=lambda pair: -len(pair[0])))


@lru_cache(maxsize=50_000)
def indicator(phrase: str, measure: Measure, unit: str = "") -> Concept | None:
    """The indicator that a printed phrase names: by the whole phrase, else by the longest label inside it.

    The measure must be one of the concept's kinds, and none of its look-alikes (zm:notLabel) may stand in the phrase.
    """
    bare = _plain(phrase)
    for label, concept in _labels():
        if label == bare and _fits(concept, bare, measure, unit):
            return concept
    if re.search(r"[（(].+[）)]$", bare):
        # 更新供水设施（阀门类）: a part of what the name before the bracket counts, not the whole.
        return None
    for label, concept in _labels():
        if len(label) >= 4 and label in bare and _fits(concept, bare, measure, unit):
            return concept
    return None


def _fits(concept: Concept, phrase: str, measure: Measure, unit: str) -> bool:
    if measure not in concept.values("kind") or any(word in phrase for word in concept.values("notLabel")):
        return False
    printed = unit_concept(unit)
    if not printed or not concept.values("unit"):
        return True
    return any(
        _kin(printed) & _kin(load_vocabularies().concept("unit", key)) for key in concept.values("unit")
    )


def same_unit(one: str, other: str) -> bool:
    """Whether two printed units count the same way: 家 and 个, 台 and 台套 do, % and 家 do not."""
    first, second = unit_concept(one), unit_concept(other)
    return one == other or bool(first and second and _kin(first) & _kin(second))


def _kin(unit: Concept) -> frozenset[str]:
    return frozenset({unit.key, *(above.key for above in load_vocabularies().ancestors(unit))})


@lru_cache(maxsize=1_000)
def unit_concept(unit: str) -> Concept | None:
    """The unit as printed, without a multiplier."""
    return load_vocabularies().find("unit", unit) if unit else None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(pattern), concept.key)
        for concept in load_vocabularies().scheme("agency-function")
        for pattern in concept.values("namePattern")
    )


@lru_cache(maxsize=50_000)
def agency_functions(name: str) -> tuple[str, ...]:
    """Keys of the functions that an agency's name shows; a merged bureau has several."""
    if is_collective(name):
        return ()
    return tuple(dict.fromkeys(key for pattern, key in _patterns() if pattern.search(name)))


def is_collective(name: str) -> bool:
    """各街道办事处, 各有关部门: several bodies under one name."""
    return bool(_COLLECTIVE.search(name))


def comparison_key(target: Target) -> str:
    """What a target is about, for comparing: its concept, else its own words."""
    return target.concept or plain_key(target.indicator)


def plain_key(phrase: str) -> str:
    """What a printed name is compared by where no concept is known."""
    return "text:" + _plain(phrase)


def is_additive(target: Target) -> bool:
    """Whether the values of the places below a place may be added up; not known of an indicator in no vocabulary."""
    if target.concept is None:
        return False
    return load_vocabularies().concept("indicator", target.concept).value("additive") == "true"


def is_named_in_full(target: Target) -> bool:
    """Whether the printed name is a label of the concept as a whole, not a longer phrase that contains one."""
    if target.concept is None:
        return True
    bare = _plain(target.indicator)
    return any(label == bare and concept.key == target.concept for label, concept in _labels())
