# SPDX-License-Identifier: Apache-2.0
"""Take one spool in: its events to the store, and at its end the job to its final status.

A spool is over when nobody will write to it any more: its starter wrote the exit code; or no starter is left that
would, and the recorder closed the spool or its process has ended. So a job that ``forge-events record`` started is
final only with its exit code, unless that starter was killed.
"""

from __future__ import annotations

import fcntl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.errors import StaleTransition
from forge_events.events import EventFilter
from forge_events.ingestion import damage
from forge_events.ingestion.counters import Counters
from forge_events.ingestion.delivery import Delivery
from forge_events.ingestion.lines import Closing, batches
from forge_events.ingestion.outcome import End, decide
from forge_events.jobs import JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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

    :param job: the job as it is now; None for a file that is no spool, and where ``is_postponed``.
    :param event_count: how many events were taken in by this call.
    :param damages: lines that were skipped by this call.
    :param problem: why the file could not be read, empty if it could.
    :param kept: the file that keeps what could not be taken in; None where the spool itself stays.
    :param has_begun: this call met the job first; ``has_ended``: this call saw it end.
    :param has_more: the spool was not read to its end, since others have their turn, too.
    :param is_postponed: nothing was done for now: another receiver is at it, or what failed may work later.
    """

    path: Path
    job: Job | None = None
    event_count: int = 0
    damages: Sequence[Damage] = ()
    problem: str = ""
    kept: Path | None = None
    has_begun: bool = False
    has_ended: bool = False
    has_more: bool = False
    is_postponed: bool = False


class Intake:
    """Take spools into a store.

    :param is_owner: delete a spool when its job is final and all of it is stored, and keep its damaged lines beside it.
    """

    def __init__(self, store: Store, *, is_owner: bool) -> None:
        self._store = store
        self._is_owner = is_owner

    def receive(
        self,
        path: Path,
        header: Header,
        gone: Gone,
        *,
        limit: int | None = None,
        said: Mapping[str, Any] | None = None,
    ) -> Received:
        """Take in what is new in a spool.

        :param gone: which of the processes that write to it had ended, seen before the call.
        :param limit: read no more than so many batches, and none while another receiver reads with a limit.
        :param said: what the caller would have written as the spool's last line, had there been room for it.
        :raises OSError: the spool cannot be read, or its damaged lines not be kept.
        :raises ValueRejected: the database does not take what the header says.
        """
        with path.open("rb") as file:
            if limit is not None and not _hold(file):
                return Received(path, is_postponed=True)
            job, has_begun = self._begin(header)
            delivery = Delivery(self._store, job, header.job_uuid)
            if self._is_owner:
                delivery.keep_damages_of(path, file)
            closing = self._take(file, job, delivery, limit)
            if closing is not None and closing.exit is None and said is not None:
                closing.exit = dict(said)
            job, has_ended = self._finish(path, header, gone, closing, self._store.job(str(job.id)))
        kept = damage.kept_in(path) if delivery.damages and self._is_owner else None
        return Received(
            path,
            job,
            delivery.event_count,
            delivery.damages,
            kept=kept,
            has_begun=has_begun,
            has_ended=has_ended,
            has_more=closing is None,
        )

    def _begin(self, header: Header) -> tuple[Job, bool]:
        job = self._store.add_job(header.as_job())
        if job.status is JobStatus.NEW:
            with suppress(StaleTransition):
                return self._store.transition(job, JobStatus.RUNNING, at=header.started, by=_BY), True
        return job, False

    def _take(self, file: BinaryIO, job: Job, delivery: Delivery, limit: int | None) -> Closing | None:
        """Store batch after batch; return how the spool ends, None if the limit came first."""
        while True:
            closing, counters = Closing(), Counters(self._store, job)
            for count, batch in enumerate(batches(file, job.id, self._store.position(delivery.source), closing), 1):
                counters.sort_out(batch)
                if not delivery.deliver(batch):
                    break  # another receiver was quicker; what is left is read again
                # The position stays before the closing lines, so whoever stopped behind them would come here again.
                if count == limit and closing.start is None:
                    return None
            else:
                return closing

    def _finish(self, path: Path, header: Header, gone: Gone, closing: Closing | None, job: Job) -> tuple[Job, bool]:
        """End the job, and be done with its spool, if that is over."""
        if closing is None or not _is_over(closing, gone):
            return job, False
        if closing.exit is None and job.cancel_requested is not None:
            return job, False  # whoever cancels it says so when all of its processes have ended
        job, has_ended = self._end(job, header, closing)
        if self._is_owner:
            _delete(path)
        return job, has_ended

    def _end(self, job: Job, header: Header, closing: Closing) -> tuple[Job, bool]:
        if job.status.is_final:
            return job, False
        verdict = decide(self._facts(job, header, closing))
        at = self._store.queue.time_of(job, verdict.at or header.started)
        try:
            job = self._store.transition(job, verdict.status, at=at, by=_BY, reason=verdict.reason, rc=closing.rc)
        except StaleTransition:  # another receiver saw the same end
            return self._store.job(str(job.id)), False
        return job, True

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


def _is_over(closing: Closing, gone: Gone) -> bool:
    if closing.exit is not None:
        return True
    return gone.starter and (closing.eof is not None or gone.ansible)


def _delete(path: Path) -> None:
    # Where the folder is not ours to change, the spool stays and is found to be done each time.
    with suppress(OSError):
        path.unlink()


def _hold(file: BinaryIO) -> bool:
    """Keep a spool for oneself until it is closed; return False where another receiver keeps it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: receivers may get in each other's way, and store everything once still
    return True
