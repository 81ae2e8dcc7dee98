"""%XX in addresses and forms, undone quickly.

A query in an address has a thousand of them, for which urllib takes as long as the rest of the service. Quoted-printable is
the same with another sign, and is undone in C.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from urllib.parse import unquote_to_bytes

_HALF = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def unescaped(text: bytes, errors: str = "strict") -> str:
    """What a name or a value of a form stands for, in UTF-8. Raises UnicodeDecodeError, unless ``errors`` says otherwise."""
    text = text.replace(b"+", b" ")
    if _HALF.search(text):  # such stay as they are, which the other notation has no way to say
        return unquote_to_bytes(text).decode("utf-8", errors)
    return a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"=")).decode("utf-8", errors)
