# SPDX-License-Identifier: Apache-2.0
"""What ansible-runner says of a playbook becomes the very tree that the callback records of it."""

from __future__ import annotations

import pytest

from forge_events.jobs import JobStatus
from tests.ingestion.runner.conftest import run, without_source

WAYS = ("run", "run_async", "process")
PLAYBOOKS = {
    "handlers": ["handlers.yml"],
    "handlers in batches": ["handlers.yml", "batch=1"],
    "everything that is printed": ["terminal.yml"],
    "linear": ["strategies.yml"],
    "free": ["strategies.yml", "strategy=free"],
    "host_pinned": ["strategies.yml", "strategy=host_pinned"],
    "serial": ["strategies.yml", "batch=1"],
    "free in batches": ["strategies.yml", "strategy=free", "batch=2"],
}
# Each of the others is run in one way by `make test`, and in every way by the long campaign.
SHORT = {
    ("run", "handlers in batches"),
    ("run", "free"),
    ("run", "serial"),
    ("run_async", "handlers"),
    ("run_async", "host_pinned"),
    ("process", "everything that is printed"),
}
CASES = [
    pytest.param(way, name, marks=[pytest.mark.full] * ((way, name) not in SHORT), id=f"{name} by {way}")
    for way in WAYS
    for name in PLAYBOOKS
]


@pytest.mark.parametrize(("way", "name"), CASES)
def test_the_record_is_the_one_of_the_callback(way, name, tmp_path):
    playbook, *variables = PLAYBOOKS[name]
    ran = run(tmp_path, way, playbook, *variables, f"target={tmp_path}")
    callback, live, artifact = ran.take("callback"), ran.take("live"), ran.take(ran.private_data_dir.name)

    assert artifact.shape() == callback.shape()
    assert live.shape() == callback.shape()
    for taken in (live, artifact):
        assert taken.problems == []
        assert without_source(taken.stdout) == without_source(taken.early + callback.stdout)
        assert taken.job.status is (JobStatus.FAILED if playbook == "terminal.yml" else JobStatus.SUCCESSFUL)
        assert taken.job.name == playbook
    if way == "process":
        stream = ran.take("stream.jsonl")
        assert stream.shape() == live.shape()
        assert stream.job.uuid == live.job.uuid
        assert stream.job.rc == artifact.job.rc
    assert artifact.job.uuid == live.job.uuid
    assert [event.uuid for event in artifact.events] == [event.uuid for event in live.events]
