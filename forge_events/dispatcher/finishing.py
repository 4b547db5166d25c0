# SPDX-License-Identifier: Apache-2.0
"""The steps that finish a job: end its processes, say how it ended where nobody else did, store what is left, clean up.

How a job ended is said in its spool, so that it becomes final with its last event in the store, by whoever reads it.
"""

from __future__ import annotations

import datetime
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from forge_events.dispatcher import processes
from forge_events.dispatcher.execution import Execution, Outcome
from forge_events.dispatcher.plan import Place, Verdict, read_verdict, write_verdict
from forge_events.errors import BrokenSpool, InvalidTransition, StaleTransition, ValueRejected
from forge_events.ingestion.header import read_header
from forge_events.ingestion.intake import Intake
from forge_events.ingestion.process import gone
from forge_events.ingestion.receiver import TURN
from forge_events.jobs import JobStatus
from forge_events.recording.ending import append_exit

if TYPE_CHECKING:
    import psutil

    from forge_events.store import Store

__all__ = ["clean", "collect", "end_processes", "has_said", "order_stop", "say_killed", "say_not_run", "state"]

_BY = "executor"
_ENGINE_TIMEOUT = 30.0
_UNSEEN = "was killed, or the machine went down,"
_TAIL = 65536
_RUNNERS_WORDS = {JobStatus.CANCELED: "canceled", JobStatus.FAILED: "timeout"}


def order_stop(execution: Execution, status: JobStatus, reason: str) -> None:
    """Have runner say, when its processes are ended, that the job was stopped."""
    execution.outcome, execution.status, execution.reason = Outcome.STOPPED, status, reason
    if execution.folder is not None:
        with suppress(OSError):
            write_verdict(execution.folder, Verdict(status=_RUNNERS_WORDS[status], explanation=reason))


def has_said(execution: Execution) -> bool:
    """Return whether runner said how the job ended; its word in the job's folder counts where it could not spool."""
    if execution.spool.exists():
        return _has_exit(execution)
    found = _result(execution)
    if found is not None:
        execution.status = JobStatus.SUCCESSFUL if found.status == "successful" else JobStatus.FAILED
        execution.reason = found.explanation or "its events could not be spooled"
    return found is not None


def was_cut_short(execution: Execution) -> bool:
    """Return whether runner said that the playbook did not come to its end by itself: some of it may still be there."""
    found = _result(execution)
    return found is not None and found.status == "error"


def say_killed(execution: Execution) -> None:
    """Note that runner ended without a word, and by what if that can be seen."""
    code = execution.child.returncode if execution.child is not None else None
    number = -code if code is not None and code < 0 else 0
    name = signal.Signals(number).name if number in set(signal.Signals) else ""
    how = f"was killed by {name}" if name else f"ended with exit code {code}" if code else _UNSEEN
    execution.outcome, execution.status = Outcome.KILLED, JobStatus.ERROR
    execution.reason = f"ansible-runner {how} before it said how the job ended; its events so far are kept"


def say_not_run(execution: Execution, reason: str) -> None:
    """Note that the job could not be started."""
    execution.outcome, execution.status, execution.reason = Outcome.NOT_STARTED, JobStatus.ERROR, reason


def end_processes(execution: Execution, place: Place) -> list[psutil.Process]:
    """End all processes of the job; return those that could not be ended."""
    if execution.launch.execution_environment is not None:
        _end_container(place.engine, execution.job.uuid)
    return processes.end(execution.runner, execution.job.uuid, grace=place.grace)


def state(execution: Execution, store: Store, now: datetime.datetime) -> None:
    """Say how the job ended, unless runner has; in the spool if there is one, else in the store at once."""
    if execution.status is None or execution.is_stated:
        return
    reason = execution.reason + _left(execution.survivors)
    if execution.spool.exists():
        if not _has_exit(execution):
            # What is in a spool has the time of the machine that writes it.
            facts = {"finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"), "rc": None}
            append_exit(execution.spool, {**facts, "status": execution.status, "explanation": reason})
    else:
        _end(execution, store, now, execution.status, reason)
    execution.is_stated = True


def collect(execution: Execution, store: Store, now: datetime.datetime) -> bool:
    """Bring some of the job's spool into the store; return whether the job is final.

    A job whose spool cannot be taken in ends nevertheless, and says so.
    """
    try:
        with execution.spool.open("rb") as file:
            header = read_header(str(execution.spool), file)
        is_gone = gone(header, assume_gone=False)
        Intake(store, is_owner=True).receive(execution.spool, header, is_gone, limit=TURN)
    except FileNotFoundError:
        pass  # another receiver has finished it
    except (BrokenSpool, ValueRejected, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        _end(execution, store, now, JobStatus.ERROR, f"its events cannot be stored: {why}")
    return store.job(str(execution.job.id)).status.is_final


def clean(execution: Execution, place: Place) -> None:
    """Remove the job's folder, unless it is to be kept for a while."""
    if execution.folder is None:
        return
    if place.artifact_days <= 0:
        shutil.rmtree(execution.folder, ignore_errors=True)
    else:
        shutil.rmtree(execution.folder / "env", ignore_errors=True)  # which may hold secrets


def _end(execution: Execution, store: Store, now: datetime.datetime, status: JobStatus, reason: str) -> None:
    """End a job in the store, unless it has ended."""
    with suppress(StaleTransition, InvalidTransition):
        store.transition(store.job(str(execution.job.id)), status, at=now, by=_BY, reason=reason)


def _result(execution: Execution) -> Verdict | None:
    return None if execution.folder is None else read_verdict(execution.folder, is_result=True)


def _end_container(engine: str, uuid: str) -> None:
    """End a job's container, whose processes are none of ours."""
    command = [engine, "kill", f"ansible_runner_{uuid}"]  # as runner names it
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, check=False, timeout=_ENGINE_TIMEOUT, capture_output=True, stdin=subprocess.DEVNULL)


def _has_exit(execution: Execution) -> bool:
    """Return whether the spool's last lines say how the job ended."""
    with execution.spool.open("rb") as file:
        file.seek(max(0, execution.spool.stat().st_size - _TAIL))
        return any(line.startswith(b'{"exit"') for line in file.read().splitlines())


def _left(survivors: list[psutil.Process]) -> str:
    if not survivors:
        return ""
    pids = ", ".join(str(process.pid) for process in survivors[:10])
    return f"; {len(survivors)} of its processes could not be ended: {pids}"
