"""Where a store on a server is, and how that server is spoken to: its endpoints, who asks, what it is.

address = StoreAddress("https://store.example.org:7878", user="zhengmai", password="…")
server = discover(address)      # asks the server what it is; Oxigraph and Virtuoso are known
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx
import yaml

from graph.errors import BadInput, StoreError

Kind = Literal["oxigraph", "virtuoso", "other"]
_VARIABLE: Final = "ZHENGMAI_STORE"


@dataclass(frozen=True)
class StoreAddress:
    """``base`` is what one types; the endpoints are found by it, or given. The password is never shown.

    ``seconds`` bounds each request but those that load, which may take ``load_seconds``.
    """

    base: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    query: str | None = None
    update: str | None = None
    graphs: str | None = None
    seconds: float = 30.0
    load_seconds: float = 600.0

    def __post_init__(self) -> None:
        for url in (self.base, self.query, self.update, self.graphs):
            if url is not None and not _is_address(url):
                raise problem("address", BadInput, where=re.sub(r"//[^/]*@", "//…@", url))


@dataclass(frozen=True)
class Server:
    """A server as it was found. ``asking`` are parameters that each query needs for the union of all graphs."""

    address: StoreAddress
    kind: Kind
    query: str
    update: str | None
    graphs: str | None
    asking: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> bool:
        """Whether it wants the password by digest."""
        return self.kind == "virtuoso"


_PATHS: Final[dict[str, tuple[str, str, str]]] = {
    "oxigraph": ("query", "update", "store"),
    "virtuoso": ("sparql", "sparql-auth", "sparql-graph-crud-auth"),
}
# Others have the default graph that they are set up with: docs/stores.md says what it has to be.
_ASKING: Final[dict[str, dict[str, str]]] = {"oxigraph": {"union-default-graph": "true"}}


def discover(address: StoreAddress) -> Server:
    """Ask a server what it is, by its header “Server”. Raises StoreError where it cannot be reached."""
    try:
        with httpx.Client(timeout=min(address.seconds, 10.0)) as client:
            told = client.get(address.base).headers.get("server", "")
    except httpx.TimeoutException:
        raise problem("hangs", StoreError, where=address.base, seconds=min(address.seconds, 10.0)) from None
    except httpx.HTTPError as error:
        raise problem(
            "unreachable", StoreError, where=address.base, found=str(error) or type(error).__name__
        ) from None
    name = told.partition("/")[0].lower()
    kind: Kind = "oxigraph" if name == "oxigraph" else "virtuoso" if name == "virtuoso" else "other"
    paths = _PATHS.get(kind)
    found: list[str | None] = [address.base, None, None]
    if paths:
        # An endpoint that was typed in place of the server's address means the same server.
        base = address.base.rstrip("/")
        base = next((base.removesuffix(f"/{one}") for one in paths if base.endswith(f"/{one}")), base)
        found = [f"{base}/{one}" for one in paths]
    return Server(
        address,
        kind,
        address.query or str(found[0]),
        address.update or found[1],
        address.graphs or found[2],
        _ASKING.get(kind, {}),
    )


def address_of(base: str, environment: Mapping[str, str]) -> StoreAddress:
    """The address that was typed, with what the variables ZHENGMAI_STORE_… tell: endpoints, user, password, times.

    Raises BadInput for what is no address, or a file of a password that cannot be read.
    """

    def told(name: str) -> str | None:
        return environment.get(f"{_VARIABLE}_{name}") or None

    password = told("PASSWORD")
    if password is None and (file := told("PASSWORD_FILE")):
        password = read_password(Path(file))
    return StoreAddress(
        base,
        told("USER"),
        password,
        told("QUERY"),
        told("UPDATE"),
        told("GRAPHS"),
        float(told("SECONDS") or StoreAddress.seconds),
        float(told("LOAD_SECONDS") or StoreAddress.load_seconds),
    )


def read_password(file: Path) -> str:
    """The first line of a file. Raises BadInput."""
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise problem("password_file", BadInput, where=str(file), found=str(error)) from None


def problem(key: str, kind: type[BadInput] | type[StoreError], **values: object) -> BadInput | StoreError:
    """The error about a store, in both languages."""
    en, zh = sentence(key, **values)
    return kind(en, zh=zh)


def sentence(key: str, **values: object) -> tuple[str, str]:
    """What happened and what to do, in English and in Chinese."""
    words = _words()[key]
    return words["en"].format(**values), words["zh"].format(**values)


@cache
def _words() -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = yaml.safe_load(
        files("graph").joinpath("remote_words.yaml").read_text(encoding="utf-8")
    )
    return told


def _is_address(url: str) -> bool:
    if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", url):
        return False
    parts = urlsplit(url)
    return bool(parts.hostname) and "@" not in parts.netloc and not parts.query and not parts.fragment
