"""Documents and records: ``extract``, ``review``, ``evaluate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.common import PLANS, Lang, one_of, tell, tell_idle
from graph.errors import BadInput

app = typer.Typer()


@app.command(epilog="Example: zhengmai extract plans/360704-ganxian-2024.txt --format yaml")
def extract(
    file: Annotated[Path, typer.Argument(help="A plan document: .txt, .docx, .pdf or .html.")],
    format: Annotated[str, typer.Option("--format", help="json or yaml.")] = "json",
    code: Annotated[
        str | None, typer.Option("--code", help="Six-digit code of the place, if its name is shared.")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option("--corrections", help="Folder of corrections (or one file) to apply.")
    ] = None,
) -> None:
    """Read one document and print its record: tasks, agencies, targets, each with its place in the text."""
    from graph import divisions
    from graph.account import account
    from graph.build import read_plan
    from graph.catalog import vocabularies_of
    from graph.corrections import load_corrections
    from graph.reading import read_source
    from ontology.vocabulary import using

    one_of("--format", format, ("json", "yaml"))
    if code is not None and code not in divisions.divisions():
        raise BadInput(
            f"--code {code}: is not the code of a division; codes have six digits (420115 is 江夏区)"
        )
    source = read_source(file)
    for note in source.notes:
        tell(f"{file}: {note}")
    if corrections is not None and not corrections.exists():
        raise BadInput(f"--corrections {corrections}: no such folder or file")
    patch = corrections / f"{file.stem}.yaml" if corrections and corrections.is_dir() else corrections
    with using(vocabularies_of(file.parent)):
        record = read_plan(source, file.stem, code, load_corrections(patch) if patch else ())
    tell_idle(
        [
            problem.model_dump(include={"path", "text", "reason"}) | {"document": file.stem}
            for problem in record.problems
        ]
    )
    sys.stdout.write(record.to_json() if format == "json" else record.to_yaml())
    tell(f"{file.name}: {account(record)}")
    if not record.actions and not record.targets:
        tell(f"{file}: no tasks and no targets were found; is this a plan?")


@app.command(epilog="Example: zhengmai review 360704-ganxian-2024 --out review")
def review(
    plan: Annotated[
        str, typer.Argument(help="A plan document, or the name of a plan of the folder of plans.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the worksheet and the page.")] = Path(),
    read: Annotated[
        Path | None, typer.Option("--read", help="Read this edited worksheet back as corrections.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who reviewed; signs the rows that name nobody.")
    ] = None,
    plans: Annotated[
        Path | None, typer.Option("--plans", help="Folder of plans; without it, the plans that come along.")
    ] = None,
    lang: Lang = "zh",
) -> None:
    """Write what was read from a plan as a worksheet (XLSX) and a page (HTML), or read the edited worksheet back."""
    from datetime import date

    from graph.catalog import vocabularies_of
    from ontology.vocabulary import using
    from review.page import write_page
    from review.plans import open_plan
    from review.returns import take_back
    from review.words import Words
    from review.worksheet import counts, write_worksheet

    words = Words("en" if lang == "en" else "zh")
    one_of("--lang", lang, ("zh", "en"))
    folder = Path(plan).parent if Path(plan).is_file() else plans or PLANS
    with using(vocabularies_of(folder)):
        opened = open_plan(plan, plans or PLANS)
        if read is None:
            sheet, page = out / f"{opened.slug}.xlsx", out / f"{opened.slug}.html"
            write_worksheet(opened, sheet, words)
            write_page(opened, page, words)
            print(words("done", "written", sheet=sheet, page=page))
            print(words("done", "counts", **counts(opened)))
        else:
            for line in take_back(opened, read, by, date.today(), words):  # noqa: DTZ011 - the reviewer's own day
                print(line)
    tell_idle(
        [
            {"document": opened.slug, "path": problem.path, "text": problem.text, "reason": problem.reason}
            for _, problem in opened.applied.failed
        ]
    )


@app.command(epilog="Example: zhengmai evaluate gold/ --plans plans --show")
def evaluate(
    gold: Annotated[list[Path], typer.Argument(help="Gold files (*.json), or folders of them.")],
    plans: Annotated[
        Path | None,
        typer.Option("--plans", help="Folder of the plan documents; without one, the plans that come along."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", help="Measure this record (of extract, JSON or YAML); one gold file only."),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="text, json or markdown.")] = "text",
    lang: Lang = "zh",
    show: Annotated[bool, typer.Option("--show", help="List what differs.")] = False,
) -> None:
    """Measure the reading against gold readings made by hand: precision, recall and F1, for each plan and over all."""
    from graph import quality
    from graph.evaluation import evaluate as measure
    from graph.gold import Documents, gold_files, load_gold, read_record

    one_of("--format", format, quality.FORMATS)
    one_of("--lang", lang, ("zh", "en"))
    files = [(file, load_gold(file)) for file in gold_files(gold)]
    if record is not None and len(files) > 1:
        raise BadInput(f"--record {record}: goes with one gold file; {len(files)} were given")
    documents = None if record is not None else Documents(plans or PLANS)
    found = []
    for file, one in files:
        read = documents.record_for(one, file) if documents else read_record(record or file)
        found.append(measure(one, read))
    sys.stdout.write(quality.render(found, format, lang, show=show))
