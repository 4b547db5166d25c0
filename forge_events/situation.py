# SPDX-License-Identifier: Apache-2.0
"""Say in plain words where a launched job is, and what to look at if it stays there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.jobs import JobStatus
from forge_events.nodes import is_fresh

if TYPE_CHECKING:
    import datetime

    from forge_events.jobs import Job
    from forge_events.nodes import Node
    from forge_events.store import Store

__all__ = ["is_attended", "situation_of", "unknown_node", "why_nobody_runs"]


def is_attended(store: Store, job: Job, now: datetime.datetime, lost_after: float) -> bool:
    """Return whether a process is there that has a job in hand, or would take it on."""
    if any(
        one.id == job.dispatcher_id and is_fresh(one.last_seen, now, lost_after) for one in store.nodes.dispatchers()
    ):
        return True
    return any(
        node.is_manned and not node.is_lost(now, lost_after) and node.node_type.runs_jobs
        for node in store.nodes.all()
        if job.execution_node in (None, node.hostname)
    )


def why_nobody_runs(store: Store, node: str | None, now: datetime.datetime, lost_after: float) -> str:
    """Return why nobody would run a job that is launched now; empty if somebody would.

    :param node: the only node that it may run on.
    :param lost_after: seconds after which a node that is not seen counts as lost.
    """
    known = store.nodes.all()
    wanted = next((found for found in known if found.hostname == node), None)
    if node is not None and wanted is None:
        return unknown_node(node)
    working = [found for found in known if found.is_manned and not found.is_lost(now, lost_after)]
    if not any(found.node_type.dispatches for found in working):
        return "no dispatcher is running; start one with `forge-events dispatcher`"
    if wanted is not None:
        why = wanted.explanation(now, lost_after)
        return f"the job waits for node {node}: {why}" if why else ""
    return "" if any(found.node_type.runs_jobs for found in working) else "no node that runs jobs has a dispatcher"


def situation_of(store: Store, job: Job, now: datetime.datetime, *, lost_after: float, lease: float) -> str:
    """Return why a job is where it is; empty for one that was recorded and for one whose status says it all.

    :param lost_after: seconds after which a node that is not seen counts as lost.
    :param lease: seconds after which a running job of a lost node ends as error.
    """
    if not job.is_launched or job.status.is_final:
        return job.job_explanation
    wanted = _node_of(store, job)
    if wanted and job.execution_node is None and all(node.hostname != wanted for node in store.nodes.all()):
        return unknown_node(wanted)
    if job.status is JobStatus.PENDING:
        return _pending(store, job, now, lost_after)
    lost = "" if is_attended(store, job, now, lost_after) else _lost(store, job)
    if job.status is JobStatus.RUNNING:
        return _running(job, lost, lease)
    return _waiting(store, job, lost, now, lost_after)


def unknown_node(name: str) -> str:
    """Say what becomes of a job that may run on one node only, which nobody knows."""
    return f"node {name} is not known; the job waits until a dispatcher works there"


def _running(job: Job, lost: str, lease: float) -> str:
    words = f"it runs on node {job.execution_node}, process {job.runner_pid}"
    if job.cancel_requested is not None:
        words += f"; {job.cancel_by} asked to cancel it at {_time(job.cancel_requested)}"
    if lost:
        words += (
            f"; {lost}: one that is started there takes the job on, and without one it ends as error after {lease:g} s"
        )
    return words


def _waiting(store: Store, job: Job, lost: str, now: datetime.datetime, lost_after: float) -> str:
    if job.execution_node is None:
        trouble = _no_dispatcher(store.nodes.all(), now, lost_after)
        return f"there is no free capacity for it: {job.job_explanation}{f'; {trouble}' if trouble else ''}"
    if lost:
        return f"it was given to a node, and {lost}; it becomes pending again when another dispatcher sees that"
    return f"it was given to node {job.execution_node}, which is about to begin: {job.job_explanation}"


def _lost(store: Store, job: Job) -> str:
    seen = [node.last_seen for node in store.nodes.all() if node.hostname == job.execution_node and node.last_seen]
    since = f" since {_time(max(seen))}" if seen else ""
    return f"no dispatcher has been seen on node {job.execution_node}{since}"


def _pending(store: Store, job: Job, now: datetime.datetime, lost_after: float) -> str:
    blockers = [blocker for blocker in store.queue.blockers(job.id) if blocker.status is not JobStatus.SUCCESSFUL]
    if blockers:
        names = ", ".join(f"job {blocker.id} ({blocker.status})" for blocker in blockers)
        return f"it may run when these are successful: {names}"
    trouble = _no_dispatcher(store.nodes.all(), now, lost_after)
    if trouble:
        return trouble
    other = _of_same_template(store, job)
    if other is not None:
        return f"job {other.id} of the same template is {other.status}, and the template allows one at a time"
    older = _waits_before(store, job)
    if older is not None:
        return f"job {older.id} is before it and waits for free capacity: {older.job_explanation}"
    ahead = store.queue.ahead_of(job)
    return (
        f"{ahead} pending job{' is' if ahead == 1 else 's are'} before it"
        if ahead
        else "a dispatcher is about to take it"
    )


def _of_same_template(store: Store, job: Job) -> Job | None:
    """Return the active job that keeps this one waiting because of their template."""
    if job.job_template_id is None or not store.queue.is_alone(job.id):
        return None
    active = (found for found in store.queue.active() if found.job_template_id == job.job_template_id)
    return next(active, None)


def _waits_before(store: Store, job: Job) -> Job | None:
    """Return the oldest job without a node that this one does not overtake."""
    wanted = ("", _node_of(store, job))
    unplaced = (found for found in store.queue.active() if found.execution_node is None and found.id < job.id)
    return next((older for older in unplaced if _node_of(store, older) in wanted), None)


def _node_of(store: Store, job: Job) -> str:
    """Return the only node that a job may run on, empty for any."""
    launch = store.queue.launch_of(job.id)
    return (launch.node if launch is not None else None) or ""


def _no_dispatcher(nodes: list[Node], now: datetime.datetime, lost_after: float) -> str:
    """Say that nobody is there who could take a job, if so."""
    deciding = [node for node in nodes if node.node_type.dispatches]
    if any(node.is_manned and not node.is_lost(now, lost_after) for node in deciding):
        return ""
    seen = [node.last_seen for node in deciding if node.last_seen is not None]
    last = f"the last one was seen at {_time(max(seen))}" if seen else "none has ever been seen"
    return f"no dispatcher is running ({last}); start one with `forge-events dispatcher`"


def _time(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
