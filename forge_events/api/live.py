# SPDX-License-Identifier: Apache-2.0
"""What is new, for everybody who watches: one connection that is woken, one thread that reads, batches that are shared.

The store is the queue. A wake-up says only that it is worth a look at a job, and may be lost: whoever waits looks again
after :data:`PATIENCE` anyway. What stands behind a counter is read once for all who stand there; it is kept for as long
as it fits into :data:`_KEPT` characters, so that the memory does not grow with those who watch, or are slow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from forge_events.api.subscription import as_text, event_message
from forge_events.errors import ForgeEventsError
from forge_events.events import EventFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from forge_events.jobs import Job
    from forge_events.store import Store
    from forge_events.store.feed import StatusChange
    from forge_events.store.listeners import Listener

__all__ = ["PATIENCE", "EventBatch", "Live", "Waker"]

PATIENCE = 1.0
"""Seconds after which whoever waits looks again, woken or not."""

_REOPEN = 2.0
_STEPS = 10_000
# Steps may be committed in another order than their ids: so many are looked at once more.
_OVERLAP = 50
_ROWS, _CHARACTERS = 200, 512 * 1024
_KEPT = 8 * 1024 * 1024

_Found = TypeVar("_Found")


class EventBatch(NamedTuple):
    """Events of one job behind a counter, as they are sent.

    :param last: the counter of the last one; that behind which they stand, if there are none.
    :param size: how many characters they have.
    """

    messages: tuple[str, ...]
    last: int
    size: int


class Waker:
    """Wakes one who waits, when there may be news of the jobs that are watched, or of any job's status."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self.jobs: frozenset[int] = frozenset()

    def watch(self, jobs: Iterable[int]) -> None:
        """Be woken for these jobs from now on, and at once."""
        self.jobs = frozenset(jobs)
        self._woken.set()

    def wake(self) -> None:
        """Wake."""
        self._woken.set()

    async def wait(self) -> None:
        """Return when it is worth a look."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), PATIENCE)
        self._woken.clear()


class Live:
    """What the sockets of a process share.

    :param open_store: opens a store of its own for the thread that reads.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open = open_store
        self._store: Store | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live")
        self._wakers: set[Waker] = set()
        self._batches: OrderedDict[tuple[int, int], asyncio.Future[EventBatch]] = OrderedDict()
        self._kept = 0
        self._steps: deque[StatusChange] = deque(maxlen=_STEPS)
        self._step_count = 0
        self._newest: int | None = None
        self._known: deque[int] = deque(maxlen=4 * _OVERLAP)
        self._reading = asyncio.Lock()
        self._watcher = self.waker()

    def waker(self) -> Waker:
        """Return what wakes one who waits; it is given back with :meth:`leave`."""
        made = Waker()
        self._wakers.add(made)
        return made

    def leave(self, waker: Waker) -> None:
        """Wake one no more who has gone."""
        self._wakers.discard(waker)

    def notify(self, job_id: int | None = None) -> None:
        """Wake those who watch a job, or all; for the loop's own thread."""
        for waker in self._wakers:
            if job_id is None or job_id in waker.jobs or waker is self._watcher:
                waker.wake()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Wake whoever waits, and read the steps of jobs for all, meanwhile."""
        tasks = [asyncio.ensure_future(part) for part in (self._listen(), self._watch())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(self._close)

    @property
    def step_count(self) -> int:
        """How many steps of jobs have been read: the place behind the last one."""
        return self._step_count

    def steps(self, place: int) -> list[StatusChange]:
        """Return the steps of all jobs behind a place; whoever is too far behind is given those that are left."""
        count = min(self._step_count - place, len(self._steps))
        return list(self._steps)[-count:] if count > 0 else []

    async def catch_up(self) -> None:
        """Read the steps that there are by now; they are behind everybody's place."""
        async with self._reading:
            if self._newest is None:
                self._newest = await self.ask(lambda store: store.newest_change())
                self._known.extend(range(self._newest - _OVERLAP, self._newest + 1))
            after = max(0, self._newest - _OVERLAP)
            found = await self.ask(lambda store: store.changes(after=after))
            fresh = [change for change in found if change.id not in self._known]
            self._known.extend(change.id for change in fresh)
            self._newest = max([self._newest, *(change.id for change in fresh)])
            self._steps.extend(fresh)
            self._step_count += len(fresh)
            if fresh:
                self.notify()

    async def _watch(self) -> None:
        """Read the steps of jobs, each once, and wake everybody for them."""
        while True:
            with contextlib.suppress(ForgeEventsError):
                await self.catch_up()
            await self._watcher.wait()

    async def _listen(self) -> None:
        """Be woken by the store; a connection that breaks is made again."""
        while True:
            with contextlib.suppress(ForgeEventsError):
                listener = await self.ask(lambda store: store.watch())
                try:
                    await self._hear(listener)
                finally:
                    listener.close()
            await asyncio.sleep(_REOPEN)

    async def ask(self, question: Callable[[Store], _Found]) -> _Found:
        """Return what the store answers, in the thread that reads."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: question(self._opened()))

    async def job(self, job_id: int) -> Job:
        """Return a job.

        :raises UnknownJob: there is none.
        """
        return await self.ask(lambda store: store.job(str(job_id)))

    async def events(self, job_id: int, after: int) -> EventBatch:
        """Return the events of a job behind a counter: some of them, those that come first."""
        key = (job_id, after)
        reading = self._batches.get(key)
        if reading is None:
            reading = self._batches[key] = asyncio.ensure_future(self.ask(lambda store: _batch(store, job_id, after)))
            reading.add_done_callback(lambda done: self._keep(key, done))
        else:
            self._batches.move_to_end(key)
        return await asyncio.shield(reading)

    def _close(self) -> None:
        """Give back the thread and its connection."""
        if self._store is not None:
            self._thread.submit(self._store.close)
        self._thread.shutdown()

    async def _hear(self, listener: Listener) -> None:
        """Wake whoever waits each time the store wakes us, until it can do so no more."""
        loop = asyncio.get_running_loop()
        broken = asyncio.Event()

        def hear() -> None:
            try:
                news = listener.news()
            except ForgeEventsError:
                news = None
                broken.set()
            if news is None:
                self.notify()
            for job_id, _ in news or ():
                self.notify(job_id)

        loop.add_reader(listener.fileno(), hear)
        try:
            await broken.wait()
        finally:
            loop.remove_reader(listener.fileno())

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open()
        return self._store

    def _keep(self, key: tuple[int, int], done: asyncio.Future[EventBatch]) -> None:
        """Keep a batch that was read for those who will stand where it begins, and forget the oldest for it."""
        if done.cancelled() or done.exception() is not None or not done.result().messages:
            self._batches.pop(key, None)  # what is not there yet may be there the next time
            return
        self._kept += done.result().size
        for old, reading in list(self._batches.items()):
            if self._kept <= _KEPT:
                break
            if reading.done() and reading is not done:
                del self._batches[old]
                self._kept -= reading.result().size


def _batch(store: Store, job_id: int, after: int) -> EventBatch:
    messages: list[str] = []
    size = 0
    for event in store.events(job_id, EventFilter(), after=after, limit=_ROWS):
        after = event.counter
        messages.append(as_text(event_message(event)))
        size += len(messages[-1])
        if size > _CHARACTERS:
            break
    return EventBatch(tuple(messages), after, size)
