# SPDX-License-Identifier: Apache-2.0
"""Move spooled events to the store, exactly once, and let their jobs end.

A spool is over when nobody will write to it any more: its starter wrote the exit code; or no starter is left that
would, and the recorder closed the spool or its process has ended. So a job that ``forge-events record`` started is
final only with its exit code, unless that starter was killed.
"""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from forge_events import spool
from forge_events.errors import (
    BrokenSpool,
    InvalidTransition,
    SchemaMismatch,
    StaleTransition,
    StoreUnavailable,
    UnknownJob,
    ValueRejected,
)
from forge_events.files import NotRegular, open_binary
from forge_events.ingestion import damage
from forge_events.ingestion.damage import set_aside
from forge_events.ingestion.intake import JobIntake
from forge_events.ingestion.spools import (
    Closing,
    Gone,
    NewerFormat,
    NoHeader,
    batches,
    gone,
    read_header,
    source_of,
    start_of,
)

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from forge_events.ingestion.damage import Damage
    from forge_events.ingestion.spools import Header
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["TURN", "Received", "Receiver", "Round", "SpoolIntake", "drain", "receive"]

_LOG = logging.getLogger(__name__)

_PATIENCE = 60.0
"""Seconds that a file may be without a whole header before it counts as broken."""

TURN = 2
"""How many batches of a spool a receiver takes in before it turns to the next one."""

_REFUSED = "the database does not take what its header says"

_Signature = tuple[int, int, int]


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


class SpoolIntake:
    """Take one spool in: its events to the store, and at its end the job to its final status.

    :param is_owner: delete a spool when its job is final and all of it is stored, and keep its damaged lines beside it.
    :param follows: the user has named the spools, and where one is a link it is followed.
    :param assumes_end: processes of another machine are taken to have ended.
    :param ends: end the job when its spool is over; otherwise that is left to another call.
    """

    def __init__(
        self, store: Store, *, is_owner: bool, follows: bool = False, assumes_end: bool = False, ends: bool = True
    ) -> None:
        self._store, self._is_owner, self._follows, self._assumes_end = store, is_owner, follows, assumes_end
        self._ends = ends

    def receive(
        self,
        path: Path,
        expected: Header | None = None,
        *,
        limit: int | None = None,
        said: Mapping[str, Any] | None = None,
    ) -> Received:
        """Take in what is new in a spool.

        :param expected: the header that the spool has, where that is known.
        :param limit: read no more than so many batches, and none while another receiver reads with a limit.
        :param said: what the caller would have written as the spool's last line, had there been room for it.
        :raises OSError: the spool cannot be read, or its damaged lines not be kept. BrokenSpool: it is none, or none
            any more.
        :raises ValueRejected: the database does not take what the header says.
        """
        with open_binary(path, follows=self._follows) as file:
            header = read_header(str(path), file)
            # Before the spool is read: what a process wrote last is there once it has ended.
            ended = gone(header, assume_gone=self._assumes_end)
            if expected is not None and header != expected:
                return Received(path, has_more=True)  # another spool has just taken its place
            if limit is not None and not _hold(file):
                return Received(path, is_postponed=True)
            spool_path = path if self._is_owner else None
            intake = JobIntake(self._store, header, source_of(header.job_uuid, file), file, spool_path)
            closing = self._take(intake, file, limit)
            has_ended = self._end(intake, ended, closing, said)
            if self._is_owner and intake.job.status.is_final and closing is not None and _is_over(closing, ended):
                _delete(path, file)
        return Received(
            path,
            intake.job,
            intake.event_count,
            intake.damages,
            kept=damage.kept_in(path) if intake.damages and self._is_owner else None,
            has_begun=intake.has_begun,
            has_ended=has_ended,
            has_more=closing is None,
        )

    def _take(self, intake: JobIntake, file: BinaryIO, limit: int | None) -> Closing | None:
        """Store batch after batch; return how the spool ends, None if the limit came first."""
        while True:
            closing = Closing()
            start = start_of(self._store, intake.source, file)
            for count, batch in enumerate(batches(file, start, closing), 1):
                if not intake.deliver(batch):
                    break  # another receiver was quicker; what is left is read again
                # The position stays before the closing lines, so whoever stopped behind them would come here again.
                if count == limit and batch.is_full and closing.start is None:
                    return None
            else:
                return closing

    def _end(self, intake: JobIntake, ended: Gone, closing: Closing | None, said: Mapping[str, Any] | None) -> bool:
        """End the job, if its spool is over."""
        intake.look_up()
        if closing is None or not self._ends:
            return False
        if closing.exit is None and said is not None:
            closing.exit = dict(said)
        if not _is_over(closing, ended):
            return False
        if closing.exit is None and intake.job.cancel_requested is not None:
            return False  # whoever cancels it says so when all of its processes have ended
        return intake.end(closing)


