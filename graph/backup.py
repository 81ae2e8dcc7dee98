"""Backup and restore of a data folder: one file, which other programs can read too.

A backup is a bag (`graph.bag`): ``data/build`` has the files of the published build but its store, ``data/quads`` what the
store holds as N-Quads, ``data/plans`` the folder of plans with corrections, waivers and graphs that people put in, and
beside them the audit trail and the hashes of the tokens. So it does not depend on the version of the store.

A restore is a change as any other (`graph.journal`): prepared aside, verified, published by one link.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyoxigraph as ox

from graph import disk, journal, publishing, sealing, stores, trail, verifying
from graph.bag import ABOUT, BAGIT, FORMAT, Bag, Progress, bad, broken, opened, packed, take_out
from graph.build import KEPT_BUILDS, input_files, inputs_of, open_current, read_summary
from graph.catalog import read_corpus
from graph.errors import BadInput, StoreError
from graph.stores import open_store
from graph.trail import Entry
from graph.words import both

_QUADS_A_FILE: Final = 200_000


@dataclass(frozen=True)
class Made:
    """A backup that was written: its files, its bytes and their SHA-256; ``notes`` (en, zh) are what to know of it."""

    path: Path
    files: int
    bytes: int
    sha256: str
    notes: list[tuple[str, str]]


@dataclass(frozen=True)
class Restored:
    """What is published now, and the folder of plans; ``notes`` (en, zh) are what to know of it."""

    build: Path
    corpus: Path | None
    notes: list[tuple[str, str]]


# -- backup ------------------------------------------------------------------------------------------------------


def backup(
    data: Path,
    path: Path,
    *,
    corpus: Path | None = None,
    tokens: Path | None = None,
    replace: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Made:
    """Write the published state of a data folder to ``path`` (.tar.gz or .tar.zst), in one step.

    ``corpus`` is the service's folder of plans, ``tokens`` its file of tokens; by default those of the data folder. No
    build runs meanwhile. Raises BadInput, StoreError.
    """
    if not path.name.endswith((".tar.gz", ".tgz", ".tar.zst")):
        raise bad("name", path=path)
    if path.exists() and not replace:
        raise bad("exists", path=path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with journal.take_lock(data):
        journal.recover(data)
        build = open_current(data)
        sealing.trust(build)
        folder = corpus or data / "corpus"
        plans = folder if folder.is_dir() else Path(read_summary(build).plans)
        with disk.told(path):
            try:
                with packed(part, path.name) as bag:
                    notes = _fill(bag, data, build, plans, tokens or data / journal.TOKENS, progress)
                    bag.close()
                part.replace(path)
                _sync(path.parent)
            finally:
                part.unlink(missing_ok=True)
    return Made(path, len(bag.manifest), bag.out.size, bag.out.sha256.hexdigest(), notes)


def _fill(
    bag: Bag, data: Path, build: Path, plans: Path, tokens: Path, progress: Progress
) -> list[tuple[str, str]]:
    summary, notes = read_summary(build), []
    store = open_store(build / "store")
    native = store.native
    graphs = sorted(name.value for name in native.named_graphs() if isinstance(name, ox.NamedNode))
    about = {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "program": _version(),
        "build": build.name,
        "triples": summary.counts["triples"],
        "graphs": graphs,
    }
    bag.add_bytes("bagit.txt", BAGIT)
    bag.add_bytes(ABOUT, (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode())
    names = [name for name in sealing.names(build) if not name.startswith("store/")]
    for number, name in enumerate(names, 1):
        bag.add_file(f"data/build/{name}", build / name)
        progress("backup: build", number, len(names))
    if (build / sealing.FILE).is_file():
        bag.add_file(f"data/build/{sealing.FILE}", build / sealing.FILE)
    total, done = summary.counts["triples"], 0
    try:
        quads = iter(native)
        for number, piece in enumerate(iter(lambda: list(islice(quads, _QUADS_A_FILE)), []), 1):
            body = ox.serialize(piece, format=ox.RdfFormat.N_QUADS) or b""
            bag.add_bytes(f"data/quads/{number:06}.nq", body)
            done += len(piece)
            progress("backup: store", done, max(total, done))
    except RuntimeError as error:
        raise StoreError(*_broken_store(build, error)) from error
    if done != total:
        raise StoreError(*_broken_store(build, f"{done} ≠ {total}"))
    if plans.is_dir():
        files = input_files(read_corpus(plans))
        for file in files:
            bag.add_file(f"data/plans/{file.relative_to(plans).as_posix()}", file)
        if inputs_of(read_corpus(plans)) != summary.inputs:
            notes.append(both("backup", "plans-changed", plans=plans))
    else:
        notes.append(both("backup", "plans-gone", plans=plans))
    for name, file in ((trail.FILE, data / trail.FILE), (journal.TOKENS, tokens)):
        if file.is_file():
            bag.add_file(f"data/{name}", file)
    return notes


def _broken_store(build: Path, error: object) -> tuple[str]:
    return (f"{build / 'store'}: {error}",)


# -- restore -----------------------------------------------------------------------------------------------------


def restore(
    path: Path,
    data: Path,
    agent: str,
    *,
    corpus: Path | None = None,
    replace: bool = False,
    kept: int = KEPT_BUILDS,
    progress: Progress = lambda what, done, total: None,
) -> Restored:
    """Publish what a backup holds in a data folder, in one step, once it is verified.

    The folder is empty, or, with ``replace``, what it serves gives way: its builds are kept, its audit trail goes on, its
    tokens stay. ``corpus`` is where the plans go. Raises BadInput, StoreError; then all is as it was.
    """
    folder = corpus or data / "corpus"
    with opened(path):
        pass  # what is no file at all is told before anything is made
    with journal.take_lock(data), disk.told(data):
        journal.recover(data)
        taken = [name for name in ("current", trail.FILE, journal.TOKENS) if os.path.lexists(data / name)]
        if (taken or folder.is_dir()) and not replace:
            raise bad("occupied", data=data, what=", ".join(taken or [str(folder)]))
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(4)}"
        place = data / journal.FOLDER / name
        part = None
        try:
            about = take_out(path, place / "bag", progress)
            held = place / "bag" / "data"
            part = _rebuilt(path, held, data, about, folder, now, progress)
            final = part.with_suffix("")
            plans = _staged(held, place)
            put = [file.relative_to(plans).as_posix() for file in _files(plans)] if plans else []
            old = [one.relative_to(folder).as_posix() for one in _inputs(folder)] if plans else []
            entry = Entry(
                id=name,
                kind="restore",
                agent=agent,
                time=now.isoformat(timespec="seconds"),
                build=final.name,
                sha256=sealing.digest(path),
                file=path.name,
            )
            has_tokens = (held / journal.TOKENS).is_file()
            keeps_tokens = (data / journal.TOKENS).exists()
            if has_tokens:
                (held / journal.TOKENS).rename(place / journal.TOKENS)
            intent = journal.Intent(
                build=final.name,
                corpus=folder.resolve() if plans else None,
                put=put,
                remove=[one for one in old if one not in put],
                entry=entry,
                before=trail.read_trail(held),
                tokens=journal.TOKENS if has_tokens else None,
            )
            before = publishing.published(data)
            journal.write_intent(place, intent)
            part.rename(final)
            part = None
            publishing.switch(data, final.name)
            journal.finish(data, place, intent)
        finally:
            if part is not None:
                shutil.rmtree(part, ignore_errors=True)
            if publishing.published(data) is None or not (place / journal.INTENT).exists():
                shutil.rmtree(place, ignore_errors=True)
        publishing.remove_old(data, kept, final, before)
    notes = [both("backup", "tokens-kept")] if has_tokens and keeps_tokens else []
    return Restored(final, folder if plans else None, notes)


def check(path: Path, progress: Progress = lambda what, done, total: None) -> dict[str, Any]:
    """Read a backup whole and hold it against its manifest; returns what it tells of itself. Raises StoreError."""
    return take_out(path, None, progress)


def _rebuilt(
    path: Path, held: Path, data: Path, about: dict[str, Any], corpus: Path, now: datetime, progress: Progress
) -> Path:
    """The build of a backup as one that may be published: its store made anew, all of it verified."""
    folder = held / "build"
    known = sealing.read(folder)
    if known:
        sealing.trust(folder, [name for name in known if not name.startswith("store/")])
    part = data / "builds" / f"{publishing.new_name(data, now, read_summary(folder).inputs_hash)}.part"
    part.parent.mkdir(exist_ok=True)
    folder.rename(part)
    (part / sealing.FILE).unlink(missing_ok=True)
    progress("restore: store", 0, 1)
    count = stores.create(part / "store", sorted((held / "quads").glob("*.nq")))
    store = ox.Store(str(part / "store"))
    for name in about["graphs"]:
        store.add_graph(ox.NamedNode(name))  # one without quads is there too
    store.flush()
    del store
    shutil.rmtree(held / "quads", ignore_errors=True)
    progress("restore: store", 1, 1)
    if count != about["triples"]:
        raise broken(path, ("quads",) * 2)
    told = json.loads((part / "build.json").read_bytes())
    told["build"] = part.stem
    if (held / "plans").is_dir():
        told["plans"] = str(corpus.resolve())
    (part / "build.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sealing.seal(part)
    verdict = verifying.verify(part, None, progress)
    if verdict.faults:
        raise broken(path, verdict.faults[0])
    return part


def _staged(held: Path, place: Path) -> Path | None:
    if not (held / "plans").is_dir():
        return None
    (held / "plans").rename(place / journal.STAGE)
    return place / journal.STAGE


def _inputs(corpus: Path) -> list[Path]:
    """The files of a folder of plans that give way; none of one that cannot be read."""
    if not corpus.is_dir():
        return []
    try:
        return input_files(read_corpus(corpus))
    except BadInput:
        return []


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sync(folder: Path) -> None:
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _version() -> str:
    try:
        return version("zhengmai")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"
