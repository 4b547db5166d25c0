# SPDX-License-Identifier: Apache-2.0
"""Record one command from start to end.

What a recording keeps while it runs is in a folder whose owner holds a lock on it, which ends with the process however
that ends: what killed recorders have left can be locked, and the next one takes it away.
"""

from __future__ import annotations

import datetime
import fcntl
import os
import shutil
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forge_events.recording import child
from forge_events.recording.ending import Ended, close
from forge_events.recording.environment import Recording, child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Recorded", "own_folder", "record"]

_PREFIX = "forge-events-record-"


@contextmanager
def own_folder() -> Iterator[Path]:
    """Yield a folder for one recording, for its owner alone; remove it, and those that nobody owns any more.

    :raises OSError: no folder can be made.
    """
    _sweep()
    folder, descriptor = _make()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _make() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        descriptor = _lock(folder)
        # Somebody who sweeps may have come between.
        if descriptor is not None and folder.exists():
            return folder, descriptor
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of a folder of this user, None if there is none to be had."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _sweep() -> None:
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            descriptor = _lock(folder)
            if descriptor is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)


class Recorded(NamedTuple):
    """What came of a recording.

    :param rc: the command's exit code; 128 and the signal's number when a signal ended it.
    :param job_uuid: the uuid of the job.
    :param fault: why the end of the job could not be spooled, if so.
    """

    rc: int
    job_uuid: str
    fault: OSError | ValueError | None


def record(command: Sequence[str], *, spool_dir: Path, environ: Mapping[str, str], name: str | None = None) -> Recorded:
    """Run a command in this process's terminal and directory, with recording on; return when it has ended.

    The job is in the spool afterwards, not yet in a store. A fault of the recording never changes how the command runs.

    :param environ: the environment that the command would have without recording.
    :raises CommandNotFound: there is no such command; CommandNotExecutable: it is no program. There is no job then.
    """
    started = _now()
    with own_folder() as folder:
        recording = Recording(command, Path.cwd(), str(uuid.uuid4()), spool_dir, folder / "early", name)
        rc = child.run(command, child_environment(environ, recording, os.getpid()))
        ended = Ended(started, _now(), rc, os.getpid(), environ.get("FORGE_EVENTS_PARENT_JOB"))
        return Recorded(rc, recording.job_uuid, close(recording, ended))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
