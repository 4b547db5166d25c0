# SPDX-License-Identifier: Apache-2.0
"""What becomes of the jobs of nodes that are not seen any more."""

from __future__ import annotations

import pytest

from forge_events.dispatcher.reaper import Reaped, Reaper
from forge_events.jobs import JobStatus
from forge_events.nodes import NodeType
from tests.store.making import NOW, later, new_job
from tests.store.queueing import (
    LOST_AFTER,
    assigned,
    begun,
    fresh,
    held,
    launched,
    manned,
    path,
    running,
    seen,
    taken,
)

LEASE = 300.0
SEEN = "last seen at 2026-01-02 03:04:05 UTC"


def reap(store, seconds):
    """Return what comes of looks that go on until whoever is silent has been so for long enough."""
    reaper = Reaper(store, lost_after=LOST_AFTER, lease=LEASE)
    found = [reaper.run_once(later(seconds), at) for at in (0, 10, 20, LOST_AFTER)]
    return Reaped([job for one in found for job in one.given_back], [job for one in found for job in one.ended])


def watching(store):
    """Return a reaper that has looked at what is there for almost long enough."""
    reaper = Reaper(store, lost_after=LOST_AFTER, lease=LEASE)
    for at in (0, 10, 20):
        assert reaper.run_once(NOW, at) == ([], [])
    return reaper


def is_untouched(store, job, seconds):
    found = reap(store, seconds)
    return found == ([], []) and fresh(store, job) == job


def test_where_there_is_nothing_nothing_is_reaped(store):
    launched(store)
    assert reap(store, 10_000) == ([], [])


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_job_that_waits_on_a_lost_node_is_pending_again(store, is_taken):
    process = manned(store)
    job = assigned(store, launched(store))
    job = taken(store, job, process.id) if is_taken else job
    assert is_untouched(store, job, 30)
    (back,) = reap(store, 31).given_back
    assert (back.status, back.execution_node, back.dispatcher_id) == (JobStatus.PENDING, None, None)
    assert back.job_explanation == f"node a was lost, {SEEN}, before it began"
    assert path(store, job) == ["new", "pending", "waiting", "pending"]
    step = store.transitions(job.id)[-1]
    assert (step.at, step.by) == (later(31), "reaper")
    assert store.queue.has_work()


def test_a_job_that_nobody_has_given_to_a_node_waits_on(store):
    store.nodes.sign_off(manned(store))
    assert is_untouched(store, held(store, launched(store), "no room"), 10_000)


def test_a_running_job_ends_when_its_lease_is_over(store):
    process = manned(store)
    job = running(store, process=process.id)
    assert is_untouched(store, job, 31)
    assert is_untouched(store, job, 300)
    (gone,) = reap(store, 301).ended
    assert (gone.status, gone.finished, gone.rc) == (JobStatus.ERROR, later(301), None)
    reason = f"node a was lost, {SEEN}, while it ran the job; whether its processes went on is not known"
    assert gone.job_explanation == reason
    assert reap(store, 302) == ([], [])
    assert path(store, job) == ["new", "pending", "waiting", "running", "error"]


def test_a_job_is_never_started_again(store):
    job = running(store, process=manned(store).id)
    reap(store, 301)
    assert not store.queue.has_work()
    assert path(store, job).count("running") == 1


@pytest.mark.parametrize("begin", [lambda _, job: job, begun])
def test_another_process_of_the_node_sees_to_the_jobs(store, begin):
    killed, alive = manned(store), manned(store, pid=2)
    job = begin(store, taken(store, assigned(store, launched(store)), killed.id))
    store.nodes.sign_off(killed)
    seen(store, alive, later(400))
    assert is_untouched(store, job, 401)


def test_a_process_that_is_there_for_one_job_sees_to_that_one(store):
    process = manned(store, only_job_id=1)
    job = running(store, process=process.id)
    seen(store, process, later(400))
    assert is_untouched(store, job, 401)


def test_a_process_that_is_there_for_one_job_sees_to_no_other(store):
    killed, other = manned(store), manned(store, pid=2, only_job_id=99)
    job = taken(store, assigned(store, launched(store)), killed.id)
    store.nodes.sign_off(killed)
    seen(store, other, later(31))
    assert [back.id for back in reap(store, 31).given_back] == [job.id]


