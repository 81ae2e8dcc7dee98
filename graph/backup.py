"""Backup and restore of a data folder: one file, which other programs can read too.

A backup is a BagIt bag (RFC 8493) in a tar archive, packed with gzip or Zstandard: ``data/build`` has the files of the
published build but its store, ``data/quads`` what the store holds as N-Quads, ``data/plans`` the folder of plans with
corrections, waivers and graphs that people put in, and beside them the audit trail and the hashes of the tokens. So it
does not depend on the version of the store. ``manifest-sha256.txt`` has the SHA-256 of every file; it comes last, since
everything is written as it is read: memory does not grow with the data.

A restore is a change as any other (`graph.journal`): prepared aside, verified, published by one link.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import pyoxigraph as ox

from graph import disk, journal, publishing, sealing, stores, trail, verifying
from graph.build import KEPT_BUILDS, input_files, inputs_of, open_current, read_summary
from graph.catalog import read_corpus
from graph.errors import BadInput, StoreError, ZhengmaiError
from graph.stores import open_store
from graph.trail import Entry
from graph.words import both

_TOP: Final = "zhengmai-backup"
_FORMAT: Final = 1
_ABOUT: Final = "data/backup.json"
_MANIFEST: Final = "manifest-sha256.txt"
_BAGIT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_QUADS_A_FILE: Final = 200_000
_PIECE: Final = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
Progress = Callable[[str, int, int], None]


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
        raise _bad("name", path=path)
    if path.exists() and not replace:
        raise _bad("exists", path=path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with journal.take_lock(data):
        journal.recover(data)
        build = open_current(data)
        sealing.trust(build)
        folder = corpus or data / "corpus"
        plans = folder if folder.is_dir() else Path(read_summary(build).plans)
        with disk.told(path):
            try:
                with _packed(part, path.name) as bag:
                    notes = _fill(bag, data, build, plans, tokens or data / journal.TOKENS, progress)
                    bag.close()
                part.replace(path)
                _sync(path.parent)
            finally:
                part.unlink(missing_ok=True)
    return Made(path, len(bag.manifest), bag.out.size, bag.out.sha256.hexdigest(), notes)


def _fill(
    bag: _Bag, data: Path, build: Path, plans: Path, tokens: Path, progress: Progress
) -> list[tuple[str, str]]:
    summary, notes = read_summary(build), []
    store = open_store(build / "store")
    native = store.native
    graphs = sorted(name.value for name in native.named_graphs() if isinstance(name, ox.NamedNode))
    about = {
        "format": _FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "program": _version(),
        "build": build.name,
        "triples": summary.counts["triples"],
        "graphs": graphs,
    }
    bag.add_bytes("bagit.txt", _BAGIT)
    bag.add_bytes(_ABOUT, (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode())
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


class _Counting(io.RawIOBase):
    """Passes on what is written, and counts and hashes it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self.size, self.sha256 = out, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self.size += view.nbytes
        self.sha256.update(view)
        self._out.write(view)
        return view.nbytes


@dataclass
class _Bag:
    """The archive while it is written."""

    tar: tarfile.TarFile
    out: _Counting
    manifest: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add_bytes(self, name: str, body: bytes) -> None:
        self._add(name, io.BytesIO(body), len(body))

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def close(self) -> None:
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in self.manifest.items())
        self.add_bytes(_MANIFEST, lines.encode())
        tags = "".join(f"{sha256}  {name}\n" for name, sha256 in self.tags.items())
        self.add_bytes("tagmanifest-sha256.txt", tags.encode())

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        info = tarfile.TarInfo(f"{_TOP}/{name}")
        info.size, info.mode = size, 0o600
        hashing = _Hashing(file)
        self.tar.addfile(info, hashing)
        (self.manifest if name.startswith("data/") else self.tags)[name] = hashing.sha256.hexdigest()


