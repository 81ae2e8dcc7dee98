"""What keeps a build: ``rollback``, ``verify``, ``backup``, ``restore``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from commands.common import DATA, Data, Lang, bar, one_of, tell

app = typer.Typer()
Corpus = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        envvar="ZHENGMAI_CORPUS",
        help="The service's folder of plans; else corpus of the data folder.",
    ),
]


@app.command(epilog="Example: zhengmai rollback --list")
def rollback(
    to: Annotated[
        str | None, typer.Option("--to", help="The build to go back to; without it, the one before.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the builds that are kept, and stop.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who does it, for the audit trail; else the login name.")
    ] = None,
    data: Data = DATA,
    lang: Lang = "zh",
) -> None:
    """Publish a build that is kept again, in one step; a running service follows. The folder of plans stays as it is."""
    from graph.rollback import kept_builds
    from graph.rollback import rollback as go_back
    from graph.words import said

    one_of("--lang", lang, ("zh", "en"))
    if list_:
        for one in kept_builds(data):
            told = one.summary
            counts = told.counts if told else {}
            columns = [f"{counts.get(key, 0):,}" for key in ("documents", "targets", "triples")]
            mark = "*" if one.current else " "
            print("\t".join([f"{mark} {one.folder.name}", told.made if told else "?", *columns]))
        tell("build, made, documents, targets, triples; * is published")
        return
    target, before = go_back(data, to, by or _login())
    print(said(lang, "rollback", "done", build=target.name, before=before.name if before else "–"))
    tell(said(lang, "rollback", "plans"))


@app.command(epilog="Example: zhengmai verify --data data")
def verify(
    data: Data = DATA,
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

    one_of("--lang", lang, ("zh", "en"))
    with bar() as progress:
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
    data: Data = DATA,
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

    one_of("--lang", lang, ("zh", "en"))
    with bar() as progress:
        made = backups.backup(data, file, corpus=corpus, tokens=tokens, replace=replace, progress=progress)
    for note in made.notes:
        tell(note[1] if lang == "zh" else note[0])
    counts = {"files": f"{made.files:,}", "bytes": f"{made.bytes:,}"}
    print(said(lang, "backup", "made", path=file, sha256=made.sha256, **counts))


@app.command(epilog="Example: zhengmai restore zhengmai-2026-11-22.tar.gz --data new")
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    data: Data = DATA,
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

    one_of("--lang", lang, ("zh", "en"))
    with bar() as progress:
        done = backups.restore(
            file, data, by or _login(), corpus=corpus, replace=replace, kept=keep, progress=progress
        )
    print(said(lang, "backup", "restored", build=done.build.name, data=data, plans=done.corpus or "–"))
    for note in done.notes:
        tell(note[1] if lang == "zh" else note[0])


def _login() -> str:
    """Who is at the keyboard, as the system has it."""
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
