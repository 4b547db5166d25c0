# SPDX-License-Identifier: Apache-2.0
"""The output of a job by lines, without loading what is not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from forge_events.store.database import STREAMED
from forge_events.store.schema import HAS_OUTPUT, jobevents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from forge_events.store.database import Database

__all__ = ["read"]

_PAGE_ROWS = 1000
_PAGE_SIZE = 4 * 1024 * 1024
_NOWHERE = 2**63 - 1


def read(database: Database, job_id: int, *, start: int, end: int | None) -> Iterator[str]:
    """Yield the text from line ``start`` up to line ``end``; no transaction is open while the caller works."""
    with database.reading() as connection:
        after, last = _before(connection, job_id, start), _last(connection, job_id, end)
    while page := _page(database, job_id, after, last):
        for row in page:
            piece = _between(row["stdout"], row["start_line"], start, end)
            if piece:
                yield piece
        after = page[-1]["counter"]


def _before(connection: Connection, job_id: int, start: int) -> int:
    """Return a counter behind which the line begins."""
    if start <= 0:
        return 0
    counter = _first(connection, (jobevents.c.job_id == job_id) & (jobevents.c.end_line > start))
    return _NOWHERE if counter is None else counter - 1


def _last(connection: Connection, job_id: int, end: int | None) -> int:
    """Return the counter of the event that reaches the line, which is the last one that matters."""
    if end is None:
        return _NOWHERE
    counter = _first(connection, (jobevents.c.job_id == job_id) & (jobevents.c.end_line >= end))
    return _NOWHERE if counter is None else counter


def _first(connection: Connection, reaches: ColumnElement[bool]) -> int | None:
    in_order = (jobevents.c.end_line, jobevents.c.counter)
    counter: int | None = connection.scalar(
        select(jobevents.c.counter).where(reaches, HAS_OUTPUT).order_by(*in_order).limit(1)
    )
    return counter


def _page(database: Database, job_id: int, after: int, last: int) -> list[RowMapping]:
    columns = (jobevents.c.counter, jobevents.c.start_line, jobevents.c.stdout)
    of_page = (jobevents.c.counter > after) & (jobevents.c.counter <= last)
    wanted = select(*columns).where(jobevents.c.job_id == job_id, of_page, HAS_OUTPUT)
    in_order = wanted.order_by(jobevents.c.counter).limit(_PAGE_ROWS)
    page: list[RowMapping] = []
    size = 0
    with database.reading() as connection, connection.execute(in_order, execution_options=STREAMED) as rows:
        for row in rows.mappings():
            page.append(row)
            size += len(row["stdout"])
            if size > _PAGE_SIZE:
                break
    return page


def _between(text: str, first: int, start: int, end: int | None) -> str:
    """Return the lines of a text, whose first one has a number, that are inside a range."""
    if start <= first and end is None:
        return text
    # Not splitlines(): a carriage return or a form feed moves the cursor and ends no line.
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return "".join(lines[max(0, start - first) : None if end is None else max(0, end - first)])
