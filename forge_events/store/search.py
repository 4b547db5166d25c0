# SPDX-License-Identifier: Apache-2.0
"""Find text in the output of all jobs: newest first, a range of jobs at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from forge_events.events import JobEvent
from forge_events.store.expressions import contains
from forge_events.store.schema import HAS_OUTPUT, jobevents, jobs

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from forge_events.store.database import Database

__all__ = ["find"]

_COLUMNS = [jobevents.c[name] for name in JobEvent.model_fields]


def find(
    database: Database, text: str, *, since: datetime.datetime | None, before: int | None, limit: int
) -> Iterator[JobEvent]:
    """Yield events that show a text; no transaction is open while the caller works."""
    with database.reading() as connection:
        first, last = _span(connection, since, before)
        ranges = [(max(low, first), min(high, last)) for low, high in database.search_ranges(connection, last)]
    for low, high in ranges:
        if limit > 0 and low <= high:
            with database.reading() as connection:
                found = _find(connection, _conditions(text, low, high, since), limit)
            limit -= len(found)
            yield from found


def _span(connection: Connection, since: datetime.datetime | None, before: int | None) -> tuple[int, int]:
    """Return the smallest and the greatest job id that may matter."""
    newest = connection.scalar(select(func.max(jobs.c.id))) or 0
    first = 1
    if since is not None:
        first = connection.scalar(select(func.min(jobs.c.id)).where(jobs.c.created >= since)) or newest + 1
    return first, newest if before is None else min(newest, before - 1)


def _conditions(text: str, low: int, high: int, since: datetime.datetime | None) -> list[Any]:
    # A single job is named as one, so that only its partition is opened.
    of_range = jobevents.c.job_id == low if low == high else jobevents.c.job_id.between(low, high)
    conditions: list[Any] = [of_range, HAS_OUTPUT, contains(jobevents.c.stdout, text)]
    if since is not None:
        # What is ingested late has a younger id than its time.
        young = select(jobs.c.id).where(jobs.c.id.between(low, high), jobs.c.created >= since)
        conditions.append(jobevents.c.job_id.in_(young))
    return conditions


def _find(connection: Connection, conditions: list[Any], limit: int) -> list[JobEvent]:
    wanted = select(*_COLUMNS).where(*conditions)
    wanted = wanted.order_by(jobevents.c.job_id.desc(), jobevents.c.counter).limit(limit)
    return [JobEvent.model_validate(row) for row in connection.execute(wanted).mappings()]
