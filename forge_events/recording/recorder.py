# SPDX-License-Identifier: Apache-2.0
"""Record one command from start to end."""

from __future__ import annotations

import datetime
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forge_events.recording import child
from forge_events.recording.early import Ended
from forge_events.recording.ending import close
from forge_events.recording.environment import Wish, child_environment
from forge_events.recording.folder import own_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Recorded", "record"]


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
        wish = Wish(command, Path.cwd(), str(uuid.uuid4()), spool_dir, folder / "early", name)
        rc = child.run(command, child_environment(environ, wish, os.getpid()))
        ended = Ended(started, _now(), rc, os.getpid(), environ.get("FORGE_EVENTS_PARENT_JOB"))
        return Recorded(rc, wish.job_uuid, close(wish, ended))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
