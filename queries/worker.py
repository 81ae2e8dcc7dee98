"""One query process: `python worker.py FD STORE SECONDS MEGABYTES RESULT_MEGABYTES NETWORK`. Started by `queries.engine`.

It is run as a file, not imported from a package, so that it loads nothing but pyoxigraph and is ready in 0.1 s.

Over the socket FD come messages of JSON, each after its length (four bytes, the most significant first): {query,
writer, base, union, without, default_graphs, named_graphs}. The answer to each is one such message; "took" in it are seconds of the
processor; where it says "ok", the answer's size, a short body follows in the socket, and a long one comes as a file without a name, whose descriptor is
passed with the message. So the limit on the size of an answer is known before its first byte goes to anybody, and
neither process holds a long answer in memory.

Nothing but the end of the process bounds a query inside Oxigraph, and three things end it:
- time: an alarm that the kernel delivers, whatever the engine is doing, and even if the parent has died meanwhile;
- memory: RLIMIT_DATA; Rust aborts when an allocation fails. It counts what only this process can have written, touched or not;
  the files of the store, which RocksDB maps as it reads them, would count in RLIMIT_AS;
- a crash, for example a stack that overflows on a text made for that.
The parent sees the socket close, and how the process ended.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import signal
import socket
import sys
import time
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import pyoxigraph as ox

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

NICE = 2  # behind whoever takes requests: a page must not wait for a query of somebody else
SHORT = 1 << 18  # bytes: up to here an answer goes through the socket


class TooLarge(Exception):
    """The answer outgrew its limit."""


class Spool(io.BytesIO):
    """Where an answer is written: memory at first, a file without a name when it gets long."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self.size = 0
        self.file: IO[bytes] | None = None

    def write(self, data: Buffer, /) -> int:
        """Append; raises TooLarge past the limit."""
        self.size += memoryview(data).nbytes
        if self.size > self._limit:
            raise TooLarge
        if self.file is None and self.size > SHORT:
            import tempfile  # a tenth of the time that it takes to start, for what few answers need

            self.file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever the descriptor is passed to reads it
            self.file.write(self.getbuffer())
            self.truncate(0)
        if self.file is None:
            return super().write(data)
        return self.file.write(data)


def answer(store: ox.Store, request: dict[str, Any], limit: int) -> Spool:
    """Run one query and write its answer out. Raises SyntaxError, OSError, TooLarge."""
    default, union = _nodes(request["default_graphs"]), request["union"]
    if union and request["without"] and (program := others(store, request["without"])):
        default, union = program, False
    result = store.query(
        request["query"],
        base_iri=request["base"],
        use_default_graph_as_union=union,
        default_graph=default,
        named_graphs=_nodes(request["named_graphs"]),
    )
    out = Spool(limit)
    try:
        if isinstance(result, ox.QueryTriples):
            result.serialize(out, ox.RdfFormat.from_media_type(request["writer"]))
        else:
            result.serialize(out, ox.QueryResultsFormat.from_media_type(request["writer"]))
        if out.file is not None:
            out.file.flush()
    except BaseException:
        if out.file is not None:
            out.file.close()
        raise
    return out


@lru_cache(
    maxsize=1
)  # a process has one store, which never changes, and to list its graphs takes 10 ms a thousand
def others(store: ox.Store, prefix: str) -> list[ox.NamedNode]:
    """All graphs but those whose names begin so; none where there are none such, and the union of all will do.

    The union is quick, a list of graphs is looked through one by one: only a store with such graphs pays for it.
    """
    names = [one for one in store.named_graphs() if isinstance(one, ox.NamedNode)]
    program = [one for one in names if not one.value.startswith(prefix)]
    return program if len(program) < len(names) else []


def _nodes(iris: list[str] | None) -> Any:
    # Any, because the two parameters it is for have different list types, both of which hold IRIs
    return None if iris is None else [ox.NamedNode(iri) for iri in iris]


def confine(megabytes: int, network: bool) -> None:
    """Take away what no query needs: memory without a bound, and the network, where the system lets us."""
    os.nice(NICE)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass
    if sys.platform == "linux" and not network:
        # A network namespace of its own has no way out. Refused without the right to make one; the tokenizer
        # has refused SERVICE already, so this is the second lock, not the first.
        clone_newnet, clone_newuser = 0x40000000, 0x10000000
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(clone_newnet) != 0:
            libc.unshare(clone_newuser | clone_newnet)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """The next message, None when the other end has closed."""
    head = connection.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    body = connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
    request: dict[str, Any] = json.loads(body)
    return request


def reply(connection: socket.socket, head: dict[str, object], out: Spool | None = None) -> None:
    """Send a message, and the answer that goes with it."""
    text = json.dumps(head).encode()
    message = len(text).to_bytes(4, "big") + text
    if out is None or out.file is None:
        connection.sendall(message + (out.getbuffer() if out else b""))
    else:  # far shorter than the buffer of the socket, so it goes out whole
        socket.send_fds(connection, [message], [out.file.fileno()])
        out.file.close()


def main() -> None:
    """Serve queries until the parent closes the socket."""
    fd, path, seconds, megabytes, result_megabytes, network = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; the parent decides
    confine(int(megabytes), network == "network")
    connection = socket.socket(fileno=int(fd))
    try:
        store = ox.Store.read_only(path)
    except (OSError, RuntimeError) as error:  # RuntimeError is what a damaged block comes as
        reply(connection, {"error": "store", "message": str(error)})
        return
    while (request := receive(connection)) is not None:
        signal.setitimer(signal.ITIMER_REAL, float(seconds))  # its default action ends the process
        began = time.process_time()
        out: Spool | None = None
        try:
            out = answer(store, request, int(result_megabytes) << 20)
        except SyntaxError as error:
            head: dict[str, object] = {"error": "syntax", "message": str(error)}
        except TooLarge:
            head = {"error": "size"}
        except MemoryError:
            head = {"error": "memory"}
        except (OSError, ValueError, RuntimeError) as error:
            head = {"error": "engine", "message": str(error)}
        else:
            head = {"ok": out.size, "file": out.file is not None}
        signal.setitimer(signal.ITIMER_REAL, 0)
        head["took"] = time.process_time() - began
        reply(connection, head, out)


if __name__ == "__main__":
    main()
