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

    from forge_events.events import EventFilter, JobEvent
    from forge_events.jobs import HostSummary, Job, JobStatus, NewJob, Transition

__all__ = ["Dropped", "Store"]


class Dropped(NamedTuple):
    """What retention dropped, or would drop: one job, how many events it had, and how many bytes their sources had."""

    job: Job
    event_count: int
    size: int


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

    def add_job(self, job: NewJob) -> Job:
        """Add a job in status ``new``; a job whose uuid is known is returned as it is, unchanged."""

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

    def append(self, job: Job, batch: Sequence[JobEvent], *, source: str, expected: int, position: int) -> bool:
        """Add events, roll their failures and changes up, count their hosts, and move the position of their source.

        Everything commits together, and events are unique by (job, counter), so a batch that is delivered again changes
        nothing.

        :param batch: events of this job, parents before their children; at most 10,000; it may
            be empty.
        :param source: what the events were read from, such as a spool's job uuid.
        :param expected: the position that the batch was read from; when the stored one is another, somebody else was
            quicker, nothing is added and False is returned.
        :param position: the position behind the batch.
        :raises UnknownJob: the job has been dropped.
        """

    def position(self, source: str) -> int:
        """Return how far a source has been read, in bytes; 0 for one never seen."""

    def job(self, reference: str) -> Job:
        """Return the job that an id, a uuid prefix of at least four characters, or ``latest`` names.

        :raises UnknownJob: there is none.
        :raises AmbiguousJob: several jobs begin with the prefix.
        """

    def jobs(self, *, status: JobStatus | None = None, before: int | None = None, limit: int = 50) -> list[Job]:
        """Return jobs, newest first, with an id smaller than ``before``."""

    def transitions(self, job_id: int) -> list[Transition]:
        """Return the steps of a job's life, oldest first."""

    def events(
        self, job_id: int, where: EventFilter, *, after: int = 0, limit: int | None = None
    ) -> Iterator[JobEvent]:
        """Yield the job's events whose counter is greater than ``after``, by counter, without loading them all."""

    def last_event(self, job_id: int, where: EventFilter) -> JobEvent | None:
        """Return the event with the greatest counter for which the conditions hold; None if there is none."""

    def stdout(self, job_id: int, *, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Yield the job's output from line ``start`` up to but not including line ``end``, piece by piece."""

    def host_summaries(self, job_id: int) -> list[HostSummary]:
        """Return the counts of each host by name; after Ansible's own statistics arrived they are those."""

    def drop_jobs(self, *, before: datetime.datetime, is_dry_run: bool = False) -> Iterator[Dropped]:
        """Drop the jobs that ended before a time, oldest first, and yield each when it is gone.

        A job is one transaction, so it can be stopped and run again. A job that has not ended is never touched. The
        space is given back to the file system.
        """

    def size(self) -> dict[str, Any]:
        """Return facts on the size: ``bytes`` of the database and ``jobs`` and ``events`` in it."""
