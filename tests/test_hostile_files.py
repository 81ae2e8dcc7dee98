"""Files made to do harm, handed in to be read: each is told as a problem within its bounds, and nothing of it is kept."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from api.writing.forms import bare
from api.writing.tokens import add_token
from tests.support import writing
from tests.support.server import running

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def docx(document: bytes | str, **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("word/document.xml", document)
        for name, data in more.items():
            archive.writestr(name, data)
    return out.getvalue()


def body(inner: str, doctype: str = "") -> str:
    return f'<?xml version="1.0"?>{doctype}<w:document {W}><w:body>{inner}</w:body></w:document>'


def laughs() -> str:
    entities = '<!ENTITY l0 "laughs">' + "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 20}">' for n in range(1, 9)
    )
    return body("<w:p><w:r><w:t>&l8;</w:t></w:r></w:p>", f"<!DOCTYPE d [{entities}]>")


def external() -> str:
    return body(
        "<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )


def looping_pdf() -> bytes:
    """Its tree of pages leads back to itself, and its stream unpacks to more than a page can have."""
    stream = zlib.compress(b"q " * (40 << 20), 9)
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 9999999/Parent 2 0 R>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n",
        b"4 0 obj<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream endobj\n" % (len(stream), stream),
    ]
    return b"%PDF-1.4\n" + b"".join(parts) + b"trailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "zip-bomb": lambda: docx(b"<a>" + b" " * (300 << 20)),
    "zip-bomb-beside": lambda: docx(body(""), **{"word/numbering.xml": b" " * (200 << 20)}),
    "deep-xml": lambda: docx(body("<w:sdt><w:sdtContent>" * 200_000)),
    "deep-tables": lambda: docx(body("<w:tbl><w:tr><w:tc>" * 3_000 + "</w:tc></w:tr></w:tbl>" * 3_000)),
    "billion-laughs": lambda: docx(laughs()),
    "external-entity": lambda: docx(external()),
    "looping-pdf": looping_pdf,
    "deep-html": lambda: b"<html>" + b"<div>" * 300_000,
    "no-zip": lambda: b"PK\x03\x04" + b"\0" * 1000,
    "no-pdf": lambda: b"%PDF-1.7\n" + b"\xff" * 5000,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writing.make(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[httpx.Client]:
    settings = Settings(data=data, draft_mb=8, draft_memory_mb=1024)
    token = add_token(data / "tokens.json", "office")
    headers = {"Authorization": f"Bearer {token}"}
    with running(settings) as address, httpx.Client(base_url=address, headers=headers, timeout=120) as made:
        yield made


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_do_harm_is_a_problem_and_is_not_kept(
    client: httpx.Client, data: Path, name: str
) -> None:
    before = sorted(data.rglob("*"))
    answer = client.put(
        "/plans/420502-hostile", files={"file": (name, HOSTILE[name]())}, data={"place": "420502"}
    )
    assert answer.status_code in (400, 422), answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["detail"]) < 500
    assert "root:" not in answer.text
    assert sorted(data.rglob("*")) == before
    assert client.get("/plans").status_code == 200


def test_bodies_that_are_too_large_are_not_taken_in(client: httpx.Client, data: Path) -> None:
    before = sorted(data.rglob("*"))
    answer = client.put("/plans/420502-large", files={"file": ("x.txt", b"x" * (50 << 20))})
    assert answer.status_code == 413

    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n'
        for _ in range(50):
            yield b"x" * (1 << 20)

    media = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = client.put("/plans/420502-large", content=pieces(), headers=media)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # it hung up in the middle of what it does not want
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\plans\\方案.docx", "方案.docx"),
        ("/plans/x/", ""),
        ("a\0b.txt", "ab.txt"),
        ("长" * 500 + ".txt", "长" * 196 + ".txt"),
    ],
)
def test_names_with_paths_are_names_alone(given: str, kept: str) -> None:
    assert bare(given) == kept
