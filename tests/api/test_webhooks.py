# SPDX-License-Identifier: Apache-2.0
"""Webhooks over HTTP: who proves to know the key launches the template, once for each delivery."""

from __future__ import annotations

import datetime
import pathlib
import threading

import pytest

from forge_events.launches import Launch
from forge_events.sealing import Sealer
from forge_events.templates import JobTemplate
from forge_events.webhooks.webhook import Webhook
from tests.webhooks.sending import KEY, from_github, github, pushed

DAY = datetime.timedelta(days=1)


@pytest.fixture
def hooked(api_everywhere, tmp_path):
    """Return the API with a template that GitHub may launch, and the webhook."""
    api = api_everywhere
    now = api.store.now()
    launch = Launch.of(playbook=str(tmp_path / "site.yml"), inventory=["localhost,"], untrusted_vars={"mine": 1})
    template = api.store.templates.add(JobTemplate.of(name="deploy", launch=launch, created=now, modified=now))
    hook = Webhook(template_id=template.id, service="github", branches=["master"], created=now, modified=now)
    hook = api.store.webhooks.add(hook, Sealer(tmp_path / "projects" / "secret.key").seal(KEY))
    return api, hook


def send(api, event, body, guid="1", *, key=KEY, path="deploy/github", **headers):
    return api.anonymous.post(
        f"/api/v2/job_templates/{path}/", content=body, headers={**from_github(event, body, guid, key), **headers}
    )


def jobs(api):
    return api.store.jobs()


def test_a_push_launches_the_template_once(hooked):
    api, hook = hooked
    body = github("push_branch")
    answer = send(api, "push", body, "guid-1")
    assert (answer.status_code, answer.json()) == (202, {"message": "Job queued."})
    (job,) = jobs(api)
    assert (job.launch_type, job.run_by, job.name) == ("webhook", "webhook github", "deploy")
    launch = api.store.queue.launch_of(job.id)
    assert launch.untrusted_vars["mine"] == 1
    assert launch.untrusted_vars["awx_webhook_event_type"] == "push"
    assert launch.untrusted_vars["awx_webhook_event_guid"] == "guid-1"
    assert launch.untrusted_vars["awx_webhook_payload"]["ref"] == "refs/heads/master"
    assert launch.extra_vars == {}
    again = send(api, "push", body, "guid-1")
    assert (again.status_code, again.json()["message"]) == (202, "Webhook previously received, aborting.")
    # The same push, told of anew, is another delivery.
    assert send(api, "push", body, "guid-2").json()["message"] == "Job queued."
    assert len(jobs(api)) == 2
    (_, first) = api.store.webhooks.deliveries(hook)
    assert (first.guid, first.event, first.outcome, first.job_id) == ("guid-1", "push", "launched", job.id)


def test_what_is_not_wanted_is_told_of_and_launches_nothing(hooked):
    api, hook = hooked
    for number, (event, body) in enumerate(
        [
            ("push", pushed("refs/heads/dev")),
            ("push", github("push_deleted")),
            ("pull_request", github("pull_request_opened")),
        ]
    ):
        answer = send(api, event, body, str(number))
        assert answer.status_code == 200
        assert answer.json()["message"].startswith("Nothing is launched: ")
    assert send(api, "ping", github("ping"), "ping").json() == {"message": "pong"}
    assert jobs(api) == []
    assert {one.outcome for one in api.store.webhooks.deliveries(hook)} == {"ignored"}


def test_without_a_proof_nothing_is_said_of_what_there_is(hooked):
    api, hook = hooked
    body = github("push_branch")
    answers = [
        send(api, "push", body, key="another"),
        send(api, "push", body, path="nothing/github"),
        send(api, "push", body, path="deploy/gitlab"),
        send(api, "push", body, **{"x-hub-signature-256": ""}),
        send(api, "push", b"hello", key="another"),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    assert jobs(api) == []
    assert api.store.webhooks.deliveries(hook) == []
    assert send(api, "push", b"hello").status_code == 400
    assert send(api, "push", b"x" * (1024 * 1024 + 1)).status_code == 413


def test_a_delivery_that_comes_twenty_times_at_once_has_one_job(hooked):
    api, _ = hooked
    body = github("push_branch")
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(send(api, "push", body, "same").json()["message"]))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs(api)) == 1
    assert sorted(answers) == ["Job queued."] + ["Webhook previously received, aborting."] * 19


def test_a_key_that_was_changed_is_good_for_a_day_more(hooked, tmp_path):
    api, hook = hooked
    key_file = tmp_path / "projects" / "secret.key"
    path = "/api/v2/job_templates/deploy/webhook_key/"
    assert api.client.get(path).json() == {"webhook_key": KEY}
    assert api.anonymous.get(path).status_code == 401
    new = api.client.post(path, json={}).json()["webhook_key"]
    body = github("push_branch")
    assert {send(api, "push", body, key=key).status_code for key in (KEY, new)} == {202}
    assert api.store.webhooks.keys(hook, api.store.now() + DAY).old is None
    assert api.store.webhooks.keys(hook, api.store.now()).old is not None
    # Neither key stands in the database as it is, and nobody else may read what opens them.
    assert key_file.stat().st_mode & 0o077 == 0
    for file in pathlib.Path(tmp_path).rglob("*.db*"):
        assert KEY.encode() not in file.read_bytes()


def test_what_was_sent_long_ago_is_forgotten(hooked):
    api, hook = hooked
    send(api, "push", pushed("refs/heads/dev"), "old")
    (old,) = api.store.webhooks.deliveries(hook)
    assert api.store.webhooks.record(hook, old._replace(guid="new", received=old.received + 31 * DAY))
    assert [one.guid for one in api.store.webhooks.deliveries(hook)] == ["new"]
    api.store.templates.delete("deploy")
    assert api.store.webhooks.all() == []


def test_a_key_that_cannot_be_opened_is_the_servers_fault_and_tried_again_later(hooked, tmp_path):
    api, hook = hooked
    (tmp_path / "projects" / "secret.key").write_text("nothing")
    answer = send(api, "push", github("push_branch"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "SECRET" not in answer.text
    assert api.store.webhooks.deliveries(hook) == []
