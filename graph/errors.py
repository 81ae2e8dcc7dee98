"""What this project raises on purpose; anything else that is raised is a defect.

    ZhengmaiError               what happened and what to do about it, in one sentence
    ├── BadInput                what was handed in cannot be used            exit 2, HTTP 400
    │   ├── NotFound            no such question, plan, …                    exit 2, HTTP 404
    │   ├── BadParameter        a parameter is unknown, missing or unfit     exit 2, HTTP 422
    │   ├── QuerySyntaxError    not SPARQL; has the line and the column      exit 2, HTTP 400
    │   └── QueryRefused        SPARQL, but not allowed here                 exit 2, HTTP 403
    ├── QueryLimit              a query outgrew a limit; the limit is told   exit 2, HTTP 422
    │   ├── QueryTimeout        … of time
    │   └── QueryTooLarge       … of memory or of the size of its answer
    ├── Busy                    every worker has a query; try again          exit 2, HTTP 503
    └── StoreError              a store is missing, in the way, or broken    exit 2, HTTP 503

The exit codes are given out in ``zhengmai.py``, the HTTP codes in ``api/problems.py``, each in one place.
"""

from __future__ import annotations

from collections.abc import Sequence


class ZhengmaiError(Exception):
    """The base of all. ``message`` is one English sentence; ``zh`` says the same in Chinese where there is one."""

    def __init__(self, message: str, *, zh: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.zh = zh

    def text(self, lang: str = "en") -> str:
        """The sentence in ``lang`` ("zh" or "en"); English where it was not written in Chinese."""
        return self.zh if lang == "zh" and self.zh else self.message


class BadInput(ZhengmaiError):
    """A file, a text or a value from outside cannot be used as it is."""


class NotFound(BadInput):
    """A name that does not exist. ``allowed`` has those that do, as one would type them."""

    def __init__(self, message: str, *, zh: str | None = None, allowed: Sequence[str] = ()) -> None:
        super().__init__(message, zh=zh)
        self.allowed = tuple(allowed)


class BadParameter(BadInput):
    """A parameter that is unknown, missing, or has a value that does not fit its type.

    ``parameter`` is its name, ``allowed`` the names or the values that would do (shortened where there are many).
    """

    def __init__(
        self, message: str, *, parameter: str, zh: str | None = None, allowed: Sequence[str] = ()
    ) -> None:
        super().__init__(message, zh=zh)
        self.parameter = parameter
        self.allowed = tuple(allowed)


class QuerySyntaxError(BadInput):
    """The text is not a SPARQL query. ``line`` and ``column`` count from 1, in code points."""

    def __init__(self, message: str, *, line: int, column: int, zh: str | None = None) -> None:
        super().__init__(message, zh=zh)
        self.line = line
        self.column = column


class QueryRefused(BadInput):
    """A query that asks for what this endpoint does not do: to write, to call another server, to nest too deep.

    Where it outgrew a limit, ``limit`` and ``unit`` tell which: "characters" or "brackets".
    """

    def __init__(
        self, message: str, *, zh: str | None = None, limit: float | None = None, unit: str | None = None
    ) -> None:
        super().__init__(message, zh=zh)
        self.limit, self.unit = limit, unit


class QueryLimit(ZhengmaiError):
    """A query outgrew a limit. ``limit`` is a number, ``unit`` "seconds" or "megabytes"."""

    unit = ""

    def __init__(self, message: str, *, limit: float, zh: str | None = None) -> None:
        super().__init__(message, zh=zh)
        self.limit = limit


class QueryTimeout(QueryLimit):
    """The query was ended at its deadline."""

    unit = "seconds"


class QueryTooLarge(QueryLimit):
    """The query needed more memory, or had a larger answer, than is allowed."""

    unit = "megabytes"


class Busy(ZhengmaiError):
    """As much as allowed is running and waiting; ``limit`` and ``unit`` tell how much: "queries" or "megabytes"."""

    def __init__(
        self, message: str, *, zh: str | None = None, limit: float | None = None, unit: str | None = None
    ) -> None:
        super().__init__(message, zh=zh)
        self.limit, self.unit = limit, unit


class StoreError(ZhengmaiError):
    """A store is missing, stands where a new one should go, or cannot be read."""
