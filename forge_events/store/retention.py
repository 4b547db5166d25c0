# SPDX-License-Identifier: Apache-2.0
"""Drop jobs with everything that belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, delete, func, or_, select

from forge_events.jobs import Job
from forge_events.store.records import Dropped
from forge_events.store.schema import (
    dependencies,
    hostresults,
    hostsummaries,
    jobs,
    jobtasks,
    notifications,
    spoolpositions,
    transitions,
)
from forge_events.store.waiting import patiently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.store.database import Database
    from forge_events.store.records import Retention

__all__ = ["drop", "drop_one"]

_PARTS = (
    *(table.c.job_id for table in (hostresults, hostsummaries, jobtasks, transitions, spoolpositions, notifications)),
    dependencies.c.job_id,
    dependencies.c.blocker_id,
)
"""The columns that name a job; their rows go with it."""

_COLUMNS = [jobs.c[name] for name in Job.model_fields]
_PAGE = 500
# What one transaction drops: short enough to keep nobody waiting, and on PostgreSQL within the locks that it may take.
_MAX_JOBS, _MAX_EVENTS = 50, 20_000


def drop(database: Database, which: Retention, *, is_dry_run: bool) -> Iterator[Dropped]:
    """Drop the jobs that are wanted, some to a transaction, and yield each when it is gone."""
    for batch in _batches(_wanted(database, which)):
        if is_dry_run:
            yield from batch
        else:
            gone = _drop(database, batch)
            database.after_drop(gone)
            yield from (dropped for dropped in batch if dropped.job.id in gone)
    if not is_dry_run:
        database.shrink()


def drop_one(database: Database, job: Job) -> bool:
    """Drop one job that has ended; return whether it was there."""
    gone = _drop(database, [Dropped(job, job.event_count, 0)])
    database.after_drop(gone)
    return bool(gone)


def _wanted(database: Database, which: Retention) -> Iterator[Dropped]:
    """Yield the jobs that are wanted, oldest end first; no transaction is open while the caller works."""
    conditions = [jobs.c.finished < which.before, *_conditions(which)]
    if which.keep_last:
        ranked = _ranked(which).subquery()
        conditions.append(jobs.c.id.in_(select(ranked.c.id).where(ranked.c.rank > which.keep_last)))
    beyond: list[ColumnElement[bool]] = []
    while True:
        wanted = select(*_COLUMNS, jobs.c.event_size).where(*conditions, *beyond)
        with database.reading() as connection:
            rows = connection.execute(wanted.order_by(jobs.c.finished, jobs.c.id).limit(_PAGE)).mappings().all()
        for row in rows:
            job = Job.model_validate(row)
            yield Dropped(job, job.event_count, row["event_size"])
        if len(rows) < _PAGE:
            return
        finished, job_id = rows[-1]["finished"], rows[-1]["id"]
        beyond = [or_(jobs.c.finished > finished, and_(jobs.c.finished == finished, jobs.c.id > job_id))]


def _conditions(which: Retention) -> list[ColumnElement[bool]]:
    values = {"name": which.name, "job_template_id": which.template_id, "status": which.status}
    return [jobs.c[name] == value for name, value in values.items() if value is not None]


def _ranked(which: Retention):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a Select whose columns' types say nothing
    """Return a query that numbers the jobs of each template, or name, from the one that ended last."""
    newest_first = (jobs.c.finished.desc(), jobs.c.id.desc())
    series = (jobs.c.job_template_id, case((jobs.c.job_template_id.is_(None), jobs.c.name), else_=""))
    rank = func.row_number().over(partition_by=series, order_by=newest_first).label("rank")
    return select(jobs.c.id, rank).where(jobs.c.finished.is_not(None), *_conditions(which))


def _batches(wanted: Iterable[Dropped]) -> Iterator[list[Dropped]]:
    batch: list[Dropped] = []
    for one in wanted:
        if batch and (len(batch) >= _MAX_JOBS or sum(each.event_count for each in [*batch, one]) > _MAX_EVENTS):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _drop(database: Database, batch: Sequence[Dropped]) -> set[int]:
    """Drop a batch; return the ids of those that were still there."""
    ids = {dropped.job.id for dropped in batch}
    gone: set[int] = set()

    def attempt() -> None:
        gone.clear()
        with database.writing() as connection:
            database.give_way(connection)
            gone.update(_drop_now(database, connection, ids))

    patiently(attempt, database.where)
    return gone


def _drop_now(database: Database, connection: Connection, ids: set[int]) -> set[int]:
    # Locked, so that nobody adds events to what is being dropped; whoever waits for it finds it gone.
    there = select(jobs.c.id).where(jobs.c.id.in_(sorted(ids)), jobs.c.finished.is_not(None)).with_for_update()
    found = sorted(connection.scalars(there.order_by(jobs.c.id)))
    if found:
        database.drop_events(connection, found)
        for column in _PARTS:
            connection.execute(delete(column.table).where(column.in_(found)))
        connection.execute(delete(jobs).where(jobs.c.id.in_(found)))
    return set(found)
