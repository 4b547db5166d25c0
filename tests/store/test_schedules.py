# SPDX-License-Identifier: Apache-2.0
"""Schedules: what is due is launched once, whoever looks, however often, and whatever clocks show."""

from __future__ import annotations

import datetime
import random
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from forge_events import launching, scheduling
from forge_events.dispatcher.scheduler import Scheduler
from forge_events.errors import (
    AmbiguousSchedule,
    FieldNotAsked,
    NameTaken,
    StoreUnavailable,
    UnknownSchedule,
    ValueRejected,
)
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.recurrences import Recurrence
from forge_events.schedules import identity
from forge_events.templates import JobTemplate
from tests.store.making import NOW, later
from tests.stores import FaultyStore

HOURLY = "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY"


def template(store, name="deploy", **fields):
    what = Launch.of(playbook="site.yml", project="/srv")
    found = JobTemplate.of(name=name, launch=what, ask=["limit", "extra_vars"], created=NOW, modified=NOW, **fields)
    return store.templates.add(found)


def schedule(store, of, name="nightly", *, rule=HOURLY, fields=None, at=NOW, **policy):
    """Add a schedule of which nothing before a time is ever launched."""
    made = scheduling.create(store, of, name, Recurrence.parse(rule), fields or {}, **policy)
    moved = made.model_copy(update={"considered": at})
    return store.schedules.replace(moved.with_next_run())


def only_one(done: Any) -> Any:
    """Return what became of the only occurrence, and its job."""
    ((_, decided, job),) = done.decided
    return decided, job


def scheduler_on(store: Any) -> Scheduler:
    return Scheduler(store)


def outcomes(store, one):
    return Counter(decided.outcome for decided in store.schedules.decided(one, limit=1000))


def test_what_is_due_becomes_one_job_that_says_where_it_comes_from(store):
    one = schedule(store, template(store), fields={"limit": "web", "extra_vars": {"m": "{{ x }}"}})
    assert one.next_run == NOW.replace(hour=4, minute=0, second=0, microsecond=0)
    assert Scheduler(store).run_once(later(60)).decided == []
    at = NOW.replace(hour=4, minute=0, second=2)
    assert store.schedules.next_run() == one.next_run
    decided, job = only_one(Scheduler(store).run_once(at))
    assert (job.status, job.launch_type, job.run_by, job.name) == (
        JobStatus.PENDING,
        "scheduled",
        "schedule nightly",
        "deploy",
    )
    what = store.queue.launch_of(job.id)
    assert (what.limit, what.untrusted_vars, what.extra_vars) == ("web", {"m": "{{ x }}"}, {})
    assert (decided.local, decided.outcome, decided.job_id) == ("2026-01-02T04:00:00+0", "launched", job.id)
    assert Scheduler(store).run_once(at).decided == []
    moved = store.schedules.get("nightly")
    assert (moved.considered, moved.next_run) == (decided.at, decided.at + datetime.timedelta(hours=1))
    assert store.schedules.decided(one, limit=9) == [decided]
    assert store.schedules.jobs(one, limit=9) == [job]


def test_a_second_scheduler_that_saw_the_same_changes_nothing(store):
    one = schedule(store, template(store), overlap="queue")
    at = NOW.replace(hour=4, minute=0, second=2)

    # Another one decides after this one has read what is due.
    def beaten(real, known, *facts):
        assert len(Scheduler(store).run_once(at).decided) == 1
        return real(known, *facts)

    late = scheduler_on(FaultyStore(store, schedules={"decide": beaten}))
    assert late.run_once(at).decided == []
    assert outcomes(store, one) == {"launched": 1}
    assert len(store.jobs(limit=9)) == 1


def test_an_outage_costs_what_the_grace_does_not_cover(store):
    deploy = template(store, allow_simultaneous=True)
    one = schedule(store, deploy)
    every = schedule(store, deploy, "all", grace=7210.0, catch_up="all")
    back = NOW.replace(hour=7, minute=0)  # and five seconds

    def away(real, *facts):
        raise StoreUnavailable("here", "it is away")

    broken = scheduler_on(FaultyStore(store, schedules={"decide": away}))
    with pytest.raises(StoreUnavailable):
        broken.run_once(back)
    done = Scheduler(store).run_once(back)
    assert len(done.decided) == 8
    assert outcomes(store, one) == {"missed": 3, "launched": 1}
    assert outcomes(store, every) == {"missed": 1, "launched": 3}
    assert [job.name for job in store.schedules.jobs(every, limit=9)] == 3 * ["deploy"]
    times = [decided.at for decided in reversed(store.schedules.decided(every, limit=3))]
    by_job = sorted(store.schedules.decided(every, limit=3), key=lambda decided: decided.job_id)
    assert [decided.at for decided in by_job] == times
    assert all(decided.reason for decided in store.schedules.decided(one, limit=9) if decided.outcome != "launched")


