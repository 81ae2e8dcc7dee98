"""A client for programs in Python: questions, SPARQL, plans, findings, search and the check of a draft.

    from api.client import Zhengmai

    with Zhengmai("http://127.0.0.1:8000") as zhengmai:
        leads = zhengmai.ask("lead-agencies", domain="教育")
        for row in leads:
            print(row["place"], row["agency"])
        frame = leads.to_pandas()

It needs nothing of the service but its address. Answers are plain rows with typed columns (`Answer`) or dicts whose keys
are told by types (`api.client.shapes`); what goes wrong is one of `api.client.errors`.
"""

from __future__ import annotations

from api.client.answers import Answer, Column
from api.client.errors import (
    BadParameter,
    ClientError,
    LimitExceeded,
    NotFound,
    NotOurs,
    QuerySyntaxError,
    Refused,
    ServiceProblem,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from api.client.service import Zhengmai

__all__ = [
    "Answer",
    "BadParameter",
    "ClientError",
    "Column",
    "LimitExceeded",
    "NotFound",
    "NotOurs",
    "QuerySyntaxError",
    "Refused",
    "ServiceProblem",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
    "Zhengmai",
]
