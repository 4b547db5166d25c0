# SPDX-License-Identifier: Apache-2.0
"""``notify``, and what ``show`` and ``dispatcher`` say of notifications."""

from __future__ import annotations

import time

import pytest

from forge_events.jobs import JobStatus
from forge_events.store import open_store
from tests.notices.receiving import HANG, peer, receiver
from tests.store.making import NOW, later
from tests.store.templating import add_template, running

SECRET = "geheim-4711"
JSON, SLACK, NOSUCH = f"json://u:{SECRET}@h/{SECRET}", f"slack://{SECRET}/b/c", f"nosuch://{SECRET}"
PLAY = "[{hosts: all, gather_facts: false, tasks: [{debug: {msg: hi}}]}]"


@pytest.fixture
def other_side():
    with receiver() as made:
        yield made


@pytest.fixture
def told(anywhere):
    """Return a command line whose store has a notification of every fate, and the ids of their jobs."""
    url = anywhere.url or f"sqlite:///{anywhere.home}/events.db"
    with open_store(url) as store:
        first = running(store, add_template(store, started=[JSON, SLACK], success=[NOSUCH]))
        sent, failed = store.outbox.take(NOW)
        store.outbox.sent(sent, later(1))
        store.outbox.failed(failed, "nobody there", later(71))
        store.transition(first, JobStatus.SUCCESSFUL, at=later(2), by="test")
        store.outbox.failed(store.outbox.take(later(2))[0], "no such thing", None)
        second = running(store, add_template(store, started=[JSON]))
    return anywhere, first.id, second.id


def test_notifications_are_listed_with_what_became_of_them(told):
    cli, first, second = told
    lines = [line.split() for line in cli.good("notify", "list").lines]
    assert lines == [
        ["JOB", "EVENT", "ADDRESS", "STATUS", "ATTEMPTS", "SENT", "ERROR"],
        [str(second), "started", "json://h/…", "pending", "0"],
        [str(first), "success", "nosuch://…", "failed", "1", "no", "such", "thing"],
        [str(first), "started", "slack://…", "pending", "1", "nobody", "there"],
        [str(first), "started", "json://h/…", "sent", "1", *f"{later(1):%Y-%m-%d %H:%M:%S}".split()],
    ]


def test_a_list_of_notifications_is_narrowed_and_read_by_programs(told):
    cli, first, second = told
    (failed,) = cli.good("notify", "list", "--failed", "--json").json
    assert failed == {
        "job_id": first,
        "event": "success",
        "address": "nosuch://…",
        "status": "failed",
        "attempts": 1,
        "error": "no such thing",
        "due": None,
        "sent": None,
    }
    assert [one["job_id"] for one in cli.good("notify", "list", "--job", str(second), "--json").json] == [second]
    assert cli.good("notify", "list", "--job", "latest", "--failed", "--json").json == []
    found = cli.good("notify", "list", "--limit", "3", "--json").json
    assert [one["due"] for one in found] == [NOW.isoformat(), None, later(71).isoformat()]
    result = cli("notify", "list", "--job", "4711")
    assert (result.rc, result.complaint) == (3, "there is no job '4711'")


def test_a_job_is_shown_with_whom_it_was_told_to(told):
    cli, first, _ = told
    lines = [line for line in cli.good("show", str(first)).lines if line.startswith("notification")]
    assert lines == [
        f"notification    started to json://h/…: sent {later(1):%Y-%m-%d %H:%M:%S}",
        f"notification    started to slack://…: nobody there; tried again {later(71):%Y-%m-%d %H:%M:%S}",
        "notification    success to nosuch://…: failed: no such thing",
    ]
    found = cli.good("show", str(first), "--json").json["notifications"]
    assert [one["status"] for one in found] == ["sent", "pending", "failed"]
    assert found == cli.good("notify", "list", "--job", str(first), "--json").json[::-1]


def test_no_list_shows_a_secret(told):
    cli, first, _ = told
    for words in (["notify", "list"], ["show", str(first)]):
        assert all(SECRET not in cli.good(*words, *more).text for more in ([], ["--json"]))


def test_an_address_is_tried(cli, other_side):
    result = cli.good("notify", "test", other_side.url)
    assert result.lines == [f"failure to json://127.0.0.1:{other_side.server_port}/…: sent"]
    (told,) = other_side.received
    assert (told["title"], told["type"]) == ("Job 0 failed: sample", "failure")
    assert told["message"].endswith("\nFailed hosts: host1, host2\n\n(This is a test. There is no such job.)")


