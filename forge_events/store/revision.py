# SPDX-License-Identifier: Apache-2.0
"""Which revision of the schema a database has; Alembic's own table says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, inspect, select

from forge_events.errors import SchemaMismatch
from forge_events.store.schema import REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["NONE", "check", "current", "stamp"]

NONE = "none"
"""What a database has that is empty."""

# As Alembic makes it.
_versions = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def current(connection: Connection) -> str:
    """Return the revision of a database: :data:`NONE` for an empty one, ``"another"`` for another program's."""
    seen = inspect(connection)
    if seen.has_table(_versions.name) and seen.has_table("main_job"):
        return connection.scalar(select(_versions.c.version_num)) or NONE
    if seen.has_table("main_job") and seen.has_table("main_spoolposition"):
        return REVISIONS[0]  # as it was made before revisions were written down
    return "another" if set(seen.get_table_names()) - {_versions.name} else NONE


def check(connection: Connection, where: str) -> None:
    """Refuse a database with another schema than the newest.

    :raises SchemaMismatch: it has one.
    """
    found = current(connection)
    if found != REVISIONS[-1]:
        raise SchemaMismatch(where, found, REVISIONS)


def stamp(connection: Connection, revision: str) -> None:
    """Write down the revision of a database that was made without Alembic."""
    _versions.create(connection, checkfirst=True)
    connection.execute(_versions.delete())
    connection.execute(_versions.insert().values(version_num=revision))
