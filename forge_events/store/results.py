# SPDX-License-Identifier: Apache-2.0
"""What happened on a host in all jobs, without a look at the jobs' events."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, tuple_

from forge_events.events import RESULTS, HostResult
from forge_events.store.bulk import rows
from forge_events.store.jobs import CONTROLLER
from forge_events.store.schema import FAILED, hostresults, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, TextClause

    from forge_events.events import EventRow, ResultFilter
    from forge_events.store.database import Database

__all__ = ["add", "read"]

_CONTROLLER = select(CONTROLLER).where(jobs.c.id == hostresults.c.job_id).scalar_subquery()
_COLUMNS = [
    _CONTROLLER.label(name) if name == "controller" else hostresults.c[name] for name in HostResult.model_fields
]
_VALUES = attrgetter(*hostresults.columns.keys()[:-3])
"""Takes the columns that events have, too; the last three are in their data."""

_ORDER = (hostresults.c.created, hostresults.c.job_id, hostresults.c.counter)


def add(database: Database, connection: Connection, events: Sequence[EventRow]) -> None:
    """Add the final results among new events."""
    found = [_values(event) for event in events if event.event in RESULTS and event.host_name]
    if found:
        database.add_rows(connection, hostresults, rows(hostresults, connection.dialect, found))


def _values(event: EventRow) -> tuple[Any, ...]:
    data = event.event_data
    delegated, duration = data.get("delegated_host"), data.get("duration")
    return (
        *_VALUES(event),
        data.get("check_mode") is True,
        delegated if isinstance(delegated, str) else None,
        duration if isinstance(duration, float) else None,
    )


def read(connection: Connection, where: ResultFilter, *, before: HostResult | None, limit: int) -> list[HostResult]:
    """Return results, newest first."""
    wanted = select(*_COLUMNS).where(*_conditions(where, before))
    newest_first = wanted.order_by(*(column.desc() for column in _ORDER)).limit(limit)
    return [HostResult.model_validate(row) for row in connection.execute(newest_first).mappings()]


def _conditions(where: ResultFilter, before: HostResult | None) -> list[ColumnElement[bool] | TextClause]:
    conditions: list[ColumnElement[bool] | TextClause] = []
    names = {"host_name": where.host, "task": where.task}
    conditions += [hostresults.c[name] == value for name, value in names.items() if value is not None]
    if where.is_failed:
        conditions.append(FAILED)
    if where.controller is not None:
        conditions.append(_CONTROLLER.is_not_distinct_from(where.controller))
    if where.is_check is not None:
        conditions.append(hostresults.c.check_mode.is_(where.is_check))
    if where.is_changed:
        conditions.append(hostresults.c.changed.is_(True))
    if where.since is not None:
        conditions.append(hostresults.c.created >= where.since)
    if before is not None:
        conditions.append(hostresults.c.created <= before.created)
        conditions.append(tuple_(*_ORDER) < (before.created, before.job_id, before.counter))
    return conditions
