# SPDX-License-Identifier: Apache-2.0
"""The steps that finish a job: end its processes, say how it ended where nobody else did, store what is left, clean up.

How a job ended is said in its spool, so that it becomes final with its last event in the store, by whoever reads it. A
spool that takes nothing more, since its disk is full, is read nevertheless, and what it should say is taken as said.
"""

from __future__ import annotations

import datetime
import logging
import os
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from forge_events.dispatcher import processes
from forge_events.dispatcher.execution import Execution, Outcome
from forge_events.dispatcher.isolation import box_of, end_container
from forge_events.dispatcher.plan import Order, Place, Result, leave, read
from forge_events.errors import BrokenSpool, InvalidTransition, StaleTransition, ValueRejected
from forge_events.files import open_binary
from forge_events.ingestion.receiver import TURN, SpoolIntake
from forge_events.jobs import JobStatus
from forge_events.recording.ending import append_exit

if TYPE_CHECKING:
    import psutil

    from forge_events.store import Store

__all__ = ["clean", "collect", "end_processes", "has_said", "order_stop", "say_killed", "say_not_run", "state"]

_LOG = logging.getLogger(__name__)
_BY = "executor"
_UNSEEN = "was killed, or the machine went down,"
_TAIL = 65536


def order_stop(execution: Execution, status: JobStatus, reason: str) -> None:
    """Have the job's process say, when everything has ended, that the job was stopped."""
    execution.outcome = Outcome.STOPPED
    execution.say(status, reason)
    if execution.folder is not None:
        with suppress(OSError):
            leave(execution.folder, Order(status=status, explanation=reason))


def has_said(execution: Execution) -> bool:
    """Return whether the job's process said how it ended: in the spool, or in the job's folder where it could not."""
    if _has_exit(execution):
        return True
    found = None if execution.folder is None else read(execution.folder, Result)
    if found is not None:
        own = JobStatus.FAILED if found.rc else JobStatus.SUCCESSFUL
        execution.say(found.status or own, found.explanation or "not all of its events could be spooled", rc=found.rc)
    return found is not None


def say_killed(execution: Execution) -> None:
    """Note that the job's process ended without a word, and by what if that can be seen."""
    code = execution.child.returncode if execution.child is not None else None
    number = -code if code is not None and code < 0 else 0
    name = signal.Signals(number).name if number in set(signal.Signals) else ""
    how = f"was killed by {name}" if name else f"ended with exit code {code}" if code else _UNSEEN
    execution.outcome = Outcome.KILLED
    reason = f"the process that ran the job {how} before it said how the job ended; its events so far are kept"
    execution.say(JobStatus.ERROR, reason)


def say_not_run(execution: Execution, reason: str) -> None:
    """Note that the job could not be started."""
    execution.outcome = Outcome.NOT_STARTED
    execution.say(JobStatus.ERROR, reason)


def end_processes(execution: Execution, place: Place) -> list[psutil.Process]:
    """End all processes of the job; return those that could not be ended."""
    is_contained = execution.launch.execution_environment is not None
    if is_contained:
        end_container(place.engine, execution.job.uuid)
    survivors = processes.end(execution.runner, execution.job.uuid, grace=place.grace)
    if is_contained:
        end_container(place.engine, execution.job.uuid)  # which may have come just before its starter went
    return survivors


def state(execution: Execution) -> None:
    """Say in the spool how the job ended, unless its process has. What is said already is not said again."""
    exit_ = execution.exit
    if exit_ is None or execution.is_stated:
        return
    exit_["explanation"] += _left(execution.survivors)
    # What is in a spool has the time of the machine that writes it.
    exit_["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    execution.is_stated = True
    try:
        if not _has_exit(execution):
            append_exit(execution.spool, exit_)
    except FileNotFoundError:
        pass  # nothing of it was ever recorded, or a receiver has finished it
    except OSError as error:
        _LOG.warning("job %s: how it ended cannot be spooled: %s", execution.job.id, error.strerror)


def collect(execution: Execution, store: Store, now: datetime.datetime) -> bool:
    """Bring some of the job's spool into the store; return whether the job is final.

    A job whose spool cannot be taken in ends nevertheless, and says so.
    """
    try:
        SpoolIntake(store, is_owner=True).receive(execution.spool, limit=TURN, said=execution.exit)
    except FileNotFoundError:  # another receiver has finished it, or there never was one
        _end(execution, store, now)
    except (BrokenSpool, ValueRejected, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        if execution.exit is None:
            execution.say(JobStatus.ERROR, "")
        _end(execution, store, now, but=f"its events cannot be stored: {why}")
    return store.job(str(execution.job.id)).status.is_final


def clean(execution: Execution) -> None:
    """Remove the job's folder, and the one that its container had."""
    shutil.rmtree(box_of(execution.spool.parent, execution.job.uuid), ignore_errors=True)
    if execution.folder is not None:
        shutil.rmtree(execution.folder, ignore_errors=True)


def _end(execution: Execution, store: Store, now: datetime.datetime, *, but: str = "") -> None:
    """End a job in the store as this process has to say it, unless it has ended."""
    exit_ = execution.exit
    if exit_ is not None:
        reason = "; ".join(filter(None, (exit_["explanation"], but)))
        with suppress(StaleTransition, InvalidTransition):
            job = store.job(str(execution.job.id))
            store.transition(job, JobStatus(exit_["status"]), at=now, by=_BY, reason=reason, rc=exit_["rc"])


def _has_exit(execution: Execution) -> bool:
    """Return whether the spool's last lines say how the job ended."""
    try:
        with open_binary(execution.spool) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return any(line.startswith(b'{"exit"') for line in file.read().splitlines())
    except OSError:
        return False


def _left(survivors: list[psutil.Process]) -> str:
    if not survivors:
        return ""
    pids = ", ".join(str(process.pid) for process in survivors[:10])
    return f"; {len(survivors)} of its processes could not be ended: {pids}"
