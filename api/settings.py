"""What can be set about the service, by code or by environment variables ZHENGMAI_…"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph.errors import BadInput
from queries.engine import Limits

_PREFIX = "ZHENGMAI_"


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
    draft_mb: int = Field(default=20, ge=1, le=200, description="size of a draft that is handed in")
    drafts: int = Field(default=2, ge=1, le=64, description="drafts that are checked at a time")
    draft_seconds: float = Field(default=60, gt=0, le=3600)
    draft_memory_mb: int = Field(default=2048, ge=512)
    tokens: Path | None = Field(
        default=None, description="file of tokens; else tokens.json of the data folder"
    )
    corpus: Path | None = Field(
        default=None, description="folder of plans that is written to; else corpus in the data folder"
    )
    jobs_waiting: int = Field(default=16, ge=0, le=1000, description="jobs that may wait for their turn")
    job_seconds: float = Field(default=3600, gt=0)
    job_memory_mb: int = Field(default=8192, ge=1024)
    write_seconds: float = Field(
        default=60, ge=0, le=3600, description="how long a short job is waited for before it is told as a job"
    )
    graph_mb: int = Field(default=10, ge=1, le=200, description="size of a graph that is put in")

    @property
    def tokens_file(self) -> Path:
        """Where the tokens are kept."""
        return self.tokens or self.data / "tokens.json"

    @property
    def corpus_folder(self) -> Path:
        """The folder of plans that the service writes to."""
        return self.corpus or self.data / "corpus"

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
