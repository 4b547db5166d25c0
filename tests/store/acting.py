# SPDX-License-Identifier: Apache-2.0
"""Somebody who does anything to launched jobs, sensible or not, with a view of them that may be old."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import InvalidLaunch, InvalidTransition, StaleTransition
from forge_events.jobs import FINAL, JobStatus, is_allowed
from tests.store.making import later
from tests.store.queueing import assigned, begun, given_back, held, launched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_events.jobs import Job
    from forge_events.store import Store

VERBS = (
    *("launch", "assign", "assign", "take", "take", "begin", "begin", "hold"),
    *("give_back", "transition", "cancel", "adopt", "explain"),
)
REQUIRED = [JobStatus.NEW, JobStatus.PENDING, JobStatus.WAITING, JobStatus.RUNNING]
NODE = "a"


class Call(NamedTuple):
    """One call.

    :param number: which job.
    :param status: what ``transition`` makes of it.
    :param seconds: the time on the clock of whoever calls.
    :param looks: whether the caller looks first how the job is now.
    """

    verb: str
    number: int
    status: JobStatus
    seconds: float
    looks: bool


class Actor:
    """One process's view."""

    def __init__(self, store: Store, process: int) -> None:
        self.store, self.process = store, process
        self._seen: dict[int, Job] = {}

    def do(self, call: Call, job_ids: Sequence[int]) -> Job | None:
        """Make a call, and return the job that it launched, if it did; what is refused is no fault."""
        at = later(call.seconds)
        with suppress(InvalidLaunch, InvalidTransition, StaleTransition):
            if call.verb == "launch" or not job_ids:
                after = [job_ids[call.number % len(job_ids)]] if job_ids and call.looks else []
                return launched(self.store, at=at, after=after, impact=1)
            self._change(call, self._view(job_ids[call.number % len(job_ids)], is_fresh=call.looks))
        return None

    def _view(self, job_id: int, *, is_fresh: bool) -> Job:
        if is_fresh or job_id not in self._seen:
            self._seen[job_id] = self.store.job(str(job_id))
        return self._seen[job_id]

    def _change(self, call: Call, job: Job) -> None:
        at = later(call.seconds)
        match call.verb:
            case "hold":
                held(self.store, job, "no room", at) if job.status in REQUIRED[1:3] else None
            case "assign":
                assigned(self.store, job, NODE, at)
            case "give_back":
                given_back(self.store, job, at=at)
            case "take":
                self.store.queue.take(NODE, self.process, limit=1)
            case "begin":
                begun(self.store, job, at)
            case "transition":
                self.store.transition(job, call.status, at=at, by="test")
            case "cancel":
                self.store.queue.request_cancel(job, at, "me")
            case "adopt":
                self.store.queue.adopt(job, self.process)
            case "explain":
                self.store.queue.explain(job, "look here")


def check_life(store: Store, job_id: int) -> None:
    """Check that the steps of a launched job are a way through the lifecycle to where it is."""
    steps, job = store.transitions(job_id), store.job(str(job_id))
    statuses = [JobStatus.NEW, *(step.new for step in steps)]
    assert [step.old for step in steps] == statuses[:-1]
    assert statuses[-1] is job.status
    assert all(is_allowed(step.old, step.new, is_launched=True) for step in steps)
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert sum(status in FINAL for status in statuses) == job.status.is_final
    assert statuses.count(JobStatus.RUNNING) <= 1
    if job.status in (JobStatus.RUNNING, JobStatus.SUCCESSFUL, JobStatus.FAILED):
        assert [status for status in REQUIRED if status in statuses] == REQUIRED
    assert (job.started is not None) == (JobStatus.RUNNING in statuses)
