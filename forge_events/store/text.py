# SPDX-License-Identifier: Apache-2.0
"""Give every text a form that a database takes, and back.

PostgreSQL refuses NUL, and neither database takes half a surrogate pair, which is how Python holds bytes that are not
UTF-8. Both occur in what modules print. Such a character, and the escape sign itself, is stored as ``␛`` and four hex
digits (NUL is ``␛0000``); everything else is stored as it is. What is read back equals what was written.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["ESCAPE", "MAX_NAME", "decode", "encode", "short"]

MAX_NAME = 1024
"""Bytes, in UTF-8, of the longest name that is stored whole; an entry of PostgreSQL's index holds two of these."""

ESCAPE = "␛"
"""The sign that begins the form of what cannot be stored."""

_UNSTORABLE = re.compile(f"[\0\ud800-\udfff{ESCAPE}]")
_ESCAPED = re.compile(f"{ESCAPE}([0-9a-f]{{4}})")
_KEPT = 1000


def encode(text: str) -> str:
    """Return the form of a text that can be stored."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(lambda match: f"{ESCAPE}{ord(match[0]):04x}", text)


def decode(stored: str) -> str:
    """Return the text of which ``stored`` is the form."""
    if ESCAPE not in stored:
        return stored
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), stored)


def short(name: str) -> str:
    """Return a name, cut when it is longer than :data:`MAX_NAME`.

    A cut name ends with ``…`` and 16 digits of its SHA-256, so different names stay different, and a search for the
    whole name finds it. ``event_data`` has it whole.
    """
    # No character takes more than the seven bytes of a form.
    if len(name) <= MAX_NAME // 7 or _size(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    kept = name[:_KEPT]
    while (size := _size(kept)) > _KEPT:
        kept = kept[: len(kept) * _KEPT // size]
    return f"{kept}…{digest[:16]}"


def _size(name: str) -> int:
    return len(encode(name).encode())