class _Hashing:
    """Hashes what is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


@contextmanager
def _packed(part: Path, name: str) -> Iterator[_Bag]:
    """An archive to be filled, readable by its owner alone: it has the hashes of the tokens."""
    part.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        raw = stack.enter_context(
            os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        )
        counting = _Counting(raw)
        packer: Any  # both have what a file has
        if name.endswith(".zst"):
            packer = _zstandard(part).ZstdCompressor(level=6).stream_writer(counting, closefd=False)
        else:
            packer = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=counting, mtime=0)
        with packer, tarfile.open(fileobj=packer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            yield _Bag(tar, counting)
        raw.flush()
        os.fsync(raw.fileno())


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
    with _opened(path):
        pass  # what is no file at all is told before anything is made
    with journal.take_lock(data), disk.told(data):
        journal.recover(data)
        taken = [name for name in ("current", trail.FILE, journal.TOKENS) if os.path.lexists(data / name)]
        if (taken or folder.is_dir()) and not replace:
            raise _bad("occupied", data=data, what=", ".join(taken or [str(folder)]))
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}-{secrets.token_hex(4)}"
        place = data / journal.FOLDER / name
        part = None
        try:
            about = _take_out(path, place / "bag", progress)
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
    return _take_out(path, None, progress)


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
        raise _broken(path, ("quads",) * 2)
    told = json.loads((part / "build.json").read_bytes())
    told["build"] = part.stem
    if (held / "plans").is_dir():
        told["plans"] = str(corpus.resolve())
    (part / "build.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sealing.seal(part)
    verdict = verifying.verify(part, None, progress)
    if verdict.faults:
        raise _broken(path, verdict.faults[0])
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


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    with ExitStack() as stack:
        stack.enter_context(raw)
        magic = raw.read(4)
        raw.seek(0)
        unpacked: Any
        if magic.startswith(_GZIP):
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb"))
        elif magic == _ZSTD:
            unpacked = stack.enter_context(
                _zstandard(path).ZstdDecompressor().stream_reader(raw, closefd=False)
            )
        else:
            raise _broken(path, both("backup", "form"))
        try:
            yield stack.enter_context(tarfile.open(fileobj=unpacked, mode="r|"))
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
            raise _broken(path, (f"{type(error).__name__}: {error}",) * 2) from error
        except Exception as error:
            # Zstandard's own error, which has no name here where the package is not installed.
            if type(error).__module__.startswith("zstandard"):
                raise _broken(path, (str(error),) * 2) from error
            raise


def _take_out(path: Path, into: Path | None, progress: Progress) -> dict[str, Any]:
    """Read a backup to its end, write its files where they are wanted, and hold all against the manifest."""
    found: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    size = max(1, path.stat().st_size)
    with _opened(path) as tar:
        for member in tar:
            name = _safe(path, member)
            progress("restore: reading", min(tar.offset, size), size)
            file = tar.extractfile(member)
            assert file is not None  # it is a regular file
            if name in (_ABOUT, _MANIFEST, "bagit.txt"):
                kept[name] = file.read()
                found[name] = hashlib.sha256(kept[name]).hexdigest()
            else:
                found[name] = _copy(file, member.size, into / name if into else None)
        progress("restore: reading", size, size)
    return _agreed(path, found, kept)


def _agreed(path: Path, found: dict[str, str], kept: dict[str, bytes]) -> dict[str, Any]:
    for name in ("bagit.txt", _ABOUT, _MANIFEST):
        if name not in kept:
            raise _broken(path, both("backup", "missing", name=name))
    told = {}
    for line in kept[_MANIFEST].decode("utf-8", "replace").splitlines():
        sha256, _, name = line.partition("  ")
        told[name] = sha256
    for name, sha256 in told.items():
        if name not in found:
            raise _broken(path, both("backup", "missing", name=name))
        if found[name] != sha256:
            raise _broken(path, both("backup", "differs", name=name))
    for name in found:
        if name.startswith("data/") and name not in told:
            raise _broken(path, both("backup", "extra", name=name))
    try:
        about: dict[str, Any] = json.loads(kept[_ABOUT])
        if int(about["format"]) > _FORMAT:
            raise _broken(path, both("backup", "newer"))
        return {**about, "triples": int(about["triples"]), "graphs": list(about["graphs"])}
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, both("backup", "form")) from error


def _safe(path: Path, member: tarfile.TarInfo) -> str:
    """The name of a file in the bag. Nothing may lead out of the folder that it is written to."""
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or parts[:1] != (_TOP,) or len(parts) < 2 or ".." in parts:
        raise _broken(path, both("backup", "form"))
    return "/".join(parts[1:])


def _copy(file: IO[bytes], size: int, target: Path | None) -> str:
    sha256, read = hashlib.sha256(), 0
    with ExitStack() as stack:
        out = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(target.open("wb"))
        while piece := file.read(_PIECE):
            sha256.update(piece)
            read += len(piece)
            if out:
                out.write(piece)
    if read != size:
        raise EOFError(f"{read} of {size} bytes")
    return sha256.hexdigest()


def _zstandard(path: Path) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise _bad("zstd", path=path) from error
    return zstandard


def _broken(path: Path, reason: tuple[str, ...]) -> StoreError:
    en, _ = both("backup", "broken", path=path, reason=reason[0])
    _, zh = both("backup", "broken", path=path, reason=reason[-1])
    return StoreError(en, zh=zh)


def _bad(key: str, **values: object) -> ZhengmaiError:
    en, zh = both("backup", key, **values)
    return BadInput(en, zh=zh)


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
