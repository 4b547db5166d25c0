# SPDX-License-Identifier: Apache-2.0
"""Deliver the batches of a spool to the store; what it refuses is set aside, and holds nothing else back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.errors import ValueRejected
from forge_events.ingestion import damage
from forge_events.ingestion.damage import Damage
from forge_events.ingestion.place import mark_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from forge_events.events import JobEvent
    from forge_events.ingestion.lines import Batch, Place
    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["Delivery"]

# What Python itself may say to a value that it has to bring into the database's form.
_REFUSALS = (ValueRejected, ValueError, TypeError, OverflowError, RecursionError)


class Delivery:
    """Store batches of one job.

    Damaged lines are kept before the position moves beyond them, so a crash at any moment loses none.

    :param file: the spool, where the batches are read from one.
    :ivar source: what the batches are read from.
    :ivar event_count: how many events were delivered.
    :ivar damages: lines that were not.
    """

    def __init__(self, store: Store, job: Job, source: str, file: BinaryIO | None = None) -> None:
        self._store, self._job = store, job
        self.source = source
        self._file = file
        self._spool: Path | None = None
        self.event_count = 0
        self.damages: list[Damage] = []

    def keep_damages_beside(self, spool: Path) -> None:
        """Keep the damaged lines beside their spool from now on."""
        self._spool = spool

    def deliver(self, batch: Batch) -> bool:
        """Store a batch; return False, with some of it stored or nothing, when another receiver was quicker."""
        self._keep(batch.damages)
        is_stored = self._store_some(batch.events, batch.places, batch.expected, batch.position)
        if is_stored:
            self.damages += batch.damages
        return is_stored

    def _store_some(self, events: Sequence[JobEvent], places: Sequence[Place], expected: int, position: int) -> bool:
        """Store events; where that is refused one half after the other, down to the event that is to blame."""
        try:
            return self._append(events, expected, position)
        except _REFUSALS as error:
            if not events:
                raise
            reason = _reason(error)
        if len(events) == 1:
            return self._set_aside(Damage(places[0].start, places[0].end, reason), expected, position)
        half = len(events) // 2
        middle = places[half - 1].position
        return self._store_some(events[:half], places[:half], expected, middle) and self._store_some(
            events[half:], places[half:], middle, position
        )

    def _set_aside(self, refused: Damage, expected: int, position: int) -> bool:
        self._keep([refused])
        is_stored = self._append([], expected, position)
        if is_stored:
            self.damages.append(refused)
        return is_stored

    def _append(self, events: Sequence[JobEvent], expected: int, position: int) -> bool:
        mark = mark_of(self._file, position) if self._file is not None else 0
        is_stored = self._store.append(
            self._job, events, source=self.source, expected=expected, position=position, mark=mark
        )
        if is_stored:
            self.event_count += len(events)
        return is_stored

    def _keep(self, damages: Sequence[Damage]) -> None:
        if damages and self._spool is not None and self._file is not None:
            damage.keep(self._spool, self._file, damages)


def _reason(error: Exception) -> str:
    # The database's own words may quote the value.
    return "the database does not take it" if isinstance(error, ValueRejected) else damage.reason_of(error)
