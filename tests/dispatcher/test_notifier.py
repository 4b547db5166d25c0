# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime
import functools
import signal
import subprocess
import sys
import threading

import pytest

from forge_events.dispatcher.notifier import PAUSES, Notices, Notifier, Told
from forge_events.errors import StoreUnavailable
from forge_events.jobs import JobStatus
from forge_events.launches import Launch
from forge_events.notices import sending
from forge_events.notices.sending import Outcome
from forge_events.services.stopping import Stop
from forge_events.store import Retention, open_store
from forge_events.templates import JobTemplate
from tests.conftest import ROOT
from tests.notices.receiving import HANG, receiver
from tests.store.making import NOW, Play, append, later
from tests.store.templating import add_template, running
from tests.stores import faulty

TO = "json://user:hunter2@host/token"
UNREACHABLE = Outcome("the other side cannot be reached, or took nothing", may_pass=True)
KILLED = "its sender was killed; whether it was received is not known"


@pytest.fixture
def other_side():
    with receiver() as made:
        yield made


class Recorder:
    """Send to nobody, and keep what was to be sent."""

    def __init__(self, *outcomes):
        self.sent, self.outcomes = [], list(outcomes)
        self.is_enough = threading.Event()

    def __call__(self, url, message, event):
        self.sent.append((url, message, event))
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome()
        if isinstance(outcome, Exception):
            raise outcome
        self.is_enough.set()
        return outcome


@pytest.fixture
def notifier(url, store):
    """Return what makes a notifier that sends by whatever is given."""
    made = []

    def make(send=sending.send):
        made.append(Notifier(lambda: open_store(url), send))
        return made[-1]

    yield make
    for one in made:
        one.close()


def known_of(store, job):
    return [(one.status, one.attempts, one.error) for one in store.outbox.find(job_id=job.id)]


def ended(store, *, status=JobStatus.FAILED, **notifications):
    job = running(store, add_template(store, **notifications), name="deploy")
    play = Play(job)
    play.host("runner_on_failed", play.task("t"), "web", res={})
    append(store, job, play.events)
    return store.transition(store.job(job.uuid), status, at=later(60), by="test", reason="a host failed")


def test_people_are_told_of_a_job_in_the_usual_words(store, other_side, notifier):
    job = ended(store, started=[other_side.url], failure=[other_side.url], success=[TO])
    shown = f"json://127.0.0.1:{other_side.server_port}/…"
    told = notifier().run_once(later(61))
    assert told == [Told(job.id, "started", shown), Told(job.id, "failure", shown)]
    assert [(one["title"], one["type"]) for one in other_side.received] == [
        (f"Job {job.id} started: deploy", "info"),
        (f"Job {job.id} failed: deploy", "failure"),
    ]
    assert other_side.received[1]["message"] == (
        f"Job: {job.id} deploy\nStatus: failed\nElapsed: 1 min 0 s\nExplanation: a host failed\nFailed hosts: web"
    )
    assert [one.status for one in store.outbox.find(job_id=job.id)] == ["sent", "sent"]


def test_nobody_is_told_twice(store, notifier):
    ended(store, failure=[TO])
    send = Recorder()
    for _ in range(3):
        notifier(send).run_once(later(10_000))
    assert len(send.sent) == 1


def test_a_template_makes_the_message(store, notifier):
    message = "{{ job.name }} on {{ hosts[0].host_name }} of {{ template.id }} {{ template.name }}: {{ event }}"
    ended(store, failure=[{"url": TO, "message": message}])
    send = Recorder()
    notifier(send).run_once(later(61))
    (template,) = store.templates.all()
    assert send.sent[0][1].body == f"deploy on web of {template.id} {template.name}: failure"


@pytest.mark.parametrize("has_namesake", [False, True])
def test_a_template_that_is_gone_lends_its_message_all_the_same(store, notifier, has_namesake):
    job = ended(store, failure=[{"url": TO, "message": "{{ template.id }} {{ template.name }}"}])
    store.templates.delete(str(job.job_template_id))
    if has_namesake:
        other = JobTemplate(name=str(job.job_template_id), launch=Launch.of(playbook="p"), created=NOW, modified=NOW)
        store.templates.add(other)
    send = Recorder()
    notifier(send).run_once(later(61))
    assert send.sent[0][1].body == f"{job.job_template_id} deploy"


