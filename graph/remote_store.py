"""A store on a server that speaks SPARQL 1.1: what the embedded one is to this process, over HTTP.

    store = RemoteStore(Connection(discover(address)))
    for row in store.rows("SELECT …"): …

Nothing that a server sends is believed before it is whole and readable: an answer comes as a whole or as an error.
Reads are tried again where the connection failed, a few times within their time; what writes is never tried again by
itself. Queries and updates go through SPARQLWrapper, whole graphs through the Graph Store Protocol (`graph.remote_publishing`).
"""

from __future__ import annotations

import ast
import http.client
import json
import random
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.error import HTTPError, URLError

import pyoxigraph as ox
import rdflib
from SPARQLWrapper import BASIC, DIGEST, JSON, N3, POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

from graph import user_graphs
from graph.errors import QuerySyntaxError, QueryTimeout, QueryTooLarge, StoreError, ZhengmaiError
from graph.listing import chunks
from graph.store_address import Server, problem, sentence
from graph.stores import Term
from ontology import terms

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]
ROWS_MEDIA: Final = "application/sparql-results+json"
GRAPH_MEDIA: Final = "application/n-triples"
MANIFEST: Final = f"{terms.GRAPH}manifest"
"""The graph that says what a store holds; see `graph.remote_publishing`."""
HASH: Final = "http://spdx.org/rdf/terms#checksumValue"
_BOOLEAN: Final = "http://www.w3.org/2001/XMLSchema#boolean"
_TRIES: Final = 3
_PIECE: Final = 1 << 16
_SHOWN: Final = 300  # characters of what a server said
_TRANSIENT: Final = frozenset((502, 503, 504))
_ACCEPTED: Final = {
    ROWS_MEDIA: (ROWS_MEDIA, "application/json"),
    GRAPH_MEDIA: (GRAPH_MEDIA, "text/plain"),
}
# What Virtuoso says of a query that it gave up, or never began.
_OUT_OF_TIME: Final = re.compile(r"estimated execution time|S1T00|S1TAT|timed? ?out", re.IGNORECASE)
_IS_SYNTAX: Final = re.compile(r"error at \d+:\d+|syntax error|SP030|Undefined namespace", re.IGNORECASE)


class _Transient(Exception):
    """A failure after which a read may be tried again; ``error`` is what to tell if that fails too."""

    def __init__(self, error: ZhengmaiError) -> None:
        super().__init__(str(error))
        self.error = error


class Exchange:
    """One question under way; `cancel` from another thread ends it."""

    def __init__(self) -> None:
        self.cancelled = False
        self._response: Any = None

    def cancel(self) -> None:
        """End the connection: whoever reads from it gets an error at once. Does not wait for anything."""
        self.cancelled = True
        # To close it would wait for the other thread to have read; the socket itself can be shut under its hands.
        raw = getattr(getattr(self._response, "fp", None), "raw", None)
        if (sock := getattr(raw, "_sock", None)) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def holds(self, response: Any) -> None:
        self._response = response
        if self.cancelled:
            response.close()


