"""Findings that somebody accepted: ``plans/waivers.yaml``, and what it makes of a report.

    settings:
      raised_is_warning_from: 2      # 加码 of twice what was asked, or more, is a Warning
    waivers:
      - finding: lowered.420115-jiangxia-2024.420000-hubei-2024.scrapped-car-recovery-growth.2024
        reason: 已与省商务厅商定，按本地基数调整
        author: 张三（江夏区发改局）
        date: 2024-06-01
        expires: 2025-06-01
      - rule: no_lead                # or by rule and document, and by indicator and year where there are such
        document: 420115-jiangxia-2024
        ...

A waiver changes nothing in what was found: the finding stays in every report, apart, with who accepted it and why. It
no longer asks for action. One that has expired, or that fits nothing, is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from graph import sealing
from graph.corpus_changes import write_new
from graph.errors import BadInput
from graph.record import Day, Model, Number
from shapes.findings import Finding, Notice, Report, Settlement, part_of_id
from shapes.phrases import all_words
from shapes.rules import LANGS, Words

FILE: Final = "waivers.yaml"
KEPT: Final = "waivers.json"
"""Its name in the folder of a build."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Settings(Model):
    """What an office may set: the ratio from which 加码 is a Warning; None leaves it an Info."""

    raised_is_warning_from: Annotated[Number, Field(gt=1)] | None = None


class Waiver(Model):
    """One acceptance. It names a finding, or a rule and a document and, as needed, an indicator and a year.

    ``indicator`` is the Chinese name as in a finding; without it (or without a year) all of that rule and document
    are meant. It holds from its date to the day before ``expires``.
    """

    finding: Text | None = None
    rule: Text | None = None
    document: Text | None = None
    indicator: Text | None = None
    year: int | None = None
    reason: Text
    author: Text
    date: Day
    expires: Day

    @model_validator(mode="after")
    def _names_something(self) -> "Waiver":
        by_rule = (self.rule, self.document, self.indicator, self.year)
        if self.finding is None and (self.rule is None or self.document is None):
            raise ValueError("name a finding by its identifier, or a rule and a document")
        if self.finding is not None and any(part is not None for part in by_rule):
            raise ValueError(
                "an identifier of a finding says it all: leave out rule, document, indicator and year"
            )
        if self.expires <= self.date:
            raise ValueError(f"expires on {self.expires}, which is not after its date, {self.date}")
        return self

    @property
    def name(self) -> str:
        """What it accepts, as one would look for it in the file."""
        parts = (self.rule, self.document, self.indicator, str(self.year) if self.year else None)
        return self.finding or " ".join(part for part in parts if part)

    def fits(self, finding: Finding, stands_for: Sequence[tuple[str, str]] = ()) -> bool:
        """Whether it is about a finding; ``stands_for`` as in :func:`settle`."""
        if self.finding is not None:
            return self.finding in (finding.id, *(_renamed(finding.id, *names) for names in stands_for))
        documents = {finding.document, *(name for slug, name in stands_for if slug == finding.document)}
        return (
            (finding.rule, self.document in documents) == (self.rule, True)
            and self.indicator in (None, finding.indicator)
            and self.year in (None, finding.year)
        )


def _renamed(identifier: str, slug: str, name: str) -> str:
    """A finding's identifier with one document named as another."""
    slug, name = (part_of_id(one) for one in (slug, name))
    return ".".join(name if part == slug else part for part in identifier.split("."))


class Waivers(Model):
    """``waivers.yaml``."""

    settings: Settings = Field(default_factory=Settings)
    waivers: list[Waiver] = Field(default_factory=list)


def load_waivers(folder: Path) -> Waivers:
    """Read the waivers of a folder of plans; none where there is no such file.

    Raises:
        BadInput: the file cannot be used; the message names file, entry and field.
    """
    path = folder / FILE
    if not path.exists():
        return Waivers()
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(data, dict):
        raise BadInput(f"{path}: is no mapping with the keys 'settings' and 'waivers'")
    # A key that stands there with nothing under it means none.
    data = {key: value for key, value in data.items() if value is not None}
    try:
        return Waivers.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(
            f"{path}: {_where(first['loc'])}{first['msg'].removeprefix('Value error, ')}"
        ) from error


