# SPDX-License-Identifier: Apache-2.0
"""Go round and round; what a round needs and is away is told of once, and tried again with growing pauses."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.errors import ForgeEventsError
    from forge_events.services.stopping import Stop

__all__ = ["Backoff", "Outages", "Reports", "Round", "keep_going"]


class Backoff:
    """Pauses that double up to a longest one, each shortened by chance: many that wait shall not come all at once.

    :param first: seconds of the first pause, at most; at least half of them.
    :param longest: seconds that no pause is longer than.
    """

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._next = first

    def pause(self) -> float:
        """Return how many seconds to wait now."""
        pause, self._next = self._next, min(self._longest, self._next * 2)
        return pause * random.uniform(0.5, 1)  # noqa: S311 - nobody gains from guessing it

    def reset(self) -> None:
        """Begin with the first pause again: it works."""
        self._next = self._first


class Reports(Protocol):
    """Who wants to know of outages."""

    def is_away(self, error: ForgeEventsError, pause: float) -> None:
        """Take that something cannot be used, and is tried again after so many seconds; once until it is back."""

    def is_back(self, seconds: float) -> None:
        """Take that it can be used again, after so many seconds."""


class Round(Protocol):
    """What a round returns."""

    @property
    def outage(self) -> ForgeEventsError | None:
        """Why it could not be done, or not to its end; None if it was."""


Done = TypeVar("Done", bound=Round)


class Outages:
    """The outage that lasts now, if any.

    :param first: seconds of the first pause, ``longest`` those that no pause is longer than.
    """

    def __init__(self, reports: Reports, first: float, longest: float) -> None:
        self._reports, self._backoff = reports, Backoff(first, longest)
        self._since: float | None = None

    def lasts(self, error: ForgeEventsError) -> float:
        """Tell of an outage if it is new, and return how many seconds to wait before the next attempt."""
        pause = self._backoff.pause()
        if self._since is None:
            self._since = time.monotonic()
            self._reports.is_away(error, pause)
        return pause

    def is_over(self) -> None:
        """Tell that it works again, if it did not."""
        if self._since is not None:
            self._reports.is_back(time.monotonic() - self._since)
            self._since = None
            self._backoff.reset()


def keep_going(stop: Stop, run_once: Callable[[], Done], rest: Callable[[Done], bool], outages: Outages) -> None:
    """Do round after round until it is time to stop.

    :param rest: takes what a round did, waits for what makes another one worth while, and returns whether to go on.
    """
    while not stop.is_set():
        done = run_once()
        if done.outage is not None:
            stop.wait(outages.lasts(done.outage))
            continue
        outages.is_over()
        if not rest(done):
            return
