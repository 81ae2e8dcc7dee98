"""The executor for a store on a server: the same questions, the same answers and errors as `queries.engine`.

    with RemoteEngine(Connection(discover(address)), build="20261122T…") as engine:
        table = engine.table("SELECT …")

A text is inspected and refused as it is for the embedded store. Then the server runs it, with a deadline; at most as many
at a time as there are workers. Its answer is read whole, seen to be whole, and written in the format that was asked for
by the same library as everywhere: no byte of the server's goes to a client.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

import pyoxigraph as ox

from graph.errors import QuerySyntaxError, QueryTooLarge, StoreError
from graph.remote_publishing import Watcher
from graph.remote_store import Connection, Exchange
from graph.store_address import StoreAddress, discover
from queries.answers import Answer, Spool
from queries.dialects import translated
from queries.engine import QueryEngine, Watch
from queries.formats import Format
from queries.limits import Limits
from queries.looking import Looker
from queries.pool import Turns
from queries.process import NotUnderstood
from queries.sparql_text import QueryText
from queries.steps import Call, Steps
from queries.words import both

_SHORT = 1 << 18  # bytes of an answer that are kept in memory
_WIDER = 6  # as JSON an answer is larger than in other formats: so many times


class RemoteEngine(QueryEngine):
    """An engine whose store is elsewhere. ``build`` is the build that has to be there; None for any that is whole."""

    def __init__(
        self,
        where: Connection | StoreAddress,
        *,
        build: str | None = None,
        workers: int = 2,
        limits: Limits | None = None,
        watch: Watch | None = None,
    ) -> None:
        """``where``: an address is looked at with the first query, so that nobody has to wait for a server here."""
        self._where = where
        self._build = build
        self._watcher: Watcher | None = None
        self.store = Path(build or "store")  # a name for what is answered from; nothing is read there
        self.limits = limits or Limits()
        self._watch = watch or (lambda state: nullcontext())
        self._public, self._own = (
            Turns(workers + self.limits.long, 0, self.limits.waiting) for _ in ("public", "own")
        )
        self._spool = Spool(self.limits.spool_mb << 20)
        self._lock = threading.Lock()
        self._running: set[Exchange] = set()
        self._closed = False
        self._inspected = lru_cache(maxsize=1024)(self._inspect)
        self._looker = Looker(self.limits)

    def close(self) -> None:
        """End all questions that are under way."""
        self._closed = True
        self._looker.close()
        with self._lock:
            running = list(self._running)
        for one in running:
            one.cancel()

    def start_ahead(self) -> None:
        """Nothing: a server is there already."""

    def retire(self) -> None:
        """Let what runs end by itself."""
        self._looker.retire()

    def kind(self) -> str:
        """What kind of server answers: oxigraph, virtuoso or other. Raises StoreError."""
        return self._connected().connection.server.kind

    def processes(self) -> list[int]:
        """Those that look at long texts: all other work is done elsewhere."""
        return self._looker.processes()

    def _connected(self) -> Watcher:
        with self._lock:
            known = self._watcher
        if known is None:
            where = self._where if isinstance(self._where, Connection) else Connection(discover(self._where))
            known = Watcher(where, self._build)
            with self._lock:
                self._watcher = known
        return known

    def _answer(
        self,
        query: QueryText,
        wanted: Format,
        default_graphs: Sequence[str],
        named_graphs: Sequence[str],
        base_iri: str | None,
        public: bool,
    ) -> Steps[Answer]:
        graphs = {"default-graph-uri": list(default_graphs), "named-graph-uri": list(named_graphs)}
        turns = self._public if public else self._own
        turn = self._take(turns)
        exchange = Exchange()
        try:
            yield from self._wait(turn)
            with self._lock:
                self._running.add(exchange)
            started = time.perf_counter()
            with self._watch("running"):
                body = yield Call(lambda: self._asked(query, wanted, graphs, base_iri, exchange))
            seconds = time.perf_counter() - started
        finally:
            turns.leave(turn)
            exchange.cancel()
            with self._lock:
                self._running.discard(exchange)
        if len(body) > self.limits.result_mb << 20:
            en, zh = both("limits", "size", limit=self.limits.result_mb)
            raise QueryTooLarge(en, zh=zh, limit=self.limits.result_mb)
        if len(body) <= _SHORT:
            return Answer(wanted, seconds, len(body), body)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
        file.write(body)
        file.flush()
        return self._counted(Answer(wanted, seconds, len(body), file))

    def _asked(
        self,
        query: QueryText,
        wanted: Format,
        graphs: dict[str, list[str]],
        base_iri: str | None,
        exchange: Exchange,
    ) -> bytes:
        """The answer in the format that is wanted, of the build that is held and of no other."""
        watcher = self._connected()
        connection = watcher.connection
        before = watcher.before()
        text = translated(query.text, connection.server.kind)
        try:
            body = connection.ask(
                f"BASE <{base_iri}> {text}" if base_iri else text,
                query.form,
                seconds=self.limits.seconds,
                megabytes=self.limits.result_mb * _WIDER,
                graphs=graphs,
                union=not query.has_dataset,
                exchange=exchange,
            )
        except QuerySyntaxError as error:
            if connection.server.kind == "oxigraph":
                raise NotUnderstood(error.message) from None
            raise
        watcher.after(before)
        return _in_format(body, wanted, connection.where)


def _in_format(body: bytes, wanted: Format, where: str) -> bytes:
    """A whole answer, JSON or N-Triples, in another format."""
    if wanted.kind == "graph":
        quads = ox.parse(body, format=ox.RdfFormat.N_TRIPLES)
        triples = dict.fromkeys(quad.triple for quad in quads)
        return ox.serialize(triples, format=ox.RdfFormat.from_media_type(wanted.writer)) or b""
    try:
        rows = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
        form = ox.QueryResultsFormat.from_media_type(wanted.writer)
        return rows.serialize(format=form) or b""
    except (SyntaxError, ValueError) as error:
        raise StoreError(f"{where}: the answer cannot be read: {error}") from error
