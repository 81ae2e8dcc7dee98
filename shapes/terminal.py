"""Findings for a terminal, or for a plain text file."""

from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shapes.findings import Clause, Effect, Finding, Report
from shapes.phrases import Phrases, outcomes, places
from shapes.rules import Lang
from shapes.validation import Severity

_STYLE: Final[dict[Severity, str]] = {"violation": "bold red", "warning": "yellow", "info": "cyan"}
_MOST_PLACES: Final = 8  # more columns than that do not fit a terminal


def write_text(report: Report, lang: Lang, *, limit: int | None, color: bool, width: int) -> str:
    """Return a report as lines of ``width`` columns: counts, then the findings, gravest first."""
    out, say = StringIO(), Phrases(report, lang)
    console = Console(file=out, width=width, force_terminal=color, no_color=not color, highlight=False)
    console.print(Text(say["title"], style="bold"))
    console.print(Text(say.lead()))
    if report.findings:
        console.print()
        console.print(_counts(report, say))
    for notice in report.notices:
        console.print(Text(f"{say['notices']}: {notice.words.said(lang)}", style="yellow"))
    listed = report.findings if limit is None else report.findings[:limit]
    number = 1
    for severity in _STYLE:
        of_it = [one for one in listed if one.severity == severity and one.status == "open"]
        if not of_it:
            continue
        console.print()
        heading = say["group"].format(name=say[severity], count=report.summary.open[severity])
        console.rule(Text(heading, style=_STYLE[severity]), align="left")
        for group in _groups(of_it):
            console.print()
            console.print(_sheet(group[0], say, number) if len(group) == 1 else _list(group, say, number))
            number += len(group)
    settled = [finding for finding in listed if finding.status != "open"]
    if settled:
        console.print()
        count = sum(1 for finding in report.findings if finding.status != "open")
        console.rule(Text(say["group"].format(name=say["settled"], count=count)), align="left")
    for finding in settled:
        console.print()
        console.print(_sheet(finding, say, number))
        number += 1
    if len(listed) < len(report.findings):
        console.print()
        console.print(Text(say["more"].format(count=len(report.findings) - len(listed))))
    if report.effects:
        console.print()
        console.rule(Text(say["effects"]), align="left")
        console.print(Text(say.effects(report.effects)))
        for effect in report.effects.changes:
            console.print()
            console.print(_effect(effect, say))
    # rich fills lines up to the width, which without colours is nothing but trailing blanks
    return out.getvalue() if color else "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def _counts(report: Report, say: Phrases) -> Table:
    """Outcomes down, places across."""
    columns = places(report)
    if len(columns) > _MOST_PLACES:
        columns = {}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(say["outcome"], no_wrap=True)
    for name in columns.values():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(say["total"], justify="right", no_wrap=True)
    for row in outcomes(report):
        label = Text(row.label.said(say.lang), style=_STYLE[row.severity])
        table.add_row(label, *(str(row.counts.get(code, "")) for code in columns), str(row.total))
    return table


def _groups(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Findings one by one; but neighbours of one rule and plan together, where there is no upper side to show."""
    group: list[Finding] = []
    for finding in findings:
        key = (finding.rule, finding.document)
        if group and (finding.upper or key != (group[-1].rule, group[-1].document)):
            yield group
            group = []
        group.append(finding)
        if finding.upper:
            yield group
            group = []
    if group:
        yield group


def _heading(finding: Finding, say: Phrases, parts: Sequence[str], number: str) -> Text:
    title = Text(f"{number} ").append(say.outcome(finding), style=_STYLE[finding.severity])
    for part in filter(None, parts):
        title.append(f" · {part}", style="bold")
    return title


def _sheet(finding: Finding, say: Phrases, number: int) -> Table:
    """One finding, one passage under the other."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for clause in finding.statements:
        rows.add_row(say.lower(finding), _passage(clause, say, ""))
    if finding.upper and not finding.statements:
        absent = Text(say["absent_below"])
        rows.add_row(
            say["lower"], absent.append("\n" + say.titled(finding.document_title, None), style="dim")
        )
    if finding.upper or finding.is_own:
        rows.add_row(say.upper(finding), _passage(finding.upper, say, say["absent_above"]))
    rows.add_row(say["reason"], Text(finding.reason.said(say.lang)))
    rows.add_row(say["suggestion"], Text(finding.suggestion.said(say.lang)))
    if finding.status != "open":
        told = say.settlement(finding)
        rows.add_row(say["status"], Text(" · ".join(filter(None, [say.status(finding), told]))))
    rows.add_row(say["identifier"], Text(finding.id, style="dim", overflow="fold"))
    place = finding.place.name if finding.place else ""
    return _with_heading(
        _heading(finding, say, [place, say.subject(finding), say.year(finding)], f"{number}."), rows
    )


def _passage(clause: Clause | None, say: Phrases, absent: str) -> Text:
    if clause is None:
        return Text(absent)
    text = Text()
    first = " ".join(filter(None, [clause.place.name if clause.place else "", say.said(clause)]))
    text.append(f"{first}\n" if first else "", style="bold")
    text.append(say["quote_of"].format(quote=clause.quote) + "\n")
    where = [say.document(clause), say.at(clause), say.witness(clause)]
    return text.append(" · ".join(filter(None, where)), style="dim")


def _effect(effect: Effect, say: Phrases) -> Table:
    """One effect on another plan: the finding as it is, and as it would be."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for label, reason in say.sides(effect):
        rows.add_row(label, Text(reason))
    heading = Text(say[effect.change], style=_STYLE[effect.finding.severity])
    return _with_heading(heading.append(f" · {say.effect(effect)}", style="bold"), rows)


def _list(group: Sequence[Finding], say: Phrases, number: int) -> Table:
    """Findings of one rule in one plan: what they share once, then one by one."""
    first = group[0]
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", justify="right", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("", Text(first.suggestion.said(say.lang), style="dim"))
    for place, finding in enumerate(group, number):
        clause, line = finding.lower, Text(say.subject(finding), style="bold")
        if clause is None:
            line.append("\n" + finding.reason.said(say.lang), style="not bold")
        else:
            said = "  ".join(filter(None, [say.year(finding), say.said(clause)]))
            line.append(f"  {said}" if said else "", style="not bold")
            line.append(
                "\n" + say["quote_of"].format(quote=clause.quote) if finding.is_own else "", style="not bold"
            )
            line.append(f"  {say.at(clause)}", style="not bold dim")
        rows.add_row(f"{place}.", line)
    where = say.titled(first.document_title, first.lower.number if first.lower else None)
    return _with_heading(_heading(first, say, [where], f"{number}–{number + len(group) - 1}."), rows)


def _with_heading(heading: Text, rows: Table) -> Table:
    sheet = Table.grid()
    sheet.add_column(overflow="fold")
    sheet.add_row(heading)
    sheet.add_row(Padding(rows, (0, 0, 0, 4)))
    return sheet
