# SPDX-License-Identifier: Apache-2.0
"""Take back what lost nodes have: waiting jobs become pending again, running ones end as error after their lease.

A running job is never started again: nobody can know what it has done. So no job ends because of what a clock shows:
whoever counts as lost has been silent before the reaper's own eyes, too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from forge_events.dispatcher.clock import Watch
from forge_events.errors import StaleTransition
from forge_events.jobs import JobStatus
from forge_events.nodes import is_fresh

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
    """Look after the jobs of nodes that are not seen any more, again and again; the first looks get to know the nodes.

    :param lost_after: seconds after which a process that is not seen, and its node, count as lost.
    :param lease: seconds after which a running job of a lost node is ended.
    """

    def __init__(self, store: Store, *, lost_after: float, lease: float) -> None:
        self._store, self._lost_after, self._lease = store, lost_after, lease
        self._watch = Watch(lost_after)

    def run_once(self, now: datetime.datetime, at: float) -> Reaped:
        """Look once.

        :param now: by the database's clock.
        :param at: seconds, of a clock that nobody sets.
        :raises StoreUnavailable: the database cannot be used.
        """
        reaped = Reaped([], [])
        dispatchers = self._store.nodes.dispatchers()
        nodes = {node.hostname: node for node in self._store.nodes.all()}
        self._watch.look(
            {one.id: one.last_seen for one in dispatchers} | {name: node.last_seen for name, node in nodes.items()}, at
        )
        alive = {one.id for one in dispatchers if not self._is_lost(one.id, one.last_seen, now)}
        for job in self._store.queue.active():
            if job.execution_node is not None and job.dispatcher_id not in alive:
                self._look_after(job, nodes.get(job.execution_node), now, reaped)
        return reaped

    def _is_lost(
        self, whose: int | str, last_seen: datetime.datetime | None, now: datetime.datetime, after: float = 0.0
    ) -> bool:
        """Return whether a process or a node is lost: its stamp is old, and we have seen it stay that old."""
        return self._watch.is_silent(whose) and not is_fresh(last_seen, now, max(after, self._lost_after))

    def _look_after(self, job: Job, node: Node | None, now: datetime.datetime, reaped: Reaped) -> None:
        """Take a job back whose process is gone, unless another one of its node is going to see to it."""
        is_there = node is not None and node.is_manned and not self._is_lost(node.hostname, node.last_seen, now)
        if is_there and (job.status is JobStatus.RUNNING or not _has_given_up(node)):
            return
        with suppress(StaleTransition):
            if job.status is JobStatus.WAITING:
                with self._store.queue.choosing() as choice:
                    back = choice.give_back(job, now, _BY, f"{_lost(job, node)} before it began")
                (reaped.ended if back.status.is_final else reaped.given_back).append(back)
            elif node is None or self._is_lost(node.hostname, node.last_seen, now, self._lease):
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
