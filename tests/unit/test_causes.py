# SPDX-License-Identifier: Apache-2.0
"""Why a job failed: each host and item once, what is said alike once."""

from __future__ import annotations

import shlex

import pytest

from forge_events.failures import advice, causes
from forge_events.jobs import Job, JobStatus
from tests.cli.story import NOON, Story


def failing(story, task, host, message, event="runner_on_failed", **data):
    story.begin(host, task)
    story.report(event, host, task, res={"msg": message}, **{"ignore_errors": False, "rescued": False, **data})


def told(story):
    return [(cause.task, cause.outcome, cause.message, cause.hosts) for cause in causes(story.events)]


@pytest.fixture
def story():
    story = Story()
    story.play("web")
    return story


def test_what_hosts_say_alike_is_told_once_whatever_they_are_called(story):
    task = story.task("install", path="/site.yml:7")
    for number in range(50):
        failing(story, task, f"web{number:02}", f"cannot write /srv/web{number:02}/x")
    failing(story, task, "db", "disk is full")
    assert [(hosts[0], len(hosts)) for _, _, _, hosts in told(story)] == [("web00", 50), ("db", 1)]
    assert [cause.message for cause in causes(story.events)] == ["cannot write /srv/web00/x", "disk is full"]


def test_what_was_ignored_or_rescued_is_no_cause(story):
    task = story.task("try")
    failing(story, task, "a", "ignored", ignore_errors=True)
    failing(story, task, "b", "rescued", rescued=True)
    failing(story, task, "c", "gone", "runner_on_unreachable")
    failing(story, task, "d", "let go", "runner_on_unreachable", ignore_unreachable=True)
    assert told(story) == [("try", "unreachable", "gone", ["c"])]


def test_items_stand_for_the_result_of_their_loop(story):
    task = story.task("loop")
    story.begin("a", task)
    for item in ("x", "y"):
        story.report("runner_item_on_failed", "a", task, res={"msg": "no", "item": item, "stderr": "why\nnot"})
    story.report("runner_on_failed", "a", task, res={"msg": "One or more items failed"})
    (cause,) = causes(story.events)
    assert [(failure.host, failure.item) for failure in cause.failures] == [("a", "x"), ("a", "y")]
    assert (cause.message, cause.detail) == ("no", ("stderr", "why\nnot"))


def test_items_of_an_ignored_loop_are_no_causes(story):
    task = story.task("loop")
    story.begin("a", task)
    story.report("runner_item_on_failed", "a", task, res={"msg": "no", "item": 1})
    story.report("runner_on_failed", "a", task, res={"msg": "One or more items failed"}, ignore_errors=True)
    assert told(story) == []


@pytest.mark.parametrize(
    ("result", "message", "detail"),
    [
        ({"msg": ["two", {"b": 1}]}, '["two", {"b": 1}]', ("", "")),
        ({"msg": "\x1b[31mred\x1b[0m\r\nlines\x00"}, "red\nlines", ("", "")),
        ({"censored": "hidden", "msg": "secret", "stderr": "secret"}, "hidden", ("", "")),
        ({"msg": "Assertion failed", "assertion": "a == 1"}, "Assertion failed: a == 1", ("", "")),
        ({"msg": "non-zero return code", "stdout": "\n".join("abcdefghijk")}, "non-zero return code", ("stdout", "d")),
        ({"msg": "fine words", "stdout": "much"}, "fine words", ("", "")),
        ({"msg": "x", "diff": {"before": "a\n", "after": "b\n"}}, "x", ("diff", "--- before")),
        ({"msg": "x", "diff": [{"prepared": "+b"}]}, "x", ("diff", "+b")),
        ("text alone", "text alone", ("", "")),
        (None, "runner_on_failed: [a]", ("", "")),
    ],
)
def test_a_message_is_text_whatever_a_module_says(story, result, message, detail):
    task = story.task("odd")
    story.begin("a", task)
    story.report("runner_on_failed", "a", task, res=result)
    (cause,) = causes(story.events)
    assert (cause.message, cause.detail.kind) == (message, detail[0])
    assert cause.detail.text.partition("\n")[0] == detail[1]


def job(**facts):
    return Job(**{"id": 7, "uuid": "u", "name": "n", "created": NOON, "status": JobStatus.FAILED, **facts})


def test_what_to_do_next_is_a_command_that_can_be_pasted():
    assert advice(job(launch_type="manual"), ["a"]) == "forge-events relaunch 7 --failed-hosts"
    recorded = job(command=["/bin/ansible-playbook", "my site.yml"])
    assert shlex.split(advice(recorded, ["a", "b"])) == [*recorded.command, "--limit", "a,b"]
    assert advice(recorded, [str(number) for number in range(21)]) == ""
    assert advice(job(command=["make"]), ["a"]) == ""
