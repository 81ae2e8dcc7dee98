"""Folders on any file system that Hadoop knows: file, hdfs, s3a and the like, through Spark's own virtual machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from graph.errors import BadInput

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_GLOB = re.compile(r"([\[\]{}*?,\\])")


def address(path: str) -> str:
    """A path of this machine as a file address; an address stays as it is, without a slash at its end."""
    if "://" in path:
        return path.rstrip("/")
    return "file://" + str(Path(path).resolve())


def local_path(uri: str) -> Path | None:
    """The path on this machine that an address means, or None for another file system."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        # Hadoop takes the characters of a path as they are.
        return Path(uri.removeprefix("file://")) if parts.scheme else Path(unquote(uri))
    return None


class Folder:
    """A folder by its address."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self.uri = uri
        self._spark = spark
        self._jvm: Any = spark._jvm
        try:
            self._fs: Any = self._path("").getFileSystem(spark._jsc.hadoopConfiguration())
        except Exception as error:  # an unknown scheme, a host that there is not
            raise _unreadable(uri, error) from error

    def child(self, name: str) -> Folder:
        """A folder in it."""
        return Folder(self._spark, f"{self.uri}/{name}")

    def names(self, under: str = "") -> list[str]:
        """The names of the files that stand in it, or in a folder of it; none where there is no such folder.

        Raises BadInput where the folder itself cannot be listed.
        """
        path = self._path(under)
        try:
            if not self._fs.exists(path):
                if under:
                    return []
                raise BadInput(
                    f"{self.uri}: no such folder; name a folder that holds plan documents",
                    zh=f"{self.uri}：没有这个文件夹；请指定存放方案文件的文件夹",
                )
            return sorted(one.getPath().getName() for one in self._fs.listStatus(path) if one.isFile())
        except BadInput:
            raise
        except Exception as error:
            raise _unreadable(self.uri, error) from error

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to this machine."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._fs.copyToLocalFile(False, self._path(name), self._there(target), True)
        except Exception as error:
            raise _unreadable(f"{self.uri}/{name}", error) from error

    def fetch_all(self, target: Path) -> None:
        """Copy all that is in it to this machine."""
        self._fs.copyToLocalFile(False, self._path(""), self._there(target), True)

    def put(self, source: Path, name: str) -> None:
        """Copy a file of this machine into the folder."""
        self._fs.copyFromLocalFile(False, True, self._there(source), self._path(name))

    def rename(self, old: str, new: str) -> None:
        """Give a file of the folder another name."""
        self._fs.rename(self._path(old), self._path(new))

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        self._fs.delete(self._path(""), True)

    def is_empty(self) -> bool:
        """Whether nothing stands there yet."""
        path = self._path("")
        return not self._fs.exists(path) or not list(self._fs.listStatus(path))

    def pattern(self, suffix: str) -> str:
        """A pattern for the files with a suffix, in letters of either case, as Hadoop matches it."""
        letters = "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in suffix)
        return _GLOB.sub(r"\\\1", self.uri) + f"/*{letters}"

    def _there(self, path: Path) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(address(str(path)))

    def _path(self, name: str) -> Any:
        whole = f"{self.uri}/{name}" if name else self.uri
        return self._jvm.org.apache.hadoop.fs.Path(whole)


def _unreadable(uri: str, error: Exception) -> BadInput:
    # Of what the virtual machine throws, its own sentence.
    cause = getattr(error, "java_exception", None)
    why = str(cause.toString()) if cause is not None else str(error)
    why = why.splitlines()[0][:300] if why else type(error).__name__
    return BadInput(
        f"{uri}: cannot be read ({why}); look at the address, the rights, and whether Spark has the file system's package",
        zh=f"{uri}：无法读取（{why}）；请检查地址、权限，以及 Spark 是否带有该文件系统的软件包",
    )
