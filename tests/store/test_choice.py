# SPDX-License-Identifier: Apache-2.0
"""What a decision looks at and changes, verb by verb."""

from __future__ import annotations

import threading

import pytest

from forge_events.errors import StaleTransition
from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.store.making import NOW, later
from tests.store.queueing import (
    assigned,
    fresh,
    given_back,
    held,
    launched,
    manned,
    path,
    running,
    taken,
)


def queues(store):
    with store.queue.choosing() as choice:
        return [tuple(queue) for queue in choice.queues()]


def queued(store, lane_number=0):
    """Return the ids of the jobs in a queue, first to last."""
    found = []
    with store.queue.choosing() as choice:
        queue = choice.queues()[lane_number]
        while queue is not None:
            found.append(choice.pending(queue).id)
            queue = choice.behind(queue)
    return found


def steps(store, job):
    return [(step.new, step.at, step.by, step.reason) for step in store.transitions(job.id)]


def test_jobs_stand_in_the_order_of_their_launch(store):
    jobs = [launched(store) for _ in range(3)]
    assert queues(store) == [("", 0, jobs[0].id)]
    assert queued(store) == [job.id for job in jobs]


def test_each_wanted_node_and_each_template_of_its_own_is_a_lane(store):
    b, alone, any_node = launched(store, node="b"), launched(store, queue=3), launched(store)
    a, _ = launched(store, node="a"), launched(store, node="b")
    assert queues(store) == [("b", 0, b.id), ("", 3, alone.id), ("", 0, any_node.id), ("a", 0, a.id)]


def test_of_a_template_that_allows_one_job_the_oldest_stands_alone(store):
    first = launched(store, queue=3)
    launched(store, queue=3)
    assert queued(store) == [first.id]


def test_a_template_that_allows_one_job_has_no_lane_while_one_is_active(store):
    first, second = launched(store, queue=3), launched(store, queue=3)
    held(store, first, "no room")
    assert queues(store) == []
    assert store.queue.has_work()  # the one without a node
    store.transition(fresh(store, first), JobStatus.CANCELED, at=NOW, by="test")
    assert queues(store) == [("", 3, second.id)]


def test_a_template_that_allows_one_job_has_one_lane_whatever_nodes_its_jobs_want(store):
    first = launched(store, queue=3, node="a")
    launched(store, queue=3)
    launched(store, queue=3, node="b")
    other = launched(store, queue=4, node="b")
    assert queues(store) == [("a", 3, first.id), ("b", 4, other.id)]


def test_one_job_alone_may_be_decided_about(store):
    launched(store)
    wanted, blocked = launched(store, node="a"), launched(store, after=[1])
    alone, sibling = launched(store, queue=3), launched(store, queue=3)
    with store.queue.choosing() as choice:
        assert choice.only(wanted.id) == ("a", 0, wanted.id)
        assert choice.only(blocked.id) is None
        assert choice.only(10_000) is None
        choice.hold(alone, NOW, "test", "no room")
        assert choice.only(sibling.id) is None
        assert choice.only(alone.id) is None


def test_a_lane_ends_where_its_last_job_was_taken_on(store):
    first, second = launched(store), launched(store)
    with store.queue.choosing() as choice:
        (queue,) = choice.queues()
        choice.hold(second, NOW, "test", "")
        assert choice.behind(queue) is None
        choice.hold(first, NOW, "test", "")
        assert choice.pending(queue) is None


def test_a_job_that_gets_a_node_waits_there(store):
    job = assigned(store, launched(store), "a", later(1), "a had 16 of 16 forks left for 5")
    assert (job.status, job.execution_node, job.dispatcher_id) == (JobStatus.WAITING, "a", None)
    assert job.job_explanation == "a had 16 of 16 forks left for 5"
    assert steps(store, job)[1:] == [(JobStatus.WAITING, later(1), "dispatcher", "a had 16 of 16 forks left for 5")]


