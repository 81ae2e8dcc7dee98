"""The checksums of a build: made when it is published, held against its files when they are read.

``files.json`` of a build has the size and the SHA-256 of every file that answers come from. RocksDB has checksums of its
own for each block of a table, and looks at them at each reading; it believes a manifest that was cut off at the right
place, though, and nothing else in a build would notice a bit that turned. A file that was taken over from the build
before keeps the checksum that it had there: damage in it is not made good by a new build.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

from graph import user_graphs
from graph.errors import StoreError
from graph.words import both

FILE: Final = "files.json"
_VERSION: Final = 1
_THREADS: Final = 2
_LARGE: Final = 16 << 20
# RocksDB's log for people, its lock, and what it notes of its settings: no answer comes from these.
_STORES: Final = ("store", user_graphs.STORE)
_PASSED_OVER: Final = ("LOG", "LOCK", "OPTIONS-", "IDENTITY")
_MADE_LATER: Final = ("data", ".data.part", FILE)
"""What is made in the folder of a build after it was published: the files of /data, and the list itself."""
_START: Final = '{"files": '
_AFTER: Final = ', "sha256": "'
_BETWEEN: Final = ",\n"
Sealed = dict[str, tuple[int, str]]
"""By file, relative to the build: bytes, SHA-256."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Taken:
    """What a build took over from the one before: folders whose files are those there (links, or copies where there can be none), but for some
    that were written anew.

    What should stand there and does not, stays in the list: whoever reads it is told.
    """

    folders: Collection[str]
    written: Collection[str]


@dataclass(frozen=True)
class Fault:
    """A file of a build that is not as it was published, and why (en, zh)."""

    path: Path
    reason: tuple[str, str]

    def error(self) -> StoreError:
        """The error to raise."""
        todo = both("damage", "what-to-do")
        en, _ = both("damage", "file", path=self.path, reason=self.reason[0], todo=todo[0])
        _, zh = both("damage", "file", path=self.path, reason=self.reason[1], todo=todo[1])
        return StoreError(en, zh=zh)


def seal(build: Path, before: Path | None = None, taken: Taken | None = None) -> None:
    """Write the checksums of a build that is about to be published. What was taken over from ``before`` keeps its own.

    Of the folders that were ``taken`` over only what was written anew is looked at.
    """
    try:
        known = _list(before) if before else None
    except StoreError:
        known = None

    def sealed(name: str) -> tuple[int, str]:
        path = build / name
        size = path.stat().st_size
        # A large one may have been read before (`remember`): it would be most of the time
        return size, _digest_once(path) if size > _LARGE else digest(path)

    lines: dict[str, str] = {}
    if known and before:
        but = taken.folders if taken else ()
        files, there = _standing(build, but), _standing(before, but)
        linked = [name for name, number in files.items() if name in known.files and number == there.get(name)]
        if taken:
            starts = tuple(f"{folder}/" for folder in but)
            linked += [name for name in known.files if name.startswith(starts) and name not in taken.written]
            files |= dict.fromkeys(taken.written, 0)
        lines = {name: known.lines[name] for name in linked}
    else:
        files = _standing(build)
    new = [name for name in files if name not in lines]
    with ThreadPoolExecutor(_THREADS) as pool:  # hashing lets other threads run
        for name, (size, sha256) in zip(new, pool.map(sealed, new), strict=True):
            lines[name] = _line(name, size, sha256)
    # A line for each file: whoever knows the list of the build before reads only the lines that are new
    body = "{\n" + _BETWEEN.join(lines[name] for name in sorted(lines)) + "\n}"
    part = build / f".{FILE}.part"
    with part.open("w", encoding="utf-8") as out:
        out.write(_START + body + _end(body))
        out.flush()
        os.fsync(out.fileno())
    part.replace(build / FILE)


def read(build: Path) -> Sealed | None:
    """The checksums of a build; None of one that is being made, or that an older version made. Raises StoreError."""
    found = _list(build)
    return found.files if found else None


