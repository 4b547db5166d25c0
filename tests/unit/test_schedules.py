# SPDX-License-Identifier: Apache-2.0
"""What becomes of occurrences that are due, and when they are: values in, values out."""

from __future__ import annotations

import datetime

import pytest

from forge_events.durations import seconds_of
from forge_events.errors import InvalidLaunch
from forge_events.jobs import Job, JobStatus
from forge_events.schedules import Schedule, decide, due
from tests.store.making import NOW, later

HOURLY = "DTSTART:20260101T000000Z RRULE:FREQ=HOURLY"
MINUTELY = "DTSTART:20260101T000000Z RRULE:FREQ=MINUTELY"


def schedule(**fields):
    facts = {"id": 7, "name": "s", "template_id": 1, "rrule": HOURLY, "considered": NOW, "created": NOW}
    return Schedule.of(**{**facts, "modified": NOW, **fields})


def job(status=JobStatus.RUNNING, job_id=41):
    return Job(id=job_id, uuid="u", name="n", status=status, created=NOW)


def decided(one, now, unfinished=()):
    found = due(one, one.recurrence, now)
    return [(each.occurrence.at.hour, each.outcome, each.reason) for each in decide(one, found, now, unfinished)]


def test_of_what_an_outage_held_up_the_latest_within_the_grace_is_launched():
    # It is 3:04; at 7:00 and some seconds the service is back.
    back = NOW.replace(hour=7, minute=0)
    assert decided(schedule(), back) == [
        (4, "missed", "it was due 3 h 5 s before, and may be 1 h 0 s late"),
        (5, "missed", "it was due 2 h 5 s before, and may be 1 h 0 s late"),
        (6, "missed", "it was due 1 h 5 s before, and may be 1 h 0 s late"),
        (7, "launched", ""),
    ]
    assert [one[:2] for one in decided(schedule(grace=7210), back)] == [
        (4, "missed"),
        (5, "skipped"),
        (6, "skipped"),
        (7, "launched"),
    ]
    outcomes = [one[1] for one in decided(schedule(grace=7210, catch_up="all"), back)]
    assert outcomes == ["missed", "launched", "launched", "launched"]
    late = NOW.replace(hour=7, minute=2)
    assert {one[1] for one in decided(schedule(catch_up="none"), late)} == {"missed"}
    assert [one[1] for one in decided(schedule(catch_up="none"), back)][-1] == "launched"


def test_a_job_that_goes_on_has_the_next_one_skipped_or_wait():
    at = NOW.replace(hour=4, minute=0)
    assert decided(schedule(), at, [job()]) == [(4, "skipped", "job 41 of it is still running")]
    assert decided(schedule(overlap="queue"), at, [job()]) == [(4, "launched", "")]
    waiting = [job(), job(JobStatus.PENDING, 42)]
    assert decided(schedule(overlap="queue"), at, waiting) == [(4, "skipped", "job 42 of it is still pending")]


def test_after_a_long_outage_some_are_decided_at_a_time_and_those_within_the_grace_at_once():
    one = schedule(rrule=MINUTELY, grace=3600 * 48)
    now, rounds = later(86_400 * 4), []
    while found := due(one, one.recurrence, now):
        rounds.append([each.outcome for each in decide(one, found, now, [])])
        one = one.model_copy(update={"considered": found[-1].at})
    assert {outcome for each in rounds[:-1] for outcome in each} == {"missed"}
    assert max(map(len, rounds[:-1])) == 1000
    assert rounds[-1].count("launched") == 1
    assert sum(map(len, rounds)) == 4 * 24 * 60


def test_jitter_puts_off_and_always_by_the_same():
    one = schedule(jitter=600)
    found = due(one, one.recurrence, NOW.replace(hour=23))
    delays = [(one.due_at(each) - each.at).total_seconds() for each in found]
    assert all(0 <= delay <= 600 for delay in delays)
    assert len(set(delays)) > 10
    assert delays == [(schedule(jitter=600).due_at(each) - each.at).total_seconds() for each in found]
    assert one.with_next_run().next_run == one.due_at(found[0])
    assert due(one, one.recurrence, found[0].at) == []


@pytest.mark.parametrize(
    "fields",
    [{"grace": -1}, {"grace": float("nan")}, {"jitter": 1e9}, {"catch_up": "often"}, {"name": ""}, {"other": 1}],
)
def test_what_a_schedule_cannot_be_is_refused(fields):
    with pytest.raises(InvalidLaunch) as caught:
        schedule(**fields)
    assert caught.value.field == next(iter(fields))


def test_durations_are_read_as_people_write_them():
    assert [seconds_of(text) for text in ("90", "30m", "4h", "1d12h", "0.5s")] == [90, 1800, 14_400, 129_600, 0.5]
    assert [seconds_of(text) for text in ("", "h", "-1", "1w", "1 h", "٣", "1e9")] == [None] * 7


def test_an_occurrence_has_one_uuid_whatever_its_instant():
    one = schedule()
    (first,) = due(one, one.recurrence, NOW.replace(hour=4))
    moved = first._replace(at=first.at + datetime.timedelta(hours=1))
    assert one.job_uuid(first) == one.job_uuid(moved)
    assert one.job_uuid(first) != schedule(id=8).job_uuid(first)
