# SPDX-License-Identifier: Apache-2.0
"""New and empty databases of every backend: fixtures for whoever tests with a store."""

from __future__ import annotations

import functools
import itertools
import pathlib
from typing import TYPE_CHECKING, Any, Self, cast

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


_numbers = itertools.count(1)


@pytest.fixture
def postgresql_url(server: postgresql.Server) -> Iterator[str]:
    """Return the URL of a new and empty database of PostgreSQL."""
    name = f"test_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
