# SPDX-License-Identifier: Apache-2.0
"""Move spooled events to the store, exactly once, and decide how their jobs ended."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
from forge_events.ingestion import process
from forge_events.ingestion.damage import set_aside
from forge_events.ingestion.header import NewerFormat, NoHeader, read_header
from forge_events.ingestion.intake import Intake, Received

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from forge_events.ingestion.header import Header
    from forge_events.store.contract import Store

__all__ = ["TURN", "Received", "Receiver", "drain", "ingest"]

_LOG = logging.getLogger(__name__)

_PATIENCE = 60.0
"""Seconds that a file may be without a whole header before it counts as broken."""

TURN = 4
"""How many batches of a spool a receiver takes in before it turns to the next one."""

_REFUSED = "the database does not take what its header says"

_Signature = tuple[int, int, int]


class _Known(NamedTuple):
    """How a spool was when it was last read: the file, its header if it has one, and which processes had ended."""

    signature: _Signature
    header: Header | None
    gone: process.Gone | None


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
        self._known: dict[Path, _Known] = {}
        self._suspects: set[Path] = set()
        self.use(store)

    def use(self, store: Store) -> None:
        """Go on with another store for the same database, opened again after an outage."""
        self._intake = Intake(store, is_owner=self._is_owner)

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

        :param limit: the share of a spool in batches of some hundred events; None brings in all, even if another
            receiver is at it.
        """
        waiting: list[tuple[Path, _Signature, Header]] = []
        for path, signature in self._changed():
            try:
                with open_binary(path) as file:
                    waiting.append((path, signature, read_header(str(path), file)))
            except FileNotFoundError:
                continue  # another receiver has finished it
            except (BrokenSpool, OSError) as error:
                # A header may still be on its way.
                if not isinstance(error, NoHeader) or now.timestamp() - signature[2] / 1e9 >= _PATIENCE:
                    yield self._remember(self._refused(path, error, limit), _Known(signature, None, None))
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

    def _gone(self, header: Header | None) -> process.Gone | None:
        return None if header is None else process.gone(header, assume_gone=not self._is_owner)

    def _receive(self, path: Path, signature: _Signature, header: Header, limit: int | None) -> Iterator[Received]:
        # Before the spool is read: what a process wrote last is there once it has ended.
        gone = process.gone(header, assume_gone=not self._is_owner)
        try:
            received = self._received(path, header, gone, limit)
        except FileNotFoundError:
            return
        except StoreUnavailable:
            self._suspects.add(path)
            raise
        self._suspects.discard(path)
        yield self._remember(received, _Known(signature, header, gone))

    def _received(self, path: Path, header: Header, gone: process.Gone, limit: int | None) -> Received:
        try:
            return self._intake.receive(path, header, gone, limit=limit)
        except FileNotFoundError:
            raise
        except ValueRejected:
            return Received(path, problem=_REFUSED, kept=set_aside(path) if self._is_owner else None)
        except UnknownJob:
            return Received(path, has_more=True)  # it has been dropped just now; a spool that is left begins it anew
        except (InvalidTransition, StaleTransition) as error:
            return Received(path, problem=str(error))
        except (BrokenSpool, OSError) as error:
            return self._refused(path, error, limit)
        except (StoreUnavailable, SchemaMismatch):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours with one spool is none of the others'
            _LOG.debug("the fault", exc_info=error)
            return Received(path, problem=f"it makes forge-events fail: {type(error).__name__}")

    def _refused(self, path: Path, error: BrokenSpool | OSError, limit: int | None) -> Received:
        # Who comes once is told once; who keeps coming tries again what may work later.
        may_work = isinstance(error, OSError) and not isinstance(error, NotRegular)
        is_spool = may_work or isinstance(error, NewerFormat)
        kept = None if is_spool or not self._is_owner else set_aside(path)
        return Received(path, problem=_reason(error), kept=kept, is_postponed=may_work and limit is not None)

    def _remember(self, received: Received, known: _Known) -> Received:
        if not (received.has_more or received.is_postponed):
            self._known[received.path] = known
        return received


def drain(spool_dir: Path, store: Store, now: datetime.datetime) -> list[Received]:
    """Bring all spools of a folder into a store once; see :meth:`Receiver.drain`."""
    return Receiver(spool_dir, store).drain(now)


def ingest(path: Path, store: Store, now: datetime.datetime) -> list[Received]:
    """Bring a spool, or all spools of a folder, from elsewhere into a store. The files stay as they are.

    Doing it again changes nothing. A job of another machine that has no end is closed as ``error``.

    :raises BrokenSpool: the file cannot be read or is no spool; in a folder, such files are told of in the result.
    """
    if path.is_dir():
        return Receiver(path, store, is_owner=False).drain(now)
    try:
        with open_binary(path, follows=True) as file:
            header = read_header(str(path), file)
        gone = process.gone(header, assume_gone=True)
        return [Intake(store, is_owner=False, follows=True).receive(path, header, gone)]
    except OSError as error:
        raise BrokenSpool(str(path), _reason(error)) from error
    except ValueRejected as error:
        raise BrokenSpool(str(path), _REFUSED) from error


def _reason(error: BrokenSpool | OSError) -> str:
    return error.reason if isinstance(error, BrokenSpool) else error.strerror or str(error)
