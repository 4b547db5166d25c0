# SPDX-License-Identifier: Apache-2.0
"""The processes that work on a store, whatever they do; what makes a dispatcher count as a node's is in ``nodes``."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from forge_events.store.records import Process, Role
from forge_events.store.schema import dispatchers

if TYPE_CHECKING:
    from sqlalchemy import Row

    from forge_events.store.database import Database

__all__ = ["Processes", "process_of", "row_of"]

_FORGOTTEN = datetime.timedelta(days=1)
"""After so long nobody misses a process that was killed."""


class Processes:
    """The processes that work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Process]:
        """Return all processes by id, also those that were killed and that nobody has followed yet."""
        with self._database.reading() as connection:
            return [process_of(row) for row in connection.execute(select(dispatchers).order_by(dispatchers.c.id))]

    def sign_on(self, process: Process, *, lost_after: float) -> Process:
        """Write down that a process begins to do something, and return it with its id.

        It takes the place of those on its node that did the same and have not been seen for so many seconds.
        """
        silent = process.last_seen - datetime.timedelta(seconds=lost_after)
        follows = (dispatchers.c.node == process.node) & (dispatchers.c.last_seen < silent)
        is_old = dispatchers.c.last_seen < process.last_seen - _FORGOTTEN
        same = (dispatchers.c.role == process.role) & (process.role != Role.DISPATCHER)
        with self._database.writing() as connection:
            connection.execute(delete(dispatchers).where(same, follows | is_old))
            new = insert(dispatchers).values(row_of(process)).returning(dispatchers.c.id)
            return process._replace(id=connection.execute(new).scalar_one())

    def beat(self, process: Process, at: datetime.datetime) -> bool:
        """Write down that a process is there; return False if it was taken for gone meanwhile."""
        mine = update(dispatchers).where(dispatchers.c.id == process.id).values(last_seen=at)
        with self._database.writing() as connection:
            return bool(connection.execute(mine).rowcount)

    def sign_off(self, process: Process) -> None:
        """Write down that a process does it no more; a second call does nothing."""
        with self._database.writing() as connection:
            connection.execute(delete(dispatchers).where(dispatchers.c.id == process.id))


def process_of(row: Row[Any]) -> Process:
    """Return the process of a row."""
    found = {name: row._mapping[name] for name in Process._fields}
    return Process(**{**found, "role": Role(found["role"])})


def row_of(process: Process) -> dict[str, Any]:
    """Return the columns of a process, for a new row."""
    columns = {**process._asdict(), "facts": dict(process.facts)}
    del columns["id"]
    return columns
