# SPDX-License-Identifier: Apache-2.0
"""What is said of a job that stays where it is."""

from __future__ import annotations

import pytest

from forge_events.dispatcher.dispatcher import Dispatcher
from forge_events.jobs import JobStatus
from forge_events.nodes import NodeType
from forge_events.situation import is_attended, situation_of
from tests.store.making import NOW, ended, later
from tests.store.queueing import (
    LOST_AFTER,
    assigned,
    fresh,
    held,
    launched,
    manned,
    running,
    seen,
    taken,
)

NOBODY = "no dispatcher is running ({}); start one with `forge-events dispatcher`"
SEEN = "2026-01-02 03:04:05 UTC"


def words(store, job, seconds=0.0):
    return situation_of(store, fresh(store, job), later(seconds), lost_after=LOST_AFTER, lease=300.0)


def decide(store):
    Dispatcher(store, lost_after=LOST_AFTER).run_once(NOW)


def test_pending_without_a_dispatcher(store):
    assert words(store, launched(store)) == NOBODY.format("none has ever been seen")


def test_pending_since_the_dispatcher_is_gone(store):
    process, job = manned(store), launched(store)
    assert words(store, job, 31) == NOBODY.format(f"the last one was seen at {SEEN}")
    store.nodes.sign_off(process)
    assert words(store, job) == NOBODY.format(f"the last one was seen at {SEEN}")


def test_pending_where_nodes_run_jobs_and_none_decides(store):
    manned(store)
    store.nodes.change("a", node_type=NodeType.EXECUTION)
    assert words(store, launched(store)) == NOBODY.format("none has ever been seen")


def test_pending_and_about_to_be_taken(store):
    manned(store)
    assert words(store, launched(store)) == "a dispatcher is about to take it"


def test_pending_behind_others(store):
    manned(store)
    jobs = [launched(store) for _ in range(3)]
    assert words(store, jobs[1]) == "1 pending job is before it"
    assert words(store, jobs[2]) == "2 pending jobs are before it"


def test_pending_behind_one_that_waits_for_capacity(store):
    manned(store)
    jobs = [launched(store, impact=10) for _ in range(3)]
    decide(store)
    expected = f"job {jobs[1].id} is before it and waits for free capacity: needs 10 forks; node a has 6 of 16"
    assert words(store, jobs[2]) == expected


def test_pending_beside_one_that_waits_for_another_node(store):
    manned(store)
    store.nodes.register("b", NOW)
    held(store, launched(store, node="b"), "no room")
    assert words(store, launched(store)) == "a dispatcher is about to take it"
    assert words(store, launched(store, node="b")).startswith("job 1 is before it")


def test_pending_until_others_are_successful(store):
    done, runs, waits = ended(store), running(store), launched(store)
    job = launched(store, after=[done.id, runs.id, waits.id])
    names = f"job {runs.id} (running), job {waits.id} (pending)"
    assert words(store, job) == f"it may run when these are successful: {names}"


def test_pending_because_the_template_allows_one_at_a_time(store):
    manned(store)
    first = running(store, queue=3)
    job = launched(store, queue=3)
    assert words(store, job) == f"job {first.id} of the same template is running, and the template allows one at a time"


def test_waiting_for_capacity(store):
    manned(store)
    jobs = [launched(store, impact=10) for _ in range(2)]
    decide(store)
    assert words(store, jobs[1]) == "there is no free capacity for it: needs 10 forks; node a has 6 of 16"
    nobody = NOBODY.format(f"the last one was seen at {SEEN}")
    assert words(store, jobs[1], 31).endswith(f"needs 10 forks; node a has 6 of 16; {nobody}")


def test_waiting_on_a_node_that_is_about_to_begin(store):
    manned(store)
    job = assigned(store, launched(store), reason="a had 16 of 16 forks left for 5")
    assert words(store, job) == "it was given to node a, which is about to begin: a had 16 of 16 forks left for 5"


def test_waiting_on_a_node_that_is_lost(store):
    process = manned(store)
    job = taken(store, assigned(store, launched(store)), process.id)
    lost = f"no dispatcher has been seen on node a since {SEEN}"
    expected = f"it was given to a node, and {lost}; it becomes pending again when another dispatcher sees that"
    assert words(store, job, 31) == expected


def test_running(store):
    job = running(store, process=manned(store).id)
    assert words(store, job) == "it runs on node a, process 4242"


def test_running_on_a_node_that_is_lost(store):
    job = running(store, process=manned(store).id)
    lost = f"no dispatcher has been seen on node a since {SEEN}"
    rest = "one that is started there takes the job on, and without one it ends as error after 300 s"
    assert words(store, job, 31) == f"it runs on node a, process 4242; {lost}: {rest}"


@pytest.mark.parametrize("take_on", [lambda _, job: job, lambda store, job: held(store, job, "it is not known")])
def test_a_job_for_a_node_that_nobody_knows_says_so(store, take_on):
    manned(store)
    job = take_on(store, launched(store, node="nope"))
    assert words(store, job) == "node nope is not known; the job waits until a dispatcher works there"


def test_running_and_to_be_canceled(store):
    job = running(store, process=manned(store).id)
    store.queue.request_cancel(job, NOW, "somebody")
    assert words(store, job).endswith(f"; somebody asked to cancel it at {SEEN}")


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.ERROR, JobStatus.CANCELED])
def test_an_end_says_why(store, status):
    job = store.transition(running(store), status, at=NOW, by="test", reason="that is why")
    assert words(store, job) == "that is why"


def test_success_and_recorded_jobs_need_no_words(store, job):
    assert words(store, store.transition(running(store), JobStatus.SUCCESSFUL, at=NOW, by="test")) == ""
    assert words(store, job) == ""


def test_a_job_is_attended_by_its_process_or_its_node(store):
    process = manned(store, only_job_id=1)
    job = running(store, process=process.id)
    assert is_attended(store, job, NOW, LOST_AFTER)
    assert not is_attended(store, job, later(31), LOST_AFTER)
    seen(store, manned(store, pid=2), later(31))
    assert is_attended(store, job, later(31), LOST_AFTER)
    assert not is_attended(store, running(store, "b"), later(31), LOST_AFTER)
