# SPDX-License-Identifier: Apache-2.0
"""A check: what it looks at, what it finds, and how long it may take."""

from __future__ import annotations

import enum
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from forge_events.errors import ForgeEventsError
from forge_events.nodes import is_fresh

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Collection, Iterable

    from forge_events.jobs import JobStatus
    from forge_events.settings import Settings
    from forge_events.store import Store
    from forge_events.store.records import Process, Role

__all__ = ["WITHIN", "Check", "Finding", "Subject", "Verdict", "fail", "fine", "run", "unknown", "warn"]

WITHIN = 2.0
"""Seconds that a check may take."""


class Verdict(enum.StrEnum):
    """How it stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """What a check has found.

    :param words: what is so, and how that is known.
    :param remedy: what mends it, most of the time a command; empty where nothing has to be mended.
    """

    verdict: Verdict
    words: str
    remedy: str = ""


class Subject(NamedTuple):
    """What is looked at.

    :param now: what the database's clock showed when all this began.
    """

    found: Settings
    store: Store
    now: datetime.datetime

    def is_fresh(self, process: Process) -> bool:
        """Return whether a process has been seen lately."""
        return is_fresh(process.last_seen, self.now, self.found.node_lost_after)

    def working(self, *roles: Role) -> list[Process]:
        """Return the processes that do one of these things, whether they were seen lately or not."""
        return [one for one in self.store.processes.all() if one.role in roles]

    def since(self, time: datetime.datetime) -> float:
        """Return how many seconds have passed since."""
        return max(0.0, (self.now - time).total_seconds())


class Check(NamedTuple):
    """One thing to look at.

    :param look: finds out how it stands; None where it does not concern this installation.
    :param concerns: the statuses of jobs that it may explain; a job that stays in one of them may stay for it.
    """

    name: str
    look: Callable[[Subject], Finding | None]
    concerns: Collection[JobStatus]


def fine(words: str) -> Finding:
    """Return that all is well."""
    return Finding(Verdict.OK, words)


def warn(words: str, remedy: str = "") -> Finding:
    """Return that something may become wrong, or is by intention what it is."""
    return Finding(Verdict.WARN, words, remedy)


def fail(words: str, remedy: str) -> Finding:
    """Return that something is wrong."""
    return Finding(Verdict.FAIL, words, remedy)


def unknown(words: str) -> Finding:
    """Return that nobody can tell."""
    return Finding(Verdict.UNKNOWN, words)


def run(looks: Iterable[tuple[str, Callable[[], Finding | None]]]) -> list[tuple[str, Finding]]:
    """Look at several things at once, each for as long as a check may take, and return what was found, in order."""
    running = [_Running(name, look) for name, look in looks]
    until = time.monotonic() + WITHIN
    found = [(one.name, one.result(until)) for one in running]
    return [(name, finding) for name, finding in found if finding is not None]


class _Running(threading.Thread):
    """A look in a thread that nobody has to wait for."""

    def __init__(self, name: str, look: Callable[[], Finding | None]) -> None:
        super().__init__(name=name, daemon=True)
        self._look = look
        self._found: Finding | None = unknown(f"it cannot be told: no answer within {WITHIN:g} s")
        self.start()

    def run(self) -> None:
        """Look."""
        try:
            self._found = self._look()
        except ForgeEventsError as error:
            self._found = unknown(f"it cannot be told: {error}")
        except Exception as error:  # noqa: BLE001 - a check that fails must not hide the others
            self._found = unknown(f"it cannot be told: {type(error).__name__}")

    def result(self, until: float) -> Finding | None:
        self.join(max(0.0, until - time.monotonic()))
        return self._found
