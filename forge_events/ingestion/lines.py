# SPDX-License-Identifier: Apache-2.0
"""Read a spool in batches of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import spool
from forge_events.events import JobEvent
from forge_events.ingestion import parsing
from forge_events.ingestion.damage import Damage, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from forge_events.ingestion.place import Start

__all__ = ["Batch", "Closing", "Place", "batches"]

_MAX_EVENTS = 500
_MAX_BYTES = 4 * 1024 * 1024


class Closing:
    """How a spool ends, as far as it has been read.

    :ivar eof: what the recorder wrote when it closed the job, None if it did not.
    :ivar exit: what the starter of the command wrote when it had ended, None if nobody did.
    :ivar start: the position of the first of both. What is stored never goes beyond it, so whoever reads on from there
        finds them again.
    """

    def __init__(self) -> None:
        self.eof: dict[str, Any] | None = None
        self.exit: dict[str, Any] | None = None
        self.start: int | None = None

    @property
    def rc(self) -> int | None:
        """The exit code, if somebody saw it."""
        rc = (self.exit or {}).get("rc")
        return rc if isinstance(rc, int) and abs(rc) < 2**31 else None

    @property
    def is_presumed(self) -> bool:
        """Whether nobody wrote that the job has ended: the source ends, and that is all that is known."""
        return self.eof is None if self.exit is None else self.exit.get("presumed") is True

    def add(self, record: spool.Record) -> None:
        """Take a closing record; the last of a kind counts."""
        setattr(self, record.kind, record.value)
        self.start = record.start if self.start is None else self.start


class Place(NamedTuple):
    """Where a line stands, in bytes, and where the position of a batch may be when the line is stored."""

    start: int
    end: int
    position: int


class Batch:
    """Events that are stored together, the lines among them that are none, and the position behind them.

    :ivar places: where each event stands.
    :param most: how many events fill it.
    """

    def __init__(self, position: int, most: int = _MAX_EVENTS) -> None:
        self._most = most
        self.events: list[JobEvent] = []
        self.places: list[Place] = []
        self.damages: list[Damage] = []
        self.size = 0
        self.expected = position
        self.position = position

    @property
    def is_full(self) -> bool:
        """Whether this is enough for one transaction."""
        return len(self.events) >= self._most or len(self.damages) >= self._most or self.size >= _MAX_BYTES


def batches(file: BinaryIO, job_id: int, start: Start, closing: Closing) -> Iterator[Batch]:
    """Yield what stands in a spool from a position on, and tell ``closing`` how it ends."""
    batch = Batch(start.position)
    batch.expected = start.stored
    for record in spool.read(file, start.position, parsing.loads):
        if record.kind in ("eof", "exit"):
            closing.add(record)
        elif not _is_header(record):
            batch.position = record.end if closing.start is None else min(record.end, closing.start)
            _add(batch, record, job_id)
            if batch.is_full:
                yield batch
                batch = Batch(batch.position)
    if batch.size:
        yield batch


def _is_header(record: spool.Record) -> bool:
    return record.kind == "header" and record.start == 0


def _add(batch: Batch, record: spool.Record, job_id: int) -> None:
    batch.size += record.end - record.start
    try:
        if record.kind == "event":
            batch.events.append(JobEvent.from_spool(record.value, job_id))
            batch.places.append(Place(record.start, record.end, batch.position))
        else:
            reason = record.value["reason"] if record.kind == "damaged" else f"a second {record.kind}"
            batch.damages.append(Damage(record.start, record.end, reason))
    except (ValueError, TypeError, RecursionError) as error:
        batch.damages.append(Damage(record.start, record.end, reason_of(error)))
