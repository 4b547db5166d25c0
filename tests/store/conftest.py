# SPDX-License-Identifier: Apache-2.0
"""A store of every backend: the tests beside this file hold for all of them and do not ask which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forge_events.store import open_store

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from forge_events.jobs import Job
    from forge_events.store import Store

from tests.store.making import new_job

BACKENDS = ["sqlite"]


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Return the URL of a new and empty database."""
    assert request.param == "sqlite"
    return f"sqlite:///{tmp_path}/home/events.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def job(store: Store) -> Job:
    return store.add_job(new_job())