def read_bytes(build: Path, name: str) -> bytes:
    """A file of a build, as it was published.

    Raises StoreError where it is not that, or is missing; FileNotFoundError where there never was one.
    """
    known = read(build)
    try:
        data = (build / name).read_bytes()
    except FileNotFoundError:
        if known and name in known:
            raise Fault(build / name, both("damage", "missing")).error() from None
        raise
    if known and name in known:
        size, sha256 = known[name]
        if len(data) != size:
            raise Fault(build / name, both("damage", "size", now=len(data), then=size)).error()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Fault(build / name, both("damage", "hash")).error()
    return data


def read_text(build: Path, name: str) -> str:
    """The same as text, every character as it stands. Raises as `read_bytes`."""
    return read_bytes(build, name).decode("utf-8")


def stems(build: Path, folder: str) -> list[str]:
    """What a folder of a build had a file of when it was published, by name without suffix: what is missing now as well.

    Raises StoreError where the list of checksums cannot be believed.
    """
    known = read(build)
    if known is None:
        return sorted(path.stem for path in (build / folder).iterdir())
    return sorted(Path(name).stem for name in known if name.startswith(f"{folder}/"))


def faults(build: Path, progress: Progress = lambda done, total: None) -> Iterator[Fault]:
    """Every file of a build that is missing, is not as it was published, or did not stand there then."""
    known = read(build)
    if known is None:
        return
    total, done = sum(size for size, _ in known.values()), 0
    for name in known:
        yield from _compared(build, name, known[name])
        done += known[name][0]
        progress(done, total)
    for name in names(build):
        if name not in known:
            yield Fault(build / name, both("damage", "extra"))


def trust(build: Path, only: Iterable[str] | None = None, *, anew: bool = True) -> None:
    """Raises StoreError for the first file that is not as it was published.

    Looked at are ``only``, or all files but the store's tables, whose blocks are looked at when they are read. Unless
    ``anew``, a file that this process read before is not read again where it has not been written since: builds that were
    made out of one another share their large files.
    """
    known = read(build)
    if known is None:
        return
    wanted = only if only is not None else [name for name in known if not name.endswith(".sst")]
    # Hashing lets other threads run.
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(
            lambda name: list(_compared(build, name, known[name], digest if anew else _digest_once)),
            [n for n in wanted if n in known],
        )
        for fault in chain.from_iterable(found):
            raise fault.error()


def trust_store(store: Path) -> None:
    """Raises StoreError where the store of a build lacks something of which the store itself would not notice it.

    Sizes of all its files, and the contents of the small ones: what it holds is told by its manifest.
    """
    known = read(store.parent)
    if known is None:
        return
    prefix = f"{store.name}/"
    small = [name for name in known if name.startswith(prefix) and not name.endswith(".sst")]
    trust(store.parent, small)
    for name, (size, _) in known.items():
        if name.startswith(prefix):
            fault = _sized(store.parent, name, size)
            if fault is not None:
                raise fault.error()


def is_whole(build: Path, names: Iterable[str] | None = None, *, anew: bool = True) -> bool:
    """Whether files of a build are as they were published: a build that is not is made anew, not built upon.

    ``names`` and ``anew`` as of `trust`.
    """
    try:
        trust(build, names, anew=anew)
        trust_store(build / _STORES[0])
    except StoreError:
        return False
    return True


def unreadable(path: Path, error: Exception) -> StoreError:
    """The error to raise for a file of a build that cannot be read as what it is."""
    return Fault(path, both("damage", "unreadable", error=f"{type(error).__name__}: {error}")).error()


def remember(path: Path) -> None:
    """Read a file that is to stand in the next build, under whatever name, before anybody waits for it."""
    _digest_once(path)


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class _Mark:
    """What tells a file that was not written since, whatever it is called; another link to it changes nothing."""

    device: int
    inode: int
    size: int
    modified: int
    path: Path = field(compare=False)


