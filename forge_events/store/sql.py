# SPDX-License-Identifier: Apache-2.0
"""The store of a SQL database: each verb of the contract is one transaction around statements of its noun's module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select

from forge_events.events import EventRow
from forge_events.jobs import JobFilter, JobStatus
from forge_events.store import (
    events,
    feed,
    filtering,
    jobs,
    output,
    positions,
    results,
    retention,
    rollup,
    search,
    steps,
    summaries,
    tasks,
    usage,
)
from forge_events.store.accounts import Accounts
from forge_events.store.jobs import Step
from forge_events.store.lines import Lines
from forge_events.store.nodes import SQLNodes
from forge_events.store.notifications import SQLNotifications
from forge_events.store.objects import Catalogue
from forge_events.store.queue import SQLQueue
from forge_events.store.schema import jobs as job_table
from forge_events.store.templates import SQLTemplates

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from forge_events.events import EventFilter, HostResult, JobEvent, ResultFilter
    from forge_events.jobs import HostSummary, Job, NewJob, Transition
    from forge_events.queries import Page, Query
    from forge_events.store.contract import Block, Dropped, Merged, Retention, Usage
    from forge_events.store.database import Database
    from forge_events.store.engine import Watcher
    from forge_events.store.feed import StatusChange
    from forge_events.tasks import JobTask

__all__ = ["SQLStore"]


class SQLStore:
    """Fulfil :class:`forge_events.store.contract.Store`, which says what each verb means."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._database.close()

    def now(self) -> datetime.datetime:
        """Return what the database's clock shows."""
        with self._database.reading() as connection:
            return connection.execute(select(self._database.clock)).scalar_one()

    @property
    def queue(self) -> SQLQueue:
        """Return the jobs that are launched."""
        return SQLQueue(self._database)

    @property
    def nodes(self) -> SQLNodes:
        """The nodes, and the processes that work on them."""
        return SQLNodes(self._database)

    @property
    def notifications(self) -> SQLNotifications:
        """What is to be told of jobs."""
        return SQLNotifications(self._database)

    @property
    def lines(self) -> Lines:
        """The output of jobs by lines."""
        return Lines(self._database)

    @property
    def templates(self) -> SQLTemplates:
        """The job templates."""
        return SQLTemplates(self._database)

    @property
    def accounts(self) -> Accounts:
        """The users of the API."""
        return Accounts(self._database)

    @property
    def catalogue(self) -> Catalogue:
        """The objects that a launch may name."""
        return Catalogue(self._database)

    def find(self, model: str, query: Query) -> Page:
        """Return a page of objects of the API."""
        with self._database.reading() as connection:
            return filtering.find(connection, model, query)

    def add_job(self, job: NewJob) -> Job:
        """Add a job, or return the one that has its uuid."""
        with self._database.reading() as connection:
            known = jobs.by_uuid(connection, job.uuid)
        # The common case, which need not wait for other writers.
        if known is not None and not jobs.news_of(known, job):
            return known
        # An id that somebody has seen must not become another job's, not even when the machine loses its power.
        with self._database.writing(is_durable=True) as connection:
            return jobs.add(connection, job)

    def transition(
        self,
        job: Job,
        new: JobStatus,
        *,
        at: datetime.datetime,
        by: str,
        reason: str = "",
        rc: int | None = None,
    ) -> Job:
        """Move a job on."""
        if new is JobStatus.RUNNING:
            self._database.prepare(job.id)
        # Who sees a job end may throw away what it was read from.
        with self._database.writing(is_durable=True) as connection:
            return steps.take(self._database, connection, job, new, Step(at, by, reason, rc))

    def correct(
        self,
        job: Job,
        new: JobStatus,
        *,
        at: datetime.datetime,
        by: str,
        reason: str = "",
        rc: int | None = None,
    ) -> Job:
        """Let a recorded job have ended otherwise."""
        with self._database.writing(is_durable=True) as connection:
            return jobs.correct(connection, job, new, Step(at, by, reason, rc))

    def append(
        self,
        job: Job,
        batch: Sequence[JobEvent | EventRow],
        *,
        source: str,
        expected: int,
        position: int,
        mark: int = 0,
    ) -> bool:
        """Add events with all that follows from them, and move the position of their source."""
        self._database.prepare(job.id)
        with self._database.writing() as connection:
            # Locked, because what follows from events adds to what is known of the job.
            jobs.by_id(connection, job.id, is_locked=True)
            if not positions.move(connection, job.id, source, expected=expected, position=position, mark=mark):
                return False
            rows = [event if isinstance(event, EventRow) else EventRow.of_event(event) for event in batch]
            for row in rows:
                row.job_id = job.id
            fresh = events.unknown(connection, job.id, rows)
            if fresh:
                events.add(self._database, connection, job.id, fresh)
                results.add(self._database, connection, job.id, fresh)
                found = rollup.mark(connection, job.id, fresh)
                summaries.count(self._database, connection, job.id, fresh)
                tasks.count(self._database, connection, job.id, fresh)
                # Of a source that is read again, what is new has its share.
                size = max(0, position - expected) * len(fresh) // len(batch)
                jobs.count(connection, job.id, events=len(fresh), size=size, found=found)
                self._database.tell(connection, job.id, fresh[-1].counter)
            return True

    def position(self, source: str) -> int:
        """Return how far a source has been read."""
        with self._database.reading() as connection:
            return positions.read(connection, source)

    def mark(self, source: str) -> int:
        """Return the mark of a source's position."""
        with self._database.reading() as connection:
            return positions.read_mark(connection, source)

    def job(self, reference: str) -> Job:
        """Return the job that a reference names."""
        with self._database.reading() as connection:
            return jobs.find(connection, reference)

    def jobs(self, where: JobFilter | None = None, *, before: int | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first."""
        with self._database.reading() as connection:
            return jobs.listing(connection, where or JobFilter(), before=before, limit=limit)

    def transitions(self, job_id: int) -> list[Transition]:
        """Return the steps of a job's life."""
        with self._database.reading() as connection:
            return jobs.steps(connection, job_id)

    def events(
        self, job_id: int, where: EventFilter, *, after: int = 0, limit: int | None = None
    ) -> Iterator[JobEvent]:
        """Yield the events of a job."""
        return events.read(self._database, job_id, where, after=after, limit=limit)

    def last_events(self, job_id: int, where: EventFilter, *, limit: int = 1) -> list[JobEvent]:
        """Return the last events of a job."""
        with self._database.reading() as connection:
            return events.last(connection, job_id, where, limit=limit)

    def search(
        self, text: str, *, since: datetime.datetime | None = None, before: int | None = None, limit: int = 100
    ) -> Iterator[JobEvent]:
        """Yield the events of all jobs that show a text."""
        return search.find(self._database, text, since=since, before=before, limit=limit)

    def host_results(
        self, where: ResultFilter, *, before: HostResult | None = None, limit: int = 100
    ) -> list[HostResult]:
        """Return the results of hosts in all jobs."""
        with self._database.reading() as connection:
            return results.read(connection, where, before=before, limit=limit)

    def stdout(self, job_id: int, *, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the output of a job."""
        return output.read(self._database, job_id, start=start, end=end)

    def host_summaries(self, job_id: int) -> list[HostSummary]:
        """Return the counts of each host."""
        with self._database.reading() as connection:
            return summaries.read(connection, job_id)

    def watch(self) -> Watcher:
        """Return what is told of news of jobs."""
        return self._database.watch()

    def changes(self, *, after: int, limit: int = 500) -> list[StatusChange]:
        """Return the steps of all jobs."""
        with self._database.reading() as connection:
            return feed.changes(connection, after=after, limit=limit)

    def newest_change(self) -> int:
        """Return the id of the last step."""
        with self._database.reading() as connection:
            return feed.newest(connection)

    def tasks(self, job_id: int) -> list[JobTask]:
        """Return the tasks of a job."""
        return tasks.read(self._database, job_id)

    def drop_jobs(self, which: Retention, *, is_dry_run: bool = False) -> Iterator[Dropped]:
        """Drop ended jobs."""
        return retention.drop(self._database, which, is_dry_run=is_dry_run)

    def merge(self) -> Iterator[Merged]:
        """Merge the partitions of jobs that have ended."""
        return self._database.merge()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of partitions."""
        return self._database.blocks()

    def has_text_index(self) -> bool:
        """Return whether an index helps to search text."""
        return self._database.has_text_index()

    def usage(self, now: datetime.datetime, *, days: int = 30, limit: int = 20) -> Usage:
        """Return what the store takes."""
        return usage.read(self._database, now, days=days, limit=limit)

    def size(self) -> dict[str, Any]:
        """Return facts on the size."""
        counts = select(func.count().label("jobs"), func.coalesce(func.sum(job_table.c.event_count), 0).label("events"))
        with self._database.reading() as connection:
            return {"bytes": self._database.size(connection), **connection.execute(counts).mappings().one()}
