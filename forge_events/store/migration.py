# SPDX-License-Identifier: Apache-2.0
"""Bring a database to the newest revision of the schema, with Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from forge_events.errors import SchemaMismatch
from forge_events.store import revision
from forge_events.store.schema import REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from forge_events.store.database import Database

__all__ = ["current", "migrate", "upgrade"]


def current(database: Database) -> tuple[str, str]:
    """Return the revision of the tables, and the one that this version works with."""
    with database.reading() as connection:
        found = revision.current(connection)
    if found == "another":
        raise SchemaMismatch(database.where, found, REVISIONS)
    return found, REVISIONS[-1]


def upgrade(database: Database) -> tuple[str, str]:
    """Make or change the tables in one transaction; return the revision before and after."""
    database.check_server()
    with database.writing(is_durable=True) as connection:
        database.lock_schema(connection)
        found = revision.current(connection)
        if found not in (revision.NONE, *REVISIONS):
            raise SchemaMismatch(database.where, found, REVISIONS)
        if found != REVISIONS[-1]:
            if found != revision.NONE:
                revision.stamp(connection, found)
            migrate(connection, REVISIONS[-1])
    return found, REVISIONS[-1]


def migrate(connection: Connection, to: str) -> None:
    """Run the migrations up to a revision in the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", "forge_events.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
