# SPDX-License-Identifier: Apache-2.0
"""Clocks that are wrong: of nodes, of those who launch, of the database."""

from __future__ import annotations

import datetime
import pathlib
import time
from typing import Any

import pytest

from forge_events import launching
from forge_events.cli.dispatcher import _Lines
from forge_events.dispatcher import processes, service
from forge_events.dispatcher.clock import Clock, Watch
from forge_events.dispatcher.execution import Execution
from forge_events.dispatcher.plan import Place
from forge_events.dispatcher.service import Done, Pace, Service
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.nodes import NodeState, NodeType
from forge_events.store import open_store
from tests.dispatcher.engine import engine, until
from tests.store.making import NOW, later
from tests.store.queueing import fresh, running

HOUR = datetime.timedelta(hours=1)
LIBRARY = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def real():
    return datetime.datetime.now(datetime.UTC)


@pytest.fixture
def made_service(url, tmp_path):
    """Return what makes a service of a node, which keeps its pace; all are closed in the end."""
    made = []

    def make(node="a", pace=None, **options):
        place = Place(node=node, dispatcher_id=0, work_dir=tmp_path / "work", spool_dir=tmp_path / "spool")
        made.append(Service(lambda: open_store(url), place, pace or Pace(), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def wrong(monkeypatch, by):
    monkeypatch.setattr(service, "_now", lambda: real() + by)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_node_is_seen_when_the_database_says_so(store, made_service, monkeypatch, hours):
    wrong(monkeypatch, hours * HOUR)
    done = made_service().run_once()
    node = store.nodes.get("a")
    assert abs(node.last_seen - store.now()) < datetime.timedelta(seconds=10)
    assert node.state(store.now(), 30) is NodeState.READY
    assert node.clock_offset == pytest.approx(hours * 3600, abs=2)
    assert done.clock_offset == node.clock_offset


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_keeps_no_node_from_its_heartbeat(store, made_service, monkeypatch, hours):
    one = made_service(pace=Pace(heartbeat=0.05))
    one.run_once()
    before = store.nodes.get("a").last_seen
    wrong(monkeypatch, hours * HOUR)
    time.sleep(0.06)
    one.run_once()
    seen = store.nodes.get("a").last_seen - before
    assert datetime.timedelta(0) < seen < datetime.timedelta(seconds=30)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_decision_has_the_database_s_time(store, made_service, monkeypatch, hours):
    wrong(monkeypatch, hours * HOUR)
    job = launching.launch(store, Launch.of(playbook="site.yml"))
    made_service(node_type=NodeType.CONTROL).run_once()
    assert fresh(store, job).status is JobStatus.WAITING
    times = [step.at for step in store.transitions(job.id)]
    assert times == sorted(times)
    assert times[-1] - times[0] < datetime.timedelta(seconds=30)
    assert job.created == times[0]


def test_a_notification_that_was_lost_is_made_good_by_the_next_look(store, made_service):
    one = made_service(pace=Pace(heartbeat=1000, lost_after=2000, poll=0.3), node_type=NodeType.CONTROL)
    one.run_once()
    job = launching.launch(store, Launch.of(playbook="site.yml"))
    one._session.listener.drain()
    until(lambda: one.run_once().decided.held, 30)
    assert fresh(store, job).status is JobStatus.WAITING


def test_between_two_looks_nothing_is_asked_of_a_quiet_queue(made_service, monkeypatch):
    one = made_service(pace=Pace(heartbeat=1000, lost_after=2000, poll=1000), node_type=NodeType.CONTROL)
    one.run_once()
    monkeypatch.setattr(service, "Dispatcher", None)
    assert one.run_once().decided == ([], [], False)


def test_the_difference_is_told_once_until_the_clock_is_right_again(capsys):
    lines = _Lines(is_verbose=False)
    for offset in (0.2, 4.9, -62.0, None, -61.0, 0.1, None, 3600.4):
        lines.done(Done(clock_offset=offset))
    told = [line.partition(": ")[2].partition(";")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "this machine's clock is 1 min 2 s behind the database's",
        "this machine's clock is right again",
        "this machine's clock is 1 h 0 s ahead of the database's",
    ]


STANDING: Any = type("Standing", (), {"now": lambda: NOW})
"""A store whose clock stands still."""


def test_an_answer_that_took_long_compares_nothing(monkeypatch):
    ticks = iter([100.0, 110.0])
    monkeypatch.setattr("forge_events.dispatcher.clock.time", type("Time", (), {"monotonic": lambda: next(ticks)}))
    assert Clock(STANDING, real).offset is None


def test_what_passes_is_counted_and_no_clock_is_asked_again():
    clock = Clock(STANDING, lambda: later(62))
    assert clock.offset == pytest.approx(62, abs=1)
    first = clock.now()
    time.sleep(0.02)
    assert NOW <= first < clock.now() < later(5)


def test_silence_is_what_is_seen_of_it():
    watch = Watch(30)
    for at in (0, 10, 20):
        watch.look({"a": NOW, "b": later(at)}, at)
    assert not watch.is_silent("a")
    watch.look({"a": NOW, "b": later(30), "c": NOW}, 30)
    assert [name for name in "abcd" if watch.is_silent(name)] == ["a"]


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_how_long_a_job_takes_is_counted_from_its_first_look(store, hours):
    execution = Execution(running(store), Launch.of(playbook="site.yml"), pathlib.Path("none"))
    assert execution.age(later(10)) == pytest.approx(10, abs=1)
    assert execution.age(later(10) + hours * HOUR) == pytest.approx(10, abs=5)


def test_a_process_whose_start_reads_differently_since_the_clock_was_set_lives_while_it_is_seen(
    store, made_service, monkeypatch
):
    one, other = made_service(), made_service()
    other.run_once()
    monkeypatch.setattr(processes, "is_alive", lambda *_: False)
    one.run_once()
    assert len(store.nodes.dispatchers("a")) == 2
    monkeypatch.setattr(processes, "is_anybody", lambda _: False)
    one._next_beat = 0.0
    one.run_once()
    assert len(store.nodes.dispatchers("a")) < 2


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: faketime)")
def test_two_nodes_an_hour_off_keep_their_jobs_and_end_nobody_else_s(tmp_path, postgresql_url):
    settings = {"HEARTBEAT": "1", "NODE_LOST_AFTER": "5", "JOB_LEASE": "7"}
    with engine(tmp_path / "home", postgresql_url, **settings) as made, open_store(postgresql_url) as store:
        for node, hours in (("fast", "+1h"), ("slow", "-1h")):
            made.start(node, LD_PRELOAD=str(LIBRARY), FAKETIME=hours)
        jobs = [made.launch(store, seconds=9, node=node) for node in ("fast", "slow")]
        until(lambda: all(fresh(store, job).status.is_final for job in jobs), 90)
        for job in jobs:
            check_times(store, fresh(store, job), made.logs())
        offsets = [store.nodes.get(node).clock_offset for node in ("fast", "slow")]
        assert offsets == pytest.approx([3600, -3600], abs=30)
        assert made.logs().count("this machine's clock is 1 h 0 s") == 2
        made.kill("fast")
        until(lambda: store.nodes.get("fast").state(store.now(), 5) is NodeState.UNAVAILABLE, 30)


def check_times(store, job, logs):
    """Check that a job of about ten seconds was successful, and that its times say so."""
    assert job.status is JobStatus.SUCCESSFUL, (job.job_explanation, logs)
    times = [job.created, *(step.at for step in store.transitions(job.id)), store.now()]
    assert times == sorted(times)
    assert times[-1] - times[0] < datetime.timedelta(minutes=3)
    assert 8 < job.elapsed < 100
