# SPDX-License-Identifier: Apache-2.0
"""Job events: as a spool's lines say them, on their way into the store, and as the library hands them out."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
from msgspec import Meta, Raw, Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from forge_events import hierarchy, rollup

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "EARLIEST",
    "LATEST",
    "MAX_PID",
    "RESULTS",
    "EventFilter",
    "EventRow",
    "HostResult",
    "JobEvent",
    "ResultFilter",
    "Utc",
    "from_timestamp",
    "in_utc",
]

MAX_PID = 2**31 - 1
"""The greatest number that a process can have."""

_MAX = 2**63 - 1
_MAX_UUID = 1024
_NAMES = (("playbook", "playbook"), ("play", "play"), ("task", "task"), ("role", "role"), ("host_name", "host"))


RESULTS = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"})
"""The events that say what came of a task on a host, in the end."""


EARLIEST = datetime.datetime(1, 1, 3, tzinfo=datetime.UTC)
"""The first time that there is, and :data:`LATEST` is the last one: these can be told in every time zone."""

LATEST = datetime.datetime(9999, 12, 29, tzinfo=datetime.UTC)


def in_utc(time: datetime.datetime) -> datetime.datetime:
    """Return a time in UTC; one at the edge of the calendar becomes the first or last that every time zone has.

    :param time: without a zone it is taken as UTC.
    :raises ValueError: UTC has no such time.
    """
    try:
        found = time.replace(tzinfo=datetime.UTC) if time.tzinfo is None else time.astimezone(datetime.UTC)
    except OverflowError as error:
        raise ValueError("no such time in UTC") from error
    return min(max(found, EARLIEST), LATEST)


def from_timestamp(seconds: float) -> datetime.datetime:
    """Return the time in UTC that a file system gives in seconds; it may be one that no calendar has."""
    within = min(max(seconds, EARLIEST.timestamp()), LATEST.timestamp())
    return datetime.datetime.fromtimestamp(within, datetime.UTC)


_Count = Annotated[int, Field(ge=0, le=_MAX)]
_Uuid = Annotated[str, Field(min_length=1, max_length=_MAX_UUID)]
Utc = Annotated[datetime.datetime, AfterValidator(in_utc)]
"""A time that is in UTC once validated, as :func:`in_utc` says."""


class JobEvent(BaseModel):
    """One job event, frozen.

    The first twelve fields are ansible-runner's, verbatim; the others are derived from them by :meth:`from_spool`.

    :param counter: 1 for the root, dense and in the order recorded.
    :param parent_uuid: None for the root alone.
    :param stdout: what the terminal showed for this event; joined in counter order it is the whole output.
    :param start_line: number of the first line of ``stdout``, from 0; ``end_line`` is the first line after it.
    :param created: when the event was recorded, in UTC.
    :param failed: whether the event or, for a task, play or playbook, anything below it failed; a failure that was
        ignored or rescued counts on its own event alone.
    :param changed: the same for changes.
    """

    model_config = ConfigDict(frozen=True)

    uuid: _Uuid
    parent_uuid: _Uuid | None = None
    counter: Annotated[int, Field(ge=1, le=_MAX)]
    event: str
    event_data: dict[str, Any] = {}
    stdout: str = ""
    start_line: _Count = 0
    end_line: _Count = 0
    created: Utc
    verbosity: _Count = 0
    pid: _Count | None = None
    runner_ident: str | None = None

    job_id: int
    playbook: str = ""
    play: str = ""
    task: str = ""
    role: str = ""
    host_name: str = ""
    failed: bool = False
    changed: bool = False

    @classmethod
    def from_spool(cls, line: dict[str, Any], job_id: int) -> JobEvent:
        """Build an event from a spool's line, deriving the fields that the store adds.

        An event of a name that the hierarchy does not have becomes ``verbose``, and its name ``unknown_event`` in
        ``event_data``: so a newer recorder's event keeps its place and what it shows.

        :raises pydantic.ValidationError: a field that cannot be missing is, or has a value of another type.
        """
        found = line.get("event_data")
        data: dict[str, Any] = found if isinstance(found, dict) else {}
        event = line.get("event")
        whole = {**line, **_names(data), "job_id": job_id}
        if isinstance(event, str):
            whole["failed"] = rollup.is_failed(event, data)
            whole["changed"] = rollup.is_changed(event, data)
            if event not in hierarchy.EVENTS:
                whole |= {"event": "verbose", "event_data": {**data, "unknown_event": event}}
        return cls.model_validate(whole)


_MsgCount = Annotated[int, Meta(ge=0, le=_MAX)]
_MsgUuid = Annotated[str, Meta(min_length=1, max_length=_MAX_UUID)]


class _Fields(Struct, gc=False):
    """What a line says of an event beside its data, where each field is as the recorder writes it."""

    uuid: _MsgUuid
    counter: Annotated[int, Meta(ge=1, le=_MAX)]
    event: str
    created: Annotated[datetime.datetime, Meta(tz=True)]
    parent_uuid: _MsgUuid | None = None
    stdout: str = ""
    start_line: _MsgCount = 0
    end_line: _MsgCount = 0
    verbosity: _MsgCount = 0
    pid: _MsgCount | None = None
    runner_ident: str | None = None


class _Line(_Fields, gc=False):
    """A whole line; the data is looked at for itself, so that its text can go to the store as it is."""

    event_data: Raw = Raw(b"{}")


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_data: Callable[[Raw], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode


class EventRow(Struct, gc=False):
    r"""One event on its way into the store, with the fields of a :class:`JobEvent`; the store sets the job.

    :param event_json: the JSON text of ``event_data``, where that can be stored as it stands: it is ASCII and has no
        ``\u``, so no NUL and no lone surrogate either; None where it has to be written anew.
    """

    uuid: str
    counter: int
    event: str
    created: datetime.datetime
    parent_uuid: str | None
    stdout: str
    start_line: int
    end_line: int
    verbosity: int
    pid: int | None
    runner_ident: str | None
    event_data: dict[str, Any]
    event_json: str | None
    playbook: str
    play: str
    task: str
    role: str
    host_name: str
    failed: bool
    changed: bool
    job_id: int = 0

    @classmethod
    def of_line(cls, line: bytes) -> EventRow | None:
        """Return the event of a spool's line; None where it is no event, or one that has to be looked at closely."""
        try:
            found = _decode_line(line)
            data = _decode_data(found.event_data)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        text = str(found.event_data, "utf-8")
        # One sign is found quicker than two, and few texts have it.
        is_plain = text.isascii() and ("\\" not in text or "\\u" not in text)
        return cls._of(found, data, text if is_plain else None)

    @classmethod
    def of(cls, line: dict[str, Any]) -> EventRow:
        """Return the event of a line that has been parsed; see :meth:`JobEvent.from_spool`.

        :raises pydantic.ValidationError: a field that cannot be missing is, or has a value of another type.
        """
        data = line.get("event_data")
        try:
            found = msgspec.convert(line, _Fields)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            found = None
        row = None
        # What was parsed may have half a surrogate pair, and what was made here a name that is no text.
        if found is not None and isinstance(data, dict) and {*map(type, data)} <= {str}:
            row = cls._of(found, data, None) if f"{found.uuid}{found.parent_uuid}".isascii() else None
        return row or cls.of_event(JobEvent.from_spool(line, 0))

    @classmethod
    def of_event(cls, event: JobEvent) -> EventRow:
        """Return an event that was read from a store, or is to be written as it is."""
        return cls(event_json=None, **vars(event))

    @classmethod
    def _of(cls, found: _Fields, data: dict[str, Any], text: str | None) -> EventRow | None:
        created, event = found.created, found.event
        if created.tzinfo is not datetime.UTC or not 1 < created.year < 9999 or event not in hierarchy.EVENTS:
            return None
        names = _names(data)
        return cls(
            found.uuid,
            found.counter,
            event,
            created,
            found.parent_uuid,
            found.stdout,
            found.start_line,
            found.end_line,
            found.verbosity,
            found.pid,
            found.runner_ident,
            data,
            text,
            names["playbook"],
            names["play"],
            names["task"],
            names["role"],
            names["host_name"],
            rollup.is_failed(event, data),
            rollup.is_changed(event, data),
        )


