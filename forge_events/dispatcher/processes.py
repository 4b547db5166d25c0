# SPDX-License-Identifier: Apache-2.0
"""The processes of a job: find them wherever they went, and end them.

Ansible's processes leave their group, their session and their parent: workers call ``setsid``, what runs asynchronously
forks twice and is handed to another parent. Two things stay. A process is below the one that started it for as long as
all between them live; and it inherits its environment, where :data:`MARKER` names the job, unless somebody clears it
(``sudo`` does) or writes over it (``ssh`` that keeps a connection open does).
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MARKER", "Known", "become_subreaper", "end", "family", "identity", "is_alive", "is_anybody"]

MARKER = "FORGE_EVENTS_EXECUTION"
"""The environment variable that names the job, by its uuid, to all of its processes."""

_SLACK = 1.0
"""Seconds by which two readings of one process's start may differ: the kernel rounds the time of its own start."""

_KILLING = 10.0
"""Seconds after which what was killed and is still there counts as a survivor."""

_POLL, _LOOK_AGAIN, _DYING = 0.02, 0.5, 0.2
_PR_SET_CHILD_SUBREAPER = 36
_DEAD = frozenset({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})


class Known(NamedTuple):
    """A process as it is written down, so that it is never mistaken for a later one with its number.

    :param started: seconds since the epoch, by the clock of the machine as it was when somebody first looked.
    """

    pid: int
    started: float


def identity(pid: int) -> Known | None:
    """Return what to write down of a process; None if there is none. A zombie still has its number."""
    try:
        return Known(pid, _started(psutil.Process(pid)))
    except psutil.Error:
        return None


def is_alive(known: Known, *, uuid: str | None = None) -> bool:
    """Return whether a process is still there and runs; a zombie does not.

    :param uuid: the job that it works for. When the machine's clock was set since the process was written down, its
        start tells nothing any more; then it is known by its environment.
    """
    return _living(known, uuid) is not None


def is_anybody(pid: int) -> bool:
    """Return whether any process has a number and runs, whichever it is."""
    try:
        return _lives(psutil.Process(pid))
    except psutil.Error:
        return False


def family(root: Known | None, uuid: str) -> list[psutil.Process]:
    """Return the living processes of a job: its root, all whose environment names it, and all that descend from these.

    The calling process and its ancestors are never among them, nor is what belongs to the job only through these.
    """
    found = None if root is None else _living(root, uuid)
    return _family([] if found is None else [found], uuid)


def end(root: Known | None, uuid: str, *, grace: float) -> list[psutil.Process]:
    """End all processes of a job and return those that are left, such as another user's; none if all has ended.

    All but the root get SIGTERM. What is there after the grace, the root as well, is stopped so that it starts nothing
    more, and killed, the root last; again and again, until nobody is found any more.

    The caller's own children become zombies, which it has to wait for; they count as ended.

    :param grace: seconds.
    """
    kin = _Kin(root, uuid)
    _ask(kin, time.monotonic() + grace)
    _kill(kin, time.monotonic() + _KILLING)
    return kin.left()


def become_subreaper() -> bool:
    """Have orphans among the descendants of this process become its children; return False where nobody can do that.

    Whoever does so has to wait for children that it did not start, or their zombies stay.
    """
    if sys.platform != "linux":
        return False
    done: int = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return done == 0


class _Kin:
    """The processes of a job that were found so far: one that was seen once is not lost when its parent ends."""

    def __init__(self, root: Known | None, uuid: str) -> None:
        found = family(root, uuid)
        self.root = next((process for process in found if root is not None and process.pid == root.pid), None)
        self._uuid = uuid
        # The others are met by the first look, as new.
        self._members = set() if self.root is None else {self.root}

    def look(self) -> list[psutil.Process]:
        """Look for members and return those that are new."""
        found = _family(self.left(), self._uuid)
        new = [process for process in found if process not in self._members]
        self._members.update(new)
        return new

    def left(self) -> list[psutil.Process]:
        """Return the members that live, the root last."""
        self._members = {process for process in self._members if _lives(process)}
        return sorted(self._members, key=lambda process: process == self.root)

    def wait(self, until: float) -> None:
        """Wait for all members to end, or for a time."""
        while self.left() and time.monotonic() < until:
            time.sleep(_POLL)


