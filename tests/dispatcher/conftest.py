# SPDX-License-Identifier: Apache-2.0
"""An engine with a database of each backend, and dispatchers that are real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forge_events.store import open_store
from tests.dispatcher.engine import Engine, engine

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from forge_events.store import Store


@pytest.fixture
def made(tmp_path: pathlib.Path, sqlite_url: str) -> Iterator[Engine]:
    """Return an engine on SQLite, without a dispatcher yet."""
    with engine(tmp_path / "home", sqlite_url, HEARTBEAT="1", NODE_LOST_AFTER="4") as found:
        yield found


@pytest.fixture
def anywhere(tmp_path: pathlib.Path, url: str) -> Iterator[Engine]:
    """Return an engine on each backend in turn, without a dispatcher yet."""
    with engine(tmp_path / "home", url, HEARTBEAT="1", NODE_LOST_AFTER="4") as found:
        yield found


@pytest.fixture
def kept(made: Engine) -> Iterator[Store]:
    """Return the store of the engine on SQLite."""
    with open_store(made.url) as opened:
        yield opened
