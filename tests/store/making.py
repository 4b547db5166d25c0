# SPDX-License-Identifier: Apache-2.0
"""Make jobs and events, as small as a test wants them."""

from __future__ import annotations

import datetime
import random
import uuid
from typing import TYPE_CHECKING, Any

from forge_events.events import EventFilter, JobEvent
from forge_events.jobs import JobStatus, NewJob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.jobs import Job
    from forge_events.store import Store

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC)
ALL = EventFilter()


def later(seconds: float) -> datetime.datetime:
    return NOW + datetime.timedelta(seconds=seconds)


def noise(length: int) -> str:
    """Return text that can hardly be compressed."""
    return random.Random(length).randbytes(length // 2).hex()  # noqa: S311 - the same at each run


def new_job(job_uuid: str | None = None, **facts: Any) -> NewJob:
    return NewJob(**{"uuid": job_uuid or str(uuid.uuid4()), "name": "site.yml", "created": NOW, **facts})


def make_event(job: Job, counter: int, event: str = "verbose", **fields: Any) -> JobEvent:
    line = {"uuid": f"event-{counter}", "parent_uuid": "event-1" if counter > 1 else None, "created": NOW.isoformat()}
    return JobEvent.from_spool({**line, "counter": counter, "event": event, **fields}, job.id)


class Play:
    """The events of one play, numbered as they are made."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.events: list[JobEvent] = []
        self.root = self.add("playbook_on_start", None)
        self.play = self.add("playbook_on_play_start", self.root)

    def add(self, event: str, parent: JobEvent | None, stdout: str = "", **data: Any) -> JobEvent:
        made = make_event(
            self.job,
            len(self.events) + 1,
            event,
            parent_uuid=parent.uuid if parent else None,
            event_data=data,
            stdout=stdout,
        )
        self.events.append(made)
        return made

    def task(self, name: str) -> JobEvent:
        return self.add("playbook_on_task_start", self.play, task=name)

    def host(self, event: str, task: JobEvent, host: str, **data: Any) -> JobEvent:
        return self.add(event, task, task=task.task, host=host, **data)


def append(store: Store, job: Job, events: Sequence[JobEvent], source: str = "") -> bool:
    """Append events behind what the source has given so far."""
    source = source or job.uuid
    position = store.position(source)
    return store.append(job, events, source=source, expected=position, position=position + max(1, len(events)))


def ended(store: Store, at: datetime.datetime = NOW, status: JobStatus = JobStatus.SUCCESSFUL, **facts: Any) -> Job:
    """Add a job that ended at a time."""
    job = store.add_job(new_job(**facts))
    job = store.transition(job, JobStatus.RUNNING, at=at - datetime.timedelta(seconds=60), by="test")
    return store.transition(job, status, at=at, by="test")


def by_name(store: Store, job: Job) -> dict[str, JobEvent]:
    """Return the events of a job by their uuid."""
    return {event.uuid: event for event in store.events(job.id, ALL)}
