# SPDX-License-Identifier: Apache-2.0
"""Work in a thread beside a service's loop, which neither waits for it nor comes to harm by it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Beside"]


class Beside:
    """One piece of work at a time, in a thread that does not outlive its process.

    :param grace: seconds to wait at the end for what is in hand.
    """

    def __init__(self, name: str, work: Callable[[], None], *, grace: float = 5.0) -> None:
        self._name, self._work, self._grace = name, work, grace
        self._thread: threading.Thread | None = None

    def begin(self) -> bool:
        """Begin, unless it is at work; return whether it has begun."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()
        return True

    def end(self) -> None:
        """Wait a moment for what is in hand; it was told to stop."""
        if self._thread is not None:
            self._thread.join(self._grace)
