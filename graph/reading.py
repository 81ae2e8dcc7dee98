"""File to text: decode a document and keep one string that every later span points into.

A plan comes as plain text in UTF-8 or in GB18030, as a Word file, a PDF or a page of a site; its first bytes say which.
Line breaks of the page layout stay where they are in plain text: the kept text is the published text, and `Passage`
gives a view of it without layout whose characters still know their offsets.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from graph.errors import BadInput
from graph.sources import Source

# What a document may weigh, in bytes. Scanned pictures make files large, not the text of a plan.
MAX_FILE = 200 * 1024 * 1024

# First bytes of formats that people hand in by mistake: what it is, and what to do.
_TEXT_FIRST = "save it as plain text, .docx, .pdf or .html first"
_RECOGNISE = "is a picture; run OCR on it first, and hand in the text"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0", "is an old Word or Excel file (.doc, .xls, .wps); save it as .docx first"),
    (b"{\\rtf", "is an RTF file; save it as .docx first"),
    (b"\x89PNG", f"{_RECOGNISE} (PNG)"),
    (b"\xff\xd8\xff", f"{_RECOGNISE} (JPEG)"),
    (b"II*\x00", f"{_RECOGNISE} (TIFF)"),
    (b"MM\x00*", f"{_RECOGNISE} (TIFF)"),
    (b"\x1f\x8b", "is a gzip archive, not text; unpack it first"),
    (b"Rar!", "is a RAR archive, not text; unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive, not text; unpack it first"),
    (b"\x7fELF", f"is a program, not text; {_TEXT_FIRST}"),
    (b"SQLite format 3\x00", f"is a database, not text; {_TEXT_FIRST}"),
    (b"MIME-Version:", "is a web archive (.mht); save the page as HTML first"),
)
_PASSWORD = "EncryptedPackage".encode("utf-16-le")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body|meta|title|div|table|p)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Passage:
    """A stretch of the text without layout white space.

    ``text[i]`` stands at offset ``at[i]`` of the kept text, in code points.
    """

    text: str
    at: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.text)

    def cut(self, start: int, end: int) -> Passage:
        """The passage from its own character ``start`` up to, not including, ``end``."""
        return Passage(self.text[start:end], self.at[start:end])

    def span(self, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """Offsets into the kept text of characters ``start`` … ``end`` (not included); needs at least one."""
        end = len(self.text) if end is None else end
        return self.at[start], self.at[end - 1] + 1

    def __add__(self, other: Passage) -> Passage:
        # Two Latin words on both sides of a line break stay two words; Chinese is simply joined.
        if self.text and other.text and _is_latin(self.text[-1]) and _is_latin(other.text[0]):
            gap = (self.at[-1] + 1,)
            return Passage(f"{self.text} {other.text}", self.at + gap + other.at)
        return Passage(self.text + other.text, self.at + other.at)


EMPTY = Passage("", ())
# What is between white space; marks without width count as white space here.
_RUN = re.compile(r"[^\s\u200b\ufeff\u00ad]+")


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def squeeze(text: str, offset: int = 0) -> Passage:
    """Drop white space, but keep one blank between two Latin words."""
    bare = text.strip()
    if not bare:
        return EMPTY
    if _RUN.fullmatch(bare):
        # Most lines: nothing to drop inside.
        start = offset + text.index(bare[0])
        return Passage(bare, tuple(range(start, start + len(bare))))
    words: list[str] = []
    places: list[int] = []
    blank = 0
    for run in _RUN.finditer(text):
        word = run.group()
        if words and _is_latin(words[-1][-1]) and _is_latin(word[0]):
            words.append(" ")
            places.append(blank)
        words.append(word)
        places.extend(range(offset + run.start(), offset + run.end()))
        blank = offset + run.end()
    return Passage("".join(words), tuple(places))


def text_hash(text: str) -> str:
    """SHA-256 of the kept text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_source(path: Path) -> Source:
    """A plan document: its text, its tables, and what the reader has to tell.

    Raises BadInput, with what to do, for a file that is missing, empty, damaged, or in a form without text.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadInput(
                f"{path}: is larger than {MAX_FILE >> 20} MB; hand in the plan without its pictures"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name one plan document in it") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    return source_of(data, str(path))


def read_text(path: Path) -> str:
    """The text of a plan document alone; see `read_source`."""
    return read_source(path).text


def source_of(data: bytes, name: str) -> Source:
    """The bytes of a document as a `Source`; ``name`` is used in errors only. Raises BadInput as `read_source` does.

    The first bytes decide which form it is, not the name: sites serve HTML under .doc, and people rename files.
    """
    # Each reader brings its library along: a text file needs none of them.
    if data.startswith(b"PK\x03\x04"):
        from graph import word_files

        return word_files.read(data, name)
    # Some programs write a line of their own before the mark.
    if b"%PDF-" in data[:1024]:
        from graph import pdf_files

        return pdf_files.read(data, name)
    if _HTML.match(data.removeprefix(b"\xef\xbb\xbf")[:8192]) or _HTML.match(_from_utf16(data[:8192])):
        from graph import html_files

        return html_files.read(data, name)
    return Source(_plain(data, name))


def _from_utf16(data: bytes) -> bytes:
    """The first bytes of a file in UTF-16 as UTF-8; none where it is in another encoding."""
    return (
        data.decode("utf-16", "ignore").encode("utf-8", "ignore")
        if data[:2] in (b"\xff\xfe", b"\xfe\xff")
        else b""
    )


def _plain(data: bytes, name: str) -> str:
    if data.startswith(b"\xd0\xcf\x11\xe0") and _PASSWORD in data:
        raise BadInput(f"{name}: is protected with a password; save it without one first")
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise BadInput(f"{name}: {what}")
    text = _decoded(data)
    if text is None:
        raise BadInput(f"{name}: is not text in UTF-8 or GB18030; {_TEXT_FIRST}")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise BadInput(f"{name}: is empty; a plan document has text")
    return text


def _decoded(data: bytes) -> str | None:
    # Guessing by statistics goes wrong on short texts. Chinese offices write UTF-8 or GB18030 (which holds GBK and
    # GB 2312), UTF-8 is never valid by chance in text of that length, and UTF-16 shows itself by its mark.
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Any bytes without NUL may decode as GB18030: control characters and private-use code points give it away.
        odd = sum(
            1 for char in text if (char < " " and char not in "\t\n\r\f\v") or "\ue000" <= char <= "\uf8ff"
        )
        if odd * 100 <= len(text):
            return text.replace("\f", "\n").replace("\v", "\n")
    return None
