# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.jobs import HostSummary, Job, JobStatus
from forge_events.notices.messages import facts, sendable, usual, with_note
from tests.store.making import NOW, later

HOSTS = [HostSummary(host_name="db", ok=3), HostSummary(host_name="web", ok=1, failures=1)]


def job(**values):
    known = {"id": 7, "uuid": "u", "name": "deploy", "status": JobStatus.FAILED, "created": NOW, "started": NOW}
    ends = {"finished": later(3725), "elapsed": 3725.2, "job_explanation": "because", "command": ["-e", "secret=1"]}
    return Job(**{**known, **ends, "job_template_id": 3, "environ": {"SECRET": "1"}, **values})


def test_the_usual_message_says_what_one_wants_to_know():
    assert usual(job(), HOSTS, "failure") == (
        "Job 7 failed: deploy",
        "Job: 7 deploy\nStatus: failed\nElapsed: 1 h 2 min 5 s\nExplanation: because\nFailed hosts: web",
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (JobStatus.SUCCESSFUL, "was successful"),
        (JobStatus.CANCELED, "was canceled"),
        (JobStatus.ERROR, "could not be run"),
    ],
)
def test_every_end_has_its_words(status, words):
    assert usual(job(status=status), [], "failure").title == f"Job 7 {words}: deploy"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0.2 s"), (59.96, "1 min 0 s"), (61, "1 min 1 s"), (7200, "2 h 0 s")]
)
def test_the_time_that_a_job_took_is_readable(seconds, shown):
    assert f"\nElapsed: {shown}\n" in usual(job(elapsed=seconds), [], "failure").body


def test_a_job_that_started_is_told_of_as_it_began_whatever_has_become_of_it():
    assert usual(job(), HOSTS, "started") == ("Job 7 started: deploy", "Job: 7 deploy\nStatus: running")
    known = facts(job(), HOSTS, "started", "web")
    assert known["hosts"] == []
    assert (known["job"]["status"], known["job"]["finished"], known["job"]["explanation"]) == ("running", None, "")


def test_of_many_failed_hosts_the_first_are_named():
    hosts = [HostSummary(host_name=f"h{number:02}", dark=1) for number in range(13)]
    assert usual(job(), hosts, "failure").body.endswith("h08, h09 and 3 more")
    assert usual(job(), hosts[:10], "failure").body.endswith("h08, h09")


def test_the_facts_are_json_and_hold_nothing_that_may_be_secret():
    known = facts(job(), HOSTS, "failure", "web")
    assert json.loads(json.dumps(known)) == known
    assert sorted(known) == ["event", "hosts", "job", "template"]
    assert sorted(known["job"]) == ["elapsed", "explanation", "finished", "id", "name", "started", "status"]
    assert known["template"] == {"id": 3, "name": "web"}
    assert [host["failed"] for host in known["hosts"]] == [False, True]
    assert "secret" not in json.dumps(known).lower()


def test_a_note_says_why_a_template_was_not_used():
    assert with_note(usual(job(), [], "failure"), "line 3: odd").body.endswith("could not be used: line 3: odd.)")


@given(st.text(), st.text())
def test_every_text_can_be_sent(name, explanation):
    title, body = usual(job(name=name, job_explanation=explanation), [], "failure")
    assert len(body.splitlines()) <= 4
    for message in ((title, body), sendable(name, explanation)):
        assert "\n" not in message[0]
        assert not set("".join(message)) & {"\0", "\r", "\x1b"}
        "".join(message).encode()
