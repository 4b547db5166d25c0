# SPDX-License-Identifier: Apache-2.0
"""Take the lines of a spool that is no file to the store.

The position of such a source is the counter of its last event that is stored; whoever goes on makes the same lines
again and leaves out those up to there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge_events import spool
from forge_events.events import JobEvent
from forge_events.ingestion.damage import Damage, reason_of
from forge_events.ingestion.delivery import Delivery
from forge_events.ingestion.header import Header
from forge_events.ingestion.intake import Intake
from forge_events.ingestion.lines import Batch, Closing, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["LineIntake", "Overtaken"]


# More than of a spool, since nobody takes turns here: what a transaction costs by itself is shared by more events, and
# those of one host are near each other in its index.
_MAX_EVENTS = 2000


class Overtaken(Exception):
    """Somebody else has brought in what this intake was about to: all of the source has to be read again."""


class LineIntake(Intake):
    """Take the lines of one job, in any number of portions.

    ``job`` is None until the header has been taken; ``is_done`` says that it is final, and nothing more is taken in.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, is_owner=False)
        self._header: Header | None = None
        self._delivery: Delivery | None = None
        self._batch = Batch(0, _MAX_EVENTS)
        self._closing = Closing()
        self.job: Job | None = None
        self.is_done = False

    @property
    def event_count(self) -> int:
        """How many events were taken in."""
        return self._delivery.event_count if self._delivery is not None else 0

    @property
    def damages(self) -> list[Damage]:
        """What could not be taken in, by the event's counter."""
        return self._delivery.damages if self._delivery is not None else []

    def take(self, lines: Iterable[dict[str, Any]], size: int = 0) -> None:
        """Take lines; a batch is stored when it is full.

        :param size: the bytes of what they were made of.
        :raises Overtaken: the store has more than this intake has brought there.
        """
        self._batch.size += size
        for line in lines:
            if "event" in line:
                self._add(line)
            elif "header" in line:
                self._open(line["header"])
            else:
                kind, value = next(iter(line.items()))
                self._closing.add(spool.Record(kind, value, 0, 0))

    def flush(self) -> None:
        """Store what has been taken, and let the job end where its lines do.

        :raises Overtaken: as :meth:`take`.
        """
        if self.job is None or self._header is None:
            return
        self._store_batch()
        self.job = self._store.job(str(self.job.id))
        if self._closing.exit is not None:
            self.job, _ = self._end(self.job, self._header, self._closing)
        self.is_done = self.job.status.is_final

    def _open(self, facts: dict[str, Any]) -> None:
        self._header = Header.of(facts)
        self.job, _ = self._begin(self._header)
        self.is_done = self.job.status.is_final and not self._is_presumed(self.job)
        # Not the spool of the same job, whose position is in bytes.
        self._delivery = Delivery(self._store, self.job, f"runner {self.job.uuid}")
        self._batch = Batch(self._store.position(self._delivery.source), _MAX_EVENTS)

    def _add(self, line: dict[str, Any]) -> None:
        counter, batch = line["counter"], self._batch
        if self.job is None or self.is_done or counter <= batch.position:
            return
        try:
            batch.events.append(JobEvent.from_spool(line, self.job.id))
            batch.places.append(Place(counter, counter, counter))
        except (ValueError, TypeError, RecursionError) as error:
            batch.damages.append(Damage(counter, counter, reason_of(error)))
        batch.position = counter
        if batch.is_full:
            self._store_batch()

    def _store_batch(self) -> None:
        batch = self._batch
        if self._delivery is None or batch.position == batch.expected:
            return
        if not self._delivery.deliver(batch):
            raise Overtaken
        self._batch = Batch(batch.position, _MAX_EVENTS)
