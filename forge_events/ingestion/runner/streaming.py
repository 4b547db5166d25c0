# SPDX-License-Identifier: Apache-2.0
"""Record the stream of a worker, as it comes, into the spool."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from forge_events.ingestion.runner.recorder import JobSpool
from forge_events.ingestion.runner.stream import Stream
from forge_events.ingestion.runner.told import NoEvent
from forge_events.ingestion.runner.troubles import Trouble, Troubles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

__all__ = ["CUT_OFF", "RecordedStream", "record_stream"]

CUT_OFF = "the stream ended before the worker said that it was whole"


class RecordedStream(NamedTuple):
    """What came of a stream: the uuid of its job, and what of it could not be taken."""

    job_uuid: str
    troubles: Sequence[Trouble]


def record_stream(
    source: BinaryIO | socket.socket | int | str | os.PathLike[str],
    spool_dir: Path,
    *,
    ident: str = "stream",
    keeps_environment: bool = False,
) -> RecordedStream:
    """Record what ``ansible-runner worker`` writes until it ends; the job is in the spool afterwards.

    :param source: a binary file, a socket, a descriptor, or the path of a file or named pipe. What was opened here is
        closed again, anything else left open.
    :param ident: what to call the job where its events do not.
    :raises OSError: the source cannot be read or the spool not be written.
    """
    troubles = Troubles()
    job = JobSpool(Path(spool_dir), ident, keeps_environment=keeps_environment)
    with _opened(source) as file:
        stream = Stream(file, troubles)
        for message in stream.messages():
            try:
                job.take(message)
            except NoEvent as error:
                troubles.add("an event", str(error))
    job.end("" if stream.is_whole else CUT_OFF)
    return RecordedStream(job.job_uuid or "", list(troubles.take()))


def _opened(source: BinaryIO | socket.socket | int | str | os.PathLike[str]) -> BinaryIO:
    """Return a file to read from; closing it closes only what was opened here."""
    if isinstance(source, socket.socket):
        return source.makefile("rb")
    if isinstance(source, int):
        return os.fdopen(source, "rb", closefd=False)
    if isinstance(source, (str, os.PathLike)):
        return Path(source).open("rb")
    return cast("BinaryIO", _Borrowed(source))


class _Borrowed(io.BufferedIOBase):
    """Somebody else's file, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._file.readline(-1 if size is None else size)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)
