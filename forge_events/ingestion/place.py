# SPDX-License-Identifier: Apache-2.0
"""Know how far a spool has been read, which is a matter of the file and not of the job that it tells of.

Of one job there may be a copy that ends in the middle, one that lacks lines, and the whole. Each file has a position of
its own; and should another one have been written in its place, what stands in front of the position tells.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

    from forge_events.store.contract import Store

__all__ = ["Start", "mark_of", "source_of", "start_of"]

_LOOKED_AT = 64 * 1024
"""Bytes in front of a position that tell a file from others: some events, or the times and numbers of a long one."""


class Start(NamedTuple):
    """Where to begin to read, in bytes, and the position that the store has written down."""

    position: int
    stored: int


def source_of(job_uuid: str, file: BinaryIO) -> str:
    """Return what the position of a spool is written down under."""
    found = os.fstat(file.fileno())
    return f"{job_uuid} {found.st_dev}:{found.st_ino}"


def start_of(store: Store, source: str, file: BinaryIO) -> Start:
    """Return where to begin: behind what was read of this file, or at its start where it is not what it was then.

    To read again what is stored changes nothing; to go on in the middle of something else would lose events.
    """
    stored, mark = store.position(source), store.mark(source)
    return Start(stored if mark == mark_of(file, stored) else 0, stored)


def mark_of(file: BinaryIO, position: int) -> int:
    """Return a number that stands for what is in front of a position; 0 where nothing is."""
    size = min(position, _LOOKED_AT)
    data = os.pread(file.fileno(), size, position - size)
    return int.from_bytes(hashlib.sha256(data).digest()[:7], "big") if len(data) == size and data else 0
