"""Findings as Markdown (GitHub's dialect, for its tables)."""

import re
from collections.abc import Iterable, Sequence

from shapes.findings import Finding, Report
from shapes.matrix import legend, sign
from shapes.phrases import Phrases, outcomes, places
from shapes.rules import Lang

_MARKS = re.compile(r"([\\`*_\[\]<>|#~])")


def write(report: Report, lang: Lang) -> bytes:
    """Return the report as Markdown in UTF-8."""
    say = Phrases(report, lang)
    lines = [f"# {say['title']}", "", say.lead(), ""]
    if report.made:
        lines += [say["made"].format(date=report.made.isoformat()), ""]
    lines += [f"> {say['notices']}: {_plain(notice.words.said(lang))}\n" for notice in report.notices]
    found = outcomes(report)
    if found:
        columns = places(report)
        lines += [f"## {say['summary']}", ""]
        lines += _table(
            [say["outcome"], say["total"], *columns.values()],
            (
                [row.label.said(lang), str(row.total), *(str(row.counts.get(code, "")) for code in columns)]
                for row in found
            ),
        )
    lines += _matrix(report, say)
    for severity in report.summary.by_severity:
        group = [one for one in report.findings if one.severity == severity and one.status == "open"]
        if group:
            lines += ["", f"## {say['group'].format(name=say[severity], count=len(group))}"]
            lines += [line for finding in group for line in _finding(finding, say)]
    settled = [finding for finding in report.findings if finding.status != "open"]
    if settled:
        lines += ["", f"## {say['group'].format(name=say['settled'], count=len(settled))}"]
        lines += [line for finding in settled for line in _finding(finding, say)]
    lines += _effects(report, say)
    lines += ["", f"## {say['checked']}", ""]
    lines += _table(
        [say["place"], say["document"], *(say[severity] for severity in report.summary.by_severity)],
        (
            [
                say.place(one.place),
                say.titled(one.title, one.number),
                *(str(n) for n in one.findings.values()),
            ]
            for one in report.summary.documents
        ),
    )
    return ("\n".join([*lines, "", say["note"]]) + "\n").encode()


def _matrix(report: Report, say: Phrases) -> list[str]:
    matrix = report.matrix
    if matrix is None or not matrix.columns:
        return []
    signs = "　".join(f"{one.sign} {one.label.said(say.lang)}" for one in legend(matrix))
    lines = ["", f"## {say['matrix']}", "", f"{say['legend']}: {signs}"]
    for group in matrix.groups():
        names = [say.place(column.place) or column.title for column in group.columns]
        first = group.rows[0]
        heading = " ".join(filter(None, [say.place(first.place), say.titled(first.title, None)]))
        lines += ["", f"### {_plain(heading)}", ""]
        rows = []
        for row in group.rows:
            cells = [matrix.cell(row, column) for column in group.columns]
            told = [" ".join(filter(None, [sign(one.outcome).sign, one.value])) for one in cells]
            indicator = f"{row.indicator.said(say.lang)} {row.year or ''}".strip()
            rows.append([indicator, row.value or say["in_words"], *told])
        lines += _table([say["indicator"], say["target"], *names], rows)
    return lines


def _effects(report: Report, say: Phrases) -> list[str]:
    if report.effects is None:
        return []
    lines = ["", f"## {say['effects']}", "", say.effects(report.effects)]
    for effect in report.effects.changes:
        lines += ["", f"### {_plain(f'{say[effect.change]} · {say.effect(effect)}')}", ""]
        lines += [f"- **{label}** {_plain(reason)}" for label, reason in say.sides(effect)]
    return lines


def _finding(finding: Finding, say: Phrases) -> list[str]:
    heading = [say.outcome(finding), say.place(finding.place), say.subject(finding), say.year(finding)]
    lines = ["", f"### {_plain(' · '.join(filter(None, heading)))}", ""]
    for clause in finding.statements:
        lines += _clause(
            say.lower(finding), say.said(clause), clause.quote, say.document(clause), say.at(clause)
        )
    if finding.upper and not finding.statements:
        lines += [f"- **{say['lower']}** {say['absent_below']}"]
    if finding.upper:
        upper = finding.upper
        where = " ".join(filter(None, [say.at(upper), say.witness(upper)]))
        lines += _clause(say.upper(finding), say.said(upper), upper.quote, say.document(upper), where)
    told = {
        "arithmetic": say.arithmetic(finding),
        "reason": finding.reason.said(say.lang),
        "suggestion": finding.suggestion.said(say.lang),
        "status": " · ".join(filter(None, [say.status(finding), say.settlement(finding)])),
        "rests_on": say.rests_on(finding),
    }
    lines += [f"- **{say[key]}** {_plain(text)}" for key, text in told.items() if text]
    return [*lines, f"- **{say['identifier']}** `{finding.id}`"]


def _clause(label: str, said: str, quote: str, document: str, where: str) -> list[str]:
    parts = [_plain(part) for part in (said, f"“{quote}”", document, where) if part]
    return [f"- **{label}** {' · '.join(parts)}"]


def _table(top: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    told = [f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows]
    return [f"| {' | '.join(_plain(cell) for cell in top)} |", "|" + "---|" * len(top), *told]


def _plain(text: str) -> str:
    """Text without line breaks, the marks of Markdown taken as themselves."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
