# SPDX-License-Identifier: Apache-2.0
"""What the database refuses, whoever writes to it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, update

from forge_events.errors import ValueRejected
from forge_events.jobs import FINAL, JobStatus
from forge_events.store import schema
from tests.store.making import NOW, new_job
from tests.store.queueing import fresh, launched, running

UNSTARTED = [JobStatus.NEW, JobStatus.PENDING, JobStatus.WAITING]
NODE = {"hostname": "a", "node_type": "hybrid", "created": NOW}
TOLD = {"event": "success", "url": "https://example.org", "status": "pending", "due": NOW}


def write(store, statement):
    with store._database.writing() as connection:
        connection.execute(statement)


def change(store, job, **values):
    write(store, update(schema.jobs).where(schema.jobs.c.id == job.id).values(values))


def step(store, job, old, new):
    row = {"job_id": job.id, "old": old, "new": new, "at": NOW, "by": "test", "reason": ""}
    write(store, insert(schema.transitions).values(row))


@pytest.mark.parametrize("status", ["", "done", "Running", "starting"])
def test_a_status_is_one_of_the_lifecycle(store, job, status):
    with pytest.raises(ValueRejected):
        change(store, job, status=status)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_job_that_has_ended_has_its_end(store, job, status):
    with pytest.raises(ValueRejected):
        change(store, job, status=status)
    change(store, job, status=status, finished=NOW)


@pytest.mark.parametrize("status", sorted(set(JobStatus) - FINAL))
def test_a_job_that_has_not_ended_has_no_end(store, job, status):
    with pytest.raises(ValueRejected):
        change(store, job, status=status, started=NOW if status is JobStatus.RUNNING else None, finished=NOW)


@pytest.mark.parametrize("status", UNSTARTED)
def test_a_job_that_has_not_begun_has_no_beginning(store, job, status):
    with pytest.raises(ValueRejected):
        change(store, job, status=status, started=NOW)
    change(store, job, status=status)


def test_a_job_that_runs_has_its_beginning(store, job):
    with pytest.raises(ValueRejected):
        change(store, job, status="running")
    change(store, job, status="running", started=NOW)


def test_of_a_template_that_allows_one_job_one_is_active(store):
    first, second, other = launched(store, queue=3), launched(store, queue=3), launched(store, queue=4)
    change(store, first, status="waiting")
    for values in ({"status": "waiting"}, {"status": "running", "started": NOW}):
        with pytest.raises(ValueRejected):
            change(store, second, **values)
    change(store, other, status="waiting")
    change(store, first, status="canceled", finished=NOW)
    change(store, second, status="waiting")


def test_of_any_other_template_many_are_active(store):
    for job in [launched(store) for _ in range(2)]:
        change(store, job, status="waiting")


def test_a_uuid_is_that_of_one_job(store, job):
    with pytest.raises(ValueRejected):
        write(store, insert(schema.jobs).values(**new_job(job.uuid).model_dump(), status="new"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *(("successful", "running"), ("canceled", "pending")),
        *(("starting", "running"), ("running", "done"), ("running", "running")),
    ],
)
def test_no_step_leads_out_of_an_end_or_beside_the_lifecycle(store, job, old, new):
    with pytest.raises(ValueRejected):
        step(store, job, old, new)


@pytest.mark.parametrize("second", sorted(FINAL))
def test_a_job_ends_once(store, second):
    job = store.transition(running(store), JobStatus.FAILED, at=NOW, by="test")
    with pytest.raises(ValueRejected):
        step(store, job, "running", second)
    assert len(store.transitions(job.id)) == 4


def test_a_step_is_that_of_a_job_that_is_there(store, job):
    with pytest.raises(ValueRejected):
        step(store, job.model_copy(update={"id": 10_000}), "new", "running")


def test_a_job_depends_on_older_ones_alone_and_on_each_once(store):
    first, second = launched(store), launched(store)
    for job_id, blocker_id in ((first.id, first.id), (first.id, second.id), (second.id, 0)):
        with pytest.raises(ValueRejected):
            write(store, insert(schema.dependencies).values(job_id=job_id, blocker_id=blocker_id))
    write(store, insert(schema.dependencies).values(job_id=second.id, blocker_id=first.id))
    with pytest.raises(ValueRejected):
        write(store, insert(schema.dependencies).values(job_id=second.id, blocker_id=first.id))


@pytest.mark.parametrize(
    "values",
    [
        {"node_type": "hybird"},
        {"capacity_adjustment": -0.01},
        {"capacity_adjustment": 1.01},
        {"machine": "m"},
        {"last_seen": NOW},
        {"hostname": "known"},
    ],
)
def test_a_node_is_of_a_type_and_seen_on_a_machine(store, values):
    store.nodes.register("known", NOW)
    with pytest.raises(ValueRejected):
        write(store, insert(schema.nodes).values(NODE | values))
    assert [node.hostname for node in store.nodes.all()] == ["known"]


@pytest.mark.parametrize(
    "values",
    [{"event": "end"}, {"status": "done"}, {"status": "sent"}, {"sent": NOW}, {"job_id": 10_000}],
)
def test_a_notification_is_sent_once_and_at_a_time(store, job, values):
    with pytest.raises(ValueRejected):
        write(store, insert(schema.notifications).values({"job_id": job.id} | TOLD | values))


def test_nobody_is_told_twice(store, job):
    write(store, insert(schema.notifications).values({"job_id": job.id} | TOLD))
    with pytest.raises(ValueRejected):
        write(store, insert(schema.notifications).values({"job_id": job.id} | TOLD | {"status": "failed"}))


def test_what_was_refused_has_left_nothing_behind(store):
    job = running(store)

    def write_twice():
        with store._database.writing() as connection:
            connection.execute(update(schema.jobs).values(job_explanation="changed"))
            connection.execute(update(schema.jobs).values(finished=NOW))

    with pytest.raises(ValueRejected):
        write_twice()
    assert fresh(store, job) == job
