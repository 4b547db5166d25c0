# SPDX-License-Identifier: Apache-2.0
"""Take one spool in: its events to the store, and at its end the job to its final status.

A spool is over when nobody will write to it any more: its starter wrote the exit code; or no starter is left that
would, and the recorder closed the spool or its process has ended. So a job that ``forge-events record`` started is
final only with its exit code, unless that starter was killed.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events.errors import StaleTransition
from forge_events.events import EventFilter
from forge_events.files import open_binary
from forge_events.ingestion import damage
from forge_events.ingestion.counters import Counters
from forge_events.ingestion.delivery import Delivery
from forge_events.ingestion.header import read_header
from forge_events.ingestion.lines import Closing, batches
from forge_events.ingestion.outcome import End, decide
from forge_events.ingestion.place import source_of, start_of
from forge_events.jobs import PRESUMED, JobStatus

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
    :param follows: the user has named the spools, and where one is a link it is followed.
    """

    def __init__(self, store: Store, *, is_owner: bool, follows: bool = False) -> None:
        self._store = store
        self._is_owner = is_owner
        self._follows = follows

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
        :raises OSError: the spool cannot be read, or its damaged lines not be kept. BrokenSpool: it is none any more.
        :raises ValueRejected: the database does not take what the header says.
        """
        with open_binary(path, follows=self._follows) as file:
            if read_header(str(path), file) != header:
                return Received(path, has_more=True)  # another spool has just taken its place
            if limit is not None and not _hold(file):
                return Received(path, is_postponed=True)
            job, has_begun = self._begin(header)
            delivery = Delivery(self._store, job, source_of(header.job_uuid, file), file)
            if self._is_owner:
                delivery.keep_damages_beside(path)
            closing = self._take(file, job, delivery, limit)
            if closing is not None and closing.exit is None and said is not None:
                closing.exit = dict(said)
            job, has_ended = self._finish(header, gone, closing, self._store.job(str(job.id)))
            if self._is_owner and job.status.is_final and closing is not None and _is_over(closing, gone):
                _delete(path, file)
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
            start = start_of(self._store, delivery.source, file)
            for count, batch in enumerate(batches(file, job.id, start, closing), 1):
                counters.sort_out(batch)
                if not delivery.deliver(batch):
                    break  # another receiver was quicker; what is left is read again
                # The position stays before the closing lines, so whoever stopped behind them would come here again.
                if count == limit and closing.start is None:
                    return None
            else:
                return closing

    def _finish(self, header: Header, gone: Gone, closing: Closing | None, job: Job) -> tuple[Job, bool]:
        """End the job, if its spool is over."""
        if closing is None or not _is_over(closing, gone):
            return job, False
        if closing.exit is None and job.cancel_requested is not None:
            return job, False  # whoever cancels it says so when all of its processes have ended
        return self._end(job, header, closing)

    def _end(self, job: Job, header: Header, closing: Closing) -> tuple[Job, bool]:
        """Let the job end as its source says; an end that was presumed gives way to one that is told."""
        has_ended = job.status.is_final
        if has_ended and (closing.is_presumed or not self._is_presumed(job)):
            return job, False
        verdict = decide(self._facts(job, header, closing))
        at, by = verdict.at or header.started, PRESUMED if closing.is_presumed else _BY
        at = self._store.queue.time_of(job, at)
        end = self._store.correct if has_ended else self._store.transition
        try:
            return end(job, verdict.status, at=at, by=by, reason=verdict.reason, rc=closing.rc), True
        except StaleTransition:  # another receiver saw the same end
            return self._store.job(str(job.id)), False

    def _is_presumed(self, job: Job) -> bool:
        """Return whether a job is an error only since its source broke off."""
        return job.status is JobStatus.ERROR and self._store.transitions(job.id)[-1].by == PRESUMED

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


def _delete(path: Path, file: BinaryIO) -> None:
    # Where the folder is not ours to change, the spool stays and is found to be done each time.
    with suppress(OSError):
        if os.path.samestat(path.lstat(), os.fstat(file.fileno())):
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
