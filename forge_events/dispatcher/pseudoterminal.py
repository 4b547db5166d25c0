# SPDX-License-Identifier: Apache-2.0
"""Run a command on a terminal at which nobody sits.

What it prints looks as on a terminal, with the colours that its own settings give it; what it asks has no answer, since
its standard input is empty and the terminal is not the one that controls it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Ran", "run"]

_ROWS, _COLUMNS = 24, 80
_PIECE = 65536
_TAIL = 65536
_LAST_WORDS = 1.0
"""Seconds to wait for the last of the output: another process may keep the terminal open."""


class Ran(NamedTuple):
    """How a command ended.

    :param rc: its exit code; a signal that ended it is negative, as :mod:`subprocess` has it.
    :param printed: the end of what it printed, 64 KiB at most.
    """

    rc: int
    printed: str


def run(
    command: Sequence[str],
    *,
    directory: str,
    environ: Mapping[str, str],
    started: Callable[[subprocess.Popen[bytes]], None],
) -> Ran:
    """Run a command to its end.

    :param started: is given the process once it is there.
    :raises OSError: the command cannot be started.
    """
    ours, theirs = _terminal()
    try:
        child = subprocess.Popen(
            command, cwd=directory, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    tail = _Tail(ours)
    tail.start()
    started(child)
    rc = child.wait()
    tail.join(_LAST_WORDS)
    return Ran(rc, tail.text)


def _terminal() -> tuple[int, int]:
    """Return both ends of a terminal; of a pipe where there is none, as for a user that the machine does not know."""
    try:
        ours, theirs = pty.openpty()
    except OSError:
        return os.pipe()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    return ours, theirs


class _Tail(threading.Thread):
    """Read what is printed, so that nobody has to wait, and keep the end of it."""

    def __init__(self, terminal: int) -> None:
        super().__init__(name="terminal", daemon=True)
        self._terminal = terminal
        self._kept = b""

    @property
    def text(self) -> str:
        return self._kept[-_TAIL:].decode("utf-8", "replace").replace("\r\n", "\n")

    def run(self) -> None:
        try:
            while piece := os.read(self._terminal, _PIECE):
                self._kept = self._kept[-_TAIL:] + piece
        except OSError:
            pass  # as Linux says that nobody has the other end any more
        os.close(self._terminal)
