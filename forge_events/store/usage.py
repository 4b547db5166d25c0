# SPDX-License-Identifier: Apache-2.0
"""What the store takes, and how long the disk will last."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, cast, func, select

from forge_events.store.expressions import month_of
from forge_events.store.records import Share, Usage
from forge_events.store.schema import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from forge_events.store.database import Database

__all__ = ["read"]

_DAY = datetime.timedelta(days=1)
_SIZE = func.coalesce(func.sum(jobs.c.event_size), 0)
_COUNTS = (func.count(), func.coalesce(func.sum(jobs.c.event_count), 0), _SIZE)


def read(database: Database, now: datetime.datetime, *, days: int, limit: int) -> Usage:
    """Return what the store takes."""
    free = database.free()
    with database.reading() as connection:
        return Usage(
            size=database.size(connection),
            data_size=database.data_size(connection),
            source_size=int(connection.scalar(select(_SIZE)) or 0),
            free=free,
            daily_source_size=_daily(connection, now, days),
            days=days,
            templates=_shares(connection, jobs.c.name, _SIZE.desc(), limit),
            months=_shares(connection, month_of(jobs.c.created), None, None),
            jobs=_largest(connection, limit),
        )


def _daily(connection: Connection, now: datetime.datetime, days: int) -> float:
    oldest = connection.scalar(select(func.min(jobs.c.created)))
    if oldest is None:
        return 0.0
    span = min(datetime.timedelta(days=days), max(_DAY, now - oldest))
    size = int(connection.scalar(select(_SIZE).where(jobs.c.created >= now - span)) or 0)
    return float(size / (span / _DAY))


def _shares(
    connection: Connection, name: ColumnElement[Any], order: ColumnElement[Any] | None, limit: int | None
) -> Sequence[Share]:
    wanted = select(name, *_COUNTS).group_by(name).order_by(name if order is None else order).limit(limit)
    return [Share(row[0], row[1], int(row[2]), int(row[3])) for row in connection.execute(wanted)]


def _largest(connection: Connection, limit: int) -> Sequence[Share]:
    wanted = select(cast(jobs.c.id, Text), jobs.c.event_count, jobs.c.event_size)
    rows = connection.execute(wanted.order_by(jobs.c.event_size.desc(), jobs.c.id).limit(limit))
    return [Share(row[0], 1, row[1], row[2]) for row in rows]
