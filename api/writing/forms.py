"""Forms with a file (multipart/form-data), held in memory and bounded."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api import pages
from api.problems import HttpError
from graph.errors import BadInput, BadParameter

MULTIPART: Final = "multipart/form-data"
DOCUMENTS: Final = ".txt, .docx, .pdf or .html"


def file_form(fields: Mapping[str, Any] | None = None, file: str | None = None) -> dict[str, Any]:
    """The form as OpenAPI has it: one file, with a word on what it may be, and the fields that may stand beside it."""
    told = {"type": "string", "format": "binary", **({"description": file} if file else {})}
    schema = {"type": "object", "required": ["file"], "properties": {"file": told, **(fields or {})}}
    return {MULTIPART: {"schema": schema}}


@dataclass(frozen=True)
class HandedIn:
    """A file, what it is called (without any folders), and the fields beside it."""

    data: bytes = field(repr=False)
    name: str
    fields: dict[str, str]


def media_type_of(request: Request) -> str:
    """The media type of the body, in small letters, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def handed_in(request: Request, limit: int, fields: Collection[str]) -> HandedIn:
    """The parts of the body, held in memory; ``fields`` are those that there may be.

    Raises HttpError for what is no form or larger than ``limit`` bytes, BadInput, BadParameter.
    """
    kind = media_type_of(request)
    if kind != MULTIPART:
        raise HttpError(415, "content-type", found=kind or "–", allowed=[MULTIPART])
    parser = MultiPartParser(request.headers, counted(request, limit), max_files=1, max_fields=len(fields))
    parser.spool_max_size = limit + 1  # larger than the body may be: nothing goes to a temporary file
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        en, zh = pages.both("http.draft-form", reason=getattr(error, "message", error))
        raise BadInput(en, zh=zh) from None
    try:
        upload = form.get("file")
        if unknown := sorted(set(form) - {"file", *fields}):
            en, zh = pages.both("http.draft-field", name=unknown[0])
            raise BadParameter(en, zh=zh, parameter=unknown[0], allowed=sorted({"file", *fields}))
        if not isinstance(upload, UploadFile) or not upload.filename:
            en, zh = pages.both("http.draft-file")
            raise BadParameter(en, zh=zh, parameter="file")
        told = {name: value for name, value in form.items() if isinstance(value, str)}
        return HandedIn(await upload.read(), bare(upload.filename), told)
    finally:
        await form.close()


def bare(name: str) -> str:
    """The name of a file without any folders, of either kind of system, and not too long."""
    return os.path.basename(name.replace("\\", "/").replace("\0", ""))[-200:]  # noqa: PTH119 - a name, no path


async def counted(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body in pieces. Raises HttpError 413 beyond ``limit`` bytes, before anything is read where that is told."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > limit:
        raise HttpError(413, "body", limit=limit >> 10, headers={"Connection": "close"})
    length = 0
    async for piece in request.stream():
        length += len(piece)
        if length > limit:
            raise HttpError(413, "body", limit=limit >> 10, headers={"Connection": "close"})
        yield piece
