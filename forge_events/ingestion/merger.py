# SPDX-License-Identifier: Apache-2.0
"""Merge the store's partitions beside the work of a receiver."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from forge_events.errors import ForgeEventsError
from forge_events.services.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from forge_events.services.stopping import Stop
    from forge_events.store import Store
    from forge_events.store.records import Merged

__all__ = ["Merger"]


class Merger:
    """Merge in a thread with a store of its own, again and again.

    :param open_store: opens that store.
    :param every: seconds from the beginning of one merge to that of the next one, at least.
    """

    def __init__(self, open_store: Callable[[], Store], stop: Stop, *, every: float) -> None:
        self._open_store, self._stop, self._every = open_store, stop, every
        self._merged: deque[Merged] = deque()
        self._begun: float | None = None
        self._thread = Beside("merge", self._merge)

    def begin(self, now: float) -> bool:
        """Begin to merge, if it is time for it and nothing is being merged; return whether it is begun.

        :param now: seconds, of a clock that nobody sets.
        """
        is_early = self._begun is not None and now - self._begun < self._every
        if is_early or not self._thread.begin():
            return False
        self._begun = now
        return True

    def merged(self) -> Iterator[Merged]:
        """Yield the blocks that were merged since the last call."""
        for _ in range(len(self._merged)):
            yield self._merged.popleft()

    def end(self) -> None:
        """Wait a moment for a merge that was told to stop; what is left half done is thrown away by the next one."""
        self._thread.end()

    def _merge(self) -> None:
        try:
            with self._open_store() as store:
                for merged in store.merge():
                    self._merged.append(merged)
                    if self._stop.is_set():
                        return
        except ForgeEventsError:
            return  # the receiver meets it too and tells of it; the next merge goes on where this one ended
