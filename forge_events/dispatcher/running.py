# SPDX-License-Identifier: Apache-2.0
"""Bring what jobs write into the store while they run; how they ended is found out and said elsewhere.

The executor looks at its jobs ten times a second in any case, and a spool that has not grown costs a ``stat``. So
nothing is watched, and a node without jobs has nothing to do.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from forge_events.errors import BrokenSpool, InvalidTransition, StaleTransition, UnknownJob, ValueRejected
from forge_events.ingestion.receiver import TURN, SpoolIntake

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forge_events.dispatcher.execution import Execution
    from forge_events.store import Store

__all__ = ["receive_running"]

_SLICE = 0.1
"""Seconds after which no further spool has its turn: decisions and heartbeats come first."""


def receive_running(executions: Iterable[Execution], store: Store) -> None:
    """Take in some of what running jobs have written, those first that waited the longest.

    No job ends by it: one that is final while its process is about to end is taken for one that must be stopped.

    :raises StoreUnavailable: the database cannot be used; what is not in it stays in the spools.
    """
    intake = SpoolIntake(store, is_owner=True, ends=False)
    until = time.monotonic() + _SLICE
    for execution in sorted(executions, key=lambda execution: execution.turn):
        if time.monotonic() >= until:
            break
        execution.turn = time.monotonic()
        # What cannot be taken in is told of at the job's end, and another receiver may be quicker.
        with suppress(OSError, BrokenSpool, ValueRejected, UnknownJob, StaleTransition, InvalidTransition):
            _receive(execution, intake)


def _receive(execution: Execution, intake: SpoolIntake) -> None:
    stat = execution.spool.stat(follow_symlinks=False)
    found = stat.st_ino, stat.st_size
    if found != execution.seen:
        received = intake.receive(execution.spool, limit=TURN)
        execution.seen = None if received.has_more or received.is_postponed else found
