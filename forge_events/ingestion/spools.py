# SPDX-License-Identifier: Apache-2.0
"""Read a spool: which job it is of, who may still write to it, how far it has been read, and its events in batches.

How far is a matter of the file and not of the job: of one job there may be a copy that ends in the middle, one that
lacks lines, and the whole. Each file has a position of its own; and should another one have been written in its place,
what stands in front of the position tells.
"""

from __future__ import annotations

import hashlib
import os
import platform
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forge_events import spool
from forge_events.errors import BrokenSpool
from forge_events.events import MAX_PID, EventRow, Utc
from forge_events.ingestion import parsing
from forge_events.ingestion.damage import Damage, reason_of
from forge_events.jobs import NewJob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from forge_events.store import Store

__all__ = [
    "MAX_EVENTS",
    "Batch",
    "Closing",
    "Gone",
    "Header",
    "NewerFormat",
    "NoHeader",
    "Span",
    "Start",
    "batches",
    "gone",
    "mark_of",
    "read_header",
    "source_of",
    "start_of",
]

MAX_EVENTS = 4000
"""Events of a spool that are stored together, at the most."""

_MAX_BYTES = 4 * 1024 * 1024
_LOOKED_AT = 64 * 1024
"""Bytes in front of a position that tell a file from others: some events, or the times and numbers of a long one."""

_SLACK = 2.0
"""Seconds by which the clock that a header was written with and that of the process table may differ."""

_Pid = Annotated[int, Field(ge=1, le=MAX_PID)]


class NoHeader(BrokenSpool):
    """The first line is not there as a whole: it is being written, or never will be."""


class NewerFormat(BrokenSpool):
    """A newer version of the library wrote the spool, and can read it."""


class Header(BaseModel):
    """What the first line of a spool says.

    :param pid: the process that Ansible runs in.
    :param expects_exit: somebody started that process and will write down how it ended.
    :param recorder_pid: the process of that somebody.
    :param uptime: seconds from the start of the machine, which ``boot_id`` names, to the beginning of the spool.
    """

    model_config = ConfigDict(frozen=True)

    format: int
    job_uuid: Annotated[str, Field(min_length=1, max_length=1024)]
    started: Utc
    name: str = ""
    playbook: str = ""
    command: list[str] = []
    directory: str | None = None
    host: str | None = None
    run_by: str | None = None
    run_as: str | None = None
    check_mode: bool = False
    pid: _Pid | None = None
    ansible_version: str | None = None
    parent_uuid: str | None = None
    expects_exit: bool = False
    recorder_pid: _Pid | None = None
    boot_id: str = ""
    uptime: float | None = None

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Header:
        """Read a header. A field that can be missing and holds nonsense is taken as missing.

        :raises pydantic.ValidationError: it does not say which job it is, and when that started.
        """
        try:
            return cls.model_validate(facts)
        except ValidationError as error:
            bad = {place["loc"][0] for place in error.errors()}
            return cls.model_validate({key: part for key, part in facts.items() if key not in bad})

    def as_job(self) -> NewJob:
        """Return what is known of the job."""
        name = self.name or self.playbook or " ".join(self.command) or self.job_uuid
        facts = self.model_dump(include=set(NewJob.model_fields) - {"uuid", "name", "created"})
        return NewJob(uuid=self.job_uuid, name=name, created=self.started, **facts)


def read_header(path: str, file: BinaryIO) -> Header:
    """Read the header of a spool.

    :raises NoHeader: the first line is not complete.
    :raises NewerFormat: the format is newer than this library.
    :raises BrokenSpool: the first line is no header.
    """
    first = next(spool.read(file), None)
    if first is None:
        raise NoHeader(path, "it has no whole line")
    if first.kind != "header":
        raise BrokenSpool(path, "its first line is no header")
    version = first.value.get("format")
    if isinstance(version, int) and version > spool.FORMAT:
        raise NewerFormat(path, f"it has format {version}, and this version of forge-events reads {spool.FORMAT}")
    try:
        return Header.of(first.value)
    except ValidationError as error:
        raise BrokenSpool(path, "its header does not say which job it is, and when that started") from error


class Gone(NamedTuple):
    """Whether the process that Ansible ran in has ended, and whether nobody is left who would write its exit code."""

    ansible: bool
    starter: bool


