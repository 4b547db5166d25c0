# SPDX-License-Identifier: Apache-2.0
"""The tests beside this file hold for a store of every backend and do not ask which one it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.store.making import new_job

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.store import Store


@pytest.fixture
def job(store: Store) -> Job:
    return store.add_job(new_job())
