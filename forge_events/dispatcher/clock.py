# SPDX-License-Identifier: Apache-2.0
"""Time as whoever works on a node counts it: the database's clock, and what passes here, which no clock can change."""

from __future__ import annotations

import datetime
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forge_events.store import Store

__all__ = ["Clock", "Watch"]

_TOO_SLOW = 2.0
"""Seconds after which an answer tells too little of when it was given."""


class Clock:
    """The database's clock as it was read once; what passes from then on is counted, and no other clock is looked at.

    :param own: gives what this machine's clock shows, which is only compared.
    :raises StoreUnavailable: the database cannot be used.
    """

    def __init__(self, store: Store, own: Callable[[], datetime.datetime]) -> None:
        asked, before = time.monotonic(), own()
        self._at = store.now()
        took, after = time.monotonic() - asked, own()
        # As long on the way there as on the way back, as far as anybody can tell.
        self._read = asked + took / 2
        self._offset = (before - self._at + (after - before) / 2).total_seconds()
        self._is_compared = took <= _TOO_SLOW

    @property
    def offset(self) -> float | None:
        """By how many seconds this machine's clock is ahead; None where the answer took too long to tell."""
        return self._offset if self._is_compared else None

    def now(self) -> datetime.datetime:
        """Return what the database's clock shows by now."""
        return self._at + datetime.timedelta(seconds=time.monotonic() - self._read)


class Watch:
    """For how long others have been silent, by the time that passes here.

    A stamp tells when it was made by a clock that may be set, and all of them grow old while the database is away. That
    the same stamp is found again and again tells that nobody makes another one.

    :param lost_after: seconds; a look that comes much later than this tells of whoever looks, and all begins anew.
    """

    def __init__(self, lost_after: float) -> None:
        self._lost_after = lost_after
        self._looked = -math.inf
        self._found: dict[int | str, tuple[datetime.datetime | None, float]] = {}

    def look(self, stamps: Mapping[int | str, datetime.datetime | None], at: float) -> None:
        """Take the last stamp of each of the others.

        :param at: seconds, of a clock that nobody sets.
        """
        is_late = at - self._looked > 2 * self._lost_after
        before, self._looked = {} if is_late else self._found, at
        self._found = {}
        for whose, stamp in stamps.items():
            known, since = before.get(whose, (stamp, at))
            self._found[whose] = (stamp, since if known == stamp else at)

    def is_silent(self, whose: int | str) -> bool:
        """Return whether somebody has been silent for too long before our eyes; not so whoever was never seen."""
        return whose in self._found and self._looked - self._found[whose][1] >= self._lost_after
