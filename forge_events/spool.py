# SPDX-License-Identifier: Apache-2.0
"""Write and read the spool: one append-only file of JSON lines for each job.

The spool is the only thing between Ansible and the rest of the library. Its lines are JSON objects of four kinds, told
apart by the key that they carry:

========== ========================================================================================================
``header`` the first line, ``{"header": {"format": 1, "job_uuid": ..., "command": [...], ...}}``
``event``  one job event with ansible-runner's field names, ``{"event": "runner_on_ok", "counter": 7, ...}``
``eof``    the recorder closed the job by itself, ``{"eof": {"finished": ..., "event_count": 7}}``
``exit``   who started the command saw it end, ``{"exit": {"finished": ..., "rc": 2}}``; it may state a final ``status``
           and an ``explanation``, which then hold
========== ========================================================================================================

Lines are ASCII: NUL, lone surrogates and every other character outside it are JSON escapes, so any text survives the
way in and out. A line counts when its newline is there; a writer that is killed leaves at most one torn last line,
which a reader leaves alone. This module imports the standard library only and is shipped inside the collection as it
stands.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

__all__ = [
    "FORMAT",
    "MAX_BACKLOG",
    "MAX_LINE",
    "Record",
    "SpoolFull",
    "Writer",
    "boot_id",
    "lines",
    "read",
    "read_header",
    "record_of",
]

FORMAT = 1
"""The version of the format that :class:`Writer` writes and :func:`read` understands."""

MAX_LINE = 64 * 1024 * 1024
"""Bytes of the longest line that :func:`read` parses; a longer one is reported as damaged."""

MAX_BACKLOG = 8 * 1024 * 1024
"""Bytes that a :class:`Writer` holds while the disk takes none; more, and it gives up."""

SUFFIX = ".jsonl"

_KINDS = ("event", "header", "eof", "exit")
_TOO_LONG = ("damaged", {"reason": f"the line is longer than {MAX_LINE} bytes"})


_quote = json.encoder.encode_basestring_ascii


def _encoder() -> Callable[[Any], str]:
    """Return what makes JSON of a value, set up once; the standard library's encoder sets itself up at every call."""
    slow = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without the part of json that is written in C
        return slow.encode
    fast = make(
        markers=None,
        default=slow.default,
        encoder=_quote,
        indent=None,
        key_separator=":",
        item_separator=",",
        sort_keys=False,
        skipkeys=False,
        allow_nan=False,
    )
    return lambda value: "".join(fast(value, 0))


_encode = _encoder()


class SpoolFull(OSError):
    """The spool could not be written for so long that the backlog is full; later lines are refused."""


class Record(NamedTuple):
    """One line of a spool.

    :param kind: ``header``, ``event``, ``eof``, ``exit``, or ``damaged`` for a whole line that is none of them.
    :param value: the event itself, the value under the kind's key, or ``{"reason": ...}`` for a damaged line.
    :param start: offset in bytes of the line's first byte.
    :param end: offset in bytes just behind the line's newline; reading goes on from here.
    """

    kind: str
    value: dict[str, Any]
    start: int
    end: int


def boot_id() -> str:
    """Return what names the time since this machine was started; empty where nobody knows."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _since_boot() -> dict[str, Any]:
    """Return what tells which processes were there by now, whatever the machine's clock is set to later."""
    try:
        told = float(Path("/proc/uptime").read_text("ascii").split()[0])
        # A container may be told of the time since its own start instead.
        return {"boot_id": boot_id(), "uptime": max(told, time.clock_gettime(time.CLOCK_BOOTTIME))}
    except (OSError, ValueError, IndexError, AttributeError):
        return {}


