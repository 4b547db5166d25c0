# SPDX-License-Identifier: Apache-2.0
"""Write a job as an artifact of ansible-runner, the folder that its own readers take."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

from forge_events.errors import TargetExists
from forge_events.events import EventFilter
from forge_events.output import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forge_events.events import JobEvent
    from forge_events.jobs import Job
    from forge_events.store import Store

__all__ = ["write_artifact"]

_FIELDS = {
    "uuid",
    "counter",
    "start_line",
    "end_line",
    "runner_ident",
    "event",
    "pid",
    "parent_uuid",
    "event_data",
    "verbosity",
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")


def write_artifact(store: Store, job: Job, private_data_dir: Path) -> Path:
    """Write a job to ``artifacts/UUID`` of a ``private_data_dir``, made if it is missing; return that folder.

    It appears when it is whole. The environment is not in it, and no ``rc`` where nobody saw one.

    :raises TargetExists: the folder is there already; nothing is changed.
    :raises OSError: it cannot be written.
    """
    artifacts = private_data_dir / "artifacts"
    target = artifacts / _name(job.uuid)
    if target.exists():
        raise TargetExists(str(target))
    unfinished = artifacts / f".{target.name}.unfinished"
    artifacts.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(unfinished, ignore_errors=True)  # of an export that was killed
    try:
        _fill(store, job, unfinished)
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target


def _fill(store: Store, job: Job, folder: Path) -> None:
    (folder / "job_events").mkdir(mode=0o700, parents=True)
    _write(folder / "command", [json.dumps({"command": job.command, "cwd": job.directory or "", "env": {}}).encode()])
    for event in store.events(job.id, EventFilter()):
        line = json.dumps(_line(event)).encode()
        _write(folder / "job_events" / f"{event.counter}-{_name(event.uuid)}.json", [line])
    _write(folder / "stdout", (to_bytes(text) for text in store.stdout(job.id)))
    _write(folder / "stderr", [])
    _write(folder / "status", [job.status.encode()])
    if job.rc is not None:
        _write(folder / "rc", [str(job.rc).encode()])


def _write(path: Path, pieces: Iterator[bytes] | list[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.writelines(pieces)


def _line(event: JobEvent) -> dict[str, Any]:
    """Return an event with runner's fields; runner cuts the last newlines off, and the line numbers tell of them."""
    line = event.model_dump(include=_FIELDS, exclude_none=True)
    created = event.created.isoformat(timespec="microseconds")
    return {**line, "stdout": event.stdout.rstrip("\r\n"), "created": created}


def _name(uuid: str) -> str:
    """Return a file name for a uuid, which is any text where somebody else wrote the spool."""
    return uuid if _PLAIN_NAME.fullmatch(uuid) else hashlib.sha256(uuid.encode("utf-8", "surrogatepass")).hexdigest()
