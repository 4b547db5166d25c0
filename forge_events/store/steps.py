# SPDX-License-Identifier: Apache-2.0
"""Take a step of a job's life with all that follows from it, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from forge_events.errors import StaleTransition
from forge_events.jobs import JobStatus
from forge_events.store import jobs
from forge_events.store.jobs import Step
from forge_events.store.schema import dependencies
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from forge_events.jobs import Job
    from forge_events.store.database import Database

__all__ = ["take"]

_BY = "dispatcher"


def take(database: Database, connection: Connection, job: Job, new: JobStatus, step: Step, **values: Any) -> Job:
    """Move a job on; see :func:`forge_events.store.jobs.transition`.

    When a launched job ends, those that depend on it may run, or are canceled if it was not successful.
    """
    moved = jobs.transition(connection, job, new, step, **values)
    if moved.is_launched:
        if new.is_final:
            _end(connection, moved, step)
        database.ring(connection)
    return moved


def _end(connection: Connection, ended: Job, step: Step) -> None:
    over = [ended]
    while over:  # what is canceled may have others that depend on it
        job = over.pop()
        ids = select(dependencies.c.job_id).where(dependencies.c.blocker_id == job.id)
        if job.status is JobStatus.SUCCESSFUL:
            less = {job_table.c.blocker_count: job_table.c.blocker_count - 1}
            connection.execute(update(job_table).where(job_table.c.id.in_(ids)).values(less))
        else:
            over += _cancel(connection, list(connection.scalars(ids.order_by(dependencies.c.job_id))), job, step)


def _cancel(connection: Connection, job_ids: list[int], blocker: Job, step: Step) -> list[Job]:
    """Cancel jobs that depend on one that was not successful; return those that were canceled by it."""
    reason = f"job {blocker.id}, which has to be successful before, is {blocker.status}"
    canceled = []
    for job_id in job_ids:
        job = jobs.by_id(connection, job_id)
        try:
            if job.status is JobStatus.PENDING:
                canceled.append(jobs.transition(connection, job, JobStatus.CANCELED, Step(step.at, _BY, reason)))
        except StaleTransition:
            continue  # somebody else canceled it meanwhile
    return canceled
