# SPDX-License-Identifier: Apache-2.0
"""Job events as the store keeps them and the library hands them out."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations of the models
from typing import Any

from pydantic import BaseModel, ConfigDict

from forge_events import hierarchy

__all__ = ["EventFilter", "JobEvent"]


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

    uuid: str
    parent_uuid: str | None = None
    counter: int
    event: str
    event_data: dict[str, Any] = {}
    stdout: str = ""
    start_line: int = 0
    end_line: int = 0
    created: datetime.datetime
    verbosity: int = 0
    pid: int | None = None
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

        :raises pydantic.ValidationError: a field that cannot be missing is, or has a value of another type.
        """
        data = line.get("event_data")
        data = data if isinstance(data, dict) else {}
        event = line.get("event", "")
        derived = {
            "playbook": data.get("playbook") or "",
            "play": data.get("play") or "",
            "task": data.get("task") or "",
            "role": data.get("role") or "",
            "host_name": data.get("host") or "",
            "failed": hierarchy.is_failed(event, data),
            "changed": hierarchy.is_changed(event, data),
        }
        return cls.model_validate({**line, **derived, "job_id": job_id})


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
