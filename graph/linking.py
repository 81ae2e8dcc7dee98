"""Names to concepts: indicators, domains and scopes of a record, by the vocabularies alone; agencies: agency_identity.

Each link comes with its evidence: how it was found, by which label, with which score. What cannot be linked stays
unlinked, is compared with nothing, and is listed with its nearest candidates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz import fuzz, process

from graph.record import Action, ConceptLink, LinkMethod, Measure, PlanRecord, Target
from ontology.vocabulary import Concept, load_vocabularies, remembered

CANDIDATES = 3
NEAR = Decimal("0.6")
"""How similar a label must be to be a candidate; see tests/test_linking.py for how far above chance this is."""

_PLACE = re.compile(r"^(?:[全我本][国省市区县旗州]|[省市区县](?![级政域镇场际内直乡属]))")


def link(record: PlanRecord) -> PlanRecord:
    """Fill in the concepts that a record does not give itself, each with its evidence; returns the same record."""
    record.plan.family = record.plan.family or policy_family(record.plan.title)
    for action in record.actions:
        _link_action(action)
    for target in (*record.targets, *record.cited_targets):
        _link_target(target)
        if not target.scope_domains and target.scope:
            target.scope_domains = list(scope_domains(target.scope))
    return record


def _link_action(action: Action) -> None:
    if action.domains:
        known = {one.concept: one for one in action.domain_links}
        action.domain_links = [known.get(key) or _given(key, action.title) for key in action.domains]
    else:
        action.domain_links = list(domains(action.title, *reversed(action.ancestors)))
        action.domains = [one.concept for one in action.domain_links]


def _link_target(target: Target) -> None:
    if target.concept is None:
        target.link = indicator(target.indicator, target.measure, target.unit or "")
        target.concept = target.link.concept if target.link else None
    elif target.link is None or target.link.concept != target.concept:
        target.link = _given(target.concept, _plain(target.indicator))
    near = list(candidates(target.indicator)) if target.concept is None else []
    if target.candidates != near:
        target.candidates = near


def _given(key: str, text: str) -> ConceptLink:
    return ConceptLink(concept=key, method="given", text=text)


@remembered
def policy_family(title: str) -> str | None:
    """The key of the policy family that a plan's title names; None where it names none that is known."""
    for concept in load_vocabularies().scheme("policy-family"):
        if any(keyword in title for keyword in concept.values("keyword")):
            return concept.key
    return None


@remembered
def domains(title: str, *above: str) -> tuple[ConceptLink, ...]:
    """The domains that a heading reveals; failing that its nearest heading above that reveals one."""
    for heading in (title, *above):
        found = load_vocabularies().revealed("domain", heading)
        if found:
            return tuple(
                ConceptLink(
                    concept=concept.key,
                    method="heading-keyword" if heading is title else "ancestor-keyword",
                    score=Decimal(1) if heading is title else Decimal("0.5"),
                    text=heading,
                    label=keyword,
                )
                for concept, keyword in found.items()
            )
    return ()


@remembered
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


@remembered
def _plain(phrase: str) -> str:
    """Without spaces, quotation marks, the place in front, and brackets that only include, exclude or name a unit."""
    phrase = re.sub(r"[\s“”\"‘’《》]", "", phrase)
    phrase = re.sub(r"[（(](?:含|除|不含|包括|不包括|其中)[^（()）]*[）)]", "", phrase)
    phrase = re.sub(
        r"[（(](?:单位[:：])?[十百千万亿]*([^（()）]{1,6})[）)]$",
        lambda match: "" if unit_concept(match[1]) else match[0],
        phrase,
    )
    return _PLACE.sub("", phrase)


@dataclass(frozen=True, slots=True)
class _Label:
    """A Chinese label of indicators: ``own`` is who it belongs to, ``below`` what stands below a family of that name."""

    text: str
    own: tuple[Concept, ...]
    below: tuple[Concept, ...]

    def meant(self, phrase: str, measure: Measure, unit: str) -> Concept | None:
        """The concept with this label whose measure and unit fit; of a family the only one that fits."""
        for concept in self.own:
            if _fits(concept, phrase, measure, unit):
                return concept
        fitting = [concept for concept in self.below if _fits(concept, phrase, measure, unit)]
        return fitting[0] if len(fitting) == 1 else None


