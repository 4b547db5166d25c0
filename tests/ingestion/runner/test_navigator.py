# SPDX-License-Identifier: Apache-2.0
"""The playbook artifact of ansible-navigator becomes the job that it is left of."""

from __future__ import annotations

import json

import pytest

from forge_events.jobs import JobStatus
from tests.ingestion.runner.conftest import take

BASE = {"playbook": "/srv/site.yml", "playbook_uuid": "pb", "play": "p", "play_uuid": "play", "play_pattern": "all"}


def entry(task: str, host: str, result: str, **more):
    """Return what navigator keeps of one host and task: runner's data with keys of its own."""
    return {
        **BASE,
        "task": task,
        "task_uuid": f"uuid of {task}",
        "task_action": "debug",
        "host": host,
        "uuid": f"{task} {host}",
        "start": "2026-01-02T12:00:00+00:00",
        "end": "2026-01-02T12:00:01+00:00",
        "res": {"changed": False, "msg": "m"},
        "__result": result,
        "__task": task,
        "__host": host,
        "__number": 0,
        **more,
    }


def artifact(version="2.0.0", status="failed", **more):
    tasks = [
        entry("one", "a", "Ok"),
        entry("one", "b", "Skipped"),
        entry("two", "a", "Ignored"),
        entry("two", "b", "Failed"),
        entry("two", "c", "Unreachable"),
        entry("three", "a", "In progress"),
    ]
    play = {**BASE, "name": "p", "pattern": "all", "uuid": "play", "__play_name": "p", "tasks": tasks}
    settings = {"ansible-navigator": {"ansible": {"playbook": {"path": "site.yml"}}}}
    return {
        "version": version,
        "plays": [play],
        "stdout": ["PLAY [p]", "", "ok: [a]"],
        "status": status,
        "status_color": 9,
        "settings_entries": settings,
        **more,
    }


@pytest.fixture
def taken(tmp_path):
    def read(value):
        path = tmp_path / "site-artifact.json"
        path.write_text(json.dumps(value, indent=2))
        return take(path, tmp_path / "events.db")

    return read


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_plays_tasks_and_results_are_there(taken, version):
    found = taken(artifact(version))
    assert found.problems == []
    assert (found.job.status, found.job.name) == (JobStatus.FAILED, "site.yml")
    assert found.job.command == ["ansible-navigator", "run", "site.yml"]
    results = [(e.event, e.host_name, e.task) for e in found.events if e.event.startswith("runner_on_")]
    assert [result for result in results if result[0] != "runner_on_start"] == [
        ("runner_on_ok", "a", "one"),
        ("runner_on_skipped", "b", "one"),
        ("runner_on_failed", "a", "two"),
        ("runner_on_failed", "b", "two"),
        ("runner_on_unreachable", "c", "two"),
    ]
    assert [event.event_data["name"] for event in found.named("playbook_on_task_start")] == ["one", "two", "three"]
    assert [event.event_data.get("ignore_errors") for event in found.named("runner_on_failed")] == [True, None]
    assert found.stdout == "PLAY [p]\n\nok: [a]\n"
    assert not any(key.startswith("__") for event in found.events for key in event.event_data)


def test_the_same_artifact_twice_is_one_job(taken):
    first, second = taken(artifact()), taken(artifact())
    assert (second.counts, second.job.id) == ([0], first.job.id)
    assert taken(artifact(status="successful")).job.id != first.job.id


def test_a_playbook_that_was_not_found_is_an_error_with_what_was_shown(taken):
    shown = "\x1b[0;31mERROR! the playbook: site.yml could not be found\x1b[0m"
    found = taken(artifact(plays=[], stdout=[shown]))
    assert found.job.status is JobStatus.ERROR
    assert found.stdout == f"{shown}\n"
    assert found.job.job_explanation == "ERROR! the playbook: site.yml could not be found"


@pytest.mark.parametrize("odd", [{"plays": [1, {"tasks": 5}, {"tasks": [None, {}]}]}, {"stdout": [None, 5, {}]}])
def test_nonsense_in_it_is_left_out(taken, odd):
    assert taken(artifact(**odd)).events[0].event == "playbook_on_start"
