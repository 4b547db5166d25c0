# SPDX-License-Identifier: Apache-2.0
"""The steps that start a job: look whether it can be run, lay down its files, start its process, begin.

Nothing of the playbook is run before the job is ``running`` in the store.
"""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from forge_events.dispatcher import processes
from forge_events.dispatcher.execution import CouldNotRun, Execution
from forge_events.dispatcher.plan import GO, Place, plan_of
from forge_events.errors import InvalidLaunch, StoreUnavailable
from forge_events.launches import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from forge_events.store import Store

__all__ = ["let_go", "start", "withdraw"]

_BY = "executor"
# A playbook must not get to know how to reach the store.
_KEPT_BACK = (
    *("FORGE_EVENTS_DATABASE_URL", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE"),
    *("FORGE_EVENTS_BROKER_URL", "FORGE_BROADCAST_WEBSOCKET_SECRET"),
)


def start(execution: Execution, store: Store, place: Place, now: datetime.datetime) -> None:
    """Take all steps, or go on with those that are left.

    :raises CouldNotRun: one could not be taken, and nothing is left running.
    :raises StaleTransition: the job is somebody else's, or nobody's, by now; nothing is left running.
    :raises StoreUnavailable: whether the job is running in the store is not known; its process waits for its word.
    """
    try:
        if execution.child is None:
            _check(execution, place)
            _lay_down(execution, place)
        _begin(execution, store, now)
    except StoreUnavailable:
        raise
    except BaseException:
        withdraw(execution)
        raise
    let_go(execution)


def _check(execution: Execution, place: Place) -> None:
    """Look for what the job needs on this node, to say what is missing better than Ansible would."""
    launch = execution.launch
    try:
        verify(launch)
    except InvalidLaunch as error:
        raise CouldNotRun(str(error)) from error
    project = Path(launch.project or "/")
    _need(project, "the project folder", Path.is_dir, os.R_OK | os.X_OK)
    _need(project / launch.playbook, "the playbook", Path.is_file, os.R_OK)
    for source in launch.inventory:
        if "," not in source:
            _need(project / source, "the inventory", Path.exists, os.R_OK)
    for path in launch.extra_vars_files:
        _need(project / path, "the file of extra variables", Path.is_file, os.R_OK)
    if launch.execution_environment is not None and project == Path("/"):
        raise CouldNotRun("a container cannot have the folder / of this machine as its project")
    if launch.execution_environment is not None and shutil.which(place.engine.program) is None:
        image = launch.execution_environment
        raise CouldNotRun(f"the job runs in {image}, and {place.engine.program} is not installed on node {place.node}")


def _need(path: Path, what: str, is_right: Callable[[Path], bool], mode: int) -> None:
    try:
        is_there = is_right(path)
    except OSError:
        is_there = False  # a folder above it may not be entered
    if not is_there:
        is_wrong = os.path.lexists(path)
        raise CouldNotRun(f"{what} {path} {'is not what it should be' if is_wrong else 'is missing on this node'}")
    if not os.access(path, mode):
        raise CouldNotRun(f"there is no permission to read {what} {path}")


def _lay_down(execution: Execution, place: Place) -> None:
    """Start the job's process, which waits for its word to begin, and make the job's folder for it."""
    job = execution.job
    try:
        place.work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        child = execution.child = _spawn(place.work_dir, job.uuid)
        folder = execution.folder = place.folder(job.uuid, child.pid)
        shutil.rmtree(folder, ignore_errors=True)  # of another job's process with this number, long ago
        folder.mkdir(mode=0o700)
        _log_of(place.work_dir, job.uuid).replace(folder / "runner.log")
        plan = plan_of(job, execution.launch, folder, place)
    except OSError as error:
        raise CouldNotRun(f"the work folder {place.work_dir} cannot be used: {error.strerror}") from error
    execution.runner = processes.identity(child.pid)
    _tell(execution, plan.model_dump_json().encode() + b"\n")


def _spawn(work_dir: Path, uuid: str) -> subprocess.Popen[bytes]:
    with _log_of(work_dir, uuid).open("wb") as log:
        return subprocess.Popen(
            # Not the folder that this process is in, from which anybody's modules could be imported.
            [sys.executable, "-P", "-m", "forge_events.dispatcher.runner"],
            cwd=work_dir,
            env={**_environment(), processes.MARKER: uuid},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _log_of(work_dir: Path, uuid: str) -> Path:
    """Return where a log is until the number of its process, and so its folder, is known."""
    return work_dir / f".{uuid}.{os.getpid()}.log"


def _environment() -> dict[str, str]:
    """Return this process's environment for a job: Ansible is found beside this Python, if not elsewhere."""
    kept = {name: value for name, value in os.environ.items() if name not in _KEPT_BACK}
    return {**kept, "PATH": os.pathsep.join([kept.get("PATH") or os.defpath, str(Path(sys.executable).parent)])}


def _begin(execution: Execution, store: Store, now: datetime.datetime) -> None:
    runner = execution.runner
    if runner is None:
        raise CouldNotRun("the process that was to run the job ended at once")
    started = datetime.datetime.fromtimestamp(runner.started, datetime.UTC)
    execution.job = store.queue.begin(execution.job, runner.pid, started, now, _BY)


def let_go(execution: Execution) -> None:
    """Have the job's process begin: the job is running in the store. A second call does nothing."""
    if execution.is_let_go:
        return
    execution.is_let_go = True
    _tell(execution, GO)
    child = execution.child
    if child is not None and child.stdin is not None:
        with suppress(BrokenPipeError):  # it has been killed meanwhile, which is seen when it is waited for
            child.stdin.close()


def _tell(execution: Execution, line: bytes) -> None:
    child = execution.child
    if child is not None and child.stdin is not None:
        with suppress(BrokenPipeError):
            child.stdin.write(line)
            child.stdin.flush()


def withdraw(execution: Execution) -> None:
    """End a process that has not begun."""
    child, execution.child = execution.child, None
    if child is not None:
        child.kill()
        child.wait()
        if child.stdin is not None:
            with suppress(BrokenPipeError):
                child.stdin.close()