def test_jobs_of_a_schedule_do_not_run_beside_one_another(store):
    deploy = template(store, allow_simultaneous=True)
    one = schedule(store, deploy, "skips")
    two = schedule(store, deploy, "queues", overlap="queue")
    scheduler = Scheduler(store)
    for hour in (4, 5, 6):
        scheduler.run_once(NOW.replace(hour=hour, minute=0))
    assert outcomes(store, one) == outcomes(store, two) == {"launched": 1, "skipped": 2}
    (job,) = store.schedules.jobs(two, limit=9)
    assert store.schedules.decided(two, limit=1)[0].reason == f"job {job.id} of it is still pending"
    assert store.queue.is_alone(job.id)
    for other in store.schedules.jobs(one, limit=9):
        launching.cancel(store, other)
    scheduler.run_once(NOW.replace(hour=7, minute=0))
    assert outcomes(store, one) == {"launched": 2, "skipped": 2}


def test_a_clock_that_was_wrong_launches_nothing_twice_and_is_named(store):
    one = schedule(store, template(store), overlap="queue")
    wrong, right = later(26 * 3600), later(4000)
    Scheduler(store).run_once(wrong)
    assert outcomes(store, one) == {"missed": 25, "launched": 1}
    for seconds in (0, 3600, 7200):
        assert Scheduler(store).run_once(right + datetime.timedelta(seconds=seconds)).decided == []
    now = store.schedules.get("nightly")
    assert scheduling.trouble(store, now, right).startswith("the clock was at 2026-01-03 05:00:00 UTC")
    # And another instant of the same local time, as another tz database would have it, is the same occurrence.
    again = store.schedules.replace(now.model_copy(update={"considered": later(86_400)}).with_next_run())
    assert [found.outcome for _, found, _ in Scheduler(store).run_once(wrong).decided] == []
    assert store.schedules.get("nightly").considered > again.considered


def test_what_the_template_does_not_ask_any_more_is_refused_and_never_left_out(store):
    deploy = template(store)
    one = schedule(store, deploy, fields={"limit": "web"})
    store.templates.replace(deploy.model_copy(update={"ask": []}))
    decided, job = only_one(Scheduler(store).run_once(NOW.replace(hour=4, minute=0)))
    assert (decided.outcome, job) == ("refused", None)
    assert decided.reason == "limit cannot be used: the job template 'deploy' does not let it be changed at launch"
    assert store.jobs(limit=9) == []
    store.templates.delete("deploy")
    gone = store.schedules.get("nightly")
    assert (gone.enabled, gone.next_run, gone.explanation) == (False, None, "its job template 'deploy' was deleted")
    assert Scheduler(store).run_once(NOW.replace(hour=5, minute=0)).decided == []
    assert outcomes(store, one) == {"refused": 1}


def test_one_schedule_that_cannot_be_read_stops_no_other(store):
    deploy = template(store)
    broken = schedule(store, deploy, "broken")
    store.schedules.replace(broken.model_copy(update={"rrule": HOURLY.replace("HOURLY", "NEVER")}))
    schedule(store, deploy, "rejected")
    schedule(store, deploy)

    def choosy(real, known, *facts):
        if known.name == "rejected":
            raise ValueRejected("here", "it is too large")
        return real(known, *facts)

    done = scheduler_on(FaultyStore(store, schedules={"decide": choosy})).run_once(NOW.replace(hour=4, minute=0))
    assert [one.name for one, _, _ in done.decided] == ["nightly"]
    assert {one.name for one in done.disabled} == {"broken", "rejected"}
    assert store.schedules.get("rejected").explanation.endswith("it is too large")
    assert "FREQ=NEVER" in store.schedules.get("broken").explanation


