# SPDX-License-Identifier: Apache-2.0
"""Wake a loop from another thread."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["Bell"]


class Bell:
    """What one thread rings and another waits for, as for a :class:`forge_events.store.listeners.Listener`."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def ring(self) -> None:
        """Wake who waits, or comes to wait; any number of rings before that are one."""
        with suppress(BlockingIOError):  # it is full of rings that nobody has heard yet
            os.write(self._writer, b".")

    def fileno(self) -> int:
        """Return what can be read once it was rung."""
        return self._reader

    def drain(self) -> bool:
        """Return whether it was rung, and forget it."""
        with suppress(BlockingIOError):
            return bool(os.read(self._reader, 65536))
        return False
