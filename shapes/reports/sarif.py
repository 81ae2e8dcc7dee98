"""Findings in SARIF 2.1.0 (OASIS), which code hosts and editors show beside a text.

Explained findings are suppressed in the source, waived ones outside of it, each with its reason.
"""

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from urllib.parse import quote

from shapes.findings import Change, Clause, Finding, Report
from shapes.phrases import Phrases
from shapes.rules import Lang
from shapes.validation import Severity

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_STATES: Final[dict[Change, str]] = {"appears": "new", "changes": "updated", "disappears": "absent"}
_LEVELS: Final[dict[Severity, str]] = {"violation": "error", "warning": "warning", "info": "note"}


def write(report: Report, lang: Lang) -> bytes:
    """Return the log as JSON in UTF-8."""
    return (json.dumps(to_log(report, lang), ensure_ascii=False, indent=1) + "\n").encode()


def to_log(report: Report, lang: Lang) -> dict[str, Any]:
    """Return the log: one run, a rule for each that found something, a result for each finding.

    Of a draft, a second run has what it changes in other plans; the state against today is the baseline state.
    """
    say = Phrases(report, lang)
    index = {name: number for number, name in enumerate(report.rules)}
    level: dict[str, str] = {}
    effects = report.effects.changes if report.effects else []
    for finding in (*report.findings, *(effect.finding for effect in effects)):
        level.setdefault(finding.rule, _LEVELS[finding.severity])
    driver: dict[str, Any] = {
        "name": "Zhengmai",
        "informationUri": "https://w3id.org/zhengmai",
        "rules": [
            {
                "id": name,
                "name": note.label.en,
                "shortDescription": {"text": note.label.said(lang)},
                **({"fullDescription": {"text": note.comment.said(lang)}} if note.comment else {}),
                **({"help": {"text": note.source.said(lang)}} if note.source else {}),
                "defaultConfiguration": {"level": level.get(name, "warning")},
            }
            for name, note in report.rules.items()
        ],
    }
    try:
        driver["version"] = version("zhengmai")
    except PackageNotFoundError:  # run from a folder that was never installed
        driver["version"] = "0"
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "language": say["language"],
        "columnKind": "unicodeCodePoints",
        "artifacts": [
            {"location": {"uri": quote(one.slug)}, "description": {"text": one.title}}
            for one in report.summary.documents
        ],
        "results": [_result(finding, say, index) for finding in report.findings],
    }
    runs = [run]
    if report.effects:
        below: dict[str, Any] = {
            "tool": {"driver": driver},
            "automationDetails": {"id": "effects/", "description": {"text": say["effects"]}},
            "language": say["language"],
            "columnKind": "unicodeCodePoints",
            "artifacts": [
                {"location": {"uri": quote(one.slug)}, "description": {"text": one.title}}
                for one in (*report.effects.documents, *report.effects.above)
            ],
            "results": [
                {**_result(one.finding, say, index), "baselineState": _STATES[one.change]} for one in effects
            ],
        }
        runs.append(below)
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}


def _result(finding: Finding, say: Phrases, index: dict[str, int]) -> dict[str, Any]:
    clauses = finding.statements
    where = [_location(clause) for clause in clauses[:1]]
    if not where and finding.document:
        where = [{"physicalLocation": {"artifactLocation": {"uri": quote(finding.document)}}}]
    other = [*clauses[1:], *([finding.upper] if finding.upper else [])]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.reason.said(say.lang)},
        "locations": where,
        "partialFingerprints": {"zhengmaiFinding/v1": finding.id},
        "properties": {
            "outcome": finding.outcome,
            "place": finding.place.code if finding.place else None,
            "indicator": finding.indicator,
            "year": finding.year,
            "ratio": float(finding.ratio) if finding.ratio is not None else None,
            "restsOn": finding.rests_on,
            "suggestion": finding.suggestion.said(say.lang),
        },
    }
    if other:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": clause.quote}, **_location(clause)}
            for number, clause in enumerate(other, 1)
        ]
    # A tool that knows of suppressions asks for the list on each result or on none.
    result["suppressions"] = []
    if finding.status != "open":
        kind = "inSource" if finding.status == "explained" else "external"
        result["suppressions"] = [
            {
                "kind": kind,
                "status": "accepted",
                "justification": say.settlement(finding) or say.status(finding),
            }
        ]
    return result


def _location(clause: Clause) -> dict[str, Any]:
    """The document that holds the passage, where in its kept text, and the numbered place in it.

    The range in characters and the one in lines are the same range (SARIF 2.1.0, 3.30.4); editors want lines.
    """
    holder = clause.claimed_by or clause.document
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(holder)}}
    if clause.span:
        start, end = clause.span
        region = physical["region"] = {"charOffset": start, "charLength": end - start}
        if at := clause.lines:
            region |= {
                "startLine": at.start_line,
                "startColumn": at.start_column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            }
    location: dict[str, Any] = {
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": clause.iri, "kind": "resource"}],
    }
    if clause.path:
        location["logicalLocations"][0]["name"] = clause.path
    return location
