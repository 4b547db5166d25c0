# SPDX-License-Identifier: Apache-2.0
"""Jobs: their statuses, the one table of transitions between them, and what is known of a job."""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations of the models
import enum

from pydantic import BaseModel, ConfigDict

__all__ = [
    "ACTIVE",
    "FINAL",
    "PRESUMED",
    "RECORDED",
    "TRANSITIONS",
    "HostSummary",
    "Job",
    "JobFilter",
    "JobStatus",
    "NewJob",
    "Transition",
    "is_allowed",
]

RECORDED = "recorded"
"""The launch type of a job that somebody else started, and that was only watched."""


PRESUMED = "receiver (presumed)"
"""By whom a job was ended that nobody had ended, as far as its source goes; whoever has all of it knows better."""


class JobStatus(enum.StrEnum):
    """Where a job is in its life; :data:`TRANSITIONS` says what comes next."""

    NEW = "new"
    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    ERROR = "error"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing moves a job out of this status."""
        return self in FINAL

    @property
    def is_active(self) -> bool:
        """Whether a job in this status takes capacity once it has a node."""
        return self in ACTIVE


FINAL = frozenset({JobStatus.SUCCESSFUL, JobStatus.FAILED, JobStatus.ERROR, JobStatus.CANCELED})
"""The statuses that a job never leaves."""

ACTIVE = frozenset({JobStatus.WAITING, JobStatus.RUNNING})
"""The statuses of a job that a dispatcher has taken on."""

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    # A recorded job is met when it already runs; a launched one goes the long way.
    JobStatus.NEW: frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.ERROR, JobStatus.CANCELED}),
    JobStatus.PENDING: frozenset({JobStatus.WAITING, JobStatus.ERROR, JobStatus.CANCELED}),
    JobStatus.WAITING: frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.ERROR, JobStatus.CANCELED}),
    JobStatus.RUNNING: FINAL,
    **{status: frozenset() for status in FINAL},
}
"""The lifecycle: for each status, the statuses that may follow it."""

_FIRST = {True: JobStatus.PENDING, False: JobStatus.RUNNING}
"""What comes after ``new`` if the job does not end at once: of one that was launched, and of one that was recorded."""


def is_allowed(old: JobStatus, new: JobStatus, *, is_launched: bool | None = None) -> bool:
    """Return whether the lifecycle leads from ``old`` to ``new`` in one step.

    :param is_launched: whether the job was launched, or recorded; None asks whether it may for either.
    """
    if is_launched is not None and old is JobStatus.NEW and new is _FIRST[not is_launched]:
        return False
    return new in TRANSITIONS[old]


class NewJob(BaseModel):
    """What is known of a job when it is first met.

    :param uuid: the job's own uuid, the key of idempotence.
    :param command: the command line as it was given, with censored secrets; empty if unknown.
    :param launch_type: ``recorded`` for what a callback or runner reported by itself; AWX's words for what was
        launched.
    :param host: the machine on which Ansible ran: its controller.
    :param run_by: who ran it: the user who logged in or used sudo, or who launched it.
    :param run_as: the user as whom Ansible worked.
    :param check_mode: it was a dry run as a whole, with ``--check``.
    :param parent_uuid: the job whose playbook started this one, if one did.
    :param job_template_id: the template that the job was launched from, if it was.
    :param impact: how many forks of capacity the job takes on its node.
    """

    model_config = ConfigDict(frozen=True)

    uuid: str
    name: str
    launch_type: str = RECORDED
    command: list[str] = []
    directory: str | None = None
    host: str | None = None
    run_by: str | None = None
    run_as: str | None = None
    check_mode: bool = False
    pid: int | None = None
    ansible_version: str | None = None
    parent_uuid: str | None = None
    job_template_id: int | None = None
    impact: int = 0
    created: datetime.datetime


class Job(NewJob):
    """One launch of Ansible, as the store knows it.

    :param id: small, growing, never reused.
    :param elapsed: seconds from start to end, None until the end.
    :param rc: exit code of the command where somebody saw it, else None.
    :param failed: whether a failure rolled up to the playbook, whatever the status.
    :param event_count: how many events are stored.
    :param execution_node: the node that the job was assigned to.
    :param dispatcher_id: the dispatcher process that has the job in hand.
    :param runner_pid: the job's process on the node, with ``runner_started``, when that process began.
    :param cancel_requested: when somebody asked to cancel the job, and ``cancel_by`` who did.
    :param blocker_count: how many jobs must be successful before this one may run.
    """

    id: int
    status: JobStatus
    started: datetime.datetime | None = None
    finished: datetime.datetime | None = None
    elapsed: float | None = None
    rc: int | None = None
    failed: bool = False
    changed: bool = False
    event_count: int = 0
    job_explanation: str = ""
    execution_node: str | None = None
    dispatcher_id: int | None = None
    runner_pid: int | None = None
    runner_started: datetime.datetime | None = None
    cancel_requested: datetime.datetime | None = None
    cancel_by: str | None = None
    blocker_count: int = 0

    @property
    def is_launched(self) -> bool:
        """Whether the job was launched, rather than recorded while somebody else ran it."""
        return self.launch_type != RECORDED

    @property
    def controller(self) -> str | None:
        """The machine on which Ansible ran, or is going to as soon as that is known."""
        return self.host or self.execution_node


class JobFilter(BaseModel):
    """Which jobs are wanted; conditions that are given must all hold.

    :param user: who ran it or as whom it ran, by the exact name.
    :param controller: the exact name of the machine on which Ansible ran.
    :param is_check: only dry runs, or only real ones.
    :param since: those that were made then or later; ``until``, those before.
    :param name: the exact name.
    :param host: a host that they had a result of.
    :param words: each is somewhere in the name, the id or the command, whatever the case.
    """

    model_config = ConfigDict(frozen=True)

    status: JobStatus | None = None
    user: str | None = None
    controller: str | None = None
    is_check: bool | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    name: str | None = None
    host: str | None = None
    job_template_id: int | None = None
    words: tuple[str, ...] = ()


class Transition(BaseModel):
    """One step of a job's life: when it was taken, by whom and why."""

    model_config = ConfigDict(frozen=True)

    job_id: int
    old: JobStatus
    new: JobStatus
    at: datetime.datetime
    by: str
    reason: str = ""


class HostSummary(BaseModel):
    """How one host fared in a job, with the counts of Ansible's recap (AWX: ``JobHostSummary``)."""

    model_config = ConfigDict(frozen=True)

    host_name: str
    ok: int = 0
    changed: int = 0
    failures: int = 0
    dark: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0
    processed: int = 0

    @property
    def failed(self) -> bool:
        """Whether the host has a failure that was not ignored or rescued, or was unreachable."""
        return bool(self.failures or self.dark)
