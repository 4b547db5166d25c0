# SPDX-License-Identifier: Apache-2.0
"""New and empty databases of every backend: fixtures for whoever tests with a store."""

from __future__ import annotations

import functools
import itertools
import pathlib
from typing import TYPE_CHECKING, Any, Self, cast

import psycopg
import pytest

from forge_events.store import open_store, upgrade
from tests import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forge_events.store import Store

BACKENDS = ("sqlite", "postgresql")
TEMPLATE = "template_of_forge_events"


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[postgresql.Server]:
    """Return a running PostgreSQL, which has a database with all tables to copy."""
    bin_folder = request.config.getoption("--postgresql-bin")
    with postgresql.server(pathlib.Path(bin_folder) if bin_folder else None) as made:
        made.start()
        made.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(made.url(TEMPLATE))
        yield made


class Databases:
    """Databases with all tables and nothing in them, used again: making takes forty times as long as emptying."""

    def __init__(self, server: postgresql.Server) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._empty: list[str] = []
        self._shape = self._shape_of(TEMPLATE)

    def take(self) -> str:
        """Return the name of an empty one."""
        if self._empty:
            return self._empty.pop()
        name = f"test_{next(self._numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def give_back(self, name: str) -> None:
        """Empty one, or drop it where something else than rows has changed."""
        try:
            self._server.execute(_DISCONNECT, parameters={"name": name})
            with psycopg.connect(self._server.url(name), autocommit=True) as connection:
                connection.execute(_EMPTY.encode(), prepare=False)
            is_as_new = self._shape_of(name) == self._shape
        except psycopg.Error:
            is_as_new = False
        if is_as_new:
            self._empty.append(name)
        else:
            self._server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _shape_of(self, name: str) -> Any:
        return self._server.execute(_SHAPE, database=name, parameters={"name": name})


_DISCONNECT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s"
# Blocks of partitions are made by the tests; everything else is there from the beginning, and stays.
_EMPTY = """
DO $$ DECLARE found record; BEGIN
    FOR found IN SELECT inhrelid::regclass AS part FROM pg_inherits WHERE inhparent = 'main_jobevent'::regclass LOOP
        EXECUTE 'DROP TABLE ' || found.part || ' CASCADE';
    END LOOP;
    FOR found IN SELECT oid::regclass AS whole FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version' LOOP
        EXECUTE 'ALTER TABLE ' || found.whole || ' DISABLE TRIGGER ALL';
        EXECUTE 'DELETE FROM ' || found.whole;
        EXECUTE 'ALTER TABLE ' || found.whole || ' ENABLE TRIGGER ALL';
    END LOOP;
    FOR found IN SELECT oid::regclass AS counter FROM pg_class WHERE relkind = 'S' LOOP
        PERFORM setval(found.counter, 1, false);
    END LOOP;
END $$
"""
_SHAPE = """
SELECT 'relation', relname, relkind::text, coalesce(reloptions::text, ''), relnatts::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT 'function', proname, '', '', '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'extension', extname, '', '', '' FROM pg_extension
UNION ALL SELECT 'constraint', conname, '', '', '' FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'revision', version_num, '', '', '' FROM alembic_version
UNION ALL SELECT 'setting', setconfig::text, '', '', '' FROM pg_db_role_setting JOIN pg_database ON setdatabase = oid
    WHERE datname = %(name)s
ORDER BY 1, 2, 3, 4, 5
"""


@pytest.fixture(scope="session")
def databases(server: postgresql.Server) -> Databases:
    return Databases(server)


@pytest.fixture
def postgresql_url(server: postgresql.Server, databases: Databases) -> Iterator[str]:
    """Return the URL of an empty database of PostgreSQL."""
    name = databases.take()
    yield server.url(name)
    databases.give_back(name)


@pytest.fixture
def sqlite_url(tmp_path: pathlib.Path) -> str:
    """Return the URL of a new and empty database of SQLite."""
    return f"sqlite:///{tmp_path}/home/events.db"


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new and empty database, of each backend in turn."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


class FaultyStore:
    """A store of which some verbs do something else; the others are those of the store that it stands before.

    :param faults: for a verb, what is called in its place, with the store's own verb first; for a part of the store,
        such as ``outbox``, the faults of that part.
    """

    def __init__(self, store: Any, **faults: Any) -> None:
        self._store, self._faults = store, faults

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def __getattr__(self, name: str) -> Any:
        own, fault = getattr(self._store, name), self._faults.get(name)
        if isinstance(fault, dict):
            return FaultyStore(own, **fault)
        return own if fault is None else functools.partial(fault, own)


def faulty(store: Any, **faults: Any) -> Store:
    """Return a :class:`FaultyStore` for what takes a store."""
    return cast("Store", FaultyStore(store, **faults))