@remembered
def _labels() -> dict[str, _Label]:
    """Every Chinese label of an indicator, the longest first.

    Those of a family (a concept without a measure) stand for what is below it: 工业技改投资 for its growth and for its
    amount. Shares are left out: they are shares of something that such a label does not name.
    """
    own: dict[str, dict[Concept, None]] = {}
    below: dict[str, dict[Concept, None]] = {}
    concepts = load_vocabularies().scheme("indicator")
    for concept in concepts:
        members = [c for c in concepts if concept.key in c.broader and "share" not in c.values("kind")]
        for label in concept.labels:
            if label.isascii():
                continue
            if concept.values("kind"):
                own.setdefault(_plain(label), {})[concept] = None
            else:
                below.setdefault(_plain(label), {}).update(dict.fromkeys(members))
    texts = sorted(own.keys() | below.keys(), key=lambda text: (-len(text), text))
    return {text: _Label(text, tuple(own.get(text, ())), tuple(below.get(text, ()))) for text in texts}


@remembered
def indicator(phrase: str, measure: Measure, unit: str = "") -> ConceptLink | None:
    """The indicator that a printed phrase names: by the whole phrase, else by the longest label inside it.

    Beside a label inside there may stand only words that change nothing (the scheme link-word). The measure must be
    one of the concept's kinds, the unit of its sort, and none of its look-alikes (zm:notLabel) in the phrase.
    """
    bare = _plain(phrase)
    whole = _labels().get(bare)
    concept = whole.meant(bare, measure, unit) if whole else None
    if concept:
        return ConceptLink(concept=concept.key, method="exact-label", text=bare, label=bare)
    for text, label in _labels().items():
        if text in bare and text != bare:
            concept = label.meant(bare, measure, unit)
            if concept and _beside(bare, text, concept, measure):
                score = round(Decimal(len(text)) / len(bare), 2)
                return ConceptLink(
                    concept=concept.key, method="contained-label", score=score, text=bare, label=text
                )
    return None


@remembered
def candidates(phrase: str) -> tuple[ConceptLink, ...]:
    """The nearest concepts of a phrase that cannot be linked, best first, at most `CANDIDATES`; () if none is near."""
    bare = _plain(phrase)
    found: dict[str, ConceptLink] = {}
    near = process.extract(
        bare, list(_labels()), scorer=fuzz.ratio, score_cutoff=float(NEAR * 100), limit=4 * CANDIDATES
    )
    for text, score, _ in near:
        method: LinkMethod = "other-measure" if text == bare else "nearest"
        for concept in (*_labels()[text].own, *_labels()[text].below):
            part = round(Decimal(score) / 100, 2)
            one = ConceptLink(concept=concept.key, method=method, score=part, text=bare, label=text)
            found.setdefault(concept.key, one)
    return tuple(found.values())[:CANDIDATES]


def _beside(phrase: str, label: str, concept: Concept, measure: Measure) -> bool:
    """Whether nothing but words that do not make another indicator stands before and after the label in the phrase."""
    before, _, after = phrase.partition(label)
    groups = _groups_of(concept)
    tail = (*groups, "growth-tail") if measure == "growth_rate" else groups
    return bool(_only(groups).fullmatch(before) and _only(tail).fullmatch(after))


@remembered
def _groups_of(concept: Concept) -> tuple[str, ...]:
    """The kinds of words that may stand beside the labels of a concept: neutral, and those that its labels have."""
    return (
        "neutral",
        *(
            group
            for group in ("adding", "renewing", "retiring")
            if any(word in label for label in concept.labels for word in _words(group))
        ),
    )


def _words(group: str) -> tuple[str, ...]:
    return load_vocabularies().concept("link-word", group).values("keyword")


@remembered
def _only(groups: Sequence[str]) -> re.Pattern[str]:
    words = sorted((word for group in groups for word in _words(group)), key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, words))})*")


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


@remembered
def _kin(unit: Concept) -> frozenset[str]:
    return frozenset({unit.key, *(above.key for above in load_vocabularies().ancestors(unit))})


@remembered
def unit_concept(unit: str) -> Concept | None:
    """The unit as printed, without a multiplier."""
    return load_vocabularies().find("unit", unit) if unit else None


# Below this share of the printed name a label inside it is not the name.
_IN_FULL = Decimal("0.6")


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
    """Whether the printed name is a label of its concept, or little more: not a phrase of which a label is the lesser part."""
    link = target.link
    return link is None or link.method != "contained-label" or link.score >= _IN_FULL
