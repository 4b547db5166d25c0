# SPDX-License-Identifier: Apache-2.0
"""What every store does, whatever database is behind it.

A verb is one transaction unless it says otherwise. A store may be used by one thread at a time; any number of stores in
any number of processes may work on one database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from forge_events.events import EventFilter, EventRow, HostResult, JobEvent, ResultFilter
    from forge_events.jobs import HostSummary, Job, JobFilter, JobStatus, NewJob, Transition
    from forge_events.queries import Page, Query
    from forge_events.store.accounts import Accounts
    from forge_events.store.engine import JobQueue, Nodes, NotificationBox, Templates, Watcher
    from forge_events.store.feed import StatusChange
    from forge_events.store.lines import Lines
    from forge_events.store.objects import Catalogue
    from forge_events.tasks import JobTask

__all__ = ["Block", "Dropped", "Merged", "Retention", "Share", "Store", "Usage"]


class Dropped(NamedTuple):
    """What retention dropped, or would drop: one job, how many events it had, and how many bytes their sources had."""

    job: Job
    event_count: int
    size: int


class Retention(NamedTuple):
    """Which jobs are to be dropped: ended ones for which all conditions hold.

    :param before: the job ended before this time; a job's age is that of its end.
    :param template: the name that the jobs of a template share.
    :param keep_last: of each template, so many of the jobs for which the conditions hold stay, those that ended last.
    """

    before: datetime.datetime
    template: str | None = None
    status: JobStatus | None = None
    keep_last: int = 0


class Block(NamedTuple):
    """A range of jobs whose events are partitioned together.

    :param is_merged: the events of all are in one table; otherwise each job has a leaf of its own.
    :param first: the smallest job id that belongs to it, whether there is such a job or not; ``last`` is the greatest.
    :param size: bytes on disk, indexes included.
    :param oldest: when its first job was created, None without a job; ``newest`` is when the last one was.
    """

    number: int
    is_merged: bool
    first: int
    last: int
    job_count: int
    active_count: int
    leaf_count: int
    event_count: int
    size: int
    oldest: datetime.datetime | None
    newest: datetime.datetime | None


class Merged(NamedTuple):
    """A block that was merged: its number, its jobs and their events, and how many seconds it took."""

    block: int
    job_count: int
    event_count: int
    seconds: float


class Share(NamedTuple):
    """What a group of jobs takes: a template's, or a month's as ``2026-01`` (UTC) by the jobs' creation.

    :param size: bytes of what the events were read from.
    """

    name: str
    job_count: int
    event_count: int
    size: int


class Usage(NamedTuple):
    """What the store takes and how it grows.

    :param size: bytes of the database; ``data_size`` are those of its tables and their indexes alone, and
        ``source_size`` those of what its events were read from.
    :param free: bytes free on the database's disk, None if that cannot be seen.
    :param daily_source_size: bytes that came in a day, by the jobs created in the last ``days`` days; a younger store
        is measured over its own age, but over a day at the least.
    """

    size: int
    data_size: int
    source_size: int
    free: int | None
    daily_source_size: float
    days: int
    templates: Sequence[Share]
    months: Sequence[Share]
    jobs: Sequence[Share]

    def on_disk(self, source_size: float) -> float:
        """Return about how many bytes the database takes for what was so large when it was read."""
        # What one event takes is not known: on the average of all.
        return source_size * self.data_size / self.source_size if self.source_size else 0.0

    @property
    def growth(self) -> float:
        """How many bytes the database grows by in a day."""
        return self.on_disk(self.daily_source_size)

    @property
    def days_left(self) -> float | None:
        """How many days the free space lasts; None if that cannot be known, or nothing grows."""
        return self.free / self.growth if self.free is not None and self.growth > 0 else None


class Store(Protocol):
    """Jobs, their transitions, their events and their host summaries."""

    def __enter__(self) -> Self:
        """Return the store itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""

    def close(self) -> None:
        """Give back the connection; a second call does nothing."""

    @property
    def queue(self) -> JobQueue:
        """The jobs that are launched, and how work is shared out."""

    @property
    def nodes(self) -> Nodes:
        """The nodes, and the processes that work on them."""

    @property
    def notifications(self) -> NotificationBox:
        """What is to be told of jobs."""

    @property
    def lines(self) -> Lines:
        """The output of jobs by lines, as a page looks at it."""

    @property
    def templates(self) -> Templates:
        """The job templates."""

    @property
    def accounts(self) -> Accounts:
        """The users of the API, with their tokens and sessions."""

    @property
    def catalogue(self) -> Catalogue:
        """The objects that a launch may name."""

    def find(self, model: str, query: Query) -> Page:
        """Return a page of the objects of the API: of a model of :data:`forge_events.store.catalogue.MODELS`."""

    def now(self) -> datetime.datetime:
        """Return what the database's clock shows: the one clock by which nodes and jobs are stamped and compared.

        With PostgreSQL that is the server's; with SQLite, which is for one machine, that machine's.
        """

    def add_job(self, job: NewJob) -> Job:
        """Add a job in status ``new``; a job whose uuid is known is returned as it is.

        What was not known of that one, because it had not run, is taken over.
        """

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

    def position(self, source: str) -> int:
        """Return how far a source has been read, in bytes; 0 for one never seen."""

    def mark(self, source: str) -> int:
        """Return the mark that came with the position of a source; 0 for one never seen."""

    def job(self, reference: str) -> Job:
        """Return the job that an id, a uuid prefix of at least four characters, or ``latest`` names.

        :raises UnknownJob: there is none.
        :raises AmbiguousJob: several jobs begin with the prefix.
        """

    def jobs(self, where: JobFilter | None = None, *, before: int | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first, with an id smaller than ``before``."""

    def transitions(self, job_id: int) -> list[Transition]:
        """Return the steps of a job's life, oldest first."""

    def events(
        self, job_id: int, where: EventFilter, *, after: int = 0, limit: int | None = None
    ) -> Iterator[JobEvent]:
        """Yield the job's events whose counter is greater than ``after``, by counter, without loading them all."""

    def last_events(self, job_id: int, where: EventFilter, *, limit: int = 1) -> list[JobEvent]:
        """Return the events with the greatest counters for which the conditions hold, by counter."""

    def search(
        self, text: str, *, since: datetime.datetime | None = None, before: int | None = None, limit: int = 100
    ) -> Iterator[JobEvent]:
        """Yield events of all jobs whose stdout contains a text, whatever the case: newest job first, by counter.

        :param since: only jobs created at this time or later.
        :param before: only jobs with a smaller id.
        """

    def host_results(
        self, where: ResultFilter, *, before: HostResult | None = None, limit: int = 100
    ) -> list[HostResult]:
        """Return the final results of tasks on hosts, of all jobs, newest first.

        :param before: only results that come after this one in that order.
        """

    def stdout(self, job_id: int, *, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the job's output from line ``start`` up to but not including line ``end``, piece by piece."""

    def host_summaries(self, job_id: int) -> list[HostSummary]:
        """Return the counts of each host by name; after Ansible's own statistics arrived they are those."""

    def watch(self) -> Watcher:
        """Return what is told when a job has new events or another status.

        :raises StoreUnavailable: the database cannot be reached.
        """

    def changes(self, *, after: int, limit: int = 500) -> list[StatusChange]:
        """Return the steps of all jobs with an id greater than ``after``, by id.

        With PostgreSQL a step may appear behind one with a greater id, if it was begun earlier and committed later.
        """

    def newest_change(self) -> int:
        """Return the id of the last step of any job; 0 without one."""

    def tasks(self, job_id: int) -> list[JobTask]:
        """Return the tasks of a job by counter, with what has come of each so far; no event is read for it."""

    def drop_jobs(self, which: Retention, *, is_dry_run: bool = False) -> Iterator[Dropped]:
        """Drop ended jobs with all that belongs to them, oldest first, and yield each when it is gone.

        Some jobs at a time are one transaction, so it can be stopped and run again. A job that has not ended is never
        touched. The space is given back to the file system.

        :raises StoreBusy: others keep locked what is to be dropped; what was yielded is gone.
        """

    def merge(self) -> Iterator[Merged]:
        """Merge the partitions of jobs that have all ended, where the database has such, and yield each block.

        It may be stopped at any time, and be run by several at once.
        """

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of partitions by number; none where the database has no partitions."""

    def has_text_index(self) -> bool:
        """Return whether an index helps to search the text of ended jobs; otherwise all of it is read."""

    def usage(self, now: datetime.datetime, *, days: int = 30, limit: int = 20) -> Usage:
        """Return what the store takes, by job, template and month; the largest jobs and templates first.

        :param days: the time by which the growth is measured.
        :param limit: at most so many jobs and templates.
        """

    def size(self) -> dict[str, Any]:
        """Return facts on the size: ``bytes`` of the database and ``jobs`` and ``events`` in it."""
