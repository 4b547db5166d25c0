# SPDX-License-Identifier: Apache-2.0
"""A file that somebody else is writing, read as if it were a pipe: at its end, wait for more."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["GrowingFile"]


class GrowingFile(io.BufferedIOBase):
    """Give whole lines, and as many bytes as are asked for.

    :param pause: waits a moment; what it raises ends the reading.
    """

    def __init__(self, file: BinaryIO, pause: Callable[[], None]) -> None:
        self._file = file
        self._pause = pause

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next whole line, or ``size`` bytes of it, when they are there."""
        limit = -1 if size is None else size
        line = self._file.readline(limit)
        while not line.endswith(b"\n") and len(line) != limit:
            self._pause()
            line += self._file.readline(limit - len(line) if limit >= 0 else -1)
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes when they are there."""
        wanted = -1 if size is None else size
        data = self._file.read(wanted)
        while len(data) < wanted:
            self._pause()
            data += self._file.read(wanted - len(data))
        return data
