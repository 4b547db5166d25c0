# SPDX-License-Identifier: Apache-2.0
"""The stream that ``ansible-runner worker`` writes: a JSON object a line, and the artifact as a zip among them.

A line that is broken costs that line; runner's own reader ends the job there.
"""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from forge_events.ingestion.parsing import NotJson, parse
from forge_events.ingestion.runner.events import rc_of
from forge_events.spool import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from forge_events.ingestion.runner.folder import Troubles

__all__ = ["GrowingFile", "Stream"]


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


_MAX_ZIP = 16 * 1024 * 1024
_PIECE = 1024 * 1024
_BROKEN_ZIP = (ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Stream:
    """One stream, read to its end.

    ``is_whole`` is true when the worker has said that nothing more comes; ``size`` is that of the last line.

    :param file: gives whole lines: a file, a pipe, or what ``socket.makefile("rb")`` returns.
    """

    def __init__(self, file: BinaryIO | io.BufferedIOBase, troubles: Troubles) -> None:
        self._file = file
        self._troubles = troubles
        self._number = 0
        self.is_whole = False
        self.size = 0

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield the messages as they come; of the artifact, the exit code."""
        while line := self._line():
            message = self._parse(line)
            if message is None:
                continue
            if "eof" in message:
                self.is_whole = True
                return
            if "zipfile" in message:
                rc = self._rc(message["zipfile"])
                if rc is not None:
                    yield {"rc": rc}
            else:
                yield message

    def _line(self) -> bytes:
        """Return the next line that is not too long; empty at the end."""
        self._number += 1
        line = self._file.readline(MAX_LINE)
        while len(line) == MAX_LINE and not line.endswith(b"\n"):
            self._troubles.add(self._place, f"it is longer than {MAX_LINE} bytes")
            while (rest := self._file.readline(_PIECE)) and not rest.endswith(b"\n"):
                pass
            self._number += 1
            line = self._file.readline(MAX_LINE)
        self.size = len(line)
        return line

    @property
    def _place(self) -> str:
        return f"line {self._number}"

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = parse(line)
        except NotJson as error:
            self._troubles.add(self._place, str(error))
            return None
        if not isinstance(message, dict):
            self._troubles.add(self._place, "it is no JSON object")
            return None
        return message

    def _rc(self, size: Any) -> int | None:
        """Read the artifact, which is in no line, and return the exit code in it."""
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            self._troubles.add(self._place, "it does not say how long the artifact is")
            return None
        data = self._zip(4 * -(-size // 3))
        if size > _MAX_ZIP:
            return None
        try:
            with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive, archive.open("rc") as file:
                return rc_of(int(file.read(64)))
        except _BROKEN_ZIP as error:
            self._troubles.add(self._place, f"the artifact has no exit code: {type(error).__name__}")
            return None

    def _zip(self, left: int) -> bytes:
        """Read so many characters; they are kept if they are not too many."""
        is_kept = left <= 2 * _MAX_ZIP
        kept = bytearray()
        while left and (piece := self._file.read(min(left, _PIECE))):
            left -= len(piece)
            if is_kept:
                kept += piece
        return bytes(kept)
