# SPDX-License-Identifier: Apache-2.0
"""The store: each verb is one transaction around statements of its noun's module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select

from forge_events.events import EventRow
from forge_events.jobs import JobFilter, JobStatus
from forge_events.store import (
    events,
    feed,
    jobs,
    output,
    positions,
    results,
    rollup,
    steps,
    summaries,
    tasks,
)
from forge_events.store.jobs import Step
from forge_events.store.parts import Parts
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from forge_events.events import EventFilter, HostResult, JobEvent, ResultFilter
    from forge_events.jobs import HostSummary, Job, NewJob, Transition
    from forge_events.queries import Page, Query
    from forge_events.store.feed import StatusChange
    from forge_events.store.listeners import Listener
    from forge_events.store.records import Block, Dropped, Merged, Retention, Usage
    from forge_events.tasks import JobTask

__all__ = ["Store"]

_LONGEST_SEARCH = 2.0


class Store(Parts):
    """Jobs, their transitions, their events and their host summaries, in a SQL database.

    A verb is one transaction unless it says otherwise. A store is for one thread at a time; any number of stores, in
    any number of threads and processes, may work on one database.
    """

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Give back the connection; a second call does nothing."""
        self._database.close()

    def now(self) -> datetime.datetime:
        """Return what the database's clock shows: the one clock by which nodes and jobs are stamped and compared.

        With PostgreSQL that is the server's; with SQLite, which is for one machine, that machine's.
        """
        with self._database.reading() as connection:
            return connection.execute(select(self._database.clock)).scalar_one()

    def find(self, model: str, query: Query) -> Page:
        """Return a page of the objects of the API: of a model of :data:`forge_events.store.catalogue.MODELS`.

        :raises SearchTooLong: it has a pattern, for which others would have to wait.
        """
        from forge_events.store import filtering

        with self._database.reading() as connection:
            if query.has_pattern:
                self._database.hurry(connection, _LONGEST_SEARCH)
            return filtering.find(connection, model, query)

    def add_job(self, job: NewJob) -> Job:
        """Add a job in status ``new``; a job whose uuid is known is returned as it is.

        What was not known of that one, because it had not run, is taken over.
        """
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
        """Move a job from the status that ``job`` has to ``new``, and write down the step.

        When it returns, the step and all events added before outlive a loss of power: what they were read from may go.
        ``started`` is set on the way into ``running``, ``finished`` and ``elapsed`` on the way into a final status, and
        ``job_explanation`` to the reason where one is given.

        :raises InvalidTransition: the lifecycle has no such step.
        :raises StaleTransition: the job has another status by now; nothing was changed.
        """
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
        """Let a job have ended otherwise, in the place of an end that was presumed when a part of it was all there was.

        It is no step of the lifecycle: the step that ended the job is told anew. For recorded jobs, which nothing waits
        for.

        :raises StaleTransition: the job has another status by now; nothing was changed.
        """
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
        """Add events, roll their failures and changes up, count their hosts, and move the position of their source.

        Everything commits together, and events are unique by (job, counter), so a batch that is delivered again changes
        nothing.

        :param batch: events of this job, parents before their children; at most 10,000; it may
            be empty.
        :param source: what the events were read from, such as one file.
        :param expected: the position that the batch was read from; when the stored one is another, somebody else was
            quicker, nothing is added and False is returned.
        :param position: the position behind the batch.
        :param mark: a number that tells what stands in front of that position, to be found again with :meth:`mark`.
        :raises UnknownJob: the job has been dropped.
        """
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
                results.add(self._database, connection, fresh)
                found = rollup.mark(connection, job.id, fresh)
                summaries.count(self._database, connection, job.id, fresh)
                tasks.count(self._database, connection, job.id, fresh)
                # Of a source that is read again, what is new has its share.
                size = max(0, position - expected) * len(fresh) // len(batch)
                jobs.count(connection, job.id, events=len(fresh), size=size, found=found)
                self._database.tell(connection, job.id, fresh[-1].counter)
            return True

    def position(self, source: str) -> int:
        """Return how far a source has been read, in bytes; 0 for one never seen."""
        with self._database.reading() as connection:
            return positions.read(connection, source)

    def mark(self, source: str) -> int:
        """Return the mark that came with the position of a source; 0 for one never seen."""
        with self._database.reading() as connection:
            return positions.read_mark(connection, source)

    def job(self, reference: str) -> Job:
        """Return the job that an id, a uuid prefix of at least four characters, ``latest`` or ``failed`` names.

        ``failed`` is the latest that failed, or could not be run.

        :raises UnknownJob: there is none.
        :raises AmbiguousJob: several jobs begin with the prefix.
        """
        with self._database.reading() as connection:
            return jobs.find(connection, reference)

    def jobs(self, where: JobFilter | None = None, *, before: int | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first, with an id smaller than ``before``."""
        with self._database.reading() as connection:
            return jobs.listing(connection, where or JobFilter(), before=before, limit=limit)

    def transitions(self, job_id: int) -> list[Transition]:
        """Return the steps of a job's life, oldest first."""
        with self._database.reading() as connection:
            return jobs.steps(connection, job_id)

    def events(
        self, job_id: int, where: EventFilter, *, after: int = 0, limit: int | None = None
    ) -> Iterator[JobEvent]:
        """Yield the job's events whose counter is greater than ``after``, by counter, without loading them all."""
        return events.read(self._database, job_id, where, after=after, limit=limit)

    def last_events(self, job_id: int, where: EventFilter, *, limit: int = 1) -> list[JobEvent]:
        """Return the events with the greatest counters for which the conditions hold, by counter."""
        with self._database.reading() as connection:
            return events.last(connection, job_id, where, limit=limit)

    def search(
        self, text: str, *, since: datetime.datetime | None = None, before: int | None = None, limit: int = 100
    ) -> Iterator[JobEvent]:
        """Yield events of all jobs whose stdout contains a text, whatever the case: newest job first, by counter.

        :param since: only jobs created at this time or later.
        :param before: only jobs with a smaller id.
        """
        from forge_events.store import search

        return search.find(self._database, text, since=since, before=before, limit=limit)

    def host_results(
        self, where: ResultFilter, *, before: HostResult | None = None, limit: int = 100
    ) -> list[HostResult]:
        """Return the final results of tasks on hosts, of all jobs, newest first.

        :param before: only results that come after this one in that order.
        """
        with self._database.reading() as connection:
            return results.read(connection, where, before=before, limit=limit)

    def stdout(self, job_id: int, *, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the job's output from line ``start`` up to but not including line ``end``, piece by piece."""
        return output.read(self._database, job_id, start=start, end=end)

    def host_summaries(self, job_id: int) -> list[HostSummary]:
        """Return the counts of each host by name; after Ansible's own statistics arrived they are those."""
        with self._database.reading() as connection:
            return summaries.read(connection, job_id)

    def watch(self) -> Listener:
        """Return what is told when a job has new events or another status.

        :raises StoreUnavailable: the database cannot be reached.
        """
        return self._database.watch()

    def changes(self, *, after: int, limit: int = 500) -> list[StatusChange]:
        """Return the steps of all jobs with an id greater than ``after``, by id.

        With PostgreSQL a step may appear behind one with a greater id, if it was begun earlier and committed later.
        """
        with self._database.reading() as connection:
            return feed.changes(connection, after=after, limit=limit)

    def newest_change(self) -> int:
        """Return the id of the last step of any job; 0 without one."""
        with self._database.reading() as connection:
            return feed.newest(connection)

    def tasks(self, job_id: int) -> list[JobTask]:
        """Return the tasks of a job by counter, with what has come of each so far; no event is read for it."""
        return tasks.read(self._database, job_id)

    def drop_jobs(self, which: Retention, *, is_dry_run: bool = False) -> Iterator[Dropped]:
        """Drop ended jobs with all that belongs to them, oldest first, and yield each when it is gone.

        Some jobs at a time are one transaction, so it can be stopped and run again. A job that has not ended is never
        touched. The space is given back to the file system.

        :raises StoreBusy: others keep locked what is to be dropped; what was yielded is gone.
        """
        from forge_events.store import retention

        return retention.drop(self._database, which, is_dry_run=is_dry_run)

    def first_ended(self) -> Job | None:
        """Return the first job of all that has ended."""
        with self._database.reading() as connection:
            return jobs.first_ended(connection)

    def drop_job(self, job: Job) -> bool:
        """Drop one job that has ended, with all that belongs to it; return whether it was there."""
        from forge_events.store import retention

        return retention.drop_one(self._database, job)

    def merge(self) -> Iterator[Merged]:
        """Merge the partitions of jobs that have all ended, where the database has such, and yield each block.

        It may be stopped at any time, and be run by several at once.
        """
        return self._database.merge()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of partitions by number; none where the database has no partitions."""
        return self._database.blocks()

    def has_text_index(self) -> bool:
        """Return whether an index helps to search the text of ended jobs; otherwise all of it is read."""
        return self._database.has_text_index()

    def usage(self, now: datetime.datetime, *, days: int = 30, limit: int = 20) -> Usage:
        """Return what the store takes, by job, template and month; the largest jobs and templates first.

        :param days: the time by which the growth is measured.
        :param limit: at most so many jobs and templates.
        """
        from forge_events.store import usage

        return usage.read(self._database, now, days=days, limit=limit)

    def size(self) -> dict[str, Any]:
        """Return facts on the size: ``bytes`` of the database and ``jobs`` and ``events`` in it."""
        counts = select(func.count().label("jobs"), func.coalesce(func.sum(job_table.c.event_count), 0).label("events"))
        with self._database.reading() as connection:
            return {"bytes": self._database.size(connection), **connection.execute(counts).mappings().one()}