class _LastSeen(NamedTuple):
    """How a spool was when it was last read: the file, its header if it has one, and which processes had ended."""

    signature: _Signature
    header: Header | None
    gone: Gone | None


class Round(NamedTuple):
    """What one round of a receiver did.

    :param event_count: how many events were taken in.
    :param has_more: there is more to do at once.
    :param has_others: another receiver is at some of the spools.
    """

    event_count: int = 0
    has_more: bool = False
    has_others: bool = False


class Receiver:
    """Bring the spools of a folder into a store, again and again: one that has nothing new costs a look at its size.

    Any number of receivers, in any number of processes, may work on one folder.

    :param spool_dir: the folder; one that is missing is empty.
    :param is_owner: spools that are over are deleted, damaged lines are kept beside them, and files that are no spools
        are renamed. Otherwise nothing in the folder is changed, and a spool of another machine is taken to be over.
    """

    def __init__(self, spool_dir: Path, store: Store, *, is_owner: bool = True) -> None:
        self._spool_dir = spool_dir
        self._is_owner = is_owner
        self._known: dict[Path, _LastSeen] = {}
        self._suspects: set[Path] = set()
        self._reported: dict[Path, str] = {}
        self.use(store)

    def use(self, store: Store) -> None:
        """Go on with another store for the same database, opened again after an outage."""
        self._intake = SpoolIntake(store, is_owner=self._is_owner, assumes_end=not self._is_owner)

    def run_once(self, now: datetime.datetime, report: Callable[[Received], None]) -> Round:
        """Do one turn of every spool that has something new; one that has nothing costs a look at its size.

        :param report: takes what came of each; what is tried again and again is reported once.
        :raises BrokenSpool: the folder cannot be read.
        :raises StoreUnavailable: the store cannot be used; what is not in it stays in the spools.
        """
        event_count, has_more, has_others = 0, False, False
        problems: dict[Path, str] = {}
        for received in self.turn(now):
            event_count += received.event_count
            has_more = has_more or received.has_more
            has_others = has_others or (received.is_postponed and not received.problem)
            if received.is_postponed and received.problem:
                problems[received.path] = received.problem
            if not received.is_postponed or self._reported.get(received.path, "") != received.problem:
                report(received)
        self._reported = problems
        return Round(event_count, has_more, has_others)

    def drain(self, now: datetime.datetime) -> list[Received]:
        """Bring in all that is new, jobs in the order in which they started.

        :return: what came of each spool that was new, had grown, or had lost a process.
        :raises BrokenSpool: the folder cannot be read.
        :raises StoreUnavailable: the store cannot be used; what is not in it stays in the spools.
        """
        return list(self.turn(now, limit=None))

    def turn(self, now: datetime.datetime, *, limit: int | None = TURN) -> Iterator[Received]:
        """Bring in some of what is new in each spool, as :meth:`drain` does, and yield what came of each.

        A spool with more than its share has its next turn after the others; so has one that another receiver is at.

        :param limit: the share of a spool in batches of some thousand events; None brings in all, even if another
            receiver is at it.
        """
        waiting: list[tuple[Path, _Signature, Header]] = []
        for path, signature in self._changed():
            known = self._known.get(path)
            try:
                if known is not None and known.header is not None and known.signature[0] == signature[0]:
                    waiting.append((path, signature, known.header))
                else:
                    with open_binary(path) as file:
                        waiting.append((path, signature, read_header(str(path), file)))
            except FileNotFoundError:
                continue  # another receiver has finished it
            except (BrokenSpool, OSError) as error:
                # A header may still be on its way.
                if not isinstance(error, NoHeader) or now.timestamp() - signature[2] / 1e9 >= _PATIENCE:
                    yield self._remember(self._refused(path, error, limit), _LastSeen(signature, None, None))
        for path, signature, header in sorted(waiting, key=self._rank):
            yield from self._receive(path, signature, header, limit)

    def _rank(self, spool: tuple[Path, _Signature, Header]) -> tuple[bool, datetime.datetime]:
        # Should a spool be to blame for it that the store failed, the others are taken in all the same.
        return spool[0] in self._suspects, spool[2].started

    def _changed(self) -> Iterator[tuple[Path, _Signature]]:
        found = self._listing()
        self._suspects.intersection_update(found)
        self._known = {path: known for path, known in self._known.items() if path in found}
        for path, signature in found.items():
            known = self._known.get(path)
            if known is None or known.signature != signature or self._gone(known.header) != known.gone:
                yield path, signature

    def _listing(self) -> dict[Path, _Signature]:
        found: dict[Path, _Signature] = {}
        try:
            with os.scandir(self._spool_dir) as entries:
                for entry in entries:
                    # Whatever has such a name: what is no file, or leads to one, is found out when it is opened.
                    if entry.name.endswith(spool.SUFFIX):
                        with suppress(OSError):
                            stat = entry.stat(follow_symlinks=False)
                            found[Path(entry.path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise BrokenSpool(str(self._spool_dir), error.strerror or str(error)) from error
        return found

    def _gone(self, header: Header | None) -> Gone | None:
        return None if header is None else gone(header, assume_gone=not self._is_owner)

    def _receive(self, path: Path, signature: _Signature, header: Header, limit: int | None) -> Iterator[Received]:
        ended = self._gone(header)
        try:
            received = self._intake.receive(path, header, limit=limit)
        except FileNotFoundError:
            return
        except (StoreUnavailable, SchemaMismatch) as error:
            self._suspects |= {path} if isinstance(error, StoreUnavailable) else set()
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours with one spool is none of the others'
            received = self._failed(path, error, limit)
        self._suspects.discard(path)
        yield self._remember(received, _LastSeen(signature, header, ended))

    def _failed(self, path: Path, error: Exception, limit: int | None) -> Received:
        if isinstance(error, ValueRejected):
            return Received(path, problem=_REFUSED, kept=set_aside(path) if self._is_owner else None)
        if isinstance(error, UnknownJob):
            return Received(path, has_more=True)  # it has been dropped just now; a spool that is left begins it anew
        if isinstance(error, (InvalidTransition, StaleTransition)):
            return Received(path, problem=str(error))
        if isinstance(error, (BrokenSpool, OSError)):
            return self._refused(path, error, limit)
        _LOG.debug("the fault", exc_info=error)
        return Received(path, problem=f"it makes forge-events fail: {type(error).__name__}")

    def _refused(self, path: Path, error: BrokenSpool | OSError, limit: int | None) -> Received:
        # Who comes once is told once; who keeps coming tries again what may work later.
        may_work = isinstance(error, OSError) and not isinstance(error, NotRegular)
        is_spool = may_work or isinstance(error, NewerFormat)
        kept = None if is_spool or not self._is_owner else set_aside(path)
        return Received(path, problem=_reason(error), kept=kept, is_postponed=may_work and limit is not None)

    def _remember(self, received: Received, known: _LastSeen) -> Received:
        if not (received.has_more or received.is_postponed):
            self._known[received.path] = known
        elif received.job is None:
            self._known.pop(received.path, None)
        return received


def drain(spool_dir: Path, store: Store, now: datetime.datetime) -> list[Received]:
    """Bring all spools of a folder into a store once; see :meth:`Receiver.drain`."""
    return Receiver(spool_dir, store).drain(now)


def receive(path: Path, store: Store) -> Received:
    """Bring a spool from elsewhere into a store. The file stays as it is, and doing it again changes nothing.

    A job of another machine that has no end is closed as ``error``.

    :raises BrokenSpool: the file cannot be read or is no spool.
    """
    try:
        return SpoolIntake(store, is_owner=False, follows=True, assumes_end=True).receive(path)
    except OSError as error:
        raise BrokenSpool(str(path), _reason(error)) from error
    except ValueRejected as error:
        raise BrokenSpool(str(path), _REFUSED) from error


def _reason(error: BrokenSpool | OSError) -> str:
    return error.reason if isinstance(error, BrokenSpool) else error.strerror or str(error)


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
