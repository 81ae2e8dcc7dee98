"""What the client raises. All of it is a ClientError.

ClientError
├── Unreachable             no answer: nobody listens, the connection broke, it took longer than `timeout`
├── NotOurs                 an answer that no Zhengmai service gives: another program, a proxy's page
└── ServiceProblem          the service says what is wrong (RFC 9457)
    ├── NotFound            404  no such question, plan, address
    ├── BadParameter        422  a value does not fit; `parameter`, and what would do in `allowed`
    ├── QuerySyntaxError    400  not SPARQL; `line` and `column`
    ├── LimitExceeded       422  a query outgrew the service's limit; `limit` and `unit`
    ├── Refused             401, 403  not allowed here, or not with this token
    ├── TooManyRequests     429  wait `retry_after` seconds
    └── Unavailable         503  busy, or no data yet; tried again as often as `retries` says
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The base of all."""


class Unreachable(ClientError):
    """There was no answer."""


class NotOurs(ClientError):
    """There was an answer that makes no sense as one of the service."""


class ServiceProblem(ClientError):
    """What the service says is wrong: one sentence in ``detail``, and what would do instead in ``allowed``.

    ``kind`` is the last part of ``type``: bad-parameter, query-timeout … ``members`` has everything as it came.
    """

    def __init__(self, status: int, members: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.members = dict(members)
        self.type = str(members.get("type", "about:blank"))
        self.kind = self.type.rstrip("/").rpartition("/")[2]
        self.title = str(members.get("title", ""))
        self.detail = str(members.get("detail", ""))
        self.instance = str(members.get("instance", ""))
        self.allowed: tuple[str, ...] = tuple(members.get("allowed") or ())
        self.parameter: str | None = members.get("parameter")
        self.line: int | None = members.get("line")
        self.column: int | None = members.get("column")
        self.limit: float | None = members.get("limit")
        self.unit: str | None = members.get("unit")
        self.retry_after = retry_after
        super().__init__(f"{status} {self.detail or self.title}")


class NotFound(ServiceProblem):
    """There is no such question, plan or address."""


class BadParameter(ServiceProblem):
    """A parameter is unknown, missing, or has a value that does not fit."""


class QuerySyntaxError(ServiceProblem):
    """The text is no SPARQL query."""


class LimitExceeded(ServiceProblem):
    """A query took longer, or more memory, than the service allows."""


class Refused(ServiceProblem):
    """The service does not do this, or not for whoever asks."""


class TooManyRequests(ServiceProblem):
    """More requests in a short time than the service allows."""


class Unavailable(ServiceProblem):
    """The service is busy, or has no data yet."""


_KINDS: Mapping[str, type[ServiceProblem]] = {
    "query-syntax": QuerySyntaxError,
    "query-timeout": LimitExceeded,
    "query-too-large": LimitExceeded,
    "bad-parameter": BadParameter,
}
_STATUSES: Mapping[int, type[ServiceProblem]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    422: BadParameter,
    429: TooManyRequests,
    503: Unavailable,
}


def problem(status: int, members: Mapping[str, Any], retry_after: float | None) -> ServiceProblem:
    """The exception for a problem: by its kind, else by its status."""
    kind = str(members.get("type", "")).rpartition("/")[2]
    made = _KINDS.get(kind) or _STATUSES.get(status, ServiceProblem)
    return made(status, members, retry_after)
