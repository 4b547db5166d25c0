# SPDX-License-Identifier: Apache-2.0
"""Run the jobs of one node, each through the same steps, and adopt what a process left behind that was killed.

A job's process is one of its own that needs nobody. So whoever executes may be killed and started again,
and takes on the jobs that run meanwhile where they are.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from forge_events import spool
from forge_events.dispatcher import finishing, processes, starting
from forge_events.dispatcher.execution import CouldNotRun, Execution, Outcome
from forge_events.dispatcher.running import receive_running
from forge_events.errors import StaleTransition, UnknownJob
from forge_events.jobs import JobStatus
from forge_events.launches import Launch

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection
    from concurrent.futures import Future

    import psutil

    from forge_events.dispatcher.plan import Place
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["Executed", "Executor"]

_LOG = logging.getLogger(__name__)
_MOST = 10
"""How many jobs are started in one go: others are waited for meanwhile."""


class Executed(NamedTuple):
    """What one look at the jobs of a node did."""

    started: list[Job]
    adopted: list[Job]
    ended: list[Job]


class Executor:
    """Run what a node is given.

    :param only_job_id: run one job alone.
    """

    def __init__(self, store: Store, place: Place, *, only_job_id: int | None = None) -> None:
        self._store, self._place, self._only = store, place, only_job_id
        self._executions: dict[int, Execution] = {}
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="ending")

    def use(self, store: Store, place: Place) -> None:
        """Go on with another store for the same database, opened again after an outage.

        :param place: may have another ``dispatcher_id``: this process was taken for gone. What nobody else has adopted
            meanwhile stays in its hands.
        """
        self._store, self._place = store, place
        for execution in self._executions.values():
            job = execution.job
            if job.dispatcher_id != place.dispatcher_id and store.queue.adopt(job, place.dispatcher_id):
                execution.job = job.model_copy(update={"dispatcher_id": place.dispatcher_id})

    @property
    def is_busy(self) -> bool:
        """Whether there are jobs in hand."""
        return bool(self._executions)

    def close(self) -> None:
        """Let go of everything; the jobs go on."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def run_once(self, now: datetime.datetime) -> Executed:
        """Start what waits for this node, and take every job in hand a step on.

        :raises StoreUnavailable: the database cannot be used; the jobs go on, and what was found out is not forgotten.
        """
        executed = Executed([], [], [])
        for job in self._store.queue.take(self._place.node, self._place.dispatcher_id, limit=_MOST, only=self._only):
            self._start(job, now, executed)
        if self._executions:
            self._go_on(now, executed)
        if not self._place.has_receiver:
            receive_running([one for one in self._executions.values() if one.is_running], self._store)
        return executed

    def adopt(self, alive: Collection[int]) -> list[Job]:
        """Take on the jobs of this node that no living process has in hand.

        :param alive: the ids of the processes that work on this node.
        """
        adopted = []
        # One of its own that it does not know was taken just as the database went away.
        living = set(alive) - {self._place.dispatcher_id}
        for job in self._store.queue.in_hand(self._place.node):
            is_orphan = job.dispatcher_id not in living and job.id not in self._executions
            is_wanted = self._only in (None, job.id)
            if is_orphan and is_wanted and self._store.queue.adopt(job, self._place.dispatcher_id):
                taken = job.model_copy(update={"dispatcher_id": self._place.dispatcher_id})
                self._executions[job.id] = self._adopted(taken)
                adopted.append(taken)
        return adopted

    def _execution(self, job: Job) -> Execution:
        launch = self._store.queue.launch_of(job.id)
        path = self._place.spool_dir / f"{job.uuid}{spool.SUFFIX}"
        return Execution(job, launch or Launch(playbook="none"), path)

    def _adopted(self, job: Job) -> Execution:
        execution = self._execution(job)
        if job.runner_pid is not None and job.runner_started is not None:
            execution.runner = processes.Known(job.runner_pid, job.runner_started.timestamp())
            execution.folder = self._place.folder(job.uuid, job.runner_pid)
        return execution

    def _start(self, job: Job, now: datetime.datetime, executed: Executed) -> None:
        execution = self._executions[job.id] = self._execution(job)
        self._begin(execution, now)
        if execution.runner is not None and execution.outcome is None:
            executed.started.append(execution.job)

    def _begin(self, execution: Execution, now: datetime.datetime) -> None:
        try:
            starting.start(execution, self._store, self._place, now)
        except CouldNotRun as error:
            finishing.say_not_run(execution, str(error))
        except (StaleTransition, UnknownJob):
            execution.outcome = Outcome.TAKEN_AWAY

    def _go_on(self, now: datetime.datetime, executed: Executed) -> None:
        held = {job.id: job for job in self._store.queue.in_hand(self._place.node)}
        for job_id, execution in list(self._executions.items()):
            job = held.get(job_id)
            if job is not None and job.dispatcher_id == self._place.dispatcher_id:
                execution.job = job
                self._step(execution, now)
            elif execution.outcome is None:
                self._lose(execution)
            if self._is_done(execution, now):
                del self._executions[job_id]
                last = self._last(execution)
                if last.status.is_final:  # otherwise it is in somebody else's hands
                    finishing.clean(execution)
                    executed.ended.append(last)

    def _step(self, execution: Execution, now: datetime.datetime) -> None:
        """Look how a job is that this process has in hand."""
        if execution.outcome is not None:
            return
        job = execution.job
        if job.status is JobStatus.WAITING:
            self._wait_or_begin(execution, now)
        elif execution.child is not None and not execution.is_let_go:
            starting.let_go(execution)  # that it is running came through, though the answer did not
        elif not self._is_running(execution):
            self._note_end(execution)
        elif job.cancel_requested is not None:
            self._stop(execution, JobStatus.CANCELED, f"canceled by {job.cancel_by}")
        elif _is_late(execution, now):
            reason = f"the job took longer than its {execution.launch.timeout:g} s and was stopped"
            self._stop(execution, JobStatus.FAILED, reason)

    def _wait_or_begin(self, execution: Execution, now: datetime.datetime) -> None:
        """Begin a job that has not begun, since it was adopted or the database was away, unless it was canceled."""
        if execution.job.cancel_requested is not None:
            starting.withdraw(execution)
            execution.outcome = Outcome.STOPPED
            execution.say(JobStatus.CANCELED, f"canceled by {execution.job.cancel_by}")
        else:
            self._begin(execution, now)

    def _is_running(self, execution: Execution) -> bool:
        if execution.child is not None:
            return execution.child.poll() is None
        return execution.runner is not None and processes.is_alive(execution.runner, uuid=execution.job.uuid)

    def _note_end(self, execution: Execution) -> None:
        """Note how the job's process ended: with a word in the spool or in the folder, or with none."""
        if finishing.has_said(execution):
            execution.outcome = Outcome.TOLD
        else:
            finishing.say_killed(execution)
            self._end_processes(execution)

    def _stop(self, execution: Execution, status: JobStatus, reason: str) -> None:
        finishing.order_stop(execution, status, reason)
        self._end_processes(execution)

    def _lose(self, execution: Execution) -> None:
        """Note that the job has ended, or was taken on, without this process; what has ended must not run on."""
        execution.outcome = Outcome.TAKEN_AWAY
        if execution.child is not None and not execution.is_let_go:
            starting.withdraw(execution)
        execution.job = self._last(execution)
        if execution.job.status.is_final and self._is_running(execution):
            self._end_processes(execution)

    def _end_processes(self, execution: Execution) -> None:
        # In a thread: it may take seconds, and other jobs and the node's heartbeat cannot wait.
        execution.ending = self._threads.submit(finishing.end_processes, execution, self._place)

    def _is_done(self, execution: Execution, now: datetime.datetime) -> bool:
        if execution.outcome is None or (execution.ending is not None and not execution.ending.done()):
            return False
        if execution.child is not None:
            execution.child.poll()  # a zombie otherwise
        if execution.outcome is Outcome.TAKEN_AWAY:
            return True
        if execution.ending is not None:
            execution.survivors = _survivors(execution.ending)
        finishing.state(execution)
        return finishing.collect(execution, self._store, now)

    def _last(self, execution: Execution) -> Job:
        with suppress(UnknownJob):
            return self._store.job(str(execution.job.id))
        return execution.job


def _survivors(ending: Future[list[psutil.Process]]) -> list[psutil.Process]:
    if ending.exception() is not None:
        _LOG.error("processes could not be ended", exc_info=ending.exception())
        return []
    return ending.result()


def _is_late(execution: Execution, now: datetime.datetime) -> bool:
    limit = execution.launch.timeout
    return limit is not None and execution.age(now) > limit
