"""What can be set about the service, by code or by environment variables ZHENGMAI_…"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from graph.errors import BadInput
from queries.engine import Limits

_PREFIX = "ZHENGMAI_"


def _hosts(given: object) -> object:
    """Names of servers, in a list or separated by commas."""
    listed = [one.strip() for one in given.split(",")] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple):
        return given
    hosts = tuple(str(one).lower() for one in listed if one)
    for one in hosts:
        if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", one):
            raise ValueError(f"{one} is no host or host:port, such as query.wikidata.org")
    return hosts


class Settings(BaseModel):
    """Settings, each with the variable ``ZHENGMAI_`` and its name in capitals: ZHENGMAI_QUERY_SECONDS=5.

    ``data`` is the folder of builds. The limits are those of `queries.engine.Limits`; ``body_kb`` bounds the body of
    a request; ``draft_mb``, ``draft_seconds`` and ``draft_memory_mb`` bound the check of a draft.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=2, ge=1, le=64, description="query processes")
    query_seconds: float = Field(default=10, gt=0, le=3600)
    query_memory_mb: int = Field(default=1536, ge=512)
    result_mb: int = Field(default=64, ge=1)
    query_characters: int = Field(default=100_000, ge=100)
    query_nesting: int = Field(default=100, ge=5, le=1000)
    queries_waiting: int = Field(default=16, ge=0, le=1000)
    body_kb: int = Field(default=1024, ge=1)
    long_queries: int = Field(
        default=2, ge=0, le=64, description="queries that may take longer than a second beside the others"
    )
    spool_mb: int = Field(
        default=1024, ge=64, description="all long answers on their way to clients, in files for the time"
    )
    ready_mb: int = Field(default=32, ge=0, description="memory for answers that are kept ready to send")
    service_hosts: Annotated[tuple[str, ...], BeforeValidator(_hosts)] = Field(
        default=(), description="servers that SERVICE may call, as host or host:port; none, unless named here"
    )
    body_seconds: float = Field(default=30, gt=0, le=3600, description="time for the body of a request")
    send_seconds: float = Field(
        default=60, gt=0, le=3600, description="how long a client may take no piece of a long answer"
    )
    draft_mb: int = Field(default=20, ge=1, le=200, description="size of a draft that is handed in")
    drafts: int = Field(default=2, ge=1, le=64, description="drafts that are checked at a time")
    draft_seconds: float = Field(default=60, gt=0, le=3600)
    draft_memory_mb: int = Field(default=2048, ge=512)

    @property
    def limits(self) -> Limits:
        """What one query may use."""
        return Limits(
            seconds=self.query_seconds,
            memory_mb=self.query_memory_mb,
            result_mb=self.result_mb,
            characters=self.query_characters,
            nesting=self.query_nesting,
            waiting=self.queries_waiting,
            long=self.long_queries,
            spool_mb=self.spool_mb,
            service_hosts=frozenset(self.service_hosts),
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from variables. Raises BadInput naming the variable whose value does not fit."""
        found = os.environ if environment is None else environment
        values = {
            name: found[key] for name in cls.model_fields if (key := f"{_PREFIX}{name.upper()}") in found
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{_PREFIX}{str(first['loc'][0]).upper()}"
            raise BadInput(f"{name}={values[str(first['loc'][0])]}: {first['msg']}") from error
