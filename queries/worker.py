"""One query process: `python worker.py FD STORE SECONDS MEGABYTES RESULT_MEGABYTES`. Started by `queries.engine` only.

It is run as a file, not imported from a package, so that it loads nothing but pyoxigraph and is ready in 0.1 s.

Over the socket FD come messages of JSON: {query, writer, base, union, default_graphs, named_graphs}. The answer
to each is one message of JSON, then, if that says "ok", the body in messages of bytes, then an empty message.

Nothing but the end of the process bounds a query inside Oxigraph, and three things end it:
- time: an alarm that the kernel delivers, whatever the engine is doing, and even if the parent has died meanwhile;
- memory: RLIMIT_AS; Rust aborts when an allocation fails (it counts address space, touched or not);
- a crash, for example a stack that overflows on a text made for that.
The parent sees the socket close, and how the process ended.
"""

from __future__ import annotations

import ctypes
import io
import json
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

CHUNK = 1 << 20


class TooLarge(Exception):
    """The answer outgrew its limit."""


class Bounded(io.BytesIO):
    """A buffer that refuses to grow past a limit in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: Buffer, /) -> int:
        """Append; raises TooLarge past the limit."""
        if self.tell() + memoryview(data).nbytes > self._limit:
            raise TooLarge
        return super().write(data)


def answer(store: ox.Store, request: dict[str, Any], limit: int) -> memoryview:
    """Run one query and write its answer out. Raises SyntaxError, OSError, TooLarge."""
    result = store.query(
        request["query"],
        base_iri=request["base"],
        use_default_graph_as_union=request["union"],
        default_graph=_nodes(request["default_graphs"]),
        named_graphs=_nodes(request["named_graphs"]),
    )
    out = Bounded(limit)
    if isinstance(result, ox.QueryTriples):
        result.serialize(out, ox.RdfFormat.from_media_type(request["writer"]))
    else:
        result.serialize(out, ox.QueryResultsFormat.from_media_type(request["writer"]))
    return out.getbuffer()


def _nodes(iris: list[str] | None) -> Any:
    # Any, because the two parameters it is for have different list types, both of which hold IRIs
    return None if iris is None else [ox.NamedNode(iri) for iri in iris]


def confine(megabytes: int) -> None:
    """Take away what no query needs: memory without a bound, and the network, where the system lets us."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass
    if sys.platform == "linux":
        # A network namespace of its own has no way out. Refused without the right to make one; the tokenizer
        # has refused SERVICE already, so this is the second lock, not the first.
        clone_newnet, clone_newuser = 0x40000000, 0x10000000
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(clone_newnet) != 0:
            libc.unshare(clone_newuser | clone_newnet)


def main() -> None:
    """Serve queries until the parent closes the socket."""
    fd, path, seconds, megabytes, result_megabytes = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; the parent decides
    confine(int(megabytes))
    connection = Connection(int(fd))
    try:
        store = ox.Store.read_only(path)
    except OSError as error:
        connection.send_bytes(json.dumps({"error": "store", "message": str(error)}).encode())
        return
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, float(seconds))  # its default action ends the process
        try:
            body = answer(store, request, int(result_megabytes) << 20)
        except SyntaxError as error:
            reply: dict[str, object] = {"error": "syntax", "message": str(error)}
        except TooLarge:
            reply = {"error": "size"}
        except MemoryError:
            reply = {"error": "memory"}
        except (OSError, ValueError, RuntimeError) as error:
            reply = {"error": "engine", "message": str(error)}
        else:
            reply = {"ok": len(body)}
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send_bytes(json.dumps(reply).encode())
        if "ok" in reply:
            for start in range(0, len(body), CHUNK):
                connection.send_bytes(body[start : start + CHUNK])
            connection.send_bytes(b"")


if __name__ == "__main__":
    main()
