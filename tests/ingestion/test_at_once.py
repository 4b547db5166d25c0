# SPDX-License-Identifier: Apache-2.0
"""Receivers that work on one folder at once, or die in the middle of it."""

from __future__ import annotations

import json
import signal

import pytest

from forge_events.events import EventFilter
from forge_events.ingestion.receiver import drain
from forge_events.jobs import JobStatus
from tests.ingestion.spools import Spool, now

ALL = EventFilter()
SPOOLS, EVENTS = 4, 1500


@pytest.fixture
def spools(folder):
    return [fill(Spool(folder)) for _ in range(SPOOLS)]


def fill(spool):
    for number in range(EVENTS - 1):
        spool.event("runner_on_ok", event_data={"host": "h"}, stdout=f"{number}\n")
        if number % 500 == 0:
            spool.line(f"damage {number}".encode())
    return spool.stats(ok={"h": EVENTS - 1}).eof()


def check(store, folder, spools):
    """Assert that every job has every event once, and took every step once."""
    for spool in spools:
        job = store.job(spool.uuid)
        assert job.status is JobStatus.SUCCESSFUL
        assert job.event_count == EVENTS
        assert [event.counter for event in store.events(job.id, ALL)] == list(range(1, EVENTS + 1))
        assert [summary.ok for summary in store.host_summaries(job.id)] == [EVENTS - 1]
        assert [step.new for step in store.transitions(job.id)] == [JobStatus.RUNNING, JobStatus.SUCCESSFUL]
        assert not spool.path.exists()
        assert len((folder / f"{spool.path.name}.damaged").read_bytes().splitlines()) == 3


def test_many_receivers_store_everything_once(store, folder, spools, start, url):
    receivers = [start("draining", url, str(folder), "3") for _ in range(4)]
    for receiver in receivers:
        receiver.communicate(timeout=120)
    assert [receiver.returncode for receiver in receivers] == [0] * 4
    check(store, folder, spools)


def test_many_receivers_keep_a_damaged_line_once(folder, start, tmp_path):
    spool = Spool(folder).root()
    for number in range(2000):
        spool.line(f"damage {number}".encode())
    receivers = [start("draining", f"sqlite:///{tmp_path}/{number}.db", str(folder), "1") for number in range(4)]
    for receiver in receivers:
        assert receiver.communicate(timeout=120) == ("ready\n", None)
    kept = (folder / f"{spool.path.name}.damaged").read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in kept] == [f"damage {number}\n" for number in range(2000)]


def test_receivers_that_are_killed_at_any_moment_lose_nothing(store, folder, spools, start, url):
    for number in range(12):
        receiver = start("draining", url, str(folder), "1")
        assert receiver.stdout.readline() == "ready\n"
        # Each gets a little further than the one before: no clock of ours says where exactly.
        while receiver.poll() is None and stored(store) < number * 400:
            pass
        receiver.send_signal(signal.SIGKILL)
        receiver.wait()
    drain(folder, store, now())
    check(store, folder, spools)


def stored(store):
    return sum(job.event_count for job in store.jobs())


def test_a_spool_that_grows_while_receivers_read_it_is_stored_once(store, folder, start, url):
    spool = Spool(folder)
    receivers = [start("draining", url, str(folder), "40") for _ in range(3)]
    fill(spool)
    for receiver in receivers:
        receiver.communicate(timeout=120)
    drain(folder, store, now())
    check(store, folder, [spool])
