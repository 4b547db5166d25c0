# SPDX-License-Identifier: Apache-2.0
"""Take back what lost nodes have: waiting jobs become pending again, running ones end as error after their lease.

A running job is never started again: nobody can know what it has done.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import StaleTransition
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    import datetime

    from forge_events.jobs import Job
    from forge_events.nodes import Node
    from forge_events.store import Store

__all__ = ["Reaped", "Reaper"]

_BY = "reaper"


class Reaped(NamedTuple):
    """What came of one look: jobs that are pending again, and jobs that ended as error or canceled."""

    given_back: list[Job]
    ended: list[Job]


class Reaper:
    """Look after the jobs of nodes that are not seen any more.

    :param lost_after: seconds after which a process that is not seen, and its node, count as lost.
    :param lease: seconds after which a running job of a lost node is ended.
    """

    def __init__(self, store: Store, *, lost_after: float, lease: float) -> None:
        self._store, self._lost_after, self._lease = store, lost_after, lease

    def run_once(self, now: datetime.datetime) -> Reaped:
        """Look once.

        :raises StoreUnavailable: the database cannot be used.
        """
        reaped = Reaped([], [])
        active = [job for job in self._store.queue.active() if job.execution_node is not None]
        if active:
            alive = {one.id for one in self._store.nodes.dispatchers() if self._is_fresh(one.last_seen, now)}
            nodes = {node.hostname: node for node in self._store.nodes.all()}
            for job in active:
                if job.dispatcher_id not in alive:
                    self._look_after(job, nodes.get(job.execution_node or ""), now, reaped)
        return reaped

    def _is_fresh(self, last_seen: datetime.datetime, now: datetime.datetime) -> bool:
        return (now - last_seen).total_seconds() <= self._lost_after

    def _look_after(self, job: Job, node: Node | None, now: datetime.datetime, reaped: Reaped) -> None:
        """Take a job back whose process is gone, unless another one of its node is going to see to it."""
        is_there = node is not None and node.is_manned and not node.is_lost(now, self._lost_after)
        if is_there and (job.status is JobStatus.RUNNING or not _has_given_up(node)):
            return
        with suppress(StaleTransition):
            if job.status is JobStatus.WAITING:
                with self._store.queue.choosing() as choice:
                    back = choice.give_back(job, now, _BY, f"{_lost(job, node)} before it began")
                (reaped.ended if back.status.is_final else reaped.given_back).append(back)
            elif node is None or node.is_lost(now, self._lease):
                reason = f"{_lost(job, node)} while it ran the job; whether its processes went on is not known"
                reaped.ended.append(self._store.transition(job, JobStatus.ERROR, at=now, by=_BY, reason=reason))


def _has_given_up(node: Node | None) -> bool:
    """Return whether a node was made one that runs no jobs."""
    return node is not None and not node.node_type.runs_jobs


def _lost(job: Job, node: Node | None) -> str:
    if node is None or node.last_seen is None:
        return f"node {job.execution_node} was removed"
    if job.status is JobStatus.WAITING and _has_given_up(node):
        return f"node {node.hostname} was made a {node.node_type} node"
    return f"node {node.hostname} was lost, last seen at {node.last_seen:%Y-%m-%d %H:%M:%S} UTC,"
