# SPDX-License-Identifier: Apache-2.0
"""Decisions on a store of every backend, at times of the tests' own."""

from __future__ import annotations

import datetime
import itertools
import threading
import time

import pytest

from forge_events.dispatcher.dispatcher import Dispatcher
from forge_events.jobs import JobStatus
from forge_events.nodes import NodeType
from forge_events.store import open_store
from tests.store.making import NOW, later
from tests.store.queueing import LOST_AFTER, begun, fresh, given_back, held, launched, manned, path, seen, taken


def decide(store, now=NOW, **only):
    return Dispatcher(store, lost_after=LOST_AFTER, **only).run_once(now)


def placed(store, now=NOW, **only):
    """Return the ids of the jobs that got a node, each with it."""
    return [(job.id, job.execution_node) for job in decide(store, now, **only).assigned]


def end(store, job, at=NOW):
    return store.transition(fresh(store, job), JobStatus.CANCELED, at=at, by="test")


def test_where_there_is_nothing_to_decide_nothing_happens(store):
    manned(store)
    assert decide(store) == ([], [], False)


def test_the_oldest_job_gets_its_node_first(store):
    manned(store)
    jobs = [launched(store) for _ in range(5)]
    decided = decide(store, later(1))
    assert [job.id for job in decided.assigned] == [job.id for job in jobs[:3]]
    assert {job.execution_node for job in decided.assigned} == {"a"}
    assert later(1) <= store.transitions(jobs[0].id)[-1].at < later(2)
    assert [job.id for job in decided.held] == [jobs[3].id]


def test_a_decision_that_had_to_wait_is_as_late_as_it_was_made(url):
    with open_store(url) as one, open_store(url) as other:
        manned(one)
        job = launched(one)
        thread = threading.Thread(target=decide, args=(other, later(1)))
        with one.queue.choosing():
            thread.start()
            time.sleep(0.5)
        thread.join()
        assert one.transitions(job.id)[-1].at >= later(1.4)


def test_the_reason_why_a_job_waits_is_stored(store):
    manned(store)
    jobs = [launched(store) for _ in range(5)]
    decide(store)
    found = fresh(store, jobs[3])
    assert (found.status, found.execution_node) == (JobStatus.WAITING, None)
    assert found.job_explanation == "needs 5 forks; node a has 1 of 16"
    assert fresh(store, jobs[4]).status is JobStatus.PENDING
    assert fresh(store, jobs[0]).job_explanation == "a had 16 of 16 forks left for 5"


def test_a_job_that_waited_goes_on_when_another_ends(store):
    manned(store)
    jobs = [launched(store) for _ in range(5)]
    decide(store)
    end(store, jobs[1])
    assert placed(store) == [(jobs[3].id, "a")]
    assert path(store, jobs[3]) == ["new", "pending", "waiting"]
    assert fresh(store, jobs[4]).job_explanation == "needs 5 forks; node a has 1 of 16"


def test_no_job_overtakes_another_that_waits_for_the_same_nodes(store):
    manned(store)
    jobs = [launched(store, impact=impact) for impact in (10, 10, 1)]
    assert placed(store) == [(jobs[0].id, "a")]
    assert placed(store) == []
    assert fresh(store, jobs[2]).status is JobStatus.PENDING
    end(store, jobs[0])
    assert placed(store) == [(jobs[1].id, "a"), (jobs[2].id, "a")]


def test_the_node_with_the_most_left_gets_a_job(store):
    manned(store, "a")
    manned(store, "b", cores=8)
    jobs = [launched(store, impact=10) for _ in range(5)]
    assert placed(store) == list(zip([job.id for job in jobs], "bbab", strict=False))[:4]


def test_a_job_for_one_node_does_not_hold_up_those_for_others(store):
    manned(store, "a")
    manned(store, "b")
    first, second = launched(store, node="a", impact=16), launched(store, node="a")
    third, fourth = launched(store, node="b"), launched(store)
    assert placed(store) == [(first.id, "a"), (third.id, "b"), (fourth.id, "b")]
    assert fresh(store, second).job_explanation == "needs 5 forks; node a has 0 of 16"


def test_a_node_that_an_older_job_waits_for_is_kept_for_it(store):
    manned(store)
    jobs = [launched(store, node="a", impact=10), launched(store, node="a", impact=10), launched(store, impact=1)]
    assert placed(store) == [(jobs[0].id, "a")]
    assert fresh(store, jobs[2]).job_explanation == f"needs 1 fork; node a is kept for job {jobs[1].id}"
    assert placed(store) == []


def test_jobs_for_one_node_stand_in_line_for_it(store):
    manned(store)
    jobs = [launched(store, node="a", impact=impact) for impact in (10, 10, 1)]
    assert placed(store) == [(jobs[0].id, "a")]
    assert fresh(store, jobs[2]).status is JobStatus.PENDING
    assert placed(store) == []
    end(store, jobs[0])
    assert placed(store) == [(jobs[1].id, "a"), (jobs[2].id, "a")]


def test_a_job_for_a_node_that_nobody_knows_holds_up_nobody(store):
    manned(store)
    lost, job = launched(store, node="x"), launched(store)
    assert placed(store) == [(job.id, "a")]
    assert fresh(store, lost).job_explanation == "needs 5 forks; node x is not known"


def test_what_waits_for_any_node_is_not_overtaken_by_what_wants_one(store):
    manned(store)
    jobs = [launched(store, impact=10), launched(store, impact=10), launched(store, node="a", impact=1)]
    assert placed(store) == [(jobs[0].id, "a")]
    assert fresh(store, jobs[2]).status is JobStatus.PENDING


