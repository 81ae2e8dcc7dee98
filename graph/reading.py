"""File to text: decode a document and keep one string that every later span points into.

A plan comes as plain text in UTF-8 or in GB18030. Line breaks of the page layout stay where they are: the kept text
is the published text, and `Passage` gives a view of it without layout whose characters still know their offsets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from graph.errors import BadInput

# First bytes of formats that people hand in by mistake: told by name, so that they know what to do.
_MAGIC = (
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a Word, Excel or ZIP file"),
    (b"\xd0\xcf\x11\xe0", "an old Word or Excel file (.doc, .xls, .wps)"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
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


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def squeeze(text: str, offset: int = 0) -> Passage:
    """Drop white space, but keep one blank between two Latin words."""
    chars: list[str] = []
    places: list[int] = []
    pending: int | None = None
    for place, char in enumerate(text, offset):
        if char.isspace() or char in "\u200b\ufeff\u00ad":
            if chars and pending is None:
                pending = place
            continue
        if pending is not None and _is_latin(chars[-1]) and _is_latin(char):
            chars.append(" ")
            places.append(pending)
        pending = None
        chars.append(char)
        places.append(place)
    return Passage("".join(chars), tuple(places))


def text_hash(text: str) -> str:
    """SHA-256 of the kept text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """The text of a plan document, line ends as ``\\n``.

    Raises BadInput, with what to do, for a file that is missing, empty or not text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise BadInput(f"{path}: is a folder; name one plan document in it") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    return decode(data, str(path))


def decode(data: bytes, name: str) -> str:
    """Bytes of a document to text; ``name`` is used in errors only. Raises BadInput as `read_text` does."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise BadInput(f"{name}: is {kind}, not text; save it as plain text (UTF-8 or GB18030) first")
    text = _decoded(data)
    if text is None:
        raise BadInput(f"{name}: is not text in UTF-8 or GB18030; save it as plain text first")
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
