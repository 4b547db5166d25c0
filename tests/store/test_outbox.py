# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from sqlalchemy import event, insert

from forge_events.errors import StaleTransition
from forge_events.jobs import FINAL, JobStatus
from forge_events.store import Retention, open_store
from forge_events.store.outbox import kind_of
from forge_events.store.schema import dependencies, notifications
from tests.store.making import NOW, ended, later, new_job
from tests.store.templating import add_template, running
from tests.store.test_processes import finish, start

__all__ = ["finish"]

TO, OTHER = "json://user:secret@host/path", "slack://a/b/c"
TEN_MINUTES = 600


def told(store, job):
    return [(one.event, one.status) for one in reversed(store.outbox.find(job.id))]


def known(store, job):
    return [tuple(one[1:6]) for one in reversed(store.outbox.find(job.id))]


def test_a_job_that_begins_is_told_of_to_each_address(store):
    template = add_template(store, started=[TO, {"url": OTHER, "message": "{{ job.id }}"}], success=[TO])
    job = running(store, template)
    first, second = store.outbox.take(NOW)
    assert (first.job_id, first.event, first.url, first.message, first.attempts) == (job.id, "started", TO, None, 0)
    assert (second.url, second.message) == (OTHER, "{{ job.id }}")


@pytest.mark.parametrize("status", sorted(FINAL))
def test_the_end_of_a_job_is_success_or_failure(store, status):
    job = running(store, add_template(store, success=[TO], failure=[OTHER]))
    store.transition(job, status, at=NOW, by="test")
    assert told(store, job) == [(kind_of(status), "pending")]
    assert [due.url for due in store.outbox.take(NOW)] == [TO if status is JobStatus.SUCCESSFUL else OTHER]


def test_a_job_that_never_began_can_fail(store):
    job = store.add_job(new_job(launch_type="manual", job_template_id=add_template(store, failure=[TO])))
    job = store.transition(job, JobStatus.PENDING, at=NOW, by="test")
    assert told(store, job) == []
    store.transition(job, JobStatus.CANCELED, at=NOW, by="test")
    assert told(store, job) == [("failure", "pending")]


def test_a_stale_step_plans_nothing(store):
    job = running(store, add_template(store, success=[TO], failure=[OTHER]))
    store.transition(job, JobStatus.FAILED, at=NOW, by="test")
    with pytest.raises(StaleTransition):
        store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="another")
    assert told(store, job) == [("failure", "pending")]


def test_an_address_is_told_once_however_often_a_template_names_it(store):
    job = running(store, add_template(store, started=[TO, {"url": TO, "message": "again"}, OTHER]))
    assert [due.url for due in store.outbox.take(NOW)] == [TO, OTHER]
    assert len(told(store, job)) == 2


def test_what_is_planned_already_is_neither_planned_again_nor_changed(store):
    job = store.add_job(new_job(job_template_id=add_template(store, started=[TO])))
    row = {"job_id": job.id, "event": "started", "url": TO, "status": "sent", "sent": NOW, "due": NOW}
    with store._database.writing() as connection:
        connection.execute(insert(notifications).values(row))
    store.transition(job, JobStatus.RUNNING, at=NOW, by="test")
    assert told(store, job) == [("started", "sent")]


@pytest.mark.parametrize("message", ["", "é\0\udc80␛", "x" * 100_000])
def test_every_message_is_kept(store, message):
    running(store, add_template(store, started=[{"url": TO, "message": message}]))
    assert store.outbox.take(NOW)[0].message == message


def test_the_longest_address_is_kept(store):
    longest = "json://h/" + "".join(chr(33 + number * 7919 % 90) for number in range(1991))
    running(store, add_template(store, started=[longest]))
    assert store.outbox.take(NOW)[0].url == longest


@pytest.mark.parametrize(
    "wanted", [{"started": [{"url": ""}]}, {"started": [{"url": TO, "by": "pigeon"}]}, {"x": [TO]}]
)
def test_a_template_that_cannot_be_read_stops_no_job_and_is_told_of(store, wanted, caplog):
    template = add_template(store, **wanted)
    job = running(store, template)
    assert (job.status, told(store, job)) == (JobStatus.RUNNING, [])
    expected = f"job template {template} says in a way that is not known here whom to tell; nobody is told"
    assert [record.getMessage() for record in caplog.records] == [expected]


def test_a_job_whose_template_is_gone_goes_on(store):
    job = running(store, 4711)
    assert (job.status, told(store, job)) == (JobStatus.RUNNING, [])


