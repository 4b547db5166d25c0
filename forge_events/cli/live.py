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
    from collections.abc import Callable, Iterator

    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from forge_events.opening import Session

__all__ = ["LiveTree", "ProgressLine", "watch"]

_PAUSE = 0.3
_FRAME = 0.25
"""Seconds for which a tree stays as it was drawn, at the least."""

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
            _write(_CLEAR + _fitting(text, _size().columns))
            self._is_drawn = True

    def clear(self) -> None:
        """Take the line away, so that something else can be written where it is."""
        if self._is_drawn:
            _write(_CLEAR)
            self._is_drawn = False


class LiveTree:
    """The last lines of a tree, as many as fit, above a progress line. ``is_shown`` is False where nobody sees it.

    Only lines that have changed are written again, each over what it was: tmux and others take an erased screen for one
    to be kept, so that their history would fill with what was erased.
    """

    def __init__(self) -> None:
        self.is_shown = sys.stderr.isatty()
        self._drawn: list[str] = []
        self._size = os.terminal_size((0, 0))
        self._due = 0.0

    def __enter__(self) -> Self:
        """Return the tree itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Take it away; what was seen last stays for who interrupts it."""
        if self._drawn and kind is not None and issubclass(kind, KeyboardInterrupt):
            _write("\n")
        elif self._drawn:
            self._draw([""] * len(self._drawn))
            _write("\r" + _up(len(self._drawn) - 1))

    def show(self, text: str, end: Callable[[int], list[str]]) -> None:
        """Draw what has changed, unless that was done a moment ago.

        :param text: the progress line.
        :param end: gives so many of the last lines of the tree.
        """
        if self.is_shown and time.monotonic() >= self._due:
            self._due = time.monotonic() + _FRAME
            size = _size()
            if size != self._size:  # a terminal may fold and move what it shows: nothing stays where it was
                self._drawn, self._size = ["\0"] * min(len(self._drawn), size.lines - 1), size
            self._draw([_fitting(line, size.columns) for line in [*end(max(0, size.lines - 2)), text]])

    def _draw(self, lines: list[str]) -> None:
        """Write lines over those that are there; the cursor is in the last one before and afterwards."""
        rows = [*lines, *[""] * (len(self._drawn) - len(lines))]
        before = [*self._drawn, *["\0"] * (len(rows) - len(self._drawn))]
        parts = ["" if row == was else f"\r{row}\x1b[K" for row, was in zip(rows, before, strict=True)]
        if any(parts):
            _write("\r" + _up(len(self._drawn) - 1) + "\n".join(parts) + _up(len(rows) - len(lines)))
        self._drawn = lines


def _up(count: int) -> str:
    return f"\x1b[{count}A" if count > 0 else ""


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _size() -> os.terminal_size:
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 80, size.lines or 24))


def _fitting(text: str, columns: int) -> str:
    """Return as much of a text as fits into one line; a line that is folded could not be drawn over."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) < columns else set_cell_size(text, columns - 1)
