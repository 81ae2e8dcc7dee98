"""The ontology: ``ontology lint``, ``check``, ``docs``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.common import PLANS, tell
from graph.errors import BadInput

app = typer.Typer()
ontology_app = typer.Typer(help="The ontology: check it, write its pages.", no_args_is_help=True)
app.add_typer(ontology_app, name="ontology")


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

    folder = plans or PLANS
    for one in (folder, *(texts or ())):
        if not one.is_dir():
            raise BadInput(f"{one}: no such folder")
    # In a checkout the tests stand beside the packages: what they use, somebody relies on.
    tests = PLANS.parent / "tests"
    places = dict.fromkeys([PLANS, folder, *(texts or ()), *([tests] if tests.is_dir() else [])])
    try:
        faults = linting.lint(
            turtle_files(folder), linting.texts_of(places) if tests.is_dir() or texts else None
        )
    except VocabularyError as error:
        raise BadInput(str(error)) from error
    for fault in faults:
        print(fault)
    tell(f"{len(faults)} faults" if faults else "The vocabularies are in order.")
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
        tell(f"{path}: written")
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
        tell(f"{out}: written")
