# SPDX-License-Identifier: Apache-2.0
"""A wish to stop, which a signal handler may express."""

from __future__ import annotations

import os
import select
from typing import Protocol, Self

__all__ = ["HasFileno", "Stop"]


class HasFileno(Protocol):
    """What can be waited for."""

    def fileno(self) -> int:
        """Return a descriptor."""


class Stop:
    """Whether it is time to stop.

    Not :class:`threading.Event`: a signal that comes while the main thread is inside of its lock would wait for ever.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back its descriptors."""
        os.close(self._reader)
        os.close(self._writer)

    def is_set(self) -> bool:
        """Return whether it is time to stop."""
        return self._is_set

    def set(self) -> None:
        """Ask to stop; a second call does nothing."""
        if not self._is_set:
            self._is_set = True
            os.write(self._writer, b".")

    def wait(self, seconds: float, *others: HasFileno) -> bool:
        """Wait until it is time to stop, for so many seconds at most; return whether it is.

        :param others: what ends the wait as well, once there is something to read from it.
        """
        waited_for: list[int | HasFileno] = [self._reader, *others]
        select.select(waited_for, [], [], seconds)
        return self._is_set