def test_a_job_on_a_node_that_runs_none_any_more_is_pending_again(store):
    manned(store)
    job = assigned(store, launched(store))
    store.nodes.change("a", node_type=NodeType.CONTROL)
    (back,) = reap(store, 1).given_back
    assert back.job_explanation == "node a was made a control node before it began"
    assert path(store, job)[-1] == "pending"


def test_a_job_that_runs_on_such_a_node_runs_on(store):
    job = running(store, process=manned(store).id)
    store.nodes.change("a", node_type=NodeType.CONTROL)
    assert is_untouched(store, job, 1)


def test_a_process_that_comes_back_in_time_keeps_its_jobs(store):
    process = manned(store)
    job = running(store, process=process.id)
    assert is_untouched(store, job, 200)
    seen(store, process, later(250))
    assert is_untouched(store, job, 301)


def test_a_job_that_was_to_be_canceled_is_canceled_with_its_node(store):
    process = manned(store)
    job = taken(store, assigned(store, launched(store)), process.id)
    store.queue.request_cancel(job, NOW, "me")
    found = reap(store, 31)
    assert (found.given_back, [gone.status for gone in found.ended]) == ([], [JobStatus.CANCELED])
    assert fresh(store, job).job_explanation == "canceled by me"


def test_a_job_that_depends_on_one_that_was_lost_is_canceled(store):
    lost = running(store, process=manned(store).id)
    job = launched(store, after=[lost.id])
    reap(store, 301)
    assert fresh(store, job).job_explanation == f"job {lost.id}, which has to be successful before, is error"


def test_each_node_is_looked_at_alone(store):
    process = manned(store, "a")
    there = manned(store, "b")
    lost, fine = running(store, process=process.id), running(store, "b", there.id)
    seen(store, there, later(301))
    assert [gone.id for gone in reap(store, 301).ended] == [lost.id]
    assert fresh(store, fine) == fine


def test_recorded_jobs_are_none_of_the_reapers(store):
    job = store.add_job(new_job(host="a"))
    job = store.transition(job, JobStatus.RUNNING, at=NOW, by="receiver")
    assert is_untouched(store, job, 10_000)


def test_nobody_is_lost_whom_the_reaper_has_only_just_met(store):
    """As when it starts, or when the database was away for longer than the lease: everybody seems silent then."""
    process = manned(store)
    job = running(store, process=process.id)
    reaper = Reaper(store, lost_after=LOST_AFTER, lease=LEASE)
    for at in (0, 10, 20, 29):
        assert reaper.run_once(later(10_000), at) == ([], [])
    seen(store, process, later(10_005))
    assert reaper.run_once(later(10_010), 39) == ([], [])
    assert fresh(store, job) == job


def test_who_looks_late_begins_to_watch_anew(store):
    """As when the database stood still for a while, and the look with it."""
    job = running(store, process=manned(store).id)
    reaper = watching(store)
    assert reaper.run_once(later(1000), 1000) == ([], [])
    assert reaper.run_once(later(1029), 1029) == ([], [])
    assert [gone.id for gone in reaper.run_once(later(1030), 1030).ended] == [job.id]


@pytest.mark.parametrize("hours", [-1, 1])
def test_who_goes_on_to_say_that_it_is_there_is_there_whatever_its_stamps_say(store, hours):
    """As when the clock by which they are made was set, or is another one than the reaper's."""
    process = manned(store)
    waiting = taken(store, assigned(store, launched(store)), process.id)
    job = running(store, process=process.id)
    reaper = Reaper(store, lost_after=LOST_AFTER, lease=LEASE)
    for at in range(0, 200, 10):
        seen(store, process, later(at + hours * 3600))
        assert reaper.run_once(later(at), at) == ([], [])
    assert [fresh(store, one) for one in (waiting, job)] == [waiting, job]


def test_who_is_gone_is_lost_though_its_last_stamp_is_still_to_come(store):
    """As when the database's clock was set back since."""
    process = manned(store, at=later(3600))
    job = running(store, process=process.id)
    assert [gone.id for gone in reap(store, 31).ended] == [job.id]