@dataclass(frozen=True)
class Connection:
    """Sends queries and updates to one server. Holds no socket, and may be used by many threads."""

    server: Server

    @property
    def where(self) -> str:
        return self.server.address.base

    def ask(
        self,
        text: str,
        form: Form,
        *,
        seconds: float | None = None,
        megabytes: float = 256,
        graphs: Mapping[str, list[str]] | None = None,
        union: bool = True,
        exchange: Exchange | None = None,
    ) -> bytes:
        """The whole answer to a query: JSON for SELECT and ASK, N-Triples for the others, seen to be readable.

        ``graphs`` has lists for "default-graph-uri" and "named-graph-uri"; without them the query is asked over the union
        of all graphs, unless it names its own (``union`` false).

        Raises QuerySyntaxError; QueryTimeout where the query, and StoreError where the server was too slow;
        QueryTooLarge; StoreError for every answer that is none.
        """
        limit = seconds if seconds is not None else self.server.address.seconds
        deadline = time.monotonic() + limit
        for attempt in range(1, _TRIES + 1):
            try:
                return self._asked(
                    text, form, limit, deadline, megabytes, graphs, union, exchange or Exchange()
                )
            except TimeoutError:
                raise self._too_slow(limit) from None
            except _Transient as failed:
                pause = 0.1 * 4 ** (attempt - 1) * random.uniform(0.7, 1.3)  # noqa: S311 - no secret
                given_up = exchange is not None and exchange.cancelled
                if attempt == _TRIES or given_up or time.monotonic() + pause > deadline:
                    raise failed.error from None
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def update(self, text: str) -> None:
        """Run an update, once. Raises StoreError."""
        if self.server.update is None:
            raise problem(
                "no_endpoint",
                StoreError,
                where=self.where,
                what="SPARQL Update",
                setting="ZHENGMAI_STORE_UPDATE",
            )
        wrapper = self._wrapper(self.server.update, text, self.server.address.seconds)
        try:
            response = wrapper.query().response
            _read(response, time.monotonic() + self.server.address.seconds, 1 << 20)
        except TimeoutError:
            seconds = self.server.address.seconds
            raise problem("hangs", StoreError, where=self.where, seconds=seconds) from None
        except (SPARQLWrapperException, OSError, http.client.HTTPException) as error:
            raise self._told(error, "") from None

    # -- one exchange -----------------------------------------------------------------------------------------------

    def _wrapper(self, endpoint: str, text: str, seconds: float) -> SPARQLWrapper:
        wrapper = SPARQLWrapper(endpoint, agent="zhengmai")
        wrapper.setMethod(POST)
        wrapper.setOnlyConneg(True)
        wrapper.setTimeout(max(1, round(seconds)))
        wrapper.setQuery(text)
        address = self.server.address
        # Virtuoso asks nobody who reads at /sparql; by digest SPARQLWrapper changes what all of the process opens with.
        is_open = self.server.digest and endpoint.endswith("/sparql")
        if address.user and address.password and not is_open:
            wrapper.setHTTPAuth(DIGEST if self.server.digest else BASIC)
            wrapper.setCredentials(address.user, address.password)
        return wrapper

    def _asked(
        self,
        text: str,
        form: Form,
        limit: float,
        deadline: float,
        megabytes: float,
        graphs: Mapping[str, list[str]] | None,
        union: bool,
        exchange: Exchange,
    ) -> bytes:
        is_rows = form in ("SELECT", "ASK")
        media = ROWS_MEDIA if is_rows else GRAPH_MEDIA
        wrapper = self._wrapper(self.server.query, text, max(0.0, deadline - time.monotonic()))
        # It looks for the form by a pattern of its own; what it takes for an update would go elsewhere.
        wrapper.queryType = form
        wrapper.setReturnFormat(JSON if is_rows else N3)
        wrapper.addCustomHttpHeader("Accept", media)
        parameters = graphs or {}
        for name, values in parameters.items():
            for value in values:
                wrapper.addParameter(name, value)
        if union and not any(parameters.values()):
            for name, value in self.server.asking.items():
                wrapper.addParameter(name, value)
        try:
            response = wrapper.query().response
        except TimeoutError:
            raise
        except (SPARQLWrapperException, OSError, http.client.HTTPException, ValueError) as error:
            told = self._told(error, text)
            if isinstance(told, QueryTimeout) or not _may_pass(error):
                raise told from None
            raise _Transient(told) from None
        exchange.holds(response)
        try:
            body = _read(response, deadline, int(megabytes * (1 << 20)))
        except TimeoutError:
            raise
        except _TooLarge:
            en, zh = sentence("too_large", where=self.where, limit=megabytes)
            raise QueryTooLarge(en, zh=zh, limit=megabytes) from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # ValueError and AttributeError: closed under the hands of whoever reads, by `cancel`.
            found = str(error) or type(error).__name__
            dropped = problem("dropped", StoreError, where=self.where, found=found)
            raise _Transient(dropped) from None
        finally:
            response.close()
        self._see_whole(response, body, media, limit)
        return _plain(body) if is_rows and self.server.kind == "virtuoso" else body

    def _see_whole(self, response: Any, body: bytes, media: str, limit: float) -> None:
        """Raise for an answer that is not what was asked for, or not all of it."""
        headers = response.headers
        found = headers.get_content_type()
        if found not in _ACCEPTED[media] or "Content-Type" not in headers:
            shown = headers.get("Content-Type", "–")
            raise problem("content_type", StoreError, where=self.where, found=shown, wanted=media)
        if headers.get(
            "X-SQL-State"
        ):  # Virtuoso's way to say that it is a part, found in the time that there was
            raise problem("in_time", StoreError, where=self.where)
        try:
            if media == ROWS_MEDIA:
                told = json.loads(body)
                if "boolean" in told:
                    rows = None
                    if not isinstance(told["boolean"], bool):
                        raise ValueError("no boolean")
                else:
                    rows = len(told["results"]["bindings"])
                    if not isinstance(told["head"]["vars"], list):
                        raise ValueError("no variables")
            else:
                if "Content-Length" not in headers and not response.chunked:
                    raise problem("no_end", StoreError, where=self.where)
                # No answer of Oxigraph is cut off between two lines without the connection breaking.
                rows = sum(1 for _ in ox.parse(body, format=ox.RdfFormat.N_TRIPLES))
        except (ValueError, KeyError, TypeError, SyntaxError, RecursionError) as error:
            cut = body[-_SHOWN:].decode("utf-8", "replace")
            if (
                "imeout" in cut or "cancelled" in cut.lower()
            ):  # Oxigraph puts it into the body, behind a status of 200
                en, zh = sentence("slow", where=self.where, seconds=limit)
                raise QueryTimeout(en, zh=zh, limit=limit) from None
            what = " ".join(str(error).split())[:_SHOWN]
            raise problem("rubbish", StoreError, where=self.where, found=what) from None
        most = headers.get("X-SPARQL-MaxRows")
        if most and most.isdecimal() and rows is not None and rows >= int(most):
            raise problem("part", StoreError, where=self.where, rows=most)

    def _too_slow(self, seconds: float) -> ZhengmaiError:
        """Was it the query, or is it the server? That answers a question about nothing, or it does not."""
        wrapper = self._wrapper(self.server.query, "ASK {}", 2)
        wrapper.queryType = "ASK"
        wrapper.addCustomHttpHeader("Accept", ROWS_MEDIA)
        try:
            response = wrapper.query().response
            try:
                body = _read(response, time.monotonic() + 2, 1 << 16)
            finally:
                response.close()
            if json.loads(body)["boolean"] is True:
                en, zh = sentence("slow", where=self.where, seconds=seconds)
                return QueryTimeout(en, zh=zh, limit=seconds)
        except (
            SPARQLWrapperException, OSError, http.client.HTTPException, ValueError, KeyError, TypeError, _TooLarge,
        ):  # fmt: skip
            pass
        return problem("hangs", StoreError, where=self.where, seconds=seconds)

    def _told(self, error: Exception, text: str) -> ZhengmaiError:
        """The error that a failed request becomes."""
        status = _status(error)
        if status is None:
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, TimeoutError):
                raise TimeoutError
            if isinstance(error, URLError) and isinstance(reason, OSError):
                return problem("unreachable", StoreError, where=self.where, found=reason.strerror or reason)
            found = str(reason) or type(reason).__name__
            return problem("dropped", StoreError, where=self.where, found=found)
        said = _said(error)
        if status in (401, 403):
            return problem("credentials", StoreError, where=self.where, status=status)
        if _OUT_OF_TIME.search(said):
            en, zh = sentence("slow", where=self.where, seconds=self.server.address.seconds)
            return QueryTimeout(en, zh=zh, limit=self.server.address.seconds)
        if text and status == 400 and _IS_SYNTAX.search(said):
            line, column = _place(said)
            return QuerySyntaxError(said, line=line, column=column)
        if text and self.server.kind == "virtuoso" and status in (400, 500) and said:
            return problem("cannot", StoreError, where=self.where, found=said)
        return problem("status", StoreError, where=self.where, status=status, found=said or "–")


