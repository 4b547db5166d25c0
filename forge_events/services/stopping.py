# SPDX-License-Identifier: Apache-2.0
"""A wish to stop, and the signals that express it."""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["HasFileno", "Stop", "stopped_by_signals"]


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


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Turn SIGTERM and Ctrl-C into a wish to stop; a second one of the same kind ends the process at once.

    :raises KeyboardInterrupt: it was Ctrl-C, and everything is done that had to be.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    seen: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        seen.append(number)
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    # A shell that starts a command in the background has it ignore Ctrl-C.
    for number in [number for number, handler in before.items() if handler is not signal.SIG_IGN]:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signal.SIGINT in seen:
        raise KeyboardInterrupt
