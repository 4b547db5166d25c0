# SPDX-License-Identifier: Apache-2.0
"""One event as ansible-runner told it, with every field of the type that it should have. Pure."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.events import MAX_PID, in_utc

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOST_OUTPUT", "NoEvent", "Told", "base_uuid", "rc_of", "text_of"]

LOST_OUTPUT = ("stdout",)
"""Of an event that runner never took from the process there is all but its output."""

_MAX = 2**63 - 1
_MAX_UUID = 1024
# runner numbers a play or task that Ansible announces again: its uuid, an underscore, 2.
_REPEATED = re.compile(r"(?:_\d+)+\Z")


class NoEvent(ValueError):
    """A message is no event of ansible-runner."""


class Told(NamedTuple):
    """What ansible-runner told in one event.

    :param event: its name; empty where runner lost it.
    :param data: its ``event_data``; empty where runner lost or left it out.
    :param text: what the terminal showed for it, with the newlines that runner has cut off.
    :param created: ISO 8601, or None.
    :param lost: names what is not there of the event and was once.
    """

    event: str
    uuid: str
    parent_uuid: str
    counter: int
    data: Mapping[str, Any]
    text: str
    created: str | None
    verbosity: int
    pid: int | None
    ident: str
    lost: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: Any) -> Told:
        """Read an event from a message.

        :raises NoEvent: the message has no counter or no uuid.
        """
        if not isinstance(message, dict):
            raise NoEvent("it is no object")
        counter, uuid = _count(message.get("counter")), message.get("uuid")
        if not counter or not isinstance(uuid, str) or not uuid:
            raise NoEvent("it has no counter or no uuid")
        data = message.get("event_data")
        return cls(
            event=text_of(message.get("event")),
            uuid=uuid,
            parent_uuid=text_of(message.get("parent_uuid")),
            counter=counter,
            data=data if isinstance(data, dict) else {},
            text=_text(message),
            created=_time(message.get("created")),
            verbosity=_count(message.get("verbosity")) or 0,
            pid=_pid(message.get("pid")),
            ident=text_of(message.get("runner_ident")),
            lost=LOST_OUTPUT if message.get("lost") == LOST_OUTPUT else (),
        )


def base_uuid(uuid: str) -> str:
    """Return the uuid that Ansible gave, without the number that runner adds when it meets it again."""
    return _REPEATED.sub("", uuid) if len(uuid) <= _MAX_UUID else uuid


def text_of(value: Any) -> str:
    """Return a name that should be text; what is something else becomes its JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if value else ""


def rc_of(value: Any) -> int | None:
    """Return an exit code; None where a value cannot be one."""
    return value if type(value) is int and abs(value) < 2**31 else None


def _count(value: Any) -> int | None:
    # A bool is an int, too; its type tells it from one.
    return value if type(value) is int and 0 <= value <= _MAX else None


def _pid(value: Any) -> int | None:
    pid = _count(value)
    return pid if pid and pid <= MAX_PID else None


def _text(message: Mapping[str, Any]) -> str:
    r"""Return the output as it was before runner cut its newlines off and the terminal made ``\r\n`` of them."""
    stdout = message.get("stdout")
    if not isinstance(stdout, str):
        return ""
    start, end = _count(message.get("start_line")), _count(message.get("end_line"))
    inside = stdout.count("\n")
    # Of events that cannot be counted, the line is taken to be whole.
    missing = end - start - inside if start is not None and end is not None else bool(stdout)
    # Whoever wrote impossible numbers shall not make us fill the memory.
    return stdout.replace("\r\n", "\n") + "\n" * max(0, min(missing, 1000))


def _time(value: Any) -> str | None:
    """Return a time in UTC; None where there is none, or none that can be."""
    try:
        return in_utc(datetime.datetime.fromisoformat(value)).isoformat(timespec="microseconds")
    except (ValueError, TypeError):
        return None