@pytest.mark.parametrize("message", ["{{ ''.__class__.__mro__ }}", "{{ job.extra_vars }}", "{{ 'a' * 10**9 }}", "{%"])
def test_a_template_that_cannot_be_used_gives_the_usual_message_and_says_so(store, notifier, message):
    job = ended(store, failure=[{"url": TO, "message": message}])
    send = Recorder()
    assert [told.error for told in notifier(send).run_once(later(61))] == [""]
    body = send.sent[0][1].body
    assert body.startswith(f"Job: {job.id} deploy\nStatus: failed\n")
    assert "the template of the message could not be used: " in body


def test_a_server_that_is_not_there_is_tried_again_with_growing_pauses(store, notifier):
    with receiver() as other_side:  # which frees a port that nobody listens on
        job = ended(store, failure=[other_side.url])
    one = notifier()
    (first,) = one.run_once(later(61))
    assert (first.error, first.again) == (UNREACHABLE.error, later(71))
    assert one.run_once(later(70)) == []
    (second,) = one.run_once(later(71))
    assert (second.error, second.again) == (UNREACHABLE.error, later(131))
    with receiver(other_side.server_port) as other_side:
        (third,) = one.run_once(later(131))
    assert (third.error, third.again) == ("", None)
    assert len(other_side.received) == 1
    assert known_of(store, job) == [("sent", 3, "")]


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_takes_a_message_and_refuses_it_has_had_it(store, other_side, notifier, status):
    job = ended(store, failure=[other_side.url])
    other_side.statuses = [status] * 9
    one = notifier()
    error = f"the other side answered with error {status}"
    assert [(told.error, told.again) for told in one.run_once(later(61))] == [(error, None)]
    assert one.run_once(later(10**6)) == []
    assert (len(other_side.received), known_of(store, job)) == (1, [("failed", 1, error)])


def test_what_never_works_is_given_up(store, notifier):
    job = ended(store, failure=[TO])
    one, now, pauses = notifier(Recorder(*[UNREACHABLE] * 10)), later(61), []
    while told := one.run_once(now):
        if told[0].again is None:
            break
        pauses.append(told[0].again - now)
        now = told[0].again
    assert pauses == list(PAUSES)
    assert known_of(store, job) == [("failed", 5, UNREACHABLE.error)]
    assert one.run_once(now + datetime.timedelta(days=1)) == []


def test_what_may_have_been_sent_is_not_sent_again(store, other_side, notifier):
    job = ended(store, failure=[other_side.url])
    other_side.statuses = [HANG]
    one = notifier(functools.partial(sending.send, limit=2))
    (told,) = one.run_once(later(61))
    assert told.again is None
    assert one.run_once(later(10**6)) == []
    error = "it took longer than 2 s; whether it was received is not known"
    assert known_of(store, job) == [("failed", 1, error)]
    assert len(other_side.received) == 1


def test_one_address_that_fails_keeps_no_other_from_its_message(store, notifier):
    ended(store, failure=["pigeon://hunter2", TO])
    told = notifier(lambda url, *_: Outcome("unknown") if url != TO else Outcome()).run_once(later(61))
    assert [one.error for one in told] == ["unknown", ""]


def test_no_secret_of_an_address_gets_out(store, notifier, capfd, caplog):
    caplog.set_level(1)
    job = ended(store, failure=["pigeon://hunter2", "json://u:hunter2@127.0.0.1:1/hunter2"])
    told = notifier().run_once(later(61))
    assert all(one.error for one in told)
    seen = [told, store.outbox.find(job_id=job.id), capfd.readouterr(), caplog.text]
    assert "hunter2" not in str(seen)


def test_only_so_many_are_told_at_once(store, notifier):
    for _ in range(3):
        ended(store, failure=[TO])
    one = notifier(Recorder())
    assert [len(one.run_once(later(61), limit=2)) for _ in range(3)] == [2, 1, 0]


def test_what_becomes_of_a_notification_changes_no_job(store, notifier):
    job = ended(store, failure=[TO, f"{TO}/2"])
    notifier(Recorder(UNREACHABLE, Outcome("no"))).run_once(later(61))
    assert store.job(job.uuid) == job


def test_a_job_that_was_dropped_meanwhile_is_not_told_of(url, store):
    job = ended(store, failure=[TO])
    dropping = open_store(url)

    def take(own, now, *, limit):
        found = own(now, limit=limit)
        list(dropping.drop_jobs(Retention(later(100))))
        return found

    send = Recorder()
    one = Notifier(lambda: faulty(dropping, outbox={"take": take}), send)
    assert [told.error for told in one.run_once(later(61))] == ["the job was dropped before it could be told of"]
    one.close()
    assert (send.sent, store.outbox.find(job_id=job.id)) == ([], [])


