# SPDX-License-Identifier: Apache-2.0
"""What the store takes and gives beside jobs and events: plain values, without a database library."""

from __future__ import annotations

import enum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from forge_events.jobs import Job, JobStatus, NewJob
    from forge_events.launches import Launch
    from forge_events.schedules import Outcome

__all__ = [
    "Block",
    "Decided",
    "Dropped",
    "Due",
    "Merged",
    "Notified",
    "PendingQueue",
    "Process",
    "Queued",
    "Retention",
    "Role",
    "Share",
    "Usage",
]


class Dropped(NamedTuple):
    """What retention dropped, or would drop: one job, how many events it had, and how many bytes their sources had."""

    job: Job
    event_count: int
    size: int


class Retention(NamedTuple):
    """Which jobs are to be dropped: ended ones for which all conditions hold.

    :param before: the job ended before this time; a job's age is that of its end.
    :param name: the job's name.
    :param template_id: the job template that it was launched from, whatever that is called by now.
    :param keep_last: so many of the jobs of each template for which the conditions hold stay, those that ended last; of
        jobs without a template those of a name belong together.
    """

    before: datetime.datetime
    name: str | None = None
    template_id: int | None = None
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


class Role(enum.StrEnum):
    """What a process does; one that does several things has signed on for each."""

    DISPATCHER = "dispatcher"
    RECEIVER = "receiver"
    RELAY = "relay"
    WEB = "web"


class Process(NamedTuple):
    """A process that works, a dispatcher unless it says otherwise; it decides, executes, or both.

    :param machine: names the machine that it runs on, with ``pid`` and ``process_started`` the process.
    :param only_job_id: the one job that it is for, if it is.
    :param facts: what others compare theirs with: ``spool_dir``, and the digests ``broker`` and ``secret``.
    """

    id: int
    node: str
    machine: str
    pid: int
    process_started: datetime.datetime
    last_seen: datetime.datetime
    only_job_id: int | None = None
    role: Role = Role.DISPATCHER
    facts: Mapping[str, str] = MappingProxyType({})


class Stored(NamedTuple):
    """How many jobs there are of a status, and how many events these have."""

    jobs: int
    events: int


class PendingQueue(NamedTuple):
    """Pending jobs of which none overtakes another: those for any node or for one, and those of a template's own.

    :param node: the only node that the jobs may run on; empty for any.
    :param queue: 0, or the template of which one job runs at a time.
    :param first: the id of its oldest job.
    """

    node: str
    queue: int
    first: int


class Due(NamedTuple):
    """A notification that is to be sent now; see :class:`forge_events.templates.Notification`.

    :param attempts: how many were made before.
    """

    id: int
    job_id: int
    event: str
    url: str
    message: str | None
    attempts: int


class Notified(NamedTuple):
    """What has become of a notification.

    :param address: without what may be secret.
    :param status: ``pending``, ``sending``, ``sent`` or ``failed``; the last one is never tried again.
    :param error: why the last attempt failed.
    :param due: when it is tried next, if it is ``pending``.
    :param sent: when it was sent, if it was.
    """

    job_id: int
    event: str
    address: str
    status: str
    attempts: int
    error: str
    due: datetime.datetime | None
    sent: datetime.datetime | None


class Queued(NamedTuple):
    """A job to queue.

    :param queue: 0, or the template of which one job runs at a time.
    """

    job: NewJob
    launch: Launch
    queue: int = 0


class Decided(NamedTuple):
    """What became of an occurrence of a schedule.

    :param local: what the clock of the zone showed, and the fold.
    :param at: when it was to be, without jitter.
    :param decided: when that was decided.
    """

    local: str
    at: datetime.datetime
    outcome: Outcome
    job_id: int | None
    reason: str
    decided: datetime.datetime