def test_a_job_without_a_template_costs_no_statement_more(store):
    seen = []
    event.listen(store._database._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    running(store, None)
    assert not [statement for statement in seen if "main_jobtemplate" in statement or "notification" in statement]
    running(store, add_template(store))
    (read,) = (statement for statement in seen if statement.startswith("SELECT main_jobtemplate"))
    assert read.split()[:3] == ["SELECT", "main_jobtemplate.notifications", "FROM"]


def test_what_is_taken_is_nobody_elses(store, url):
    job = running(store, add_template(store, started=[TO]))
    with open_store(url) as other:
        assert len(store.outbox.take(NOW)) == 1
        assert other.outbox.take(NOW) == []
    assert told(store, job) == [("started", "sending")]


def test_only_so_many_are_taken_oldest_first(store):
    template = add_template(store, started=[TO])
    jobs = [running(store, template) for _ in range(5)]
    taken = [[due.job_id for due in store.outbox.take(NOW, limit=2)] for _ in range(4)]
    assert taken == [[jobs[0].id, jobs[1].id], [jobs[2].id, jobs[3].id], [jobs[4].id], []]


def test_nothing_is_taken_before_it_is_due(store):
    running(store, add_template(store, started=[TO]))
    assert store.outbox.take(later(-1)) == []


def test_what_was_sent_is_done(store):
    job = running(store, add_template(store, started=[TO]))
    store.outbox.sent(store.outbox.take(NOW)[0], later(1))
    assert known(store, job) == [("started", "json://host/…", "sent", 1, "")]
    assert store.outbox.take(later(10**6)) == []


def test_what_failed_comes_again_when_it_is_due_and_counts_its_attempts(store):
    job = running(store, add_template(store, started=[OTHER]))
    store.outbox.failed(store.outbox.take(NOW)[0], "nobody there", later(10))
    assert known(store, job) == [("started", "slack://…", "pending", 1, "nobody there")]
    assert store.outbox.take(later(9)) == []
    (again,) = store.outbox.take(later(10))
    assert again.attempts == 1
    store.outbox.failed(again, "still nobody", None)
    assert known(store, job) == [("started", "slack://…", "failed", 2, "still nobody")]
    assert store.outbox.take(later(10**6)) == []


def test_one_whose_sender_was_killed_is_never_sent_again(store):
    job = running(store, add_template(store, started=[TO]))
    store.outbox.take(NOW)
    assert store.outbox.take(later(TEN_MINUTES - 1)) == []
    assert told(store, job) == [("started", "sending")]
    assert store.outbox.take(later(TEN_MINUTES)) == []
    error = "its sender was killed; whether it was received is not known"
    assert known(store, job) == [("started", "json://host/…", "failed", 1, error)]
    assert store.outbox.take(later(10**6)) == []


def test_a_sender_that_was_only_slow_says_what_became_of_it(store):
    job = running(store, add_template(store, started=[TO]))
    (due,) = store.outbox.take(NOW)
    store.outbox.take(later(TEN_MINUTES))
    store.outbox.failed(due, "not sent", later(TEN_MINUTES + 1))
    assert told(store, job) == [("started", "failed")]
    store.outbox.sent(due, later(TEN_MINUTES))
    assert known(store, job) == [("started", "json://host/…", "sent", 1, "")]


def test_a_sender_of_an_earlier_attempt_changes_nothing(store):
    job = running(store, add_template(store, started=[TO]))
    (first,) = store.outbox.take(NOW)
    store.outbox.failed(first, "not sent", NOW)
    store.outbox.take(NOW)
    store.outbox.failed(first, "not sent again", None)
    store.outbox.sent(first, NOW)
    assert told(store, job) == [("started", "sending")]


def test_processes_that_take_at_once_take_each_one_once(url, finish):
    with open_store(url) as store:
        template = add_template(store, started=[TO, OTHER])
        jobs = [running(store, template) for _ in range(60)]
        taken = [one for line in finish(*[start("take", url, "7") for _ in range(2)]) for one in json.loads(line)]
        assert sorted(taken) == sorted([job.id, to] for job in jobs for to in (TO, OTHER))
        assert {status for job in jobs for _, status in told(store, job)} == {"sent"}


def test_notifications_go_with_their_job(store):
    job = running(store, add_template(store, started=[TO], success=[TO]))
    store.transition(job, JobStatus.SUCCESSFUL, at=NOW, by="test")
    assert [drop.job.id for drop in store.drop_jobs(Retention(later(1)))] == [job.id]
    assert known(store, job) == []


def test_what_jobs_depend_on_goes_with_either_of_them(store):
    jobs = [ended(store, later(number)) for number in range(3)]
    rows = [{"job_id": jobs[after].id, "blocker_id": jobs[before].id} for before, after in ((0, 1), (1, 2), (0, 2))]
    with store._database.writing() as connection:
        connection.execute(insert(dependencies), rows)
    assert [drop.job for drop in store.drop_jobs(Retention(later(0.5)))] == [jobs[0]]
    with store._database.reading() as connection:
        assert connection.execute(dependencies.select()).all() == [(jobs[2].id, jobs[1].id)]
    assert [drop.job for drop in store.drop_jobs(Retention(later(5)))] == jobs[1:]
