# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest

from forge_events.errors import UnknownJob
from forge_events.jobs import FINAL, JobStatus
from forge_events.store import Retention, open_store, retention
from tests.store.making import ALL, NOW, Play, append, ended, later, make_event, new_job, noise

DAY = datetime.timedelta(days=1)


def filled(store, at):
    job = ended(store, at)
    play = Play(job)
    play.host("runner_on_ok", play.task("t"), "h", res={})
    append(store, job, play.events)
    return store.job(job.uuid)


def test_jobs_that_ended_before_are_dropped_oldest_first(store):
    young, old, oldest = (filled(store, NOW - days * DAY) for days in (1, 5, 9))
    dropped = list(store.drop_jobs(Retention(NOW - 3 * DAY)))
    assert [drop.job for drop in dropped] == [oldest, old]
    assert [drop.event_count for drop in dropped] == [4, 4]
    assert all(drop.size > 0 for drop in dropped)
    assert store.jobs() == [young]


def test_everything_of_a_dropped_job_is_gone(store):
    job, other = filled(store, NOW), filled(store, later(10))
    assert [drop.job for drop in store.drop_jobs(Retention(later(1)))] == [job]
    with pytest.raises(UnknownJob):
        store.job(job.uuid)
    assert list(store.events(job.id, ALL)) == []
    assert store.host_summaries(job.id) == []
    assert store.transitions(job.id) == []
    assert store.position(job.uuid) == 0
    assert len(list(store.events(other.id, ALL))) == 4
    assert len(store.host_summaries(other.id)) == 1
    assert len(store.transitions(other.id)) == 2
    assert store.position(other.uuid) > 0


def test_a_job_that_ended_at_that_time_stays(store):
    ended(store, NOW)
    assert list(store.drop_jobs(Retention(NOW))) == []


@pytest.mark.parametrize("status", sorted(set(JobStatus) - FINAL))
def test_a_job_that_has_not_ended_is_never_dropped(store, status):
    job = store.add_job(new_job(launch_type="manual"))
    way = [JobStatus.NEW, JobStatus.PENDING, JobStatus.WAITING, JobStatus.RUNNING]
    for step in way[1 : way.index(status) + 1]:
        job = store.transition(job, step, at=NOW, by="test")
    assert list(store.drop_jobs(Retention(NOW + 10_000 * DAY))) == []
    assert store.jobs() == [job]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_job_of_any_final_status_is_dropped(store, status):
    job = ended(store, NOW, status)
    assert [drop.job for drop in store.drop_jobs(Retention(later(1)))] == [job]


def test_only_one_name_or_status_can_be_dropped(store):
    web, db = ended(store, name="web"), ended(store, name="db")
    failed = ended(store, status=JobStatus.FAILED, name="web")
    for which, expected in (
        (Retention(later(1), name="db"), [db]),
        (Retention(later(1), status=JobStatus.FAILED), [failed]),
        (Retention(later(1), name="web", status=JobStatus.FAILED), []),
        (Retention(later(1), name="nothing"), []),
        (Retention(later(1)), [web]),
    ):
        assert [drop.job for drop in store.drop_jobs(which)] == expected


def test_the_last_jobs_of_each_name_can_be_kept(store):
    names = ["web", "db", "web", "web", "db"]
    jobs = [ended(store, later(number), name=name) for number, name in enumerate(names)]
    kept = [drop.job for drop in store.drop_jobs(Retention(later(100), keep_last=2), is_dry_run=True)]
    assert kept == [jobs[0]]
    # Old enough, but among the last of its name.
    assert list(store.drop_jobs(Retention(later(0.5), name="db", keep_last=2))) == []
    assert [drop.job for drop in store.drop_jobs(Retention(later(100), keep_last=1))] == [jobs[0], jobs[1], jobs[2]]


def test_many_jobs_are_dropped_whatever_a_transaction_holds(store):
    jobs = [ended(store, later(number // 2)) for number in range(120)]
    assert [drop.job for drop in store.drop_jobs(Retention(later(100)))] == jobs
    assert store.jobs() == []


def test_a_dry_run_tells_the_same_and_drops_nothing(store):
    jobs = [filled(store, NOW - days * DAY) for days in (1, 5)]
    told = list(store.drop_jobs(Retention(NOW), is_dry_run=True))
    assert store.jobs() == jobs[::-1]
    assert list(store.drop_jobs(Retention(NOW))) == told
    assert store.jobs() == []


def test_dropping_again_finds_nothing(store):
    filled(store, NOW)
    assert len(list(store.drop_jobs(Retention(later(1))))) == 1
    assert list(store.drop_jobs(Retention(later(1)))) == []


def test_dropping_can_be_stopped_and_taken_up_again(store, monkeypatch):
    monkeypatch.setattr(retention, "_MAX_JOBS", 1)
    for days in range(5, 0, -1):
        filled(store, NOW - days * DAY)
    dropping = store.drop_jobs(Retention(NOW))
    next(dropping)
    next(dropping)
    dropping.close()
    assert len(store.jobs()) == 3
    assert len(list(store.drop_jobs(Retention(NOW)))) == 3


def test_a_job_that_another_process_dropped_is_not_told_of(store, url, monkeypatch):
    monkeypatch.setattr(retention, "_MAX_JOBS", 1)
    for days in (2, 1):
        filled(store, NOW - days * DAY)
    dropping = store.drop_jobs(Retention(NOW))
    next(dropping)
    with open_store(url) as other:
        assert len(list(other.drop_jobs(Retention(NOW)))) == 1
    assert list(dropping) == []


def test_the_space_is_given_back(store):
    kept = store.add_job(new_job())
    append(store, kept, [make_event(kept, counter, stdout="k" * 500) for counter in range(1, 501)])
    small = store.size()["bytes"]
    for number in range(5):
        job = ended(store, NOW - number * DAY)
        append(store, job, [make_event(job, counter, stdout=noise(2000)) for counter in range(1, 2001)])
    large = store.size()["bytes"]
    assert large > small + 5 * 2000 * 1000
    assert len(list(store.drop_jobs(Retention(later(1))))) == 5
    assert store.size()["bytes"] < small + (large - small) * 0.05
    assert sum(len(event.stdout) for event in store.events(kept.id, ALL)) == 250_000


def test_a_dropped_jobs_source_can_be_read_again(store):
    job = filled(store, NOW)
    assert list(store.drop_jobs(Retention(later(1))))
    again = store.add_job(new_job(job.uuid))
    assert again.id > job.id
    assert append(store, again, [make_event(again, 1)])
