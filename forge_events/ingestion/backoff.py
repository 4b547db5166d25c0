# SPDX-License-Identifier: Apache-2.0
"""Pauses between attempts at something that does not work for the time being."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


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
