# SPDX-License-Identifier: Apache-2.0
"""Remove what was left behind of jobs that have ended, by somebody who was killed."""

from __future__ import annotations

import datetime
import shutil
import uuid
from typing import TYPE_CHECKING

from forge_events.dispatcher.plan import SECRETS
from forge_events.errors import UnknownJob
from forge_events.events import from_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from forge_events.dispatcher.plan import Place
    from forge_events.store import Store

__all__ = ["sweep"]

_LEAST = datetime.timedelta(hours=1)
"""Whoever has a job in hand cleans up after it; what is older was left behind. Its secrets go at once."""


def sweep(store: Store, place: Place, now: datetime.datetime) -> list[Path]:
    """Remove what is old in the work folder, and return it; folders of jobs that have not ended stay.

    Extra variables are removed as soon as the job has ended.

    :raises StoreUnavailable: the database cannot be used.
    """
    removed = []
    for folder in _folders(place.work_dir):
        if _is_over(store, folder.stem):
            is_old = _age(folder, now) > _LEAST
            shutil.rmtree(folder if is_old else folder / SECRETS, ignore_errors=True)
            removed += [folder] if is_old else []
    return removed


def _folders(work_dir: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in work_dir.iterdir() if _is_of_job(path))
    except OSError:
        return  # nothing was run yet


def _is_of_job(path: Path) -> bool:
    """Return whether a path is a folder that is called like a job: nothing else is ours to remove."""
    try:
        return str(uuid.UUID(path.stem)) == path.stem and path.is_dir() and not path.is_symlink()
    except ValueError:
        return False


def _age(folder: Path, now: datetime.datetime) -> datetime.timedelta:
    try:
        return now - from_timestamp(folder.stat().st_mtime)
    except FileNotFoundError:
        return datetime.timedelta()


def _is_over(store: Store, job_uuid: str) -> bool:
    try:
        return store.job(job_uuid).status.is_final
    except UnknownJob:
        return True  # it was dropped