@lru_cache(maxsize=64)
def _digest_of(mark: _Mark) -> str:
    return digest(mark.path)


def _digest_once(path: Path) -> str:
    stat = path.stat()
    return _digest_of(_Mark(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, path))


@dataclass(frozen=True)
class _List:
    """A list of checksums that was read: by file what is known of it, and its line."""

    files: Sealed
    lines: dict[str, str]


def _list(build: Path) -> _List | None:
    path = build / FILE
    try:
        stat = path.stat()
    except OSError:
        return None
    return _read(path, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=8)
def _read(path: Path, _modified: int, _inode: int) -> _List:
    try:
        told = path.read_text(encoding="utf-8")
        start, stop = told.index(_START) + len(_START), told.rindex(_AFTER)
        body = told[start:stop]
        # What was written, character by character, and not what it reads as.
        if told != _START + body + _end(body):
            raise ValueError("checksum")
        return _parsed(body)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Fault(path, both("damage", "seal")).error() from error


_Line = tuple[str, tuple[int, str]]
_last: dict[str, _Line] = {}


def _parsed(body: str) -> _List:
    """What a list holds. The lines of the list that was read before are remembered: of the next build most are the same."""
    global _last
    # Versions before 0.6.6 wrote all in one line, which is read as one that has many files
    lines = body[2:-2].split(_BETWEEN) if body.startswith('{\n"') else []
    known = _last
    fresh = [line for line in lines if line not in known]
    told: dict[str, Any] = json.loads("{" + ",".join(fresh) + "}") if lines else json.loads(body)
    read = [(name, (int(size), str(sha256))) for name, (size, sha256) in told.items()]
    if not lines:
        return _List(dict(read), {name: _line(name, *one) for name, one in read})
    new = dict(zip(fresh, read, strict=True))
    now = {line: new.get(line) or known[line] for line in lines}
    _last = now  # another thread may read another list at the same time
    return _List(dict(now.values()), {name: line for line, (name, _) in now.items()})


def _line(name: str, size: int, sha256: str) -> str:
    return f'{json.dumps(name, ensure_ascii=False)}: [{size}, "{sha256}"]'


def names(build: Path) -> list[str]:
    """The files of a build that answers come from, relative to it; without the list of checksums itself."""
    return sorted(_standing(build))


def _standing(build: Path, but: Collection[str] = ()) -> dict[str, int]:
    """The same, each with its inode, without those of some folders: builds stand on one file system.

    There may be thousands: none is looked at alone.
    """
    found, waiting = dict[str, int](), [""]
    while waiting:
        prefix = waiting.pop()
        folder = build / prefix
        store = folder.name in _STORES
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if not prefix and (name in _MADE_LATER or (name.startswith(".") and not entry.is_dir())):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if prefix or name not in but:
                        waiting.append(f"{prefix}{name}/")
                elif not (store and name.startswith(_PASSED_OVER)):
                    found[prefix + name] = entry.inode()
    return found


def _end(body: str) -> str:
    """What stands behind the files of a list: its own checksum."""
    return f'{_AFTER}{hashlib.sha256(body.encode()).hexdigest()}", "version": {_VERSION}}}'


def _compared(
    build: Path, name: str, known: tuple[int, str], digested: Callable[[Path], str] = digest
) -> Iterator[Fault]:
    size, sha256 = known
    fault = _sized(build, name, size)
    if fault is not None:
        yield fault
        return
    try:
        if digested(build / name) != sha256:
            yield Fault(build / name, both("damage", "hash"))
    except OSError as error:
        yield Fault(build / name, both("damage", "unreadable", error=error.strerror))


def _sized(build: Path, name: str, size: int) -> Fault | None:
    try:
        now = (build / name).stat().st_size
    except OSError:
        return Fault(build / name, both("damage", "missing"))
    return None if now == size else Fault(build / name, both("damage", "size", now=now, then=size))
