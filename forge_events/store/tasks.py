# SPDX-License-Identifier: Apache-2.0
"""The tasks of a job, a row for each: kept up while events are added, so that nobody has to read those."""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from forge_events.events import EventFilter
from forge_events.store import events
from forge_events.store.bulk import rows
from forge_events.store.schema import jobtasks
from forge_events.store.text import short
from forge_events.tasks import JobTask, counted, touched

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.events import EventRow, JobEvent
    from forge_events.store.database import Database

__all__ = ["count", "read"]

_COLUMNS = [jobtasks.c[field.name] for field in dataclasses.fields(JobTask)]
_VALUES = attrgetter(*jobtasks.columns.keys())
_BATCH = 10_000


def count(database: Database, connection: Connection, job_id: int, fresh: Sequence[EventRow]) -> None:
    """Count new events, which the job did not have."""
    new = {event.uuid for event in fresh if event.event == "playbook_on_task_start"}
    wanted = sorted({short(uuid) for uuid in touched(fresh) - new})
    mine = jobtasks.c.job_id == job_id
    known = _read(connection, mine & jobtasks.c.uuid.in_(wanted)) if wanted else []
    changed = counted(known, fresh)
    old = [task.counter for task in changed if task.uuid not in new]
    if old:
        connection.execute(delete(jobtasks).where(mine, jobtasks.c.counter.in_(old)))
    if changed:
        database.add_rows(connection, jobtasks, rows(jobtasks, connection.dialect, map(_VALUES, changed)))


def read(database: Database, job_id: int) -> list[JobTask]:
    """Return all tasks by counter; those of a job that is older than the table are counted now."""
    with database.reading() as connection:
        found = _read(connection, jobtasks.c.job_id == job_id)
    return found or list(_counted_now(database, job_id))


def _counted_now(database: Database, job_id: int) -> Iterator[JobTask]:
    tasks: dict[str, JobTask] = {}
    batch: list[JobEvent] = []
    for event in events.read(database, job_id, EventFilter(), after=0, limit=None):
        batch.append(event)
        if len(batch) == _BATCH:
            tasks |= {task.uuid: task for task in counted(tasks.values(), batch)}
            batch = []
    tasks |= {task.uuid: task for task in counted(tasks.values(), batch)}
    yield from sorted(tasks.values(), key=lambda task: task.counter)


def _read(connection: Connection, where: ColumnElement[bool]) -> list[JobTask]:
    found = connection.execute(select(*_COLUMNS).where(where).order_by(jobtasks.c.counter))
    return [JobTask(**row) for row in found.mappings()]
