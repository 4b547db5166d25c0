# SPDX-License-Identifier: Apache-2.0
"""Say in one line how far a running job is: hosts done, current tasks, failures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.durations import lasted
from forge_events.events import RESULTS
from forge_events.rollup import rolls_up
from forge_events.tree import printable

if TYPE_CHECKING:
    import datetime

    from forge_events.events import JobEvent

__all__ = ["Progress"]

_TASKS_SHOWN = 3


class Progress:
    """How far a job is, as its events come in.

    ``failure_count`` counts the results that failed or were unreachable and were neither ignored nor rescued.
    """

    def __init__(self) -> None:
        self.play = ""
        self.failure_count = 0
        self._begun: dict[str, set[str]] = {}
        self._done: dict[str, set[str]] = {}
        self._names: dict[str, str] = {}

    def see(self, event: JobEvent) -> None:
        """Take the next event."""
        if event.event == "playbook_on_play_start":
            self.play = event.play
            self._begun, self._done, self._names = {}, {}, {}
        elif event.event == "playbook_on_task_start":
            self._names[event.uuid] = str(event.event_data.get("name") or event.event_data.get("task_action") or "")
        elif event.parent_uuid is not None and event.host_name:
            self._see_host(event, event.parent_uuid)

    def current(self) -> list[tuple[str, int, int]]:
        """Return each task that hosts are at: its name, how many hosts have done it, how many have begun it."""
        return [
            (self._names.get(task, ""), len(self._done.get(task, ())), len(hosts))
            for task, hosts in self._begun.items()
            if hosts - self._done.get(task, set())
        ]

    def line(self, elapsed: datetime.timedelta) -> str:
        """Return the line that tells how far the job is."""
        tasks = [f"{printable(name) or 'a task'} {done}/{begun} hosts" for name, done, begun in self.current()]
        more = [f"{len(tasks) - _TASKS_SHOWN} more tasks"] if len(tasks) > _TASKS_SHOWN else []
        failures = f"{self.failure_count} failure{'' if self.failure_count == 1 else 's'}"
        parts = [
            f"running {lasted(int(elapsed.total_seconds()), decimals=0)}",
            *([f"play {printable(self.play)}"] if self.play else []),
        ]
        return " · ".join([*parts, *tasks[:_TASKS_SHOWN], *more, failures])

    def _see_host(self, event: JobEvent, task: str) -> None:
        if event.event == "runner_on_start":
            self._begun.setdefault(task, set()).add(event.host_name)
            # A handler that runs again, or a task that is tried again in the debugger, is under way once more.
            self._done.get(task, set()).discard(event.host_name)
        elif event.event in RESULTS:
            self._done.setdefault(task, set()).add(event.host_name)
            self.failure_count += rolls_up(event.event, event.event_data)
