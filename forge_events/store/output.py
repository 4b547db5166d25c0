# SPDX-License-Identifier: Apache-2.0
"""The output of a job by lines, without loading what is not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from forge_events.store.schema import HAS_OUTPUT, jobevents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, RowMapping

    from forge_events.store.database import Database

__all__ = ["read"]

_PAGE_ROWS = 1000
_PAGE_SIZE = 4 * 1024 * 1024
_NOWHERE = 2**63 - 1


def read(database: Database, job_id: int, *, start: int, end: int | None) -> Iterator[str]:
    """Yield the text from line ``start`` up to line ``end``; no transaction is open while the caller works."""
    with database.reading() as connection:
        after = _before(connection, job_id, start)
    while page := _page(database, job_id, after, end):
        for row in page:
            piece = _between(row["stdout"], row["start_line"], start, end)
            if piece:
                yield piece
        after = page[-1]["counter"]


def _before(connection: Connection, job_id: int, start: int) -> int:
    """Return a counter behind which the line begins."""
    if start <= 0:
        return 0
    reaches = (jobevents.c.job_id == job_id) & (jobevents.c.end_line > start)
    wanted = select(jobevents.c.counter).where(reaches, HAS_OUTPUT).order_by(jobevents.c.end_line).limit(1)
    counter = connection.scalar(wanted)
    return _NOWHERE if counter is None else counter - 1


def _page(database: Database, job_id: int, after: int, end: int | None) -> list[RowMapping]:
    columns = (jobevents.c.counter, jobevents.c.start_line, jobevents.c.stdout)
    wanted = select(*columns).where(jobevents.c.job_id == job_id, jobevents.c.counter > after, HAS_OUTPUT)
    page: list[RowMapping] = []
    size = 0
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(jobevents.c.counter).limit(_PAGE_ROWS)).mappings()
        for row in rows:
            if end is not None and row["start_line"] >= end:
                break
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
