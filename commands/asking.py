"""Asking the graph: ``query``, ``search``, ``ask``, ``questions``, ``export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.common import DATA, Data, Lang, StoreUrl, connection_to, give, one_of, tell, terminal_width
from graph.errors import BadInput

if TYPE_CHECKING:
    from queries.asking import Reply
    from queries.engine import Limits, QueryEngine

app = typer.Typer()


def _engine(data: Path, store: str | None, limits: Limits | None = None) -> tuple[QueryEngine, Path | None]:
    """What answers queries, and the folder of the build that it holds, where that is here."""
    from graph.build import current_build, open_current
    from graph.remote_publishing import read_manifest
    from queries.engine import QueryEngine
    from queries.remote_engine import RemoteEngine

    if not store:
        folder = open_current(data)
        return QueryEngine(folder / "store", workers=1, limits=limits), folder
    connection = connection_to(store)
    held, here = read_manifest(connection), current_build(data)
    known = here if here is not None and held is not None and here.name == held.build else None
    return RemoteEngine(connection, workers=1, limits=limits), known


@app.command(epilog="Example: echo 'SELECT * { ?s ?p ?o } LIMIT 5' | zhengmai query -")
def query(
    file: Annotated[str, typer.Argument(help="A file with a SPARQL query, or - for standard input.")],
    data: Data = DATA,
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
            sys.stdout.write(as_text(engine.table(text), width=terminal_width()))
            return
        chosen = formats.named(format, kind) if format else formats.formats_of(kind)[0]
        if chosen is None:
            one_of("--format", format or "", tuple(one.name for one in formats.formats_of(kind)))
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
    data: Data = DATA,
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    lang: Lang = "zh",
) -> None:
    """Search plans, tasks, targets, agencies and texts; each result with its sentences."""
    from graph import databases, sealing
    from graph.build import open_current
    from graph.search_index import FILE
    from queries.searching import SearchIndex, as_json, as_text, chosen_kinds, chosen_levels

    one_of("--lang", lang, ("zh", "en"))
    one_of("--format", format, ("text", "json"))
    build = open_current(data)
    sealing.trust(build, databases.with_logs([FILE]))
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
    data: Data = DATA,
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

    one_of("--lang", lang, ("zh", "en"))
    if name is None:
        for question in load_catalogue().questions:
            example = " ".join(f"{key}={value}" for key, value in question.example.items())
            print(f"{question.name} {example}".rstrip() + f"\n    {question.title[lang]}")
        return
    catalogue = load_catalogue()
    is_table = catalogue.question(name).is_table
    form = format or ("table" if is_table else "turtle")
    graphs = ("turtle", "ntriples", "jsonld", "rdfxml")
    one_of("--format", form, ("table", "json", "csv", "tsv", "xlsx", "parquet") if is_table else graphs)
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
            give(written(asker.graph(name, values, lang).triples, writer.writer), output)
            return
        reply = asker.ask(name, values, lang)
    if form == "table" and output is None:
        tell(f"{reply.question.title[lang]} {' '.join(f'{k}={v}' for k, v in values.items())}".rstrip())
    give(_rows(reply, form), output)
    if form == "table" and output is None:
        tell(f"{len(reply.table)} 行" if lang == "zh" else f"{len(reply.table)} rows")


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
    return as_text(reply.table, reply.header, width=terminal_width(), iris=False).encode()


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
        tell(f"{out}: written")


@app.command(epilog="Example: zhengmai export published")
def export(
    out: Annotated[
        Path | None,
        typer.Argument(
            help="An empty or new folder; without one, the build's own, from which they are served."
        ),
    ] = None,
    data: Data = DATA,
) -> None:
    """Write what the service publishes at /data: the whole graph, the tables as CSV and Parquet, a workbook."""
    from api.linked import distributions
    from graph.build import open_current

    build = open_current(data)
    if out is None:
        index, folder = distributions.make(build, tell), build / distributions.FOLDER
    else:
        try:
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise BadInput(f"{out}: is not empty; name a new folder")
            index, folder = distributions.write(build, out, tell), out
        except OSError as error:
            raise BadInput(f"{out}: cannot be written: {error.strerror}") from error
    for file in index.files:
        print(f"{folder / file.name}  {file.bytes:,}")


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
