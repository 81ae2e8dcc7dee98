"""The words of the report pages, and the small phrases and counts that text and HTML share."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from ontology.terms import ID
from shapes.facts import Place
from shapes.findings import Clause, Effect, Effects, Finding, Report
from shapes.rules import Lang, Words
from shapes.validation import Severity


class Phrases:
    """The words of the page in one language, and the small phrases that text and HTML share."""

    def __init__(self, report: Report, lang: Lang) -> None:
        self.lang: Lang = lang
        self.words: Mapping[str, str] = all_words()[lang]
        self._report = report

    def __getitem__(self, key: str) -> str:
        return self.words[key]

    def lead(self) -> str:
        """One sentence with the counts."""
        summary = self._report.summary
        if not summary.findings:
            return self["none"]
        lead = self["lead"].format(
            documents=len(summary.documents), findings=sum(summary.open.values()), **summary.open
        )
        settled = {status: summary.by_status.get(status, 0) for status in ("explained", "waived")}
        lead += self["lead_settled"].format(**settled) if any(settled.values()) else ""
        equal = summary.comparisons.get("equal", 0)
        return lead + (self["lead_equal"].format(equal=equal) if equal else "")

    def effects(self, told: Effects) -> str:
        """What a draft changes for other plans, with the counts."""
        plans = [self["effects_below"].format(documents=len(told.documents))] if told.documents else []
        plans += [self["effects_above"].format(title=one.title) for one in told.above]
        key = "effects_lead" if told.changes else "effects_none"
        lead = self[key].format(plans=self["effects_and"].join(plans), **told.counts())
        space = " " if self.lang == "en" else ""
        return lead + (space + self["effects_more"].format(count=told.more) if told.more else "")

    def effect(self, effect: Effect) -> str:
        """What an effect is about: outcome, place, matter, year."""
        one = effect.finding
        parts = [self.outcome(one), self.place(one.place), self.subject(one), self.year(one)]
        return " · ".join(filter(None, parts))

    def sides(self, effect: Effect) -> list[tuple[str, str]]:
        """The reasons of a finding as it is and as it would be, each with what it is called; those that there are."""
        sides = (("effect_before", effect.before), ("effect_after", effect.after))
        return [(self[key], one.reason.said(self.lang)) for key, one in sides if one is not None]

    def outcome(self, finding: Finding) -> str:
        """What the finding is called."""
        return self._report.rules[finding.rule].label.said(self.lang)

    def subject(self, finding: Finding) -> str:
        """What it is about: the indicator, else the task, else the document, else the node."""
        indicator = (finding.indicator_en if self.lang == "en" else None) or finding.indicator
        task = finding.lower.quote if finding.lower else None
        return indicator or task or finding.document_title or finding.source.focus.removeprefix(str(ID))

    def year(self, finding: Finding) -> str:
        """The target year, or nothing."""
        return self["year"].format(year=finding.year) if finding.year else ""

    def document(self, clause: Clause) -> str:
        """The document that a clause binds: 《…实施方案》（赣区府发〔2024〕2号）."""
        return self.titled(clause.title, clause.number)

    def titled(self, title: str | None, number: str | None) -> str:
        """A title with its marks, and the number where there is one."""
        after = self["number_of"].format(number=number) if number else ""
        return (self["title_of"].format(title=title) if title else "") + after

    def witness(self, clause: Clause) -> str:
        """Who tells us of the clause, where that is another document than the one it binds; or nothing."""
        if clause.claimed_by is None:
            return ""
        return self["claimed_by"].format(document=self.titled(clause.claimed_by_title, None))

    def said(self, clause: Clause) -> str:
        """The value in words, of a task its agencies; nothing for a target that is words already."""
        is_words = clause.comparator is not None and clause.value is None
        return clause.said.said(self.lang) if clause.said and not is_words else ""

    def at(self, clause: Clause) -> str:
        """The place in the document."""
        return self["at"].format(path=clause.path) if clause.path else ""

    def lower(self, finding: Finding) -> str:
        """What the first passage is called: 本级, or as the rule says."""
        words = self._report.rules[finding.rule].lower
        return words.said(self.lang) if words else self["lower"]

    def upper(self, finding: Finding) -> str:
        """What the second passage is called: 上级, or as the rule says."""
        words = self._report.rules[finding.rule].upper
        return words.said(self.lang) if words else self["upper"]

    def status(self, finding: Finding) -> str:
        """Whether it is open, explained or waived."""
        return self[finding.status]

    def settlement(self, finding: Finding) -> str:
        """Why it is no longer open: who waived it and why, or what the text says; nothing for what is open."""
        settled = finding.settlement
        if finding.status == "open" or settled is None:
            return ""
        reason = settled.reason.said(self.lang)
        if finding.status == "explained":
            quote = self["quote_of"].format(quote=settled.quote) if settled.quote else ""
            return self["explained_by"].format(reason=reason) + quote
        told = self["waived_by"].format(author=settled.author or "", date=settled.date or "", reason=reason)
        return told + (self["waived_until"].format(expires=settled.expires) if settled.expires else "")

    def arithmetic(self, finding: Finding) -> str:
        """The sum behind the ratio, or nothing."""
        return finding.arithmetic.said(self.lang) if finding.arithmetic else ""

    def place(self, place: Place | None) -> str:
        """The name of a place, or nothing."""
        return place.name if place else ""

    def rests_on(self, finding: Finding) -> str:
        """What the finding rests on."""
        words = self._report.grounds.get(finding.rests_on)
        return words.said(self.lang) if words else finding.rests_on


@dataclass(frozen=True, slots=True)
class Row:
    """What is called by one name, counted by code of place ("" without a place)."""

    label: Words
    severity: Severity
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def outcomes(report: Report, *, settled: bool = False) -> list[Row]:
    """Return what was found by name, gravest first; the many rules about the data itself share one name.

    What is explained or waived is counted with ``settled`` only.
    """
    counted: dict[Words, Counter[str]] = {}
    severity: dict[Words, Severity] = {}
    for finding in report.findings:
        if finding.status != "open" and not settled:
            continue
        label = report.rules[finding.rule].label
        counted.setdefault(label, Counter())[finding.place.code if finding.place else ""] += 1
        severity.setdefault(label, finding.severity)
    return [Row(label, severity[label], counts) for label, counts in counted.items()]


def places(report: Report) -> dict[str, str]:
    """Return the places that have findings, code to name, in the order of the documents checked."""
    known = {d.place.code: d.place.name for d in report.summary.documents if d.place}
    found = {f.place.code: f.place.name for f in report.findings if f.place}
    return {code: name for code, name in {**known, **found}.items() if code in found}


@lru_cache(maxsize=1)
def all_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of templates/words.toml by language."""
    return tomllib.loads((files("shapes") / "templates" / "words.toml").read_text("utf-8"))
