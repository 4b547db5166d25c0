# SPDX-License-Identifier: Apache-2.0
"""The one source of truth: jobs, transitions, events and host summaries. Nothing else imports a database library."""

from __future__ import annotations

from forge_events.errors import UnsupportedStore
from forge_events.store.contract import Dropped, Store
from forge_events.store.location import shown, sqlite_file

__all__ = ["Dropped", "Store", "open_store"]


def open_store(url: str) -> Store:
    """Open the store that a URL names; an embedded one is made where there is none.

    :param url: ``sqlite:///`` and the path of a file.
    :raises UnsupportedStore: no backend knows such a URL.
    :raises StoreUnavailable: the database cannot be opened.
    :raises SchemaMismatch: the database belongs to another version of the library.
    """
    file = sqlite_file(url)
    if file is None:
        raise UnsupportedStore(shown(url))
    # Here and not above: who only reads settings or errors should not have to wait for SQLAlchemy.
    from forge_events.store.sql import SQLStore
    from forge_events.store.sqlite import SQLiteDatabase

    return SQLStore(SQLiteDatabase(file))