def test_a_job_without_a_node_waits_and_says_why(store):
    job = held(store, launched(store), "needs 5 forks; node a has 1 of 16")
    assert (job.status, job.execution_node) == (JobStatus.WAITING, None)
    with store.queue.choosing() as choice:
        assert choice.unplaced() == [job]
    again = held(store, job, "needs 5 forks; node a has 2 of 16")
    assert again == fresh(store, job)
    assert fresh(store, job).job_explanation == "needs 5 forks; node a has 2 of 16"
    assert path(store, job) == ["new", "pending", "waiting"]


def test_a_job_that_waited_gets_a_node_without_another_step(store):
    job = assigned(store, held(store, launched(store), "no room"), "a", reason="room at last")
    assert (job.execution_node, job.job_explanation) == ("a", "room at last")
    assert path(store, job) == ["new", "pending", "waiting"]
    assert not store.queue.has_work()


@pytest.mark.parametrize("verb", [assigned, given_back])
def test_what_was_canceled_meanwhile_gets_nothing(store, verb):
    job = held(store, launched(store), "no room")
    store.queue.request_cancel(job, NOW, "me")
    with pytest.raises(StaleTransition):
        verb(store, job)
    assert path(store, job) == ["new", "pending", "waiting", "canceled"]


def test_a_decision_that_fails_changes_nothing(store):
    job = launched(store)

    def decide():
        with store.queue.choosing() as choice:
            choice.assign(job, "a", NOW, "test", "")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        decide()
    assert fresh(store, job) == job


def test_a_job_that_is_given_back_is_first_again(store):
    first, second = launched(store), launched(store)
    job = given_back(store, taken(store, assigned(store, first)), "node a was lost")
    assert (job.status, job.execution_node, job.dispatcher_id) == (JobStatus.PENDING, None, None)
    assert job.job_explanation == "node a was lost"
    assert queued(store) == [first.id, second.id]


def test_a_job_that_was_to_be_canceled_is_not_given_back_but_canceled(store):
    job = taken(store, assigned(store, launched(store)))
    store.queue.request_cancel(job, NOW, "somebody")
    ended_now = given_back(store, job)
    assert (ended_now.status, ended_now.job_explanation) == (JobStatus.CANCELED, "canceled by somebody")


def test_a_job_that_another_process_has_taken_is_not_given_back(store):
    job = assigned(store, launched(store))
    taken(store, job)
    with pytest.raises(StaleTransition):
        given_back(store, job)
    assert fresh(store, job).status is JobStatus.WAITING


def test_a_decision_knows_the_nodes_and_what_they_have_left(store):
    manned(store)
    running(store, impact=5)
    assigned(store, launched(store, impact=3))
    with store.queue.choosing() as choice:
        (node,) = choice.nodes()
        assert (node.hostname, node.consumed, node.remaining) == ("a", 8, 8)


def test_whoever_decides_is_alone(url, store):
    manned(store)
    job, order = launched(store), []

    def decide():
        with open_store(url) as own, own.queue.choosing() as choice:
            order.append(("second", choice.queues()))

    with store.queue.choosing() as choice:
        thread = threading.Thread(target=decide)
        thread.start()
        thread.join(0.3)
        order.append(("first", choice.queues()))
        choice.assign(job, "a", NOW, "test", "")
    thread.join()
    assert [(who, len(found)) for who, found in order] == [("first", 1), ("second", 0)]


def test_a_job_that_is_being_decided_about_is_canceled_afterwards(url, store):
    manned(store)
    job = held(store, launched(store), "no room")

    def cancel():
        with open_store(url) as own:
            own.queue.request_cancel(job, NOW, "me")

    with store.queue.choosing() as choice:
        (found,) = choice.unplaced()
        thread = threading.Thread(target=cancel)
        thread.start()
        thread.join(0.3)
        choice.assign(found, "a", NOW, "test", "")
    thread.join()
    assert path(store, job) == ["new", "pending", "waiting", "canceled"]
