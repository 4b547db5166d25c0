# SPDX-License-Identifier: Apache-2.0
"""Read a database URL without opening anything."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["is_postgresql", "shown", "sqlite_file"]

_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")
"""How the URL of a server begins: in both of libpq's ways, and as SQLAlchemy writes it."""

_SQLITE = "sqlite:///"
_PARTS = re.compile(r"([\w+.-]+://)([^/?#]*)(.*)", re.DOTALL)


def sqlite_file(url: str) -> Path | None:
    """Return the file that a ``sqlite:///`` URL names; None for any other URL.

    All that follows the three slashes is the path, as it stands: a fourth begins an absolute one, and ``?``, ``#`` and
    ``%`` are nothing special.
    """
    path = url.removeprefix(_SQLITE)
    return Path(path) if path not in ("", url, ":memory:") else None


def is_postgresql(url: str) -> bool:
    """Return whether a URL names a database of PostgreSQL."""
    return url.startswith(_POSTGRESQL)


def shown(url: str) -> str:
    """Return the URL as it may be shown: without user and password, and without parameters, which may be one."""
    if url.startswith(_SQLITE):
        return url
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return "..." if "@" in url or "=" in url else url
    scheme, server, rest = parts.groups()
    # With an @ behind the first slash, what precedes it may be the beginning of a password that has one.
    return f"{scheme}..." if "@" in rest else scheme + server.rpartition("@")[2] + rest.partition("?")[0]