def _plain(body: bytes) -> bytes:
    """Virtuoso's JSON as others write it: it has texts as xsd:string, and truth as 0 and 1."""
    told = json.loads(body)
    for row in told.get("results", {}).get("bindings", ()):
        for cell in row.values():
            if cell.get("type") == "typed-literal":
                cell["type"] = "literal"
            if cell.get("datatype") == _BOOLEAN:
                cell["value"] = {"0": "false", "1": "true"}.get(cell["value"], cell["value"])
    return json.dumps(told, ensure_ascii=False).encode()


class _TooLarge(Exception):
    """The answer outgrew its limit."""


def _read(response: Any, deadline: float, limit: int) -> bytes:
    """The body, all of it. Raises TimeoutError, _TooLarge, IncompleteRead and OSError."""
    body = bytearray()
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > limit:
            raise _TooLarge
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:  # Python's client does not tell a body that ends before its Content-Length
        raise http.client.IncompleteRead(bytes(body[-_SHOWN:]), response.length)
    return bytes(body)


def _status(error: Exception) -> int | None:
    if isinstance(error, HTTPError):
        return int(error.code)
    cause = error.__context__
    return (
        int(cause.code)
        if isinstance(error, SPARQLWrapperException) and isinstance(cause, HTTPError)
        else None
    )


def _said(error: Exception) -> str:
    """What the server wrote with an error: SPARQLWrapper has it in its message only, as Python writes bytes."""
    if isinstance(error, HTTPError):
        try:
            text = error.read(1 << 16).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            text = ""
    else:
        _, _, written = str(error).partition("Response:\n")
        try:
            text = ast.literal_eval(written).decode("utf-8", "replace") if written else ""
        except (ValueError, SyntaxError, AttributeError):
            text = written
    return " ".join(re.sub(r"SPARQL query:.*", "", text, flags=re.DOTALL).split())[:_SHOWN]


