# SPDX-License-Identifier: Apache-2.0
"""A row for each task, kept up as events come in."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from forge_events.store import Retention
from forge_events.tasks import JobTask, counted, outcome_of
from tests.store.making import ALL, NOW, Play, append, ended, later, make_event

CHANGED = {"changed": True}


@pytest.fixture
def play(job):
    return Play(job)


@pytest.mark.parametrize(
    ("event", "data", "outcome"),
    [
        ("runner_on_ok", {"res": {}}, "ok"),
        ("runner_on_ok", {"res": CHANGED}, "changed"),
        ("runner_on_skipped", {"res": {}}, "skipped"),
        ("runner_on_failed", {"res": {}}, "failed"),
        ("runner_on_failed", {"res": {}, "ignore_errors": True}, "ignored"),
        ("runner_on_failed", {"res": {}, "rescued": True}, "rescued"),
        ("runner_on_unreachable", {"res": {}}, "unreachable"),
        ("runner_on_unreachable", {"res": {}, "ignore_unreachable": True}, "ignored"),
    ],
)
def test_each_result_counts_as_one_outcome(store, job, play, event, data, outcome):
    play.host(event, play.task("t"), "h", **data)
    append(store, job, play.events)
    assert outcome_of(play.events[-1]) == outcome
    (task,) = store.tasks(job.id)
    assert getattr(task, outcome) == 1 and task.host_count == 1
    assert task.is_failed is (outcome in ("failed", "unreachable"))


def test_a_task_knows_which_hosts_are_at_it(store, job, play):
    task = play.task("t")
    for host in ("a", "b", "c"):
        play.host("runner_on_start", task, host)
    play.host("runner_on_ok", task, "b")
    append(store, job, play.events)
    assert store.tasks(job.id)[0].running == ["a", "c"]
    append(store, job, [make_event(job, 9, "runner_on_ok", parent_uuid=task.uuid, event_data={"host": "a"})])
    (found,) = store.tasks(job.id)
    assert found.running == ["c"] and found.ok == 2 and found.host_count == 3


def test_batches_of_any_size_count_the_same(store, job, play):
    for name in ("one", "two"):
        task = play.task(name)
        for host in ("a", "b"):
            play.host("runner_on_start", task, host)
            play.host("runner_on_ok", task, host, res=CHANGED, duration=len(host) / 2)
    whole = counted([], play.events)
    for event in play.events:
        append(store, job, [event])
        append(store, job, [event], source="again")
    assert [dataclasses.asdict(task) for task in store.tasks(job.id)] == [dataclasses.asdict(task) for task in whole]


def test_a_task_has_its_lines_times_and_slowest_host(store, job, play):
    play.task("t")
    head = make_event(job, 3, "playbook_on_task_start", start_line=4, end_line=6, stdout="\nTASK\n")
    result = {"parent_uuid": head.uuid, "stdout": "ok\n", "created": later(9).isoformat()}
    lines = [
        make_event(
            job, 4, "runner_on_ok", start_line=6, end_line=7, event_data={"host": "a", "duration": 2.5}, **result
        ),
        make_event(job, 5, "runner_on_ok", start_line=7, end_line=8, event_data={"host": "b", "duration": 1}, **result),
    ]
    append(store, job, [*play.events[:2], head, *lines])
    (task,) = store.tasks(job.id)
    assert (task.start_line, task.end_line, task.duration) == (4, 8, 2.5)
    assert task.ended - task.started == datetime.timedelta(seconds=9)


def test_statistics_tell_of_failures_that_results_could_not(store, job, play):
    task = play.task("t")
    play.add("playbook_on_stats", play.root, failed_tasks=[task.uuid, "event-of-nobody"])
    append(store, job, play.events[:3])
    append(store, job, play.events[3:])
    assert store.tasks(job.id)[0].is_failed


def test_handlers_and_roles_are_told(store, job, play):
    play.add(
        "playbook_on_task_start", play.play, name="restart", is_conditional=True, role="web", task_action="service"
    )
    append(store, job, play.events)
    (task,) = store.tasks(job.id)
    assert (task.name, task.role, task.action, task.is_handler) == ("restart", "web", "service", True)
    assert task.play_uuid == play.play.uuid


def test_tasks_of_jobs_that_are_older_than_the_table_are_counted_when_asked_for(store, job, play):
    play.host("runner_on_ok", play.task("t"), "h")
    append(store, job, play.events)
    before = store.tasks(job.id)
    with store._database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM main_jobtask")
    assert store.tasks(job.id) == before == counted([], list(store.events(job.id, ALL)))


def test_the_tasks_of_a_dropped_job_go_with_it(store):
    job = ended(store, NOW)
    play = Play(job)
    play.task("t")
    append(store, job, play.events)
    assert isinstance(store.tasks(job.id)[0], JobTask)
    list(store.drop_jobs(Retention(before=later(1))))
    assert store.tasks(job.id) == []
