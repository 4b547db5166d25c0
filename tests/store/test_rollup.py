# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.store.making import Play, append, by_name, new_job

CHANGED = {"changed": True}


@pytest.fixture
def play(job):
    return Play(job)


def marks(store, job, *events):
    found = by_name(store, job)
    return [(found[event.uuid].failed, found[event.uuid].changed) for event in events]


@pytest.mark.parametrize("name", ["runner_on_failed", "runner_on_unreachable", "runner_item_on_failed"])
def test_a_failure_rolls_up_to_the_playbook(store, job, play, name):
    task, other = play.task("bad"), play.task("good")
    event = play.host(name, task, "h1", res={})
    play.host("runner_on_ok", other, "h1", res={})
    append(store, job, play.events)
    assert marks(store, job, event, task, play.play, play.root) == [(True, False)] * 4
    assert marks(store, job, other) == [(False, False)]
    assert store.job(str(job.id)).failed


def test_a_change_rolls_up_to_the_playbook(store, job, play):
    task, other = play.task("changes"), play.task("does not")
    play.host("runner_on_ok", task, "h1", res=CHANGED)
    play.host("runner_on_ok", other, "h1", res={"changed": False})
    append(store, job, play.events)
    assert marks(store, job, task, play.play, play.root, other) == [(False, True)] * 3 + [(False, False)]
    job = store.job(str(job.id))
    assert (job.failed, job.changed) == (False, True)


@pytest.mark.parametrize("excuse", ["ignore_errors", "rescued"])
@pytest.mark.parametrize("name", ["runner_on_failed", "runner_item_on_failed", "runner_on_unreachable"])
def test_an_excused_failure_stays_on_its_own_event(store, job, play, name, excuse):
    task = play.task("bad")
    event = play.host(name, task, "h1", res={}, **{excuse: True})
    append(store, job, play.events)
    assert marks(store, job, event) == [(True, False)]
    assert marks(store, job, task, play.play, play.root) == [(False, False)] * 3
    assert not store.job(str(job.id)).failed


def test_a_failure_rolls_up_over_batches(store, job, play):
    task = play.task("t")
    for event in play.events:
        append(store, job, [event])
    append(store, job, [play.host("runner_on_ok", task, "h1", res=CHANGED)])
    append(store, job, [play.host("runner_on_failed", task, "h2", res={})])
    assert marks(store, job, task, play.play, play.root) == [(True, True)] * 3


def test_a_late_failure_marks_its_own_play_only(store, job, play):
    task = play.task("t")
    second = play.add("playbook_on_play_start", play.root)
    append(store, job, play.events)
    append(store, job, [play.host("runner_on_failed", task, "h", res={})])
    assert marks(store, job, play.play, second, play.root) == [(True, False), (False, False), (True, False)]


def test_an_error_message_marks_the_root(store, job, play):
    play.add("error", play.root, stdout="ERROR! no\n")
    append(store, job, play.events)
    assert marks(store, job, play.root, play.play) == [(True, False), (False, False)]


def test_statistics_mark_the_root(store, job, play):
    play.add("playbook_on_stats", play.root, failures={"h": 1}, changed={"h": 2})
    append(store, job, play.events)
    assert marks(store, job, play.root, play.play) == [(True, True), (False, False)]


def test_another_job_is_not_marked(store, job, play):
    other = store.add_job(new_job())
    twin = Play(other)
    append(store, other, twin.events)
    play.host("runner_on_failed", play.task("t"), "h", res={})
    append(store, job, play.events)
    assert marks(store, other, twin.root, twin.play) == [(False, False)] * 2


def test_a_failure_whose_parent_is_missing_is_known_to_the_job(store, job, play):
    task = play.task("lost")
    event = play.host("runner_on_failed", task, "h", res={})
    append(store, job, [play.root, play.play, event])
    assert store.job(str(job.id)).failed


def test_a_circle_of_parents_ends(store, job, play):
    one = play.add("playbook_on_task_start", None)
    two = play.add("playbook_on_task_start", one)
    circle = [one.model_copy(update={"parent_uuid": two.uuid}), two]
    append(store, job, [*circle, play.host("runner_on_failed", two, "h", res={})])
    assert marks(store, job, one, two) == [(True, False)] * 2


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_failure_that_may_have_been_rescued_rolls_up_when_the_statistics_say_that_it_was_not(
    store, job, play, is_one_batch
):
    rescued, failed = play.task("rescued"), play.task("failed")
    for task in (rescued, failed):
        play.host("runner_on_failed", task, "h1", res={}, lost=["rescued"])
    events = list(play.events)
    if not is_one_batch:
        append(store, job, events)
        assert marks(store, job, rescued, failed, play.play, play.root) == [(False, False)] * 4
        events = []
    late = [failed.uuid, "unknown", None, "\0" * 36, "0" * 36]
    events.append(play.add("playbook_on_stats", play.root, failures={"h1": 1}, failed_tasks=late))
    append(store, job, events)
    assert marks(store, job, rescued, failed, play.play, play.root) == [(False, False)] + [(True, False)] * 3
