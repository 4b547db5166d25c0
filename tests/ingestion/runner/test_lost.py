# SPDX-License-Identifier: Apache-2.0
"""What ansible-runner has thrown away is rebuilt from what is there or marked as lost."""

from __future__ import annotations

import json

import pytest

from tests.ingestion.runner.artifacts import PLAY, Artifact, whole
from tests.ingestion.runner.conftest import take

ABOUT = {"task": "t", "task_uuid": "02fc0000-0001-ffd6-5c82-0000000000aa", "task_action": "debug", "task_path": "/s:9"}


@pytest.fixture
def taken(tmp_path):
    return lambda artifact: take(artifact.folder, tmp_path / "events.db")


@pytest.fixture
def artifact(tmp_path):
    """Return an artifact with a task that a host has begun."""
    artifact = Artifact(tmp_path).root().play()
    artifact.event("playbook_on_task_start", ABOUT["task_uuid"], PLAY, **ABOUT, name="t", is_conditional=True)
    artifact.event("runner_on_start", "s", ABOUT["task_uuid"], **ABOUT, host="a")
    return artifact


def result(artifact: Artifact, event: str, text: str = "", **data) -> None:
    artifact.event(event, f"{event} {artifact.counter}", ABOUT["task_uuid"], text, **ABOUT, host="a", **data)


def test_the_second_start_of_a_handler_that_came_without_its_name_is_no_event(artifact, taken):
    second = artifact.event("x", ABOUT["task_uuid"], PLAY, "\r\nRUNNING HANDLER [t]\r\n")
    lines = json.loads(second.read_text())
    second.write_text(json.dumps({key: lines[key] for key in ("uuid", "counter", "stdout", "start_line", "end_line")}))
    result(artifact, "runner_on_ok", "ok: [a]\r\n", res={"changed": False})
    found = taken(artifact.stats().end())
    assert len(found.named("playbook_on_task_start")) == 1
    assert found.named("runner_on_ok")[0].stdout == "\nRUNNING HANDLER [t]\nok: [a]\n"


def test_another_event_without_its_name_is_a_message_that_says_so(artifact, taken):
    path = artifact.event("x", "unknown", PLAY, "what?\r\n")
    kept = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("event", "event_data")}
    path.write_text(json.dumps(kept))
    (message,) = taken(artifact.stats().end()).named("verbose")
    assert (message.stdout, message.event_data["lost"]) == ("what?\n", ["event", "event_data"])


def test_the_reason_of_a_skip_is_read_off_the_terminal_or_lost(artifact, taken):
    shown = '\x1b[0;36mskipping: [a] => {"changed": false, "skip_reason": "Conditional result was False"}\x1b[0m\r\n'
    result(artifact, "runner_on_skipped", shown)
    result(artifact, "runner_on_skipped", "skipping: [a]\r\n")
    told, lost = taken(artifact.stats().end()).named("runner_on_skipped")
    assert told.event_data["res"]["skip_reason"] == "Conditional result was False"
    assert (lost.event_data["lost"], "res" in lost.event_data) == (["res"], False)


def test_a_result_that_was_too_large_for_runner_is_lost(artifact, taken):
    result(artifact, "runner_on_ok", res={})
    assert taken(artifact.stats().end()).named("runner_on_ok")[0].event_data["lost"] == ["res"]


@pytest.mark.parametrize(
    ("counts", "rescued", "failed"),
    [
        ({"rescued": {"a": 1}}, [True], False),
        ({"failures": {"a": 1}}, [False], True),
        ({"rescued": {"a": 1}, "failures": {"a": 1}}, [True, False], True),
    ],
)
def test_whether_a_failure_was_rescued_is_read_off_the_statistics(artifact, taken, counts, rescued, failed):
    for _ in rescued:
        result(artifact, "runner_on_failed", res={"msg": "no"}, ignore_errors=None)
    found = taken(artifact.stats(**counts).end())
    assert [event.event_data["rescued"] for event in found.named("runner_on_failed")] == rescued
    assert found.events[0].failed is failed


def test_without_statistics_it_is_lost(artifact, taken):
    result(artifact, "runner_on_failed", res={"msg": "no"}, ignore_errors=None)
    found = taken(artifact.end("failed", 2))
    assert found.named("runner_on_failed")[0].event_data["lost"] == ["rescued"]
    assert (found.job.status.value, found.job.job_explanation) == (
        "failed",
        "Ansible ended with exit code 2 without the statistics that close a playbook",
    )


@pytest.mark.parametrize("is_ignored", [True, False])
def test_an_item_that_failed_counts_by_the_result_of_its_task(artifact, taken, is_ignored):
    result(artifact, "runner_item_on_failed", res={"msg": "no", "item": 1})
    result(artifact, "runner_on_failed", res={"msg": "no"}, ignore_errors=is_ignored)
    found = taken(artifact.stats(failures={} if is_ignored else {"a": 1}).end())
    assert found.named("runner_item_on_failed")[0].failed is True
    assert found.named("playbook_on_task_start")[0].failed is not is_ignored


def test_an_unreachable_host_that_is_ignored_is_read_off_the_terminal(artifact, taken):
    result(artifact, "runner_on_unreachable", "fatal: [a]: UNREACHABLE! => {}\r\n...ignoring\r\n", res={"a": 1})
    found = taken(artifact.stats().end())
    assert found.named("runner_on_unreachable")[0].event_data["ignore_errors"] is True
    assert found.events[0].failed is False


def test_events_without_their_data_keep_their_places(tmp_path, taken):
    artifact = whole(tmp_path)
    for path in (artifact.folder / "job_events").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), "event_data": {}}))
    found = taken(artifact)
    assert [event.event for event in found.events].count("playbook_on_task_start") == 1
    assert all("event_data" in event.event_data["lost"] for event in found.events if event.event.startswith("runner"))


def test_an_event_of_a_newer_runner_keeps_its_place(artifact, taken):
    result(artifact, "runner_on_tomorrow", "new\r\n")
    (message,) = taken(artifact.stats().end()).named("verbose")
    assert (message.event_data["unknown_event"], message.stdout) == ("runner_on_tomorrow", "new\n")
