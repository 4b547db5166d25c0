# SPDX-License-Identifier: Apache-2.0
"""What ``--follow`` shows on a terminal while a job runs: a progress line, and for a tree its growing end."""

from __future__ import annotations

import datetime
import os
import sys
import time
from typing import TYPE_CHECKING, Self

from forge_events.following import follow
from forge_events.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.cli.session import Session
    from forge_events.events import JobEvent
    from forge_events.jobs import Job

__all__ = ["LiveTree", "ProgressLine", "watch"]

_PAUSE = 0.3
_NOTHING = datetime.timedelta()
_CLEAR = "\r\x1b[K"


def watch(session: Session, job: Job) -> Iterator[tuple[str, list[JobEvent]]]:
    """Yield a job's events as they arrive, each time with the line that tells how far it is, until it has ended."""
    progress = Progress()
    for found, events in follow(session.store, job.id, refresh=session.drain, pause=lambda: time.sleep(_PAUSE)):
        for event in events:
            progress.see(event)
        passed = (found.finished or session.store.now()) - (found.started or found.created)
        yield progress.line(max(passed, _NOTHING)), events


class ProgressLine:
    """One line on stderr that is drawn over again, and is gone in the end; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()
        self._is_drawn = False

    def __enter__(self) -> Self:
        """Return the line itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        self.clear()

    def show(self, text: str) -> None:
        """Draw the line anew."""
        if self.is_shown:
            sys.stderr.write(_CLEAR + _fitting(text))
            sys.stderr.flush()
            self._is_drawn = True

    def clear(self) -> None:
        """Take the line away, so that something else can be written where it is."""
        if self._is_drawn:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._is_drawn = False


class LiveTree(ProgressLine):
    """The last lines of a tree, as many as fit, above the progress line. ``is_shown`` is False where nobody sees it."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._height = 0

    def grow(self, lines: list[str]) -> None:
        """Take the tree as it is now."""
        self._lines = lines

    def show(self, text: str) -> None:
        """Draw the tree's end and the line anew."""
        if self.is_shown:
            shown = [_fitting(line) for line in [*self._lines[-(_size().lines - 2) :], text]]
            self.clear()
            sys.stderr.write("\n".join(shown))
            sys.stderr.flush()
            self._height = len(shown)
            self._is_drawn = True

    def clear(self) -> None:
        """Take it all away."""
        if self._is_drawn:
            sys.stderr.write("\r" + f"\x1b[{self._height - 1}A" * (self._height > 1) + "\x1b[J")
            sys.stderr.flush()
            self._is_drawn = False


def _size() -> os.terminal_size:
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 80, size.lines or 24))


def _fitting(text: str) -> str:
    """Return as much of a text as fits into one line; a line that is folded could not be drawn over."""
    from rich.cells import cell_len, set_cell_size

    columns = _size().columns - 1
    return text if cell_len(text) <= columns else set_cell_size(text, columns)
