# SPDX-License-Identifier: Apache-2.0
"""Follow a job while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.events import EventFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["follow"]

_BATCH = 500


def follow(
    store: Store, job_id: int, *, refresh: Callable[[], object], pause: Callable[[], object], after: int = 0
) -> Iterator[tuple[Job, list[JobEvent]]]:
    """Yield a job's events as they arrive, by counter, until it has ended and all have been yielded.

    Also yields, without events, whenever there was nothing new, so that the caller can show that time passes.

    :param refresh: called before each look, to bring what is spooled into the store.
    :param pause: called when all that is there has been yielded, to wait a moment: what comes one by one is yielded
        together.
    :param after: the counter of the last event that is known.
    """
    while True:
        refresh()
        # The status is read first: what a final job has is all there.
        job = store.job(str(job_id))
        events = list(store.events(job_id, EventFilter(), after=after, limit=_BATCH))
        yield job, events
        after = events[-1].counter if events else after
        if len(events) == _BATCH:
            continue
        if job.status.is_final:
            return
        pause()
