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
from forge_events.ingestion.header import Header
from forge_events.ingestion.intake import Intake
from forge_events.ingestion.lines import Closing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["LineIntake", "Overtaken"]

_MAX_EVENTS = 1000
_MAX_CHARACTERS = 4 * 1024 * 1024


class Overtaken(Exception):
    """Somebody else has brought in what this intake was about to: all of the source has to be read again."""


class LineIntake(Intake):
    """Take the lines of one job, in any number of portions.

    ``event_count`` is how many events were taken in, ``damages`` those that could not be.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store, is_owner=False)
        self._header: Header | None = None
        self._position = 0
        self._batch: list[JobEvent] = []
        self._size = 0
        self._closing = Closing()
        self.job: Job | None = None
        self.event_count = 0
        self.damages: list[Damage] = []

    @property
    def is_done(self) -> bool:
        """Whether the job is final: nothing more is taken in."""
        return self.job is not None and self.job.status.is_final

    def take(self, lines: Iterable[dict[str, Any]]) -> None:
        """Take lines; a batch is stored when it is full.

        :raises Overtaken: the store has more than this intake has brought there.
        """
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
            self.job = self._end(self.job, self._header, self._closing)

    def _open(self, facts: dict[str, Any]) -> None:
        self._header = Header.model_validate(facts)
        self.job = self._begin(self._header)
        self._position = self._store.position(self._source)

    @property
    def _source(self) -> str:
        """Name the source, unlike the spool of the same job, whose position is in bytes."""
        return f"runner {self.job.uuid}" if self.job is not None else ""

    def _add(self, line: dict[str, Any]) -> None:
        if self.job is None or line["counter"] <= self._position or self.is_done:
            return
        try:
            self._batch.append(JobEvent.from_spool(line, self.job.id))
        except (ValueError, TypeError, RecursionError) as error:
            self.damages.append(Damage(line["counter"], line["counter"], reason_of(error)))
            return
        self._size += len(line["stdout"])
        if len(self._batch) >= _MAX_EVENTS or self._size >= _MAX_CHARACTERS:
            self._store_batch()

    def _store_batch(self) -> None:
        if not self._batch or self.job is None:
            return
        position = self._batch[-1].counter
        if not self._store.append(
            self.job, self._batch, source=self._source, expected=self._position, position=position
        ):
            raise Overtaken
        self.event_count += len(self._batch)
        self._batch, self._size, self._position = [], 0, position
