# SPDX-License-Identifier: Apache-2.0
"""A job's tasks, each with what came of it on how many hosts: counted as the events come in. Pure.

A page, a tree or a progress line of a job of a million events asks these few rows, and never the events.
"""

from __future__ import annotations

import dataclasses
import datetime  # noqa: TC003 - dataclasses are read by their annotations
from typing import TYPE_CHECKING

from forge_events.events import RESULTS
from forge_events.rollup import late_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from forge_events.events import EventRow, JobEvent

__all__ = ["OUTCOMES", "JobTask", "counted", "outcome_of", "touched"]

OUTCOMES = ("ok", "changed", "skipped", "ignored", "rescued", "failed", "unreachable")
"""What can come of a task on a host; each result counts as one of them."""

_TASK, _START = "playbook_on_task_start", "runner_on_start"


@dataclasses.dataclass
class JobTask:
    """One task of a job, over all its hosts.

    :param counter: that of the event that announced it, as are ``uuid``, ``started`` and ``start_line``.
    :param play_uuid: the uuid of the play's event.
    :param last_counter: that of the last event below it; its own before the first.
    :param end_line: the first line of the output behind all that the task has shown.
    :param ended: when the last event below it was recorded; ``started`` before the first.
    :param duration: seconds that its slowest host took, where that is known.
    :param ok: hosts that it was fine on and unchanged; the other counts are those of the other :data:`OUTCOMES`.
    :param running: the hosts that have begun it and not ended it, in the order in which they began.
    """

    job_id: int
    counter: int
    last_counter: int
    uuid: str
    play_uuid: str
    play: str
    role: str
    name: str
    action: str
    path: str
    is_handler: bool
    start_line: int
    end_line: int
    started: datetime.datetime
    ended: datetime.datetime
    duration: float | None = None
    ok: int = 0
    changed: int = 0
    skipped: int = 0
    ignored: int = 0
    rescued: int = 0
    failed: int = 0
    unreachable: int = 0
    running: list[str] = dataclasses.field(default_factory=list)

    @property
    def host_count(self) -> int:
        """On how many hosts it ran or runs; a handler that ran twice on one counts twice."""
        return len(self.running) + sum(int(getattr(self, outcome)) for outcome in OUTCOMES)

    @property
    def is_failed(self) -> bool:
        """Whether it failed on a host, or did not reach one, and nobody ignored or rescued that."""
        return bool(self.failed or self.unreachable)


def touched(events: Iterable[JobEvent | EventRow]) -> set[str]:
    """Return the uuids of tasks that events may tell something of; most are tasks, if the job is not another's."""
    found = {event.parent_uuid for event in events if event.host_name and event.parent_uuid is not None}
    return found.union(*(late_failures(event.event, event.event_data) for event in events))


def counted(known: Iterable[JobTask], events: Sequence[JobEvent | EventRow]) -> list[JobTask]:
    """Return the tasks that have changed by new events, which come by counter and each once.

    :param known: the tasks of before that the events may tell something of; they are changed in place.
    """
    tasks = {task.uuid: task for task in known}
    changed: dict[str, JobTask] = {}
    for event in events:
        if event.event == _TASK:
            tasks[event.uuid] = changed[event.uuid] = _announced(event)
        elif event.host_name and event.parent_uuid in tasks:
            changed[event.parent_uuid] = task = tasks[event.parent_uuid]
            _count(task, event)
        for uuid in late_failures(event.event, event.event_data):
            if uuid in tasks and not tasks[uuid].failed:
                changed[uuid] = tasks[uuid]
                tasks[uuid].failed = 1
    return list(changed.values())


def outcome_of(event: JobEvent | EventRow) -> str:
    """Return the one of :data:`OUTCOMES` that a final result counts as."""
    data = event.event_data
    if event.event in ("runner_on_failed", "runner_on_unreachable"):
        if data.get("ignore_errors") or data.get("ignore_unreachable"):
            return "ignored"
        if event.event == "runner_on_unreachable":
            return "unreachable"
        return "rescued" if data.get("rescued") else "failed"
    if event.event == "runner_on_skipped":
        return "skipped"
    return "changed" if event.changed else "ok"


def _announced(event: JobEvent | EventRow) -> JobTask:
    data = event.event_data
    return JobTask(
        job_id=event.job_id,
        counter=event.counter,
        last_counter=event.counter,
        uuid=event.uuid,
        play_uuid=event.parent_uuid or "",
        play=event.play,
        role=event.role,
        name=str(data.get("name") or event.task),
        action=str(data.get("task_action") or ""),
        path=str(data.get("task_path") or ""),
        is_handler=data.get("is_conditional") is True,
        start_line=event.start_line,
        end_line=event.end_line,
        started=event.created,
        ended=event.created,
    )


def _count(task: JobTask, event: JobEvent | EventRow) -> None:
    host = event.host_name
    task.ended, task.last_counter = event.created, event.counter
    if event.stdout:
        task.end_line = max(task.end_line, event.end_line)
    if event.event == _START:
        if host not in task.running:
            task.running.append(host)
    elif event.event in RESULTS:
        if host in task.running:
            task.running.remove(host)
        outcome = outcome_of(event)
        setattr(task, outcome, getattr(task, outcome) + 1)
        took = event.event_data.get("duration")
        if isinstance(took, (int, float)) and not isinstance(took, bool):
            task.duration = max(task.duration or 0.0, float(took))
