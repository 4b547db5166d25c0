# SPDX-License-Identifier: Apache-2.0
"""Try a short transaction again while others hold the locks that it needs."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from forge_events.errors import StoreBusy

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ATTEMPTS", "patiently"]

ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


def patiently(work: Callable[[], object], where: str) -> None:
    """Do a piece of work that is one transaction, again and again until no lock stands in its way.

    Whoever waits for a lock that nobody can share holds up all who come after; so each attempt waits for no longer than
    the lock_timeout, and the pauses between them let the others through.

    :raises StoreBusy: it was locked at every attempt.
    """
    for attempt in range(ATTEMPTS):
        try:
            work()
        except StoreBusy:
            time.sleep(random.uniform(0.5, 1) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))  # noqa: S311
        else:
            return
    raise StoreBusy(where, f"others kept it locked {ATTEMPTS} times")
