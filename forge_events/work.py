# SPDX-License-Identifier: Apache-2.0
"""Record and run jobs in a thread of a process that does something else, too."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from forge_events.dispatcher.container import Engine
from forge_events.dispatcher.notifier import Notices, Notifier
from forge_events.dispatcher.plan import Place
from forge_events.dispatcher.service import Pace
from forge_events.dispatcher.service import Service as Dispatching
from forge_events.ingestion.service import Service as Receiving
from forge_events.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.services.stopping import Stop
    from forge_events.settings import Settings

__all__ = ["dispatch", "receive"]


def receive(found: Settings, stop: Stop, tell: Callable[[str], object]) -> None:
    """Bring what is spooled into the store until it is time to stop."""
    Receiving(partial(open_store, found.database_url), found.spool_dir, _Troubles(tell), stop).run()


def dispatch(found: Settings, stop: Stop, tell: Callable[[str], object]) -> None:
    """Decide which job runs where, and run those of this node, until it is time to stop."""
    open_it = partial(open_store, found.database_url)
    engine = Engine(found.container_engine, found.container_pull, found.container_auth_file)
    place = Place(found.node, 0, found.work_dir, found.spool_dir, engine, has_receiver=True)
    pace = Pace(heartbeat=found.heartbeat, lost_after=found.node_lost_after, lease=found.job_lease)
    notices = Notices(Notifier(open_it), stop, lambda _: None)
    notices.begin()
    try:
        Dispatching(open_it, place, pace).run(stop, _Troubles(tell))
    finally:
        stop.set()
        notices.end()


class _Troubles:
    """Tells of troubles, and of nothing else."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def is_away(self, error: Exception, pause: float) -> None:
        """Tell that it is tried again."""
        self._tell(f"{error}; trying again in {pause:.1f} s")

    def is_back(self, seconds: float) -> None:
        """Tell that it works again."""
        self._tell(f"working again after {seconds:.0f} s")

    def received(self, received: Any) -> None:
        """Tell of a spool that cannot be taken in."""
        if received.problem:
            self._tell(f"{received.path} cannot be ingested: {received.problem}")

    def merged(self, merged: Any) -> None:
        """Say nothing."""

    def done(self, done: Any) -> None:
        """Say nothing."""
