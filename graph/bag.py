"""The file that a backup is: a BagIt bag (RFC 8493) in a tar archive, packed with gzip or Zstandard.

``manifest-sha256.txt`` has the SHA-256 of every file; it comes last, since everything is written as it is read: memory does
not grow with the data. What is in it: `graph.backup`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from graph.errors import BadInput, StoreError
from graph.words import both

ABOUT: Final = "data/backup.json"
FORMAT: Final = 1
BAGIT: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_TOP: Final = "zhengmai-backup"
_MANIFEST: Final = "manifest-sha256.txt"
_PIECE: Final = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
Progress = Callable[[str, int, int], None]


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
class Bag:
    """The archive while it is written."""

    tar: tarfile.TarFile
    out: _Counting
    manifest: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add_bytes(self, name: str, body: bytes) -> None:
        """Add a file, by its name in the bag."""
        self._add(name, io.BytesIO(body), len(body))

    def add_file(self, name: str, path: Path) -> None:
        """Add a file of the disk, as long as it is now."""
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def close(self) -> None:
        """Add the manifests: nothing comes after them."""
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
def packed(part: Path, name: str) -> Iterator[Bag]:
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
            yield Bag(tar, counting)
        raw.flush()
        os.fsync(raw.fileno())


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive to be read from its beginning to its end. Raises BadInput, and StoreError where it is damaged."""
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
            raise broken(path, both("backup", "form"))
        try:
            yield stack.enter_context(tarfile.open(fileobj=unpacked, mode="r|"))
        except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
            raise broken(path, (f"{type(error).__name__}: {error}",) * 2) from error
        except Exception as error:
            # Zstandard's own error, which has no name here where the package is not installed.
            if type(error).__module__.startswith("zstandard"):
                raise broken(path, (str(error),) * 2) from error
            raise


def take_out(path: Path, into: Path | None, progress: Progress) -> dict[str, Any]:
    """Read a backup to its end, write its files below ``into`` where that is given, and hold all against the manifest.

    Returns what it tells of itself (``data/backup.json``). Raises BadInput, StoreError.
    """
    found: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    size = max(1, path.stat().st_size)
    with opened(path) as tar:
        for member in tar:
            name = _safe(path, member)
            progress("restore: reading", min(tar.offset, size), size)
            file = tar.extractfile(member)
            assert file is not None  # it is a regular file
            if name in (ABOUT, _MANIFEST, "bagit.txt"):
                kept[name] = file.read()
                found[name] = hashlib.sha256(kept[name]).hexdigest()
            else:
                found[name] = _copy(file, member.size, into / name if into else None)
        progress("restore: reading", size, size)
    return _agreed(path, found, kept)


def _agreed(path: Path, found: dict[str, str], kept: dict[str, bytes]) -> dict[str, Any]:
    for name in ("bagit.txt", ABOUT, _MANIFEST):
        if name not in kept:
            raise broken(path, both("backup", "missing", name=name))
    told = {}
    for line in kept[_MANIFEST].decode("utf-8", "replace").splitlines():
        sha256, _, name = line.partition("  ")
        told[name] = sha256
    for name, sha256 in told.items():
        if name not in found:
            raise broken(path, both("backup", "missing", name=name))
        if found[name] != sha256:
            raise broken(path, both("backup", "differs", name=name))
    for name in found:
        if name.startswith("data/") and name not in told:
            raise broken(path, both("backup", "extra", name=name))
    try:
        about: dict[str, Any] = json.loads(kept[ABOUT])
        if int(about["format"]) > FORMAT:
            raise broken(path, both("backup", "newer"))
        return {**about, "triples": int(about["triples"]), "graphs": list(about["graphs"])}
    except (ValueError, KeyError, TypeError) as error:
        raise broken(path, both("backup", "form")) from error


def _safe(path: Path, member: tarfile.TarInfo) -> str:
    """The name of a file in the bag. Nothing may lead out of the folder that it is written to."""
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or parts[:1] != (_TOP,) or len(parts) < 2 or ".." in parts:
        raise broken(path, both("backup", "form"))
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
        raise bad("zstd", path=path) from error
    return zstandard


def broken(path: Path, reason: tuple[str, ...]) -> StoreError:
    """The error for a backup that is not whole; ``reason`` in English and Chinese, or one for both."""
    en, _ = both("backup", "broken", path=path, reason=reason[0])
    _, zh = both("backup", "broken", path=path, reason=reason[-1])
    return StoreError(en, zh=zh)


def bad(key: str, **values: object) -> BadInput:
    """The error for what was asked for wrongly, in the words of that key."""
    en, zh = both("backup", key, **values)
    return BadInput(en, zh=zh)
