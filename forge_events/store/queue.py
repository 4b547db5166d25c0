# SPDX-License-Identifier: Apache-2.0
"""The jobs that are launched, and how work is shared out among dispatchers."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, insert, select, update

from forge_events.errors import InvalidLaunch, NotLaunched, StaleTransition
from forge_events.jobs import ACTIVE, RECORDED, Job, JobStatus
from forge_events.launches import Launch
from forge_events.store import jobs, nodes, steps
from forge_events.store.choice import Choice
from forge_events.store.expressions import day_of
from forge_events.store.jobs import COLUMNS, Step
from forge_events.store.records import Stored
from forge_events.store.schema import ACTIVE_JOB, PENDING, dependencies
from forge_events.store.schema import jobs as job_table
from forge_events.store.schema import nodes as node_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.jobs import NewJob
    from forge_events.store.database import Database
    from forge_events.store.listeners import Listener

__all__ = ["Queue", "add"]

_ATTEMPTS = 5
_LAUNCHED = job_table.c.launch_type != RECORDED


class Queue:
    """The jobs that are launched, and how work is shared out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, job: NewJob, launch: Launch, *, queue: int, after: Sequence[int], at: datetime.datetime, by: str
    ) -> Job:
        """Add a job that is pending; a job whose uuid is known is returned as it is, unchanged.

        :param queue: 0, or the template of which one job runs at a time.
        :param after: ids of jobs that must be successful before; when one of them is not, this job is canceled.
        :raises UnknownJob: there is no such job. InvalidLaunch: one has ended without success.
        """
        with self._database.writing(is_durable=True) as connection:
            return add(self._database, connection, job, launch, queue=queue, after=after, step=Step(at, by))

    def launch_of(self, job_id: int) -> Launch | None:
        """Return what a job was to run; None for one that was recorded."""
        with self._database.reading() as connection:
            jobs.by_id(connection, job_id)
            found = connection.scalar(select(job_table.c.launch).where(job_table.c.id == job_id))
        return None if found is None else Launch.model_validate(found)

    def has_work(self) -> bool:
        """Return whether there is a job to decide about: a pending one that nothing blocks, or one without a node."""
        pending = select(job_table.c.id).where(PENDING)
        unplaced = select(job_table.c.id).where(ACTIVE_JOB, job_table.c.execution_node.is_(None), _LAUNCHED)
        with self._database.reading() as connection:
            return any(connection.execute(wanted.limit(1)).first() is not None for wanted in (pending, unplaced))

    @contextmanager
    def choosing(self) -> Iterator[Choice]:
        """Give a decision, alone."""
        with self._database.writing() as connection:
            yield Choice(self._database, connection, nodes.read(connection, is_locked=True))

    def take(self, node: str, dispatcher: int, *, limit: int, only: int | None = None) -> list[Job]:
        """Take jobs that wait on a node and that no process has in hand, oldest first: they are this process's now."""
        free = select(job_table.c.id).where(
            ACTIVE_JOB, job_table.c.status == JobStatus.WAITING, job_table.c.execution_node == node
        )
        free = free.where(job_table.c.dispatcher_id.is_(None)).order_by(job_table.c.id).limit(limit)
        if only is not None:
            free = free.where(job_table.c.id == only)
        with self._database.reading() as connection:
            if connection.execute(free).first() is None:
                return []
        with self._database.writing() as connection:
            ids = list(connection.scalars(free.with_for_update(skip_locked=True)))
            connection.execute(update(job_table).where(job_table.c.id.in_(ids)).values(dispatcher_id=dispatcher))
            return [jobs.by_id(connection, job_id) for job_id in ids]

    def begin(self, job: Job, pid: int, started: datetime.datetime, at: datetime.datetime, by: str) -> Job:
        """Make a job that this process has in hand ``running`` with a process of ansible-runner.

        :raises StaleTransition: it is not waiting any more, or was taken from this process.
        """
        self._database.prepare(job.id)
        # Where it runs is a reason for the step, and no explanation of the status.
        values = {"runner_pid": pid, "runner_started": started, "job_explanation": ""}
        is_ours = job_table.c.dispatcher_id.is_not(None) & (job_table.c.dispatcher_id == job.dispatcher_id)
        step = Step(at, by, f"on node {job.execution_node}")
        with self._database.writing(is_durable=True) as connection:
            return steps.take(self._database, connection, job, JobStatus.RUNNING, step, only_if=is_ours, **values)

    def adopt(self, job: Job, dispatcher: int) -> bool:
        """Take a job from the process that has it in hand in ``job``; return False if somebody else was quicker."""
        same = job_table.c.dispatcher_id.is_not_distinct_from(job.dispatcher_id)
        where = (job_table.c.id == job.id) & (job_table.c.status == job.status) & same
        with self._database.writing() as connection:
            return bool(connection.execute(update(job_table).where(where).values(dispatcher_id=dispatcher)).rowcount)

    def in_hand(self, node: str) -> list[Job]:
        """Return the jobs of a node that some process has in hand, by id."""
        return self._active(job_table.c.execution_node == node, job_table.c.dispatcher_id.is_not(None))

    def active(self) -> list[Job]:
        """Return all jobs that are waiting or running and were launched, by id."""
        return self._active(_LAUNCHED)

    def request_cancel(self, job: Job, at: datetime.datetime, by: str) -> Job:
        """Ask to cancel a job: one that no process has in hand is canceled at once, one that has ended stays as it is.

        :raises NotLaunched: it was recorded.
        """
        if not job.is_launched:
            raise NotLaunched(job.id)
        for _ in range(_ATTEMPTS):
            with self._database.writing(is_durable=True) as connection:
                job = jobs.by_id(connection, job.id, is_locked=True)
                if job.status.is_final:
                    return job
                try:
                    return self._cancel(connection, job, at, by)
                except StaleTransition:
                    continue
        return job

    def time_of(self, job: Job, said: datetime.datetime) -> datetime.datetime:
        """Return what the database's clock showed when that of a job's node showed a time; it is never yet to come.

        It is as exact as the last look at both clocks. For a job that was recorded, what its recorder said stands.
        """
        if not job.is_launched:
            return said
        offset = select(node_table.c.clock_offset).where(node_table.c.hostname == job.execution_node)
        with self._database.reading() as connection:
            now = connection.execute(select(self._database.clock)).scalar_one()
            ahead = connection.scalar(offset) or 0.0
        try:
            return min(now, said - datetime.timedelta(seconds=ahead))
        except OverflowError:  # at the end of the calendar
            return now

    def explain(self, job: Job, reason: str) -> None:
        """Write down why a job that has not ended is where it is; nothing happens to one that has."""
        with self._database.writing() as connection:
            _explain(connection, job.id, reason)

    def counts(self) -> dict[str, int]:
        """Return how many launched jobs are pending, waiting and running."""
        count = func.count()
        pending = select(count).where(job_table.c.status == JobStatus.PENDING)
        active = select(job_table.c.status, count.label("number")).where(ACTIVE_JOB, _LAUNCHED)
        with self._database.reading() as connection:
            found = {row.status: row.number for row in connection.execute(active.group_by(job_table.c.status))}
            found[JobStatus.PENDING] = connection.execute(pending).scalar_one()
        return {status: found.get(status, 0) for status in (JobStatus.PENDING, *sorted(ACTIVE, reverse=True))}

    def status_counts(self) -> dict[JobStatus, Stored]:
        """Return how many jobs there are of each status, recorded ones included, and how many events they have."""
        events = func.coalesce(func.sum(job_table.c.event_count), 0)
        wanted = select(job_table.c.status, func.count(), cast(events, BigInteger)).group_by(job_table.c.status)
        with self._database.reading() as connection:
            found = {row[0]: Stored(row[1], row[2]) for row in connection.execute(wanted)}
        return {status: found.get(status, Stored(0, 0)) for status in JobStatus}

    def ends_by_day(self, since: datetime.datetime) -> dict[tuple[str, str], int]:
        """Return how many jobs ended how, by the day in UTC and the status."""
        day = day_of(job_table.c.finished)
        wanted = select(day, job_table.c.status, func.count()).where(job_table.c.finished >= since)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.group_by(day, job_table.c.status))
            return {(row[0], str(row[1])): row[2] for row in rows}

    def oldest_pending(self) -> Job | None:
        """Return the oldest pending job that nothing blocks."""
        wanted = select(*COLUMNS).where(PENDING).order_by(job_table.c.id).limit(1)
        with self._database.reading() as connection:
            return next(iter(jobs.listed(connection, wanted)), None)

    def ahead_of(self, job: Job) -> int:
        """Return how many pending jobs are older than a job that is pending."""
        with self._database.reading() as connection:
            older = select(func.count()).where(PENDING, job_table.c.id < job.id)
            return connection.execute(older).scalar_one()

    def is_alone(self, job_id: int) -> bool:
        """Return whether a job's template allows one job at a time."""
        with self._database.reading() as connection:
            return bool(connection.scalar(select(job_table.c.queue).where(job_table.c.id == job_id)))

    def blockers(self, job_id: int) -> list[Job]:
        """Return the jobs that must be successful before a job, by id."""
        ids = select(dependencies.c.blocker_id).where(dependencies.c.job_id == job_id)
        with self._database.reading() as connection:
            return jobs.listed(connection, select(*COLUMNS).where(job_table.c.id.in_(ids)).order_by(job_table.c.id))

    def listen(self) -> Listener:
        """Return what is notified when there may be something to decide or to do.

        That is when a job was launched, was canceled, has ended or was given to a node, and when a node has changed.

        :raises StoreUnavailable: the database cannot be reached.
        """
        return self._database.listen()

    def _cancel(self, connection: Connection, job: Job, at: datetime.datetime, by: str) -> Job:
        if job.dispatcher_id is None and job.status is not JobStatus.RUNNING:
            return steps.take(self._database, connection, job, JobStatus.CANCELED, Step(at, by, f"canceled by {by}"))
        asked = update(job_table).where(job_table.c.id == job.id, job_table.c.cancel_requested.is_(None))
        connection.execute(asked.values(cancel_requested=at, cancel_by=by))
        self._database.notify(connection)
        return jobs.by_id(connection, job.id)

    def _active(self, *where: ColumnElement[bool]) -> list[Job]:
        wanted = select(*COLUMNS).where(ACTIVE_JOB, *where).order_by(job_table.c.id)
        with self._database.reading() as connection:
            return jobs.listed(connection, wanted)