def test_a_template_is_tried_with_everybody_and_in_its_own_words(cli, other_side):
    notify = [word for event in ("started", "success", "failure") for word in ("--notify", f"{event}={other_side.url}")]
    cli.good(
        "template", "create", "deploy", "/srv/a.yml", *notify, "--message", "success={{ job.name }} is {{ job.status }}"
    )
    found = cli.good("notify", "test", "deploy", "--json").json
    assert [(one["event"], one["error"]) for one in found] == [("started", ""), ("success", ""), ("failure", "")]
    assert [told["type"] for told in other_side.received] == ["info", "success", "failure"]
    assert other_side.received[1]["message"].startswith("sample is successful\n\n(This is a test")
    assert len(cli.good("notify", "test", "1", "--event", "success").lines) == 1
    assert len(other_side.received) == 4


def test_what_cannot_be_told_has_an_exit_code_of_its_own(cli, other_side):
    other_side.statuses = [403]
    result = cli("notify", "test", other_side.url, "--event", "success")
    assert (result.rc, result.complaint) == (11, "1 of 1 address could not be told")
    address = f"json://127.0.0.1:{other_side.server_port}/…"
    assert result.lines == [f"success to {address}: the other side answered with error 403"]
    result = cli("notify", "test", f"nosuch://{SECRET}", "--json")
    assert (result.rc, result.json[0]["error"]) == (11, "Apprise cannot use the address nosuch://…")
    assert SECRET.encode() not in result.out + result.err


@pytest.mark.parametrize(
    ("words", "rc", "complaint"),
    [
        (["list", "--limit", "0"], 2, "Invalid value for '--limit'"),
        (["test"], 2, "Missing argument 'URL|TEMPLATE'"),
        (["test", "nobody"], 3, "there is no job template 'nobody'"),
        (["test", "silent"], 2, "Invalid value for TEMPLATE: it tells nobody"),
        (["test", f"json://{SECRET}", "--event", "end"], 2, "Invalid value for --event: 'end' is none of started"),
        (["test", f"json://{SECRET * 900}"], 2, "url cannot be used: an address is printable"),
    ],
)
def test_bad_input_is_one_clear_line(cli, words, rc, complaint):
    cli.good("template", "create", "silent", "/srv/a.yml")
    result = cli("notify", *words)
    assert (result.rc, result.out) == (rc, b"")
    assert result.complaint.startswith(complaint)
    assert SECRET.encode() not in result.err


def test_a_dispatcher_says_what_it_sends_and_what_it_gives_up_and_sends_nothing_twice(cli, other_side, tmp_path):
    (tmp_path / "site.yml").write_text(PLAY)
    other_side.statuses = [HANG]
    slow = f"json://u:{SECRET}@127.0.0.1:{other_side.server_port}/{SECRET}?rto=1&retry=5"
    with peer(lambda _: None) as port, receiver() as good:
        nobody = f"json://u:{SECRET}@127.0.0.1:{port}/{SECRET}"
    with receiver(good.server_port) as good:
        to = {"started": [slow, good.url], "success": [NOSUCH, nobody]}
        notify = [word for event, urls in to.items() for url in urls for word in ("--notify", f"{event}={url}")]
        assert cli("template", "create", "t", tmp_path / "site.yml", "-i", "localhost,", *notify).rc == 0
        with cli.start("dispatcher", "-v") as process:
            number = cli("template", "launch", "t").text.strip()
            assert cli("wait", number).rc == 0
            found = _known(cli, number)
            process.terminate()
            out, err = (text.decode() for text in process.communicate())
    unknown = "the other side gave no answer; whether it was received is not known"
    unreachable = "the other side cannot be reached, or took nothing"
    assert [(one["status"], one["attempts"], one["error"]) for one in found] == [
        ("failed", 1, unknown),
        ("sent", 1, ""),
        ("failed", 1, "Apprise cannot use the address nosuch://…"),
        ("pending", 1, unreachable),
    ]
    here = "json://127.0.0.1"
    given_up = [line for line in err.splitlines() if "notification" in line]
    assert given_up == [
        f"forge-events: job {number} started to {here}:{other_side.server_port}/…: notification given up: {unknown}",
        f"forge-events: job {number} success to nosuch://…: notification given up: {found[2]['error']}",
    ]
    assert f"job {number} started to {here}:{good.server_port}/…: notification sent\n" in out
    again = f"job {number} success to {here}:{port}/…: notification not sent: {unreachable}; trying again at "
    assert again in out
    assert (len(other_side.received), len(good.received)) == (1, 1)
    assert SECRET not in out + err


def _known(cli, job):
    """Return what became of a job's notifications, once each was tried."""
    for _ in range(300):
        found = cli.good("show", job, "--json").json["notifications"]
        if all(one["attempts"] and one["status"] != "sending" for one in found):
            break
        time.sleep(0.2)
    return found
