# SPDX-License-Identifier: Apache-2.0
"""The one source of truth: jobs, transitions, events and host summaries. Nothing else imports a database library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_events.errors import UnsupportedStore
from forge_events.store.location import is_postgresql, shown, sqlite_file
from forge_events.store.records import Block, Dropped, Merged, Retention, Share, Usage

if TYPE_CHECKING:
    from forge_events.store.database import Database
    from forge_events.store.store import Store

__all__ = ["Block", "Dropped", "Merged", "Retention", "Share", "Store", "Usage", "current", "open_store", "upgrade"]


def __getattr__(name: str) -> object:
    # Whoever only names a record or opens nothing should not have to wait for SQLAlchemy.
    if name == "Store":
        from forge_events.store.store import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_store(url: str) -> Store:
    """Open the store that a URL names; an embedded one is made where there is none.

    :param url: ``sqlite:///`` and the path of a file, or ``postgresql://`` as libpq knows it;
        ``postgresql+psycopg://``, as SQLAlchemy writes it, is the same.
    :raises UnsupportedStore: no backend knows such a URL, or its driver cannot be loaded.
    :raises StoreUnavailable: the database cannot be opened.
    :raises SchemaMismatch: the database has the schema of another version of the library, or none.
    """
    from forge_events.store.store import Store as Opened

    database = _database(url)
    try:
        database.check()
    except BaseException:
        database.close()
        raise
    return Opened(database)


def upgrade(url: str) -> tuple[str, str]:
    """Bring the tables of a database to the newest revision, or make them; return the revision before and after.

    Everything is one transaction, so it may be stopped and run again; several at once do it one after the other.

    :raises SchemaMismatch: the database belongs to another program, or to a newer version of the library.
    """
    from forge_events.store import migration

    database = _database(url)
    try:
        return migration.upgrade(database)
    finally:
        database.close()


def current(url: str) -> tuple[str, str]:
    """Return the revision of a database's tables, ``none`` where there are none, and the one that is needed.

    :raises SchemaMismatch: the database belongs to another program.
    """
    from forge_events.store import migration

    database = _database(url)
    try:
        return migration.current(database)
    finally:
        database.close()


def _database(url: str) -> Database:
    # Here and not above: who only reads settings or errors should not have to wait for SQLAlchemy.
    file = sqlite_file(url)
    if file is not None:
        from forge_events.store.sqlite import SQLiteDatabase

        return SQLiteDatabase(file)
    if not is_postgresql(url):
        raise UnsupportedStore(shown(url))
    try:
        from forge_events.store.postgresql import PostgreSQLDatabase
    except ImportError as error:
        # The package is there; what it needs of the machine may not be.
        raise UnsupportedStore(shown(url), "PostgreSQL's driver, psycopg, cannot be loaded here") from error
    return PostgreSQLDatabase(url)