def add(  # noqa: PLR0913 - the connection, and the facts of a launch
    database: Database,
    connection: Connection,
    job: NewJob,
    launch: Launch,
    *,
    queue: int = 0,
    after: Sequence[int] = (),
    step: Step,
) -> Job:
    """Add a pending job in a transaction; see :meth:`Queue.add`.

    :param step: when that is, and by whom.
    """
    known = jobs.by_uuid(connection, job.uuid)
    if known is not None:
        return known
    blockers = _blockers(connection, sorted(set(after)))
    made = jobs.add(connection, job)
    if made.status is not JobStatus.NEW:
        return made  # another process has launched it meanwhile
    _lay_down(connection, made, launch, queue, blockers)
    return steps.take(database, connection, made, JobStatus.PENDING, step)


def _lay_down(connection: Connection, job: Job, launch: Launch, queue: int, blockers: Sequence[Job]) -> None:
    waits_for = [blocker for blocker in blockers if not blocker.status.is_final]
    values = {
        "launch": launch.model_dump(exclude_defaults=True),
        "queue": queue,
        "wanted_node": launch.node or "",
        "blocker_count": len(waits_for),
    }
    connection.execute(update(job_table).where(job_table.c.id == job.id).values(values))
    if blockers:
        pairs = [{"job_id": job.id, "blocker_id": blocker.id} for blocker in blockers]
        connection.execute(insert(dependencies), pairs)


def _blockers(connection: Connection, job_ids: Sequence[int]) -> list[Job]:
    """Return jobs, locked against ending meanwhile."""
    found = [jobs.by_id(connection, job_id, is_locked=True) for job_id in job_ids]
    for job in found:
        if job.status.is_final and job.status is not JobStatus.SUCCESSFUL:
            raise InvalidLaunch("after", f"job {job.id} is {job.status}")
    return found


def _explain(connection: Connection, job_id: int, reason: str) -> None:
    where = (job_table.c.id == job_id) & job_table.c.finished.is_(None) & (job_table.c.job_explanation != reason)
    connection.execute(update(job_table).where(where).values(job_explanation=reason))
