"""Levels and versions held against each other: ``check``, ``diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.common import DATA, Data, Lang, StoreUrl, connection_to, give, one_of, tell, terminal_width
from graph.errors import BadInput

if TYPE_CHECKING:
    from graph.record import PlanRecord
    from shapes.findings import Report

app = typer.Typer()


@app.command(
    epilog="Example: zhengmai check --place 赣县区 --format html > report.html; "
    "zhengmai check --draft draft.docx --jurisdiction 420503 --format docx --output report.docx"
)
def check(
    data: Data = DATA,
    format: Annotated[
        str,
        typer.Option("--format", help="text, html, docx, xlsx, markdown, json, csv, turtle or sarif."),
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; docx and xlsx need one.")
    ] = None,
    draft: Annotated[
        Path | None,
        typer.Option("--draft", help="Check this document against the built plans, without adding it."),
    ] = None,
    jurisdiction: Annotated[
        str | None,
        typer.Option(
            "--jurisdiction", help="Code or full name of the draft's place, if its title does not tell."
        ),
    ] = None,
    status: Annotated[
        str, typer.Option("--status", help="What to take the draft for: draft or issued.")
    ] = "draft",
    lang: Lang = "zh",
    place: Annotated[
        str | None, typer.Option("--place", help="Only this place: its name or six-digit code.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="Print the gravest N only (text).")
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Print what the check of the built plans, or of a draft, found: the gravest first, both passages each.

    Exit code 1 if any needs action.
    """
    from graph.build import open_current
    from shapes import reports

    one_of("--lang", lang, ("zh", "en"))
    build = open_current(data)
    if draft is not None:
        report = _drafted(draft, build, jurisdiction, status, store)
    else:
        report = _judged(build, store) if store else _report(build)
    if draft is None and jurisdiction is not None:
        raise BadInput("--jurisdiction goes with --draft; for one place of the built plans give --place")
    if place is not None:
        report = report.of_place(place)
    form = reports.form_of(format)
    color = output is None and sys.stdout.isatty()
    if form.binary and color:
        raise BadInput(f"--format {format}: is no text for a terminal; give --output report.{form.suffix}")
    body = reports.write(report, form.name, lang, limit=limit, color=color, width=terminal_width())
    give(body, output)
    if report.summary.open["violation"]:
        raise typer.Exit(1)


@app.command(
    epilog="Example: zhengmai diff 420503-wujiagang-2024-draft issued.docx --format html > changes.html"
)
def diff(
    before: Annotated[
        str, typer.Argument(help="The older version: a document, or the name of a built plan.")
    ],
    after: Annotated[str, typer.Argument(help="The newer version: a document, or the name of a built plan.")],
    data: Data = DATA,
    format: Annotated[str, typer.Option("--format", help="text, json or html.")] = "text",
    lang: Lang = "zh",
) -> None:
    """Compare two versions of a plan: tasks, agencies, targets. Exit code 0 if they are the same, 1 if they differ."""
    from graph.build import current_build
    from graph.catalog import vocabularies_of
    from graph.differences import differences
    from ontology.vocabulary import using
    from shapes import changes

    one_of("--lang", lang, ("zh", "en"))
    one_of("--format", format, changes.FORMATS)
    # Documents are read by the words of the build; before there is one, by those beside the newer document.
    with using(vocabularies_of(current_build(data) or Path(after).parent)):
        found = differences(_version(before, data), _version(after, data))
        sys.stdout.write(changes.render(found, format, "en" if lang == "en" else "zh"))
    if not found.is_same:
        raise typer.Exit(1)


def _report(folder: Path) -> Report:
    from datetime import date

    from shapes.finding_store import report_of

    return report_of(folder, date.today())  # noqa: DTZ011 - the day where the report is read


def _judged(build: Path, store: str) -> Report:
    """The report on what a store holds, judged now; the waivers are those of the build here."""
    import tempfile

    from graph.remote_publishing import Watcher
    from graph.remote_store import RemoteStore
    from shapes.judging import judge_store
    from shapes.lines import Texts
    from shapes.waivers import keep, kept

    connection = connection_to(store)
    watcher = Watcher(connection, build.name)
    held = watcher.before()
    with tempfile.TemporaryDirectory(prefix="zhengmai-check-") as name:
        folder = Path(name)
        judge_store(RemoteStore(connection), folder, texts=Texts(build / "texts"))
        watcher.after(held)
        keep(kept(build), folder)
        return _report(folder)


def _drafted(draft: Path, build: Path, jurisdiction: str | None, status: str, store: str | None) -> Report:
    """The report on a draft; nothing of it is kept."""
    from datetime import date

    from graph.reading import read_source
    from graph.remote_publishing import Watcher
    from graph.remote_store import RemoteStore
    from shapes.drafts import check_draft

    one_of("--status", status, ("draft", "issued"))
    source = read_source(draft)
    for note in source.notes:
        tell(f"{draft}: {note}")
    today = date.today()  # noqa: DTZ011 - the day where the report is read
    watcher = Watcher(connection_to(store), build.name) if store else None
    held = watcher.before() if watcher else None
    report = check_draft(
        source,
        build,
        name=draft.name,
        jurisdiction=jurisdiction,
        status="issued" if status == "issued" else "draft",
        today=today,
        store=RemoteStore(watcher.connection) if watcher else None,
    )
    if watcher and held:
        watcher.after(held)
    return report


def _version(name: str, data: Path) -> PlanRecord:
    """The record of a document, or of a plan of the build."""
    from graph import sealing
    from graph.build import current_build, read_plan
    from graph.catalog import SUFFIXES
    from graph.errors import NotFound
    from graph.incremental import read_record
    from graph.reading import read_source
    from graph.record import load_record

    path = Path(name)
    if path.suffix == ".yaml" and path.is_file():
        from graph.linking import link

        return link(load_record(path))
    if path.is_file() or path.suffix.lower() in SUFFIXES:
        source = read_source(path)
        for note in source.notes:
            tell(f"{path}: {note}")
        return read_plan(source, path.stem, None)
    build = current_build(data)
    known = sealing.stems(build, "records") if build else []
    if build is None or name not in known:
        among = (
            f"the plans built in {data} are: {', '.join(known)}" if known else f"nothing is built in {data}"
        )
        raise NotFound(f"{name}: is neither a document nor a built plan; {among}", allowed=known)
    return read_record(build, name)
