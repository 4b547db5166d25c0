# SPDX-License-Identifier: Apache-2.0
"""One decision of a dispatcher: what it looks at and what it changes, in one transaction, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text, update

from forge_events.errors import StaleTransition
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.store import jobs, steps
from forge_events.store.jobs import COLUMNS, Step
from forge_events.store.records import PendingQueue
from forge_events.store.schema import ACTIVE_ALONE, ACTIVE_JOB, PENDING
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from forge_events.jobs import Job
    from forge_events.nodes import Node
    from forge_events.store.database import Database

__all__ = ["Choice"]

# Steps from queue to queue along the index; reading all pending jobs to know them would take the longer the more
# there are. Two statements, since SQLite compares a pair of columns by the first one alone.
_FIRST = """
    SELECT wanted_node, queue, id FROM main_job {hint} WHERE {pending} AND {which}
    ORDER BY wanted_node, queue, id LIMIT 1
"""
_FURTHER = ("wanted_node = :node AND queue > :queue", "wanted_node > :node")
_BEHIND = "wanted_node = :node AND queue = :queue AND id > :first"
_BUSY = "SELECT queue FROM main_job WHERE {active}"


class Choice:
    """One decision: whoever decides is alone, and everything is committed at its end."""

    def __init__(self, database: Database, connection: Connection, found: Sequence[Node]) -> None:
        self._database, self._connection, self._nodes = database, connection, found

    def nodes(self) -> list[Node]:
        """Return all nodes by name, with what their jobs consume."""
        return list(self._nodes)

    def unplaced(self) -> list[Job]:
        """Return the jobs that are waiting without a node, oldest first; nobody else changes them meanwhile."""
        where = (ACTIVE_JOB, job_table.c.status == JobStatus.WAITING, job_table.c.execution_node.is_(None))
        wanted = select(*COLUMNS).where(*where).order_by(job_table.c.id)
        # Locked, so that nobody cancels one of them before the decision about it is written down.
        return jobs.listed(self._connection, wanted.with_for_update(skip_locked=True))

    def queues(self) -> list[PendingQueue]:
        """Return the queues in which pending jobs stand that nothing blocks, by their first jobs' ids.

        Where a template allows one job at a time, it has one queue, that of its oldest job; none while one is active.
        """
        busy = set(self._connection.scalars(text(_BUSY.format(active=ACTIVE_ALONE))))
        found: list[PendingQueue] = []
        step = PendingQueue("", -1, 0)
        while (further := self._further(step)) is not None:
            step = further
            if step.queue not in busy:
                found.append(step)
        return _one_of_each(sorted(found, key=lambda queue: queue.first))

    def pending(self, queue: PendingQueue) -> Job | None:
        """Return the first job of a queue; None where somebody else has it just now."""
        wanted = select(*COLUMNS).where(job_table.c.id == queue.first, PENDING).with_for_update(skip_locked=True)
        return next(iter(jobs.listed(self._connection, wanted)), None)

    def behind(self, queue: PendingQueue) -> PendingQueue | None:
        """Return a queue without its first job; None if no other is in it, or only one of them may run at a time."""
        if queue.queue:
            return None
        return self._first(_BEHIND, queue)

    def only(self, job_id: int) -> PendingQueue | None:
        """Return a queue that holds one job alone; None if the job is not pending or something blocks it."""
        columns = (job_table.c.wanted_node, job_table.c.queue, job_table.c.id)
        row = self._connection.execute(select(*columns).where(job_table.c.id == job_id, PENDING)).first()
        busy = set(self._connection.scalars(text(_BUSY.format(active=ACTIVE_ALONE))))
        return None if row is None or row.queue in busy else PendingQueue(*row)

    def launch_of(self, job: Job) -> Launch:
        """Return what a job is to run."""
        found = self._connection.execute(select(job_table.c.launch).where(job_table.c.id == job.id)).scalar_one()
        return Launch.model_validate(found)

    def assign(self, job: Job, node: str, at: datetime.datetime, by: str, reason: str) -> Job:
        """Give a job a node: a pending one becomes waiting."""
        if job.status is JobStatus.PENDING:
            return self._step(job, JobStatus.WAITING, Step(at, by, reason), execution_node=node)
        where = (job_table.c.id == job.id, job_table.c.status == JobStatus.WAITING)
        values = {"execution_node": node, "job_explanation": reason}
        if not self._connection.execute(update(job_table).where(*where).values(values)).rowcount:
            raise StaleTransition(job.id, job.status, jobs.by_id(self._connection, job.id).status)
        self._database.notify(self._connection)
        return jobs.by_id(self._connection, job.id)

    def hold(self, job: Job, at: datetime.datetime, by: str, reason: str) -> Job:
        """Take a pending job on without a node; for one that is waiting, only write down why."""
        if job.status is JobStatus.PENDING:
            return self._step(job, JobStatus.WAITING, Step(at, by, reason))
        if job.job_explanation != reason:
            where = (job_table.c.id == job.id, job_table.c.status == JobStatus.WAITING)
            self._connection.execute(update(job_table).where(*where).values(job_explanation=reason))
        return job.model_copy(update={"job_explanation": reason})

    def give_back(self, job: Job, at: datetime.datetime, by: str, reason: str) -> Job:
        """Make a waiting job pending again, without node and dispatcher; one that is to be canceled is canceled.

        :raises StaleTransition: it is not waiting any more, or another process has taken it.
        """
        found = jobs.by_id(self._connection, job.id, is_locked=True)
        if (found.status, found.dispatcher_id) != (job.status, job.dispatcher_id):
            raise StaleTransition(job.id, job.status, found.status)
        if found.cancel_requested is not None:
            return self._step(found, JobStatus.CANCELED, Step(at, by, f"canceled by {found.cancel_by}"))
        return self._step(found, JobStatus.PENDING, Step(at, by, reason), execution_node=None, dispatcher_id=None)

    def _further(self, queue: PendingQueue) -> PendingQueue | None:
        """Return the queue behind another one, as the index has them."""
        return next((found for which in _FURTHER if (found := self._first(which, queue)) is not None), None)

    def _first(self, which: str, queue: PendingQueue) -> PendingQueue | None:
        """Return the first pending job that a condition finds, as its queue."""
        hint = self._database.index_hint("main_job_pending")
        statement = text(_FIRST.format(hint=hint, pending=PENDING, which=which))
        values = {name: value for name, value in queue._asdict().items() if f":{name}" in which}
        row = self._connection.execute(statement, values).first()
        return None if row is None else PendingQueue(*row)

    def _step(self, job: Job, new: JobStatus, step: Step, **values: object) -> Job:
        return steps.take(self._database, self._connection, job, new, step, **values)


def _one_of_each(queues: Sequence[PendingQueue]) -> list[PendingQueue]:
    """Leave out what is behind the first job of a template that allows one at a time, in whatever queue that is."""
    firsts = {queue.queue: queue for queue in reversed(queues) if queue.queue}
    return [queue for queue in queues if not queue.queue or firsts[queue.queue] is queue]
