# SPDX-License-Identifier: Apache-2.0
"""Drop what ended long ago, beside everything else, where a retention is set."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

from forge_events.errors import ForgeEventsError
from forge_events.services.beside import Beside
from forge_events.store.records import Retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.services.stopping import Stop
    from forge_events.store import Store

__all__ = ["Cleaner"]

_LOG = logging.getLogger(__name__)
_EVERY = 3600.0


class Cleaner:
    """Drops jobs with all that belongs to them; several may do so on one database, and each may be killed.

    :param days: so many days after its end a job is dropped.
    """

    def __init__(self, open_store: Callable[[], Store], days: int, stop: Stop) -> None:
        self._open, self._days, self._stop = open_store, days, stop
        self._thread = Beside("forge-events cleanup", self.run)

    def begin(self) -> None:
        """Begin, in a thread."""
        self._thread.begin()

    def end(self) -> None:
        """Wait a moment for what is in hand; it was told to stop."""
        self._thread.end()

    def run(self) -> None:
        """Drop every hour, until it is time to stop; what cannot be dropped now is dropped later."""
        while not self._stop.is_set():
            try:
                count = self.run_once()
            except ForgeEventsError as error:
                _LOG.warning("old jobs cannot be dropped: %s", error)
            else:
                if count:
                    _LOG.warning("%d jobs were dropped that ended more than %d days ago", count, self._days)
            self._stop.wait(_EVERY)

    def run_once(self) -> int:
        """Drop what is old by the database's clock, until it is time to stop; return how many jobs that were.

        :raises StoreUnavailable: the database cannot be used, or others keep locked what is needed.
        """
        count = 0
        with self._open() as store:
            which = Retention(store.now() - datetime.timedelta(days=self._days))
            for count, _ in enumerate(store.drop_jobs(which), 1):  # noqa: B007 - counted
                if self._stop.is_set():
                    break
        return count
