# SPDX-License-Identifier: Apache-2.0
"""Job events as the store keeps them and the library hands them out."""

from __future__ import annotations

import datetime
import itertools
import json
import re
from operator import itemgetter
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from forge_events import hierarchy, rollup

__all__ = [
    "EARLIEST",
    "LATEST",
    "MAX_PID",
    "RESULTS",
    "EventFilter",
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
        whole = {**line, "job_id": job_id}
        for field, key in _NAMES:
            name = data.get(key)
            whole[field] = name if isinstance(name, str) else _name(name)
        if isinstance(event, str):
            whole["failed"] = rollup.is_failed(event, data)
            whole["changed"] = rollup.is_changed(event, data)
            if event not in hierarchy.EVENTS:
                whole |= {"event": "verbose", "event_data": {**data, "unknown_event": event}}
        return _built(whole) or cls.model_validate(whole)


# The types of what nearly every line holds, field by field.
_USUAL = {
    **dict.fromkeys(("uuid", "event", "stdout", "created", *(field for field, _ in _NAMES)), (str,)),
    **dict.fromkeys(("counter", "start_line", "end_line", "verbosity", "job_id"), (int,)),
    **dict.fromkeys(("failed", "changed"), (bool,)),
    **dict.fromkeys(("parent_uuid", "runner_ident"), (str, type(None))),
    "pid": (int, type(None)),
    "event_data": (dict,),
}
_FIELDS, _TEXT = set(_USUAL), {str}
_USUAL_TYPES = set(itertools.product(*_USUAL.values()))
_USUAL_TIME = re.compile(r"(?!0001|9999)\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}\+00:00", re.ASCII)
_values = itemgetter(*_USUAL)


def _built(values: dict[str, Any]) -> JobEvent | None:
    """Return the event of values that validation would leave as they are; None where it has to look closer.

    Nearly every line has such values, and validation, which copies them, takes longer than all else that is done here.
    """
    try:
        if len(values) != len(_USUAL) or not _is_usual(values):
            return None
        values["created"] = datetime.datetime.fromisoformat(values["created"])
    except (KeyError, ValueError):
        return None
    event = JobEvent.__new__(JobEvent)
    # What model_construct does, without a look at each field.
    object.__setattr__(event, "__dict__", values)
    object.__setattr__(event, "__pydantic_fields_set__", _FIELDS)
    object.__setattr__(event, "__pydantic_extra__", None)
    object.__setattr__(event, "__pydantic_private__", None)
    return event


def _is_usual(values: dict[str, Any]) -> bool:
    if tuple(map(type, _values(values))) not in _USUAL_TYPES:
        return False
    uuid, parent = values["uuid"], values["parent_uuid"]
    uuids = uuid + (parent or "")
    return (
        (uuid != "" != parent and uuids.isascii() and len(uuids) <= _MAX_UUID)
        and 0 < values["counter"] <= _MAX
        and 0 <= values["start_line"] <= _MAX
        and 0 <= values["end_line"] <= _MAX
        and 0 <= values["verbosity"] <= _MAX
        and 0 <= (values["pid"] or 0) <= _MAX
        and _USUAL_TIME.fullmatch(values["created"]) is not None
        and {*map(type, values["event_data"])} <= _TEXT
    )


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