def away_while(reasons):
    """Return a verb that fails while there is a reason."""

    def verb(own, *arguments, **more):
        if reasons:
            raise StoreUnavailable("here", "it is away")
        return own(*arguments, **more)

    return verb


def test_what_was_sent_while_the_database_went_away_is_marked_when_it_is_back(url, store):
    job = ended(store, failure=[TO])
    failing, send = {"sent"}, Recorder()
    one = Notifier(lambda: faulty(open_store(url), outbox={"sent": away_while(failing)}), send)
    with pytest.raises(StoreUnavailable):
        one.run_once(later(61))
    one.close()
    assert [one.status for one in store.outbox.find(job_id=job.id)] == ["sending"]
    failing.clear()
    assert [told.error for told in one.run_once(later(62))] == [""]
    one.close()
    assert [one.status for one in store.outbox.find(job_id=job.id)] == ["sent"]
    assert len(send.sent) == 1


def test_what_could_not_be_read_is_sent_later(url, store):
    ended(store, failure=[TO])
    failing, send = {"job"}, Recorder()
    one = Notifier(lambda: faulty(open_store(url), job=away_while(failing)), send)
    with pytest.raises(StoreUnavailable):
        one.run_once(later(61))
    failing.clear()
    assert [told.again for told in one.run_once(later(62))] == [later(71)]
    assert [told.again for told in one.run_once(later(71))] == [None]
    one.close()
    assert len(send.sent) == 1


def test_one_whose_sender_is_killed_is_marked_and_never_sent_again(url, store, other_side, notifier):
    job = ended(store, failure=[other_side.url])
    other_side.statuses = [HANG]
    script = "from tests.dispatcher.test_notifier import send_once; send_once()"
    process = subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT)
    try:
        assert other_side.has_received.wait(60)
        assert [one.status for one in store.outbox.find(job_id=job.id)] == ["sending"]
    finally:
        process.kill()
    assert process.wait(60) == -signal.SIGKILL
    send = Recorder()
    assert notifier(send).run_once(later(61 + 599)) == []
    assert notifier(send).run_once(later(61 + 600)) == []
    assert known_of(store, job) == [("failed", 1, KILLED)]
    assert notifier(send).run_once(later(10**7)) == []
    assert (send.sent, len(other_side.received)) == ([], 1)


def send_once():
    """Be the sender that is killed."""
    Notifier(lambda: open_store(sys.argv[1])).run_once(later(61))


@pytest.fixture
def stop():
    with Stop() as made:
        yield made
        made.set()


def test_a_thread_tells_of_jobs_until_it_is_time_to_stop(url, store, stop):
    send = Recorder()
    told: list[Told] = []
    notices = Notices(Notifier(lambda: open_store(url), send), stop, told.append, every=0.01)
    assert notices.begin()
    assert not notices.begin()
    job = ended(store, failure=[TO])
    assert send.is_enough.wait(60)
    stop.set()
    notices.end()
    assert [one.job_id for one in told] == [job.id]
    assert [one.status for one in store.outbox.find(job_id=job.id)] == ["sent"]
    assert "notices" not in {thread.name for thread in threading.enumerate()}


def test_a_database_that_is_away_is_tried_again(url, store, stop, monkeypatch):
    ended(store, failure=[TO])
    answers = [StoreUnavailable("here", "it is away"), RuntimeError("a bug")]

    def opened():
        if answers:
            raise answers.pop(0)
        return open_store(url)

    monkeypatch.setattr("forge_events.dispatcher.notifier._FIRST_PAUSE", 0.01)
    send = Recorder()
    notices = Notices(Notifier(opened, send), stop, lambda _: None, every=0.01)
    notices.begin()
    assert send.is_enough.wait(60)
    stop.set()
    notices.end()
    assert answers == []


def test_a_thread_that_is_not_waited_for_ends_when_it_can(url, store):
    ended(store, failure=[TO])
    is_sending, may_go_on = threading.Event(), threading.Event()

    def send(*_):
        is_sending.set()
        assert may_go_on.wait(60)
        return Outcome()

    told: list[Told] = []
    with Stop() as stop:
        notices = Notices(Notifier(lambda: open_store(url), send), stop, told.append)
        notices.begin()
        assert is_sending.wait(60)
        stop.set()
    may_go_on.set()
    notices.end()
    assert [one.error for one in told] == [""]


def test_to_end_what_has_not_begun_is_nothing(url, stop):
    Notices(Notifier(lambda: open_store(url)), stop, lambda _: None).end()