def _names(data: dict[str, Any]) -> dict[str, str]:
    """Return the names that an event's data gives, by the fields that hold them."""
    take = data.get
    return {field: name if (name := take(key)).__class__ is str else _name(name) for field, key in _NAMES}


def _name(value: Any) -> str:
    """Return a name that a playbook may give as something other than text, such as ``name: 5``."""
    return json.dumps(value) if value else ""


class EventFilter(BaseModel):
    """Which events of a job are wanted; conditions that are given must all hold.

    :param host: the host's exact name.
    :param task: the task's exact name.
    :param event: the event's exact name, such as ``runner_on_ok``.
    :param search: text that the event's stdout contains, whatever the case.
    """

    model_config = ConfigDict(frozen=True)

    host: str | None = None
    task: str | None = None
    event: str | None = None
    is_failed: bool = False
    is_changed: bool = False
    search: str | None = None


class HostResult(BaseModel):
    """The final result of one task on one host, wherever in whichever job; the rest is in the event itself.

    :param counter: the event's number in its job.
    :param check_mode: it came of a dry run: what it says of a change or a failure would have been.
    :param delegated_host: the other host on which the task ran, where it was delegated.
    :param duration: seconds from when the host began the task, where that is known.
    :param controller: the machine on which Ansible ran.
    """

    model_config = ConfigDict(frozen=True)

    host_name: str
    created: datetime.datetime
    job_id: int
    counter: int
    event: str
    task: str
    failed: bool
    changed: bool
    check_mode: bool = False
    delegated_host: str | None = None
    duration: float | None = None
    controller: str | None = None


class ResultFilter(BaseModel):
    """Which results of all jobs are wanted: those of a host, or failed ones; conditions that are given must all hold.

    :param is_check: only results of dry runs, or only those of real ones.
    :param controller: the exact name of the machine on which Ansible ran.
    :param since: results that were recorded at this time or later.
    """

    model_config = ConfigDict(frozen=True)

    host: str | None = None
    task: str | None = None
    is_failed: bool = False
    is_changed: bool = False
    is_check: bool | None = None
    controller: str | None = None
    since: Utc | None = None

    @model_validator(mode="after")
    def _is_found_by_an_index(self) -> Self:
        if self.host is None and not self.is_failed:
            raise ValueError("a host is needed, or only failed results")
        return self
