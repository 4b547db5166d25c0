# SPDX-License-Identifier: Apache-2.0
"""Nothing secret that ansible-runner writes down is copied."""

from __future__ import annotations

import pytest

from tests.ingestion.runner.artifacts import Artifact, whole
from tests.ingestion.runner.conftest import take

ENVIRONMENT = {
    "HOME": "/home/me",
    "DB_PASSWORD": "hush",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "GITHUB_TOKEN": "hush",
    "PROXY": "http://me:hush@proxy/",
}
COMMANDS = (
    ["ansible-playbook", "-e", "password=hush", "site.yml"],
    ["podman", "run", "-e", "TOKEN=hush", "image", "ansible-playbook", "site.yml"],
    ["ssh-agent", "sh", "-c", "ssh-add /key && ansible-playbook -e 'password=hush x=hush' site.yml"],
    ["ansible-playbook", "-i", "https://me:hush@inventory/", "site.yml"],
)


@pytest.fixture
def kept(tmp_path):
    """Ingest an artifact and return it with all bytes that the database holds."""

    def read(artifact: Artifact, **wishes):
        found = take(artifact.folder, tmp_path / "events.db", **wishes)
        return found, b"".join(path.read_bytes() for path in tmp_path.glob("events.db*"))

    return read


@pytest.mark.parametrize("command", COMMANDS)
def test_neither_the_environment_nor_secrets_of_the_command_are_copied(kept, tmp_path, command):
    found, data = kept(whole(tmp_path).command(command=command, cwd="/srv", env=ENVIRONMENT))
    assert b"hush" not in data
    assert b"/home/me" not in data
    assert found.job.command[0] == command[0]
    assert "ansible-playbook" in " ".join(found.job.command)


def test_an_environment_that_is_asked_for_comes_without_what_looks_like_a_secret(kept, tmp_path):
    artifact = whole(tmp_path).command(command=["ansible-playbook", "site.yml"], cwd="/srv", env=ENVIRONMENT)
    found, data = kept(artifact, keeps_environment=True)
    assert b"hush" not in data
    assert found.events[0].event_data["environment"] == {
        "HOME": "/home/me",
        "DB_PASSWORD": "********",
        "AWS_SECRET_ACCESS_KEY": "********",
        "GITHUB_TOKEN": "********",
        "PROXY": "http://********@proxy/",
    }


def test_files_beside_the_artifact_are_not_read(kept, tmp_path):
    artifact = whole(tmp_path / "artifacts")
    for name in ("env/passwords", "env/envvars", "env/ssh_key", "artifacts/job/env.list", "artifacts/job/fact_cache/h"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("hush")
    _found, data = kept(artifact)
    assert b"hush" not in data


@pytest.mark.parametrize(
    "result",
    [
        {"changed": True, "_ansible_no_log": True, "stdout": "hush"},
        {"results": [{"_ansible_no_log": True, "item": "hush"}, {"item": 1}]},
        {"ansible_facts": {"ansible_env": {"TOKEN": "hush"}, "a": 1}},
        {"results": [{"deep": {"_ansible_no_log": True, "x": "hush"}, "_ansible_no_log": True}]},
    ],
)
def test_results_that_runner_let_through_are_censored(kept, tmp_path, result):
    _found, data = kept(Artifact(tmp_path).root().play().task(10, "a", result=result).stats().end())
    assert b"hush" not in data


def test_what_set_stats_made_under_no_log_and_a_prompts_default_are_left_out(kept, tmp_path):
    artifact = Artifact(tmp_path).root()
    artifact.event("playbook_on_vars_prompt", "p", artifact.playbook, varname="v", private=True, default="hush")
    artifact.play()
    artifact.event(
        "runner_on_ok", "r", "t", host="a", task_uuid="t", task_action="set_stats", res={"censored": "x", "changed": 1}
    )
    found, data = kept(artifact.stats(artifact_data={"token": "hush"}).end())
    assert b"hush" not in data
    assert "censored" in found.events[-1].event_data["artifact_data"]


def test_a_poll_does_not_tell_the_item_of_a_loop(kept, tmp_path):
    artifact = Artifact(tmp_path).root().play()
    poll = {"item": "hush", "_ansible_item_label": "hush", "ansible_job_id": "j1", "started": 1}
    artifact.event("runner_on_async_poll", "r", "t", host="a", task_uuid="t", res=poll)
    found, data = kept(artifact.stats().end())
    assert b"hush" not in data
    assert found.named("runner_on_async_poll")[0].event_data["res"] == {"ansible_job_id": "j1", "started": 1}
