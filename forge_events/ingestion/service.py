# SPDX-License-Identifier: Apache-2.0
"""Receive for as long as the machine runs: what is spooled goes to the store, whatever becomes of the database.

A round is one turn of every spool that has something new. While there is more, round follows round; then the folder is
watched. When the database is away, everything stays in the spools, and it is tried again with growing pauses.
"""

from __future__ import annotations

import datetime
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from forge_events.errors import BrokenSpool, StoreUnavailable
from forge_events.ingestion.merger import Merger
from forge_events.ingestion.receiver import Receiver
from forge_events.services import outages
from forge_events.services.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forge_events.ingestion.receiver import Received
    from forge_events.services.stopping import Stop
    from forge_events.store import Store
    from forge_events.store.records import Merged

__all__ = ["Pace", "Reports", "Round", "Service"]

_SHORTLY = 0.1
"""Seconds before a spool is tried again that another receiver was at."""


class Pace(NamedTuple):
    """How often things are done, in seconds.

    :param poll: a folder that tells nothing is looked at this often.
    :param merge: partitions are merged no more often than this, and not while there is a backlog.
    :param first_pause: the pause before a database that was away is tried again; it doubles up to ``longest_pause``.
    """

    poll: float = 1.0
    merge: float = 300.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


class Reports(outages.Reports, Protocol):
    """Who wants to know what happens."""

    def received(self, received: Received) -> None:
        """Take what came of a spool that something came of."""

    def merged(self, merged: Merged) -> None:
        """Take that a block of partitions was merged."""


class Round(NamedTuple):
    """What one round did.

    :param event_count: how many events were taken in.
    :param has_more: there is more to do at once.
    :param has_others: another receiver is at some of the spools.
    :param outage: why the round could not be done, or not to its end.
    """

    event_count: int = 0
    has_more: bool = False
    has_others: bool = False
    outage: StoreUnavailable | BrokenSpool | None = None


class Service:
    """Receive until it is time to stop.

    :param open_store: opens the store: now, again when the database was away, and for merging.
    """

    def __init__(
        self, open_store: Callable[[], Store], spool_dir: Path, reports: Reports, stop: Stop, pace: Pace | None = None
    ) -> None:
        self._open_store, self._spool_dir, self._reports, self._stop = open_store, spool_dir, reports, stop
        self._pace = pace or Pace()
        self._outages = outages.Outages(reports, self._pace.first_pause, self._pace.longest_pause)
        self._merger = Merger(open_store, stop, every=self._pace.merge)
        self._store: Store | None = None
        self._receiver: Receiver | None = None
        self._told: dict[Path, str] = {}

    def run(self) -> None:
        """Do round after round until it is time to stop; the batches in hand are finished.

        :raises SchemaMismatch: the database has another schema, from the beginning or by now.
        """
        try:
            with Watch(self._spool_dir, self._stop, poll=self._pace.poll) as watch:
                outages.keep_going(self._stop, lambda: self.run_once(_now()), partial(self._rest, watch), self._outages)
        finally:
            self._merger.end()
            self._close()

    def drain(self) -> None:
        """Do rounds until everything is in the store.

        :raises StoreUnavailable: the store cannot be used; what is not in it stays in the spools.
        :raises BrokenSpool: the folder cannot be read.
        """
        try:
            while not self._stop.is_set():
                done = self._round(_now())
                if not (done.has_more or done.has_others):
                    return
                if not done.has_more:
                    self._stop.wait(_SHORTLY)
        finally:
            self._close()

    def run_once(self, now: datetime.datetime) -> Round:
        """Do one round."""
        try:
            return self._round(now)
        except (StoreUnavailable, BrokenSpool) as error:
            self._close()
            return Round(outage=error)

    def _rest(self, watch: Watch, done: Round) -> bool:
        """Wait for what makes another round worth while."""
        if not done.has_more:
            self._merger.begin(time.monotonic())
            watch.wait()
            for merged in self._merger.merged():
                self._reports.merged(merged)
        return True

    def _round(self, now: datetime.datetime) -> Round:
        event_count, has_more, has_others = 0, False, False
        troubles: dict[Path, str] = {}
        for received in self._opened().turn(now):
            event_count += received.event_count
            has_more = has_more or received.has_more
            has_others = has_others or (received.is_postponed and not received.problem)
            if received.is_postponed and received.problem:
                troubles[received.path] = received.problem
            self._tell(received)
            if self._stop.is_set():
                break
        self._told = troubles
        return Round(event_count, has_more, has_others)

    def _tell(self, received: Received) -> None:
        """Pass on what came of a spool; what is tried again and again is told of once."""
        if not received.is_postponed or self._told.get(received.path, "") != received.problem:
            self._reports.received(received)

    def _opened(self) -> Receiver:
        if self._receiver is None or self._store is None:
            self._store = self._open_store()
            if self._receiver is None:
                self._receiver = Receiver(self._spool_dir, self._store)
            self._receiver.use(self._store)
        return self._receiver

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
