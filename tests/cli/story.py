# SPDX-License-Identifier: Apache-2.0
"""Tell a job's story to a real hierarchy and get the job events that the library would keep of it."""

from __future__ import annotations

import datetime
import os
import platform
import uuid
from typing import TYPE_CHECKING, Any

from forge_events import spool
from forge_events.events import JobEvent
from forge_events.hierarchy import Event, Hierarchy, Play, Task
from forge_events.rollup import RollUp

if TYPE_CHECKING:
    import pathlib

NOON = datetime.datetime(2026, 1, 2, 12, 0, tzinfo=datetime.UTC)


class Story:
    """A job as it is told; ``events`` are what a store hands out, failures and changes rolled up.

    What is told after :meth:`begin_spool` goes to that spool, as a recorder would write it.
    """

    def __init__(self, name: str = "main.yml", started: datetime.datetime = NOON) -> None:
        self.uuid = str(uuid.uuid4())
        self._name, self._started = name, started
        self._lines: list[dict[str, Any]] = []
        self._writer: spool.Writer | None = None
        self._hierarchy = Hierarchy("main.yml")
        self._told: list[JobEvent] = []
        self._line = 0
        self._count = 0
        self._tell(self._hierarchy.start_playbook("main.yml"))

    def begin_spool(self, folder: pathlib.Path, **header: Any) -> pathlib.Path:
        """Write down what has been told so far, and from now on everything that will be."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.uuid}.jsonl"
        self._writer = spool.Writer(str(path))
        about = {"job_uuid": self.uuid, "name": self._name, "command": ["ansible-playbook", "main.yml"]}
        place = {"host": platform.node(), "pid": os.getpid(), "started": self._started.isoformat()}
        self._writer.header({**about, **place, **header})
        for line in self._lines:
            self._writer.event(line)
        return path

    def end_spool(self, rc: int | None = None, after: float = 5.0) -> None:
        """Write that the job has ended, so many seconds after it began."""
        assert self._writer is not None
        finished = (self._started + datetime.timedelta(seconds=after)).isoformat()
        self._writer.eof({"finished": finished, "event_count": len(self._lines)})
        if rc is not None:
            self._writer.exit({"finished": finished, "rc": rc})
        self._writer.close()

    def spool_to(self, folder: pathlib.Path, rc: int | None = None, **header: Any) -> pathlib.Path:
        """Write the whole spool of a job that has ended."""
        path = self.begin_spool(folder, **header)
        self.end_spool(rc)
        return path

    @property
    def events(self) -> list[JobEvent]:
        found = RollUp()
        for event in self._told:
            found.add(event.event, event.uuid, event.parent_uuid, event.event_data)
        return [
            event.model_copy(
                update={
                    "failed": event.failed or event.uuid in found.failed,
                    "changed": event.changed or event.uuid in found.changed,
                }
            )
            for event in self._told
        ]

    def play(self, name: str) -> None:
        self._tell(self._hierarchy.start_play(Play(self._uuid(), name)), f"PLAY [{name}]\n")

    def task(self, name: str, **more: Any) -> Task:
        task = Task(self._uuid(), name, action="debug", **more)
        self._tell(self._hierarchy.start_task(task), f"TASK [{name}]\n")
        return task

    def begin(self, host: str, task: Task) -> None:
        self._tell(self._hierarchy.begin(host, task))

    def report(self, event: str, host: str, task: Task, **data: Any) -> None:
        self._tell(self._hierarchy.report(event, host, task.uuid, task, data), f"{event}: [{host}]\n")

    def results(self, task: Task, **by_host: str) -> None:
        for host in by_host:
            self.begin(host, task)
        for host, result in by_host.items():
            self.report(f"runner_on_{result}", host, task, res={})

    def message(self, kind: str, text: str) -> None:
        self._tell(self._hierarchy.add_to_root(kind), text)

    def of_play(self, event: str, **data: Any) -> None:
        self._tell(self._hierarchy.add_to_play(event, data))

    def stats(self, **counts: dict[str, int]) -> None:
        self._tell(self._hierarchy.add_to_root("playbook_on_stats", counts), "PLAY RECAP\n")

    def _uuid(self) -> str:
        self._count += 1
        return f"ansible-{self._count}"

    def _tell(self, events: list[Event], text: str = "") -> None:
        for event in events:
            start, self._line = self._line, self._line + text.count("\n") + (bool(text) and not text.endswith("\n"))
            line = {
                "event": event.event,
                "uuid": event.uuid,
                "parent_uuid": event.parent_uuid,
                "counter": event.counter,
                "event_data": event.event_data,
                "stdout": text,
                "start_line": start,
                "end_line": self._line,
                "created": self._started.isoformat(),
            }
            self._lines.append(line)
            self._told.append(JobEvent.from_spool(line, 1))
            if self._writer is not None:
                self._writer.event(line)
            text = ""


def example(order: str = "ABC", **about: Any) -> Story:
    """Tell the example of Tower's documentation, with hosts finishing in an order."""
    hosts = [f"host{letter}" for letter in order]
    story = Story(**about)
    story.play("preflight")
    for name in ("check_space_requirements", "check_ram", "check_umask"):
        story.results(story.task(name), **dict.fromkeys(hosts, "ok"))
    story.play("install")
    for name, wanted in (("install_tower", ("hostA", "hostB")), ("install_postgres", ("hostC",))):
        story.results(story.task(name), **{host: "ok" if host in wanted else "skipped" for host in hosts})
    story.stats(ok={"hostA": 4, "hostB": 4, "hostC": 4}, skipped={"hostA": 1, "hostB": 1, "hostC": 1})
    return story


DRAWING = """\
`-- playbook_on_start
    |-- playbook_on_play_start-preflight
    |   |-- playbook_on_task_start-check_space_requirements
    |   |   |-- runner_on_ok_hostA
    |   |   |-- runner_on_ok_hostB
    |   |   `-- runner_on_ok_hostC
    |   |-- playbook_on_task_start-check_ram
    |   |   |-- runner_on_ok_hostA
    |   |   |-- runner_on_ok_hostB
    |   |   `-- runner_on_ok_hostC
    |   `-- playbook_on_task_start-check_umask
    |       |-- runner_on_ok_hostA
    |       |-- runner_on_ok_hostB
    |       `-- runner_on_ok_hostC
    `-- playbook_on_play_start-install
        |-- playbook_on_task_start-install_tower
        |   |-- runner_on_ok_hostA
        |   `-- runner_on_ok_hostB
        `-- playbook_on_task_start-install_postgres
            `-- runner_on_ok_hostC
"""
"""The drawing of the document, line for line."""
