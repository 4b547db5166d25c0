# SPDX-License-Identifier: Apache-2.0
"""Say in the store that this process is there and what it does, beside what it does.

A dispatcher does this by itself, since jobs depend on it. Nothing depends on this: people see who works, and who does
not any more.
"""

from __future__ import annotations

import datetime
import os
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from forge_events.dispatcher import machine, processes
from forge_events.errors import ForgeEventsError
from forge_events.services.beside import Beside
from forge_events.services.stopping import Stop
from forge_events.store import open_store
from forge_events.store.records import Process, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from forge_events.settings import Settings
    from forge_events.store import Store

__all__ = ["Pace", "Presence", "present"]


class Pace(NamedTuple):
    """How often it is said, and after how long a process that says nothing counts as lost; both in seconds."""

    heartbeat: float
    lost_after: float


class Presence:
    """What this process does, as the store knows it.

    :param open_it: opens the store, for each time that something is said.
    """

    def __init__(
        self, open_it: Callable[[], Store], node: str, role: Role, pace: Pace, facts: Mapping[str, str]
    ) -> None:
        self._open, self._node, self._role, self._pace, self._facts = open_it, node, role, pace, facts
        self._process: Process | None = None

    def run(self, stop: Stop) -> None:
        """Say it again and again until it is time to stop; where the database is away, nobody is told."""
        while not stop.is_set():
            with suppress(ForgeEventsError):
                self.run_once()
            stop.wait(self._pace.heartbeat)
        with suppress(ForgeEventsError):
            self.end()

    def run_once(self) -> Process:
        """Say it now.

        :raises StoreUnavailable: the database cannot be used.
        """
        with self._open() as store:
            now = store.now()
            if self._process is None or not store.processes.beat(self._process, now):
                self._process = store.processes.sign_on(self._itself(now), lost_after=self._pace.lost_after)
        return self._process

    def end(self) -> None:
        """Say that it ends.

        :raises StoreUnavailable: the database cannot be used; the process is going to be missed.
        """
        if self._process is not None:
            with self._open() as store:
                store.processes.sign_off(self._process)

    def _itself(self, now: datetime.datetime) -> Process:
        own = processes.identity(os.getpid())
        started = now if own is None else datetime.datetime.fromtimestamp(own.started, datetime.UTC)
        own_machine = machine.name()
        return Process(0, self._node, own_machine, os.getpid(), started, now, role=self._role, facts=self._facts)


@contextmanager
def present(found: Settings, role: Role, facts: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Say meanwhile, in a thread, that this process does something.

    :param facts: see :class:`forge_events.store.records.Process`.
    """
    pace = Pace(found.heartbeat, found.node_lost_after)
    presence = Presence(lambda: open_store(found.database_url), found.node, role, pace, facts)
    with Stop() as stop:
        thread = Beside(f"forge-events {role}", lambda: presence.run(stop))
        thread.begin()
        try:
            yield
        finally:
            stop.set()
            thread.end()
