# SPDX-License-Identifier: Apache-2.0
"""What is asked of several runs at once, and what a comparison makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from forge_events.jobs import JobStatus
from forge_events.store.insight import Runs
from tests.store.making import Play, append, later, new_job

if TYPE_CHECKING:
    from forge_events.jobs import Job
    from forge_events.store import Store

GOOD = {"install": {"a": "ok", "b": "ok"}, "write": {"a": "changed", "b": "changed"}}
CREATED = iter(range(10**6))


def ran(store: Store, tasks: dict[str, dict[str, str]], seconds: float = 1.0, **facts: Any) -> Job:
    """Add a job with tasks, each with what came of it on its hosts: a result, or ``changed`` or ``ignored``."""
    job = store.add_job(new_job(created=facts.pop("created", later(next(CREATED))), **facts))
    job = store.transition(job, JobStatus.RUNNING, at=job.created, by="test")
    play = Play(job)
    for name, hosts in tasks.items():
        task = play.add("playbook_on_task_start", play.play, name=name, task=name, task_path=f"/site.yml:{len(name)}")
        for host, word in hosts.items():
            event = {"changed": "ok", "ignored": "failed"}.get(word, word)
            about: dict[str, Any] = {"host": host, "task": name, "duration": seconds}
            about["ignore_errors"] = word == "ignored"
            play.add(f"runner_on_{event}", task, res={"changed": word == "changed"}, **about)
    append(store, job, play.events)
    is_good = all(word not in ("failed", "unreachable") for hosts in tasks.values() for word in hosts.values())
    end = JobStatus.SUCCESSFUL if is_good else JobStatus.FAILED
    return store.transition(job, end, at=job.created, by="test")


def named(found):
    return [(each.task.name, list(each.hosts)) for each in found]


def test_a_comparison_tells_what_is_different_task_by_task_and_host_by_host(store):
    then = ran(store, {**GOOD, "gone": {"a": "ok"}, "flaky": {"a": "failed", "b": "ok"}, "try": {"a": "ok"}})
    now = ran(
        store,
        {
            "install": {"a": "failed", "b": "ok"},
            "write": {"a": "ok", "b": "changed"},
            "flaky": {"a": "ok", "b": "ok"},
            "try": {"a": "ignored"},
            "fresh": {"a": "changed", "c": "ok"},
        },
    )
    found = store.insight.compare(then, now)
    assert named(found.failed) == [("install", ["a"])]
    assert named(found.healed) == [("flaky", ["a"])]
    assert (named(found.new), named(found.gone)) == ([("fresh", ["a", "c"])], [("gone", [])])
    assert found.changed == []
    assert [tuple(host) for host in found.hosts] == [("c", "absent", "ok")]
    assert named(store.insight.compare(now, then).changed) == [("write", ["a"])]
    assert not any(store.insight.compare(then, then))
    only_b = store.insight.compare(then, now, host="b")
    assert not any((only_b.failed, only_b.healed, only_b.gone, only_b.new))


def test_what_is_slower_is_so_by_the_median_of_several_runs(store):
    for seconds in (1.0, 1.2, 60.0, 1.1):
        good = ran(store, GOOD, seconds)
    slow = ran(store, GOOD, 9.0)
    found = store.insight.compare(good, slow, run_count=4).slower
    assert [(each.task.name, round(each.then, 2), each.now) for each in found] == [
        ("install", 1.15, 9),
        ("write", 1.15, 9),
    ]
    assert named(store.insight.compare(slow, good, run_count=1).faster) == [("install", []), ("write", [])]
    assert not any(store.insight.compare(good, ran(store, GOOD, 1.5), run_count=4))


def test_the_same_name_twice_is_two_tasks(store):
    job = ran(store, GOOD)
    play = Play(job)
    for _ in range(2):
        play.add("playbook_on_task_start", play.play, name="again", task="again")
    twice = ran(store, {})
    append(store, twice, play.events)
    new = store.insight.compare(job, twice).new
    assert [(each.task.name, each.task.nth) for each in new] == [("again", 0), ("again", 1)]


def test_the_last_good_run_is_one_of_the_same(store):
    good = ran(store, GOOD, name="a.yml")
    ran(store, GOOD, name="a.yml", check_mode=True)
    ran(store, GOOD, name="b.yml")
    broken = ran(store, {"install": {"a": "failed", "b": "ok"}}, name="a.yml")
    last = ran(store, {"install": {"a": "failed", "b": "failed"}}, name="a.yml")
    insight = store.insight
    assert [job.id for job in insight.good_before(last.id, Runs.like(last), limit=5)] == [good.id]
    assert [job.id for job in insight.good_before(last.id, Runs.like(last, "b"), limit=5)] == [broken.id, good.id]
    assert insight.good_before(last.id, Runs.like(last, "nowhere")) == []
    assert insight.newest(Runs(host="b")).id == last.id
    assert [job.id for job in insight.last(Runs.like(last))] == [last.id, broken.id, good.id]
    of_template = ran(store, GOOD, job_template_id=7)
    assert insight.newest(Runs(template_id=7)).id == of_template.id


def test_tasks_that_never_settle_and_that_fail_now_and_then_are_told(store):
    ids = [ran(store, tasks).id for tasks in (GOOD, {**GOOD, "install": {"a": "unreachable"}}, GOOD)]
    found = {task.name: task for task in store.insight.steadiness(ids)}
    install, write = found["install"], found["write"]
    assert (install.is_flapping, install.is_never_settled, install.failed_count) == (True, False, 1)
    assert (install.last_failed, install.run_count) == (ids[1], 3)
    assert (write.is_flapping, write.is_never_settled, write.changed_count) == (False, True, 3)
    assert store.insight.steadiness([]) == []


def test_costs_are_summed_by_task_role_and_host(store):
    ids = [ran(store, GOOD, seconds).id for seconds in (1.0, 3.0)]
    tasks = store.insight.costs(ids, "tasks")
    assert [(cost.name, cost.seconds, cost.longest, cost.times) for cost in tasks] == [
        ("install", 4.0, 3.0, 2),
        ("write", 4.0, 3.0, 2),
    ]
    assert [(cost.name, cost.seconds) for cost in store.insight.costs(ids, "hosts")] == [("a", 8.0), ("b", 8.0)]
    assert [cost.name for cost in store.insight.costs(ids, "roles")] == [""]
    assert set(store.insight.since(later(-1))) >= set(ids)


@pytest.mark.parametrize("of", ["tasks", "roles", "hosts"])
def test_no_jobs_cost_nothing(store, of):
    assert store.insight.costs([], of) == []
