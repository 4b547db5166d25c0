# SPDX-License-Identifier: Apache-2.0
"""The queue of launched jobs, verb by verb."""

from __future__ import annotations

import threading

import pytest

from forge_events.errors import InvalidLaunch, NotLaunched, StaleTransition, UnknownJob
from forge_events.jobs import FINAL, JobStatus
from forge_events.launches import Launch
from forge_events.store import open_store
from tests.store.making import NOW, ended, later, new_job
from tests.store.queueing import (
    assigned,
    begun,
    fresh,
    held,
    launched,
    path,
    running,
    taken,
)

SECRET = "correct horse battery staple"


def steps(store, job):
    return [(step.new, step.at, step.by, step.reason) for step in store.transitions(job.id)]


def test_a_launched_job_is_pending_at_once(store):
    job = launched(store, at=later(1))
    assert (job.status, job.is_launched, job.impact, job.blocker_count) == (JobStatus.PENDING, True, 5, 0)
    assert fresh(store, job) == job
    assert steps(store, job) == [(JobStatus.PENDING, later(1), "me", "")]


def test_what_a_job_is_to_run_is_kept(store):
    launch = Launch.of(playbook="site.yml", project="/srv", extra_vars={"a": [1, {"b": None}]}, tags=["x"], forks=3)
    assert store.queue.launch_of(launched(store, launch=launch).id) == launch


def test_a_recorded_job_was_not_to_run_anything(store, job):
    assert store.queue.launch_of(job.id) is None
    with pytest.raises(UnknownJob):
        store.queue.launch_of(job.id + 1)


def test_secret_variables_are_kept_and_nowhere_in_the_job(store):
    launch = Launch.of(playbook="site.yml", extra_vars={"password": SECRET})
    job = running(store, launch=launch)
    assert store.queue.launch_of(job.id).extra_vars == {"password": SECRET}
    assert SECRET not in fresh(store, job).model_dump_json()
    assert SECRET not in "".join(step.model_dump_json() for step in store.transitions(job.id))


def test_a_job_is_launched_once(store):
    first = launched(store, uuid="one", name="first")
    begun_meanwhile = held(store, first, "no room")
    again = launched(store, uuid="one", name="second", launch=Launch.of(playbook="other.yml"))
    assert again == fresh(store, begun_meanwhile)
    assert store.queue.launch_of(first.id) == Launch.of(playbook="site.yml")
    assert path(store, first) == ["new", "pending", "waiting"]