@dataclass(frozen=True)
class AddWaiver:
    """A change of a folder of plans (see `graph.corpus_changes`): one more waiver, in the place of an older one of the same
    finding. Lines of comment at the head of the file are kept, others are not."""

    waiver: Waiver

    def apply(self, folder: Path) -> Mapping[str, Any]:
        """Write the file. Raises BadInput where the one that there is cannot be used."""
        known = load_waivers(folder)
        path = folder / FILE
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        head = "".join(takewhile(lambda line: line.startswith("#"), text.splitlines(keepends=True)))
        kept_ones = [one for one in known.waivers if one.name != self.waiver.name]
        new = known.model_copy(update={"waivers": [*kept_ones, self.waiver]})
        body = yaml.safe_dump(
            new.model_dump(mode="json", exclude_none=True), allow_unicode=True, sort_keys=False, width=120
        )
        write_new(path, (f"{head}\n{body}" if head else body).encode())
        return {"kind": "waive", "finding": self.waiver.name, "reason": self.waiver.reason}


def _where(location: Sequence[str | int]) -> str:
    """("waivers", 2, "author") as people count: entry 3 of waivers, author."""
    told = [f"entry {part + 1}" if isinstance(part, int) else part for part in location]
    return ", ".join(told) + ": " if told else ""


def keep(waivers: Waivers, build: Path) -> None:
    """Write the waivers into the folder of a build: the day decides anew each time which of them hold."""
    (build / KEPT).write_text(waivers.model_dump_json(indent=1) + "\n", encoding="utf-8")


def kept(build: Path) -> Waivers:
    """Read the waivers that a build was made with; none for a build without the file. Raises StoreError."""
    path = build / KEPT
    try:
        return Waivers.model_validate_json(sealing.read_bytes(build, KEPT))
    except FileNotFoundError:
        return Waivers()
    except (OSError, ValueError) as error:
        raise sealing.unreadable(path, error) from error


def settle(
    report: Report, waivers: Waivers, today: date, stands_for: Sequence[tuple[str, str]] | None = None
) -> Report:
    """Return a report with the waivers that hold on a day, told of those that do not, and with the settings applied.

    A build keeps its report as it was found, and its waivers beside it: the day decides each time which of them hold.
    Of a draft, ``stands_for`` has its slug and the slugs of documents whose waivers hold for it too, pair by pair; that
    a waiver fits nothing in the report on a draft is not worth telling.
    """
    findings, told = settled(report.findings, waivers, today, stands_for)
    notices = [notice for notice in report.notices if not notice.kind.startswith("waiver_")]
    return report.with_findings(findings).model_copy(update={"notices": [*notices, *told]})


def settled(
    found: Sequence[Finding],
    waivers: Waivers,
    today: date,
    stands_for: Sequence[tuple[str, str]] | None = None,
) -> tuple[list[Finding], list[Notice]]:
    """Findings, in their order, with the waivers that hold on a day, and what is to be told of those that do not.

    ``found`` may be all, or those alone that a waiver or a setting may change; ``stands_for`` as in :func:`settle`.
    """
    findings = [_severity(_reopened(finding), waivers.settings) for finding in found]
    notices = []
    for waiver in waivers.waivers:
        fitting = [at for at, finding in enumerate(findings) if waiver.fits(finding, stands_for or ())]
        if not fitting and stands_for is not None:
            continue
        if not fitting:
            notices.append(_notice("waiver_idle", waiver, 0))
        elif today >= waiver.expires:
            notices.append(_notice("waiver_expired", waiver, len(fitting)))
        elif today >= waiver.date:
            settlement = Settlement(
                reason=Words(zh=waiver.reason, en=waiver.reason),
                author=waiver.author,
                date=waiver.date,
                expires=waiver.expires,
            )
            for at in fitting:
                if findings[at].status == "open":
                    findings[at] = findings[at].model_copy(
                        update={"status": "waived", "settlement": settlement}
                    )
    return findings, notices


def _reopened(finding: Finding) -> Finding:
    if finding.status != "waived":
        return finding
    return finding.model_copy(update={"status": "open", "settlement": None})


def _severity(finding: Finding, settings: Settings) -> Finding:
    """加码 by more than an office wants to pass over is a Warning, and says from which ratio on."""
    limit, ratio = settings.raised_is_warning_from, finding.ratio
    if limit is None or ratio is None or ratio <= 0 or finding.outcome != "raised":
        return finding
    if finding.severity != "info" or max(ratio, 1 / ratio) < limit:
        return finding
    said = {lang: all_words()[lang]["raised_far"].format(ratio=_plain(limit)) for lang in LANGS}
    reason = Words(zh=finding.reason.zh + said["zh"], en=f"{finding.reason.en} {said['en']}")
    return finding.model_copy(update={"severity": "warning", "reason": reason})


def _notice(kind: str, waiver: Waiver, count: int) -> Notice:
    values = {
        "waiver": waiver.name,
        "author": waiver.author,
        "date": waiver.date,
        "expires": waiver.expires,
        "count": count,
    }
    return Notice(
        kind=kind, words=Words(**{lang: all_words()[lang][kind].format(**values) for lang in LANGS})
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize() + 0:f}"
