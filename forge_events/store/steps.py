# SPDX-License-Identifier: Apache-2.0
"""Take a step of a job's life with all that follows from it, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from forge_events.jobs import JobStatus
from forge_events.store import jobs
from forge_events.store.jobs import COLUMNS, Step
from forge_events.store.outbox import plan
from forge_events.store.schema import dependencies, transitions
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    import datetime

    from sqlalchemy import Connection

    from forge_events.jobs import Job
    from forge_events.store.database import Database

__all__ = ["take"]

_BY = "dispatcher"


def take(database: Database, connection: Connection, job: Job, new: JobStatus, step: Step, **values: Any) -> Job:
    """Move a job on; see :func:`forge_events.store.jobs.transition`.

    When a job ends, those that depend on it may run, or are canceled if it was not successful. Clocks differ and are
    set; no step is written down as before the one that it follows.
    """
    moved = jobs.transition(connection, job, new, _after_the_last(connection, job, step), **values)
    database.tell(connection, job.id, moved.event_count)
    has_freed = new.is_final and _end(connection, moved, step)
    if moved.is_launched or has_freed:
        database.notify(connection)
    return moved


def _after_the_last(connection: Connection, job: Job, step: Step) -> Step:
    # Locked first: nobody takes another step between this look and ours.
    connection.execute(select(job_table.c.id).where(job_table.c.id == job.id).with_for_update()).all()
    last = connection.scalar(select(func.max(transitions.c.at)).where(transitions.c.job_id == job.id))
    return step if last is None or last <= step.at else step._replace(at=last)


def _end(connection: Connection, ended: Job, step: Step) -> bool:
    """Free the jobs that depend on one that has ended, or cancel them; return whether there are any.

    They are locked by their ids, as whoever adds a job locks those that it depends on: nobody waits in a circle.
    """
    wanted = select(dependencies.c.job_id).where(dependencies.c.blocker_id == ended.id)
    found = list(connection.scalars(wanted.order_by(dependencies.c.job_id)))
    if ended.status is JobStatus.SUCCESSFUL:
        less = {job_table.c.blocker_count: job_table.c.blocker_count - 1}
        for job_id in found:
            connection.execute(update(job_table).where(job_table.c.id == job_id).values(less))
    elif found:
        _cancel_behind(connection, ended, step)
    return bool(found)


def _cancel_behind(connection: Connection, ended: Job, step: Step) -> None:
    """Cancel all that depends on a job, in a few statements: a chain may be long, and others wait meanwhile."""
    direct = select(dependencies.c.job_id).where(dependencies.c.blocker_id == ended.id)
    behind = direct.cte("behind", recursive=True)
    behind = behind.union(select(dependencies.c.job_id).where(dependencies.c.blocker_id == behind.c.job_id))
    ids = select(behind.c.job_id)
    pending = select(*COLUMNS).where(job_table.c.id.in_(ids), job_table.c.status == JobStatus.PENDING)
    pending = pending.order_by(job_table.c.id).with_for_update(of=job_table)
    is_over = (dependencies.c.blocker_id == ended.id) | dependencies.c.blocker_id.in_(ids)
    first = select(dependencies.c.job_id, func.min(dependencies.c.blocker_id)).where(is_over)
    last = select(transitions.c.job_id, func.max(transitions.c.at)).where(transitions.c.job_id.in_(ids))
    # Again and again: one may have been launched behind another just before that was locked.
    while doomed := jobs.listed(connection, pending):
        blockers = {row[0]: row[1] for row in connection.execute(first.group_by(dependencies.c.job_id))}
        times = {row[0]: row[1] for row in connection.execute(last.group_by(transitions.c.job_id))}
        reasons = {job.id: _reason(ended, blockers[job.id]) for job in doomed}
        _cancel(connection, doomed, reasons, {job.id: max(step.at, times.get(job.id, step.at)) for job in doomed})


def _reason(ended: Job, blocker_id: int) -> str:
    status = ended.status if blocker_id == ended.id else JobStatus.CANCELED
    return f"job {blocker_id}, which has to be successful before, is {status}"


def _cancel(
    connection: Connection, doomed: list[Job], reasons: dict[int, str], times: dict[int, datetime.datetime]
) -> None:
    """Do to many pending jobs, which are locked, what :func:`forge_events.store.jobs.transition` does to one."""
    facts = [{"job_id": job.id, "at": times[job.id], "reason": reasons[job.id]} for job in doomed]
    values = {
        "status": JobStatus.CANCELED,
        "finished": bindparam("at", type_=job_table.c.finished.type),
        "job_explanation": bindparam("reason", type_=job_table.c.job_explanation.type),
    }
    connection.execute(update(job_table).where(job_table.c.id == bindparam("job_id")).values(values), facts)
    steps = {"old": JobStatus.PENDING, "new": JobStatus.CANCELED, "by": _BY}
    connection.execute(insert(transitions), [fact | steps for fact in facts])
    for job in doomed:
        plan(connection, job, JobStatus.CANCELED, times[job.id])