class Writer:
    """Append lines to the spool of one job, each with one ``write(2)``.

    What the disk does not take stays in a backlog that goes first at the next line, so a disk that is full for a moment
    costs nothing and a line that was written in part is completed. Not safe for threads: callers bring their lock.

    ``last_counter`` is the counter of the last event that was handed over.

    :param path: the file, made with mode 0600; it must not exist unless ``append`` is true.
    :param append: add to a spool that is there, as the starter of a command does when it has seen it end.
    :raises OSError: the file cannot be made or opened.
    """

    def __init__(self, path: str, *, append: bool = False) -> None:
        kind = os.O_NOFOLLOW | os.O_NONBLOCK if append else os.O_CREAT | os.O_EXCL
        self._file = _above_standard_streams(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | kind, 0o600))
        self.last_counter = 0
        self._backlog = b""
        self._line = 0
        self._context: tuple[str, Any] = ("{}", None)
        self._tail = '"pid":null,"runner_ident":null}'
        self.path = path

    def header(self, header: dict[str, Any]) -> None:
        """Write the first line; ``format`` is added, and when it is written in the time since the machine's start.

        Its ``pid`` and ``job_uuid`` go into the events that follow.
        """
        self._tail = _encode({"pid": header.get("pid"), "runner_ident": header.get("job_uuid")})[1:]
        self._write(_encode({"header": {"format": FORMAT, **_since_boot(), **header}}))

    def add(self, event: Any, *, created: str, stdout: str = "", verbosity: int = 0) -> None:
        """Write one event of a :class:`~forge_events.hierarchy.Hierarchy` with its output, numbering its lines.

        :param created: the time, ISO 8601 in UTC.
        :param stdout: what was printed for the event; whole lines, but for the job's last event.
        :raises OSError: as :meth:`event`.
        """
        start, self._line = self._line, self._line + stdout.count("\n") + (bool(stdout) and not stdout.endswith("\n"))
        parent = "null" if event.parent_uuid is None else f'"{event.parent_uuid}"'
        self.last_counter = event.counter
        self._write(
            f'{{"uuid":"{event.uuid}","parent_uuid":{parent},"counter":{event.counter},'
            f'"event":"{event.event}","event_data":{self._event_data(event)},"stdout":{_quote(stdout)},'
            f'"start_line":{start},"end_line":{self._line},"created":"{created}","verbosity":{verbosity},'
            f"{self._tail}"
        )

    def _event_data(self, event: Any) -> str:
        """Return an event's data as JSON; what siblings have in common is their very object, and encoded once."""
        text, context = self._context
        if context is not event.context:
            text, context = self._context = _encode(event.context), event.context
        return f"{text[:-1]},{_encode(event.own)[1:]}"

    def event(self, event: dict[str, Any]) -> None:
        """Write one job event that has all of its fields.

        :raises OSError: the line was not written, and is kept to be written before the next one.
        :raises SpoolFull: the backlog is full; this line is dropped.
        """
        self.last_counter = event["counter"]
        self._write(_encode(event))

    def eof(self, eof: dict[str, Any]) -> None:
        """Write that the recorder has closed the job."""
        self._write(_encode({"eof": eof}))

    def exit(self, exit_: dict[str, Any]) -> None:
        """Write that the command has ended, as its starter saw it."""
        self._write(_encode({"exit": exit_}))

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, line: str) -> None:
        data = line.encode("ascii") + b"\n"
        if len(self._backlog) + len(data) > MAX_BACKLOG and self._backlog:
            raise SpoolFull(f"{self.path} takes no more: {len(self._backlog)} bytes are waiting")
        self._backlog += data
        while self._backlog:
            self._backlog = self._backlog[os.write(self._file, self._backlog) :]


def _above_standard_streams(file: int) -> int:
    """Move a descriptor out of 0 to 2: with a closed stdout the first file opened would become the terminal."""
    if file > 2:
        return file
    moved = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(file)
    return moved


def read(file: BinaryIO, position: int = 0) -> Iterator[Record]:
    """Yield the whole lines of a spool from a byte offset on, in the order written.

    A last line without its newline is not yielded: it is still being written, or torn. A line that is not a JSON object
    of a known kind, or is longer than :data:`MAX_LINE`, is yielded as ``damaged`` and reading goes on behind it.

    :param file: a seekable binary file; its position is changed.
    :param position: where to begin: 0, or the ``end`` of a record read before.
    """
    for line, start, end in lines(file, position):
        yield record_of(line, start, end)


def lines(file: BinaryIO, position: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield the whole lines as they stand, each with its start and its end; one that is too long is empty."""
    file.seek(position)
    while line := file.readline(MAX_LINE):
        length = len(line)
        whole = line.endswith(b"\n")
        if not whole and length == MAX_LINE:
            skipped, whole = _skip_line(file)
            length += skipped
            line = b""
        if not whole:
            return
        yield line, position, position + length
        position += length


def record_of(line: bytes, start: int, end: int, parse: Callable[[bytes], Any] = json.loads) -> Record:
    """Return what a whole line says.

    :param parse: a quicker way to do what ``json.loads`` does with a line; a ValueError says that it cannot.
    """
    kind, value = _parse(line, parse) if line else _TOO_LONG
    return Record(kind, value, start, end)


def read_header(file: BinaryIO) -> dict[str, Any] | None:
    """Return the header of a spool, or None where its first line is not a whole header."""
    record = next(read(file), None)
    return record.value if record is not None and record.kind == "header" else None


def _skip_line(file: BinaryIO) -> tuple[int, bool]:
    """Read to the end of an overlong line; return how many bytes that were and whether its newline was there."""
    skipped = 0
    while chunk := file.readline(1024 * 1024):
        skipped += len(chunk)
        if chunk.endswith(b"\n"):
            return skipped, True
    return skipped, False


def _parse(line: bytes, parse: Callable[[bytes], Any]) -> tuple[str, dict[str, Any]]:
    try:
        value = parse(line)
    except (ValueError, RecursionError) as error:
        return "damaged", {"reason": f"the line is not JSON: {type(error).__name__}"}
    if isinstance(value, dict):
        for kind in _KINDS:
            if kind in value:
                found = value if kind == "event" else value[kind]
                return (kind, found) if isinstance(found, dict) else ("damaged", {"reason": f"bad {kind}"})
    return "damaged", {"reason": "the line is of no known kind"}
