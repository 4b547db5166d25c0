# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest
from pydantic import ValidationError

from forge_events.events import EventFilter, ResultFilter
from forge_events.store import Retention
from tests.store.making import NOW, Play, append, ended, later, make_event


def played(store, start, hosts=("db1", "db2"), task="install", event="runner_on_ok", **data):
    """Add a job with a result for each host, a second apart from a time on."""
    job = ended(store)
    play = Play(job)
    announced = play.task(task)
    for host in hosts:
        play.host("runner_on_start", announced, host)
        play.host(event, announced, host, **{"res": {}, **data})
    times = {event.counter: (start + datetime.timedelta(seconds=event.counter)).isoformat() for event in play.events}
    append(store, job, [type(e).model_validate({**e.model_dump(), "created": times[e.counter]}) for e in play.events])
    return job


def places(results):
    return [(result.job_id, result.host_name) for result in results]


def test_a_hosts_results_come_from_all_jobs_newest_first(store):
    jobs = [played(store, later(100 * number)) for number in range(3)]
    found = store.host_results(ResultFilter(host="db2"))
    assert places(found) == [(job.id, "db2") for job in reversed(jobs)]
    (event,) = store.events(jobs[2].id, EventFilter(host="db2"), after=found[0].counter - 1, limit=1)
    assert (event.created, event.task, event.event) == (found[0].created, found[0].task, found[0].event)


def test_only_final_results_are_there(store, job):
    play = Play(job)
    task = play.task("t")
    names = ["runner_on_start", "runner_item_on_ok", "runner_retry", "runner_on_async_poll", "runner_on_skipped"]
    for name in [*names, "runner_on_unreachable"]:
        play.host(name, task, "h", res={})
    append(store, job, play.events)
    found = store.host_results(ResultFilter(host="h"))
    assert [result.event for result in found] == ["runner_on_unreachable", "runner_on_skipped"]


def test_results_can_be_narrowed(store):
    good = played(store, NOW, res={"changed": True})
    bad = played(store, later(100), event="runner_on_failed")
    other = played(store, later(200), event="runner_on_failed", task="restart")
    assert places(store.host_results(ResultFilter(is_failed=True, task="install"))) == [
        (bad.id, "db2"),
        (bad.id, "db1"),
    ]
    assert places(store.host_results(ResultFilter(host="db1", is_failed=True))) == [(other.id, "db1"), (bad.id, "db1")]
    assert places(store.host_results(ResultFilter(is_failed=True, since=later(150)))) == [
        (other.id, "db2"),
        (other.id, "db1"),
    ]
    assert places(store.host_results(ResultFilter(host="db1", task="install"))) == [(bad.id, "db1"), (good.id, "db1")]
    assert store.host_results(ResultFilter(host="nobody")) == []


def test_a_changed_result_is_found_as_such(store, job):
    play = Play(job)
    task = play.task("t")
    play.host("runner_on_ok", task, "h", res={"changed": True})
    play.host("runner_on_ok", task, "h", res={"changed": False})
    append(store, job, play.events)
    assert [result.counter for result in store.host_results(ResultFilter(host="h", is_changed=True))] == [4]


def test_pages_follow_one_another_without_gaps_or_repeats(store):
    for number in range(4):
        played(store, later(number), hosts=("h",) * 5)
    everything = store.host_results(ResultFilter(host="h"), limit=1000)
    pages, last = [], None
    while page := store.host_results(ResultFilter(host="h"), before=last, limit=3):
        pages += page
        last = page[-1]
    assert len(everything) == 20
    assert pages == everything


def test_a_batch_that_is_delivered_again_adds_no_results(store, job):
    play = Play(job)
    play.host("runner_on_ok", play.task("t"), "h", res={})
    append(store, job, play.events)
    append(store, job, play.events, source="a copy")
    assert len(store.host_results(ResultFilter(host="h"))) == 1


def test_the_results_of_a_dropped_job_are_gone(store):
    old, young = played(store, NOW), played(store, later(10))
    assert [drop.job.id for drop in store.drop_jobs(Retention(later(1), keep_last=1))] == [old.id]
    assert {result.job_id for result in store.host_results(ResultFilter(host="db1"))} == {young.id}


@pytest.mark.parametrize("name", ["a\0b", "\udc80", "ü" * 5000, "x" * 5000])
def test_a_strange_host_is_found(store, job, name):
    append(store, job, [make_event(job, 1, "runner_on_ok", event_data={"host": name, "task": name})])
    assert len(store.host_results(ResultFilter(host=name))) == 1


def test_a_question_that_no_index_answers_is_refused():
    with pytest.raises(ValidationError):
        ResultFilter(task="install")
