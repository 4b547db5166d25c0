# SPDX-License-Identifier: Apache-2.0
"""What a client of the websocket asks for, and what it is told: AWX's messages, and the cursor that is ours. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from forge_events.events import JobEvent
    from forge_events.store.feed import StatusChange

__all__ = [
    "DENIED",
    "MAX_GROUPS",
    "InvalidRequest",
    "Subscription",
    "as_text",
    "event_message",
    "shown",
    "status_message",
]

MAX_GROUPS = 200
"""How many groups one client may be in."""

DENIED = "access denied to channel"
_EVENTS, _PROGRESS, _JOBS = "job_events", "progress", "jobs"
_LEVELS = {"playbook_on_start": 0, "playbook_on_play_start": 1, "playbook_on_stats": 1, "playbook_on_vars_prompt": 1}
_EVENTS_OF_JOB = 10**8


class InvalidRequest(Exception):
    """What a client asked for cannot be; its text is the error that AWX gives."""


class Subscription(NamedTuple):
    """What one client wants to be told.

    :param groups: AWX's names of them, such as ``jobs-status_changed`` or ``job_events-41``.
    :param after: for a job, the counter of the last event that the client has; a job that is not here begins with the
        next event.
    :param is_batched: events of a job come many to a message.
    """

    groups: frozenset[str] = frozenset()
    after: dict[int, int] = {}  # noqa: RUF012 - a NamedTuple's default is never changed
    is_batched: bool = False

    @classmethod
    def of(cls, text: str, token: str | None) -> Subscription:
        """Read a request; it takes the place of the one before.

        :param token: what ``xrftoken`` has to be; None where the client has shown in another way who it is.
        :raises InvalidRequest: it is none, or is not allowed.
        """
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidRequest(DENIED) from None
        if not isinstance(asked, dict) or (token is not None and asked.get("xrftoken") != token):
            raise InvalidRequest(DENIED)
        groups = asked.get("groups")
        if not isinstance(groups, dict) or not all(isinstance(wanted, list) for wanted in groups.values()):
            raise InvalidRequest(DENIED)
        names = frozenset(f"{group}-{one}" for group, wanted in groups.items() for one in wanted)
        if len(names) > MAX_GROUPS:
            raise InvalidRequest(f"no more than {MAX_GROUPS} groups at a time")
        return cls(names, _cursors(asked.get("after")), asked.get("batch") is True)

    def jobs_of(self, group: str) -> list[int]:
        """Return the jobs that a group is wanted of, by id."""
        found = (name.removeprefix(f"{group}-") for name in self.groups if name.startswith(f"{group}-"))
        return sorted({int(one) for one in found if one.isascii() and one.isdecimal() and len(one) < 19})

    def without(self, group: str, job_id: int) -> Subscription:
        """Return the subscription without a group of a job."""
        return self._replace(groups=self.groups - {f"{group}-{job_id}"})

    @property
    def wants_statuses(self) -> bool:
        """Whether the client is to be told of each step of each job."""
        return f"{_JOBS}-status_changed" in self.groups

    @property
    def wants_summaries(self) -> bool:
        """Whether it is to be told when a job has no more events."""
        return f"{_JOBS}-summary" in self.groups


def _cursors(after: Any) -> dict[int, int]:
    try:
        found = {int(job): int(counter) for job, counter in (after or {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise InvalidRequest("after is an object of counters by job") from None
    return {job: max(0, counter) for job, counter in found.items()}


def shown(stdout: str) -> str:
    """Return what an event shows as AWX has it: one line end less, and carriage returns between lines."""
    return stdout.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").replace("\n", "\r\n")


def event_message(event: JobEvent) -> dict[str, Any]:
    """Return the message of one event."""
    number = event.job_id * _EVENTS_OF_JOB + event.counter
    created = event.created.isoformat().replace("+00:00", "Z")
    return {
        "id": number,
        "job": event.job_id,
        "created": created,
        "modified": created,
        "group_name": _EVENTS,
        "url": f"/api/v2/job_events/{number}",
        "stdout": shown(event.stdout),
        "counter": event.counter,
        "uuid": event.uuid,
        "parent_uuid": event.parent_uuid or "",
        "start_line": event.start_line,
        "end_line": event.end_line,
        "event": event.event,
        "event_name": event.event,
        "event_data": event.event_data,
        "failed": event.failed,
        "changed": event.changed,
        "event_level": _level(event.event),
        "host_name": event.host_name,
        "play": event.play,
        "role": event.role,
        "task": event.task,
    }


def _level(event: str) -> int:
    if event.startswith("runner_"):
        return 3
    return _LEVELS.get(event, 2 if event.startswith("playbook_on_") else 0)


def status_message(change: StatusChange, final_counter: int | None = None) -> dict[str, Any]:
    """Return the message of one step; the last one of a job says how many events there are."""
    message: dict[str, Any] = {
        "group_name": _JOBS,
        "type": "job",
        "unified_job_id": change.job_id,
        "status": change.status.value,
    }
    if change.job_template_id is not None:
        message["unified_job_template_id"] = change.job_template_id
    if change.status == "running":
        message["instance_group_name"] = "default"
    if change.status.is_final:
        message["finished"] = change.at.isoformat().replace("+00:00", "Z")
        message["final_counter"] = final_counter
    return message


def as_text(message: dict[str, Any]) -> str:
    """Return a message as it is sent; halves of surrogate pairs, which no UTF-8 has, become question marks."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
