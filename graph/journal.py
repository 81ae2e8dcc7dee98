"""What makes a change of the folder of plans and the build of it one step, whatever happens in between.

A change is prepared in ``changes/{id}/`` of the data folder: a copy of the folder of plans as it will be, and
``intent.json``, which says what to do with the folder itself once the build is published. The publication (one link,
renamed) is the point from which the change holds: before it, what is prepared there is thrown away; after it, the rest
is done, now or at the next start. Each part of the rest may be done twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from graph import publishing, seeding, staging, trail
from graph.errors import StoreError
from graph.trail import Entry
from graph.words import both

FOLDER: Final = "changes"
INTENT: Final = "intent.json"
STAGE: Final = "corpus"
LOCK: Final = ".lock"
TOKENS: Final = "tokens.json"


class Intent(BaseModel):
    """What remains to do when ``build`` is the published one: put and remove files of ``corpus``, note ``entry``.

    Without a ``corpus`` no folder of plans is changed. Where it does not stand yet, the copy that `graph.seeding` made becomes
    it (``seed``), or all that was prepared. ``before`` are entries to be noted before, where they are missing;
    ``tokens`` is the file in the folder of the change that becomes the file of tokens, where there is none.
    """

    model_config = ConfigDict(extra="forbid")
    build: str
    corpus: Path | None
    put: list[str]
    remove: list[str]
    entry: Entry
    before: list[Entry] = []
    tokens: str | None = None
    seed: bool = False


def take_lock(data: Path, wait: float = 0.0) -> TextIO:
    """The lock of a data folder, for whoever writes there; it is let go when the file is closed, or its process ends.

    ``wait`` is for how many seconds to try. Raises StoreError where another has it, or nothing can be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / LOCK).open("a+")
    except OSError as error:
        en, zh = both("lock", "unwritable", data=data, reason=error.strerror)
        raise StoreError(en, zh=zh) from error
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sign(lock)
            return lock
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _held(data, lock) from None
        time.sleep(0.05)


def _sign(lock: TextIO) -> None:
    """Write down who holds the lock, for whoever finds it taken."""
    command = " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:2]])
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(OSError):  # the disk may be full: the lock holds all the same
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "since": since, "command": command}))
        lock.flush()


def _held(data: Path, lock: TextIO) -> StoreError:
    with lock:
        lock.seek(0)
        text = lock.read()
    try:
        told = json.loads(text)
        pid, since, command = int(told["pid"]), str(told["since"]), str(told["command"])
    except (ValueError, KeyError, TypeError):
        en, zh = both("lock", "unknown", data=data, lock=data / LOCK)
    else:
        who = both("lock", "process", pid=pid, command=command)
        en, _ = both("lock", "held", data=data, who=who[0], since=since, pid=pid)
        _, zh = both("lock", "held", data=data, who=who[1], since=since, pid=pid)
    return StoreError(en, zh=zh)


def recover(data: Path) -> list[str]:
    """Finish or throw away what a crash left; the caller holds the lock. Returns the changes that were finished.

    Half-made builds and what was prepared for them are removed. Raises StoreError where a change cannot be finished.
    """
    now = (data / "current").resolve().name if (data / "current").is_dir() else None
    done = []
    for folder in sorted(_entries(data / FOLDER)):
        intent = _read(folder)
        if intent is not None and intent.build == now:
            finish(data, folder, intent)
            done.append(folder.name)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for path in _entries(data / "builds"):
        if path.name.endswith(publishing.GONE):
            publishing.remove_aside(path)
        elif path.suffix == ".part":
            shutil.rmtree(path, ignore_errors=True)
    for path in data.glob(f"{seeding.FOLDER}.*.part"):
        shutil.rmtree(path, ignore_errors=True)
    for path in data.glob(".current-*"):
        path.unlink(missing_ok=True)
    for folder, begin in ((data / "cache", ""), (data, "hashes.json.")):
        for name in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208 - there may be thousands
            if name.startswith(begin) and name.endswith(".part"):
                (folder / name).unlink(missing_ok=True)
    return done


def write_intent(folder: Path, intent: Intent) -> None:
    """Say what remains to do, before the build is published."""
    part = folder / f".{INTENT}.part"
    with part.open("w", encoding="utf-8") as out:
        out.write(intent.model_dump_json())
        out.flush()
        os.fsync(out.fileno())
    part.replace(folder / INTENT)


def finish(data: Path, folder: Path, intent: Intent, *, links: bool = False) -> None:
    """Do what remains: the trail, the files, and the folder of the change itself. May be done twice. Raises StoreError, OSError.

    ``links`` tells that what was staged are links, which the next change may take.
    """
    trail.append(data, *intent.before, intent.entry)
    if intent.tokens and not (data / TOKENS).exists():
        put_file(folder / intent.tokens, data / TOKENS, mode=0o600)
    if intent.corpus is not None:
        _finish_corpus(data, folder / STAGE, intent.corpus, intent)
    # First: what is staged may go from here on, and whoever is killed now has nothing left to do.
    (folder / INTENT).unlink(missing_ok=True)
    if links:
        staging.keep(folder / STAGE, data)
    shutil.rmtree(folder, ignore_errors=True)


def _finish_corpus(data: Path, stage: Path, corpus: Path, intent: Intent) -> None:
    if not corpus.exists():
        _become(corpus, data / seeding.FOLDER if intent.seed else None, stage)
    if intent.seed and corpus != data.resolve() / seeding.FOLDER:
        seeding.remove(data)  # it is copied where it cannot be moved
    for name in intent.put:
        put_file(stage / name, corpus / name)
    for name in intent.remove:
        (corpus / name).unlink(missing_ok=True)


def _become(corpus: Path, seed: Path | None, stage: Path) -> None:
    """Make the folder of plans, in one step. Raises StoreError where there is nothing to make it of."""
    if seed is not None and not seed.is_dir():
        en, zh = both("corpus", "gone", corpus=corpus, seed=seed)
        raise StoreError(en, zh=zh)
    corpus.parent.mkdir(parents=True, exist_ok=True)
    if seed is not None:
        with suppress(OSError):  # another file system
            seed.rename(corpus)
            return
    part = corpus.with_name(f".{corpus.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(seed or stage, part)
    part.rename(corpus)


def put_file(source: Path, target: Path, mode: int | None = None) -> None:
    """Copy a file into its place in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, part)
    if mode is not None:
        part.chmod(mode)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(target)


def _read(folder: Path) -> Intent | None:
    try:
        return Intent.model_validate_json((folder / INTENT).read_bytes())
    except (OSError, ValidationError):
        return None


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
