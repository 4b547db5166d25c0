# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest

from forge_events.store import Usage
from tests.store.making import NOW, ended, make_event

DAY = datetime.timedelta(days=1)


def used(store, size, *, at=NOW, **facts):
    """Add a job whose source had so many bytes."""
    job = ended(store, at, created=at, **facts)
    assert store.append(job, [make_event(job, 1)], source=job.uuid, expected=0, position=size)
    return job


def test_an_empty_store_takes_next_to_nothing(store):
    found = store.usage(NOW)
    assert (found.source_size, found.growth, found.days_left) == (0, 0.0, None)
    assert (found.templates, found.months, found.jobs) == ([], [], [])
    assert found.size > 0


def test_usage_is_told_by_template_by_month_and_by_job(store):
    used(store, 100, name="small", at=NOW - 40 * DAY)
    large = used(store, 5000, name="large")
    used(store, 3000, name="large")
    found = store.usage(NOW)
    assert found.source_size == 8100
    assert [tuple(share) for share in found.templates] == [("large", 2, 2, 8000), ("small", 1, 1, 100)]
    assert [tuple(share) for share in found.months] == [("2025-11", 1, 1, 100), ("2026-01", 2, 2, 8000)]
    assert tuple(found.jobs[0]) == (str(large.id), 1, 1, 5000)


def test_only_the_largest_are_told(store):
    for number in range(5):
        used(store, 10 + number, name=f"n{number}")
    found = store.usage(NOW, limit=2)
    assert [share.size for share in found.templates] == [14, 13]
    assert [share.size for share in found.jobs] == [14, 13]


def test_the_growth_is_that_of_the_last_days(store):
    used(store, 1_000_000, at=NOW - 100 * DAY)
    used(store, 30_000, at=NOW - 5 * DAY)
    found = store.usage(NOW, days=10)
    assert found.daily_source_size == 3000
    assert found.days_left is None or found.days_left == pytest.approx(found.free / found.growth)


def test_a_young_store_is_measured_over_its_age_and_a_day_at_the_least(store):
    used(store, 3000, at=NOW - 3 * DAY)
    assert store.usage(NOW).daily_source_size == 1000
    used(store, 3000, at=NOW)
    assert store.usage(NOW + DAY / 2).daily_source_size == pytest.approx(6000 / 3.5)


def test_the_days_that_are_left_follow_from_growth_and_space():
    sizes = {"size": 500, "data_size": 300, "source_size": 150}
    found = Usage(**sizes, free=1000, daily_source_size=50.0, days=30, templates=[], months=[], jobs=[])
    assert (found.on_disk(10), found.growth, found.days_left) == (20, 100, 10)
    assert found._replace(free=None).days_left is None
    assert found._replace(daily_source_size=0.0).days_left is None
    assert found._replace(source_size=0).days_left is None
