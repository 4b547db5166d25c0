# SPDX-License-Identifier: Apache-2.0
"""Open the store for a command, and say what could not be brought into it."""

from __future__ import annotations

import datetime
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forge_events.tree import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.receiver import Received
    from forge_events.opening import Session
    from forge_events.store import Store

__all__ = ["days_ago", "now", "opened", "reading", "troubles"]


def now() -> datetime.datetime:
    """Return the present time in UTC by this machine's clock, for files; what is in the store has the store's."""
    return datetime.datetime.now(datetime.UTC)


def days_ago(store: Store, days: int) -> datetime.datetime:
    """Return the time so many days ago, or the first of all times where the calendar does not go back so far.

    By the database's clock: one that is wrong here must not drop what is young.
    """
    from forge_events.events import EARLIEST, in_utc

    try:
        return in_utc(store.now() - datetime.timedelta(days=days))
    except OverflowError:
        return EARLIEST


def troubles(received: Received) -> Iterator[str]:
    """Yield in a line each what a spool lost on its way into the store."""
    kept = f"; it is kept in {received.kept}" if received.kept is not None else ""
    if received.problem:
        yield printable(f"{received.path} cannot be ingested: {received.problem}{kept}")
    elif received.damages:
        count = len(received.damages)
        lines = "1 line is" if count == 1 else f"{count} lines are"
        yield printable(f"{received.path}: {lines} no event, the first one because {received.damages[0].reason}{kept}")


@contextmanager
def opened() -> Iterator[Session]:
    """Open the store that the settings name; what is lost on the way into it is told of on stderr, once."""
    import logging

    from forge_events import opening

    logging.basicConfig(format="forge-events: %(message)s", level=logging.WARNING)
    with opening.opened(told=_tell) as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """Open the store and bring in what has been spooled, as every reading command does."""
    with opened() as session:
        session.drain()
        yield session


def _tell(received: Received) -> None:
    for trouble in troubles(received):
        sys.stderr.write(f"forge-events: {trouble}\n")
