# SPDX-License-Identifier: Apache-2.0
"""Many jobs at once, and harm done at random: a short form for every day, and the long ones for `make test-faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forge_events.store import upgrade
from tests import postgresql
from tests.dispatcher.campaign import SETTINGS, campaign
from tests.dispatcher.engine import engine
from tests.dispatcher.thousand import NODES, run

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = [pytest.param(1, id="short"), pytest.param(60, id="long", marks=pytest.mark.full)]


@pytest.fixture
def crashing() -> Iterator[postgresql.Server]:
    """Return a server of its own, which others need not mind to be killed."""
    with postgresql.server() as made:
        made.start()
        upgrade(made.url())
        yield made


@pytest.mark.parametrize("times", FORMS)
def test_many_jobs_on_sqlite_run_once_each_in_order_and_within_capacity(tmp_path, sqlite_url, times):
    with engine(tmp_path / "home", sqlite_url) as made:
        run(made, 6 if times == 1 else 1000, NODES[:1])


@pytest.mark.parametrize("times", FORMS)
def test_many_jobs_on_postgresql_run_once_each_with_three_dispatchers(tmp_path, postgresql_url, times):
    with engine(tmp_path / "home", postgresql_url) as made:
        run(made, 9 if times == 1 else 1000, NODES)


@pytest.mark.parametrize("times", FORMS)
def test_killing_dispatchers_and_runners_loses_and_doubles_nothing(tmp_path, sqlite_url, times):
    with engine(tmp_path / "home", sqlite_url, **SETTINGS) as made:
        counts = campaign(made, None, seconds=20 * times, seed=times)
    assert counts["jobs"] > 0


@pytest.mark.parametrize("times", FORMS)
def test_killing_the_server_as_well_loses_and_doubles_nothing(tmp_path, crashing, times):
    with engine(tmp_path / "home", crashing.url(), **SETTINGS) as made:
        counts = campaign(made, crashing, seconds=30 * times, seed=times)
    assert counts["jobs"] > 0
