# SPDX-License-Identifier: Apache-2.0
"""Job events: add them once, and read them in pages."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from forge_events.events import JobEvent
from forge_events.store import bulk
from forge_events.store.columns import Encoded
from forge_events.store.database import STREAMED
from forge_events.store.expressions import contains, stored_size
from forge_events.store.schema import FAILED, HAS_HOST, jobevents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Select

    from forge_events.events import EventFilter, EventRow
    from forge_events.store.database import Database

__all__ = ["add", "last", "read", "unknown"]

_COLUMNS = [jobevents.c[name] for name in JobEvent.model_fields]
_VALUES = attrgetter(*jobevents.columns.keys())
"""Takes the value of each column; ``event_data`` is the last one."""

_PAGE_ROWS = 1000
_PAGE_SIZE = 4 * 1024 * 1024


def unknown(connection: Connection, job_id: int, events: Sequence[EventRow]) -> list[EventRow]:
    """Return the events whose counter the job does not have yet, each counter once."""
    fresh = {event.counter: event for event in reversed(events)}
    known = select(func.max(jobevents.c.counter)).where(jobevents.c.job_id == job_id)
    if fresh and (connection.scalar(known) or 0) >= min(fresh):
        for counter in _known(connection, job_id, list(fresh)):
            del fresh[counter]
    return list(reversed(fresh.values()))


def add(database: Database, connection: Connection, job_id: int, events: Sequence[EventRow]) -> None:
    """Add events that the job does not have."""
    database.add_events(connection, job_id, bulk.rows(jobevents, connection.dialect, map(_values, events)))


def read(database: Database, job_id: int, where: EventFilter, *, after: int, limit: int | None) -> Iterator[JobEvent]:
    """Yield events in counter order, page by page; no transaction is open while the caller works."""
    conditions = _conditions(job_id, where)
    while limit is None or limit > 0:
        most = _PAGE_ROWS if limit is None else min(limit, _PAGE_ROWS)
        wanted = select(*_COLUMNS, stored_size(jobevents.c.event_data).label("size")).where(*conditions)
        with database.reading() as connection:
            page = _page(connection, wanted.where(jobevents.c.counter > after).limit(most))
        yield from page
        if not page:
            return
        after = page[-1].counter
        limit = None if limit is None else limit - len(page)


def last(connection: Connection, job_id: int, where: EventFilter, *, limit: int) -> list[JobEvent]:
    """Return the events with the greatest counters, by counter."""
    wanted = select(*_COLUMNS).where(*_conditions(job_id, where)).order_by(jobevents.c.counter.desc()).limit(limit)
    return [JobEvent.model_validate(row) for row in connection.execute(wanted).mappings()][::-1]


def _values(event: EventRow) -> Sequence[Any]:
    values = _VALUES(event)
    return values if event.event_json is None else (*values[:-1], Encoded(event.event_json))


def _known(connection: Connection, job_id: int, counters: list[int]) -> Sequence[int]:
    same = (jobevents.c.job_id == job_id) & jobevents.c.counter.in_(counters)
    return connection.scalars(select(jobevents.c.counter).where(same)).all()


def _page(connection: Connection, wanted: Select[Any]) -> list[JobEvent]:
    """Take rows until they are many or large; one row at the least."""
    page: list[JobEvent] = []
    size = 0
    with connection.execute(wanted.order_by(jobevents.c.counter), execution_options=STREAMED) as rows:
        for row in rows.mappings():
            page.append(JobEvent.model_validate(row))
            size += row["size"] + len(row["stdout"])
            if size > _PAGE_SIZE:
                break
    return page


def _conditions(job_id: int, where: EventFilter) -> list[Any]:
    columns = {"task": where.task, "event": where.event}
    conditions: list[Any] = [jobevents.c.job_id == job_id]
    conditions += [jobevents.c[name] == value for name, value in columns.items() if value is not None]
    if where.host is not None:
        # What an index is for is said again as the index says it; it is not used otherwise.
        conditions += [jobevents.c.host_name == where.host, *([HAS_HOST] if where.host else [])]
    if where.is_failed:
        conditions.append(FAILED)
    if where.is_changed:
        conditions.append(jobevents.c.changed.is_(True))
    if where.search is not None:
        conditions.append(contains(jobevents.c.stdout, where.search))
    return conditions
