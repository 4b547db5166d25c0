# SPDX-License-Identifier: Apache-2.0
"""The process in which one job runs. It outlives whoever started it.

It is told its plan on stdin and begins with the second line, which comes when the job is ``running`` in the store: who
dies before that has started nothing. Ansible is recorded by our callback, as under ``forge-events record``; this
process starts it, sees it end, and says so in the job's spool.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from forge_events.dispatcher import pseudoterminal
from forge_events.dispatcher.container import contained
from forge_events.dispatcher.isolation import Box, end_container, variables_of
from forge_events.dispatcher.plan import GO, SECRETS, Order, Plan, Result, leave, read
from forge_events.dispatcher.pseudoterminal import Ran
from forge_events.ingestion.outcome import NOT_STARTED
from forge_events.jobs import JobStatus
from forge_events.output import to_text
from forge_events.recording.ending import Ended, close
from forge_events.recording.environment import Recording, child_environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from types import FrameType

__all__ = ["main"]

_LOG = logging.getLogger(__name__)
_GRACE = 5.0
_LONGEST = 500
_NOT_FOUND = 127
# What podman and docker end with for a container that somebody else has ended; the kernel does so when memory runs out.
_KILLED = {137: "137, SIGKILL: out of memory?", 143: "143, SIGTERM"}
_PARENT = "FORGE_EVENTS_PARENT_JOB"


def main() -> None:
    """Run the job that stdin tells of."""
    plan = Plan.model_validate_json(sys.stdin.buffer.readline())
    run = _Run(plan)
    if sys.stdin.buffer.readline() == GO:
        run.make()


class _Run:
    """One run, from its command to its end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._box = None if plan.container is None else Box(plan.spool_dir, plan.uuid)
        self._wish = Recording(
            command=plan.command,
            directory=Path(plan.directory),
            job_uuid=plan.uuid,
            spool=plan.spool_dir,
            early_output=self._box.early_output if self._box else plan.folder / "early",
            name=plan.name,
        )
        self._child: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGTERM, self._hand_on)

    def make(self) -> None:
        """Run the job, and say how it ended."""
        started = _now()
        try:
            ran = self._ran()
        except OSError as error:
            ran = Ran(_NOT_FOUND, f"{error.strerror or error}\n")
        self._say(started, ran)
        shutil.rmtree(self._plan.folder / SECRETS, ignore_errors=True)
        if self._box is not None:
            shutil.rmtree(self._box.folder, ignore_errors=True)

    def _ran(self) -> Ran:
        command, environ = self._told()
        with self._box.open() if self._box else contextlib.nullcontext():
            ran = pseudoterminal.run(
                command, directory=self._plan.directory, environ=environ, started=self._has_started
            )
            if ran.rc < 0:
                self._end_what_is_left()
        return ran

    def _told(self) -> tuple[list[str], Mapping[str, str]]:
        """Return the command as it is started on this machine, and its environment."""
        plan = self._plan
        # A terminal that can show colours if nothing else is known.
        environ = {"TERM": "xterm-256color", **os.environ}
        if plan.container is None or self._box is None:
            return plan.command, child_environment(environ, self._wish, plan.recorder_pid)
        variables = variables_of(self._wish._replace(spool=self._box.folder), plan.recorder_pid)
        if _PARENT in environ:
            variables[_PARENT] = environ[_PARENT]
        return contained(plan.command, plan.container, plan.engine, variables), {**environ, **variables}

    def _has_started(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def _hand_on(self, number: int, _frame: FrameType | None) -> None:
        """Hand a wish to end on to the command; what it leaves behind is for whoever had the wish."""
        if self._child is not None:
            self._child.send_signal(number)

    def _end_what_is_left(self) -> None:
        """End the workers of an Ansible that was killed: nobody else is going to."""
        from forge_events.dispatcher import processes  # takes its time

        if self._plan.container is not None:
            end_container(self._plan.engine, self._plan.uuid)
        processes.end(None, self._plan.uuid, grace=_GRACE)

    def _say(self, started: datetime.datetime, ran: Ran) -> None:
        stated = self._stated(ran)
        ended = Ended(started, _now(), ran.rc, self._plan.recorder_pid, os.environ.get(_PARENT))
        fault = close(self._wish, ended._replace(printed=ran.printed, stated=stated))
        if fault is not None:
            _LOG.error("the end of the job cannot be spooled: %s", fault)
            with contextlib.suppress(OSError):
                leave(self._plan.folder, Result(rc=ran.rc, **stated))

    def _stated(self, ran: Ran) -> dict[str, str]:
        """Return what is known of the end beside the exit code."""
        order = read(self._plan.folder, Order)
        if order is not None:
            return order.model_dump()
        container = self._plan.container
        if container is not None and ran.rc in _KILLED:
            return {"status": JobStatus.ERROR, "explanation": f"its container was killed ({_KILLED[ran.rc]})"}
        if ran.rc not in NOT_STARTED or self._has_record():
            return {}
        what = self._plan.command[0] if container is None else f"a container of {container.image}"
        words = " ".join("".join(to_text([ran.printed])).split())[-_LONGEST:]
        return {"status": JobStatus.ERROR, "explanation": f"{what} could not be started: {words or ran.rc}"}

    def _has_record(self) -> bool:
        """Return whether Ansible came so far that something of it is recorded."""
        return self._wish.path.exists() or self._wish.early_output.exists()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    main()