def test_when_it_is_due_next_is_found_out_anew_each_hour(store):
    deploy = template(store)
    kept = schedule(store, deploy)
    store.schedules.replace(kept.model_copy(update={"next_run": later(10**6)}))
    scheduler = Scheduler(store)
    scheduler.refresh(NOW)
    assert store.schedules.get("nightly").next_run == kept.next_run
    store.schedules.replace(kept.model_copy(update={"next_run": later(10**6)}))
    scheduler.refresh(later(3000))
    assert store.schedules.get("nightly").next_run == later(10**6)
    scheduler.refresh(later(3700))
    assert store.schedules.get("nightly").next_run == kept.next_run


def test_what_a_schedule_sets_is_checked_when_it_is_saved_and_enabled(store):
    deploy = template(store)
    with pytest.raises(FieldNotAsked):
        schedule(store, deploy, fields={"tags": ["a"]})
    one = schedule(store, deploy, fields={"limit": "web"})
    with pytest.raises(NameTaken):
        schedule(store, deploy)
    off = scheduling.edit(store, one, enabled=False)
    assert (off.enabled, off.next_run) == (False, None)
    store.templates.replace(deploy.model_copy(update={"ask": []}))
    with pytest.raises(FieldNotAsked):
        scheduling.edit(store, off, enabled=True)
    on = scheduling.edit(store, scheduling.edit(store, off, fields={}), enabled=True)
    assert on.considered > one.considered
    assert on.next_run is not None
    assert on.next_run > on.considered


def test_a_schedule_is_found_by_name_or_id_and_deleted_with_its_decisions(store):
    one = schedule(store, template(store))
    other = schedule(store, template(store, "other"))
    with pytest.raises(AmbiguousSchedule) as caught:
        store.schedules.get("nightly")
    assert caught.value.ids == [one.id, other.id]
    assert store.schedules.get(str(one.id)) == one
    assert store.schedules.all(template_id=other.template_id) == [other]
    job = scheduling.run_now(store, other, by="me")
    assert (job.run_by, job.launch_type) == ("me", "scheduled")
    assert store.schedules.decided(other, limit=1)[0].reason == "wanted by me"
    store.schedules.delete(other)
    for verb in (store.schedules.delete, store.schedules.replace):
        with pytest.raises(UnknownSchedule):
            verb(other)
    assert store.job(str(job.id)) == job
    assert store.schedules.decided(other, limit=1) == []


SCHEDULER = """
import datetime, sys, time
from forge_events.dispatcher.scheduler import Scheduler
from forge_events.errors import StoreUnavailable
from forge_events.store import open_store
from forge_events.store.schedules import Schedules
Schedules.unfinished = lambda *_: []
begun = datetime.datetime.fromisoformat(sys.argv[2])
with open_store(sys.argv[1]) as store:
    scheduler = Scheduler(store)
    while True:
        # A minute passes in a quarter of a second.
        now = begun + 240 * (store.now() - begun)
        scheduler.run_once(now)
        time.sleep(0.02)
"""


def test_however_many_schedulers_are_killed_each_occurrence_is_launched_once(store, url):
    begun = store.now()
    rule = "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY"
    deploy = template(store)
    made = [schedule(store, deploy, f"s{n}", rule=rule, at=begun, catch_up="all", grace=86_400.0) for n in range(6)]
    chance = random.Random(7)  # noqa: S311 - the same at each run

    def start():
        return subprocess.Popen([sys.executable, "-P", "-c", SCHEDULER, url, begun.isoformat()])

    running = [start() for _ in range(3)]
    try:
        until, kills = time.monotonic() + 6, 0
        while time.monotonic() < until:
            time.sleep(0.25)
            place = chance.randrange(3)
            running[place].kill()
            running[place].wait()
            running[place] = start()
            kills += 1
    finally:
        for process in running:
            process.kill()
            process.wait()
    end = begun + 240 * (store.now() - begun)
    last = scheduler_on(FaultyStore(store, schedules={"unfinished": lambda *_: []}))
    while last.run_once(end).decided:
        pass
    for one in made:
        expected = {identity(found): "launched" for found in one.recurrence.between(begun, end)}
        decided = store.schedules.decided(one, limit=10_000)
        assert {each.local: each.outcome for each in decided} == expected
        assert len({each.job_id for each in decided}) == len(decided)
    assert len(store.jobs(limit=100_000)) == sum(len(store.schedules.decided(one, limit=10_000)) for one in made)
    assert kills > 3
