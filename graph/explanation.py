"""A drafting explanation: which targets were added, deleted or changed on the way, at whose wish and why, and the counts
that it gives of the plan.

The forms read here: 责任单位某局将“…”指标删除; “…，…”等4项指标由市级统筹，某局建议删除; 某局建议增加“…”1项指标; 将“…”调整为“…”.
What stands between the quotation marks is read like any sentence of a plan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from graph.clauses import Years
from graph.outline import Part
from graph.reading import Passage
from graph.record import Adjustment, Funding, PlanRecord, StatedCount
from graph.targets import SentenceReader

_QUOTED = re.compile(r"[“\"]([^“”\"]*\d[^”\"]*(?:[“\"][^”\"]*[”\"][^”\"]*)*)[”\"]")
_VERBS: tuple[tuple[Literal["deleted", "added", "changed"], str], ...] = (
    ("deleted", r"删除|删减|删去|取消|剔除|不再(?:列入|设置|纳入)|不纳入"),
    ("added", r"增加|新增|补充|增设|增列"),
    ("changed", r"调整为|修改为|调减|调增|下调|上调"),
)
_AGENCY = re.compile(
    r"(?:责任单位|牵头单位|由)?(?P<name>[省市区县州旗][^，。；、“”]{1,12}?(?:局|委|办|厅|部|中心|公司|办公室))(?=将|把|建议|提出|要求|认为|反馈|申请)"
)
_ASKER = (
    r"(?:(?:责任单位|牵头单位)?[省市区县州旗][^，。；]{1,12}?(?:局|委|办|厅|部|中心)(?:将|建议|提出|申请))"
)
_WHY = re.compile(rf"(?:由于|因为|因|鉴于|考虑到)(?P<why>[^；。]+?)，(?={_ASKER})")
# …等4项指标由市级统筹，区级无职能职责，责任单位…: the reason stands between the count and the agency.
_AFTER_COUNT = re.compile(rf"项(?:目标)?指标(?:值)?[，,]?(?P<why>[^；。]*?)[，,](?={_ASKER})")
_MONEY = re.compile(
    r"(?:[（(]?[一二三四五六七八九十\d]+[）)]?[、.．])?(?:关于)?(?:资金|经费)(?:渠道|来源|安排|筹措|保障)?(?:的)?说明[。：:]?"
)
_COUNT = re.compile(r"(?P<value>\d{1,3})(?P<what>(?:项|条|个|家)(?:[^，。；：、\d“”（）]{0,12}))")


def read_explanation(record: PlanRecord, found: Sequence[Part]) -> None:
    """Read the explanation parts of a file into the record's adjustments and stated counts."""
    for part in found:
        if part.kind != "explanation":
            continue
        for block in part.blocks:
            _funding(record, block)
            for match in re.finditer(r"[^。；]+[。；]?", block.text):
                _sentence(record, block.cut(match.start(), match.end()))


def _funding(record: PlanRecord, block: Passage) -> None:
    """2.资金渠道说明。…不要求区本级配套出台财政补助政策，通过…争取甲、乙等资金…"""
    heading = _MONEY.match(block.text)
    if heading is None:
        return
    statement = block.cut(heading.end(), len(block))
    if not statement.text:
        return
    refused = re.search(
        r"(?:不要求|不需要?|无需|不涉及|不新增)[^，。；]{0,12}(?:本级|地方|配套|财政)", statement.text
    )
    asked = re.search(r"(?:本级|区级|县级|市级)(?:财政)?(?:安排|配套|列支|承担)", statement.text)
    record.funding.append(
        Funding(
            local_subsidy=False if refused else True if asked else None,
            sources=[
                name
                for match in re.finditer(
                    r"(?:统筹|争取|利用|整合)(?P<list>[^，。；]*?)(?:等(?:资金|政策)?|资金|$|，)",
                    statement.text,
                )
                for name in re.split("、|和争取|和", match["list"])
                if name
            ],
            quote=statement.text,
            span=statement.span(),
        )
    )


def _sentence(record: PlanRecord, sentence: Passage) -> None:
    text = sentence.text
    outside = text
    for quoted in _QUOTED.finditer(text):
        kind = _kind(text, quoted)
        if kind is not None:
            _adjustments(record, sentence, quoted, kind)
        outside = outside.replace(quoted.group(), "\x01" * len(quoted.group()), 1)
    for count in _COUNT.finditer(outside):
        before = re.split("[，。；：、“”\x01]", outside[: count.start()])[-1][-16:]
        record.stated_counts.append(
            StatedCount(
                what=(before + count["what"]).strip("，"),
                value=int(count["value"]),
                quote=before + count.group(),
                span=sentence.span(count.start() - len(before), count.end()),
            )
        )


def _kind(text: str, quoted: re.Match[str]) -> Literal["deleted", "added", "changed"] | None:
    """The verb nearest to the quotation, after it before before it: 将“…”删除, 建议增加“…”."""
    after = re.split("[。；“]", text[quoted.end() :])[0]
    before = re.split("[。；”]", text[: quoted.start()])[-1]
    for words in (after, before):
        for kind, verbs in _VERBS:
            if re.search(verbs, words):
                return kind
    return None


def _adjustments(
    record: PlanRecord, sentence: Passage, quoted: re.Match[str], kind: Literal["deleted", "added", "changed"]
) -> None:
    text = sentence.text
    inner = sentence.cut(quoted.start(1), quoted.end(1))
    agency = next((m for m in _AGENCY.finditer(text) if m.start() >= quoted.end()), None)
    if agency is None:
        agency = next(
            (m for m in reversed(list(_AGENCY.finditer(text))) if m.end() <= quoted.start() + 6), None
        )
    clause_end = (
        len(text)
        if (stop := re.search("[；。]", text[quoted.end() :])) is None
        else quoted.end() + stop.start()
    )
    why = _WHY.search(text, 0, clause_end) or _AFTER_COUNT.search(text, quoted.end(), clause_end + 1)
    reader = SentenceReader(inner, "", Years(), goals=False, first_year=None).read()
    for target in reader.targets:
        record.adjustments.append(
            Adjustment(
                kind=kind,
                indicator=target.indicator,
                value=target.value,
                unit=target.unit,
                target_year=target.target_year,
                value_text=target.value_text,
                agency=agency["name"] if agency else None,
                reason=why["why"].strip("，") if why else None,
                quote=target.quote,
                span=target.span,
            )
        )
