# SPDX-License-Identifier: Apache-2.0
"""The broker's address: who may see which part of it."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote, urlsplit

__all__ = ["fingerprint", "place_of", "uncovered"]


def place_of(url: str) -> str:
    """Return the host and port of a URL, which may be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def fingerprint(url: str) -> str:
    """Return eight digits by which people see whether two processes have the same broker; no password is in them."""
    return hashlib.sha256(f"{place_of(url)}{urlsplit(url).path.rstrip('/') or '/0'}".encode()).hexdigest()[:8]


def uncovered(error: BaseException, url: str) -> str:
    """Return in one line what an error says, without user and password."""
    words = " ".join(str(error).split()) or type(error).__name__
    parts = urlsplit(url)
    for secret in (parts.password, unquote(parts.password or "")):
        words = words.replace(secret, "…") if secret else words
    return words.rstrip(".")
