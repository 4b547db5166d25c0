# SPDX-License-Identifier: Apache-2.0
"""Dispatchers drop what ended long ago, where a retention is set; the doctor tells where nobody does."""

from __future__ import annotations

import datetime
from functools import partial

import pytest

from forge_events.dispatcher.cleaning import Cleaner
from forge_events.doctor.check import Subject, Verdict
from forge_events.doctor.keeping import retention
from forge_events.services.stopping import Stop
from forge_events.settings import Settings
from forge_events.store import open_store
from tests.store.making import ended
from tests.stores import faulty


@pytest.mark.parametrize("age", [400, 91, 5])
def test_what_is_older_than_the_retention_is_dropped_and_told_before(store, url, caplog, age):
    now = store.now()
    old = ended(store, at=now - datetime.timedelta(days=age))
    young = ended(store, at=now - datetime.timedelta(days=1))
    found = {days: retention(Subject(Settings(retention_days=days), store, now)).verdict for days in (None, 30, 10_000)}
    assert found[None] is (Verdict.WARN if age > 90 else Verdict.OK)
    assert found[30] is (Verdict.FAIL if age > 31 else Verdict.OK)
    assert found[10_000] is Verdict.OK
    with Stop() as stop:
        assert Cleaner(partial(open_store, url), 30, stop).run_once() == (age > 30)
        assert [job.id for job in store.jobs()] == [young.id, *([old.id] if age < 30 else [])]
        assert Cleaner(partial(open_store, url), 30, stop).run_once() == 0


def test_a_database_that_is_away_is_told_and_tried_again(store, caplog):
    with Stop() as stop:

        def away():
            stop.set()
            return open_store("postgresql://me:geheim@127.0.0.1:1/none")

        Cleaner(away, 30, stop).run()
    assert "old jobs cannot be dropped" in caplog.text
    assert "geheim" not in caplog.text


def test_it_stops_between_two_jobs(store):
    for _ in range(3):
        ended(store, at=store.now() - datetime.timedelta(days=100))
    with Stop() as stop:
        stop.set()
        assert Cleaner(lambda: faulty(store, close=lambda _: None), 30, stop).run_once() == 1
