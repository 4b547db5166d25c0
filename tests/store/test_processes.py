# SPDX-License-Identifier: Apache-2.0
"""Several processes at once on one store."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forge_events.store import open_store
from tests.conftest import ROOT
from tests.store.making import ALL
from tests.store.working import BATCH, BATCHES

EVENTS = BATCHES * BATCH


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.working", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def finish():
    """Wait for processes, and return what each printed; none may fail."""
    processes: list[subprocess.Popen[str]] = []

    def finished(*started: subprocess.Popen[str]) -> list[str]:
        processes.extend(started)
        ends = [process.communicate(timeout=120) for process in started]
        assert [end[1] for end in ends] == [""] * len(ends)
        assert [process.returncode for process in started] == [0] * len(ends)
        return [end[0] for end in ends]

    yield finished
    for process in processes:
        process.kill()


def test_writers_and_readers_at_once_never_see_a_locked_database(url, finish):
    uuids = [f"job-{number}" for number in range(4)]
    writers = [start("write", url, uuid) for uuid in uuids]
    readers = [start("read", url, str(4 * EVENTS)) for _ in range(2)]
    finish(*writers, *readers)
    with open_store(url) as store:
        for uuid in uuids:
            job = store.job(uuid)
            assert job.event_count == EVENTS
            assert sum(1 for _ in store.events(job.id, ALL)) == EVENTS
            assert "".join(store.stdout(job.id)) == "".join(f"{counter}\n" for counter in range(1, EVENTS + 1))


def test_processes_that_append_the_same_source_append_it_once(url, finish):
    won = finish(*[start("compete", url, "shared") for _ in range(4)])
    assert sum(map(int, won)) == BATCHES
    with open_store(url) as store:
        job = store.job("shared")
        assert [event.counter for event in store.events(job.id, ALL)] == list(range(1, EVENTS + 1))
        assert (job.event_count, store.position("shared")) == (EVENTS, EVENTS)
        assert [summary.ok for summary in store.host_summaries(job.id)] == [EVENTS]


def test_processes_that_all_make_the_store_make_one(url, finish):
    finish(*[start("come_first", url, "") for _ in range(6)])
    with open_store(url) as store:
        assert len(store.jobs()) == 6
