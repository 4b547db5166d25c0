# SPDX-License-Identifier: Apache-2.0
"""Take a step of a job's life with all that follows from it, in one transaction."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from forge_events.jobs import JobStatus
from forge_events.store import jobs
from forge_events.store.jobs import Step
from forge_events.store.schema import dependencies, transitions
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from forge_events.jobs import Job
    from forge_events.store.database import Database

__all__ = ["take"]

_BY = "dispatcher"


def take(database: Database, connection: Connection, job: Job, new: JobStatus, step: Step, **values: Any) -> Job:
    """Move a job on; see :func:`forge_events.store.jobs.transition`.

    When a job ends, those that depend on it may run, or are canceled if it was not successful. The steps of a launched
    job are taken on several machines, whose clocks may differ; none is written down as before the one that it follows.
    """
    moved = jobs.transition(connection, job, new, _after_the_last(connection, job, step), **values)
    has_freed = new.is_final and _end(connection, moved, step)
    if moved.is_launched or has_freed:
        database.ring(connection)
    return moved


def _after_the_last(connection: Connection, job: Job, step: Step) -> Step:
    if not job.is_launched:
        return step
    # Locked first: nobody takes another step between this look and ours.
    connection.execute(select(job_table.c.id).where(job_table.c.id == job.id).with_for_update()).all()
    last = connection.scalar(select(func.max(transitions.c.at)).where(transitions.c.job_id == job.id))
    return step if last is None or last <= step.at else step._replace(at=last)


def _end(connection: Connection, ended: Job, step: Step) -> bool:
    """Free the jobs that depend on one that has ended, or cancel them; return whether there are any.

    They are locked by their ids, as whoever adds a job locks those that it depends on: nobody waits in a circle.
    """
    found = _dependents(connection, ended.id)
    if ended.status is JobStatus.SUCCESSFUL:
        less = {job_table.c.blocker_count: job_table.c.blocker_count - 1}
        for job_id in found:
            connection.execute(update(job_table).where(job_table.c.id == job_id).values(less))
    else:
        _cancel_all(connection, [(job_id, ended.id, ended.status) for job_id in found], step)
    return bool(found)


def _dependents(connection: Connection, job_id: int) -> list[int]:
    wanted = select(dependencies.c.job_id).where(dependencies.c.blocker_id == job_id)
    return list(connection.scalars(wanted.order_by(dependencies.c.job_id)))


def _cancel_all(connection: Connection, doomed: list[tuple[int, int, JobStatus]], step: Step) -> None:
    """Cancel jobs, each with its blocker and how that ended, and all that depend on them in turn."""
    while doomed:
        job_id, blocker_id, status = heapq.heappop(doomed)
        if _cancel(connection, job_id, f"job {blocker_id}, which has to be successful before, is {status}", step):
            for dependent in _dependents(connection, job_id):
                heapq.heappush(doomed, (dependent, job_id, JobStatus.CANCELED))


def _cancel(connection: Connection, job_id: int, reason: str, step: Step) -> bool:
    """Cancel a job that depends on one that was not successful; return False if somebody else was quicker."""
    job = jobs.by_id(connection, job_id, is_locked=True)
    if job.status is not JobStatus.PENDING:
        return False
    canceled = _after_the_last(connection, job, Step(step.at, _BY, reason))
    jobs.transition(connection, job, JobStatus.CANCELED, canceled)
    return True
