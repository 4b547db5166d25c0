# SPDX-License-Identifier: Apache-2.0
"""What everything that can be ingested has in common."""

from __future__ import annotations

import datetime  # noqa: TC003 - the names of a NamedTuple are looked at
from collections.abc import Callable  # noqa: TC003 - the same
from pathlib import Path  # noqa: TC003 - the same
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.ingestion.intake import Received
    from forge_events.store.contract import Store

__all__ = ["Source", "Wish"]


def _nobody(_count: int) -> None:
    """Take no notice of how many events have been taken in."""


class Wish(NamedTuple):
    """How to ingest.

    :param clock: tells the present time.
    :param keeps_environment: keep the environment that runner gave to Ansible, without what looks like a secret.
    :param pause: waits a moment for more to come, until the job is over; None takes what is there.
    :param seen: is told how many events of a source have been taken in so far.
    """

    clock: Callable[[], datetime.datetime]
    keeps_environment: bool = False
    pause: Callable[[], None] | None = None
    seen: Callable[[int], None] = _nobody


class Source(Protocol):
    """Something that can be ingested: a job, as a rule."""

    path: Path

    def ingest(self, store: Store, wish: Wish) -> Iterator[Received]:
        """Bring it into a store, and yield what came of it and what could not be taken.

        :raises StoreUnavailable: the store cannot be used.
        """
