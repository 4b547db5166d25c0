# SPDX-License-Identifier: Apache-2.0
"""Decide which job runs where: the oldest first, none overtaking another that waits for the same nodes."""

from __future__ import annotations

import datetime
import heapq
import time
from typing import TYPE_CHECKING, NamedTuple

from forge_events.dispatcher.decision import Room, place, room_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.store.choice import Choice
    from forge_events.store.records import PendingQueue

__all__ = ["Decided", "Dispatcher"]

_MOST = 100
"""How many jobs one decision gives a node: whoever else works with the database waits for it."""

_BY = "dispatcher"


class Decided(NamedTuple):
    """What one decision did.

    :param assigned: the jobs that got a node.
    :param held: the jobs that got none, with the reason in ``job_explanation``.
    :param has_more: so many got a node that there may be more at once.
    """

    assigned: list[Job]
    held: list[Job]
    has_more: bool = False


class Dispatcher:
    """Take jobs from the queue to nodes. Any number of dispatchers may work on one database.

    :param lost_after: seconds after which a node that is not seen gets no job.
    :param own: the node whose only process this is, for a job of its own: it is there although it takes no other job.
    :param only_job_id: decide about one job alone.
    """

    def __init__(
        self, store: Store, *, lost_after: float, own: str | None = None, only_job_id: int | None = None
    ) -> None:
        self._store, self._lost_after, self._own, self._only = store, lost_after, own, only_job_id

    def run_once(self, now: datetime.datetime) -> Decided:
        """Decide about what is there now; nothing is written where there is nothing to decide.

        :param now: the time when this is called; what passes until other decisions are made is added to it.
        :raises StoreUnavailable: the database cannot be used; nothing was decided.
        """
        if not self._store.queue.has_work():
            return Decided([], [])
        called = time.monotonic()
        with self._store.queue.choosing() as choice:
            now += datetime.timedelta(seconds=time.monotonic() - called)
            return _Decision(choice, self._rooms(choice, now), now).made(self._candidates(choice))

    def _rooms(self, choice: Choice, now: datetime.datetime) -> Iterator[Room]:
        for node in choice.nodes():
            if self._only is not None:  # which nobody but this process takes on
                node = node.model_copy(update={"is_manned": node.hostname == self._own})
            yield room_of(node, now, lost_after=self._lost_after)

    def _candidates(self, choice: Choice) -> _Candidates:
        unplaced = choice.unplaced()
        if self._only is None:
            return _Candidates(choice, unplaced, choice.queues())
        queue = choice.only(self._only)
        own = [job for job in unplaced if job.id == self._only]
        return _Candidates(choice, own, [] if queue is None else [queue])


class _Candidates:
    """The jobs that are without a node, oldest first: those that were taken on before, and the heads of queues."""

    def __init__(self, choice: Choice, unplaced: Iterable[Job], queues: Iterable[PendingQueue]) -> None:
        self._choice = choice
        self._unplaced = {job.id: job for job in unplaced}
        self._heap = [(job_id, None) for job_id in self._unplaced] + [(queue.first, queue) for queue in queues]
        heapq.heapify(self._heap)
        self._closed: set[str] = set()

    def close(self, wanted: str) -> None:
        """Let no other job come that wants this node alone."""
        self._closed.add(wanted)

    def __iter__(self) -> Iterator[tuple[Job, str]]:
        """Yield each job with the only node that it may run on, empty for any."""
        while self._heap:
            job_id, queue = heapq.heappop(self._heap)
            if queue is None:
                job = self._unplaced[job_id]
                yield job, self._choice.launch_of(job).node or ""
            elif queue.node not in self._closed:
                head = self._choice.pending(queue)
                if head is not None:
                    yield head, queue.node
                self._push(queue)

    def _push(self, queue: PendingQueue) -> None:
        rest = self._choice.behind(queue) if queue.node not in self._closed else None
        if rest is not None:
            heapq.heappush(self._heap, (rest.first, rest))


class _Decision:
    """Place one job after the other."""

    def __init__(self, choice: Choice, rooms: Iterable[Room], now: datetime.datetime) -> None:
        self._choice, self._now = choice, now
        self._rooms = {room.name: room for room in rooms}
        self._reserved: dict[str, int] = {}

    def made(self, candidates: _Candidates) -> Decided:
        decided = Decided([], [])
        for job, wanted in candidates:
            if wanted in self._reserved:
                continue
            node = self._place(job, wanted, decided)
            if node is None and not wanted:
                return decided  # whatever comes behind it could take its place
            if node is None:
                self._reserved[wanted] = job.id
                candidates.close(wanted)
            if len(decided.assigned) >= _MOST:
                return decided._replace(has_more=True)
        return decided

    def _place(self, job: Job, wanted: str, decided: Decided) -> str | None:
        node, reason = place(job.impact, wanted, [self._left_by_older(room) for room in self._rooms.values()])
        if node is None:
            decided.held.append(self._choice.hold(job, self._now, _BY, reason))
            return None
        decided.assigned.append(self._choice.assign(job, node, self._now, _BY, reason))
        self._rooms[node] = self._rooms[node].taking(job.impact)
        return node

    def _left_by_older(self, room: Room) -> Room:
        """Return a room, closed if an older job waits for it."""
        older = self._reserved.get(room.name)
        return room if older is None else room._replace(trouble=room.trouble or f"is kept for job {older}")
