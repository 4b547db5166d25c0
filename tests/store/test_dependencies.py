# SPDX-License-Identifier: Apache-2.0
"""Jobs that run only when others were successful."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert

from forge_events.jobs import FINAL, JobFilter, JobStatus
from forge_events.store import Retention, open_store
from forge_events.store.schema import dependencies, jobs
from tests.store.making import NOW, ended, later, new_job
from tests.store.queueing import fresh, launched, path, running

UNLUCKY = sorted(FINAL - {JobStatus.SUCCESSFUL})
LONG = 2000


def end(store, job, status=JobStatus.SUCCESSFUL, at=NOW):
    return store.transition(job, status, at=at, by="test")


def first_of_queue(store):
    with store.queue.choosing() as choice:
        return [queue.first for queue in choice.queues()]


def test_a_job_is_blocked_until_all_that_it_depends_on_were_successful(store):
    one, two = running(store), running(store)
    job = launched(store, after=[two.id, one.id, two.id])
    assert (job.status, job.blocker_count) == (JobStatus.PENDING, 2)
    assert store.queue.blockers(job.id) == [one, two]
    assert (first_of_queue(store), store.queue.has_work()) == ([], False)
    end(store, one)
    assert first_of_queue(store) == []
    end(store, two)
    assert first_of_queue(store) == [job.id]
    assert fresh(store, job).blocker_count == 0


def test_what_was_successful_before_blocks_nothing(store):
    done = ended(store)
    job = launched(store, after=[done.id])
    assert job.blocker_count == 0
    assert [blocker.id for blocker in store.queue.blockers(job.id)] == [done.id]


@pytest.mark.parametrize("status", [JobStatus.SUCCESSFUL, JobStatus.FAILED])
def test_a_job_may_depend_on_one_that_was_recorded(store, job, status):
    recorded = store.transition(job, JobStatus.RUNNING, at=NOW, by="receiver")
    after = launched(store, after=[recorded.id])
    end(store, recorded, status)
    found = fresh(store, after)
    is_free = status is JobStatus.SUCCESSFUL
    assert found.status is (JobStatus.PENDING if is_free else JobStatus.CANCELED)
    assert first_of_queue(store) == ([after.id] if is_free else [])


@pytest.mark.parametrize("status", UNLUCKY)
def test_what_depends_on_a_job_without_success_is_canceled(store, status):
    blocker = running(store)
    job = launched(store, after=[blocker.id])
    end(store, blocker, status, later(9))
    found = fresh(store, job)
    assert (found.status, found.finished) == (JobStatus.CANCELED, later(9))
    assert found.job_explanation == f"job {blocker.id}, which has to be successful before, is {status}"
    assert path(store, job) == ["new", "pending", "canceled"]


def test_everything_behind_a_job_is_canceled_and_nothing_else(store):
    root, other = running(store), running(store)
    left, right = launched(store, after=[root.id]), launched(store, after=[root.id])
    both = launched(store, after=[left.id, right.id, other.id])
    last, free = launched(store, after=[both.id]), launched(store, after=[other.id])
    end(store, root, JobStatus.FAILED)
    for job, blocker, status in ((left, root, "failed"), (both, left, "canceled"), (last, both, "canceled")):
        assert fresh(store, job).job_explanation == f"job {blocker.id}, which has to be successful before, is {status}"
    assert fresh(store, right).status is JobStatus.CANCELED
    assert fresh(store, free) == free
    end(store, other)
    assert first_of_queue(store) == [free.id]


def test_a_job_that_is_canceled_takes_those_behind_it_along(store):
    first = launched(store)
    second = launched(store, after=[first.id])
    store.queue.request_cancel(first, NOW, "me")
    assert fresh(store, second).status is JobStatus.CANCELED


def test_a_job_that_was_canceled_stays_so_when_its_blocker_ends(store):
    blocker = running(store)
    job = launched(store, after=[blocker.id])
    store.queue.request_cancel(job, NOW, "me")
    end(store, blocker, JobStatus.FAILED)
    assert fresh(store, job).job_explanation == "canceled by me"
    assert path(store, job) == ["new", "pending", "canceled"]


def test_a_long_chain_is_canceled_as_a_whole(store):
    first = running(store)
    ids = range(first.id + 1, first.id + 1 + LONG)
    with store._database.writing() as connection:  # all at once, to be quick
        facts = new_job(launch_type="manual").model_dump() | {"status": "pending", "blocker_count": 1, "launch": {}}
        connection.execute(insert(jobs), [facts | {"id": number, "uuid": f"job {number}"} for number in ids])
        pairs = [{"job_id": number, "blocker_id": number - 1} for number in ids]
        connection.execute(insert(dependencies), pairs)
    end(store, first, JobStatus.ERROR)
    canceled = store.jobs(JobFilter(status=JobStatus.CANCELED), limit=2 * LONG)
    assert [job.id for job in canceled] == list(reversed(ids))
    assert canceled[0].job_explanation == f"job {ids[-2]}, which has to be successful before, is canceled"


def test_many_jobs_may_depend_on_one(store):
    blocker = running(store)
    jobs = [launched(store, after=[blocker.id]) for _ in range(50)]
    end(store, blocker)
    assert {fresh(store, job).blocker_count for job in jobs} == {0}


def test_chains_that_end_at_once_do_not_wait_for_each_other(url, store):
    roots = [running(store) for _ in range(4)]
    middle = [launched(store, after=[root.id for root in roots[number:]]) for number in range(4)]
    tail = [launched(store, after=[job.id for job in middle]) for _ in range(4)]
    gate = threading.Barrier(4)
    problems = []

    def fail(root):
        with open_store(url) as own:
            gate.wait()
            try:
                end(own, root, JobStatus.FAILED)
            except Exception as error:  # noqa: BLE001 - it is told in the test's thread
                problems.append(error)

    threads = [threading.Thread(target=fail, args=(root,)) for root in reversed(roots)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert {tuple(path(store, job)) for job in middle + tail} == {("new", "pending", "canceled")}


def test_what_jobs_depended_on_may_be_dropped(store):
    blocker = end(store, running(store))
    job = launched(store, after=[blocker.id])
    assert [drop.job.id for drop in store.drop_jobs(Retention(later(1)))] == [blocker.id]
    assert store.queue.blockers(job.id) == []
    assert first_of_queue(store) == [job.id]
