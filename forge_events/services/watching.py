# SPDX-License-Identifier: Apache-2.0
"""Wait until something may have changed in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from watchfiles import watch

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from forge_events.services.stopping import Stop

__all__ = ["Watch"]

_QUIET, _LONGEST = 50, 200
"""Milliseconds without another change after which changes are told of, and for which they are held back at most."""


class Watch:
    """The file system's notifications, and a poll behind them.

    Notifications may be missing: there is no folder yet, it was moved away, its file system gives none, or the machine
    has no more to give. So :meth:`wait` returns after a while in any case.

    :param poll: seconds that a wait takes at most.
    """

    def __init__(self, folder: Path, stop: Stop, *, poll: float) -> None:
        self._folder, self._stop, self._poll = folder, stop, poll
        self._changes: Generator[object, None, None] | None = None
        self._watched: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._end()

    def wait(self) -> None:
        """Wait until something may have changed, or it is time to stop."""
        found = self._identity()
        if found != self._watched:
            self._end()
        if found is None or not self._is_told(found):
            self._stop.wait(self._poll)

    def _is_told(self, found: tuple[int, int]) -> bool:
        """Wait for the file system; return False where it does not tell."""
        if self._changes is None:
            self._changes, self._watched = self._begin(), found
        try:
            next(self._changes)
        except (OSError, RuntimeError, StopIteration):
            self._end()
            return self._stop.is_set()
        return True

    def _identity(self) -> tuple[int, int] | None:
        try:
            stat = self._folder.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _begin(self) -> Generator[object, None, None]:
        return watch(
            self._folder,
            watch_filter=None,
            step=_QUIET,
            debounce=_LONGEST,
            rust_timeout=max(1, int(self._poll * 1000)),
            yield_on_timeout=True,
            stop_event=self._stop,
            recursive=False,
        )

    def _end(self) -> None:
        if self._changes is not None:
            self._changes.close()
        self._changes = self._watched = None
