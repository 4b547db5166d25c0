# SPDX-License-Identifier: Apache-2.0
"""Counters that were given twice: an event is known by its job and its counter, so the second cannot be stored."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from forge_events.events import EventFilter
from forge_events.ingestion.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.ingestion.lines import Batch
    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["Counters"]


class Counters:
    """The counters that a job has events for, as far as batches ask for them."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store, self._job = store, job
        self._last: int | None = None

    def sort_out(self, batch: Batch) -> None:
        """Make a damaged line of each event whose counter is another event's, and leave out what is stored already."""
        last = self._stored_last() if self._last is None else self._last
        stored = self._stored(event.counter for event in batch.events if event.counter <= last)
        uuids = dict(stored)
        read = list(zip(batch.events, batch.places, strict=True))
        batch.events, batch.places = [], []
        for event, place in read:
            owner = uuids.get(event.counter)
            if owner == event.uuid and event.counter in stored:
                continue
            if owner is None or owner == event.uuid:
                uuids[event.counter] = event.uuid
                batch.events.append(event)
                batch.places.append(place)
            else:
                batch.damages.append(Damage(place.start, place.end, "its counter is that of another event"))
        self._last = max(last, *uuids, 0)

    def _stored_last(self) -> int:
        return max((event.counter for event in self._store.last_events(self._job.id, EventFilter())), default=0)

    def _stored(self, counters: Iterable[int]) -> dict[int, str]:
        """Return the uuids of the events that have these counters, with a look for each that stand in a row."""
        found: dict[int, str] = {}
        # Numbers that follow each other are as far from their places as each other.
        for _, group in itertools.groupby(enumerate(sorted(set(counters))), lambda pair: pair[1] - pair[0]):
            row = [counter for _, counter in group]
            stored = self._store.events(self._job.id, EventFilter(), after=row[0] - 1, limit=len(row))
            found |= {event.counter: event.uuid for event in stored if event.counter <= row[-1]}
        return found