def gone(header: Header, *, assume_gone: bool) -> Gone:
    """Say which of the processes that a header names have ended, as far as this machine can tell.

    :param assume_gone: take the processes of another machine for ended.
    """
    has_starter = header.expects_exit and header.recorder_pid is not None
    if header.host != platform.node():
        return Gone(ansible=assume_gone, starter=assume_gone or not has_starter)
    return Gone(ansible=_is_gone(header.pid, header), starter=not has_starter or _is_gone(header.recorder_pid, header))


def _is_gone(pid: int | None, header: Header) -> bool:
    """Return whether a process ended that began a spool: none has its number, a zombie has, or a younger one."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or _is_younger(process, header)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _is_younger(process: psutil.Process, header: Header) -> bool:
    """Return whether a process began after a spool did."""
    if header.uptime is None:
        return process.create_time() > header.started.timestamp() + _SLACK
    # Clocks may have been set meanwhile, but not the time since the machine's start. psutil adds that start; versions
    # before 7 as they last read it, so they are made to read it first.
    began = -psutil.boot_time() + process.create_time()
    return header.boot_id != spool.boot_id() or began > header.uptime + _SLACK


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


class Closing:
    """How a spool ends, as far as it has been read.

    :ivar eof: what the recorder wrote when it closed the job, None if it did not.
    :ivar exit: what the starter of the command wrote when it had ended, None if nobody did.
    :ivar start: the position of the first of both. What is stored never goes beyond it, so whoever reads on from there
        finds them again.
    """

    def __init__(self) -> None:
        self.eof: dict[str, Any] | None = None
        self.exit: dict[str, Any] | None = None
        self.start: int | None = None

    @property
    def rc(self) -> int | None:
        """The exit code, if somebody saw it."""
        rc = (self.exit or {}).get("rc")
        return rc if isinstance(rc, int) and abs(rc) < 2**31 else None

    @property
    def is_presumed(self) -> bool:
        """Whether nobody wrote that the job has ended: the source ends, and that is all that is known."""
        return self.eof is None if self.exit is None else self.exit.get("presumed") is True

    def add(self, record: spool.Record) -> None:
        """Take a closing record; the last of a kind counts."""
        setattr(self, record.kind, record.value)
        self.start = record.start if self.start is None else self.start


class Span(NamedTuple):
    """Where an event stands, in bytes, and where the position of a batch may be when it is stored."""

    start: int
    end: int
    position: int


class Batch:
    """Events that are stored together, the lines among them that are none, and the position behind them.

    :ivar spans: where each event stands.
    :param most: how many events fill it.
    """

    def __init__(self, position: int, most: int = MAX_EVENTS) -> None:
        self._most = most
        self.events: list[EventRow] = []
        self.spans: list[Span] = []
        self.damages: list[Damage] = []
        self.size = 0
        self.expected = position
        self.position = position

    @property
    def is_full(self) -> bool:
        """Whether this is enough for one transaction."""
        return len(self.events) >= self._most or len(self.damages) >= self._most or self.size >= _MAX_BYTES

    def add(self, event: EventRow, start: int, end: int) -> None:
        """Take an event that stands between two positions."""
        self.events.append(event)
        self.spans.append(Span(start, end, self.position))

    def add_parsed(self, line: dict[str, Any], start: int, end: int) -> None:
        """Take what should be an event."""
        try:
            self.add(EventRow.of(line), start, end)
        except (ValueError, TypeError, RecursionError) as error:
            self.damages.append(Damage(start, end, reason_of(error)))


def batches(file: BinaryIO, start: Start, closing: Closing) -> Iterator[Batch]:
    """Yield what stands in a spool from a position on, and tell ``closing`` how it ends."""
    batch = Batch(start.position)
    batch.expected = start.stored
    for line, begin, end in spool.lines(file, start.position):
        event = EventRow.of_line(line)
        record = spool.record_of(line, begin, end, parsing.loads) if event is None else None
        if record is not None and record.kind in ("eof", "exit"):
            closing.add(record)
            continue
        if record is not None and record.kind == "header" and begin == 0:
            continue
        batch.position = end if closing.start is None else min(end, closing.start)
        batch.size += end - begin
        if event is not None:
            batch.add(event, begin, end)
        elif record is not None and record.kind == "event":
            batch.add_parsed(record.value, begin, end)
        elif record is not None:
            reason = record.value["reason"] if record.kind == "damaged" else f"a second {record.kind}"
            batch.damages.append(Damage(begin, end, reason))
        if batch.is_full:
            yield batch
            batch = Batch(batch.position)
    if batch.size:
        yield batch