def test_a_job_that_many_launch_at_once_is_launched_once(url, store):
    blocker, found = launched(store), []
    gate = threading.Barrier(4)

    def launch():
        with open_store(url) as own:
            gate.wait()
            found.append(launched(own, uuid="one", after=[blocker.id]))

    threads = [threading.Thread(target=launch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.id for job in found] == [found[0].id] * 4
    assert (found[0].blocker_count, path(store, found[0])) == (1, ["new", "pending"])


def test_the_oldest_jobs_of_a_node_are_taken_once(store):
    jobs = [assigned(store, launched(store)) for _ in range(4)]
    assigned(store, launched(store), "b")
    held(store, launched(store), "no room")
    assert [job.id for job in store.queue.take("a", 7, limit=3)] == [job.id for job in jobs[:3]]
    assert [(job.id, job.dispatcher_id) for job in store.queue.take("a", 8, limit=3)] == [(jobs[3].id, 8)]
    assert store.queue.take("a", 7, limit=3) == []


def test_one_job_alone_may_be_taken(store):
    _, second = assigned(store, launched(store)), assigned(store, launched(store))
    assert [job.id for job in store.queue.take("a", 7, limit=3, only=second.id)] == [second.id]
    assert store.queue.take("b", 7, limit=3, only=second.id) == []


def test_a_job_begins_with_its_process(store):
    job = begun(store, taken(store, assigned(store, launched(store))), later(2), pid=4242)
    assert (job.status, job.started, job.runner_pid, job.runner_started) == (JobStatus.RUNNING, later(2), 4242, NOW)
    assert job.job_explanation == ""
    assert steps(store, job)[-1] == (JobStatus.RUNNING, later(2), "executor", "on node a")
    assert path(store, job) == ["new", "pending", "waiting", "running"]


def test_only_the_process_that_has_a_job_in_hand_begins_it(store):
    mine = taken(store, assigned(store, launched(store)), 7)
    assert store.queue.adopt(mine, 8)
    with pytest.raises(StaleTransition):
        begun(store, mine)
    assert begun(store, fresh(store, mine)).dispatcher_id == 8


def test_a_job_that_nobody_has_in_hand_does_not_begin(store):
    job = assigned(store, launched(store))
    with pytest.raises(StaleTransition):
        begun(store, job)
    assert fresh(store, job).status is JobStatus.WAITING


@pytest.mark.parametrize("end", [JobStatus.CANCELED, JobStatus.ERROR])
def test_a_job_that_ended_meanwhile_does_not_begin(store, end):
    job = taken(store, assigned(store, launched(store)))
    store.transition(job, end, at=NOW, by="test")
    with pytest.raises(StaleTransition):
        begun(store, job)
    assert fresh(store, job).started is None


def test_a_job_is_adopted_by_one(store):
    job = running(store, process=7)
    assert [store.queue.adopt(job, process) for process in (8, 9)] == [True, False]
    assert fresh(store, job).dispatcher_id == 8


def test_a_job_that_has_gone_on_is_not_adopted(store):
    job = taken(store, assigned(store, launched(store)))
    begun(store, job)
    assert not store.queue.adopt(job, 8)


def test_what_processes_of_a_node_have_in_hand_is_known(store):
    one, _ = running(store), assigned(store, launched(store))
    two = taken(store, assigned(store, launched(store)), 8)
    running(store, "b")
    store.transition(running(store), JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert store.queue.in_hand("a") == [one, two]


def test_active_are_launched_jobs_that_wait_or_run(store, job):
    store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    launched(store)
    waiting, runs = held(store, launched(store), "no room"), running(store)
    assert store.queue.active() == [waiting, runs]


def test_what_no_process_has_in_hand_is_canceled_at_once(store):
    jobs = [launched(store), held(store, launched(store), "no room"), assigned(store, launched(store))]
    for job in jobs:
        canceled = store.queue.request_cancel(job, later(3), "somebody")
        assert (canceled.status, canceled.finished) == (JobStatus.CANCELED, later(3))
        assert canceled.job_explanation == "canceled by somebody"
        assert steps(store, job)[-1] == (JobStatus.CANCELED, later(3), "somebody", "canceled by somebody")


def test_a_job_in_hand_is_asked_for_and_the_first_who_asked_is_told(store):
    for job in (taken(store, assigned(store, launched(store))), running(store)):
        asked = store.queue.request_cancel(job, later(3), "somebody")
        assert (asked.status, asked.cancel_requested, asked.cancel_by) == (job.status, later(3), "somebody")
        assert store.queue.request_cancel(job, later(4), "another") == asked


@pytest.mark.parametrize("end", sorted(FINAL))
def test_a_job_that_has_ended_is_not_canceled(store, end):
    job = running(store)
    done = store.transition(job, end, at=NOW, by="test")
    assert store.queue.request_cancel(job, later(3), "somebody") == done


def test_a_recorded_job_cannot_be_canceled(store, job):
    with pytest.raises(NotLaunched):
        store.queue.request_cancel(job, NOW, "me")


def test_a_view_that_is_old_cancels_all_the_same(store):
    job = launched(store)
    begun(store, taken(store, assigned(store, job)))
    assert store.queue.request_cancel(job, NOW, "me").cancel_by == "me"


def test_an_explanation_is_that_of_a_job_that_has_not_ended(store):
    job, done = launched(store), store.transition(running(store), JobStatus.FAILED, at=NOW, by="test", reason="rc 2")
    store.queue.explain(job, "look here")
    store.queue.explain(done, "look here")
    assert (fresh(store, job).job_explanation, fresh(store, done).job_explanation) == ("look here", "rc 2")


def test_launched_jobs_are_counted(store, job):
    assert store.queue.counts() == {"pending": 0, "waiting": 0, "running": 0}
    store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    for _ in range(3):
        launched(store)
    held(store, launched(store), "no room")
    assigned(store, launched(store))
    running(store)
    assert list(store.queue.counts().items()) == [("pending", 3), ("waiting", 2), ("running", 1)]


def test_pending_jobs_that_are_older_are_ahead(store):
    first, _, third = launched(store), launched(store, after=[1]), launched(store)
    held(store, launched(store), "no room")
    assert [store.queue.ahead_of(job) for job in (first, third, launched(store))] == [0, 1, 2]


def test_a_queue_of_its_own_is_known(store, job):
    assert [store.queue.is_alone(found.id) for found in (launched(store, queue=3), launched(store), job)] == [
        *(True, False, False)
    ]


def test_there_is_work_while_a_job_waits_for_a_decision(store):
    assert not store.queue.has_work()
    job = launched(store)
    blocked = launched(store, after=[job.id])
    assert store.queue.has_work()
    job = assigned(store, job)
    assert not store.queue.has_work()
    store.transition(begun(store, taken(store, job)), JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert store.queue.has_work()
    held(store, fresh(store, blocked), "no room")
    assert store.queue.has_work()


def test_no_step_is_before_the_one_that_it_follows(store):
    job = begun(store, taken(store, assigned(store, launched(store, at=later(10)), at=later(5))), later(7))
    done = store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert [step.at for step in store.transitions(job.id)] == [later(10)] * 4
    assert (done.started, done.finished, done.elapsed) == (later(10), later(10), 0)


def test_a_launch_after_what_has_failed_is_refused(store):
    failed = ended(store, status=JobStatus.FAILED)
    with pytest.raises(InvalidLaunch, match=f"job {failed.id} is failed"):
        launched(store, after=[failed.id])
    with pytest.raises(UnknownJob):
        launched(store, after=[10_000])
    assert store.jobs() == [failed]


def test_what_was_launched_is_kept_whatever_its_uuid_was_before(store):
    known = store.add_job(new_job("one"))
    assert launched(store, uuid="one") == known
