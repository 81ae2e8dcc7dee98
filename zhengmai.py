"""The front door: the command ``zhengmai``, one function a command.

Answers go to stdout alone, progress and notes to stderr. Exit codes: 0 fine, 1 findings that need action (check), 2 bad
input, in one sentence that says what to do.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from graph.errors import BadInput, ZhengmaiError

if TYPE_CHECKING:
    from graph.build import BuildJob, Progress
    from graph.record import PlanRecord
    from graph.remote_store import Connection
    from queries.asking import Reply
    from queries.engine import Limits, QueryEngine
    from shapes.findings import Report
    from shapes.waivers import Waivers

# Each command imports what it needs: `--help` answers at once.
app = typer.Typer(
    help="政脉: read policy plans into a knowledge graph, compare the levels, answer questions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ontology_app = typer.Typer(help="The ontology: check it, write its pages.", no_args_is_help=True)
app.add_typer(ontology_app, name="ontology")
token_app = typer.Typer(help="Tokens: who may write through the service.", no_args_is_help=True)
app.add_typer(token_app, name="token")

Data = Annotated[
    Path,
    typer.Option("--data", envvar="ZHENGMAI_DATA", help="Folder of the built graph.", show_default=True),
]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="ZHENGMAI_STORE",
        help="Address of a SPARQL 1.1 server that holds the graph; without it, the store of the build.",
    ),
]
Lang = Annotated[str, typer.Option("--lang", help="Language of the words: zh or en.")]
_DATA = Path("data")
# The plans that come along stand beside this file, in a checkout as in an installation.
_PLANS = Path(__file__).parent / "plans"


@app.command(epilog="Example: zhengmai build plans --data data")
def build(
    plans: Annotated[
        str | None,
        typer.Argument(
            help="Folder of plan documents; without one, that which the service writes to, else the plans that come along."
            " With Spark also an address that Hadoop knows (hdfs://…, s3a://…)."
        ),
    ] = None,
    data: Data = _DATA,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Read everything again, whatever is cached.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", envvar="ZHENGMAI_KEPT_BUILDS", min=1, help="Builds that are kept.")
    ] = 3,
    store: StoreUrl = None,
    engine: Annotated[str, typer.Option("--engine", help="local or spark (docs/spark.md).")] = "local",
    master: Annotated[
        str, typer.Option("--master", help="With Spark: local[2], spark://HOST:7077, yarn, k8s://…")
    ] = "local[*]",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", help="With Spark: write N-Quads and Parquet under this address, publish nothing."
        ),
    ] = None,
    work: Annotated[
        str | None,
        typer.Option(
            "--work", help="With Spark: an address that all workers reach, for what lies between steps."
        ),
    ] = None,
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", help="With Spark: a setting of it, name=value; several times."),
    ] = None,
) -> None:
    """Read all plans of a folder, compare the levels, judge, and put the new store in place in one step."""
    from graph import disk
    from graph.build import BuildJob
    from shapes.waivers import load_waivers

    _one_of("--engine", engine, ("local", "spark"))
    if engine == "spark":
        _build_on_spark(plans, data, fresh, master, out, work, conf or [])
        return
    folder = _plans_of(Path(plans) if plans else None, data)
    waivers = load_waivers(folder)
    with _progress() as progress, BuildJob(folder, data, progress=progress, fresh=fresh, kept=keep) as job:
        if not job.unchanged:
            progress("judging with SHACL", 0, 1)
            with disk.told(data):
                _judge(job, waivers)
            progress("judging with SHACL", 1, 1)
            job.publish()
    _tell_build(job)
    if store:
        _publish(job.folder, store)


def _build_on_spark(
    plans: str | None,
    data: Path,
    fresh: bool,
    master: str,
    out: str | None,
    work: str | None,
    conf: list[str],
) -> None:
    from distributed.session import session

    settings = {name: value for name, equals, value in (one.partition("=") for one in conf) if equals}
    if len(settings) != len(conf):
        raise BadInput("--conf: write name=value, each name once, as spark.executor.memory=4g")
    where = plans or str(_plans_of(None, data))
    with session(master, settings) as spark, _progress() as progress:
        from distributed.building import SparkJob, source_at, write_out

        with source_at(spark, where) as (source, folder, names):
            if out is not None:
                told = write_out(spark, folder, source, names, out, progress)
                _tell_idle(told.idle_corrections)
                print(json.dumps({"out": out, **told.counts}, ensure_ascii=False))
                return
            if names is None:
                _plans_of(folder, data)  # refuses to pass over what the service wrote
            with SparkJob(
                spark,
                folder,
                data,
                source=source,
                names=names,
                work=work,
                progress=progress,
                fresh=fresh,
            ) as job:
                if not job.unchanged:
                    job.publish()
    _tell_build(job)


def _tell_build(job: BuildJob) -> None:
    from graph.build import read_summary

    summary = read_summary(job.folder)
    if job.unchanged:
        _note(f"Nothing has changed since {summary.made}; the build stays as it is.")
    elif summary.reused:
        _note(
            f"{summary.reused} of {summary.counts['documents']} documents were unchanged and taken from the cache."
        )
    _tell_idle(summary.idle_corrections)
    report = _report(job.folder)
    for notice in report.notices:
        _note(notice.words.zh if os.environ.get("LANG", "").startswith("zh") else notice.words.en)
    _print_summary(summary.counts, report)


@app.command("publish", epilog="Example: zhengmai publish --store http://127.0.0.1:7878")
def publish_command(store: StoreUrl = None, data: Data = _DATA) -> None:
    """Put the built graph into the store of a server: only what changed there; what was cut off is done again."""
    from graph.build import open_current

    if not store:
        raise BadInput("--store: name the server, for example --store http://127.0.0.1:7878")
    _publish(open_current(data), store)


def _publish(build: Path, store: str) -> None:
    from graph.remote_publishing import publish

    connection = _connection(store)
    with _progress() as progress:
        done = publish(build, connection, progress)
    _note(
        f"{connection.where}: holds build {build.name} ({done.loaded} graphs put in, {done.kept} were there, "
        f"{done.removed} removed, {done.triples:,} triples sent)."
    )


def _connection(store: str) -> Connection:
    from graph.remote_store import Connection
    from graph.store_address import address_of, discover

    return Connection(discover(address_of(store, os.environ)))


def _engine(data: Path, store: str | None, limits: Limits | None = None) -> tuple[QueryEngine, Path | None]:
    """What answers queries, and the folder of the build that it holds, where that is here."""
    from graph.build import current_build, open_current
    from graph.remote_publishing import read_manifest
    from queries.engine import QueryEngine
    from queries.remote_engine import RemoteEngine

    if not store:
        folder = open_current(data)
        return QueryEngine(folder / "store", workers=1, limits=limits), folder
    connection = _connection(store)
    held, here = read_manifest(connection), current_build(data)
    known = here if here is not None and held is not None and here.name == held.build else None
    return RemoteEngine(connection, workers=1, limits=limits), known


@app.command(epilog="Example: zhengmai rollback --list")
def rollback(
    to: Annotated[
        str | None, typer.Option("--to", help="The build to go back to; without it, the one before.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the builds that are kept, and stop.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who does it, for the audit trail; else the login name.")
    ] = None,
    data: Data = _DATA,
    lang: Lang = "zh",
) -> None:
    """Publish a build that is kept again, in one step; a running service follows. The folder of plans stays as it is."""
    from graph.rollback import kept_builds
    from graph.rollback import rollback as go_back
    from graph.words import said

    _one_of("--lang", lang, ("zh", "en"))
    if list_:
        for one in kept_builds(data):
            told = one.summary
            counts = told.counts if told else {}
            columns = [f"{counts.get(key, 0):,}" for key in ("documents", "targets", "triples")]
            mark = "*" if one.current else " "
            print("\t".join([f"{mark} {one.folder.name}", told.made if told else "?", *columns]))
        _note("build, made, documents, targets, triples; * is published")
        return
    target, before = go_back(data, to, by or _login())
    print(said(lang, "rollback", "done", build=target.name, before=before.name if before else "–"))
    _note(said(lang, "rollback", "plans"))


Corpus = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        envvar="ZHENGMAI_CORPUS",
        help="The service's folder of plans; else corpus of the data folder.",
    ),
]


@app.command(epilog="Example: zhengmai verify --data data")
def verify(
    data: Data = _DATA,
    build: Annotated[
        str | None, typer.Option("--build", help="Another build that is kept; else the published one.")
    ] = None,
    backup_file: Annotated[
        Path | None, typer.Option("--backup", help="Read this backup whole instead, against its manifest.")
    ] = None,
    lang: Lang = "zh",
) -> None:
    """Prove that files, texts, records, store, findings, search index and trail agree. Exit code 1 if they do not."""
    from graph import backup as backups
    from graph import publishing, verifying
    from graph.build import open_current
    from graph.errors import NotFound
    from graph.words import both

    _one_of("--lang", lang, ("zh", "en"))
    with _progress() as progress:
        if backup_file is not None:
            about = backups.check(backup_file, progress)
            print(f"{backup_file}: {about['build']}, {about['triples']:,} triples")
            return
        folder = open_current(data) if build is None else data / "builds" / build
        kept = [path.name for path in publishing.builds(data)]
        if build is not None and build not in kept:
            en, zh = both("rollback", "unknown", build=build, kept=", ".join(kept) or "–")
            raise NotFound(en, zh=zh, allowed=kept)
        verdict = verifying.verify(folder, data, progress)
    print("\n".join(verdict.lines(lang)))
    if not verdict.sound:
        raise typer.Exit(1)


@app.command(epilog="Example: zhengmai backup zhengmai-2026-11-22.tar.gz")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write: .tar.gz, or .tar.zst with zstandard.")],
    data: Data = _DATA,
    corpus: Corpus = None,
    tokens: Annotated[
        Path | None,
        typer.Option(
            "--tokens", envvar="ZHENGMAI_TOKENS", help="File of tokens; else that of the data folder."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    lang: Lang = "zh",
) -> None:
    """Write plans, published build, audit trail and hashes of tokens to one file, with the SHA-256 of each part."""
    from graph import backup as backups
    from graph.words import said

    _one_of("--lang", lang, ("zh", "en"))
    with _progress() as progress:
        made = backups.backup(data, file, corpus=corpus, tokens=tokens, replace=replace, progress=progress)
    for note in made.notes:
        _note(note[1] if lang == "zh" else note[0])
    counts = {"files": f"{made.files:,}", "bytes": f"{made.bytes:,}"}
    print(said(lang, "backup", "made", path=file, sha256=made.sha256, **counts))


@app.command(epilog="Example: zhengmai restore zhengmai-2026-11-22.tar.gz --data new")
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    data: Data = _DATA,
    corpus: Corpus = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Publish it in the place of what the folder serves.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who does it, for the audit trail; else the login name.")
    ] = None,
    keep: Annotated[
        int, typer.Option("--keep", envvar="ZHENGMAI_KEPT_BUILDS", min=1, help="Builds that are kept.")
    ] = 3,
    lang: Lang = "zh",
) -> None:
    """Publish what a backup holds, in one step, once all of it is verified; into an empty folder, or with --replace."""
    from graph import backup as backups
    from graph.words import said

    _one_of("--lang", lang, ("zh", "en"))
    with _progress() as progress:
        done = backups.restore(
            file, data, by or _login(), corpus=corpus, replace=replace, kept=keep, progress=progress
        )
    print(said(lang, "backup", "restored", build=done.build.name, data=data, plans=done.corpus or "–"))
    for note in done.notes:
        _note(note[1] if lang == "zh" else note[0])


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

    _one_of("--format", format, ("json", "yaml"))
    if code is not None and code not in divisions.divisions():
        raise BadInput(
            f"--code {code}: is not the code of a division; codes have six digits (420115 is 江夏区)"
        )
    source = read_source(file)
    for note in source.notes:
        _note(f"{file}: {note}")
    if corrections is not None and not corrections.exists():
        raise BadInput(f"--corrections {corrections}: no such folder or file")
    patch = corrections / f"{file.stem}.yaml" if corrections and corrections.is_dir() else corrections
    with using(vocabularies_of(file.parent)):
        record = read_plan(source, file.stem, code, load_corrections(patch) if patch else ())
    _tell_idle(
        [
            problem.model_dump(include={"path", "text", "reason"}) | {"document": file.stem}
            for problem in record.problems
        ]
    )
    sys.stdout.write(record.to_json() if format == "json" else record.to_yaml())
    _note(f"{file.name}: {account(record)}")
    if not record.actions and not record.targets:
        _note(f"{file}: no tasks and no targets were found; is this a plan?")


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
    _one_of("--lang", lang, ("zh", "en"))
    folder = Path(plan).parent if Path(plan).is_file() else plans or _PLANS
    with using(vocabularies_of(folder)):
        opened = open_plan(plan, plans or _PLANS)
        if read is None:
            sheet, page = out / f"{opened.slug}.xlsx", out / f"{opened.slug}.html"
            write_worksheet(opened, sheet, words)
            write_page(opened, page, words)
            print(words("done", "written", sheet=sheet, page=page))
            print(words("done", "counts", **counts(opened)))
        else:
            for line in take_back(opened, read, by, date.today(), words):  # noqa: DTZ011 - the reviewer's own day
                print(line)
    _tell_idle(
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

    _one_of("--format", format, quality.FORMATS)
    _one_of("--lang", lang, ("zh", "en"))
    files = [(file, load_gold(file)) for file in gold_files(gold)]
    if record is not None and len(files) > 1:
        raise BadInput(f"--record {record}: goes with one gold file; {len(files)} were given")
    documents = None if record is not None else Documents(plans or _PLANS)
    found = []
    for file, one in files:
        read = documents.record_for(one, file) if documents else read_record(record or file)
        found.append(measure(one, read))
    sys.stdout.write(quality.render(found, format, lang, show=show))


@app.command(
    epilog="Example: zhengmai check --place 赣县区 --format html > report.html; "
    "zhengmai check --draft draft.docx --jurisdiction 420503 --format docx --output report.docx"
)
def check(
    data: Data = _DATA,
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

    _one_of("--lang", lang, ("zh", "en"))
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
    body = reports.write(report, form.name, lang, limit=limit, color=color, width=_width())
    _give(body, output)
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
    data: Data = _DATA,
    format: Annotated[str, typer.Option("--format", help="text, json or html.")] = "text",
    lang: Lang = "zh",
) -> None:
    """Compare two versions of a plan: tasks, agencies, targets. Exit code 0 if they are the same, 1 if they differ."""
    from graph.build import current_build
    from graph.catalog import vocabularies_of
    from graph.differences import differences
    from ontology.vocabulary import using
    from shapes import changes

    _one_of("--lang", lang, ("zh", "en"))
    _one_of("--format", format, changes.FORMATS)
    # Documents are read by the words of the build; before there is one, by those beside the newer document.
    with using(vocabularies_of(current_build(data) or Path(after).parent)):
        found = differences(_version(before, data), _version(after, data))
        sys.stdout.write(changes.render(found, format, "en" if lang == "en" else "zh"))
    if not found.is_same:
        raise typer.Exit(1)


@app.command(epilog="Example: echo 'SELECT * { ?s ?p ?o } LIMIT 5' | zhengmai query -")
def query(
    file: Annotated[str, typer.Argument(help="A file with a SPARQL query, or - for standard input.")],
    data: Data = _DATA,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="table, or a format of SPARQL: json xml csv tsv, turtle ntriples jsonld …"
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, help="End the query after this time.")
    ] = 60.0,
    store: StoreUrl = None,
) -> None:
    """Run a SPARQL query on the built graph. The default graph is the union of all graphs."""
    from queries import formats
    from queries.engine import Limits
    from queries.terminal import as_text

    text = _query_text(file)
    with _engine(data, store, Limits(seconds=seconds))[0] as engine:
        kind = formats.kind_of(engine.check(text).form)
        if format in (None, "table") and engine.check(text).form == "SELECT":
            sys.stdout.write(as_text(engine.table(text), width=_width()))
            return
        chosen = formats.named(format, kind) if format else formats.formats_of(kind)[0]
        if chosen is None:
            _one_of("--format", format or "", tuple(one.name for one in formats.formats_of(kind)))
            return
        sys.stdout.buffer.write(engine.run(text, chosen.media_types[0]).body.rstrip(b"\n") + b"\n")


@app.command(epilog="Example: zhengmai search 电梯 更新 --kind task --place 湖北省")
def search(
    words: Annotated[list[str], typer.Argument(help="Words, all of which have to occur together.")],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Only these: plan, target, cited-target, agency, task or provision."),
    ] = None,
    place: Annotated[
        str | None, typer.Option("--place", help="Only this place and those within it: name or code.")
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option("--level", help="Only these: national, province, city or county.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Print the best N.")] = 20,
    data: Data = _DATA,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    lang: Lang = "zh",
) -> None:
    """Search plans, tasks, targets, agencies and texts; each result with its sentences."""
    from graph import sealing
    from graph.build import open_current
    from graph.search_index import FILE
    from queries.searching import SearchIndex, as_json, as_text, chosen_kinds, chosen_levels

    _one_of("--lang", lang, ("zh", "en"))
    _one_of("--format", format, ("text", "json"))
    build = open_current(data)
    sealing.trust(build, [FILE])
    found = SearchIndex(build).search(
        " ".join(words),
        kinds=chosen_kinds(kind or ()),
        place=place,
        levels=chosen_levels(level or ()),
        limit=limit,
    )
    if format == "json":
        sys.stdout.write(as_json(found))
        return
    sys.stdout.write(as_text(found, "en" if lang == "en" else "zh", color=sys.stdout.isatty()))


@app.command(epilog="Example: zhengmai ask lead-agencies domain=教育 --format csv")
def ask(
    name: Annotated[str | None, typer.Argument(help="The question; without one, all are listed.")] = None,
    parameters: Annotated[list[str] | None, typer.Argument(help="key=value …")] = None,
    data: Data = _DATA,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="table, json, csv, tsv, xlsx or parquet; turtle, ntriples, jsonld or rdfxml where the answer is a graph.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; xlsx and parquet need one.")
    ] = None,
    lang: Lang = "zh",
    store: StoreUrl = None,
) -> None:
    """Answer one of the prepared questions."""
    from graph.catalog import vocabularies_of
    from queries.asking import Asker
    from queries.catalogue import load_catalogue
    from queries.formats import named
    from queries.rdf import written

    _one_of("--lang", lang, ("zh", "en"))
    if name is None:
        for question in load_catalogue().questions:
            example = " ".join(f"{key}={value}" for key, value in question.example.items())
            print(f"{question.name} {example}".rstrip() + f"\n    {question.title[lang]}")
        return
    catalogue = load_catalogue()
    is_table = catalogue.question(name).is_table
    form = format or ("table" if is_table else "turtle")
    graphs = ("turtle", "ntriples", "jsonld", "rdfxml")
    _one_of("--format", form, ("table", "json", "csv", "tsv", "xlsx", "parquet") if is_table else graphs)
    if form in ("xlsx", "parquet") and output is None and sys.stdout.isatty():
        raise BadInput(f"--format {form}: is no text for a terminal; give --output {name}.{form}")
    values: dict[str, str] = {}
    for given in parameters or []:
        key, equals, value = given.partition("=")
        if not equals:
            raise BadInput(f"{given}: write parameters as key=value, for example domain=教育")
        values[key] = value
    made, folder = _engine(data, store)
    with made as engine:
        asker = Asker(engine, catalogue, vocabularies_of(folder) if folder else None)
        if not is_table:
            writer = named(form, "graph")
            assert writer is not None
            _give(written(asker.graph(name, values, lang).triples, writer.writer), output)
            return
        reply = asker.ask(name, values, lang)
    if form == "table" and output is None:
        _note(f"{reply.question.title[lang]} {' '.join(f'{k}={v}' for k, v in values.items())}".rstrip())
    _give(_rows(reply, form), output)
    if form == "table" and output is None:
        _note(f"{len(reply.table)} 行" if lang == "zh" else f"{len(reply.table)} rows")


def _rows(reply: Reply, form: str) -> bytes:
    """The answer to a question in one of the forms of `ask`."""
    from queries import files
    from queries.terminal import as_text

    columns = files.Columns(reply.question.columns, reply.question.types, reply.question.title, reply.lang)
    match form:
        case "csv":
            return reply.table.to_csv(reply.header)
        case "tsv":
            return files.tsv(columns, reply.table.rows)
        case "xlsx":
            return files.workbook(columns, reply.table.rows)
        case "parquet":
            if not files.has_parquet():
                raise BadInput("--format parquet: needs pyarrow; run: pip install 'zhengmai[parquet]'")
            return files.parquet(columns, reply.table.rows)
        case "json":
            return (json.dumps(reply.table.records(), ensure_ascii=False, indent=1) + "\n").encode()
    return as_text(reply.table, reply.header, width=_width(), iris=False).encode()


@app.command(epilog="Example: zhengmai questions --out docs/questions.md")
def questions(
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; without one, standard output.")
    ] = None,
) -> None:
    """Write the page on all questions as Markdown: how to ask, and each with its parameters and columns."""
    from queries.catalogue import load_catalogue
    from queries.documentation import markdown

    text = markdown(load_catalogue())
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
        _note(f"{out}: written")


@app.command(epilog="Example: zhengmai export published")
def export(
    out: Annotated[
        Path | None,
        typer.Argument(
            help="An empty or new folder; without one, the build's own, from which they are served."
        ),
    ] = None,
    data: Data = _DATA,
) -> None:
    """Write what the service publishes at /data: the whole graph, the tables as CSV and Parquet, a workbook."""
    from api.linked import distributions
    from graph.build import open_current

    build = open_current(data)
    if out is None:
        index, folder = distributions.make(build, _note), build / distributions.FOLDER
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise BadInput(f"{out}: is not empty; name a new folder")
            index, folder = distributions.write(build, out, _note), out
        except OSError as error:
            raise BadInput(f"{out}: cannot be written: {error.strerror}") from error
    for file in index.files:
        print(f"{folder / file.name}  {file.bytes:,}")


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="File of settings; else ZHENGMAI_CONFIG, else zhengmai.toml if there is one here."
    ),
]


@app.command(epilog="Example: zhengmai serve --port 8000 --processes 2")
def serve(
    config: Config = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the built graph.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    processes: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Address of a SPARQL 1.1 server that holds the graph.")
    ] = None,
) -> None:
    """Serve pages, the API and SPARQL until stopped. An option counts more than the settings (zhengmai settings)."""
    from api import serving
    from api.settings import load
    from graph import sealing
    from graph.build import open_current

    loaded = load(config, {"data": data, "host": host, "port": port, "processes": processes, "store": store})
    _tell_unknown(loaded.unknown)
    # A build in which anything is not as it was published is told now, not served.
    sealing.trust(open_current(loaded.settings.data))
    serving.serve(loaded.settings, lambda url: _note(f"Zhengmai is served on {url}  (stop with Ctrl-C)"))


@app.command("settings", epilog="Example: zhengmai settings --config zhengmai.toml")
def settings_command(
    config: Config = None,
    format: Annotated[
        str,
        typer.Option("--format", help="toml (values and where each comes from) or markdown (all there are)."),
    ] = "toml",
) -> None:
    """Print the settings of the service that are in force, and where each came from."""
    from api.settings import load, table

    _one_of("--format", format, ("toml", "markdown"))
    if format == "markdown":
        sys.stdout.write(table())
        return
    loaded = load(config)
    _tell_unknown(loaded.unknown)
    print("\n".join(loaded.lines()))


@ontology_app.command("lint", epilog="Example: zhengmai ontology lint plans")
def ontology_lint(
    plans: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of plans whose vocabularies/ and texts count too; else the plans that come along."
        ),
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", help="Further folders in which labels are looked for."),
    ] = None,
) -> None:
    """Tell what is wrong with the vocabularies, file by file, and what to do. Exit code 1 if anything is."""
    from ontology import lint as linting
    from ontology.extension import turtle_files
    from ontology.vocabulary import VocabularyError

    folder = plans or _PLANS
    for one in (folder, *(texts or ())):
        if not one.is_dir():
            raise BadInput(f"{one}: no such folder")
    # In a checkout the tests stand beside this file: what they use, somebody relies on.
    tests = Path(__file__).parent / "tests"
    places = dict.fromkeys([_PLANS, folder, *(texts or ()), *([tests] if tests.is_dir() else [])])
    try:
        faults = linting.lint(
            turtle_files(folder), linting.texts_of(places) if tests.is_dir() or texts else None
        )
    except VocabularyError as error:
        raise BadInput(str(error)) from error
    for fault in faults:
        print(fault)
    _note(f"{len(faults)} faults" if faults else "The vocabularies are in order.")
    if faults:
        raise typer.Exit(1)


@ontology_app.command("check", epilog="Example: zhengmai ontology check")
def ontology_check(
    write: Annotated[
        bool, typer.Option("--write", help="Write what follows (ontology/inferred.ttl), if all is sound.")
    ] = False,
) -> None:
    """Reason over the ontology with HermiT (needs Java). Exit code 1 if it contradicts itself or inferred.ttl is old."""
    from ontology import reasoning
    from ontology.vocabulary import VocabularyError

    try:
        found = reasoning.classify()
    except (reasoning.ReasoningError, VocabularyError) as error:
        raise BadInput(str(error)) from error
    for line in reasoning.verdict(found):
        print(line)
    if not found.sound:
        raise typer.Exit(1)
    text, path = reasoning.inferred_turtle(found), reasoning.inferred_path()
    if write:
        path.write_text(text, encoding="utf-8")
        _note(f"{path}: written")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        print(f"{path.name} is older than the ontology; run 'zhengmai ontology check --write'")
        raise typer.Exit(1)


@ontology_app.command("docs", epilog="Example: zhengmai ontology docs --out docs/ontology-terms.md")
def ontology_docs(
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; without one, standard output.")
    ] = None,
) -> None:
    """Write the reference of all terms as Markdown, with an example for each class."""
    from ontology.documentation import markdown

    if out is None:
        sys.stdout.write(markdown())
    else:
        out.write_text(markdown(), encoding="utf-8")
        _note(f"{out}: written")


Tokens = Annotated[
    Path | None,
    typer.Option(
        "--file", envvar="ZHENGMAI_TOKENS", help="File of tokens; else tokens.json of the data folder."
    ),
]


@token_app.command("add", epilog="Example: zhengmai token add office --scope plans --scope waivers")
def token_add(
    name: Annotated[str, typer.Argument(help="Whose it is; stands in the audit trail.")],
    data: Data = _DATA,
    file: Tokens = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="plans, graphs or waivers; without one, all.")
    ] = None,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from api.writing.tokens import FILE, SCOPES, add_token

    print(add_token(file or data / FILE, name, tuple(dict.fromkeys(scope or SCOPES))))
    _note("Keep it now: it is not shown again. Send it as “Authorization: Bearer …”.")


@token_app.command("list", epilog="Example: zhengmai token list")
def token_list(data: Data = _DATA, file: Tokens = None) -> None:
    """List the tokens: name, scopes, day."""
    from api.writing.tokens import FILE, load_tokens

    for one in load_tokens(file or data / FILE):
        print(f"{one.name}\t{','.join(one.scopes)}\t{one.made}")


@token_app.command("revoke", epilog="Example: zhengmai token revoke office")
def token_revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")], data: Data = _DATA, file: Tokens = None
) -> None:
    """Make a token worthless, from the next request on."""
    from api.writing.tokens import FILE, revoke_token

    revoke_token(file or data / FILE, name)
    _note(f"{name}: revoked")


# -- helpers ---------------------------------------------------------------------------------------------------


def _plans_of(plans: Path | None, data: Path) -> Path:
    """The folder to build. What was added through the service must not be lost by a build of another folder."""
    from graph.trail import read_trail

    corpus = Path(os.environ.get("ZHENGMAI_CORPUS") or data / "corpus")
    if not corpus.is_dir():
        return plans or _PLANS
    if plans is not None and plans.resolve() != corpus.resolve() and read_trail(data):
        raise BadInput(
            f"{plans}: {data} is built of {corpus}, which was changed through the service; name no folder to build "
            "that one, or give another --data"
        )
    return plans or corpus


def _judge(job: BuildJob, waivers: Waivers) -> None:
    """Validate the new store and write the findings beside it, and the waivers that decide on them day by day."""
    from shapes.building import judge_job

    judge_job(job, waivers)


def _tell_unknown(variables: tuple[str, ...]) -> None:
    """Variables that look like settings: most often a slip."""
    for name in variables:
        _note(
            f"{name}: there is no such setting; it is passed over ('zhengmai settings' lists those there are)"
        )


def _tell_idle(problems: list[dict[str, str]]) -> None:
    """Corrections that found nothing to correct, on stderr."""
    from review.words import Words, all_words

    words = Words("zh" if os.environ.get("LANG", "").startswith("zh") else "en")
    for one in problems:
        if one["reason"] in all_words()["zh"]["idle"]:
            _note(words("idle", "line", **one | {"reason": words("idle", one["reason"])}))


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

    connection = _connection(store)
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

    _one_of("--status", status, ("draft", "issued"))
    source = read_source(draft)
    for note in source.notes:
        _note(f"{draft}: {note}")
    today = date.today()  # noqa: DTZ011 - the day where the report is read
    watcher = Watcher(_connection(store), build.name) if store else None
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
            _note(f"{path}: {note}")
        return read_plan(source, path.stem, None)
    build = current_build(data)
    known = sealing.stems(build, "records") if build else []
    if build is None or name not in known:
        among = (
            f"the plans built in {data} are: {', '.join(known)}" if known else f"nothing is built in {data}"
        )
        raise NotFound(f"{name}: is neither a document nor a built plan; {among}", allowed=known)
    return read_record(build, name)


def _give(body: bytes, output: Path | None) -> None:
    """Write an answer to a file, or to stdout."""
    if output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise BadInput(f"--output {output}: cannot be written: {error.strerror}") from error
    _note(f"{output}: {len(body):,} bytes")


def _login() -> str:
    """Who is at the keyboard, as the system has it."""
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadInput(f"{option} {value}: choose one of {', '.join(allowed)}")


def _width() -> int:
    """Columns of the terminal, within what is pleasant to read."""
    return max(60, min(140, shutil.get_terminal_size((110, 24)).columns))


def _print_summary(counts: dict[str, int], report: Report) -> None:
    """The counts of a build on stdout, findings by outcome last."""
    names = {
        "documents": "documents read 读取的方案",
        "records": "records by hand 人工记录",
        "stubs": "known by citation only 仅见引用",
        "actions": "tasks 任务",
        "assignments": "assignments 职责分工",
        "targets": "targets 目标",
        "agencies": "agencies 单位",
        "comparisons": "comparisons 上下级比较",
        "triples": "triples 三元组",
    }
    for key, label in names.items():
        print(f"{counts[key]:>8,}  {label}")
    print(f"{report.summary.findings:>8,}  findings 检查结果")
    for key, count in report.summary.by_outcome.items():
        rule = next((one.rule for one in report.findings if one.outcome == key), key)
        note = report.rules.get(key) or report.rules.get(rule)
        print(f"{count:>12,}  {key} {note.label.zh if note else ''}".rstrip())


def _query_text(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    path = Path(file)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{path}: no such file; name a file with a SPARQL query, or - to read standard input"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read as text: {error}") from error


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on stderr; a line a step where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from graph.catalog import SUFFIXES

    console = Console(stderr=True)
    bars = Bars(
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bars:
        current: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            step = "reading documents" if what.endswith((*SUFFIXES, ".yaml")) or not what else what
            if step not in current:
                current[step] = bars.add_task(step, total=total)
            bars.update(current[step], completed=done, description=what or step)

        yield progress


def main() -> None:
    """Run the command line; every expected error is one sentence on stderr and exit code 2."""
    try:
        app()
    except ZhengmaiError as error:
        # Messages are written in English; those that have Chinese show it where the system speaks Chinese.
        _fail(error.text("zh" if os.environ.get("LANG", "").startswith("zh") else "en"))
    except BrokenPipeError:
        # `| head` closed the pipe: no error, and nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> NoReturn:
    print(f"zhengmai: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
