# SPDX-License-Identifier: Apache-2.0
"""The one clock that nodes and jobs are stamped by: the database's."""

from __future__ import annotations

import datetime

import pytest

from forge_events.nodes import Machine
from tests.store.making import NOW, later
from tests.store.queueing import LOST_AFTER, manned, running

HOUR = datetime.timedelta(hours=1)


def test_the_store_tells_the_time(store):
    before = datetime.datetime.now(datetime.UTC)
    told = [store.now() for _ in range(3)]
    after = datetime.datetime.now(datetime.UTC)
    slack = datetime.timedelta(milliseconds=1)  # SQLite leaves out what is less
    assert before - slack <= told[0] <= told[1] <= told[2] <= after
    assert told[0].utcoffset() == datetime.timedelta(0)


def stands(store, offset):
    """Have a node say how its machine's clock stands, and return a job that runs there."""
    process = manned(store)
    store.nodes.beat(process, Machine(cpu=4, memory=2**33, clock_offset=offset), NOW)
    return running(store, process=process.id)


@pytest.mark.parametrize(("offset", "hours"), [(3600.0, 1), (-3600.0, -1), (None, 0)])
def test_what_a_node_says_becomes_the_database_s_time(store, offset, hours):
    assert store.queue.time_of(stands(store, offset), later(10) + hours * HOUR) == later(10)


def test_nothing_has_happened_before_it_happens(store):
    job = stands(store, None)
    assert store.queue.time_of(job, store.now() + HOUR) <= store.now()


@pytest.mark.parametrize(("year", "offset"), [(1, 3600.0), (9999, -3600.0)])
def test_the_ends_of_the_calendar_are_times_too(store, year, offset):
    said = datetime.datetime(year, 12 if offset < 0 else 1, 31 if offset < 0 else 1, tzinfo=datetime.UTC)
    said += datetime.timedelta(hours=23.5 if offset < 0 else 0.5)
    assert store.queue.time_of(stands(store, offset), said) <= store.now()


def test_what_the_recorder_of_a_job_said_stands(store, job):
    stands(store, 3600.0)
    assert store.queue.time_of(job, later(10**9)) == later(10**9)


def test_a_stamp_from_before_the_clock_was_set_back_tells_nothing(store):
    node = store.nodes.get(manned(store, at=later(3600)).node)
    assert node.is_lost(NOW, LOST_AFTER)
    assert not node.is_lost(later(3590), LOST_AFTER)
