# SPDX-License-Identifier: Apache-2.0
"""What a store does for the engine that runs jobs, whatever database is behind it; part of the store's contract.

A verb is one transaction unless it says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from forge_events.jobs import Job, NewJob
    from forge_events.launches import Launch
    from forge_events.nodes import Machine, Node, NodeType
    from forge_events.templates import JobTemplate

__all__ = [
    "Bell",
    "Choice",
    "Dispatcher",
    "Due",
    "JobQueue",
    "Lane",
    "Nodes",
    "NotificationBox",
    "Notified",
    "Templates",
    "Watcher",
]


class Bell(Protocol):
    """Rings when there is something new to decide or to do."""

    def fileno(self) -> int:
        """Return a descriptor that is readable once the bell has rung."""

    def hush(self) -> bool:
        """Return whether it has rung, and forget it.

        :raises StoreUnavailable: it can ring no more.
        """

    def close(self) -> None:
        """Listen no more."""


class Watcher(Protocol):
    """Is told when there is news of a job: events, or another status. It may be lost: whoever watches looks again."""

    def fileno(self) -> int:
        """Return a descriptor that is readable once there is news."""

    def news(self) -> list[tuple[int, int]] | None:
        """Take the news: jobs with their last counters; None where nobody says of which jobs.

        :raises StoreUnavailable: nothing is heard any more.
        """

    def close(self) -> None:
        """Watch no more."""


class Dispatcher(NamedTuple):
    """A process that dispatches, executes, or both.

    :param machine: names the machine that it runs on, with ``pid`` and ``process_started`` the process.
    :param only_job_id: the one job that it is for, if it is.
    """

    id: int
    node: str
    machine: str
    pid: int
    process_started: datetime.datetime
    last_seen: datetime.datetime
    only_job_id: int | None = None


class Lane(NamedTuple):
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


class Templates(Protocol):
    """The job templates."""

    def add(self, template: JobTemplate) -> JobTemplate:
        """Add a template and return it with its id.

        :raises InvalidLaunch: a message for somebody cannot be made. NameTaken: there is one of its name.
        """

    def get(self, name: str) -> JobTemplate:
        """Return the template of a name, or of an id where none has such a name.

        :raises UnknownTemplate: there is none.
        """

    def all(self) -> list[JobTemplate]:
        """Return all templates by name."""

    def replace(self, template: JobTemplate) -> JobTemplate:
        """Store what has become of the template with this id; jobs that were launched before stay as they are.

        :raises InvalidLaunch: as :meth:`add`. UnknownTemplate: there is none. NameTaken: another one has its name.
        """

    def delete(self, name: str) -> None:
        """Delete a template; its jobs stay.

        :raises UnknownTemplate: there is none.
        """


class NotificationBox(Protocol):
    """What is to be told of jobs; it is written down with the step that it tells of, once for each address."""

    def take(self, now: datetime.datetime, *, limit: int = 10) -> list[Due]:
        """Take notifications that are due: nobody else takes them, and one attempt more is counted.

        One whose sender was killed before it said how that went is marked as failed, never sent again.
        """

    def sent(self, due: Due, at: datetime.datetime) -> None:
        """Write down that it was sent."""

    def failed(self, due: Due, error: str, again: datetime.datetime | None) -> None:
        """Write down that it could not be sent, and when to try again, if at all."""

    def find(self, job_id: int | None = None, *, is_failed: bool = False, limit: int | None = None) -> list[Notified]:
        """Return what has become of notifications, those planned last first.

        :param job_id: only those of this job.
        :param is_failed: only those that were given up.
        :param limit: at most so many.
        """


class Nodes(Protocol):
    """The nodes, and the processes that work on them."""

    def register(
        self, hostname: str, at: datetime.datetime, *, node_type: NodeType | None = None, is_new: bool = False
    ) -> Node:
        """Make a node or return the one that is there, with its type changed where one is given.

        :raises NameTaken: ``is_new`` is true and there is one.
        """

    def get(self, hostname: str) -> Node:
        """Return a node.

        :raises UnknownNode: there is none.
        """

    def all(self) -> list[Node]:
        """Return all nodes by name, with what their jobs consume."""

    def change(self, hostname: str, **values: object) -> Node:
        """Change what an owner may say of a node.

        :param values: ``enabled``, ``node_type``, ``capacity_adjustment``, ``absolute_cpu`` or ``absolute_memory``.
        :raises UnknownNode: there is none.
        """

    def delete(self, hostname: str) -> None:
        """Forget a node that has no active job and no process.

        :raises UnknownNode: there is none. NameTaken: it is still at work.
        """

    def sign_on(self, dispatcher: Dispatcher, machine: Machine, version: str, *, lost_after: float) -> Dispatcher:
        """Write down that a process begins to work on a node, and return it with its id; it counts as seen.

        :raises NameTaken: another machine works under the node's name, and was seen within so many seconds.
        """

    def beat(self, dispatcher: Dispatcher, machine: Machine, at: datetime.datetime) -> bool:
        """Write down that a process and its node are there; return False if it was taken for gone meanwhile."""

    def sign_off(self, dispatcher: Dispatcher) -> None:
        """Write down that a process does not work there any more; a second call does nothing."""

    def dispatchers(self, node: str | None = None) -> list[Dispatcher]:
        """Return the processes that work on a node, or on all, by id."""


class Choice(Protocol):
    """One decision: whoever decides is alone, and everything is committed at its end."""

    def nodes(self) -> list[Node]:
        """Return all nodes by name, with what their jobs consume."""

    def unplaced(self) -> list[Job]:
        """Return the jobs that are waiting without a node, oldest first; nobody else changes them meanwhile."""

    def lanes(self) -> list[Lane]:
        """Return the lanes in which pending jobs stand that nothing blocks, by their first jobs' ids.

        Where a template allows one job at a time, it has one lane, that of its oldest job; none while one is active.
        """

    def pending(self, lane: Lane) -> Job | None:
        """Return the first job of a lane; None where somebody else has it just now."""

    def behind(self, lane: Lane) -> Lane | None:
        """Return a lane without its first job; None if no other is in it, or only one of them may run at a time."""

    def only(self, job_id: int) -> Lane | None:
        """Return a lane that holds one job alone; None if the job is not pending or something blocks it."""

    def launch_of(self, job: Job) -> Launch:
        """Return what a job is to run."""

    def assign(self, job: Job, node: str, at: datetime.datetime, by: str, reason: str) -> Job:
        """Give a job a node: a pending one becomes waiting."""

    def hold(self, job: Job, at: datetime.datetime, by: str, reason: str) -> Job:
        """Take a pending job on without a node; for one that is waiting, only write down why."""

    def give_back(self, job: Job, at: datetime.datetime, by: str, reason: str) -> Job:
        """Make a waiting job pending again, without node and dispatcher; one that is to be canceled is canceled.

        :raises StaleTransition: it is not waiting any more, or another process has taken it.
        """


class JobQueue(Protocol):
    """The jobs that are launched, and how work is shared out."""

    def add(
        self, job: NewJob, launch: Launch, *, queue: int, after: Sequence[int], at: datetime.datetime, by: str
    ) -> Job:
        """Add a job that is pending; a job whose uuid is known is returned as it is, unchanged.

        :param queue: 0, or the template of which one job runs at a time.
        :param after: ids of jobs that must be successful before; when one of them is not, this job is canceled.
        :raises UnknownJob: there is no such job. InvalidLaunch: one has ended without success.
        """

    def launch_of(self, job_id: int) -> Launch | None:
        """Return what a job was to run; None for one that was recorded."""

    def has_work(self) -> bool:
        """Return whether there is a job to decide about: a pending one that nothing blocks, or one without a node."""

    def choosing(self) -> AbstractContextManager[Choice]:
        """Give a decision, alone."""

    def take(self, node: str, dispatcher: int, *, limit: int, only: int | None = None) -> list[Job]:
        """Take jobs that wait on a node and that no process has in hand, oldest first: they are this process's now."""

    def begin(self, job: Job, pid: int, started: datetime.datetime, at: datetime.datetime, by: str) -> Job:
        """Make a job that this process has in hand ``running`` with a process of ansible-runner.

        :raises StaleTransition: it is not waiting any more, or was taken from this process.
        """

    def adopt(self, job: Job, dispatcher: int) -> bool:
        """Take a job from the process that has it in hand in ``job``; return False if somebody else was quicker."""

    def in_hand(self, node: str) -> list[Job]:
        """Return the jobs of a node that some process has in hand, by id."""

    def active(self) -> list[Job]:
        """Return all jobs that are waiting or running and were launched, by id."""

    def request_cancel(self, job: Job, at: datetime.datetime, by: str) -> Job:
        """Ask to cancel a job: one that no process has in hand is canceled at once, one that has ended stays as it is.

        :raises NotLaunched: it was recorded.
        """

    def time_of(self, job: Job, said: datetime.datetime) -> datetime.datetime:
        """Return what the database's clock showed when that of a job's node showed a time; it is never yet to come.

        It is as exact as the last look at both clocks. For a job that was recorded, what its recorder said stands.
        """

    def explain(self, job: Job, reason: str) -> None:
        """Write down why a job that has not ended is where it is; nothing happens to one that has."""

    def counts(self) -> dict[str, int]:
        """Return how many launched jobs are pending, waiting and running."""

    def ahead_of(self, job: Job) -> int:
        """Return how many pending jobs are older than a job that is pending."""

    def is_alone(self, job_id: int) -> bool:
        """Return whether a job's template allows one job at a time."""

    def blockers(self, job_id: int) -> list[Job]:
        """Return the jobs that must be successful before a job, by id."""

    def listen(self) -> Bell:
        """Return a bell that rings when there may be something to decide or to do.

        That is when a job was launched, was canceled, has ended or was given to a node, and when a node has changed.

        :raises StoreUnavailable: the database cannot be reached.
        """