def _may_pass(error: Exception) -> bool:
    """Whether it may go better in a moment: no connection, a broken one, a server that says so."""
    status = _status(error)
    return status in _TRANSIENT if status is not None else not isinstance(error, ValueError)


def _place(said: str) -> tuple[int, int]:
    match = re.search(r"error at (\d+):(\d+)", said) or re.search(r"line (\d+)()", said)
    return (max(1, int(match[1])), int(match[2] or 1)) if match else (1, 1)


class RemoteStore:
    """A store on a server, with what the checks need of one: see `graph.stores.Store`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = None

    def __len__(self) -> int:
        found = next(self.rows("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"))
        return int(value(found["n"]))

    def graphs(self) -> list[str]:
        """The IRIs of the graphs that were published there; to look for all takes some servers long."""
        found = self.rows(f"SELECT ?g {{ GRAPH <{MANIFEST}> {{ ?g <{HASH}> ?hash }} }}")
        return sorted(value(row["g"]) for row in found)

    def rows(self, query: str, *, seconds: float | None = None) -> Iterator[dict[str, Term]]:
        """The solutions of a SELECT over all graphs as one, each with the variables that are bound."""
        body = self.connection.ask(query, "SELECT", seconds=seconds)
        solutions = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
        if not isinstance(solutions, ox.QuerySolutions):
            raise TypeError("rows() takes a SELECT query")
        names = [variable.value for variable in solutions.variables]
        for solution in solutions:
            yield {name: term for name in names if (term := solution[name]) is not None}

    def ask(self, query: str) -> bool:
        """The answer to an ASK over all graphs as one."""
        return bool(json.loads(self.connection.ask(query, "ASK"))["boolean"])

    def construct(self, query: str) -> bytes:
        """The triples of a CONSTRUCT as N-Triples, as Oxigraph writes them."""
        return _written(self.connection.ask(query, "CONSTRUCT", seconds=self._load_seconds))

    def dump(self, graph: str) -> bytes:
        """The triples of a graph as N-Triples."""
        return self.construct(f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}")

    def about(self, subject: str) -> list[ox.Triple]:
        """What all graphs but those that people put in say of one subject, by its IRI."""
        return list(dict.fromkeys(self.described([subject], but_user_graphs=True)))

    def described(
        self, subjects: Iterable[str], graph: str | None = None, *, but_user_graphs: bool = False
    ) -> Iterator[ox.Triple]:
        """What is said of some subjects, in a graph or in all: keyed lookups, some hundred in one request."""
        where = f"GRAPH <{graph}> {{ ?s ?p ?o }}" if graph else "GRAPH ?g { ?s ?p ?o }"
        if but_user_graphs:
            where += f' FILTER(!STRSTARTS(STR(?g), "{user_graphs.PREFIX}"))'
        for chunk in chunks(subjects):
            text = f"SELECT DISTINCT ?s ?p ?o {{ VALUES ?s {{ {chunk} }} {where} }}"
            for row in self.rows(text):
                yield ox.Triple(row["s"], row["p"], row["o"])  # type: ignore[arg-type]

    def pointing(self, predicate: str, object_: Term) -> list[ox.Triple]:
        """The triples of all graphs with a predicate and an object."""
        node = ox.NamedNode(predicate)
        found = self.rows(f"SELECT DISTINCT ?s {{ GRAPH ?g {{ ?s {node} {object_} }} }}")
        return [ox.Triple(row["s"], node, object_) for row in found]  # type: ignore[arg-type]

    def graph_union(self, *graphs: str) -> rdflib.Graph:
        """The triples of the named graphs (all of them when none is named) as one rdflib graph in memory."""
        out = rdflib.Graph()
        for graph in graphs or self.graphs():
            out.parse(data=self.dump(graph).decode(), format="nt")
        return out

    @property
    def _load_seconds(self) -> float:
        return self.connection.server.address.load_seconds


def value(term: Term) -> str:
    """The text of an IRI, a blank node or a literal."""
    return str(term) if isinstance(term, ox.Triple) else term.value


def _written(body: bytes) -> bytes:
    """N-Triples in the one way of writing that all here agree on."""
    quads = ox.parse(body, format=ox.RdfFormat.N_TRIPLES)
    return ox.serialize((quad.triple for quad in quads), format=ox.RdfFormat.N_TRIPLES) or b""
