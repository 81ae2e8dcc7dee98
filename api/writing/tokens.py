"""Who may write: tokens by name, each with what it is good for. Only their SHA-256 is kept.

A token is 256 random bits, so that its plain hash cannot be guessed back; it is shown once, when it is made. The file is
read anew with each request that brings a token: one that is revoked is refused from the next request on.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.context import service_of
from api.problems import HttpError
from graph.errors import BadInput, NotFound, StoreError

Scope = Literal["plans", "graphs", "waivers"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
FILE: Final = "tokens.json"
_NAME: Final = re.compile(r"[\w.@-]{1,64}")
_REALM: Final = 'Bearer realm="zhengmai"'
_bearer = HTTPBearer(auto_error=False, description="made by `zhengmai token add NAME`")


class Token(BaseModel):
    """What is kept of a token."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = SCOPES
    made: str


def load_tokens(path: Path) -> list[Token]:
    """Read the tokens; none where there is no such file. Raises StoreError for a file that cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{path}: the tokens cannot be read: {error.strerror}") from error
    try:
        return [Token.model_validate(one) for one in json.loads(text)["tokens"]]
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StoreError(
            f"{path}: is no list of tokens ({type(error).__name__}); mend or remove it"
        ) from error


def add_token(path: Path, name: str, scopes: Sequence[str] = SCOPES) -> str:
    """Make a token and return it; only its hash is kept. Raises BadInput for a name that is taken or unfit."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r}: a token's name has 1 to 64 letters, digits and . _ - @")
    for scope in scopes:
        if scope not in SCOPES:
            raise BadInput(f"{scope!r} is no scope; choose of {', '.join(SCOPES)}")
    token = "zm_" + secrets.token_urlsafe(32)
    with _held(path):
        known = load_tokens(path)
        if any(one.name == name for one in known):
            raise BadInput(f"{name}: there is a token of this name; revoke it first, or choose another name")
        made = datetime.now(UTC).isoformat(timespec="seconds")
        new = Token.model_validate(
            {"name": name, "sha256": _hash(token), "scopes": tuple(scopes) or SCOPES, "made": made}
        )
        _write(path, [*known, new])
    return token


def revoke_token(path: Path, name: str) -> None:
    """Remove a token. Raises NotFound, which lists the names that there are."""
    with _held(path):
        known = load_tokens(path)
        kept = [one for one in known if one.name != name]
        if len(kept) == len(known):
            names = [one.name for one in known]
            raise NotFound(
                f"{name}: no token of this name; there are: {', '.join(names) or 'none'}", allowed=names
            )
        _write(path, kept)


def holder_of(path: Path, token: str) -> Token | None:
    """Whose token it is; all are compared, each in constant time."""
    digest, found = _hash(token), None
    for one in load_tokens(path):
        if hmac.compare_digest(one.sha256, digest):
            found = one
    return found


def check(request: Request, token: str | None, scope: Scope) -> str:
    """The name of whoever brings a token, if it is good for ``scope``. Raises HttpError 401 or 403."""
    path = service_of(request).settings.tokens_file
    if not token:
        kind = "token-missing" if load_tokens(path) else "token-none"
        raise HttpError(401, kind, headers={"WWW-Authenticate": _REALM})
    holder = holder_of(path, token)
    if holder is None:
        raise HttpError(
            401, "token-unknown", headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
        )
    if scope not in holder.scopes:
        scopes = ", ".join(holder.scopes)
        asked = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
        raise HttpError(
            403,
            "token-scope",
            name=holder.name,
            scope=scope,
            scopes=scopes,
            headers={"WWW-Authenticate": asked},
        )
    return holder.name


def writer(scope: Scope) -> Callable[..., str]:
    """A dependency that gives the name of whoever writes."""

    def who(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> str:
        return check(request, credentials.credentials if credentials else None, scope)

    return who


def bearer_of(request: Request) -> str | None:
    """The token of the Authorization header, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _write(path: Path, tokens: Sequence[Token]) -> None:
    data: dict[str, Any] = {"tokens": [one.model_dump(mode="json") for one in tokens]}
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:  # noqa: PTH123
        json.dump(data, out, ensure_ascii=False, indent=1)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise StoreError(f"{path}: the tokens cannot be written: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