def test_of_a_template_that_allows_one_job_one_runs_and_others_pass(store):
    manned(store)
    first, second, other = launched(store, queue=3), launched(store, queue=3), launched(store)
    assert placed(store) == [(first.id, "a"), (other.id, "a")]
    assert placed(store) == []
    end(store, first)
    assert placed(store) == [(second.id, "a")]


def test_of_a_template_that_allows_one_job_one_runs_whatever_nodes_its_jobs_want(store):
    manned(store, "a")
    manned(store, "b")
    jobs = [launched(store, queue=3, node=node) for node in ("a", "b", None)]
    for job, node in zip(jobs, ("a", "b", "a"), strict=True):
        assert placed(store) == [(job.id, node)]
        end(store, job)


def test_a_larger_job_waits_for_a_node_that_is_idle(store):
    manned(store)
    small, large = launched(store, impact=1), launched(store, impact=40)
    assert placed(store) == [(small.id, "a")]
    assert fresh(store, large).job_explanation == "needs 40 forks; node a has 15 of 16"
    end(store, small)
    assert placed(store) == [(large.id, "a")]
    assert store.nodes.get("a").remaining == -24


def test_a_job_that_was_given_back_comes_before_one_that_is_held(store):
    manned(store)
    jobs = [launched(store, impact=16) for _ in range(2)]
    decide(store)
    given_back(store, fresh(store, jobs[0]))
    assert placed(store) == [(jobs[0].id, "a")]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"enabled": False}, "node a is disabled"),
        ({"node_type": NodeType.CONTROL}, "node a is a control node and runs no jobs"),
        ({"node_type": NodeType.HOP}, "node a is a hop node and runs no jobs"),
    ],
)
def test_a_node_that_takes_no_jobs_gets_none(store, facts, words):
    manned(store)
    store.nodes.change("a", **facts)
    job = launched(store)
    assert placed(store) == []
    assert fresh(store, job).job_explanation == f"needs 5 forks; {words}"


def test_a_lost_node_gets_no_job_until_it_is_seen_again(store):
    process = manned(store)
    job = launched(store)
    assert placed(store, later(31)) == []
    assert "node a is unavailable, last seen at" in fresh(store, job).job_explanation
    seen(store, process, later(32))
    assert placed(store, later(33)) == [(job.id, "a")]


def test_a_node_that_nobody_works_on_gets_no_job(store):
    store.nodes.sign_off(manned(store))
    launched(store)
    assert placed(store) == []


def test_without_any_node_a_job_waits(store):
    job = launched(store)
    assert [held.id for held in decide(store).held] == [job.id]
    assert fresh(store, job).job_explanation == "needs 5 forks; there is no node that runs jobs"


def test_a_hundred_jobs_at_once_are_enough(store):
    manned(store, cores=1000)
    store.nodes.change("a", absolute_memory=2**42)
    for _ in range(101):
        launched(store, impact=1)
    first = decide(store)
    assert (len(first.assigned), first.has_more) == (100, True)
    second = decide(store)
    assert (len(second.assigned), second.has_more) == (1, False)


def test_one_job_alone_is_decided_about(store):
    manned(store, "b")
    manned(store, only_job_id=2)
    older, job = launched(store), launched(store)
    assert placed(store, own="a", only_job_id=job.id) == [(job.id, "a")]
    assert fresh(store, older).status is JobStatus.PENDING
    assert placed(store) == [(older.id, "b")]


def test_one_job_alone_waits_as_any_other(store):
    manned(store, only_job_id=2)
    first, job = launched(store, impact=12), launched(store)
    assert placed(store, own="a", only_job_id=first.id) == [(first.id, "a")]
    for _ in range(2):
        assert placed(store, own="a", only_job_id=job.id) == []
    assert fresh(store, job).job_explanation == "needs 5 forks; node a has 4 of 16"
    end(store, first)
    assert placed(store, own="a", only_job_id=job.id) == [(job.id, "a")]


def test_a_held_job_that_is_canceled_makes_way(store):
    manned(store)
    jobs = [launched(store, impact=impact) for impact in (10, 10, 1)]
    decide(store)
    store.queue.request_cancel(fresh(store, jobs[1]), NOW, "me")
    assert placed(store) == [(jobs[2].id, "a")]


def test_a_job_that_others_depend_on_comes_before_them(store):
    manned(store)
    first = launched(store)
    second = launched(store, after=[first.id])
    assert placed(store) == [(first.id, "a")]
    job = begun(store, taken(store, fresh(store, first)))
    store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert placed(store) == [(second.id, "a")]


def test_what_others_have_held_is_decided_about_by_age(store):
    manned(store)
    old, young = launched(store, node="a"), launched(store)
    held(store, young, "no room")
    assert placed(store) == [(old.id, "a"), (young.id, "a")]


def test_capacity_is_kept_to_over_many_rounds(store):
    manned(store, "a")
    manned(store, "b", cores=2)
    impacts, clock = itertools.cycle([1, 7, 3, 5, 16, 2]), itertools.count(1)
    jobs = [launched(store, impact=next(impacts)) for _ in range(24)]
    order: list[int] = []
    while len(order) < len(jobs):
        decided = decide(store, NOW + datetime.timedelta(milliseconds=next(clock)))
        order += [job.id for job in decided.assigned]
        for node in store.nodes.all():
            assert node.remaining >= 0 or node.job_count == 1
        end(store, store.queue.active()[0])
    assert order == [job.id for job in jobs]
