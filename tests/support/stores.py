"""Servers of SPARQL on the loopback, each on free ports, with its data in a folder of its own: Oxigraph and Virtuoso."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from graph.store_address import StoreAddress

_INI = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
FileExtend = 200
MaxCheckpointRemap = 2000
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = {folder}/virtuoso-temp.db
TransactionFile = {folder}/virtuoso-temp.trx
FileExtend = 200
MaxCheckpointRemap = 2000
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
MaxClientConnections = 10
CheckpointInterval = 0
CaseMode = 2
ThreadsPerQuery = 1
AsyncQueueMaxThreads = 0
ServerThreadSize = 4000000
MainThreadSize = 4000000
FutureThreadSize = 4000000
MaxMemPoolSize = 400000000
NumberOfBuffers = 30000
MaxDirtyBuffers = 20000
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {folder}
MaxClientConnections = 10
ServerThreads = 10
MaxKeepAlives = 10
KeepAliveTimeout = 10
HTTPThreadSize = 4000000
Charset = UTF-8
[SPARQL]
ResultSetMaxRows = 100000
MaxQueryCostEstimationTime = 0
MaxQueryExecutionTime = 60
"""


@contextmanager
def oxigraph(folder: Path) -> Iterator[StoreAddress]:
    """`oxigraph serve` of PyPI, which stands beside this Python."""
    program = Path(sys.executable).with_name("oxigraph")
    base = f"http://127.0.0.1:{_free_port()}"
    command = [
        str(program),
        "serve",
        "--location",
        str(folder),
        "--bind",
        base.removeprefix("http://"),
        "--timeout-s",
        "30",
    ]
    with _running(command, base):
        yield StoreAddress(base, seconds=30)


@contextmanager
def virtuoso(folder: Path) -> Iterator[StoreAddress]:
    """Virtuoso 7 of Debian, as its first user."""
    program = shutil.which("virtuoso-t")
    assert program, (
        "virtuoso-t is not installed; .ci/run installs it: apt-get install virtuoso-opensource-7-bin"
    )
    folder.mkdir(parents=True, exist_ok=True)
    http, sql = _free_port(), _free_port()
    ini = folder / "virtuoso.ini"
    ini.write_text(_INI.format(folder=folder, sql=sql, http=http), encoding="utf-8")
    base = f"http://127.0.0.1:{http}"
    with _running([program, "-f", "+configfile", str(ini)], base):
        yield StoreAddress(base, "dba", "dba", seconds=60)


@contextmanager
def _running(command: list[str], base: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, f"{command[0]} ended"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            try:
                httpx.get(base, timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
