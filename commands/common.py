"""What commands share: options, notes on stderr, answers on stdout, a bar of progress."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graph.errors import BadInput

if TYPE_CHECKING:
    from graph.build import Progress
    from graph.remote_store import Connection

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
DATA = Path("data")
# The plans that come along stand beside the packages, in a checkout as in an installation.
PLANS = Path(__file__).parent.parent / "plans"


def connection_to(store: str) -> Connection:
    from graph.remote_store import Connection
    from graph.store_address import address_of, discover

    return Connection(discover(address_of(store, os.environ)))


def tell_idle(problems: list[dict[str, str]]) -> None:
    """Corrections that found nothing to correct, on stderr."""
    from review.words import Words, all_words

    words = Words("zh" if os.environ.get("LANG", "").startswith("zh") else "en")
    for one in problems:
        if one["reason"] in all_words()["zh"]["idle"]:
            tell(words("idle", "line", **one | {"reason": words("idle", one["reason"])}))


def give(body: bytes, output: Path | None) -> None:
    """Write an answer to a file, or to stdout."""
    if output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        raise BadInput(f"--output {output}: cannot be written: {error.strerror}") from error
    tell(f"{output}: {len(body):,} bytes")


def tell(text: str) -> None:
    print(text, file=sys.stderr)


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise BadInput(f"{option} {value}: choose one of {', '.join(allowed)}")


def terminal_width() -> int:
    """Columns of the terminal, within what is pleasant to read."""
    return max(60, min(140, shutil.get_terminal_size((110, 24)).columns))


@contextmanager
def bar() -> Iterator[Progress]:
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
