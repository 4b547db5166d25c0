# SPDX-License-Identifier: Apache-2.0
"""How far each source of events has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from forge_events.store.schema import spoolpositions

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["move", "read", "read_mark"]


def read(connection: Connection, source: str) -> int:
    """Return the position of a source, 0 for an unknown one."""
    where = spoolpositions.c.source == source
    return connection.scalar(select(spoolpositions.c.position).where(where)) or 0


def read_mark(connection: Connection, source: str) -> int:
    """Return the mark of a source's position, 0 for an unknown one."""
    return connection.scalar(select(spoolpositions.c.mark).where(spoolpositions.c.source == source)) or 0


def move(connection: Connection, job_id: int, source: str, *, expected: int, position: int, mark: int) -> bool:
    """Move the position of a source if it is the expected one; return whether it was."""
    mine = (spoolpositions.c.source == source) & (spoolpositions.c.position == expected)
    # One statement that looks and moves: of several at once the others wait for the first, and then find it moved.
    if connection.execute(update(spoolpositions).where(mine).values(position=position, mark=mark)).rowcount:
        return True
    if (
        expected
        or connection.scalar(select(spoolpositions.c.position).where(spoolpositions.c.source == source)) is not None
    ):
        return False
    connection.execute(insert(spoolpositions).values(source=source, job_id=job_id, position=position, mark=mark))
    return True
