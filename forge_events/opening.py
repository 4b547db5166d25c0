# SPDX-License-Identifier: Apache-2.0
"""Open the store that the settings name, with everything in it that has been spooled so far: no daemon is needed."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from forge_events import settings
from forge_events.ingestion.receiver import Receiver
from forge_events.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.ingestion.receiver import Received
    from forge_events.settings import Settings
    from forge_events.store import Store

__all__ = ["Session", "open", "opened"]


class Session(NamedTuple):
    """An open store and the receiver of the spools that flow into it.

    :param told: takes what came of each spool.
    """

    store: Store
    receiver: Receiver
    told: Callable[[Received], object]

    def drain(self) -> None:
        """Bring what has been spooled into the store."""
        for received in self.receiver.drain(datetime.datetime.now(datetime.UTC)):
            self.told(received)


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
        yield Session(store, Receiver(found.spool_dir, store), told)


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
