# SPDX-License-Identifier: Apache-2.0
"""Drop jobs with everything that belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from forge_events.store import jobs
from forge_events.store.contract import Dropped
from forge_events.store.schema import hostsummaries, jobevents, spoolpositions, transitions
from forge_events.store.schema import jobs as job_table

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from forge_events.store.database import Database

__all__ = ["drop"]

_PARTS = (jobevents, hostsummaries, transitions, spoolpositions)


def drop(database: Database, before: datetime.datetime, *, is_dry_run: bool) -> Iterator[Dropped]:
    """Drop jobs that ended before a time, each in a transaction of its own, and yield each when it is gone."""
    with database.reading() as connection:
        ended = jobs.ended_before(connection, before)
    for job, size in ended:
        if not is_dry_run:
            if not _drop(database, job.id):
                continue  # another process was quicker
            database.shrink()
        yield Dropped(job, job.event_count, size)


def _drop(database: Database, job_id: int) -> bool:
    with database.writing() as connection:
        _empty(connection, job_id)
        return bool(connection.execute(delete(job_table).where(job_table.c.id == job_id)).rowcount)


def _empty(connection: Connection, job_id: int) -> None:
    for table in _PARTS:
        connection.execute(delete(table).where(table.c.job_id == job_id))
