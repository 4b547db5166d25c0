# SPDX-License-Identifier: Apache-2.0
"""One job on its way through the executor: the value that every step takes and changes."""

from __future__ import annotations

import enum
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime
    import subprocess
    from concurrent.futures import Future
    from pathlib import Path

    import psutil

    from forge_events.dispatcher.processes import Known
    from forge_events.jobs import Job, JobStatus
    from forge_events.launches import Launch

__all__ = ["CouldNotRun", "Execution", "Outcome"]


class Outcome(enum.Enum):
    """All the ways in which an execution ends."""

    TOLD = "the job's process said how it ended"
    KILLED = "the job's process ended without a word"
    STOPPED = "somebody canceled the job, or its time was up"
    NOT_STARTED = "it could not be run"
    TAKEN_AWAY = "the job ended in the store without this process"


class CouldNotRun(Exception):
    """A step could not be taken; its words say what to look at."""


@dataclass
class Execution:
    """A job that this process has in hand.

    :param launch: what to run.
    :param folder: the job's folder, once there is a process of it.
    :param runner: the job's process, once there is one; ``child`` if this process started it.
    :param is_let_go: whether this process had it begin.
    :param outcome: how it ended, None while it goes on; ``exit`` is the last line of the spool, where this process has
        to say it, and ``is_stated`` whether it has.
    :param ending: the work of ending its processes, while that is being done.
    :param seen: the spool's file and size when it was last read to its end while the job runs.
    :param turn: when it was last read, by :func:`time.monotonic`; those that waited the longest are next.
    :param began: when it began by :func:`time.monotonic`, once somebody asked for its age.
    """

    job: Job
    launch: Launch
    spool: Path
    folder: Path | None = None
    runner: Known | None = None
    child: subprocess.Popen[bytes] | None = None
    outcome: Outcome | None = None
    exit: dict[str, Any] | None = None
    ending: Future[list[psutil.Process]] | None = None
    is_let_go: bool = False
    is_stated: bool = False
    survivors: list[psutil.Process] = field(default_factory=list)
    began: float | None = None
    seen: tuple[int, int] | None = None
    turn: float = -math.inf

    @property
    def is_running(self) -> bool:
        """Whether there is a process of it that goes on, as far as is known."""
        return self.runner is not None and self.outcome is None

    def age(self, now: datetime.datetime) -> float:
        """Return for how many seconds the job has been running: what has passed since the first time this was asked.

        :param now: by the database's clock, which told when it began; whatever it is set to later changes nothing.
        """
        if self.began is None:
            passed = 0.0 if self.job.started is None else (now - self.job.started).total_seconds()
            self.began = time.monotonic() - max(0.0, passed)
        return time.monotonic() - self.began

    def say(self, status: JobStatus, explanation: str, rc: int | None = None) -> None:
        """Have it said how the job ended."""
        self.exit = {"status": status, "explanation": explanation, "rc": rc}
