# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest

from forge_events.errors import AmbiguousJob, InvalidTransition, StaleTransition, UnknownJob
from forge_events.jobs import FINAL, TRANSITIONS, JobFilter, JobStatus
from forge_events.store import Retention, open_store
from tests.store.making import NOW, append, ended, later, make_event, new_job, noise

UUID = "abcd1234-0000-4000-8000-000000000001"
ANY = "é\0\udc80␛0000"


def test_a_new_job_is_returned_with_all_that_is_known(store):
    wanted = new_job(
        UUID,
        name="übung",
        launch_type="recorded",
        command=["ansible-playbook", "a b.yml"],
        directory="/srv",
        host="control",
        pid=4711,
        ansible_version="2.19.14",
        parent_uuid="another",
    )
    job = store.add_job(wanted)
    assert job.model_dump(include=set(wanted.model_fields_set)) == wanted.model_dump(exclude_unset=True)
    assert (job.status, job.started, job.finished, job.event_count) == (JobStatus.NEW, None, None, 0)
    assert store.job(str(job.id)) == job


def test_a_job_is_added_once(store):
    first = store.add_job(new_job(UUID, name="one"))
    assert store.add_job(new_job(UUID, name="two")) == first
    assert len(store.jobs()) == 1


def test_a_known_job_is_returned_as_it_is_now(store):
    job = store.add_job(new_job(UUID))
    running = store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    assert store.add_job(new_job(UUID)) == running


def test_what_is_stored_outlives_the_store(url):
    with open_store(url) as store:
        job = store.add_job(new_job(UUID))
    with open_store(url) as store:
        assert store.job(UUID) == job


@pytest.mark.parametrize("field", ["name", "directory", "host", "ansible_version", "parent_uuid"])
def test_every_text_of_a_job_takes_any_character(store, field):
    job = store.add_job(new_job(**{field: ANY}))
    assert getattr(store.job(str(job.id)), field) == ANY


def test_a_command_takes_any_character(store):
    assert store.add_job(new_job(command=[ANY, "-v"])).command == [ANY, "-v"]


@pytest.mark.parametrize("reference", [UUID, "abcd", "abcd1234-00", "ABCD1234"])
def test_a_job_is_found_by_the_beginning_of_its_uuid(store, reference):
    store.add_job(new_job("abce1234-0000-4000-8000-000000000001"))
    job = store.add_job(new_job(UUID))
    assert store.job(reference) == job


def test_latest_is_the_job_added_last(store):
    store.add_job(new_job())
    job = store.add_job(new_job())
    assert store.job("latest") == job


def test_latest_of_no_jobs_says_that_there_is_none(store):
    with pytest.raises(UnknownJob, match="no job has been recorded yet"):
        store.job("latest")


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "7",
        "abc",
        "nope",
        "%",
        "____",
        "0",
        "-1",
        "1.5",
        "9" * 30,
        "\N{ARABIC-INDIC DIGIT ONE}",
        "abcd\0",
        "abcd\udc80",
    ],
)
def test_an_unknown_reference_is_refused(store, reference):
    store.add_job(new_job(UUID))
    with pytest.raises(UnknownJob):
        store.job(reference)


def test_an_id_is_meant_before_the_beginning_of_a_uuid(store):
    first = store.add_job(new_job("11110000-0000-4000-8000-000000000001"))
    assert store.job("1") == first
    assert store.job("1111") == first


def test_a_prefix_of_several_jobs_names_them(store):
    uuids = [f"abcd1234-0000-4000-8000-00000000000{number}" for number in range(3)]
    for uuid in uuids:
        store.add_job(new_job(uuid))
    with pytest.raises(AmbiguousJob) as caught:
        store.job("abcd")
    assert sorted(caught.value.candidates) == uuids
    assert store.job(uuids[1]).uuid == uuids[1]


def test_a_uuid_that_begins_another_is_that_job(store):
    store.add_job(new_job("abcdef"))
    job = store.add_job(new_job("abcd"))
    assert store.job("abcd") == job


def test_jobs_come_newest_first_and_in_pages(store):
    added = [store.add_job(new_job()) for _ in range(5)]
    assert store.jobs() == added[::-1]
    assert store.jobs(limit=2) == [added[4], added[3]]
    assert store.jobs(before=added[3].id, limit=2) == [added[2], added[1]]


def test_jobs_are_listed_by_status(store):
    new = store.add_job(new_job())
    done = ended(store)
    assert store.jobs(JobFilter(status=JobStatus.NEW)) == [new]
    assert store.jobs(JobFilter(status=JobStatus.SUCCESSFUL)) == [done]
    assert store.jobs(JobFilter(status=JobStatus.ERROR)) == []