def _ask(kin: _Kin, until: float) -> None:
    """Ask all but the root to end, and those who come meanwhile; the root ends when its work is gone."""
    is_asked = False
    while time.monotonic() < until:
        others = [process for process in kin.look() if process != kin.root]
        for process in others:
            _send(process, signal.SIGTERM)
        # Only a look that began when nobody was left any more tells that nobody is.
        if is_asked and not others:
            return
        kin.wait(min(until, time.monotonic() + _LOOK_AGAIN))
        is_asked = not kin.left()


def _kill(kin: _Kin, until: float) -> None:
    """Kill all members, once a look has found that nobody among them can start another one."""
    stopped: set[psutil.Process] = set()
    while time.monotonic() < until:
        kin.look()
        moving = [process for process in kin.left() if process not in stopped]
        for process in moving:
            _send(process, signal.SIGSTOP)
        stopped.update(moving)
        if moving:
            continue
        were_allowed = [_send(process, signal.SIGKILL) for process in kin.left()]
        if not any(were_allowed):  # nobody is left, or nobody whom waiting would help
            return
        kin.wait(time.monotonic() + _DYING)


def _family(seeds: Iterable[psutil.Process], uuid: str) -> list[psutil.Process]:
    parents = dict(_others())
    children: dict[int, list[psutil.Process]] = {}
    for process, parent in parents.items():
        children.setdefault(parent, []).append(process)
    waiting = [process for process in seeds if process in parents]
    waiting += [process for process in parents if _is_marked(process, uuid)]
    found: dict[psutil.Process, None] = {}
    while waiting:
        process = waiting.pop()
        if process not in found:
            found[process] = None
            waiting += children.get(process.pid, [])
    return list(found)


def _others() -> Iterator[tuple[psutil.Process, int]]:
    """Yield all living processes with their parents' numbers, but the calling one and its ancestors."""
    me = psutil.Process()
    own = {me.pid, *(ancestor.pid for ancestor in me.parents())}
    for pid in psutil.pids():
        if pid in own:
            continue
        try:
            # Made anew each time: those of psutil's process_iter may stand for an earlier process of that number.
            process = psutil.Process(pid)
            with process.oneshot():
                if process.status() not in _DEAD:
                    yield process, process.ppid()
        except psutil.Error:
            continue


def _living(known: Known, uuid: str | None) -> psutil.Process | None:
    try:
        process = psutil.Process(known.pid)
        is_same = abs(_started(process) - known.started) <= _SLACK or (uuid is not None and _is_marked(process, uuid))
    except psutil.Error:
        return None
    return process if is_same and _lives(process) else None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() not in _DEAD
    except psutil.NoSuchProcess:
        return False


def _is_marked(process: psutil.Process, uuid: str) -> bool:
    try:
        return process.environ().get(MARKER) == uuid
    except (psutil.Error, OSError):
        return False  # another user's, or it has just ended


def _started(process: psutil.Process) -> float:
    """Return when a process started; the same at each call, also when the machine's clock is set meanwhile."""
    if sys.platform != "linux":
        return process.create_time()
    # The kernel knows how long after its own start that was. psutil adds the start by the clock as it is now set;
    # versions before 7 as it was when they last read it, so they are made to read it first.
    return -psutil.boot_time() + process.create_time() + _boot_time()


@functools.cache
def _boot_time() -> float:
    return psutil.boot_time()


def _send(process: psutil.Process, signum: signal.Signals) -> bool:
    """Send a signal to a process and to no other that got its number; return whether that is allowed."""
    try:
        _send_exactly(process, signum)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return True
    except (psutil.AccessDenied, PermissionError):
        return False
    return True


def _send_exactly(process: psutil.Process, signum: signal.Signals) -> None:
    if sys.platform != "linux":
        process.send_signal(signum)
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except OSError:  # an old kernel, or a sandbox that does not know this call: psutil looks just before it sends
        process.send_signal(signum)
        return
    try:
        # The number may have been given to another process before it was opened, but not since.
        if process.is_running():
            signal.pidfd_send_signal(descriptor, signum)
    finally:
        os.close(descriptor)
