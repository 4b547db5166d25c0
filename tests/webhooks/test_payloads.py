# SPDX-License-Identifier: Apache-2.0
"""What a payload says has happened, and which of it a webhook launches for."""

from __future__ import annotations

import datetime
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_events.errors import InvalidLaunch
from forge_events.webhooks.payloads import Malformed, What, parsed, what_of
from forge_events.webhooks.senders import SERVICES
from forge_events.webhooks.webhook import Webhook, variables_of, why_not
from tests.webhooks.sending import ZERO, github

AT = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
MERGE = {
    "last_commit": {"id": "da1"},
    "target_branch": "main",
    "action": "open",
    "source_project_id": 14,
    "target_project_id": 15,
}


def webhook(service="github", **fields):
    return Webhook(template_id=1, service=service, created=AT, modified=AT, **fields)


def what(service, event, payload):
    return what_of(service, event, payload)


@pytest.mark.parametrize(
    ("event", "name", "ref", "branch", "tag", "action", "is_deleted"),
    [
        ("push", "push_branch", "0000000", "master", "", "", False),
        ("push", "push_tag", "", "", "simple-tag", "", False),
        ("push", "push_deleted", "0000000", "", "simple-tag", "", True),
        ("pull_request", "pull_request_opened", "ec26c3e", "master", "", "opened", False),
        ("release", "release", "0.0.1", "", "0.0.1", "published", False),
        ("create", "create", "simple-tag", "", "simple-tag", "", False),
    ],
)
def test_what_github_says(event, name, ref, branch, tag, action, is_deleted):  # noqa: PLR0917 - the facts
    payload = json.loads(github(name))
    found = what("github", event, payload)
    assert (found.branch, found.tag, found.action, found.is_deleted) == (branch, tag, action, is_deleted)
    assert found.ref == (payload["after"] if event == "push" else found.ref)
    assert event == "push" or found.ref.startswith(ref)


@pytest.mark.parametrize(
    ("service", "event", "payload", "expected"),
    [
        ("gitlab", "Push Hook", {"ref": "refs/heads/a/b", "after": "c"}, What(ref="c", branch="a/b")),
        ("gitlab", "Tag Push Hook", {"ref": "refs/tags/v1", "after": ZERO}, What(ZERO, tag="v1", is_deleted=True)),
        ("gitlab", "Merge Request Hook", {"object_attributes": MERGE}, What("da1", "main", "", "open", is_fork=True)),
        ("gitea", "push", {"ref": "refs/heads/x", "after": "c"}, What("c", "x")),
        (
            "bitbucket_dc",
            "repo:refs_changed",
            {"changes": [{"ref": {"displayId": "f/w", "type": "BRANCH"}, "toHash": ZERO, "type": "DELETE"}]},
            What(ZERO, "f/w", is_deleted=True),
        ),
        (
            "bitbucket_dc",
            "pr:opened",
            {
                "pullRequest": {
                    "fromRef": {"latestCommit": "c", "repository": {"id": 4}},
                    "toRef": {"displayId": "main", "repository": {"id": 4}},
                }
            },
            What("c", "main", "", "opened"),
        ),
        ("generic", "x", {"ref": "refs/heads/main", "after": "c", "action": "go"}, What("c", "main", "", "go")),
    ],
)
def test_what_the_others_say(service, event, payload, expected):
    assert what(service, event, payload) == expected


@given(
    st.sampled_from(SERVICES),
    st.sampled_from(["push", "pull_request", "pr:opened", "release", "create", ""]),
    st.data(),
)
def test_no_payload_is_a_fault(service, event, data):
    keys = st.sampled_from(
        ["ref", "after", "pull_request", "head", "base", "repo", "changes", "release", "object_attributes"]
    )
    values = st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda part: st.dictionaries(keys, part) | st.lists(part)
    )
    payload = data.draw(st.dictionaries(keys, values))
    found = what(service, event, payload)
    assert all(isinstance(value, (str, bool)) for value in found)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"1",
        b'{"a": NaN}',
        b"\xff",
        b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"' + b'\\"' * 500_000,
        b"[]," * 300_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_nobody_sends_is_refused_at_once(body):
    began = time.process_time()
    with pytest.raises(Malformed):
        parsed(body, "application/json")
    assert time.process_time() - began < 5


def test_a_form_has_its_payload_in_a_field():
    assert parsed(b"payload=%7B%22a%22%3A1%7D", "application/x-www-form-urlencoded; charset=utf-8") == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "event", "happened", "reason"),
    [
        ({}, "push", What(branch="main"), ""),
        ({}, "issues", What(), "the event 'issues' is not wanted"),
        ({"enabled": False}, "push", What(), "the webhook is disabled"),
        ({}, "push", What(is_deleted=True), "what it tells of was deleted"),
        ({"events": ["pull_request"]}, "pull_request", What(is_fork=True), "it comes from a fork"),
        ({"events": ["pull_request"], "takes_forks": True}, "pull_request", What(is_fork=True), ""),
        ({"branches": ["main", "release/*"]}, "push", What(branch="release/1"), ""),
        ({"branches": ["main"]}, "push", What(branch="dev"), "the branch 'dev' is not wanted"),
        ({"branches": ["main"]}, "push", What(tag="v1"), "the tag 'v1' is not wanted"),
        ({"branches": ["main"], "tags": ["v*"]}, "push", What(tag="v1"), ""),
        ({"actions": ["opened"], "events": ["x"]}, "x", What(action="closed"), "the action 'closed' is not wanted"),
    ],
)
def test_a_webhook_launches_for_what_is_wanted(fields, event, happened, reason):
    assert why_not(webhook(**fields), event, happened, {}) == reason


def test_a_condition_looks_at_the_payload():
    hook = webhook(when="payload.sender == 'me' and branch.startswith('rel')")
    assert why_not(hook, "push", What(branch="rel"), {"sender": "me"}) == ""
    assert why_not(hook, "push", What(branch="rel"), {"sender": "{{ 1 }}"}) == "its condition does not hold"
    assert "cannot be told" in why_not(webhook(when="payload.none.at.all"), "push", What(), {})
    with pytest.raises(InvalidLaunch, match="when cannot be used"):
        Webhook.of(**{**dict(webhook()), "when": "payload."})


def test_the_variables_are_those_of_awx():
    found = variables_of("push", "g", What("c", status_api="https://x"), {"a": 1})
    assert found["awx_webhook_payload"] == {"a": 1}
    names = ("event_type", "event_guid", "event_ref", "status_api")
    assert [found[f"{whose}_webhook_{name}"] for whose in ("awx", "tower") for name in names] == [
        "push",
        "g",
        "c",
        "https://x",
    ] * 2
