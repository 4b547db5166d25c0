# SPDX-License-Identifier: Apache-2.0
"""Take one spool in: its events to the store, and at its end the job to its final status.

A spool is over when nobody will write to it any more: its starter wrote the exit code; or no starter is left that
would, and the recorder closed the spool or its process has ended. So a job that ``forge-events record`` started is
final only with its exit code, unless that starter was killed.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import StaleTransition
from forge_events.events import EventFilter
from forge_events.ingestion import damage
from forge_events.ingestion.lines import Closing, batches
from forge_events.ingestion.outcome import End, decide
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from forge_events.events import JobEvent
    from forge_events.ingestion.damage import Damage
    from forge_events.ingestion.header import Header
    from forge_events.ingestion.process import Gone
    from forge_events.jobs import Job
    from forge_events.store.contract import Store

__all__ = ["Intake", "Received"]

_BY = "receiver"


class Received(NamedTuple):
    """What came of one spool.

    :param job: the job as it is now; None for a file that is no spool.
    :param event_count: how many events were taken in by this call.
    :param damages: lines that were skipped by this call.
    :param problem: why the file could not be read, empty if it could.
    :param kept: the file that keeps what could not be taken in; None where the spool itself stays.
    """

    path: Path
    job: Job | None = None
    event_count: int = 0
    damages: Sequence[Damage] = ()
    problem: str = ""
    kept: Path | None = None


class Intake:
    """Take spools into a store.

    :param is_owner: delete a spool when its job is final and all of it is stored, and keep its damaged lines beside it.
    """

    def __init__(self, store: Store, *, is_owner: bool) -> None:
        self._store = store
        self._is_owner = is_owner

    def receive(self, path: Path, header: Header, gone: Gone) -> Received:
        """Take in what is new in a spool.

        :param gone: which of the processes that write to it had ended, seen before the call.
        :raises OSError: the spool cannot be read, or its damaged lines not be kept.
        """
        with path.open("rb") as file:
            job = self._begin(header)
            taken = _Taken()
            while not self._take(path, file, job, header, taken):
                pass  # another receiver was quicker; what is left is read again
        job = self._store.job(str(job.id))
        if _is_over(taken.closing, gone):
            job = self._end(job, header, taken.closing)
            if self._is_owner:
                _delete(path)
        kept = damage.kept_in(path) if taken.damages and self._is_owner else None
        return Received(path, job, taken.event_count, taken.damages, kept=kept)

    def _begin(self, header: Header) -> Job:
        job = self._store.add_job(header.as_job())
        if job.status is JobStatus.NEW:
            with suppress(StaleTransition):
                job = self._store.transition(job, JobStatus.RUNNING, at=header.started, by=_BY)
        return job

    def _take(self, path: Path, file: BinaryIO, job: Job, header: Header, taken: _Taken) -> bool:
        """Store batch after batch; return False when another receiver has moved the position meanwhile."""
        source = header.job_uuid
        taken.closing = Closing()
        for batch in batches(file, job.id, self._store.position(source), taken.closing):
            if batch.damages and self._is_owner:
                damage.keep(path, file, batch.damages)
            if not self._store.append(
                job, batch.events, source=source, expected=batch.expected, position=batch.position
            ):
                return False
            taken.damages += batch.damages
            taken.event_count += len(batch.events)
        return True

    def _end(self, job: Job, header: Header, closing: Closing) -> Job:
        if job.status.is_final:
            return job
        verdict = decide(self._facts(job, header, closing))
        at = verdict.at or header.started
        try:
            return self._store.transition(job, verdict.status, at=at, by=_BY, reason=verdict.reason, rc=closing.rc)
        except StaleTransition:  # another receiver saw the same end
            return self._store.job(str(job.id))

    def _facts(self, job: Job, header: Header, closing: Closing) -> End:
        stats = self._last(job, EventFilter(event="playbook_on_stats"))
        errors = list(
            self._store.events(job.id, EventFilter(event="error"), after=stats.counter if stats is not None else 0)
        )
        return End(
            process=f"process {header.pid} on {header.host}",
            eof=closing.eof,
            exit=closing.exit,
            stats=stats,
            error=errors[-1] if errors else None,
            last=self._last(job, EventFilter()),
            has_failed=job.failed,
            event_count=job.event_count,
            rc=closing.rc,
        )

    def _last(self, job: Job, where: EventFilter) -> JobEvent | None:
        return next(iter(self._store.last_events(job.id, where)), None)


class _Taken:
    """What one call has taken in so far."""

    def __init__(self) -> None:
        self.closing = Closing()
        self.damages: list[Damage] = []
        self.event_count = 0


def _is_over(closing: Closing, gone: Gone) -> bool:
    if closing.exit is not None:
        return True
    return gone.starter and (closing.eof is not None or gone.ansible)


def _delete(path: Path) -> None:
    # Where the folder is not ours to change, the spool stays and is found to be done each time.
    with suppress(OSError):
        path.unlink()
