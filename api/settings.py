"""What can be set about the service: by a file in TOML, by variables ZHENGMAI_…, by options of the command.

An option counts more than a variable, a variable more than the file, the file more than the default. `load` tells for
each setting where its value came from.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails

from graph.errors import BadInput
from graph.store_address import StoreAddress, address_of
from queries.engine import Limits

PREFIX = "ZHENGMAI_"
FILE = "zhengmai.toml"
_CONFIG = f"{PREFIX}CONFIG"
_ADDRESS = r"https?://[^\s<>\"{}|\\^`]+"


def _networks(given: object) -> object:
    """Addresses and networks, in a list or separated by commas."""
    listed = [one.strip() for one in given.split(",") if one.strip()] if isinstance(given, str) else given
    if isinstance(listed, list | tuple):
        for one in listed:
            ipaddress.ip_network(str(one), strict=False)
    return listed


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
    """The settings, flat, by name. Each is also a key of the file and a variable: ZHENGMAI_QUERY_SECONDS=5.

    ``data`` is the folder of builds. The limits of a query are those of `queries.limits.Limits`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(
        default=Path("data"), description="folder of builds; in a file, from the file's folder"
    )
    base: str | None = Field(
        default=None,
        description="public address of the service, for links; without it, the one that the client called",
        examples=["https://data.example.org/zhengmai/"],
    )
    licence: str = Field(
        default="https://www.apache.org/licenses/LICENSE-2.0",
        pattern=_ADDRESS,
        description="IRI of the licence of the data that is served",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    processes: int = Field(default=1, ge=1, le=64, description="processes that answer, each on its own")
    shutdown_seconds: int = Field(
        default=20, ge=0, le=3600, description="what runs may go on for so long when the service is stopped"
    )
    log_format: Literal["plain", "json"] = Field(default="plain", description="one line a record, either way")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least grave that is written; the access lines are info"
    )
    log_query_characters: int = Field(
        default=200, ge=0, description="how much of a request's query string is written; 0 for nothing"
    )
    metrics: bool = Field(default=True, description="whether there is /metrics")
    otel: bool = Field(default=False, description="whether spans are sent by OpenTelemetry (extra `otel`)")
    rate_per_minute: int = Field(
        default=1200, ge=0, description="requests of one client in each process; 0 for no limit"
    )
    rate_burst: int = Field(default=200, ge=1, description="requests that a quiet client may send at once")
    client_requests: int = Field(
        default=16, ge=1, le=10_000, description="requests of one client that are answered at a time"
    )
    held_seconds: float = Field(
        default=1, ge=0, le=60, description="how long a request waits whose client asks too much"
    )
    held_requests: int = Field(
        default=400,
        ge=1,
        description="requests that may wait so, of all clients of a process; others are closed",
    )
    connections: int = Field(default=1000, ge=10, description="connections of each process")
    client_connections: int = Field(
        default=100, ge=1, description="connections of one client; proxies that are trusted have no limit"
    )
    head_seconds: float = Field(
        default=10, gt=0, le=3600, description="time for the head of a request on an open connection"
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_networks)] = Field(
        default=("127.0.0.1", "::1"),
        description="addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    workers: int = Field(default=2, ge=1, le=64, description="query processes of each process")
    query_seconds: float = Field(default=10, gt=0, le=3600, description="time of one query")
    query_memory_mb: int = Field(
        default=1536, ge=256, description="memory of a query process, without the mapped files of the store"
    )
    result_mb: int = Field(default=64, ge=1, description="size of one answer")
    query_characters: int = Field(default=100_000, ge=100, description="length of a query")
    query_nesting: int = Field(default=100, ge=5, le=1000, description="how deep a query may nest")
    queries_waiting: int = Field(
        default=16, ge=0, le=1000, description="queries that may wait for a query process; others get 503"
    )
    body_kb: int = Field(default=1024, ge=1, description="size of a request's body")
    long_queries: int = Field(
        default=1, ge=0, le=64, description="queries that may take longer than a second beside the others"
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
    draft_seconds: float = Field(default=60, gt=0, le=3600, description="time of the check of a draft")
    draft_memory_mb: int = Field(default=2048, ge=512, description="memory of the check of a draft")
    tokens: Path | None = Field(
        default=None, description="file of tokens; else tokens.json of the data folder"
    )
    corpus: Path | None = Field(
        default=None, description="folder of plans that is written to; else corpus in the data folder"
    )
    jobs_waiting: int = Field(default=16, ge=0, le=1000, description="jobs that may wait for their turn")
    job_seconds: float = Field(default=3600, gt=0, description="time of a job that changes the data")
    job_memory_mb: int = Field(default=8192, ge=1024, description="memory of a job that changes the data")
    job_idle_seconds: float = Field(
        default=86400,
        ge=0,
        le=86400,
        description="how long the process that does jobs, and one that reads documents, stay for the next: they take seconds to start, and are there from the start where there are tokens",
    )
    kept_builds: int = Field(
        default=3, ge=1, le=1000, description="builds that are kept, the published one among them"
    )
    write_seconds: float = Field(
        default=60, ge=0, le=3600, description="how long a short job is waited for before it is told as a job"
    )
    graph_mb: int = Field(default=10, ge=1, le=200, description="size of a graph that is put in")
    store: str | None = Field(
        default=None,
        description="address of a server that holds the graph; without it, the store of the build (docs/stores.md)",
        examples=["https://store.example.org:7878"],
    )
    store_query: str | None = Field(
        default=None, description="its SPARQL endpoint, where it is not found by itself"
    )
    store_update: str | None = Field(default=None, description="its endpoint of SPARQL Update, the same")
    store_graphs: str | None = Field(default=None, description="its Graph Store Protocol, the same")
    store_user: str | None = Field(default=None, description="who asks it")
    store_password: SecretStr | None = Field(default=None, description="the password; never shown")
    store_password_file: Path | None = Field(default=None, description="a file with the password")
    store_seconds: float = Field(default=30, gt=0, le=3600, description="time of a request to it")
    store_load_seconds: float = Field(default=600, gt=0, description="time of a request that loads a graph")

    @field_validator("base")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        """An address without parameters; it gets a slash at its end."""
        if not value:
            return None
        if not re.fullmatch(_ADDRESS, value) or "?" in value or "#" in value:
            raise ValueError("must be an address such as https://data.example.org/zhengmai/")
        return value.rstrip("/") + "/"

    @property
    def tokens_file(self) -> Path:
        """Where the tokens are kept."""
        return self.tokens or self.data / "tokens.json"

    @property
    def corpus_folder(self) -> Path:
        """The folder of plans that the service writes to."""
        return self.corpus or self.data / "corpus"

    @property
    def store_address(self) -> StoreAddress | None:
        """Where the store is, if not in the build. Raises BadInput for what is no address, or an unreadable file."""
        variables = self.store_variables
        return address_of(self.store, variables) if self.store else None

    @property
    def store_variables(self) -> dict[str, str]:
        """The same as variables, for a process that is started; the password among them."""
        told = {name: value for name, value in self if name.startswith("store") and value is not None}
        if self.store_password is not None:
            told["store_password"] = self.store_password.get_secret_value()
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in told.items()}

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
        """Settings from variables, and from the file that ZHENGMAI_CONFIG names. Raises BadInput as `load` does."""
        return load(environment=environment, look_here=False).settings


@dataclass(frozen=True)
class Loaded:
    """Settings, where each came from ("default" among it), and variables that look like settings and are none."""

    settings: Settings
    origins: Mapping[str, str]
    unknown: tuple[str, ...]

    def lines(self) -> list[str]:
        """Each value with its origin. It is TOML: what is printed can be the next file."""
        width = max(len(name) for name in self.origins)
        told = []
        for name, origin in self.origins.items():
            value = self.settings.model_dump(mode="json")[name]
            # Nothing in TOML says "none"; the comment does.
            said = f"# {name} is not set" if value is None else f"{name:<{width}} = {_toml(value)}"
            told.append(f"{said}  # {origin}")
        return told


def load(
    file: Path | None = None,
    options: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    look_here: bool = True,
) -> Loaded:
    """The settings in force.

    ``file`` counts, else that of ZHENGMAI_CONFIG, else zhengmai.toml of the working folder (not if ``look_here`` is
    false). Options that are None are passed over. Raises BadInput with the place and name of every value that does not
    fit, and what would.
    """
    found = os.environ if environment is None else environment
    values: dict[str, object] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")

    def put(name: str, value: object, origin: str) -> None:
        values[name], origins[name] = value, origin

    path = file or (Path(found[_CONFIG]) if found.get(_CONFIG) else None)
    if path is None and look_here and Path(FILE).is_file():
        path = Path(FILE)
    if path is not None:
        for name, value in _read(path).items():
            put(name, value, str(path))
    names = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    for key, name in names.items():
        if key in found:
            put(name, found[key], key)
    for name, value in (options or {}).items():
        if value is not None:
            put(name, value, f"--{name.replace('_', '-')}")
    unknown = [key for key in found if key.startswith(PREFIX) and key not in names and key != _CONFIG]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        told = "; ".join(_told(one, values, origins) for one in error.errors())
        raise BadInput(told, zh=f"设置有误：{told}") from error
    return Loaded(settings, origins, tuple(sorted(unknown)))


def table() -> str:
    """All settings as a table of Markdown, for docs/service.md."""
    lines = ["| setting | default | what it sets | fits |", "|---|---|---|---|"]
    schema = Settings.model_json_schema()["properties"]
    for name, field in Settings.model_fields.items():
        default = Settings().model_dump(mode="json")[name]
        shown = "" if default is None else f"`{_toml(default)}`"
        lines.append(f"| `{name}` | {shown} | {field.description} | {_fits(schema[name])} |")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, object]:
    """What a file says; its paths are taken from its own folder."""
    try:
        told: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path}: the settings cannot be read: {error.strerror}", zh=f"{path}：无法读取设置"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: is not TOML: {error}", zh=f"{path}：不是合格的 TOML：{error}") from error
    paths = {key for key, field in Settings.model_fields.items() if field.annotation in (Path, Path | None)}
    return {
        name: path.parent / value if name in paths and isinstance(value, str) else value
        for name, value in told.items()
    }


def _told(error: ErrorDetails, values: Mapping[str, object], origins: Mapping[str, str]) -> str:
    """One fault: where the value came from, the value, and what fits."""
    name = str(error["loc"][0])
    origin = origins[name]
    if name not in Settings.model_fields:
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; 'zhengmai settings' lists those that there are"
        return f"{origin}: {name}: there is no such setting{hint}"
    place = origin if origin.startswith((PREFIX, "--")) else f"{origin}: {name}"
    shown = "…" if "password" in name else values[name]
    return f"{place}={shown}: {error['msg']}"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _fits(schema: dict[str, Any]) -> str:
    """What a value may be, in a few words."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    one = kinds[0]
    if "enum" in one:
        return ", ".join(one["enum"])
    kind = {"integer": "whole number", "number": "number", "boolean": "true, false", "array": "list"}.get(
        one["type"], "path" if one.get("format") == "path" else "text"
    )
    bounds = [
        f"{sign} {one[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
        if key in one
    ]
    return ", ".join([kind, *bounds])
