# SPDX-License-Identifier: Apache-2.0
"""Run a command as if nobody stood between it and its terminal.

The command inherits all descriptors and stays in the process group, so Ctrl-C, Ctrl-Z and hanging up reach it from the
terminal as ever. The one who waits outlives these signals, to see how the command ends, and hands on those that were
meant for the command but sent to the wrong process.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forge_events.errors import CommandNotExecutable, CommandNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

__all__ = ["run"]

# Whoever types Ctrl-C or Ctrl-\ sends these to the whole group; the command gets its own.
_OUTLIVED = (signal.SIGINT, signal.SIGQUIT)
# These are sent to one process: the one that was started.
_HANDED_ON = (signal.SIGTERM, signal.SIGHUP)


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command to its end and return its exit code; 128 and the signal's number when a signal ended it.

    :raises CommandNotFound: there is no such command; CommandNotExecutable: it is no program.
    """
    with _signals() as receive:
        child = _start(command, environ)
        receive(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


def _start(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        # Descriptors above 2 are the command's too: `-e @<(...)` hands a file over as /dev/fd/63.
        return subprocess.Popen(command, env=environ, close_fds=False)
    except FileNotFoundError as error:
        raise CommandNotFound(command[0], "there is no such command") from error
    except OSError as error:
        raise CommandNotExecutable(command[0], error.strerror or type(error).__name__) from error


class _Receiver:
    """Take the signals of one run: outlive them, or hand them on to the child."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def outlive(self, _number: int, _frame: FrameType | None) -> None:
        """Do nothing: a handler, unlike ``SIG_IGN``, is not inherited by the child."""

    def hand_on(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


@contextmanager
def _signals() -> Iterator[_Receiver]:
    """Handle signals while a command runs; what was ignored before, as under nohup, stays so for the child too."""
    receiver = _Receiver()
    handlers = {**dict.fromkeys(_OUTLIVED, receiver.outlive), **dict.fromkeys(_HANDED_ON, receiver.hand_on)}
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield receiver
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