def test_a_life_from_new_to_successful(store, job):
    running = store.transition(job, JobStatus.RUNNING, at=NOW, by="receiver")
    assert (running.status, running.started, running.finished) == (JobStatus.RUNNING, NOW, None)
    done = store.transition(running, JobStatus.SUCCESSFUL, at=later(90.5), by="receiver", reason="fine", rc=0)
    assert (done.status, done.started, done.finished) == (JobStatus.SUCCESSFUL, NOW, later(90.5))
    assert (done.elapsed, done.rc, done.job_explanation) == (90.5, 0, "fine")
    steps = [(step.old, step.new, step.at, step.by, step.reason) for step in store.transitions(job.id)]
    assert steps == [
        (JobStatus.NEW, JobStatus.RUNNING, NOW, "receiver", ""),
        (JobStatus.RUNNING, JobStatus.SUCCESSFUL, later(90.5), "receiver", "fine"),
    ]


def test_a_job_that_never_ran_has_no_duration(store, job):
    done = store.transition(job, JobStatus.ERROR, at=NOW, by="test", reason=ANY)
    assert (done.started, done.finished, done.elapsed, done.job_explanation) == (None, NOW, None, ANY)


def test_a_clock_that_was_set_back_makes_no_negative_duration(store, job):
    running = store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    ended = store.transition(running, JobStatus.FAILED, at=later(-5), by="test")
    assert (ended.started, ended.finished, ended.elapsed) == (NOW, NOW, 0)
    assert [step.at for step in store.transitions(job.id)] == [NOW, NOW]


def test_times_come_back_in_utc(store, job):
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    running = store.transition(job, JobStatus.RUNNING, at=NOW.astimezone(zone), by="test")
    assert running.started == NOW
    assert running.started.utcoffset() == datetime.timedelta(0)


@pytest.mark.parametrize("launch_type", ["manual", "recorded"])
@pytest.mark.parametrize("old", JobStatus)
@pytest.mark.parametrize("new", JobStatus)
def test_only_the_steps_of_the_lifecycle_are_taken(store, launch_type, old, new):
    is_recorded = launch_type == "recorded"
    if is_recorded and old in (JobStatus.PENDING, JobStatus.WAITING):
        return  # it is never there
    job = store.add_job(new_job(launch_type=launch_type))
    for status in _way_to(old)[2 if is_recorded and old is not JobStatus.NEW else 0 :]:
        job = store.transition(job, status, at=NOW, by="test")
    others = {JobStatus.PENDING if is_recorded else JobStatus.RUNNING} if old is JobStatus.NEW else set()
    if new in TRANSITIONS[old] - others:
        assert store.transition(job, new, at=NOW, by="test").status is new
    else:
        with pytest.raises(InvalidTransition):
            store.transition(job, new, at=NOW, by="test")
        assert store.job(str(job.id)) == job


def _way_to(status: JobStatus) -> list[JobStatus]:
    if status is JobStatus.NEW:
        return []
    long = [JobStatus.PENDING, JobStatus.WAITING, JobStatus.RUNNING]
    return [*long, status] if status in FINAL else long[: long.index(status) + 1]


def test_a_step_from_a_status_that_the_job_has_left_is_refused(store, job):
    store.transition(job, JobStatus.RUNNING, at=NOW, by="one")
    with pytest.raises(StaleTransition) as caught:
        store.transition(job, JobStatus.RUNNING, at=later(1), by="two")
    assert (caught.value.expected, caught.value.actual) == (JobStatus.NEW, JobStatus.RUNNING)
    assert [step.by for step in store.transitions(job.id)] == ["one"]


def test_a_step_of_a_job_that_is_gone_is_refused(store):
    job = ended(store)
    running = job.model_copy(update={"status": JobStatus.RUNNING})
    assert len(list(store.drop_jobs(Retention(later(1))))) == 1
    with pytest.raises(UnknownJob):
        store.transition(running, JobStatus.ERROR, at=NOW, by="test")


def test_an_id_is_never_used_again(store):
    job = ended(store)
    assert len(list(store.drop_jobs(Retention(later(1))))) == 1
    assert store.add_job(new_job()).id > job.id


def test_the_size_counts_jobs_and_events(store, job):
    before = store.size()
    assert (before["jobs"], before["events"]) == (1, 0)
    append(store, job, [make_event(job, counter, stdout=noise(10_000)) for counter in range(1, 101)])
    after = store.size()
    assert (after["jobs"], after["events"]) == (1, 100)
    assert after["bytes"] >= before["bytes"] + 500_000


def test_the_size_of_an_empty_store_counts_nothing(store):
    assert {**store.size(), "bytes": 0} == {"bytes": 0, "jobs": 0, "events": 0}


def test_closing_twice_does_nothing(url):
    store = open_store(url)
    store.close()
    store.close()
