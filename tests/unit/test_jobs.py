# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime

import pytest

from forge_events.jobs import FINAL, TRANSITIONS, HostSummary, JobStatus, NewJob, is_allowed


def test_every_status_has_its_line_in_the_table():
    assert set(TRANSITIONS) == set(JobStatus)


@pytest.mark.parametrize("status", JobStatus)
def test_a_status_is_final_if_nothing_follows(status):
    assert status.is_final == (not TRANSITIONS[status]) == (status in FINAL)


@pytest.mark.parametrize("status", JobStatus)
def test_a_status_never_follows_itself_and_new_follows_none(status):
    assert not is_allowed(status, status)
    assert not is_allowed(status, JobStatus.NEW)


@pytest.mark.parametrize("status", sorted(set(JobStatus) - FINAL))
def test_every_job_can_end(status):
    assert is_allowed(status, JobStatus.ERROR)
    assert is_allowed(status, JobStatus.CANCELED)


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.NEW}))
def test_every_status_is_reached(status):
    reached = {JobStatus.NEW}
    for _ in JobStatus:
        reached |= {new for old in reached for new in TRANSITIONS[old]}
    assert status in reached


@pytest.mark.parametrize("status", [JobStatus.SUCCESSFUL, JobStatus.FAILED])
def test_only_what_ran_can_succeed_or_fail(status):
    assert [old for old in JobStatus if is_allowed(old, status)] == [JobStatus.RUNNING]


@pytest.mark.parametrize(("is_launched", "first"), [(True, JobStatus.PENDING), (False, JobStatus.RUNNING)])
def test_a_launched_job_goes_the_long_way_and_a_recorded_one_is_met_running(is_launched, first):
    begun = {new for new in JobStatus if is_allowed(JobStatus.NEW, new, is_launched=is_launched)} - FINAL
    assert begun == {first}


@pytest.mark.parametrize("old", sorted(set(JobStatus) - {JobStatus.NEW}))
@pytest.mark.parametrize("new", JobStatus)
def test_beyond_its_first_step_every_job_has_the_same_way(old, new):
    assert {is_allowed(old, new, is_launched=value) for value in (True, False, None)} == {new in TRANSITIONS[old]}


def test_a_job_does_not_change():
    job = NewJob(uuid="u", name="n", created=datetime.datetime.now(datetime.UTC))
    with pytest.raises(ValueError, match="frozen"):
        job.name = "m"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("counts", "failed"),
    [({}, False), ({"failures": 1}, True), ({"dark": 1}, True), ({"rescued": 1, "ignored": 1, "skipped": 1}, False)],
)
def test_a_host_failed_by_failures_and_darkness(counts, failed):
    assert HostSummary(host_name="h", **counts).failed is failed
