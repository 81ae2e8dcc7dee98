"""The front door: the command ``zhengmai``; what its commands do stands in ``commands/``.

Answers go to stdout alone, progress and notes to stderr. Exit codes: 0 fine, 1 findings that need action (check), 2 bad
input, in one sentence that says what to do.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from commands import asking, building, checking, keeping, ontology, reading, serving
from graph.errors import ZhengmaiError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (building, keeping, reading, checking, asking, serving, ontology):
    app.add_typer(part.app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"zhengmai {version('zhengmai')}")
        raise typer.Exit


@app.callback()
def front(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """政脉: read policy plans into a knowledge graph, compare the levels, answer questions."""


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
