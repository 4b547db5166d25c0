# SPDX-License-Identifier: Apache-2.0
"""The way of one job into a store: it begins with a header, gets its events in batches, and ends as its source says.

What the store refuses is set aside and holds nothing else back. Damaged lines are kept before the position moves beyond
them, so a crash at any moment loses none.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator
from contextlib import suppress
from operator import lt
from typing import TYPE_CHECKING, Any

from forge_events import spool
from forge_events.errors import StaleTransition, ValueRejected
from forge_events.events import EventFilter
from forge_events.ingestion import damage
from forge_events.ingestion.damage import Damage
from forge_events.ingestion.outcome import End, decide
from forge_events.ingestion.spools import Batch, Closing, Header, mark_of
from forge_events.jobs import PRESUMED, JobStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from forge_events.events import EventRow, JobEvent
    from forge_events.ingestion.spools import Span
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["JobIntake", "LineIntake", "Lines", "Overtaken"]

_BY = "receiver"

# What Python itself may say to a value that it has to bring into the database's form.
_REFUSALS = (ValueRejected, ValueError, TypeError, OverflowError, RecursionError)

# More than of a spool, since nobody takes turns here: what a transaction costs by itself is shared by more events, and
# those of one host are near each other in its index.
_MAX_LINES = 2000

Lines = Generator[tuple[dict[str, Any] | None, int], None, None]
"""The lines of a spool that is no file, with the bytes that each was made of; None where no more comes for now."""


class Overtaken(Exception):
    """Somebody else has brought in what this intake was about to: all of the source has to be read again."""


class JobIntake:
    """Take the events of one job.

    :param source: what the position of its source is written down under.
    :param file: the spool, where it is one, which the damaged lines are copied from.
    :param spool: where the spool stands beside which they are kept; None keeps none.
    :ivar event_count: how many events were delivered.
    :ivar damages: lines that were not.
    """

    def __init__(
        self, store: Store, header: Header, source: str, file: BinaryIO | None = None, spool: Path | None = None
    ) -> None:
        self._store, self._header, self._file, self._spool = store, header, file, spool
        self.source = source
        self.event_count = 0
        self.damages: list[Damage] = []
        self._last: int | None = None
        self.has_begun = False
        self.job = store.add_job(header.as_job())
        if self.job.status is JobStatus.NEW:
            with suppress(StaleTransition):
                self.job = store.transition(self.job, JobStatus.RUNNING, at=header.started, by=_BY)
                self.has_begun = True

    def deliver(self, batch: Batch) -> bool:
        """Store a batch; return False, with some of it stored or nothing, when another receiver was quicker."""
        self._sort_out(batch)
        self._keep(batch.damages)
        is_stored = self._store_some(batch.events, batch.spans, batch.expected, batch.position)
        if is_stored:
            self.damages += batch.damages
        else:
            self._last = None
        return is_stored

    def end(self, closing: Closing) -> bool:
        """Let the job end as its source says, and return whether it has.

        An end that was presumed gives way to one that is told.
        """
        job = self.job
        if job.status.is_final and (closing.is_presumed or not self.is_presumed()):
            return False
        end = self._store.correct if job.status.is_final else self._store.transition
        verdict = decide(self._facts(closing))
        at = self._store.queue.time_of(job, verdict.at or self._header.started)
        by = PRESUMED if closing.is_presumed else _BY
        try:
            self.job = end(job, verdict.status, at=at, by=by, reason=verdict.reason, rc=closing.rc)
        except StaleTransition:  # another receiver saw the same end
            self.look_up()
            return False
        return True

    def look_up(self) -> None:
        """Read the job anew."""
        self.job = self._store.job(str(self.job.id))

    def is_presumed(self) -> bool:
        """Return whether the job is an error only since its source broke off."""
        return self.job.status is JobStatus.ERROR and self._store.transitions(self.job.id)[-1].by == PRESUMED

    def _sort_out(self, batch: Batch) -> None:
        """Make a damaged line of each event whose counter is another event's, and leave out what is stored already.

        Lines that are in no file have counters that were made here.
        """
        if self._file is None:
            return
        last = self._stored_last() if self._last is None else self._last
        counters = [last, *(event.counter for event in batch.events)]
        if all(map(lt, counters, counters[1:])):
            self._last = counters[-1]
            return
        stored = self._stored(counter for counter in counters[1:] if counter <= last)
        uuids = dict(stored)
        read = list(zip(batch.events, batch.spans, strict=True))
        batch.events, batch.spans = [], []
        for event, span in read:
            owner = uuids.setdefault(event.counter, event.uuid)
            if owner != event.uuid:
                batch.damages.append(Damage(span.start, span.end, "its counter is that of another event"))
            elif event.counter not in stored:
                batch.events.append(event)
                batch.spans.append(span)
        self._last = max(last, *uuids, 0)

    def _stored_last(self) -> int:
        return max((event.counter for event in self._store.last_events(self.job.id, EventFilter())), default=0)

    def _stored(self, counters: Iterable[int]) -> dict[int, str]:
        """Return the uuids of the events that have these counters, with a look for each that stand in a row."""
        found: dict[int, str] = {}
        # Numbers that follow each other are as far from their places as each other.
        for _, group in itertools.groupby(enumerate(sorted(set(counters))), lambda pair: pair[1] - pair[0]):
            row = [counter for _, counter in group]
            stored = self._store.events(self.job.id, EventFilter(), after=row[0] - 1, limit=len(row))
            found |= {event.counter: event.uuid for event in stored if event.counter <= row[-1]}
        return found

    def _store_some(self, events: Sequence[EventRow], spans: Sequence[Span], expected: int, position: int) -> bool:
        """Store events; where that is refused one half after the other, down to the event that is to blame."""
        try:
            return self._append(events, expected, position)
        except _REFUSALS as error:
            if not events:
                raise
            # The database's own words may quote the value.
            is_databases = isinstance(error, ValueRejected)
            reason = "the database does not take it" if is_databases else damage.reason_of(error)
        if len(events) == 1:
            return self._set_aside(Damage(spans[0].start, spans[0].end, reason), expected, position)
        half = len(events) // 2
        middle = spans[half - 1].position
        return self._store_some(events[:half], spans[:half], expected, middle) and self._store_some(
            events[half:], spans[half:], middle, position
        )

    def _set_aside(self, refused: Damage, expected: int, position: int) -> bool:
        self._keep([refused])
        is_stored = self._append([], expected, position)
        if is_stored:
            self.damages.append(refused)
        return is_stored

    def _append(self, events: Sequence[EventRow], expected: int, position: int) -> bool:
        mark = mark_of(self._file, position) if self._file is not None else 0
        is_stored = self._store.append(
            self.job, events, source=self.source, expected=expected, position=position, mark=mark
        )
        if is_stored:
            self.event_count += len(events)
        return is_stored

    def _keep(self, damages: Sequence[Damage]) -> None:
        if damages and self._spool is not None and self._file is not None:
            damage.keep(self._spool, self._file, damages)

    def _facts(self, closing: Closing) -> End:
        stats = self._last_of("playbook_on_stats")
        behind = stats.counter if stats is not None else 0
        errors = list(self._store.events(self.job.id, EventFilter(event="error"), after=behind))
        return End(
            process=f"process {self._header.pid} on {self._header.host}",
            eof=closing.eof,
            exit=closing.exit,
            stats=stats,
            error=errors[-1] if errors else None,
            last=self._last_of(None),
            has_failed=self.job.failed,
            event_count=self.job.event_count,
            rc=closing.rc,
        )

    def _last_of(self, event: str | None) -> JobEvent | None:
        return next(iter(self._store.last_events(self.job.id, EventFilter(event=event))), None)


class LineIntake:
    """Take a job from lines that are in no file, in any number of portions.

    The position of such a source is the counter of its last event that is stored; whoever goes on makes the same lines
    again and leaves out those up to there.

    :param seen: is told how many events have been taken in so far.
    """

    def __init__(self, store: Store, seen: Callable[[int], None]) -> None:
        self._store, self._seen = store, seen
        self._intake: JobIntake | None = None
        self._batch = Batch(0, _MAX_LINES)
        self._closing = Closing()
        self._is_done = False

    @property
    def job(self) -> Job | None:
        """The job; None where nothing was there of which one could be made."""
        return self._intake.job if self._intake is not None else None

    @property
    def event_count(self) -> int:
        """How many events were taken in."""
        return self._intake.event_count if self._intake is not None else 0

    @property
    def damages(self) -> Sequence[Damage]:
        """What could not be taken in, by the event's counter."""
        return self._intake.damages if self._intake is not None else ()

    def take(self, lines: Lines) -> None:
        """Take lines to their end, or until the job is final.

        :raises Overtaken: the store has more than this intake has brought there.
        """
        for line, size in lines:
            self._batch.size += size
            if line is None:
                self._flush()
            elif "event" in line:
                self._add(line)
            elif "header" in line:
                self._open(line["header"])
            else:
                kind, value = next(iter(line.items()))
                self._closing.add(spool.Record(kind, value, 0, 0))
            if self._is_done:
                return
        self._flush()

    def _flush(self) -> None:
        """Store what has been taken, and let the job end where its lines do."""
        if self._intake is None:
            return
        self._store_batch(self._intake)
        self._intake.look_up()
        if self._closing.exit is not None:
            self._intake.end(self._closing)
        self._is_done = self._intake.job.status.is_final
        self._seen(self.event_count)

    def _open(self, facts: dict[str, Any]) -> None:
        header = Header.of(facts)
        # Not the spool of the same job, whose position is in bytes.
        self._intake = JobIntake(self._store, header, f"runner {header.job_uuid}")
        self._is_done = self._intake.job.status.is_final and not self._intake.is_presumed()
        self._batch = Batch(self._store.position(self._intake.source), _MAX_LINES)

    def _add(self, line: dict[str, Any]) -> None:
        counter = line["counter"]
        if self._intake is None or counter <= self._batch.position:
            return
        self._batch.position = counter
        self._batch.add_parsed(line, counter, counter)
        if self._batch.is_full:
            self._store_batch(self._intake)
            self._seen(self.event_count)

    def _store_batch(self, intake: JobIntake) -> None:
        if self._batch.position == self._batch.expected:
            return
        if not intake.deliver(self._batch):
            raise Overtaken
        self._batch = Batch(self._batch.position, _MAX_LINES)
