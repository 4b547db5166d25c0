# SPDX-License-Identifier: Apache-2.0
"""What running jobs write is in the store at once, and nobody has to look for it."""

from __future__ import annotations

import statistics
import time
from types import SimpleNamespace

from forge_events.dispatcher.running import receive_running
from forge_events.events import EventFilter
from forge_events.ingestion.receiver import SpoolIntake
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.dispatcher.engine import lateness, until


def test_events_are_in_the_store_while_their_job_runs(anywhere):
    anywhere.start()
    with open_store(anywhere.url) as store:
        job = anywhere.launch(store, "slow.yml", seconds=1)
        until(lambda: store.job(str(job.id)).status is JobStatus.RUNNING)
        late = lateness(store, job.id)
        assert len(late) >= 50  # 17 tasks have three each
        assert statistics.median(late) < 0.3, late
        assert store.job(str(job.id)).status is JobStatus.SUCCESSFUL


def test_a_job_that_nobody_dispatches_for_is_taken_in_by_the_process_that_runs_it_alone(made, kept):
    job = made.launch(kept, "slow.yml", seconds=0.3)
    made.start("a", "--only", str(job.id))
    until(lambda: kept.job(str(job.id)).status is JobStatus.RUNNING)
    assert len(lateness(kept, job.id)) >= 40


def test_a_killed_dispatchers_job_goes_on_being_taken_in_by_the_next_one(made, kept):
    made.start()
    job = made.launch(kept, "slow.yml", seconds=0.6)
    until(lambda: next(kept.events(job.id, EventFilter(event="runner_on_ok")), None))
    made.kill()
    before = kept.job(str(job.id)).event_count
    made.start()
    until(lambda: f"job {job.id} adopted, running" in made.logs())
    assert kept.job(str(job.id)).status is JobStatus.RUNNING
    late = lateness(kept, job.id)
    assert len(late) > before


def test_a_receiver_beside_it_does_no_harm(made, kept):
    made.start()
    with made.receiver():
        job = made.launch(kept, "slow.yml", seconds=0.2)
        until(lambda: kept.job(str(job.id)).status.is_final)
    events = [event.counter for event in kept.events(job.id, EventFilter())]
    assert events == list(range(1, len(events) + 1))
    assert kept.job(str(job.id)).status is JobStatus.SUCCESSFUL


def execution(path, turn):
    return SimpleNamespace(spool=path, seen=None, turn=turn)


def test_what_waited_the_longest_is_next_when_time_is_short(tmp_path, kept, monkeypatch):
    taken = []

    def slow(_self, path, **_):
        taken.append(path.name)
        time.sleep(0.06)
        return SimpleNamespace(has_more=True, is_postponed=False)

    monkeypatch.setattr(SpoolIntake, "receive", slow)
    executions = [execution(tmp_path / name, turn) for turn, name in enumerate("abcd")]
    for one in executions:
        one.spool.touch()
    for _ in range(2):
        receive_running(executions, kept)
    assert taken == ["a", "b", "c", "d"]


def test_a_spool_that_has_not_grown_is_not_opened(tmp_path, kept, monkeypatch):
    taken = []

    def receive(_self, path, **_):
        taken.append(path.name)
        return SimpleNamespace(has_more=False, is_postponed=False)

    monkeypatch.setattr(SpoolIntake, "receive", receive)
    one = execution(tmp_path / "a", 0)
    receive_running([one], kept)
    assert taken == []
    one.spool.write_text("x")
    for _ in range(3):
        receive_running([one], kept)
    one.spool.write_text("xy")
    receive_running([one], kept)
    assert taken == ["a", "a"]
