# SPDX-License-Identifier: Apache-2.0
"""Open the store that the settings name, with everything in it that has been spooled so far: no daemon is needed."""

from __future__ import annotations

import datetime
import os
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from forge_events import settings
from forge_events.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from forge_events.ingestion.receiver import Received, Receiver
    from forge_events.settings import Settings
    from forge_events.store import Store

__all__ = ["Session", "open", "opened"]


class Session:
    """An open store and the spools that flow into it.

    :param told: takes what came of each spool.
    """

    def __init__(self, store: Store, spool_dir: Path, told: Callable[[Received], object]) -> None:
        self.store = store
        self._spool_dir, self._told = spool_dir, told

    @cached_property
    def receiver(self) -> Receiver:
        """What brings the spools into the store."""
        from forge_events.ingestion.receiver import Receiver

        return Receiver(self._spool_dir, self.store)

    def drain(self) -> None:
        """Bring what has been spooled into the store."""
        if _is_empty(self._spool_dir):  # mostly it is; then what would read it need not be loaded
            return
        for received in self.receiver.drain(datetime.datetime.now(datetime.UTC)):
            self._told(received)


def _is_empty(folder: Path) -> bool:
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except FileNotFoundError:
        return True
    except OSError:
        return False  # the receiver says what is wrong


@contextmanager
def opened(found: Settings | None = None, *, told: Callable[[Received], object] = lambda _: None) -> Iterator[Session]:
    """Open the store as it is.

    :param found: the settings; those of the environment where none are given.
    :param told: takes what came of each spool that is brought in later.
    :raises InvalidSettings: the environment's cannot be.
    :raises StoreUnavailable: it cannot be used.
    :raises SchemaMismatch: its tables are of another version.
    """
    found = found or settings.load()
    with open_store(found.database_url) as store:
        yield Session(store, found.spool_dir, told)


@contextmanager
def open(found: Settings | None = None) -> Iterator[Store]:  # noqa: A001 - as in gzip.open
    """Open the store, and bring in what has been spooled so far.

    What is spooled later is brought in by :func:`forge_events.drain`, or by a receiver. A store is for one thread.

    :param found: the settings; those of the environment where none are given.
    :raises InvalidSettings: the environment's cannot be.
    :raises StoreUnavailable: it cannot be used.
    :raises SchemaMismatch: its tables are of another version.
    """
    with opened(found) as session:
        session.drain()
        yield session.store
